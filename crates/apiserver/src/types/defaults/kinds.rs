//! Defaults of the groups beside the core one.

use serde_json::{Map, Value, json};

use super::{child, default, default_number, default_text, each, text};

type Object = Map<String, Value>;

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn set(name: &str, map: &mut Object) {
    match name {
        "api.apps.v1.Deployment" => spec(map, deployment),
        "api.apps.v1.DaemonSet" => spec(map, daemon_set),
        "api.apps.v1.StatefulSet" => spec(map, stateful_set),
        "api.apps.v1.ReplicaSet" => spec(map, |spec| default(spec, "replicas", json!(1))),
        "api.batch.v1.Job" => job(map),
        "api.batch.v1.CronJob" => spec(map, cron_job),
        "api.batch.v1.PodFailurePolicyOnPodConditionsPattern" => {
            default_text(map, "status", "True");
        }
        "api.autoscaling.v1.HorizontalPodAutoscaler" => {
            spec(map, |spec| default(spec, "minReplicas", json!(1)));
        }
        "api.autoscaling.v2.HorizontalPodAutoscaler" => spec(map, autoscaler),
        "api.networking.v1.NetworkPolicyPort" => default(map, "protocol", json!("TCP")),
        "api.networking.v1.NetworkPolicySpec" => network_policy(map),
        "api.networking.v1.IngressClassParametersReference" => {
            default(map, "scope", json!("Cluster"));
        }
        "api.rbac.v1.RoleRef" => default_text(map, "apiGroup", RBAC),
        "api.rbac.v1.Subject" => {
            if matches!(text(map, "kind"), "User" | "Group") {
                default_text(map, "apiGroup", RBAC);
            }
        }
        "api.admissionregistration.v1.ValidatingWebhook" => webhook(map),
        "api.admissionregistration.v1.MutatingWebhook" => {
            webhook(map);
            default(map, "reinvocationPolicy", json!("Never"));
        }
        "api.admissionregistration.v1.RuleWithOperations"
        | "api.admissionregistration.v1.NamedRuleWithOperations" => {
            default(map, "scope", json!("*"));
        }
        "api.admissionregistration.v1.ValidatingAdmissionPolicySpec"
        | "api.admissionregistration.v1.MutatingAdmissionPolicySpec" => {
            default(map, "failurePolicy", json!("Fail"));
        }
        "api.admissionregistration.v1.MatchResources" => {
            default(map, "matchPolicy", json!("Equivalent"));
            default(map, "namespaceSelector", json!({}));
            default(map, "objectSelector", json!({}));
        }
        "api.admissionregistration.v1.ServiceReference"
        | "kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference"
        | "apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference" => {
            default(map, "port", json!(443));
        }
        "api.storage.v1.StorageClass" => {
            default(map, "reclaimPolicy", json!("Delete"));
            default(map, "volumeBindingMode", json!("Immediate"));
        }
        "api.storage.v1.CSIDriverSpec" => csi_driver(map),
        "api.scheduling.v1.PriorityClass" => {
            default(map, "preemptionPolicy", json!("PreemptLowerPriority"));
        }
        "api.discovery.v1.EndpointPort" => {
            default(map, "name", json!(""));
            default(map, "protocol", json!("TCP"));
        }
        _ => {}
    }
}

fn spec(map: &mut Object, change: impl FnOnce(&mut Object)) {
    if let Some(spec) = child(map, "spec") {
        change(spec);
    }
}

fn deployment(spec: &mut Object) {
    default(spec, "replicas", json!(1));
    if let Some(strategy) = child(spec, "strategy") {
        default_text(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = child(strategy, "rollingUpdate")
        {
            default(rolling, "maxUnavailable", json!("25%"));
            default(rolling, "maxSurge", json!("25%"));
        }
    }
    default(spec, "revisionHistoryLimit", json!(10));
    default(spec, "progressDeadlineSeconds", json!(600));
}

fn daemon_set(spec: &mut Object) {
    if let Some(strategy) = child(spec, "updateStrategy") {
        default_text(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = child(strategy, "rollingUpdate")
        {
            default(rolling, "maxUnavailable", json!(1));
            default(rolling, "maxSurge", json!(0));
        }
    }
    default(spec, "revisionHistoryLimit", json!(10));
}

fn stateful_set(spec: &mut Object) {
    default_text(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = child(spec, "updateStrategy") {
        if text(strategy, "type").is_empty() {
            default_text(strategy, "type", "RollingUpdate");
            default(strategy, "rollingUpdate", json!({}));
        }
        let rolls = text(strategy, "type") == "RollingUpdate";
        let rolling = strategy
            .get_mut("rollingUpdate")
            .and_then(Value::as_object_mut);
        if let Some(rolling) = rolling
            && rolls
        {
            default(rolling, "partition", json!(0));
            default(rolling, "maxUnavailable", json!(1));
        }
    }
    if let Some(policy) = child(spec, "persistentVolumeClaimRetentionPolicy") {
        default_text(policy, "whenDeleted", "Retain");
        default_text(policy, "whenScaled", "Retain");
    }
    default(spec, "replicas", json!(1));
    default(spec, "revisionHistoryLimit", json!(10));
    // A claim's template is a claim like any other, its kind included.
    each(spec, "volumeClaimTemplates", |claim| {
        default_text(claim, "apiVersion", "v1");
        default_text(claim, "kind", "PersistentVolumeClaim");
    });
}

fn job(map: &mut Object) {
    let labels = map
        .get("spec")
        .and_then(|spec| spec.pointer("/template/metadata/labels"))
        .cloned();
    spec(map, |spec| {
        if !spec.contains_key("completions") && !spec.contains_key("parallelism") {
            default(spec, "completions", json!(1));
        }
        default(spec, "parallelism", json!(1));
        let limit = if spec.contains_key("backoffLimitPerIndex") {
            i32::MAX
        } else {
            6
        };
        default(spec, "backoffLimit", json!(limit));
        default(spec, "completionMode", json!("NonIndexed"));
        default(spec, "suspend", json!(false));
        let policy = if spec.contains_key("podFailurePolicy") {
            "Failed"
        } else {
            "TerminatingOrFailed"
        };
        default(spec, "podReplacementPolicy", json!(policy));
        default(spec, "manualSelector", json!(false));
    });
    if let Some(labels) = labels
        && let Some(meta) = child(map, "metadata")
    {
        default(meta, "labels", labels);
    }
}

fn cron_job(spec: &mut Object) {
    default_text(spec, "concurrencyPolicy", "Allow");
    default(spec, "suspend", json!(false));
    default(spec, "successfulJobsHistoryLimit", json!(3));
    default(spec, "failedJobsHistoryLimit", json!(1));
}

fn autoscaler(spec: &mut Object) {
    default(spec, "minReplicas", json!(1));
    let none = spec
        .get("metrics")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty);
    if none {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        spec.insert("metrics".to_owned(), json!([metric]));
    }
    let Some(behavior) = spec.get_mut("behavior").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(up) = child(behavior, "scaleUp") {
        default(up, "selectPolicy", json!("Max"));
        default(up, "stabilizationWindowSeconds", json!(0));
        default(
            up,
            "policies",
            json!([
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ]),
        );
    }
    if let Some(down) = child(behavior, "scaleDown") {
        default(down, "selectPolicy", json!("Max"));
        default(
            down,
            "policies",
            json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]),
        );
    }
}

fn network_policy(map: &mut Object) {
    let filled = |field: &str, map: &Object| {
        let list = map.get(field).and_then(Value::as_array);
        list.is_some_and(|list| !list.is_empty())
    };
    if !filled("policyTypes", map) {
        let types = if filled("egress", map) {
            json!(["Ingress", "Egress"])
        } else {
            json!(["Ingress"])
        };
        map.insert("policyTypes".to_owned(), types);
    }
}

fn webhook(map: &mut Object) {
    default(map, "failurePolicy", json!("Fail"));
    default(map, "matchPolicy", json!("Equivalent"));
    default(map, "namespaceSelector", json!({}));
    default(map, "objectSelector", json!({}));
    default_number(map, "timeoutSeconds", 10);
}

fn csi_driver(map: &mut Object) {
    default(map, "attachRequired", json!(true));
    for field in [
        "podInfoOnMount",
        "storageCapacity",
        "requiresRepublish",
        "seLinuxMount",
    ] {
        default(map, field, json!(false));
    }
    default(map, "fsGroupPolicy", json!("ReadWriteOnceWithFSType"));
    default(map, "volumeLifecycleModes", json!(["Persistent"]));
}
