//! Placements at scale: 5,000 clusters with 30 labels, 200 placements. The world
//! is the hub's own, without an API server, so that the figures are of deciding.
//!
//! `cargo bench --profile quick --bench placement` measures that and computes what
//! 50,000 clusters would cost; `-- 50000` measures another number of clusters.

#![expect(clippy::print_stdout, reason = "its output is the table")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::api::DynamicObject;
use ocmadm::hub::placement::{Placement, World, decide, view};
use ocmadm::runtime::Key;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

const PLACEMENTS: usize = 200;

fn object(kind: &str, namespace: &str, name: &str, body: Value) -> Result<DynamicObject, Failure> {
    let mut object = body;
    object["apiVersion"] = "cluster.open-cluster-management.io/v1".into();
    object["kind"] = kind.into();
    object["metadata"]["name"] = name.into();
    object["metadata"]["uid"] = format!("uid-{name}").into();
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    Ok(serde_json::from_value(object)?)
}

/// A cluster with 30 labels, claims, resources and conditions, as agents report them.
fn cluster(number: usize, changed: &str) -> Result<Arc<view::Cluster>, Failure> {
    let mut labels = serde_json::Map::new();
    for label in 0..28 {
        labels.insert(
            format!("example.com/label-{label}"),
            format!("value-{}", number % (label + 2)).into(),
        );
    }
    labels.insert("group".into(), format!("g{}", number % 20).into());
    labels.insert("changed".into(), changed.into());
    let condition = |kind: &str| {
        json!({"type": kind, "status": "True", "reason": "Reason",
        "message": "what is known about the state of the cluster", "lastTransitionTime": "2026-01-01T00:00:00Z"})
    };
    let conditions = [
        "HubAcceptedManagedCluster",
        "ManagedClusterJoined",
        "ManagedClusterConditionAvailable",
        "ManagedClusterConditionClockSynced",
    ]
    .map(condition);
    let body = json!({
        "metadata": {"labels": labels},
        "spec": {"hubAcceptsClient": true, "leaseDurationSeconds": 60},
        "status": {
            "allocatable": {"cpu": (number % 64).to_string(), "memory": "64Gi", "pods": "110"},
            "capacity": {"cpu": "64", "memory": "64Gi", "pods": "110"},
            "version": {"kubernetes": "v1.36.0"},
            "clusterClaims": [{"name": "region", "value": format!("r{}", number % 7)},
                {"name": "platform", "value": "bare"}, {"name": "id.k8s.io", "value": format!("c{number:06}")}],
            "conditions": conditions,
        },
    });
    let object = object("ManagedCluster", "", &format!("c{number:06}"), body)?;
    Ok(Arc::new(view::Cluster::parse(object)?))
}

/// Placements by labels, claims, resources and (one of ten) expressions.
fn placement(number: usize) -> Result<Arc<Placement>, Failure> {
    let group = format!("g{}", number % 20);
    let selector = match number % 10 {
        0 => json!({"celSelector": {"celExpressions": [
            format!("managedCluster.metadata.labels.group == '{group}'")]}}),
        1 => json!({"claimSelector": {"matchExpressions": [
            {"key": "region", "operator": "In", "values": [format!("r{}", number % 7)]}]}}),
        _ => json!({"labelSelector": {"matchLabels": {"group": group}}}),
    };
    let mut spec = json!({"predicates": [{"requiredClusterSelector": selector}]});
    if number.is_multiple_of(2) {
        spec["numberOfClusters"] = 10.into();
        spec["prioritizerPolicy"] = json!({"configurations": [{"scoreCoordinate":
            {"type": "BuiltIn", "builtIn": "ResourceAllocatableCPU"}, "weight": 1}]});
    }
    let object = object(
        "Placement",
        "ns",
        &format!("p{number}"),
        json!({"spec": spec, "metadata": {}}),
    )?;
    Ok(Arc::new(Placement::of(ocmadm::runtime::informer::typed(
        object,
    )?)))
}

/// Schedules whom a change concerns, and notes the decisions as written.
fn settle(world: &mut World) -> usize {
    let now = Timestamp::now();
    let dirty = world.take_dirty();
    for key in &dirty {
        let (Some(placement), Some(outcome)) = (world.placement(key), world.schedule(key, now))
        else {
            continue;
        };
        let changes = decide::decide(&placement, &outcome, &world.decisions(key));
        for page in changes.create.into_iter().chain(changes.update) {
            world.set_decision(&Arc::new(view::Decision {
                namespace: key.namespace.clone(),
                name: page.name,
                placement: key.name.clone(),
                group_name: Some(page.group_name),
                group_index: Some(page.group_index.to_string()),
                owner: placement.uid.clone(),
                clusters: page.clusters.iter().map(ToString::to_string).collect(),
                ..view::Decision::default()
            }));
        }
    }
    // What was written is known, and no reason to schedule again.
    world.take_dirty();
    dirty.len()
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// A line of the table.
struct Row {
    name: String,
    figure: f64,
    unit: &'static str,
    must: Option<f64>,
}

impl Row {
    fn new(name: &str, figure: f64, unit: &'static str, must: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            figure,
            unit,
            must,
        }
    }

    /// Prints it; whether it is as it must be.
    fn print(&self) -> bool {
        let verdict = match self.must {
            Some(must) if self.figure > must => format!("must {must}: MISSED"),
            Some(must) => format!("must {must}: reached"),
            None => String::new(),
        };
        let Self {
            name, figure, unit, ..
        } = self;
        println!("{name:<52} {figure:>9.2} {unit:<4} {verdict}");
        self.must.is_none_or(|must| self.figure <= must)
    }
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

fn measure(clusters: usize) -> Result<Vec<Row>, Failure> {
    let empty = resident();
    let mut world = World::loading();
    let set = object(
        "ManagedClusterSet",
        "",
        "global",
        json!({"metadata": {}, "spec": {
        "clusterSelector": {"selectorType": "LabelSelector", "labelSelector": {}}}}),
    )?;
    world.set_set(&view::Set::parse(set)?);
    world.set_binding(&view::Binding {
        namespace: "ns".into(),
        set: "global".into(),
    });
    for number in 0..clusters {
        world.set_cluster(&cluster(number, "no")?, Timestamp::now());
    }
    for number in 0..PLACEMENTS {
        world.set_placement(&placement(number)?);
    }
    let loaded = resident();
    let start = Instant::now();
    world.loaded();
    settle(&mut world);
    let first = start.elapsed();
    let at_scale = clusters <= 5_000;
    let must = |figure: f64| at_scale.then_some(figure);
    let mut rows = vec![Row::new(
        "first schedule of all",
        first.as_secs_f64(),
        "s",
        must(5.0),
    )];

    let mut worst = Duration::ZERO;
    for round in 0..20 {
        // A label that placements choose by: it leaves some and joins others.
        let changed = cluster(round * 7 + 1, "yes")?;
        let mut moved = (*changed).clone();
        moved.labels = moved
            .labels
            .with("group", &format!("g{}", (round + 5) % 20));
        let moved = Arc::new(moved);
        let start = Instant::now();
        world.set_cluster(&moved, Timestamp::now());
        settle(&mut world);
        worst = worst.max(start.elapsed());
    }
    rows.push(Row::new(
        "one label change, worst of 20",
        milliseconds(worst),
        "ms",
        must(20.0),
    ));

    let mut worst = Duration::ZERO;
    for round in 0..20 {
        let new = cluster(clusters + round, "no")?;
        let start = Instant::now();
        world.set_cluster(&new, Timestamp::now());
        settle(&mut world);
        worst = worst.max(start.elapsed());
    }
    rows.push(Row::new(
        "one new cluster, worst of 20",
        milliseconds(worst),
        "ms",
        must(50.0),
    ));

    // A placement for everybody, too: the dearest single pass.
    let key = Key::new("ns", "all");
    let all = object(
        "Placement",
        "ns",
        "all",
        json!({"metadata": {}, "spec": {}}),
    )?;
    world.set_placement(&Arc::new(Placement::of(ocmadm::runtime::informer::typed(
        all,
    )?)));
    let start = Instant::now();
    world.schedule(&key, Timestamp::now());
    let took = start.elapsed();
    rows.extend([
        Row::new("one pass over all", milliseconds(took), "ms", None),
        Row::new("memory of the clusters", loaded - empty, "MiB", None),
        Row::new(
            "memory of the world, all scheduled",
            resident() - empty,
            "MiB",
            None,
        ),
    ]);
    Ok(rows)
}

fn print(clusters: usize, what: &str, rows: &[Row]) -> bool {
    println!("{clusters} clusters with 30 labels, {PLACEMENTS} placements{what}");
    let held: Vec<bool> = rows.iter().map(Row::print).collect();
    held.iter().all(|held| *held)
}

/// Measures one size, or the size of the design with what follows for 50,000.
fn run(clusters: Option<usize>) -> Result<bool, Failure> {
    if let Some(clusters) = clusters {
        return Ok(print(clusters, "", &measure(clusters)?));
    }
    let full = measure(5_000)?;
    // After it: memory that was free once is not taken anew.
    let half = measure(2_500)?;
    let ok = print(5_000, "", &full);
    let computed: Vec<Row> = full
        .iter()
        .zip(&half)
        .map(|(full, half)| {
            let (first, more) = match full.unit {
                // What is there without clusters is taken off already.
                "MiB" => (full.figure, full.figure / 2.0),
                _ => (full.figure, (full.figure - half.figure).max(0.0)),
            };
            // 2,500 clusters, eighteen times more.
            Row::new(&full.name, first + more * 18.0, full.unit, None)
        })
        .collect();
    print(
        50_000,
        ", computed from the growth from 2,500 to 5,000",
        &computed,
    );
    Ok(ok)
}

fn main() -> ExitCode {
    let number = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok());
    match run(number) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("not measured: {error}");
            ExitCode::FAILURE
        }
    }
}
