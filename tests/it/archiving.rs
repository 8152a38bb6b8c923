//! From Zoom's listing to files, folders and rows.

use crate::support::{MIB, Service, meeting, zoom_with};

#[tokio::test]
async fn every_video_of_a_new_meeting_is_fetched_and_the_meeting_recorded() {
    let zoom = zoom_with([meeting("a/b+c==", 5)
        .topic("Weekly class")
        .video("shared_screen_with_gallery_view", 2 * MIB)
        .video("active_speaker", MIB)
        .audio(MIB)])
    .await;
    let service = Service::on(&zoom);

    let ended = service.once().await.with(0);

    let media = service.media();
    assert_eq!(media.len(), 2, "{media:?}\n{}", ended.stderr);
    for name in &media {
        let kind = name.rsplit('/').next().unwrap().strip_suffix(".mp4").unwrap();
        let id = zoom.file("a/b+c==", kind).unwrap();
        assert!(zoom.has_bytes_of(&id, &service.archived(name)).unwrap(), "{name}");
    }
    let rows = service.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["meeting_uuid"], "a/b+c==");
    assert_eq!(rows[0]["status"], "downloaded");
    assert_eq!(rows[0]["files"], "2");
    assert_eq!(rows[0]["best_file"], "shared_screen_with_gallery_view.mp4");
}
