//! Whose components are installed, their images and their resources: flags that
//! `init` and `join` share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use kube::api::ListParams;

use crate::cmd::explain::Doing;
use crate::cmd::images::BundleArgs;
use crate::error::CommandError;
use crate::k8s::{self, client::Connection};
use crate::ocm::names;
use crate::ocm::operator::v1::{ResourceQosClass, ResourceRequirement};
use crate::ocm::releases::Images;

/// A node of the sandbox carries this label.
const SANDBOX_LABEL: &str = "ocmadm.dev/sandbox=true";

/// Whose components are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Components {
    /// This program, as hub and agent
    Native,
    /// The images of the OCM project
    Upstream,
}

/// Whose components it is, and their images.
#[derive(Clone, Debug)]
pub enum Choice {
    /// This program.
    Native {
        /// An image that holds it.
        image: String,
    },
    /// Upstream's operators.
    Upstream(Images),
}

/// Flags about components and their images.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ComponentArgs {
    /// Whose components to install [default: what is there already; else native in a sandbox, upstream elsewhere]
    #[arg(long, value_name = "WHOSE")]
    pub components: Option<Components>,

    /// Image of the native components, one that holds ocmadm [default in a sandbox: ocmadm]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,

    /// Registry of the images [default: quay.io/open-cluster-management for upstream's]
    #[arg(long, value_name = "REGISTRY")]
    pub image_registry: Option<String>,

    /// Docker configuration (JSON) with credentials for the registry
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub image_pull_credential_file: Option<PathBuf>,

    /// Which of upstream's images.
    #[command(flatten)]
    pub bundle: BundleArgs,

    /// Resources of the containers: small requests, none, or those given
    #[arg(long, value_name = "CLASS", value_parser = ["Default", "BestEffort", "ResourceRequirement"], default_value = "Default")]
    pub resource_qos_class: String,

    /// Limits of the containers, with --resource-qos-class ResourceRequirement
    #[arg(long, value_name = "NAME=QUANTITY,...", value_delimiter = ',', value_parser = parse_quantity)]
    pub resource_limits: Vec<(String, Quantity)>,

    /// Requests of the containers, with --resource-qos-class ResourceRequirement
    #[arg(long, value_name = "NAME=QUANTITY,...", value_delimiter = ',', value_parser = parse_quantity)]
    pub resource_requests: Vec<(String, Quantity)>,

    /// Let labels of the ClusterManager or Klusterlet go to what upstream's operator makes of it
    #[arg(long)]
    pub enable_sync_labels: bool,
}

fn parse_quantity(text: &str) -> Result<(String, Quantity), String> {
    match text.split_once('=') {
        Some((name, quantity)) if !name.is_empty() => {
            if amount(quantity).is_none() {
                return Err(format!("{quantity:?} is no quantity, such as 100m or 64Mi"));
            }
            Ok((name.to_owned(), Quantity(quantity.to_owned())))
        }
        _ => Err("write it as name=quantity, such as memory=64Mi".to_owned()),
    }
}

/// A quantity as a number, to compare it with others; none is below zero.
fn amount(quantity: &str) -> Option<f64> {
    let number: k8s::quantity::Quantity = quantity.parse().ok()?;
    Some(number.as_f64()).filter(|number| *number >= 0.0)
}

impl ComponentArgs {
    /// The flags given that native components do not know.
    #[must_use]
    pub fn of_upstream_alone(&self) -> Vec<&'static str> {
        let labels = self.enable_sync_labels.then_some("--enable-sync-labels");
        self.bundle.given().chain(labels).collect()
    }

    /// The images of upstream's components.
    ///
    /// # Errors
    /// See [`BundleArgs::images`].
    pub fn images(&self) -> Result<Images, CommandError> {
        self.bundle.images(self.image_registry.as_deref())
    }

    /// Which components this cluster gets; `operator` names the Deployment that
    /// is there if some are installed already.
    ///
    /// # Errors
    /// Nothing says which image native components have here.
    pub async fn choose(
        &self,
        cluster: &Connection,
        operator: &str,
    ) -> Result<Choice, CommandError> {
        if self.components == Some(Components::Upstream) {
            if self.image.is_some() {
                return Err(
                    CommandError::usage("--image is that of the native components").hint(
                        "use --image-registry and --bundle-version with --components upstream",
                    ),
                );
            }
            return Ok(Choice::Upstream(self.images()?));
        }
        if let Some(image) = &self.image {
            return Ok(Choice::Native {
                image: image.clone(),
            });
        }
        if let (Some(_), Some(registry)) = (self.components, &self.image_registry) {
            let registry = registry.trim_end_matches('/');
            return Ok(Choice::Native {
                image: format!("{registry}/ocmadm:v{}", env!("CARGO_PKG_VERSION")),
            });
        }
        let nodes: Api<Node> = Api::all(cluster.client.clone());
        let params = ListParams::default().labels(SANDBOX_LABEL).limit(1);
        let found = cluster
            .call(nodes.list(&params))
            .await
            .doing("look at the cluster's nodes")?;
        if !found.items.is_empty() {
            return Ok(Choice::Native {
                image: crate::bundle::DEFAULT_IMAGE.to_owned(),
            });
        }
        if let Some(Installed {
            native: true,
            image,
            ..
        }) = installed(cluster, operator).await?
        {
            return Ok(Choice::Native { image });
        }
        if self.components.is_some() {
            return Err(CommandError::user(
                "native components need an image that this cluster can pull",
            )
            .hint("pass --image REGISTRY/ocmadm:TAG"));
        }
        Ok(Choice::Upstream(self.images()?))
    }

    /// What the containers get; nothing where nothing else than the default is asked for.
    ///
    /// # Errors
    /// Flags that contradict each other.
    pub fn resources(&self) -> Result<Option<ResourceRequirement>, CommandError> {
        let given = !self.resource_limits.is_empty() || !self.resource_requests.is_empty();
        let class = match self.resource_qos_class.as_str() {
            "BestEffort" => ResourceQosClass::BestEffort,
            "ResourceRequirement" => ResourceQosClass::ResourceRequirement,
            _ => ResourceQosClass::Default,
        };
        match (class, given) {
            (ResourceQosClass::ResourceRequirement, true) => {}
            (ResourceQosClass::ResourceRequirement, false) => {
                return Err(CommandError::usage(
                    "resource limits or requests must be set when the resource type is ResourceRequirement",
                )
                .hint("add --resource-requests or --resource-limits"));
            }
            (_, true) => {
                return Err(CommandError::usage(
                    "resource type must be ResourceRequirement when resource limits or requests are set",
                )
                .hint("add --resource-qos-class ResourceRequirement"));
            }
            (ResourceQosClass::Default, false) => return Ok(None),
            (ResourceQosClass::BestEffort, false) => {
                return Ok(Some(ResourceRequirement {
                    type_: Some(class),
                    resource_requirements: None,
                }));
            }
        }
        let limits: BTreeMap<_, _> = self.resource_limits.iter().cloned().collect();
        let requests: BTreeMap<_, _> = self.resource_requests.iter().cloned().collect();
        for (name, request) in &requests {
            if let Some(limit) = limits.get(name)
                && amount(&request.0) > amount(&limit.0)
            {
                return Err(CommandError::usage(format!(
                    "the request of {name} ({}) is more than its limit ({})",
                    request.0, limit.0
                )));
            }
        }
        let some = |map: BTreeMap<String, Quantity>| (!map.is_empty()).then_some(map);
        Ok(Some(ResourceRequirement {
            type_: Some(class),
            resource_requirements: Some(ResourceRequirements {
                limits: some(limits),
                requests: some(requests),
                ..ResourceRequirements::default()
            }),
        }))
    }

    /// The content of the credential file.
    ///
    /// # Errors
    /// The file cannot be read or is no JSON.
    pub fn pull_credentials(&self) -> Result<Option<Vec<u8>>, CommandError> {
        let Some(path) = &self.image_pull_credential_file else {
            return Ok(None);
        };
        let bytes = read(path)?;
        // The parser's message could quote a password.
        if serde_json::from_slice::<serde_json::Value>(&bytes).is_err() {
            return Err(CommandError::user(format!(
                "{} is no docker configuration in JSON",
                path.display()
            )));
        }
        Ok(Some(bytes))
    }
}

/// Reads a file the user named.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    fs::read(path).map_err(|error| {
        CommandError::user(format!("cannot read {}", path.display())).because(error)
    })
}

/// An operator that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Whether it is this program, not upstream's.
    pub native: bool,
    /// Its image.
    pub image: String,
    /// How many of it are asked for.
    pub replicas: i32,
    /// How many of them are available.
    pub available: i32,
    /// Arguments after the command's.
    pub arguments: Vec<String>,
}

impl Installed {
    /// Reads a Deployment.
    pub fn of(deployment: &Deployment) -> Option<Self> {
        let spec = deployment.spec.as_ref()?;
        let container = spec.template.spec.as_ref()?.containers.first()?;
        let args = container.args.as_deref().unwrap_or_default();
        let native = matches!(args.first().map(String::as_str), Some("hub" | "agent"));
        let status = deployment.status.as_ref();
        Some(Self {
            native,
            image: container.image.clone().unwrap_or_default(),
            replicas: spec.replicas.unwrap_or(1),
            available: status.and_then(|s| s.available_replicas).unwrap_or(0),
            arguments: args
                .get(if native { 1 } else { 2 }..)
                .unwrap_or_default()
                .to_vec(),
        })
    }

    /// Registry with path, and tag, of the image.
    pub fn images(&self) -> Images {
        let (path, tag) = match self.image.rsplit_once(':') {
            // A colon before a slash is that of a port.
            Some((path, tag)) if !tag.contains('/') => (path, tag),
            _ => (self.image.as_str(), ""),
        };
        let registry = path.rsplit_once('/').map_or("", |(registry, _)| registry);
        Images {
            registry: registry.to_owned(),
            tag: tag.to_owned(),
        }
    }
}

/// The operator of that name, if it is there.
///
/// # Errors
/// The cluster refuses to say.
pub async fn installed(
    cluster: &Connection,
    operator: &str,
) -> Result<Option<Installed>, CommandError> {
    let deployments: Api<Deployment> =
        Api::namespaced(cluster.client.clone(), names::OPERATOR_NAMESPACE);
    let found = cluster
        .call_opt(deployments.get(operator))
        .await
        .doing("look at what is installed already")?;
    Ok(found.as_ref().and_then(Installed::of))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ComponentArgs,
    }

    fn args(flags: &[&str]) -> ComponentArgs {
        Line::parse_from(["x"].iter().chain(flags)).args
    }

    #[test]
    fn resources_are_whole_or_refused() {
        assert_eq!(args(&[]).resources().unwrap(), None);
        let given = args(&[
            "--resource-qos-class=ResourceRequirement",
            "--resource-limits=cpu=1,memory=1Gi",
            "--resource-requests=cpu=100m",
        ]);
        assert_eq!(
            serde_json::to_value(given.resources().unwrap()).unwrap(),
            json!({
                "type": "ResourceRequirement",
                "resourceRequirements": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
            })
        );
        for flags in [
            &["--resource-limits=cpu=1"][..],
            &["--resource-qos-class=ResourceRequirement"],
            &[
                "--resource-qos-class=ResourceRequirement",
                "--resource-limits=memory=1Mi",
                "--resource-requests=memory=1Gi",
            ],
        ] {
            assert!(args(flags).resources().is_err(), "{flags:?}");
        }
        for flag in [
            "--resource-limits=cpu=1e3",
            "--resource-limits=cpu=100n,memory=1Ei",
        ] {
            assert!(Line::try_parse_from(["x", flag]).is_ok(), "{flag}");
        }
        for flag in [
            "--resource-limits=cpu",
            "--resource-limits=cpu=much",
            "--resource-limits=cpu=-1",
        ] {
            assert!(Line::try_parse_from(["x", flag]).is_err(), "{flag}");
        }
    }

    #[test]
    fn a_native_installation_is_known_by_its_command() {
        let deployment = |args: &[&str]| -> Deployment {
            serde_json::from_value(json!({"spec": {"selector": {}, "template": {"spec": {
                "containers": [{"name": "x", "image": "i", "args": args}],
            }}}}))
            .unwrap()
        };
        assert!(Installed::of(&deployment(&["hub"])).unwrap().native);
        let upstream = deployment(&["/registration-operator", "hub", "--enable-sync-labels"]);
        let upstream = Installed::of(&upstream).unwrap();
        assert!(!upstream.native);
        assert_eq!(upstream.arguments, ["--enable-sync-labels"]);
    }

    #[test]
    fn registry_and_tag_are_parts_of_an_image() {
        for (image, registry, tag) in [
            ("quay.io/ocm/registration-operator:v1", "quay.io/ocm", "v1"),
            ("host:5000/x/registration-operator", "host:5000/x", ""),
            ("ocmadm", "", ""),
        ] {
            let installed = Installed {
                native: false,
                image: image.to_owned(),
                replicas: 1,
                available: 0,
                arguments: Vec::new(),
            };
            let images = installed.images();
            assert_eq!(
                (&*images.registry, &*images.tag),
                (registry, tag),
                "{image}"
            );
        }
    }
}
