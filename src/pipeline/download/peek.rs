//! A look at a file's first bytes: whether it can be had at all, with nothing kept of it.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RANGE};
use tokio_util::sync::CancellationToken;

use super::{DownloadError, answer, refused};
use crate::archive::media::{self, HEAD_LEN};
use crate::http::HttpError;
use crate::meeting::{DownloadUrl, Extension};
use crate::zoom::Zoom;

/// Opens a file that Zoom lists, looks whether it begins as such a file does, and closes it. Asked once.
///
/// # Errors
/// [`DownloadError`], as the first attempt at fetching it would end.
///
/// # Panics
/// Never: the header is of digits.
pub async fn peek(
    zoom: &Zoom,
    url: &DownloadUrl,
    extension: Extension,
    stop: &CancellationToken,
) -> Result<(), DownloadError> {
    let range = format!("bytes=0-{}", HEAD_LEN - 1);
    let range = HeaderValue::from_str(&range).expect("digits are allowed in a header");
    let mut response = zoom.open(url, &HeaderMap::from_iter([(RANGE, range)]), stop).await?;
    match response.status() {
        // A server that knows no ranges sends all of it, which ends with this connection.
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
        status => return Err(refused(status, response, stop).await),
    }
    media::content_type_fits(extension, answer::content_type(response.headers()))?;
    let mut head = Vec::new();
    while head.len() < HEAD_LEN {
        let chunk = stop.run_until_cancelled(response.chunk()).await.ok_or(DownloadError::Stopping)?;
        match chunk.map_err(|error| HttpError::sorted(url.expose(), error))? {
            Some(chunk) => head.extend_from_slice(&chunk),
            None => break,
        }
    }
    head.truncate(HEAD_LEN);
    Ok(media::first_bytes_fit(extension, &head)?)
}
