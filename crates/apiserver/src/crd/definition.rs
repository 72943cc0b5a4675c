//! The definition itself: its defaults, and what is wrong with it.

use serde_json::{Value, json};

use super::structural::Looks;
use super::{compile_all, strings};
use crate::schema::{NodeType, Schema, cause, names};
use crate::status::Cause;

/// Fills in what a definition may leave out.
pub fn apply_defaults(crd: &mut Value) {
    let kind = crd["spec"]["names"]["kind"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let Some(spec) = crd["spec"].as_object_mut() else {
        return;
    };
    if let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) {
        let empty =
            |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().is_empty();
        if empty(names.get("singular")) && !kind.is_empty() {
            names.insert("singular".to_owned(), json!(kind.to_lowercase()));
        }
        if empty(names.get("listKind")) && !kind.is_empty() {
            names.insert("listKind".to_owned(), json!(format!("{kind}List")));
        }
    }
    if spec.get("conversion").is_none_or(Value::is_null) {
        spec.insert("conversion".to_owned(), json!({"strategy": "None"}));
    }
    if let Some(port) = crd
        .pointer_mut("/spec/conversion/webhook/clientConfig/service")
        .and_then(Value::as_object_mut)
    {
        port.entry("port").or_insert_with(|| json!(443));
    }
    let stored = crd["status"]["storedVersions"]
        .as_array()
        .is_some_and(|list| !list.is_empty());
    if !stored && let Some(storage) = storage_version(crd) {
        if !crd["status"].is_object() {
            crd["status"] = json!({});
        }
        crd["status"]["storedVersions"] = json!([storage]);
    }
}

/// The version that objects are stored in.
pub(super) fn storage_version(crd: &Value) -> Option<String> {
    let versions = crd["spec"]["versions"].as_array()?;
    let storage = versions.iter().find(|version| version["storage"] == true)?;
    storage["name"].as_str().map(str::to_owned)
}

/// What is wrong with a definition, created or (given `old`) updated. Its
/// schemas are among what is looked at.
pub fn validate_definition(crd: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &crd["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    let name = text(&crd["metadata"]["name"]);
    if old.is_none() && name != format!("{plural}.{group}") {
        causes.push(cause::invalid(
            "metadata.name",
            &json!(name),
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    group_and_scope(spec, &mut causes);
    versions(spec, &mut causes);
    for key in ["plural", "singular", "kind", "listKind"] {
        if text(&spec["names"][key]).is_empty() {
            causes.push(cause::required(&format!("spec.names.{key}"), ""));
        }
    }
    all_names(&spec["names"], &mut causes);
    conversion(spec, &mut causes);
    stored_versions(crd, &mut causes);
    approval(crd, &group, &mut causes);
    if let Some(old) = old {
        immutable(crd, old, &mut causes);
    }
    let versions = old.and_then(|old| old["spec"]["versions"].as_array());
    let unchanged = |version: &Value| {
        let mut before = versions.into_iter().flatten();
        before.any(|old| old["name"] == version["name"] && old["schema"] == version["schema"])
    };
    let looks = |version: &Value| match unchanged(version) {
        true => Looks::AllButCosts,
        false => Looks::All,
    };
    causes.extend(compile_all(crd, looks).1);
    causes
}

fn join(found: &[String]) -> String {
    found.join(",")
}

fn group_and_scope(spec: &Value, causes: &mut Vec<Cause>) {
    let group = spec["group"].as_str().unwrap_or_default();
    let wrong = names::dns_1123_subdomain(group);
    if group.is_empty() {
        causes.push(cause::required("spec.group", ""));
    } else if !wrong.is_empty() {
        causes.push(cause::invalid("spec.group", &json!(group), &join(&wrong)));
    } else if !group.contains('.') {
        causes.push(cause::invalid(
            "spec.group",
            &json!(group),
            "should be a domain with at least one dot",
        ));
    }
    match spec["scope"].as_str().unwrap_or_default() {
        "" => causes.push(cause::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => causes.push(cause::not_supported(
            "spec.scope",
            &json!(other),
            &["Cluster", "Namespaced"],
        )),
    }
    if spec["preserveUnknownFields"] == true {
        causes.push(cause::invalid(
            "spec.preserveUnknownFields",
            &json!(true),
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
        ));
    }
}

fn versions(spec: &Value, causes: &mut Vec<Cause>) {
    let list = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let mut seen = Vec::new();
    let mut unique = true;
    for (index, version) in list.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        let name = version["name"].as_str().unwrap_or_default();
        unique &= !seen.contains(&name);
        seen.push(name);
        let wrong = names::dns_1035_label(name);
        if !wrong.is_empty() {
            causes.push(cause::invalid(
                &format!("{path}.name"),
                &json!(name),
                &join(&wrong),
            ));
        }
        if version["deprecated"] != true && version["deprecationWarning"].is_string() {
            causes.push(cause::invalid(
                &format!("{path}.deprecationWarning"),
                &version["deprecationWarning"],
                "can only be set for deprecated versions",
            ));
        }
        columns(version, &path, causes);
        scale(&version["subresources"]["scale"], &path, causes);
    }
    let whole = &as_go_prints(list);
    if !unique {
        let detail = "must contain unique version names";
        causes.push(cause::invalid_shown("spec.versions", whole, detail));
    }
    if list
        .iter()
        .filter(|version| version["storage"] == true)
        .count()
        != 1
    {
        let detail = "must have exactly one version marked as storage version";
        causes.push(cause::invalid_shown("spec.versions", whole, detail));
    }
}

/// Versions as messages show them: with Go's names, and without what all
/// versions share.
fn as_go_prints(versions: &[Value]) -> String {
    let own = |version: &Value, key: &str| {
        let shared = versions.iter().all(|other| other[key] == version[key]);
        if shared {
            Value::Null
        } else {
            version[key].clone()
        }
    };
    let shown = versions.iter().map(|version| {
        // serde_json sorts the keys of its maps; Go does not.
        let fields = [
            ("Name", version["name"].clone()),
            ("Served", json!(version["served"] == true)),
            ("Storage", json!(version["storage"] == true)),
            ("Deprecated", json!(version["deprecated"] == true)),
            ("DeprecationWarning", version["deprecationWarning"].clone()),
            ("Schema", own(version, "schema")),
            ("Subresources", own(version, "subresources")),
            (
                "AdditionalPrinterColumns",
                own(version, "additionalPrinterColumns"),
            ),
            ("SelectableFields", own(version, "selectableFields")),
        ];
        let fields = fields.map(|(name, value)| format!("\"{name}\":{value}"));
        format!("{{{}}}", fields.join(","))
    });
    format!("[{}]", shown.collect::<Vec<_>>().join(","))
}

fn columns(version: &Value, path: &str, causes: &mut Vec<Cause>) {
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    const FORMATS: [&str; 9] = [
        "byte",
        "date",
        "date-time",
        "double",
        "float",
        "int32",
        "int64",
        "name",
        "password",
    ];
    let list = version["additionalPrinterColumns"].as_array();
    for (index, column) in list.into_iter().flatten().enumerate() {
        let place = |key: &str| format!("{path}.additionalPrinterColumns[{index}].{key}");
        let text = |key: &str| column[key].as_str().unwrap_or_default();
        if text("name").is_empty() {
            causes.push(cause::required(&place("name"), ""));
        }
        let types = format!("must be one of {}", TYPES.join(","));
        if text("type").is_empty() {
            causes.push(cause::required(&place("type"), &types));
        } else if !TYPES.contains(&text("type")) {
            causes.push(cause::invalid(&place("type"), &column["type"], &types));
        }
        if !text("format").is_empty() && !FORMATS.contains(&text("format")) {
            let detail = format!("must be one of {}", FORMATS.join(","));
            causes.push(cause::invalid(&place("format"), &column["format"], &detail));
        }
        let json_path = text("jsonPath");
        if json_path.is_empty() {
            causes.push(cause::required(&place("JSONPath"), ""));
        } else if !json_path.starts_with('.') && !json_path.starts_with('[') {
            causes.push(cause::invalid(
                &place("JSONPath"),
                &column["jsonPath"],
                "must be a simple json path starting with .",
            ));
        }
    }
}

/// Fields that selectors may name must exist and be simple.
pub(super) fn selectable_fields(
    version: &Value,
    schema: &Schema,
    index: usize,
    causes: &mut Vec<Cause>,
) {
    const MOST: u64 = 8;
    let path = format!("spec.versions[{index}].selectableFields");
    let list = version["selectableFields"].as_array();
    let mut seen = Vec::new();
    for (index, field) in list.into_iter().flatten().enumerate() {
        let place = format!("{path}[{index}].jsonPath");
        let value = &field["jsonPath"];
        let text = value.as_str().unwrap_or_default();
        if text.is_empty() {
            causes.push(cause::required(&place, ""));
            continue;
        }
        let steps: Vec<&str> = text.trim_start_matches('.').split('.').collect();
        let found = steps.iter().try_fold(schema, |node, step| {
            node.properties.get(*step).map(AsRef::as_ref)
        });
        if !text.starts_with('.') || found.is_none() {
            let detail = "is an invalid path: does not refer to a valid field";
            causes.push(cause::invalid(&place, value, detail));
            continue;
        }
        if steps.first() == Some(&"metadata") {
            let detail = "must not point to fields in metadata";
            causes.push(cause::invalid(&place, value, detail));
        }
        let simple = |node: &Schema| {
            matches!(
                node.node,
                NodeType::String | NodeType::Boolean | NodeType::Integer
            )
        };
        if !found.is_some_and(simple) {
            let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            causes.push(cause::invalid(&place, value, detail));
        }
        if seen.contains(&text) {
            causes.push(cause::duplicate(&place, value));
        } else {
            seen.push(text);
        }
    }
    if seen.len() as u64 > MOST {
        causes.push(cause::too_many(&path, seen.len(), MOST));
    }
}

fn scale(scale: &Value, path: &str, causes: &mut Vec<Cause>) {
    if !scale.is_object() {
        return;
    }
    for (key, under) in [
        ("specReplicasPath", ".spec"),
        ("statusReplicasPath", ".status"),
    ] {
        let place = format!("{path}.subresources.scale.{key}");
        let value = scale[key].as_str().unwrap_or_default();
        if value.is_empty() {
            causes.push(cause::required(&place, ""));
        } else if !value.starts_with(&format!("{under}.")) {
            let detail = format!("should be a json path under {under}");
            causes.push(cause::invalid(&place, &scale[key], &detail));
        }
    }
    let selector = scale["labelSelectorPath"].as_str().unwrap_or_default();
    if !selector.is_empty() && !selector.starts_with(".status.") && !selector.starts_with(".spec.")
    {
        causes.push(cause::invalid(
            &format!("{path}.subresources.scale.labelSelectorPath"),
            &scale["labelSelectorPath"],
            "should be a json path under either .spec or .status",
        ));
    }
}

fn all_names(spec: &Value, causes: &mut Vec<Cause>) {
    let text = |key: &str| spec[key].as_str().unwrap_or_default();
    for (key, mixed) in [
        ("plural", false),
        ("singular", false),
        ("kind", true),
        ("listKind", true),
    ] {
        let value = text(key);
        if value.is_empty() {
            continue;
        }
        let (wrong, prefix) = if mixed {
            let prefix = "may have mixed case, but should otherwise match: ";
            (names::dns_1035_label(&value.to_lowercase()), prefix)
        } else {
            (names::dns_1035_label(value), "")
        };
        if !wrong.is_empty() {
            let detail = format!("{prefix}{}", join(&wrong));
            let path = format!("spec.names.{key}");
            causes.push(cause::invalid(&path, &json!(value), &detail));
        }
    }
    for key in ["shortNames", "categories"] {
        for (index, value) in strings(&spec[key]).iter().enumerate() {
            let wrong = names::dns_1035_label(value);
            if !wrong.is_empty() {
                let path = format!("spec.names.{key}[{index}]");
                causes.push(cause::invalid(&path, &json!(value), &join(&wrong)));
            }
        }
    }
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        causes.push(cause::invalid(
            "spec.names.listKind",
            &spec["listKind"],
            "kind and listKind may not be the same",
        ));
    }
}

fn conversion(spec: &Value, causes: &mut Vec<Cause>) {
    let strategy = &spec["conversion"]["strategy"];
    match strategy.as_str().unwrap_or_default() {
        "" => causes.push(cause::required("spec.conversion.strategy", "")),
        "Webhook" => conversion_webhook(&spec["conversion"]["webhook"], causes),
        "None" => {
            let webhook = &spec["conversion"]["webhook"];
            for (given, field) in [
                ("clientConfig", "webhookClientConfig"),
                ("conversionReviewVersions", "conversionReviewVersions"),
            ] {
                if webhook.get(given).is_some() {
                    causes.push(cause::forbidden(
                        &format!("spec.conversion.{field}"),
                        "should not be set when strategy is not set to Webhook",
                    ));
                }
            }
        }
        other => causes.push(cause::not_supported(
            "spec.conversion.strategy",
            &json!(other),
            &["None", "Webhook"],
        )),
    }
}

/// Where the webhook is, and which reviews it understands.
fn conversion_webhook(webhook: &Value, causes: &mut Vec<Cause>) {
    let at = |field: &str| format!("spec.conversion.{field}");
    let client = &webhook["clientConfig"];
    if client.is_null() {
        causes.push(cause::required(
            &at("webhookClientConfig"),
            "required when strategy is set to Webhook",
        ));
    } else if client["url"].is_null() == client["service"].is_null() {
        causes.push(cause::required(
            &at("webhookClientConfig"),
            "exactly one of url or service is required",
        ));
    }
    let versions = &webhook["conversionReviewVersions"];
    let known = ["v1", "v1beta1"];
    match versions.as_array().filter(|list| !list.is_empty()) {
        None => causes.push(cause::required(&at("conversionReviewVersions"), "")),
        Some(list) if !list.iter().any(|v| known.iter().any(|known| v == known)) => {
            let why = "must include at least one of v1, v1beta1";
            causes.push(cause::invalid(
                &at("conversionReviewVersions"),
                versions,
                why,
            ));
        }
        Some(_) => {}
    }
}

fn stored_versions(crd: &Value, causes: &mut Vec<Cause>) {
    const PATH: &str = "status.storedVersions";
    let stored = strings(&crd["status"]["storedVersions"]);
    if stored.is_empty() {
        causes.push(cause::invalid(
            PATH,
            &Value::Null,
            "must have at least one stored version",
        ));
        return;
    }
    let versions = crd["spec"]["versions"].as_array();
    let versions = || versions.into_iter().flatten();
    let known: Vec<&str> = versions()
        .filter_map(|version| version["name"].as_str())
        .collect();
    // There may be several, which is wrong by itself.
    for storage in versions().filter(|version| version["storage"] == true) {
        let name = storage["name"].as_str().unwrap_or_default();
        if !stored.iter().any(|stored| stored == name) {
            let detail = format!("must have the storage version {name}");
            causes.push(cause::invalid(PATH, &json!(stored), &detail));
        }
    }
    for (index, version) in stored.iter().enumerate() {
        if !known.contains(&version.as_str()) {
            let detail = format!(
                "missing from spec.versions; {version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {version} and removes {version} from status.storedVersions"
            );
            let path = format!("{PATH}[{index}]");
            causes.push(cause::invalid(&path, &json!(version), &detail));
        }
    }
}

/// Groups of the Kubernetes project need a link to a review.
fn approval(crd: &Value, group: &str, causes: &mut Vec<Cause>) {
    const KEY: &str = "api-approved.kubernetes.io";
    let protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group == *domain || group.ends_with(&format!(".{domain}")));
    if !protected {
        return;
    }
    let path = format!("metadata.annotations[{KEY}]");
    let value = &crd["metadata"]["annotations"][KEY];
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() {
        causes.push(cause::required(
            &path,
            "protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111",
        ));
    } else if !text.starts_with("https://")
        && !text.starts_with("http://")
        && !text.starts_with("unapproved")
    {
        causes.push(cause::invalid(
            &path,
            value,
            "protected groups must have approval annotation \"api-approved.kubernetes.io\" with either a URL or a reason starting with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111",
        ));
    }
}

fn immutable(crd: &Value, old: &Value, causes: &mut Vec<Cause>) {
    let mut keep = |pointer: &str, path: &str| {
        let (now, before) = (crd.pointer(pointer), old.pointer(pointer));
        if now != before {
            let value = now.cloned().unwrap_or_default();
            causes.push(cause::invalid(path, &value, "field is immutable"));
        }
    };
    if super::status::is_true(old, "Established") {
        keep("/spec/scope", "spec.scope");
        keep("/spec/names/kind", "spec.names.kind");
    }
    keep("/spec/group", "spec.group");
    keep("/spec/names/plural", "spec.names.plural");
}
