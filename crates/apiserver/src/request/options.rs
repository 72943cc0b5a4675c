//! Query parameters and the options that verbs take.

use serde_json::Value;

use super::labels::LabelSelector;
use super::selector::FieldSelector;
use crate::api::GroupVersionKind;
use crate::schema::cause;
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
    pub fn dry_run(&self) -> bool {
        self.all("dryRun").any(|value| value == "All")
    }

    /// Refuses what no write of this kind of options takes: a manager with a
    /// name that is too long or not for people, an unknown dry run or field
    /// validation. `kind` is such as `PatchOptions`.
    pub fn check_write(&self, kind: &str, apply: bool) -> Result<(), Status> {
        let mut causes = Vec::new();
        let manager = self.get("fieldManager").unwrap_or_default();
        if kind == "PatchOptions" {
            if apply && manager.is_empty() {
                causes.push(cause::required(
                    "fieldManager",
                    "is required for apply patch",
                ));
            } else if !apply && self.get("force").is_some() {
                causes.push(cause::forbidden(
                    "force",
                    "may not be specified for non-apply patch",
                ));
            }
        }
        if kind != "DeleteOptions" {
            field_manager("fieldManager", manager, &mut causes);
        }
        let dry: Vec<&str> = self.all("dryRun").collect();
        dry_run(&dry, &mut causes);
        let validation = self.get("fieldValidation").unwrap_or_default();
        let known = ["", "Ignore", "Strict", "Warn"];
        if kind != "DeleteOptions" && !known.contains(&validation) {
            causes.push(cause::not_supported(
                "fieldValidation",
                &validation.into(),
                &known,
            ));
        }
        refuse(kind, causes)
    }
}

/// The name of a manager of fields.
pub(crate) fn field_manager(field: &str, name: &str, causes: &mut Vec<Cause>) {
    const LONGEST: u64 = 128;
    if u64::try_from(name.len()).is_ok_and(|length| length > LONGEST) {
        causes.push(cause::too_long(field, LONGEST));
    }
    for (at, c) in name.char_indices().filter(|(_, c)| c.is_control()) {
        let why = format!("invalid character U+{:04X} (at position {at})", c as u32);
        causes.push(cause::invalid(field, &name.into(), &why));
    }
}

fn dry_run(values: &[&str], causes: &mut Vec<Cause>) {
    if values.iter().any(|value| !matches!(*value, "" | "All")) {
        let list: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        let mut wrong = cause::not_supported("dryRun", &Value::Null, &["All"]);
        wrong.message = format!(
            "Unsupported value: [{}]: supported values: \"All\"",
            list.join(",")
        );
        causes.push(wrong);
    }
}

/// 422 for options that are wrong, if they are.
fn refuse(kind: &str, causes: Vec<Cause>) -> Result<(), Status> {
    if causes.is_empty() {
        return Ok(());
    }
    let gvk = GroupVersionKind::new("meta.k8s.io", "v1", kind);
    Err(Status::invalid(&gvk, "", causes))
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
                let wrong = wrong_revision(text);
                if watch {
                    wrong
                } else {
                    Status::bad_request(format!("invalid resource version: {}", wrong.message))
                }
            })?),
        };
        let text_match = query.get("resourceVersionMatch");
        let revision_match = match text_match {
            Some("Exact") => Some(RevisionMatch::Exact),
            Some("NotOlderThan") => Some(RevisionMatch::NotOlderThan),
            _ => None,
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
        options.check(text_match.unwrap_or_default())?;
        Ok(options)
    }

    /// What contradicts itself, in Kubernetes' order; `wanted` is the match as
    /// it was sent.
    fn check(&self, wanted: &str) -> Result<(), Status> {
        const MATCH: &str = "resourceVersionMatch";
        let mut causes = Vec::new();
        if self.watch {
            let later = self.revision_match == Some(RevisionMatch::NotOlderThan);
            if self.send_initial_events.is_some() && !later {
                causes.push(cause::forbidden(
                    MATCH,
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                ));
            }
            if wanted.is_empty() {
                // Such a watch begins with the present objects, not older than any.
                let initial = self.revision.unwrap_or(0) == 0;
                if self.continue_token.is_some() && initial {
                    causes.push(cause::forbidden(
                        MATCH,
                        "resourceVersionMatch is forbidden when continue is provided",
                    ));
                }
                return refuse("ListOptions", causes);
            }
            if self.send_initial_events.is_none() {
                causes.push(cause::forbidden(
                    MATCH,
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                ));
            }
            if !later {
                causes.push(cause::not_supported(
                    MATCH,
                    &wanted.into(),
                    &["NotOlderThan"],
                ));
            }
            if self.continue_token.is_some() {
                causes.push(cause::forbidden(
                    MATCH,
                    "resourceVersionMatch is forbidden when continue is provided",
                ));
            }
            return refuse("ListOptions", causes);
        }
        if !wanted.is_empty() {
            if self.revision.is_none() {
                causes.push(cause::forbidden(
                    MATCH,
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ));
            }
            if self.continue_token.is_some() {
                causes.push(cause::forbidden(
                    MATCH,
                    "resourceVersionMatch is forbidden when continue is provided",
                ));
            }
            if self.revision_match.is_none() {
                let known = ["Exact", "NotOlderThan", ""];
                causes.push(cause::not_supported(MATCH, &wanted.into(), &known));
            }
            if self.revision == Some(0) && self.revision_match == Some(RevisionMatch::Exact) {
                causes.push(cause::forbidden(
                    MATCH,
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                ));
            }
        }
        if self.send_initial_events.is_some() {
            causes.push(cause::forbidden(
                "sendInitialEvents",
                "sendInitialEvents is forbidden for list",
            ));
        }
        refuse("ListOptions", causes)
    }
}

/// What Kubernetes says of a `resourceVersion` that is no number.
pub fn wrong_revision(text: &str) -> Status {
    Status::new(
        500,
        "",
        format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ),
    )
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
    /// Reads the body when there is one, even an empty object; else the query.
    pub fn parse(body: Option<&Value>, query: &Query) -> Result<Self, Status> {
        let mut options = Self::default();
        let mut causes = Vec::new();
        let orphan;
        let values: Vec<&str>;
        if let Some(body) = body.filter(|body| body.is_object()) {
            if let Some(kind) = body["kind"].as_str()
                && kind != "DeleteOptions"
            {
                let version = body["apiVersion"].as_str().unwrap_or_default();
                return Err(Status::bad_request(format!(
                    "no kind \"{kind}\" is registered for version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\""
                )));
            }
            let text = |value: &Value| value.as_str().map(str::to_owned);
            options.uid = text(&body["preconditions"]["uid"]);
            options.resource_version = text(&body["preconditions"]["resourceVersion"]);
            options.grace_period_seconds = body["gracePeriodSeconds"].as_i64();
            options.propagation = text(&body["propagationPolicy"]);
            orphan = body["orphanDependents"].as_bool();
            values = body["dryRun"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
        } else {
            options.grace_period_seconds = query.number("gracePeriodSeconds")?;
            options.propagation = query.get("propagationPolicy").map(str::to_owned);
            orphan = query.optional_flag("orphanDependents")?;
            values = query.all("dryRun").collect();
        }
        options.dry_run = values.contains(&"All");
        if let Some(policy) = &options.propagation {
            if orphan.is_some() {
                causes.push(cause::invalid(
                    "propagationPolicy",
                    &policy.as_str().into(),
                    "orphanDependents and deletionPropagation cannot be both set",
                ));
            }
            if !matches!(policy.as_str(), "Orphan" | "Background" | "Foreground") {
                causes.push(cause::not_supported(
                    "propagationPolicy",
                    &policy.as_str().into(),
                    &["Foreground", "Background", "Orphan", "nil"],
                ));
            }
        }
        dry_run(&values, &mut causes);
        refuse("DeleteOptions", causes)?;
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
