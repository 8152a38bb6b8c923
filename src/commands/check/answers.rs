//! Pure: what Zoom's answers say of the items. The remedy of a refusal is that of the one table.

use chrono::{DateTime, Utc};

use super::item::{Cause, Item};
use super::{judge, local, names};
use crate::chain::chain;
use crate::clock;
use crate::config::Settings;
use crate::http::HttpError;
use crate::meeting::{Availability, ByteCount, DownloadUrl, Meeting, RecordingFile, UserId};
use crate::oauth::{Hindrance, TokenError};
use crate::pipeline::DownloadError;
use crate::pipeline::plan::{Decision, selected};
use crate::pipeline::record::Planned;
use crate::trouble::Trouble;
use crate::zoom::windows::{Rest, Window};
use crate::zoom::wire::Me;
use crate::zoom::{Listed, ZoomError, scopes};

/// What to do about what may pass by itself.
const LATER: &str = "it may pass by itself: run zoom-archiver check again in a while";

/// One user's newest recordings, or why they can't be listed.
pub(super) type Answer = (UserId, Result<Listed, ZoomError>);

/// A clock that can't be right, whatever Zoom's shows.
pub(super) fn unset(now: DateTime<Utc>) -> Option<Item> {
    let error = clock::check(now).err()?;
    let remedy = "let the machine get its time from the network (timedatectl set-ntp true)";
    Some(Item::failure(names::CLOCK, Cause::Other, chain(&error)).remedied_by(Some(remedy)))
}

/// What to do where an exchange fails, whoever it is with.
pub(super) fn remedy_of_http(error: &HttpError) -> &'static str {
    match error {
        HttpError::Tls { .. } | HttpError::Setup(_) => {
            "check the machine's clock, its certificates (the package ca-certificates), and whether a proxy is in between"
        }
        HttpError::Status { .. } | HttpError::TooLarge { .. } | HttpError::Redirect(_) => LATER,
        _ => "check the network, and behind a proxy HTTPS_PROXY; then run zoom-archiver check again",
    }
}

/// What to do where no token can be had.
pub(super) fn remedy_of_token(error: &TokenError) -> String {
    let otherwise = || match error {
        TokenError::Temporary { cause: Hindrance::Http(error), .. } => remedy_of_http(error).to_owned(),
        _ => LATER.to_owned(),
    };
    error.remedy().unwrap_or_else(otherwise)
}

/// What Zoom refuses, or what came in between. A limit that is reached passes by itself.
pub(super) fn refused(name: &'static str, before: &str, error: &ZoomError) -> Item {
    let text = format!("{before}{}", chain(error));
    let item = match error {
        ZoomError::RateLimited(_) => Item::warning(name, text),
        error if error.needs_authorization() || error.trouble() == Some(Trouble::ScopesOrUser) => {
            Item::failure(name, Cause::Authorization, text)
        }
        error if error.trouble() == Some(Trouble::User) => Item::failure(name, Cause::Settings, text),
        _ => Item::failure(name, Cause::Other, text),
    };
    let otherwise = || match error {
        ZoomError::Http(error) => remedy_of_http(error).to_owned(),
        ZoomError::Token(error) => remedy_of_token(error),
        error if error.is_transient() => LATER.to_owned(),
        _ => "run zoom-archiver check again in a while; if it stays, report it with these words".to_owned(),
    };
    item.remedied_by(Some(error.remedy().unwrap_or_else(otherwise)))
}

/// Whether Zoom's answer may mean that the app knows only the user who authorized it.
pub(super) fn may_be_unknown(user: &UserId, answer: &Result<Listed, ZoomError>) -> bool {
    let trouble = answer.as_ref().err().and_then(ZoomError::trouble);
    user.as_str() != "me" && matches!(trouble, Some(Trouble::User | Trouble::ScopesOrUser))
}

/// Whether Zoom says that scopes lack.
fn says_scopes_lack(error: &ZoomError) -> bool {
    matches!(error.trouble(), Some(Trouble::MissingScopes | Trouble::ScopesOrUser))
}

/// Whether what the app was granted suffices: by what Zoom does, and where it does nothing, by what it said.
pub(super) fn granted(granted: &[&str], users: &[UserId], answers: &[Answer], knows_only_me: bool) -> Item {
    let lacking = answers.iter().find_map(|(user, answer)| {
        let error = answer.as_ref().err().filter(|error| says_scopes_lack(error))?;
        (!(knows_only_me && may_be_unknown(user, answer))).then_some(error)
    });
    if let Some(error) = lacking {
        return refused(names::SCOPES, "", error);
    }
    let is_listed = answers.iter().any(|(_, answer)| answer.is_ok());
    match scopes::lacking(granted, users) {
        Some(scope) if !is_listed && !knows_only_me => Item::failure(
            names::SCOPES,
            Cause::Authorization,
            format!("what the app was granted lacks scopes:[{scope}]"),
        )
        .remedied_by(Some(Trouble::MissingScopes.remedy())),
        _ if granted.is_empty() => Item::ok(names::SCOPES, "Zoom has not said which it granted; the listing tells"),
        _ => Item::ok(names::SCOPES, judge::recording_scopes(granted)),
    }
}

/// Whether a user's recordings can be listed. `me` is whoever authorized the app, where Zoom tells.
pub(super) fn user((user, answer): &Answer, me: Option<&Me>, window: Window, knows_only_me: bool) -> Item {
    match answer {
        Ok(listed) => {
            let today = listed.server_time.unwrap_or_else(clock::now).date_naive();
            match listed.page.covers {
                Some(covers) if window.rest(covers, today) != Rest::Nothing => Item::warning(
                    names::USER,
                    format!(
                        "{user}: asked for {} to {}, Zoom answers for {} to {} only; what lacks is asked for in shorter pieces, \
                         which takes longer",
                        window.from, window.to, covers.from, covers.to
                    ),
                ),
                _ => match me.filter(|_| user.as_str() == "me") {
                    Some(me) => Item::ok(names::USER, format!("{user}, who is {me}: can be listed")),
                    None => Item::ok(names::USER, format!("{user}: can be listed")),
                },
            }
        }
        Err(error) if knows_only_me && may_be_unknown(user, answer) => {
            let text = format!("{user}: {}; \"me\" can be listed", chain(error));
            Item::failure(names::USER, Cause::Settings, text).remedied_by(error.remedy())
        }
        Err(error) if says_scopes_lack(error) => Item::skipped(names::USER, &format!("the scopes: {user}")),
        Err(error) => refused(names::USER, &format!("{user}: "), error),
    }
}

/// How many recordings there are, and what would be done about them. `users` has one entry for each.
pub(super) fn recordings_words(settings: &Settings, users: &[UserId], planned: &[Planned]) -> String {
    let days = settings.poll.lookback_days;
    if planned.is_empty() {
        return format!("none in the last {days} days");
    }
    let meetings = local::meetings(planned.len());
    let of_user = |user: &UserId| format!("{user} {}", users.iter().filter(|one| *one == user).count());
    let by_user = match settings.zoom.users.as_slice() {
        [_] => String::new(),
        several => format!(" ({})", several.iter().map(of_user).collect::<Vec<_>>().join(", ")),
    };
    let words = ["fetch", "record", "waiting", "archived", "empty", "left out"];
    let count = |word: &&str| planned.iter().filter(|planned| planned.decision.word() == *word).count();
    let counts: Vec<String> =
        words.iter().filter(|word| count(word) > 0).map(|word| format!("{} {word}", count(word))).collect();
    format!("{meetings} in the last {days} days{by_user}: {}", counts.join(", "))
}

/// What waits to be fetched: now, or at its next try.
pub(super) fn to_fetch(planned: &[Planned]) -> ByteCount {
    let waits = |planned: &&Planned| matches!(planned.decision, Decision::Fetch { .. } | Decision::Parked { .. });
    planned.iter().filter(waits).map(Planned::unfetched).sum()
}

/// The newest file that could be fetched: one that is to be, if there is any.
pub(super) fn newest_file<'a>(
    planned: &'a [Planned],
    settings: &'a Settings,
) -> Option<(&'a Meeting, &'a RecordingFile, &'a DownloadUrl)> {
    let files = planned.iter().flat_map(|planned| {
        let of_meeting = selected(&planned.meeting, &settings.select);
        of_meeting.map(move |file| (planned, file))
    });
    let ready = files.filter_map(|(planned, file)| match &file.availability {
        Availability::Ready(url) => Some((planned, file, url)),
        Availability::Processing => None,
    });
    let newest = ready.max_by_key(|(planned, file, _)| {
        let is_wanted = matches!(&planned.decision, Decision::Fetch { files, .. } if files.contains(&file.id));
        (is_wanted, planned.meeting.start_time)
    });
    newest.map(|(planned, file, url)| (&planned.meeting, file, url))
}

/// Why a file can't be had.
pub(super) fn undownloadable(what: &str, error: &DownloadError, granted: &[&str]) -> Item {
    let text = format!("{what}: {}", chain(error));
    match error {
        DownloadError::Zoom(error) => refused(names::DOWNLOAD, &format!("{what}: "), error),
        DownloadError::RateLimited(_) => {
            Item::warning(names::DOWNLOAD, text).remedied_by(Some(Trouble::RateLimit.remedy()))
        }
        DownloadError::Broken(broken) => {
            Item::failure(names::DOWNLOAD, Cause::Other, text).remedied_by(Some(remedy_of_http(broken)))
        }
        _ if scopes::lack_files(granted) => {
            let text =
                format!("{text}; what the app was granted has none of scopes:[{}]", scopes::READ_FILES.join(", "));
            Item::failure(names::DOWNLOAD, Cause::Authorization, text)
                .remedied_by(Some(Trouble::MissingScopes.remedy()))
        }
        error => {
            let trouble = error.trouble();
            let cause = match trouble {
                Some(trouble) if trouble.needs_authorization() => Cause::Authorization,
                _ => Cause::Other,
            };
            Item::failure(names::DOWNLOAD, cause, text).remedied_by(Some(trouble.map_or(LATER, Trouble::remedy)))
        }
    }
}
