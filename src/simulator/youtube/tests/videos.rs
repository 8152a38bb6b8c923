//! What is shown of videos, and what becomes of them.

use super::uploads::{bytes, owner};
use super::*;

const ALL: &str = "videos?part=snippet,status,processingDetails,fileDetails,contentDetails&id=";

#[tokio::test]
async fn a_new_video_is_processed_in_its_time() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let id = visitor.upload("Lesson", bytes(1, 5000)).await;
    let (_, answer) = visitor.get(&format!("{ALL}{id},unknown")).await;
    assert_eq!(answer["items"].as_array().unwrap().len(), 1, "nothing is told of unknown ids");
    let video = &answer["items"][0];
    assert_eq!(video["status"]["uploadStatus"], "uploaded");
    assert_eq!(video["status"]["madeForKids"], false);
    assert_eq!(video["processingDetails"]["processingStatus"], "processing");
    assert_eq!((&video["snippet"]["tags"][1], &video["snippet"]["categoryId"]), (&json!("two words"), &json!("22")));
    let file = &video["fileDetails"];
    assert_eq!((&file["fileName"], &file["fileSize"]), (&json!("gallery_view.mp4"), &json!("5000")));
    assert_eq!(video["contentDetails"]["duration"], "P0D");
    youtube.advance(TimeDelta::minutes(2));
    let (_, answer) = visitor.get(&format!("{ALL}{id}")).await;
    assert_eq!(answer["items"][0]["status"]["uploadStatus"], "processed");
    assert_eq!(answer["items"][0]["contentDetails"]["duration"], "PT1M");
    assert_eq!(youtube.videos()[0].fate, Some(Fate::Processed));
    for (query, wanted) in [("videos?id=x", "missingRequiredParameter"), ("videos?part=id", "missingRequiredParameter")]
    {
        assert_eq!(reason(&visitor.get(query).await.1), wanted, "{query}");
    }
    let ids = vec!["x"; 51].join(",");
    assert_eq!(reason(&visitor.get(&format!("{ALL}{ids}")).await.1), "invalidParameter");
    let uploader = Visitor::with(&youtube, &[UPLOADS_ALONE]).await;
    assert_eq!(uploader.get(&format!("{ALL}{id}")).await.0, 403);
}

#[tokio::test]
async fn a_video_may_fail_be_rejected_or_vanish() {
    let youtube = empty().await;
    youtube.rules(|rules| {
        rules.processing_time = None;
        rules.fate = Fate::Failed("codec");
    });
    let visitor = owner(&youtube).await;
    let id = visitor.upload("Lesson", bytes(1, 5000)).await;
    youtube.advance(TimeDelta::minutes(50));
    let status = async || visitor.get(&format!("{ALL}{id}")).await.1["items"][0]["status"].clone();
    assert_eq!(status().await["uploadStatus"], "uploaded", "until the test says");
    youtube.rules(|rules| rules.processing_time = Some(TimeDelta::zero()));
    assert_eq!(
        (&status().await["uploadStatus"], &status().await["failureReason"]),
        (&json!("failed"), &json!("codec"))
    );
    youtube.settle(&id, Fate::Rejected("length")).unwrap();
    let rejected = status().await;
    assert_eq!((&rejected["uploadStatus"], &rejected["rejectionReason"]), (&json!("rejected"), &json!("length")));
    youtube.delete_video(&id).unwrap();
    assert_eq!(visitor.get(&format!("{ALL}{id}")).await.1["items"], json!([]));
    assert_eq!(youtube.settle(&id, Fate::Processed), Err(UnknownVideo(id.clone())));
    assert_eq!(youtube.delete_video(&id), Err(UnknownVideo(id)));
}

#[tokio::test]
async fn the_same_bytes_again_are_a_second_video_which_may_be_rejected() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let first = visitor.upload("Lesson", bytes(1, 5000)).await;
    let second = visitor.upload("Lesson", bytes(1, 5000)).await;
    youtube.rules(|rules| rules.duplicates = Duplicates::Rejected);
    visitor.upload("Lesson", bytes(1, 5000)).await;
    visitor.upload("Lesson", bytes(2, 5000)).await;
    assert_ne!(first, second);
    youtube.advance(TimeDelta::minutes(2));
    let fates: Vec<_> = youtube.videos().into_iter().map(|video| video.fate.unwrap()).collect();
    assert_eq!(fates, [Fate::Processed, Fate::Processed, Fate::Rejected("duplicate"), Fate::Processed]);
}
