//! Puts a control plane back to how it was when it had just started, through
//! etcd's JSON gateway: what came since then is deleted, what changed is put
//! back. Everything watches etcd, so it is as if a user had deleted it all,
//! without finalizers.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use serde_json::{Value, json};

use super::super::eventually;
use super::plane::Plane;

/// Keys that processes write all the time, or that only count.
const IGNORED: &[&str] = &[
    "/registry/masterleases/",
    "/registry/leases/kube-system/",
    "/registry/leases/kube-node-lease/",
    "/registry/ranges/",
    "/registry/resourceclaims-",
    "/registry/servicecidrs/",
    "/registry/ipaddresses/",
];

/// What every cluster has in each of these namespaces, made by controllers.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Operations in one transaction; below etcd's `--max-txn-ops` here.
const BATCH: usize = 2000;

/// What a plane held when it had just started.
#[derive(Default)]
pub(super) struct Baseline {
    /// Key → value, both in base64.
    values: BTreeMap<String, String>,
    /// Key → the revision that wrote this value.
    revisions: std::sync::Mutex<BTreeMap<String, String>>,
    /// The groups that discovery names.
    groups: Value,
}

impl Baseline {
    /// Waits until the controllers have made what they make, and notes it.
    pub(super) async fn of(plane: &Plane, client: &Client) -> Self {
        eventually("the controllers have settled", || async {
            for namespace in NAMESPACES {
                for path in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
                    let path = format!("/api/v1/namespaces/{namespace}/{path}");
                    let get = http::Request::get(path).body(Vec::new()).unwrap();
                    client.request::<Value>(get).await.ok()?;
                }
            }
            Some(())
        })
        .await;
        let etcd = etcd(plane).await;
        let mut keys = revisions(&etcd).await;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = revisions(&etcd).await;
            if now == keys {
                break;
            }
            keys = now;
        }
        let mut values = BTreeMap::new();
        for pair in range(
            &etcd,
            json!({"key": STANDARD.encode(FIRST), "range_end": STANDARD.encode(END)}),
        )
        .await
        {
            values.insert(text(&pair["key"]), text(&pair["value"]));
        }
        values.retain(|key, _| keys.contains_key(key));
        Self {
            values,
            revisions: std::sync::Mutex::new(keys),
            groups: groups(client).await,
        }
    }
}

/// Everything below is Kubernetes'.
const FIRST: &str = "/registry/";
const END: &str = "/registry0";

/// Puts it back. Controllers that were at work may write once more: it is read
/// until nothing changes.
pub(super) async fn reset(plane: &Plane) {
    let etcd = etcd(plane).await;
    let baseline = &plane.baseline;
    let mut rest = 0;
    while rest < 2 {
        let now = revisions(&etcd).await;
        let mut operations = Vec::new();
        {
            let known = baseline.revisions.lock().unwrap();
            for (key, revision) in &now {
                match (baseline.values.get(key), known.get(key)) {
                    (Some(value), Some(known)) if known != revision => {
                        operations.push(json!({"requestPut": {"key": key, "value": value}}));
                    }
                    (None, _) => operations.push(json!({"requestDeleteRange": {"key": key}})),
                    _ => {}
                }
            }
            for (key, value) in &baseline.values {
                if !now.contains_key(key) {
                    operations.push(json!({"requestPut": {"key": key, "value": value}}));
                }
            }
        }
        rest += 1;
        for batch in operations.chunks(BATCH) {
            rest = 0;
            let answer = post(&etcd, "txn", &json!({"success": batch})).await;
            let revision = text(&answer["header"]["revision"]);
            let mut known = baseline.revisions.lock().unwrap();
            for put in batch
                .iter()
                .filter(|operation| operation["requestPut"].is_object())
            {
                known.insert(text(&put["requestPut"]["key"]), revision.clone());
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let client = plane.client().await;
    eventually("the definitions are no longer served", || async {
        (groups(&client).await == baseline.groups).then_some(())
    })
    .await;
}

async fn groups(client: &Client) -> Value {
    let get = http::Request::get("/apis").body(Vec::new()).unwrap();
    client.request(get).await.unwrap()
}

/// Keys with the revisions that wrote them, without what is ignored.
async fn revisions(etcd: &Client) -> BTreeMap<String, String> {
    let request = json!({
        "key": STANDARD.encode(FIRST), "range_end": STANDARD.encode(END), "keys_only": true,
    });
    let mut keys = BTreeMap::new();
    for pair in range(etcd, request).await {
        let key = text(&pair["key"]);
        let name = STANDARD.decode(&key).unwrap();
        let name = String::from_utf8_lossy(&name);
        if !IGNORED.iter().any(|ignored| name.starts_with(ignored)) {
            keys.insert(key, text(&pair["mod_revision"]));
        }
    }
    keys
}

async fn range(etcd: &Client, request: Value) -> Vec<Value> {
    let mut answer = post(etcd, "range", &request).await;
    match answer["kvs"].take() {
        Value::Array(pairs) => pairs,
        _ => Vec::new(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn etcd(plane: &Plane) -> Client {
    let config = kube::Config::new(plane.etcd.parse().unwrap());
    Client::try_from(config).unwrap()
}

async fn post(etcd: &Client, what: &str, body: &Value) -> Value {
    let request = http::Request::post(format!("/v3/kv/{what}"))
        .header("Content-Type", "application/json")
        .body(body.to_string().into_bytes())
        .unwrap();
    etcd.request(request).await.unwrap()
}
