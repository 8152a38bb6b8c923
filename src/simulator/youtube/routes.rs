//! What is where at the simulated Google.

use chrono::{DateTime, Utc};

use super::super::http::{Answer, Request};
use super::super::journal::{Credential, Credentials, Endpoint, Origin, Subject};
use super::super::site::Site;
use super::refused::error;
use super::{State, api, auth};

impl Site for State {
    fn subject(&self, origin: Origin, request: &Request) -> Subject {
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        match (origin, segments.as_slice()) {
            (Origin::GoogleAccounts, ["o", "oauth2", "v2", "auth"]) => Subject::of(Endpoint::Authorize),
            (Origin::GoogleTokens, ["token"]) => Subject::of_token(request),
            (Origin::Youtube, ["youtube", "v3", "channels"]) => Subject::of(Endpoint::Channels),
            (Origin::Youtube, ["youtube", "v3", "playlistItems"]) => Subject::of(Endpoint::PlaylistItems),
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
            _ => error(404, "global", "notFound", "Not Found"),
        }
    }

    fn date(&self) -> Option<DateTime<Utc>> {
        self.world.rules.date.map(|skew| self.clock.now() + skew)
    }
}
