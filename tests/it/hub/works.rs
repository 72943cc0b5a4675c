//! Replica sets of works, and works that are finished. The hub runs as its own
//! service account.

use std::sync::atomic::{AtomicUsize, Ordering};

use kube::api::{DeleteParams, Patch, PatchParams};
use ocmadm::bundle::{self, HubValues};
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::support::{condition, finalizers};
use crate::harness::{Cluster, eventually, until};

const SET_LABEL: &str = "work.open-cluster-management.io/manifestworkreplicaset";
const PLACEMENT_LABEL: &str = "work.open-cluster-management.io/placementname";

/// A hub whose work controllers run, with namespaces of clusters.
struct Hub {
    side: Cluster,
    stop: CancellationToken,
    decisions: AtomicUsize,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Hub {
    async fn start(clusters: &[&str]) -> Self {
        let side = Cluster::start("hub").await;
        side.install(bundle::hub_crds().unwrap()).await;
        side.install(bundle::hub(&HubValues::default()).unwrap())
            .await;
        let gate = |name: &str| json!({"feature": name, "mode": "Enable"});
        let gates = [
            gate("ManifestWorkReplicaSet"),
            gate("CleanUpCompletedManifestWork"),
        ];
        let spec = json!({"spec": {"workConfiguration": {"featureGates": gates}}});
        side.merge("ClusterManager", "", "cluster-manager", spec)
            .await;
        for cluster in clusters {
            side.create(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster}}),
            )
            .await;
        }
        let stop = CancellationToken::new();
        let client = side.service_account("open-cluster-management", "cluster-manager");
        tokio::spawn(ocmadm::hub::work::run(Context::new(client, stop.clone())));
        Self {
            side,
            stop,
            decisions: AtomicUsize::new(0),
        }
    }

    /// A placement that has chosen these clusters, in groups.
    async fn placement(&self, name: &str, groups: &[&[&str]]) {
        self.side
            .create(json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement",
                "metadata": {"name": name, "namespace": "default"}, "spec": {}}))
            .await;
        for (index, clusters) in groups.iter().enumerate() {
            let serial = self.decisions.fetch_add(1, Ordering::SeqCst);
            let decision = format!("{name}-{serial}");
            self.side
                .create(json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "PlacementDecision",
                    "metadata": {"name": decision, "namespace": "default", "labels": {
                        "cluster.open-cluster-management.io/placement": name,
                        "cluster.open-cluster-management.io/decision-group-index": index.to_string(),
                        "cluster.open-cluster-management.io/decision-group-name": ""}}}))
                .await;
            self.choose(&decision, clusters).await;
        }
        let selected: usize = groups.iter().map(|group| group.len()).sum();
        let status = json!({"status": {"numberOfSelectedClusters": selected, "decisionGroups": [], "conditions": []}});
        self.side
            .merge_status("Placement", "default", name, status)
            .await;
    }

    async fn choose(&self, decision: &str, clusters: &[&str]) {
        let decisions: Vec<Value> = clusters
            .iter()
            .map(|cluster| json!({"clusterName": cluster, "reason": ""}))
            .collect();
        let status = json!({"status": {"decisions": decisions}});
        self.side
            .merge_status("PlacementDecision", "default", decision, status)
            .await;
    }

    /// A set over placements, each with its strategy.
    async fn set(&self, name: &str, placements: &[(&str, Value)]) {
        let refs: Vec<Value> = placements
            .iter()
            .map(|(name, strategy)| {
                let mut reference = json!({"name": name});
                if !strategy.is_null() {
                    reference["rolloutStrategy"] = strategy.clone();
                }
                reference
            })
            .collect();
        self.side
            .create(json!({"apiVersion": "work.open-cluster-management.io/v1alpha1", "kind": "ManifestWorkReplicaSet",
                "metadata": {"name": name, "namespace": "default", "labels": {"team": "a"}},
                "spec": {"placementRefs": refs, "manifestWorkTemplate": template("1")}}))
            .await;
    }

    async fn edit(&self, name: &str, spec: Value) {
        self.side
            .merge(
                "ManifestWorkReplicaSet",
                "default",
                name,
                json!({"spec": spec}),
            )
            .await;
    }

    async fn the_set(&self, name: &str) -> Option<Value> {
        self.side
            .get("ManifestWorkReplicaSet", "default", name)
            .await
    }

    /// The works of all sets: cluster, name, data.
    async fn works(&self) -> Vec<(String, String, String)> {
        let mut works: Vec<_> = self
            .side
            .list("ManifestWork", "")
            .await
            .iter()
            .filter(|work| work["metadata"]["labels"][SET_LABEL].is_string())
            .map(|work| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let data = &work["spec"]["workload"]["manifests"][0]["data"]["key"];
                (
                    text(&work["metadata"]["namespace"]),
                    text(&work["metadata"]["name"]),
                    text(data),
                )
            })
            .collect();
        works.sort();
        works
    }

    /// Waits until works are on exactly these clusters with this data.
    async fn until_works(&self, wanted: &[(&str, &str)]) -> Vec<(String, String, String)> {
        eventually(&format!("works {wanted:?}"), || async {
            let works = self.works().await;
            let have: Vec<(&str, &str)> = works
                .iter()
                .map(|(cluster, _, data)| (cluster.as_str(), data.as_str()))
                .collect();
            (have == wanted).then_some(works)
        })
        .await
    }

    /// Reports conditions of the work on a cluster as its agent would.
    async fn report(&self, cluster: &str, conditions: &[(&str, &str)]) {
        eventually("the report is written", || async {
            let work = self
                .side
                .list("ManifestWork", cluster)
                .await
                .into_iter()
                .next()?;
            let conditions: Vec<Value> = conditions
                .iter()
                .map(|(kind, status)| {
                    json!({"type": kind, "status": status, "reason": "Test", "message": "",
                    "lastTransitionTime": jiff::Timestamp::now().to_string(),
                    "observedGeneration": work["metadata"]["generation"]})
                })
                .collect();
            let patch = json!({
                "metadata": {"resourceVersion": work["metadata"]["resourceVersion"]},
                "status": {"conditions": conditions},
            });
            self.side
                .api("ManifestWork", cluster)
                .patch_status(
                    work["metadata"]["name"].as_str()?,
                    &PatchParams::default(),
                    &Patch::Merge(patch),
                )
                .await
                .ok()
        })
        .await;
    }

    async fn done(&self, cluster: &str) {
        self.report(
            cluster,
            &[
                ("Applied", "True"),
                ("Available", "True"),
                ("Progressing", "False"),
            ],
        )
        .await;
    }

    async fn until_condition(&self, name: &str, kind: &str, wanted: (&str, &str)) -> Value {
        eventually(&format!("{name}: {kind} is {wanted:?}"), || async {
            let set = self.the_set(name).await?;
            let (status, reason) = condition(&set, kind)?;
            ((status.as_str(), reason.as_str()) == wanted).then_some(set)
        })
        .await
    }
}

fn template(data: &str) -> Value {
    json!({"workload": {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "default"}, "data": {"key": data}}]}})
}

#[tokio::test]
async fn work_55_56_57_a_set_follows_its_placement_and_its_template() {
    let hub = Hub::start(&["a", "b", "c"]).await;
    hub.placement("p", &[&["a", "b"]]).await;
    hub.set("set1", &[("p", Value::Null)]).await;
    let works = hub.until_works(&[("a", "1"), ("b", "1")]).await;
    assert!(
        works[0].1.starts_with("set1") && works[0].1.len() == 9,
        "{works:?}"
    );
    let work = hub
        .side
        .get("ManifestWork", "a", &works[0].1)
        .await
        .unwrap();
    let labels = &work["metadata"]["labels"];
    assert_eq!(
        *labels,
        json!({"team": "a", SET_LABEL: "default.set1", PLACEMENT_LABEL: "p"})
    );
    let set = eventually("two are counted", || async {
        let set = hub.the_set("set1").await?;
        (set["status"]["summary"] == json!({"total": 2})).then_some(set)
    })
    .await;
    assert_eq!(
        finalizers(&set),
        ["work.open-cluster-management.io/manifest-work-cleanup"]
    );
    let group = &set["status"]["placementSummary"][0];
    assert_eq!(group["name"], "p");
    assert_eq!(
        group["availableDecisionGroups"],
        "1 (2 / 2 clusters applied)"
    );
    hub.until_condition("set1", "PlacementVerified", ("True", "AsExpected"))
        .await;

    // Another template: the same works with another content.
    hub.edit("set1", json!({"manifestWorkTemplate": template("2")}))
        .await;
    let updated = hub.until_works(&[("a", "2"), ("b", "2")]).await;
    let names = |works: &[(String, String, String)]| -> Vec<String> {
        works.iter().map(|(_, name, _)| name.clone()).collect()
    };
    assert_eq!(names(&works), names(&updated));

    // Another cluster in, one out.
    hub.choose("p-0", &["b", "c"]).await;
    hub.until_works(&[("b", "2"), ("c", "2")]).await;
    hub.choose("p-0", &["b"]).await;
    hub.until_works(&[("b", "2")]).await;
    until("one is counted", || async {
        hub.the_set("set1").await.unwrap()["status"]["summary"]["total"] == 1
    })
    .await;
    // The set goes with its works.
    hub.side
        .delete("ManifestWorkReplicaSet", "default", "set1")
        .await;
    hub.until_works(&[]).await;
    until("the set is gone", || async {
        hub.the_set("set1").await.is_none()
    })
    .await;
}

#[tokio::test]
async fn a_set_counts_what_its_works_say() {
    let hub = Hub::start(&["a", "b"]).await;
    hub.placement("p", &[&["a", "b"]]).await;
    hub.set("s", &[("p", Value::Null)]).await;
    hub.until_works(&[("a", "1"), ("b", "1")]).await;
    hub.report("a", &[("Applied", "True"), ("Progressing", "True")])
        .await;
    hub.until_condition("s", "ManifestworkApplied", ("False", "Processing"))
        .await;
    hub.done("a").await;
    hub.done("b").await;
    hub.until_condition("s", "ManifestworkApplied", ("True", "AsExpected"))
        .await;
    let set = hub
        .until_condition("s", "PlacementRolledOut", ("True", "Complete"))
        .await;
    assert_eq!(
        set["status"]["summary"],
        json!({"total": 2, "applied": 2, "available": 2})
    );
    hub.report(
        "b",
        &[
            ("Applied", "True"),
            ("Available", "False"),
            ("Progressing", "True"),
            ("Degraded", "True"),
        ],
    )
    .await;
    hub.until_condition("s", "PlacementRolledOut", ("False", "Progressing"))
        .await;
    let set = hub
        .until_condition("s", "ManifestworkApplied", ("False", "NotAsExpected"))
        .await;
    assert_eq!(
        set["status"]["summary"],
        json!({"total": 2, "applied": 2, "available": 1, "progressing": 1, "degraded": 1})
    );
}

#[tokio::test]
async fn work_58_two_clusters_at_a_time() {
    let hub = Hub::start(&["a", "b", "c", "d"]).await;
    hub.placement("p", &[&["a", "b", "c", "d"]]).await;
    let two = json!({"type": "Progressive", "progressive": {"maxConcurrency": 2}});
    hub.set("s", &[("p", two)]).await;
    hub.until_works(&[("a", "1"), ("b", "1")]).await;
    hub.done("a").await;
    hub.until_works(&[("a", "1"), ("b", "1"), ("c", "1")]).await;
    hub.done("b").await;
    hub.until_works(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")])
        .await;
    hub.done("c").await;
    hub.done("d").await;
    hub.until_condition("s", "PlacementRolledOut", ("True", "Complete"))
        .await;
    // A new template begins anew.
    hub.edit("s", json!({"manifestWorkTemplate": template("2")}))
        .await;
    hub.until_works(&[("a", "2"), ("b", "2"), ("c", "1"), ("d", "1")])
        .await;
}

#[tokio::test]
async fn work_59_60_failures_stop_a_rollout_and_success_must_last() {
    let hub = Hub::start(&["a", "b", "c"]).await;
    hub.placement("p", &[&["a", "b", "c"]]).await;
    let one = json!({"type": "Progressive", "progressive": {"maxConcurrency": 1, "progressDeadline": "1s"}});
    hub.set("s", &[("p", one)]).await;
    hub.until_works(&[("a", "1")]).await;
    hub.report(
        "a",
        &[
            ("Applied", "True"),
            ("Progressing", "True"),
            ("Degraded", "True"),
        ],
    )
    .await;
    let message = "stopped for placement p: more clusters failed than maxFailures allows";
    eventually("it says that it stopped", || async {
        let set = hub.the_set("s").await?;
        let conditions = set["status"]["conditions"].as_array()?.clone();
        conditions
            .iter()
            .any(|c| c["message"] == message)
            .then_some(())
    })
    .await;
    hub.until_works(&[("a", "1")]).await;
    // One may fail, and success has to last for a second.
    let bears = json!({"type": "Progressive", "progressive": {"maxConcurrency": 1,
        "progressDeadline": "1s", "maxFailures": 1, "minSuccessTime": "1s"}});
    hub.edit(
        "s",
        json!({"placementRefs": [{"name": "p", "rolloutStrategy": bears}]}),
    )
    .await;
    hub.until_works(&[("a", "1"), ("b", "1")]).await;
    hub.done("b").await;
    hub.until_works(&[("a", "1"), ("b", "1"), ("c", "1")]).await;
}

#[tokio::test]
async fn work_61_missing_and_empty_placements_are_said() {
    let hub = Hub::start(&["a"]).await;
    hub.set("s", &[("p", Value::Null)]).await;
    let set = hub
        .until_condition(
            "s",
            "PlacementVerified",
            ("False", "PlacementDecisionNotFound"),
        )
        .await;
    let text = set["status"]["conditions"].to_string();
    assert!(
        text.contains("there is no placement p in namespace default"),
        "{text}"
    );
    hub.placement("p", &[&[]]).await;
    let set = hub
        .until_condition(
            "s",
            "PlacementVerified",
            ("False", "PlacementDecisionEmpty"),
        )
        .await;
    assert_eq!(condition(&set, "PlacementRolledOut").unwrap().0, "False");
    hub.choose("p-0", &["a"]).await;
    hub.until_works(&[("a", "1")]).await;
    // A cluster without namespace is named, and does not keep others.
    hub.choose("p-0", &["a", "nowhere"]).await;
    eventually("it is said", || async {
        let set = hub.the_set("s").await?;
        let text = set["status"]["conditions"].to_string();
        text.contains("cannot create the work of cluster nowhere")
            .then_some(())
    })
    .await;
    hub.until_works(&[("a", "1")]).await;
}

#[tokio::test]
async fn work_62_with_foreground_a_set_stays_until_its_last_work_is_gone() {
    let hub = Hub::start(&["a"]).await;
    hub.placement("p", &[&["a"]]).await;
    hub.set("s", &[("p", Value::Null)]).await;
    let works = hub.until_works(&[("a", "1")]).await;
    let name = works[0].1.clone();
    hub.edit("s", json!({"cascadeDeletionPolicy": "Foreground"}))
        .await;
    hub.side
        .merge(
            "ManifestWork",
            "a",
            &name,
            json!({"metadata": {"finalizers": ["example.com/hold"]}}),
        )
        .await;
    hub.side
        .delete("ManifestWorkReplicaSet", "default", "s")
        .await;
    until("the work is being deleted", || async {
        let work = hub.side.get("ManifestWork", "a", &name).await.unwrap();
        work["metadata"]["deletionTimestamp"].is_string()
    })
    .await;
    assert_eq!(finalizers(&hub.the_set("s").await.unwrap()).len(), 1);
    hub.side
        .merge(
            "ManifestWork",
            "a",
            &name,
            json!({"metadata": {"finalizers": null}}),
        )
        .await;
    until("the set is gone", || async {
        hub.the_set("s").await.is_none()
    })
    .await;
}

#[tokio::test]
async fn work_63_finished_works_go_unless_a_set_has_them() {
    let hub = Hub::start(&["a"]).await;
    let work = |name: &str, ttl: Value, labels: Value| {
        let mut spec = template("1");
        spec["deleteOption"] =
            json!({"propagationPolicy": "Foreground", "ttlSecondsAfterFinished": ttl});
        json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
            "metadata": {"name": name, "namespace": "a", "labels": labels}, "spec": spec})
    };
    let all = [
        work("kept", Value::Null, json!({})),
        work("owned", json!(0), json!({SET_LABEL: "default.none"})),
        work("running", json!(0), json!({})),
        work("soon", json!(1), json!({})),
        work("now", json!(0), json!({})),
    ];
    for object in all {
        hub.side.create(object).await;
    }
    let complete = json!({"status": {"conditions": [{"type": "Complete", "status": "True", "reason": "Test",
        "message": "", "lastTransitionTime": jiff::Timestamp::now().to_string()}]}});
    for name in ["kept", "owned", "soon", "now"] {
        hub.side
            .merge_status("ManifestWork", "a", name, complete.clone())
            .await;
    }
    until("both are gone", || async {
        hub.side.list("ManifestWork", "a").await.len() == 3
    })
    .await;
    for name in ["kept", "owned", "running"] {
        assert!(
            hub.side.get("ManifestWork", "a", name).await.is_some(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn work_64_overlapping_placements_have_one_work_each() {
    let hub = Hub::start(&["a", "b"]).await;
    hub.placement("p", &[&["a", "b"]]).await;
    hub.placement("q", &[&["b"]]).await;
    hub.set("s", &[("p", Value::Null), ("q", Value::Null)])
        .await;
    let first = hub.until_works(&[("a", "1"), ("b", "1"), ("b", "1")]).await;
    // Rounds later they are the same.
    for data in ["2", "3"] {
        hub.edit("s", json!({"manifestWorkTemplate": template(data)}))
            .await;
        hub.until_works(&[("a", data), ("b", data), ("b", data)])
            .await;
    }
    let names = |works: &[(String, String, String)]| -> Vec<String> {
        works.iter().map(|(_, name, _)| name.clone()).collect()
    };
    assert_eq!(names(&first), names(&hub.works().await));
    // A reference that goes takes its work along, even with a new template.
    hub.edit(
        "s",
        json!({"placementRefs": [{"name": "p"}], "manifestWorkTemplate": template("4")}),
    )
    .await;
    hub.until_works(&[("a", "4"), ("b", "4")]).await;
    // What someone deletes comes back.
    let works = hub.works().await;
    hub.side
        .api("ManifestWork", "a")
        .delete(&works[0].1, &DeleteParams::default())
        .await
        .unwrap();
    until("it is back", || async { hub.works().await.len() == 2 }).await;
}
