//! Permissions, bindings and Secrets of upstream's charts, written down from the
//! clusteradm reference (§3.5, §4.4, §4.5) and not from our manifests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::bundle::overlay::is;
use crate::ocm::operator::v1::KlusterletDeployOption;

const CRUD: &str = "create get list update watch patch delete";

/// Resources: verbs, a rule a line.
const CLUSTER_MANAGER: &str = "
configmaps namespaces serviceaccounts services: CRUD deletecollection
serviceaccounts/token: create subscribe
pods: get
nodes: get list watch
secrets: create
secrets[]: get list watch update patch delete
events: CRUD deletecollection
leases: CRUD
subjectaccessreviews: create get
tokenreviews: create
deployments: CRUD
replicasets: get
clusterroles clusterrolebindings roles rolebindings: CRUD
customresourcedefinitions: CRUD
customresourcedefinitions/status: update patch
apiservices: CRUD
validatingwebhookconfigurations mutatingwebhookconfigurations: CRUD
storageversionmigrations: CRUD
flowschemas prioritylevelconfigurations: get list watch
infrastructures: get list watch
certificatesigningrequests: create get list watch
certificatesigningrequests/approval certificatesigningrequests/status: update
signers: approve sign
clustermanagers: get list watch update delete patch
clustermanagers/status: update patch
managedclusteraddons clustermanagementaddons: CRUD
managedclusteraddons/status clustermanagementaddons/status: patch update
managedclusteraddons/finalizers clustermanagementaddons/finalizers: update
addondeploymentconfigs addontemplates: get list watch
managedclusters: get list watch create update patch
managedclustersetbindings placements addonplacementscores: get list watch
managedclustersets placementdecisions: CRUD
managedclusters/status managedclustersetbindings/status managedclustersets/status: update patch
placements/status placementdecisions/status: update patch
placements/finalizers: update
managedclustersets/join: create
managedclusters/clientcertificates: renew
managedclusters/accept: update
manifestworkreplicasets: CRUD deletecollection
manifestworkreplicasets/finalizers: update
manifestworks: CRUD deletecollection execute-as
manifestworks/status manifestworkreplicasets/status: update patch
clusterprofiles: CRUD
clusterprofiles/status: update patch
clusters: get list watch
";

const HUB_SECRETS: &str =
    "signer-secret registration-webhook-serving-cert work-webhook-serving-cert
addon-webhook-serving-cert registration-controller-sa-kubeconfig registration-webhook-sa-kubeconfig
work-webhook-sa-kubeconfig placement-controller-sa-kubeconfig work-controller-sa-kubeconfig
addon-manager-controller-sa-kubeconfig addon-webhook-sa-kubeconfig external-hub-kubeconfig
work-driver-config open-cluster-management-image-pull-credentials grpc-server-serving-cert
placement-debug-serving-cert cluster-import-config";

const KLUSTERLET: &str = "
configmaps serviceaccounts namespaces deployments: CRUD
clusterrolebindings rolebindings customresourcedefinitions: CRUD
clusterroles roles: CRUD escalate bind
secrets: create
secrets[]: update get list watch delete
pods replicasets: get
leases: create get list update watch patch
subjectaccessreviews: create
nodes: get list watch
events: create patch update
klusterlets: get list watch update patch delete
klusterlets/status: update patch
appliedmanifestworks: list update patch
";

const AGENT_SECRETS: &str =
    "open-cluster-management-image-pull-credentials bootstrap-hub-kubeconfig
hub-kubeconfig-secret external-managed-kubeconfig external-managed-kubeconfig-work
external-managed-kubeconfig-registration external-managed-kubeconfig-agent";

const BOOTSTRAP: &str = "
configmaps: get
certificatesigningrequests: create get list watch
managedclusters: get create list watch
managedclustersets/join: create
";

type Rules = BTreeMap<String, BTreeSet<String>>;

fn written(text: &str) -> Rules {
    let mut rules = Rules::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (resources, verbs) = line.split_once(": ").unwrap();
        let verbs = verbs.replace("CRUD", CRUD);
        for resource in resources.split(' ') {
            let all = rules.entry(resource.to_owned()).or_default();
            all.extend(verbs.split(' ').map(str::to_owned));
        }
    }
    rules
}

/// The rules of a role, and the names that some are limited to.
fn of_role(objects: &[DynamicObject], name: &str) -> (Rules, BTreeSet<String>) {
    let role = objects
        .iter()
        .find(|object| is(object, "ClusterRole", name))
        .unwrap();
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let (mut rules, mut names) = (Rules::new(), BTreeSet::new());
    for rule in role.data["rules"].as_array().unwrap() {
        assert!(!texts(&rule["apiGroups"]).contains(&"*".to_owned()));
        let limited = texts(&rule["resourceNames"]);
        for resource in texts(&rule["resources"]) {
            let key = match limited.is_empty() {
                true => resource,
                false => format!("{resource}[]"),
            };
            rules.entry(key).or_default().extend(texts(&rule["verbs"]));
        }
        names.extend(limited);
    }
    (rules, names)
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn hub(token: Option<BootstrapToken>) -> Vec<DynamicObject> {
    upstream_hub(&UpstreamHub {
        create_namespace: true,
        bootstrap_token: token,
        ..UpstreamHub::default()
    })
    .unwrap()
}

fn agent(mode: &str) -> Vec<DynamicObject> {
    let managed = mode
        .ends_with("Hosted")
        .then(|| ExternalKubeconfig(b"managed".to_vec()));
    upstream_agent(&UpstreamAgent {
        create_namespace: true,
        operator: true,
        bootstraps: vec![Bootstrap::kubeconfig("bootstrap")],
        external_managed_kubeconfig: managed,
        klusterlet_name: "klusterlet-hosted-abc123".to_owned(),
        klusterlet: KlusterletSpec {
            deploy_option: KlusterletDeployOption {
                mode: Some(mode.to_owned()),
            },
            ..KlusterletSpec::default()
        },
        ..UpstreamAgent::default()
    })
    .unwrap()
}

#[test]
fn roles_are_those_of_the_charts() {
    let hub = hub(None);
    assert_eq!(
        of_role(&hub, "cluster-manager"),
        (written(CLUSTER_MANAGER), words(HUB_SECRETS))
    );
    assert_eq!(
        of_role(&hub, "open-cluster-management:bootstrap"),
        (written(BOOTSTRAP), BTreeSet::new())
    );
    assert_eq!(
        of_role(&agent("Default"), "klusterlet"),
        (written(KLUSTERLET), words(AGENT_SECRETS))
    );
}

#[test]
fn bindings_lead_from_the_charts_subjects_to_its_roles() {
    let account = |name: &str| json!([{"kind": "ServiceAccount", "name": name, "namespace": "open-cluster-management"}]);
    let group = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
        "name": "system:bootstrappers:managedcluster"}]);
    let token = BootstrapToken {
        id: "ocmhub".to_owned(),
        secret: "0123456789abcdef".to_owned(),
        expiration: Some("2026-01-01T00:00:00Z".to_owned()),
    };
    let bootstrap = "open-cluster-management:bootstrap";
    let with_token = hub(Some(token));
    for (objects, name, role, subjects) in [
        (
            hub(None),
            "cluster-manager",
            "cluster-manager",
            account("cluster-manager"),
        ),
        (
            hub(None),
            "open-cluster-management:bootstrap:agent-registration",
            bootstrap,
            account("agent-registration-bootstrap"),
        ),
        (
            with_token.clone(),
            "open-cluster-management:bootstrap:managedcluster",
            bootstrap,
            group,
        ),
        (
            agent("Default"),
            "klusterlet",
            "klusterlet",
            account("klusterlet"),
        ),
    ] {
        let binding = objects
            .iter()
            .find(|object| is(object, "ClusterRoleBinding", name))
            .unwrap();
        assert_eq!(binding.data["roleRef"]["name"], role, "{name}");
        assert_eq!(binding.data["subjects"], subjects, "{name}");
    }
    // A role more would be a way in that the chart does not have.
    assert!(
        !with_token
            .iter()
            .any(|object| is(object, "Role", bootstrap))
    );
    let secret = with_token
        .iter()
        .find(|object| is(object, "Secret", "bootstrap-token-ocmhub"))
        .unwrap();
    assert_eq!(secret.data["type"], "bootstrap.kubernetes.io/token");
    assert_eq!(secret.metadata.namespace.as_deref(), Some("kube-system"));
    assert_eq!(
        secret.data["stringData"],
        json!({
            "token-id": "ocmhub",
            "token-secret": "0123456789abcdef",
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": "system:bootstrappers:managedcluster",
            // Not the chart's: its tokens never end.
            "expiration": "2026-01-01T00:00:00Z",
        })
    );
}

#[test]
fn a_hosted_agent_has_both_kubeconfigs_and_no_operator_of_its_own_namespace() {
    let objects = agent("Hosted");
    for (name, content) in [
        ("bootstrap-hub-kubeconfig", "Ym9vdHN0cmFw"),
        ("external-managed-kubeconfig", "bWFuYWdlZA=="),
    ] {
        let secret = objects
            .iter()
            .find(|object| is(object, "Secret", name))
            .unwrap();
        let namespace = secret.metadata.namespace.as_deref();
        assert_eq!(namespace, Some("klusterlet-hosted-abc123"), "{name}");
        assert_eq!(
            secret.data["data"],
            json!({"kubeconfig": content}),
            "{name}"
        );
    }
}
