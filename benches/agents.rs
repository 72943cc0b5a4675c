//! Many agents at one native hub: `cargo bench --bench agents`, with
//! `OCMADM_BENCH_AGENTS=100` for fewer.
//!
//! The API server and the agents are in this process, the hub is the real
//! program beside it. Each agent speaks the protocol with a certificate and a
//! connection of its own: ManagedCluster, certificate request, watch of its
//! cluster, status, lease. It has no cluster behind it.

#![expect(clippy::print_stdout, reason = "its output is the figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use ocmadm::agent::certificate::request;
use ocmadm::agent::registration::{identity::Names, join, order};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

mod hub_process;

use hub_process::{Failure, Hub, Place};

/// How often an agent says that it lives.
const LEASE_SECONDS: u64 = 10;
/// How many administrators' writes are under way at a time.
const HANDS: usize = 16;

async fn client(place: &Place, certificate: &str, key: &str) -> Result<Client, Failure> {
    let kubeconfig = serde_json::from_value(place.kubeconfig(certificate, key))?;
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    Ok(Client::try_from(config)?)
}

/// The store's revision: one more for each write.
async fn revision(place: &Place) -> Result<i64, Failure> {
    let api: Api<DynamicObject> = Api::all_with(place.admin.clone(), &join::clusters());
    let list = api.list_metadata(&ListParams::default().limit(1)).await?;
    Ok(list.metadata.resource_version.unwrap_or_default().parse()?)
}

/// What all agents count.
#[derive(Default)]
struct Counts {
    asked: AtomicUsize,
    joined: AtomicUsize,
    renewals: AtomicUsize,
    others: AtomicUsize,
}

/// One agent, until `alive` ends.
async fn agent(
    place: Arc<Place>,
    bootstrap: Client,
    name: String,
    counts: Arc<Counts>,
    starts: Arc<Semaphore>,
    mut alive: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let names = Names {
        cluster: name.clone(),
        agent: "bench".to_owned(),
    };
    let request = {
        let _turn = starts.acquire().await?;
        join::ensure(&bootstrap, &name, &Default::default(), None).await?;
        let fresh = request::make(&order::ask(&names, None))?;
        let api: Api<CertificateSigningRequest> = Api::all(bootstrap.clone());
        let object = serde_json::from_value(fresh.object)?;
        let created = api.create(&PostParams::default(), &object).await?;
        (api, created.name_any(), fresh.key)
    };
    counts.asked.fetch_add(1, Ordering::SeqCst);
    let (api, csr, key) = request;
    let config = watcher::Config::default()
        .labels(&format!("open-cluster-management.io/cluster-name={name}"));
    let mut requests = watcher(api, config)
        .default_backoff()
        .applied_objects()
        .boxed();
    let certificate = loop {
        let Some(found) = requests.next().await else {
            return Err("the watch of requests ended".into());
        };
        if let Ok(found) = found
            && found.name_any() == csr
            && let Some(certificate) = found.status.and_then(|status| status.certificate)
        {
            break String::from_utf8(certificate.0)?;
        }
    };
    drop(requests);
    let client = client(&place, &certificate, &key).await?;
    let clusters: Api<DynamicObject> = Api::all_with(client.clone(), &join::clusters());
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut own = watcher(clusters.clone(), config)
        .default_backoff()
        .applied_objects()
        .boxed();
    let leases: Api<Lease> = Api::namespaced(client, &name);
    let mut tick = tokio::time::interval(Duration::from_secs(LEASE_SECONDS));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut joined = false;
    loop {
        tokio::select! {
            _ = alive.changed() => return Ok(()),
            Some(cluster) = own.next() => {
                let Ok(cluster) = cluster else { continue };
                let is = |kind: &str| has_condition(&cluster, kind);
                if !joined && is("HubAcceptedManagedCluster") {
                    join_cluster(&clusters, &cluster).await?;
                    counts.others.fetch_add(1, Ordering::SeqCst);
                    counts.joined.fetch_add(1, Ordering::SeqCst);
                    joined = true;
                }
            }
            _ = tick.tick(), if joined => {
                if let Ok(mut lease) = leases.get("managed-cluster-lease").await {
                    lease.spec.get_or_insert_default().renew_time =
                        Some(MicroTime(jiff::Timestamp::now()));
                    let renewed =
                        leases.replace("managed-cluster-lease", &PostParams::default(), &lease).await;
                    if renewed.is_ok() {
                        counts.renewals.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        }
    }
}

fn has_condition(cluster: &DynamicObject, kind: &str) -> bool {
    let conditions = cluster.data["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

async fn join_cluster(api: &Api<DynamicObject>, cluster: &DynamicObject) -> Result<(), Failure> {
    let now = jiff::Timestamp::now().to_string();
    let mut live = cluster.clone();
    for _ in 0..20 {
        let mut conditions = live.data["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for (kind, reason) in [
            ("ManagedClusterJoined", "ManagedClusterJoined"),
            (
                "ManagedClusterConditionAvailable",
                "ManagedClusterAvailable",
            ),
        ] {
            conditions.retain(|condition| condition["type"] != kind);
            conditions.push(json!({"type": kind, "status": "True", "reason": reason,
                "message": "", "lastTransitionTime": now}));
        }
        let patch = json!({
            "metadata": {"resourceVersion": live.resource_version()},
            "status": {"conditions": conditions, "version": {"kubernetes": "v1.36.0"},
                "capacity": {"cpu": "4", "memory": "8Gi"}},
        });
        let params = PatchParams::default();
        match api
            .patch_status(&live.name_any(), &params, &Patch::Merge(&patch))
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                live = api.get(&live.name_any()).await?;
            }
            result => {
                result?;
                return Ok(());
            }
        }
    }
    Err("somebody else always wrote first".into())
}

/// Approves and accepts everybody, as `ocmadm accept` would.
async fn accept(place: &Place) -> Result<(), Failure> {
    let requests: Api<CertificateSigningRequest> = Api::all(place.admin.clone());
    let clusters: Api<DynamicObject> = Api::all_with(place.admin.clone(), &join::clusters());
    let all = requests.list(&ListParams::default()).await?;
    futures::stream::iter(all)
        .map(|mut request| {
            let (requests, clusters) = (requests.clone(), clusters.clone());
            async move {
                let cluster = request.labels()["open-cluster-management.io/cluster-name"].clone();
                request.status = Some(serde_json::from_value(json!({"conditions": [{
                    "type": "Approved", "status": "True", "reason": "Bench", "message": ""}]}))?);
                let (name, params) = (request.name_any(), PostParams::default());
                requests
                    .replace_subresource("approval", &name, &params, &request)
                    .await?;
                let patch = json!({"spec": {"hubAcceptsClient": true,
                    "leaseDurationSeconds": LEASE_SECONDS}});
                clusters
                    .patch(&cluster, &PatchParams::default(), &Patch::Merge(&patch))
                    .await?;
                Ok::<_, Failure>(())
            }
        })
        .buffer_unordered(HANDS)
        .fold(Ok(()), |all, one| async { all.and(one) })
        .await
}

async fn until(what: &str, mut done: impl FnMut() -> bool) -> Result<(), Failure> {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > Duration::from_secs(900) {
            return Err(format!("never: {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn measure(count: usize) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let place = Arc::new(Place::start().await?);
    let hub = Hub::start(&place, folder.path())?;
    let (certificate, key) = place.account("agent-registration-bootstrap")?;
    let bootstrap = client(&place, &certificate, &key).await?;
    let counts = Arc::new(Counts::default());
    let starts = Arc::new(Semaphore::new(HANDS));
    let (stop, alive) = watch::channel(true);
    let start = Instant::now();
    for number in 0..count {
        let (place, counts) = (Arc::clone(&place), Arc::clone(&counts));
        let (bootstrap, starts, alive) = (bootstrap.clone(), Arc::clone(&starts), alive.clone());
        tokio::spawn(async move {
            let name = format!("cluster-{number}");
            if let Err(error) = agent(place, bootstrap, name.clone(), counts, starts, alive).await {
                println!("{name}: {error}");
            }
        });
    }
    until("all agents asked", || {
        counts.asked.load(Ordering::SeqCst) == count
    })
    .await?;
    println!(
        "{count} agents asked after {:.1} s",
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    accept(&place).await?;
    println!(
        "approved and accepted: {:.1} s",
        start.elapsed().as_secs_f64()
    );
    until("all joined", || {
        counts.joined.load(Ordering::SeqCst) == count
    })
    .await?;
    println!(
        "all joined: {:.1} s after acceptance began; hub CPU {:.1} s",
        start.elapsed().as_secs_f64(),
        hub.cpu()?
    );
    // Three periods of rest.
    tokio::time::sleep(Duration::from_secs(2 * LEASE_SECONDS)).await;
    let periods = 3;
    let before = (
        revision(&place).await?,
        counts.renewals.load(Ordering::SeqCst),
        hub.cpu()?,
    );
    tokio::time::sleep(Duration::from_secs(periods * LEASE_SECONDS)).await;
    let writes = revision(&place).await? - before.0;
    let renewals = counts.renewals.load(Ordering::SeqCst) - before.1;
    let each = |number: f64| number / count as f64 / periods as f64;
    println!(
        "steady: {:.2} renewals and {:.3} other writes an agent and lease period; hub CPU {:.1} %",
        each(renewals as f64),
        each(writes as f64 - renewals as f64),
        (hub.cpu()? - before.2) / (periods * LEASE_SECONDS) as f64 * 100.0
    );
    let (now, most) = hub.memory()?;
    println!("hub memory: {now:.1} MiB, at most {most:.1} MiB");
    let start = Instant::now();
    stop.send_replace(false);
    let clusters: Api<DynamicObject> = Api::all_with(place.admin.clone(), &join::clusters());
    let mut unknown = std::collections::BTreeSet::new();
    let mut watched = watcher(clusters, watcher::Config::default())
        .applied_objects()
        .boxed();
    while unknown.len() < count {
        let Some(Ok(cluster)) = watched.next().await else {
            continue;
        };
        let conditions = cluster.data["status"]["conditions"].as_array();
        let lost = conditions.into_iter().flatten().any(|condition| {
            condition["type"] == "ManagedClusterConditionAvailable"
                && condition["status"] == "Unknown"
        });
        if lost && unknown.insert(cluster.name_any()) && unknown.len() == 1 {
            println!("first Unknown after {:.1} s", start.elapsed().as_secs_f64());
        }
    }
    println!(
        "all Unknown after {:.1} s (five lease periods are {} s)",
        start.elapsed().as_secs_f64(),
        5 * LEASE_SECONDS
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    ocmadm::cli::install_crypto_provider();
    let count = match std::env::var("OCMADM_BENCH_AGENTS") {
        Ok(count) => count.parse()?,
        Err(_) => 1000,
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(measure(count))
}
