//! Add-ons on a managed cluster: their access to the hub, and whether they live.

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use ocmadm::agent::certificate::credentials::{Credentials, Data};
use serde_json::{Value, json};

use super::support::{Bed, c1, text};
use crate::harness::{eventually, until};
use crate::hub::support::condition;

const V1ALPHA1: &str = "addon.open-cluster-management.io/v1alpha1";
const NAMESPACE: &str = "open-cluster-management-agent-addon";
const SECRET: &str = "a-hub-kubeconfig";

/// Installations in the version that is stored: nobody converts here, and the
/// other version has less.
fn addons(bed: &Bed) -> Api<DynamicObject> {
    let object = json!({"apiVersion": V1ALPHA1, "kind": "ManagedClusterAddOn",
        "metadata": {"namespace": "c1"}});
    bed.hub.side.api_of(&object)
}

async fn addon(bed: &Bed, name: &str) -> Option<Value> {
    let found = addons(bed).get_opt(name).await.unwrap()?;
    Some(serde_json::to_value(found).unwrap())
}

async fn merge(bed: &Bed, name: &str, patch: Value) {
    let params = PatchParams::default();
    addons(bed)
        .patch(name, &params, &Patch::Merge(patch))
        .await
        .unwrap();
}

/// An installation whose manager says this.
async fn install(bed: &Bed, name: &str, status: Value) {
    bed.hub
        .side
        .create(
            json!({"apiVersion": V1ALPHA1, "kind": "ManagedClusterAddOn",
            "metadata": {"name": name, "namespace": "c1"}, "spec": {}}),
        )
        .await;
    say(bed, name, status).await;
}

async fn say(bed: &Bed, name: &str, status: Value) {
    let patch = Patch::Merge(json!({"status": status}));
    addons(bed)
        .patch_status(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

async fn secret(bed: &Bed, name: &str) -> Option<Value> {
    bed.spoke.get("Secret", NAMESPACE, name).await
}

fn keys(secret: &Value) -> Vec<&str> {
    let data = secret["data"].as_object().unwrap();
    data.keys().map(String::as_str).collect()
}

/// Who the hub says one is who comes with a Secret's kubeconfig.
async fn user_of(secret: &Value) -> String {
    let data: Data = serde_json::from_value(secret["data"].clone()).unwrap();
    let client = Credentials::read(&data).unwrap().client().await.unwrap();
    let api: Api<k8s_openapi::api::authentication::v1::SelfSubjectReview> = Api::all(client);
    let answer = api
        .create(&PostParams::default(), &Default::default())
        .await
        .unwrap();
    let user = answer.status.unwrap().user_info.unwrap();
    user.username.unwrap()
}

/// The add-on's only request.
async fn request(bed: &Bed) -> Value {
    eventually("the add-on's request", || async {
        let requests = bed.requests().await;
        requests.into_iter().find(|request| {
            request["metadata"]["labels"]["open-cluster-management.io/addon-name"] == "a"
        })
    })
    .await
}

#[tokio::test]
async fn registration_57_an_addon_gets_a_certificate_and_loses_it() {
    let bed = Bed::joined(c1()).await;
    let signer = "kubernetes.io/kube-apiserver-client";
    install(
        &bed,
        "a",
        json!({"registrations": [{"signerName": signer}]}),
    )
    .await;
    let asked = request(&bed).await;
    let name = asked["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("addon-c1-a-"), "{name}");
    assert_eq!(asked["spec"]["signerName"], signer);
    assert_eq!(
        asked["metadata"]["labels"]["open-cluster-management.io/cluster-name"],
        "c1"
    );
    assert_eq!(
        addon(&bed, "a").await.unwrap()["status"]["kubeClientDriver"],
        "csr"
    );
    bed.decide(name, "Approved").await;
    let stored = eventually("the Secret", || secret(&bed, SECRET)).await;
    assert_eq!(
        keys(&stored),
        ["cluster-name", "kubeconfig", "tls.crt", "tls.key"]
    );
    assert_eq!(text(&stored, "cluster-name"), "c1");
    assert_eq!(
        user_of(&stored).await,
        "system:open-cluster-management:cluster:c1:addon:a:agent:a"
    );
    until("the renewal is told of", || async {
        let addon = addon(&bed, "a").await.unwrap();
        condition(&addon, "ClusterCertificateRotated")
            == Some(("True".to_owned(), "ClientCertificateUpdated".to_owned()))
    })
    .await;
    say(&bed, "a", json!({"registrations": null})).await;
    until("the Secret is gone", || async {
        secret(&bed, SECRET).await.is_none()
    })
    .await;
}

#[tokio::test]
async fn registration_57_an_addon_that_goes_keeps_its_access_until_it_is_gone() {
    let bed = Bed::joined(c1()).await;
    let signer = "example.com/signer";
    install(
        &bed,
        "a",
        json!({"registrations": [{"signerName": signer, "subject": {"user": "u"}}]}),
    )
    .await;
    let asked = request(&bed).await;
    assert_eq!(asked["spec"]["signerName"], signer);
    // Signed by whoever runs the signer.
    let name = "a-example.com-signer-client-cert";
    let (certificate, key) = bed
        .hub
        .side
        .issue(
            &crate::harness::user("u", &[]),
            std::time::Duration::from_secs(3600),
        )
        .await;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    bed.spoke
        .create(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "data": {"tls.crt": STANDARD.encode(certificate), "tls.key": STANDARD.encode(key),
                "cluster-name": STANDARD.encode("c1")}}))
        .await;
    let holds = json!({"metadata": {"finalizers": ["example.com/holds"]}});
    merge(&bed, "a", holds).await;
    addons(&bed).delete("a", &Default::default()).await.unwrap();
    // The agent has seen the deletion when it acts on what came later.
    install(&bed, "b", json!({})).await;
    until("b is told of", || async {
        let b = addon(&bed, "b").await.unwrap();
        condition(&b, "Available").is_some()
    })
    .await;
    assert!(secret(&bed, name).await.is_some());
    let free = json!({"metadata": {"finalizers": null}});
    merge(&bed, "a", free).await;
    until("the Secret is gone", || async {
        secret(&bed, name).await.is_none()
    })
    .await;
}

/// A lease that was renewed so many seconds ago.
async fn renewed(bed: &Bed, name: &str, ago: i64) {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(ago);
    let time = time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let spec = json!({"spec": {"renewTime": time}});
    if bed.spoke.get("Lease", NAMESPACE, name).await.is_some() {
        bed.spoke.merge("Lease", NAMESPACE, name, spec).await;
        return;
    }
    let mut lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": NAMESPACE}});
    lease["spec"] = spec["spec"].clone();
    bed.spoke.create(lease).await;
}

async fn is(bed: &Bed, name: &str, status: &str, reason: &str) {
    until(&format!("{name} is {status}, {reason}"), || async {
        let addon = addon(bed, name).await.unwrap();
        condition(&addon, "Available") == Some((status.to_owned(), reason.to_owned()))
    })
    .await;
}

#[tokio::test]
async fn registration_58_and_addon_27_a_lease_says_whether_an_addon_lives() {
    let bed = Bed::joined(c1()).await;
    install(&bed, "a", json!({})).await;
    is(&bed, "a", "Unknown", "ManagedClusterAddOnLeaseNotFound").await;
    renewed(&bed, "a", 10).await;
    is(&bed, "a", "True", "ManagedClusterAddOnLeaseUpdated").await;
    renewed(&bed, "a", 301).await;
    is(&bed, "a", "False", "ManagedClusterAddOnLeaseUpdateStopped").await;
    // Almost too old: nobody writes anything, time alone ends it.
    renewed(&bed, "a", 297).await;
    is(&bed, "a", "True", "ManagedClusterAddOnLeaseUpdated").await;
    is(&bed, "a", "False", "ManagedClusterAddOnLeaseUpdateStopped").await;
    // Its manager knows better.
    say(&bed, "a", json!({"healthCheck": {"mode": "Customized"}})).await;
    install(&bed, "b", json!({})).await;
    is(&bed, "b", "Unknown", "ManagedClusterAddOnLeaseNotFound").await;
    renewed(&bed, "a", 10).await;
    renewed(&bed, "b", 10).await;
    is(&bed, "b", "True", "ManagedClusterAddOnLeaseUpdated").await;
    is(&bed, "a", "False", "ManagedClusterAddOnLeaseUpdateStopped").await;
}

/// A template add-on on c1 that may read its cluster's ConfigMaps at the hub.
async fn templated(bed: &Bed) {
    bed.hub.also_addons();
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]});
    let held = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "hub-reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "cluster-manager",
            "namespace": "open-cluster-management"}]});
    let template = json!({"apiVersion": V1ALPHA1, "kind": "AddOnTemplate",
        "metadata": {"name": "a"}, "spec": {"addonName": "a",
            "registration": [{"type": "KubeClient", "kubeClient": {"hubPermissions": [
                {"type": "CurrentCluster", "currentCluster": {"clusterRoleName": "reader"}}]}}],
            "agentSpec": {"workload": {"manifests": [
                {"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": {"name": "settings", "namespace": "default"}}]}}}});
    let offer = json!({"apiVersion": V1ALPHA1, "kind": "ClusterManagementAddOn",
        "metadata": {"name": "a"}, "spec": {"supportedConfigs": [
            {"group": "addon.open-cluster-management.io", "resource": "addontemplates",
             "defaultConfig": {"name": "a"}}]}});
    for object in [role, held, template, offer] {
        bed.hub.side.create(object).await;
    }
    bed.hub
        .side
        .create(
            json!({"apiVersion": V1ALPHA1, "kind": "ManagedClusterAddOn",
            "metadata": {"name": "a", "namespace": "c1"}, "spec": {}}),
        )
        .await;
}

/// Reads a ConfigMap of a namespace at the hub as the add-on's agent.
async fn may_read(secret: &Value, namespace: &str) -> bool {
    use k8s_openapi::api::core::v1::ConfigMap;
    let data: Data = serde_json::from_value(secret["data"].clone()).unwrap();
    let client = Credentials::read(&data).unwrap().client().await.unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client, namespace);
    api.get_opt("any").await.is_ok()
}

#[tokio::test]
async fn a_template_addon_gets_its_access_without_a_person() {
    let bed = Bed::joined(c1()).await;
    templated(&bed).await;
    let stored = eventually("the Secret", || secret(&bed, SECRET)).await;
    assert_eq!(
        user_of(&stored).await,
        "system:open-cluster-management:cluster:c1:addon:a:agent:a-agent"
    );
    until("it may read in its cluster's namespace", || {
        may_read(&stored, "c1")
    })
    .await;
    assert!(!may_read(&stored, "default").await);
}

#[tokio::test]
async fn addon_30_a_template_addon_gets_a_token_instead() {
    let bed = Bed::joined(json!({"clusterName": "c1", "registrationConfiguration": {
        "addOnKubeClientRegistrationDriver": {"authType": "token",
            "token": {"expirationSeconds": 3600}}}}))
    .await;
    templated(&bed).await;
    let stored = eventually("the Secret", || secret(&bed, SECRET)).await;
    assert_eq!(keys(&stored), ["cluster-name", "kubeconfig", "token"]);
    assert_eq!(user_of(&stored).await, "system:serviceaccount:c1:a-agent");
    until("it may read in its cluster's namespace", || {
        may_read(&stored, "c1")
    })
    .await;
    assert!(!may_read(&stored, "default").await);
    until("the token is told of", || async {
        let addon = addon(&bed, "a").await.unwrap();
        condition(&addon, "TokenRefreshed")
            == Some(("True".to_owned(), "AddonTokenRefreshed".to_owned()))
    })
    .await;
    // Another account of that name is another account: its token has to be its own.
    let first = text(&stored, "token");
    bed.hub.side.delete("ServiceAccount", "c1", "a-agent").await;
    until("another token is there", || async {
        let now = secret(&bed, SECRET).await.unwrap();
        text(&now, "token") != first && may_read(&now, "c1").await
    })
    .await;
}
