//! The body of a watch: one JSON line per event.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::body::Body;
use super::respond::{metadata_of, table_of};
use crate::registry::{WatchEvent, WatchStream, present};
use crate::request::{Accept, Shape};
use crate::store::write_line;
use crate::types::ResourceType;

/// How often a client that wants bookmarks gets one.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// And how long before a watch ends, so that the next one begins there.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a watch lasts that does not say.
const LIFETIME: Duration = Duration::from_secs(45 * 60);
/// How much is sent in one piece.
const CHUNK_BYTES: usize = 64 * 1024;
/// A watch that sends piece after piece waits this long between two: in a burst
/// many events go into one piece, at the cost of one for server and client.
const GATHER: Duration = Duration::from_millis(2);
/// And this long behind a piece of so many events, of which more than a thousand come in
/// a second then.
const GATHER_MANY: (usize, Duration) = (3, Duration::from_millis(8));

struct Feed {
    watch: WatchStream,
    resource: Arc<ResourceType>,
    api_version: String,
    accept: Accept,
    end: Instant,
    /// When the next bookmark is due, for a client that wants them.
    bookmark: Option<Instant>,
    /// When the next piece may be sent at once.
    calm: Instant,
    columns_sent: bool,
    done: bool,
}

/// The response of a watch.
pub(super) fn response(
    watch: WatchStream,
    resource: Arc<ResourceType>,
    accept: Accept,
    timeout: Option<u64>,
) -> Response<Body> {
    let lifetime = timeout
        .filter(|seconds| *seconds > 0)
        .map_or(LIFETIME, Duration::from_secs);
    let end = Instant::now() + lifetime;
    let bookmark = watch
        .wants_bookmarks()
        .then(|| next_bookmark(end))
        .flatten();
    let feed = Feed {
        watch,
        api_version: resource.gvk.api_version(),
        resource,
        accept,
        end,
        bookmark,
        calm: Instant::now(),
        columns_sent: false,
        done: false,
    };
    let body = Body::stream(stream::unfold(feed, |mut feed| async move {
        let chunk = feed.chunk().await?;
        Some((chunk, feed))
    }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// When a bookmark is due after now; `None` behind the last one.
fn next_bookmark(end: Instant) -> Option<Instant> {
    let now = Instant::now();
    let last = end.checked_sub(FAREWELL)?;
    (now < last).then(|| last.min(now + BOOKMARKS))
}

impl Feed {
    /// The next events that are there, in one piece; `None` at the end.
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        let mut out = Vec::new();
        let tick = async {
            match self.bookmark {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let mut next = None;
        tokio::select! {
            biased;
            event = self.watch.next() => {
                let event = event?;
                // Those who write have a turn: what they change now goes into the
                // same piece.
                if self.calm > Instant::now() {
                    sleep_until(self.calm).await;
                } else {
                    tokio::task::yield_now().await;
                }
                if let Some(line) = self.shared(&event) {
                    // Alone it is sent without a copy.
                    next = self.watch.try_next();
                    if next.is_none() {
                        self.calm = Instant::now() + GATHER;
                        return Some(line);
                    }
                    out.extend_from_slice(&line);
                } else {
                    self.write(&mut out, &event);
                }
            }
            () = sleep_until(self.end) => return None,
            () = tick => {
                self.bookmark = next_bookmark(self.end);
                for event in self.watch.bookmark().await {
                    self.write(&mut out, &event);
                }
            }
        }
        let mut events = 1;
        while let Some(event) = next.take() {
            events += 1;
            self.write(&mut out, &event);
            if !self.done && out.len() < CHUNK_BYTES {
                next = self.watch.try_next();
            }
        }
        // Behind a full piece there is more to send, not to gather.
        if out.len() < CHUNK_BYTES {
            let (many, gather) = GATHER_MANY;
            let gather = if events >= many { gather } else { GATHER };
            self.calm = Instant::now() + gather;
        }
        Some(out.into())
    }

    /// The line of an event, when it is the same for all watches.
    fn shared(&self, event: &WatchEvent) -> Option<Bytes> {
        match event {
            WatchEvent::Object {
                kind,
                object,
                event: Some(event),
            } if self.accept.shape == Shape::Whole
                && *kind == event.kind()
                && object.is_in(&self.api_version) =>
            {
                Some(event.line())
            }
            _ => None,
        }
    }

    fn write(&mut self, out: &mut Vec<u8>, event: &WatchEvent) {
        if let Some(line) = self.shared(event) {
            out.extend_from_slice(&line);
            return;
        }
        match event {
            WatchEvent::Object { kind, object, .. } => {
                let kind = kind.as_str();
                if self.accept.shape != Shape::Whole {
                    let shaped = self.shape(&object.value());
                    write_line(out, kind, shaped.to_string().as_bytes());
                } else if object.is_in(&self.api_version) {
                    write_line(out, kind, object.json());
                } else {
                    let mut shown = Vec::new();
                    object.write_as(&self.api_version, &mut shown);
                    write_line(out, kind, &shown);
                }
            }
            WatchEvent::Bookmark {
                revision,
                initial_end,
            } => write_line(
                out,
                "BOOKMARK",
                self.bookmark(*revision, *initial_end)
                    .to_string()
                    .as_bytes(),
            ),
            WatchEvent::Error(status) => {
                write_line(out, "ERROR", status.to_json().to_string().as_bytes());
                self.done = true;
            }
        }
    }

    /// Anything but the whole object.
    fn shape(&mut self, object: &Arc<Value>) -> Value {
        match self.accept.shape {
            Shape::Table => {
                let shown = present(&self.resource, object.clone());
                let mut table = table_of(
                    &self.resource,
                    std::iter::once(shown.clone()),
                    &self.accept,
                    &shown["metadata"],
                );
                // The columns are the same for all rows: they are said once.
                if std::mem::replace(&mut self.columns_sent, true) {
                    table["columnDefinitions"] = Value::Null;
                }
                table
            }
            _ => metadata_of(object, &self.accept.version),
        }
    }

    fn bookmark(&self, revision: u64, initial_end: bool) -> Value {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let gvk = &self.resource.gvk;
        match self.accept.shape {
            Shape::Whole => {
                json!({"kind": gvk.kind, "apiVersion": gvk.api_version(), "metadata": metadata})
            }
            Shape::Metadata => metadata_of(&json!({"metadata": metadata}), &self.accept.version),
            Shape::Table => {
                let row = metadata_of(&json!({"metadata": metadata}), &self.accept.version);
                json!({
                    "kind": "Table",
                    "apiVersion": format!("meta.k8s.io/{}", self.accept.version),
                    "metadata": {"resourceVersion": revision.to_string()},
                    "columnDefinitions": null,
                    "rows": [{"cells": [], "object": row}],
                })
            }
        }
    }
}
