//! What the Klusterlet says of the way to the hub, as it changes: a whole agent
//! between both clusters.

use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::support::{Bed, c1};
use crate::harness::eventually;

const DEGRADED: &str = "HubConnectionDegraded";

async fn told(bed: &Bed) -> Option<Value> {
    let klusterlet = bed.spoke.get("Klusterlet", "", "klusterlet").await?;
    let conditions = klusterlet["status"]["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == DEGRADED).cloned()
}

async fn reason(bed: &Bed, wanted: &'static str) {
    eventually(wanted, || async {
        let told = told(bed).await?;
        (told["reason"] == wanted).then_some(())
    })
    .await;
}

/// `ocmadm agent`, in this process, listening.
fn agent(bed: &Bed) -> DropGuard {
    let stop = CancellationToken::new();
    let options = ocmadm::agent::Options {
        namespace: "open-cluster-management".to_owned(),
        leader_election: false,
        ..ocmadm::agent::Options::default()
    };
    tokio::spawn(ocmadm::agent::run(
        bed.spoke_client(),
        options,
        stop.clone(),
    ));
    stop.drop_guard()
}

#[tokio::test]
async fn the_connection_is_told_as_it_is_at_once_after_a_join_and_ever_after() {
    let mut bed = Bed::prepare(c1()).await;
    let _agent = agent(&bed);
    reason(&bed, "BootstrapSecretFunctional,HubKubeConfigSecretMissing").await;
    let name = bed.first_request().await;
    bed.decide(&name, "Approved").await;
    bed.wait_secret().await;
    reason(&bed, "BootstrapSecretFunctional,HubKubeConfigUnauthorized").await;
    bed.hub.accept("c1", true).await;
    bed.wait_joined("c1").await;
    reason(&bed, "HubConnectionFunctional").await;
    // Taken back: nothing of the managed cluster's has changed.
    bed.hub.accept("c1", false).await;
    reason(&bed, "BootstrapSecretFunctional,HubKubeConfigUnauthorized").await;
    bed.hub.accept("c1", true).await;
    reason(&bed, "HubConnectionFunctional").await;
    // Away: renewals fail.
    let beat = json!({"spec": {"leaseDurationSeconds": 1}});
    bed.hub.side.merge("ManagedCluster", "", "c1", beat).await;
    let renewed = async || {
        let lease = bed.hub.side.get("Lease", "c1", "managed-cluster-lease");
        lease.await.map(|lease| lease["spec"]["renewTime"].clone())
    };
    let last = renewed().await;
    eventually("renewals of the new rhythm", || async {
        (renewed().await != last).then_some(())
    })
    .await;
    bed.gate.cut().await;
    reason(&bed, "BootstrapSecretError,HubKubeConfigError").await;
    bed.gate.restore().await;
    reason(&bed, "HubConnectionFunctional").await;
}
