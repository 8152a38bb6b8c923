//! How much memory the program takes, where there is much to do.

use serde_json::Value;
use zoom_archiver::simulator::{Simulator, World};

use crate::support::{Service, now, zoom_of};

/// The most memory, in bytes, that a service takes for a year of so many meetings, from its start until it is idle.
async fn peak_of_a_service(count: u32, prepare: &impl AsyncFn(&Simulator, Service) -> Service) -> u64 {
    let zoom = zoom_of(World::year_of_meetings(now(), count)).await;
    let service = prepare(&zoom, Service::on(&zoom)).await;
    let running = service.run_daemon();
    service.until("it has polled", |service| service.status()["last_poll"]["seen"] == count).await;
    service.until_state_is("idle").await;
    let peak = running.peak_memory();
    running.stop().await;
    peak
}

async fn left_out(_: &Simulator, service: Service) -> Service {
    service.set("select.min_minutes", 10_000)
}

async fn without_room(_: &Simulator, service: Service) -> Service {
    service.set("download.min_free_space", "900 TiB")
}

/// Rows and folders of all meetings, as if they had been archived.
async fn recorded(_: &Simulator, service: Service) -> Service {
    let listed = service.run(&["list", "--json"]).await.with(0);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let mut tracker = csv::Writer::from_path(service.path("processed.csv")).expect("the tracker is made");
    tracker.write_record(["meeting_uuid", "status", "directory", "file_ids"]).expect("it is written");
    for mut meeting in listed["meetings"].as_array().expect("a list").iter().cloned() {
        let directory = meeting["directory"].as_str().expect("text").to_owned();
        let folder = service.archived(&directory);
        std::fs::create_dir_all(&folder).expect("the folder is made");
        let mut ids = Vec::new();
        for file in meeting["files"].as_array_mut().expect("a list") {
            ids.push(file["id"].as_str().expect("text").to_owned());
            file["state"] = "whole".into();
        }
        std::fs::write(folder.join("meeting.json"), meeting.to_string()).expect("it is written");
        let uuid = meeting["uuid"].as_str().expect("text");
        tracker.write_record([uuid, "downloaded", &directory, &ids.join(" ")]).expect("it is written");
    }
    tracker.flush().expect("it is written");
    std::fs::write(service.archived(".zoom-archiver"), "").expect("the archive is marked");
    service
}

/// Fails the test unless each further meeting of a year costs less than this, in bytes.
async fn each_meeting_costs_less_than(bytes: u64, count: u32, prepare: impl AsyncFn(&Simulator, Service) -> Service) {
    const FEW: u32 = 100;
    let few = peak_of_a_service(FEW, &prepare).await;
    let many = peak_of_a_service(count, &prepare).await;
    let each = many.saturating_sub(few) / u64::from(count - FEW);
    assert!(each < bytes, "{} KiB with {FEW} meetings, {} KiB with {count}: {each} bytes each", few >> 10, many >> 10);
}

#[tokio::test]
async fn ten_thousand_meetings_that_wait_for_room_on_the_disk_take_little_memory() {
    each_meeting_costs_less_than(14 << 10, 10_000, without_room).await;
}

#[tokio::test]
async fn meetings_that_are_left_out_take_little_memory() {
    each_meeting_costs_less_than(6 << 10, 3_000, left_out).await;
}

#[tokio::test]
async fn meetings_that_are_recorded_take_little_memory() {
    each_meeting_costs_less_than(10 << 10, 3_000, recorded).await;
}
