//! ConfigMaps, Secrets and ServiceAccounts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::status_part::remove;
use super::{Operation, Write, names, text};
use crate::golang;
use crate::schema::cause;
use crate::status::Cause;

const LARGEST: usize = 1024 * 1024;

/// `stringData` becomes `data`; the type has a default.
pub(super) fn prepare_secret(write: &mut Write<'_>) {
    if write.operation == Operation::Delete {
        return;
    }
    if let Some(plain) = write.new["stringData"].as_object().cloned() {
        if !write.new["data"].is_object() {
            write.new["data"] = json!({});
        }
        for (key, value) in plain {
            let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
            write.new["data"][key] = json!(encoded);
        }
    }
    remove(write.new, "stringData");
    if text(write.new, "/type").is_empty() {
        write.new["type"] = json!("Opaque");
    }
    // An empty value is null on the wire.
    let data = write.new.get_mut("data").and_then(Value::as_object_mut);
    for value in data.into_iter().flat_map(serde_json::Map::values_mut) {
        if value.is_null() {
            *value = json!("");
        }
    }
}

/// Keys, size, what its type demands, what may not change. Never shows a value.
pub(super) fn validate_secret(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let new = &*write.new;
    let mut total = 0;
    for (key, value) in new["data"].as_object().into_iter().flatten() {
        check_key("data", key, causes);
        match STANDARD.decode(value.as_str().unwrap_or("\u{0}")) {
            Ok(bytes) => total += bytes.len(),
            Err(_) => causes.push(cause::invalid(
                &format!("data[{key}]"),
                &json!("<hidden>"),
                "illegal base64 data",
            )),
        }
    }
    if total > LARGEST {
        causes.push(cause::too_long("data", LARGEST as u64));
    }
    let has = |key: &str| new["data"].get(key).is_some();
    let required: &[&str] = match text(new, "/type") {
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            &["username", "password"]
        }
        "kubernetes.io/service-account-token" => {
            let account = &new["metadata"]["annotations"]["kubernetes.io/service-account.name"];
            if account.as_str().is_none_or(str::is_empty) {
                causes.push(cause::required(
                    "metadata.annotations[kubernetes.io/service-account.name]",
                    "",
                ));
            }
            &[]
        }
        _ => &[],
    };
    for key in required.iter().filter(|key| !has(key)) {
        causes.push(cause::required(&format!("data[{key}]"), ""));
    }
    for key in required.iter().filter(|key| key.starts_with(".docker")) {
        let text = new["data"][key].as_str();
        let content = text.and_then(|text| STANDARD.decode(text).ok());
        if let Some(error) = content.and_then(|content| golang::json_error(&content)) {
            // The error shows one character, and no more of what is there.
            causes.push(cause::invalid(
                &format!("data[{key}]"),
                &json!("<secret contents redacted>"),
                &error,
            ));
        }
    }
    if let Some(old) = write.old {
        if old["type"] != new["type"] {
            causes.push(cause::invalid("type", &new["type"], "field is immutable"));
        }
        frozen(old, new, &["data"], causes);
    }
}

/// Keys, size, what may not change.
pub(super) fn validate_config_map(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let new = &*write.new;
    let mut total = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in new[field].as_object().into_iter().flatten() {
            check_key(field, key, causes);
            total += value.as_str().map_or(0, str::len);
            if field == "binaryData" && new["data"].get(key).is_some() {
                causes.push(cause::invalid(
                    &format!("data[{key}]"),
                    &json!(key),
                    "duplicate of key present in binaryData",
                ));
            }
        }
    }
    if total > LARGEST {
        // The whole object is what is too long.
        causes.push(cause::too_long("", LARGEST as u64));
    }
    if let Some(old) = write.old {
        frozen(old, new, &["data", "binaryData"], causes);
    }
}

fn check_key(field: &str, key: &str, causes: &mut Vec<Cause>) {
    for complaint in names::config_key(key) {
        causes.push(cause::invalid(
            &format!("{field}[{key}]"),
            &json!(key),
            &complaint,
        ));
    }
}

/// `immutable: true` is for good.
fn frozen(old: &Value, new: &Value, fields: &[&str], causes: &mut Vec<Cause>) {
    if old["immutable"] != true {
        return;
    }
    if new["immutable"] != true {
        causes.push(cause::forbidden(
            "immutable",
            "field is immutable when `immutable` is set",
        ));
    }
    for field in fields {
        if old.get(*field) != new.get(*field) {
            causes.push(cause::forbidden(
                field,
                "field is immutable when `immutable` is set",
            ));
        }
    }
}
