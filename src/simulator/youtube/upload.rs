//! Uploads that can be resumed: opening one, bringing its bytes, asking how far it is.

use chrono::TimeDelta;
use serde_json::Value;

use super::super::http::{Answer, Request};
use super::super::journal::Credential;
use super::super::noise;
use super::super::site::Intake;
use super::State;
use super::api::{bad_parameter, may, resource};
use super::metadata::Metadata;
use super::refused::{Refused, error};
use super::rules::{Account, Duplicates, Misplaced};
use super::sessions::{GRAIN, Session};
use super::video::{Fate, Video};

/// Each of these is enough to upload.
const UPLOADING: [&str; 3] = [
    "https://www.googleapis.com/auth/youtube.upload",
    "https://www.googleapis.com/auth/youtube",
    "https://www.googleapis.com/auth/youtube.force-ssl",
];
const LARGEST: u64 = 256 << 30;

/// `POST /upload/youtube/v3/videos`
pub(super) fn start(state: &mut State, request: &Request, authorization: Credential) -> Answer {
    match try_start(state, request, authorization) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn try_start(state: &mut State, request: &Request, authorization: Credential) -> Result<Answer, Answer> {
    may(state, request, authorization, &UPLOADING)?;
    if request.parameter("uploadType") != Some("resumable") {
        return Err(bad_parameter("invalidParameter", "The simulator takes only uploadType=resumable"));
    }
    if request.header("content-length").is_none() {
        return Err(Answer::new(411));
    }
    let (now, rules) = (state.clock.now(), state.world.rules.clone());
    if rules.account != Account::HasChannel {
        return Err(Refused::SignupRequired.answer());
    }
    // What is refused costs as much as what is taken.
    state.quota.affords(rules.upload_units, &rules, now)?;
    state.quota.affords_upload(&rules, now)?;
    state.quota.spend(rules.upload_units, now);
    state.quota.spend_upload(now);

    let said = Metadata::of(request, &rules)?;
    let total = declared(request)?;
    let name = file_name(request)?;
    let notifies = match request.parameter("notifySubscribers") {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(bad_parameter("invalidParameter", "Invalid value for notifySubscribers")),
    };
    let day = now - TimeDelta::days(1);
    let of_the_day = state.world.videos.iter().filter(|video| video.source.is_some() && video.published > day);
    if rules.channel_uploads.is_some_and(|most| of_the_day.count() >= most) {
        return Err(Refused::UploadsOfTheChannel.answer());
    }
    let session = state.sessions.open(state.seed, said, (name, total, notifies), now);
    let part = session.parts.join(",");
    let location =
        format!("{}/upload/youtube/v3/videos?uploadType=resumable&part={part}&upload_id={}", state.api, session.id);
    Ok(Answer::new(200).header("location", &location).header("x-guploader-uploadid", &session.id))
}

/// The length of the file, of which kind it is said to be.
fn declared(request: &Request) -> Result<u64, Answer> {
    let kind = request.header("x-upload-content-type").unwrap_or_default();
    if !kind.starts_with("video/") && kind != "application/octet-stream" {
        let message =
            format!("Media type '{kind}' is not supported. Valid media types: [application/octet-stream, video/*]");
        return Err(error(400, "global", "badContent", &message));
    }
    let length = request.header("x-upload-content-length").and_then(|text| text.parse().ok());
    match length {
        None | Some(0) => Err(error(400, "youtube.video", "mediaBodyRequired", "The request has no media body.")),
        Some(LARGEST..) if length != Some(LARGEST) => {
            Err(error(413, "global", "uploadTooLarge", "The uploaded file is too large."))
        }
        Some(length) => Ok(length),
    }
}

fn file_name(request: &Request) -> Result<Option<String>, Answer> {
    match request.header("slug") {
        Some(name) if name.trim().is_empty() || name.contains(['/', '\\', '<', '>']) => {
            Err(error(400, "youtube.video", "invalidFilename", "The Slug header is no file name."))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

/// `PUT` of bytes: whether they are wanted.
pub(super) fn take_file(state: &mut State, request: &Request, authorization: Credential) -> Result<Intake, Answer> {
    let place = session(state, request, authorization)?;
    let (length, first) = piece(&state.sessions.all[place], request)?;
    let intake = state.sessions.touch(place, &state.world.rules);
    complete(state, place);
    let session = &state.sessions.all[place];
    if session.video.is_some() {
        return Err(told(state, session));
    }
    if first != session.stored() {
        return Err(match state.world.rules.misplaced {
            Misplaced::Told => told(state, session),
            Misplaced::Refused => bad_range("The range doesn't begin where the stored bytes end."),
        });
    }
    if first + length < session.total && length % GRAIN != 0 {
        return Err(bad_range("The size of a chunk that isn't the last has to be a multiple of 262144."));
    }
    Ok(intake)
}

/// Whether all the bytes that came make a video now.
pub(super) fn took_file(state: &mut State, intake: Intake) -> Answer {
    complete(state, intake.file);
    told(state, &state.sessions.all[intake.file])
}

/// A request that was to bring bytes brings no more.
pub(super) fn broke_off(state: &mut State, intake: Intake) {
    if state.sessions.pause(intake, &state.world.rules) {
        complete(state, intake.file);
    }
}

/// `PUT` without bytes: how far is it?
pub(super) fn status(state: &mut State, request: &Request, authorization: Credential) -> Answer {
    match try_status(state, request, authorization) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn try_status(state: &mut State, request: &Request, authorization: Credential) -> Result<Answer, Answer> {
    let place = session(state, request, authorization)?;
    if !request.body.is_empty() {
        return Err(bad_range("A request that asks for the status has no body."));
    }
    let total = request.header("content-range").and_then(|range| range.strip_prefix("bytes */"));
    if total.and_then(|text| text.parse().ok()) != Some(state.sessions.all[place].total) {
        return Err(bad_range("The total differs from X-Upload-Content-Length."));
    }
    state.sessions.touch(place, &state.world.rules);
    complete(state, place);
    Ok(told(state, &state.sessions.all[place]))
}

/// The upload that a request is about, if it may be about it.
fn session(state: &State, request: &Request, authorization: Credential) -> Result<usize, Answer> {
    if !(state.world.rules.address_is_enough && authorization == Credential::Missing) {
        may(state, request, authorization, &UPLOADING)?;
    }
    let (now, rules) = (state.clock.now(), &state.world.rules);
    let found = request.parameter("upload_id").and_then(|id| state.sessions.find(id));
    let found = found.filter(|place| !state.sessions.all[*place].is_gone(rules, now));
    let place = found.ok_or_else(|| Answer::new(rules.gone_status))?;
    if request.header("content-length").is_none() {
        return Err(Answer::new(411));
    }
    Ok(place)
}

/// How many bytes a request brings, and from which place of the file on.
fn piece(session: &Session, request: &Request) -> Result<(u64, u64), Answer> {
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    if length == 0 {
        return Err(error(400, "youtube.video", "mediaBodyRequired", "The request has no media body."));
    }
    let Some(range) = request.header("content-range") else {
        // The whole file.
        let is_whole = length == session.total;
        return if is_whole { Ok((length, 0)) } else { Err(bad_range("The length differs from the one declared.")) };
    };
    let parsed = range.strip_prefix("bytes ").and_then(|range| {
        let (range, total) = range.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
        Some((number(first)?, number(last)?, number(total)?))
    });
    let (first, last, total) = parsed.ok_or_else(|| bad_range("Failed to parse Content-Range header."))?;
    if total != session.total {
        return Err(bad_range("The total differs from X-Upload-Content-Length."));
    }
    if last < first || last >= total || last - first + 1 != length {
        return Err(bad_range("Content-Range doesn't fit to Content-Length, or to the total."));
    }
    Ok((length, first))
}

/// Makes an upload a video, if all its bytes are there.
fn complete(state: &mut State, place: usize) {
    let session = &state.sessions.all[place];
    if !session.is_complete() || session.video.is_some() {
        return;
    }
    let (world, source) = (&state.world, session.source());
    let is_duplicate = world
        .videos
        .iter()
        .filter_map(|video| video.source.as_ref())
        .any(|other| other.size == source.size && other.sha256 == source.sha256);
    let id = noise::base64url(&noise::digest((state.seed, "video", place)).to_le_bytes());
    let video = Video {
        id: id.clone(),
        published: state.clock.now(),
        metadata: session.metadata.clone(),
        source: Some(source),
        fate: match world.rules.duplicates {
            Duplicates::Rejected if is_duplicate => Fate::Rejected("duplicate"),
            Duplicates::Rejected | Duplicates::Accepted => world.rules.fate,
        },
        is_settled: false,
    };
    state.world.videos.push(video);
    state.sessions.all[place].video = Some(id);
}

/// How far an upload is: the video, or the bytes stored.
fn told(state: &State, session: &Session) -> Answer {
    let Some(id) = &session.video else {
        let answer = Answer::new(308);
        let stored = session.stored();
        return if stored == 0 { answer } else { answer.header("range", &format!("bytes=0-{}", stored - 1)) };
    };
    let parts: Vec<_> = session.parts.iter().map(String::as_str).collect();
    let fields = state.world.video_of(id).map(|video| video.parts(&state.world, state.clock.now()));
    let video = resource("youtube#video", id, fields.into_iter().flatten(), &parts);
    Answer::json(state.world.rules.final_status, &Value::Object(video))
}

fn bad_range(message: &str) -> Answer {
    error(400, "global", "badRequest", message)
}
