//! Who owns whom, and what follows from it. Pure: events go in, actions come
//! out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::api::GroupResource;
use crate::builtin::text;

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) gr: Arc<GroupResource>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: Arc<str>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Delete an object whose owners are gone or wait for it.
    Delete { place: Place, policy: &'static str },
    /// Remove references to these owners.
    Disown { place: Place, owners: Vec<Arc<str>> },
    /// Remove a finalizer of this collector.
    Finish {
        place: Place,
        finalizer: &'static str,
    },
}

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

#[derive(Clone, Debug)]
struct Owner {
    uid: Arc<str>,
    blocks: bool,
}

#[derive(Debug)]
struct Node {
    place: Place,
    owners: Vec<Owner>,
    deleting: bool,
    foreground: bool,
    orphan: bool,
}

impl Node {
    fn waits(&self) -> bool {
        self.deleting && self.foreground
    }
}

/// All objects by UID, and who names whom as owner.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<Arc<str>, Node>,
    dependents: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Graph {
    /// Takes in a new or changed object; answers whom to look at.
    pub(super) fn insert(&mut self, gr: &Arc<GroupResource>, object: &Value) -> Vec<Arc<str>> {
        let metadata = &object["metadata"];
        let Some(uid) = metadata["uid"].as_str() else {
            return Vec::new();
        };
        let uid = self
            .nodes
            .get_key_value(uid)
            .map_or_else(|| Arc::from(uid), |(known, _)| known.clone());
        let owners: Vec<Owner> = metadata["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|reference| {
                let uid = reference["uid"].as_str()?;
                let known = self.nodes.get_key_value(uid);
                Some(Owner {
                    uid: known.map_or_else(|| Arc::from(uid), |(known, _)| known.clone()),
                    blocks: reference["blockOwnerDeletion"] == true,
                })
            })
            .collect();
        let finalizers = metadata["finalizers"].as_array();
        let has = |name: &str| finalizers.is_some_and(|all| all.iter().any(|f| f == name));
        let node = Node {
            place: Place {
                gr: gr.clone(),
                namespace: text(metadata, "/namespace").to_owned(),
                name: text(metadata, "/name").to_owned(),
                uid: uid.clone(),
            },
            owners,
            deleting: !metadata["deletionTimestamp"].is_null(),
            foreground: has(FOREGROUND),
            orphan: has(ORPHAN),
        };
        let mut look = Vec::new();
        let before = self
            .nodes
            .get(&uid)
            .map_or(&[][..], |old| &old.owners)
            .to_vec();
        let unowned: Vec<Arc<str>> = before
            .iter()
            .filter(|old| {
                !node
                    .owners
                    .iter()
                    .any(|owner| owner.uid == old.uid && owner.blocks == old.blocks)
            })
            .map(|owner| owner.uid.clone())
            .collect();
        for owner in &before {
            self.unlink(&owner.uid, &uid);
        }
        for owner in &node.owners {
            self.dependents
                .entry(owner.uid.clone())
                .or_default()
                .insert(uid.clone());
        }
        if !node.owners.is_empty() || (node.deleting && (node.foreground || node.orphan)) {
            look.push(uid.clone());
        }
        self.nodes.insert(uid, node);
        // An owner may have waited for this.
        look.extend(
            unowned
                .into_iter()
                .filter(|owner| self.is_interested(owner)),
        );
        look
    }

    fn is_interested(&self, uid: &str) -> bool {
        self.nodes
            .get(uid)
            .is_some_and(|node| node.deleting && (node.foreground || node.orphan))
    }

    fn unlink(&mut self, owner: &Arc<str>, dependent: &str) {
        if let Some(dependents) = self.dependents.get_mut(owner) {
            dependents.remove(dependent);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }

    /// Takes in a deletion; answers whom to look at: dependents, and owners
    /// that waited.
    pub(super) fn remove(&mut self, object: &Value) -> Vec<Arc<str>> {
        let Some(node) = object["metadata"]["uid"]
            .as_str()
            .and_then(|uid| self.nodes.remove(uid))
        else {
            return Vec::new();
        };
        for owner in &node.owners {
            self.unlink(&owner.uid, &node.place.uid);
        }
        let mut look: Vec<Arc<str>> = node
            .owners
            .iter()
            .map(|owner| owner.uid.clone())
            .filter(|owner| self.is_interested(owner))
            .collect();
        look.extend(
            self.dependents_of(&node.place.uid)
                .map(|node| node.place.uid.clone()),
        );
        look
    }

    fn dependents_of(&self, uid: &str) -> impl Iterator<Item = &Node> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .filter_map(|uid| self.nodes.get(uid))
    }

    /// The owner, if it is where an owner of this object can be.
    fn owner(&self, node: &Node, owner: &Owner) -> Option<&Node> {
        self.nodes.get(&owner.uid).filter(|found| {
            let place = &found.place;
            place.namespace.is_empty()
                || place.namespace == node.place.namespace
                // Kubernetes does not collect cluster-scoped objects that name
                // a namespaced owner; the reference means nothing.
                || node.place.namespace.is_empty()
        })
    }

    /// What the state of an object demands.
    pub(super) fn decide(&self, uid: &str) -> Vec<Action> {
        let Some(node) = self.nodes.get(uid) else {
            return Vec::new();
        };
        if node.deleting && node.orphan {
            return self.orphan(node);
        }
        if node.waits() {
            return self.foreground(node);
        }
        self.collect(node).into_iter().collect()
    }

    fn orphan(&self, node: &Node) -> Vec<Action> {
        let uid = &node.place.uid;
        let disown: Vec<Action> = self
            .dependents_of(uid)
            .map(|dependent| Action::Disown {
                place: dependent.place.clone(),
                owners: vec![uid.clone()],
            })
            .collect();
        if disown.is_empty() {
            return vec![finish(node, ORPHAN)];
        }
        disown
    }

    fn foreground(&self, node: &Node) -> Vec<Action> {
        let uid = &node.place.uid;
        let mut actions: Vec<Action> = self
            .dependents_of(uid)
            .filter_map(|dependent| self.collect(dependent))
            .collect();
        let blocked = self.dependents_of(uid).any(|dependent| {
            dependent
                .owners
                .iter()
                .any(|owner| owner.uid == *uid && owner.blocks)
        });
        if !blocked {
            actions.push(finish(node, FOREGROUND));
        }
        actions
    }

    /// What becomes of an object because of its owners.
    fn collect(&self, node: &Node) -> Option<Action> {
        if node.deleting || node.owners.is_empty() {
            return None;
        }
        let (mut solid, mut gone, mut waiting) = (false, Vec::new(), Vec::new());
        for owner in &node.owners {
            match self.owner(node, owner) {
                None => gone.push(owner.uid.clone()),
                Some(found) if found.waits() => waiting.push(owner.uid.clone()),
                Some(_) => solid = true,
            }
        }
        let place = node.place.clone();
        if solid {
            gone.append(&mut waiting);
            return (!gone.is_empty()).then_some(Action::Disown {
                place,
                owners: gone,
            });
        }
        let policy = if node.orphan {
            "Orphan"
        } else if node.foreground
            || (!waiting.is_empty() && self.dependents.contains_key(&place.uid))
        {
            "Foreground"
        } else {
            "Background"
        };
        Some(Action::Delete { place, policy })
    }
}

fn finish(node: &Node, finalizer: &'static str) -> Action {
    Action::Finish {
        place: node.place.clone(),
        finalizer,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Fixture {
        graph: Graph,
        gr: Arc<GroupResource>,
    }

    fn fixture() -> Fixture {
        Fixture {
            graph: Graph::default(),
            gr: Arc::new(GroupResource::new("", "things")),
        }
    }

    /// `ns/uid`, owners `uid` or `uid!` when they block, finalizers.
    fn object(place: &str, owners: &[&str], finalizers: &[&str], deleting: bool) -> Value {
        let (namespace, uid) = place.split_once('/').unwrap();
        let owners: Vec<Value> = owners
            .iter()
            .map(|owner| json!({"uid": owner.trim_end_matches('!'), "blockOwnerDeletion": owner.ends_with('!')}))
            .collect();
        let mut object = json!({"metadata": {
            "namespace": namespace,
            "name": uid,
            "uid": uid,
            "ownerReferences": owners,
            "finalizers": finalizers,
        }});
        if deleting {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        object
    }

    impl Fixture {
        fn put(&mut self, place: &str, owners: &[&str]) -> Vec<String> {
            self.put_as(&object(place, owners, &[], false))
        }

        fn put_as(&mut self, object: &Value) -> Vec<String> {
            let look = self.graph.insert(&self.gr, object);
            look.iter().map(ToString::to_string).collect()
        }

        fn remove(&mut self, place: &str) -> Vec<String> {
            let look = self.graph.remove(&object(place, &[], &[], false));
            look.iter().map(ToString::to_string).collect()
        }

        /// `delete a Background`, `disown a of b`, `finish a orphan`.
        fn decide(&self, uid: &str) -> Vec<String> {
            let mut words: Vec<String> = self
                .graph
                .decide(uid)
                .into_iter()
                .map(|action| match action {
                    Action::Delete { place, policy } => format!("delete {} {policy}", place.uid),
                    Action::Disown { place, owners } => {
                        format!("disown {} of {}", place.uid, owners.join(","))
                    }
                    Action::Finish { place, finalizer } => {
                        format!("finish {} {finalizer}", place.uid)
                    }
                })
                .collect();
            words.sort();
            words
        }
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn dependents_go_with_their_last_owner() {
        let mut f = fixture();
        f.put("n/a", &[]);
        f.put("/b", &[]);
        assert_eq!(f.put("n/c", &["a", "b"]), ["c"]);
        assert_eq!(f.decide("c"), NOTHING);
        assert_eq!(f.remove("n/a"), ["c"]);
        assert_eq!(f.decide("c"), ["disown c of a"]);
        assert_eq!(f.remove("/b"), ["c"]);
        assert_eq!(f.decide("c"), ["delete c Background"]);
    }

    #[test]
    fn owners_that_never_were_or_are_elsewhere_do_not_count() {
        let mut f = fixture();
        f.put("m/a", &[]);
        f.put("n/c", &["a"]);
        assert_eq!(f.decide("c"), ["delete c Background"]);
        f.put("n/d", &["nobody"]);
        assert_eq!(f.decide("d"), ["delete d Background"]);
        f.put("/e", &["a"]);
        assert_eq!(f.decide("e"), NOTHING);
    }

    #[test]
    fn the_foreground_waits_for_what_blocks() {
        let mut f = fixture();
        f.put("n/a", &[]);
        f.put("n/b", &["a!"]);
        f.put("n/c", &["a"]);
        f.put("n/d", &["b!"]);
        assert_eq!(f.put_as(&object("n/a", &[], &[FOREGROUND], true)), ["a"]);
        assert_eq!(
            f.decide("a"),
            ["delete b Foreground", "delete c Background"]
        );
        f.put_as(&object("n/b", &["a!"], &[FOREGROUND], true));
        assert_eq!(f.decide("b"), ["delete d Background"]);
        assert_eq!(f.remove("n/d"), ["b"]);
        assert_eq!(f.decide("b"), ["finish b foregroundDeletion"]);
        assert_eq!(f.remove("n/b"), ["a"]);
        assert_eq!(
            f.decide("a"),
            ["delete c Background", "finish a foregroundDeletion"]
        );
    }

    #[test]
    fn orphans_lose_their_reference_first() {
        let mut f = fixture();
        f.put("n/a", &[]);
        f.put("n/b", &["a!"]);
        f.put_as(&object("n/a", &[], &[ORPHAN], true));
        assert_eq!(f.decide("a"), ["disown b of a"]);
        assert_eq!(f.put("n/b", &[]), ["a"]);
        assert_eq!(f.decide("a"), ["finish a orphan"]);
    }

    #[test]
    fn other_finalizers_leave_the_dependents_alone_until_the_end() {
        let mut f = fixture();
        f.put("n/a", &[]);
        f.put("n/b", &["a"]);
        f.put_as(&object("n/a", &[], &["x/y"], true));
        assert_eq!(f.decide("a"), NOTHING);
        assert_eq!(f.decide("b"), NOTHING);
    }
}
