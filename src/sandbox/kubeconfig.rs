//! The kubeconfig of a sandbox: one context for each control plane.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::layout::HUB;

/// How an administrator reaches one control plane.
#[derive(Clone)]
pub struct Access {
    /// The context.
    pub name: String,
    /// The URL.
    pub server: String,
    /// The authority (PEM).
    pub ca: String,
    /// The administrator's certificate (PEM).
    pub certificate: String,
    /// Its key (PEM).
    pub key: String,
}

/// The kubeconfig of these control planes. `known` is the file there was:
/// the context and the namespaces that the user chose stay.
pub fn build(all: &[Access], known: Option<&Value>) -> Value {
    let encode = |text: &str| STANDARD.encode(text);
    let user = |name: &str| format!("{name}-admin");
    let clusters: Vec<Value> = all
        .iter()
        .map(|access| {
            json!({"name": access.name, "cluster": {
                "server": access.server,
                "certificate-authority-data": encode(&access.ca),
            }})
        })
        .collect();
    let users: Vec<Value> = all
        .iter()
        .map(|access| {
            json!({"name": user(&access.name), "user": {
                "client-certificate-data": encode(&access.certificate),
                "client-key-data": encode(&access.key),
            }})
        })
        .collect();
    let contexts: Vec<Value> = all
        .iter()
        .map(|access| {
            let mut context = json!({"cluster": access.name, "user": user(&access.name)});
            if let Some(namespace) = known.and_then(|known| namespace_of(known, &access.name)) {
                context["namespace"] = json!(namespace);
            }
            json!({"name": access.name, "context": context})
        })
        .collect();
    let current = known
        .and_then(|known| known["current-context"].as_str())
        .filter(|current| all.iter().any(|access| access.name == *current))
        .unwrap_or(HUB);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": clusters,
        "users": users,
        "contexts": contexts,
        "current-context": current,
    })
}

fn namespace_of<'a>(known: &'a Value, context: &str) -> Option<&'a str> {
    let contexts = known["contexts"].as_array()?;
    let context = contexts.iter().find(|c| c["name"] == context)?;
    context["context"]["namespace"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(name: &str) -> Access {
        Access {
            name: name.to_owned(),
            server: format!("https://{name}"),
            ca: "ca".to_owned(),
            certificate: "certificate".to_owned(),
            key: "key".to_owned(),
        }
    }

    #[test]
    fn contexts_are_the_control_planes() {
        let built = build(&[access("hub"), access("cluster1")], None);
        assert_eq!(built["current-context"], "hub");
        assert_eq!(built["contexts"][1]["name"], "cluster1");
        assert_eq!(built["contexts"][1]["context"]["user"], "cluster1-admin");
        assert_eq!(built["users"][1]["user"]["client-key-data"], "a2V5");
        let parsed: kube::config::Kubeconfig = serde_json::from_value(built).unwrap();
        assert_eq!(parsed.clusters.len(), 2);
    }

    #[test]
    fn what_the_user_chose_stays() {
        let mut known = build(&[access("hub"), access("cluster1")], None);
        known["current-context"] = json!("cluster1");
        known["contexts"][1]["context"]["namespace"] = json!("shop");
        let built = build(&[access("hub"), access("cluster1")], Some(&known));
        assert_eq!(built["current-context"], "cluster1");
        assert_eq!(built["contexts"][1]["context"]["namespace"], "shop");
        let smaller = build(&[access("hub")], Some(&known));
        assert_eq!(smaller["current-context"], "hub");
    }
}
