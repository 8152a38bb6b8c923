//! What others put, leave, look for or take away in the folders of a service.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use zoom_archiver::simulator::{Matcher, Simulator};

use crate::support::{MIB, Service, folder, meeting, meeting_at, minute, skipped, zoom_with};

async fn zoom_with_a_video() -> Simulator {
    zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 2 * MIB)]).await
}

/// The meeting's folder, made before the service makes it.
fn folder_of_the_meeting(service: &Service) -> PathBuf {
    let folder = service.archived(&folder(minute(5)));
    std::fs::create_dir_all(&folder).expect("the folder is made");
    folder
}

fn precious(service: &Service) -> PathBuf {
    let path = service.path("precious");
    std::fs::write(&path, "precious").expect("it is written");
    path
}

/// Makes something that is no file; `false` where that is not permitted.
fn made_by(command: &str, path: &Path, rest: &[&str]) -> bool {
    let is_made = Command::new(command).arg(path).args(rest).status().is_ok_and(|status| status.success());
    if !is_made {
        skipped(&format!("{command} is not permitted"));
    }
    is_made
}

/// Puts something in a place, which may lead to what is precious; `false` where that is not permitted.
type Plant = fn(&Path, &Path) -> bool;

#[tokio::test]
async fn l2_l4_whatever_else_has_a_parts_name_is_neither_followed_nor_written_to() {
    let kinds: [(&str, Plant); 5] = [
        ("a link", |place, precious| symlink(precious, place).is_ok()),
        ("a hard link", |place, precious| std::fs::hard_link(precious, place).is_ok()),
        ("a FIFO", |place, _| made_by("mkfifo", place, &[])),
        ("a device", |place, _| made_by("mknod", place, &["c", "1", "3"])),
        ("a folder", |place, _| std::fs::create_dir(place).is_ok()),
    ];
    for (kind, plant) in kinds {
        let zoom = zoom_with_a_video().await;
        let service = Service::on(&zoom).set("download.attempts", 1);
        let precious = precious(&service);
        let place = folder_of_the_meeting(&service).join("gallery_view.mp4.part");
        if !plant(&place, &precious) {
            continue;
        }

        let ended = service.once().await.with(1);

        assert!(ended.stderr.contains("gallery_view.mp4.part"), "{kind}: {}", ended.stderr);
        assert_eq!(std::fs::read(&precious).unwrap(), b"precious", "{kind}");
        assert!(place.symlink_metadata().is_ok(), "{kind} is still there");
        assert_eq!(service.finished(), Vec::<String>::new(), "{kind}");
        if kind == "a folder" { std::fs::remove_dir(&place) } else { std::fs::remove_file(&place) }.unwrap();
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn l2_a_link_planted_under_the_final_name_is_neither_followed_nor_replaced() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let precious = precious(&service);
    let hold = zoom.hold(Matcher::media(), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until("the part is there", |service| !service.media().is_empty()).await;
    let place = service.archived(&service.media()[0]).with_extension("");
    symlink(&precious, &place).unwrap();
    hold.release();

    running.ended().await.with(1).says("is another file: move it away");

    assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
    assert!(place.is_symlink());
    std::fs::remove_file(&place).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l2_links_in_the_place_of_the_services_own_files_are_replaced_and_their_targets_left_alone() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let precious = precious(&service);
    let described = folder_of_the_meeting(&service).join("meeting.json.part");
    for place in [service.path("status.json"), service.path("state.json"), described] {
        symlink(&precious, &place).unwrap();
    }
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    service.until("status.json is a file", |service| !service.path("status.json").is_symlink()).await;

    running.stop().await.with(0);

    assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
    assert!(!service.path("state.json").is_symlink());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l3_a_link_in_the_place_of_a_days_folder_is_not_followed() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let (elsewhere, day) = (service.path("elsewhere"), service.archived(&folder(minute(5))));
    let day = day.parent().unwrap();
    for folder in [elsewhere.as_path(), &service.path("downloads")] {
        std::fs::create_dir(folder).unwrap();
    }
    symlink(&elsewhere, day).unwrap();

    service.once().await.with(1).says("is a symbolic link or no folder");

    assert!(std::fs::read_dir(&elsewhere).unwrap().next().is_none());
    std::fs::remove_file(day).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l3_the_archive_itself_may_be_a_link() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    std::fs::create_dir(service.path("elsewhere")).unwrap();
    symlink(service.path("elsewhere"), service.path("downloads")).unwrap();

    service.once().await.with(0);

    assert!(service.path("downloads").is_symlink());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d10_names_too_long_for_a_file_system_or_reserved_on_one_are_made_to_fit() {
    let topics = ["😀".repeat(300), "CON".to_owned(), "nul.txt".to_owned(), "dot. ".to_owned(), "a/b\\c:d".to_owned()];
    let emoji_again = "😀".repeat(301);
    let meetings = topics.iter().chain([&emoji_again]).enumerate();
    let meetings = meetings.map(|(n, topic)| {
        meeting_at(&format!("{n}=="), 5, 0).topic(topic).video(&format!("shared_{}", "x".repeat(300)), 4096)
    });
    let zoom = zoom_with(meetings).await;
    let service = Service::on(&zoom).set("archive.layout", "{date}/{topic}");

    service.once().await.with(0);

    assert_eq!(service.rows().len(), 6);
    let paths: Vec<_> = service.rows().iter().map(|row| row["directory"].to_lowercase()).collect();
    for component in service.media().iter().flat_map(|path| path.split('/')) {
        assert!(component.len() + ".part".len() <= 255, "{component}");
        assert!(!component.ends_with(['.', ' ']) && !component.contains(['\\', ':']), "{component}");
        let stem = component.split('.').next().unwrap_or_default().to_lowercase();
        assert!(!["con", "nul"].contains(&stem.as_str()), "{component}");
    }
    assert_eq!(paths.iter().collect::<std::collections::HashSet<_>>().len(), 6, "{paths:?}");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d11_a_part_that_somebody_renames_under_way_is_fetched_again() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until("the part is there", |service| !service.media().is_empty()).await;
    let part = service.archived(&service.media()[0]);
    let renamed = part.with_file_name("mine");
    std::fs::rename(&part, &renamed).unwrap();
    hold.release();

    running.ended().await.with(1);

    assert_eq!(service.media().len(), 1, "{:?}", service.media());
    assert!(renamed.is_file());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d11_a_file_that_somebody_deletes_before_its_meeting_is_recorded_is_fetched_again() {
    let zoom = zoom_with([meeting("a==", 5).video("active_speaker", MIB).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom).set("download.workers", 1);
    let hold = zoom.hold(Matcher::media().from_hit(2), MIB / 2);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until("the first is whole", |service| !service.finished().is_empty()).await;
    std::fs::remove_file(service.archived(&service.finished()[0])).unwrap();
    hold.release();

    running.ended().await.with(1).says("not on the disk any more");

    assert!(!service.has_recorded("a=="));
    service.keeps_its_promises(&zoom).await;
    service.has_whole(&zoom, "a==", "active_speaker");
}

#[tokio::test]
async fn d12_a_folder_with_files_of_somebody_elses_is_left_to_them() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let foreign = folder_of_the_meeting(&service).join("gallery_view.mp4");
    std::fs::write(&foreign, "precious").unwrap();

    service.once().await.with(0);

    assert_eq!(std::fs::read(&foreign).unwrap(), b"precious");
    assert_eq!(service.row("a==")["directory"], format!("{}_2", folder(minute(5))));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d12_a_file_of_its_own_that_somebody_changed_before_the_row_is_never_overwritten() {
    let zoom = zoom_with([meeting("a==", 5).video("active_speaker", MIB).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom).set("download.workers", 1);
    let hold = zoom.hold(Matcher::media().from_hit(2), MIB / 2);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until("the first is whole", |service| !service.finished().is_empty()).await;
    running.kill().await;
    hold.release();
    let changed = service.archived(&service.finished()[0]);
    std::fs::write(&changed, "precious").unwrap();

    service.once().await.with(1).says("is another file: move it away");

    assert_eq!(std::fs::read(&changed).unwrap(), b"precious");
    std::fs::remove_file(&changed).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d16_what_a_kill_left_is_cleared_away_and_nothing_of_anybody_elses() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let folder = format!("downloads/{}", folder(minute(5)));
    std::fs::create_dir_all(service.path(&folder)).unwrap();
    let left = [
        ".state.json.Ab12Cd.part".to_owned(),
        ".status.json.Ab12Cd.part".to_owned(),
        ".probe.Ab12Cd.part".to_owned(),
        "..zoom_refresh_token.Ab12Cd.part".to_owned(),
        "..zoom_access_token.Ab12Cd.part".to_owned(),
        format!("{folder}/.meeting.json.Ab12Cd.part"),
    ];
    let others = [
        "notes.part".to_owned(),
        ".state.json.part".to_owned(),
        ".diary.Ab12Cd.part".to_owned(),
        "downloads/movie.mp4.part".to_owned(),
        format!("{folder}/holiday.mp4.part"),
        format!("{folder}/.meeting.json.backup.old.part"),
    ];
    for name in left.iter().chain(&others) {
        std::fs::write(service.path(name), "x").unwrap();
        std::fs::set_permissions(service.path(name), PermissionsExt::from_mode(0o600)).unwrap();
    }

    service.once().await.with(0);

    let (gone, kept): (Vec<_>, Vec<_>) = left.iter().chain(&others).partition(|name| !service.path(name).exists());
    assert_eq!(gone, left.iter().collect::<Vec<_>>());
    assert_eq!(kept, others.iter().collect::<Vec<_>>());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d15_whoever_opens_each_name_the_moment_it_appears_sees_whole_files_only() {
    let zoom = zoom_with(
        (1..9).map(|n| meeting(&format!("{n}=="), n).video("gallery_view", MIB).video("active_speaker", MIB)),
    )
    .await;
    let service = Service::on(&zoom);
    let is_over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = std::collections::BTreeMap::new();
            loop {
                let is_last_look = is_over.load(Ordering::Relaxed);
                for name in service.finished() {
                    let path = service.archived(&name);
                    let len = std::fs::metadata(&path).map_or(0, |meta| meta.len());
                    seen.entry(name).or_insert(len);
                }
                if is_last_look {
                    return seen;
                }
            }
        });
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| runtime.block_on(async { service.once().await.with(0) }));
        is_over.store(true, Ordering::Relaxed);
        watcher.join().expect("the watcher saw no half of a folder")
    });

    assert_eq!(seen.len(), 16, "{seen:?}");
    assert!(seen.values().all(|len| *len == MIB), "{seen:?}");
    service.keeps_its_promises(&zoom).await;
}
