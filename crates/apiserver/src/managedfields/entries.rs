//! `metadata.managedFields`: who owns which fields, read and written.

use serde_json::{Map, Value, json};

use super::set::Set;

/// How many managers that used Update are remembered by name.
const MAX_UPDATE_MANAGERS: usize = 10;
/// Under which name the older ones are remembered.
const ANCIENT: &str = "ancient-changes";

/// Who wrote, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// The field manager's name.
    pub name: String,
    /// `Apply` (server-side apply) or `Update` (everything else).
    pub operation: String,
    /// The version the fields are named in.
    pub api_version: String,
    /// Empty for the object itself.
    pub subresource: String,
}

impl Manager {
    /// As Kubernetes names it in conflicts.
    pub(super) fn describe(&self) -> String {
        let mut text = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            text = format!("{text} with subresource {:?}", self.subresource);
        }
        if self.operation == "Update" {
            text = format!("{text} using {}", self.api_version);
        }
        text
    }
}

/// One entry of `managedFields`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whose entry it is.
    pub manager: Manager,
    /// When it last took fields, RFC 3339; may be empty.
    pub time: String,
    /// What it owns.
    pub set: Set,
}

/// All entries of an object.
#[derive(Clone, Debug, Default)]
pub struct Entries(pub Vec<Entry>);

impl Entries {
    /// Reads `metadata.managedFields`; malformed entries are left out.
    pub fn of(object: &Value) -> Self {
        let list = object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array);
        let text = |entry: &Value, key: &str| {
            entry
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self(
            list.into_iter()
                .flatten()
                .filter(|entry| entry.get("fieldsV1").is_some_and(Value::is_object))
                .map(|entry| Entry {
                    manager: Manager {
                        name: text(entry, "manager"),
                        operation: text(entry, "operation"),
                        api_version: text(entry, "apiVersion"),
                        subresource: text(entry, "subresource"),
                    },
                    time: text(entry, "time"),
                    set: Set::from_fields_v1(&entry["fieldsV1"]),
                })
                .collect(),
        )
    }

    /// Whether a client asks to forget all owners (`managedFields: [{}]`).
    pub fn asks_for_reset(object: &Value) -> bool {
        object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array)
            .is_some_and(|list| list.len() == 1 && list[0].as_object().is_some_and(Map::is_empty))
    }

    /// The entry of a manager.
    pub fn find(&self, manager: &Manager) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.manager == *manager)
    }

    /// Sets what a manager owns; without fields the entry goes.
    pub fn set(&mut self, manager: &Manager, set: Set, time: &str) {
        match self.0.iter_mut().find(|entry| entry.manager == *manager) {
            Some(entry) => {
                entry.set = set;
                time.clone_into(&mut entry.time);
            }
            None => self.0.push(Entry {
                manager: manager.clone(),
                time: time.to_owned(),
                set,
            }),
        }
        self.drop_empty();
    }

    /// Takes fields from every manager but one.
    pub fn take(&mut self, except: &Manager, fields: &Set) {
        for entry in &mut self.0 {
            if entry.manager != *except {
                entry.set = entry.set.difference(fields);
            }
        }
        self.drop_empty();
    }

    /// What anybody owns.
    pub fn all(&self) -> Set {
        self.0
            .iter()
            .fold(Set::default(), |all, entry| all.union(&entry.set))
    }

    fn drop_empty(&mut self) {
        self.0.retain(|entry| !entry.set.is_empty());
    }

    /// Folds the oldest managers that used Update into one.
    pub fn cap(&mut self) {
        let mut updates: Vec<usize> = (0..self.0.len())
            .filter(|at| {
                let manager = &self.0[*at].manager;
                manager.operation == "Update" && manager.subresource.is_empty()
            })
            .collect();
        if updates.len() <= MAX_UPDATE_MANAGERS {
            return;
        }
        updates.sort_by_key(|at| {
            let entry = &self.0[*at];
            (entry.manager.name != ANCIENT, entry.time.clone())
        });
        let surplus = updates.len() - MAX_UPDATE_MANAGERS + 1;
        let oldest: Vec<usize> = updates.into_iter().take(surplus).collect();
        let mut folded = self.0[oldest[0]].clone();
        ANCIENT.clone_into(&mut folded.manager.name);
        for at in &oldest[1..] {
            folded.set = folded.set.union(&self.0[*at].set);
            folded.time.clone_from(&self.0[*at].time);
        }
        let mut at = 0;
        self.0.retain(|_| {
            at += 1;
            !oldest.contains(&(at - 1))
        });
        self.0.push(folded);
    }

    /// Writes `metadata.managedFields`: appliers first, then by time and name.
    pub fn write(mut self, object: &mut Value) {
        self.cap();
        self.0.sort_by(|a, b| {
            let key = |e: &Entry| {
                (
                    e.manager.operation.clone(),
                    e.time.clone(),
                    e.manager.name.clone(),
                    e.manager.subresource.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        let list: Vec<Value> = self
            .0
            .iter()
            .map(|entry| {
                let mut json = json!({
                    "manager": entry.manager.name,
                    "operation": entry.manager.operation,
                    "apiVersion": entry.manager.api_version,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": entry.set.to_fields_v1(),
                });
                if !entry.time.is_empty() {
                    json["time"] = json!(entry.time);
                }
                if !entry.manager.subresource.is_empty() {
                    json["subresource"] = json!(entry.manager.subresource);
                }
                json
            })
            .collect();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            if list.is_empty() {
                metadata.remove("managedFields");
            } else {
                metadata.insert("managedFields".to_owned(), Value::Array(list));
            }
        }
    }
}
