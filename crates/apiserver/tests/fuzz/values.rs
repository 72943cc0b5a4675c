//! Words and values that come near to what the server expects.

use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// Text: what means something, and what means nothing.
pub(crate) fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(&[
            "apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations",
            "finalizers", "ownerReferences", "managedFields", "uid", "resourceVersion",
            "generation", "creationTimestamp", "deletionTimestamp", "spec", "status", "data",
            "binaryData", "immutable", "template", "selector", "matchLabels", "containers",
            "image", "ports", "containerPort", "protocol", "env", "value", "valueFrom", "args",
            "tolerations", "volumes", "replicas", "strategy", "type", "rollingUpdate",
            "maxSurge", "resources", "limits", "cpu", "$patch", "$retainKeys",
            "$setElementOrder/containers", "$setElementOrder/env",
            "$deleteFromPrimitiveList/finalizers", "delete", "replace", "merge", "a", "b", "d",
            "example.com/a", "v1", "apps/v1", "Deployment", "ConfigMap", "default", "UDP",
        ][..]).prop_map(str::to_owned),
        2 => "[a-z0-9./~*$-]{0,8}",
        1 => any::<String>(),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => prop::sample::select(&[0_i64, 1, -1, 80, 65536, i64::MAX, i64::MIN][..]).prop_map(Value::from),
        1 => any::<f64>().prop_map(|n| Number::from_f64(n).map_or(Value::Null, Value::Number)),
        5 => word().prop_map(Value::from),
    ]
}

/// Any JSON, mostly with words that mean something.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((word(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A value as deep as that: `[[[…]]]`, `{"a":{"a":…}}`.
pub(crate) fn nested(depth: usize, array: bool) -> String {
    let (open, close) = if array { ("[", "]") } else { (r#"{"a":"#, "}") };
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}
