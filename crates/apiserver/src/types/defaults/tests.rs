//! Tests of the defaults.

use serde_json::{Value, json};

use super::super::builtin;
use super::{apply, drop_nulls};

fn with_defaults(group: &str, version: &str, plural: &str, object: &Value) -> Value {
    let mut object = object.clone();
    let catalog = builtin();
    apply(catalog.find(group, version, plural).unwrap(), &mut object);
    object
}

#[test]
fn deployments_and_their_pods() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "creationTimestamp": null},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "creationTimestamp": null},
                "spec": {
                    "serviceAccountName": "builder",
                    "containers": [{
                        "name": "c", "image": "nginx",
                        "ports": [{"containerPort": 80}],
                        "resources": {"limits": {"cpu": 1, "memory": "1024Mi"}},
                        "livenessProbe": {"httpGet": {"port": 80}},
                    }],
                    "volumes": [{"name": "v", "secret": {"secretName": "s"}}, {"name": "e"}],
                },
            },
        },
        "status": {},
    });
    let found = with_defaults("apps", "v1", "deployments", &object);
    assert_eq!(
        found,
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "serviceAccount": "builder", "serviceAccountName": "builder",
                        "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
                        "schedulerName": "default-scheduler", "securityContext": {},
                        "terminationGracePeriodSeconds": 30,
                        "containers": [{
                            "name": "c", "image": "nginx", "imagePullPolicy": "Always",
                            "ports": [{"containerPort": 80, "protocol": "TCP"}],
                            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                            "terminationMessagePath": "/dev/termination-log",
                            "terminationMessagePolicy": "File",
                            "livenessProbe": {
                                "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                                "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
                            },
                        }],
                        "volumes": [
                            {"name": "v", "secret": {"secretName": "s", "defaultMode": 420}},
                            {"name": "e", "emptyDir": {}},
                        ],
                    },
                },
            },
            "status": {},
        })
    );
    // What has its defaults stays as it is.
    assert_eq!(with_defaults("apps", "v1", "deployments", &found), found);
}

#[test]
fn single_facts() {
    let table = [
        (
            "",
            "v1",
            "pods",
            "/spec/enableServiceLinks",
            json!({"spec": {}}),
            json!(true),
        ),
        (
            "",
            "v1",
            "pods",
            "/spec/containers/0/resources/requests/cpu",
            json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "2"}}}]}}),
            json!("2"),
        ),
        (
            "",
            "v1",
            "pods",
            "/spec/containers/0/imagePullPolicy",
            json!({"spec": {"containers": [{"image": "a:1"}]}}),
            json!("IfNotPresent"),
        ),
        (
            "",
            "v1",
            "pods",
            "/spec/containers/0/imagePullPolicy",
            json!({"spec": {"containers": [{"image": "h:5000/a"}]}}),
            json!("Always"),
        ),
        (
            "",
            "v1",
            "pods",
            "/status/podIPs",
            json!({"status": {"podIP": "1.2.3.4"}}),
            json!([{"ip": "1.2.3.4"}]),
        ),
        (
            "",
            "v1",
            "secrets",
            "/data/a",
            json!({"stringData": {"a": "b"}}),
            json!("Yg=="),
        ),
        ("", "v1", "secrets", "/type", json!({}), json!("Opaque")),
        (
            "",
            "v1",
            "services",
            "/spec/ports/0",
            json!({"spec": {"ports": [{"port": 80}]}}),
            json!({"port": 80, "targetPort": 80, "protocol": "TCP"}),
        ),
        (
            "",
            "v1",
            "services",
            "/spec/internalTrafficPolicy",
            json!({"spec": {}}),
            json!("Cluster"),
        ),
        (
            "",
            "v1",
            "namespaces",
            "/metadata/labels",
            json!({"metadata": {"name": "a"}}),
            json!({"kubernetes.io/metadata.name": "a"}),
        ),
        (
            "",
            "v1",
            "namespaces",
            "/status/phase",
            json!({"metadata": {"name": "a"}}),
            json!("Active"),
        ),
        (
            "",
            "v1",
            "persistentvolumeclaims",
            "/spec/volumeMode",
            json!({"spec": {}}),
            json!("Filesystem"),
        ),
        (
            "batch",
            "v1",
            "jobs",
            "/spec/completions",
            json!({"spec": {}}),
            json!(1),
        ),
        (
            "batch",
            "v1",
            "jobs",
            "/spec/backoffLimit",
            json!({"spec": {}}),
            json!(6),
        ),
        (
            "batch",
            "v1",
            "cronjobs",
            "/spec/jobTemplate/spec/template/spec/dnsPolicy",
            json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": {}}}}}}),
            json!("ClusterFirst"),
        ),
        (
            "apps",
            "v1",
            "daemonsets",
            "/spec/updateStrategy/rollingUpdate/maxUnavailable",
            json!({"spec": {}}),
            json!(1),
        ),
        (
            "apps",
            "v1",
            "statefulsets",
            "/spec/podManagementPolicy",
            json!({"spec": {}}),
            json!("OrderedReady"),
        ),
        (
            "apps",
            "v1",
            "replicasets",
            "/spec/replicas",
            json!({"spec": {}}),
            json!(1),
        ),
        (
            "rbac.authorization.k8s.io",
            "v1",
            "rolebindings",
            "/roleRef/apiGroup",
            json!({"roleRef": {"kind": "Role"}}),
            json!("rbac.authorization.k8s.io"),
        ),
        (
            "rbac.authorization.k8s.io",
            "v1",
            "rolebindings",
            "/subjects/0/apiGroup",
            json!({"subjects": [{"kind": "Group"}]}),
            json!("rbac.authorization.k8s.io"),
        ),
        (
            "rbac.authorization.k8s.io",
            "v1",
            "rolebindings",
            "/subjects/0",
            json!({"subjects": [{"kind": "ServiceAccount"}]}),
            json!({"kind": "ServiceAccount"}),
        ),
        (
            "autoscaling",
            "v2",
            "horizontalpodautoscalers",
            "/spec/metrics/0/resource/name",
            json!({"spec": {}}),
            json!("cpu"),
        ),
        (
            "networking.k8s.io",
            "v1",
            "networkpolicies",
            "/spec/policyTypes",
            json!({"spec": {}}),
            json!(["Ingress"]),
        ),
        (
            "admissionregistration.k8s.io",
            "v1",
            "validatingwebhookconfigurations",
            "/webhooks/0/failurePolicy",
            json!({"webhooks": [{}]}),
            json!("Fail"),
        ),
        (
            "admissionregistration.k8s.io",
            "v1",
            "validatingwebhookconfigurations",
            "/webhooks/0/clientConfig/service/port",
            json!({"webhooks": [{"clientConfig": {"service": {}}}]}),
            json!(443),
        ),
        (
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "/spec/names/singular",
            json!({"spec": {"names": {"kind": "Widget"}}}),
            json!("widget"),
        ),
        (
            "discovery.k8s.io",
            "v1",
            "endpointslices",
            "/ports/0/protocol",
            json!({"ports": [{}]}),
            json!("TCP"),
        ),
    ];
    for (group, version, plural, pointer, object, expected) in table {
        let found = with_defaults(group, version, plural, &object);
        assert_eq!(
            found.pointer(pointer),
            Some(&expected),
            "{plural} {pointer}"
        );
    }
}

#[test]
fn what_is_given_stays() {
    let object = json!({"spec": {"replicas": 0, "strategy": {"type": "Recreate"}}});
    let found = with_defaults("apps", "v1", "deployments", &object);
    assert_eq!(found["spec"]["replicas"], 0);
    assert_eq!(found["spec"]["strategy"], json!({"type": "Recreate"}));
    let object = json!({"data": {"a": "x"}, "stringData": {"b": "y"}});
    let found = with_defaults("", "v1", "secrets", &object);
    assert_eq!(found["data"], json!({"a": "x", "b": "eQ=="}));
    assert!(found.get("stringData").is_none());
}

#[test]
fn nulls_are_no_values() {
    let catalog = builtin();
    let mut object = json!({
        "metadata": {"creationTimestamp": null, "labels": {"a": "b"}},
        "spec": {"replicas": null, "template": {"metadata": {"creationTimestamp": null}}},
    });
    let resource = catalog.find("apps", "v1", "deployments").unwrap();
    drop_nulls(resource, &mut object);
    assert_eq!(
        object,
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"metadata": {}}}})
    );
}
