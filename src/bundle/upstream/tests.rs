//! The objects are those of clusteradm's charts (clusteradm reference §3.5, §4.5).

use serde_json::json;

use super::*;
use crate::bundle::overlay::{is, kind};
use crate::ocm::operator::v1::{KlusterletDeployOption, RegistrationHubConfiguration};

fn find<'a>(objects: &'a [DynamicObject], kind: &str, name: &str) -> &'a DynamicObject {
    objects
        .iter()
        .find(|object| is(object, kind, name))
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn listed(objects: &[DynamicObject]) -> Vec<String> {
    objects
        .iter()
        .map(|object| {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            match &object.metadata.namespace {
                Some(namespace) => format!("{} {namespace}/{name}", kind(object)),
                None => format!("{} {name}", kind(object)),
            }
        })
        .collect()
}

fn hub() -> UpstreamHub {
    UpstreamHub {
        create_namespace: true,
        ..UpstreamHub::default()
    }
}

fn agent(mode: &str) -> UpstreamAgent {
    UpstreamAgent {
        create_namespace: true,
        operator: true,
        bootstraps: vec![Bootstrap::kubeconfig("apiVersion: v1\n")],
        klusterlet_name: "klusterlet".to_owned(),
        klusterlet: KlusterletSpec {
            cluster_name: Some("c1".to_owned()),
            deploy_option: KlusterletDeployOption {
                mode: Some(mode.to_owned()),
            },
            ..KlusterletSpec::default()
        },
        ..UpstreamAgent::default()
    }
}

#[test]
fn the_hub_has_the_objects_of_the_chart() {
    let objects = upstream_hub(&hub()).unwrap();
    assert_eq!(
        listed(&objects),
        [
            "CustomResourceDefinition clustermanagers.operator.open-cluster-management.io",
            "Namespace open-cluster-management",
            "ClusterRole cluster-manager",
            "ClusterRoleBinding cluster-manager",
            "ServiceAccount open-cluster-management/cluster-manager",
            "Secret open-cluster-management/open-cluster-management-image-pull-credentials",
            "ClusterRole open-cluster-management:bootstrap",
            "ServiceAccount open-cluster-management/agent-registration-bootstrap",
            "ClusterRoleBinding open-cluster-management:bootstrap:agent-registration",
            "Deployment open-cluster-management/cluster-manager",
            "ClusterManager cluster-manager",
        ]
    );
    let secret = find(
        &objects,
        "Secret",
        "open-cluster-management-image-pull-credentials",
    );
    assert_eq!(secret.data["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(secret.data["data"][".dockerconfigjson"], "e30=");
    assert_eq!(
        find(&objects, "ClusterManager", "cluster-manager").data["spec"],
        json!({
            "registrationImagePullSpec": "quay.io/open-cluster-management/registration:v1.3.1",
            "workImagePullSpec": "quay.io/open-cluster-management/work:v1.3.1",
            "placementImagePullSpec": "quay.io/open-cluster-management/placement:v1.3.1",
            "addOnManagerImagePullSpec": "quay.io/open-cluster-management/addon-manager:v1.3.1",
            "deployOption": {"mode": "Default"},
            "resourceRequirement": {"type": "Default"},
            "registrationConfiguration": {"featureGates": [
                {"feature": "DefaultClusterSet", "mode": "Enable"},
                {"feature": "ResourceCleanup", "mode": "Enable"},
            ]},
            "workConfiguration": {"workDriver": "kube"},
            "addOnManagerConfiguration": {"featureGates": [{"feature": "AddonManagement", "mode": "Enable"}]},
            "placementConfiguration": {"featureGates": [{"feature": "PlacementDebugServer", "mode": "Enable"}]},
        })
    );
}

#[test]
fn gates_say_what_is_on_and_what_is_not_by_default() {
    let gate = |feature: &str, mode| FeatureGate {
        feature: feature.to_owned(),
        mode,
    };
    let objects = upstream_hub(&UpstreamHub {
        cluster_manager: ClusterManagerSpec {
            registration_configuration: Some(RegistrationHubConfiguration {
                feature_gates: vec![
                    gate("ManagedClusterAutoApproval", FeatureGateMode::Enable),
                    gate("ClusterProfile", FeatureGateMode::Disable),
                    gate("DefaultClusterSet", FeatureGateMode::Disable),
                ],
                ..Default::default()
            }),
            ..Default::default()
        },
        ..hub()
    })
    .unwrap();
    let manager = find(&objects, "ClusterManager", "cluster-manager");
    assert_eq!(
        manager.data["spec"]["registrationConfiguration"]["featureGates"],
        json!([
            {"feature": "DefaultClusterSet"},
            {"feature": "ResourceCleanup", "mode": "Enable"},
            {"feature": "ManagedClusterAutoApproval", "mode": "Enable"},
        ])
    );
}

#[test]
fn the_operators_are_deployed_as_the_charts_do() {
    let hub = upstream_hub(&UpstreamHub {
        sync_labels: true,
        ..hub()
    })
    .unwrap();
    let agent = upstream_agent(&agent("Default")).unwrap();
    for (objects, name, replicas, container_name, args) in [
        (
            &hub,
            "cluster-manager",
            3,
            "registration-operator",
            json!(["/registration-operator", "hub", "--enable-sync-labels"]),
        ),
        (
            &agent,
            "klusterlet",
            1,
            "klusterlet",
            json!(["/registration-operator", "klusterlet"]),
        ),
    ] {
        let spec = &find(objects, "Deployment", name).data["spec"];
        assert_eq!(spec["replicas"], replicas);
        assert_eq!(spec["selector"]["matchLabels"], json!({"app": name}));
        let pod = &spec["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], name);
        assert_eq!(pod["securityContext"], json!({"runAsNonRoot": true}));
        let container = &pod["containers"][0];
        let image = "quay.io/open-cluster-management/registration-operator:v1.3.1";
        assert_eq!(container["name"], container_name);
        assert_eq!(container["image"], image);
        assert_eq!(container["imagePullPolicy"], "IfNotPresent");
        assert_eq!(container["args"], args);
        assert!(container.get("command").is_none());
        assert_eq!(
            container["resources"]["requests"],
            json!({"cpu": "2m", "memory": "16Mi"})
        );
        assert_eq!(
            container["livenessProbe"],
            json!({
                "httpGet": {"path": "/healthz", "scheme": "HTTPS", "port": 8443},
                "initialDelaySeconds": 2, "periodSeconds": 10,
            })
        );
        assert_eq!(container["readinessProbe"]["initialDelaySeconds"], 2);
        assert_eq!(
            container["securityContext"],
            json!({
                "allowPrivilegeEscalation": false, "privileged": false, "runAsNonRoot": true,
                "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            })
        );
        assert_eq!(container["volumeMounts"][0]["mountPath"], "/tmp");
        assert_eq!(pod["volumes"][0]["emptyDir"], json!({}));
        let agent_image = container["env"]
            .as_array()
            .unwrap()
            .iter()
            .find(|variable| variable["name"] == "AGENT_IMAGE");
        match name {
            "cluster-manager" => assert_eq!(agent_image.unwrap()["value"], image),
            _ => assert_eq!(container["resources"]["limits"], json!({"memory": "2Gi"})),
        }
        let account = find(objects, "ServiceAccount", name);
        assert_eq!(
            account.data["imagePullSecrets"][0]["name"],
            "open-cluster-management-image-pull-credentials"
        );
    }
}

#[test]
fn the_agent_has_the_objects_of_the_chart() {
    let mut values = agent("Singleton");
    values.klusterlet.priority_class_name = Some("important".to_owned());
    let objects = upstream_agent(&values).unwrap();
    assert_eq!(
        listed(&objects),
        [
            "CustomResourceDefinition klusterlets.operator.open-cluster-management.io",
            "Namespace open-cluster-management",
            "Namespace open-cluster-management-agent",
            "PriorityClass important",
            "ClusterRole klusterlet",
            "ClusterRoleBinding klusterlet",
            "ServiceAccount open-cluster-management/klusterlet",
            "Secret open-cluster-management/open-cluster-management-image-pull-credentials",
            "Secret open-cluster-management-agent/bootstrap-hub-kubeconfig",
            "Deployment open-cluster-management/klusterlet",
            "Klusterlet klusterlet",
        ]
    );
    let namespace = find(&objects, "Namespace", "open-cluster-management-agent");
    assert_eq!(
        namespace.metadata.annotations.as_ref().unwrap()["workload.openshift.io/allowed"],
        "management"
    );
    assert_eq!(
        find(&objects, "Klusterlet", "klusterlet").data["spec"],
        json!({
            "registrationImagePullSpec": "quay.io/open-cluster-management/registration:v1.3.1",
            "workImagePullSpec": "quay.io/open-cluster-management/work:v1.3.1",
            "imagePullSpec": "quay.io/open-cluster-management/registration-operator:v1.3.1",
            "clusterName": "c1",
            "namespace": "open-cluster-management-agent",
            "deployOption": {"mode": "Singleton"},
            "resourceRequirement": {"type": "Default"},
            "priorityClassName": "important",
            "registrationConfiguration": {"featureGates": [
                {"feature": "ClusterClaim", "mode": "Enable"},
                {"feature": "AddonManagement", "mode": "Enable"},
            ]},
            "workConfiguration": {},
        })
    );
}

#[test]
fn classes_of_kubernetes_itself_are_not_made() {
    let mut values = agent("Default");
    values.klusterlet.priority_class_name = Some("system-cluster-critical".to_owned());
    let objects = upstream_agent(&values).unwrap();
    assert!(!objects.iter().any(|o| kind(o) == "PriorityClass"));
}

#[test]
fn a_hosted_agent_has_its_own_namespace_and_the_way_to_its_cluster() {
    let mut values = agent("Hosted");
    values.operator = false;
    values.klusterlet_name = "klusterlet-hosted-abc123".to_owned();
    values.klusterlet.namespace =
        Some("open-cluster-management-klusterlet-hosted-abc123".to_owned());
    values.external_managed_kubeconfig = Some(ExternalKubeconfig(b"secret".to_vec()));
    assert!(!format!("{values:?}").contains("115"));
    let objects = upstream_agent(&values).unwrap();
    assert_eq!(
        listed(&objects),
        [
            "CustomResourceDefinition klusterlets.operator.open-cluster-management.io",
            "Namespace open-cluster-management",
            "Namespace klusterlet-hosted-abc123",
            "Secret klusterlet-hosted-abc123/bootstrap-hub-kubeconfig",
            "Secret klusterlet-hosted-abc123/external-managed-kubeconfig",
            "Klusterlet klusterlet-hosted-abc123",
        ]
    );
    let klusterlet = find(&objects, "Klusterlet", "klusterlet-hosted-abc123");
    assert_eq!(
        klusterlet.data["spec"]["namespace"],
        "open-cluster-management-klusterlet-hosted-abc123"
    );
}

#[test]
fn a_bootstrap_token_replaces_the_service_account() {
    let objects = upstream_hub(&UpstreamHub {
        bootstrap_token: Some(BootstrapToken {
            id: "ocmhub".to_owned(),
            secret: "0123456789abcdef".to_owned(),
            expiration: None,
        }),
        ..hub()
    })
    .unwrap();
    let listed = listed(&objects);
    assert!(listed.contains(&"Secret kube-system/bootstrap-token-ocmhub".to_owned()));
    assert!(listed.contains(
        &"ClusterRoleBinding open-cluster-management:bootstrap:managedcluster".to_owned()
    ));
    assert!(
        !listed
            .iter()
            .any(|line| line.ends_with("agent-registration-bootstrap"))
    );
}
