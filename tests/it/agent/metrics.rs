//! What hub and agent tell Prometheus, asked for over HTTP as it does.

use ocmadm::runtime::{Health, Metrics, serve};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::support::{Bed, c1};
use crate::harness::until;
use crate::hub::support::AVAILABLE;

/// What `/metrics` of a process with these answers.
struct Scrape(
    std::net::SocketAddr,
    #[expect(dead_code, reason = "until it goes")] Guard,
);

type Guard = tokio_util::sync::DropGuard;

impl Scrape {
    async fn of(metrics: &Metrics) -> Self {
        let stop = CancellationToken::new();
        let any = ([127, 0, 0, 1], 0).into();
        let bound = serve::listen(any, Health::default(), metrics.clone(), stop.clone()).await;
        Self(bound.unwrap(), stop.drop_guard())
    }

    /// The value of a sample; nothing when it is not there.
    async fn sample(&self, name: &str) -> Option<f64> {
        let mut stream = tokio::net::TcpStream::connect(self.0).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let sample = answer
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(sample.parse().unwrap())
    }

    async fn becomes(&self, name: &str, value: f64) {
        until(&format!("{name} is {value}"), || async {
            self.sample(name).await == Some(value)
        })
        .await;
    }

    async fn grows(&self, name: &str) {
        let before = self.sample(name).await.unwrap_or_default();
        until(&format!("{name} grows"), || async {
            self.sample(name).await.is_some_and(|now| now > before)
        })
        .await;
    }
}

#[tokio::test]
async fn hub_and_agent_count_what_registration_does() {
    let mut bed = Bed::prepare(c1()).await;
    let (hub, agent) = tokio::join!(Scrape::of(&bed.hub.metrics), Scrape::of(&bed.metrics));
    let state = |accepted, available| {
        format!("ocmadm_managed_clusters{{accepted=\"{accepted}\",available=\"{available}\"}}")
    };
    bed.start_agent();
    hub.becomes(&state(false, "unknown"), 1.0).await;
    hub.grows("ocmadm_certificate_requests_total{decision=\"person\"}")
        .await;
    agent.becomes("ocmadm_hub_identity", 0.0).await;
    bed.accept("c1").await;
    hub.becomes(&state(true, "true"), 1.0).await;
    hub.becomes(&state(false, "unknown"), 0.0).await;
    agent.becomes("ocmadm_hub_identity", 1.0).await;
    let expiry = "ocmadm_hub_certificate_expiry_timestamp_seconds";
    let now = jiff::Timestamp::now().as_second() as f64;
    assert!(agent.sample(expiry).await.unwrap() > now + 3000.0);
    // Once a second, then not at all.
    let beat = json!({"spec": {"leaseDurationSeconds": 1}});
    bed.hub.side.merge("ManagedCluster", "", "c1", beat).await;
    agent
        .grows("ocmadm_lease_renewals_total{result=\"success\"}")
        .await;
    bed.gate.cut().await;
    agent
        .grows("ocmadm_lease_renewals_total{result=\"error\"}")
        .await;
    bed.hub.wait_condition("c1", AVAILABLE, "Unknown").await;
    hub.becomes(&state(true, "unknown"), 1.0).await;
    hub.becomes("ocmadm_managed_clusters_lost_total", 1.0).await;
    bed.gate.restore().await;
    hub.becomes(&state(true, "true"), 1.0).await;
    // A controller of each, and what is in the caches.
    hub.grows("ocmadm_reconciles_total{controller=\"managedcluster\",result=\"success\"}")
        .await;
    hub.becomes("ocmadm_cached_objects{resource=\"managedclusters\"}", 1.0)
        .await;
}
