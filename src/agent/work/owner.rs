//! Owner references on applied resources. Pure.

use serde_json::{Value, json};

use super::model::{API_VERSION, APPLIED_KIND, GROUP};

/// The AppliedManifestWork that owns resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

impl Owner {
    /// Names of the other works that own `object`.
    pub fn other_works<'a>(&self, object: &'a Value) -> Vec<&'a str> {
        // Names of records are a hash of 64 digits, a dash, and the work's name.
        references(object)
            .iter()
            .filter(|r| applied_work(r) && r["uid"] != self.uid.as_str())
            .filter_map(|r| r["name"].as_str())
            .map(|name| name.get(65..).unwrap_or(name))
            .collect()
    }

    /// The reference as it stands on a resource.
    pub fn reference(&self) -> Value {
        json!({"apiVersion": API_VERSION, "kind": APPLIED_KIND, "name": self.name, "uid": self.uid})
    }

    /// Whether `reference` is for this name (whatever its UID).
    fn is(&self, reference: &Value) -> bool {
        applied_work(reference) && reference["name"] == self.name.as_str()
    }

    /// The owner references of `object` as they should be: with this owner when
    /// `owned`, else without it; nothing when they are so already.
    pub fn wanted(&self, object: &Value, owned: bool) -> Option<Vec<Value>> {
        let present = references(object);
        let mut wanted: Vec<Value> = Vec::with_capacity(present.len() + 1);
        let mut found = false;
        for reference in present {
            if !self.is(reference) {
                wanted.push(reference.clone());
            } else if owned && !found {
                found = true;
                let mut reference = reference.clone();
                reference["uid"] = self.uid.as_str().into();
                wanted.push(reference);
            }
        }
        if owned && !found {
            wanted.push(self.reference());
        }
        (wanted.as_slice() != present).then_some(wanted)
    }
}

/// The owner references of an object.
pub fn references(object: &Value) -> &[Value] {
    object["metadata"]["ownerReferences"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

/// Whether a reference is to some AppliedManifestWork.
pub fn applied_work(reference: &Value) -> bool {
    let group = reference["apiVersion"]
        .as_str()
        .and_then(|v| v.split_once('/'))
        .map(|(group, _)| group);
    group == Some(GROUP) && reference["kind"] == APPLIED_KIND
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            name: "hash-w".into(),
            uid: "u1".into(),
        }
    }

    fn object(references: &[Value]) -> Value {
        json!({"metadata": {"ownerReferences": references}})
    }

    #[test]
    fn work_36_and_37_references_come_and_go_with_ownership() {
        let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "f", "uid": "x"});
        let bare = object(std::slice::from_ref(&foreign));
        let with = owner().wanted(&bare, true).unwrap();
        assert_eq!(with, [foreign.clone(), owner().reference()]);
        assert_eq!(owner().wanted(&object(&with), true), None);
        assert_eq!(owner().wanted(&object(&with), false), Some(vec![foreign]));
        assert_eq!(owner().wanted(&bare, false), None);
        assert_eq!(
            owner().wanted(&json!({}), true),
            Some(vec![owner().reference()])
        );
    }

    #[test]
    fn a_stale_uid_is_overwritten_and_doubles_are_merged() {
        let mut stale = owner().reference();
        stale["uid"] = "old".into();
        assert_eq!(
            owner().wanted(&object(&[stale.clone(), stale]), true),
            Some(vec![owner().reference()])
        );
    }
}
