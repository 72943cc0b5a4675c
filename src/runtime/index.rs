//! The objects of an [`Informer`] by something else than their key: so that who
//! looks for a few need not look through all.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use super::informer::{Change, Informer, Key};

/// Keys of objects, by what is asked for.
type Groups<I> = Arc<Mutex<HashMap<I, HashSet<Key>>>>;

/// The objects of an informer, in groups.
pub struct Index<T, I> {
    informer: Informer<T>,
    groups: Groups<I>,
}

impl<T, I> std::fmt::Debug for Index<T, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Index of {:?}", self.informer)
    }
}

impl<T, I> Index<T, I>
where
    T: Send + Sync + 'static,
    I: Eq + Hash + Send + 'static,
{
    /// An index of `informer`, by what `group` says of an object. Handlers that
    /// are registered after it find it up to date.
    pub fn new(
        informer: &Informer<T>,
        group: impl Fn(&Key, &T) -> I + Send + Sync + 'static,
    ) -> Self {
        let groups: Groups<I> = Arc::default();
        let to = Arc::clone(&groups);
        informer.on_change(move |key, change| {
            let mut groups = to.lock().unwrap_or_else(PoisonError::into_inner);
            let (old, new) = match change {
                Change::Applied { old, new } => (old.as_ref(), Some(new)),
                Change::Deleted(old) => (Some(old), None),
            };
            if let Some(old) = old.map(|old| group(key, old))
                && let Some(keys) = groups.get_mut(&old)
            {
                keys.remove(key);
                if keys.is_empty() {
                    groups.remove(&old);
                }
            }
            if let Some(new) = new {
                let keys = groups.entry(group(key, new)).or_default();
                keys.insert(key.clone());
            }
        });
        Self {
            informer: informer.clone(),
            groups,
        }
    }

    /// The keys of a group, in no order.
    #[must_use]
    pub fn keys(&self, group: &I) -> Vec<Key> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.get(group).into_iter().flatten().cloned().collect()
    }

    /// The objects of a group with their keys, in no order.
    #[must_use]
    pub fn get(&self, group: &I) -> Vec<(Key, Arc<T>)> {
        let keys = self.keys(group).into_iter();
        keys.filter_map(|key| {
            let object = self.informer.get(&key.namespace, &key.name)?;
            Some((key, object))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::DynamicObject;
    use serde_json::json;

    use super::*;
    use crate::runtime::Scope;

    #[test]
    fn objects_are_found_by_their_group_while_they_are_in_it() {
        let informer: Informer<String> = Informer::new(Scope::of::<ConfigMap>());
        let index = Index::new(&informer, |_, group| group.clone());
        let tell = |name: &str, group: &str| {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name, "labels": {"g": group}}});
            informer.apply(
                serde_json::from_value(object).unwrap(),
                &|object: DynamicObject| {
                    let labels = object.metadata.labels.unwrap_or_default();
                    Ok::<_, std::convert::Infallible>(labels["g"].clone())
                },
            );
        };
        let found = |group: &str| {
            let mut names: Vec<String> = index
                .get(&group.to_owned())
                .into_iter()
                .map(|(key, _)| key.name)
                .collect();
            names.sort();
            names
        };
        tell("a", "x");
        tell("b", "x");
        tell("c", "y");
        assert_eq!(found("x"), ["a", "b"]);
        // One goes to another group, one stays, one goes.
        tell("a", "y");
        tell("b", "x");
        assert_eq!(found("x"), ["b"]);
        assert_eq!(found("y"), ["a", "c"]);
        informer.remove(&Key::new("", "b"), true);
        assert_eq!(found("x"), [""; 0]);
        assert_eq!(index.groups.lock().unwrap().len(), 1);
    }
}
