//! What the hub demands of a work before it is stored. Pure; served by
//! `hub::admission`.
//!
//! Upstream: `ocm: pkg/work/webhook`. A work that is refused is answered with
//! 400 and the message of its [`Refusal`].

use std::collections::HashSet;

use k8s_openapi::api::authorization::v1::ResourceAttributes;
use serde_json::Value;
use thiserror::Error;

/// The most bytes that the manifests of a work may have, unless told otherwise.
pub const MANIFEST_LIMIT: usize = 512_000;
/// The account that applies works without executor.
const AGENT: (&str, &str) = ("", "klusterlet-work-sa");

/// What is wrong with a work.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Refusal(String);

fn bad(message: impl Into<String>) -> Refusal {
    Refusal(message.into())
}

/// Bytes of a number as protobuf writes it.
const fn varint(mut number: usize) -> usize {
    let mut bytes = 1;
    while number >= 0x80 {
        number >>= 7;
        bytes += 1;
    }
    bytes
}

/// Bytes of manifests as upstream counts them: the JSON of each, its length and
/// its tag.
fn size(manifests: &[Value]) -> usize {
    manifests
        .iter()
        .map(|manifest| manifest.to_string().len())
        .map(|len| len + 1 + varint(len))
        .sum()
}

/// Whether the manifests make a work: there are some, not too large, each has a
/// name, none comes twice (checks 1 to 6).
///
/// # Errors
/// The first thing that is wrong.
pub fn manifests(manifests: &[Value], limit: usize) -> Result<(), Refusal> {
    if manifests.is_empty() {
        return Err(bad("manifests should not be empty"));
    }
    let total = size(manifests);
    if total > limit {
        return Err(bad(format!(
            "the size of manifests is {total} bytes which exceeds the {limit} limit"
        )));
    }
    let mut seen = HashSet::new();
    for manifest in manifests {
        let text = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str);
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let Some(kind) = kind.filter(|kind| !kind.is_empty()) else {
            return Err(bad("Object 'Kind' is missing in a manifest"));
        };
        let Some(api_version) = api_version.filter(|version| !version.is_empty()) else {
            return Err(bad(format!("Object 'apiVersion' is missing in a {kind}")));
        };
        let name = text("/metadata/name").unwrap_or_default();
        if name.is_empty() {
            return Err(bad("name must be set in manifest"));
        }
        if text("/metadata/generateName").is_some_and(|name| !name.is_empty()) {
            return Err(bad("generateName must not be set in manifest"));
        }
        let namespace = text("/metadata/namespace").unwrap_or_default();
        if !seen.insert((api_version, kind, namespace, name)) {
            return Err(bad(format!(
                "duplicate manifest for resource {namespace}/{name} with resource type \
                 {api_version}.{kind}"
            )));
        }
    }
    Ok(())
}

/// The account that must be allowed, if any (checks 7 to 9). `old` is the work
/// before an update.
///
/// # Errors
/// The executor names nobody.
pub fn executor(
    work: &Value,
    old: Option<&Value>,
    nil_executor: bool,
) -> Result<Option<(String, String)>, Refusal> {
    let of = |work: &Value| work["spec"]["executor"].clone();
    let executor = of(work);
    if old.is_some_and(|old| of(old) == executor) {
        return Ok(None);
    }
    if executor.is_null() {
        let (namespace, name) = AGENT;
        return Ok(nil_executor.then(|| (namespace.to_owned(), name.to_owned())));
    }
    let account = &executor["subject"]["serviceAccount"];
    if account.is_null() {
        return Err(bad("executor service account can not be nil"));
    }
    let text = |key: &str| account[key].as_str().unwrap_or_default().to_owned();
    Ok(Some((text("namespace"), text("name"))))
}

/// What the requester needs in this namespace to use the account:
/// `execute-as` on manifestworks.
#[must_use]
pub fn execute_as(namespace: &str, account: &(String, String)) -> ResourceAttributes {
    ResourceAttributes {
        group: Some("work.open-cluster-management.io".to_owned()),
        resource: Some("manifestworks".to_owned()),
        verb: Some("execute-as".to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(format!("system:serviceaccount:{}:{}", account.0, account.1)),
        ..ResourceAttributes::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}})
    }

    fn refused(all: &[Value]) -> String {
        manifests(all, MANIFEST_LIMIT).unwrap_err().to_string()
    }

    #[test]
    fn work_04_no_manifests_are_refused() {
        assert_eq!(refused(&[]), "manifests should not be empty");
    }

    #[test]
    fn work_05_too_many_bytes_are_refused_with_size_and_limit() {
        let mut big = map("a");
        big["data"] = json!({"x": "y".repeat(512_000)});
        let total = big.to_string().len() + 1 + 3;
        assert_eq!(
            refused(&[big]),
            format!("the size of manifests is {total} bytes which exceeds the 512000 limit")
        );
        assert_eq!((varint(127), varint(128), varint(16384)), (1, 2, 3));
        // Exactly the limit is fine.
        let one = map("a");
        let exact = size(std::slice::from_ref(&one));
        assert!(manifests(std::slice::from_ref(&one), exact).is_ok());
        assert!(manifests(&[one], exact - 1).is_err());
    }

    #[test]
    fn work_06_every_manifest_has_a_name_of_its_own() {
        let mut nameless = map("");
        assert_eq!(
            refused(std::slice::from_ref(&nameless)),
            "name must be set in manifest"
        );
        nameless["metadata"] = json!({"generateName": "a-"});
        assert_eq!(refused(&[nameless]), "name must be set in manifest");
        let mut both = map("a");
        both["metadata"]["generateName"] = "a-".into();
        assert_eq!(refused(&[both]), "generateName must not be set in manifest");
        assert!(refused(&[json!("text")]).contains("'Kind' is missing"));
        assert!(refused(&[json!({"kind": "X"})]).contains("'apiVersion' is missing"));
    }

    #[test]
    fn work_07_a_manifest_that_comes_twice_is_refused() {
        assert_eq!(
            refused(&[map("a"), map("b"), map("a")]),
            "duplicate manifest for resource n/a with resource type v1.ConfigMap"
        );
        let mut elsewhere = map("a");
        elsewhere["metadata"]["namespace"] = "m".into();
        assert!(manifests(&[map("a"), elsewhere], MANIFEST_LIMIT).is_ok());
    }

    #[test]
    fn work_08_who_needs_permission() {
        let by = |executor: Value| json!({"spec": {"executor": executor}});
        let account = json!({"subject": {"type": "ServiceAccount",
            "serviceAccount": {"namespace": "n", "name": "s"}}});
        let none = by(Value::Null);
        assert_eq!(executor(&none, None, false).unwrap(), None);
        assert_eq!(
            executor(&none, None, true).unwrap(),
            Some((String::new(), "klusterlet-work-sa".into()))
        );
        let named = by(account.clone());
        assert_eq!(
            executor(&named, None, false).unwrap(),
            Some(("n".into(), "s".into()))
        );
        // An update that leaves the executor alone needs none, with or without the gate.
        assert_eq!(executor(&named, Some(&named), true).unwrap(), None);
        assert_eq!(executor(&none, Some(&none), true).unwrap(), None);
        assert_eq!(executor(&none, Some(&named), false).unwrap(), None);
        assert!(executor(&named, Some(&none), false).unwrap().is_some());
        let nobody = by(json!({"subject": {"type": "ServiceAccount"}}));
        assert_eq!(
            executor(&nobody, None, false).unwrap_err().to_string(),
            "executor service account can not be nil"
        );
    }

    #[test]
    fn the_question_names_the_account_and_the_namespace() {
        let asked = execute_as("c1", &("n".into(), "s".into()));
        assert_eq!(asked.verb.as_deref(), Some("execute-as"));
        assert_eq!(asked.name.as_deref(), Some("system:serviceaccount:n:s"));
        assert_eq!(asked.namespace.as_deref(), Some("c1"));
    }
}
