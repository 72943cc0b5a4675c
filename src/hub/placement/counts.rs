//! In how many decisions each cluster is, and what is the most without a look at
//! every cluster.

use std::collections::{BTreeMap, HashMap};

/// Clusters with the number of decisions they are in.
#[derive(Debug, Default)]
pub(super) struct Counts {
    of: HashMap<String, usize>,
    /// How many clusters have a number of decisions.
    with: BTreeMap<usize, usize>,
}

/// The counts without those of some decisions.
pub(super) struct Others<'a> {
    counts: &'a Counts,
    own: HashMap<&'a str, usize>,
    most: usize,
}

impl Counts {
    /// The cluster is in one decision more.
    pub(super) fn add(&mut self, cluster: &str) {
        let before = self.get(cluster);
        self.change(cluster, before, before + 1);
    }

    /// The cluster is in one decision less.
    pub(super) fn remove(&mut self, cluster: &str) {
        let before = self.get(cluster);
        self.change(cluster, before, before.saturating_sub(1));
    }

    fn get(&self, cluster: &str) -> usize {
        self.of.get(cluster).copied().unwrap_or_default()
    }

    fn change(&mut self, cluster: &str, before: usize, after: usize) {
        if let Some(clusters) = self.with.get_mut(&before) {
            *clusters -= 1;
            if *clusters == 0 {
                self.with.remove(&before);
            }
        }
        if after == 0 {
            self.of.remove(cluster);
            return;
        }
        *self.with.entry(after).or_default() += 1;
        match self.of.get_mut(cluster) {
            Some(count) => *count = after,
            None => {
                self.of.insert(cluster.to_owned(), after);
            }
        }
    }

    /// The counts without these entries. Costs what they are, not all clusters.
    pub(super) fn without<'a>(&'a self, entries: impl Iterator<Item = &'a str>) -> Others<'a> {
        let mut own: HashMap<&str, usize> = HashMap::new();
        for cluster in entries {
            *own.entry(cluster).or_default() += 1;
        }
        let left = |(cluster, own): (&&str, &usize)| self.get(cluster).saturating_sub(*own);
        let most_of_own = own.iter().map(left).max().unwrap_or_default();
        let mut touched: HashMap<usize, usize> = HashMap::new();
        for cluster in own.keys() {
            *touched.entry(self.get(cluster)).or_default() += 1;
        }
        // The greatest number that some other cluster has.
        let is_other = |(number, clusters): &(&usize, &usize)| {
            touched.get(number).copied().unwrap_or_default() < **clusters
        };
        let most_of_others = self.with.iter().rev().find(is_other);
        let most = most_of_others.map_or(0, |(number, _)| *number);
        Others {
            counts: self,
            own,
            most: most.max(most_of_own),
        }
    }
}

impl Others<'_> {
    /// In how many other decisions a cluster is.
    pub(super) fn get(&self, cluster: &str) -> usize {
        let own = self.own.get(cluster).copied().unwrap_or_default();
        self.counts.get(cluster).saturating_sub(own)
    }

    /// The most of any cluster.
    pub(super) fn most(&self) -> usize {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(number: u8) -> String {
        format!("c{number}")
    }

    proptest! {
        #[test]
        fn counting_in_steps_is_counting_anew(
            steps in prop::collection::vec((0..6_u8, any::<bool>()), 0..40),
            own in prop::collection::vec(0..6_u8, 0..6),
        ) {
            let mut counts = Counts::default();
            let mut plain: BTreeMap<String, usize> = BTreeMap::new();
            for (number, more) in steps {
                let count = plain.entry(name(number)).or_default();
                if more {
                    counts.add(&name(number));
                    *count += 1;
                } else {
                    counts.remove(&name(number));
                    *count = count.saturating_sub(1);
                }
            }
            let own: Vec<String> = own.into_iter().map(name).collect();
            for cluster in &own {
                let count = plain.entry(cluster.clone()).or_default();
                *count = count.saturating_sub(1);
            }
            let others = counts.without(own.iter().map(String::as_str));
            for (cluster, count) in &plain {
                prop_assert_eq!(others.get(cluster), *count);
            }
            prop_assert_eq!(others.most(), plain.values().copied().max().unwrap_or_default());
        }
    }
}
