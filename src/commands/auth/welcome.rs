//! The end of an authorization: for whom it is, what it may do, what lacks, and what comes next.

use tokio_util::sync::CancellationToken;

use super::terminal::say;
use crate::chain::chain;
use crate::config::Settings;
use crate::oauth::{AccessToken, YOUTUBE_SCOPE};
use crate::report::Failure;
use crate::trouble::Trouble;
use crate::youtube::{LongUploads, Youtube};
use crate::zoom::{Zoom, scopes};

/// Says whose recordings a new token opens, and whether it can list them.
pub(super) async fn zoom(
    settings: &Settings,
    zoom: &Zoom,
    token: &AccessToken,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    // The name is told where Zoom gives it: that needs a scope (user:read:user) which nothing else here does.
    let whom = match zoom.me(stop).await {
        Ok(me) => me.to_string(),
        Err(_) => {
            "whoever allowed it in the browser (Zoom tells the name with the scope user:read:user alone)".to_owned()
        }
    };
    let granted = token.scopes();
    let scopes = if granted.is_empty() { "Zoom did not say".to_owned() } else { granted.join(", ") };
    let lacks = scopes::lacking(&granted, &settings.zoom.users);
    say(&format!(
        "Authorized with Zoom.\n  for       {whom}\n  scopes    {scopes}\n  lacks     {}\n  saved in  {}",
        lacks.unwrap_or("nothing"),
        settings.zoom.token_file.display()
    ))?;
    if let Some(scope) = lacks {
        return Err(Failure::LacksScope { scope: scope.to_owned(), remedy: Trouble::MissingScopes.remedy() });
    }
    say(
        "A service that is running goes on with it within a minute. Let no other program use this token: each refresh\n\
         replaces it.\n\nNext: zoom-archiver check",
    )
}

/// Says which channel a new token writes to.
pub(super) async fn youtube(
    settings: &Settings,
    youtube: &Youtube,
    token: &AccessToken,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let granted = token.scopes();
    let saved = settings.youtube.token_file.display();
    if !granted.is_empty() && !token.has_scope(YOUTUBE_SCOPE) {
        let (scope, remedy) = (YOUTUBE_SCOPE.to_owned(), Trouble::YoutubeScope.remedy());
        return Err(Failure::LacksScope { scope, remedy });
    }
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
