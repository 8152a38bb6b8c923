//! Playlists: the channel's uploads, and those that it made.

use super::uploads::{bytes, owner};
use super::*;

const INSERT: &str = "playlistItems?part=snippet";

fn entry(playlist: &str, video: &str) -> Value {
    json!({"snippet": {"playlistId": playlist, "resourceId": {"kind": "youtube#video", "videoId": video}}})
}

impl Visitor<'_> {
    async fn send(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}/youtube/v3/{path}", self.youtube.api_url()));
        let response = request.bearer_auth(&self.token).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn ids_in(&self, playlist: &str) -> Vec<String> {
        let path = format!("playlistItems?part=contentDetails,snippet&maxResults=50&playlistId={playlist}");
        let (_, answer) = self.get(&path).await;
        let id = |item: &Value| {
            assert_eq!(item["contentDetails"]["videoId"], item["snippet"]["resourceId"]["videoId"]);
            item["contentDetails"]["videoId"].as_str().unwrap().to_owned()
        };
        answer["items"].as_array().unwrap().iter().map(id).collect()
    }

    async fn uploads_list(&self) -> String {
        let (_, answer) = self.get(CHANNELS).await;
        let uploads = &answer["items"][0]["contentDetails"]["relatedPlaylists"]["uploads"];
        uploads.as_str().unwrap().to_owned()
    }
}

fn channel() -> World {
    let then = noon() - TimeDelta::days(1);
    let world = World::new(noon()).video(Video::new("old", "Old", then)).video(Video::new("new", "New", noon()));
    world.playlist("PLmine").foreign_playlist("PLtheirs")
}

#[tokio::test]
async fn new_videos_are_among_the_uploads_though_they_are_still_processed() {
    let youtube = Youtube::start(channel()).await.unwrap();
    let visitor = owner(&youtube).await;
    let list = visitor.uploads_list().await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::minutes(10));
    let id = visitor.upload("Lesson", bytes(1, 5000)).await;
    assert_eq!(visitor.ids_in(&list).await, ["old"]);
    youtube.rules(|rules| rules.listed_after = TimeDelta::zero());
    let latest = visitor.upload("Lesson", bytes(1, 5000)).await;
    assert_eq!(visitor.ids_in(&list).await, [&latest, &id, "new", "old"]);
    youtube.delete_video(&id).unwrap();
    assert_eq!(visitor.ids_in(&list).await, [&latest, "new", "old"]);
}

#[tokio::test]
async fn a_video_is_put_into_a_playlist_and_found_there() {
    let youtube = Youtube::start(channel()).await.unwrap();
    let visitor = owner(&youtube).await;
    let (status, answer) = visitor.send(INSERT, &entry("PLmine", "new")).await;
    assert_eq!((status, &answer["snippet"]["playlistId"]), (200, &json!("PLmine")), "{answer}");
    let mut first = entry("PLmine", "old");
    first["snippet"]["position"] = json!(0);
    assert_eq!(visitor.send(INSERT, &first).await.0, 200);
    assert_eq!(visitor.ids_in("PLmine").await, ["old", "new"]);
    assert_eq!(youtube.in_playlist("PLmine"), ["old", "new"]);
    let found = visitor.get("playlistItems?part=id&playlistId=PLmine&videoId=new").await.1;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let none = visitor.get("playlistItems?part=id&playlistId=PLtheirs&videoId=new").await;
    assert_eq!((none.0, &none.1["items"]), (200, &json!([])));
    assert_eq!(reason(&visitor.send(INSERT, &entry("PLmine", "new")).await.1), "videoAlreadyInPlaylist");
    youtube.rules(|rules| rules.repeated = Repeated::Again);
    assert_eq!(visitor.send(INSERT, &entry("PLmine", "new")).await.0, 200);
    assert_eq!(youtube.videos()[1].playlists, ["PLmine", "PLmine"]);
}

#[tokio::test]
async fn a_wrong_insertion_is_refused_with_its_reason() {
    let youtube = Youtube::start(channel()).await.unwrap();
    let visitor = owner(&youtube).await;
    let uploads = visitor.uploads_list().await;
    let with = |pointer: &str, value: Value| {
        let mut body = entry("PLmine", "new");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        body
    };
    for (body, status, wanted) in [
        (entry("PLnone", "new"), 404, "playlistNotFound"),
        (entry("PLtheirs", "new"), 403, "playlistItemsNotAccessible"),
        (entry("PLmine", "none"), 404, "videoNotFound"),
        (entry(&uploads, "new"), 400, "playlistOperationUnsupported"),
        (with("/snippet/position", json!(1)), 400, "invalidPlaylistItemPosition"),
        (with("/snippet/resourceId/kind", json!("youtube#channel")), 400, "invalidResourceType"),
        (with("/snippet/titel", json!("x")), 400, "badRequest"),
        (json!({"snippet": {"playlistId": "PLmine"}}), 400, "resourceIdRequired"),
        (json!({}), 400, "playlistIdRequired"),
    ] {
        let (answered, answer) = visitor.send(INSERT, &body).await;
        assert_eq!((answered, reason(&answer)), (status, wanted), "{body}");
    }
    assert_eq!(reason(&visitor.send("playlistItems?part=id", &entry("PLmine", "new")).await.1), "invalidSnippet");
    youtube.rules(|rules| rules.playlist_limit = 0);
    let (_, answer) = visitor.send(INSERT, &entry("PLmine", "new")).await;
    assert_eq!(reason(&answer), "playlistContainsMaximumNumberOfVideos");
    for scope in [UPLOADS_ALONE, "https://www.googleapis.com/auth/youtube.readonly"] {
        let other = Visitor::with(&youtube, &[scope]).await;
        assert_eq!(other.send(INSERT, &entry("PLmine", "new")).await.0, 403, "{scope}");
    }
    assert_eq!(youtube.in_playlist("PLmine"), Vec::<String>::new());
}

#[tokio::test]
async fn an_insertion_costs_fifty_units_and_a_refused_one_a_single_unit() {
    let youtube = Youtube::start(channel()).await.unwrap();
    let visitor = owner(&youtube).await;
    visitor.send(INSERT, &entry("PLmine", "new")).await;
    assert_eq!(youtube.used(), Used { units: 50, uploads: 0 });
    visitor.send(INSERT, &entry("PLmine", "new")).await;
    assert_eq!(youtube.used().units, 51);
    youtube.rules(|rules| rules.units_per_day = 100);
    assert_eq!(reason(&visitor.send(INSERT, &entry("PLmine", "old")).await.1), "quotaExceeded");
    assert_eq!(visitor.ids_in("PLmine").await, ["new"], "there is enough for a list");
    assert_eq!(youtube.used().units, 52);
}
