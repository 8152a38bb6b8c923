//! The power goes out: what had not been synced is gone from the disk, for real, on an ext4 file system of the test's own.
//!
//! A kill leaves all that was written to the kernel; a power cut does not. These tests need root and a loop device, and
//! are skipped elsewhere, which they say.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::XattrFlags;
use tempfile::TempDir;
use zoom_archiver::simulator::Matcher;

use super::crashes::go_on_after_a_kill;
use super::{calls_of_a_run, service_after_it, service_on, swept, zoom};
use crate::support::meddling::{Meddling, POWERCUT};
use crate::support::{MIB, Service, file_of, meeting, skipped, zoom_with};

/// At each multiple of this a part is synced before it grows beyond.
const MARK: u64 = 64 * MIB;

/// A disk whose power can be cut.
struct Disk {
    folder: TempDir,
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl Disk {
    fn new() -> Result<Self, String> {
        POWERCUT.as_ref().map_err(Clone::clone)?;
        let disk = Self { folder: tempfile::tempdir().map_err(|error| error.to_string())? };
        std::fs::create_dir(disk.path()).map_err(|error| error.to_string())?;
        let image = std::fs::File::create(disk.image()).map_err(|error| error.to_string())?;
        image.set_len(320 * MIB).map_err(|error| error.to_string())?;
        run("mkfs.ext4", &["-q", "-E", "lazy_itable_init=0", &disk.image()])?;
        disk.mount()?;
        Ok(disk)
    }

    fn image(&self) -> String {
        self.folder.path().join("image").display().to_string()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn mount(&self) -> Result<(), String> {
        run("mount", &["-o", "loop", &self.image(), &self.path().display().to_string()])
    }

    fn unmount(&self) -> Result<(), String> {
        run("umount", &[&self.path().display().to_string()])
    }

    /// Makes what the test itself has put there lasting.
    fn sync(&self) {
        run("sync", &["--file-system", &self.path().display().to_string()]).expect("it can be synced");
    }

    /// Cuts the power, and starts the machine again.
    fn cut_power(&self) {
        let powercut = POWERCUT.as_ref().expect("it was built for this disk").display().to_string();
        run(&powercut, &[&self.path().display().to_string()]).expect("the power can be cut");
        self.unmount().and_then(|()| self.mount()).expect("it can be mounted again");
        forget_the_boot(&self.path());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Where a test has failed with something still at work there, it goes once that has ended.
        run("umount", &["--lazy", &self.path().display().to_string()]).ok();
    }
}

/// Makes all parts ones of an earlier run of the machine, which has not really been started again.
fn forget_the_boot(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            forget_the_boot(&path);
        } else if path.extension().is_some_and(|extension| extension == "part") {
            let name = "user.zoom_archiver.boot";
            rustix::fs::setxattr(&path, name, b"an earlier one", XattrFlags::empty()).expect("ext4 has attributes");
        }
    }
}

/// A disk, or a word on why there is none.
fn disk() -> Option<Disk> {
    Disk::new().map_err(|why| skipped(&why)).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_c2_the_power_cut_before_any_call_costs_nothing_that_was_said_to_be_done() {
    let Some(calls) = calls_of_a_run().await else { return };
    for call in swept(calls, 9) {
        let Some(disk) = disk() else { return };
        let zoom = zoom(false).await;
        let service = service_after_it(&zoom, &disk.path()).await;
        disk.sync();
        let ended = service.start_meddled(Meddling::KillBefore(call), &["once"]).ended().await;
        disk.cut_power();
        if ended.code.is_none() {
            go_on_after_a_kill(&zoom, &service).await;
        }
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn p4_all_is_on_the_disk_when_a_run_says_that_it_is_done() {
    let Some(disk) = disk() else { return };
    let zoom = zoom(false).await;
    let service = service_on(&zoom, &disk.path());
    disk.sync();
    service.once().await.with(0);
    let recorded = service.recorded_uuids();

    disk.cut_power();

    assert_eq!(service.recorded_uuids(), recorded);
    assert_eq!(recorded.len(), 3);
    for (uuid, kind) in [("archived==", "gallery_view"), ("new==", "shared_screen")] {
        service.has_whole(&zoom, uuid, kind);
    }
    let before = zoom.journal().entries().count();
    service.once().await.with(0);
    let fetched = zoom.journal().entries().skip(before).filter(|entry| entry.file.is_some()).count();
    assert_eq!(fetched, 0, "nothing had to be fetched again");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p2_a_part_is_trusted_up_to_a_synced_mark_after_the_power_was_cut() {
    let Some(disk) = disk() else { return };
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 150 * MIB)]).await;
    let service = Service::on_disk(&zoom, &disk.path());
    let hold = zoom.hold(Matcher::media(), 140 * MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until_part_has(139 * MIB).await;
    running.kill().await;
    hold.release();

    disk.cut_power();
    service.once().await.with(0);

    // A part that ends with a mark may have been cut off before that was synced.
    let marks = [MARK, 2 * MARK].map(|mark| Some(format!("bytes={mark}-")));
    let (journal, file) = (zoom.journal(), file_of(&zoom, "a==", "gallery_view"));
    let range = journal.ranges_of(&file).pop().flatten().map(str::to_owned);
    assert!(marks.contains(&range), "{range:?}");
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c2_a_row_that_was_never_synced_leaves_nuls_and_costs_no_other_row() {
    let Some(disk) = disk() else { return };
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await;
    let service = Service::on_disk(&zoom, &disk.path());
    service.once().await.with(0);
    disk.sync();
    let mut tracker = OpenOptions::new().append(true).open(service.path("processed.csv")).unwrap();
    tracker.write_all(b"2026-01-01T00:00:00Z,noted-by-another==,1,Another,,,,downloaded,0,0,,,,\n").unwrap();
    drop(tracker);

    disk.cut_power();
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", 4096));
    service.once().await.with(0);

    let uuids: Vec<_> = service.rows_if_any().into_iter().map(|row| row["meeting_uuid"].clone()).collect();
    assert!(uuids.contains(&"a==".to_owned()) && uuids.contains(&"b==".to_owned()), "{uuids:?}");
    service.keeps_its_promises(&zoom).await;
}
