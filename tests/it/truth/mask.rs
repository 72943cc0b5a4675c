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
                    (None, Value::String(text)) if key == "manager" && is_control_plane(text) => {
                        *value = Value::String("<control plane>".to_owned());
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

/// Whether that is a program of the control plane. Of the real one that the tests
/// build all are one program, whose name is the key of a cache.
fn is_control_plane(manager: &str) -> bool {
    matches!(manager, "kube-apiserver" | "kube-controller-manager")
        || manager.starts_with("realcp-")
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
    for field in ["resourceRules", "nonResourceRules"] {
        let rules = body.pointer_mut(&format!("/status/{field}"));
        if let Some(rules) = rules.and_then(Value::as_array_mut) {
            rules.sort_by_key(ToString::to_string);
        }
    }
    let causes = body.pointer_mut("/details/causes");
    let Some(causes) = causes.and_then(Value::as_array_mut) else {
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

/// Masks a text: variables, RFC 3339 times, UIDs, revisions.
pub(super) fn mask_text(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = tidy_quoted(text).unwrap_or_else(|| text.to_owned());
    for (name, value) in variables.iter().filter(|(_, value)| value.len() > 3) {
        result = result.replace(value.as_str(), &format!("${{{name}}}"));
    }
    for before in ["precondition (", "in record (", "resource version: 1 ("] {
        // Revisions, which count all writes of a server.
        if let Some(start) = result.find(before).map(|at| at + before.len())
            && let Some(length) = result[start..].find(')')
        {
            result.replace_range(start..start + length, "<version>");
        }
    }
    for before in [
        "object not decodable revision=",
        "resource version: 9999999, current: ",
        "\"resourceVersion\":\"",
    ] {
        if let Some(start) = result.find(before).map(|at| at + before.len()) {
            let digits = result[start..].bytes().take_while(u8::is_ascii_digit);
            let end = start + digits.count();
            if end > start {
                result.replace_range(start..end, "<version>");
            }
        }
    }
    for (shape, mask) in [
        ("dddd-dd-ddTdd:dd:ddZ", "<time>"),
        ("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh", "<uid>"),
    ] {
        result = hide(&result, shape.as_bytes(), mask).unwrap_or(result);
    }
    result
}

/// A sentence that quotes an object as it is stored: what a controller writes
/// into it is left out, and its fields are put in order, which in the real one's
/// is that of Go's structs.
fn tidy_quoted(text: &str) -> Option<String> {
    const BEFORE: &str = "Invalid value: ";
    let at = text.find(BEFORE)? + BEFORE.len();
    let rest = &text[at..];
    let quoted = rest.starts_with("\"{");
    let (mut object, length): (Value, usize) = if quoted {
        let mut parts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let inner = parts.next()?.ok()?;
        (serde_json::from_str(&inner).ok()?, parts.byte_offset())
    } else if rest.starts_with('{') {
        let mut parts = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        (parts.next()?.ok()?, parts.byte_offset())
    } else {
        return None;
    };
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(notes) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            notes.remove("deployment.kubernetes.io/revision");
            if notes.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    if quoted || object.get("metadata").is_some() || object.get("name").is_some() {
        mask(&mut object, &BTreeMap::new());
    }
    let shown = match quoted {
        true => format!("{:?}", object.to_string()),
        false => object.to_string(),
    };
    Some(format!("{}{shown}{}", &text[..at], &rest[length..]))
}

/// Replaces what has a shape: `d` is a digit, `h` one of a hexadecimal number.
fn hide(text: &str, shape: &[u8], mask: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut result = String::new();
    let mut at = 0;
    let mut last = 0;
    while at + shape.len() <= bytes.len() {
        let fits = shape
            .iter()
            .zip(&bytes[at..])
            .all(|(shape, byte)| match shape {
                b'd' => byte.is_ascii_digit(),
                b'h' => byte.is_ascii_hexdigit(),
                other => other == byte,
            });
        if fits {
            result.push_str(&text[last..at]);
            result.push_str(mask);
            at += shape.len();
            last = at;
        } else {
            at += 1;
        }
    }
    (last > 0).then(|| result + &text[last..])
}
