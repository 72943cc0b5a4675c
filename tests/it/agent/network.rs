//! The network between agent and hub goes away in each of its ways, at each
//! step of the handshake. The cluster joins all the same, and what runs on it is
//! not touched.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Bed, c1};
use crate::harness::{eventually, until};
use crate::hub::support::AVAILABLE;

/// How it goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Connections break, new ones too.
    Cut,
    /// Nothing arrives, nothing breaks; later it does.
    Freeze,
    /// Connections are silent for ever, new ones are good.
    Forget,
}

/// When it goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing was asked yet.
    BeforeTheRequest,
    /// The request lies at the hub; both yeses come meanwhile.
    AfterTheRequest,
    /// The cluster is accepted; the request is approved and signed meanwhile.
    BeforeTheSigning,
    /// The certificate is there; the cluster is accepted meanwhile.
    BeforeTheFirstLease,
    /// The cluster has joined; the hub misses it meanwhile.
    Steady,
}

const STEPS: [Step; 5] = [
    Step::BeforeTheRequest,
    Step::AfterTheRequest,
    Step::BeforeTheSigning,
    Step::BeforeTheFirstLease,
    Step::Steady,
];

async fn lease(bed: &Bed) -> Value {
    let lease = bed.hub.side.get("Lease", "c1", "managed-cluster-lease");
    lease
        .await
        .map_or(Value::Null, |lease| lease["spec"]["renewTime"].clone())
}

async fn request(bed: &Bed) -> String {
    let name = bed.first_request().await;
    until("the managed cluster", || async {
        let cluster = bed.hub.side.get("ManagedCluster", "", "c1").await;
        cluster.is_some()
    })
    .await;
    name
}

/// A work's config map on the managed cluster.
async fn applied(bed: &Bed) -> Value {
    eventually("the work is applied", || {
        bed.spoke.get("ConfigMap", "default", "workload")
    })
    .await
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
        "metadata": {"name": name, "namespace": "default"}})
}

async fn work(bed: &Bed) {
    bed.hub
        .side
        .create(
            json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
            "metadata": {"name": "w", "namespace": "c1"},
            "spec": {"workload": {"manifests": [map("workload")]}}}),
        )
        .await;
}

/// Leads agent and hub to the step.
async fn reach(bed: &mut Bed, step: Step) {
    if step == Step::BeforeTheRequest {
        return;
    }
    bed.start_agent();
    let name = request(bed).await;
    match step {
        Step::BeforeTheRequest | Step::AfterTheRequest => {}
        Step::BeforeTheSigning => bed.hub.accept("c1", true).await,
        Step::BeforeTheFirstLease => {
            bed.decide(&name, "Approved").await;
            bed.wait_secret().await;
        }
        Step::Steady => {
            bed.decide(&name, "Approved").await;
            bed.hub.accept("c1", true).await;
            bed.wait_joined("c1").await;
            let beat = json!({"spec": {"leaseDurationSeconds": 1}});
            bed.hub.side.merge("ManagedCluster", "", "c1", beat).await;
            work(bed).await;
            applied(bed).await;
        }
    }
}

/// What goes on at the hub while the agent cannot see it.
async fn meanwhile(bed: &mut Bed, step: Step, fault: Fault) {
    let tried = bed.gate.tried();
    match step {
        Step::BeforeTheRequest => bed.start_agent(),
        Step::AfterTheRequest => {
            bed.accept_what_there_is("c1").await;
        }
        Step::BeforeTheSigning => {
            let name = bed.first_request().await;
            bed.decide(&name, "Approved").await;
            until("it is signed", || async {
                let requests = bed.requests().await;
                requests
                    .iter()
                    .all(|request| request["status"]["certificate"].is_string())
            })
            .await;
        }
        Step::BeforeTheFirstLease => bed.hub.accept("c1", true).await,
        // Connections that nobody else uses are found out by what is said over them.
        Step::Steady if fault == Fault::Forget => return,
        Step::Steady => {
            bed.hub.wait_condition("c1", AVAILABLE, "Unknown").await;
        }
    }
    // Whoever can notice has noticed.
    if fault == Fault::Cut || step == Step::BeforeTheRequest {
        bed.gate.tried_again(tried).await;
    }
}

async fn row(step: Step, fault: Fault) {
    let mut bed = Bed::prepare(c1()).await;
    reach(&mut bed, step).await;
    let before = match step {
        Step::Steady => Some(applied(&bed).await),
        _ => None,
    };
    match fault {
        Fault::Cut => bed.gate.cut().await,
        Fault::Freeze => bed.gate.freeze(),
        Fault::Forget => bed.gate.forget(),
    }
    meanwhile(&mut bed, step, fault).await;
    let last = lease(&bed).await;
    match fault {
        Fault::Cut => bed.gate.restore().await,
        Fault::Freeze => bed.gate.thaw(),
        Fault::Forget => {}
    }
    if step == Step::BeforeTheRequest {
        let name = request(&bed).await;
        bed.decide(&name, "Approved").await;
        bed.hub.accept("c1", true).await;
    }
    until(
        &format!("{step:?}, {fault:?}: joined and available"),
        || async {
            // A request whose answer was lost is asked for once more.
            bed.accept_what_there_is("c1").await;
            bed.is_joined("c1").await && lease(&bed).await != last
        },
    )
    .await;
    let asked = bed.requests().await.len();
    assert!(asked <= 2, "{step:?}, {fault:?}: {asked} requests");
    if step == Step::Steady {
        assert_eq!(asked, 1, "{fault:?}: its identity was good");
        // It goes on: what the hub says now is heard.
        let more = json!({"spec": {"workload": {"manifests": [map("workload"), map("news")]}}});
        bed.hub.side.merge("ManifestWork", "c1", "w", more).await;
        eventually(&format!("{fault:?}: news are heard"), || {
            bed.spoke.get("ConfigMap", "default", "news")
        })
        .await;
    }
    if let Some(before) = before {
        assert_eq!(applied(&bed).await, before, "{fault:?}: untouched");
    }
    bed.stop_agent().await;
}

async fn table(fault: Fault) {
    for step in STEPS {
        let start = std::time::Instant::now();
        row(step, fault).await;
        let took: Duration = start.elapsed();
        println!("{step:?}, {fault:?}: {:.1} s", took.as_secs_f64());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_at_any_step_is_waited_for() {
    table(Fault::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_stalls_at_any_step_is_waited_for() {
    table(Fault::Freeze).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_forgotten_at_any_step_are_made_anew() {
    table(Fault::Forget).await;
}
