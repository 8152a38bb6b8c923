//! JSON bodies, read strictly: a name that YouTube doesn't know is an error, and so is a value of another type.

use serde_json::{Map, Value, json};

use super::super::http::{Answer, Request};
use super::refused::error;

/// The object that a request brings.
pub(super) fn object(request: &Request) -> Result<Map<String, Value>, Answer> {
    let kind = request.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let message = format!("Media type '{kind}' is not supported. Valid media types: [application/json]");
        return Err(error(400, "global", "badContent", &message));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(error(400, "global", "parseError", "Parse Error")),
    }
}

/// Refuses names other than these.
pub(super) fn only(object: &Map<String, Value>, place: &str, known: &[&str]) -> Result<(), Answer> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(invalid(&format!("Unknown name \"{name}\" at '{place}': Cannot find field."))),
        None => Ok(()),
    }
}

/// The object of this name; an empty one where there is none.
pub(super) fn part(object: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, Answer> {
    match object.get(name) {
        None => Ok(Map::new()),
        Some(Value::Object(part)) => Ok(part.clone()),
        Some(_) => Err(invalid(&format!("Invalid value at '{name}': it is no object."))),
    }
}

/// The text of this name.
pub(super) fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, Answer> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(&format!("Invalid value at '{name}' (TYPE_STRING)"))),
    }
}

/// The truth value of this name.
pub(super) fn truth(object: &Map<String, Value>, name: &str) -> Result<Option<bool>, Answer> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(_) => Err(invalid(&format!("Invalid value at '{name}' (TYPE_BOOL)"))),
    }
}

/// A body that isn't what it should be.
pub(super) fn invalid(what: &str) -> Answer {
    let message = format!("Invalid JSON payload received. {what}");
    let errors = json!([{"message": message, "domain": "global", "reason": "badRequest"}]);
    let error = json!({"code": 400, "message": message, "errors": errors, "status": "INVALID_ARGUMENT"});
    Answer::json(400, &json!({"error": error}))
}
