//! What holds for all states of the world. `OCMADM_PROPERTY_CASES` asks for more.

use std::collections::{BTreeMap, BTreeSet};

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
        region: u8,
        cpu: u8,
        taint: Taint,
        deleting: bool,
    },
    Set(u8),
    Binding(u8),
    Score {
        cluster: u8,
        value: i64,
        until: Option<i64>,
    },
    Placement {
        number: u8,
        by: By,
        cpu: bool,
        addon: bool,
        limit: Option<u8>,
        tolerates: Tolerates,
        group: bool,
        spread: Option<bool>,
    },
}

/// What a cluster is tainted with.
#[derive(Clone, Debug)]
enum Taint {
    No,
    Since(i64),
    /// It does not say since when.
    Timeless,
    IfNew(i64),
    Prefer,
}

/// What a placement tolerates.
#[derive(Clone, Debug)]
enum Tolerates {
    Nothing,
    Always,
    Seconds(u8),
}

/// What a placement chooses by.
#[derive(Clone, Debug)]
enum By {
    Nothing,
    Label(u8),
    Claim(u8),
    Expression(u8),
    /// An expression over scores.
    Scores,
    Either(u8, u8),
    /// It cannot be.
    Wrong,
}

impl By {
    fn predicates(&self) -> Value {
        let one = |selector: Value| json!([{"requiredClusterSelector": selector}]);
        let label = |env: u8| json!({"labelSelector": {"matchLabels": {"env": format!("e{env}")}}});
        let claim = |region: u8| {
            json!({"claimSelector": {"matchExpressions": [
                {"key": "region", "operator": "In", "values": [format!("r{region}")]}]}})
        };
        let cel = |text: String| json!({"celSelector": {"celExpressions": [text]}});
        match self {
            Self::Nothing => json!([]),
            Self::Label(env) => one(label(*env)),
            Self::Claim(region) => one(claim(*region)),
            Self::Expression(env) => one(cel(format!(
                "managedCluster.metadata.labels.env == 'e{env}'"
            ))),
            Self::Scores => one(cel(
                "managedCluster.scores('res').exists(s, s.value > 0)".to_owned()
            )),
            Self::Either(env, region) => json!([
                {"requiredClusterSelector": label(*env)},
                {"requiredClusterSelector": claim(*region)}]),
            Self::Wrong => one(cel("managedCluster.".to_owned())),
        }
    }
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

    fn cluster(&self) -> Option<Value> {
        let Self::Cluster {
            env,
            set,
            region,
            cpu,
            taint,
            deleting,
            ..
        } = self
        else {
            return None;
        };
        let mut body = labels(json!({"env": format!("e{env}"),
            "cluster.open-cluster-management.io/clusterset": format!("s{set}")}));
        body["status"] = json!({"allocatable": {"cpu": cpu}, "capacity": {"cpu": cpu},
            "clusterClaims": [{"name": "region", "value": format!("r{region}")}]});
        let taint = match taint {
            Taint::No => json!([]),
            Taint::Since(since) => json!([{"key": "t", "effect": "NoSelect",
                "timeAdded": at(*since).to_string()}]),
            Taint::Timeless => json!([{"key": "t", "effect": "NoSelect"}]),
            Taint::IfNew(since) => json!([{"key": "t", "effect": "NoSelectIfNew",
                "timeAdded": at(*since).to_string()}]),
            Taint::Prefer => json!([{"key": "t", "effect": "PreferNoSelect"}]),
        };
        body["spec"] = json!({"taints": taint});
        if *deleting {
            body["metadata"]["deletionTimestamp"] = noon().to_string().into();
        }
        Some(body)
    }

    fn spec(&self) -> Option<Value> {
        let Self::Placement {
            by,
            cpu,
            addon,
            limit,
            tolerates,
            group,
            spread,
            ..
        } = self
        else {
            return None;
        };
        let mut configurations = Vec::new();
        if *cpu {
            configurations.push(json!({"scoreCoordinate": {"type": "BuiltIn",
                "builtIn": "ResourceAllocatableCPU"}}));
        }
        if *addon {
            configurations.push(json!({"scoreCoordinate": {"type": "AddOn",
                "addOn": {"resourceName": "res", "scoreName": "speed"}}}));
        }
        let mut spec = json!({"predicates": by.predicates(),
            "prioritizerPolicy": {"configurations": configurations}});
        spec["tolerations"] = match tolerates {
            Tolerates::Nothing => json!([]),
            Tolerates::Always => json!([{"key": "t", "operator": "Exists"}]),
            Tolerates::Seconds(seconds) => json!([{"key": "t", "operator": "Exists",
                "tolerationSeconds": seconds}]),
        };
        if *group {
            spec["decisionStrategy"] = json!({"groupStrategy": {"clustersPerDecisionGroup": 2,
                "decisionGroups": [{"groupName": "first", "groupClusterSelector":
                    {"labelSelector": {"matchLabels": {"env": "e0"}}}}]}});
        }
        if let Some(must) = spread {
            let action = if *must {
                "DoNotSchedule"
            } else {
                "ScheduleAnyway"
            };
            spec["spreadPolicy"] = json!({"spreadConstraints": [{"topologyKey": "region",
                "topologyKeyType": "Claim", "maxSkew": 1, "whenUnsatisfiable": action}]});
        }
        if let Some(limit) = limit {
            spec["numberOfClusters"] = (*limit).into();
        }
        Some(spec)
    }

    fn add(&self, bed: &mut Bed) {
        match self {
            Self::Cluster { number, .. } => {
                bed.cluster(&format!("c{number}"), self.cluster().unwrap());
            }
            Self::Set(number) => bed.set(&format!("s{number}"), json!({})),
            Self::Binding(number) => bed.bind(&format!("s{number}")),
            Self::Score {
                cluster,
                value,
                until,
            } => {
                let mut status = json!({"scores": [{"name": "speed", "value": value}]});
                if let Some(until) = until {
                    status["validUntil"] = at(*until).to_string().into();
                }
                bed.score(&format!("c{cluster}"), "res", json!({"status": status}));
            }
            Self::Placement { number, .. } => {
                bed.placement(&format!("p{number}"), self.spec().unwrap());
            }
        }
    }

    fn remove(&self, bed: &mut Bed) {
        match self {
            Self::Cluster { number, .. } => bed.world.remove_cluster(&format!("c{number}")),
            Self::Set(number) => bed.world.remove_set(&format!("s{number}")),
            Self::Binding(number) => bed.world.remove_binding(&Binding {
                namespace: "ns".into(),
                set: format!("s{number}"),
            }),
            Self::Score { cluster, .. } => bed.world.remove_score(&format!("c{cluster}"), "res"),
            Self::Placement { number, .. } => {
                let name = format!("p{number}");
                bed.world.remove_placement(&key(&name));
                // The garbage collector takes its decisions.
                for decision in bed.world.decisions(&key(&name)) {
                    bed.world.remove_decision(&key(&name), &decision.name);
                }
            }
        }
    }
}

/// What happens to the world.
#[derive(Clone, Debug)]
enum Step {
    Set(Thing),
    Gone(Thing),
    /// The decisions of a placement are written.
    Written(u8),
}

impl Step {
    fn take(&self, bed: &mut Bed) {
        match self {
            Self::Set(thing) => thing.add(bed),
            Self::Gone(thing) => thing.remove(bed),
            Self::Written(number) => {
                let name = format!("p{number}");
                if bed.world.placement(&key(&name)).is_some() {
                    bed.settle(&name, noon());
                }
            }
        }
    }
}

/// What is there in the end, by identity.
fn last(steps: &[Step]) -> BTreeMap<String, Thing> {
    let mut last = BTreeMap::new();
    for step in steps {
        match step {
            Step::Set(thing) => {
                last.insert(thing.identity(), thing.clone());
            }
            Step::Gone(thing) => {
                last.remove(&thing.identity());
            }
            Step::Written(_) => {}
        }
    }
    last
}

fn cluster() -> impl Strategy<Value = Thing> {
    let taint = prop_oneof![
        5 => Just(Taint::No),
        2 => (-30..0_i64).prop_map(Taint::Since),
        1 => Just(Taint::Timeless),
        1 => (-30..0_i64).prop_map(Taint::IfNew),
        1 => Just(Taint::Prefer),
    ];
    let deleting = prop::bool::weighted(0.1);
    let state = (
        0..12_u8,
        0..3_u8,
        0..2_u8,
        0..3_u8,
        1..9_u8,
        taint,
        deleting,
    );
    state.prop_map(
        |(number, env, set, region, cpu, taint, deleting)| Thing::Cluster {
            number,
            env,
            set,
            region,
            cpu,
            taint,
            deleting,
        },
    )
}

fn placed() -> impl Strategy<Value = Thing> {
    let by = prop_oneof![
        3 => Just(By::Nothing),
        2 => (0..3_u8).prop_map(By::Label),
        2 => (0..3_u8).prop_map(By::Claim),
        2 => (0..3_u8).prop_map(By::Expression),
        1 => Just(By::Scores),
        1 => (0..3_u8, 0..3_u8).prop_map(|(env, region)| By::Either(env, region)),
        1 => Just(By::Wrong),
    ];
    let tolerates = prop_oneof![
        Just(Tolerates::Nothing),
        Just(Tolerates::Always),
        (0..40_u8).prop_map(Tolerates::Seconds),
    ];
    let limit = prop::option::of(0..8_u8);
    let spread = prop::option::weighted(0.3, any::<bool>());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (0..3_u8, by, flags, limit, tolerates, spread).prop_map(
        |(number, by, (cpu, addon, group), limit, tolerates, spread)| Thing::Placement {
            number,
            by,
            cpu,
            addon,
            limit,
            tolerates,
            group,
            spread,
        },
    )
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        6 => cluster(),
        1 => (0..2_u8).prop_map(Thing::Set),
        1 => (0..2_u8).prop_map(Thing::Binding),
        2 => (0..12_u8, -100..=100_i64, prop::option::of(-5..60_i64))
            .prop_map(|(cluster, value, until)| Thing::Score { cluster, value, until }),
        2 => placed(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => thing().prop_map(Step::Set),
        2 => thing().prop_map(Step::Gone),
        2 => (0..3_u8).prop_map(Step::Written),
    ]
}

/// Steps into a world with a set and its binding, mostly.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    (any::<bool>(), prop::collection::vec(step(), 1..50)).prop_map(|(bound, mut steps)| {
        if bound {
            steps.insert(0, Step::Set(Thing::Set(0)));
            steps.insert(1, Step::Set(Thing::Binding(0)));
        }
        steps
    })
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

/// A world of the same decisions.
fn with_decisions_of(bed: &Bed) -> Bed {
    let mut few = Bed::empty();
    for number in 0..3 {
        for decision in bed.world.decisions(&key(&format!("p{number}"))) {
            few.world.set_decision(&decision);
        }
    }
    few
}

proptest! {
    #![proptest_config(cases())]

    /// Whatever came before, equal states have equal decisions.
    #[test]
    fn the_order_of_events_does_not_matter(steps in steps(), seed in any::<u64>()) {
        let mut all = Bed::empty();
        for step in &steps {
            step.take(&mut all);
            // What is scheduled in between must not be remembered wrongly.
            outcomes(&mut all);
        }
        let last: Vec<Thing> = last(&steps).into_values().collect();
        let mut few = with_decisions_of(&all);
        let mut order: Vec<usize> = (0..last.len()).collect();
        order.sort_by_key(|at| (*at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17));
        for at in order {
            last[at].add(&mut few);
        }
        prop_assert_eq!(outcomes(&mut all), outcomes(&mut few));
    }

    #[test]
    fn who_is_not_marked_has_not_changed(steps in steps()) {
        let mut bed = Bed::empty();
        for step in &steps {
            let before = outcomes(&mut bed);
            bed.world.take_dirty();
            step.take(&mut bed);
            let dirty = bed.world.take_dirty();
            // Balance looks at others' decisions, which by contract (section 4)
            // are no reason to schedule anew.
            if matches!(step, Step::Written(_) | Step::Gone(Thing::Placement { .. })) {
                continue;
            }
            for (key, outcome) in before {
                if !dirty.contains(&key) {
                    prop_assert_eq!(bed.world.schedule(&key, noon()), outcome, "{} after {:?}", key, step);
                }
            }
        }
    }

    #[test]
    fn never_more_than_asked_for_and_never_twice(steps in steps()) {
        let mut bed = Bed::empty();
        for step in &steps {
            step.take(&mut bed);
            for (key, outcome) in outcomes(&mut bed) {
                let outcome = outcome.unwrap();
                let placement = bed.world.placement(&key).unwrap();
                let chosen = names(&outcome);
                if let Some(limit) = placement.spec.number_of_clusters {
                    prop_assert!(chosen.len() <= usize::try_from(limit).unwrap());
                }
                prop_assert_eq!(chosen.len(), outcome.selected);
                let once: BTreeSet<&str> = chosen.iter().copied().collect();
                prop_assert_eq!(once.len(), outcome.selected);
                let size = placement.group_length(outcome.selected);
                for group in &outcome.groups {
                    prop_assert!(group.clusters.len() <= size);
                }
            }
        }
    }

    /// The explanation has every cluster once, and is of the same choice.
    #[test]
    fn every_cluster_is_explained(steps in steps()) {
        let mut bed = Bed::empty();
        for step in &steps {
            step.take(&mut bed);
        }
        let clusters: Vec<String> = last(&steps)
            .into_keys()
            .filter(|identity| identity.starts_with('c'))
            .collect();
        for (key, outcome) in outcomes(&mut bed) {
            let explanation = bed.world.explain(&key, noon()).unwrap();
            let outcome = outcome.unwrap();
            prop_assert_eq!(&explanation.outcome, &outcome);
            let explained: Vec<String> = explanation.clusters.iter().map(|(n, _)| n.clone()).collect();
            prop_assert_eq!(&explained, &clusters);
            let chosen: BTreeSet<String> = explanation
                .clusters
                .into_iter()
                .filter(|(_, why)| matches!(why, Why::Scored { dropped: None, .. }))
                .map(|(name, _)| name)
                .collect();
            let decided: BTreeSet<String> = names(&outcome).iter().map(ToString::to_string).collect();
            prop_assert_eq!(chosen, decided);
        }
    }

    #[test]
    fn what_is_written_stays(steps in steps()) {
        let mut bed = Bed::empty();
        for step in &steps {
            step.take(&mut bed);
        }
        let keys: Vec<Key> = bed.world.placements().cloned().collect();
        for key in &keys {
            let (first, _) = bed.settle(&key.name, noon());
            let (second, changes) = bed.settle(&key.name, noon());
            prop_assert_eq!(names(&first), names(&second));
            prop_assert!(changes.create.is_empty() && changes.update.is_empty() && changes.delete.is_empty());
        }
    }

    /// Nothing happens before the moment that was asked for.
    #[test]
    fn time_changes_nothing_before_it_was_to(steps in steps(), share in 0..100_u32) {
        let mut bed = Bed::empty();
        for step in &steps {
            step.take(&mut bed);
        }
        for (key, outcome) in outcomes(&mut bed) {
            let outcome = outcome.unwrap();
            let left = outcome.again.unwrap_or(std::time::Duration::from_secs(3600));
            let before = left * share / 100;
            let now = noon().checked_add(SignedDuration::try_from(before).unwrap()).unwrap();
            let later = bed.world.schedule(&key, now).unwrap();
            prop_assert_eq!(later.groups, outcome.groups, "{} after {:?}", key, before);
            prop_assert_eq!(later.advice, outcome.advice);
        }
    }

    /// With Steady alone a chosen cluster goes only when it fits no more, and
    /// another comes only for one that went.
    #[test]
    fn with_steady_no_cluster_is_moved_without_a_cause(
        limit in 1..8_u8,
        tolerates in 0..2_u8,
        clusters in prop::collection::vec(cluster(), 1..20),
        changes in prop::collection::vec(
            prop_oneof![
                4 => cluster().prop_map(Step::Set),
                1 => cluster().prop_map(Step::Gone),
            ],
            1..30,
        ),
    ) {
        let mut bed = Bed::empty();
        bed.set("s0", json!({}));
        bed.bind("s0");
        for cluster in &clusters {
            cluster.add(&mut bed);
        }
        let mut spec = exact_steady();
        spec["numberOfClusters"] = limit.into();
        spec["predicates"] = By::Either(0, 1).predicates();
        if tolerates == 1 {
            spec["tolerations"] = json!([{"key": "t", "operator": "Exists"}]);
        }
        bed.placement("p", spec);
        let chosen = |outcome: &Outcome| -> BTreeSet<String> {
            names(outcome).iter().map(ToString::to_string).collect()
        };
        let mut before = chosen(&bed.settle("p", noon()).0);
        for change in &changes {
            change.take(&mut bed);
            let fits: BTreeSet<String> = bed
                .explain("p")
                .clusters
                .into_iter()
                .filter(|(_, why)| matches!(why, Why::Scored { .. }))
                .map(|(name, _)| name)
                .collect();
            let after = chosen(&bed.settle("p", noon()).0);
            for gone in before.difference(&after) {
                prop_assert!(!fits.contains(gone), "{} went after {:?}", gone, change);
            }
            let wanted = usize::from(limit).min(fits.len());
            prop_assert_eq!(after.len(), wanted);
            before = after;
        }
    }
}

fn exact_steady() -> Value {
    json!({"prioritizerPolicy": {"mode": "Exact", "configurations": [
        {"scoreCoordinate": {"type": "BuiltIn", "builtIn": "Steady"}}]}})
}
