//! The PlacementDecisions there are. Two tell of them: the watch, and whoever
//! writes them, so that nothing is decided twice before the watch has caught up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::runtime::Key;

use super::counts::Counts;
use super::view::Decision;
use super::world::World;

/// PlacementDecisions by placement and name.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    of: BTreeMap<Key, BTreeMap<String, Arc<Decision>>>,
    counts: Counts,
    /// Placements whose decisions are being written, with those gone since.
    writing: BTreeMap<Key, BTreeSet<String>>,
}

impl World {
    /// The decisions of a placement.
    #[must_use]
    pub fn decisions(&self, key: &Key) -> Vec<Arc<Decision>> {
        let known = self.decided.of.get(key).into_iter();
        known
            .flat_map(|decisions| decisions.values().cloned())
            .collect()
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.decided.counts
    }

    /// Decisions of a placement are about to be written. Whoever writes them tells
    /// by [`Self::wrote`] what became of it.
    pub fn writes(&mut self, placement: &Key) {
        let writing = &mut self.decided.writing;
        writing.insert(placement.clone(), BTreeSet::new());
    }

    /// What was written is there, unless it has gone since: the watch, which has
    /// told so already, would never take it away again. Whether all of it is there.
    pub fn wrote(&mut self, placement: &Key, written: Vec<Decision>) -> bool {
        let gone = self.decided.writing.remove(placement).unwrap_or_default();
        let mut all = true;
        for decision in written {
            if gone.contains(&decision.name) {
                all = false;
            } else {
                self.set_decision(&Arc::new(decision));
            }
        }
        all
    }

    /// A PlacementDecision is there, or changed. Older states than the known one
    /// are left aside.
    pub fn set_decision(&mut self, decision: &Arc<Decision>) {
        let key = Key::new(&decision.namespace, &decision.placement);
        let of = self.decided.of.entry(key.clone()).or_default();
        if let Some(old) = of.get(&decision.name) {
            let number = |text: &str| text.parse::<u64>().ok();
            let (old_at, new_at) = (
                number(&old.resource_version),
                number(&decision.resource_version),
            );
            if old_at.is_some() && new_at.is_some() && new_at <= old_at {
                return;
            }
        }
        let old = of.insert(decision.name.clone(), Arc::clone(decision));
        for cluster in &decision.clusters {
            self.decided.counts.add(cluster);
        }
        let same = old.as_ref().is_some_and(|old| {
            let versionless = Decision {
                resource_version: decision.resource_version.clone(),
                ..(**old).clone()
            };
            versionless == **decision
        });
        if let Some(old) = old {
            self.decided.uncount(&old.clusters);
        }
        if !same {
            self.dirty.insert(key);
        }
    }

    /// A PlacementDecision is gone.
    pub fn remove_decision(&mut self, placement: &Key, name: &str) {
        let decided = &mut self.decided;
        let Some(of) = decided.of.get_mut(placement) else {
            return;
        };
        let Some(old) = of.remove(name) else { return };
        if of.is_empty() {
            decided.of.remove(placement);
        }
        decided.uncount(&old.clusters);
        if let Some(gone) = decided.writing.get_mut(placement) {
            gone.insert(name.to_owned());
        }
        self.dirty.insert(placement.clone());
    }
}

impl Decisions {
    fn uncount(&mut self, clusters: &[String]) {
        for cluster in clusters {
            self.counts.remove(cluster);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(name: &str, version: &str) -> Decision {
        Decision {
            namespace: "ns".into(),
            name: name.into(),
            placement: "p".into(),
            resource_version: version.into(),
            clusters: vec!["c1".into()],
            ..Decision::default()
        }
    }

    /// The answer to a write may come after the watch has told of the end.
    #[test]
    fn what_went_while_it_was_written_does_not_come_back() {
        let key = Key::new("ns", "p");
        let mut world = World::default();
        world.writes(&key);
        assert!(world.wrote(&key, vec![decision("p-1", "1")]));
        assert_eq!(world.decisions(&key).len(), 1);

        world.writes(&key);
        world.set_decision(&Arc::new(decision("p-1", "2")));
        world.remove_decision(&key, "p-1");
        let written = vec![decision("p-1", "2"), decision("p-2", "4")];
        assert!(!world.wrote(&key, written));
        let names: Vec<_> = world
            .decisions(&key)
            .iter()
            .map(|d| d.name.clone())
            .collect();
        assert_eq!(names, ["p-2"]);
        assert_eq!(world.counts().without(std::iter::empty()).most(), 1);
        // What went before is no matter.
        world.writes(&key);
        assert!(world.wrote(&key, vec![decision("p-1", "6")]));
        assert_eq!(world.decisions(&key).len(), 2);
    }
}
