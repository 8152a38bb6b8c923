//! Zoom's consent page: where the user's browser goes to authorize the app.

#[cfg(test)]
mod tests;

use serde_json::json;

use super::consent::{Authorization, loopback, misplaced};
use super::http::{Answer, Request};
use super::pkce::Challenge;
use super::rules::{RedirectPort, Rules};
use super::state::State;

/// `GET /oauth/authorize`
///
/// Whoever asks is taken for the browser of a user who is signed in and does at once what the rules say.
pub(super) fn authorize(state: &mut State, request: &Request) -> Answer {
    if request.method != "GET" {
        return Answer::new(405).header("allow", "GET");
    }
    let now = state.now();
    match asked(state, request) {
        Ok(asked) => {
            let rules = &state.world.rules;
            let end = now + rules.code_lifetime;
            state.grant.codes.after(&rules.consent, asked, end)
        }
        Err(page) => page,
    }
}

fn asked(state: &State, request: &Request) -> Result<Authorization, Answer> {
    let rules = &state.world.rules;
    if let Some(name) = misplaced(request) {
        return Err(page(4700, &format!("Invalid request: {name} in the address")));
    }
    if request.parameter("client_id") != Some(&state.world.client_id) {
        return Err(page(4702, "Invalid client id"));
    }
    if rules.app_is_disabled {
        return Err(page(4717, "The app has been disabled"));
    }
    let redirect_uri = request.parameter("redirect_uri").unwrap_or_default();
    if !is_registered(redirect_uri, rules) {
        return Err(page(4700, "Invalid redirect url"));
    }
    if request.parameter("response_type") != Some("code") {
        return Err(page(4700, "Invalid response type"));
    }
    let challenge = Challenge::of(request).map_err(|name| page(4700, &format!("Invalid {name}")))?;
    Ok(Authorization {
        redirect_uri: redirect_uri.to_owned(),
        state: request.parameter("state").map(str::to_owned),
        challenge,
        scopes: rules.scopes.clone(),
    })
}

/// Whether the app's page at the Marketplace has this address, to the letter.
fn is_registered(redirect_uri: &str, rules: &Rules) -> bool {
    let known = &rules.redirect_uris;
    let is_loopback_of = |known: &String| loopback(known).is_some_and(|known| loopback(redirect_uri) == Some(known));
    known.iter().any(|known| known == redirect_uri)
        || (rules.redirect_port == RedirectPort::Any && known.iter().any(is_loopback_of))
}

/// What the browser shows in place of a consent page. That it comes with 400 is a guess: only the body was seen.
fn page(code: u32, message: &str) -> Answer {
    Answer::json(400, &json!({"status": false, "errorCode": code, "errorMessage": message, "result": null}))
}
