//! A person's consent: the address that a browser opens, and what it comes back with. Pure, but for the random numbers.
//!
//! Authorization code flow with PKCE (RFC 7636) and `state` (RFC 6749, section 10.12): the code is worth something only to
//! whoever has the verifier, and only the answer to this very question is taken.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use super::Issuer;
use crate::config::RedirectUri;
use crate::trouble::Trouble;

/// The one scope of Google's that covers uploads, playlists and the channel's name (YouTube Data API, revision 20261104).
pub const YOUTUBE_SCOPE: &str = "https://www.googleapis.com/auth/youtube.force-ssl";
/// Random bytes in a `state` and in a verifier; the latter has then the 43 characters that it must at least have.
const RANDOM: usize = 32;
/// The longest code that is taken, in characters.
const LONGEST_CODE: usize = 4096;

/// What a consent has given; good for some minutes, and once.
#[derive(Debug)]
pub struct AuthorizationCode(SecretString);

impl AuthorizationCode {
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What proves that whoever exchanges the code is who asked for it.
#[derive(Debug)]
pub(super) struct Verifier(SecretString);

impl Verifier {
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Its S256 challenge.
    fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.expose()))
    }
}

/// One question for consent, to be answered once.
#[derive(Debug)]
pub struct Consent {
    issuer: Issuer,
    redirect_uri: RedirectUri,
    state: String,
    verifier: Verifier,
}

/// Why what came back holds no code.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// The person, or an admin's policy, said no.
    #[error("the app was not allowed: {words}")]
    Denied {
        /// What is behind it.
        why: Trouble,
        /// The issuer's words, made safe to print.
        words: String,
    },
    /// Zoom's "install" button on the app's own page leads back without one.
    #[error("the browser came back without `state`, so this may be the answer to another question")]
    NoState,
    /// The answer to another question.
    #[error("the browser came back with another `state`: this is the answer to another question")]
    OtherState,
    /// Neither a code nor an error.
    #[error("there is no `code` in what came back")]
    NoCode,
}

impl ConsentError {
    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self, issuer: Issuer) -> String {
        let again = format!("start `{}` anew and open the address that it prints", issuer.command());
        match self {
            Self::Denied { why, .. } => why.remedy().to_owned(),
            Self::NoState => format!("{again}, rather than the app's page on the Marketplace or an older address"),
            Self::OtherState => format!("{again}; older ones don't count any more"),
            Self::NoCode => format!("{again}; the whole address that the browser shows in the end is needed"),
        }
    }
}

impl Consent {
    /// A new question.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn ask(issuer: Issuer, redirect_uri: RedirectUri) -> Result<Self, getrandom::Error> {
        Ok(Self { issuer, redirect_uri, state: random()?, verifier: Verifier(random()?.into()) })
    }

    /// The address that a browser is to open, under the issuer's `authorize_url`.
    #[must_use]
    pub fn address(&self, authorize_url: &Url, client_id: &str) -> Url {
        let mut url = authorize_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", self.redirect_uri.as_str())
            .append_pair("state", &self.state)
            .append_pair("code_challenge", &self.verifier.challenge())
            .append_pair("code_challenge_method", "S256");
        if let Some(scope) = self.scope() {
            url.query_pairs_mut()
                .append_pair("scope", scope)
                .append_pair("access_type", "offline")
                .append_pair("prompt", "consent");
        }
        url
    }

    /// Whether a query is meant as an answer to any such question at all, and is no stray request.
    #[must_use]
    pub fn is_answer(query: &str) -> bool {
        url::form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == "code" || key == "error" || key == "state")
    }

    /// The code in the query with which the browser came back.
    ///
    /// # Errors
    /// [`ConsentError`]. `state` is looked at first: what isn't the answer to this question says nothing.
    pub fn code_in_query(&self, query: &str) -> Result<AuthorizationCode, ConsentError> {
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
        match value("state") {
            None => return Err(ConsentError::NoState),
            Some(state) if state != self.state => return Err(ConsentError::OtherState),
            Some(_) => {}
        }
        if let Some(error) = value("error") {
            let words = value("error_description").filter(|words| !words.is_empty()).unwrap_or(error);
            return Err(ConsentError::Denied { why: self.denial(error), words: one_line(words) });
        }
        value("code").and_then(code).ok_or(ConsentError::NoCode)
    }

    /// The code in what a person has copied: the whole address that the browser was sent to, or the code alone.
    ///
    /// # Errors
    /// As [`Consent::code_in_query`]; a code alone has no `state`, and is bound to this question by the verifier.
    pub fn code_in_paste(&self, pasted: &str) -> Result<AuthorizationCode, ConsentError> {
        let pasted = pasted.trim().trim_matches(['"', '\'']);
        match pasted.split_once('?') {
            Some((_, query)) if !Self::is_answer(query) => Err(ConsentError::NoCode),
            Some((_, query)) => self.code_in_query(query.split('#').next().unwrap_or_default()),
            None if pasted.contains("code=") => self.code_in_query(pasted),
            None if pasted.contains("://") => Err(ConsentError::NoCode),
            None => code(pasted).ok_or(ConsentError::NoCode),
        }
    }

    /// The scope that is asked for, and without which the answer is worth nothing; Zoom grants what the app's page says.
    pub(super) fn scope(&self) -> Option<&'static str> {
        match self.issuer {
            Issuer::Zoom => None,
            Issuer::Google => Some(YOUTUBE_SCOPE),
        }
    }

    pub(super) fn redirect_uri(&self) -> &str {
        self.redirect_uri.as_str()
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    fn denial(&self, error: &str) -> Trouble {
        match (self.issuer, error) {
            (Issuer::Zoom, _) => Trouble::Denied,
            (Issuer::Google, "admin_policy_enforced" | "org_internal") => Trouble::GooglePolicy,
            (Issuer::Google, "redirect_uri_mismatch") => Trouble::GoogleRedirectUri,
            (Issuer::Google, _) => Trouble::GoogleDenied,
        }
    }
}

/// A text that may be a code: visible characters, and not too many.
fn code(text: &str) -> Option<AuthorizationCode> {
    let is_code = !text.is_empty() && text.len() <= LONGEST_CODE && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_code.then(|| AuthorizationCode(text.into()))
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; RANDOM];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Foreign words, cut to a readable length and without what a terminal might obey.
fn one_line(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    fn consent(issuer: Issuer) -> Consent {
        Consent::ask(issuer, "http://localhost:8080/redirect".parse().unwrap()).unwrap()
    }

    fn query_of(url: &Url) -> Vec<(String, String)> {
        url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
    }

    fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
        query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_challenge_is_that_of_the_standards_example() {
        let verifier = Verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into());
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn the_address_asks_for_a_code_with_state_and_an_s256_challenge() {
        let consent = consent(Issuer::Zoom);
        let address = consent.address(&"https://zoom.us/oauth/authorize".parse().unwrap(), "id");
        let query = query_of(&address);
        assert!(address.as_str().starts_with("https://zoom.us/oauth/authorize?response_type=code&client_id=id&"));
        assert_eq!(value(&query, "redirect_uri"), Some("http://localhost:8080/redirect"));
        assert_eq!(value(&query, "code_challenge_method"), Some("S256"));
        assert_eq!(value(&query, "code_challenge").unwrap().len(), 43);
        assert_eq!(value(&query, "state"), Some(consent.state.as_str()));
        assert_eq!(consent.state.len(), 43);
        assert_eq!(value(&query, "scope"), None, "Zoom gives the scopes of the app");
        assert!(!address.as_str().contains(consent.verifier.expose()));
    }

    #[test]
    fn google_is_asked_for_one_scope_and_for_lasting_access() {
        let address =
            consent(Issuer::Google).address(&"https://accounts.google.com/o/oauth2/v2/auth".parse().unwrap(), "id");
        let query = query_of(&address);
        assert_eq!(value(&query, "scope"), Some("https://www.googleapis.com/auth/youtube.force-ssl"));
        assert_eq!(value(&query, "access_type"), Some("offline"));
        assert_eq!(value(&query, "prompt"), Some("consent"));
    }

    #[test]
    fn no_question_is_like_another() {
        let (one, other) = (consent(Issuer::Zoom), consent(Issuer::Zoom));
        assert_ne!(one.state, other.state);
        assert_ne!(one.verifier.expose(), other.verifier.expose());
        assert_ne!(one.state, one.verifier.expose());
    }

    #[test]
    fn l10_only_the_answer_to_this_question_gives_a_code() {
        let consent = consent(Issuer::Zoom);
        let state = &consent.state;
        let code = |query: &str| consent.code_in_query(query).map(|code| code.expose().to_owned());
        assert_eq!(code(&format!("code=a%2Fb&state={state}")), Ok("a/b".to_owned()));
        assert_eq!(code("code=a&state=other"), Err(ConsentError::OtherState));
        assert_eq!(code("code=a&state="), Err(ConsentError::OtherState));
        assert_eq!(code("code=a"), Err(ConsentError::NoState));
        assert_eq!(code("error=access_denied"), Err(ConsentError::NoState));
        assert_eq!(code("error=access_denied&state=other"), Err(ConsentError::OtherState));
        assert_eq!(code(&format!("state={state}")), Err(ConsentError::NoCode));
        assert_eq!(code(&format!("code=&state={state}")), Err(ConsentError::NoCode));
        assert_eq!(code(""), Err(ConsentError::NoState));
        assert_eq!(code("utm=1"), Err(ConsentError::NoState));
        let denied = code(&format!("error=access_denied&error_description=no%1b%5B31m&state={state}"));
        assert_eq!(denied, Err(ConsentError::Denied { why: Trouble::Denied, words: "no[31m".to_owned() }));
    }

    #[test]
    fn the_whole_address_or_the_code_alone_may_be_pasted() {
        let consent = consent(Issuer::Zoom);
        let state = &consent.state;
        let code = |text: &str| consent.code_in_paste(text).map(|code| code.expose().to_owned());
        for text in [
            format!("http://localhost:8080/redirect?code=abc&state={state}\n"),
            format!("  \"https://example.com/r?x=1&state={state}&code=abc#\" "),
            format!("code=abc&state={state}"),
            "abc\r\n".to_owned(),
        ] {
            assert_eq!(code(&text), Ok("abc".to_owned()), "{text:?}");
        }
        assert_eq!(code("http://localhost:8080/redirect?code=abc&state=old"), Err(ConsentError::OtherState));
        assert_eq!(code("http://localhost:8080/redirect?code=abc"), Err(ConsentError::NoState));
        for text in ["", "\n", "two words", "http://localhost:8080/redirect"] {
            assert_eq!(code(text), Err(ConsentError::NoCode), "{text:?}");
        }
    }

    #[test]
    fn l6_neither_code_nor_verifier_is_printed() {
        let consent = consent(Issuer::Zoom);
        let code = consent.code_in_paste("SECRET-code").unwrap();
        assert!(!format!("{code:?}").contains("SECRET"));
        assert!(!format!("{consent:?}").contains(consent.verifier.expose()));
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn l10_whatever_the_browser_comes_back_with_is_a_code_or_said_to_be_none(query in hostile::strings()) {
            let consent = consent(Issuer::Google);
            for text in [query.clone(), format!("{query}&state={}", consent.state), format!("http://x/?{query}")] {
                for found in [consent.code_in_query(&text), consent.code_in_paste(&text)] {
                    match found {
                        Ok(code) => prop_assert!(code.expose().bytes().all(|byte| byte.is_ascii_graphic())),
                        Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
                    }
                }
            }
        }
    }
}
