//! Former versions of templates and AddOnDeploymentConfigs, while installations
//! still have them: those that wait for their turn in a rollout, and those that
//! go after their template.
//!
//! They are kept in memory only. A hub that has just been started does not know
//! them, and its installations wait with what they have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::runtime::{Change, Key};

use super::view::Config;

/// What there is of a configuration that an installation names by its hash.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<S> {
    /// The version with this hash.
    Exact(Arc<Config<S>>),
    /// Another version; the one with this hash is not known.
    Ahead(Arc<Config<S>>),
    /// The object is gone; this is what it was, if that is known.
    Gone(Option<Arc<Config<S>>>),
}

/// The versions that were replaced, the last one of each object at the end.
pub(super) struct Former<S>(Mutex<HashMap<Key, Vec<Arc<Config<S>>>>>);

impl<S> Default for Former<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S> Former<S> {
    /// Notes what a change replaces, and forgets what nobody has any more.
    pub(super) fn note(
        &self,
        key: &Key,
        change: &Change<Config<S>>,
        is_used: impl Fn(&Key, &str) -> bool,
    ) {
        let replaced = match change {
            Change::Applied { old: None, .. } => return,
            Change::Applied {
                old: Some(old),
                new,
            } if old.hash == new.hash => return,
            Change::Applied { old: Some(old), .. } | Change::Deleted(old) => old,
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|of, versions| {
            versions.retain(|version| {
                let same = of == key && version.hash == replaced.hash;
                !same && is_used(of, &version.hash)
            });
            !versions.is_empty()
        });
        all.entry(key.clone())
            .or_default()
            .push(Arc::clone(replaced));
    }

    /// The version with this hash; `present` is what there is now.
    pub(super) fn find(&self, key: &Key, present: Option<Arc<Config<S>>>, hash: &str) -> Found<S> {
        if let Some(present) = &present
            && present.hash == hash
        {
            return Found::Exact(Arc::clone(present));
        }
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = all.get(key).map(Vec::as_slice).unwrap_or_default();
        let exact = versions.iter().find(|version| version.hash == hash);
        match (present, exact.map(Arc::clone)) {
            (Some(_), Some(exact)) => Found::Exact(exact),
            (Some(present), None) => Found::Ahead(present),
            (None, exact) => Found::Gone(exact.or_else(|| versions.last().map(Arc::clone))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(hash: &str) -> Arc<Config<()>> {
        Arc::new(Config {
            hash: hash.into(),
            ..Config::default()
        })
    }

    fn replaced(old: &str, new: &str) -> Change<Config<()>> {
        Change::Applied {
            old: Some(version(old)),
            new: version(new),
        }
    }

    #[test]
    fn what_was_is_known_while_it_is_used() {
        let former = Former::default();
        let (key, other) = (Key::new("", "t"), Key::new("", "u"));
        let now = |hash: &str| Some(version(hash));
        assert_eq!(former.find(&key, None, "1"), Found::Gone(None));
        former.note(&key, &replaced("1", "2"), |_, _| true);
        // What does not change the hash is no new version.
        former.note(&key, &replaced("2", "2"), |_, _| true);
        assert_eq!(former.find(&key, now("2"), "2"), Found::Exact(version("2")));
        assert_eq!(former.find(&key, now("2"), "1"), Found::Exact(version("1")));
        assert_eq!(former.find(&key, now("2"), "0"), Found::Ahead(version("2")));
        assert_eq!(
            former.find(&other, now("2"), "1"),
            Found::Ahead(version("2"))
        );
        former.note(&key, &Change::Deleted(version("2")), |_, hash| hash == "1");
        assert_eq!(former.find(&key, None, "1"), Found::Gone(now("1")));
        assert_eq!(former.find(&key, None, ""), Found::Gone(now("2")));
        // Nobody has them any more.
        former.note(&other, &replaced("8", "9"), |_, _| false);
        assert_eq!(former.find(&key, None, "1"), Found::Gone(None));
        assert_eq!(
            former.find(&other, now("9"), "8"),
            Found::Exact(version("8"))
        );
    }
}
