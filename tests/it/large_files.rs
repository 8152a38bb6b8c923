//! Files of any size: larger than 32 bits count, larger than a float counts, and none at all.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use serde_json::json;
use zoom_archiver::simulator::{Endpoint, FileSpec, Matcher};

use crate::support::{MIB, Service, file_of, folder, meeting_at, minute, zoom_with};

const GIB: u64 = 1 << 30;
/// How much of each file is still to come.
const REST: u64 = 24 * MIB;
/// So many bytes before its end are compared where nothing tells which version of the file a part is of.
const PROOF: u64 = 64 << 10;
/// More than the program takes with four downloads under way, less than if it kept what has come of them.
const LITTLE: u64 = 64 * MIB;

/// The uuid, the hour and the size of each meeting's video: the box that holds the bytes has a size of 64 bits.
const VIDEOS: [(&str, i64, u64); 4] =
    [("a==", 9, 4 * GIB + 1), ("b==", 8, 4 * GIB + 99 * MIB), ("c==", 7, 5 * GIB), ("d==", 6, 9 * GIB + 7)];

#[tokio::test]
async fn four_files_of_over_four_gibibytes_are_fetched_at_once_in_little_memory() {
    let zoom =
        zoom_with(VIDEOS.map(|(uuid, hours, size)| meeting_at(uuid, hours, 0).video("gallery_view", size))).await;
    let service = Service::on(&zoom).set("download.workers", 4).set("download.attempts", 1);
    let mut holds = Vec::new();
    for (uuid, hours, size) in VIDEOS {
        let id = file_of(&zoom, uuid, "gallery_view");
        let part = service.archived(&format!("{}/gallery_view.mp4.part", folder(minute(hours))));
        std::fs::create_dir_all(part.parent().unwrap()).unwrap();
        zoom.write_start_of(&id, 4096, &part).unwrap();
        let file = OpenOptions::new().write(true).open(&part).unwrap();
        file.write_all_at(
            &zoom.bytes_of(&id, size - REST - PROOF, usize::try_from(PROOF).unwrap()).unwrap(),
            size - REST - PROOF,
        )
        .unwrap();
        holds.push(zoom.hold(Matcher::media().file(&id), 20 * MIB));
    }
    let running = service.start(&["once"]);
    for hold in &holds {
        hold.reached().await;
    }
    for (_, hours, size) in VIDEOS {
        let part = service.archived(&format!("{}/gallery_view.mp4.part", folder(minute(hours))));
        let len = || std::fs::metadata(&part).map_or(0, |meta| meta.len());
        service.until("most of it is on the disk", |_| len() >= size - REST + 18 * MIB).await;
    }

    let peak = running.peak_memory();

    assert!(peak < LITTLE, "{} KiB", peak >> 10);
    holds.iter().for_each(zoom_archiver::simulator::Hold::release);
    running.ended().await.with(0);
    for (uuid, _, size) in VIDEOS {
        let id = file_of(&zoom, uuid, "gallery_view");
        let file = std::fs::File::open(service.recorded(uuid, "gallery_view.mp4")).unwrap();
        assert_eq!(file.metadata().unwrap().len(), size, "{uuid}");
        let wanted = zoom.bytes_of(&id, size - REST, usize::try_from(REST).unwrap()).unwrap();
        let mut real = vec![0; wanted.len()];
        file.read_exact_at(&mut real, size - REST).unwrap();
        assert!(real == wanted, "{uuid}: other bytes");
        assert_eq!(service.row(uuid)["bytes"], size.to_string());
        assert_eq!(zoom.journal().ranges_of(&id), [Some(format!("bytes={}-", size - REST - PROOF).as_str())]);
    }
}

#[tokio::test]
async fn d13_a_size_beyond_what_a_float_holds_is_told_to_the_byte_and_holds_up_no_other_file() {
    const BEYOND: u64 = (1 << 53) + 1;
    let zoom = zoom_with([
        meeting_at("number==", 9, 0).file(FileSpec::video("gallery_view", MIB).listed_size(BEYOND)),
        meeting_at("text==", 8, 0)
            .file(FileSpec::video("gallery_view", MIB).set("file_size", json!(BEYOND.to_string()))),
        meeting_at("most==", 7, 0).file(FileSpec::video("gallery_view", MIB).listed_size(u64::MAX)),
        meeting_at("small==", 6, 0).video("gallery_view", MIB),
    ])
    .await;
    let service = Service::on(&zoom);

    service.once().await.with(1).says("3 files don't fit on the disk");

    service.has_whole(&zoom, "small==", "gallery_view");
    let listed = service.run(&["list", "--json"]).await.with(0).stdout;
    assert_eq!(listed.matches(&format!("\"size\": {BEYOND},")).count(), 2, "{listed}");
    service.run(&["list"]).await.with(0);
    assert_eq!(zoom.journal().to(Endpoint::Media).count(), 1);
    for uuid in ["number==", "text==", "most=="] {
        let file = file_of(&zoom, uuid, "gallery_view");
        zoom.change_file(&file, |file| file.listed_size(MIB)).unwrap();
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d13_a_file_of_size_0_is_not_ready_though_zoom_calls_it_completed() {
    let zoom = zoom_with([meeting_at("a==", 5, 0).file(FileSpec::video("gallery_view", MIB).listed_size(0))]).await;
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert_eq!(zoom.journal().to(Endpoint::DownloadEntry).count(), 0);
    assert_eq!(service.pending("a==")["why"], "processing");
    zoom.change_file(&file, |file| file.listed_size(MIB)).unwrap();
    service.once().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}
