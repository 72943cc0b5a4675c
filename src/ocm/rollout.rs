//! How a change reaches the clusters of a placement, step by step. Pure.
//!
//! Replica sets and add-ons roll out in the same way (upstream:
//! `sdk-go: pkg/apis/cluster/v1alpha1/rollout.go`): a cluster whose rollout has
//! begun and is not over holds a slot; what may begin depends on the strategy,
//! on the slots and on how many clusters failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::cluster::rollout::{MandatoryDecisionGroup, RolloutStrategy, RolloutType};

/// How far the rollout to one cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has yet to begin, or to be done once more.
    ToApply,
    /// It runs.
    Progressing,
    /// It is done.
    Succeeded,
    /// It failed, which may still change.
    Failed,
}

/// What is known of a cluster that has the change already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// How far it is.
    pub state: State,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// A decision group of the placement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its place, from 0.
    pub index: i32,
    /// Its name; may be empty.
    pub name: String,
    /// Its clusters.
    pub clusters: BTreeSet<String>,
}

/// A strategy that says nothing sensible.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RolloutError {
    /// Neither a number nor a percentage.
    #[error("{field} {value:?} is neither a number nor a percentage such as 25%")]
    Size {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// Not a duration.
    #[error("{field} {value:?} is no duration such as 90s, 5m or 1h")]
    Time {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

/// What to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Clusters to which the change is to be applied (again).
    pub apply: Vec<String>,
    /// Clusters that were given up.
    pub timed_out: Vec<String>,
    /// More clusters failed than the strategy bears: no other one begins.
    pub breached: bool,
    /// When time alone may allow more.
    pub recheck: Option<Duration>,
}

/// The options of all strategies, read.
struct Options<'a> {
    soak: Duration,
    deadline: Option<Duration>,
    max_failures: Option<&'a IntOrString>,
    max_concurrency: Option<&'a IntOrString>,
    mandatory: &'a [MandatoryDecisionGroup],
}

impl<'a> Options<'a> {
    fn of(strategy: &'a RolloutStrategy) -> Result<Self, RolloutError> {
        let (soak, deadline, max_failures, max_concurrency, mandatory) = match strategy.type_ {
            // Everything at once: neither soaking nor failures hold anything up.
            RolloutType::All => {
                let all = strategy.all.as_ref();
                (
                    None,
                    all.and_then(|o| o.progress_deadline.as_ref()),
                    None,
                    None,
                    &[][..],
                )
            }
            RolloutType::Progressive => match &strategy.progressive {
                None => (None, None, None, None, &[][..]),
                Some(o) => (
                    o.min_success_time.as_ref(),
                    o.progress_deadline.as_ref(),
                    o.max_failures.as_ref(),
                    o.max_concurrency.as_ref(),
                    o.mandatory_decision_groups.as_slice(),
                ),
            },
            RolloutType::ProgressivePerGroup => match &strategy.progressive_per_group {
                None => (None, None, None, None, &[][..]),
                Some(o) => (
                    o.min_success_time.as_ref(),
                    o.progress_deadline.as_ref(),
                    o.max_failures.as_ref(),
                    None,
                    o.mandatory_decision_groups.as_slice(),
                ),
            },
        };
        Ok(Self {
            soak: match soak.map(String::as_str) {
                None | Some("" | "0") => Duration::ZERO,
                Some(text) => duration("minSuccessTime", text)?,
            },
            deadline: match deadline.map(String::as_str) {
                None | Some("" | "None") => None,
                Some(text) => Some(duration("progressDeadline", text)?),
            },
            max_failures,
            max_concurrency,
            mandatory,
        })
    }
}

/// A number, or a share of `total` rounded up; `default` when it is not between
/// 1 and `total` (so says upstream, too).
fn size(
    field: &'static str,
    value: Option<&IntOrString>,
    total: usize,
    default: usize,
) -> Result<usize, RolloutError> {
    let number = match value {
        None => return Ok(default),
        Some(IntOrString::Int(number)) => usize::try_from(*number).unwrap_or(0),
        Some(IntOrString::String(text)) => {
            let percent = text
                .strip_suffix('%')
                .and_then(|number| number.parse::<usize>().ok());
            let Some(percent) = percent else {
                return Err(RolloutError::Size {
                    field,
                    value: text.clone(),
                });
            };
            percent.saturating_mul(total).div_ceil(100)
        }
    };
    Ok(if (1..=total).contains(&number) {
        number
    } else {
        default
    })
}

/// `90s`, `1h30m`, `1.5s`, as Go writes it.
fn duration(field: &'static str, text: &str) -> Result<Duration, RolloutError> {
    // 0 has no unit in Go; jiff wants one.
    let parsed: Option<SignedDuration> = if text == "0" {
        Some(SignedDuration::ZERO)
    } else {
        text.parse().ok()
    };
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| RolloutError::Time {
            field,
            value: text.to_owned(),
        })
}

/// A cluster's part in the rollout now.
enum Part {
    /// It holds a slot.
    Holds,
    /// It failed and holds its slot until its deadline.
    HoldsFailed,
    /// It was given up.
    TimedOut,
    /// It is done.
    Done,
}

struct Round<'a> {
    options: Options<'a>,
    known: &'a BTreeMap<String, Known>,
    now: Timestamp,
    step: Step,
}

impl Round<'_> {
    /// How long until `since` is `after` ago; `None` when it is.
    fn left(&self, since: Option<Timestamp>, after: Duration) -> Option<Duration> {
        let since = since.unwrap_or(self.now);
        let ago = Duration::try_from(self.now.duration_since(since)).unwrap_or(Duration::ZERO);
        after.checked_sub(ago).filter(|left| !left.is_zero())
    }

    fn recheck(&mut self, left: Duration) {
        self.step.recheck = Some(self.step.recheck.map_or(left, |r| r.min(left)));
    }

    fn part(&mut self, known: &Known) -> Part {
        match known.state {
            State::ToApply => Part::Holds,
            State::Succeeded => match self.left(known.since, self.options.soak) {
                Some(left) => {
                    self.recheck(left);
                    Part::Holds
                }
                None => Part::Done,
            },
            State::Progressing | State::Failed => {
                let holds = if known.state == State::Failed {
                    Part::HoldsFailed
                } else {
                    Part::Holds
                };
                match self.options.deadline {
                    None => holds,
                    Some(deadline) => match self.left(known.since, deadline) {
                        Some(left) => {
                            self.recheck(left);
                            holds
                        }
                        None => Part::TimedOut,
                    },
                }
            }
        }
    }

    /// One cluster after the other, `slots` at a time.
    fn by_cluster(&mut self, clusters: &BTreeSet<&String>, slots: usize, max_failures: usize) {
        let mut held = 0_usize;
        let mut failures = 0_usize;
        let known = self.known;
        // Those that have begun go first: their slots are taken.
        for cluster in clusters {
            let Some(known) = known.get(*cluster) else {
                continue;
            };
            if failures > max_failures && known.state == State::ToApply {
                continue;
            }
            match self.part(known) {
                Part::Holds => held += 1,
                Part::HoldsFailed => {
                    held += 1;
                    failures += 1;
                }
                Part::TimedOut => {
                    failures += 1;
                    self.step.timed_out.push((*cluster).clone());
                }
                Part::Done => {}
            }
            self.step.breached = failures > max_failures;
            if known.state == State::ToApply {
                self.step.apply.push((*cluster).clone());
            }
            if held >= slots {
                return;
            }
        }
        if self.step.breached {
            return;
        }
        for cluster in clusters.iter().filter(|c| !known.contains_key(**c)) {
            if held >= slots {
                return;
            }
            held += 1;
            self.step.apply.push((*cluster).clone());
        }
    }

    /// One group after the other. Whether all of them are through.
    fn by_group(
        &mut self,
        groups: &[&Group],
        max_failures: Option<&IntOrString>,
    ) -> Result<bool, RolloutError> {
        let mut through = true;
        let known = self.known;
        for group in groups {
            let bears = size("maxFailures", max_failures, group.clusters.len(), 0)?;
            let mut failures = 0_usize;
            let mut waits = false;
            for cluster in &group.clusters {
                let state = known.get(cluster);
                if state.is_none_or(|k| k.state == State::ToApply) {
                    self.step.apply.push(cluster.clone());
                }
                match state.map_or(Part::Holds, |k| self.part(k)) {
                    Part::Holds => waits = true,
                    Part::HoldsFailed => failures += 1,
                    Part::TimedOut => {
                        failures += 1;
                        self.step.timed_out.push(cluster.clone());
                    }
                    Part::Done => {}
                }
            }
            through &= failures == 0 && !waits;
            self.step.breached |= failures > bears;
            if waits || self.step.breached {
                return Ok(false);
            }
        }
        Ok(through)
    }
}

/// What the strategy allows now. `groups` are all decision groups, in any
/// order; `known` says how far the clusters are that have the present change
/// already (others have an older one, or none).
///
/// # Errors
/// The strategy has a number or a time that is none.
pub fn step(
    strategy: &RolloutStrategy,
    groups: &[Group],
    known: &BTreeMap<String, Known>,
    now: Timestamp,
) -> Result<Step, RolloutError> {
    let options = Options::of(strategy)?;
    let mut ordered: Vec<&Group> = groups.iter().collect();
    ordered.sort_by_key(|group| group.index);
    let (mandatory, rest): (Vec<&Group>, Vec<&Group>) = {
        let named = |group: &Group| {
            options
                .mandatory
                .iter()
                .position(|m| match m.group_name.as_deref() {
                    Some(name) if !name.is_empty() => name == group.name,
                    _ => m.group_index == Some(group.index),
                })
        };
        let mut first: Vec<(usize, &Group)> = Vec::new();
        let mut rest = Vec::new();
        for group in ordered {
            match named(group) {
                Some(place) => first.push((place, group)),
                None => rest.push(group),
            }
        }
        first.sort_by_key(|(place, _)| *place);
        (first.into_iter().map(|(_, group)| group).collect(), rest)
    };
    let total: usize = groups.iter().map(|group| group.clusters.len()).sum();
    let (max_failures, max_concurrency) = (options.max_failures, options.max_concurrency);
    let mut round = Round {
        options,
        known,
        now,
        step: Step::default(),
    };
    // Mandatory groups bear no failure.
    if !round.by_group(&mandatory, None)? {
        return Ok(round.step);
    }
    match strategy.type_ {
        RolloutType::ProgressivePerGroup => {
            round.by_group(&rest, max_failures)?;
        }
        RolloutType::Progressive | RolloutType::All => {
            let clusters: BTreeSet<&String> = rest.iter().flat_map(|g| &g.clusters).collect();
            let bears = if strategy.type_ == RolloutType::All {
                usize::MAX
            } else {
                size("maxFailures", max_failures, total, 0)?
            };
            let slots = size(
                "maxConcurrency",
                max_concurrency,
                clusters.len(),
                clusters.len(),
            )?;
            round.by_cluster(&clusters, slots.max(1), bears);
        }
    }
    Ok(round.step)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn group(index: i32, name: &str, clusters: &[&str]) -> Group {
        Group {
            index,
            name: name.to_owned(),
            clusters: clusters.iter().map(|&c| c.to_owned()).collect(),
        }
    }

    fn known(all: &[(&str, State, i64)]) -> BTreeMap<String, Known> {
        all.iter()
            .map(|&(name, state, since)| {
                let since = Some(at(since));
                (name.to_owned(), Known { state, since })
            })
            .collect()
    }

    fn strategy(value: serde_json::Value) -> RolloutStrategy {
        serde_json::from_value(value).unwrap()
    }

    fn progressive(options: &serde_json::Value) -> RolloutStrategy {
        strategy(json!({"type": "Progressive", "progressive": options}))
    }

    fn per_group(options: &serde_json::Value) -> RolloutStrategy {
        strategy(json!({"type": "ProgressivePerGroup", "progressivePerGroup": options}))
    }

    /// Six clusters in one group.
    fn six() -> Vec<Group> {
        vec![group(0, "", &["c1", "c2", "c3", "c4", "c5", "c6"])]
    }

    fn run(s: &RolloutStrategy, g: &[Group], all: &[(&str, State, i64)], now: i64) -> Step {
        step(s, g, &known(all), at(now)).unwrap()
    }

    use State::{Failed, Progressing, Succeeded, ToApply};

    #[test]
    fn all_is_everything_at_once() {
        let all = RolloutStrategy::default();
        let first = run(&all, &six(), &[], 0);
        assert_eq!(first.apply.len(), 6);
        // Failures hold nothing up, and those under way are left alone.
        let later = run(
            &all,
            &six(),
            &[
                ("c1", Failed, 0),
                ("c2", Progressing, 0),
                ("c3", Succeeded, 0),
                ("c4", ToApply, 0),
            ],
            9,
        );
        assert_eq!(later.apply, ["c4", "c5", "c6"]);
        assert!(!later.breached);
        let limited = strategy(json!({"type": "All", "all": {"progressDeadline": "5s"}}));
        let late = run(
            &limited,
            &six(),
            &[("c1", Progressing, 0), ("c2", Progressing, 7)],
            9,
        );
        assert_eq!(late.timed_out, ["c1"]);
        assert_eq!(late.recheck, Some(Duration::from_secs(3)));
    }

    #[test]
    fn work_58_at_most_max_concurrency_clusters_are_under_way() {
        let two = progressive(&json!({"maxConcurrency": 2}));
        assert_eq!(run(&two, &six(), &[], 0).apply, ["c1", "c2"]);
        // What was begun and is not yet seen to progress keeps its slot.
        assert_eq!(
            run(&two, &six(), &[("c1", ToApply, 0), ("c2", ToApply, 0)], 0).apply,
            ["c1", "c2"]
        );
        assert_eq!(
            run(
                &two,
                &six(),
                &[("c1", Progressing, 0), ("c2", Progressing, 0)],
                9
            )
            .apply,
            [""; 0]
        );
        assert_eq!(
            run(
                &two,
                &six(),
                &[("c1", Succeeded, 0), ("c2", Progressing, 0)],
                9
            )
            .apply,
            ["c3"]
        );
        // A percentage is rounded up; what makes no sense is everything.
        for (value, count) in [
            (json!("20%"), 2),
            (json!("100%"), 6),
            (json!(0), 6),
            (json!(7), 6),
        ] {
            let s = progressive(&json!({"maxConcurrency": value}));
            assert_eq!(run(&s, &six(), &[], 0).apply.len(), count, "{value}");
        }
    }

    #[test]
    fn work_59_more_failures_than_allowed_let_no_further_cluster_start() {
        let one = progressive(&json!({"maxConcurrency": 2, "progressDeadline": "5s"}));
        let failed = [("c1", Failed, 0), ("c2", Succeeded, 0)];
        // It holds its slot until the deadline, and is a failure all the time.
        let early = run(&one, &six(), &failed, 3);
        assert!(early.breached && early.apply.is_empty());
        assert_eq!(early.recheck, Some(Duration::from_secs(2)));
        let late = run(&one, &six(), &failed, 6);
        assert_eq!(
            (late.timed_out, late.apply, late.breached),
            (vec!["c1".to_owned()], vec![], true)
        );
        // One may fail: it goes on.
        let bears =
            progressive(&json!({"maxConcurrency": 2, "progressDeadline": "5s", "maxFailures": 1}));
        assert_eq!(run(&bears, &six(), &failed, 3).apply, ["c3"]);
        assert_eq!(run(&bears, &six(), &failed, 6).apply, ["c3", "c4"]);
        // More than there are clusters means none, as with upstream.
        let odd = progressive(&json!({"maxFailures": 7, "progressDeadline": "5s"}));
        assert!(run(&odd, &six(), &failed, 6).breached);
    }

    #[test]
    fn work_60_the_next_starts_only_when_success_has_lasted() {
        let soaking = progressive(&json!({"maxConcurrency": 1, "minSuccessTime": "5s"}));
        let done = [("c1", Succeeded, 10)];
        let early = run(&soaking, &six(), &done, 12);
        assert_eq!(
            (early.apply.len(), early.recheck),
            (0, Some(Duration::from_secs(3)))
        );
        assert_eq!(run(&soaking, &six(), &done, 15).apply, ["c2"]);
    }

    #[test]
    fn mandatory_groups_come_first_and_bear_no_failure() {
        let groups = [
            group(0, "rest", &["a", "b"]),
            group(1, "canary", &["x", "y"]),
            group(2, "", &["z"]),
        ];
        let s = progressive(&json!({"maxFailures": 2, "progressDeadline": "5s",
            "mandatoryDecisionGroups": [{"groupName": "canary"}, {"groupIndex": 2}]}));
        assert_eq!(run(&s, &groups, &[], 0).apply, ["x", "y"]);
        let one = [("x", Succeeded, 0), ("y", Succeeded, 0)];
        assert_eq!(run(&s, &groups, &one, 0).apply, ["z"]);
        let both = [
            ("x", Succeeded, 0),
            ("y", Succeeded, 0),
            ("z", Succeeded, 0),
        ];
        assert_eq!(run(&s, &groups, &both, 0).apply, ["a", "b"]);
        let failed = [("x", Succeeded, 0), ("y", Failed, 0)];
        let given_up = run(&s, &groups, &failed, 9);
        assert!(given_up.breached && given_up.apply.is_empty());
        assert_eq!(given_up.timed_out, ["y"]);
    }

    #[test]
    fn groups_follow_one_another() {
        let groups = [
            group(1, "", &["c", "d"]),
            group(0, "", &["a", "b"]),
            group(2, "", &["e"]),
        ];
        let s = per_group(&json!({"progressDeadline": "5s"}));
        assert_eq!(run(&s, &groups, &[], 0).apply, ["a", "b"]);
        let half = [("a", Succeeded, 0), ("b", Progressing, 0)];
        assert_eq!(run(&s, &groups, &half, 1).apply, [""; 0]);
        let first = [("a", Succeeded, 0), ("b", Succeeded, 0)];
        assert_eq!(run(&s, &groups, &first, 1).apply, ["c", "d"]);
        let failed = [("a", Succeeded, 0), ("b", Failed, 0)];
        assert!(run(&s, &groups, &failed, 1).breached);
        let bears = per_group(&json!({"progressDeadline": "5s", "maxFailures": "50%"}));
        assert_eq!(run(&bears, &groups, &failed, 1).apply, ["c", "d"]);
        assert_eq!(run(&bears, &groups, &failed, 9).apply, ["c", "d"]);
    }

    #[test]
    fn nonsense_is_named() {
        for (options, words) in [
            (json!({"maxConcurrency": "some"}), "maxConcurrency \"some\""),
            (
                json!({"progressDeadline": "soon"}),
                "progressDeadline \"soon\"",
            ),
            (json!({"minSuccessTime": "x"}), "minSuccessTime \"x\""),
        ] {
            let error = step(&progressive(&options), &six(), &BTreeMap::new(), at(0)).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        // 0 and hours with minutes are durations.
        let fine = progressive(&json!({"minSuccessTime": "0s", "progressDeadline": "1h30m"}));
        assert!(step(&fine, &six(), &BTreeMap::new(), at(0)).is_ok());
    }
}
