//! What an uploader says of a video, and what YouTube takes of it.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::super::http::{Answer, Request};
use super::api::bad_parameter;
use super::body;
use super::refused::error;
use super::rules::{Characters, Rules, Unsaid};

/// Parts that can be set.
const SETTABLE: [&str; 3] = ["snippet", "status", "recordingDetails"];
/// Parts that are only shown.
const SHOWN: [&str; 9] = [
    "id",
    "contentDetails",
    "fileDetails",
    "processingDetails",
    "statistics",
    "suggestions",
    "player",
    "topicDetails",
    "localizations",
];
/// The categories that a video can be put into.
const CATEGORIES: [&str; 15] = ["1", "2", "10", "15", "17", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29"];
const MOST_BYTES_OF_DESCRIPTION: usize = 5000;
const MOST_OF_TITLE: usize = 100;
const MOST_OF_TAGS: usize = 500;

/// What an uploader says of a video, each part as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Metadata {
    pub(super) snippet: Map<String, Value>,
    pub(super) status: Map<String, Value>,
    pub(super) recording_details: Map<String, Value>,
}

impl Metadata {
    /// What a request says, and the parts that it wants to be shown.
    pub(super) fn of(request: &Request, rules: &Rules) -> Result<(Self, Vec<String>), Answer> {
        let resource = body::object(request)?;
        let known: Vec<_> = SETTABLE.into_iter().chain(["kind"]).collect();
        body::only(&resource, "video", &known)?;
        let parts = parts(request, &resource)?;
        let mut metadata = Self {
            snippet: body::part(&resource, "snippet")?,
            status: body::part(&resource, "status")?,
            recording_details: body::part(&resource, "recordingDetails")?,
        };
        check_snippet(&metadata.snippet, rules)?;
        check_status(&metadata.status, rules)?;
        check_recording(&metadata.recording_details)?;
        metadata.status.entry("privacyStatus").or_insert_with(|| json!("public"));
        Ok((metadata, parts))
    }

    pub(super) fn title(&self) -> &str {
        self.snippet.get("title").and_then(Value::as_str).unwrap_or_default()
    }
}

/// What `part` names: all that the body sets, and nothing else that can be set.
fn parts(request: &Request, resource: &Map<String, Value>) -> Result<Vec<String>, Answer> {
    let asked = request.parameter("part").filter(|parts| !parts.is_empty());
    let asked = asked.ok_or_else(|| bad_parameter("missingRequiredParameter", "Required parameter: part"))?;
    let parts: Vec<_> = asked.split(',').map(str::to_owned).collect();
    let is_known = |part: &str| SETTABLE.contains(&part) || SHOWN.contains(&part);
    if let Some(unknown) = parts.iter().find(|part| !is_known(part)) {
        return Err(error(400, "youtube.part", "unknownPart", &format!("'{unknown}'")));
    }
    for part in SETTABLE {
        if resource.contains_key(part) != parts.iter().any(|asked| asked == part) {
            return Err(error(400, "youtube.part", "unexpectedPart", &format!("'{part}'")));
        }
    }
    Ok(parts)
}

fn check_snippet(snippet: &Map<String, Value>, rules: &Rules) -> Result<(), Answer> {
    let known = ["title", "description", "tags", "categoryId", "defaultLanguage", "defaultAudioLanguage"];
    body::only(snippet, "video.snippet", &known)?;
    let (Some(title), Some(category)) = (body::text(snippet, "title")?, body::text(snippet, "categoryId")?) else {
        return Err(refused("invalidVideoMetadata", "The request metadata is invalid."));
    };
    let length = match rules.title_characters {
        Characters::CodePoints => title.chars().count(),
        Characters::Utf16Units => title.encode_utf16().count(),
    };
    if title.trim().is_empty() || length > MOST_OF_TITLE || title.contains(['<', '>']) {
        return Err(refused("invalidTitle", "The request metadata specifies an invalid or empty video title."));
    }
    let description = body::text(snippet, "description")?.unwrap_or_default();
    if description.len() > MOST_BYTES_OF_DESCRIPTION || description.contains(['<', '>']) {
        return Err(refused("invalidDescription", "The request metadata specifies an invalid video description."));
    }
    if !are_good_tags(snippet.get("tags")) {
        return Err(refused("invalidTags", "The request metadata specifies invalid video keywords."));
    }
    if !CATEGORIES.contains(&category.as_str()) {
        return Err(refused("invalidCategoryId", "The request metadata specifies an invalid category ID."));
    }
    for name in ["defaultLanguage", "defaultAudioLanguage"] {
        let language = body::text(snippet, name)?;
        let is_code = |text: &str| {
            text.split('-').all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
        };
        if language.is_some_and(|language| !is_code(&language)) {
            return Err(refused("invalidVideoMetadata", "The request metadata is invalid."));
        }
    }
    Ok(())
}

/// Commas between tags count, and a tag with a space is as long as if it stood in quotation marks.
fn are_good_tags(tags: Option<&Value>) -> bool {
    let Some(tags) = tags else { return true };
    let Some(tags) = tags.as_array() else { return false };
    let length = |tag: &Value| {
        let tag = tag.as_str().filter(|tag| !tag.trim().is_empty() && !tag.contains(['<', '>']))?;
        Some(tag.chars().count() + if tag.contains(' ') { 2 } else { 0 })
    };
    let lengths: Option<Vec<usize>> = tags.iter().map(length).collect();
    lengths.is_some_and(|all| all.iter().sum::<usize>() + all.len().saturating_sub(1) <= MOST_OF_TAGS)
}

fn check_status(status: &Map<String, Value>, rules: &Rules) -> Result<(), Answer> {
    const TRUTHS: [&str; 4] =
        ["selfDeclaredMadeForKids", "containsSyntheticMedia", "embeddable", "publicStatsViewable"];
    let known: Vec<_> = TRUTHS.into_iter().chain(["privacyStatus", "publishAt", "license"]).collect();
    body::only(status, "video.status", &known)?;
    for name in TRUTHS {
        body::truth(status, name)?;
    }
    if rules.unsaid == Unsaid::Refused {
        for name in ["privacyStatus", "selfDeclaredMadeForKids"] {
            if !status.contains_key(name) {
                let message = format!("status.{name} is not said. (The real YouTube would take its own default.)");
                return Err(error(400, "simulator", "unsaid", &message));
            }
        }
    }
    let privacy = body::text(status, "privacyStatus")?.unwrap_or_else(|| "public".to_owned());
    if !["private", "unlisted", "public"].contains(&privacy.as_str()) {
        return Err(body::invalid("Invalid value at 'video.status.privacy_status'"));
    }
    if body::text(status, "license")?.is_some_and(|name| !["youtube", "creativeCommon"].contains(&name.as_str())) {
        return Err(body::invalid("Invalid value at 'video.status.license'"));
    }
    match body::text(status, "publishAt")? {
        Some(time) if privacy != "private" || DateTime::parse_from_rfc3339(&time).is_err() => {
            Err(refused("invalidPublishAt", "The request metadata specifies an invalid scheduled publishing time."))
        }
        _ => Ok(()),
    }
}

fn check_recording(details: &Map<String, Value>) -> Result<(), Answer> {
    body::only(details, "video.recording_details", &["recordingDate"])?;
    match body::text(details, "recordingDate")? {
        Some(time) if DateTime::parse_from_rfc3339(&time).is_err() => {
            Err(refused("invalidRecordingDetails", "The request metadata specifies invalid recording details."))
        }
        _ => Ok(()),
    }
}

fn refused(reason: &str, message: &str) -> Answer {
    error(400, "youtube.video", reason, message)
}
