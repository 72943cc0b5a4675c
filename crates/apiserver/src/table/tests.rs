//! Tests of rows and columns.

use std::sync::Arc;

use super::*;
use crate::types::{Custom, builtin};

fn now() -> Timestamp {
    "2024-01-01T01:00:00Z".parse().unwrap()
}

fn show(group: &str, plural: &str, object: &Value) -> Vec<String> {
    let catalog = builtin();
    let resource = catalog.find(group, "v1", plural).unwrap();
    let row = row(resource, object, now());
    row["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            cell.as_str()
                .map_or_else(|| cell.to_string(), str::to_owned)
        })
        .collect()
}

#[test]
fn every_row_has_a_cell_for_every_column() {
    for resource in builtin().resources.values() {
        let object =
            json!({"metadata": {"name": "x", "creationTimestamp": "2024-01-01T00:00:00Z"}});
        let columns = columns(resource);
        let row = row(resource, &object, now());
        assert_eq!(
            row["cells"].as_array().map(Vec::len),
            columns.as_array().map(Vec::len),
            "{}",
            resource.gr
        );
    }
}

#[test]
fn pods() {
    let mut pod = json!({
        "metadata": {"name": "web", "creationTimestamp": "2024-01-01T00:00:00Z"},
        "spec": {"nodeName": "n1", "containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "i"}]},
        "status": {
            "phase": "Running", "podIPs": [{"ip": "10.0.0.1"}],
            "containerStatuses": [
                {"name": "a", "ready": true, "restartCount": 2, "state": {"running": {}},
                 "lastState": {"terminated": {"finishedAt": "2024-01-01T00:58:00Z"}}},
                {"name": "b", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            ],
        },
    });
    assert_eq!(
        show("", "pods", &pod),
        [
            "web",
            "1/2",
            "CrashLoopBackOff",
            "2 (2m ago)",
            "60m",
            "10.0.0.1",
            "n1",
            "<none>",
            "<none>"
        ]
    );
    pod["status"]["containerStatuses"][1]["state"] = json!({"running": {}});
    pod["status"]["containerStatuses"][1]["ready"] = json!(true);
    assert_eq!(show("", "pods", &pod)[1..3], ["2/2", "Running"]);
    pod["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
    assert_eq!(show("", "pods", &pod)[2], "Terminating");
    pod["metadata"]["deletionTimestamp"] = json!(null);
    pod["status"]["phase"] = json!("Pending");
    pod["status"]["initContainerStatuses"] =
        json!([{"name": "i", "state": {"terminated": {"exitCode": 3}}}]);
    assert_eq!(show("", "pods", &pod)[2], "Init:ExitCode:3");
    pod["status"] = json!({"phase": "Succeeded", "containerStatuses": [
        {"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]});
    assert_eq!(show("", "pods", &pod)[2], "Completed");
    let catalog = builtin();
    let row = row(catalog.find("", "v1", "pods").unwrap(), &pod, now());
    assert_eq!(row["conditions"][0]["type"], "Completed");
}

#[test]
fn other_kinds() {
    let created = json!({"name": "x", "creationTimestamp": "2024-01-01T00:59:30Z"});
    let template = json!({"spec": {"containers": [{"name": "c", "image": "i:1"}]}});
    let table = [
        (
            "apps",
            "deployments",
            json!({"spec": {"replicas": 3, "template": template, "selector": {"matchLabels": {"a": "b"}}},
                   "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2}}),
            vec!["x", "2/3", "3", "2", "30s", "c", "i:1", "a=b"],
        ),
        (
            "",
            "services",
            json!({"spec": {"type": "NodePort", "clusterIPs": ["10.0.0.1"], "selector": {"a": "b"},
                            "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}}),
            vec![
                "x",
                "NodePort",
                "10.0.0.1",
                "<none>",
                "80:30080/TCP,53/UDP",
                "30s",
                "a=b",
            ],
        ),
        (
            "",
            "secrets",
            json!({"type": "Opaque", "data": {"a": "", "b": ""}}),
            vec!["x", "Opaque", "2", "30s"],
        ),
        (
            "",
            "namespaces",
            json!({"status": {"phase": "Active"}}),
            vec!["x", "Active", "30s"],
        ),
        (
            "rbac.authorization.k8s.io",
            "clusterrolebindings",
            json!({"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": [
                {"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]}),
            vec!["x", "ClusterRole/r", "30s", "u", "", "n/s"],
        ),
        (
            "rbac.authorization.k8s.io",
            "clusterroles",
            json!({}),
            vec!["x", "2024-01-01T00:59:30Z"],
        ),
        (
            "certificates.k8s.io",
            "certificatesigningrequests",
            json!({"spec": {"signerName": "s", "username": "u", "expirationSeconds": 86400},
                   "status": {"certificate": "abc", "conditions": [{"type": "Approved"}]}}),
            vec!["x", "30s", "s", "u", "24h", "Approved,Issued"],
        ),
        (
            "batch",
            "jobs",
            json!({"spec": {"completions": 1, "template": template}, "status": {
                "succeeded": 1, "startTime": "2024-01-01T00:59:30Z", "completionTime": "2024-01-01T00:59:35Z",
                "conditions": [{"type": "Complete", "status": "True"}]}}),
            vec!["x", "Complete", "1/1", "5s", "30s", "c", "i:1", "<none>"],
        ),
        (
            "coordination.k8s.io",
            "leases",
            json!({"spec": {"holderIdentity": "me"}}),
            vec!["x", "me", "30s"],
        ),
        (
            "",
            "nodes",
            json!({"status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1", "architecture": "arm64"}}}),
            vec![
                "x",
                "Ready",
                "<none>",
                "30s",
                "v1",
                "<none>",
                "<none>",
                "<unknown>",
                "<unknown> (arm64)",
                "<unknown>",
            ],
        ),
        (
            "",
            "events",
            json!({"type": "Normal", "reason": "Created", "message": " done ", "count": 2,
                   "involvedObject": {"kind": "Pod", "name": "p"}, "source": {"component": "kubelet", "host": "n"},
                   "firstTimestamp": "2024-01-01T00:00:00Z", "lastTimestamp": "2024-01-01T00:59:00Z"}),
            vec![
                "60s",
                "Normal",
                "Created",
                "pod/p",
                "",
                "kubelet, n",
                "done",
                "60m",
                "2",
                "x",
            ],
        ),
    ];
    for (group, plural, mut object, expected) in table {
        object["metadata"] = created.clone();
        assert_eq!(show(group, plural, &object), expected, "{plural}");
    }
}

#[test]
fn custom_resources_have_their_columns() {
    let catalog = builtin();
    let mut resource = (**catalog.find("", "v1", "configmaps").unwrap()).clone();
    resource.custom = Some(Custom::default());
    let object = json!({
        "metadata": {"name": "a", "creationTimestamp": "2024-01-01T00:00:00Z"},
        "spec": {"size": 3, "list": [1, 2]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    });
    assert_eq!(columns(&resource)[1]["name"], "Age");
    assert_eq!(row(&resource, &object, now())["cells"], json!(["a", "60m"]));
    let column = |type_: &str, path: &str| Column {
        name: path.to_owned(),
        type_: type_.to_owned(),
        json_path: path.to_owned(),
        ..Column::default()
    };
    resource.columns = vec![
        column("integer", ".spec.size"),
        column("string", ".status.conditions[?(@.type==\"Ready\")].status"),
        column("string", ".spec.list"),
        column("string", ".spec.none"),
        column("date", ".metadata.creationTimestamp"),
    ];
    let resource = Arc::new(resource);
    assert_eq!(
        row(&resource, &object, now())["cells"],
        json!(["a", 3, "True", "[1,2]", null, "60m"])
    );
}
