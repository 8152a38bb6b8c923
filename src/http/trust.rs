//! Where things may go: which hosts may see a token, and which addresses a redirect may lead to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use reqwest::StatusCode;
use url::{Host, Origin, Url};

use super::error::host_of;

/// Zoom's own domains, for commercial and for government customers.
const ZOOM_DOMAINS: [&str; 2] = ["zoom.us", "zoomgov.com"];

/// How long a name may take to resolve before it counts as one that doesn't.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a redirect is not followed. Of its address, only the host is told: the rest may be a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// A redirect to nowhere.
    #[error("{host} answered {status} without an address to go to")]
    NoLocation {
        /// Who redirected.
        host: String,
        /// As what.
        status: StatusCode,
    },
    /// An address that can't be read.
    #[error("{host} redirects to something that is no address")]
    Unreadable {
        /// Who redirected.
        host: String,
    },
    /// Another scheme than https.
    #[error("an address on {host} has the scheme \"{scheme}\"; only https is followed")]
    Scheme {
        /// The address's host.
        host: String,
        /// Its scheme.
        scheme: String,
    },
    /// A user name or a password in the address.
    #[error("an address on {host} has a user name or a password in it")]
    UserInfo {
        /// The address's host.
        host: String,
    },
    /// An address inside this machine or its network.
    #[error("{host} is a private address")]
    Private {
        /// The address's host.
        host: String,
    },
    /// A loop, most likely.
    #[error("{host} redirects more than {limit} times")]
    TooMany {
        /// Where it began.
        host: String,
        /// How many are followed.
        limit: usize,
    },
}

/// Whom a token may be shown, and where a download may lead; made of the addresses in the settings.
#[derive(Clone, Debug)]
pub struct Trust {
    configured: [Origin; 2],
    is_local: bool,
}

impl Trust {
    /// The rules for an API and its token endpoint.
    ///
    /// With an API on loopback (a simulator), private addresses and plain http on loopback are allowed.
    #[must_use]
    pub fn new(api_url: &Url, oauth_url: &Url) -> Self {
        Self { configured: [api_url.origin(), oauth_url.origin()], is_local: is_loopback(api_url) }
    }

    /// Whether a token may be sent to this address: to the configured origins, and over https to Zoom's own domains.
    #[must_use]
    pub fn may_carry_token(&self, url: &Url) -> bool {
        self.is_configured(url)
            || url.scheme() == "https"
                && url.host_str().is_some_and(|host| ZOOM_DOMAINS.iter().any(|d| is_within(host, d)))
    }

    /// Whether an address that Zoom names may be asked at all; the configured origins always may.
    ///
    /// # Errors
    /// What is wrong with the address, by its text alone: [`Trust::refuse_private_names`] is the other half.
    pub fn check(&self, url: &Url) -> Result<(), RedirectError> {
        if has_user_info(url) {
            return Err(RedirectError::UserInfo { host: host_of(url) });
        }
        if self.is_configured(url) { Ok(()) } else { self.check_foreign(url) }
    }

    /// The address that a redirect leads to, where it may be followed.
    ///
    /// # Errors
    /// What is wrong with it, by its text alone: [`Trust::refuse_private_names`] is the other half.
    pub fn check_redirect(&self, from: &Url, location: &str) -> Result<Url, RedirectError> {
        let to = from.join(location).map_err(|_| RedirectError::Unreadable { host: host_of(from) })?;
        if has_user_info(&to) {
            return Err(RedirectError::UserInfo { host: host_of(&to) });
        }
        self.check_foreign(&to)?;
        Ok(to)
    }

    /// Refuses an address whose name stands for a private one.
    ///
    /// A name that can't be resolved here passes: behind a proxy, only the proxy can.
    ///
    /// # Errors
    /// [`RedirectError::Private`].
    pub async fn refuse_private_names(&self, url: &Url) -> Result<(), RedirectError> {
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        if self.is_local {
            return Ok(());
        }
        let lookup = tokio::net::lookup_host((name, url.port_or_known_default().unwrap_or(443)));
        let Ok(Ok(mut addresses)) = tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await else { return Ok(()) };
        if addresses.any(|address| is_private(address.ip())) {
            return Err(RedirectError::Private { host: host_of(url) });
        }
        Ok(())
    }

    /// Whether this is where the settings point, and so the operator's own choice.
    pub(super) fn is_configured(&self, url: &Url) -> bool {
        self.configured.contains(&url.origin())
    }

    fn check_foreign(&self, url: &Url) -> Result<(), RedirectError> {
        let is_plain_but_local = url.scheme() == "http" && self.is_local && is_loopback(url);
        if url.scheme() != "https" && !is_plain_but_local {
            return Err(RedirectError::Scheme { host: host_of(url), scheme: url.scheme().to_owned() });
        }
        if !self.is_local && is_private_literal(url) {
            return Err(RedirectError::Private { host: host_of(url) });
        }
        Ok(())
    }
}

/// Whether a host is a domain or below it, on whole labels.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether an address is on this machine by its text: `localhost`, `127.0.0.0/8`, `::1`.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_within(name.trim_end_matches('.'), "localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

fn is_private_literal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(_)) | None => is_loopback(url),
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
    }
}

/// Whether nothing on the public internet has this address (IANA special-purpose address registries).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_private_v4(v4),
            None => {
                v6.is_unspecified()
                    || v6.is_loopback()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
                    || v6.is_multicast()
                    || v6.segments()[0] & 0xffc0 == 0xfec0 // site-local, before unique-local took its place (RFC 3879)
            }
        },
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 0 // "this network", which some systems take for this machine
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || (first == 100 && second & 0xc0 == 64) // carrier-grade NAT, 100.64.0.0/10 (RFC 6598)
        || first >= 224 // multicast, reserved, broadcast
}

/// The v4 address that a v6 address stands for: mapped (`::ffff:0:0/96`), compatible (`::/96`), NAT64 (`64:ff9b::/96`,
/// RFC 6052) or 6to4 (`2002::/16`, RFC 3056).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(of(high, low))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::hostile;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn zoom() -> Trust {
        Trust::new(&url("https://api.zoom.us/v2"), &url("https://zoom.us/oauth"))
    }

    fn simulator() -> Trust {
        Trust::new(&url("http://127.0.0.1:4000/v2"), &url("http://127.0.0.1:4000/oauth"))
    }

    fn verdict(trust: &Trust, location: &str) -> Result<Url, RedirectError> {
        trust.check_redirect(&url("https://us06web.zoom.us/rec/download/abc"), location)
    }

    #[test]
    fn h18_a_token_goes_to_zoom_and_to_the_configured_origins_only() {
        let private = Trust::new(&url("https://gateway.example:8443/zoom"), &url("https://login.example/oauth"));
        let cases = [
            (zoom(), "https://api.zoom.us/v2/users", true),
            (zoom(), "https://zoom.us/oauth/token", true),
            (zoom(), "https://us06web.zoom.us/rec/download/abc", true),
            (zoom(), "https://US06WEB.ZOOM.US/rec", true),
            (zoom(), "https://api.zoomgov.com/v2", true),
            (zoom(), "https://evilzoom.us/", false),
            (zoom(), "https://zoom.us.evil.com/", false),
            (zoom(), "https://evil.com/zoom.us", false),
            (zoom(), "https://zoom.us@evil.com/", false),
            (zoom(), "http://us06web.zoom.us/", false),
            (zoom(), "ftp://zoom.us/", false),
            (private.clone(), "https://gateway.example:8443/else", true),
            (private.clone(), "https://gateway.example/zoom", false),
            (private.clone(), "http://gateway.example:8443/zoom", false),
            (private.clone(), "https://login.example/other", true),
            (private, "https://other.login.example/", false),
            (simulator(), "http://127.0.0.1:4000/rec", true),
            (simulator(), "http://127.0.0.1:4001/rec", false),
            (simulator(), "http://localhost:4000/rec", false),
        ];
        for (trust, address, expected) in cases {
            assert_eq!(trust.may_carry_token(&url(address)), expected, "{address}");
        }
    }

    #[test]
    fn h15_a_redirect_is_followed_to_any_public_https_address() {
        for (location, leads_to) in [
            ("https://ssrweb.zoom.us/file.mp4?Signature=x", "https://ssrweb.zoom.us/file.mp4?Signature=x"),
            ("https://d1.cloudfront.net/file", "https://d1.cloudfront.net/file"),
            ("https://93.184.216.34/file", "https://93.184.216.34/file"),
            ("https://[2606:2800:220:1::1]/file", "https://[2606:2800:220:1::1]/file"),
            ("/elsewhere", "https://us06web.zoom.us/elsewhere"),
            ("//ssrweb.zoom.us/x", "https://ssrweb.zoom.us/x"),
        ] {
            assert_eq!(verdict(&zoom(), location).unwrap().as_str(), leads_to);
        }
    }

    #[test]
    fn h16_a_redirect_to_another_scheme_is_refused() {
        for location in ["http://ssrweb.zoom.us/", "file:///etc/passwd", "ftp://zoom.us/x", "data:text/html,x"] {
            let error = verdict(&zoom(), location).unwrap_err();
            assert!(matches!(error, RedirectError::Scheme { .. }), "{location}: {error:?}");
        }
    }

    #[test]
    fn h16_a_redirect_to_no_address_is_refused() {
        for location in ["https://", "https://[::1", "https://a b/"] {
            let error = verdict(&zoom(), location).unwrap_err();
            assert!(matches!(error, RedirectError::Unreadable { .. }), "{location}: {error:?}");
        }
    }

    #[test]
    fn a_redirect_with_a_user_or_a_password_is_refused() {
        for location in ["https://user@ssrweb.zoom.us/", "https://user:pass@zoom.us/", "https://:pass@zoom.us/"] {
            let error = verdict(&zoom(), location).unwrap_err();
            assert!(matches!(error, RedirectError::UserInfo { .. }), "{location}: {error:?}");
        }
    }

    #[test]
    fn h17_a_redirect_to_a_private_address_is_refused_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.8.8.8",
            "2130706433",
            "0x7f.1",
            "localhost",
            "localhost.",
            "a.localhost",
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:169.254.169.254]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd12::1]",
            "[fec0::1]",
            "[ff02::1]",
        ] {
            let error = verdict(&zoom(), &format!("https://{host}/x")).unwrap_err();
            assert!(matches!(error, RedirectError::Private { .. }), "{host}: {error:?}");
        }
    }

    #[test]
    fn h17_the_neighbours_of_private_ranges_are_public() {
        for host in ["100.63.255.255", "100.128.0.1", "172.32.0.1", "11.0.0.1", "[64:ff9b::808:808]", "[2001:db8::1]"] {
            assert!(verdict(&zoom(), &format!("https://{host}/x")).is_ok(), "{host}");
        }
    }

    #[test]
    fn with_an_api_on_loopback_plain_http_is_followed_there_and_nowhere_else() {
        assert!(verdict(&simulator(), "http://127.0.0.1:4001/file").is_ok());
        assert!(verdict(&simulator(), "http://localhost:4001/file").is_ok());
        assert!(verdict(&simulator(), "https://10.0.0.1/file").is_ok());
        assert!(matches!(verdict(&simulator(), "http://10.0.0.1/"), Err(RedirectError::Scheme { .. })));
        assert!(matches!(verdict(&simulator(), "http://example.org/"), Err(RedirectError::Scheme { .. })));
    }

    #[test]
    fn h17_h18_a_first_address_may_be_private_only_where_the_settings_point() {
        let trust = Trust::new(&url("https://10.0.0.5/v2"), &url("https://zoom.us/oauth"));
        assert!(trust.check(&url("https://10.0.0.5/rec/abc")).is_ok());
        assert!(matches!(trust.check(&url("https://10.0.0.6/rec/abc")), Err(RedirectError::Private { .. })));
        assert!(matches!(trust.check(&url("https://u:p@10.0.0.5/")), Err(RedirectError::UserInfo { .. })));
    }

    #[tokio::test]
    async fn h17_a_name_for_this_machine_is_refused_and_one_that_does_not_resolve_is_not() {
        let trust = zoom();
        let error = trust.refuse_private_names(&url("https://localhost/")).await.unwrap_err();
        assert_eq!(error.to_string(), "localhost is a private address");
        trust.refuse_private_names(&url("https://nowhere.invalid/")).await.unwrap();
        simulator().refuse_private_names(&url("http://localhost/")).await.unwrap();
    }

    #[test]
    fn l6_a_refused_redirect_is_told_without_its_query() {
        for location in ["http://ssrweb.zoom.us/SECRET?Signature=SECRET", "https://10.0.0.1/?SECRET"] {
            let error = verdict(&zoom(), location).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("SECRET"));
        }
    }

    /// Where an answer may want to send us: Zoom and what looks like it, this machine and what stands for it, anything.
    fn any_location() -> impl Strategy<Value = String> {
        let scheme = select(&["https", "HTTPS", "http", "ftp", "file", "data", "javascript", ""][..]);
        let host = prop_oneof![
            select(
                &[
                    "zoom.us",
                    "us06web.zoom.us",
                    "ZOOM.US",
                    "zoom.us.",
                    "evilzoom.us",
                    "zoom.us.evil.com",
                    "evil.com",
                    "zoomgov.com",
                    "xzoomgov.com",
                    "zoom.us%2eevil.com",
                    "zoom.us\u{3002}evil.com",
                    "ｚｏｏｍ.us",
                    "z\u{fc}m.us",
                    "zoom.us@evil.com",
                    "evil.com#zoom.us",
                    "evil.com\\zoom.us",
                    "zoom.us:443@evil.com",
                    "localhost",
                    "127.1",
                    "0x7f000001",
                    "[::ffff:127.0.0.1]",
                    "169.254.169.254",
                    "[fe80::1%25eth0]",
                ][..]
            )
            .prop_map(str::to_owned),
            any::<[u8; 4]>().prop_map(|octets| Ipv4Addr::from(octets).to_string()),
            any::<[u8; 16]>().prop_map(|octets| format!("[{}]", Ipv6Addr::from(octets))),
            hostile::strings(),
        ];
        let whole = (scheme, select(&["://", ":", "//", "://user:pass@"][..]), host, hostile::strings())
            .prop_map(|(scheme, between, host, path)| format!("{scheme}{between}{host}/{path}"));
        prop_oneof![3 => whole, 1 => hostile::strings()]
    }

    /// Whether a host is Zoom's, told by its labels from the right.
    fn is_zooms(host: &str) -> bool {
        let labels: Vec<&str> = host.rsplit('.').collect();
        labels.starts_with(&["us", "zoom"]) || labels.starts_with(&["com", "zoomgov"])
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn h15_h18_no_address_gets_a_token_shown_that_is_neither_zooms_nor_the_settings(location in any_location()) {
            let from = url("https://us06web.zoom.us/rec/download/abc");
            for to in [from.join(&location), Url::parse(&location)].into_iter().flatten() {
                let host = to.host_str().unwrap_or_default();
                let is_ours = to.scheme() == "https" && is_zooms(host);
                prop_assert_eq!(zoom().may_carry_token(&to), is_ours, "{}", to);
                let is_simulators = to.origin() == url("http://127.0.0.1:4000").origin();
                prop_assert_eq!(simulator().may_carry_token(&to), is_ours || is_simulators, "{}", to);
            }
        }

        #[test]
        fn h16_h17_a_redirect_that_is_followed_leads_to_a_public_https_address_without_a_user(location in any_location()) {
            match verdict(&zoom(), &location) {
                Ok(to) => {
                    prop_assert_eq!(to.scheme(), "https");
                    prop_assert!(to.username().is_empty() && to.password().is_none());
                    prop_assert!(zoom().check(&to).is_ok());
                    match to.host() {
                        Some(Host::Ipv4(ip)) => prop_assert!(!(ip.is_loopback() || ip.is_private() || ip.is_link_local())),
                        Some(Host::Ipv6(ip)) => prop_assert!(!(ip.is_loopback() || ip.is_unique_local())),
                        Some(Host::Domain(name)) => prop_assert!(!name.trim_end_matches('.').ends_with("localhost")),
                        None => prop_assert!(false, "no host in {}", to),
                    }
                }
                Err(error) => prop_assert!(!error.to_string().contains(char::is_control), "{error}"),
            }
        }
    }
}
