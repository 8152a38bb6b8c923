//! The API: a user's recordings by day and page, and one meeting's.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::http::{Answer, Request};
use super::journal::Credential;
use super::noise;
use super::record;
use super::rules::{Keep, Paging, WideRange};
use super::spec::MeetingSpec;
use super::state::State;
use super::users;

const LIST_SCOPES: [&str; 5] = [
    "recording:read",
    "recording:read:admin",
    "cloud_recording:read:list_user_recordings",
    "cloud_recording:read:list_user_recordings:admin",
    "cloud_recording:read:list_user_recordings:master",
];
const GET_SCOPES: [&str; 5] = [
    "recording:read",
    "recording:read:admin",
    "cloud_recording:read:list_recording_files",
    "cloud_recording:read:list_recording_files:admin",
    "cloud_recording:read:list_recording_files:master",
];
const CONTENT_SCOPES: [&str; 4] =
    ["recording:read", "recording:read:admin", "cloud_recording:read:recording", "cloud_recording:read:content"];
/// Longest `ttl` of a download token, in seconds.
const MAX_TTL: i64 = 604_800;

/// What a page token stands for.
#[derive(Clone, Debug)]
pub(super) struct PageToken {
    token: String,
    user: String,
    /// The parameters that must come again unchanged.
    question: Vec<(String, String)>,
    offset: usize,
    end: DateTime<Utc>,
}

/// Days from the first to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    from: NaiveDate,
    to: NaiveDate,
}

impl Range {
    /// What is asked for. A date that is none gives the default range, not an error.
    fn asked(request: &Request, today: NaiveDate) -> Self {
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
        let from = request.parameter("from").map_or(Some(today), date);
        let to = request.parameter("to").map_or(Some(tomorrow), date);
        match (from, to) {
            (Some(from), Some(to)) => Self { from, to },
            (None, _) | (_, None) => Self { from: today, to: tomorrow },
        }
    }

    fn cut(mut self, rule: WideRange) -> Option<Self> {
        let (WideRange::Clamp { days, .. } | WideRange::Error { days }) = rule;
        if (self.to - self.from).num_days() > days {
            match rule {
                WideRange::Clamp { keep: Keep::Newest, .. } => self.from = self.to - TimeDelta::days(days),
                WideRange::Clamp { keep: Keep::Oldest, .. } => self.to = self.from + TimeDelta::days(days),
                WideRange::Error { .. } => return None,
            }
        }
        Some(self)
    }

    fn has(self, day: NaiveDate, to_is_inclusive: bool) -> bool {
        self.from <= day && (day < self.to || (to_is_inclusive && day == self.to))
    }
}

/// Exactly `yyyy-mm-dd`.
fn date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// `GET /v2/users/{user}/recordings`
pub(super) fn list(state: &mut State, request: &Request, user: &str, authorization: Credential) -> Answer {
    if let Some(refusal) = refuse(state, request, authorization, &LIST_SCOPES) {
        return refusal;
    }
    let place = match users::find(state, user) {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let Some(page_size) = page_size(request) else { return invalid_field("page_size") };
    let now = state.now();
    let Some(range) = Range::asked(request, now.date_naive()).cut(state.world.rules.wide_range) else {
        let message = "The date range is wider than a month.";
        return Answer::api_error(400, 300, message);
    };
    let question = question(request);
    let offset = match request.parameter("next_page_token").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => match find_page(state, token, user, &question) {
            Some(offset) => offset,
            None => return Answer::api_error(400, 300, "The next page token is invalid or expired."),
        },
    };
    let inclusive = state.world.rules.to_is_inclusive;
    let of_user = state.world.meetings.iter().filter(|(owner, _)| *owner == place).map(|(_, meeting)| meeting);
    let mut found: Vec<&MeetingSpec> =
        of_user.filter(|meeting| range.has(meeting.start.date_naive(), inclusive)).collect();
    found.sort_by(|a, b| b.start.cmp(&a.start).then_with(|| a.uuid.cmp(&b.uuid)));
    let owner = &state.world.users[place];
    let page = found.iter().skip(offset).take(page_size);
    let meetings: Vec<_> = page.map(|meeting| record::meeting(meeting, owner, &state.zoom)).collect();
    let total = found.len();
    let next = match state.world.rules.paging {
        Paging::Endless => issue_page(state, user, question, 0),
        Paging::Honest if offset + page_size < total => issue_page(state, user, question, offset + page_size),
        Paging::Honest => String::new(),
    };
    let rules = &state.world.rules;
    let to = if rules.echoes_future_to_as_today { range.to.min(now.date_naive()) } else { range.to };
    Answer::json(
        200,
        &json!({
            "from": range.from.to_string(),
            "to": to.to_string(),
            "page_count": total.div_ceil(page_size),
            "page_size": page_size,
            "total_records": total,
            "next_page_token": next,
            "meetings": meetings,
        }),
    )
}

/// `GET /v2/meetings/{meeting}/recordings`
pub(super) fn get(state: &mut State, request: &Request, segment: &str, authorization: Credential) -> Answer {
    if let Some(refusal) = refuse(state, request, authorization, &GET_SCOPES) {
        return refusal;
    }
    let id = meeting_id(segment);
    let Some((place, meeting)) = id.as_deref().and_then(|id| state.world.find_meeting(id)).cloned() else {
        return Answer::api_error(404, 3001, &format!("Meeting does not exist: {segment}."));
    };
    let wants_token =
        request.parameter("include_fields").is_some_and(|fields| fields.contains("download_access_token"));
    let mut token = None;
    if wants_token {
        if let Some(refusal) = state.grant.lacks_scopes(&CONTENT_SCOPES) {
            return refusal;
        }
        let ttl = request.parameter("ttl").map_or(Some(MAX_TTL), |ttl| ttl.parse().ok());
        let Some(ttl) = ttl.filter(|ttl| (0..=MAX_TTL).contains(ttl)) else { return invalid_field("ttl") };
        let end = state.now() + TimeDelta::seconds(ttl);
        token = Some(state.grant.download_token(&meeting.uuid, end));
    }
    let owner = &state.world.users[place];
    Answer::json(200, &record::single_meeting(&meeting, owner, &state.zoom, token.as_deref()))
}

/// The meeting that a path's part, decoded once, stands for.
///
/// "If a UUID starts with `/` or contains `//`, you must double encode the UUID" (Zoom API, "Get meeting
/// recordings"): one that shows its slashes after the first decoding is lost on the way.
pub(super) fn meeting_id(segment: &str) -> Option<String> {
    let is_lost = segment.starts_with('/') || segment.contains("//");
    (!is_lost).then(|| percent_decode_str(segment).decode_utf8_lossy().into_owned())
}

/// What stands in the way of any request to the API.
pub(super) fn refuse(state: &State, request: &Request, authorization: Credential, scopes: &[&str]) -> Option<Answer> {
    if request.method != "GET" {
        return Some(Answer::new(405).header("allow", "GET"));
    }
    let message = match authorization {
        Credential::Missing if request.parameter("access_token").is_some() => {
            "Invalid access token, this access token is not supported as query parameter string."
        }
        Credential::Missing => "Requires an access token.",
        Credential::Stale => "Access token is expired.",
        Credential::Wrong => "Invalid access token.",
        Credential::Valid => return state.grant.lacks_scopes(scopes),
    };
    Some(Answer::api_error(401, 124, message))
}

fn invalid_field(field: &str) -> Answer {
    let errors = json!([{"field": field, "message": "Invalid field."}]);
    Answer::json(400, &json!({"code": 300, "message": "Validation Failed.", "errors": errors}))
}

fn page_size(request: &Request) -> Option<usize> {
    let asked = request.parameter("page_size").map_or(Some(30), |text| text.parse().ok());
    asked.filter(|size| (1..=300).contains(size))
}

/// All parameters but the page token, in a fixed order.
fn question(request: &Request) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = request.query.iter().filter(|(name, _)| name != "next_page_token").cloned().collect();
    pairs.sort();
    pairs
}

fn issue_page(state: &mut State, user: &str, question: Vec<(String, String)>, offset: usize) -> String {
    // A walk that never ends goes round on one token; all others are given out once.
    let serial = if offset == 0 { 0 } else { state.pages.len() };
    let token = noise::hex(noise::digest((&state.zoom, user, &question, offset, serial)), 40);
    let end = state.now() + state.world.rules.page_token_lifetime;
    state.pages.retain(|page| page.token != token);
    state.pages.push(PageToken { token: token.clone(), user: user.to_owned(), question, offset, end });
    token
}

fn find_page(state: &State, token: &str, user: &str, question: &[(String, String)]) -> Option<usize> {
    let now = state.now();
    let page = state.pages.iter().find(|page| page.token == token)?;
    (page.user == user && page.question == question && page.end > now).then_some(page.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> Range {
        Range { from: date(from).unwrap(), to: date(to).unwrap() }
    }

    #[test]
    fn a_range_over_a_month_loses_the_end_that_the_rule_names() {
        let asked = range("2025-01-01", "2025-04-01");
        let cut = |keep| asked.cut(WideRange::Clamp { days: 30, keep });
        assert_eq!(cut(Keep::Newest), Some(range("2025-03-02", "2025-04-01")));
        assert_eq!(cut(Keep::Oldest), Some(range("2025-01-01", "2025-01-31")));
        assert_eq!(asked.cut(WideRange::Error { days: 30 }), None);
        let month = range("2025-01-01", "2025-01-31");
        assert_eq!(month.cut(WideRange::Error { days: 30 }), Some(month));
    }

    #[test]
    fn a_date_that_is_none_means_today() {
        let today = date("2025-06-30").unwrap();
        let asked = |query: &[(&str, &str)]| {
            let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Range::asked(&Request { query, ..Request::default() }, today)
        };
        let default = range("2025-06-30", "2025-07-01");
        assert_eq!(asked(&[]), default);
        assert_eq!(asked(&[("from", "2025-6-1"), ("to", "2025-06-20")]), default);
        assert_eq!(asked(&[("from", "2025-02-30"), ("to", "2025-06-20")]), default);
        assert_eq!(asked(&[("from", "2025-06-01"), ("to", "2025-06-20")]), range("2025-06-01", "2025-06-20"));
    }

    #[test]
    fn a_uuid_with_slashes_at_the_wrong_place_needs_two_encodings() {
        assert_eq!(meeting_id("a/b+c=="), Some("a/b+c==".to_owned()));
        assert_eq!(meeting_id("%2Fa%2F%2Fb%3D%3D"), Some("/a//b==".to_owned()));
        assert_eq!(meeting_id("/a=="), None);
        assert_eq!(meeting_id("a//b=="), None);
    }
}
