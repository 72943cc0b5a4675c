//! What a process of a pod finds: arguments, variables, and the folder with the
//! service account's token.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvVar, EnvVarSource, Pod, Secret, ServiceAccount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use thiserror::Error;

use crate::k8s::incluster::DIR_VARIABLE;
use crate::runtime::process::SUPERVISED;
use crate::sandbox::files;

/// Seconds a token is asked to live.
const TOKEN_SECONDS: i64 = 3600;

/// Why a container cannot be started yet; tried again with back-off.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// The API server refused or could not be asked.
    #[error("cannot get {what}")]
    Api {
        /// What was asked for.
        what: String,
        /// Why not.
        #[source]
        source: Box<kube::Error>,
    },
    /// The folder of the pod.
    #[error("cannot write {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The pod asks for what the sandbox does not have.
    #[error("{0}")]
    Unsupported(String),
}

/// What is the same for every pod of a cluster.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where the API server listens.
    pub server: SocketAddr,
    /// Its certificate authority.
    pub ca: String,
    /// Run for containers of our image.
    pub executable: PathBuf,
    /// A folder for each pod is made here.
    pub pods: PathBuf,
    /// A log file for each container is made here.
    pub logs: PathBuf,
}

/// The folder of one pod.
pub struct Home {
    dir: PathBuf,
}

impl Home {
    /// Makes the folder, with `ca.crt` and `namespace`.
    pub fn make(surroundings: &Surroundings, pod: &Pod) -> Result<Self, EnvironmentError> {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let home = Self {
            dir: surroundings.pods.join(uid),
        };
        let account = home.account();
        files::private_dir(&account).map_err(|source| EnvironmentError::File {
            path: account.clone(),
            source,
        })?;
        home.write("ca.crt", surroundings.ca.as_bytes())?;
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        home.write("namespace", namespace.as_bytes())?;
        Ok(home)
    }

    /// The folder with the token.
    pub fn account(&self) -> PathBuf {
        self.dir.join("serviceaccount")
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), EnvironmentError> {
        let path = self.account().join(name);
        files::write_private(&path, bytes).map_err(|source| EnvironmentError::File { path, source })
    }

    /// Gets a token bound to the pod and answers after how long it must be
    /// replaced: four fifths of its life.
    pub async fn renew_token(
        &self,
        client: &Client,
        pod: &Pod,
    ) -> Result<Duration, EnvironmentError> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let spec = pod.spec.as_ref();
        let account = spec
            .and_then(|s| s.service_account_name.as_deref())
            .filter(|name| !name.is_empty())
            .unwrap_or("default");
        let request = TokenRequest {
            metadata: ObjectMeta::default(),
            spec: Some(TokenRequestSpec {
                audiences: None,
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".to_owned()),
                    kind: Some("Pod".to_owned()),
                    name: pod.metadata.name.clone(),
                    uid: pod.metadata.uid.clone(),
                }),
                expiration_seconds: Some(TOKEN_SECONDS),
            }),
            status: None,
        };
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
        let answer = accounts
            .create_token_request(account, &PostParams::default(), &request)
            .await
            .map_err(|source| EnvironmentError::Api {
                what: format!("a token of the service account {namespace}/{account}"),
                source: Box::new(source),
            })?;
        let status = answer.status.unwrap_or_default();
        let Some(token) = status.token else {
            return Err(EnvironmentError::Unsupported(
                "the API server answered a token request without a token".to_owned(),
            ));
        };
        self.write("token", token.as_bytes())?;
        let left = status.expiration_timestamp.map_or_else(
            || SignedDuration::from_secs(TOKEN_SECONDS),
            |time| time.0.duration_since(Timestamp::now()),
        );
        Ok(left.unsigned_abs().mul_f64(0.8).max(Duration::from_secs(1)))
    }

    /// Removes the folder; a failure is only logged.
    pub fn remove(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot remove a pod's folder");
        }
    }
}

/// Arguments and variables of a container.
#[derive(Debug, PartialEq, Eq)]
pub struct Invocation {
    /// After the program.
    pub args: Vec<String>,
    /// All there are.
    pub env: BTreeMap<String, String>,
}

/// Resolves what a container is started with.
pub async fn invocation(
    client: &Client,
    surroundings: &Surroundings,
    account: &Path,
    pod: &Pod,
    container: &Container,
) -> Result<Invocation, EnvironmentError> {
    let mut env = BTreeMap::new();
    for (key, value) in std::env::vars().filter(|(key, _)| is_inherited(key)) {
        env.insert(key, value);
    }
    let hostname = pod.metadata.name.clone().unwrap_or_default();
    for (key, value) in [
        ("HOSTNAME", hostname),
        (
            "KUBERNETES_SERVICE_HOST",
            surroundings.server.ip().to_string(),
        ),
        (
            "KUBERNETES_SERVICE_PORT",
            surroundings.server.port().to_string(),
        ),
        (DIR_VARIABLE, account.display().to_string()),
        (SUPERVISED, "1".to_owned()),
    ] {
        env.insert(key.to_owned(), value);
    }
    if container
        .env_from
        .as_ref()
        .is_some_and(|from| !from.is_empty())
    {
        return Err(EnvironmentError::Unsupported(format!(
            "container {}: envFrom is not supported in a sandbox",
            container.name
        )));
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = variable_value(client, pod, variable, &env).await? {
            env.insert(variable.name.clone(), value);
        }
    }
    // The program is always ours; what follows it in `command` is an argument.
    let args = container
        .command
        .iter()
        .flatten()
        .skip(1)
        .chain(container.args.iter().flatten())
        .map(|text| expand(text, &env))
        .collect();
    Ok(Invocation { args, env })
}

/// What a process may see of the supervisor's own environment.
fn is_inherited(key: &str) -> bool {
    matches!(
        key,
        "PATH" | "HOME" | "TMPDIR" | "TZ" | "OCMADM_LOG" | "RUST_BACKTRACE" | "LLVM_PROFILE_FILE"
    )
}

async fn variable_value(
    client: &Client,
    pod: &Pod,
    variable: &EnvVar,
    env: &BTreeMap<String, String>,
) -> Result<Option<String>, EnvironmentError> {
    let Some(source) = &variable.value_from else {
        let value = variable.value.as_deref().unwrap_or_default();
        return Ok(Some(expand(value, env)));
    };
    if let Some(field) = &source.field_ref {
        return match field_value(pod, &field.field_path) {
            Some(value) => Ok(Some(value)),
            None => Err(EnvironmentError::Unsupported(format!(
                "variable {}: unknown field {}",
                variable.name, field.field_path
            ))),
        };
    }
    key_value(client, pod, &variable.name, source).await
}

async fn key_value(
    client: &Client,
    pod: &Pod,
    variable: &str,
    source: &EnvVarSource,
) -> Result<Option<String>, EnvironmentError> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let failed = |what: String| {
        move |source| EnvironmentError::Api {
            what,
            source: Box::new(source),
        }
    };
    let (what, value, optional) = if let Some(key) = &source.secret_key_ref {
        let what = format!("key {} of secret {namespace}/{}", key.key, key.name);
        let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
        let secret = secrets
            .get_opt(&key.name)
            .await
            .map_err(failed(what.clone()))?;
        let bytes = secret.and_then(|s| s.data?.remove(&key.key));
        let value = bytes.and_then(|bytes| String::from_utf8(bytes.0).ok());
        (what, value, key.optional)
    } else if let Some(key) = &source.config_map_key_ref {
        let what = format!("key {} of configmap {namespace}/{}", key.key, key.name);
        let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
        let map = maps
            .get_opt(&key.name)
            .await
            .map_err(failed(what.clone()))?;
        (
            what,
            map.and_then(|m| m.data?.remove(&key.key)),
            key.optional,
        )
    } else {
        return Err(EnvironmentError::Unsupported(format!(
            "variable {variable}: this source is not supported in a sandbox"
        )));
    };
    if value.is_none() && optional != Some(true) {
        return Err(EnvironmentError::Unsupported(format!(
            "variable {variable}: {what} does not exist"
        )));
    }
    Ok(value)
}

/// A field of the pod, by the downward API's path.
fn field_value(pod: &Pod, path: &str) -> Option<String> {
    let metadata = &pod.metadata;
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let entry = |map: &Option<BTreeMap<String, String>>, prefix: &str| {
        let key = path
            .strip_prefix(prefix)?
            .strip_prefix("['")?
            .strip_suffix("']")?;
        Some(
            map.as_ref()
                .and_then(|m| m.get(key))
                .cloned()
                .unwrap_or_default(),
        )
    };
    match path {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => metadata.namespace.clone(),
        "metadata.uid" => metadata.uid.clone(),
        "spec.nodeName" => spec?.node_name.clone(),
        "spec.serviceAccountName" => spec?.service_account_name.clone(),
        // The pod's processes share the address of the machine.
        "status.podIP" | "status.hostIP" => Some(
            status
                .and_then(|s| s.host_ip.clone())
                .unwrap_or_else(|| "127.0.0.1".to_owned()),
        ),
        _ => entry(&metadata.labels, "metadata.labels")
            .or_else(|| entry(&metadata.annotations, "metadata.annotations")),
    }
}

/// Replaces `$(NAME)` by the variable, where there is one; `$$` is a dollar.
fn expand(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            result.push('$');
            rest = after;
            continue;
        }
        let name = after.strip_prefix('(').and_then(|a| a.split_once(')'));
        match name.and_then(|(name, after)| Some((env.get(name)?, after))) {
            Some((value, after)) => {
                result.push_str(value);
                rest = after;
            }
            None => {
                result.push('$');
                rest = after;
            }
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded_as_kubernetes_does() {
        let env = [("A".to_owned(), "1".to_owned())].into();
        for (text, expanded) in [
            ("x$(A)y", "x1y"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("cost 5$", "cost 5$"),
            ("$(A", "$(A"),
        ] {
            assert_eq!(expand(text, &env), expanded, "{text}");
        }
    }

    #[test]
    fn fields_of_the_pod() {
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "p", "namespace": "ns", "labels": {"app.x/y": "z"}},
            "spec": {"nodeName": "n", "containers": []},
        }))
        .unwrap();
        let field = |path| field_value(&pod, path);
        assert_eq!(field("metadata.name").as_deref(), Some("p"));
        assert_eq!(field("metadata.labels['app.x/y']").as_deref(), Some("z"));
        assert_eq!(field("metadata.annotations['none']").as_deref(), Some(""));
        assert_eq!(field("spec.nodeName").as_deref(), Some("n"));
        assert_eq!(field("spec.restartPolicy"), None);
    }
}
