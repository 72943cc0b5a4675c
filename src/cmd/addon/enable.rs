//! `ocmadm addon enable`: ManagedClusterAddOns.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::StreamExt;
use kube::ResourceExt;
use kube::api::{ListParams, Patch};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::parse_pair;
use super::wait::{self, Until};
use crate::cmd::args::{Choice, ClustersArgs, GlobalArgs};
use crate::cmd::explain::{Doing, apply_error, server_error};
use crate::cmd::install::FIELD_MANAGER;
use crate::cmd::{CONCURRENCY, connect, offers, program, resources, same_cluster};
use crate::error::{CommandError, Kind};
use crate::k8s::apply::Applier;
use crate::k8s::client::{Connection, Failure};
use crate::k8s::discovery::Discovery;
use crate::k8s::kubeconfig::nearest;
use crate::k8s::yaml;
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm addon enable`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Add-ons, separated by commas (repeatable)
    #[arg(
        long,
        alias = "name",
        value_name = "NAME,...",
        value_delimiter = ',',
        required = true,
        add = crate::cmd::completion::addons()
    )]
    names: Vec<String>,

    #[command(flatten)]
    clusters: ClustersArgs,

    /// Namespace for the add-on's agent on the managed clusters
    #[arg(long, short, value_name = "NAME", default_value = names::AGENT_ADDON_NAMESPACE)]
    namespace: String,

    /// Annotations of the add-on, as key=value,... (repeatable); others stay
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',', value_parser = parse_pair)]
    annotate: Vec<(String, String)>,

    /// Labels of the add-on, as key=value,... (repeatable); others stay
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',', value_parser = parse_pair)]
    labels: Vec<(String, String)>,

    /// File with the configuration object of the add-on; it is applied on the hub
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    config_file: Option<PathBuf>,

    /// Wait until the add-ons are available
    #[arg(long)]
    wait: bool,
}

/// Runs the command.
///
/// # Errors
/// Unknown add-ons or clusters, a configuration that cannot be applied, or no
/// permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let choice = args.clusters.choice();
    if choice.is_empty() {
        return Err(Choice::missing());
    }
    let addons: Vec<&str> = args
        .names
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
        .collect();
    if addons.is_empty() {
        return Err(CommandError::usage("names is missing").hint("pass --names NAME,..."));
    }
    let hub = connect(global).await?;
    let (chosen, offered) = futures::future::join(choice.find(&hub), known(&hub, &addons)).await;
    // Of two failures always the same is told.
    let (offered, chosen) = (offered?, chosen?);
    for offer in &offered {
        if let Some(placements) = offers::placed(offer) {
            ui.warning(&format!(
                "add-on {} is installed where its placements say ({placements}): from clusters that these do not choose the hub removes it again",
                offer.name_any()
            ));
        }
    }
    let configs = configuration(args, &hub, global).await?;
    let enable = Enable {
        hub: &hub,
        args,
        configs,
        dry_run: global.dry_run,
        send: !global.dry_run || global.dry_run_on_server,
    };
    let wanted: Vec<(&str, &str)> = chosen
        .names
        .iter()
        .flat_map(|cluster| addons.iter().map(move |addon| (*addon, cluster.as_str())))
        .collect();
    let mut results = futures::stream::iter(wanted.iter())
        .map(|(addon, cluster)| enable.one(addon, cluster))
        .buffered(CONCURRENCY);
    let mut failed = 0;
    while let Some(result) = results.next().await {
        match result {
            Ok(line) => ui.result_line(&line)?,
            Err(error) => {
                ui.failure(&error.render());
                failed += 1;
            }
        }
    }
    if failed > 0 {
        return Err(CommandError::new(
            Kind::User,
            format!("{failed} add-ons were not enabled"),
        ));
    }
    if global.dry_run {
        ui.status("Nothing was changed (dry run).");
    } else {
        if args.wait {
            wait::wait(&hub, &wanted, Until::Available, global, ui).await?;
        }
        ui.hint(&format!(
            "to see what happens: `{} get addons {} --clusters {}{}`",
            program(),
            addons.join(" "),
            chosen.names.join(","),
            same_cluster(global)
        ));
    }
    Ok(())
}

/// Each add-on must be one that the hub offers.
async fn known(hub: &Connection, addons: &[&str]) -> Result<Vec<DynamicObject>, CommandError> {
    let api = resources::all(&hub.client, &resources::cluster_management_addon());
    let mut offers = hub
        .call(api.list(&ListParams::default()))
        .await
        .doing("list the hub's add-ons")?
        .items;
    let offered: Vec<String> = offers.iter().map(ResourceExt::name_any).collect();
    for addon in addons {
        if !offered.iter().any(|name| name == addon) {
            let similar = nearest(addon, offered.iter().map(String::as_str));
            let hint = if offered.is_empty() {
                "this hub offers no add-ons".to_owned()
            } else {
                format!("add-ons are: {}", offered.join(", "))
            };
            return Err(CommandError::user(format!(
                "enabling the unknown addon {addon} is not supported"
            ))
            .hint_if(similar.map(|name| format!("did you mean {name:?}?")))
            .hint(hint));
        }
    }
    offers.retain(|offer| addons.contains(&offer.name_any().as_str()));
    Ok(offers)
}

/// Applies the configuration file; the references to what is in it.
async fn configuration(
    args: &Args,
    hub: &Connection,
    global: &GlobalArgs,
) -> Result<Vec<Value>, CommandError> {
    let Some(path) = &args.config_file else {
        return Ok(Vec::new());
    };
    let text = std::fs::read(path).map_err(|error| {
        CommandError::user(format!("cannot read {}", path.display())).because(error)
    })?;
    let objects = yaml::read(&path.display().to_string(), &text)?;
    let discovery = Discovery::new(hub.client.clone());
    let applier =
        Applier::new(hub.client.clone(), discovery, FIELD_MANAGER).dry_run(global.dry_run);
    let mut references = Vec::new();
    for object in objects {
        let object: DynamicObject = serde_json::from_value(object.object).map_err(|error| {
            CommandError::user(format!("{} holds no object", path.display())).because(error)
        })?;
        let types = object.types.clone().unwrap_or_default();
        let doing = format!("apply {} {}", types.kind, object.name_any());
        let mapping = applier
            .discovery()
            .resolve_types(Some(&types))
            .await
            .map_err(|error| CommandError::user(format!("cannot {doing}")).because(error))?;
        if !global.dry_run || global.dry_run_on_server {
            applier
                .apply_one(&object)
                .await
                .map_err(|error| apply_error(hub, error, &doing))?;
        }
        references.push(json!({
            "group": mapping.resource.group,
            "resource": mapping.resource.plural,
            "name": object.name_any(),
            "namespace": object.namespace().unwrap_or_default(),
        }));
    }
    Ok(references)
}

struct Enable<'a> {
    hub: &'a Connection,
    args: &'a Args,
    configs: Vec<Value>,
    dry_run: bool,
    send: bool,
}

impl Enable<'_> {
    /// Creates or changes one; what others have written stays.
    async fn one(&self, addon: &str, cluster: &str) -> Result<String, CommandError> {
        let args = self.args;
        let map = |pairs: &[(String, String)]| -> BTreeMap<String, String> {
            pairs.iter().cloned().collect()
        };
        let mut body = json!({
            "apiVersion": "addon.open-cluster-management.io/v1alpha1",
            "kind": "ManagedClusterAddOn",
            "metadata": {"name": addon, "namespace": cluster},
            "spec": {"installNamespace": args.namespace},
        });
        if !args.annotate.is_empty() {
            body["metadata"]["annotations"] = json!(map(&args.annotate));
        }
        if !args.labels.is_empty() {
            body["metadata"]["labels"] = json!(map(&args.labels));
        }
        if !self.configs.is_empty() {
            body["spec"]["configs"] = json!(self.configs);
        }
        let line = format!(
            "Deploying {addon} add-on to namespaces {} of managed cluster: {cluster}.",
            args.namespace
        );
        if !self.send {
            return Ok(line);
        }
        let doing = format!("enable add-on {addon} on {cluster}");
        let api = resources::within(
            &self.hub.client,
            &resources::managed_cluster_addon(),
            cluster,
        );
        let object: DynamicObject = serde_json::from_value(body.clone()).map_err(|error| {
            CommandError::internal("an add-on could not be built").because(error)
        })?;
        let post = resources::posting(self.dry_run);
        match self.hub.call(api.create(&post, &object)).await {
            Ok(_) => return Ok(line),
            Err(error) if matches!(error.failure, Failure::Conflict(_)) => {}
            Err(error) => return Err(server_error(error, &doing)),
        }
        let params = resources::patching(self.dry_run);
        self.hub
            .call(api.patch(addon, &params, &Patch::Merge(body)))
            .await
            .map_err(|error| server_error(error, &doing))?;
        Ok(line)
    }
}
