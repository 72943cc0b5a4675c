//! The whole hub at scale: 5,000 accepted clusters with 30 labels and 200
//! placements, on the embedded API server. `cargo bench --bench fleet`, with
//! `-- 1000` for another number of clusters.
//!
//! Deciding alone is measured by `placement`; here the figures are of what a
//! person sees, from a write at the API server to the decision there, and of the
//! program's memory.

#![expect(clippy::print_stdout, reason = "its output is the figures")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use ocmadm::agent::registration::join;
use serde_json::{Value, json};

mod hub_process;

use hub_process::{Failure, Hub, Place};

const PLACEMENTS: usize = 200;
/// How many writes are under way at a time.
const HANDS: usize = 32;

fn resource(version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("cluster.open-cluster-management.io", version, kind),
        plural,
    )
}

fn decisions(client: &Client) -> Api<DynamicObject> {
    let resource = resource("v1beta1", "PlacementDecision", "placementdecisions");
    Api::namespaced_with(client.clone(), "default", &resource)
}

fn name_of(number: usize) -> String {
    format!("c{number:06}")
}

fn cluster(number: usize) -> Value {
    let mut labels = serde_json::Map::new();
    for label in 0..29 {
        labels.insert(
            format!("example.com/label-{label}"),
            format!("value-{}", number % (label + 2)).into(),
        );
    }
    labels.insert("group".into(), format!("g{}", number % 20).into());
    json!({
        "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
        "metadata": {"name": name_of(number), "labels": labels},
        "spec": {"hubAcceptsClient": true, "leaseDurationSeconds": 3600},
    })
}

async fn create_all(client: &Client, numbers: std::ops::Range<usize>) -> Result<(), Failure> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &join::clusters());
    let results: Vec<Result<_, kube::Error>> = futures::stream::iter(numbers)
        .map(|number| {
            let api = api.clone();
            async move {
                let object =
                    serde_json::from_value(cluster(number)).map_err(kube::Error::SerdeError)?;
                api.create(&PostParams::default(), &object).await
            }
        })
        .buffer_unordered(HANDS)
        .collect()
        .await;
    for result in results {
        result?;
    }
    Ok(())
}

/// Waits until the hub has done with every cluster: its lease is the last thing made.
async fn prepared(client: &Client, count: usize) -> Result<(), Failure> {
    use k8s_openapi::api::coordination::v1::Lease;
    let api: Api<Lease> = Api::all(client.clone());
    let mut leases = watcher(api, watcher::Config::default())
        .applied_objects()
        .boxed();
    let mut seen = BTreeSet::new();
    while seen.len() < count {
        match leases.next().await {
            Some(Ok(lease)) if lease.name_any() == "managed-cluster-lease" => {
                seen.insert(lease.namespace());
            }
            Some(_) => {}
            None => return Err("the watch of leases ended".into()),
        }
    }
    Ok(())
}

async fn bind(client: &Client) -> Result<(), Failure> {
    let bindings = resource(
        "v1beta2",
        "ManagedClusterSetBinding",
        "managedclustersetbindings",
    );
    let bindings: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &bindings);
    let object = json!({
        "apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSetBinding",
        "metadata": {"name": "global"}, "spec": {"clusterSet": "global"}});
    bindings
        .create(&PostParams::default(), &serde_json::from_value(object)?)
        .await?;
    Ok(())
}

fn placements(client: &Client) -> Api<DynamicObject> {
    let placements = resource("v1beta1", "Placement", "placements");
    Api::namespaced_with(client.clone(), "default", &placements)
}

async fn place_all(client: &Client) -> Result<(), Failure> {
    let placements = placements(client);
    for number in 0..PLACEMENTS {
        let object = json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement",
            "metadata": {"name": format!("p{number}")},
            "spec": {
                "tolerations": [{"operator": "Exists"}],
                "predicates": [{"requiredClusterSelector": {"labelSelector": {
                    "matchLabels": {"group": format!("g{}", number % 20)}}}}]}});
        placements
            .create(&PostParams::default(), &serde_json::from_value(object)?)
            .await?;
    }
    Ok(())
}

/// Removes all placements; waits until their decisions are gone.
async fn unplace_all(client: &Client) -> Result<(), Failure> {
    let placements = placements(client);
    for number in 0..PLACEMENTS {
        placements
            .delete(&format!("p{number}"), &DeleteParams::default())
            .await?;
    }
    decided(client, 0).await
}

/// Waits until as many decisions are there in all as `wanted`.
async fn decided(client: &Client, wanted: usize) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        let list = decisions(client).list(&ListParams::default()).await?;
        let count: usize = list
            .iter()
            .filter_map(|page| page.data["status"]["decisions"].as_array())
            .map(Vec::len)
            .sum();
        if count == wanted {
            return Ok(());
        }
        if start.elapsed() > Duration::from_secs(120) {
            return Err(format!("{count} decisions instead of {wanted}").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Watches the decisions of the first placement of a group.
fn pages(client: &Client, group: usize) -> Pages {
    let label = format!("cluster.open-cluster-management.io/placement=p{group}");
    let config = watcher::Config::default().labels(&label);
    watcher(decisions(client), config).applied_objects().boxed()
}

type Pages = BoxStream<'static, Result<DynamicObject, watcher::Error>>;

/// Waits until a cluster is decided.
async fn until_has(pages: &mut Pages, name: &str) -> Result<(), Failure> {
    let has = |page: &DynamicObject| {
        let decisions = page.data["status"]["decisions"].as_array();
        decisions
            .into_iter()
            .flatten()
            .any(|decision| decision["clusterName"] == name)
    };
    loop {
        match pages.next().await {
            Some(Ok(page)) if has(&page) => return Ok(()),
            Some(_) => {}
            None => return Err("the watch of decisions ended".into()),
        }
    }
}

async fn label(client: &Client, name: &str, group: &str) -> Result<(), Failure> {
    let clusters: Api<DynamicObject> = Api::all_with(client.clone(), &join::clusters());
    let patch = json!({"metadata": {"labels": {"group": group}}});
    clusters
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    Ok(())
}

/// Moves a cluster to another group; how long until a placement of that group
/// has it.
async fn moved(client: &Client, name: &str, group: &str) -> Result<Duration, Failure> {
    let number: usize = group.trim_start_matches('g').parse()?;
    let mut pages = pages(client, number);
    // The watch is there when it has shown what there is.
    pages.next().await;
    let start = Instant::now();
    label(client, name, group).await?;
    until_has(&mut pages, name).await?;
    Ok(start.elapsed())
}

/// A cluster that joins; how long until a placement of its group has it.
async fn joined(client: &Client, number: usize) -> Result<Duration, Failure> {
    let clusters: Api<DynamicObject> = Api::all_with(client.clone(), &join::clusters());
    let (mut pages, name) = (pages(client, number % 20), name_of(number));
    pages.next().await;
    let start = Instant::now();
    let object = serde_json::from_value(cluster(number))?;
    clusters.create(&PostParams::default(), &object).await?;
    until_has(&mut pages, &name).await?;
    Ok(start.elapsed())
}

/// What a fleet of one size takes.
struct Figures {
    clusters: usize,
    first: f64,
    label: (f64, f64),
    new: (f64, f64),
    memory: f64,
}

/// Median and worst, in milliseconds.
fn median_and_worst(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort();
    let milliseconds = |at: usize| took.get(at).map_or(0.0, |took| took.as_secs_f64() * 1000.0);
    (
        milliseconds(took.len() / 2),
        milliseconds(took.len().saturating_sub(1)),
    )
}

/// Measures with the clusters from 0 to `count`, all of them there; adds 20.
async fn figures(client: &Client, hub: &Hub, count: usize) -> Result<Figures, Failure> {
    let start = Instant::now();
    place_all(client).await?;
    decided(client, (0..PLACEMENTS).map(|n| size(count, n % 20)).sum()).await?;
    let first = start.elapsed().as_secs_f64();
    let mut took = Vec::new();
    for round in 0..20 {
        let name = name_of(round * 20 % count);
        took.push(moved(client, &name, &format!("g{}", 1 + round % 19)).await?);
    }
    let label = median_and_worst(took);
    let mut took = Vec::new();
    for round in 0..20 {
        took.push(joined(client, count + round).await?);
    }
    Ok(Figures {
        clusters: count,
        first,
        label,
        new: median_and_worst(took),
        memory: hub.memory()?.0,
    })
}

/// A line: the figure, what it must be, and whether it is.
fn row(name: &str, figure: f64, unit: &str, must: Option<f64>) {
    let verdict = match must {
        Some(must) if figure > must => format!("must {must}: MISSED"),
        Some(must) => format!("must {must}: reached"),
        None => String::new(),
    };
    println!("{name:<58} {figure:>9.1} {unit:<4} {verdict}");
}

/// What so many clusters would take, if all grows on as it did between two sizes.
fn computed(half: &Figures, full: &Figures, clusters: usize) -> Figures {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let steps = (number(clusters) - number(full.clusters))
        / (number(full.clusters) - number(half.clusters));
    let grown = |half: f64, full: f64| full + (full - half).max(0.0) * steps;
    let both = |half: (f64, f64), full: (f64, f64)| (grown(half.0, full.0), grown(half.1, full.1));
    Figures {
        clusters,
        first: grown(half.first, full.first),
        label: both(half.label, full.label),
        new: both(half.new, full.new),
        memory: grown(half.memory, full.memory),
    }
}

fn print(figures: &Figures, at_scale: bool, what: &str) {
    let must = |figure: f64| at_scale.then_some(figure);
    println!("{} clusters{what}", figures.clusters);
    let placements = format!("  {PLACEMENTS} placements, from creation to all decided");
    row(&placements, figures.first, "s", must(5.0));
    let (median, worst) = figures.label;
    row(
        "  one label change to the decision seen, median of 20",
        median,
        "ms",
        must(100.0),
    );
    row("  one label change, worst of 20", worst, "ms", None);
    let (median, worst) = figures.new;
    row(
        "  one new cluster to the decision seen, median of 20",
        median,
        "ms",
        must(100.0),
    );
    row("  one new cluster, worst of 20", worst, "ms", None);
    row("  memory of the hub", figures.memory, "MiB", must(150.0));
}

async fn measure(count: usize) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let place = Place::start().await?;
    let client = place.admin.clone();
    let hub = Hub::start(&place, folder.path())?;
    bind(&client).await?;
    let half = count / 2;
    let start = Instant::now();
    create_all(&client, 0..half).await?;
    prepared(&client, half).await?;
    let before = figures(&client, &hub, half).await?;
    print(&before, false, ", half of them");
    unplace_all(&client).await?;
    // Twenty joined while that was measured.
    create_all(&client, half + 20..count).await?;
    prepared(&client, count).await?;
    println!(
        "{count} clusters accepted and prepared with all of that after {:.1} s, hub CPU {:.1} s",
        start.elapsed().as_secs_f64(),
        hub.cpu()?
    );
    // They go back to the groups they are counted in.
    for round in 0..20 {
        let number = round * 20 % half;
        label(&client, &name_of(number), &format!("g{}", number % 20)).await?;
    }
    let full = figures(&client, &hub, count).await?;
    print(&full, true, "");
    print(
        &computed(&before, &full, 50_000),
        false,
        ", computed from the growth between these two",
    );
    row("memory of the hub, at most", hub.memory()?.1, "MiB", None);
    // Started again it reads all of it at once.
    drop(hub);
    let hub = Hub::start(&place, folder.path())?;
    let start = Instant::now();
    let name = name_of(1);
    // Its webhooks have to answer before a cluster can be written.
    while let Err(error) = moved(&client, &name, "g2").await {
        if start.elapsed() > Duration::from_secs(60) {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "a hub that starts anew decides after {:.1} s; memory {:.1} MiB",
        start.elapsed().as_secs_f64(),
        hub.memory()?.0
    );
    Ok(())
}

/// How many clusters a group has.
fn size(count: usize, group: usize) -> usize {
    count / 20 + usize::from(group < count % 20)
}

fn main() -> Result<(), Failure> {
    ocmadm::cli::install_crypto_provider();
    let number = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok());
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(measure(number.unwrap_or(5000)))
}
