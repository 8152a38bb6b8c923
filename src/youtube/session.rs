//! The address of an upload's session: whoever has it may send the rest.

use std::fmt;

use url::Url;

use super::YoutubeError;

/// Google's APIs are all below it.
const GOOGLE_DOMAIN: &str = "googleapis.com";

/// Where the bytes of one upload go. As good as a key, so that it is never printed: the way to see it is
/// [`SessionAddress::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct SessionAddress(Url);

impl SessionAddress {
    /// Takes an address that the API named, or one that was kept, if a token may go there: to the API's own origin, and over
    /// https to Google's APIs.
    ///
    /// # Errors
    /// [`YoutubeError::NoSession`] where it is no address, [`YoutubeError::StrangeSession`] where it is somebody else's.
    pub fn accept(address: &str, api_url: &Url) -> Result<Self, YoutubeError> {
        // Like a redirect's, it may be relative to what was asked.
        let url = api_url.join(address).ok().filter(Url::has_host).ok_or(YoutubeError::NoSession)?;
        let is_googles = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().is_some_and(|host| {
                host.strip_suffix(GOOGLE_DOMAIN).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            });
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || !(is_googles || url.origin() == api_url.origin()) {
            return Err(YoutubeError::StrangeSession { host: url.host_str().unwrap_or_default().to_owned() });
        }
        Ok(Self(url))
    }

    /// The whole address, for the request and for the file in which it is kept.
    #[must_use]
    pub const fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for SessionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionAddress({}/...)", self.0.host_str().unwrap_or("?"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn h18_a_session_is_googles_or_the_apis_own() {
        let google = "https://www.googleapis.com";
        let local = "http://127.0.0.1:4000";
        for (api, address, is_taken) in [
            (google, "https://www.googleapis.com/upload/youtube/v3/videos?upload_id=x", true),
            (google, "https://youtube.googleapis.com/upload?upload_id=x", true),
            (google, "/upload?upload_id=x", true),
            (google, "http://www.googleapis.com/upload", false),
            (google, "https://www.googleapis.com:8443/upload", false),
            (google, "https://evilgoogleapis.com/upload", false),
            (google, "https://googleapis.com.evil.com/upload", false),
            (google, "https://user@www.googleapis.com/upload", false),
            (google, "http://127.0.0.1:4000/upload", false),
            (local, "http://127.0.0.1:4000/upload?upload_id=x", true),
            (local, "http://127.0.0.1:4001/upload", false),
            (local, "https://www.googleapis.com/upload", true),
        ] {
            assert_eq!(SessionAddress::accept(address, &url(api)).is_ok(), is_taken, "{address}");
        }
        for address in ["https://", "https://[::1", "https://a b/"] {
            let error = SessionAddress::accept(address, &url(google)).unwrap_err();
            assert!(matches!(error, YoutubeError::NoSession), "{address}: {error:?}");
        }
    }

    #[test]
    fn l6_a_session_is_never_shown() {
        let session = SessionAddress::accept("/upload?upload_id=SECRET", &url("https://www.googleapis.com")).unwrap();
        assert_eq!(format!("{session:?}"), "SessionAddress(www.googleapis.com/...)");
        let error = SessionAddress::accept("https://evil.com/SECRET", session.expose()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("SECRET"));
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn h18_whatever_is_named_no_token_goes_elsewhere(
            scheme in prop::sample::select(&["https://", "http://", "//", "", "ftp://"][..]),
            text in hostile::strings(),
        ) {
            let api = url("https://www.googleapis.com");
            if let Ok(session) = SessionAddress::accept(&format!("{scheme}{text}"), &api) {
                let host = session.expose().host_str().unwrap();
                prop_assert_eq!(session.expose().scheme(), "https");
                prop_assert!(host == GOOGLE_DOMAIN || host.ends_with(".googleapis.com"), "{}", host);
            }
        }
    }
}
