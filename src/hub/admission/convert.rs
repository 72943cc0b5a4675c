//! Add-ons in the version that somebody asks for: the conversion webhook of
//! ClusterManagementAddOns and ManagedClusterAddOns (placement protocol §6).
//!
//! v1alpha1 is stored. What one version cannot say is carried where it can be:
//! `installNamespace` in an annotation, "no default" in a reserved name. Only
//! v1alpha1's deprecated `addOnConfiguration`, and what a status says twice,
//! have no place in v1beta1.

use serde_json::{Map, Value, json};

use crate::ocm::addon::names::{ANNOTATION_INSTALL_NAMESPACE, NO_DEFAULT_CONFIG};

/// The path of the webhook.
pub(super) const PATH: &str = "/convert";
/// What a review may weigh: an API server sends a whole list at once.
pub(super) const LARGEST: usize = 64 * 1024 * 1024;

const V1ALPHA1: &str = "addon.open-cluster-management.io/v1alpha1";
const V1BETA1: &str = "addon.open-cluster-management.io/v1beta1";
/// The signer of certificates for the API server; v1beta1 says `kubeClient`.
const KUBE_CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// Answers a ConversionReview; `None` when the body is none.
pub(super) fn review(body: &[u8]) -> Option<Value> {
    let mut review: Value = serde_json::from_slice(body).ok()?;
    if review["kind"] != "ConversionReview" {
        return None;
    }
    let version = review["apiVersion"].as_str()?.to_owned();
    let uid = review["request"]["uid"].as_str()?.to_owned();
    let wanted = review["request"]["desiredAPIVersion"].as_str()?.to_owned();
    let Value::Array(objects) = review["request"]["objects"].take() else {
        return None;
    };
    let converted: Result<Vec<Value>, String> = objects
        .into_iter()
        .map(|object| convert(object, &wanted))
        .collect();
    let response = match converted {
        Ok(objects) => json!({
            "uid": uid, "result": {"status": "Success"}, "convertedObjects": objects,
        }),
        Err(message) => json!({
            "uid": uid, "result": {"status": "Failure", "message": message},
        }),
    };
    Some(json!({"apiVersion": version, "kind": "ConversionReview", "response": response}))
}

/// One object in the version `wanted`.
fn convert(mut object: Value, wanted: &str) -> Result<Value, String> {
    let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let (kind, version) = (text("kind"), text("apiVersion"));
    if version == wanted {
        return Ok(object);
    }
    match (kind.as_str(), version.as_str(), wanted) {
        ("ClusterManagementAddOn", V1ALPHA1, V1BETA1) => offer_to_beta(&mut object),
        ("ClusterManagementAddOn", V1BETA1, V1ALPHA1) => offer_to_alpha(&mut object),
        ("ManagedClusterAddOn", V1ALPHA1, V1BETA1) => installation_to_beta(&mut object),
        ("ManagedClusterAddOn", V1BETA1, V1ALPHA1) => installation_to_alpha(&mut object),
        _ => {
            return Err(format!(
                "a {kind} of {version} cannot become one of {wanted}"
            ));
        }
    }
    object["apiVersion"] = wanted.into();
    Ok(object)
}

fn offer_to_beta(object: &mut Value) {
    if let Some(spec) = fields(object, "/spec") {
        spec.remove("addOnConfiguration");
        rename(spec, "supportedConfigs", "defaultConfigs");
        each(spec, "defaultConfigs", |config| {
            let default = config.remove("defaultConfig").unwrap_or_default();
            let name = default["name"].as_str().filter(|name| !name.is_empty());
            set(config, "name", Some(name.unwrap_or(NO_DEFAULT_CONFIG)));
            set(config, "namespace", default["namespace"].as_str());
        });
    }
    if let Some(status) = fields(object, "/status") {
        rename(status, "defaultconfigReferences", "defaultConfigReferences");
    }
}

fn offer_to_alpha(object: &mut Value) {
    if let Some(spec) = fields(object, "/spec") {
        rename(spec, "defaultConfigs", "supportedConfigs");
        each(spec, "supportedConfigs", |config| {
            let (name, namespace) = (config.remove("name"), config.remove("namespace"));
            let Some(name) = name.filter(|name| name != NO_DEFAULT_CONFIG) else {
                return;
            };
            let mut default = Map::from_iter([("name".to_owned(), name)]);
            let namespace = namespace.as_ref().and_then(Value::as_str);
            set(&mut default, "namespace", namespace);
            config.insert("defaultConfig".to_owned(), default.into());
        });
    }
    if let Some(status) = fields(object, "/status") {
        rename(status, "defaultConfigReferences", "defaultconfigReferences");
    }
}

fn installation_to_beta(object: &mut Value) {
    let namespace = fields(object, "/spec").and_then(|spec| spec.remove("installNamespace"));
    if let Some(Value::String(namespace)) = namespace
        && !namespace.is_empty()
    {
        object["metadata"]["annotations"][ANNOTATION_INSTALL_NAMESPACE] = namespace.into();
    }
    let Some(status) = fields(object, "/status") else {
        return;
    };
    status.remove("addOnConfiguration");
    each(status, "configReferences", |reference| {
        let (name, namespace) = (reference.remove("name"), reference.remove("namespace"));
        // Before specHash there was no desired configuration.
        if let Some(Value::String(name)) = name
            && !reference.contains_key("desiredConfig")
        {
            let mut desired = Map::from_iter([("name".to_owned(), name.into())]);
            let namespace = namespace.as_ref().and_then(Value::as_str);
            set(&mut desired, "namespace", namespace);
            reference.insert("desiredConfig".to_owned(), desired.into());
        }
    });
    let driver = status.remove("kubeClientDriver");
    each(status, "registrations", |registration| {
        let signer = registration.remove("signerName").unwrap_or_default();
        let mut subject = registration.remove("subject").unwrap_or_default();
        let (kind, mut details) = if signer == KUBE_CLIENT_SIGNER {
            let mut details = Map::new();
            if let Some(driver) = &driver {
                details.insert("driver".to_owned(), driver.clone());
            }
            if let Some(subject) = subject.as_object_mut() {
                subject.remove("organizationUnit");
            }
            ("kubeClient", details)
        } else {
            if let Some(subject) = subject.as_object_mut() {
                rename(subject, "organizationUnit", "organizationUnits");
            }
            let details = Map::from_iter([("signerName".to_owned(), signer)]);
            ("customSigner", details)
        };
        if subject.is_object() {
            details.insert("subject".to_owned(), subject);
        }
        registration.insert("type".to_owned(), kind.into());
        registration.insert(kind.to_owned(), details.into());
    });
}

fn installation_to_alpha(object: &mut Value) {
    let annotations = fields(object, "/metadata/annotations");
    let namespace =
        annotations.and_then(|annotations| annotations.remove(ANNOTATION_INSTALL_NAMESPACE));
    if let Some(namespace) = namespace {
        object["spec"]["installNamespace"] = namespace;
        let metadata = &mut object["metadata"];
        if metadata["annotations"] == json!({}) {
            metadata
                .as_object_mut()
                .map(|all| all.remove("annotations"));
        }
    }
    let Some(status) = fields(object, "/status") else {
        return;
    };
    each(status, "configReferences", |reference| {
        let desired = reference.get("desiredConfig").cloned().unwrap_or_default();
        for key in ["name", "namespace"] {
            set(reference, key, desired[key].as_str());
        }
    });
    let mut driver = None;
    each(status, "registrations", |registration| {
        let kind = registration.remove("type").unwrap_or_default();
        let client = registration.remove("kubeClient").unwrap_or_default();
        let custom = registration.remove("customSigner").unwrap_or_default();
        let of_client = kind == "kubeClient";
        let (details, signer) = if of_client {
            (client, Some(KUBE_CLIENT_SIGNER.to_owned()))
        } else {
            let signer = custom["signerName"].as_str().map(str::to_owned);
            (custom, signer)
        };
        set(registration, "signerName", signer.as_deref());
        let mut subject = details["subject"].clone();
        if let Some(subject) = subject.as_object_mut() {
            rename(subject, "organizationUnits", "organizationUnit");
        }
        if subject.is_object() {
            registration.insert("subject".to_owned(), subject);
        }
        if of_client && driver.is_none() && details["driver"].is_string() {
            driver = Some(details["driver"].clone());
        }
    });
    if let Some(driver) = driver {
        status.insert("kubeClientDriver".to_owned(), driver);
    }
}

fn fields<'a>(object: &'a mut Value, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    object.pointer_mut(pointer)?.as_object_mut()
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

/// Sets a text, unless there is none or it is empty.
fn set(fields: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        fields.insert(key.to_owned(), value.into());
    }
}

/// Changes every object of a list.
fn each(
    fields: &mut Map<String, Value>,
    list: &str,
    mut change: impl FnMut(&mut Map<String, Value>),
) {
    let entries = fields.get_mut(list).and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        if let Some(entry) = entry.as_object_mut() {
            change(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(alpha: &Value, beta: &Value) {
        assert_eq!(&convert(alpha.clone(), V1BETA1).unwrap(), beta);
        assert_eq!(&convert(beta.clone(), V1ALPHA1).unwrap(), alpha);
    }

    #[test]
    fn addon_29_offers_say_in_both_versions_what_configures_them() {
        there_and_back(
            &json!({
                "apiVersion": V1ALPHA1, "kind": "ClusterManagementAddOn",
                "metadata": {"name": "a"},
                "spec": {
                    "addOnMeta": {"displayName": "A"},
                    "supportedConfigs": [
                        {"group": "g", "resource": "with", "defaultConfig": {"namespace": "n", "name": "d"}},
                        {"group": "g", "resource": "wide", "defaultConfig": {"name": "d"}},
                        {"group": "g", "resource": "without"},
                    ],
                    "installStrategy": {"type": "Manual"},
                },
                "status": {"defaultconfigReferences": [{"group": "g", "resource": "with"}]},
            }),
            &json!({
                "apiVersion": V1BETA1, "kind": "ClusterManagementAddOn",
                "metadata": {"name": "a"},
                "spec": {
                    "addOnMeta": {"displayName": "A"},
                    "defaultConfigs": [
                        {"group": "g", "resource": "with", "namespace": "n", "name": "d"},
                        {"group": "g", "resource": "wide", "name": "d"},
                        {"group": "g", "resource": "without", "name": NO_DEFAULT_CONFIG},
                    ],
                    "installStrategy": {"type": "Manual"},
                },
                "status": {"defaultConfigReferences": [{"group": "g", "resource": "with"}]},
            }),
        );
    }

    #[test]
    fn addon_29_installations_keep_their_namespace_and_registrations() {
        let desired = json!({"namespace": "n", "name": "c", "specHash": "h"});
        there_and_back(
            &json!({
                "apiVersion": V1ALPHA1, "kind": "ManagedClusterAddOn",
                "metadata": {"name": "a", "namespace": "c1"},
                "spec": {"installNamespace": "n", "configs": [{"group": "g", "resource": "r", "name": "c"}]},
                "status": {
                    "namespace": "n",
                    "configReferences": [{"group": "g", "resource": "r", "namespace": "n",
                        "name": "c", "desiredConfig": desired, "lastObservedGeneration": 2}],
                    "kubeClientDriver": "token",
                    "registrations": [
                        {"signerName": KUBE_CLIENT_SIGNER, "subject": {"user": "u", "groups": ["g"]}},
                        {"signerName": "example.com/s", "subject": {"user": "v", "organizationUnit": ["o"]}},
                        {"signerName": "example.com/t"},
                    ],
                },
            }),
            &json!({
                "apiVersion": V1BETA1, "kind": "ManagedClusterAddOn",
                "metadata": {"name": "a", "namespace": "c1",
                    "annotations": {ANNOTATION_INSTALL_NAMESPACE: "n"}},
                "spec": {"configs": [{"group": "g", "resource": "r", "name": "c"}]},
                "status": {
                    "namespace": "n",
                    "configReferences": [{"group": "g", "resource": "r",
                        "desiredConfig": desired, "lastObservedGeneration": 2}],
                    "registrations": [
                        {"type": "kubeClient", "kubeClient": {"driver": "token",
                            "subject": {"user": "u", "groups": ["g"]}}},
                        {"type": "customSigner", "customSigner": {"signerName": "example.com/s",
                            "subject": {"user": "v", "organizationUnits": ["o"]}}},
                        {"type": "customSigner", "customSigner": {"signerName": "example.com/t"}},
                    ],
                },
            }),
        );
        // An object without any of it stays without.
        let bare = |version: &str| json!({"apiVersion": version, "kind": "ManagedClusterAddOn", "metadata": {}});
        there_and_back(&bare(V1ALPHA1), &bare(V1BETA1));
    }

    #[test]
    fn reviews_are_answered_whole_or_refused_with_the_reason() {
        let ask = |object: Value| {
            let body = json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
                "request": {"uid": "u", "desiredAPIVersion": V1BETA1, "objects": [object]},
            });
            review(body.to_string().as_bytes()).unwrap()
        };
        let said = ask(json!({"apiVersion": V1BETA1, "kind": "ManagedClusterAddOn"}));
        assert_eq!(said["response"]["uid"], "u");
        assert_eq!(said["response"]["result"]["status"], "Success");
        assert_eq!(
            said["response"]["convertedObjects"][0]["apiVersion"],
            V1BETA1
        );
        let said = ask(json!({"apiVersion": "v1", "kind": "Secret"}));
        assert_eq!(
            said["response"]["result"]["message"],
            format!("a Secret of v1 cannot become one of {V1BETA1}")
        );
        for body in ["", "{}", r#"{"apiVersion":"v1","kind":"ConversionReview"}"#] {
            assert!(review(body.as_bytes()).is_none(), "{body}");
        }
    }
}
