//! The users whom the API knows.

use serde_json::json;

use super::http::{Answer, Request};
use super::journal::Credential;
use super::listing;
use super::rules::OtherUsers;
use super::state::State;

const SCOPES: [&str; 4] = ["user:read", "user:read:admin", "user:read:user", "user:read:user:admin"];

/// `GET /v2/users/{user}`
pub(super) fn get(state: &State, request: &Request, name: &str, authorization: Credential) -> Answer {
    if let Some(refusal) = listing::refuse(state, request, authorization, &SCOPES) {
        return refusal;
    }
    let user = match find(state, name) {
        Ok(place) => &state.world.users[place],
        Err(refusal) => return refusal,
    };
    Answer::json(
        200,
        &json!({
            "id": user.id,
            "first_name": "Host",
            "last_name": "Example",
            "display_name": "Host Example",
            "email": user.email,
            "type": 2,
            "role_name": "Owner",
            "timezone": "Europe/Berlin",
            "verified": 1,
            "created_at": "2020-03-01T08:00:00Z",
            "account_id": "DemoAccountId-0000000A",
            "status": "active",
        }),
    )
}

/// Where in the world the user is whom a path names.
///
/// # Errors
/// The refusal of one who isn't there, or whom this app may not name.
pub(super) fn find(state: &State, name: &str) -> Result<usize, Answer> {
    let nobody = || {
        let message = format!("User {name} does not exist, or does not belong to this account.");
        Answer::api_error(404, 1001, &message)
    };
    match state.world.rules.other_users {
        OtherUsers::LackScopes if name != "me" => {
            Err(Answer::api_error(400, 4700, "Invalid access token, does not contain scopes."))
        }
        OtherUsers::DoNotExist if name != "me" => Err(nobody()),
        OtherUsers::Allowed | OtherUsers::LackScopes | OtherUsers::DoNotExist => {
            state.world.place_of(name).ok_or_else(nobody)
        }
    }
}
