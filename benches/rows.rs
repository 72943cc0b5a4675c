//! What is measured, in the order of the design's table.

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::world::{Failure, World, binary, median, timed};
use super::{Row, Unit};

const PATIENCE: Duration = Duration::from_secs(300);
const MANAGED: &str = "cluster1";

/// Measures every wanted row and hands it over.
pub(crate) async fn measure(wanted: &dyn Fn(&str) -> bool, mut done: impl FnMut(Row)) {
    // `$figure` is evaluated only where it is wanted.
    macro_rules! row {
        ($name:literal, $unit:ident, $must:literal, $aim:literal, $figure:expr) => {
            if wanted($name) {
                let figure: Result<f64, Failure> = $figure;
                let figure = figure.map_err(|error| error.to_string());
                done(Row {
                    name: $name,
                    unit: Unit::$unit,
                    must: $must,
                    aim: $aim,
                    figure,
                });
            }
        };
    }
    row!("the release binary", Megabytes, 25.0, 15.0, size());
    row!("ocmadm --help", Milliseconds, 10.0, 3.0, help());
    row!(
        "sandbox up --clusters 2 until usable",
        Seconds,
        1.5,
        0.5,
        up()
    );
    row!(
        "the tutorial, init to work Available",
        Seconds,
        10.0,
        3.0,
        tutorial().await
    );
    let world = match ready().await {
        Ok(world) => world,
        Err(error) => {
            row!(
                "everything that needs a joined cluster",
                Seconds,
                0.0,
                0.0,
                Err(error)
            );
            return;
        }
    };
    let world = &world;
    row!(
        "get clusters on loopback",
        Milliseconds,
        40.0,
        15.0,
        get_clusters(world)
    );
    row!(
        "agent process RSS, idle",
        Mebibytes,
        20.0,
        10.0,
        world.resident("agent")
    );
    row!(
        "one work Available after create",
        Milliseconds,
        150.0,
        30.0,
        one_work(world).await
    );
    if wanted("500 works all Available and gone") {
        let (all, gone) = split(many_works(world, 500, None).await);
        row!(
            "500 works all Available and gone: Available",
            Seconds,
            8.0,
            8.0,
            all
        );
        row!(
            "500 works all Available and gone: gone",
            Seconds,
            8.0,
            8.0,
            gone
        );
    }
    row!("agent process RSS, 1,000 works", Mebibytes, 40.0, 20.0, {
        let mut resident = 0.0;
        let thousand = many_works(world, 1000, Some(&mut resident)).await;
        thousand.map(|_| resident)
    });
    row!(
        "100 accepted clusters prepared",
        Seconds,
        3.0,
        1.0,
        prepared(world, 100).await
    );
    row!(
        "create work to 100 clusters",
        Seconds,
        1.5,
        0.5,
        create_on_many(world).await
    );
    row!("hub process RSS, 100 clusters", Mebibytes, 40.0, 20.0, {
        prepared(world, 100)
            .await
            .and_then(|_| world.resident("hub"))
    });
    row!(
        "1,000 accepted clusters prepared",
        Seconds,
        30.0,
        10.0,
        prepared(world, 1000).await
    );
}

fn split(pair: Result<(f64, f64), Failure>) -> (Result<f64, Failure>, Result<f64, Failure>) {
    match pair {
        Ok((first, second)) => (Ok(first), Ok(second)),
        Err(error) => {
            let text = error.to_string();
            (Err(error), Err(text.into()))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size to be shown")]
fn size() -> Result<f64, Failure> {
    Ok(std::fs::metadata(binary())?.len() as f64 / 1e6)
}

fn help() -> Result<f64, Failure> {
    let time = median(21, || {
        timed(|| {
            let status = Command::new(binary())
                .arg("--help")
                .stdout(Stdio::null())
                .status()?;
            if status.success() {
                Ok(())
            } else {
                Err("it failed".into())
            }
        })
    })?;
    Ok(time.as_secs_f64() * 1e3)
}

fn up() -> Result<f64, Failure> {
    let time = median(3, || {
        let world = World::new()?;
        timed(|| world.up(2))
    })?;
    Ok(time.as_secs_f64())
}

async fn tutorial() -> Result<f64, Failure> {
    let world = World::new()?;
    world.up(2)?;
    let since = Instant::now();
    world.join(&["cluster1", "cluster2"])?;
    let hub = world.client("hub").await?;
    let manifests = world.file("one.yaml", &config_map("tutorial"))?;
    world.ocmadm(&[
        "create",
        "work",
        "tutorial",
        "-f",
        &manifests,
        "--clusters",
        MANAGED,
        "--context",
        "hub",
    ])?;
    until(works(&hub), |all| all.values().any(is_available)).await?;
    Ok(since.elapsed().as_secs_f64())
}

async fn ready() -> Result<World, Failure> {
    let world = World::new()?;
    world.up(1)?;
    world.join(&[MANAGED])?;
    let hub = world.client("hub").await?;
    let clusters = Api::<DynamicObject>::all_with(hub, &resource("cluster", "ManagedCluster"));
    until(clusters, |all| {
        all.values()
            .any(|cluster| is_true(cluster, "ManagedClusterConditionAvailable"))
    })
    .await?;
    Ok(world)
}

fn get_clusters(world: &World) -> Result<f64, Failure> {
    let time = median(21, || {
        timed(|| {
            world
                .ocmadm(&["get", "clusters", "--context", "hub"])
                .map(drop)
        })
    })?;
    Ok(time.as_secs_f64() * 1e3)
}

async fn one_work(world: &World) -> Result<f64, Failure> {
    let hub = world.client("hub").await?;
    let works = works(&hub);
    let mut times = Vec::new();
    for number in 0..15 {
        let name = format!("one-{number}");
        let since = Instant::now();
        works
            .create(&PostParams::default(), &work(MANAGED, &name)?)
            .await?;
        until(works.clone(), |all| {
            all.get(&name).is_some_and(is_available)
        })
        .await?;
        times.push(since.elapsed());
        works.delete(&name, &DeleteParams::default()).await?;
        until(works.clone(), |all| !all.contains_key(&name)).await?;
    }
    times.sort_unstable();
    Ok(times[times.len() / 2].as_secs_f64() * 1e3)
}

/// Seconds until all are Available, and until all are gone again.
async fn many_works(
    world: &World,
    count: usize,
    resident: Option<&mut f64>,
) -> Result<(f64, f64), Failure> {
    let hub = world.client("hub").await?;
    let works = works(&hub);
    let names: Vec<String> = (0..count).map(|number| format!("many-{number}")).collect();
    let since = Instant::now();
    let create =
        stream::iter(names.iter().map(Ok::<_, Failure>)).try_for_each_concurrent(32, |name| {
            let works = works.clone();
            async move {
                works
                    .create(&PostParams::default(), &work(MANAGED, name)?)
                    .await?;
                Ok(())
            }
        });
    let available = until(works.clone(), |all| {
        all.values().filter(|work| is_available(work)).count() == count
    });
    tokio::try_join!(create, available)?;
    let all = since.elapsed().as_secs_f64();
    if let Some(resident) = resident {
        *resident = world.resident("agent")?;
    }
    let since = Instant::now();
    let delete =
        stream::iter(names.iter().map(Ok::<_, Failure>)).try_for_each_concurrent(32, |name| {
            let works = works.clone();
            async move {
                works.delete(name, &DeleteParams::default()).await?;
                Ok(())
            }
        });
    let gone = until(works.clone(), Seen::is_empty);
    tokio::try_join!(delete, gone)?;
    Ok((all, since.elapsed().as_secs_f64()))
}

/// Seconds until this many accepted clusters have their namespace and the
/// agent's role binding in it.
async fn prepared(world: &World, count: usize) -> Result<f64, Failure> {
    let hub = world.client("hub").await?;
    let clusters =
        Api::<DynamicObject>::all_with(hub.clone(), &resource("cluster", "ManagedCluster"));
    let names: HashSet<String> = (0..count).map(|number| format!("fleet-{number}")).collect();
    let since = Instant::now();
    let create =
        stream::iter(names.iter().map(Ok::<_, Failure>)).try_for_each_concurrent(32, |name| {
            let clusters = clusters.clone();
            async move {
                let object = serde_json::from_value(json!({
                    "apiVersion": "cluster.open-cluster-management.io/v1",
                    "kind": "ManagedCluster",
                    "metadata": {"name": name},
                    "spec": {"hubAcceptsClient": true, "leaseDurationSeconds": 60},
                }))?;
                match clusters.create(&PostParams::default(), &object).await {
                    Ok(_) => Ok(()),
                    Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
                    Err(error) => Err(error.into()),
                }
            }
        });
    let namespaces = Api::<Namespace>::all(hub.clone());
    let bindings = Api::<k8s_openapi::api::rbac::v1::RoleBinding>::all(hub.clone());
    let names = &names;
    let named = until(namespaces, move |all| {
        names.iter().all(|name| all.contains_key(name))
    });
    let bound = until(bindings, move |all| {
        let namespaces: HashSet<_> = all.values().filter_map(ResourceExt::namespace).collect();
        names.iter().all(|name| namespaces.contains(name))
    });
    tokio::try_join!(create, named, bound)?;
    Ok(since.elapsed().as_secs_f64())
}

async fn create_on_many(world: &World) -> Result<f64, Failure> {
    prepared(world, 100).await?;
    let names: Vec<String> = (0..100).map(|number| format!("fleet-{number}")).collect();
    let manifests = world.file("hundred.yaml", &config_map("hundred"))?;
    let time = timed(|| {
        world
            .ocmadm(&[
                "create",
                "work",
                "hundred",
                "-f",
                &manifests,
                "--clusters",
                &names.join(","),
                "--context",
                "hub",
            ])
            .map(drop)
    })?;
    Ok(time.as_secs_f64())
}

fn config_map(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\ndata: {{a: b}}\n"
    )
}

fn work(namespace: &str, name: &str) -> Result<DynamicObject, Failure> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"workload": {"manifests": [{
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "default"}, "data": {"a": "b"},
        }]}},
    }))?)
}

fn resource(group: &str, kind: &str) -> ApiResource {
    let group = format!("{group}.open-cluster-management.io");
    ApiResource::from_gvk(&GroupVersionKind::gvk(&group, "v1", kind))
}

fn works(hub: &Client) -> Api<DynamicObject> {
    Api::namespaced_with(hub.clone(), MANAGED, &resource("work", "ManifestWork"))
}

fn is_available(work: &DynamicObject) -> bool {
    is_true(work, "Available")
}

fn is_true(object: &DynamicObject, kind: &str) -> bool {
    let conditions = object.data["status"]["conditions"].as_array();
    let is_it = |condition: &Value| condition["type"] == kind && condition["status"] == "True";
    conditions.into_iter().flatten().any(is_it)
}

type Seen<K> = std::collections::HashMap<String, K>;

/// Watches until what is there satisfies; keys are names, with the namespace
/// where several may share one.
async fn until<K>(api: Api<K>, satisfied: impl Fn(&Seen<K>) -> bool) -> Result<(), Failure>
where
    K: kube::Resource + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    let key = |object: &K| match object.namespace() {
        Some(namespace) if namespace != MANAGED => format!("{namespace}/{}", object.name_any()),
        _ => object.name_any(),
    };
    let mut seen: Seen<K> = Seen::new();
    let watching = async {
        let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
        let mut listed = false;
        while let Some(event) = events.next().await {
            match event? {
                watcher::Event::Init => seen.clear(),
                watcher::Event::InitDone => listed = true,
                watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                    seen.insert(key(&object), object);
                }
                watcher::Event::Delete(object) => {
                    seen.remove(&key(&object));
                }
            }
            if listed && satisfied(&seen) {
                return Ok(());
            }
        }
        Err("the watch ended".into())
    };
    match timeout(PATIENCE, watching).await {
        Ok(result) => result,
        Err(_) => Err(format!("not within {} s", PATIENCE.as_secs()).into()),
    }
}
