//! What `init` and `join` install, and what hub and agent keep installed.
//!
//! The objects are the plain YAML files under `embedded-manifests/`, readable
//! and valid as they stand; this module parses them and overlays typed values.
//! Lists are in the order in which they can be applied.

mod agent;
mod files;
mod hub;
pub mod keep;
mod overlay;
mod policy;
mod upstream;

use kube::api::DynamicObject;
use thiserror::Error;

pub use agent::{AgentValues, agent, agent_components, agent_crds};
pub use hub::{
    BootstrapToken, HubValues, WebhookEndpoint, hub, hub_components, hub_crds, hub_crds_with,
    hub_webhooks,
};
pub use policy::{policy_framework, policy_framework_definitions};
pub use upstream::{
    Bootstrap, ExternalKubeconfig, UpstreamAgent, UpstreamHub, upstream_agent, upstream_hub,
};

use crate::k8s::yaml;

/// The image of this program, as manifests name it when nothing else is said.
pub const DEFAULT_IMAGE: &str = "ocmadm";

/// What cannot be installed.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The components cannot run on another cluster than the one they manage.
    #[error("mode {mode} needs the upstream components: the native ones run on the cluster itself")]
    Mode {
        /// The mode that was asked for.
        mode: String,
    },
    /// A value that would make an invalid object.
    #[error("{what} {value:?} is not valid: {reason}")]
    Value {
        /// What it is for.
        what: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An embedded file cannot be read; a fault of this program.
    #[error("embedded manifest cannot be read")]
    Yaml(#[from] yaml::YamlError),
    /// An embedded object is not what it should be; a fault of this program.
    #[error("embedded object cannot be made")]
    Object(#[from] serde_json::Error),
}

/// The objects of embedded files, by path below `embedded-manifests/`.
fn load(paths: &[&str]) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = Vec::new();
    for path in paths {
        let content = files::content(path);
        for manifest in yaml::read(path, content.as_bytes())? {
            objects.push(serde_json::from_value(manifest.object)?);
        }
    }
    Ok(objects)
}

/// Definitions by plural and group.
fn crds(names: &[&str]) -> Result<Vec<DynamicObject>, BundleError> {
    let paths: Vec<String> = names
        .iter()
        .map(|name| format!("crds/{name}.yaml"))
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    load(&paths)
}

/// The definition of another project that a gate of the hub needs.
///
/// # Errors
/// Only by a fault of this program.
pub fn cluster_profiles() -> Result<Vec<DynamicObject>, BundleError> {
    load(&["gated/clusterprofiles.multicluster.x-k8s.io.yaml"])
}

/// The definition of another project that a gate of the agent needs.
///
/// # Errors
/// Only by a fault of this program.
pub fn cluster_properties() -> Result<Vec<DynamicObject>, BundleError> {
    load(&["gated/clusterproperties.about.k8s.io.yaml"])
}

#[cfg(test)]
mod tests;
