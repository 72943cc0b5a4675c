//! Documents that clients keep: discovery and OpenAPI. Who names what they have
//! (`If-None-Match`) is not sent it again.

use std::sync::LazyLock;

use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, HeaderName, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
    VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{Body, respond};

/// When the documents of this process came to be.
static MADE: LazyLock<jiff::Timestamp> = LazyLock::new(jiff::Timestamp::now);

/// A time as HTTP writes it.
fn http_date(at: jiff::Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A document before it is sent.
pub(super) struct Document {
    response: Response<Body>,
}

impl Document {
    /// A document with its digest, by which clients know it again.
    pub(super) fn new(content_type: &str, body: Vec<u8>) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, &body);
        let tag: String = digest.as_ref().iter().map(|b| format!("{b:02X}")).collect();
        Self::tagged(content_type, body, &tag)
    }

    /// A document under a name that changes with it.
    pub(super) fn tagged(content_type: &str, body: Vec<u8>, tag: &str) -> Self {
        let document = Self {
            response: respond::bytes(200, "application/json", body),
        };
        document
            .with(CONTENT_TYPE, content_type)
            .with(ETAG, &format!("\"{tag}\""))
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }

    /// Of OpenAPI: what it depends on, and since when it is so.
    pub(super) fn of_openapi(self, vary: &str) -> Self {
        self.with(VARY, vary).with(LAST_MODIFIED, &http_date(*MADE))
    }

    /// Of discovery: anybody may keep it, as long as they ask whether it changed.
    pub(super) fn of_discovery(self) -> Self {
        self.with(VARY, "Accept").with(CACHE_CONTROL, "public")
    }

    /// Under a URL that names this state of it: it stays for ever.
    pub(super) fn for_ever(self) -> Self {
        const YEAR: i64 = 365 * 24 * 60 * 60;
        let until = jiff::SignedDuration::from_secs(YEAR);
        let until = jiff::Timestamp::now().checked_add(until);
        let document = self.with(CACHE_CONTROL, "public, immutable");
        match until {
            Ok(until) => document.with(EXPIRES, &http_date(until)),
            Err(_) => document,
        }
    }

    /// Sent, or 304 to those who have it.
    pub(super) fn answer(mut self, asked: &HeaderMap) -> Response<Body> {
        let known = asked
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| {
                tag == "*"
                    || self
                        .response
                        .headers()
                        .get(ETAG)
                        .is_some_and(|own| own == tag)
            });
        if known {
            *self.response.status_mut() = StatusCode::NOT_MODIFIED;
            *self.response.body_mut() = Body::whole("");
            self.response.headers_mut().remove(CONTENT_TYPE);
        }
        self.response
    }
}

/// 301 to where the document is in its present state.
pub(super) fn moved(to: &str) -> Response<Body> {
    let mut response = respond::text(301, "");
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_sent_again() {
        let make = || Document::new("application/json", b"{}".to_vec());
        let first = make().answer(&HeaderMap::new());
        assert_eq!(first.status(), 200);
        let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 32);
        for (sent, code) in [
            (tag.clone(), 304),
            (format!("W/{tag}"), 304),
            (format!("\"other\", {tag}"), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            let mut asked = HeaderMap::new();
            asked.insert(IF_NONE_MATCH, sent.parse().unwrap());
            let answer = make().answer(&asked);
            assert_eq!(answer.status(), code, "{sent}");
            assert_eq!(answer.headers()[ETAG], *tag, "{sent}");
        }
        let other = Document::new("application/json", b"[]".to_vec()).answer(&HeaderMap::new());
        assert_ne!(other.headers()[ETAG], *tag);
    }

    #[test]
    fn dates_are_those_of_http() {
        let at: jiff::Timestamp = "2024-02-05T06:07:08Z".parse().unwrap();
        assert_eq!(http_date(at), "Mon, 05 Feb 2024 06:07:08 GMT");
    }
}
