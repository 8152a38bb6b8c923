//! How this YouTube behaves where it depends on the account, or where nobody knows.

use chrono::TimeDelta;

use super::super::consent::Consent;
use super::video::Fate;

/// The simulated YouTube's habits.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What the person does at the consent page.
    pub consent: Consent,
    /// How long an authorization code can be exchanged.
    pub code_lifetime: TimeDelta,
    /// How long an access token lives; its whole seconds are sent as `expires_in`.
    pub access_lifetime: TimeDelta,
    /// How long a refresh token lives: for ever, or 7 days where the consent screen is in testing.
    pub refresh_lifetime: Option<TimeDelta>,
    /// Whether the client was deleted in the console.
    pub client_is_deleted: bool,
    /// Whether the account has a channel.
    pub account: Account,
    /// Whether the channel takes videos of more than a quarter of an hour.
    pub long_uploads: LongUploads,
    /// How far the `Date` of each answer is from the time here; `None` leaves it out.
    pub date: Option<TimeDelta>,
    /// Units that the project has for a day, for all calls but uploads.
    pub units_per_day: u64,
    /// Uploads that the project has for a day. Each that is opened counts.
    pub uploads_per_day: u64,
    /// Units that an upload costs: none since uploads have an allowance of their own.
    pub upload_units: u64,
    /// Videos that the channel takes within 24 hours; `None` is as many as come.
    pub channel_uploads: Option<usize>,
    /// What becomes of an upload that doesn't say who may see it, or whether it is made for children.
    pub unsaid: Unsaid,
    /// How the hundred characters of a title are counted.
    pub title_characters: Characters,
    /// What bytes get that don't begin where the stored ones end. None of them are kept.
    pub misplaced: Misplaced,
    /// What is kept of a chunk that breaks off.
    pub broken_off: Partial,
    /// The status with which an upload ends.
    pub final_status: u16,
    /// How long the address of an upload is good for something.
    pub session_lifetime: TimeDelta,
    /// The status that it answers with after that.
    pub gone_status: u16,
    /// Whether bytes are taken without a token by whoever knows the address.
    pub address_is_enough: bool,
    /// Bytes per second and connection that are taken of an upload; `None` is as fast as it goes.
    pub upload_throttle: Option<u64>,
    /// How long a video is processed; `None` is until the test says.
    pub processing_time: Option<TimeDelta>,
    /// What becomes of new videos.
    pub fate: Fate,
    /// What becomes of a video that has the bytes of an earlier one.
    pub duplicates: Duplicates,
    /// How long it takes until a new video is in the channel's list of uploads.
    pub listed_after: TimeDelta,
    /// What becomes of a video that is put into a playlist where it is already.
    pub repeated: Repeated,
    /// How many videos a playlist can have.
    pub playlist_limit: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            consent: Consent::Allows,
            code_lifetime: TimeDelta::minutes(10),
            access_lifetime: TimeDelta::seconds(3599),
            refresh_lifetime: None,
            client_is_deleted: false,
            account: Account::HasChannel,
            long_uploads: LongUploads::Allowed,
            date: Some(TimeDelta::zero()),
            units_per_day: 10_000,
            uploads_per_day: 100,
            upload_units: 0,
            channel_uploads: None,
            unsaid: Unsaid::Refused,
            title_characters: Characters::CodePoints,
            misplaced: Misplaced::Told,
            broken_off: Partial::RoundedDown,
            final_status: 201,
            session_lifetime: TimeDelta::days(7),
            gone_status: 404,
            address_is_enough: false,
            upload_throttle: None,
            processing_time: Some(TimeDelta::minutes(2)),
            fate: Fate::Processed,
            duplicates: Duplicates::Accepted,
            listed_after: TimeDelta::zero(),
            repeated: Repeated::Refused,
            playlist_limit: 5000,
        }
    }
}

/// Whether the account that authorized has a channel, and what it is told where it hasn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// It has one.
    HasChannel,
    /// It has none: 401, `youtubeSignupRequired`.
    SignupRequired,
    /// It has none: a list without items.
    EmptyItems,
    /// It has none: an answer without even the list.
    NoItems,
}

/// Whether the channel takes videos of more than a quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongUploads {
    /// It does.
    Allowed,
    /// It will once its owner has confirmed a phone number.
    Eligible,
    /// It doesn't.
    Disallowed,
}

impl LongUploads {
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Eligible => "eligible",
            Self::Disallowed => "disallowed",
        }
    }
}

/// What becomes of an upload that leaves open what it should say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsaid {
    /// It is refused: the simulator is stricter here than YouTube.
    Refused,
    /// The video is public, and nothing is known of children.
    TakesDefaults,
}

/// How characters are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Characters {
    /// By Unicode's own count.
    CodePoints,
    /// As JavaScript does: an emoji is two.
    Utf16Units,
}

/// What bytes get that don't begin where the stored ones end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// 308, with what is stored.
    Told,
    /// 400.
    Refused,
}

/// What is kept of a chunk that breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// Each byte that came.
    Kept,
    /// A multiple of 256 KiB.
    RoundedDown,
}

/// What becomes of a video that has the bytes of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// It is a second video.
    Accepted,
    /// It is rejected once it is processed.
    Rejected,
}

/// What becomes of a video that is put into a playlist where it is already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// 409.
    Refused,
    /// It is there twice.
    Again,
}
