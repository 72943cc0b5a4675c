//! What an agent does not do: renew while it is not accepted, report while
//! clocks are apart, take a stumble of its API server for a fall.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use kube::Client;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};

use super::support::{AGENT_NAMESPACE, BOOTSTRAP, Bed, c1, text};
use crate::harness::{PATIENCE, eventually, until};
use crate::hub::support::{ACCEPTED, AVAILABLE, condition};

/// That nothing happens takes time to see: three periods of a lease.
const QUIET: Duration = Duration::from_secs(3);
const SYNCED: &str = "ManagedClusterConditionClockSynced";

async fn renewed(bed: &Bed) -> Value {
    let lease = bed.hub.side.get("Lease", "c1", "managed-cluster-lease");
    lease
        .await
        .map_or(Value::Null, |lease| lease["spec"]["renewTime"].clone())
}

async fn beat(bed: &Bed, seconds: u32) {
    let spec = json!({"spec": {"leaseDurationSeconds": seconds}});
    bed.hub.side.merge("ManagedCluster", "", "c1", spec).await;
}

/// The next renewal, as the agent's clock has it.
async fn next(bed: &Bed) -> jiff::Timestamp {
    let last = renewed(bed).await;
    let next = eventually("a renewal", || async {
        let next = renewed(bed).await;
        (next != last && !next.is_null()).then_some(next)
    })
    .await;
    next.as_str().unwrap().parse().unwrap()
}

/// A condition, written by somebody else; the hub's controllers are away.
async fn forge(bed: &Bed, kind: &str, status: &str) {
    let cluster = bed.hub.cluster("c1").await;
    let mut conditions = cluster["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    conditions.retain(|condition| condition["type"] != kind);
    conditions.push(
        json!({"type": kind, "status": status, "reason": "Test", "message": "m",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}),
    );
    let patch = json!({"status": {"conditions": conditions}});
    bed.hub
        .side
        .merge_status("ManagedCluster", "", "c1", patch)
        .await;
}

async fn node(bed: &Bed, name: &str) {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    bed.spoke.create(node).await;
    let capacity = json!({"status": {"capacity": {"cpu": "4"}, "allocatable": {"cpu": "4"}}});
    bed.spoke.merge_status("Node", "", name, capacity).await;
}

#[tokio::test]
async fn registration_50_the_lease_is_renewed_at_once_and_in_its_rhythm() {
    let bed = Bed::start(c1()).await;
    let leases = bed.hub.side.api("Lease", "c1");
    let mut leases = watcher(leases, watcher::Config::default())
        .applied_objects()
        .boxed();
    let mut seen = async || {
        let lease = tokio::time::timeout(PATIENCE, leases.next()).await;
        let lease = lease.expect("a renewal").unwrap().unwrap();
        let renewed = lease.data["spec"]["renewTime"].as_str().unwrap();
        renewed.parse::<jiff::Timestamp>().unwrap()
    };
    bed.accept("c1").await;
    // Made by the hub.
    let made = seen().await;
    let start = Instant::now();
    let renewed = seen().await;
    assert!(renewed > made);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "at once, not after a minute"
    );
    bed.wait_joined("c1").await;
    // Another duration counts at once, too.
    let start = Instant::now();
    beat(&bed, 2).await;
    let mut last = seen().await;
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "the minute was not waited for"
    );
    for _ in 0..3 {
        let this = seen().await;
        let pause = this.duration_since(last).as_millis();
        // Two to two and a half seconds, and a second for a busy machine.
        assert!((1990..3500).contains(&pause), "{pause} ms");
        last = this;
    }
}

#[tokio::test]
async fn registration_51_what_is_not_accepted_is_not_renewed_even_if_it_may_be() {
    let bed = Bed::joined(c1()).await;
    beat(&bed, 1).await;
    next(&bed).await;
    // All rights stay.
    bed.hub.stop_controllers();
    forge(&bed, ACCEPTED, "False").await;
    eventually("the beat stops", || async {
        let last = renewed(&bed).await;
        tokio::time::sleep(QUIET).await;
        (renewed(&bed).await == last).then_some(())
    })
    .await;
    forge(&bed, ACCEPTED, "True").await;
    next(&bed).await;
    next(&bed).await;
}

#[tokio::test]
async fn registration_55_with_clocks_apart_only_the_lease_is_written() {
    let bed = Bed::joined(c1()).await;
    beat(&bed, 1).await;
    next(&bed).await;
    bed.hub.stop_controllers();
    forge(&bed, SYNCED, "False").await;
    let before = bed.hub.cluster("c1").await;
    node(&bed, "n1").await;
    // It lives, and keeps the news to itself.
    next(&bed).await;
    next(&bed).await;
    next(&bed).await;
    let after = bed.hub.cluster("c1").await;
    assert_eq!(before["status"], after["status"]);
    forge(&bed, SYNCED, "True").await;
    until("the news are told", async || {
        bed.hub.cluster("c1").await["status"]["capacity"]["cpu"] == "4"
    })
    .await;
}

/// The managed cluster's API server, with a say in how healthy it claims to be.
struct Patient {
    livez: Arc<AtomicU16>,
    client: Client,
}

impl Patient {
    fn of(bed: &Bed) -> Self {
        let livez = Arc::new(AtomicU16::new(200));
        let (code, server) = (Arc::clone(&livez), bed.spoke_client());
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (code, server) = (code.load(Ordering::SeqCst), server.clone());
            async move {
                if code == 200 || request.uri().path() != "/livez" {
                    return server.send(request).await;
                }
                let body = kube::client::Body::from(b"etcd is away".to_vec());
                let answer = http::Response::builder().status(code).body(body);
                answer.map_err(|error| kube::Error::Service(error.into()))
            }
        });
        Self {
            livez,
            client: Client::new(service, "default"),
        }
    }

    fn says(&self, code: u16) {
        self.livez.store(code, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn registration_52_only_twenty_seconds_of_failures_are_told() {
    let mut bed = Bed::prepare(c1()).await;
    let patient = Patient::of(&bed);
    bed.start_agent_with(patient.client.clone());
    bed.accept("c1").await;
    bed.wait_joined("c1").await;
    bed.hub.stop_controllers();
    // Who may not look at /livez, or has none, looks at /healthz.
    for code in [403, 404] {
        patient.says(code);
        bed.hub.set_available("c1", "Unknown").await;
        bed.wait_joined("c1").await;
    }
    patient.says(500);
    let start = Instant::now();
    // Something to look at it for.
    node(&bed, "n1").await;
    let told = loop {
        let cluster = bed.hub.cluster("c1").await;
        let status = condition(&cluster, AVAILABLE).unwrap().0;
        if status != "True" {
            break cluster;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "never told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(
        start.elapsed() >= Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    let conditions = told["status"]["conditions"].as_array().unwrap();
    let available = conditions.iter().find(|c| c["type"] == AVAILABLE).unwrap();
    assert_eq!(available["status"], "False");
    assert_eq!(
        available["reason"],
        "ManagedClusterKubeAPIServerUnavailable"
    );
    assert_eq!(
        available["message"],
        "The kube-apiserver is not ok, status code: 500, etcd is away"
    );
    eventually("an event", || async {
        let events = bed.hub.side.list("Event", "c1").await;
        events
            .into_iter()
            .find(|event| event["reason"] == "Unavailable" && event["type"] == "Warning")
    })
    .await;
    patient.says(200);
    bed.wait_joined("c1").await;
}

#[tokio::test]
async fn registration_46_another_name_bootstraps_with_the_agents_old_name() {
    let mut bed = Bed::joined(c1()).await;
    let agent = text(&bed.secret().await.unwrap(), "agent-name");
    bed.stop_agent().await;
    let spec = json!({"spec": {"clusterName": "c2"}});
    bed.spoke.merge("Klusterlet", "", "klusterlet", spec).await;
    bed.start_agent();
    let request = eventually("a request for the other cluster", || async {
        let requests = bed.requests().await;
        requests.into_iter().find(|request| {
            request["metadata"]["labels"]["open-cluster-management.io/cluster-name"] == "c2"
        })
    })
    .await;
    let pem = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        request["spec"]["request"].as_str().unwrap(),
    )
    .unwrap();
    let (_, block) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
    let (_, asked) = x509_parser::prelude::FromDer::from_der(&block.contents)
        .map(
            |(rest, csr): (
                _,
                x509_parser::certification_request::X509CertificationRequest<'_>,
            )| { (rest, csr.certification_request_info.subject.to_string()) },
        )
        .unwrap();
    let user = format!("CN=system:open-cluster-management:c2:{agent}");
    assert!(asked.contains(&user), "{asked}");
    bed.decide(request["metadata"]["name"].as_str().unwrap(), "Approved")
        .await;
    eventually("the managed cluster", || {
        bed.hub.side.get("ManagedCluster", "", "c2")
    })
    .await;
    bed.hub.accept("c2", true).await;
    bed.wait_joined("c2").await;
}

/// Where upstream's agent exits to begin anew, this one begins anew.
#[tokio::test]
async fn registration_48_the_bootstrap_secrets_data_counts_and_nothing_else() {
    let mut bed = Bed::prepare(c1()).await;
    let good = bed
        .spoke
        .get("Secret", AGENT_NAMESPACE, BOOTSTRAP)
        .await
        .unwrap();
    let kubeconfig = text(&good, "kubeconfig").replace("\"token\":\"", "\"token\":\"not-");
    let data = |kubeconfig: &str| {
        json!({"data": {"kubeconfig": base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD, kubeconfig)}})
    };
    bed.spoke
        .merge("Secret", AGENT_NAMESPACE, BOOTSTRAP, data(&kubeconfig))
        .await;
    let tried = bed.gate.tried();
    bed.start_agent();
    bed.gate.tried_again(tried).await;
    // A credential that is good: it is asked with at once.
    bed.spoke
        .merge(
            "Secret",
            AGENT_NAMESPACE,
            BOOTSTRAP,
            json!({"data": good["data"]}),
        )
        .await;
    bed.accept("c1").await;
    bed.wait_joined("c1").await;
    beat(&bed, 1).await;
    next(&bed).await;
    // Metadata, another token and even its end: the identity is as good as before.
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    bed.spoke
        .merge("Secret", AGENT_NAMESPACE, BOOTSTRAP, label)
        .await;
    bed.spoke
        .merge("Secret", AGENT_NAMESPACE, BOOTSTRAP, data(&kubeconfig))
        .await;
    next(&bed).await;
    bed.spoke.delete("Secret", AGENT_NAMESPACE, BOOTSTRAP).await;
    next(&bed).await;
    next(&bed).await;
    assert_eq!(bed.requests().await.len(), 1);
}
