//! Which writes a webhook wants to see.

use serde_json::Value;

use super::Request;
use crate::api::GroupResource;
use crate::builtin::workloads::matches;
use crate::builtin::{Operation, text};
use crate::registry::View;

/// Rules, then selectors.
pub(super) fn wants(view: &dyn View, hook: &Value, request: &Request<'_>, new: &Value) -> bool {
    let exact = hook["matchPolicy"] == "Exact";
    let mut rules = hook["rules"].as_array().into_iter().flatten();
    rules.any(|rule| rule_matches(rule, request, exact))
        && namespace_matches(view, &hook["namespaceSelector"], request, new)
        && object_matches(&hook["objectSelector"], request, new)
}

fn lists(list: &Value, wanted: &str) -> bool {
    list.as_array()
        .is_some_and(|all| all.iter().any(|entry| entry == "*" || entry == wanted))
}

fn rule_matches(rule: &Value, request: &Request<'_>, exact: bool) -> bool {
    let operation = match request.operation {
        Operation::Create => "CREATE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
    };
    let resource = request.resource;
    let scope = match text(rule, "/scope") {
        "Namespaced" => resource.namespaced,
        "Cluster" => !resource.namespaced,
        _ => true,
    };
    // All versions of a resource are equivalent.
    let version = !exact || lists(&rule["apiVersions"], &resource.gvk.version);
    scope
        && version
        && lists(&rule["operations"], operation)
        && lists(&rule["apiGroups"], &resource.gvk.group)
        && rule["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|pattern| {
                let (of, sub) = pattern.split_once('/').unwrap_or((pattern, ""));
                (of == "*" || of == resource.gr.resource)
                    && (sub == request.subresource || (sub == "*" && pattern.contains('/')))
            })
}

fn is_everything(selector: &Value) -> bool {
    selector.as_object().is_none_or(serde_json::Map::is_empty)
}

fn namespace_matches(
    view: &dyn View,
    selector: &Value,
    request: &Request<'_>,
    new: &Value,
) -> bool {
    if is_everything(selector) {
        return true;
    }
    let gr = &request.resource.gr;
    if gr.group.is_empty() && gr.resource == "namespaces" {
        let own = request.old.unwrap_or(new);
        return matches(selector, &own["metadata"]["labels"]);
    }
    if !request.resource.namespaced {
        return true;
    }
    let namespaces = GroupResource::new("", "namespaces");
    view.read(&namespaces, "", request.namespace)
        .is_some_and(|namespace| matches(selector, &namespace["metadata"]["labels"]))
}

fn object_matches(selector: &Value, request: &Request<'_>, new: &Value) -> bool {
    is_everything(selector)
        || (!new.is_null() && matches(selector, &new["metadata"]["labels"]))
        || request
            .old
            .is_some_and(|old| matches(selector, &old["metadata"]["labels"]))
}
