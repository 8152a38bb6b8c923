//! Pure: what is well, what is doubtful and what is wrong, apart from looking.

use chrono::{DateTime, TimeDelta, Utc};

use super::item::{Cause, Item};
use super::names;
use crate::meeting::ByteCount;
use crate::youtube::LongUploads;

/// A clock that is off by less is right.
const SKEW_NOTED: TimeDelta = TimeDelta::minutes(1);
/// One that is off by more is wrong.
const SKEW_BORNE: TimeDelta = TimeDelta::hours(1);
/// Zoom's refresh tokens are said to live 90 days without being used.
const TOKEN_LIFE: TimeDelta = TimeDelta::days(90);
/// A refresh token that wasn't renewed for so long is in danger of that.
const TOKEN_OLD: TimeDelta = TimeDelta::days(60);

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The tokens, the lock, and all that has to outlast a restart.
    State,
    /// The recordings.
    Archive,
    /// The log, which nothing depends on.
    Log,
}

/// What is to be known of a kind of file system where it is used so, and what to do about it.
pub(super) fn drawback(kind: &str, purpose: Purpose) -> Option<(&'static str, &'static str)> {
    let to_disk = match purpose {
        Purpose::State => "set state_dir to a folder on a local disk",
        Purpose::Archive => "set archive.directory to a folder on a disk",
        Purpose::Log => return None,
    };
    match kind {
        "tmpfs" | "ramfs" => Some(("it is in memory, and gone when the machine is switched off", to_disk)),
        "overlay" | "aufs" => Some((
            "it is part of a container, and gone with it",
            "mount a volume there, unless the container is to keep it",
        )),
        "vfat" | "msdos" if purpose == Purpose::Archive => {
            Some(("no file of 4 GiB or more can be kept there", "use a disk with another file system"))
        }
        "vfat" | "msdos" | "exfat" | "ntfs" | "ntfs3" | "fuseblk" if purpose == Purpose::State => {
            Some(("it knows no permissions, so that others on this machine may read the tokens", to_disk))
        }
        "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "9p" | "ceph" | "fuse.sshfs" | "fuse.rclone" | "fuse.s3fs"
            if purpose == Purpose::State =>
        {
            Some(("on a network file system, locks and renames are not to be relied on", to_disk))
        }
        _ => None,
    }
}

/// By how much our clock is ahead, as far as an answer with that `Date` proves it: at some moment between question and
/// answer, the server's clock showed that second.
fn ahead(asked: DateTime<Utc>, answered: DateTime<Utc>, server: DateTime<Utc>) -> TimeDelta {
    let second = TimeDelta::seconds(1);
    if server + second < asked {
        asked - server - second
    } else if server > answered {
        answered - server
    } else {
        TimeDelta::zero()
    }
}

/// The clock, by an answer's `Date`.
pub(super) fn clock(asked: DateTime<Utc>, answered: DateTime<Utc>, server: Option<DateTime<Utc>>) -> Item {
    let Some(server) = server else { return Item::skipped(names::CLOCK, "the date in Zoom's answer, which has none") };
    let ahead = ahead(asked, answered, server);
    let skew = ahead.abs();
    if skew < SKEW_NOTED {
        return Item::ok(names::CLOCK, "it shows the same time as Zoom's");
    }
    let direction = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
    let text = format!("it is {} {direction} Zoom's", span(skew));
    let item = if skew <= SKEW_BORNE {
        Item::warning(names::CLOCK, text)
    } else {
        let breaks = "tokens seem to last longer or shorter than they do, and the wrong days are asked for";
        Item::failure(names::CLOCK, Cause::Other, format!("{text}: {breaks}"))
    };
    item.remedied_by(Some("let the machine get its time from the network (timedatectl set-ntp true)"))
}

/// A refresh token by its age, if there is something to say about it.
pub(super) fn is_token_old(written: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - written >= TOKEN_OLD
}

/// How old it is, and what that means where it is old.
pub(super) fn token_age(written: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let age = (now - written).max(TimeDelta::zero());
    if is_token_old(written, now) {
        format!("{} old, and unused it is good for some {} days", span(age), TOKEN_LIFE.num_days())
    } else {
        format!("{} old", span(age))
    }
}

/// A length of time by its two largest units at most.
pub(super) fn span(length: TimeDelta) -> String {
    let counted = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    let (days, hours, minutes) = (length.num_days(), length.num_hours() % 24, length.num_minutes() % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => counted(length.num_seconds(), "second"),
        (0, 0, minutes) => counted(minutes, "minute"),
        (0, hours, 0) => counted(hours, "hour"),
        (0, hours, minutes) => format!("{} {}", counted(hours, "hour"), counted(minutes, "minute")),
        (days, _, _) => counted(days, "day"),
    }
}

/// The scopes that are about recordings, in a row.
pub(super) fn recording_scopes(granted: &[&str]) -> String {
    let ours: Vec<&str> = granted.iter().copied().filter(|scope| scope.contains("recording")).collect();
    ours.join(", ")
}

/// The videos that a channel was sent since midnight Pacific time, against what is allowed for a day.
pub(super) fn uploads_today(sent: usize, daily_uploads: u32) -> Item {
    let text = format!("{sent} of {daily_uploads} since midnight Pacific time (youtube.daily_uploads)");
    if sent < usize::try_from(daily_uploads).unwrap_or(usize::MAX) {
        Item::ok(names::UPLOADS_TODAY, text)
    } else {
        Item::warning(names::UPLOADS_TODAY, text).remedied_by(Some("nothing: the rest is sent after the next one"))
    }
}

/// Whether a channel may have videos of more than 15 minutes.
pub(super) fn long_uploads(long: LongUploads) -> Item {
    match long {
        LongUploads::Allowed => {
            Item::ok(names::LONG_UPLOADS, "the channel may have videos of any length up to 12 hours")
        }
        LongUploads::Unknown => Item::ok(names::LONG_UPLOADS, "YouTube does not say how long videos may be"),
        LongUploads::Eligible | LongUploads::Disallowed => {
            Item::warning(names::LONG_UPLOADS, "the channel may have videos of up to 15 minutes only")
                .remedied_by(Some("verify it at youtube.com/verify"))
        }
    }
}

/// What is free on the archive's disk against what is kept free and what waits to be fetched, where that is known.
pub(super) fn free_space(free: ByteCount, keep: ByteCount, waiting: Option<ByteCount>) -> Item {
    let kept = format!("{free} free, of which {keep} are kept free (download.min_free_space)");
    let spare = ByteCount(free.0.saturating_sub(keep.0));
    let make_room = Some("make room, or set archive.directory to a folder on a larger disk");
    match waiting {
        Some(waiting) if waiting.0 > 0 && spare.0 == 0 => {
            Item::failure(names::SPACE, Cause::Other, format!("{kept}: none of the {waiting} to fetch fits"))
                .remedied_by(make_room)
        }
        Some(waiting) if waiting.0 > spare.0 => {
            Item::warning(names::SPACE, format!("{kept}: not all of the {waiting} to fetch fit")).remedied_by(make_room)
        }
        _ if spare.0 == 0 => {
            Item::warning(names::SPACE, format!("{kept}: no further file would fit")).remedied_by(make_room)
        }
        Some(waiting) if waiting.0 > 0 => Item::ok(names::SPACE, format!("{kept}; {waiting} to fetch")),
        Some(_) => Item::ok(names::SPACE, format!("{kept}; nothing to fetch")),
        None => Item::ok(names::SPACE, kept),
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::State;
    use super::*;

    fn at(time: &str) -> DateTime<Utc> {
        format!("2025-12-02T{time}Z").parse().unwrap()
    }

    #[test]
    fn a_clock_is_right_within_a_minute_doubtful_within_an_hour_and_wrong_beyond() {
        for (server, state, words) in [
            ("12:00:00", State::Ok, "the same time"),
            ("12:00:04", State::Ok, "the same time"),
            ("12:01:04", State::Ok, "the same time"),
            ("11:59:01", State::Ok, "the same time"),
            ("12:01:05", State::Warning, "1 minute behind Zoom's"),
            ("11:58:59", State::Warning, "1 minute ahead of Zoom's"),
            ("12:30:05", State::Warning, "30 minutes behind"),
            ("13:00:05", State::Warning, "1 hour behind"),
            ("13:00:06", State::Failure(Cause::Other), "1 hour behind Zoom's: tokens"),
            ("10:29:59", State::Failure(Cause::Other), "1 hour 30 minutes ahead"),
        ] {
            let item = clock(at("12:00:00"), at("12:00:05"), Some(at(server)));
            assert_eq!(item.state, state, "{server}");
            assert!(item.text.contains(words), "{server}: {}", item.text);
            assert_eq!(item.remedy.is_some(), state != State::Ok, "{server}");
        }
        assert_eq!(clock(at("12:00:00"), at("12:00:05"), None).state, State::Skipped);
    }

    #[test]
    fn a_token_is_old_from_sixty_days_on_and_one_from_the_future_is_new() {
        let written = at("12:00:00");
        for (days, is_old, words) in
            [(0, false, "0 seconds old"), (59, false, "59 days old"), (60, true, "90 days"), (-5, false, "0 seconds")]
        {
            let now = written + TimeDelta::days(days);
            assert_eq!(is_token_old(written, now), is_old, "{days}");
            assert!(token_age(written, now).contains(words), "{days}: {}", token_age(written, now));
        }
    }

    #[test]
    fn room_is_judged_by_what_waits_and_what_has_to_stay_free() {
        let gib = |count: u64| ByteCount(count << 30);
        for (free, waiting, state) in [
            (10, None, State::Ok),
            (2, None, State::Warning),
            (10, Some(0), State::Ok),
            (10, Some(8), State::Ok),
            (10, Some(9), State::Warning),
            (2, Some(0), State::Warning),
            (2, Some(1), State::Failure(Cause::Other)),
            (0, Some(1), State::Failure(Cause::Other)),
        ] {
            assert_eq!(free_space(gib(free), gib(2), waiting.map(gib)).state, state, "{free} {waiting:?}");
        }
    }

    #[test]
    fn a_file_system_is_doubtful_only_for_what_it_is_used_for() {
        use Purpose::{Archive, State};
        for (kind, purpose, is_doubtful) in [
            ("ext4", State, false),
            ("btrfs", State, false),
            ("zfs", Archive, false),
            ("something_new", State, false),
            ("nfs4", State, true),
            ("nfs4", Archive, false),
            ("cifs", State, true),
            ("vfat", State, true),
            ("vfat", Archive, true),
            ("exfat", State, true),
            ("exfat", Archive, false),
            ("tmpfs", State, true),
            ("tmpfs", Archive, true),
            ("overlay", State, true),
        ] {
            assert_eq!(drawback(kind, purpose).is_some(), is_doubtful, "{kind} {purpose:?}");
        }
    }
}
