//! Pieces of schema that the derives cannot know: types of Kubernetes whose
//! validation `k8s-openapi` does not carry, and the patterns several kinds share.
//!
//! Two markers, resolved in `crds`, say what schemars has no word for:
//! `x-ocm-default` (an object's default, beside serde's own) and
//! `x-ocm-nullable` (the few fields where `null` is a value).

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A qualified name: an optional DNS prefix, a slash, a name.
pub(crate) const QUALIFIED_NAME: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$";
/// The same as a topology key has it (grouped differently).
pub(crate) const TOPOLOGY_KEY: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$";
/// The reason of a condition.
const REASON: &str = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$";
/// A DNS label, as namespaces are named.
pub(crate) const DNS_LABEL: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A DNS label or nothing.
pub(crate) const DNS_LABEL_OR_EMPTY: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$";
/// A DNS subdomain, as service accounts are named.
pub(crate) const DNS_SUBDOMAIN: &str =
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$";
/// A host name or an IPv4 address.
pub(crate) const HOST_NAME: &str = r"^(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]*[a-zA-Z0-9])\.)*([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9\-]*[A-Za-z0-9])$";
/// An IPv4 address.
pub(crate) const IPV4: &str =
    r"^(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)$";
/// The ARN of an EKS cluster.
pub(crate) const EKS_ARN: &str = r"^arn:aws:eks:([a-zA-Z0-9-]+):(\d{12}):cluster/([a-zA-Z0-9-]+)$";
/// A duration in whole hours, minutes and seconds.
pub(crate) const DURATION: &str = r"^([0-9]+(s|m|h))+$";
/// A certificate signer's name: `domain/path`.
pub(crate) const SIGNER_NAME: &str = r"^([a-z0-9][a-z0-9-]*[a-z0-9]\.)+[a-z]+\/[a-z0-9-\.]+$";
/// A number, or a percentage up to 100.
pub(crate) const COUNT_OR_PERCENT: &str = r"^((100|[0-9]{1,2})%|[0-9]+)$";
/// A duration in one unit, or `None`.
pub(crate) const PROGRESS_DEADLINE: &str = r"^(([0-9])+[h|m|s])|None$";
/// A quantity such as `500m` or `1Gi`.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Bytes, as base64.
pub(crate) fn bytes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "byte"})
}

/// Conditions merged by their type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "What is known about the object's state, one entry per type.",
        "type": "array",
        "items": condition(),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

/// Conditions replaced as a whole.
pub(crate) fn conditions_replaced(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "What is known about the object's state, one entry per type.",
        "type": "array",
        "items": condition(),
    })
}

fn condition() -> Value {
    json!({
        "description": "One aspect of an object's state.",
        "type": "object",
        "required": ["lastTransitionTime", "message", "reason", "status", "type"],
        "properties": {
            "lastTransitionTime": {
                "description": "When the status last changed.",
                "type": "string", "format": "date-time",
            },
            "message": {
                "description": "Details for people; may be empty.",
                "type": "string", "maxLength": 32768,
            },
            "observedGeneration": {
                "description": "The metadata.generation this condition was computed from.",
                "type": "integer", "format": "int64", "minimum": 0,
            },
            "reason": {
                "description": "Why the condition has this status, as one CamelCase word.",
                "type": "string", "minLength": 1, "maxLength": 1024, "pattern": REASON,
            },
            "status": {
                "description": "True, False or Unknown.",
                "type": "string", "enum": ["True", "False", "Unknown"],
            },
            "type": {
                "description": "Which aspect this is about.",
                "type": "string", "maxLength": 316, "pattern": QUALIFIED_NAME,
            },
        },
    })
}

/// A label selector, replaced as a whole.
pub(crate) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "Which labels are asked for; all requirements must hold.",
        "type": "object",
        "properties": {
            "matchExpressions": {
                "description": "Requirements on keys and values.",
                "type": "array",
                "items": requirement(),
                "x-kubernetes-list-type": "atomic",
            },
            "matchLabels": {
                "description": "Labels that must be present with exactly these values.",
                "type": "object",
                "additionalProperties": {"type": "string"},
            },
        },
        "x-kubernetes-map-type": "atomic",
    })
}

/// A list of selector requirements.
pub(crate) fn requirements(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "Requirements on keys and values; all must hold.",
        "type": "array",
        "items": requirement(),
    })
}

fn requirement() -> Value {
    json!({
        "description": "One requirement on a key.",
        "type": "object",
        "required": ["key", "operator"],
        "properties": {
            "key": {"description": "The key it is about.", "type": "string"},
            "operator": {
                "description": "In, NotIn, Exists or DoesNotExist.",
                "type": "string",
            },
            "values": {
                "description": "The values of In and NotIn; empty for the others.",
                "type": "array",
                "items": {"type": "string"},
                "x-kubernetes-list-type": "atomic",
            },
        },
    })
}

/// Named quantities.
pub(crate) fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {"x-kubernetes-int-or-string": true, "pattern": QUANTITY},
    })
}

/// A container's resource requirements.
pub(crate) fn resource_requirements(generator: &mut SchemaGenerator) -> Schema {
    let quantities = quantities(generator);
    json_schema!({
        "description": "Requests and limits of a container.",
        "type": "object",
        "properties": {
            "claims": {
                "description": "Claims of the pod that the container uses.",
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"description": "The claim's name in the pod.", "type": "string"},
                        "request": {
                            "description": "One request of the claim; all when empty.",
                            "type": "string",
                        },
                    },
                },
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            "limits": quantities.clone(),
            "requests": quantities,
        },
    })
}

/// A toleration of Kubernetes.
pub(crate) fn tolerations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "Taints of nodes that the pods tolerate.",
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "effect": {"description": "The taint effect; empty for all.", "type": "string"},
                "key": {"description": "The taint key; empty for all.", "type": "string"},
                "operator": {"description": "Exists or Equal.", "type": "string"},
                "tolerationSeconds": {
                    "description": "How long a NoExecute taint is tolerated.",
                    "type": "integer", "format": "int64",
                },
                "value": {"description": "The taint value of Equal.", "type": "string"},
            },
        },
    })
}

/// A reference to a role.
pub(crate) fn role_ref(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "The role that is bound.",
        "type": "object",
        "required": ["apiGroup", "kind", "name"],
        "properties": {
            "apiGroup": {"description": "The group of the role.", "type": "string"},
            "kind": {"description": "Role or ClusterRole.", "type": "string"},
            "name": {"description": "The name of the role.", "type": "string"},
        },
        "x-kubernetes-map-type": "atomic",
    })
}

/// Whole Kubernetes objects of any kind.
pub(crate) fn embedded_objects(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "The objects, each complete with apiVersion, kind and name.",
        "type": "array",
        "items": {
            "type": "object",
            "x-kubernetes-embedded-resource": true,
            "x-kubernetes-preserve-unknown-fields": true,
        },
    })
}

/// A number or a percentage, with a default.
pub(crate) fn max_failures(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "How many clusters may fail before the rollout stops.",
        "x-kubernetes-int-or-string": true,
        "pattern": COUNT_OR_PERCENT,
        "default": 0,
    })
}

/// A number or a percentage.
pub(crate) fn max_concurrency(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "How many clusters may be in rollout at a time.",
        "x-kubernetes-int-or-string": true,
        "pattern": COUNT_OR_PERCENT,
    })
}

/// The size of a decision group.
pub(crate) fn group_size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "Clusters in one decision group, as a number or a percentage.",
        "x-kubernetes-int-or-string": true,
        "pattern": r"^((100|[1-9][0-9]{0,1})%|[1-9][0-9]*)$",
        "default": "100%",
    })
}

/// A number of things, of no particular size.
pub(crate) fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer"})
}
