//! What `init` and `join` share: features, applying objects with progress,
//! manifests as files.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::core::DynamicObject;
use tokio::time::Instant;

use crate::bundle::BundleError;
use crate::cmd::args::parse_bool;
use crate::cmd::explain::{apply_error, wait_error};
use crate::cmd::{program, trouble};
use crate::error::CommandError;
use crate::k8s::apply::{Applied, Applier, Event, Outcome};
use crate::k8s::client::Connection;
use crate::k8s::discovery::Discovery;
use crate::k8s::wait::{self, State};
use crate::ocm::gates;
use crate::ui::progress::Progress;
use crate::ui::{Ui, format};

/// The field manager of what the command line applies.
pub const FIELD_MANAGER: &str = "ocmadm";

/// Features switched on or off.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct FeatureArgs {
    /// Features, as Name=true,Name=false (repeatable)
    #[arg(long, value_name = "NAME=BOOL,...", value_delimiter = ',', value_parser = parse_gate)]
    pub feature_gates: Vec<(String, bool)>,
}

fn parse_gate(text: &str) -> Result<(String, bool), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("write {text}=true or {text}=false"))?;
    let on = parse_bool(value).map_err(|_| format!("{name} is true or false"))?;
    Ok((name.to_owned(), on))
}

impl FeatureArgs {
    /// The gates, checked against those that exist.
    ///
    /// # Errors
    /// A name that does not exist, with the valid ones.
    pub fn checked(&self, known: &[&str]) -> Result<Vec<(String, bool)>, CommandError> {
        let stage = |name: &str| match name {
            "AllAlpha" => Some(false),
            "AllBeta" => Some(true),
            _ => None,
        };
        for (name, _) in &self.feature_gates {
            if stage(name).is_none() && !known.contains(&name.as_str()) {
                let similar = crate::k8s::kubeconfig::nearest(name, known.iter().copied());
                return Err(CommandError::usage(format!("there is no feature {name:?}"))
                    .hint_if(similar.map(|name| format!("did you mean {name:?}?")))
                    .hint(format!(
                        "features are: {}, AllAlpha, AllBeta",
                        known.join(", ")
                    )));
            }
        }
        // A whole stage counts for those that are not named themselves.
        let mut gates: Vec<(String, bool)> = Vec::new();
        for (name, on) in &self.feature_gates {
            let Some(beta) = stage(name) else {
                gates.retain(|(known, _)| known != name);
                gates.push((name.clone(), *on));
                continue;
            };
            let of_stage = known.iter().filter(|gate| gates::is_beta(gate) == beta);
            for gate in of_stage {
                let named = self.feature_gates.iter().any(|(name, _)| name == gate);
                if !named {
                    gates.retain(|(known, _)| known != gate);
                    gates.push(((*gate).to_owned(), *on));
                }
            }
        }
        Ok(gates)
    }
}

/// Says which of the flags given mean nothing to native components.
pub fn without_effect(flags: &[&str], ui: &Ui) {
    if !flags.is_empty() {
        ui.warning(&format!(
            "{} of no effect: only --components upstream knows {}",
            match flags {
                [one] => format!("{one} is"),
                several => format!("{} are", several.join(", ")),
            },
            if flags.len() == 1 { "it" } else { "them" }
        ));
    }
}

/// Objects as a file: YAML documents in the order given.
#[must_use]
pub fn manifests(objects: &[DynamicObject]) -> String {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        let value = serde_json::to_value(object).unwrap_or_default();
        text.push_str(&format::yaml(&value));
    }
    text
}

/// Whether secrets are printed.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct ShowArgs {
    /// Print tokens and other secrets in a dry run, too
    #[arg(long)]
    pub show_token: bool,
}

impl ShowArgs {
    /// Prints objects; what is secret in them is hidden unless it was asked for.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn print(self, objects: &[DynamicObject], ui: &Ui) -> Result<(), CommandError> {
        if self.show_token {
            return Ok(ui.result(&manifests(objects))?);
        }
        let hidden: Vec<DynamicObject> = objects.iter().cloned().map(hide).collect();
        ui.result(&manifests(&hidden))?;
        if hidden.iter().zip(objects).any(|(a, b)| a.data != b.data) {
            ui.status("Secrets are hidden: --show-token shows them, --output-file writes them.");
        }
        Ok(())
    }
}

/// The object without what a Secret holds.
fn hide(mut object: DynamicObject) -> DynamicObject {
    if object
        .types
        .as_ref()
        .is_some_and(|types| types.kind == "Secret")
    {
        for part in ["data", "stringData"] {
            let values = object
                .data
                .get_mut(part)
                .and_then(|part| part.as_object_mut());
            for (_, value) in values.into_iter().flatten() {
                *value = "***".into();
            }
        }
    }
    object
}

/// Writes a file that may hold tokens: for its owner only, nothing left of
/// what it held before.
///
/// # Errors
/// The file cannot be written.
pub fn write_private(path: &Path, text: &str, executable: bool) -> Result<(), CommandError> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mode = if executable { 0o700 } else { 0o600 };
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|error| {
        CommandError::user(format!("cannot write {}", path.display())).because(error)
    })
}

/// A bundle that cannot be built is wrong input.
impl From<BundleError> for CommandError {
    fn from(error: BundleError) -> Self {
        Self::user(error.to_string()).because(error)
    }
}

/// Applies objects in order and tells about it.
///
/// # Errors
/// What the server refuses.
pub async fn apply(
    cluster: &Connection,
    objects: &[DynamicObject],
    what: &str,
    until: Instant,
    ui: &Ui,
) -> Result<Vec<Applied>, CommandError> {
    let progress = ui.progress();
    let step = progress.step(format!("Installing {what}"));
    let applier = Applier::new(
        cluster.client.clone(),
        Discovery::new(cluster.client.clone()),
        FIELD_MANAGER,
    )
    .deadline(until);
    let applied = applier
        .apply(objects, |event| {
            if let Event::Waiting(object, why) = event {
                step.waiting(format!("waiting until {object} is served: {why}"));
            }
        })
        .await
        .map_err(|error| apply_error(cluster, error, &format!("install {what}")))?;
    let count = |outcome: Outcome| applied.iter().filter(|a| a.outcome == outcome).count();
    let mut parts = Vec::new();
    for (outcome, word) in [
        (Outcome::Created, "created"),
        (Outcome::Configured, "configured"),
        (Outcome::Unchanged, "unchanged"),
    ] {
        if count(outcome) > 0 {
            parts.push(format!("{} {word}", count(outcome)));
        }
    }
    step.done_with(parts.join(", "));
    Ok(applied)
}

/// Waits until a Deployment's pods of the current content are available.
///
/// # Errors
/// The deadline, with what its pods say.
pub async fn until_available(
    cluster: &Connection,
    namespace: &str,
    name: &str,
    until: Instant,
    progress: &Progress<'_>,
) -> Result<(), CommandError> {
    let step = progress.step(format!("Starting {name}"));
    let api: Api<Deployment> = Api::namespaced(cluster.client.clone(), namespace);
    let ready = wait::until_object(
        api,
        name,
        until,
        |deployment: Option<&Deployment>| match deployment {
            None => State::Waiting("it does not exist yet".to_owned()),
            Some(deployment) => rollout(deployment),
        },
        |detail| step.waiting(detail),
    )
    .await;
    match ready {
        Ok(()) => {
            step.done();
            Ok(())
        }
        Err(error) => {
            drop(step);
            let failed = wait_error(error, cluster, &format!("deployment {namespace}/{name}"));
            let trouble = trouble::of(cluster, namespace, name).await;
            Err(trouble.into_iter().fold(failed, CommandError::hint))
        }
    }
}

fn rollout(deployment: &Deployment) -> State<()> {
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    if status.observed_generation < deployment.metadata.generation {
        return State::Waiting("it is not scheduled yet".to_owned());
    }
    let updated = status.updated_replicas.unwrap_or_default();
    let available = status.available_replicas.unwrap_or_default();
    if updated >= wanted && available >= wanted {
        State::Met(())
    } else {
        State::Waiting(format!(
            "{} of {wanted} pods are available",
            available.min(updated)
        ))
    }
}

/// Says that nothing happened.
pub fn dry_run_note(ui: &Ui) {
    ui.status(&format!(
        "{} is running in dry-run mode: nothing is changed",
        program()
    ));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn manifests_are_separated_documents_in_order() {
        let object = |name: &str| -> DynamicObject {
            serde_json::from_value(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            )
            .unwrap()
        };
        let text = manifests(&[object("b"), object("a")]);
        let read = crate::k8s::yaml::read("f", text.as_bytes()).unwrap();
        let names: Vec<_> = read
            .iter()
            .map(|m| m.object["metadata"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["b", "a"]);
    }

    #[test]
    fn a_stage_stands_for_the_gates_that_are_not_named() {
        let gates = |given: &[(&str, bool)]| {
            let feature_gates = given.iter().map(|(n, on)| ((*n).to_owned(), *on)).collect();
            let args = FeatureArgs { feature_gates };
            let known = ["DefaultClusterSet", "ClusterProfile", "ResourceCleanup"];
            let all = args.checked(&known).unwrap();
            all.into_iter()
                .map(|(name, on)| format!("{name}={on}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(
            gates(&[("AllAlpha", true)]),
            "DefaultClusterSet=true,ClusterProfile=true"
        );
        assert_eq!(
            gates(&[("ClusterProfile", false), ("AllAlpha", true)]),
            "ClusterProfile=false,DefaultClusterSet=true"
        );
        assert_eq!(gates(&[("AllBeta", false)]), "ResourceCleanup=false");
        // The last one counts.
        assert_eq!(
            gates(&[("ClusterProfile", true), ("ClusterProfile", false)]),
            "ClusterProfile=false"
        );
    }

    #[test]
    fn secrets_are_shown_when_asked_for() {
        let object = |kind: &str| -> DynamicObject {
            serde_json::from_value(
                json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"},
                "data": {"kubeconfig": "aGVsbG8="}, "stringData": {"token-secret": "hello"}}),
            )
            .unwrap()
        };
        let said = |show_token: bool, kind: &str| {
            let ui = Ui::captured();
            ShowArgs { show_token }.print(&[object(kind)], &ui).unwrap();
            ui.take_captured()
        };
        let hidden = said(false, "Secret");
        assert!(!hidden.stdout.contains("hello") && !hidden.stdout.contains("aGVsbG8"));
        assert!(
            hidden.stdout.contains(r#"token-secret: "***""#),
            "{}",
            hidden.stdout
        );
        assert!(hidden.stderr.contains("--show-token"));
        assert!(said(true, "Secret").stdout.contains("hello"));
        assert!(said(false, "ConfigMap").stdout.contains("hello"));
    }

    #[test]
    fn private_files_are_private_and_whole() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "something much longer").unwrap();
        write_private(&path, "short", false).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_rollout_is_over_when_new_pods_are_available() {
        let deployment = |generation: i64, observed: i64, available: i32| -> Deployment {
            serde_json::from_value(json!({
                "metadata": {"name": "d", "generation": generation},
                "spec": {"replicas": 1, "selector": {}, "template": {}},
                "status": {"observedGeneration": observed, "updatedReplicas": 1, "availableReplicas": available},
            }))
            .unwrap()
        };
        assert_eq!(rollout(&deployment(1, 1, 1)), State::Met(()));
        assert!(matches!(rollout(&deployment(2, 1, 1)), State::Waiting(_)));
        assert!(matches!(rollout(&deployment(1, 1, 0)), State::Waiting(_)));
    }

    #[test]
    fn features_are_known_ones() {
        let args = FeatureArgs {
            feature_gates: vec![("ManagedClusterAutoAproval".to_owned(), true)],
        };
        let error = args.checked(&["ManagedClusterAutoApproval"]).unwrap_err();
        assert_eq!(
            error.hints()[0],
            "did you mean \"ManagedClusterAutoApproval\"?"
        );
        assert!(parse_gate("X").is_err() && parse_gate("X=2").is_err());
        assert_eq!(parse_gate("X=True"), Ok(("X".to_owned(), true)));
    }
}
