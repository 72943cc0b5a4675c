//! The work agent's figures: `cargo bench --bench works`.
//!
//! A hub and a managed cluster, each a real control plane where
//! `tests/apiserver/build` has built one, and the agent in a process of its own;
//! else all of it in this process. The agent's requests are counted.
//! `OCMADM_BENCH_AGENT=upstream` measures upstream's agent instead,
//! `OCMADM_BENCH_SERVER=embedded` asks for embedded servers, `OCMADM_BENCH_WORKS=500`
//! for fewer works than 5,000.

#![expect(clippy::print_stdout, reason = "its output is the figures")]

mod plane;
mod works_agent;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use ocmadm::k8s::apply::Applier;
use ocmadm::k8s::discovery::Discovery;
use serde_json::{Value, json};

use crate::plane::Plane;
use crate::works_agent::Agent;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CLUSTER: &str = "cluster1";
/// Writes of the bench at a time.
const WRITERS: usize = 32;
const PATIENCE: Duration = Duration::from_secs(600);

/// One API server; a real one ends with this value.
struct Server {
    client: Client,
    plane: Option<Plane>,
}

async fn real(program: &str) -> Result<Server, Failure> {
    let plane = Plane::start(program)?;
    Ok(Server {
        client: works_agent::client(plane.kubeconfig()).await?,
        plane: Some(plane),
    })
}

async fn embedded(name: &str) -> Result<Server, Failure> {
    let server = apiserver::ApiServer::start(apiserver::Options {
        name: name.to_owned(),
        ..apiserver::Options::default()
    })
    .await?;
    let admin = apiserver::api::UserInfo {
        username: "admin".to_owned(),
        uid: String::new(),
        groups: vec!["system:masters".to_owned()],
        extra: std::collections::BTreeMap::new(),
    };
    Ok(Server {
        client: Client::new(server.service(admin), "default"),
        plane: None,
    })
}

struct World {
    hub: Server,
    spoke: Server,
    agent: Agent,
}

impl World {
    async fn start(program: Option<&str>) -> Result<Self, Failure> {
        let (hub, spoke) = match program {
            Some(program) => (real(program).await?, real(program).await?),
            None => (embedded("hub").await?, embedded("spoke").await?),
        };
        for (server, definitions) in [
            (&hub, ocmadm::bundle::hub_crds()?),
            (&spoke, ocmadm::bundle::agent_crds()?),
        ] {
            let client = server.client.clone();
            let applier = Applier::new(client.clone(), Discovery::new(client), "bench");
            applier.apply(&definitions, |_| {}).await?;
        }
        let namespaces = Api::all_with(hub.client.clone(), &resource("", "v1", "Namespace"));
        let namespace = DynamicObject::new(CLUSTER, &resource("", "v1", "Namespace"));
        namespaces
            .create(&PostParams::default(), &namespace)
            .await?;
        let agent = match (&hub.plane, &spoke.plane) {
            (Some(hub), Some(spoke)) => Agent::process(hub.kubeconfig(), spoke.kubeconfig())?,
            _ => Agent::task(&hub.client, &spoke.client),
        };
        Ok(Self { hub, spoke, agent })
    }

    fn works(&self) -> Api<DynamicObject> {
        let kind = resource("work.open-cluster-management.io", "v1", "ManifestWork");
        Api::namespaced_with(self.hub.client.clone(), CLUSTER, &kind)
    }

    fn maps(&self) -> Api<DynamicObject> {
        let kind = resource("", "v1", "ConfigMap");
        Api::namespaced_with(self.spoke.client.clone(), "default", &kind)
    }
}

fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// A work of that many ConfigMaps and nothing else.
fn work(name: &str, maps: usize, value: &str) -> Result<DynamicObject, Failure> {
    let manifests: Vec<Value> = (0..maps)
        .map(|i| {
            json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": format!("{name}-{i}"), "namespace": "default"},
                "data": {"value": value}})
        })
        .collect();
    Ok(serde_json::from_value(json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": name, "namespace": CLUSTER},
        "spec": {
            "workload": {"manifests": manifests},
        },
    }))?)
}

/// Applied and Available as it is now.
fn is_available(work: &DynamicObject) -> bool {
    let conditions = work.data["status"]["conditions"].as_array();
    ["Applied", "Available"].iter().all(|kind| {
        conditions.into_iter().flatten().any(|c| {
            c["type"] == *kind
                && c["status"] == "True"
                && c["observedGeneration"].as_i64() == work.metadata.generation
        })
    })
}

/// Watches until what is there satisfies.
async fn until(
    api: Api<DynamicObject>,
    satisfied: impl Fn(&HashMap<String, bool>) -> bool,
    judge: impl Fn(&DynamicObject) -> bool,
) -> Result<(), Failure> {
    let watching = async {
        let mut seen: HashMap<String, bool> = HashMap::new();
        let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
        let mut listed = false;
        while let Some(event) = events.next().await {
            match event? {
                Event::Init => seen.clear(),
                Event::InitDone => listed = true,
                Event::InitApply(object) | Event::Apply(object) => {
                    seen.insert(object.name_any(), judge(&object));
                }
                Event::Delete(object) => {
                    seen.remove(&object.name_any());
                }
            }
            if listed && satisfied(&seen) {
                return Ok(());
            }
        }
        Err("the watch ended".into())
    };
    tokio::time::timeout(PATIENCE, watching).await?
}

/// Does `write` for every name, many at a time, until `count` works are (still)
/// there and available. Seconds.
async fn all<F, Fut>(
    world: &World,
    names: &[String],
    count: usize,
    write: F,
) -> Result<f64, Failure>
where
    F: Fn(Api<DynamicObject>, String) -> Fut,
    Fut: Future<Output = Result<(), Failure>>,
{
    let since = Instant::now();
    let writes = stream::iter(names.iter().cloned().map(Ok::<_, Failure>))
        .try_for_each_concurrent(WRITERS, |name| write(world.works(), name));
    writes.await?;
    let there = |seen: &HashMap<String, bool>| {
        seen.len() == count && seen.values().all(|available| *available)
    };
    until(world.works(), there, is_available).await?;
    Ok(since.elapsed().as_secs_f64())
}

async fn create(api: Api<DynamicObject>, name: String) -> Result<(), Failure> {
    api.create(&PostParams::default(), &work(&name, 1, "1")?)
        .await?;
    Ok(())
}

async fn change(api: Api<DynamicObject>, name: String) -> Result<(), Failure> {
    let changed = work(&name, 1, "2")?;
    let patch = Patch::Merge(json!({"spec": changed.data["spec"]}));
    api.patch(&name, &PatchParams::default(), &patch).await?;
    Ok(())
}

async fn delete(api: Api<DynamicObject>, name: String) -> Result<(), Failure> {
    api.delete(&name, &DeleteParams::default()).await?;
    Ok(())
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("work-{i}")).collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn print(name: &str, figure: f64, unit: &str, must: Option<f64>) {
    match must {
        Some(must) => println!(
            "{name:<44} {figure:>9.1} {unit:<10} must {must:>6.1}  {:>6.2} of it",
            figure / must
        ),
        None => println!("{name:<44} {figure:>9.1} {unit}"),
    }
}

/// Milliseconds from the beginning of `write` until a watch of `name`, which is
/// there before, shows what `judge` looks for.
async fn after(
    api: Api<DynamicObject>,
    name: &str,
    write: impl Future<Output = Result<DynamicObject, kube::Error>>,
    judge: impl Fn(&DynamicObject) -> bool,
) -> Result<f64, Failure> {
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = std::pin::pin!(watcher(api, config));
    let watching = async {
        while let Some(event) = events.next().await {
            if matches!(event?, Event::InitDone) {
                break;
            }
        }
        let since = Instant::now();
        write.await?;
        while let Some(event) = events.next().await {
            if let Event::Apply(object) = event?
                && judge(&object)
            {
                return Ok(since.elapsed().as_secs_f64() * 1e3);
            }
        }
        Err("the watch ended".into())
    };
    tokio::time::timeout(PATIENCE, watching).await?
}

async fn drift(world: &World) -> Result<f64, Failure> {
    let maps = world.maps();
    let params = PatchParams::default();
    let mut times = Vec::new();
    for round in 0..21 {
        let patch = Patch::Merge(json!({"data": {"value": format!("drift {round}")}}));
        // Corrections that follow one another are slowed down: each its own object.
        let name = format!("work-{round}-0");
        let corrected = |object: &DynamicObject| object.data["data"]["value"] == "1";
        let write = maps.patch(&name, &params, &patch);
        times.push(after(maps.clone(), &name, write, corrected).await?);
    }
    Ok(median(times))
}

async fn status(world: &World) -> Result<f64, Failure> {
    let maps = world.maps();
    let params = PatchParams::default();
    let watched = json!({"spec": {"manifestConfigs": [{
        "resourceIdentifier": {"group": "", "resource": "configmaps", "name": "work-30-0", "namespace": "default"},
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [{"name": "seen", "path": ".metadata.labels.seen"}]}],
    }]}});
    world
        .works()
        .patch("work-30", &params, &Patch::Merge(watched))
        .await?;
    let mut times = Vec::new();
    for round in 0..21 {
        let value = format!("round-{round}");
        let patch = Patch::Merge(json!({"metadata": {"labels": {"seen": value}}}));
        let told = |work: &DynamicObject| {
            let manifest = &work.data["status"]["resourceStatus"]["manifests"][0];
            manifest["statusFeedback"]["values"][0]["fieldValue"]["string"] == value.as_str()
        };
        let write = maps.patch("work-30-0", &params, &patch);
        times.push(after(world.works(), "work-30", write, told).await?);
    }
    Ok(median(times))
}

async fn measure(world: &mut World, most: usize) -> Result<(), Failure> {
    let mut times = Vec::new();
    for round in 0..15 {
        let one = [format!("one-{round}")];
        times.push(all(world, &one, 1, create).await? * 1e3);
        all(world, &one, 0, delete).await?;
    }
    print(
        "one work Available after create",
        median(times),
        "ms",
        Some(150.0),
    );
    let five = names(500);
    print(
        "500 works all Available",
        all(world, &five, 500, create).await?,
        "s",
        Some(8.0),
    );
    print(
        "500 works all changed",
        all(world, &five, 500, change).await?,
        "s",
        None,
    );
    print(
        "500 works all gone",
        all(world, &five, 0, delete).await?,
        "s",
        Some(8.0),
    );
    let large = ["large".to_owned()];
    let create_large = |api: Api<DynamicObject>, name: String| async move {
        api.create(&PostParams::default(), &work(&name, 1000, "1")?)
            .await?;
        Ok(())
    };
    print(
        "one work of 1,000 objects",
        all(world, &large, 1, create_large).await?,
        "s",
        None,
    );
    print(
        "the same gone",
        all(world, &large, 0, delete).await?,
        "s",
        None,
    );
    let thousand = names(1000.min(most));
    print(
        "1,000 works all Available",
        all(world, &thousand, thousand.len(), create).await?,
        "s",
        None,
    );
    print(
        "drift corrected after",
        drift(world).await?,
        "ms",
        Some(100.0),
    );
    print(
        "a status change on the hub after",
        status(world).await?,
        "ms",
        Some(200.0),
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = world.agent.figures()?.requests;
    let idle = Duration::from_secs(30);
    tokio::time::sleep(idle).await;
    let figures = world.agent.figures()?;
    if let (Some(before), Some(now)) = (before, figures.requests) {
        print(
            "requests/s idle with 1,000 works",
            f64::from(u32::try_from(now - before)?) / idle.as_secs_f64(),
            "",
            Some(2.0),
        );
    }
    print(
        "agent process RSS, 1,000 works",
        figures.resident,
        "MiB",
        Some(40.0),
    );
    if most > thousand.len() {
        let rest = names(most).split_off(thousand.len());
        print(
            "the rest of 5,000 works all Available",
            all(world, &rest, most, create).await?,
            "s",
            None,
        );
    }
    print(
        "all gone",
        all(world, &names(most.max(thousand.len())), 0, delete).await?,
        "s",
        None,
    );
    Ok(())
}

async fn run() -> Result<(), Failure> {
    let embedded = std::env::var("OCMADM_BENCH_SERVER").is_ok_and(|kind| kind == "embedded");
    let program = Plane::program().filter(|_| !embedded);
    println!(
        "on {}",
        program
            .as_deref()
            .map_or("embedded API servers", |_| "real control planes")
    );
    let most = std::env::var("OCMADM_BENCH_WORKS").ok();
    let most = most.and_then(|most| most.parse().ok()).unwrap_or(5000);
    let mut world = World::start(program.as_deref()).await?;
    measure(&mut world, most).await
}

fn main() -> ExitCode {
    ocmadm::cli::install_crypto_provider();
    if let Some(ended) = works_agent::if_asked() {
        return if ended.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("not measured: {error}");
            ExitCode::FAILURE
        }
    }
}
