//! Which clusters are to be imported, and what is told of it. Pure.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::hub::registration::view::Meta;
use crate::ocm::cluster::v1::CONDITION_JOINED;
use crate::ocm::conditions::{self, FALSE, TRUE};
use crate::runtime::Key;

/// Whether the cluster got an agent (protocol, section 4.11).
pub const CONDITION_IMPORTED: &str = "ManagedClusterImportSucceeded";
/// Names the Cluster of a ManagedCluster: `namespace/name`.
const ANNOTATION_CLUSTER: &str = "cluster.x-k8s.io/cluster";

/// What is kept of a ManagedCluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Which object it is, at which version.
    pub meta: Meta,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// The Cluster that it would be; `None` where the annotation names none.
    pub made: Option<Key>,
    /// All its conditions.
    pub conditions: Vec<Condition>,
}

impl Cluster {
    /// Reads a ManagedCluster.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(mut object: DynamicObject) -> Result<Self, serde_json::Error> {
        let conditions = match object.data["status"]["conditions"].take() {
            Value::Null => Vec::new(),
            conditions => serde_json::from_value(conditions)?,
        };
        let name = object.name_any();
        let made = match object.annotations().get(ANNOTATION_CLUSTER) {
            None => Some(Key::new(&name, &name)),
            Some(text) => text
                .split_once('/')
                .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
                .map(|(namespace, name)| Key::new(namespace, name)),
        };
        Ok(Self {
            meta: Meta::of(&object),
            deleting: object.metadata.deletion_timestamp.is_some(),
            made,
            conditions,
        })
    }
}

/// What is kept of a Cluster of Cluster API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Whether it is there: its phase is `Provisioned`.
    pub provisioned: bool,
}

impl Made {
    /// Reads a Cluster.
    #[must_use]
    pub fn of(object: &DynamicObject) -> Self {
        Self {
            provisioned: object.data["status"]["phase"] == "Provisioned",
        }
    }
}

/// What to do for a ManagedCluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is imported, goes, or is no cluster of Cluster API.
    Nothing,
    /// Its Cluster is still being made.
    Wait,
    /// Give it an agent.
    Import,
}

/// Whether nothing is to be done (any more): it is imported, or joined otherwise.
#[must_use]
pub fn settled(cluster: &Cluster) -> bool {
    [CONDITION_IMPORTED, CONDITION_JOINED]
        .iter()
        .any(|kind| conditions::is_true(&cluster.conditions, kind))
}

/// What to do for a ManagedCluster, and the Cluster that it would be.
#[must_use]
pub fn step(cluster: &Cluster, made: Option<Made>) -> Step {
    if cluster.deleting || settled(cluster) {
        return Step::Nothing;
    }
    match made {
        None => Step::Nothing,
        Some(Made { provisioned: false }) => Step::Wait,
        Some(Made { provisioned: true }) => Step::Import,
    }
}

/// Why a cluster is not imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The Secret cannot be read, or holds nothing to go by.
    Kubeconfig(String),
    /// There is no Secret yet.
    NoKubeconfig,
    /// It cannot be said what to install.
    Render(String),
    /// It could not be installed.
    Import(String),
}

impl Failed {
    fn reason(&self) -> &'static str {
        match self {
            Self::Kubeconfig(_) => "KubeConfigGetFailed",
            Self::NoKubeconfig => "KubeConfigNotFound",
            Self::Render(_) => "ConfigRendererFailed",
            Self::Import(_) => "ImportFailed",
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKubeconfig => f.write_str("Secret for kubeconfig is not found."),
            Self::Kubeconfig(why) => write!(f, "failed to get kubeconfig: {why}"),
            Self::Render(why) => write!(f, "failed to render config: {why}"),
            Self::Import(why) => write!(f, "failed to import the cluster: {why}"),
        }
    }
}

impl std::error::Error for Failed {}

/// The condition that tells how it went: what failed, if anything.
#[must_use]
pub fn condition(failed: Option<&Failed>) -> Condition {
    match failed {
        None => conditions::condition(
            CONDITION_IMPORTED,
            TRUE,
            "ImportSucceed",
            "The agent is installed on the cluster",
        ),
        Some(failed) => conditions::condition(
            CONDITION_IMPORTED,
            FALSE,
            failed.reason(),
            failed.to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(value: Value) -> Cluster {
        Cluster::parse(serde_json::from_value(value).unwrap()).unwrap()
    }

    fn named(annotations: &Value) -> Option<Key> {
        cluster(json!({"metadata": {"name": "c1", "annotations": annotations}})).made
    }

    #[test]
    fn the_annotation_says_which_cluster_it_is() {
        assert_eq!(named(&json!({})), Some(Key::new("c1", "c1")));
        let annotated = |text: &str| named(&json!({"cluster.x-k8s.io/cluster": text}));
        assert_eq!(annotated("ns/x"), Some(Key::new("ns", "x")));
        for wrong in ["", "x", "/x", "ns/"] {
            assert_eq!(annotated(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_cluster_is_imported_once_and_when_it_is_there() {
        let there = Some(Made { provisioned: true });
        let made = Some(Made::default());
        let new = cluster(json!({"metadata": {"name": "c1"}}));
        let mut imported = new.clone();
        conditions::set(&mut imported.conditions, condition(None));
        let mut failed = new.clone();
        conditions::set(
            &mut failed.conditions,
            condition(Some(&Failed::Import("no".to_owned()))),
        );
        let mut joined = new.clone();
        let other = conditions::condition(CONDITION_JOINED, TRUE, "Joined", "");
        conditions::set(&mut joined.conditions, other);
        let leaving = Cluster {
            deleting: true,
            ..new.clone()
        };
        for (cluster, made, wanted) in [
            (&new, None, Step::Nothing),
            (&new, made, Step::Wait),
            (&new, there, Step::Import),
            (&failed, there, Step::Import),
            (&imported, there, Step::Nothing),
            (&joined, there, Step::Nothing),
            (&leaving, there, Step::Nothing),
        ] {
            assert_eq!(step(cluster, made), wanted, "{cluster:?} {made:?}");
        }
    }

    #[test]
    fn conditions_have_the_reasons_of_the_protocol() {
        let why = || "x".to_owned();
        for (failed, reason) in [
            (Failed::Kubeconfig(why()), "KubeConfigGetFailed"),
            (Failed::NoKubeconfig, "KubeConfigNotFound"),
            (Failed::Render(why()), "ConfigRendererFailed"),
            (Failed::Import(why()), "ImportFailed"),
        ] {
            let condition = condition(Some(&failed));
            assert_eq!(
                (condition.reason.as_str(), condition.status.as_str()),
                (reason, FALSE)
            );
        }
        let done = condition(None);
        assert_eq!(
            (done.reason.as_str(), done.status.as_str()),
            ("ImportSucceed", TRUE)
        );
    }
}
