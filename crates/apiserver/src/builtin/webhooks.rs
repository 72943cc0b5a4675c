//! Configurations of admission webhooks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Write, names, text};
use crate::crd::cel;
use crate::schema::cause;
use crate::status::Cause;

const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const POLICIES: [&str; 2] = ["Fail", "Ignore"];
const MATCHES: [&str; 2] = ["Equivalent", "Exact"];
const MOST_CONDITIONS: usize = 64;

/// What every webhook of a configuration must be.
pub(super) fn validate(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let mut names_seen = BTreeSet::new();
    let hooks = write.new["webhooks"].as_array();
    for (index, hook) in hooks.into_iter().flatten().enumerate() {
        let at = format!("webhooks[{index}]");
        webhook(&at, hook, causes);
        if !names_seen.insert(text(hook, "/name")) {
            causes.push(cause::duplicate(&format!("{at}.name"), &hook["name"]));
        }
    }
}

fn webhook(at: &str, hook: &Value, causes: &mut Vec<Cause>) {
    let field = |name: &str| format!("{at}.{name}");
    let name = text(hook, "/name");
    if name.is_empty() {
        causes.push(cause::required(&field("name"), ""));
    } else {
        for complaint in names::SUBDOMAIN.complaints(name) {
            causes.push(cause::invalid(&field("name"), &hook["name"], &complaint));
        }
        if name.split('.').count() < 3 {
            causes.push(cause::invalid(
                &field("name"),
                &hook["name"],
                "should be a domain with at least three segments separated by dots",
            ));
        }
    }
    let rules = hook["rules"].as_array();
    for (index, rule) in rules.into_iter().flatten().enumerate() {
        for part in ["operations", "apiGroups", "apiVersions", "resources"] {
            if rule[part].as_array().is_none_or(Vec::is_empty) {
                causes.push(cause::required(
                    &field(&format!("rules[{index}].{part}")),
                    "",
                ));
            }
        }
    }
    for (part, known) in [("failurePolicy", &POLICIES), ("matchPolicy", &MATCHES)] {
        let value = text(hook, &format!("/{part}"));
        if !value.is_empty() && !known.contains(&value) {
            causes.push(cause::not_supported(&field(part), &hook[part], known));
        }
    }
    let effects = text(hook, "/sideEffects");
    if effects.is_empty() {
        let detail = format!("must specify one of {}", SIDE_EFFECTS.join(", "));
        causes.push(cause::required(&field("sideEffects"), &detail));
    } else if !SIDE_EFFECTS.contains(&effects) {
        causes.push(cause::not_supported(
            &field("sideEffects"),
            &hook["sideEffects"],
            &SIDE_EFFECTS,
        ));
    }
    if let Some(seconds) = hook["timeoutSeconds"].as_i64()
        && !(1..=30).contains(&seconds)
    {
        causes.push(cause::invalid(
            &field("timeoutSeconds"),
            &hook["timeoutSeconds"],
            "the timeout value must be between 1 and 30 seconds",
        ));
    }
    client(&field("clientConfig"), &hook["clientConfig"], causes);
    versions(
        &field("admissionReviewVersions"),
        &hook["admissionReviewVersions"],
        causes,
    );
    conditions(&field("matchConditions"), &hook["matchConditions"], causes);
}

fn client(at: &str, config: &Value, causes: &mut Vec<Cause>) {
    let url = text(config, "/url");
    let service = &config["service"];
    match (config["url"].is_null(), service.is_null()) {
        (true, true) | (false, false) => causes.push(cause::required(
            at,
            "exactly one of url or service is required",
        )),
        (false, true) => {
            let field = format!("{at}.url");
            if let Some(rest) = url.strip_prefix("https://") {
                if rest.is_empty() || rest.starts_with('/') {
                    let why = "host must be specified; desired format: https://host[/path]";
                    causes.push(cause::invalid(&field, &config["url"], why));
                }
            } else {
                let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
                let why =
                    "'https' is the only allowed URL scheme; desired format: https://host[/path]";
                causes.push(cause::invalid(&field, &json!(scheme), why));
            }
        }
        (true, false) => {
            for part in ["name", "namespace"] {
                if text(service, &format!("/{part}")).is_empty() {
                    causes.push(cause::required(&format!("{at}.service.{part}"), ""));
                }
            }
        }
    }
}

fn versions(at: &str, versions: &Value, causes: &mut Vec<Cause>) {
    let list = versions.as_array().map_or(&[][..], Vec::as_slice);
    if list.is_empty() {
        let detail = format!("must specify one of {}", VERSIONS.join(", "));
        causes.push(cause::required(at, &detail));
        return;
    }
    if !list
        .iter()
        .any(|version| VERSIONS.iter().any(|known| version == known))
    {
        let why = format!("must include at least one of {}", VERSIONS.join(", "));
        causes.push(cause::invalid(at, versions, &why));
    }
}

fn conditions(at: &str, conditions: &Value, causes: &mut Vec<Cause>) {
    let list = conditions.as_array().map_or(&[][..], Vec::as_slice);
    if list.len() > MOST_CONDITIONS {
        causes.push(cause::too_many(at, list.len(), MOST_CONDITIONS as u64));
    }
    let mut seen = BTreeSet::new();
    for (index, condition) in list.iter().enumerate() {
        let field = |name: &str| format!("{at}[{index}].{name}");
        let expression = text(condition, "/expression");
        if expression.trim().is_empty() {
            causes.push(cause::required(&field("expression"), ""));
        } else if let Err(why) = cel::parses(expression) {
            let why = format!("compilation failed: {why}");
            causes.push(cause::invalid(
                &field("expression"),
                &condition["expression"],
                &why,
            ));
        }
        let name = text(condition, "/name");
        if name.is_empty() {
            causes.push(cause::required(&field("name"), ""));
        } else {
            for complaint in names::qualified(name) {
                causes.push(cause::invalid(&field("name"), &json!(name), &complaint));
            }
            if !seen.insert(name) {
                causes.push(cause::duplicate(&field("name"), &json!(name)));
            }
        }
    }
}
