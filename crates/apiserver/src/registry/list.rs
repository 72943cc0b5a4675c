//! List, in pages of one consistent snapshot.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine};
use serde_json::{Value, json};

use super::meta::text;
use super::{Registry, convert};
use crate::request::{ListOptions, RequestContext, RevisionMatch};
use crate::status::{Cause, Status};
use crate::store::{Object, RevisionError, Snapshot};
use crate::types::ResourceType;

/// Objects of one revision.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// In key order, in their storage version.
    pub items: Vec<Object>,
    /// The revision they are of.
    pub revision: u64,
    /// Where the next page begins; empty on the last one.
    pub continue_token: String,
    /// How many there are behind this page, when that is known.
    pub remaining: Option<usize>,
}

impl Registry {
    /// The objects of a resource in one namespace or in all.
    pub async fn list(
        &self,
        _context: &RequestContext,
        resource: &ResourceType,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<List, Status> {
        options.fields.check(&resource.gr, resource.selectable())?;
        let snapshot = self.snapshot(resource, namespace, options)?;
        let mut items = snapshot.items;
        if resource.storage() != &resource.gr {
            // Selectors are about the fields of this API.
            convert::show_all(resource, &mut items).await?;
        }
        let selective = !options.labels.is_empty() || !options.fields.is_empty();
        if selective {
            items.retain(|item| selects(options, item));
        }
        let mut list = List {
            revision: snapshot.revision,
            ..List::default()
        };
        if let Some(limit) = options.limit
            && items.len() > limit
        {
            if !selective {
                list.remaining = Some(items.len() - limit);
            }
            items.truncate(limit);
            if let Some(last) = items.last() {
                list.continue_token = encode(list.revision, namespace, &last.header());
            }
        }
        list.items = items;
        convert::show_all(resource, &mut list.items).await?;
        Ok(list)
    }

    fn snapshot(
        &self,
        resource: &ResourceType,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<Snapshot, Status> {
        let (store, gr) = (self.store(), resource.storage());
        if let Some(token) = &options.continue_token {
            let (revision, start) = decode(token)?;
            if options.revision.is_some_and(|revision| revision != 0) {
                return Err(Status::bad_request(
                    "specifying resource version is not allowed when using continue",
                ));
            }
            let (last_namespace, last_name) = last(namespace, &start);
            let after = Some((last_namespace, last_name));
            // A token without a revision goes on in the present.
            let revision = revision.unwrap_or_else(|| store.revision());
            return store
                .list_at(gr, namespace, revision, after)
                .map_err(|error| match error {
                    RevisionError::Expired { .. } => {
                        let mut status = Status::new(410, "Expired", LOST_PAGE);
                        status.continue_token = Some(token_of(-1, &start).into());
                        status
                    }
                    RevisionError::Future { .. } => expired(error),
                });
        }
        let at = |revision| {
            store
                .list_at(gr, namespace, revision, None)
                .map_err(|error| match error {
                    RevisionError::Expired { .. } => Status::new(
                        410,
                        "Expired",
                        "The resourceVersion for the provided list is too old.",
                    ),
                    RevisionError::Future { .. } => expired(error),
                })
        };
        match (options.revision, options.revision_match) {
            (Some(revision), Some(RevisionMatch::Exact)) => at(revision),
            // Without a match, paging means exactly this revision.
            (Some(revision), None) if revision > 0 && options.limit.is_some() => at(revision),
            (Some(revision), _) => {
                let snapshot = store.list(gr, namespace);
                if revision > snapshot.revision {
                    return Err(expired(RevisionError::Future {
                        asked: revision,
                        current: snapshot.revision,
                    }));
                }
                Ok(snapshot)
            }
            (None, _) => Ok(store.list(gr, namespace)),
        }
    }
}

impl Registry {
    /// Whether there has been this revision.
    pub fn reached(&self, revision: u64) -> Result<(), Status> {
        let current = self.store().revision();
        if revision > current {
            return Err(expired(RevisionError::Future {
                asked: revision,
                current,
            }));
        }
        Ok(())
    }
}

/// Whether the selectors select an object.
pub(super) fn selects(options: &ListOptions, object: &Object) -> bool {
    let (labels, fields) = (&options.labels, &options.fields);
    if labels.is_empty() && fields.is_empty() {
        return true;
    }
    if fields.is_of_header() {
        let header = object.header();
        return labels.matches(&header) && fields.matches(&header);
    }
    let object = object.value();
    labels.matches(&object) && fields.matches(&object)
}

/// The answer to a revision that is not served.
pub(super) fn expired(error: RevisionError) -> Status {
    match error {
        RevisionError::Expired { .. } => Status::new(410, "Expired", error.to_string()),
        RevisionError::Future { .. } => {
            let mut status = Status::new(504, "Timeout", error.to_string());
            status.retry_after = Some(1);
            status.causes.push(Cause {
                reason: "ResourceVersionTooLarge".to_owned(),
                message: "Too large resource version".to_owned(),
                field: String::new(),
            });
            status
        }
    }
}

/// What is said to who comes too late for a page.
const LOST_PAGE: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// Where the page behind this object begins: its name, behind that of its
/// namespace in a list of several, and a zero, as in the keys of etcd.
fn encode(revision: u64, namespace: Option<&str>, last: &Value) -> String {
    let name = text(last, "name");
    let start = match (namespace, text(last, "namespace")) {
        (Some(_), _) | (None, "") => format!("{name}\0"),
        (None, namespace) => format!("{namespace}/{name}\0"),
    };
    token_of(i64::try_from(revision).unwrap_or(i64::MAX), &start)
}

fn token_of(revision: i64, start: &str) -> String {
    let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

/// Namespace and name of the last object before a page.
fn last<'a>(namespace: Option<&'a str>, start: &'a str) -> (&'a str, &'a str) {
    let start = start.strip_suffix('\0').unwrap_or(start);
    match namespace {
        Some(namespace) => (namespace, start),
        None => start.split_once('/').unwrap_or(("", start)),
    }
}

/// The revision of a token, if it has one, and its start.
fn decode(token: &str) -> Result<(Option<u64>, String), Status> {
    let refused = |why: &str| {
        Status::bad_request(format!(
            "invalid continue token: continue key is not valid: {why}"
        ))
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|error| {
        let at = match error {
            DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
            // Where the last, too short group of four begins.
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => token.len() / 4 * 4,
        };
        refused(&format!("illegal base64 data at input byte {at}"))
    })?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| match bytes.first() {
        None => refused("unexpected end of JSON input"),
        Some(first) => {
            let first = char::from(*first);
            let shown = match first.is_control() {
                true => format!("\\u{:04x}", u32::from(first)),
                false => first.to_string(),
            };
            refused(&format!(
                "invalid character '{shown}' looking for beginning of value"
            ))
        }
    })?;
    let version = token["v"].as_str().unwrap_or_default();
    if version != "meta.k8s.io/v1" {
        return Err(refused(&format!(
            "server does not recognize this encoded version {version}"
        )));
    }
    let revision = token["rv"].as_i64().unwrap_or_default();
    if revision == 0 {
        return Err(refused(
            "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
        ));
    }
    let start = token["start"].as_str().unwrap_or_default();
    if start.is_empty() {
        return Err(refused("encoded start key empty (version meta.k8s.io/v1)"));
    }
    // Nobody climbs out of the collection.
    if start
        .strip_prefix('/')
        .unwrap_or(start)
        .split('/')
        .any(|part| matches!(part, "" | "." | ".."))
    {
        return Err(refused(start));
    }
    Ok((u64::try_from(revision).ok(), start.to_owned()))
}
