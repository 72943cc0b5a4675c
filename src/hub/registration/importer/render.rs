//! What is installed on a cluster that is imported, and the way to it. Pure.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use kube::api::DynamicObject;
use kube::config::Kubeconfig;
use serde_json::Value;

use super::decide::Failed;
use crate::bundle::{self, AgentValues};
use crate::k8s::kubeconfig::{self, Bootstrap};
use crate::k8s::yaml;
use crate::ocm::names;
use crate::ocm::operator::v1::KlusterletSpec;

/// The Secret in the cluster namespace that says how the agent is to be.
pub const CONFIG_SECRET: &str = "cluster-import-config";
/// Its key: values of the klusterlet chart.
const KEY_VALUES: &str = "values.yaml";
/// The key of the kubeconfig in Cluster API's Secret.
const KEY_KUBECONFIG: &str = "value";

/// What Secrets hold.
pub type Data = BTreeMap<String, ByteString>;

/// The hub as the agent is to find it.
#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    /// Its API server.
    pub server: String,
    /// The CA certificates, PEM.
    pub ca: Option<Vec<u8>>,
}

impl Address {
    /// Reads `kube-public/cluster-info`.
    ///
    /// # Errors
    /// It names no server.
    pub fn read(data: &BTreeMap<String, String>) -> Result<Self, Failed> {
        let wrong =
            || Failed::Render("the hub's kube-public/cluster-info names no server".to_owned());
        let text = data.get("kubeconfig").ok_or_else(wrong)?;
        let config = kubeconfig::from_text(text).map_err(|_| wrong())?;
        let cluster = config.clusters.into_iter().find_map(|named| named.cluster);
        let cluster = cluster.ok_or_else(wrong)?;
        let server = cluster.server.clone().filter(|server| !server.is_empty());
        let ca = match cluster.certificate_authority_data {
            Some(_) => kubeconfig::ca_of(&cluster).map_err(|_| wrong())?,
            None => None,
        };
        Ok(Self {
            server: server.ok_or_else(wrong)?,
            ca,
        })
    }
}

/// The way to the cluster, from Cluster API's Secret. Whoever writes that Secret
/// must not choose what the hub runs or reads: programs, files of the hub's, and a
/// server that is not checked are refused.
///
/// # Errors
/// There is none, or one that is not used.
pub fn way(data: &Data) -> Result<Kubeconfig, Failed> {
    let wrong =
        |why: &str| Failed::Kubeconfig(format!("the secret's key {KEY_KUBECONFIG:?} {why}"));
    let bytes = data
        .get(KEY_KUBECONFIG)
        .ok_or_else(|| wrong("is missing"))?;
    let text = std::str::from_utf8(&bytes.0).map_err(|_| wrong("is no kubeconfig"))?;
    // The parser's words could quote a credential.
    let config = kubeconfig::from_text(text).map_err(|_| wrong("is no kubeconfig"))?;
    let programs = config
        .auth_infos
        .iter()
        .filter_map(|named| named.auth_info.as_ref())
        .any(|user| user.exec.is_some() || user.auth_provider.is_some());
    if programs {
        return Err(wrong("logs on by a program, which the hub does not run"));
    }
    let files = config
        .auth_infos
        .iter()
        .filter_map(|named| named.auth_info.as_ref())
        .any(|user| {
            user.token_file.is_some()
                || user.client_certificate.is_some()
                || user.client_key.is_some()
        });
    let clusters = || {
        config
            .clusters
            .iter()
            .filter_map(|named| named.cluster.as_ref())
    };
    if files || clusters().any(|cluster| cluster.certificate_authority.is_some()) {
        return Err(wrong("names files, which are not in it"));
    }
    let unchecked = |cluster: &kube::config::Cluster| {
        let server = cluster.server.as_deref().unwrap_or_default();
        cluster.insecure_skip_tls_verify == Some(true) || !server.starts_with("https://")
    };
    if clusters().any(unchecked) {
        return Err(wrong(
            "does not check the server, which would be told a token",
        ));
    }
    Ok(config)
}

/// The objects that make the cluster a managed one.
///
/// # Errors
/// `values` that make no Klusterlet.
pub fn objects(
    cluster: &str,
    image: &str,
    hub: &Address,
    token: &str,
    values: Option<&Data>,
) -> Result<Vec<DynamicObject>, Failed> {
    let failed = |error: &dyn std::fmt::Display| Failed::Render(error.to_string());
    let mut klusterlet = KlusterletSpec {
        namespace: Some(names::AGENT_NAMESPACE.to_owned()),
        ..KlusterletSpec::default()
    };
    if let Some(data) = values {
        lay(&mut klusterlet, data)?;
    }
    // Whatever else is said, it is this cluster.
    klusterlet.cluster_name = Some(cluster.to_owned());
    let kubeconfig = kubeconfig::bootstrap(&Bootstrap {
        server: &hub.server,
        ca: hub.ca.as_deref(),
        proxy_url: None,
        token,
    });
    bundle::agent(&AgentValues {
        image: image.to_owned(),
        // JSON is YAML.
        bootstrap_kubeconfig: kubeconfig.to_string(),
        klusterlet,
        ..AgentValues::default()
    })
    .map_err(|error| failed(&error))
}

/// Lays what the values say of the Klusterlet over it.
fn lay(klusterlet: &mut KlusterletSpec, data: &Data) -> Result<(), Failed> {
    let wrong = |why: String| Failed::Render(format!("secret {CONFIG_SECRET}: {why}"));
    let Some(bytes) = data.get(KEY_VALUES) else {
        return Err(wrong(format!("it has no key {KEY_VALUES}")));
    };
    let documents =
        yaml::documents(KEY_VALUES, &bytes.0).map_err(|error| wrong(error.to_string()))?;
    let over = documents
        .into_iter()
        .find_map(|(_, mut document)| document.get_mut("klusterlet").map(Value::take));
    let Some(over) = over else {
        return Ok(());
    };
    let mut value = serde_json::to_value(&*klusterlet).map_err(|error| wrong(error.to_string()))?;
    json_patch::merge(&mut value, &over);
    *klusterlet = serde_json::from_value(value)
        .map_err(|error| wrong(format!("{KEY_VALUES}: klusterlet cannot be used: {error}")))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use kube::ResourceExt;
    use serde_json::json;

    use super::*;

    fn data(key: &str, text: &str) -> Data {
        Data::from([(key.to_owned(), ByteString(text.as_bytes().to_vec()))])
    }

    fn kubeconfig_with(cluster: &Value, user: &Value) -> Data {
        let config = json!({
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        });
        data("value", &config.to_string())
    }

    #[test]
    fn a_kubeconfig_cannot_make_the_hub_run_or_read_anything() {
        let server = json!({"server": "https://c1"});
        assert!(way(&kubeconfig_with(&server, &json!({"token": "t"}))).is_ok());
        for (cluster, user, why) in [
            (
                json!({}),
                json!({"exec": {"command": "sh", "apiVersion": "client.authentication.k8s.io/v1"}}),
                "program",
            ),
            (
                json!({}),
                json!({"auth-provider": {"name": "gcp", "config": {}}}),
                "program",
            ),
            (
                json!({}),
                json!({"tokenFile": "/var/run/secrets/token"}),
                "files",
            ),
            (json!({}), json!({"client-certificate": "/a"}), "files"),
            (json!({}), json!({"client-key": "/a"}), "files"),
            (json!({"certificate-authority": "/a"}), json!({}), "files"),
            (
                json!({"insecure-skip-tls-verify": true}),
                json!({}),
                "check the server",
            ),
            (
                json!({"server": "http://c1"}),
                json!({}),
                "check the server",
            ),
        ] {
            let mut with = server.clone();
            json_patch::merge(&mut with, &cluster);
            let told = way(&kubeconfig_with(&with, &user)).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
        for (data, why) in [
            (Data::new(), "is missing"),
            (data("value", ": no: kubeconfig"), "is no kubeconfig"),
        ] {
            let told = way(&data).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }

    fn address() -> Address {
        Address {
            server: "https://hub".to_owned(),
            ca: None,
        }
    }

    fn klusterlet(values: Option<&str>) -> Result<Value, Failed> {
        let values = values.map(|text| data("values.yaml", text));
        let objects = objects("c1", "image", &address(), "TOKEN", values.as_ref())?;
        let found = objects.into_iter().find(|object| {
            object.name_any() == "klusterlet" && object.types.as_ref().unwrap().kind == "Klusterlet"
        });
        Ok(found.unwrap().data["spec"].clone())
    }

    #[test]
    fn values_are_laid_over_the_klusterlet_but_for_its_name() {
        assert_eq!(klusterlet(None).unwrap()["clusterName"], "c1");
        let spec = klusterlet(Some(
            "klusterlet: {clusterName: other, registrationConfiguration: {clientCertExpirationSeconds: 7200}}",
        ))
        .unwrap();
        assert_eq!(spec["clusterName"], "c1");
        assert_eq!(
            spec["registrationConfiguration"]["clientCertExpirationSeconds"],
            7200
        );
        for wrong in [
            "klusterlet: {clusterName: [1]}",
            "klusterlet: [",
            "klusterlet: {deployOption: {mode: Hosted}}",
        ] {
            assert!(
                matches!(klusterlet(Some(wrong)), Err(Failed::Render(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_hub_is_where_its_cluster_info_says() {
        let info = |text: &str| {
            Address::read(&BTreeMap::from([(
                "kubeconfig".to_owned(),
                text.to_owned(),
            )]))
        };
        assert_eq!(
            info("clusters: [{name: '', cluster: {server: 'https://hub', certificate-authority-data: Q0E=}}]").unwrap(),
            Address { server: "https://hub".to_owned(), ca: Some(b"CA".to_vec()) }
        );
        for wrong in ["", "clusters: []", "clusters: [{name: '', cluster: {}}]"] {
            assert!(info(wrong).is_err(), "{wrong}");
        }
    }
}
