//! The end of an authorization: for whom it is, what it may do, what lacks, and what comes next.

use tokio_util::sync::CancellationToken;

use super::terminal::say;
use crate::chain::chain;
use crate::config::Settings;
use crate::oauth::AccessToken;
use crate::report::Failure;
use crate::youtube::{LongUploads, Youtube};
use crate::zoom::{Zoom, scopes};

/// Says whose recordings a new token opens, and whether it can list them.
pub(super) async fn zoom(
    settings: &Settings,
    zoom: &Zoom,
    token: &AccessToken,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let granted = token.scopes();
    let whom = if scopes::know_whom(&granted) {
        let me = zoom.me(stop).await;
        me.map_or_else(|_| "whoever allowed it (Zoom did not tell the name)".to_owned(), |me| me.to_string())
    } else {
        "whoever allowed it (Zoom tells the name to apps with the scope user:read:user)".to_owned()
    };
    let scopes = if granted.is_empty() { "Zoom did not say".to_owned() } else { granted.join(", ") };
    let lacks = scopes::lacking(&granted, &settings.zoom.users);
    say(&format!(
        "Authorized with Zoom.\n  for       {whom}\n  scopes    {scopes}\n  lacks     {}\n  saved in  {}",
        lacks.unwrap_or(if granted.is_empty() { "not known; zoom-archiver check finds out" } else { "nothing" }),
        settings.zoom.token_file.display()
    ))?;
    if let Some(scope) = lacks {
        let me = "me".parse().map(|me| [me]);
        return Err(match me {
            // It can list its own user's: the others are the settings' matter.
            Ok(me) if scopes::lacking(&granted, &me).is_none() => Failure::KnowsOnlyMe,
            _ => Failure::LacksScope(scope),
        });
    }
    if scopes::lack_files(&granted) {
        say(
            "\nThe app has no scope for the files themselves. Some apps do without; if `zoom-archiver check` finds that downloads are\n\
             refused, add the scope that the picker calls \"View a recording\".",
        )?;
    }
    say(
        "A service that is running goes on with it within a minute. Let no other program use this token: each refresh\n\
         replaces it.\n\nNext: zoom-archiver check",
    )
}

/// Says which channel a new token writes to.
pub(super) async fn youtube(settings: &Settings, youtube: &Youtube, stop: &CancellationToken) -> Result<(), Failure> {
    let saved = settings.youtube.token_file.display();
    let channel = match youtube.channel(stop).await {
        Ok(channel) => channel,
        Err(error) if error.is_stopping() => return Err(Failure::Interrupted),
        Err(error) if error.needs_authorization() => return Err(Failure::YoutubeUnauthorized(error)),
        Err(error) => {
            let remedy = error.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
            let words =
                format!("authorized, and saved in {saved}, but the channel's name can't be had: {}", chain(&error));
            return Err(Failure::Incomplete(vec![format!("{words}{remedy}")]));
        }
    };
    let long = match channel.long_uploads {
        LongUploads::Allowed => "videos of any length up to 12 hours",
        LongUploads::Eligible | LongUploads::Disallowed => {
            "only videos of up to 15 minutes: verify the channel at youtube.com/verify for longer ones"
        }
        LongUploads::Unknown => "YouTube did not say how long videos may be",
    };
    say(&format!(
        "Authorized with Google.\n  channel   {} ({})\n  may have  {long}\n  saved in  {saved}\n\nNext: zoom-archiver check",
        channel.title, channel.id
    ))
}
