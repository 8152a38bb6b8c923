//! What can be asked about the channel.

use serde_json::{Map, Value, json};

use super::super::http::{Answer, Request};
use super::super::journal::Credential;
use super::State;
use super::playlist;
use super::refused::{Refused, error};
use super::rules::Account;

/// What a call that only reads costs.
const READ: u64 = 1;
/// What a call that writes costs.
const WRITE: u64 = 50;
/// Most videos that can be asked for at once.
const MOST_IDS: usize = 50;

/// Each of these is enough to write.
const WRITING: [&str; 2] =
    ["https://www.googleapis.com/auth/youtube", "https://www.googleapis.com/auth/youtube.force-ssl"];

/// Each of these is enough to read; the one for uploads alone isn't.
const READING: [&str; 3] = [
    "https://www.googleapis.com/auth/youtube",
    "https://www.googleapis.com/auth/youtube.force-ssl",
    "https://www.googleapis.com/auth/youtube.readonly",
];

/// `GET /youtube/v3/channels`
pub(super) fn channels(state: &mut State, request: &Request, authorization: Credential) -> Answer {
    read(state, request, authorization, list_channels)
}

/// `GET /youtube/v3/playlistItems`
pub(super) fn playlist_items(state: &mut State, request: &Request, authorization: Credential) -> Answer {
    read(state, request, authorization, playlist::list)
}

/// `GET /youtube/v3/videos`
pub(super) fn videos(state: &mut State, request: &Request, authorization: Credential) -> Answer {
    read(state, request, authorization, list_videos)
}

/// `POST /youtube/v3/playlistItems`
pub(super) fn playlist_insert(state: &mut State, request: &Request, authorization: Credential) -> Answer {
    match may(state, request, authorization, &WRITING) {
        Ok(()) => charged(state, request, WRITE, playlist::insert),
        Err(answer) => answer,
    }
}

fn read(
    state: &mut State,
    request: &Request,
    authorization: Credential,
    list: impl FnOnce(&State, &Request) -> Result<Answer, Answer>,
) -> Answer {
    if request.method != "GET" {
        return Answer::new(405).header("allow", "GET");
    }
    match may(state, request, authorization, &READING) {
        Ok(()) => charged(state, request, READ, |state, request| list(state, request)),
        Err(answer) => answer,
    }
}

/// Carries out what the day's units are enough for; what is refused costs one.
fn charged(
    state: &mut State,
    request: &Request,
    cost: u64,
    carry_out: impl FnOnce(&mut State, &Request) -> Result<Answer, Answer>,
) -> Answer {
    let now = state.clock.now();
    if let Err(answer) = state.quota.affords(cost, &state.world.rules, now) {
        return answer;
    }
    let done = carry_out(state, request);
    state.quota.spend(if done.is_ok() { cost } else { 1 }, now);
    match done {
        Ok(answer) | Err(answer) => answer,
    }
}

fn list_channels(state: &State, request: &Request) -> Result<Answer, Answer> {
    let parts = parts(request, &["id", "snippet", "status", "contentDetails"])?;
    if request.parameter("mine") != Some("true") {
        return Err(bad_parameter("missingRequiredParameter", "No filter selected. Expected one of: mine"));
    }
    let world = &state.world;
    let fields = [
        ("snippet", json!({"title": world.title, "description": "", "publishedAt": "2020-03-01T08:00:00Z"})),
        (
            "status",
            json!({
                "privacyStatus": "public",
                "isLinked": true,
                "longUploadsStatus": world.rules.long_uploads.status(),
            }),
        ),
        ("contentDetails", json!({"relatedPlaylists": {"likes": "", "uploads": world.uploads_id()}})),
    ];
    let mut answer = json!({
        "kind": "youtube#channelListResponse",
        "etag": "demo",
        "pageInfo": {"totalResults": 0, "resultsPerPage": 5},
    });
    match world.rules.account {
        Account::SignupRequired => return Err(Refused::SignupRequired.answer()),
        Account::NoItems => {}
        Account::EmptyItems => answer["items"] = json!([]),
        Account::HasChannel => {
            answer["pageInfo"]["totalResults"] = json!(1);
            answer["items"] = json!([resource("youtube#channel", &world.channel_id(), fields, &parts)]);
        }
    }
    Ok(Answer::json(200, &answer))
}

fn list_videos(state: &State, request: &Request) -> Result<Answer, Answer> {
    let known: Vec<_> = [
        ["id", "snippet", "status", "contentDetails", "fileDetails", "processingDetails"],
        ["recordingDetails", "statistics", "suggestions", "player", "topicDetails", "localizations"],
    ]
    .concat();
    let parts = parts(request, &known)?;
    let ids = request.parameter("id").filter(|ids| !ids.is_empty());
    let ids =
        ids.ok_or_else(|| bad_parameter("missingRequiredParameter", "No filter selected. Expected one of: id"))?;
    let ids: Vec<_> = ids.split(',').collect();
    if ids.len() > MOST_IDS {
        return Err(bad_parameter("invalidParameter", "The request names too many ids."));
    }
    let now = state.clock.now();
    let videos = ids.iter().filter_map(|id| state.world.video_of(id));
    let items: Vec<_> =
        videos.map(|video| resource("youtube#video", &video.id, video.parts(&state.world, now), &parts)).collect();
    let answer = json!({
        "kind": "youtube#videoListResponse",
        "etag": "demo",
        "pageInfo": {"totalResults": items.len(), "resultsPerPage": items.len()},
        "items": items,
    });
    Ok(Answer::json(200, &answer))
}

/// What stands in the way of what needs one of these scopes.
pub(super) fn may(state: &State, request: &Request, authorization: Credential, scopes: &[&str]) -> Result<(), Answer> {
    match authorization {
        Credential::Missing => Err(Refused::TokenMissing.answer()),
        Credential::Stale | Credential::Wrong => Err(Refused::Token.answer()),
        Credential::Valid if !state.grants.has_one(request, scopes) => Err(Refused::LacksScope.answer()),
        Credential::Valid => Ok(()),
    }
}

/// The parts of each item that are asked for.
pub(super) fn parts<'a>(request: &'a Request, known: &[&str]) -> Result<Vec<&'a str>, Answer> {
    let asked = request.parameter("part").filter(|parts| !parts.is_empty());
    let asked = asked.ok_or_else(|| bad_parameter("missingRequiredParameter", "Required parameter: part"))?;
    let parts: Vec<_> = asked.split(',').collect();
    match parts.iter().find(|part| !known.contains(*part)) {
        Some(part) => Err(error(400, "youtube.part", "unknownPart", &format!("'{part}'"))),
        None => Ok(parts),
    }
}

/// An item with those of its fields that were asked for.
pub(super) fn resource<'a>(
    kind: &str,
    id: &str,
    fields: impl IntoIterator<Item = (&'a str, Value)>,
    parts: &[&str],
) -> Map<String, Value> {
    let always = [("kind", json!(kind)), ("etag", json!("demo")), ("id", json!(id))];
    let asked = fields.into_iter().filter(|(name, _)| parts.contains(name));
    always.into_iter().chain(asked).map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn bad_parameter(reason: &str, message: &str) -> Answer {
    error(400, "youtube.parameter", reason, message)
}
