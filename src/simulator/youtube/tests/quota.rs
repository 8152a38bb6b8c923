//! What a day is enough for.

use super::uploads::{bytes, metadata, owner};
use super::*;

#[tokio::test]
async fn the_uploads_of_a_day_are_counted_until_midnight_pacific_time() {
    // An hour before midnight there: in winter it is eight hours behind.
    let youtube = Youtube::start(World::new("2025-12-03T07:00:00Z".parse().unwrap())).await.unwrap();
    youtube.rules(|rules| rules.uploads_per_day = 2);
    let visitor = owner(&youtube).await;
    visitor.address("Opened and left", 3).await;
    let mut wrong = metadata("x");
    wrong["snippet"]["title"] = json!("");
    assert_eq!(visitor.open(&wrong, &[], &[]).await.status, 400, "it costs as much");
    assert_eq!(youtube.used(), Used { units: 0, uploads: 2 });

    let told = visitor.open(&metadata("x"), &[], &[]).await;

    assert_eq!((told.status, told.reason()), (429, "rateLimitExceeded"));
    let message = told.json["error"]["message"].as_str().unwrap();
    assert!(message.contains("limit 'Video Uploads per day'"), "{message}");
    assert_eq!(youtube.used().uploads, 2);
    youtube.advance(TimeDelta::minutes(59));
    assert_eq!(visitor.open(&metadata("x"), &[], &[]).await.status, 429);
    youtube.advance(TimeDelta::minutes(1));
    let visitor = owner(&youtube).await;
    assert_eq!(visitor.open(&metadata("x"), &[], &[]).await.status, 200);
    assert_eq!(youtube.used().uploads, 1);
}

#[tokio::test]
async fn the_channel_takes_so_many_videos_in_a_day_and_a_night() {
    let youtube = empty().await;
    youtube.rules(|rules| rules.channel_uploads = Some(1));
    let visitor = owner(&youtube).await;
    visitor.upload("First", bytes(1, 3)).await;
    let told = visitor.open(&metadata("x"), &[], &[]).await;
    assert_eq!((told.status, told.reason()), (400, "uploadLimitExceeded"));
    youtube.advance(TimeDelta::hours(24));
    let visitor = owner(&youtube).await;
    assert_eq!(visitor.open(&metadata("x"), &[], &[]).await.status, 200);
}

#[tokio::test]
async fn each_list_costs_a_unit_and_uploads_cost_some_where_the_rules_say_so() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    visitor.get(CHANNELS).await;
    visitor.get("channels?part=secrets&mine=true").await;
    assert_eq!(youtube.used().units, 2);
    visitor.upload("First", bytes(1, 3)).await;
    assert_eq!(youtube.used(), Used { units: 2, uploads: 1 });
    youtube.rules(|rules| (rules.upload_units, rules.units_per_day) = (100, 102));
    visitor.upload("Second", bytes(1, 3)).await;
    let told = visitor.open(&metadata("x"), &[], &[]).await;
    assert_eq!((told.status, told.reason()), (403, "quotaExceeded"));
    assert_eq!(reason(&visitor.get(CHANNELS).await.1), "quotaExceeded");
}
