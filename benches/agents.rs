//! Many agents at one native hub: `cargo bench --bench agents`, with
//! `OCMADM_BENCH_AGENTS=100` for fewer and `OCMADM_BENCH_LEASE=10` for leases
//! of another length than 60 s. It takes some eleven lease periods.
//!
//! The API server and the agents are in this process, the hub is the real
//! program beside it. Each agent speaks the protocol with a certificate and a
//! connection of its own: ManagedCluster, certificate request, watches of its
//! cluster, works and add-ons, status, lease. It has no cluster behind it, so
//! nothing of its own changes. Its requests are counted where they leave it.

#![expect(clippy::print_stdout, reason = "its output is the figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use ocmadm::agent::certificate::request;
use ocmadm::agent::registration::{identity::Names, join, order};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

mod hub_process;

use hub_process::{Failure, Hub, Place};

/// How many lease periods the rest is looked at: as long as watches live.
const PERIODS: u64 = 5;
/// What the sum at the end is made for.
const MANY: f64 = 10_000.0;
/// How many administrators' writes are under way at a time.
const HANDS: usize = 16;

/// How often an agent says that it lives.
fn lease_seconds() -> u64 {
    let given = std::env::var("OCMADM_BENCH_LEASE").ok();
    given.and_then(|seconds| seconds.parse().ok()).unwrap_or(60)
}

async fn client(place: &Place, certificate: &str, key: &str) -> Result<Client, Failure> {
    let kubeconfig = serde_json::from_value(place.kubeconfig(certificate, key))?;
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    Ok(ocmadm::k8s::transport::client(config)?)
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
    /// Requests of agents that have their certificate: about leases, for a
    /// watch (or the list before it), all others.
    lease: AtomicUsize,
    watch: AtomicUsize,
    other: AtomicUsize,
}

impl Counts {
    fn requests(&self) -> [usize; 3] {
        [&self.lease, &self.watch, &self.other].map(|count| count.load(Ordering::SeqCst))
    }
}

/// A client whose requests are counted.
fn counted(client: Client, counts: Arc<Counts>) -> Client {
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let uri = request.uri();
        let lists = request.method() == http::Method::GET && uri.query().is_some();
        let count = if uri.path().contains("/leases/") {
            &counts.lease
        } else if lists {
            &counts.watch
        } else {
            &counts.other
        };
        count.fetch_add(1, Ordering::SeqCst);
        let client = client.clone();
        async move { client.send(request).await }
    });
    Client::new(service, "default")
}

/// What an agent watches besides its cluster.
fn others(client: &Client, cluster: &str) -> impl futures::Stream<Item = ()> + use<> {
    let watched = [
        ("work.open-cluster-management.io", "v1", "ManifestWork"),
        (
            "addon.open-cluster-management.io",
            "v1alpha1",
            "ManagedClusterAddOn",
        ),
    ];
    let watches = watched.map(|(group, version, kind)| {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), cluster, &kind);
        watcher(api, watcher::Config::default())
            .default_backoff()
            .map(|_| ())
            .boxed()
    });
    futures::stream::select_all(watches)
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
    let client = counted(
        client(&place, &certificate, &key).await?,
        Arc::clone(&counts),
    );
    let clusters: Api<DynamicObject> = Api::all_with(client.clone(), &join::clusters());
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut own = watcher(clusters.clone(), config)
        .default_backoff()
        .applied_objects()
        .boxed();
    let mut others = others(&client, &name);
    let leases: Api<Lease> = Api::namespaced(client, &name);
    let mut tick = tokio::time::interval(Duration::from_secs(lease_seconds()));
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
                    counts.joined.fetch_add(1, Ordering::SeqCst);
                    joined = true;
                }
            }
            // There is nothing to do for them. Before it is accepted it may not
            // see them.
            Some(()) = others.next(), if joined => {}
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
                    "leaseDurationSeconds": lease_seconds()}});
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

/// The hub's memory once its controllers run.
async fn at_rest(place: &Place, hub: &Hub) -> Result<f64, Failure> {
    let sets = ApiResource::from_gvk(&GroupVersionKind::gvk(
        "cluster.open-cluster-management.io",
        "v1beta2",
        "ManagedClusterSet",
    ));
    let api: Api<DynamicObject> = Api::all_with(place.admin.clone(), &sets);
    while api.get_opt("default").await?.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(hub.memory()?.0)
}

async fn measure(count: usize) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let place = Arc::new(Place::start().await?);
    let hub = Hub::start(&place, folder.path())?;
    let empty = at_rest(&place, &hub).await?;
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
    let joined = start.elapsed().as_secs_f64();
    // What comes after joining is over.
    tokio::time::sleep(Duration::from_secs(lease_seconds())).await;
    let before = (
        revision(&place).await?,
        counts.renewals.load(Ordering::SeqCst),
        counts.requests(),
        hub.cpu()?,
    );
    let seconds = PERIODS * lease_seconds();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let writes = revision(&place).await? - before.0;
    let renewals = counts.renewals.load(Ordering::SeqCst) - before.1;
    let [lease, watch, other] = counts.requests();
    let [lease, watch, other] = [
        lease - before.2[0],
        watch - before.2[1],
        other - before.2[2],
    ];
    let load = (hub.cpu()? - before.3) / seconds as f64 * 100.0;
    let each = |number: f64| number / count as f64 / PERIODS as f64;
    println!(
        "steady, an agent and lease period of {} s: {:.2} renewals ({:.2} requests), {:.2} requests besides the lease ({:.2} for watches, which live 290 s), {:.3} writes besides the lease; hub CPU {load:.1} %",
        lease_seconds(),
        each(renewals as f64),
        each(lease as f64),
        each((watch + other) as f64),
        each(watch as f64),
        each(writes as f64 - renewals as f64),
    );
    let (now, most) = hub.memory()?;
    println!("hub memory: {now:.1} MiB, at most {most:.1} MiB; {empty:.1} MiB without agents");
    let more = MANY / count as f64;
    println!(
        "the same for {MANY} agents: joined in {:.0} s, {:.0} MiB and {:.0} % of a core for the hub; {:.0} requests/s, {:.0} of them writes of leases, for the API server",
        joined * more,
        empty + (most - empty) * more,
        load * more,
        (lease + watch + other) as f64 / seconds as f64 * more,
        renewals as f64 / seconds as f64 * more,
    );
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
        5 * lease_seconds()
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
