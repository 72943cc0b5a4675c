//! Watch: events of the store as one client's selectors see them.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

use super::list::{expired, selects};
use super::{Registry, View};
use crate::request::{ListOptions, RequestContext};
use crate::status::Status;
use crate::store::{Event, EventKind, Object, RevisionError, Scope, Watch};
use crate::types::ResourceType;

/// What a watch sends.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// An object came, changed or went, as far as the selectors see.
    Object {
        /// For the client; the store may have seen something else.
        kind: EventKind,
        /// In its storage version.
        object: Object,
        /// The event, when `object` is its object.
        event: Option<Arc<Event>>,
    },
    /// Everything up to this revision has been sent.
    Bookmark {
        /// This one.
        revision: u64,
        /// Whether it ends the initial events.
        initial_end: bool,
    },
    /// The watch cannot go on.
    Error(Status),
}

/// A running watch.
#[derive(Debug)]
pub struct WatchStream {
    registry: Registry,
    options: ListOptions,
    queue: VecDeque<WatchEvent>,
    live: Option<mpsc::Receiver<Arc<Event>>>,
    /// Set when its objects are stored as another API has them.
    converted: Option<ResourceType>,
    /// Set when its objects are stored in another version.
    other_version: Option<ResourceType>,
    /// The last revision sent.
    revision: u64,
    /// Events up to this one are not sent.
    after: u64,
}

impl Registry {
    /// Watches a resource in one namespace or in all.
    pub fn watch(
        &self,
        _context: &RequestContext,
        resource: &ResourceType,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<WatchStream, Status> {
        options.fields.check(&resource.gr, resource.selectable())?;
        let only = options.fields.required("metadata.name");
        let scope = Scope {
            namespace,
            name: only.as_deref(),
        };
        let mut stream = WatchStream {
            registry: self.clone(),
            options: options.clone(),
            queue: VecDeque::new(),
            live: None,
            other_version: super::convert::is_other_version(resource).then(|| resource.clone()),
            converted: (resource.storage() != &resource.gr).then(|| resource.clone()),
            revision: 0,
            after: 0,
        };
        let initial = match (options.send_initial_events, options.revision) {
            (Some(wanted), _) => wanted,
            (None, None | Some(0)) => true,
            (None, Some(_)) => false,
        };
        if initial {
            if let Some(revision) = options.revision
                && revision > self.0.store.revision()
            {
                let current = self.0.store.revision();
                let mut status = expired(RevisionError::Future {
                    asked: revision,
                    current,
                });
                status.message = format!("Timeout: {}", status.message);
                stream.queue.push_back(WatchEvent::Error(status));
                return Ok(stream);
            }
            let (items, watch) = self.0.store.list_watch(resource.storage(), scope);
            for mut object in items {
                if let Some(resource) = &stream.converted {
                    object = Object::new(&super::present(resource, object.value()));
                }
                if selects(options, &object) {
                    stream.queue.push_back(WatchEvent::Object {
                        kind: EventKind::Added,
                        object,
                        event: None,
                    });
                }
            }
            // Who asks for no version wants to know, too, when all has come.
            if options.bookmarks {
                stream.queue.push_back(WatchEvent::Bookmark {
                    revision: watch.revision,
                    initial_end: true,
                });
            }
            stream.begin(watch);
            return Ok(stream);
        }
        let from = options.revision.filter(|revision| *revision > 0);
        match self.0.store.watch(resource.storage(), scope, from) {
            Ok(watch) => stream.begin(watch),
            Err(error @ RevisionError::Expired { .. }) => {
                stream.queue.push_back(WatchEvent::Error(expired(error)));
            }
            Err(RevisionError::Future { asked, .. }) => {
                // It is silent until then.
                let watch = self.0.store.watch(resource.storage(), scope, None);
                stream.begin(watch.map_err(expired)?);
                stream.after = asked;
            }
        }
        Ok(stream)
    }
}

impl WatchStream {
    fn begin(&mut self, watch: Watch) {
        self.revision = watch.revision;
        for event in watch.backlog {
            self.queue.extend(self.see(event));
        }
        self.live = Some(watch.live);
    }

    /// An object as the API of this watch has it.
    fn shown(&self, object: &Arc<Value>) -> Arc<Value> {
        match &self.converted {
            Some(resource) => super::present(resource, object.clone()),
            None => object.clone(),
        }
    }

    /// An event as the selectors see it.
    fn see(&self, event: Arc<Event>) -> Option<WatchEvent> {
        let (labels, fields) = (&self.options.labels, &self.options.fields);
        let (before, now) = if labels.is_empty() && fields.is_empty() {
            (event.stored_old().is_some(), true)
        } else {
            let selects = |object: &Arc<Value>| {
                let object = self.shown(object);
                labels.matches(&object) && fields.matches(&object)
            };
            (event.old().is_some_and(selects), selects(event.object()))
        };
        let kind = match (event.kind(), before, now) {
            (EventKind::Deleted, true, _) | (EventKind::Modified, true, false) => {
                EventKind::Deleted
            }
            (EventKind::Added | EventKind::Modified, false, true) => EventKind::Added,
            (EventKind::Modified, true, true) => EventKind::Modified,
            _ => return None,
        };
        if kind == EventKind::Deleted && event.kind() == EventKind::Modified {
            // The client sees what it knew, at the revision of the change.
            let mut object = (*self.shown(event.old()?)).clone();
            object["metadata"]["resourceVersion"] = event.revision().to_string().into();
            return Some(WatchEvent::Object {
                kind,
                object: Object::new(&Arc::new(object)),
                event: None,
            });
        }
        if self.converted.is_some() {
            return Some(WatchEvent::Object {
                kind,
                object: Object::new(&self.shown(event.object())),
                event: None,
            });
        }
        Some(WatchEvent::Object {
            kind,
            object: event.stored().clone(),
            event: Some(event),
        })
    }

    /// The next event; `None` when the watch has ended. Nothing is lost when
    /// nobody waits for it any more.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        loop {
            if self.other_version.is_none() {
                if let Some(event) = self.queue.pop_front() {
                    return Some(event);
                }
            } else if let Some(event) = self.queue.front() {
                let shown = self.in_version(event.clone()).await;
                self.queue.pop_front();
                if matches!(shown, WatchEvent::Error(_)) {
                    self.live = None;
                    self.queue.clear();
                }
                return Some(shown);
            }
            let event = self.live.as_mut()?.recv().await?;
            self.take(event);
        }
    }

    /// The next event if there is one already, and nobody has to be asked for it.
    pub fn try_next(&mut self) -> Option<WatchEvent> {
        if self.other_version.is_some() {
            return None;
        }
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            let event = self.live.as_mut()?.try_recv().ok()?;
            self.take(event);
        }
    }

    fn take(&mut self, event: Arc<Event>) {
        self.revision = self.revision.max(event.revision());
        if event.revision() <= self.after {
            return;
        }
        self.queue.extend(self.see(event));
    }

    /// An event with its object in the version of the URL.
    async fn in_version(&self, event: WatchEvent) -> WatchEvent {
        let (Some(resource), WatchEvent::Object { kind, object, .. }) =
            (&self.other_version, &event)
        else {
            return event;
        };
        let mut objects = [object.clone()];
        match super::convert::show_all(resource, &mut objects).await {
            Err(status) => WatchEvent::Error(status),
            Ok(()) => {
                let [shown] = objects;
                if shown.is_in(&resource.gvk.api_version()) && object.json() == shown.json() {
                    return event;
                }
                WatchEvent::Object {
                    kind: *kind,
                    object: shown,
                    event: None,
                }
            }
        }
    }

    /// All that has happened until now, and a bookmark behind it; no bookmark
    /// when the watch was cut off, since something may be missing before it.
    pub async fn bookmark(&mut self) -> Vec<WatchEvent> {
        // Whatever is visible now has been handed to the watch before.
        let visible = self.registry.0.store.revision();
        while let Some(event) = self.live.as_mut().and_then(|live| live.try_recv().ok()) {
            self.take(event);
        }
        let mut events = Vec::new();
        while !self.queue.is_empty() {
            events.extend(self.next().await);
        }
        if self.live.as_ref().is_some_and(|live| !live.is_closed()) {
            events.push(WatchEvent::Bookmark {
                revision: visible.max(self.revision),
                initial_end: false,
            });
        }
        events
    }

    /// Whether the client wants bookmarks.
    pub fn wants_bookmarks(&self) -> bool {
        self.options.bookmarks
    }

    /// What is served now.
    pub fn catalog(&self) -> Arc<crate::types::Catalog> {
        self.registry.catalog()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::{Expect, Store};

    /// A watcher that was cut off would resume behind what it has lost.
    #[tokio::test]
    async fn a_bookmark_does_not_hide_lost_events() {
        let registry = Registry::new(Store::memory());
        let catalog = registry.catalog();
        let resource = catalog.find("", "v1", "configmaps").unwrap();
        let options = ListOptions {
            bookmarks: true,
            ..ListOptions::default()
        };
        let mut watch = registry
            .watch(&RequestContext::system("test"), resource, None, &options)
            .unwrap();
        let write = async |count: u64| {
            for _ in 0..count {
                let revision = registry.store().revision();
                let expect = match revision {
                    0 => Expect::Absent,
                    revision => Expect::Revision(revision),
                };
                let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}});
                registry
                    .store()
                    .write(&resource.gr, "n", "a", expect, Some(object))
                    .await
                    .unwrap();
            }
        };
        let is_bookmark = |event: &WatchEvent| matches!(event, WatchEvent::Bookmark { .. });
        write(10).await;
        let events = watch.bookmark().await;
        // Behind what was there at first, behind the writes.
        assert_eq!(events.len(), 12);
        assert!(events.last().is_some_and(is_bookmark));
        write(10_000).await;
        let events = watch.bookmark().await;
        assert!(!events.iter().any(is_bookmark));
        assert!(watch.next().await.is_none());
    }
}
