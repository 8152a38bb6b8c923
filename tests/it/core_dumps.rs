//! What the program keeps in memory stays there.

use std::os::unix::fs::MetadataExt;

use zoom_archiver::simulator::Matcher;

use crate::support::{MIB, Service, meeting, zoom_with};

#[tokio::test]
async fn l5_a_crash_leaves_no_core_and_no_other_process_reads_the_memory() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::list());
    let running = service.start_as_nobodys_group(&["once"]);
    hold.reached().await;

    let limits = std::fs::read_to_string(running.in_proc("limits")).unwrap();
    let proc = std::fs::metadata(running.in_proc("status")).unwrap();

    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"]);
    // What belongs to a process that can't be dumped belongs to the superuser (proc(5)).
    assert_eq!((proc.uid(), proc.gid()), (0, 0));
    hold.release();
    running.ended().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}
