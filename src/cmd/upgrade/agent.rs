//! `ocmadm upgrade klusterlet`: all Klusterlets of the cluster, since one operator
//! serves them.

use std::collections::HashSet;
use std::path::PathBuf;

use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;

use super::{Common, older, only, tell};
use crate::bundle::{self, AgentValues, UpstreamAgent};
use crate::cmd::args::GlobalArgs;
use crate::cmd::components::{Installed, installed};
use crate::cmd::explain::server_error;
use crate::cmd::join;
use crate::cmd::values::Values;
use crate::cmd::{connect, deadline, install, preview, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::ocm::names;
use crate::ocm::operator::v1::KlusterletSpec;
use crate::ui::Ui;

/// Arguments of `ocmadm upgrade klusterlet`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Values of clusteradm's chart (YAML) that are laid over what is there
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    klusterlet_values_file: Option<PathBuf>,

    /// Context of the hub: agents that would be newer than it are refused
    #[arg(long, value_name = "NAME", add = crate::cmd::completion::contexts())]
    hub_context: Option<String>,

    #[command(flatten)]
    common: Common,
}

/// Runs the command.
///
/// # Errors
/// No Klusterlet, an unknown or older version, or what the cluster refuses.
pub(super) async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let cluster = connect(global).await?;
    let until = deadline(global.timeout);
    let (klusterlets, before) = present(&cluster).await?;
    if !before.native {
        args.common.bundle.tell_components(ui);
    }
    if let Some(context) = &args.hub_context {
        let after = match before.native {
            true => args.common.image(&before)?,
            false => args.common.images(&before)?.operator(),
        };
        not_ahead(&after, context, global).await?;
    }
    let mut objects: Vec<DynamicObject> = Vec::new();
    let mut seen = HashSet::new();
    for klusterlet in &klusterlets {
        let name = klusterlet.name_any();
        let spec: KlusterletSpec = serde_json::from_value(klusterlet.data["spec"].clone())
            .map_err(|error| {
                CommandError::user(format!("Klusterlet {name} cannot be read")).because(error)
            })?;
        let mut upgraded = one(args, &before, name, spec, ui)?;
        only(&mut upgraded, names::KLUSTERLET, "Klusterlet");
        upgraded.retain(|object| {
            seen.insert((
                object.types.as_ref().map(|types| types.kind.clone()),
                object.name_any(),
                object.namespace(),
            ))
        });
        objects.extend(upgraded);
    }
    if global.dry_run_on_server {
        return preview::preview(&cluster, &objects, "the agent", ui).await;
    }
    if global.dry_run {
        install::dry_run_note(ui);
        ui.result(&install::manifests(&objects))?;
        return Ok(());
    }
    ui.result_line("Klusterlet installed. starting upgrade")?;
    install::apply(&cluster, &objects, "the agent", until, ui).await?;
    if args.common.wait {
        install::until_available(
            &cluster,
            names::OPERATOR_NAMESPACE,
            names::KLUSTERLET,
            until,
            &ui.progress(),
        )
        .await?;
    }
    ui.result_line("upgraded completed successfully")?;
    if !args.common.wait {
        ui.hint(&format!(
            "`{} get klusterlet-info` shows how far it is; --wait waits for it",
            program()
        ));
    }
    Ok(())
}

/// A hub serves agents of its own version and of older ones.
async fn not_ahead(after: &str, context: &str, global: &GlobalArgs) -> Result<(), CommandError> {
    let there = GlobalArgs {
        context: Some(context.to_owned()),
        ..global.clone()
    };
    let hub = connect(&there).await?;
    let found = installed(&hub, names::CLUSTER_MANAGER).await?;
    let hub = found.ok_or_else(|| {
        CommandError::user(format!("context {context:?} leads to no hub"))
            .hint("--hub-context is the one that this cluster has joined")
    })?;
    let tag = |image: &str| image.rsplit(':').next().unwrap_or_default().to_owned();
    if !older(&tag(&hub.image), &tag(after)) {
        return Ok(());
    }
    Err(CommandError::user(format!(
        "the hub runs {}, and agents of {after} would be newer",
        hub.image
    ))
    .hint(format!(
        "upgrade the hub first: `{} upgrade clustermanager{}`",
        program(),
        same_cluster(&there)
    )))
}

/// The objects of one Klusterlet after the upgrade.
fn one(
    args: &Args,
    before: &Installed,
    name: String,
    spec: KlusterletSpec,
    ui: &Ui,
) -> Result<Vec<DynamicObject>, CommandError> {
    let mut values = Values::of(args.klusterlet_values_file.as_deref())?;
    if before.native {
        let mut spec = spec;
        values.lay("klusterlet", &mut spec)?;
        values.finish(ui);
        let image = args.common.image(before)?;
        tell(ui, &name, &before.image, &image);
        return Ok(bundle::agent(&AgentValues {
            image,
            replicas: before.replicas,
            // Not among what is applied: the one that is there stays.
            bootstrap_kubeconfig: "{}".to_owned(),
            klusterlet_name: name,
            klusterlet: spec,
            arguments: before.arguments.clone(),
            ..AgentValues::default()
        })?);
    }
    let mut agent = UpstreamAgent {
        images: args.common.images(before)?,
        replicas: Some(before.replicas),
        operator: true,
        klusterlet_name: name,
        klusterlet: spec,
        sync_labels: before.arguments.iter().any(|a| a == "--enable-sync-labels"),
        ..UpstreamAgent::default()
    };
    join::agent::lay(&mut agent, values, ui)?;
    tell(
        ui,
        &agent.klusterlet_name,
        &before.image,
        &agent.images.operator(),
    );
    Ok(bundle::upstream_agent(&agent)?)
}

/// The Klusterlets and their operator as they are.
async fn present(cluster: &Connection) -> Result<(Vec<DynamicObject>, Installed), CommandError> {
    let missing = || {
        CommandError::user("klusterlet is not installed").hint(format!(
            "`{} join` makes this cluster a managed one",
            program()
        ))
    };
    let api = resources::all(&cluster.client, &resources::klusterlet());
    let klusterlets = match cluster.call(api.list(&ListParams::default())).await {
        Ok(found) if !found.items.is_empty() => found.items,
        Ok(_) => return Err(missing()),
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => return Err(missing()),
        Err(error) => return Err(server_error(error, "read the cluster's Klusterlets")),
    };
    let before = installed(cluster, names::KLUSTERLET)
        .await?
        .ok_or_else(missing)?;
    Ok((klusterlets, before))
}
