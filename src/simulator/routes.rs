//! What is where at the simulated Zoom.

use chrono::{DateTime, Utc};

use super::http::{Answer, Request};
use super::journal::{Credential, Credentials, Endpoint, Origin, Subject};
use super::rules::Framing;
use super::site::Site;
use super::state::State;
use super::{authorize, download, listing, users};

impl Site for State {
    fn subject(&self, origin: Origin, request: &Request) -> Subject {
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        let of_file = |endpoint, opaque| {
            let found = self.world.find_download(opaque);
            Subject {
                meeting: found.map(|(meeting, _)| meeting.uuid.clone()),
                file: found.map(|(_, file)| file.key().to_owned()),
                ..Subject::of(endpoint)
            }
        };
        let of_user = |endpoint, user: &str| Subject { user: Some(user.to_owned()), ..Subject::of(endpoint) };
        match (origin, segments.as_slice()) {
            (Origin::Zoom, ["oauth", "authorize"]) => Subject::of(Endpoint::Authorize),
            (Origin::Zoom, ["oauth", "token"]) => Subject::of_token(request),
            (Origin::Zoom, ["v2", "users", user]) => of_user(Endpoint::User, user),
            (Origin::Zoom, ["v2", "users", user, "recordings"]) => of_user(Endpoint::List, user),
            (Origin::Zoom, ["v2", "meetings", meeting, "recordings"]) => {
                let meeting = listing::meeting_id(meeting).unwrap_or_else(|| (*meeting).to_owned());
                Subject { meeting: Some(meeting), ..Subject::of(Endpoint::MeetingGet) }
            }
            (Origin::Zoom, ["rec", "download", opaque]) => of_file(Endpoint::DownloadEntry, opaque),
            (Origin::Media, ["rec", "media", opaque, _name]) => of_file(Endpoint::Media, opaque),
            _ => Subject::of(Endpoint::Other),
        }
    }

    fn judge(&self, subject: &Subject, request: &Request) -> Credentials {
        let now = self.now();
        match subject.endpoint {
            Endpoint::Token => Credentials {
                authorization: self.grant.judge_client(request),
                refresh_token: self.grant.judge_refresh(request, &self.world.rules),
                code: self.grant.codes.judge(request, now),
            },
            Endpoint::DownloadEntry => self.grant.judge(request, subject.meeting.as_deref(), now).into(),
            _ => self.grant.judge(request, None, now).into(),
        }
    }

    fn answer(&mut self, subject: &Subject, request: &Request, authorization: Credential) -> Answer {
        let segment = |index: usize| request.segments.get(index).map(String::as_str).unwrap_or_default();
        match subject.endpoint {
            Endpoint::Authorize => authorize::authorize(self, request),
            Endpoint::Token => {
                let now = self.now();
                self.grant.answer(request, &self.world.rules, now, &self.zoom)
            }
            Endpoint::User => users::get(self, request, segment(2), authorization),
            Endpoint::List => listing::list(self, request, segment(2), authorization),
            Endpoint::MeetingGet => listing::get(self, request, segment(2), authorization),
            Endpoint::DownloadEntry => download::enter(self, request, segment(2), authorization),
            Endpoint::Media => download::serve(self, request, segment(2), authorization),
            _ => Answer::api_error(404, 2300, "This API endpoint is not recognized."),
        }
    }

    fn date(&self) -> Option<DateTime<Utc>> {
        self.world.rules.date.map(|skew| self.now() + skew)
    }

    fn of_files(&self) -> (Framing, Option<u64>) {
        (self.world.rules.framing, self.world.rules.throttle)
    }
}
