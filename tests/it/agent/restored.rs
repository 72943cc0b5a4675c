//! A hub that is put back to an old backup: with its store as it was (embedded),
//! or with its objects made anew as they were, on either server. What it knows is
//! of the past; the cluster is joined and available all the same, with the
//! identity it has, and what runs on it is not touched.

use serde_json::{Value, json};

use super::support::{Bed, c1};
use crate::harness::{Cluster, Kind, copy_folder, eventually, until};
use crate::hub::support::Hub;

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": name},
        "metadata": {"name": name, "namespace": "default"}})
}

fn work(name: &str) -> Value {
    json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": name, "namespace": "c1"},
        "spec": {"workload": {"manifests": [map(name)]}}})
}

async fn applied(bed: &Bed, name: &str) -> Value {
    eventually("the work is applied", || {
        bed.spoke.get("ConfigMap", "default", name)
    })
    .await
}

async fn lease(bed: &Bed) -> Value {
    let lease = bed.hub.side.get("Lease", "c1", "managed-cluster-lease");
    lease
        .await
        .map_or(Value::Null, |lease| lease["spec"]["renewTime"].clone())
}

async fn lively(bed: &Bed) {
    let beat = json!({"spec": {"leaseDurationSeconds": 1}});
    bed.hub.side.merge("ManagedCluster", "", "c1", beat).await;
}

/// It lives, and takes work.
async fn goes_on(bed: &Bed, requests: usize) {
    let last = lease(bed).await;
    until("joined, available and renewed", || async {
        bed.is_joined("c1").await && lease(bed).await != last
    })
    .await;
    bed.hub.side.create(work("later")).await;
    applied(bed, "later").await;
    assert_eq!(
        bed.requests().await.len(),
        requests,
        "its identity was good"
    );
}

/// A store as it was: revisions go back, and watches ask for the future.
#[tokio::test]
async fn a_hub_whose_store_is_an_old_backup() {
    if Kind::of_this_run() != Kind::Embedded {
        println!("skipped: a real control plane's store is not ours to exchange");
        return;
    }
    let [first, live, backup] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let hub = async { Hub::on(Cluster::kept("hub", first.path()).await, json!({})).await };
    let mut bed = Bed::at(hub, c1()).await;
    bed.start_agent();
    bed.accept("c1").await;
    bed.wait_joined("c1").await;
    lively(&bed).await;
    bed.hub.side.create(work("old")).await;
    let old = applied(&bed, "old").await;
    // The backup.
    bed.away().await;
    copy_folder(first.path(), live.path());
    copy_folder(first.path(), backup.path());
    bed.back(live.path()).await;
    // What came after it.
    bed.hub.side.create(work("new")).await;
    let new = applied(&bed, "new").await;
    // The agent's watch of works gets far ahead of the old store: from there an API
    // server is silent until it has come as far again.
    for number in 0..200 {
        let note = json!({"metadata": {"annotations": {"number": number.to_string()}}});
        let side = &bed.hub.side;
        side.merge("ManifestWork", "c1", "new", note).await;
    }
    bed.away().await;
    bed.back(backup.path()).await;
    goes_on(&bed, 1).await;
    assert_eq!(applied(&bed, "old").await, old);
    // Nobody deleted it: it stays for its grace period.
    assert_eq!(applied(&bed, "new").await, new);
}

/// What of an object a backup's tool makes anew.
async fn again(side: &Cluster, mut object: Value) {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "managedFields",
        "generation",
    ] {
        metadata.remove(field);
    }
    metadata.remove("finalizers");
    let status = object["status"].take();
    let created = side.create(object.clone()).await;
    if !status.is_null() {
        let name = created["metadata"]["name"].as_str().unwrap().to_owned();
        let namespace = created["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default();
        let kind = created["kind"].as_str().unwrap();
        side.merge_status(kind, namespace, &name, json!({"status": status}))
            .await;
    }
}

/// Takes away what is there, whatever holds it, at one stroke: nobody is to see
/// that it was deleted, for it is not.
async fn erase(side: &Cluster, kind: &str, namespace: &str, name: &str) {
    let none = kube::api::Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let params = kube::api::PatchParams::default();
    let api = side.api(kind, namespace);
    api.patch(name, &params, &none).await.unwrap();
    side.delete(kind, namespace, name).await;
    until("it is gone", || async {
        // What is on its way out may still have added one.
        api.patch(name, &params, &none).await.is_err()
    })
    .await;
}

/// Objects made anew: their uids, conditions and times are not what they were.
#[tokio::test]
async fn a_hub_whose_objects_are_made_anew_as_they_once_were() {
    // When the backup was made: before it was accepted, or when it had joined.
    for accepted in [false, true] {
        let mut bed = Bed::start(c1()).await;
        let name = bed.first_request().await;
        eventually("the managed cluster", || {
            bed.hub.side.get("ManagedCluster", "", "c1")
        })
        .await;
        let mut backup = bed.hub.cluster("c1").await;
        bed.decide(&name, "Approved").await;
        bed.hub.accept("c1", true).await;
        bed.wait_joined("c1").await;
        lively(&bed).await;
        bed.hub.side.create(work("old")).await;
        let old = applied(&bed, "old").await;
        let works = bed.hub.side.list("ManifestWork", "c1").await;
        let stale = bed
            .hub
            .side
            .get("Lease", "c1", "managed-cluster-lease")
            .await
            .unwrap();
        if accepted {
            backup = bed.hub.cluster("c1").await;
        }
        bed.gate.cut().await;
        bed.hub.stop_controllers();
        erase(&bed.hub.side, "ManagedCluster", "", "c1").await;
        erase(&bed.hub.side, "ManifestWork", "c1", "old").await;
        erase(&bed.hub.side, "Lease", "c1", "managed-cluster-lease").await;
        erase(&bed.hub.side, "CertificateSigningRequest", "", &name).await;
        again(&bed.hub.side, backup).await;
        if accepted {
            again(&bed.hub.side, stale).await;
            for work in works {
                again(&bed.hub.side, work).await;
            }
        }
        bed.hub.start_controllers();
        bed.gate.restore().await;
        if !accepted {
            // Nobody but a person says yes, again.
            until("it is as a new one", || async {
                let cluster = bed.hub.cluster("c1").await;
                crate::hub::support::taints(&cluster).len() == 1
            })
            .await;
            assert!(!bed.is_joined("c1").await);
            bed.hub.accept("c1", true).await;
            lively(&bed).await;
        }
        goes_on(&bed, 0).await;
        assert_eq!(
            applied(&bed, "old").await["metadata"]["uid"],
            old["metadata"]["uid"]
        );
        bed.stop_agent().await;
    }
}
