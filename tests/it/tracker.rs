//! The tracker as people edit it, and files and rows that they removed.

use zoom_archiver::simulator::Simulator;

use crate::support::{Service, asked, folder, meeting, meeting_at, minute, zoom_with};

/// A service that has archived one meeting of one video, and its Zoom.
async fn archived() -> (Simulator, Service) {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    (zoom, service)
}

#[tokio::test]
async fn a_row_says_all_that_is_promised_of_it() {
    let (zoom, service) = archived().await;

    let row = service.row("a==");

    let start = minute(5);
    assert_eq!(row["start_time"], start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    assert_eq!(row["directory"], folder(start));
    assert_eq!(row["file_ids"], zoom.file("a==", "gallery_view").unwrap());
    for (column, cell) in [
        ("topic", "Weekly class"),
        ("duration_min", "45"),
        ("user", "me"),
        ("status", "downloaded"),
        ("files", "1"),
        ("bytes", "4096"),
        ("best_file", "gallery_view.mp4"),
        ("youtube_id", ""),
    ] {
        assert_eq!(row[column], cell, "{column}");
    }
    let recorded_at: chrono::DateTime<chrono::Utc> = row["recorded_at"].parse().unwrap();
    assert!(recorded_at > start);
}

#[tokio::test]
async fn the_columns_are_those_that_scripts_rely_on() {
    let (_zoom, service) = archived().await;
    assert_eq!(
        service.text("processed.csv").lines().next(),
        Some(
            "recorded_at,meeting_uuid,meeting_id,topic,start_time,duration_min,user,status,files,bytes,directory,best_file,youtube_id,file_ids"
        )
    );
}

#[tokio::test]
async fn a_file_that_somebody_deleted_is_not_fetched_again() {
    let (zoom, service) = archived().await;
    let before = asked(&zoom)[2];
    std::fs::remove_file(service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))))).unwrap();

    service.once().await.with(0);

    assert_eq!(asked(&zoom)[2], before);
    assert_eq!(service.rows().len(), 1);
}

#[tokio::test]
async fn a_folder_that_somebody_deleted_is_not_fetched_again() {
    let (zoom, service) = archived().await;
    let before = asked(&zoom)[2];
    std::fs::remove_dir_all(service.archived(&folder(minute(5)))).unwrap();

    service.once().await.with(0);

    assert_eq!(asked(&zoom)[2], before);
    assert_eq!(service.rows().len(), 1);
}

#[tokio::test]
async fn a_row_that_somebody_deleted_is_written_again_without_a_download() {
    let (zoom, service) = archived().await;
    let before = asked(&zoom)[2];
    let text = service.text("processed.csv");
    let header = text.lines().next().unwrap();
    std::fs::write(service.path("processed.csv"), format!("{header}\n")).unwrap();

    service.once().await.with(0);

    assert_eq!(asked(&zoom)[2], before);
    let row = service.row("a==");
    assert_eq!((row["files"].as_str(), row["bytes"].as_str()), ("1", "4096"));
    assert_eq!(row["directory"], folder(minute(5)));
}

#[tokio::test]
async fn a_tracker_that_somebody_deleted_is_written_again_without_a_download() {
    let (zoom, service) = archived().await;
    let before = asked(&zoom)[2];
    std::fs::remove_file(service.path("processed.csv")).unwrap();

    service.once().await.with(0);

    assert_eq!(asked(&zoom)[2], before);
    assert_eq!(service.recorded_uuids(), ["a=="]);
}

#[tokio::test]
async fn c3_a_tracker_that_a_spreadsheet_saved_in_its_own_style_is_understood_and_appended_to_in_that_style() {
    let (zoom, service) = archived().await;
    let before = asked(&zoom)[2];
    let theirs = service.text("processed.csv").replace(',', ";").replace('\n', "\r\n");
    std::fs::write(service.path("processed.csv"), &theirs).unwrap();
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", 4096));

    service.once().await.with(0);

    let text = service.text("processed.csv");
    let added = text.strip_prefix(&theirs).expect("what was there stays as it was");
    assert_eq!(added.matches("\r\n").count(), 1);
    assert_eq!(added.matches('\n').count(), 1);
    assert_eq!(added.matches(';').count(), 13, "{added}");
    assert!(added.contains(";b==;"), "{added}");
    assert_eq!(asked(&zoom)[2], before + 1, "the archived meeting was recognized");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c3_rows_that_somebody_sorted_mean_the_same() {
    let zoom = zoom_with((1..4).map(|n| meeting(&format!("{n}=="), n).video("gallery_view", 4096))).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let before = asked(&zoom)[2];
    let text = service.text("processed.csv");
    let (header, rows) = text.split_once('\n').unwrap();
    let reversed: Vec<_> = rows.lines().rev().collect();
    std::fs::write(service.path("processed.csv"), format!("{header}\n{}\n", reversed.join("\n"))).unwrap();

    service.once().await.with(0);

    assert_eq!(asked(&zoom)[2], before);
    assert_eq!(service.rows().len(), 3);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c1_a_last_line_that_a_power_cut_tore_is_ended_and_costs_no_other_row() {
    let (zoom, service) = archived().await;
    let torn = format!("{}2025-12-02T17:29:28Z,torn==,12", service.text("processed.csv"));
    std::fs::write(service.path("processed.csv"), &torn).unwrap();
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", 4096));

    service.once().await.with(0);

    let text = service.text("processed.csv");
    let added = text.strip_prefix(&torn).expect("what was there stays as it was");
    assert!(added.starts_with('\n') && added.contains(",b==,"), "{added:?}");
    let log = service.log();
    let told = log.lines().find(|line| line.contains("the header has 14 cells, the row 3")).expect("it is told");
    assert!(
        told.contains("processed.csv: line 3: ") && told.contains("; look at line 3: mend it or delete it"),
        "{told}"
    );
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c10_a_topic_that_a_spreadsheet_would_take_for_a_formula_is_made_harmless() {
    let topic = "=HYPERLINK(\"http://example.com\")";
    let zoom = zoom_with([meeting("a==", 5).topic(topic).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let cell = &service.row("a==")["topic"];
    assert!(!cell.starts_with('=') && cell.ends_with(topic), "{cell}");
    service.keeps_its_promises(&zoom).await;
}
