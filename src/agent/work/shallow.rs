//! A client that cuts out of answers what is nested too deep for a parser here.
//!
//! A hub takes manifests that are nested ten thousand levels deep; a JSON parser
//! that ends at 128 would refuse the whole list or watch for one of them, and no
//! work of the cluster would be heard of again. So what is below [`LEVELS`] is
//! replaced by a mark before anything is parsed, and the one manifest that holds
//! the mark is refused by itself.

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyStream, StreamBody};
use kube::Client;

/// What stands where something was cut out (no manifest says so by chance).
pub const MARK: &str = "\u{f0cad}nested too deep for ocmadm\u{f0cad}";
/// Levels that are left: a parser ends at 128, and conversions add some.
const LEVELS: usize = 100;

/// The same client; its answers are shallow.
pub fn client(inner: Client) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let inner = inner.clone();
        async move {
            let answer = inner.send(request).await?;
            let (mut parts, body) = answer.into_parts();
            parts.headers.remove(http::header::CONTENT_LENGTH);
            let mut cutter = Cutter::default();
            let body = BodyStream::new(body)
                .map(move |frame| frame.map(|frame| frame.map_data(|data| cutter.pass(data))));
            Ok::<_, kube::Error>(http::Response::from_parts(parts, StreamBody::new(body)))
        }
    });
    Client::new(service, namespace)
}

/// Where in the text of one answer (one or many JSON values) we are.
#[derive(Default)]
struct Cutter {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Cutter {
    /// The next piece, without what is too deep.
    fn pass(&mut self, piece: Bytes) -> Bytes {
        let mut kept: Option<Vec<u8>> = None;
        for (i, byte) in piece.iter().enumerate() {
            let was = self.depth;
            self.step(*byte);
            let cut = was > LEVELS || self.depth > LEVELS;
            if cut && kept.is_none() {
                let mut before = Vec::with_capacity(piece.len());
                before.extend_from_slice(&piece[..i]);
                kept = Some(before);
            }
            let Some(kept) = &mut kept else { continue };
            if !cut {
                kept.push(*byte);
            } else if was == LEVELS {
                // It begins here.
                kept.push(b'"');
                kept.extend_from_slice(MARK.as_bytes());
                kept.push(b'"');
            }
        }
        kept.map_or(piece, Bytes::from)
    }

    fn step(&mut self, byte: u8) {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize, open: &str, close: &str) -> String {
        format!("{}1{}", open.repeat(levels), close.repeat(levels))
    }

    fn passed(text: &str, size: usize) -> String {
        let mut cutter = Cutter::default();
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            out.extend_from_slice(&cutter.pass(Bytes::copy_from_slice(piece)));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_shallow_passes_as_it_is() {
        let text = nested(LEVELS, "[", "]");
        let piece = Bytes::from(text.clone());
        let same = Cutter::default().pass(piece.clone());
        assert_eq!(same.as_ptr(), piece.as_ptr(), "not even copied");
        // Brackets in texts are no levels.
        let words = format!(r#"{{"a":"{}\"{}"}}"#, "[{".repeat(200), "[".repeat(200));
        for text in [text, words] {
            assert_eq!(passed(&text, 7), text);
        }
    }

    #[test]
    fn what_is_too_deep_becomes_a_mark_and_the_rest_stays() {
        let deep = nested(5000, r#"{"a":"#, "}");
        let text = format!(r#"{{"items":[{{"deep":{deep},"texts":"}}]\""}},{{"good":[1]}}]}}"#);
        let expected = passed(&text, text.len());
        assert!(expected.contains(MARK));
        for size in [1, 2, 3, 64, 1000] {
            assert_eq!(passed(&text, size), expected, "in pieces of {size}");
        }
        let parsed: serde_json::Value = serde_json::from_str(&expected).unwrap();
        assert_eq!(parsed["items"][1]["good"][0], 1);
        assert_eq!(parsed["items"][0]["texts"], "}]\"");
        // The events of a watch come one after the other.
        let lines = format!("{text}\n{{\"b\":[2]}}\n");
        assert!(passed(&lines, 11).ends_with("\n{\"b\":[2]}\n"));
    }
}
