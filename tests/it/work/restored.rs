//! A hub, or a managed cluster, whose store is put back to an old backup: what the
//! agent remembers is of another past then.

use tempfile::TempDir;

use super::bed::*;
use crate::harness::{Cluster, Kind, copy_folder};

/// An API server's store, and its backup.
struct Store {
    live: TempDir,
    backup: TempDir,
}

impl Store {
    fn new() -> Self {
        let [live, backup] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        Self { live, backup }
    }

    /// Keeps what there is.
    async fn back_up(&mut self, side: &mut Side) {
        let other = tempfile::tempdir().unwrap();
        side.cluster.stop().await;
        copy_folder(self.live.path(), self.backup.path());
        copy_folder(self.live.path(), other.path());
        side.start_over(other.path()).await;
        self.live = other;
    }

    /// Puts it back, while nobody can ask.
    async fn restore(&self, side: &mut Side, switch: &Switch) {
        switch.set(true);
        switch.sent();
        side.cluster.stop().await;
        side.start_over(self.backup.path()).await;
        until("it is missed", || async {
            let sent = switch.sent();
            sent.iter().any(|request| request.contains("watch=true"))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_cluster_whose_store_is_an_old_backup() {
    if Kind::of_this_run() != Kind::Embedded {
        println!("skipped: a real control plane's store is not ours to exchange");
        return;
    }
    let mut store = Store::new();
    let mut bed = Bed::between(
        Cluster::start("hub"),
        Cluster::kept("spoke", store.live.path()),
    )
    .await;
    let (client, switch) = bed.spoke.switchable();
    bed.start_agent_with(options(), bed.hub.client.clone(), client);
    bed.create_work("w", vec![config_map("a", "1"), config_map("b", "1")])
        .await;
    bed.until_available("w").await;
    store.back_up(&mut bed.spoke).await;
    // What comes after the backup: another content, another manifest, another work.
    let newer = vec![
        config_map("a", "2"),
        config_map("b", "1"),
        config_map("c", "1"),
    ];
    bed.set_manifests("w", newer).await;
    bed.until_available("w").await;
    bed.create_work("later", vec![config_map("d", "1")]).await;
    bed.until_available("later").await;
    let record = bed.record("w").await.unwrap()["status"]["appliedResources"].clone();
    assert_eq!(record.as_array().unwrap().len(), 3);

    store.restore(&mut bed.spoke, &switch).await;
    let a = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(a["data"]["key"], "1", "it is the backup");
    switch.set(false);
    until("all is as the hub wants it", || async {
        let mut as_wanted = true;
        for (name, value) in [("a", "2"), ("b", "1"), ("c", "1"), ("d", "1")] {
            let found = bed.spoke.get(&config_map(name, "")).await;
            as_wanted &= found.is_some_and(|found| found["data"]["key"] == value);
        }
        as_wanted
    })
    .await;
    until("all is recorded", || async {
        let record = bed.record("w").await.unwrap();
        let resources = record["status"]["appliedResources"].as_array().cloned();
        resources.is_some_and(|resources| resources.len() == 3)
    })
    .await;
    // Nothing is left behind.
    for name in ["w", "later"] {
        bed.hub.delete(&work(name)).await;
        bed.until_gone(name).await;
    }
    for name in ["a", "b", "c", "d"] {
        assert!(bed.spoke.get(&config_map(name, "")).await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_statuses_are_of_an_old_backup() {
    if Kind::of_this_run() != Kind::Embedded {
        println!("skipped: a real control plane's store is not ours to exchange");
        return;
    }
    let mut store = Store::new();
    let mut bed = Bed::between(
        Cluster::kept("hub", store.live.path()),
        Cluster::start("spoke"),
    )
    .await;
    let (client, switch) = bed.hub.switchable();
    bed.start_agent_with(options(), client, bed.spoke.client.clone());
    // What cannot be applied is what the backup says.
    let mut refused = config_map("a", "1");
    refused["metadata"]["namespace"] = "later".into();
    bed.create_work("w", vec![refused]).await;
    bed.until_work("w", |work| is(work, "Applied", "False"))
        .await;
    store.back_up(&mut bed.hub).await;
    bed.spoke.namespace("later").await;
    bed.until_available("w").await;

    store.restore(&mut bed.hub, &switch).await;
    assert!(is(&bed.work("w").await, "Applied", "False"));
    switch.set(false);
    bed.until_available("w").await;
}
