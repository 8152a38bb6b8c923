//! Pure: what a video is called and said to be, of the settings and of what Zoom said of its meeting.

mod brackets;
mod text;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use self::brackets::without_duration;
use super::marker::Marker;
use crate::archive::entry::FileEntry;
use crate::archive::manifest::Manifest;
use crate::config::{ArchiveZone, Privacy, Template, YoutubeSettings};
use crate::meeting::Meeting;

/// "The property value has a maximum length of 100 characters" ("Videos", `snippet.title`).
const LONGEST_TITLE: usize = 100;
/// "A maximum length of 5000 bytes" ("Videos", `snippet.description`).
const LONGEST_DESCRIPTION: usize = 5000;
/// "A maximum length of 500 characters", all tags together ("Videos", `snippet.tags[]`).
const LONGEST_TAGS: usize = 500;

/// What `videos.insert` is told of a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its title: never empty, at most 100 characters however they are counted, in one line, without `<` and `>`.
    pub title: String,
    /// Its description, of at most 5000 bytes.
    pub description: String,
    /// Its tags, of at most 500 characters together; the marker is one of them.
    pub tags: Vec<String>,
    /// When it was recorded.
    pub recording_date: DateTime<Utc>,
    /// `YouTube`'s number of its category.
    pub category: String,
    /// Who may see it.
    pub privacy: Privacy,
    /// Whether it is made for children.
    pub made_for_kids: bool,
}

impl Metadata {
    /// What is said of a file of a meeting, which is sent as this part of it, dated in this zone.
    #[must_use]
    pub fn of_file(
        settings: &YoutubeSettings,
        zone: ArchiveZone,
        manifest: &Manifest,
        file: &FileEntry,
        part: u32,
    ) -> Self {
        let values = Values::of(zone, manifest, part);
        Self {
            title: title(&settings.title, &values, part),
            description: description(&settings.description, &values),
            tags: tags(&settings.tags, &Marker::of(&manifest.uuid, part)),
            recording_date: file.recording_start.unwrap_or(manifest.start_time),
            category: settings.category.clone(),
            privacy: settings.privacy,
            made_for_kids: settings.made_for_kids,
        }
    }

    /// The body of `videos.insert`, with the parts `snippet`, `status` and `recordingDetails`.
    ///
    /// Who may see it and for whom it is made are always said: left out, the one would be everyone, and the other asked of
    /// the channel's owner.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let body = json!({
            "snippet": {
                "title": self.title,
                "description": self.description,
                "tags": self.tags,
                "categoryId": self.category,
            },
            "status": {
                "privacyStatus": self.privacy.name(),
                "selfDeclaredMadeForKids": self.made_for_kids,
            },
            "recordingDetails": {
                "recordingDate": self.recording_date.to_rfc3339_opts(SecondsFormat::Secs, true),
            },
        });
        body.to_string().into_bytes()
    }
}

/// What the placeholders stand for, each in one line.
struct Values {
    topic: String,
    date: String,
    time: String,
    duration_min: u32,
    timezone: String,
    host: String,
    meeting_id: String,
    part: u32,
}

impl Values {
    fn of(zone: ArchiveZone, manifest: &Manifest, part: u32) -> Self {
        let zone = zone.of_meeting(manifest.timezone.as_deref());
        let local = manifest.start_time.with_timezone(&zone);
        let line = |text: &str, otherwise: &str| {
            let line = text::line(text);
            if text::is_blank(&line) { otherwise.to_owned() } else { line }
        };
        let user = line(manifest.user.as_str(), "unknown");
        Self {
            topic: line(&manifest.topic, Meeting::UNTITLED),
            date: local.format("%Y-%m-%d").to_string(),
            time: local.format("%H:%M").to_string(),
            duration_min: manifest.duration_min,
            timezone: zone.name().to_owned(),
            host: manifest.host_email.as_deref().map_or_else(|| user.clone(), |host| line(host, &user)),
            meeting_id: manifest.meeting_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string()),
            part,
        }
    }

    fn get(&self, name: &str) -> String {
        match name {
            "topic" => self.topic.clone(),
            "date" => self.date.clone(),
            "time" => self.time.clone(),
            "duration" => self.duration_min.to_string(),
            "timezone" => self.timezone.clone(),
            "host" => self.host.clone(),
            "meeting_id" => self.meeting_id.clone(),
            "part" => self.part.to_string(),
            other => format!("{{{other}}}"),
        }
    }

    /// The template that is used: without a duration, another one.
    fn template(&self, template: &Template) -> Template {
        if self.duration_min > 0 {
            return template.clone();
        }
        let shorter = without_duration(template.as_str());
        Template::parse(&shorter, &YoutubeSettings::NAMES).unwrap_or_else(|_| template.clone())
    }
}

/// A title that is too long loses from its topic, as little as will do; never from its date or part.
fn title(template: &Template, values: &Values, part: u32) -> String {
    let says_part = template.as_str().contains("{part}");
    let suffix = if part > 1 && !says_part { format!(" (part {part})") } else { String::new() };
    let room = LONGEST_TITLE - text::length(&suffix);
    let template = values.template(template);
    let with = |topic: &str| {
        text::line(&template.render(|name| if name == "topic" { topic.to_owned() } else { values.get(name) }))
    };
    let fits = |title: &String| text::length(title) <= room;
    let cuts = (1..room).rev().map(|most| text::shortened(&values.topic, most, text::length));
    // Of a topic whose first character is too long, a name that says as much is better than nothing.
    let topics =
        cuts.filter(|topic| topic != text::ELLIPSIS).chain([Meeting::UNTITLED, text::ELLIPSIS].map(str::to_owned));
    let title = Some(with(&values.topic)).filter(fits).or_else(|| topics.map(|topic| with(&topic)).find(fits));
    // The settings' own words alone may be too long.
    let title = title.unwrap_or_else(|| text::shortened(&with(text::ELLIPSIS), room, text::length));
    if text::is_blank(&title) { format!("{}{suffix}", Meeting::UNTITLED) } else { title + &suffix }
}

fn description(template: &Template, values: &Values) -> String {
    let whole = text::lines(&values.template(template).render(|name| values.get(name)));
    text::shortened(&whole, LONGEST_DESCRIPTION, str::len)
}

/// The marker always fits; of the others, the first ones that do.
fn tags(wanted: &[String], marker: &Marker) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let mut room = LONGEST_TAGS - tag_length(marker.as_str());
    for tag in wanted.iter().map(|tag| text::line(tag)) {
        let length = tag_length(&tag);
        if length <= room && !text::is_blank(&tag) && !tags.contains(&tag) {
            room -= length;
            tags.push(tag);
        }
    }
    tags.push(marker.to_string());
    tags
}

/// What a tag takes of the limit: a comma parts it from the next, and one with a space in it is put into quotation marks.
fn tag_length(tag: &str) -> usize {
    text::length(tag) + 1 + if tag.contains(' ') { 2 } else { 0 }
}

#[cfg(test)]
mod tests;
