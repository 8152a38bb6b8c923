//! Pure: which of an app's scopes are enough for what is wanted of it.
//!
//! Source: Zoom API, "List all recordings", which takes any one of them.

use crate::meeting::UserId;

/// Any one of them lets an app list the recordings of the user who authorized it.
const LIST_RECORDINGS: [&str; 5] = [
    "recording:read",
    "recording:read:admin",
    "cloud_recording:read:list_user_recordings",
    "cloud_recording:read:list_user_recordings:admin",
    "cloud_recording:read:list_user_recordings:master",
];

/// The scopes for the files themselves, as the pickers of apps have offered them; whether Zoom asks for one is not settled.
pub const READ_FILES: [&str; 3] =
    ["cloud_recording:read:list_recording_files", "cloud_recording:read:recording", "cloud_recording:read:content"];

/// Whether a scope is for all users of an account.
fn is_for_account(scope: &str) -> bool {
    scope.ends_with(":admin") || scope.ends_with(":master")
}

/// Whether these scopes let an app see other users than the one who authorized it.
#[must_use]
pub fn know_others(granted: &[&str]) -> bool {
    LIST_RECORDINGS.iter().any(|scope| is_for_account(scope) && granted.contains(scope))
}

/// The scope that lacks for listing the recordings of these users; none where nothing lacks, or where Zoom has not said what
/// it granted.
#[must_use]
pub fn lacking(granted: &[&str], users: &[UserId]) -> Option<&'static str> {
    let has_others = users.iter().any(|user| user.as_str() != "me");
    let suffices = |scope: &&str| granted.contains(scope) && (is_for_account(scope) || !has_others);
    if granted.is_empty() || LIST_RECORDINGS.iter().any(suffices) {
        None
    } else if has_others {
        Some("cloud_recording:read:list_user_recordings:admin")
    } else {
        Some("cloud_recording:read:list_user_recordings")
    }
}

/// Whether, as far as Zoom has said, none was granted that is for the files themselves.
#[must_use]
pub fn lack_files(granted: &[&str]) -> bool {
    let is_for_files = |scope: &&str| {
        let own = scope.strip_suffix(":admin").or_else(|| scope.strip_suffix(":master")).unwrap_or(scope);
        READ_FILES.contains(&own) || own == "recording:read"
    };
    !granted.is_empty() && !granted.iter().any(is_for_files)
}

/// Whether these scopes let an app ask who authorized it.
#[must_use]
pub fn know_whom(granted: &[&str]) -> bool {
    granted
        .iter()
        .any(|scope| matches!(*scope, "user:read" | "user:read:admin" | "user:read:user" | "user:read:user:admin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_depends_on_whose_recordings_are_wanted() {
        let lacks = |granted: &[&str], users: &[&str]| {
            let users: Vec<UserId> = users.iter().map(|user| user.parse().unwrap()).collect();
            lacking(granted, &users)
        };
        let (own, all) =
            ("cloud_recording:read:list_user_recordings", "cloud_recording:read:list_user_recordings:admin");
        assert_eq!(lacks(&["user:read:user"], &["me"]), Some(own));
        assert_eq!(lacks(&["user:read:user", own], &["me"]), None);
        assert_eq!(lacks(&[own], &["me", "anna@example.com"]), Some(all));
        assert_eq!(lacks(&[all], &["me", "anna@example.com"]), None);
        assert_eq!(lacks(&["recording:read"], &["me"]), None);
        assert_eq!(lacks(&[], &["me"]), None, "Zoom has not said");
    }

    #[test]
    fn a_scope_for_files_is_missed_only_where_zoom_said_what_it_granted() {
        for (granted, lacks) in [
            (&[][..], false),
            (&["cloud_recording:read:list_user_recordings"], true),
            (&["recording:read:admin"], false),
            (&["cloud_recording:read:recording"], false),
            (&["cloud_recording:read:list_recording_files:admin"], false),
        ] {
            assert_eq!(lack_files(granted), lacks, "{granted:?}");
        }
    }
}
