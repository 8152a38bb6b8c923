//! `state.json`: what must outlast a restart and is not in the archive. Losing it costs one full scan.

mod as_list;
mod notices;
mod uploads;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

pub use notices::{Failing, News, Notices, Outgoing, Subject};
pub use uploads::{Failed, Parked, Uploads, Wait};

use self::as_list::Listed;
use crate::disk::{self, DiskError};
use crate::meeting::{MeetingUuid, UserId};

/// The file's name in the state folder.
pub const FILE: &str = "state.json";

/// What the service remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The archive folder in use: once used, it must have its marker.
    pub archive: Option<PathBuf>,
    /// The settings that decide what a scan finds, as they were at the last full scan.
    pub scanned_with: String,
    /// Each user's last full scan.
    pub full_scans: BTreeMap<UserId, FullScan>,
    /// Meetings that are not done: their days are listed again by every poll.
    #[serde(with = "as_list")]
    pub pending: BTreeMap<MeetingUuid, Pending>,
    /// Until when Zoom asked to be left alone (its daily rate limit).
    pub zoom_wait_until: Option<DateTime<Utc>>,
    /// What is remembered of the uploads to YouTube.
    pub uploads: Box<Uploads>,
    /// What is remembered of what people are told.
    pub notices: Box<Notices>,
}

/// A user's last full scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullScan {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Whether it covered every day.
    pub complete: bool,
}

/// A meeting that is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The user in whose listing it is.
    pub user: UserId,
    /// The meeting.
    pub uuid: MeetingUuid,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// When it began: the day to list.
    pub start: DateTime<Utc>,
    /// When it was first seen.
    pub first_seen: DateTime<Utc>,
    /// The day on which Zoom will delete it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<NaiveDate>,
    /// The day, in UTC, on which that was last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_told: Option<NaiveDate>,
    /// Why it is not done.
    pub why: Why,
    /// The last problem, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub problem: String,
    /// How many tries in a row failed.
    #[serde(default)]
    pub failed_tries: u32,
    /// When it is tried next, where it failed before.
    #[serde(default)]
    pub next_try: Option<DateTime<Utc>>,
    /// Whether somebody asked for what of it is not on the disk, though a row says that it was archived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refetch: bool,
}

/// Why a meeting is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// Its files wait for a worker, or for space on the disk.
    Queued,
    /// Zoom is still at work on it.
    Processing,
    /// Zoom asked to wait with a file of it: not even a run that tries everything at once asks sooner.
    PutOff,
    /// A file could not be fetched.
    Failed,
}

impl State {
    /// Reads the file; without one, or where it is damaged, an empty state.
    ///
    /// # Errors
    /// [`DiskError`] where it is there but can't be read.
    pub fn load(path: &Path) -> Result<Self, DiskError> {
        let Some(bytes) = disk::read_if_there(path)? else { return Ok(Self::default()) };
        match serde_json::from_slice(&bytes) {
            Ok(state) => Ok(state),
            Err(error) => {
                tracing::warn!("{} is damaged ({error}); a full scan will make up for it", path.display());
                Ok(Self::default())
            }
        }
    }

    /// Replaces the file, durably.
    ///
    /// # Errors
    /// [`DiskError`]; the earlier file is then as it was.
    ///
    /// # Panics
    /// Never: all that it holds can be put into JSON.
    pub fn save(&self, path: &Path) -> Result<(), DiskError> {
        let mut text = serde_json::to_vec_pretty(self).expect("it holds nothing that JSON can't");
        text.push(b'\n');
        disk::replace(path, &text, disk::SECRET_MODE)
    }

    /// The days on which a user's pending meetings began, those left out of which `is_in_hand` says so.
    pub fn pending_days<'a>(
        &'a self,
        user: &'a UserId,
        is_in_hand: impl Fn(&MeetingUuid) -> bool + 'a,
    ) -> impl Iterator<Item = NaiveDate> + 'a {
        let of_user = self.pending.values().filter(move |pending| pending.user == *user);
        of_user.filter(move |pending| !is_in_hand(&pending.uuid)).map(|pending| pending.start.date_naive())
    }
}

impl Listed for Pending {
    type Key = MeetingUuid;

    fn key(&self) -> &MeetingUuid {
        &self.uuid
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::hostile;
    use crate::meeting::FileId;

    #[test]
    fn what_is_saved_is_read_back_and_no_one_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let pending = Pending {
            user: "me".parse().unwrap(),
            uuid: "/a//b==".parse().unwrap(),
            topic: "Weekly class".to_owned(),
            start: DateTime::default(),
            first_seen: DateTime::default(),
            deletion: Some(NaiveDate::default()),
            deletion_told: Some(NaiveDate::default()),
            why: Why::Failed,
            problem: "cut short".to_owned(),
            failed_tries: 2,
            next_try: Some(DateTime::default()),
            refetch: true,
        };
        let (uuid, file_id) = (pending.uuid.clone(), "f".parse::<FileId>().unwrap());
        let at = DateTime::default();
        let parked = Parked {
            uuid: uuid.clone(),
            part: 2,
            file_id: file_id.clone(),
            reason: "bad title".to_owned(),
            is_unclear: true,
            at,
        };
        let failed = Failed {
            uuid,
            file_id: file_id.clone(),
            tries: 3,
            stored: 7,
            is_unclear: true,
            unclear_since: Some(at),
            next_try: at,
            problem: "cut short".to_owned(),
        };
        let uploads = Box::new(Uploads {
            day: Some(at),
            count: 7,
            wait: Some(Wait { until: at, why: "quotaExceeded".to_owned() }),
            parked: [(file_id.clone(), parked)].into(),
            failed: [(file_id.clone(), failed)].into(),
            lost: [("dQw4w9WgXcQ".to_owned(), "duplicate".to_owned())].into(),
            passed_over: [file_id].into(),
        });
        let state = State { pending: [(pending.uuid.clone(), pending)].into(), uploads, ..State::default() };
        state.save(&path).unwrap();
        assert_eq!(State::load(&path).unwrap(), state);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_an_earlier_version_remembers_of_a_meeting_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let pending = r#"{"user": "me", "uuid": "a==", "start": "2025-12-02T12:00:00Z",
                          "first_seen": "2025-12-02T12:00:00Z", "why": "queued"}"#;
        std::fs::write(&path, format!("{{\"pending\": [{pending}]}}")).unwrap();
        let state = State::load(&path).unwrap();
        let pending = &state.pending[&"a==".parse::<MeetingUuid>().unwrap()];
        assert_eq!((pending.topic.as_str(), pending.deletion, pending.deletion_told), ("", None, None));
        assert!(!pending.refetch);
    }

    #[test]
    fn a1_a_damaged_state_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(State::load(&path).unwrap(), State::default());
        for damaged in ["", "{\"pending\": [", "\0\0\0", "{\"pending\": 7}"] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(State::load(&path).unwrap(), State::default(), "{damaged:?}");
        }
    }

    prop_compose! {
        fn any_pending()(
            uuid in hostile::strings().prop_filter_map("no id", |text| text.parse::<MeetingUuid>().ok()),
            user in hostile::strings().prop_filter_map("no id", |text| text.parse::<UserId>().ok()),
            (start, first_seen) in (-62_167_219_200..253_402_300_800_i64, 0..253_402_300_800_i64),
            next_try in prop::option::of(0..253_402_300_800_i64),
            (topic, deletion) in (hostile::strings(), prop::option::of(0..253_402_300_800_i64)),
            why in select(&[Why::Queued, Why::Processing, Why::PutOff, Why::Failed][..]),
            problem in hostile::strings(),
            failed_tries in any::<u32>(),
            refetch in any::<bool>(),
        ) -> Pending {
            let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
            Pending {
                user,
                uuid,
                topic,
                start: at(start),
                first_seen: at(first_seen),
                deletion: deletion.map(|seconds| at(seconds).date_naive()),
                deletion_told: None,
                why,
                problem,
                failed_tries,
                next_try: next_try.map(at),
                refetch,
            }
        }
    }

    proptest! {
        #![proptest_config(hostile::slow_config())]

        #[test]
        fn whatever_was_remembered_is_remembered_after_a_restart(
            pending in prop::collection::vec(any_pending(), 0..4),
            scanned_with in hostile::strings(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(FILE);
            let full_scans = pending.iter().map(|pending| {
                (pending.user.clone(), FullScan { at: pending.first_seen, complete: pending.failed_tries == 0 })
            });
            let state = State {
                archive: Some("/archive".into()),
                scanned_with,
                full_scans: full_scans.collect(),
                pending: pending.into_iter().map(|pending| (pending.uuid.clone(), pending)).collect(),
                zoom_wait_until: None,
                uploads: Box::default(),
                notices: Box::default(),
            };
            state.save(&path).unwrap();
            prop_assert_eq!(State::load(&path).unwrap(), state);
        }

        #[test]
        fn a1_any_bytes_in_the_place_of_the_state_are_one_or_an_empty_one(
            bytes in hostile::bytes(),
            (key, value) in (select(&["archive", "scanned_with", "full_scans", "pending", "zoom_wait_until", "uploads"][..]), hostile::json_text()),
            (start, next_try) in (hostile::times(), hostile::times()),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(FILE);
            let pending = serde_json::json!({ "pending": [{
                "user": "me", "uuid": "u==", "start": start, "first_seen": start, "why": "failed", "next_try": next_try,
            }]});
            for content in [bytes, format!(r#"{{"{key}":{value}}}"#).into_bytes(), pending.to_string().into_bytes()] {
                std::fs::write(&path, &content).unwrap();
                let state = State::load(&path).unwrap();
                let me = "me".parse().unwrap();
                prop_assert!(state.pending_days(&me, |_| false).count() <= state.pending.len());
                state.save(&path).unwrap();
                prop_assert_eq!(State::load(&path).unwrap(), state);
            }
        }
    }
}
