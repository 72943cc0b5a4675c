//! `status` of a definition: which names it got, and whether it is served.

use serde_json::{Value, json};

use super::definition::storage_version;
use super::strings;

/// Whether a condition is `True`.
pub(super) fn is_true(crd: &Value, type_: &str) -> bool {
    condition(crd, type_).is_some_and(|found| found["status"] == "True")
}

fn condition<'a>(crd: &'a Value, type_: &str) -> Option<&'a Value> {
    let list = crd["status"]["conditions"].as_array()?;
    list.iter().find(|one| one["type"] == type_)
}

/// Whether a definition has its names, so that it may be served.
pub fn names_accepted(crd: &Value) -> bool {
    is_true(crd, "NamesAccepted")
}

/// Says of a definition that its objects are going.
pub fn terminate(crd: &mut Value, now: &str) {
    let reason = "InstanceDeletionInProgress";
    let message = "CustomResource deletion is in progress";
    set(
        &mut crd["status"],
        "Terminating",
        true,
        reason,
        message,
        now,
    );
}

/// The status a definition is to have beside the others of the server: the
/// names it gets, `NamesAccepted`, `Established`, and the versions its objects
/// may be stored in. `now` is an RFC 3339 time. Reserved names are those the
/// others have got; what was got is kept.
pub fn status<'a>(crd: &Value, others: impl IntoIterator<Item = &'a Value>, now: &str) -> Value {
    let group = &crd["spec"]["group"];
    let own = &crd["metadata"]["name"];
    let mut resources = Vec::new();
    let mut kinds = Vec::new();
    for other in others {
        if other["spec"]["group"] != *group || other["metadata"]["name"] == *own {
            continue;
        }
        let names = &other["status"]["acceptedNames"];
        for key in ["plural", "singular"] {
            resources.extend(names[key].as_str().map(str::to_owned));
        }
        resources.extend(strings(&names["shortNames"]));
        for key in ["kind", "listKind"] {
            kinds.extend(names[key].as_str().map(str::to_owned));
        }
    }
    let mut status = crd["status"].clone();
    if !status.is_object() {
        status = json!({});
    }
    let (accepted, conflict) = accept(crd, &resources, &kinds);
    status["acceptedNames"] = accepted;
    let (names, reason, message) = match &conflict {
        None => (true, "NoConflicts", "no conflicts found"),
        Some((reason, message)) => (false, *reason, message.as_str()),
    };
    set(&mut status, "NamesAccepted", names, reason, message, now);
    if names {
        set(
            &mut status,
            "Established",
            true,
            "InitialNamesAccepted",
            "the initial names have been accepted",
            now,
        );
    } else if !is_true(crd, "Established") {
        set(
            &mut status,
            "Established",
            false,
            "NotAccepted",
            "not all names are accepted",
            now,
        );
    }
    let mut stored = strings(&status["storedVersions"]);
    if let Some(storage) = storage_version(crd)
        && !stored.contains(&storage)
    {
        stored.push(storage);
    }
    status["storedVersions"] = json!(stored);
    status
}

type Conflict = (&'static str, String);

/// The names it gets, and the last of the conflicts.
fn accept(crd: &Value, resources: &[String], kinds: &[String]) -> (Value, Option<Conflict>) {
    let wanted = &crd["spec"]["names"];
    let mut got = crd["status"]["acceptedNames"].clone();
    if !got.is_object() {
        got = json!({});
    }
    let before = got.clone();
    let mut conflict = None;
    for (key, used, reason) in [
        ("plural", resources, "PluralConflict"),
        ("singular", resources, "SingularConflict"),
        ("shortNames", resources, "ShortNamesConflict"),
        ("kind", kinds, "KindConflict"),
        ("listKind", kinds, "ListKindConflict"),
    ] {
        let value = &wanted[key];
        let names = match value {
            Value::String(one) => vec![one.clone()],
            list => strings(list),
        };
        let had = match &before[key] {
            Value::String(one) => vec![one.clone()],
            list => strings(list),
        };
        let taken: Vec<String> = names
            .iter()
            .filter(|name| !had.contains(name) && used.contains(name))
            .map(|name| format!("\"{name}\" is already in use"))
            .collect();
        match taken.as_slice() {
            [] if value.is_null() => {
                if let Some(got) = got.as_object_mut() {
                    got.remove(key);
                }
            }
            [] => got[key] = value.clone(),
            [one] => conflict = Some((reason, one.clone())),
            many => conflict = Some((reason, format!("[{}]", many.join(", ")))),
        }
    }
    match &wanted["categories"] {
        Value::Null => {}
        categories => got["categories"] = categories.clone(),
    }
    (got, conflict)
}

fn set(status: &mut Value, type_: &str, truth: bool, reason: &str, message: &str, now: &str) {
    let truth = if truth { "True" } else { "False" };
    let mut list = match status["conditions"].take() {
        Value::Array(list) => list,
        _ => Vec::new(),
    };
    let new = json!({
        "type": type_, "status": truth, "reason": reason, "message": message,
        "lastTransitionTime": now,
    });
    match list.iter_mut().find(|one| one["type"] == type_) {
        Some(known) => {
            let since = known["lastTransitionTime"].clone();
            let same = known["status"] == truth;
            *known = new;
            if same {
                known["lastTransitionTime"] = since;
            }
        }
        None => list.push(new),
    }
    status["conditions"] = Value::Array(list);
}
