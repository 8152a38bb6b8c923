//! What can go wrong between a request and its answer, without ever naming more of an address than its host.

use std::error::Error;
use std::io;

use reqwest::{Response, StatusCode};
use url::Url;

use super::RedirectError;

/// Why an exchange over HTTP failed.
///
/// Addresses may hold secrets in their query (a signed download, say), so that none is kept here.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The client itself could not be made.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// No connection: no such name, nobody listens, no route, or too slow.
    #[error("cannot connect to {host}")]
    Connect {
        /// With whom.
        host: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// A connection, but no trust: certificate, protocol.
    #[error("cannot talk securely with {host}")]
    Tls {
        /// With whom.
        host: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// Connected, then silence.
    #[error("{host} took too long to answer")]
    Timeout {
        /// Who.
        host: String,
        /// Which wait ended.
        source: reqwest::Error,
    },
    /// The exchange broke off after it had begun; whether the other side acted on the request is unknown.
    #[error("the exchange with {host} broke off")]
    Broken {
        /// With whom.
        host: String,
        /// How.
        source: reqwest::Error,
    },
    /// The request could not even be written: an address or a header that HTTP doesn't allow.
    #[error("cannot write a request to {host}")]
    Request {
        /// For whom.
        host: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// An answer that is a refusal.
    #[error("{host} answered {status}")]
    Status {
        /// Who.
        host: String,
        /// The refusal.
        status: StatusCode,
    },
    /// An answer too large to be what was asked for.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// Who.
        host: String,
        /// The most that was expected, in bytes.
        limit: usize,
    },
    /// A redirect that is not followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// The wait was cancelled.
    #[error("the service is stopping")]
    Stopping,
}

impl HttpError {
    /// Sorts an error of the HTTP library, and takes the address out of it.
    #[must_use]
    pub fn sorted(url: &Url, error: reqwest::Error) -> Self {
        let host = host_of(url);
        let source = error.without_url();
        if source.is_builder() {
            Self::Request { host, source }
        } else if has_invalid_data(&source) && source.is_connect() {
            Self::Tls { host, source }
        } else if source.is_connect() {
            Self::Connect { host, source }
        } else if source.is_timeout() {
            Self::Timeout { host, source }
        } else {
            Self::Broken { host, source }
        }
    }

    /// The response, where its status says that all is well.
    ///
    /// # Errors
    /// [`HttpError::Status`] for any status but 2xx.
    pub fn unless_success(response: Response) -> Result<Response, Self> {
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(Self::Status { host: host_of(response.url()), status }),
        }
    }

    /// Whether the same request may well succeed a little later, with nobody doing anything about it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Broken { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Setup(_)
            | Self::Tls { .. }
            | Self::Request { .. }
            | Self::TooLarge { .. }
            | Self::Redirect(_)
            | Self::Stopping => false,
        }
    }
}

/// The part of an address that may be told.
pub(super) fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or("an address without a host").to_owned()
}

/// Whether a chain of errors has [`io::ErrorKind::InvalidData`] in it, which while connecting only TLS raises.
///
/// An `io::Error` that wraps another one leaves it out of `source()`; hence `get_ref`.
fn has_invalid_data(error: &(dyn Error + 'static)) -> bool {
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return io.kind() == io::ErrorKind::InvalidData || io.get_ref().is_some_and(|inner| has_invalid_data(inner));
    }
    error.source().is_some_and(has_invalid_data)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Clients;
    use super::super::testing::{Reply, ScriptedServer, explain};
    use super::*;

    async fn failure_of(address: &str) -> HttpError {
        let url: Url = address.parse().unwrap();
        let client = Clients::without_proxy(Duration::from_secs(10), Duration::from_secs(10)).unwrap().api;
        HttpError::sorted(&url, client.get(url.clone()).send().await.unwrap_err())
    }

    #[tokio::test]
    async fn h2_a_port_where_nobody_listens_is_a_failure_to_connect_that_may_pass() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = failure_of(&format!("http://127.0.0.1:{port}/")).await;
        assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
        assert!(error.is_transient());
    }

    #[tokio::test]
    async fn h2_an_answer_that_is_no_tls_is_a_lack_of_trust_that_waiting_does_not_cure() {
        let server = ScriptedServer::start(|_| Reply::raw("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
        let error = failure_of(&server.url("/").as_str().replace("http:", "https:")).await;
        assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
        assert!(!error.is_transient());
    }

    #[tokio::test]
    async fn h3_a_connection_cut_before_the_answer_is_an_exchange_that_broke_off() {
        let server = ScriptedServer::start(|_| Reply::Cut).await;
        let error = failure_of(server.url("/").as_str()).await;
        assert!(matches!(error, HttpError::Broken { .. }), "{error:?}");
        assert!(error.is_transient());
    }

    #[tokio::test]
    async fn l6_an_error_names_the_host_and_nothing_else_of_the_address() {
        let server = ScriptedServer::start(|_| Reply::Cut).await;
        let error = failure_of(server.url("/SECRET-path?Signature=SECRET-query").as_str()).await;
        let told = format!("{} {error:?}", explain(&error));
        assert!(told.contains("127.0.0.1"), "{told}");
        assert!(!told.contains("SECRET"), "{told}");
    }

    #[test]
    fn h23_only_a_status_of_overload_or_breakdown_passes_by_itself() {
        let of =
            |code: u16| HttpError::Status { host: "zoom.us".to_owned(), status: StatusCode::from_u16(code).unwrap() };
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(of(code).is_transient(), "{code}");
        }
        for code in [400, 401, 403, 404, 416] {
            assert!(!of(code).is_transient(), "{code}");
        }
    }
}
