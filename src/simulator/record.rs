//! Meetings and files as Zoom's JSON shows them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::noise;
use super::spec::{FileSpec, MeetingSpec, Stage};
use super::world::User;

/// What in a meeting's record must never be seen elsewhere.
pub(super) fn secrets(meeting: &MeetingSpec) -> Vec<String> {
    let downloads = meeting.files.iter().map(|file| opaque(file.key()));
    [passcode(&meeting.uuid), share_passcode(&meeting.uuid)].into_iter().chain(downloads).collect()
}

/// The part of a file's download address that stands for it: long, and nobody's business.
pub(super) fn opaque(key: &str) -> String {
    noise::hex(noise::digest(("download", key)), 64)
}

/// A meeting in a listing.
pub(super) fn meeting(spec: &MeetingSpec, user: &User, origin: &str) -> Value {
    if let Some(raw) = &spec.raw {
        return raw.clone();
    }
    let whole: u64 = spec.files.iter().filter(|file| file.stage == Stage::Completed).map(|f| f.content().len()).sum();
    let share = noise::hex(noise::digest(("share", &spec.uuid)), 64);
    let mut record = json!({
        "uuid": spec.uuid,
        "id": spec.number,
        "account_id": "DemoAccountId-0000000A",
        "host_id": user.id,
        "host_email": user.email,
        "topic": spec.topic,
        "type": 8,
        "start_time": instant(spec.start),
        "timezone": spec.timezone,
        "duration": spec.minutes,
        "total_size": whole,
        "recording_count": spec.files.len(),
        "share_url": format!("{origin}/rec/share/{share}?pwd={}", share_passcode(&spec.uuid)),
        "recording_play_passcode": passcode(&spec.uuid),
        "auto_delete": spec.auto_delete.is_some(),
        "recording_files": spec.files.iter().map(|one| file(one, spec, origin)).collect::<Vec<_>>(),
    });
    if let (Some(day), Some(fields)) = (spec.auto_delete, record.as_object_mut()) {
        fields.insert("auto_delete_date".to_owned(), json!(day.to_string()));
    }
    edited(record, &spec.edits)
}

/// A meeting asked for by itself.
pub(super) fn single_meeting(spec: &MeetingSpec, user: &User, origin: &str, download_token: Option<&str>) -> Value {
    let mut record = meeting(spec, user, origin);
    if let Some(fields) = record.as_object_mut() {
        fields.insert("password".to_owned(), json!(passcode(&spec.uuid)));
        fields.insert("participant_audio_files".to_owned(), json!([]));
        if let Some(token) = download_token {
            fields.insert("download_access_token".to_owned(), json!(token));
        }
    }
    record
}

fn file(spec: &FileSpec, meeting: &MeetingSpec, origin: &str) -> Value {
    let start = meeting.start + spec.starts_after;
    let length = spec.lasts.unwrap_or_else(|| TimeDelta::minutes(meeting.minutes.into()));
    let mut record = json!({
        "id": spec.key(),
        "meeting_id": meeting.uuid,
        "recording_start": instant(start),
        "recording_end": instant(start + length),
        "file_type": spec.file_type,
        "file_extension": spec.extension,
        "file_size": spec.content().len(),
        "play_url": format!("{origin}/rec/play/{}", opaque(spec.key())),
        "download_url": format!("{origin}/rec/download/{}", opaque(spec.key())),
        "status": "completed",
        "recording_type": spec.recording_type,
    });
    if let Some(fields) = record.as_object_mut() {
        as_far_as(spec.stage, fields);
    }
    edited(record, &spec.edits)
}

/// Takes back what Zoom doesn't know yet.
fn as_far_as(stage: Stage, fields: &mut Map<String, Value>) {
    if stage == Stage::Completed {
        return;
    }
    fields.insert("status".to_owned(), json!("processing"));
    fields.insert("recording_end".to_owned(), json!(""));
    fields.insert("file_size".to_owned(), json!(0));
    fields.remove("download_url");
    fields.remove("play_url");
    if stage == Stage::Untyped {
        fields.insert("file_type".to_owned(), json!(""));
        fields.insert("file_extension".to_owned(), json!(""));
        fields.remove("recording_type");
        fields.remove("file_size");
    }
}

fn edited(mut record: Value, edits: &[(String, Option<Value>)]) -> Value {
    if let Some(fields) = record.as_object_mut() {
        for (field, value) in edits {
            match value {
                Some(value) => fields.insert(field.clone(), value.clone()),
                None => fields.remove(field),
            };
        }
    }
    record
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn passcode(uuid: &str) -> String {
    format!("PLAY-PASSCODE-{}", noise::hex(noise::digest(("passcode", uuid)), 16))
}

fn share_passcode(uuid: &str) -> String {
    format!("SHARE-PASSCODE-{}", noise::hex(noise::digest(("share passcode", uuid)), 16))
}
