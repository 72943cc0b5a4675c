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
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
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
        "metadata": {"name": format!("c{number:06}"), "labels": labels},
        "spec": {"hubAcceptsClient": true, "leaseDurationSeconds": 3600},
    })
}

async fn create_all(client: &Client, count: usize) -> Result<(), Failure> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &join::clusters());
    let results: Vec<Result<_, kube::Error>> = futures::stream::iter(0..count)
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

async fn place_all(client: &Client) -> Result<(), Failure> {
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
    let placements = resource("v1beta1", "Placement", "placements");
    let placements: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), "default", &placements);
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

/// Moves a cluster to another group; how long until a placement of that group
/// has it.
async fn moved(client: &Client, name: &str, group: &str) -> Result<Duration, Failure> {
    let clusters: Api<DynamicObject> = Api::all_with(client.clone(), &join::clusters());
    let number: usize = group.trim_start_matches('g').parse()?;
    let label = format!("cluster.open-cluster-management.io/placement=p{number}");
    let config = watcher::Config::default().labels(&label);
    let mut pages = watcher(decisions(client), config).applied_objects().boxed();
    let has = |page: &DynamicObject| {
        let decisions = page.data["status"]["decisions"].as_array();
        decisions
            .into_iter()
            .flatten()
            .any(|decision| decision["clusterName"] == name)
    };
    // The watch is there when it has shown what there is.
    pages.next().await;
    let start = Instant::now();
    let patch = json!({"metadata": {"labels": {"group": group}}});
    clusters
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    loop {
        match pages.next().await {
            Some(Ok(page)) if has(&page) => return Ok(start.elapsed()),
            Some(_) => {}
            None => return Err("the watch of decisions ended".into()),
        }
    }
}

async fn measure(count: usize) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let place = Place::start().await?;
    let client = place.admin.clone();
    let hub = Hub::start(&place, folder.path())?;
    let start = Instant::now();
    create_all(&client, count).await?;
    prepared(&client, count).await?;
    println!(
        "{count} clusters accepted and prepared: {:.1} s, hub CPU {:.1} s",
        start.elapsed().as_secs_f64(),
        hub.cpu()?
    );
    let start = Instant::now();
    place_all(&client).await?;
    decided(&client, (0..PLACEMENTS).map(|n| size(count, n % 20)).sum()).await?;
    println!(
        "{PLACEMENTS} placements created and decided: {:.1} s",
        start.elapsed().as_secs_f64()
    );
    let mut took = Vec::new();
    for round in 0..20 {
        let name = format!("c{:06}", round * 20 % count);
        took.push(moved(&client, &name, &format!("g{}", 1 + round % 19)).await?);
    }
    took.sort();
    println!(
        "a label changed to the decision seen: median {:.1} ms, worst of 20 {:.1} ms",
        took[took.len() / 2].as_secs_f64() * 1000.0,
        took[took.len() - 1].as_secs_f64() * 1000.0
    );
    let (now, most) = hub.memory()?;
    let verdict = if now < 150.0 { "reached" } else { "MISSED" };
    println!("hub memory: {now:.1} MiB (must 150: {verdict}), at most {most:.1} MiB");
    // Started again it reads all of it at once.
    drop(hub);
    let hub = Hub::start(&place, folder.path())?;
    let start = Instant::now();
    let name = format!("c{:06}", 1);
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
