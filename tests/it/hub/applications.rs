//! Applications: placement, replica sets of works and agents of managed
//! clusters together, from a label of a cluster to an object on it.

use std::time::{Duration, Instant};

use ocmadm::agent::work;
use ocmadm::bundle;
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::support::{Hub, condition};
use crate::harness::{Cluster, eventually, until, user};

const SET: &str = "cluster.open-cluster-management.io/clusterset";

/// A hub with placement and work controllers, and agents of managed clusters.
struct Fleet {
    hub: Hub,
    spokes: Vec<(&'static str, Cluster)>,
    stop: CancellationToken,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Fleet {
    /// With managed clusters of these names and labels; the set `apps` is bound.
    async fn start(clusters: &[(&'static str, Value)]) -> Self {
        let hub = Hub::start().await;
        let gates = json!([{"feature": "ManifestWorkReplicaSet", "mode": "Enable"}]);
        let spec = json!({"spec": {"workConfiguration": {"featureGates": gates}}});
        hub.side
            .merge("ClusterManager", "", "cluster-manager", spec)
            .await;
        let stop = CancellationToken::new();
        let account = hub
            .side
            .service_account("open-cluster-management", "cluster-manager");
        let context = Context::new(account, stop.clone());
        tokio::spawn(ocmadm::hub::work::run(context.clone()));
        tokio::spawn(ocmadm::hub::placement::run(context));
        for (kind, object) in [
            ("ManagedClusterSet", json!({"metadata": {"name": "apps"}})),
            (
                "ManagedClusterSetBinding",
                json!({"metadata": {"name": "apps", "namespace": "default"}, "spec": {"clusterSet": "apps"}}),
            ),
        ] {
            let mut object = object;
            object["apiVersion"] = "cluster.open-cluster-management.io/v1beta2".into();
            object["kind"] = kind.into();
            hub.side.create(object).await;
        }
        let mut spokes = Vec::new();
        for (name, labels) in clusters {
            // Its agent may what the hub gives every agent of an accepted cluster.
            hub.accepted(name).await;
            // Only a work agent speaks for it: the rest of an agent would say so.
            hub.set_available(name, "True").await;
            hub.side
                .merge(
                    "ManagedCluster",
                    "",
                    name,
                    json!({"metadata": {"labels": labels}, "spec": {"taints": null}}),
                )
                .await;
            // Real ones are few: tests that wait for several of them at once would
            // wait for each other. What this is about is on the hub.
            let spoke = Cluster::embedded(name).await;
            let mut definitions = bundle::agent_crds().unwrap();
            definitions.retain(|object| {
                let name = object.metadata.name.as_deref().unwrap_or_default();
                name.starts_with("appliedmanifestworks.")
            });
            spoke.install(definitions).await;
            let options = work::Options {
                cluster_name: (*name).to_owned(),
                hub_server: hub.side.url().await,
                agent_id: (*name).to_owned(),
                status_sync_interval: Duration::from_secs(5),
                eviction_grace_period: Duration::from_secs(3600),
                raw_feedback: false,
                executor_caches: false,
                copies: None,
            };
            let identity = format!("system:open-cluster-management:{name}");
            let agent = user(
                &format!("{identity}:{name}"),
                &[
                    &identity,
                    "system:open-cluster-management:managed-clusters",
                    "system:authenticated",
                ],
            );
            let (on_hub, here) = (hub.side.client_as(&agent), spoke.client.clone());
            tokio::spawn(work::run(on_hub, here, options, stop.clone()));
            spokes.push((*name, spoke));
        }
        Self { hub, spokes, stop }
    }

    async fn create(&self, version: &str, kind: &str, name: &str, spec: Value) {
        let group = kind.starts_with("Placement");
        let group = if group { "cluster" } else { "work" };
        self.hub
            .side
            .create(json!({
                "apiVersion": format!("{group}.open-cluster-management.io/{version}"), "kind": kind,
                "metadata": {"name": name, "namespace": "default"}, "spec": spec,
            }))
            .await;
    }

    fn spoke(&self, name: &str) -> &Cluster {
        let found = self.spokes.iter().find(|(spoke, _)| *spoke == name);
        &found.unwrap().1
    }

    /// Whether the application of this name is on a managed cluster.
    async fn runs(&self, cluster: &str, app: &str) -> bool {
        let spoke = self.spoke(cluster);
        spoke.get("ConfigMap", "default", app).await.is_some()
    }

    /// Waits until it is on these clusters and on no other.
    async fn until_on(&self, app: &str, wanted: &[&str]) {
        until(&format!("{app} is on {wanted:?}"), || async {
            for (name, _) in &self.spokes {
                if self.runs(name, app).await != wanted.contains(name) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    async fn change(&self, cluster: &str, patch: Value) {
        let side = &self.hub.side;
        side.merge("ManagedCluster", "", cluster, patch).await;
    }

    /// What the application itself would report.
    async fn phase(&self, cluster: &str, app: &str, phase: &str) {
        let patch = json!({"data": {"phase": phase}});
        let spoke = self.spoke(cluster);
        spoke.merge("ConfigMap", "default", app, patch).await;
    }

    /// Waits until the hub knows that the application runs there.
    async fn until_seen(&self, cluster: &str, app: &str) {
        until(&format!("{app} is known to run on {cluster}"), || async {
            let works = self.hub.side.list("ManifestWork", cluster).await;
            works
                .iter()
                .any(|work| condition(work, "Progressing").is_some_and(|(s, _)| s == "False"))
        })
        .await;
    }

    async fn until_rolled_out(&self, set: &str, wanted: (&str, &str)) -> Value {
        let kind = "ManifestWorkReplicaSet";
        eventually(&format!("{set}: rolled out is {wanted:?}"), || async {
            let found = self.hub.side.get(kind, "default", set).await?;
            let (status, reason) = condition(&found, "PlacementRolledOut")?;
            ((status.as_str(), reason.as_str()) == wanted).then_some(found)
        })
        .await
    }
}

/// A work of one ConfigMap that says itself how far it is.
fn application(name: &str) -> Value {
    let rule = |kind: &str, expression: &str| json!({"type": "CEL", "condition": kind, "celExpressions": [expression]});
    let progresses = rule("Progressing", "object.data.phase != 'runs'");
    let degraded = rule("Degraded", "object.data.phase == 'fails'");
    json!({"workload": {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"}, "data": {"phase": "starts"}}]},
        "manifestConfigs": [{
            "resourceIdentifier": {"resource": "configmaps", "name": name, "namespace": "default"},
            "updateStrategy": {"type": "CreateOnly"},
            "conditionRules": [progresses, degraded]}]})
}

#[tokio::test]
async fn an_application_follows_clusters_into_a_set_and_away_from_a_taint() {
    let fleet = Fleet::start(&[("a", json!({SET: "apps"})), ("b", json!({}))]).await;
    let spec = json!({"clusterSets": ["apps"], "tolerations": [
        {"key": "maintenance", "operator": "Exists", "tolerationSeconds": 2}]});
    fleet.create("v1beta1", "Placement", "p", spec).await;
    let spec =
        json!({"placementRefs": [{"name": "p"}], "manifestWorkTemplate": application("web")});
    fleet
        .create("v1alpha1", "ManifestWorkReplicaSet", "web", spec)
        .await;
    fleet.until_on("web", &["a"]).await;
    // Another cluster joins the set.
    fleet
        .change("b", json!({"metadata": {"labels": {SET: "apps"}}}))
        .await;
    fleet.until_on("web", &["a", "b"]).await;
    for cluster in ["a", "b"] {
        fleet.phase(cluster, "web", "runs").await;
    }
    let set = fleet.until_rolled_out("web", ("True", "Complete")).await;
    assert_eq!(set["status"]["summary"]["available"], 2);
    // One is tainted: tolerated for two seconds.
    let since = Instant::now();
    let now = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap();
    let taint = json!({"key": "maintenance", "effect": "NoSelect", "timeAdded": now.to_string()});
    fleet
        .change("a", json!({"spec": {"taints": [taint]}}))
        .await;
    fleet.until_on("web", &["b"]).await;
    // Rounded to the nearest second, as the API has it.
    assert!(since.elapsed() > Duration::from_millis(1400), "at once");
    // The taint goes, the application comes back; who leaves the set loses it.
    fleet.change("a", json!({"spec": {"taints": []}})).await;
    fleet.until_on("web", &["a", "b"]).await;
    fleet
        .change("b", json!({"metadata": {"labels": {SET: null}}}))
        .await;
    fleet.until_on("web", &["a"]).await;
    let side = &fleet.hub.side;
    side.delete("ManifestWorkReplicaSet", "default", "web")
        .await;
    fleet.until_on("web", &[]).await;
}

#[tokio::test]
async fn a_rollout_goes_group_by_group_and_stops_at_a_failure() {
    let stage = |stage: &str| json!({SET: "apps", "stage": stage});
    let fleet = Fleet::start(&[
        ("a", stage("canary")),
        ("b", stage("canary")),
        ("c", stage("rest")),
        ("d", stage("rest")),
    ])
    .await;
    let group = |name: &str| json!({"groupName": name, "groupClusterSelector": {"labelSelector": {"matchLabels": {"stage": name}}}});
    let spec = json!({"clusterSets": ["apps"], "decisionStrategy": {"groupStrategy": {
        "decisionGroups": [group("canary"), group("rest")]}}});
    fleet.create("v1beta1", "Placement", "p", spec).await;
    let by_group =
        json!({"type": "ProgressivePerGroup", "progressivePerGroup": {"progressDeadline": "1s"}});
    let spec = json!({"placementRefs": [{"name": "p", "rolloutStrategy": by_group}],
        "manifestWorkTemplate": application("one")});
    fleet
        .create("v1alpha1", "ManifestWorkReplicaSet", "s", spec)
        .await;
    fleet.until_on("one", &["a", "b"]).await;
    // One of a group that runs is not the group.
    fleet.phase("a", "one", "runs").await;
    fleet.until_seen("a", "one").await;
    fleet.until_on("one", &["a", "b"]).await;
    fleet.phase("b", "one", "runs").await;
    fleet.until_on("one", &["a", "b", "c", "d"]).await;
    fleet.phase("c", "one", "runs").await;
    fleet.phase("d", "one", "runs").await;
    fleet.until_rolled_out("s", ("True", "Complete")).await;
    // The next version fails on one of the first group: the second one keeps
    // what it has.
    let next = json!({"spec": {"manifestWorkTemplate": application("two")}});
    let side = &fleet.hub.side;
    side.merge("ManifestWorkReplicaSet", "default", "s", next)
        .await;
    fleet.until_on("two", &["a", "b"]).await;
    fleet.phase("a", "two", "runs").await;
    fleet.phase("b", "two", "fails").await;
    eventually("it says that it stopped", || async {
        let kind = "ManifestWorkReplicaSet";
        let set = side.get(kind, "default", "s").await?;
        let text = set["status"]["conditions"].to_string();
        text.contains("stopped for placement p").then_some(())
    })
    .await;
    for cluster in ["c", "d"] {
        assert!(!fleet.runs(cluster, "two").await, "{cluster} has two");
        assert!(fleet.runs(cluster, "one").await, "{cluster} lost one");
    }
    // One failure may be borne: it goes on, and the failed cluster stays as it is.
    let bears = json!({"type": "ProgressivePerGroup", "progressivePerGroup":
        {"progressDeadline": "1s", "maxFailures": 1}});
    let bears = json!({"spec": {"placementRefs": [{"name": "p", "rolloutStrategy": bears}]}});
    side.merge("ManifestWorkReplicaSet", "default", "s", bears)
        .await;
    fleet.until_on("two", &["a", "b", "c", "d"]).await;
    fleet.until_on("one", &[]).await;
    for cluster in ["b", "c", "d"] {
        fleet.phase(cluster, "two", "runs").await;
    }
    fleet.until_rolled_out("s", ("True", "Complete")).await;
}
