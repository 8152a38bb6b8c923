//! What is where at the simulated Google.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::http::{Answer, Request};
use super::super::journal::{Credential, Credentials, Endpoint, Origin, Subject};
use super::super::site::{Intake, Site};
use super::refused::error;
use super::{State, api, auth, upload};

impl Site for State {
    fn subject(&self, origin: Origin, request: &Request) -> Subject {
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        match (origin, segments.as_slice()) {
            (Origin::GoogleAccounts, ["o", "oauth2", "v2", "auth"]) => Subject::of(Endpoint::Authorize),
            (Origin::GoogleTokens, ["token"]) => Subject::of_token(request),
            (Origin::Youtube, ["youtube", "v3", "channels"]) => Subject::of(Endpoint::Channels),
            (Origin::Youtube, ["youtube", "v3", "playlistItems"]) if request.method == "POST" => {
                Subject::of(Endpoint::PlaylistInsert)
            }
            (Origin::Youtube, ["youtube", "v3", "playlistItems"]) => Subject::of(Endpoint::PlaylistItems),
            (Origin::Youtube, ["youtube", "v3", "videos"]) => Subject::of(Endpoint::Videos),
            (Origin::Youtube, ["upload", "youtube", "v3", "videos"]) => self.of_upload(request),
            _ => Subject::of(Endpoint::Other),
        }
    }

    fn judge(&self, subject: &Subject, request: &Request) -> Credentials {
        match subject.endpoint {
            Endpoint::Token => self.grants.judge_form(request, self.clock.now()),
            _ => self.grants.judge(request, self.clock.now()).into(),
        }
    }

    fn answer(&mut self, subject: &Subject, request: &Request, authorization: Credential) -> Answer {
        match subject.endpoint {
            Endpoint::Authorize => auth::authorize(self, request),
            Endpoint::Token => self.grants.answer(request, &self.world.rules, self.clock.now()),
            Endpoint::Channels => api::channels(self, request, authorization),
            Endpoint::PlaylistItems => api::playlist_items(self, request, authorization),
            Endpoint::PlaylistInsert => api::playlist_insert(self, request, authorization),
            Endpoint::Videos if request.method == "POST" => {
                error(400, "global", "wrongUrlForUpload", "Uploads must be sent to the /upload address.")
            }
            Endpoint::Videos => api::videos(self, request, authorization),
            Endpoint::UploadStart => upload::start(self, request, authorization),
            Endpoint::UploadStatus => upload::status(self, request, authorization),
            _ if request.segments.first().is_some_and(|first| first == "upload") => {
                error(400, "global", "notUpload", "Only uploads can be sent to the /upload address.")
            }
            _ => error(404, "global", "notFound", "Not Found"),
        }
    }

    fn brings_file(&self, subject: &Subject) -> bool {
        subject.endpoint == Endpoint::Upload
    }

    fn take_file(&mut self, _subject: &Subject, request: &Request, auth: Credential) -> Result<Intake, Answer> {
        upload::take_file(self, request, auth)
    }

    fn take_bytes(&mut self, intake: Intake, bytes: &[u8]) -> bool {
        self.sessions.take(intake, bytes)
    }

    fn broke_off(&mut self, intake: Intake) {
        upload::broke_off(self, intake);
    }

    fn took_file(&mut self, intake: Intake, _request: &Request) -> Answer {
        upload::took_file(self, intake)
    }

    fn intake_rate(&self) -> Option<u64> {
        self.world.rules.upload_throttle
    }

    fn date(&self) -> Option<DateTime<Utc>> {
        self.world.rules.date.map(|skew| self.clock.now() + skew)
    }
}

impl State {
    /// What a request to the address of uploads is about.
    fn of_upload(&self, request: &Request) -> Subject {
        let asks = request.header("content-range").is_some_and(|range| range.starts_with("bytes */"));
        let endpoint = match request.method.as_str() {
            "POST" => Endpoint::UploadStart,
            "PUT" if asks => Endpoint::UploadStatus,
            "PUT" => Endpoint::Upload,
            _ => Endpoint::Other,
        };
        let upload = request.parameter("upload_id").and_then(|id| self.sessions.find(id));
        let session = upload.map(|place| &self.sessions.all[place]);
        let title = session.map(|session| session.metadata.title().to_owned()).or_else(|| {
            let body: Value = serde_json::from_slice(&request.body).ok()?;
            Some(body["snippet"]["title"].as_str()?.to_owned())
        });
        Subject { title, upload, ..Subject::of(endpoint) }
    }
}
