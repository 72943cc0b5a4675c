//! What can be said about a join token before the hub sees it. Pure. No error
//! text holds any of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A service account's (a JSON Web Token).
    ServiceAccount {
        /// When it expires, in seconds since 1970.
        expires: Option<i64>,
    },
    /// A bootstrap token: `<id>.<secret>`.
    Bootstrap,
    /// Something else that a hub may know.
    Opaque,
}

/// Why a token cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It is no token.
    Malformed(&'static str),
    /// It was one.
    Expired {
        /// For how long it has not been any more, in seconds.
        since: i64,
    },
}

/// Looks at a token.
///
/// # Errors
/// It cannot be one, or it has expired.
pub fn read(token: &str, now: i64) -> Result<Token, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Malformed("it is empty"));
    }
    if token.starts_with('<') || token.starts_with('$') {
        return Err(TokenError::Malformed("it is a placeholder, not a token"));
    }
    if let Some(rest) = token.strip_prefix("token=") {
        return match read(rest, now) {
            Ok(_) => Err(TokenError::Malformed("leave out \"token=\" before it")),
            Err(error) => Err(error),
        };
    }
    if token.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(TokenError::Malformed(
            "it holds blanks or other characters that no token has",
        ));
    }
    if is_bootstrap(token) {
        return Ok(Token::Bootstrap);
    }
    let parts: Vec<&str> = token.split('.').collect();
    let looks_like_jwt = parts.len() == 3 || token.starts_with("eyJ");
    if !looks_like_jwt {
        // OpenShift's `sha256~…`, and static ones.
        return if token.len() < 16 {
            Err(TokenError::Malformed("it is too short"))
        } else {
            Ok(Token::Opaque)
        };
    }
    let [header, payload, signature] = parts.as_slice() else {
        return Err(TokenError::Malformed(
            "a part of it is missing: it was not copied whole",
        ));
    };
    let json = |part: &str| -> Option<Value> {
        let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let (Some(_), Some(claims)) = (json(header), json(payload)) else {
        return Err(TokenError::Malformed(
            "it is no readable JSON Web Token: it was not copied whole",
        ));
    };
    if signature.is_empty()
        || URL_SAFE_NO_PAD
            .decode(signature.trim_end_matches('='))
            .is_err()
    {
        return Err(TokenError::Malformed(
            "its signature is not readable: it was not copied whole",
        ));
    }
    // The time is an integer by RFC 7519 or, rarely, a fraction.
    let expires = claims
        .get("exp")
        .and_then(|exp| exp.as_i64().or_else(|| exp.as_f64().map(|f| f as i64)));
    match expires {
        Some(at) if at <= now => Err(TokenError::Expired { since: now - at }),
        _ => Ok(Token::ServiceAccount { expires }),
    }
}

fn is_bootstrap(token: &str) -> bool {
    let plain = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    token
        .split_once('.')
        .is_some_and(|(id, secret)| plain(id, 6) && plain(secret, 16))
}

/// `40 seconds`, `5 minutes`, `3 hours`, `2 days`.
#[must_use]
pub fn ago(seconds: i64) -> String {
    let (count, unit) = match seconds {
        s if s < 120 => (s, "second"),
        s if s < 7200 => (s / 60, "minute"),
        s if s < 172_800 => (s / 3600, "hour"),
        s => (s / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jwt(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!(
            "{}.{}.{}",
            part("{\"alg\":\"ES256\"}"),
            part(claims),
            part("signature")
        )
    }

    #[test]
    fn tokens_are_told_apart() {
        let now = 1_000;
        assert_eq!(
            read(&jwt("{\"exp\": 2000}"), now),
            Ok(Token::ServiceAccount {
                expires: Some(2000)
            })
        );
        assert_eq!(
            read(&jwt("{}"), now),
            Ok(Token::ServiceAccount { expires: None })
        );
        assert_eq!(read("ocmhub.0123456789abcdef", now), Ok(Token::Bootstrap));
        assert_eq!(read("sha256~abcdefghijklmnop", now), Ok(Token::Opaque));
        assert_eq!(
            read(&jwt("{\"exp\": 940}"), now),
            Err(TokenError::Expired { since: 60 })
        );
    }

    #[test]
    fn what_is_no_token_is_told_why() {
        let whole = jwt("{\"exp\": 2000}");
        let cut = &whole[..whole.len() / 2];
        for token in [
            "",
            "<token>",
            "$TOKEN",
            "abc def ghi jkl mno",
            "short",
            cut,
            "eyJ.x.y",
            "token=x",
        ] {
            assert!(
                matches!(read(token, 0), Err(TokenError::Malformed(_))),
                "{token:?}"
            );
        }
    }

    #[test]
    fn times_are_round() {
        for (seconds, expected) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (3_599, "59 minutes"),
            (7_200, "2 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(ago(seconds), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(token in "\\PC{0,40}", now in any::<i32>()) {
            let _ = read(&token, i64::from(now));
        }
    }
}
