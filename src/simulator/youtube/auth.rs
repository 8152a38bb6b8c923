//! Google's consent page.

use super::super::consent::{Authorization, loopback, misplaced};
use super::super::http::{Answer, Request};
use super::super::pkce::Challenge;
use super::State;

/// `GET /o/oauth2/v2/auth`
pub(super) fn authorize(state: &mut State, request: &Request) -> Answer {
    if request.method != "GET" {
        return Answer::new(405).header("allow", "GET");
    }
    let rules = &state.world.rules;
    match asked(state, request) {
        Ok(asked) => {
            let end = state.clock.now() + rules.code_lifetime;
            state.grants.codes.after(&rules.consent, asked, end)
        }
        Err(page) => page,
    }
}

fn asked(state: &State, request: &Request) -> Result<Authorization, Answer> {
    if let Some(name) = misplaced(request) {
        return Err(page(400, "invalid_request", &format!("Parameter not allowed for this message type: {name}")));
    }
    let required = |name: &str| {
        let missing = || page(400, "invalid_request", &format!("Missing required parameter: {name}"));
        request.parameter(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    if required("client_id")? != state.world.client_id {
        return Err(page(401, "invalid_client", "The OAuth client was not found."));
    }
    if state.world.rules.client_is_deleted {
        return Err(page(401, "deleted_client", "The OAuth client was deleted."));
    }
    let redirect_uri = required("redirect_uri")?;
    // A client of the type "Desktop app": this very machine, by any port and path, and nothing to register.
    if loopback(redirect_uri).is_none() {
        return Err(page(400, "redirect_uri_mismatch", "The redirect_uri is not allowed for this client."));
    }
    if required("response_type")? != "code" {
        return Err(page(400, "unsupported_response_type", "Invalid response_type"));
    }
    let scopes: Vec<_> = required("scope")?.split(' ').map(str::to_owned).collect();
    if let Some(scope) = scopes.iter().find(|scope| !is_scope(scope)) {
        return Err(page(400, "invalid_scope", &format!("Some requested scopes were invalid: {scope}")));
    }
    let access = request.parameter("access_type");
    if !matches!(access, None | Some("online" | "offline")) {
        return Err(page(400, "invalid_request", "Invalid parameter value for access_type"));
    }
    let challenge = Challenge::of(request)
        .map_err(|name| page(400, "invalid_request", &format!("Invalid parameter value for {name}")))?;
    Ok(Authorization {
        redirect_uri: redirect_uri.to_owned(),
        state: request.parameter("state").map(str::to_owned),
        challenge,
        scopes,
    })
}

fn is_scope(text: &str) -> bool {
    text.starts_with("https://www.googleapis.com/auth/") || matches!(text, "openid" | "email" | "profile")
}

/// What the browser shows in place of a consent page.
fn page(status: u16, error: &str, text: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>Error {status}: {error}</title></head><body>Access blocked: {text}\
         </body></html>\n"
    );
    Answer::new(status).header("content-type", "text/html;charset=utf-8").body(page)
}
