//! What `YouTube` says, where the settings have a client for it: whether the token works, whose channel it is, and what that
//! may do.

use tokio_util::sync::CancellationToken;

use super::answers::remedy_of_http;
use super::findings::Findings;
use super::item::{Cause, Item};
use super::{judge, local, names};
use crate::chain::chain;
use crate::clock;
use crate::commands::setup;
use crate::config::Settings;
use crate::oauth::YOUTUBE_SCOPE;
use crate::report::Failure;
use crate::trouble::Trouble;
use crate::youtube::{Channel, Youtube, YoutubeError, day};

/// Looks at it, if it is switched on, or somebody has authorized it. As long as publishing is switched off, nothing here is a failure.
pub(super) async fn look(
    settings: &Settings,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let is_wanted = settings.youtube.client().is_ok() && settings.youtube.token_file.exists();
    if !settings.youtube.enabled && !is_wanted {
        return Ok(());
    }
    let youtube = match setup::youtube(settings) {
        Ok(youtube) => youtube,
        Err(Failure::Http(error)) => {
            let item = Item::failure(names::YOUTUBE_TOKEN, Cause::Other, chain(&error));
            let item = item.remedied_by(Some(remedy_of_http(&error)));
            findings.add(item.mild_unless(settings.youtube.enabled));
            findings.skip([names::YOUTUBE_CHANNEL, names::LONG_UPLOADS, names::UPLOADS_TODAY], "the certificates");
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    youtube.tokens().leave_mode();
    look_at(settings, &youtube, findings, stop).await;
    setup::close(youtube.tokens()).await;
    if stop.is_cancelled() { Err(Failure::Interrupted) } else { Ok(()) }
}

async fn look_at(settings: &Settings, youtube: &Youtube, findings: &mut Findings, stop: &CancellationToken) {
    let is_needed = settings.youtube.enabled;
    let token = token(settings, youtube, stop).await;
    let is_usable = !token.is_failure();
    findings.add(token.mild_unless(is_needed));
    let channel = if is_usable { Some(youtube.channel(stop).await) } else { None };
    let channel = match channel {
        Some(Ok(channel)) => channel,
        Some(Err(error)) => {
            findings.add(refused(names::YOUTUBE_CHANNEL, &error).mild_unless(is_needed));
            return findings.skip([names::LONG_UPLOADS, names::UPLOADS_TODAY], "the channel");
        }
        None => {
            let rest = [names::YOUTUBE_CHANNEL, names::LONG_UPLOADS, names::UPLOADS_TODAY];
            return findings.skip(rest, "the YouTube token");
        }
    };
    findings.add(Item::ok(names::YOUTUBE_CHANNEL, format!("{} ({})", channel.title, channel.id)));
    findings.add(judge::long_uploads(channel.long_uploads));
    findings.add(uploads_today(settings, youtube, &channel, stop).await.mild_unless(is_needed));
}

/// The token file, whether its token works, and what it may be used for.
async fn token(settings: &Settings, youtube: &Youtube, stop: &CancellationToken) -> Item {
    let (name, path) = (names::YOUTUBE_TOKEN, &settings.youtube.token_file);
    let kept = match youtube.tokens().kept().await {
        Ok(kept) => kept,
        Err(error) => return local::no_token(name, &error),
    };
    let token = match youtube.tokens().access_in_order(stop).await {
        Ok(token) => token,
        Err(error) => return local::no_token(name, &error),
    };
    if !token.scopes().is_empty() && !token.has_scope(YOUTUBE_SCOPE) {
        let text = format!("{}: the token was not granted {YOUTUBE_SCOPE}", path.display());
        return Item::failure(name, Cause::Authorization, text).remedied_by(Some(Trouble::YoutubeScope.remedy()));
    }
    let text =
        format!("{}: it works, with an access token until {}", path.display(), token.expires_at().format("%H:%M UTC"));
    local::doubt_about(name, path, &kept, &text).unwrap_or_else(|| Item::ok(name, text))
}

async fn uploads_today(settings: &Settings, youtube: &Youtube, channel: &Channel, stop: &CancellationToken) -> Item {
    let daily = settings.youtube.daily_uploads;
    let today = day::began(clock::now());
    match youtube.uploads_since(channel, today, stop).await {
        Ok(sent) => judge::uploads_today(sent, daily),
        Err(error) => refused(names::UPLOADS_TODAY, &error),
    }
}

/// What `YouTube` refuses, or what came in between. What passes by itself is no failure.
fn refused(name: &'static str, error: &YoutubeError) -> Item {
    let text = chain(error);
    let item = match error.trouble() {
        Some(Trouble::YoutubeQuota | Trouble::YoutubeRate) => Item::warning(name, text),
        _ if error.needs_authorization() => Item::failure(name, Cause::Authorization, text),
        _ => Item::failure(name, Cause::Other, text),
    };
    let otherwise = || match error {
        YoutubeError::Http(error) => Some(remedy_of_http(error).to_owned()),
        _ => None,
    };
    item.remedied_by(error.remedy().or_else(otherwise))
}
