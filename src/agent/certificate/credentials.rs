//! The two kubeconfigs of an agent, in Secrets: the one to ask with
//! (bootstrap), and the one that the hub granted. Pure, but for building
//! clients.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use x509_parser::pem::Pem;

use crate::k8s::kubeconfig;
use crate::ocm::names;
use crate::runtime::bounded;

/// What a Secret holds.
pub type Data = BTreeMap<String, ByteString>;

/// The certificate in the hub kubeconfig Secret.
pub const KEY_CERTIFICATE: &str = "tls.crt";
/// Its private key.
pub const KEY_PRIVATE: &str = "tls.key";
/// The token in an add-on's Secret.
pub const KEY_TOKEN: &str = "token";

/// A connection on which nothing came for so long is dead: no watch lasts longer.
const LONGEST_SILENCE: std::time::Duration = std::time::Duration::from_secs(320);
/// How long a hub may take to begin an answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Why a kubeconfig cannot be used. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Secret has no kubeconfig.
    #[error("the secret has no key {0:?}")]
    Missing(&'static str),
    /// It is no kubeconfig.
    #[error("the kubeconfig cannot be read")]
    Unreadable,
    /// The current context, or what it names, is not there.
    #[error("the kubeconfig's current context does not lead to a cluster and a user")]
    Context,
    /// A file the kubeconfig names is not in the Secret.
    #[error("the kubeconfig names the file {0:?}, which is not in the secret")]
    File(String),
    /// Nothing can be made of it.
    #[error("the kubeconfig cannot be used")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A kubeconfig's current context, with files replaced by what the Secret has.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name of the cluster entry.
    pub entry: String,
    cluster: Cluster,
    user: AuthInfo,
}

impl Credentials {
    /// Reads the kubeconfig of a Secret.
    ///
    /// # Errors
    /// There is none, or it is not usable.
    pub fn read(data: &Data) -> Result<Self, Error> {
        let text =
            text(data, names::KEY_KUBECONFIG).ok_or(Error::Missing(names::KEY_KUBECONFIG))?;
        // Errors of the parser quote the text, which holds secrets.
        let config = kubeconfig::from_text(text).map_err(|_| Error::Unreadable)?;
        let current = config.current_context.unwrap_or_default();
        let context = config
            .contexts
            .into_iter()
            .find(|context| context.name == current)
            .and_then(|context| context.context)
            .ok_or(Error::Context)?;
        let mut cluster = config
            .clusters
            .into_iter()
            .find(|cluster| cluster.name == context.cluster)
            .and_then(|cluster| cluster.cluster)
            .ok_or(Error::Context)?;
        let wanted = context.user.unwrap_or_default();
        let mut user = config
            .auth_infos
            .into_iter()
            .find(|user| user.name == wanted)
            .and_then(|user| user.auth_info)
            .unwrap_or_default();
        inline(
            data,
            &mut cluster.certificate_authority,
            &mut cluster.certificate_authority_data,
        )?;
        inline(
            data,
            &mut user.client_certificate,
            &mut user.client_certificate_data,
        )?;
        if let Some(file) = user.client_key.take()
            && user.client_key_data.is_none()
        {
            user.client_key_data = Some(STANDARD.encode(&from_file(data, &file)?.0).into());
        }
        if let Some(file) = user.token_file.take()
            && user.token.is_none()
        {
            let token = String::from_utf8(from_file(data, &file)?.0.clone())
                .map_err(|_| Error::Unreadable)?;
            user.token = Some(token.trim().to_owned().into());
        }
        Ok(Self {
            entry: context.cluster,
            cluster,
            user,
        })
    }

    /// The hub's address.
    #[must_use]
    pub fn server(&self) -> &str {
        self.cluster.server.as_deref().unwrap_or_default()
    }

    /// The same, but without programs that would be run for them: whoever looks
    /// at them is not where they are meant for.
    #[must_use]
    pub fn without_programs(mut self) -> Self {
        self.user.exec = None;
        self.user.auth_provider = None;
        self
    }

    /// Whether both lead to the same hub.
    #[must_use]
    pub fn same_hub(&self, other: &Self) -> bool {
        let (a, b) = (&self.cluster, &other.cluster);
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        self.entry == other.entry
            && a.server == b.server
            && some(&a.proxy_url) == some(&b.proxy_url)
            && some(&a.certificate_authority_data) == some(&b.certificate_authority_data)
    }

    /// A client that authenticates with them.
    ///
    /// # Errors
    /// Certificates, keys or addresses make no client.
    pub async fn client(&self) -> Result<kube::Client, Error> {
        self.client_until(CancellationToken::new()).await
    }

    /// A client whose requests that are not answered end in an error when it is
    /// given up.
    ///
    /// # Errors
    /// As of [`Self::client`].
    pub async fn client_until(&self, given_up: CancellationToken) -> Result<kube::Client, Error> {
        let kubeconfig = Kubeconfig {
            current_context: Some("hub".to_owned()),
            clusters: vec![kube::config::NamedCluster {
                name: "hub".to_owned(),
                cluster: Some(self.cluster.clone()),
                ..kube::config::NamedCluster::default()
            }],
            auth_infos: vec![kube::config::NamedAuthInfo {
                name: "hub".to_owned(),
                auth_info: Some(self.user.clone()),
                ..kube::config::NamedAuthInfo::default()
            }],
            contexts: vec![kube::config::NamedContext {
                name: "hub".to_owned(),
                context: Some(kube::config::Context {
                    cluster: "hub".to_owned(),
                    user: Some("hub".to_owned()),
                    ..kube::config::Context::default()
                }),
                ..kube::config::NamedContext::default()
            }],
            ..Kubeconfig::default()
        };
        let mut config = kube::Config::from_custom_kubeconfig(
            kubeconfig,
            &kube::config::KubeConfigOptions::default(),
        )
        .await
        .map_err(|error| Error::Client(Box::new(error)))?;
        config.connect_timeout = Some(std::time::Duration::from_secs(10));
        // Nothing at all for longer than the longest watch: the connection is dead.
        config.read_timeout = Some(LONGEST_SILENCE);
        bounded::client(config, PATIENCE, given_up).map_err(|error| Error::Client(Box::new(error)))
    }

    /// A kubeconfig for a Secret: the same hub, with the certificate beside it.
    #[must_use]
    pub fn hub_kubeconfig_yaml(&self) -> String {
        yaml(&self.kubeconfig_of(&json!({
            "client-certificate": KEY_CERTIFICATE, "client-key": KEY_PRIVATE,
        })))
    }

    /// A kubeconfig for a Secret: the same hub, with the token beside it.
    #[must_use]
    pub fn token_kubeconfig_yaml(&self) -> String {
        yaml(&self.kubeconfig_of(&json!({"tokenFile": KEY_TOKEN})))
    }

    fn kubeconfig_of(&self, user: &Value) -> Value {
        let mut cluster = json!({"server": self.server()});
        let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(ca) = present(&self.cluster.certificate_authority_data) {
            cluster["certificate-authority-data"] = ca.into();
        }
        if let Some(proxy) = present(&self.cluster.proxy_url) {
            cluster["proxy-url"] = proxy.into();
        }
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.entry, "cluster": cluster}],
            "contexts": [{"name": "default-context", "context": {
                "cluster": self.entry, "namespace": "configuration", "user": "default-auth"}}],
            "current-context": "default-context",
            "users": [{"name": "default-auth", "user": user}],
        })
    }
}

fn yaml(value: &Value) -> String {
    // JSON, which is YAML as well, should that ever fail.
    serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string())
}

fn inline(
    data: &Data,
    file: &mut Option<String>,
    content: &mut Option<String>,
) -> Result<(), Error> {
    if let Some(file) = file.take().filter(|file| !file.is_empty())
        && content.as_ref().is_none_or(String::is_empty)
    {
        *content = Some(STANDARD.encode(&from_file(data, &file)?.0));
    }
    Ok(())
}

/// A file beside the kubeconfig is another key of its Secret.
fn from_file<'a>(data: &'a Data, file: &str) -> Result<&'a ByteString, Error> {
    let key = file.rsplit('/').next().unwrap_or(file);
    data.get(key).ok_or_else(|| Error::File(key.to_owned()))
}

/// A key's value, if it is text.
#[must_use]
pub fn text<'a>(data: &'a Data, key: &str) -> Option<&'a str> {
    data.get(key)
        .and_then(|bytes| std::str::from_utf8(&bytes.0).ok())
        .filter(|text| !text.is_empty())
}

/// What matters of a chain of certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The subjects: common names, organizations and units of each certificate.
    pub subjects: Vec<Subject>,
    /// The latest of their beginnings.
    pub not_before: Timestamp,
    /// The earliest of their ends.
    pub not_after: Timestamp,
}

/// Whom a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The user.
    pub common_name: String,
    /// The groups.
    pub organizations: std::collections::BTreeSet<String>,
    /// Units, which agents have none of.
    pub units: std::collections::BTreeSet<String>,
}

impl Subject {
    /// Whom an agent's certificate names.
    #[must_use]
    pub fn of_agent(cluster: &str, agent: &str) -> Self {
        Self {
            common_name: names::agent_user(cluster, agent),
            organizations: [
                names::cluster_group(cluster),
                names::GROUP_MANAGED_CLUSTERS.to_owned(),
            ]
            .into(),
            units: std::collections::BTreeSet::new(),
        }
    }
}

impl Chain {
    /// Reads certificates in PEM; `None` when there is none, or one is broken.
    #[must_use]
    pub fn read(pem: &[u8]) -> Option<Self> {
        let mut chain: Option<Self> = None;
        for block in Pem::iter_from_buffer(pem) {
            let block = block.ok()?;
            let certificate = block.parse_x509().ok()?;
            let time = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp());
            let validity = certificate.validity();
            let (not_before, not_after) = (
                time(validity.not_before).ok()?,
                time(validity.not_after).ok()?,
            );
            let subject = certificate.subject();
            let strings = |attributes: Vec<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
                attributes
                    .into_iter()
                    .filter_map(|attribute| attribute.as_str().ok().map(str::to_owned))
                    .collect::<std::collections::BTreeSet<_>>()
            };
            let subject = Subject {
                common_name: subject
                    .iter_common_name()
                    .next()
                    .and_then(|name| name.as_str().ok())
                    .unwrap_or_default()
                    .to_owned(),
                organizations: strings(subject.iter_organization().collect()),
                units: strings(subject.iter_organizational_unit().collect()),
            };
            let whole = chain.get_or_insert_with(|| Self {
                subjects: Vec::new(),
                not_before,
                not_after,
            });
            whole.subjects.push(subject);
            whole.not_before = whole.not_before.max(not_before);
            whole.not_after = whole.not_after.min(not_after);
        }
        chain
    }

    /// Whether one of the certificates is past its end.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now > self.not_after
    }

    /// When to ask for a new certificate, if that is to be when `fraction` of
    /// the life is left.
    #[must_use]
    pub fn rotation(&self, fraction: f64) -> Timestamp {
        let life = self.not_after.duration_since(self.not_before).as_secs_f64();
        let left = jiff::SignedDuration::try_from_secs_f64(life * fraction).unwrap_or_default();
        self.not_after.checked_sub(left).unwrap_or(self.not_after)
    }

    /// Cluster and agent of the first certificate that is an agent's.
    #[must_use]
    pub fn agent(&self) -> Option<(&str, &str)> {
        self.subjects.iter().find_map(|subject| {
            let rest = subject.common_name.strip_prefix(names::USER_PREFIX)?;
            let (cluster, agent) = rest.split_once(':')?;
            (!cluster.is_empty() && !agent.is_empty() && !agent.contains(':'))
                .then_some((cluster, agent))
        })
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
