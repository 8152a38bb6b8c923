//! A service that knows a simulated YouTube as well.

use std::collections::HashMap;

use serde_json::Value;
use zoom_archiver::simulator::youtube::{TrueVideo, Youtube};

use super::Service;

impl Service {
    /// Knows this YouTube, though it neither publishes there nor is authorized to yet.
    #[must_use]
    pub(crate) fn on_youtube(mut self, youtube: &Youtube) -> Self {
        self.secrets_of_youtube = Some(Box::new(youtube.secrets_from_now_on()));
        self.set("youtube.client_id", youtube.client_id())
            .set("youtube.client_secret", youtube.client_secret())
            .set("youtube.api_url", youtube.api_url())
            .set("youtube.oauth_url", youtube.oauth_url())
            .set("youtube.auth_url", youtube.auth_url())
    }

    /// Publishes there, as soon as something is archived, and is authorized to.
    #[must_use]
    pub(crate) fn publishing_on(self, youtube: &Youtube) -> Self {
        self.write_youtube_token(&youtube.authorize());
        self.on_youtube(youtube).set("youtube.enabled", true).set("youtube.settle", "0s")
    }

    /// What is kept of unfinished uploads.
    pub(crate) fn unfinished_uploads(&self) -> Vec<String> {
        self.files().into_iter().filter(|name| name.starts_with("uploads/") && !name.ends_with('/')).collect()
    }

    /// Gives it this refresh token for YouTube.
    pub(crate) fn write_youtube_token(&self, token: &str) {
        self.write_secret(".youtube_refresh_token", token);
    }

    /// Fails the test where one of YouTube's secrets, or of its client's, is in this.
    #[track_caller]
    pub(super) fn tells_no_secret_of_youtube(&self, name: &str, bytes: &[u8]) {
        let secrets = self.secrets_of_youtube.iter().flat_map(|secrets| secrets());
        let text = String::from_utf8_lossy(bytes);
        let found = secrets.into_iter().find(|secret| text.contains(secret.as_str()));
        assert!(found.is_none(), "N8: {found:?} is told in {name}");
    }
}

/// What is true of the videos.
impl Service {
    /// Fails the test where a video that is recorded isn't on the channel, or has other bytes than its file.
    #[track_caller]
    pub(crate) fn videos_are_byte_exact(&self, youtube: &Youtube) {
        assert_eq!(self.wrong_videos(youtube), Vec::<String>::new(), "N6: these are recorded and not so");
    }

    /// Fails the test where a part was sent twice: two videos of the same bytes, or recorded for two parts.
    #[track_caller]
    pub(crate) fn nothing_is_doubled(&self, youtube: &Youtube) {
        assert_eq!(self.doubled_videos(youtube), Vec::<String>::new(), "N6: one upload for each part");
    }

    /// The ids of videos that are recorded, and aren't there or have other bytes than the file they were made of. Where
    /// that is gone, the size is compared that was noted of it.
    fn wrong_videos(&self, youtube: &Youtube) -> Vec<String> {
        let videos = youtube.videos();
        let mut wrong = Vec::new();
        for (folder, description) in self.descriptions() {
            let files = description["files"].as_array().cloned().unwrap_or_default();
            for entry in recorded(&description) {
                let video = videos.iter().find(|video| entry["video_id"] == video.id.as_str());
                let file = files.iter().find(|file| file["id"] == entry["file_id"]);
                let is_right = video.zip(file).is_some_and(|(video, file)| {
                    let path = self.archived(&format!("{folder}/{}", file["name"].as_str().unwrap_or_default()));
                    if path.is_file() {
                        video.has_bytes_of(&path).expect("it can be read")
                    } else {
                        video.size == file["size"].as_u64()
                    }
                });
                if !is_right {
                    wrong.push(entry["video_id"].to_string());
                }
            }
        }
        wrong
    }

    /// What is there twice.
    fn doubled_videos(&self, youtube: &Youtube) -> Vec<String> {
        let mut doubled = Vec::new();
        let mut uploaded: HashMap<[u8; 32], TrueVideo> = HashMap::new();
        for video in youtube.videos() {
            let Some(digest) = video.sha256 else { continue };
            if let Some(earlier) = uploaded.insert(digest, video.clone()) {
                doubled.push(format!("{:?} and {:?}", earlier.title, video.title));
            }
        }
        let mut places: HashMap<String, String> = HashMap::new();
        for (folder, description) in self.descriptions() {
            for entry in recorded(&description) {
                let place = format!("part {} of {folder}", entry["part"]);
                if let Some(earlier) = places.insert(entry["video_id"].to_string(), place.clone()) {
                    doubled.push(format!("{earlier} and {place}"));
                }
            }
        }
        doubled
    }
}

/// What a meeting's description has of videos.
fn recorded(description: &Value) -> Vec<Value> {
    description["youtube"].as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use zoom_archiver::simulator::youtube::World;

    use super::*;
    use crate::support::{folder, meeting_at, minute, now, zoom_with};

    /// Uploads a file as any other program would, and tells the video's id.
    async fn upload(youtube: &Youtube, bytes: Vec<u8>) -> String {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let form = [
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", youtube.authorize()),
            ("client_id", youtube.client_id()),
            ("client_secret", youtube.client_secret()),
        ];
        let answer = client.post(format!("{}/token", youtube.oauth_url())).form(&form).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let token = answer["access_token"].as_str().unwrap();
        let address =
            format!("{}/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status", youtube.api_url());
        let metadata = json!({
            "snippet": {"title": "A class", "categoryId": "22"},
            "status": {"privacyStatus": "private", "selfDeclaredMadeForKids": false},
        });
        let opening = client.post(address).bearer_auth(token).json(&metadata);
        let opening = opening.header("x-upload-content-length", bytes.len());
        let opened = opening.header("x-upload-content-type", "video/mp4").send().await.unwrap();
        let address = opened.headers()["location"].to_str().unwrap();
        let done = client.put(address).bearer_auth(token).body(bytes).send().await.unwrap();
        let video: Value = done.json().await.unwrap();
        video["id"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn other_bytes_and_second_videos_are_found() {
        let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 300_000)]).await;
        let youtube = Youtube::start(World::new(now())).await.unwrap();
        let service = Service::on(&zoom).on_youtube(&youtube);
        service.once().await.with(0);
        let folder = folder(minute(5));
        let video = std::fs::read(service.archived(&format!("{folder}/gallery_view.mp4"))).unwrap();
        let description = service.description(&folder);
        let records = |ids: &[&str]| {
            let mut changed = description.clone();
            let entry = |id: &&str| json!({"part": 1, "file_id": description["files"][0]["id"], "video_id": id});
            changed["youtube"] = ids.iter().map(entry).collect();
            std::fs::write(service.archived(&format!("{folder}/meeting.json")), changed.to_string()).unwrap();
        };

        let right = upload(&youtube, video.clone()).await;
        records(&[&right]);
        service.videos_are_byte_exact(&youtube);
        service.nothing_is_doubled(&youtube);

        let short = upload(&youtube, video[1..].to_vec()).await;
        records(&[&short]);
        assert_eq!(service.wrong_videos(&youtube), [json!(short).to_string()]);
        records(&["none"]);
        assert_eq!(service.wrong_videos(&youtube), ["\"none\""]);
        records(&[&right, &right]);
        assert_eq!(service.doubled_videos(&youtube).len(), 1);
        records(&[&right]);
        upload(&youtube, video).await;
        assert_eq!(service.doubled_videos(&youtube), ["\"A class\" and \"A class\""]);
    }
}
