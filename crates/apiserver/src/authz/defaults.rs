//! The roles and bindings every cluster has. `default-roles.jsonl` is reduced
//! from Kubernetes' `bootstrappolicy/testdata`: one object a line, without the
//! roles of components that this server has not, and without what all share.

use serde_json::{Value, json};

const DATA: &str = include_str!("default-roles.jsonl");

/// The default roles and bindings, roles before bindings. Roles with an
/// aggregation rule have no rules yet: the aggregation loop fills them in.
pub fn bootstrap_roles() -> Vec<Value> {
    DATA.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|mut role| {
            role["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
            role["metadata"]["annotations"] =
                json!({"rbac.authorization.kubernetes.io/autoupdate": "true"});
            role["metadata"]["labels"]["kubernetes.io/bootstrapping"] = json!("rbac-defaults");
            role
        })
        .collect()
}
