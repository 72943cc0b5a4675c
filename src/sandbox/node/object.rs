//! What the simulator knows of a cluster: the objects of its watches and of its
//! own writes, found by name and by controller.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use kube::core::{ApiResource, DynamicObject};
use serde::de::DeserializeOwned;

/// The kinds the simulator reconciles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `apps/v1 Deployment`.
    Deployment,
    /// `apps/v1 ReplicaSet`.
    ReplicaSet,
    /// `apps/v1 StatefulSet`.
    StatefulSet,
    /// `apps/v1 DaemonSet`.
    DaemonSet,
    /// `batch/v1 Job`.
    Job,
    /// `v1 Pod`.
    Pod,
}

impl Kind {
    /// Every kind: what a cluster without kube-controller-manager needs.
    pub const ALL: [Self; 6] = [
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::Pod,
    ];

    /// How a request names it.
    pub fn api_resource(self) -> ApiResource {
        match self {
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::ReplicaSet => ApiResource::erase::<ReplicaSet>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            Self::DaemonSet => ApiResource::erase::<DaemonSet>(&()),
            Self::Job => ApiResource::erase::<Job>(&()),
            Self::Pod => ApiResource::erase::<Pod>(&()),
        }
    }

    fn of_owner(owner: &OwnerReference) -> Option<Self> {
        match (owner.api_version.as_str(), owner.kind.as_str()) {
            ("apps/v1", "Deployment") => Some(Self::Deployment),
            ("apps/v1", "ReplicaSet") => Some(Self::ReplicaSet),
            ("apps/v1", "StatefulSet") => Some(Self::StatefulSet),
            ("apps/v1", "DaemonSet") => Some(Self::DaemonSet),
            ("batch/v1", "Job") => Some(Self::Job),
            _ => None,
        }
    }
}

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Where.
    pub namespace: String,
    /// Which.
    pub name: String,
}

impl Name {
    /// The name an object carries.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One thing to reconcile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace and name.
    pub name: Name,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.name)
    }
}

/// The owner that controls the object.
pub fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true))
}

/// The objects of one kind.
pub struct Table<K> {
    objects: BTreeMap<Name, Arc<K>>,
    owned: HashMap<String, BTreeSet<Name>>,
    /// While a list is being read: what it has held so far.
    listed: Option<HashSet<Name>>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            owned: HashMap::new(),
            listed: None,
        }
    }
}

impl<K: Resource<DynamicType = ()>> Table<K> {
    /// The object of that name.
    pub fn get(&self, name: &Name) -> Option<&Arc<K>> {
        self.objects.get(name)
    }

    /// Every object.
    pub fn all(&self) -> impl Iterator<Item = &Arc<K>> {
        self.objects.values()
    }

    /// The objects whose controller has this UID, by name.
    pub fn owned_by(&self, uid: &str) -> Vec<Arc<K>> {
        self.owned
            .get(uid)
            .into_iter()
            .flatten()
            .filter_map(|name| self.objects.get(name).cloned())
            .collect()
    }

    fn put(&mut self, object: K) -> bool {
        let name = Name::of(object.meta());
        if let Some(listed) = &mut self.listed {
            listed.insert(name.clone());
        }
        if let Some(known) = self.objects.get(&name) {
            if !newer(object.meta(), known.meta()) {
                return false;
            }
            self.forget_owner(&name);
        }
        if let Some(owner) = controller(object.meta()) {
            self.owned
                .entry(owner.uid.clone())
                .or_default()
                .insert(name.clone());
        }
        self.objects.insert(name, Arc::new(object));
        true
    }

    fn forget_owner(&mut self, name: &Name) {
        let Some(owner) = self.objects.get(name).and_then(|o| controller(o.meta())) else {
            return;
        };
        let uid = owner.uid.clone();
        if let Some(names) = self.owned.get_mut(&uid) {
            names.remove(name);
            if names.is_empty() {
                self.owned.remove(&uid);
            }
        }
    }

    fn remove(&mut self, name: &Name) -> Option<Arc<K>> {
        self.forget_owner(name);
        self.objects.remove(name)
    }

    fn begin_list(&mut self) {
        self.listed = Some(HashSet::new());
    }

    /// Drops what the list no longer held.
    fn end_list(&mut self) -> Vec<Arc<K>> {
        let listed = self.listed.take().unwrap_or_default();
        let gone: Vec<Name> = self
            .objects
            .keys()
            .filter(|name| !listed.contains(name))
            .cloned()
            .collect();
        gone.iter().filter_map(|name| self.remove(name)).collect()
    }
}

/// Whether a version of an object replaces the known one: another object of the
/// same name, or a later revision. Revisions are ordered numbers.
fn newer(object: &ObjectMeta, known: &ObjectMeta) -> bool {
    if object.uid != known.uid {
        return true;
    }
    let revision = |m: &ObjectMeta| m.resource_version.as_deref()?.parse::<u64>().ok();
    match (revision(object), revision(known)) {
        (Some(new), Some(old)) => new > old,
        _ => object.resource_version != known.resource_version,
    }
}

/// What a watch told.
pub enum Seen {
    /// A list begins.
    Begin,
    /// An object is there, from a list, a watch or the answer of a write.
    Present(Box<DynamicObject>),
    /// An object is gone.
    Gone(Box<DynamicObject>),
    /// The list is complete.
    End,
}

/// Deleted objects are remembered this long (in objects), so that the late
/// answer of a write does not bring one back.
const REMEMBERED_DELETIONS: usize = 4096;

/// All tables.
#[derive(Default)]
pub struct State {
    /// Pods.
    pub pods: Table<Pod>,
    /// Replica sets.
    pub replica_sets: Table<ReplicaSet>,
    /// Deployments.
    pub deployments: Table<Deployment>,
    /// Stateful sets.
    pub stateful_sets: Table<StatefulSet>,
    /// Daemon sets.
    pub daemon_sets: Table<DaemonSet>,
    /// Jobs.
    pub jobs: Table<Job>,
    deleted: HashSet<String>,
    deleted_order: VecDeque<String>,
    synced: BTreeSet<Kind>,
}

impl State {
    /// Takes in what was seen and answers what must be looked at again.
    pub fn take(&mut self, kind: Kind, seen: Seen) -> Vec<Key> {
        if let Seen::Present(object) | Seen::Gone(object) = &seen {
            let uid = object.metadata.uid.clone().unwrap_or_default();
            if matches!(seen, Seen::Gone(_)) {
                self.bury(uid);
            } else if self.deleted.contains(&uid) {
                return Vec::new();
            }
        }
        if matches!(seen, Seen::End) {
            self.synced.insert(kind);
        }
        match kind {
            Kind::Pod => take(&mut self.pods, kind, seen),
            Kind::ReplicaSet => take(&mut self.replica_sets, kind, seen),
            Kind::Deployment => take(&mut self.deployments, kind, seen),
            Kind::StatefulSet => take(&mut self.stateful_sets, kind, seen),
            Kind::DaemonSet => take(&mut self.daemon_sets, kind, seen),
            Kind::Job => take(&mut self.jobs, kind, seen),
        }
    }

    /// Whether each of these kinds has been listed completely once.
    pub fn synced(&self, kinds: &[Kind]) -> bool {
        kinds.iter().all(|kind| self.synced.contains(kind))
    }

    fn bury(&mut self, uid: String) {
        if self.deleted.insert(uid.clone()) {
            self.deleted_order.push_back(uid);
            if self.deleted_order.len() > REMEMBERED_DELETIONS
                && let Some(oldest) = self.deleted_order.pop_front()
            {
                self.deleted.remove(&oldest);
            }
        }
    }
}

fn take<K>(table: &mut Table<K>, kind: Kind, seen: Seen) -> Vec<Key>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    match seen {
        Seen::Begin => {
            table.begin_list();
            Vec::new()
        }
        Seen::Present(object) => {
            let name = Name::of(&object.metadata);
            let object: K = match object.try_parse() {
                Ok(object) => object,
                Err(error) => {
                    tracing::warn!(?kind, %name, %error, "skipping an object that cannot be read");
                    return Vec::new();
                }
            };
            let affected = affected(kind, object.meta());
            if table.put(object) {
                affected
            } else {
                Vec::new()
            }
        }
        Seen::Gone(object) => {
            let name = Name::of(&object.metadata);
            let same = table
                .get(&name)
                .is_some_and(|known| known.meta().uid == object.metadata.uid);
            if same {
                table.remove(&name);
            }
            affected(kind, &object.metadata)
        }
        Seen::End => table
            .end_list()
            .iter()
            .flat_map(|object| affected(kind, object.meta()))
            .collect(),
    }
}

/// The object itself and its controller.
fn affected(kind: Kind, metadata: &ObjectMeta) -> Vec<Key> {
    let name = Name::of(metadata);
    let owner = controller(metadata).and_then(|owner| {
        Some(Key {
            kind: Kind::of_owner(owner)?,
            name: Name {
                namespace: name.namespace.clone(),
                name: owner.name.clone(),
            },
        })
    });
    std::iter::once(Key { kind, name }).chain(owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, uid: &str, revision: &str, owner: &str) -> Box<DynamicObject> {
        let mut object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "ns", "name": name, "uid": uid, "resourceVersion": revision},
        });
        if !owner.is_empty() {
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": owner, "controller": true,
            }]);
        }
        Box::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn an_older_revision_changes_nothing() {
        let mut state = State::default();
        assert_eq!(
            state
                .take(Kind::Pod, Seen::Present(pod("a", "1", "10", "")))
                .len(),
            1
        );
        assert!(
            state
                .take(Kind::Pod, Seen::Present(pod("a", "1", "9", "")))
                .is_empty()
        );
        assert!(
            state
                .take(Kind::Pod, Seen::Present(pod("a", "1", "10", "")))
                .is_empty()
        );
    }

    #[test]
    fn the_late_answer_of_a_write_does_not_revive_a_deleted_object() {
        let mut state = State::default();
        state.take(Kind::Pod, Seen::Present(pod("a", "1", "10", "rs")));
        let affected = state.take(Kind::Pod, Seen::Gone(pod("a", "1", "11", "rs")));
        assert_eq!(affected.len(), 2, "the pod and its replica set");
        state.take(Kind::Pod, Seen::Present(pod("a", "1", "10", "rs")));
        assert!(state.pods.owned_by("rs").is_empty());
    }

    #[test]
    fn the_deletion_of_a_predecessor_leaves_its_successor() {
        let mut state = State::default();
        state.take(Kind::Pod, Seen::Present(pod("a", "2", "12", "rs")));
        state.take(Kind::Pod, Seen::Gone(pod("a", "1", "11", "rs")));
        assert_eq!(state.pods.owned_by("rs").len(), 1);
    }

    #[test]
    fn a_new_list_drops_what_it_no_longer_holds() {
        let mut state = State::default();
        state.take(Kind::Pod, Seen::Present(pod("a", "1", "10", "rs")));
        state.take(Kind::Pod, Seen::Present(pod("b", "2", "11", "rs")));
        state.take(Kind::Pod, Seen::Begin);
        state.take(Kind::Pod, Seen::Present(pod("b", "2", "11", "rs")));
        assert!(!state.synced(&[Kind::Pod]));
        let affected = state.take(Kind::Pod, Seen::End);
        assert!(state.synced(&[Kind::Pod]));
        assert!(affected.iter().any(|key| key.name.name == "a"));
        let left = state.pods.owned_by("rs");
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].metadata.name.as_deref(), Some("b"));
    }
}
