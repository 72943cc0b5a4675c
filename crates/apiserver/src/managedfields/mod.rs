//! Field ownership: what `metadata.managedFields` says after an ordinary write
//! ([`track`]), and server-side apply ([`apply`]).

mod compare;
mod entries;
mod merge;
mod set;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub use compare::{Comparison, compare};
pub use entries::{Entries, Entry, Manager};
pub use set::{Set, fields_of};

use crate::schema::Schema;
use crate::status::{Cause, Status};

/// After a create, an update or a patch other than apply: gives the manager
/// what it added or changed, and takes that from the others. `new` gets its
/// `managedFields`, whatever the client sent there; `now` is RFC 3339.
pub fn track(schema: &Schema, old: Option<&Value>, new: &mut Value, manager: &Manager, now: &str) {
    if Entries::asks_for_reset(new) {
        Entries::default().write(new);
        return;
    }
    let sent = Entries::of(new);
    let mut entries = if sent.0.is_empty() {
        old.map(Entries::of).unwrap_or_default()
    } else {
        sent
    };
    // An object whose owners were forgotten stays that way until it is applied.
    if entries.0.is_empty() && old.is_some() {
        Entries::default().write(new);
        return;
    }
    // What the type has of itself, nobody wrote.
    let empty = zero(schema);
    let comparison = compare(schema, Some(old.unwrap_or(&empty)), Some(new));
    let written = comparison.written();
    entries.take(manager, &written.union(&comparison.removed));
    let previous = entries.find(manager);
    let mine = previous.map(|entry| entry.set.clone()).unwrap_or_default();
    let time = previous.map(|entry| entry.time.clone()).unwrap_or_default();
    let time = if written.is_empty() {
        time
    } else {
        now.to_owned()
    };
    let mine = mine.difference(&comparison.removed).union(&written);
    if previous.is_some() || !mine.is_empty() {
        entries.set(manager, mine, &time);
    }
    entries.write(new);
}

/// An object of a type into which nothing was written.
pub fn zero(schema: &Schema) -> Value {
    let mut fields = Map::new();
    for name in schema.required.iter().filter(|_| schema.go) {
        let empty = schema.zero_of(name).unwrap_or_default();
        fields.insert(name.clone(), empty);
    }
    for name in &schema.always {
        if let Some(field) = schema.properties.get(name) {
            fields.insert(name.clone(), zero(field));
        }
    }
    Value::Object(fields)
}

/// Who applies, and how.
#[derive(Clone, Copy, Debug)]
pub struct Applying<'a> {
    /// Who.
    pub manager: &'a Manager,
    /// Takes over what others own.
    pub force: bool,
}

/// Why a configuration cannot be applied: fields that the type has not, lists whose entries
/// cannot be told apart, each with its place.
#[must_use]
pub fn problems(schema: &Schema, applied: &Value) -> BTreeSet<String> {
    let mut problems = BTreeSet::new();
    merge::check(Some(schema), applied, "", &mut problems);
    problems
}

/// All that is wrong in one text; none where nothing is.
#[must_use]
pub fn told(problems: BTreeSet<String>) -> Option<String> {
    let all: Vec<String> = problems.into_iter().collect();
    match all.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("errors:\n  {}", several.join("\n  "))),
    }
}

/// Server-side apply: the live object with the configuration merged into it,
/// without what this manager applied before and no longer does, and with new
/// `managedFields`. The result is the live object itself where nothing changes.
/// `applied` has no defaults, none of the fields that this URL resets, and no
/// [`problems`]; a null in it is a value.
///
/// # Errors
/// 409 with a cause per field when another manager owns a field with another
/// value and `force` is not set; 400 for one that says who owns what.
pub fn apply(
    schema: &Schema,
    live: Option<&Value>,
    applied: &Value,
    how: &Applying<'_>,
    now: &str,
) -> Result<Value, Status> {
    let manager = how.manager;
    if applied
        .pointer("/metadata/managedFields")
        .is_some_and(|fields| fields.as_array().is_none_or(|list| !list.is_empty()))
    {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let mut entries = live.map(Entries::of).unwrap_or_default();
    if let (true, Some(live)) = (entries.0.is_empty(), live) {
        // As if it had just been created.
        let all = compare(schema, Some(&zero(schema)), Some(live)).written();
        let before = Manager {
            name: "before-first-apply".to_owned(),
            operation: "Update".to_owned(),
            ..manager.clone()
        };
        entries.set(&before, all, now);
    }
    let last = entries.find(manager).cloned();
    let mut mine = fields_of(Some(schema), applied);
    mine.owned = false;
    mine.strip_identity();
    let time = last.as_ref().map(|entry| entry.time.clone());
    entries.set(manager, mine.clone(), time.as_deref().unwrap_or(now));

    let mut new = merge::merge(Some(schema), live, applied);
    if let Some(last) = &last {
        merge::remove(Some(schema), &mut new, &last.set, &entries.all());
    }
    let empty = Value::Object(Map::new());
    let comparison = compare(schema, Some(live.unwrap_or(&empty)), Some(&new));
    let written = comparison.written();
    if !how.force {
        refuse_conflicts(&entries, manager, &written)?;
    }
    entries.take(manager, &written.union(&comparison.removed));
    let same_fields = last.as_ref().is_some_and(|last| last.set == mine);
    if let (Some(live), true, true) = (live, comparison.is_same(), same_fields) {
        return Ok(live.clone());
    }
    entries.set(manager, mine, now);
    entries.write(&mut new);
    Ok(new)
}

fn refuse_conflicts(entries: &Entries, manager: &Manager, written: &Set) -> Result<(), Status> {
    let mut conflicts: Vec<(String, Vec<String>)> = entries
        .0
        .iter()
        .filter(|entry| entry.manager != *manager)
        .map(|entry| {
            let paths = entry.set.intersection(written).paths();
            (entry.manager.describe(), paths)
        })
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    if conflicts.is_empty() {
        return Ok(());
    }
    conflicts.sort();
    let count: usize = conflicts.iter().map(|(_, paths)| paths.len()).sum();
    let message = if let (1, Some((who, paths))) = (count, conflicts.first()) {
        format!(
            "Apply failed with 1 conflict: conflict with {who}: {}",
            paths[0]
        )
    } else {
        let mut lines = Vec::new();
        for (who, paths) in &conflicts {
            lines.push(format!("conflicts with {who}:"));
            lines.extend(paths.iter().map(|path| format!("- {path}")));
        }
        format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
    };
    let causes = conflicts.iter().flat_map(|(who, paths)| {
        paths.iter().map(move |path| Cause {
            reason: "FieldManagerConflict".to_owned(),
            message: format!("conflict with {who}"),
            field: path.clone(),
        })
    });
    let mut status = Status::new(409, "Conflict", message);
    status.causes = causes.collect();
    Err(status)
}
