//! Proof Key for Code Exchange (RFC 7636), the server's side: what binds a code to whoever asked for it.

use sha2::{Digest, Sha256};

use super::http::Request;
use super::noise;

/// What came with a request for authorization, to be matched by the verifier that comes with its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// The verifier's SHA-256.
    S256(String),
    /// The verifier itself.
    Plain(String),
}

impl Challenge {
    /// The challenge of a request, which may have none; a challenge without a method is `plain`.
    ///
    /// # Errors
    /// The name of the parameter that isn't right.
    pub(super) fn of(request: &Request) -> Result<Option<Self>, &'static str> {
        let method = request.parameter("code_challenge_method");
        match (request.parameter("code_challenge"), method) {
            (None, None) => Ok(None),
            (Some(challenge), None | Some("plain")) if is_verifier(challenge) => {
                Ok(Some(Self::Plain(challenge.to_owned())))
            }
            (Some(challenge), Some("S256")) if challenge.len() == 43 && challenge.chars().all(is_base64url) => {
                Ok(Some(Self::S256(challenge.to_owned())))
            }
            (None, Some(_)) | (Some(_), None | Some("plain" | "S256")) => Err("code_challenge"),
            (Some(_), Some(_)) => Err("code_challenge_method"),
        }
    }

    /// Whether this is the verifier that the challenge was made of.
    pub(super) fn is_met_by(&self, verifier: &str) -> bool {
        is_verifier(verifier)
            && match self {
                Self::S256(challenge) => *challenge == noise::base64url(&Sha256::digest(verifier)),
                Self::Plain(challenge) => challenge == verifier,
            }
    }
}

/// RFC 7636, section 4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.chars().all(|c| is_base64url(c) || matches!(c, '.' | '~'))
}

fn is_base64url(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636, appendix B
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn of(query: &[(&str, &str)]) -> Result<Option<Challenge>, &'static str> {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Challenge::of(&Request { query, ..Request::default() })
    }

    #[test]
    fn a_challenge_is_met_by_the_verifier_that_it_was_made_of_alone() {
        let hashed = of(&[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]).unwrap().unwrap();
        assert!(hashed.is_met_by(VERIFIER));
        assert!(!hashed.is_met_by(CHALLENGE) && !hashed.is_met_by(""));
        let plain = of(&[("code_challenge", VERIFIER)]).unwrap().unwrap();
        assert!(plain.is_met_by(VERIFIER) && !plain.is_met_by(CHALLENGE));
    }

    #[test]
    fn a_challenge_that_is_none_is_refused() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("code_challenge", "short")]), Err("code_challenge"));
        assert_eq!(of(&[("code_challenge_method", "S256")]), Err("code_challenge"));
        assert_eq!(
            of(&[("code_challenge", CHALLENGE), ("code_challenge_method", "s256")]),
            Err("code_challenge_method")
        );
        let padded = format!("{CHALLENGE}=");
        assert_eq!(of(&[("code_challenge", &padded), ("code_challenge_method", "S256")]), Err("code_challenge"));
    }
}
