//! What holds for all states of the world. `OCMADM_PROPERTY_CASES` asks for more.

use proptest::prelude::*;

use super::*;

fn cases() -> ProptestConfig {
    let cases = std::env::var("OCMADM_PROPERTY_CASES");
    ProptestConfig {
        cases: cases
            .ok()
            .and_then(|cases| cases.parse().ok())
            .unwrap_or(64),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// One thing that can be in the world, by a small number.
#[derive(Clone, Debug)]
enum Thing {
    Cluster {
        number: u8,
        env: u8,
        set: u8,
        cpu: u8,
        taint: u8,
    },
    Set(u8),
    Binding(u8),
    Score {
        cluster: u8,
        value: i64,
    },
    Placement {
        number: u8,
        env: u8,
        cpu: bool,
        addon: bool,
        limit: Option<u8>,
    },
}

impl Thing {
    /// Two of the same identity are states of one object.
    fn identity(&self) -> String {
        match self {
            Self::Cluster { number, .. } => format!("c{number}"),
            Self::Set(number) => format!("s{number}"),
            Self::Binding(number) => format!("b{number}"),
            Self::Score { cluster, .. } => format!("x{cluster}"),
            Self::Placement { number, .. } => format!("p{number}"),
        }
    }

    fn add(&self, bed: &mut Bed) {
        match self {
            Self::Cluster {
                number,
                env,
                set,
                cpu,
                taint,
            } => {
                let mut body = labels(json!({"env": format!("e{env}"),
                    "cluster.open-cluster-management.io/clusterset": format!("s{set}")}));
                body["status"] = json!({"allocatable": {"cpu": cpu}, "capacity": {"cpu": cpu}});
                if *taint == 0 {
                    body["spec"] = json!({"taints": [{"key": "t", "effect": "NoSelect",
                        "timeAdded": at(-10).to_string()}]});
                }
                bed.cluster(&format!("c{number}"), body);
            }
            Self::Set(number) => bed.set(&format!("s{number}"), json!({})),
            Self::Binding(number) => bed.bind(&format!("s{number}")),
            Self::Score { cluster, value } => {
                let status = json!({"scores": [{"name": "speed", "value": value}]});
                bed.score(&format!("c{cluster}"), "res", json!({"status": status}));
            }
            Self::Placement {
                number,
                env,
                cpu,
                addon,
                limit,
            } => {
                let mut configurations = Vec::new();
                if *cpu {
                    configurations.push(json!({"scoreCoordinate": {"type": "BuiltIn", "builtIn": "ResourceAllocatableCPU"}}));
                }
                if *addon {
                    configurations.push(json!({"scoreCoordinate": {"type": "AddOn",
                        "addOn": {"resourceName": "res", "scoreName": "speed"}}}));
                }
                let mut spec = json!({"prioritizerPolicy": {"configurations": configurations}});
                if *env < 3 {
                    spec["predicates"] = json!([{"requiredClusterSelector": {"labelSelector": {"matchLabels": {"env": format!("e{env}")}}}}]);
                }
                if let Some(limit) = limit {
                    spec["numberOfClusters"] = (*limit).into();
                }
                bed.placement(&format!("p{number}"), spec);
            }
        }
    }
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        6 => (0..12_u8, 0..3_u8, 0..2_u8, 1..9_u8, 0..5_u8)
            .prop_map(|(number, env, set, cpu, taint)| Thing::Cluster { number, env, set, cpu, taint }),
        1 => (0..2_u8).prop_map(Thing::Set),
        1 => (0..2_u8).prop_map(Thing::Binding),
        2 => (0..12_u8, -100..=100_i64).prop_map(|(cluster, value)| Thing::Score { cluster, value }),
        2 => (0..3_u8, 0..5_u8, any::<bool>(), any::<bool>(), prop::option::of(0..8_u8))
            .prop_map(|(number, env, cpu, addon, limit)| Thing::Placement { number, env, cpu, addon, limit }),
    ]
}

fn outcomes(bed: &mut Bed) -> Vec<(Key, Option<Outcome>)> {
    let keys: Vec<Key> = bed.world.placements().cloned().collect();
    keys.into_iter()
        .map(|key| {
            let outcome = bed.world.schedule(&key, noon());
            (key, outcome)
        })
        .collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_order_of_events_does_not_matter(
        things in prop::collection::vec(thing(), 1..40),
        seed in any::<u64>(),
    ) {
        // The last state of each object counts.
        let mut last: Vec<Thing> = Vec::new();
        for thing in &things {
            last.retain(|known| known.identity() != thing.identity());
            last.push(thing.clone());
        }
        let mut all = Bed::empty();
        for thing in &things {
            thing.add(&mut all);
            // What is scheduled in between must not be remembered wrongly.
            outcomes(&mut all);
        }
        let mut few = Bed::empty();
        let mut order: Vec<usize> = (0..last.len()).collect();
        order.sort_by_key(|at| (*at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17));
        for at in order {
            last[at].add(&mut few);
        }
        prop_assert_eq!(outcomes(&mut all), outcomes(&mut few));
    }

    #[test]
    fn who_is_not_marked_has_not_changed(things in prop::collection::vec(thing(), 1..40)) {
        let mut bed = Bed::empty();
        for thing in &things {
            let before = outcomes(&mut bed);
            bed.world.take_dirty();
            thing.add(&mut bed);
            let dirty = bed.world.take_dirty();
            for (key, outcome) in before {
                if !dirty.contains(&key) {
                    prop_assert_eq!(bed.world.schedule(&key, noon()), outcome, "{} after {:?}", key, thing);
                }
            }
        }
    }

    #[test]
    fn never_more_than_asked_for_and_never_twice(things in prop::collection::vec(thing(), 1..40)) {
        let mut bed = Bed::empty();
        for thing in &things {
            thing.add(&mut bed);
        }
        for (key, outcome) in outcomes(&mut bed) {
            let outcome = outcome.unwrap();
            let placement = bed.world.placement(&key).unwrap();
            let mut chosen = names(&outcome);
            if let Some(limit) = placement.spec.number_of_clusters {
                prop_assert!(chosen.len() <= usize::try_from(limit).unwrap());
            }
            prop_assert_eq!(chosen.len(), outcome.selected);
            chosen.dedup();
            prop_assert_eq!(chosen.len(), outcome.selected);
        }
    }

    #[test]
    fn what_is_written_stays(things in prop::collection::vec(thing(), 1..40)) {
        let mut bed = Bed::empty();
        for thing in &things {
            thing.add(&mut bed);
        }
        let keys: Vec<Key> = bed.world.placements().cloned().collect();
        for key in &keys {
            let (first, _) = bed.settle(&key.name, noon());
            // With Steady, nothing moves without a cause.
            let (second, changes) = bed.settle(&key.name, noon());
            prop_assert_eq!(names(&first), names(&second));
            prop_assert!(changes.create.is_empty() && changes.update.is_empty() && changes.delete.is_empty());
        }
    }
}
