//! What can be asked about the channel.

use serde_json::{Map, Value, json};

use super::super::http::{Answer, Request};
use super::super::journal::Credential;
use super::super::noise;
use super::State;
use super::refused::{Refused, error};
use super::rules::Account;

/// Each of these is enough to read; the one for uploads alone isn't.
const READING: [&str; 3] = [
    "https://www.googleapis.com/auth/youtube",
    "https://www.googleapis.com/auth/youtube.force-ssl",
    "https://www.googleapis.com/auth/youtube.readonly",
];

/// `GET /youtube/v3/channels`
pub(super) fn channels(state: &State, request: &Request, authorization: Credential) -> Answer {
    match try_channels(state, request, authorization) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn try_channels(state: &State, request: &Request, authorization: Credential) -> Result<Answer, Answer> {
    may_read(state, request, authorization)?;
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

/// `GET /youtube/v3/playlistItems`
pub(super) fn playlist_items(state: &State, request: &Request, authorization: Credential) -> Answer {
    match try_playlist_items(state, request, authorization) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn try_playlist_items(state: &State, request: &Request, authorization: Credential) -> Result<Answer, Answer> {
    may_read(state, request, authorization)?;
    let parts = parts(request, &["id", "snippet", "contentDetails", "status"])?;
    let world = &state.world;
    let playlist = request.parameter("playlistId");
    let playlist = playlist.ok_or_else(|| bad_parameter("missingRequiredParameter", "No filter selected."))?;
    if playlist != world.uploads_id() || world.rules.account != Account::HasChannel {
        let message = "The playlist identified with the request's playlistId parameter cannot be found.";
        return Err(error(404, "youtube.playlistItem", "playlistNotFound", message));
    }
    let size = request.parameter("maxResults").map_or(Some(5), |text| text.parse().ok());
    let size = size.filter(|size| (1..=50).contains(size));
    let size: usize = size.ok_or_else(|| bad_parameter("invalidParameter", "Invalid value for maxResults"))?;
    let videos = world.uploads();
    let token = |offset: usize| noise::hex(noise::digest(("page", playlist, offset)), 16);
    let offset = match request.parameter("pageToken") {
        None => 0,
        Some(asked) => (0..videos.len())
            .find(|offset| token(*offset) == asked)
            .ok_or_else(|| bad_parameter("invalidPageToken", "The request specifies an invalid page token."))?,
    };
    let item = |(position, video): (usize, &&super::Video)| {
        let id = noise::hex(noise::digest((playlist, &video.id)), 40);
        resource("youtube#playlistItem", &id, video.item(world, position), &parts)
    };
    let items: Vec<_> = videos.iter().enumerate().skip(offset).take(size).map(item).collect();
    let mut answer = json!({
        "kind": "youtube#playlistItemListResponse",
        "etag": "demo",
        "pageInfo": {"totalResults": videos.len(), "resultsPerPage": size},
        "items": items,
    });
    if offset + size < videos.len() {
        answer["nextPageToken"] = json!(token(offset + size));
    }
    Ok(Answer::json(200, &answer))
}

/// What stands in the way of any reading.
fn may_read(state: &State, request: &Request, authorization: Credential) -> Result<(), Answer> {
    if request.method != "GET" {
        return Err(Answer::new(405).header("allow", "GET"));
    }
    match authorization {
        Credential::Missing => Err(Refused::TokenMissing.answer()),
        Credential::Stale | Credential::Wrong => Err(Refused::Token.answer()),
        Credential::Valid if !state.grants.has_one(request, &READING) => Err(Refused::LacksScope.answer()),
        Credential::Valid => Ok(()),
    }
}

/// The parts of each item that are asked for.
fn parts<'a>(request: &'a Request, known: &[&str]) -> Result<Vec<&'a str>, Answer> {
    let asked = request.parameter("part").filter(|parts| !parts.is_empty());
    let asked = asked.ok_or_else(|| bad_parameter("missingRequiredParameter", "Required parameter: part"))?;
    let parts: Vec<_> = asked.split(',').collect();
    match parts.iter().find(|part| !known.contains(*part)) {
        Some(part) => Err(error(400, "youtube.part", "unknownPart", &format!("'{part}'"))),
        None => Ok(parts),
    }
}

/// An item with those of its fields that were asked for.
fn resource<'a>(
    kind: &str,
    id: &str,
    fields: impl IntoIterator<Item = (&'a str, Value)>,
    parts: &[&str],
) -> Map<String, Value> {
    let always = [("kind", json!(kind)), ("etag", json!("demo")), ("id", json!(id))];
    let asked = fields.into_iter().filter(|(name, _)| parts.contains(name));
    always.into_iter().chain(asked).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn bad_parameter(reason: &str, message: &str) -> Answer {
    error(400, "youtube.parameter", reason, message)
}
