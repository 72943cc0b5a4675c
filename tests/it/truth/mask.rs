//! What differs from run to run is put out of sight before answers are
//! compared: times, uids, versions, addresses.

use std::collections::BTreeMap;

use serde_json::Value;

/// Fields whose value is the server's own.
const MASKED: &[(&str, &str)] = &[
    ("uid", "<uid>"),
    ("resourceVersion", "<version>"),
    ("creationTimestamp", "<time>"),
    ("deletionTimestamp", "<time>"),
    ("lastTransitionTime", "<time>"),
    ("lastProbeTime", "<time>"),
    ("lastUpdateTime", "<time>"),
    ("time", "<time>"),
    ("continue", "<token>"),
    ("certificate", "<certificate>"),
    ("expirationTimestamp", "<time>"),
    ("token", "<token>"),
    ("ca.crt", "<certificate>"),
    ("caBundle", "<certificate>"),
];

/// Masks an answer. `variables` that were kept from answers are put back in.
pub(super) fn mask(value: &mut Value, variables: &BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            let owners: Vec<String> = map
                .keys()
                .filter(|key| key.starts_with(OWNER_KEY))
                .cloned()
                .collect();
            for key in owners {
                let value = map.remove(&key).unwrap_or_default();
                map.insert(format!("{OWNER_KEY}\"<uid>\"}}"), value);
            }
            for (key, value) in map.iter_mut() {
                tidy(key, value);
                let masked = MASKED.iter().find(|(name, _)| name == key);
                match (masked, &*value) {
                    (Some((_, by)), Value::String(text)) if !text.is_empty() && text != "0" => {
                        *value = Value::String((*by).to_owned());
                    }
                    _ => mask(value, variables),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| mask(value, variables)),
        Value::String(text) => *text = mask_text(text, variables),
        _ => {}
    }
}

/// How `managedFields` names an owner.
const OWNER_KEY: &str = "k:{\"uid\":";

/// Puts in order what depends on the second in which it was written, and leaves
/// out that second, and what is prose: the descriptions of columns.
fn tidy(key: &str, value: &mut Value) {
    // How long ago depends on the day; a cell may be a part that is looked at alone.
    if key.contains("/cells/") && is_age(value) {
        *value = "<age>".into();
    }
    let Some(list) = value.as_array_mut() else {
        return;
    };
    if key.ends_with("cells") {
        for cell in list.iter_mut().filter(|cell| is_age(cell)) {
            *cell = "<age>".into();
        }
    }
    if key.ends_with("managedFields") {
        let of = |entry: &Value| {
            ["manager", "operation", "subresource"].map(|field| entry[field].to_string())
        };
        list.sort_by_key(of);
        for entry in list.iter_mut().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
    }
    if key.ends_with("columnDefinitions") {
        for column in list.iter_mut().filter_map(Value::as_object_mut) {
            column.remove("description");
        }
    }
}

/// Whether a cell is an age such as `5m` or `2y3d`.
fn is_age(cell: &Value) -> bool {
    let Some(text) = cell.as_str() else {
        return false;
    };
    let mut parts = text.split_inclusive(['s', 'm', 'h', 'd', 'y']).peekable();
    parts.peek().is_some()
        && parts.all(|part| {
            let number = part.trim_end_matches(['s', 'm', 'h', 'd', 'y']);
            number.len() + 1 == part.len()
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && !number.is_empty()
        })
}

/// Puts the causes of a failure, and the sentence made of them, in order.
pub(super) fn order_causes(body: &mut Value) {
    let Some(causes) = body["details"]["causes"].as_array_mut() else {
        return;
    };
    let sentence = |causes: &[Value]| {
        let text = |cause: &Value, part: &str| cause[part].as_str().unwrap_or_default().to_owned();
        let all = causes
            .iter()
            .map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message")));
        format!("[{}]", all.collect::<Vec<_>>().join(", "))
    };
    let before = sentence(causes);
    causes.sort_by_key(ToString::to_string);
    let after = sentence(causes);
    if let Some(message) = body["message"].as_str() {
        body["message"] = message.replace(&before, &after).into();
    }
}

/// Masks a text: variables, and RFC 3339 times.
pub(super) fn mask_text(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = text.to_owned();
    for (name, value) in variables.iter().filter(|(_, value)| value.len() > 3) {
        result = result.replace(value.as_str(), &format!("${{{name}}}"));
    }
    for before in ["precondition (", "in record ("] {
        // Revisions, which count all writes of a server.
        if let Some(start) = result.find(before).map(|at| at + before.len())
            && let Some(length) = result[start..].find(')')
        {
            result.replace_range(start..start + length, "<version>");
        }
    }
    let time = regex_lite(&result);
    time.unwrap_or(result)
}

/// Replaces `2026-01-02T03:04:05Z` by `<time>`.
fn regex_lite(text: &str) -> Option<String> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:ddZ";
    let bytes = text.as_bytes();
    let mut result = String::new();
    let mut at = 0;
    let mut last = 0;
    while at + SHAPE.len() <= bytes.len() {
        let fits = SHAPE
            .iter()
            .zip(&bytes[at..])
            .all(|(shape, byte)| match shape {
                b'd' => byte.is_ascii_digit(),
                other => other == byte,
            });
        if fits {
            result.push_str(&text[last..at]);
            result.push_str("<time>");
            at += SHAPE.len();
            last = at;
        } else {
            at += 1;
        }
    }
    (last > 0).then(|| result + &text[last..])
}
