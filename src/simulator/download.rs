//! Files: the address in a listing, the signed address it redirects to, and the bytes there.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::http::{Answer, Body, Request};
use super::journal::Credential;
use super::media::Content;
use super::noise;
use super::record;
use super::rules::{DownloadRoute, Refusal, Validators};
use super::spec::{FileSpec, MeetingSpec, Stage};
use super::state::State;

/// `GET /rec/download/{opaque}`
pub(super) fn enter(state: &mut State, request: &Request, opaque: &str, authorization: Credential) -> Answer {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Answer::new(405).header("allow", "GET, HEAD");
    }
    let refusal = state.world.rules.refusal;
    if authorization != Credential::Valid {
        return refuse(refusal, Answer::api_error(401, 124, "Invalid access token."));
    }
    let now = state.now();
    let found = state.world.find_download(opaque).filter(|(_, file)| file.stage == Stage::Completed);
    let Some((meeting, file)) = found else {
        return refuse(refusal, Answer::api_error(404, 3301, "This recording does not exist."));
    };
    if state.world.rules.download == DownloadRoute::Direct {
        return bytes(state, meeting, file, request);
    }
    let expires = (now + state.world.rules.link_lifetime).timestamp_millis();
    let signature = sign(state.seed, file.key(), expires);
    let location = format!(
        "{}/rec/media/{}/{}?Policy={expires}&Signature={signature}&Key-Pair-Id=APKADEMO",
        state.media,
        record::opaque(file.key()),
        file_name(meeting, file),
    );
    state.signatures.push(signature);
    Answer::redirect(&location)
}

/// `GET /rec/media/{opaque}/{name}?Policy=...&Signature=...`
pub(super) fn serve(state: &State, request: &Request, opaque: &str, authorization: Credential) -> Answer {
    let denied = |status: u16, code: &str| {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>");
        Answer::new(status).header("content-type", "application/xml").body(text)
    };
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return denied(405, "MethodNotAllowed");
    }
    // As storage behind signed addresses does: two ways to authorize at once are refused.
    if authorization != Credential::Missing {
        return denied(400, "InvalidArgument");
    }
    let Some((meeting, file)) = state.world.find_download(opaque) else { return denied(403, "AccessDenied") };
    let expires: i64 = request.parameter("Policy").and_then(|text| text.parse().ok()).unwrap_or(0);
    let is_signed = request.parameter("Signature") == Some(sign(state.seed, file.key(), expires).as_str());
    if !is_signed || expires <= state.now().timestamp_millis() {
        return denied(403, "AccessDenied");
    }
    bytes(state, meeting, file, request)
}

fn sign(seed: u64, key: &str, expires: i64) -> String {
    noise::hex(noise::digest(("signature", seed, key, expires)), 172)
}

fn refuse(how: Refusal, json: Answer) -> Answer {
    match how {
        Refusal::Json => json,
        Refusal::HtmlPage => {
            Answer::html(200, "Only the host can download this recording. Please sign in to continue.")
        }
    }
}

fn file_name(meeting: &MeetingSpec, file: &FileSpec) -> String {
    let start = meeting.start.format("GMT%Y%m%d-%H%M%S");
    format!("{start}_Recording.{}", file.extension.to_ascii_lowercase())
}

/// The bytes asked for (RFC 9110, sections 13 and 14).
fn bytes(state: &State, meeting: &MeetingSpec, file: &FileSpec, request: &Request) -> Answer {
    let content = Arc::new(file.content());
    let size = content.len();
    let modified = (meeting.start + TimeDelta::minutes((meeting.minutes + file.version).into())).trunc_subsecs(0);
    let etag = format!("\"{}\"", noise::hex(noise::digest((file.key(), file.version, size)), 32));
    let answer = validated(
        Answer::new(200)
            .header("content-type", file.form.content_type())
            .header("content-disposition", &format!("attachment; filename=\"{}\"", file_name(meeting, file)))
            .header("accept-ranges", "bytes"),
        state.world.rules.validators,
        &etag,
        modified,
    );
    // A range holds only for the version that the client has a part of; a weak tag never proves that.
    let is_same = |condition: &str| {
        answer
            .headers
            .iter()
            .any(|(name, value)| matches!(name.as_str(), "etag" | "last-modified") && value == condition)
    };
    let is_current = request.header("if-range").is_none_or(is_same);
    let range = request.header("range").filter(|_| is_current).map(|range| asked_range(range, size));
    match range {
        None | Some(Asked::Whole) => part(answer, content, 0, size),
        Some(Asked::Part { start, end }) => {
            let mut answer = answer.header("content-range", &format!("bytes {start}-{end}/{size}"));
            answer.status = 206;
            part(answer, content, start, end - start + 1)
        }
        Some(Asked::Nothing) => {
            let mut answer = answer.header("content-range", &format!("bytes */{size}"));
            answer.status = 416;
            answer.body = Body::Bytes(Bytes::new());
            answer
        }
    }
}

fn validated(answer: Answer, rule: Validators, etag: &str, modified: DateTime<Utc>) -> Answer {
    let date = httpdate::fmt_http_date(modified.into());
    match rule {
        Validators::ETagAndDate => answer.header("etag", etag).header("last-modified", &date),
        Validators::Date => answer.header("last-modified", &date),
        Validators::Nothing => answer,
    }
}

fn part(mut answer: Answer, content: Arc<Content>, start: u64, length: u64) -> Answer {
    answer.body = Body::Part { content, start, length };
    answer
}

/// What a `Range` header comes to.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// The header says nothing that is understood here: it is ignored.
    Whole,
    /// From the first byte to the last, both included.
    Part { start: u64, end: u64 },
    /// No byte of the file.
    Nothing,
}

fn asked_range(header: &str, size: u64) -> Asked {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let (start, end) = match (first.trim(), last.trim()) {
        ("", suffix) => match suffix.parse::<u64>() {
            Ok(0) => return Asked::Nothing,
            Ok(length) => (size.saturating_sub(length), u64::MAX),
            Err(_) => return Asked::Whole,
        },
        (start, end) => match (start.parse::<u64>(), if end.is_empty() { Ok(u64::MAX) } else { end.parse() }) {
            (Ok(start), Ok(end)) if start <= end => (start, end),
            _ => return Asked::Whole,
        },
    };
    if start >= size { Asked::Nothing } else { Asked::Part { start, end: end.min(size - 1) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_http_has_it() {
        for (header, asked) in [
            ("bytes=0-", Asked::Part { start: 0, end: 99 }),
            ("bytes=40-", Asked::Part { start: 40, end: 99 }),
            ("bytes=40-49", Asked::Part { start: 40, end: 49 }),
            ("bytes=40-4000", Asked::Part { start: 40, end: 99 }),
            ("bytes=-10", Asked::Part { start: 90, end: 99 }),
            ("bytes=-1000", Asked::Part { start: 0, end: 99 }),
            ("bytes=100-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=9-3", Asked::Whole),
            ("bytes=0-9,20-29", Asked::Whole),
            ("lines=1-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
        ] {
            assert_eq!(asked_range(header, 100), asked, "{header}");
        }
    }
}
