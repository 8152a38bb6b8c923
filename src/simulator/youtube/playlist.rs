//! Playlists: the channel's uploads, and those that it made.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::http::{Answer, Request};
use super::super::noise;
use super::State;
use super::api::{bad_parameter, parts, resource};
use super::body;
use super::refused::error;
use super::rules::{Account, Repeated};
use super::video::Video;

/// A playlist that somebody made.
#[derive(Clone, Debug)]
pub(super) struct Playlist {
    pub(super) id: String,
    /// Whether it is somebody else's.
    pub(super) is_foreign: bool,
    pub(super) entries: Vec<Placed>,
}

/// A video in a playlist.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) video: String,
    added: DateTime<Utc>,
}

/// `GET /youtube/v3/playlistItems`
pub(super) fn list(state: &State, request: &Request) -> Result<Answer, Answer> {
    let parts = parts(request, &["id", "snippet", "contentDetails", "status"])?;
    let playlist = request.parameter("playlistId");
    let playlist = playlist.ok_or_else(|| bad_parameter("missingRequiredParameter", "No filter selected."))?;
    let items = items(state, playlist).ok_or_else(not_found)?;
    let wanted = request.parameter("videoId");
    let items: Vec<_> = items.into_iter().filter(|(_, video, _)| wanted.is_none_or(|id| id == video.id)).collect();
    let size = request.parameter("maxResults").map_or(Some(5), |text| text.parse().ok());
    let size = size.filter(|size| (1..=50).contains(size));
    let size: usize = size.ok_or_else(|| bad_parameter("invalidParameter", "Invalid value for maxResults"))?;
    let token = |offset: usize| noise::hex(noise::digest(("page", playlist, offset)), 16);
    let offset = match request.parameter("pageToken") {
        None => 0,
        Some(asked) => (0..items.len())
            .find(|offset| token(*offset) == asked)
            .ok_or_else(|| bad_parameter("invalidPageToken", "The request specifies an invalid page token."))?,
    };
    let item = |(position, video, added): &(usize, &Video, DateTime<Utc>)| {
        let fields = video.item(&state.world, playlist, *position, *added);
        resource("youtube#playlistItem", &item_id(playlist, *position, &video.id), fields, &parts)
    };
    let shown: Vec<_> = items.iter().skip(offset).take(size).map(item).collect();
    let mut answer = json!({
        "kind": "youtube#playlistItemListResponse",
        "etag": "demo",
        "pageInfo": {"totalResults": items.len(), "resultsPerPage": size},
        "items": shown,
    });
    if offset + size < items.len() {
        answer["nextPageToken"] = json!(token(offset + size));
    }
    Ok(Answer::json(200, &answer))
}

/// What is in a playlist, in its order: place, video, and since when.
fn items<'a>(state: &'a State, id: &str) -> Option<Vec<(usize, &'a Video, DateTime<Utc>)>> {
    let world = &state.world;
    if id == world.uploads_id() && world.rules.account == Account::HasChannel {
        let until = state.clock.now() - world.rules.listed_after;
        let videos = world.uploads().into_iter().filter(|video| video.published <= until);
        return Some(videos.enumerate().map(|(place, video)| (place, video, video.published)).collect());
    }
    let playlist = world.playlists.iter().find(|playlist| playlist.id == id)?;
    let placed = playlist.entries.iter().enumerate();
    Some(placed.filter_map(|(place, entry)| Some((place, world.video_of(&entry.video)?, entry.added))).collect())
}

/// `POST /youtube/v3/playlistItems`
pub(super) fn insert(state: &mut State, request: &Request) -> Result<Answer, Answer> {
    let asked = parts(request, &["id", "snippet", "contentDetails", "status"])?;
    if !asked.contains(&"snippet") {
        return Err(refused(400, "invalidSnippet", "The request does not specify a valid snippet."));
    }
    let (playlist, video, position) = wish(request)?;
    let now = state.clock.now();
    let rules = state.world.rules.clone();
    if playlist == state.world.uploads_id() {
        return Err(refused(400, "playlistOperationUnsupported", "The playlist of uploads can't be changed."));
    }
    if state.world.video_of(&video).is_none() {
        return Err(refused(404, "videoNotFound", "Video not found."));
    }
    let found = state.world.playlists.iter_mut().find(|known| known.id == playlist).ok_or_else(not_found)?;
    if found.is_foreign {
        let message = "The request is not properly authorized to access the playlist items.";
        return Err(refused(403, "playlistItemsNotAccessible", message));
    }
    if rules.repeated == Repeated::Refused && found.entries.iter().any(|entry| entry.video == video) {
        return Err(refused(409, "videoAlreadyInPlaylist", "Video already in playlist."));
    }
    if found.entries.len() >= rules.playlist_limit {
        let message = "The playlist already contains the maximum allowed number of items.";
        return Err(refused(403, "playlistContainsMaximumNumberOfVideos", message));
    }
    let place = position.unwrap_or(found.entries.len());
    if place > found.entries.len() {
        return Err(refused(400, "invalidPlaylistItemPosition", "The position is past the playlist's end."));
    }
    found.entries.insert(place, Placed { video: video.clone(), added: now });
    let item = state.world.video_of(&video).map(|known| known.item(&state.world, &playlist, place, now));
    let item = resource("youtube#playlistItem", &item_id(&playlist, place, &video), item.into_iter().flatten(), &asked);
    Ok(Answer::json(200, &Value::Object(item)))
}

/// The playlist, the video and the place that an insertion asks for.
fn wish(request: &Request) -> Result<(String, String, Option<usize>), Answer> {
    let resource = body::object(request)?;
    body::only(&resource, "playlist_item", &["kind", "snippet"])?;
    let snippet = body::part(&resource, "snippet")?;
    body::only(&snippet, "playlist_item.snippet", &["playlistId", "position", "resourceId"])?;
    let id = body::part(&snippet, "resourceId")?;
    body::only(&id, "playlist_item.snippet.resource_id", &["kind", "videoId"])?;
    let playlist = body::text(&snippet, "playlistId")?;
    let playlist = playlist.ok_or_else(|| refused(400, "playlistIdRequired", "No playlistId is given."))?;
    let video = body::text(&id, "videoId")?;
    let video = video.ok_or_else(|| refused(400, "resourceIdRequired", "No resourceId is given."))?;
    if body::text(&id, "kind")?.as_deref() != Some("youtube#video") {
        return Err(refused(400, "invalidResourceType", "The type of the resource is not one for playlists."));
    }
    let position = match snippet.get("position") {
        None => None,
        Some(value) => {
            let place = value.as_u64().and_then(|place| usize::try_from(place).ok());
            Some(place.ok_or_else(|| refused(400, "invalidPlaylistItemPosition", "The position is no number."))?)
        }
    };
    Ok((playlist, video, position))
}

fn item_id(playlist: &str, position: usize, video: &str) -> String {
    noise::hex(noise::digest((playlist, position, video)), 40)
}

fn not_found() -> Answer {
    let message = "The playlist identified with the request's playlistId parameter cannot be found.";
    refused(404, "playlistNotFound", message)
}

fn refused(status: u16, reason: &str, message: &str) -> Answer {
    error(status, "youtube.playlistItem", reason, message)
}
