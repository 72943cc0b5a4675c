//! What the bundles hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::*;
use crate::ocm::operator::v1::{
    ClusterManagerDeployOption, ClusterManagerSpec, InstallMode, KlusterletDeployOption,
    KlusterletSpec,
};

fn agent_values() -> AgentValues {
    AgentValues {
        bootstrap_kubeconfig: "apiVersion: v1\n".to_owned(),
        klusterlet: KlusterletSpec {
            cluster_name: Some("cluster1".to_owned()),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn everything() -> Vec<DynamicObject> {
    let mut objects = hub(&HubValues::default()).unwrap();
    objects.extend(hub_crds().unwrap());
    objects.extend(hub_components("cluster-manager").unwrap());
    objects.extend(hub_webhooks("cluster-manager", "u", &WebhookEndpoint::default()).unwrap());
    objects.extend(agent(&agent_values()).unwrap());
    objects.extend(agent_crds().unwrap());
    objects
}

fn find<'a>(objects: &'a [DynamicObject], kind: &str, name: &str) -> &'a DynamicObject {
    objects
        .iter()
        .find(|object| overlay::is(object, kind, name))
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

#[test]
fn every_file_is_embedded_and_every_document_is_an_object() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("embedded-manifests");
    let mut present = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(&root).unwrap();
                present.insert(path.to_str().unwrap().to_owned());
            }
        }
    }
    let embedded: BTreeSet<String> = files::FILES.iter().map(|(p, _)| (*p).to_owned()).collect();
    assert_eq!(present, embedded);
    assert!(files::FILES.is_sorted_by_key(|(path, _)| path));
    for (path, _) in files::FILES {
        for object in load(&[path]).unwrap() {
            let types = object
                .types
                .as_ref()
                .unwrap_or_else(|| panic!("{path}: no kind"));
            assert!(
                !types.kind.is_empty() && !types.api_version.is_empty(),
                "{path}"
            );
            assert!(object.metadata.name.is_some(), "{path}: no name");
        }
    }
}

#[test]
fn objects_come_after_what_they_need() {
    let order = |kind: &str| match kind {
        "CustomResourceDefinition" => 0,
        "Namespace" => 1,
        "Deployment" => 3,
        "ClusterManager" | "Klusterlet" => 4,
        _ => 2,
    };
    for objects in [
        hub(&HubValues::default()).unwrap(),
        agent(&agent_values()).unwrap(),
    ] {
        let kinds: Vec<&str> = objects.iter().map(overlay::kind).collect();
        assert!(kinds.is_sorted_by_key(|kind| order(kind)), "{kinds:?}");
    }
}

/// Every rule of every role, to be read when it changes.
#[test]
fn permissions() {
    let mut lines = Vec::new();
    for object in everything() {
        let kind = overlay::kind(&object);
        if kind != "ClusterRole" && kind != "Role" {
            continue;
        }
        lines.push(format!(
            "{kind} {}",
            object.metadata.name.as_deref().unwrap_or_default()
        ));
        for rule in object.data["rules"].as_array().into_iter().flatten() {
            let list = |key: &str| {
                let values = rule[key].as_array().into_iter().flatten();
                let values: Vec<&str> = values
                    .filter_map(Value::as_str)
                    .map(|value| if value.is_empty() { "core" } else { value })
                    .collect();
                values.join(",")
            };
            let names = match list("resourceNames") {
                names if names.is_empty() => names,
                names => format!(" [{names}]"),
            };
            lines.push(format!(
                "  {} {}{names}: {}",
                list("apiGroups"),
                list("resources"),
                list("verbs")
            ));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// Nobody but the work agent's own roles has `escalate`, `bind` or a wildcard.
#[test]
fn roles_have_no_wildcards() {
    for object in everything() {
        let name = object.metadata.name.clone().unwrap_or_default();
        for rule in object.data["rules"].as_array().into_iter().flatten() {
            for key in ["apiGroups", "resources", "verbs"] {
                let values = rule[key].as_array().unwrap();
                assert!(!values.contains(&json!("*")), "{name}: {rule}");
            }
            let verbs = rule["verbs"].as_array().unwrap();
            if verbs.contains(&json!("escalate")) {
                assert!(
                    name == "klusterlet" || name.ends_with("-work:execution"),
                    "{name}: {rule}"
                );
            }
        }
    }
}

#[test]
fn bindings_bind_what_is_there() {
    let objects = everything();
    for object in &objects {
        let Some(role) = object.data["roleRef"]["name"].as_str() else {
            continue;
        };
        if role != "admin" {
            find(
                &objects,
                object.data["roleRef"]["kind"].as_str().unwrap(),
                role,
            );
        }
        for subject in object.data["subjects"].as_array().unwrap() {
            if subject["kind"] == "ServiceAccount" {
                let account = find(
                    &objects,
                    "ServiceAccount",
                    subject["name"].as_str().unwrap(),
                );
                assert_eq!(
                    subject["namespace"].as_str(),
                    account.metadata.namespace.as_deref()
                );
            }
        }
    }
}

#[test]
fn hub_values_are_overlaid() {
    let objects = hub(&HubValues {
        image: "registry/ocmadm:1".to_owned(),
        replicas: 3,
        image_pull_credentials: Some(b"{}".to_vec()),
        labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        arguments: vec!["--verbose".to_owned()],
        ..Default::default()
    })
    .unwrap();
    let deployment = find(&objects, "Deployment", "cluster-manager");
    assert_eq!(deployment.data["spec"]["replicas"], 3);
    let container = &deployment.data["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry/ocmadm:1");
    assert_eq!(
        container["args"],
        json!([
            "hub",
            "--listen=0.0.0.0:8000",
            "--webhooks=0.0.0.0:9443",
            "--verbose"
        ])
    );
    assert_eq!(container["resources"]["requests"]["cpu"], "2m");
    let account = find(&objects, "ServiceAccount", "cluster-manager");
    assert_eq!(
        account.data["imagePullSecrets"][0]["name"],
        "open-cluster-management-image-pull-credentials"
    );
    let secret = find(
        &objects,
        "Secret",
        "open-cluster-management-image-pull-credentials",
    );
    assert_eq!(secret.data["data"][".dockerconfigjson"], "e30=");
    let manager = find(&objects, "ClusterManager", "cluster-manager");
    assert_eq!(manager.data["spec"]["deployOption"]["mode"], "Default");
    assert_eq!(manager.metadata.labels.as_ref().unwrap()["team"], "a");
}

#[test]
fn bootstrap_token_replaces_the_service_account() {
    let token = BootstrapToken {
        id: "ocmhub".to_owned(),
        secret: "0123456789abcdef".to_owned(),
        expiration: None,
    };
    assert_eq!(format!("{token:?}"), "BootstrapToken(ocmhub.…)");
    let objects = hub(&HubValues {
        bootstrap_token: Some(token),
        ..Default::default()
    })
    .unwrap();
    let secret = find(&objects, "Secret", "bootstrap-token-ocmhub");
    assert_eq!(
        secret.data["stringData"]["token-secret"],
        "0123456789abcdef"
    );
    find(&objects, "ClusterRole", "open-cluster-management:bootstrap");
    find(
        &objects,
        "ClusterRoleBinding",
        "open-cluster-management:bootstrap:managedcluster",
    );
    assert!(!objects.iter().any(|o| overlay::is(
        o,
        "ServiceAccount",
        "agent-registration-bootstrap"
    )));
    let bad = HubValues {
        bootstrap_token: Some(BootstrapToken {
            id: "ocmhub".to_owned(),
            secret: "short".to_owned(),
            expiration: None,
        }),
        ..Default::default()
    };
    let message = hub(&bad).unwrap_err().to_string();
    assert!(!message.contains("short"), "{message}");
}

#[test]
fn agent_values_are_overlaid() {
    let mut values = agent_values();
    values.klusterlet_name = "edge".to_owned();
    values.klusterlet.namespace = Some("open-cluster-management-edge".to_owned());
    values.bootstrap_kubeconfig = "secret".to_owned();
    assert!(!format!("{values:?}").contains("secret\""));
    let objects = agent(&values).unwrap();
    let secret = find(&objects, "Secret", "bootstrap-hub-kubeconfig");
    assert_eq!(
        secret.metadata.namespace.as_deref(),
        Some("open-cluster-management-edge")
    );
    let encoded = base64::engine::general_purpose::STANDARD.encode("secret");
    assert_eq!(secret.data["data"]["kubeconfig"], Value::from(encoded));
    let klusterlet = find(&objects, "Klusterlet", "edge");
    assert_eq!(
        klusterlet.data["spec"],
        json!({
            "clusterName": "cluster1", "namespace": "open-cluster-management-edge",
            "deployOption": {"mode": "Default"},
        })
    );
    let namespace = find(&objects, "Namespace", "open-cluster-management-edge");
    assert_eq!(
        namespace.metadata.labels.as_ref().unwrap()["operator.open-cluster-management.io/klusterlet"],
        "edge"
    );
    let binding = find(
        &objects,
        "RoleBinding",
        "open-cluster-management:management:edge-registration:agent",
    );
    assert_eq!(
        binding.metadata.namespace.as_deref(),
        Some("open-cluster-management-edge")
    );
    assert_eq!(
        binding.data["roleRef"]["name"],
        "open-cluster-management:management:edge-registration:agent"
    );
    assert!(
        !objects
            .iter()
            .any(|o| overlay::is(o, "Namespace", "open-cluster-management-agent"))
    );
}

#[test]
fn hosted_modes_are_refused() {
    let hosted = HubValues {
        cluster_manager: ClusterManagerSpec {
            deploy_option: Some(ClusterManagerDeployOption {
                mode: InstallMode::Hosted,
                ..Default::default()
            }),
            ..Default::default()
        },
        ..Default::default()
    };
    assert!(hub(&hosted).unwrap_err().to_string().contains("Hosted"));
    for (mode, fine) in [
        ("Default", true),
        ("Singleton", true),
        ("Hosted", false),
        ("Odd", false),
    ] {
        let mut values = agent_values();
        values.klusterlet.deploy_option = KlusterletDeployOption {
            mode: Some(mode.to_owned()),
        };
        assert_eq!(agent(&values).is_ok(), fine, "{mode}");
    }
}

#[test]
fn nonsense_is_refused() {
    let mut values = agent_values();
    values.klusterlet_name = "Edge".to_owned();
    assert!(agent(&values).is_err());
    let mut values = agent_values();
    values.bootstrap_kubeconfig = String::new();
    assert!(agent(&values).is_err());
}
