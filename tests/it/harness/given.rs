//! A cluster that exists already: `OCMADM_TEST_KUBECONFIG`. Tests leave it as
//! they found it: what is there when the first test begins stays, what comes
//! after that is deleted when the next one begins. One test at a time has it.

use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use apiserver::api::UserInfo;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Client, Config, ResourceExt as _};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::eventually;

/// Every object that was there before, as resource, namespace and name.
type Names = BTreeSet<(String, String, String)>;

static BEFORE: LazyLock<Arc<Mutex<Option<Names>>>> = LazyLock::new(Arc::default);

/// Resources that come and go by themselves.
const IGNORED: &[&str] = &[
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "controllerrevisions.apps",
    "pods",
    "replicasets.apps",
];

/// The cluster, for as long as this lives.
pub(super) struct Given {
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) ca_pem: String,
    /// The user of the kubeconfig.
    pub(super) credentials: Value,
    _only: OwnedMutexGuard<Option<Names>>,
}

impl Given {
    /// The cluster, cleaned; `None` while somebody else has it.
    pub(super) async fn take() -> Option<Self> {
        let mut only = BEFORE.clone().try_lock_owned().ok()?;
        let path = std::env::var("OCMADM_TEST_KUBECONFIG").expect("set with this kind of run");
        let kubeconfig = kube::config::Kubeconfig::read_from(&path).unwrap();
        let credentials = kubeconfig.auth_infos[0].auth_info.clone();
        let config = Config::from_custom_kubeconfig(kubeconfig, &Default::default())
            .await
            .unwrap();
        let ca = config.root_cert.as_ref().and_then(|certs| certs.first());
        let ca_pem = apiserver::pki::pem("CERTIFICATE", ca.expect("a CA in the kubeconfig"));
        let url = config
            .cluster_url
            .to_string()
            .trim_end_matches('/')
            .to_owned();
        let client = Client::try_from(config).unwrap();
        match only.as_ref() {
            None => *only = Some(names(&client).await),
            Some(before) => clean(&client, before).await,
        }
        Some(Self {
            client,
            url,
            ca_pem,
            credentials: serde_json::to_value(credentials).unwrap(),
            _only: only,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        let uri: http::Uri = self.url.parse().unwrap();
        let (host, port) = (uri.host().unwrap(), uri.port_u16().unwrap_or(443));
        (host, port).to_socket_addrs().unwrap().next().unwrap()
    }

    /// A certificate from the cluster itself. It gives none for less than ten minutes.
    pub(super) async fn issue(&self, user: &UserInfo, lifetime: Duration) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let name = &mut params.distinguished_name;
        name.push(rcgen::DnType::CommonName, &user.username);
        for group in &user.groups {
            name.push(rcgen::DnType::OrganizationName, group);
        }
        let request = params.serialize_request(&key).unwrap().pem().unwrap();
        let api: Api<CertificateSigningRequest> = Api::all(self.client.clone());
        let object = json!({
            "metadata": {"generateName": "test-"},
            "spec": {
                "request": STANDARD.encode(request),
                "signerName": "kubernetes.io/kube-apiserver-client",
                "usages": ["client auth"],
                "expirationSeconds": lifetime.as_secs().max(600),
            },
        });
        let mut csr = api
            .create(
                &PostParams::default(),
                &serde_json::from_value(object).unwrap(),
            )
            .await
            .unwrap();
        let name = csr.name_any();
        csr.status = serde_json::from_value(json!({"conditions": [{
            "type": "Approved", "status": "True", "reason": "Test", "message": "m"}]}))
        .unwrap();
        api.replace_subresource("approval", &name, &PostParams::default(), &csr)
            .await
            .unwrap();
        let certificate = eventually("a certificate", || async {
            api.get(&name).await.unwrap().status?.certificate
        })
        .await;
        api.delete(&name, &DeleteParams::default()).await.unwrap();
        (
            String::from_utf8(certificate.0).unwrap(),
            key.serialize_pem(),
        )
    }
}

/// Every listable resource that can be deleted, with what it holds.
async fn everything(client: &Client) -> Vec<(Api<DynamicObject>, String, DynamicObject)> {
    // A definition that is just going away is named and no longer served.
    let discovery = eventually("discovery", || async {
        Discovery::new(client.clone()).run().await.ok()
    })
    .await;
    let mut found = Vec::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let name = match resource.group.as_str() {
                "" => resource.plural.clone(),
                group => format!("{}.{group}", resource.plural),
            };
            let wanted = capabilities.supports_operation(verbs::DELETE)
                && capabilities.supports_operation(verbs::LIST)
                && !IGNORED.contains(&name.as_str());
            if !wanted {
                continue;
            }
            let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            // A definition that is just going away answers no more.
            let Ok(list) = all.list(&ListParams::default()).await else {
                continue;
            };
            for object in list {
                let api = match (&capabilities.scope, object.namespace()) {
                    (Scope::Namespaced, Some(namespace)) => {
                        Api::namespaced_with(client.clone(), &namespace, &resource)
                    }
                    _ => all.clone(),
                };
                found.push((api, name.clone(), object));
            }
        }
    }
    found
}

async fn names(client: &Client) -> Names {
    let name = |(_, resource, object): &(_, String, DynamicObject)| {
        let namespace = object.namespace().unwrap_or_default();
        (resource.clone(), namespace, object.name_any())
    };
    everything(client).await.iter().map(name).collect()
}

/// Deletes what was not there before, finalizers and all, and waits until it is gone.
async fn clean(client: &Client, before: &Names) {
    eventually("the cluster is clean", || async {
        let mut left = 0;
        for (api, resource, object) in everything(client).await {
            let name = object.name_any();
            // It goes after its objects, which would else be there again with it.
            let definition = resource == "customresourcedefinitions.apiextensions.k8s.io";
            let key = (
                resource,
                object.namespace().unwrap_or_default(),
                name.clone(),
            );
            if before.contains(&key) {
                continue;
            }
            left += 1;
            let _ = api.delete(&name, &DeleteParams::background()).await;
            let held = !object.finalizers().is_empty() && !definition;
            if held && object.metadata.deletion_timestamp.is_some() {
                let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                let _ = api.patch(&name, &PatchParams::default(), &patch).await;
            }
        }
        (left == 0).then_some(())
    })
    .await;
}
