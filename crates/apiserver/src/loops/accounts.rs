//! Every namespace has a service account `default` and the authority's
//! certificate in `kube-root-ca.crt`.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Host;
use super::follow::{Outcome, follow};
use super::hand::{Hand, unless};
use crate::api::GroupResource;
use crate::registry::{Event, EventKind};

const ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";

pub(super) async fn run(host: Host, stop: CancellationToken) {
    let [namespaces, accounts, maps] =
        ["namespaces", "serviceaccounts", "configmaps"].map(|r| GroupResource::new("", r));
    let events = host
        .registry
        .subscribe(&[namespaces.clone(), accounts, maps], true);
    let hand = Hand::new(host.registry.clone(), "kube-controller-manager");
    let ca = host.authority.pem();
    let observe = |event: &Event| match (event.gr().resource.as_str(), event.name(), event.kind()) {
        ("namespaces", name, EventKind::Added) => vec![name.to_owned()],
        ("serviceaccounts", ACCOUNT, EventKind::Deleted)
        | ("configmaps", ROOT_CA, EventKind::Deleted | EventKind::Modified) => {
            vec![event.namespace().to_owned()]
        }
        _ => Vec::new(),
    };
    let reconcile = |namespace: String| {
        let (hand, ca) = (hand.clone(), ca.clone());
        async move { reconcile(&hand, &ca, &namespace).await }
    };
    follow("service accounts", stop, events, observe, reconcile).await;
}

async fn reconcile(hand: &Hand, ca: &str, namespace: &str) -> Outcome {
    let gr = |resource: &str| GroupResource::new("", resource);
    let Some(found) = hand.read(&gr("namespaces"), "", namespace) else {
        return Ok(None);
    };
    if !found["metadata"]["deletionTimestamp"].is_null() {
        return Ok(None);
    }
    let account = async {
        if hand
            .read(&gr("serviceaccounts"), namespace, ACCOUNT)
            .is_some()
        {
            return Ok(());
        }
        let account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": namespace},
        });
        hand.create(&gr("serviceaccounts"), account).await
    };
    let certificate = async {
        let map = hand.read(&gr("configmaps"), namespace, ROOT_CA);
        let data = json!({"ca.crt": ca});
        match map {
            Some(map) if map["data"] == data => Ok(()),
            Some(map) => {
                let mut new = (*map).clone();
                new["data"] = data;
                hand.update(&gr("configmaps"), "", new).await
            }
            None => {
                let map = json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {
                        "name": ROOT_CA,
                        "namespace": namespace,
                        "annotations": {"kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."},
                    },
                    "data": data,
                });
                hand.create(&gr("configmaps"), map).await
            }
        }
    };
    let (account, certificate) = futures::join!(account, certificate);
    // The namespace may have begun to end: 403, or be gone: 404.
    unless(account, &[403, 404])?;
    unless(certificate, &[403, 404])?;
    Ok(None)
}
