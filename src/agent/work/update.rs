//! The strategy Update: what to write so that a resource becomes what its
//! manifest says. Pure.
//!
//! Metadata is merged (labels and annotations of others stay, a key that ends
//! in `-` removes), content is replaced. Which part of an object is content
//! depends on the kind, as with upstream's agent.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde_json::{Map, Value};

use super::content;
use super::owner::Owner;

/// What to do with a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// It is as it should be.
    Nothing,
    /// POST this.
    Create(Value),
    /// PUT this (it has the resourceVersion that was seen).
    Replace(Value),
    /// DELETE what is there, then POST this.
    Recreate(Value),
}

/// What a manifest's resource looked like after it was last written: while it
/// looks so, defaults that the server set are no differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    manifest: u64,
    live: u64,
}

impl Settled {
    /// `live` is what the server made of `manifest`.
    pub fn new(manifest: &Value, live: &Value) -> Self {
        Self {
            manifest: hash(manifest),
            live: content_hash(live),
        }
    }

    /// Whether it was made of this manifest.
    pub fn is_of(self, manifest: &Value) -> bool {
        self.manifest == hash(manifest)
    }

    fn holds(self, manifest: &Value, live: &Value) -> bool {
        self == Self::new(manifest, live)
    }
}

/// What is known of earlier writes of the same manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Unknown,
    /// An earlier process applied it, as the status of the work says.
    Applied,
    /// This process wrote it, and this came out.
    Settled(Settled),
}

/// Decides for one manifest; `live` is what exists.
///
/// # Errors
/// The manifest contradicts itself.
pub fn decide(
    manifest: &Value,
    live: Option<&Value>,
    owner: &Owner,
    owned: bool,
    before: Before,
) -> Result<Write, String> {
    let prepared = content::prepare(manifest)?;
    let Some(live) = live else {
        return Ok(Write::Create(created(&prepared, owner, owned)));
    };
    let mut target = live.clone();
    let mut changed = merge_metadata(&mut target, &prepared);
    if let Some(references) = owner.wanted(live, owned) {
        target["metadata"]["ownerReferences"] = Value::Array(references);
        changed = true;
    }
    let as_before = match before {
        Before::Unknown => false,
        Before::Applied => content::defaults_only(manifest, live),
        Before::Settled(settled) => settled.holds(manifest, live),
    };
    let differs = !as_before && content::replace(&mut target, &prepared, live, changed);
    if differs && content::must_recreate(&prepared, live) {
        return Ok(Write::Recreate(recreated(&prepared, &target, owner, owned)));
    }
    Ok(if changed || differs {
        Write::Replace(target)
    } else {
        Write::Nothing
    })
}

/// A fresh object with the merged metadata of `target`: what others put there survives.
pub fn recreated(manifest: &Value, target: &Value, owner: &Owner, owned: bool) -> Value {
    let mut fresh = created(manifest, owner, owned);
    for field in ["labels", "annotations", "ownerReferences"] {
        if let Some(value) = target["metadata"].get(field) {
            fresh["metadata"][field] = value.clone();
        }
    }
    fresh
}

/// The object to create from a manifest.
pub fn created(manifest: &Value, owner: &Owner, owned: bool) -> Value {
    let mut object = manifest.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in [
            "uid",
            "resourceVersion",
            "generation",
            "managedFields",
            "selfLink",
        ] {
            metadata.remove(field);
        }
        for field in ["labels", "annotations"] {
            if let Some(map) = metadata.get_mut(field).and_then(Value::as_object_mut) {
                map.retain(|key, _| !key.ends_with('-'));
            }
        }
    }
    if let Some(references) = owner.wanted(&object, owned) {
        object["metadata"]["ownerReferences"] = Value::Array(references);
    }
    object
}

/// Merges labels and annotations of `manifest` into `target`; whether that changed it.
fn merge_metadata(target: &mut Value, manifest: &Value) -> bool {
    let mut changed = false;
    for field in ["labels", "annotations"] {
        let Some(wanted) = manifest["metadata"][field].as_object() else {
            continue;
        };
        let present = &mut target["metadata"][field];
        if !present.is_object() {
            *present = Value::Object(Map::new());
        }
        let Some(present) = present.as_object_mut() else {
            continue;
        };
        for (key, value) in wanted {
            if let Some(removed) = key.strip_suffix('-') {
                changed |= present.remove(removed).is_some();
            } else if present.get(key) != Some(value) {
                present.insert(key.clone(), value.clone());
                changed = true;
            }
        }
        if present.is_empty()
            && let Some(metadata) = target["metadata"].as_object_mut()
        {
            metadata.remove(field);
        }
    }
    changed
}

/// Only owner references, as a patch (strategies CreateOnly and ServerSideApply).
pub fn owner_patch(live: &Value, owner: &Owner, owned: bool) -> Option<Value> {
    let references = owner.wanted(live, owned)?;
    Some(serde_json::json!({"metadata": {
        "uid": live["metadata"]["uid"],
        "resourceVersion": live["metadata"]["resourceVersion"],
        "ownerReferences": references,
    }}))
}

/// A hash of a value; equal values have equal hashes in this process.
pub fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_into(value, &mut hasher);
    hasher.finish()
}

fn content_hash(live: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    if let Some(object) = live.as_object() {
        for (key, value) in object {
            if key != "metadata" && key != "status" {
                key.hash(&mut hasher);
                hash_into(value, &mut hasher);
            }
        }
    }
    hasher.finish()
}

fn hash_into(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(hasher),
        Value::Bool(b) => (1_u8, b).hash(hasher),
        Value::Number(n) => (2_u8, n).hash(hasher),
        Value::String(s) => (3_u8, s).hash(hasher),
        Value::Array(items) => {
            (4_u8, items.len()).hash(hasher);
            for item in items {
                hash_into(item, hasher);
            }
        }
        Value::Object(map) => {
            (5_u8, map.len()).hash(hasher);
            for (key, value) in map {
                key.hash(hasher);
                hash_into(value, hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn owner() -> Owner {
        Owner {
            name: "hash-w".into(),
            uid: "u".into(),
        }
    }

    fn config_map(data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": data})
    }

    /// What the server has after `created`.
    fn live(manifest: &Value) -> Value {
        let mut object = created(manifest, &owner(), true);
        object["metadata"]["uid"] = "live".into();
        object["metadata"]["resourceVersion"] = "7".into();
        object
    }

    fn decide_update(manifest: &Value, live: &Value) -> Write {
        decide(manifest, Some(live), &owner(), true, Before::Unknown).unwrap()
    }

    fn replaced(write: Write) -> Value {
        match write {
            Write::Replace(value) => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_missing_is_created_with_its_owner() {
        let mut manifest = config_map(&json!({"a": "1"}));
        manifest["metadata"]["uid"] = "nonsense".into();
        manifest["metadata"]["finalizers"] = json!(["x/y"]);
        let Write::Create(object) =
            decide(&manifest, None, &owner(), true, Before::Unknown).unwrap()
        else {
            panic!();
        };
        assert_eq!(
            object["metadata"]["ownerReferences"],
            json!([owner().reference()])
        );
        assert_eq!(object["metadata"]["finalizers"], json!(["x/y"]));
        assert!(object["metadata"].get("uid").is_none());
        let Write::Create(orphan) =
            decide(&manifest, None, &owner(), false, Before::Unknown).unwrap()
        else {
            panic!();
        };
        assert!(orphan["metadata"].get("ownerReferences").is_none());
    }

    #[test]
    fn work_14_and_54_changed_data_is_replaced_and_equal_data_left_alone() {
        let manifest = config_map(&json!({"a": "1"}));
        let mut present = live(&manifest);
        assert_eq!(decide_update(&manifest, &present), Write::Nothing);
        present["data"] = json!({"a": "2", "b": "3"});
        let target = replaced(decide_update(&manifest, &present));
        assert_eq!(target["data"], json!({"a": "1"}));
        assert_eq!(target["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn work_15_foreign_labels_annotations_and_finalizers_stay() {
        let mut manifest = config_map(&json!({"a": "2"}));
        manifest["metadata"]["labels"] = json!({"ours": "1"});
        let mut present = live(&config_map(&json!({"a": "1"})));
        present["metadata"]["labels"] = json!({"theirs": "1"});
        present["metadata"]["annotations"] = json!({"theirs": "1"});
        present["metadata"]["finalizers"] = json!(["their/finalizer"]);
        let target = replaced(decide_update(&manifest, &present));
        assert_eq!(
            target["metadata"]["labels"],
            json!({"ours": "1", "theirs": "1"})
        );
        assert_eq!(target["metadata"]["annotations"], json!({"theirs": "1"}));
        assert_eq!(target["metadata"]["finalizers"], json!(["their/finalizer"]));
    }

    #[test]
    fn work_16_a_key_with_a_dash_removes() {
        let mut manifest = config_map(&json!({}));
        manifest["metadata"]["labels"] = json!({"x-": ""});
        let mut present = live(&config_map(&json!({})));
        assert!(present["metadata"]["labels"].get("x-").is_none());
        assert_eq!(decide_update(&manifest, &present), Write::Nothing);
        present["metadata"]["labels"] = json!({"x": "1", "y": "2"});
        let target = replaced(decide_update(&manifest, &present));
        assert_eq!(target["metadata"]["labels"], json!({"y": "2"}));
        let fresh = created(&manifest, &owner(), true);
        assert_eq!(fresh["metadata"]["labels"], json!({}));
    }

    #[test]
    fn defaults_of_the_server_are_no_difference_once_seen() {
        let manifest = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 1}});
        let mut present = live(&manifest);
        present["spec"]["strategy"] = json!({"type": "RollingUpdate"});
        present["status"] = json!({"replicas": 1});
        let target = replaced(decide_update(&manifest, &present));
        assert_eq!(target["spec"], json!({"replicas": 1}));
        assert_eq!(target["status"], json!({"replicas": 1}));
        let adopted =
            |live: &Value| decide(&manifest, Some(live), &owner(), true, Before::Applied).unwrap();
        assert_eq!(adopted(&present), Write::Nothing);
        let settled = Before::Settled(Settled::new(&manifest, &present));
        let again = |live: &Value, manifest: &Value| {
            decide(manifest, Some(live), &owner(), true, settled).unwrap()
        };
        assert_eq!(again(&present, &manifest), Write::Nothing);
        let mut more_status = present.clone();
        more_status["status"]["readyReplicas"] = 1.into();
        assert_eq!(again(&more_status, &manifest), Write::Nothing);
        let mut drifted = present.clone();
        drifted["spec"]["replicas"] = 5.into();
        assert!(matches!(again(&drifted, &manifest), Write::Replace(_)));
        let mut newer = manifest;
        newer["spec"]["replicas"] = 2.into();
        assert!(matches!(again(&present, &newer), Write::Replace(_)));
    }

    #[test]
    fn work_17_a_secret_of_another_type_is_recreated() {
        let manifest = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "a/b", "stringData": {"k": "v"}});
        let mut present = live(&manifest);
        present["type"] = "Opaque".into();
        present["data"] = json!({"k": "dg=="});
        present["metadata"]["labels"] = json!({"theirs": "1"});
        let Write::Recreate(fresh) = decide_update(&manifest, &present) else {
            panic!();
        };
        assert_eq!(fresh["data"], json!({"k": "dg=="}));
        assert_eq!(fresh["metadata"]["labels"], json!({"theirs": "1"}));
        assert!(fresh["metadata"].get("resourceVersion").is_none());
    }

    #[test]
    fn work_19_create_only_touches_owner_references_alone() {
        let present = json!({"metadata": {"name": "c", "uid": "l", "resourceVersion": "7"}});
        let patch = owner_patch(&present, &owner(), true).unwrap();
        assert_eq!(
            patch,
            json!({"metadata": {"uid": "l", "resourceVersion": "7", "ownerReferences": [owner().reference()]}})
        );
        assert_eq!(owner_patch(&present, &owner(), false), None);
    }
}
