//! Bodies of bounded size: an answer is read whole only as far as it can be what was asked for.

use reqwest::Response;

use super::HttpError;
use super::error::host_of;

/// The largest JSON answer of an API, in bytes: a full page of recordings has a few hundred kB.
pub const JSON_BODY_LIMIT: usize = 32 << 20;
/// The largest body of a refusal, or of a token answer, in bytes.
pub const ERROR_BODY_LIMIT: usize = 64 << 10;

/// The whole body, of at most `limit` bytes.
///
/// How long it may take is the client's timeout; a caller that may be stopped races it with its token.
///
/// # Errors
/// [`HttpError::TooLarge`], before more than `limit` bytes are held; else what broke the transfer.
pub async fn read_capped(mut response: Response, limit: usize) -> Result<Vec<u8>, HttpError> {
    let too_large = |response: &Response| HttpError::TooLarge { host: host_of(response.url()), limit };
    let declared = response.content_length().unwrap_or(0);
    if usize::try_from(declared).map_or(true, |declared| declared > limit) {
        return Err(too_large(&response));
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(too_large(&response)),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) => return Err(HttpError::sorted(response.url(), error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Clients;
    use super::super::testing::{Reply, ScriptedServer};
    use super::*;

    async fn read(reply: &'static str, limit: usize) -> Result<Vec<u8>, HttpError> {
        let server = ScriptedServer::start(move |_| Reply::raw(reply)).await;
        let clients = Clients::without_proxy(Duration::from_secs(10), Duration::from_secs(10)).unwrap();
        read_capped(clients.api.get(server.url("/")).send().await.unwrap(), limit).await
    }

    #[tokio::test]
    async fn a_body_as_large_as_allowed_is_read_whole() {
        let body = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole", 5).await.unwrap();
        assert_eq!(body, b"whole");
    }

    #[tokio::test]
    async fn h14_a_body_that_declares_too_much_is_refused() {
        let error = read("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 5).await.unwrap_err();
        assert_eq!(error.to_string(), "the answer of 127.0.0.1 is larger than 5 bytes");
    }

    #[tokio::test]
    async fn h14_a_body_that_grows_too_large_without_having_declared_it_is_refused() {
        let error = read("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nlarger", 5).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { limit: 5, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn h6_a_body_cut_short_is_no_body() {
        let error = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", 100).await.unwrap_err();
        assert!(matches!(error, HttpError::Broken { .. }), "{error:?}");
    }
}
