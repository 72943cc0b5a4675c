//! `ocmadm addon create`: an add-on out of manifests, as a
//! ClusterManagementAddOn and its AddOnTemplate.

use std::collections::BTreeMap;

use kube::api::{ApiResource, Patch};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::parse_pair;
use crate::cmd::args::GlobalArgs;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::create::work::{self, plan};
use crate::cmd::explain::{Doing, server_error};
use crate::cmd::{connect, diff, program, resources, same_cluster};
use crate::error::CommandError;
use crate::hub::addon::template::{self, Input, RenderError};
use crate::k8s::client::Connection;
use crate::ocm::addon::GROUP;
use crate::ocm::addon::names::{self, ANNOTATION_LIFECYCLE, LIFECYCLE_ADDON_MANAGER, TEMPLATES};
use crate::ocm::addon::v1alpha1::AddOnTemplateSpec;
use crate::ui::Ui;

/// Arguments of `ocmadm addon create`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The add-on's name
    #[arg(value_name = "NAME")]
    name: String,

    /// Files, folders, quoted patterns, http(s) addresses or - (standard input), separated by commas (repeatable)
    #[arg(
        long,
        short,
        value_name = "FILE,...",
        value_delimiter = ',',
        required = true,
        value_hint = clap::ValueHint::AnyPath
    )]
    filename: Vec<String>,

    /// Version of the template; each has an AddOnTemplate of its own, NAME-VERSION
    #[arg(long, value_name = "VERSION", default_value = "0.0.1")]
    version: String,

    /// Change what exists already; the difference is shown first
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    confirm: ConfirmArgs,

    /// Let the add-on's agents register at the hub's API server
    #[arg(long)]
    hub_registration: bool,

    /// ClusterRole that registered agents get in their cluster's namespace on the hub
    #[arg(long, value_name = "NAME", requires = "hub_registration")]
    cluster_role_bind: Option<String>,

    /// Labels of the add-on and its template, as key=value,... (repeatable)
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',', value_parser = parse_pair)]
    labels: Vec<(String, String)>,

    /// Install the add-on on the clusters that this placement chooses
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = work::parse_pair)]
    placement_ref: Option<(String, String)>,
}

impl Args {
    fn template_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    fn metadata(&self, name: &str) -> Value {
        let mut metadata = json!({"name": name});
        if !self.labels.is_empty() {
            let labels: BTreeMap<_, _> = self.labels.iter().cloned().collect();
            metadata["labels"] = json!(labels);
        }
        metadata
    }

    fn template(&self, manifests: &[Value]) -> Value {
        let mut spec = json!({
            "addonName": self.name,
            "agentSpec": {"workload": {"manifests": manifests}},
        });
        if self.hub_registration {
            let permissions: Vec<Value> = self
                .cluster_role_bind
                .iter()
                .map(|role| {
                    json!({"type": "CurrentCluster", "currentCluster": {"clusterRoleName": role}})
                })
                .collect();
            spec["registration"] = json!([
                {"type": "KubeClient", "kubeClient": {"hubPermissions": permissions}},
            ]);
        }
        json!({
            "apiVersion": format!("{GROUP}/v1alpha1"),
            "kind": "AddOnTemplate",
            "metadata": self.metadata(&self.template_name()),
            "spec": spec,
        })
    }

    /// Says what a name that is allowed cannot do.
    fn warn_of_name(&self, ui: &Ui) {
        if names::feature_label(&self.name).is_none() {
            ui.warning(&format!(
                "the name has {} characters: of an add-on with more than 57, clusters get no label {}NAME, and placements cannot choose by it",
                self.name.len(),
                names::FEATURE_PREFIX
            ));
        }
    }

    /// Renders the template as the hub will, for a cluster that is none.
    fn try_out(&self, manifests: &[Value], ui: &Ui) -> Result<(), CommandError> {
        let spec = self.template(manifests)["spec"].take();
        let spec: AddOnTemplateSpec = serde_json::from_value(spec).map_err(|error| {
            CommandError::internal("an AddOnTemplate could not be built").because(error)
        })?;
        let rendered = template::render(&Input {
            addon: &self.name,
            cluster: "cluster",
            name: &self.template_name(),
            template: &spec,
            configs: &[],
            registries: None,
        });
        match rendered {
            Ok(rendered) if rendered.manifests.is_empty() && !rendered.hooks.is_empty() => {
                ui.warning("all manifests run before the add-on is removed: until then, there is nothing of it on a cluster");
            }
            Ok(_) => {}
            // Variables of an AddOnDeploymentConfig may be missing here.
            Err(error @ (RenderError::Incomplete { .. } | RenderError::Twice { .. })) => {
                ui.warning(&format!("without a configuration: {error}"));
            }
            Err(error) => {
                return Err(CommandError::user("the add-on cannot be rendered")
                    .because(error)
                    .hint("placeholders are {{CLUSTER_NAME}}, {{HUB_KUBECONFIG}} and the variables of an AddOnDeploymentConfig"));
            }
        }
        Ok(())
    }

    fn offer(&self) -> Value {
        let strategy = match &self.placement_ref {
            Some((namespace, name)) => json!({
                "type": "Placements",
                "placements": [{"namespace": namespace, "name": name}],
            }),
            None => json!({"type": "Manual"}),
        };
        let mut metadata = self.metadata(&self.name);
        metadata["annotations"] = json!({ANNOTATION_LIFECYCLE: LIFECYCLE_ADDON_MANAGER});
        json!({
            "apiVersion": format!("{GROUP}/v1alpha1"),
            "kind": "ClusterManagementAddOn",
            "metadata": metadata,
            "spec": {
                "supportedConfigs": [{
                    "group": GROUP,
                    "resource": TEMPLATES,
                    "defaultConfig": {"name": self.template_name()},
                }],
                "installStrategy": strategy,
            },
        })
    }
}

/// What the value of a label may have.
const LONGEST_NAME: usize = 63;

/// Runs the command.
///
/// # Errors
/// Anything wrong with the input, an add-on that exists and differs, no
/// permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    for (what, name) in [
        ("an add-on", &args.name),
        ("an AddOnTemplate", &args.template_name()),
    ] {
        if !plan::is_dns_subdomain(name) {
            return Err(
                CommandError::usage(format!("{name:?} cannot be the name of {what}")).hint(
                    "use small letters, digits, - and . only, with a letter or digit at both ends",
                ),
            );
        }
    }
    if args.name.len() > LONGEST_NAME {
        return Err(CommandError::usage(format!(
            "{:?} has {} characters; an add-on's name is a label of its works and has {LONGEST_NAME} at most",
            args.name,
            args.name.len()
        )));
    }
    let manifests = work::manifests(&args.filename, true, "default", ui).await?;
    args.try_out(&manifests, ui)?;
    args.warn_of_name(ui);
    let hub = connect(global).await?;
    if let Some((namespace, name)) = &args.placement_ref {
        let placements = resources::within(&hub.client, &resources::placement(), namespace);
        let found = hub.call_opt(placements.get(name)).await;
        if let Ok(None) = found {
            ui.warning(&format!(
                "there is no placement {namespace}/{name}: until there is one, the add-on goes nowhere"
            ));
        }
    }
    let job = Job {
        hub: &hub,
        global,
        args,
    };
    // The template first: an add-on without it would only say so.
    let wanted = [
        (
            "AddonTemplate",
            resources::addon_template(),
            args.template(&manifests),
        ),
        (
            "ClusterManagementAddon",
            resources::cluster_management_addon(),
            args.offer(),
        ),
    ];
    // Nothing is written before both may be.
    let mut found = Vec::new();
    for (what, resource, wanted) in &wanted {
        found.push(job.look(what, resource, wanted).await?);
    }
    for ((what, _, wanted), state) in wanted.iter().zip(&found) {
        if let State::Differs { patch, live } = state {
            let name = wanted["metadata"]["name"].as_str().unwrap_or_default();
            let mut after = live.clone();
            json_patch::merge(&mut after, patch);
            diff::show(&format!("{what} {name}"), &live["spec"], &after["spec"], ui);
        }
    }
    let differs = |state: &State| matches!(state, State::Differs { .. });
    if args.overwrite && found.iter().any(differs) {
        let question = format!("Change add-on {}?", args.name);
        args.confirm.ask(global, ui, &question)?;
    }
    let refused = !args.overwrite && found.iter().any(differs);
    for ((what, resource, wanted), state) in wanted.iter().zip(&found) {
        let name = wanted["metadata"]["name"].as_str().unwrap_or_default();
        let done = match state {
            State::Same => "is unchanged",
            State::Differs { .. } if !args.overwrite => "is not updated when overwrite is disabled",
            _ if refused => continue,
            State::Missing => {
                job.create(what, resource, wanted).await?;
                "is created"
            }
            State::Differs { patch, .. } => {
                job.update(what, resource, name, patch).await?;
                "is updated"
            }
        };
        ui.result_line(&format!("{what} {name} {done}"))?;
    }
    if refused {
        return Err(CommandError::user(format!(
            "add-on {} exists with other content, nothing was changed",
            args.name
        ))
        .hint("pass --overwrite to change it, or another --version for a template of its own"));
    }
    if global.dry_run {
        ui.status("Nothing was changed (dry run).");
        return Ok(());
    }
    let cluster = same_cluster(global);
    if let Some(role) = &args.cluster_role_bind {
        ui.hint(&format!(
            "the hub can only give what it holds: \
             `kubectl create clusterrolebinding {}-addon --clusterrole {role} \
             --serviceaccount open-cluster-management:cluster-manager{cluster}` \
             (with upstream's components: open-cluster-management-hub:addon-manager-controller-sa)",
            args.name
        ));
    }
    ui.hint(&match &args.placement_ref {
        Some(_) => format!(
            "to see where it goes: `{} get addons {}{cluster}`",
            program(),
            args.name
        ),
        None => format!(
            "to install it: `{} addon enable --names {} --clusters NAME,...{cluster}`",
            program(),
            args.name
        ),
    });
    Ok(())
}

/// What there is, compared with what is wanted.
enum State {
    Missing,
    Same,
    /// As it is, with the merge patch that makes it as wanted.
    Differs {
        live: Value,
        patch: Value,
    },
}

struct Job<'a> {
    hub: &'a Connection,
    global: &'a GlobalArgs,
    args: &'a Args,
}

impl Job<'_> {
    async fn look(
        &self,
        what: &str,
        resource: &ApiResource,
        wanted: &Value,
    ) -> Result<State, CommandError> {
        let name = wanted["metadata"]["name"].as_str().unwrap_or_default();
        let api = resources::all(&self.hub.client, resource);
        let live = self
            .hub
            .call_opt(api.get(name))
            .await
            .doing(&format!("read {what} {name}"))?;
        let Some(live) = live else {
            return Ok(State::Missing);
        };
        let live = resources::printable(&live, resource);
        let patch = self.patch(&live, wanted);
        Ok(if covers(&live, &patch) {
            State::Same
        } else {
            State::Differs { live, patch }
        })
    }

    /// What makes `live` as wanted; what others have configured stays.
    fn patch(&self, live: &Value, wanted: &Value) -> Value {
        let mut patch = wanted.clone();
        let spec = &mut patch["spec"];
        if wanted["kind"] == "AddOnTemplate" {
            if spec["registration"].is_null() {
                spec["registration"] = Value::Null;
            }
            return patch;
        }
        if self.args.placement_ref.is_none()
            && let Some(spec) = spec.as_object_mut()
        {
            spec.remove("installStrategy");
        }
        let ours = spec["supportedConfigs"].clone();
        let mut configs = live["spec"]["supportedConfigs"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for config in ours.as_array().into_iter().flatten() {
            let same = |other: &&mut Value| {
                other["group"] == config["group"] && other["resource"] == config["resource"]
            };
            match configs.iter_mut().find(same) {
                Some(present) => present.clone_from(config),
                None => configs.push(config.clone()),
            }
        }
        spec["supportedConfigs"] = configs.into();
        patch
    }

    async fn create(
        &self,
        what: &str,
        resource: &ApiResource,
        wanted: &Value,
    ) -> Result<(), CommandError> {
        if self.global.dry_run && !self.global.dry_run_on_server {
            return Ok(());
        }
        let object: DynamicObject = serde_json::from_value(wanted.clone()).map_err(|error| {
            CommandError::internal("an add-on could not be built").because(error)
        })?;
        let params = resources::posting(self.global.dry_run);
        let api = resources::all(&self.hub.client, resource);
        let sent = self.hub.call(api.create(&params, &object)).await;
        sent.map(|_| ())
            .map_err(|error| server_error(error, &format!("create {what} {}", self.args.name)))
    }

    async fn update(
        &self,
        what: &str,
        resource: &ApiResource,
        name: &str,
        patch: &Value,
    ) -> Result<(), CommandError> {
        if self.global.dry_run && !self.global.dry_run_on_server {
            return Ok(());
        }
        let params = resources::patching(self.global.dry_run);
        let api = resources::all(&self.hub.client, resource);
        let sent = self
            .hub
            .call(api.patch(name, &params, &Patch::Merge(patch)))
            .await;
        sent.map(|_| ())
            .map_err(|error| server_error(error, &format!("update {what} {name}")))
    }
}

/// Whether an object has everything that is wanted. What the server adds (a
/// default, say) is no difference; in lists and in the manifests of a template
/// everything is.
fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            if key == "manifests" {
                return live.get(key) == Some(value);
            }
            value.is_null() && live.get(key).is_none_or(Value::is_null)
                || live.get(key).is_some_and(|live| covers(live, value))
        }),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(l, w)| covers(l, w))
        }
        _ => live == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_no_difference_but_manifests_are_compared_whole() {
        let live = json!({"spec": {"a": 1, "list": [{"b": 2, "default": 3}]}});
        assert!(covers(&live, &json!({"spec": {"list": [{"b": 2}]}})));
        assert!(!covers(&live, &json!({"spec": {"list": []}})));
        assert!(!covers(&live, &json!({"spec": {"a": 2}})));
        let live = json!({"manifests": [{"data": {"a": "1", "b": "2"}}]});
        assert!(!covers(
            &live,
            &json!({"manifests": [{"data": {"a": "1"}}]})
        ));
    }
}
