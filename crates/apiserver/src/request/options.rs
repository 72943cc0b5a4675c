//! Query parameters and the options that verbs take.

use serde_json::Value;

use super::selector::{FieldSelector, LabelSelector};
use crate::status::{Cause, Status};

/// The decoded query parameters, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query string.
    pub fn parse(query: &str) -> Result<Self, Status> {
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((percent_decode(key, true)?, percent_decode(value, true)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first value of a parameter that is not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, value)| name == key && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// A boolean: absent is false, present without a value is true.
    pub fn flag(&self, key: &str) -> Result<bool, Status> {
        Ok(self.optional_flag(key)?.unwrap_or(false))
    }

    /// A boolean that may be absent.
    pub fn optional_flag(&self, key: &str) -> Result<Option<bool>, Status> {
        match self.0.iter().find(|(name, _)| name == key) {
            None => Ok(None),
            Some((_, value)) => match value.as_str() {
                // As Kubernetes converts it: everything but 0 and false is true.
                "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(Some(false)),
                _ => Ok(Some(true)),
            },
        }
    }

    /// A number that may be absent.
    pub fn number(&self, key: &str) -> Result<Option<i64>, Status> {
        self.get(key)
            .map(|value| {
                value.parse().map_err(|_| {
                    Status::bad_request(format!(
                        "strconv.ParseInt: parsing \"{value}\": invalid syntax"
                    ))
                })
            })
            .transpose()
    }

    /// Whether `dryRun=All` is asked for.
    pub fn dry_run(&self) -> Result<bool, Status> {
        let values: Vec<String> = self.all("dryRun").map(str::to_owned).collect();
        dry_run(&values, "")
    }
}

fn dry_run(values: &[String], kind: &str) -> Result<bool, Status> {
    let mut all = false;
    for value in values.iter().filter(|value| !value.is_empty()) {
        if value != "All" {
            let list: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
            let kind = if kind.is_empty() {
                "CreateOptions"
            } else {
                kind
            };
            return Err(invalid_options(
                kind,
                "FieldValueNotSupported",
                "dryRun",
                &format!(
                    "Unsupported value: [{}]: supported values: \"All\"",
                    list.join(",")
                ),
            ));
        }
        all = true;
    }
    Ok(all)
}

/// 422 for options that contradict each other.
pub fn invalid_options(kind: &str, reason: &str, field: &str, message: &str) -> Status {
    let mut status = Status::new(
        422,
        "Invalid",
        format!("{kind}.meta.k8s.io \"\" is invalid: {field}: {message}"),
    );
    status.subject = Some(("meta.k8s.io".to_owned(), kind.to_owned(), String::new()));
    status.causes = vec![Cause {
        reason: reason.to_owned(),
        message: message.to_owned(),
        field: field.to_owned(),
    }];
    status
}

/// Undoes %XX (and `+` in queries).
pub(super) fn percent_decode(text: &str, plus: bool) -> Result<String, Status> {
    if !(text.contains('%') || plus && text.contains('+')) {
        return Ok(text.to_owned());
    }
    let bad = || Status::bad_request(format!("invalid URL escape in \"{text}\""));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                    return Err(bad());
                };
                u8::try_from(high * 16 + low).map_err(|_| bad())?
            }
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

/// `resourceVersionMatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionMatch {
    /// The list as it was.
    Exact,
    /// Any newer one will do.
    NotOlderThan,
}

/// What a list, watch or deletecollection asks for.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// By labels.
    pub labels: LabelSelector,
    /// By fields.
    pub fields: FieldSelector,
    /// At most so many.
    pub limit: Option<usize>,
    /// Where the previous page ended.
    pub continue_token: Option<String>,
    /// `resourceVersion`: absent, or a number.
    pub revision: Option<u64>,
    /// How `revision` is meant.
    pub revision_match: Option<RevisionMatch>,
    /// Whether it was a watch.
    pub watch: bool,
    /// Whether bookmarks are wanted.
    pub bookmarks: bool,
    /// Whether a watch begins with the present objects.
    pub send_initial_events: Option<bool>,
    /// After so long a watch ends.
    pub timeout_seconds: Option<u64>,
}

impl ListOptions {
    /// Reads and checks them.
    pub fn parse(query: &Query, watch: bool) -> Result<Self, Status> {
        let revision = match query.get("resourceVersion") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                let why = format!("resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");
                match watch {
                    true => Status::new(500, "", why),
                    false => Status::bad_request(format!("invalid resource version: {why}")),
                }
            })?),
        };
        let text_match = query.get("resourceVersionMatch");
        let revision_match = match text_match {
            None => None,
            Some("Exact") => Some(RevisionMatch::Exact),
            Some("NotOlderThan") => Some(RevisionMatch::NotOlderThan),
            Some(other) => {
                return Err(invalid_options(
                    "ListOptions",
                    "FieldValueNotSupported",
                    "resourceVersionMatch",
                    &format!(
                        "Unsupported value: \"{other}\": supported values: \"Exact\", \"NotOlderThan\", \"\""
                    ),
                ));
            }
        };
        let limit = query
            .number("limit")?
            .and_then(|limit| usize::try_from(limit).ok());
        let options = Self {
            labels: LabelSelector::parse(query.get("labelSelector").unwrap_or(""))?,
            fields: FieldSelector::parse(query.get("fieldSelector").unwrap_or(""))?,
            limit: limit.filter(|limit| *limit > 0),
            continue_token: query.get("continue").map(str::to_owned),
            revision,
            revision_match,
            watch,
            bookmarks: query.flag("allowWatchBookmarks")?,
            send_initial_events: query.optional_flag("sendInitialEvents")?,
            timeout_seconds: query
                .number("timeoutSeconds")?
                .and_then(|seconds| u64::try_from(seconds).ok()),
        };
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<(), Status> {
        let forbidden = |field: &str, message: &str| {
            Err(invalid_options(
                "ListOptions",
                "FieldValueForbidden",
                field,
                &format!("Forbidden: {message}"),
            ))
        };
        if self.watch {
            if self.send_initial_events.is_some()
                && self.revision_match != Some(RevisionMatch::NotOlderThan)
            {
                return forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                );
            }
            if self.revision_match.is_some() && self.send_initial_events.is_none() {
                return forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                );
            }
            return Ok(());
        }
        if self.send_initial_events.is_some() {
            return forbidden(
                "sendInitialEvents",
                "sendInitialEvents is forbidden for list",
            );
        }
        if self.revision_match.is_some() {
            if self.revision.is_none() {
                return forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                );
            }
            if self.continue_token.is_some() {
                return forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden when continue is provided",
                );
            }
            if self.revision == Some(0) && self.revision_match == Some(RevisionMatch::Exact) {
                return forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                );
            }
        }
        Ok(())
    }
}

/// What a delete asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Only an object of this UID.
    pub uid: Option<String>,
    /// Only an object of this version.
    pub resource_version: Option<String>,
    /// How long a pod may take to stop.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of dependents: `Orphan`, `Background`, `Foreground`.
    pub propagation: Option<String>,
    /// Everything is checked and nothing deleted.
    pub dry_run: bool,
}

impl DeleteOptions {
    /// Reads the body when there is one, else the query.
    pub fn parse(body: Option<&Value>, query: &Query) -> Result<Self, Status> {
        let mut options = Self::default();
        let orphan;
        if let Some(body) = body.filter(|body| body.as_object().is_some_and(|map| !map.is_empty()))
        {
            if let Some(kind) = body["kind"].as_str()
                && kind != "DeleteOptions"
            {
                return Err(Status::bad_request(format!(
                    "decoded object cannot be converted to DeleteOptions: it is a {kind}"
                )));
            }
            let text = |value: &Value| value.as_str().map(str::to_owned);
            options.uid = text(&body["preconditions"]["uid"]);
            options.resource_version = text(&body["preconditions"]["resourceVersion"]);
            options.grace_period_seconds = body["gracePeriodSeconds"].as_i64();
            options.propagation = text(&body["propagationPolicy"]);
            orphan = body["orphanDependents"].as_bool();
            let values: Vec<String> = body["dryRun"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(text)
                .collect();
            options.dry_run = dry_run(&values, "DeleteOptions")?;
        } else {
            options.grace_period_seconds = query.number("gracePeriodSeconds")?;
            options.propagation = query.get("propagationPolicy").map(str::to_owned);
            orphan = query.optional_flag("orphanDependents")?;
        }
        options.dry_run |= query.dry_run()?;
        if let Some(policy) = &options.propagation {
            if orphan.is_some() {
                return Err(invalid_options(
                    "DeleteOptions",
                    "FieldValueInvalid",
                    "propagationPolicy",
                    &format!(
                        "Invalid value: \"{policy}\": orphanDependents and deletionPropagation cannot be both set"
                    ),
                ));
            }
            if !matches!(policy.as_str(), "Orphan" | "Background" | "Foreground") {
                return Err(invalid_options(
                    "DeleteOptions",
                    "FieldValueNotSupported",
                    "propagationPolicy",
                    &format!(
                        "Unsupported value: \"{policy}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
                    ),
                ));
            }
        }
        if let Some(orphan) = orphan {
            options.propagation = Some(if orphan { "Orphan" } else { "Background" }.to_owned());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("a=b%2Cc&watch&x=1+2&limit=5&bad=%zz");
        assert_eq!(query.unwrap_err().code, 400);
        let query = Query::parse("a=b%2Cc&watch&x=1+2&limit=5").unwrap();
        assert_eq!(query.get("a"), Some("b,c"));
        assert_eq!(query.get("x"), Some("1 2"));
        assert!(query.flag("watch").unwrap());
        assert!(!query.flag("other").unwrap());
        assert_eq!(query.number("limit").unwrap(), Some(5));
        assert_eq!(query.number("a").unwrap_err().code, 400);
    }

    #[test]
    fn list_options_that_contradict_are_refused() {
        for (query, watch, good) in [
            ("resourceVersion=5&resourceVersionMatch=Exact", false, true),
            ("resourceVersionMatch=Exact", false, false),
            ("resourceVersion=0&resourceVersionMatch=Exact", false, false),
            ("resourceVersion=5&resourceVersionMatch=Newer", false, false),
            ("sendInitialEvents=true", true, false),
            (
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                true,
                true,
            ),
            (
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                false,
                false,
            ),
            ("resourceVersion=abc", false, false),
        ] {
            let result = ListOptions::parse(&Query::parse(query).unwrap(), watch);
            assert_eq!(result.is_ok(), good, "{query}: {result:?}");
        }
    }

    #[test]
    fn delete_options_come_from_body_or_query() {
        let body = serde_json::json!({"kind": "DeleteOptions", "preconditions": {"uid": "u"}, "dryRun": ["All"]});
        let options = DeleteOptions::parse(Some(&body), &Query::default()).unwrap();
        assert_eq!(options.uid.as_deref(), Some("u"));
        assert!(options.dry_run);
        let query = Query::parse("propagationPolicy=Orphan&gracePeriodSeconds=0").unwrap();
        let options = DeleteOptions::parse(None, &query).unwrap();
        assert_eq!(options.propagation.as_deref(), Some("Orphan"));
        assert_eq!(options.grace_period_seconds, Some(0));
        let query = Query::parse("propagationPolicy=Never").unwrap();
        assert_eq!(DeleteOptions::parse(None, &query).unwrap_err().code, 422);
    }
}
