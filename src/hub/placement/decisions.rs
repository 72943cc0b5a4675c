//! The PlacementDecisions there are. Two tell of them: the watch, and whoever
//! writes them, so that nothing is decided twice before the watch has caught up.

use std::collections::BTreeMap;
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
    gone: u64,
}

/// How many PlacementDecisions had gone at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone(u64);

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

    /// Ask before writing; [`Self::wrote_decision`] wants to know.
    #[must_use]
    pub fn gone(&self) -> Gone {
        Gone(self.decided.gone)
    }

    /// What was written is there, unless something has gone since: that may have been
    /// it, and the watch would never take it away again. If it was not, the watch
    /// brings it.
    pub fn wrote_decision(&mut self, decision: &Arc<Decision>, before: Gone) {
        if before == self.gone() {
            self.set_decision(decision);
        } else {
            let key = Key::new(&decision.namespace, &decision.placement);
            self.dirty.insert(key);
        }
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
        decided.gone += 1;
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

    fn decision(version: &str) -> Arc<Decision> {
        Arc::new(Decision {
            namespace: "ns".into(),
            name: "p-decision-1".into(),
            placement: "p".into(),
            resource_version: version.into(),
            clusters: vec!["c1".into()],
            ..Decision::default()
        })
    }

    /// The answer to a write may come after the watch has told of the end.
    #[test]
    fn what_went_while_it_was_written_does_not_come_back() {
        let key = Key::new("ns", "p");
        let mut world = World::default();
        let before = world.gone();
        world.wrote_decision(&decision("1"), before);
        assert_eq!(world.decisions(&key).len(), 1);

        let before = world.gone();
        world.set_decision(&decision("2"));
        world.remove_decision(&key, "p-decision-1");
        world.take_dirty();
        world.wrote_decision(&decision("2"), before);
        assert!(world.decisions(&key).is_empty());
        assert_eq!(world.counts().without(std::iter::empty()).most(), 0);
        assert!(
            world.take_dirty().contains(&key),
            "it is to be looked at again"
        );
    }
}
