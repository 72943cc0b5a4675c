//! `ocmadm unjoin`: takes a cluster out of its hub.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DeleteParams, ListParams, Patch, PatchParams};
use kube::core::DynamicObject;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cmd::args::GlobalArgs;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::{Doing, wait_error};
use crate::cmd::remove::{self, Removal};
use crate::cmd::{connect, deadline, drain, program, resources};
use crate::error::CommandError;
use crate::k8s::client::{self, Connection, Failure};
use crate::k8s::{kubeconfig, wait};
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm unjoin`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The name the cluster has on the hub
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    cluster_name: String,

    /// Remove the operator too, if no other Klusterlet needs it
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    purge_operator: bool,

    /// Leave even if works are still there (their resources stay), or no agent answers
    #[arg(long)]
    force: bool,

    /// Context of the hub, for --drain
    #[arg(long, value_name = "NAME", requires = "drain", add = crate::cmd::completion::contexts())]
    hub_context: Option<String>,

    /// Delete the cluster's works and add-ons on the hub first, and wait until they are gone
    #[arg(long, requires = "hub_context")]
    drain: bool,

    #[command(flatten)]
    confirm: ConfirmArgs,

    /// Whether the hub has let the cluster go already.
    #[arg(skip)]
    detached: bool,
}

impl Args {
    /// Everything of a cluster that the hub has let go, without a question.
    #[must_use]
    pub fn all_of(cluster: &str, force: bool) -> Self {
        Self {
            cluster_name: cluster.to_owned(),
            purge_operator: true,
            force,
            hub_context: None,
            drain: false,
            confirm: ConfirmArgs { yes: true },
            detached: true,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Works that are still there, no permission, or an agent that does not end in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    if args.cluster_name.is_empty() {
        return Err(CommandError::usage("name is missing").hint("pass --cluster-name NAME"));
    }
    let cluster = connect(global).await?;
    let until = deadline(global.timeout);
    let all = list(&cluster, &resources::klusterlet()).await?;
    let (own, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|klusterlet| name_of(klusterlet) == args.cluster_name);
    if own.is_empty() {
        ui.status(&format!(
            "This cluster has not joined a hub as {}: there is nothing to do.",
            args.cluster_name
        ));
        for other in &others {
            ui.hint(&format!(
                "it has joined as {0}: `{1} unjoin --cluster-name {0}`",
                name_of(other),
                program()
            ));
        }
        return Ok(());
    }
    let hub = drained(args, global, ui).await?;
    if hub.is_none() {
        for klusterlet in &own {
            works(args, &cluster, klusterlet).await?;
        }
    }
    args.confirm.ask(
        global,
        ui,
        &format!(
            "Take this cluster ({}) out of its hub, where it is {}?",
            cluster.url, args.cluster_name
        ),
    )?;
    if let Some(hub) = &hub
        && !global.dry_run
    {
        let progress = ui.progress();
        drain::drain(hub, &args.cluster_name, args.force, until, &progress).await?;
        drop(progress);
        for klusterlet in &own {
            works(args, &cluster, klusterlet).await?;
        }
    }
    let mut removal = Removal::new(&cluster, until, global.dry_run, ui);
    ui.status(&format!(
        "Remove applied resources in the managed cluster {} ...",
        args.cluster_name
    ));
    for klusterlet in &own {
        if !global.dry_run {
            delete_klusterlet(args, &cluster, klusterlet, until, ui).await?;
        } else {
            removal.would(&format!("Klusterlet {}", klusterlet.name_any()))?;
        }
        let namespace = resources::agent_namespace(klusterlet);
        let shared = others
            .iter()
            .find(|other| resources::agent_namespace(other) == namespace);
        match shared {
            Some(other) => ui.status(&format!(
                "Namespace {namespace} stays: Klusterlet {} has its agents there.",
                other.name_any()
            )),
            None => removal.object("v1", "Namespace", "", &namespace).await?,
        }
    }
    if args.purge_operator {
        if others.is_empty() {
            remove::operator(&mut removal, names::KLUSTERLET).await?;
            let crd = "klusterlets.operator.open-cluster-management.io";
            removal
                .object(
                    "apiextensions.k8s.io/v1",
                    "CustomResourceDefinition",
                    "",
                    crd,
                )
                .await?;
            remove::operator_namespace(&mut removal, names::CLUSTER_MANAGER).await?;
            for resource in [
                resources::applied_manifest_work(),
                resources::cluster_claim(),
            ] {
                definition(&cluster, &resource, &mut removal, ui).await?;
            }
        } else {
            ui.status("The operator stays: other Klusterlets of this cluster need it.");
        }
    }
    if global.dry_run {
        return Ok(());
    }
    if args.detached {
        ui.result_line(&format!("the agent of {} is removed", args.cluster_name))?;
        return Ok(());
    }
    ui.result_line(&format!(
        "Applied resources have been deleted during the {0} joined stage. The status of mcl {0} will be unknown in the hub cluster.",
        args.cluster_name
    ))?;
    ui.hint(&format!(
        "on the hub, remove it from the list: `{} detach --clusters {}`",
        program(),
        args.cluster_name
    ));
    Ok(())
}

/// The hub, with `--drain`; what goes there is said.
async fn drained(
    args: &Args,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<Option<Connection>, CommandError> {
    let (true, Some(context)) = (args.drain, &args.hub_context) else {
        return Ok(None);
    };
    let hub = connect(&GlobalArgs {
        context: Some(context.clone()),
        ..global.clone()
    })
    .await?;
    let load = drain::load(&hub, &args.cluster_name).await?;
    load.tell(&args.cluster_name, global.dry_run, ui);
    Ok(Some(hub))
}

fn name_of(klusterlet: &DynamicObject) -> &str {
    klusterlet
        .data
        .pointer("/spec/clusterName")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// All objects of a type; none where the type is not served.
async fn list(
    cluster: &Connection,
    resource: &ApiResource,
) -> Result<Vec<DynamicObject>, CommandError> {
    let api = resources::all(&cluster.client, resource);
    match cluster.call(api.list(&ListParams::default())).await {
        Ok(found) => Ok(found.items),
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => Ok(Vec::new()),
        Err(error) => Err(error).doing(&format!("list {}", resource.plural)),
    }
}

/// Works whose resources would be left behind without anybody to remove them.
async fn works(args: &Args, cluster: &Connection, own: &DynamicObject) -> Result<(), CommandError> {
    if args.force {
        return Ok(());
    }
    let managed = match resources::is_hosted(own) {
        true => Some(hosted(cluster, own).await?),
        false => None,
    };
    let id = own.uid();
    let resource = resources::applied_manifest_work();
    let mut left: Vec<String> = list(managed.as_ref().unwrap_or(cluster), &resource)
        .await?
        .iter()
        .filter(|work| {
            let agent = work.data.pointer("/spec/agentID").and_then(Value::as_str);
            agent.is_none() || agent == id.as_deref()
        })
        .map(|work| {
            let name = work.data.pointer("/spec/manifestWorkName");
            name.and_then(Value::as_str)
                .map_or_else(|| work.name_any(), str::to_owned)
        })
        .collect();
    left.sort();
    if left.is_empty() {
        return Ok(());
    }
    Err(CommandError::user(format!(
        "works are still on the managed cluster {}: {}",
        args.cluster_name,
        left.join(", ")
    ))
    .hint(format!(
        "delete them on the hub first: `{} delete work NAME --clusters {}`",
        program(),
        args.cluster_name
    ))
    .hint("--force leaves the hub all the same; the resources of the works stay"))
}

/// The cluster that a hosted agent manages, as the agent reaches it.
async fn hosted(
    cluster: &Connection,
    klusterlet: &DynamicObject,
) -> Result<Connection, CommandError> {
    let namespace = resources::agent_namespace(klusterlet);
    let force = "--force leaves without a look at its works; what they made stays";
    let place = format!("{namespace}/{EXTERNAL_KUBECONFIG}");
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &namespace);
    let found = cluster
        .call_opt(secrets.get(EXTERNAL_KUBECONFIG))
        .await
        .doing(&format!("read Secret {place}"))?;
    let text = found
        .and_then(|secret| secret.data?.remove(names::KEY_KUBECONFIG))
        .and_then(|bytes| String::from_utf8(bytes.0).ok());
    // The parser's message could quote a credential.
    let config = text.and_then(|text| kubeconfig::from_text(&text).ok());
    let config = config.ok_or_else(|| {
        CommandError::user(format!(
            "Secret {place} does not lead to the managed cluster: its works cannot be seen"
        ))
        .hint(force)
    })?;
    let unreachable = |error: CommandError| error.hint(force);
    let managed = client::connect_with(config, None)
        .await
        .map_err(|error| unreachable(error.into()))?;
    managed
        .call(managed.client.apiserver_version())
        .await
        .doing("reach the managed cluster")
        .map_err(unreachable)?;
    Ok(managed)
}

/// A definition that the agent brought along goes when nothing of its kind is
/// left: claims may be somebody else's, and what `--force` leaves is for repair.
async fn definition(
    cluster: &Connection,
    resource: &ApiResource,
    removal: &mut Removal<'_>,
    ui: &Ui,
) -> Result<(), CommandError> {
    let left = list(cluster, resource).await?.len();
    let name = format!("{}.{}", resource.plural, resource.group);
    if left > 0 {
        ui.status(&format!(
            "CustomResourceDefinition {name} stays: there are {left} {}.",
            resource.plural
        ));
        return Ok(());
    }
    let version = "apiextensions.k8s.io/v1";
    removal
        .object(version, "CustomResourceDefinition", "", &name)
        .await
}

/// The kubeconfig of the cluster that hosted agents manage.
const EXTERNAL_KUBECONFIG: &str = "external-managed-kubeconfig";

/// The Klusterlet goes when its operator has cleaned up.
async fn delete_klusterlet(
    args: &Args,
    cluster: &Connection,
    klusterlet: &DynamicObject,
    until: Instant,
    ui: &Ui,
) -> Result<(), CommandError> {
    let name = klusterlet.name_any();
    let doing = format!("delete Klusterlet {name}");
    let api = resources::all(&cluster.client, &resources::klusterlet());
    let progress = ui.progress();
    let step = progress.step(format!("Deleting Klusterlet {name}"));
    cluster
        .call_opt(api.delete(&name, &DeleteParams::default()))
        .await
        .doing(&doing)?;
    if args.force {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        cluster
            .call_opt(api.patch(&name, &PatchParams::default(), &patch))
            .await
            .doing(&doing)?;
    }
    wait::until_gone(api, &name, until, |detail| step.waiting(detail))
        .await
        .map_err(|error| {
            wait_error(error, cluster, &format!("Klusterlet {name} to be gone")).hint(
                "is deployment open-cluster-management/klusterlet running? It cleans up; \
                 --force does not wait for it",
            )
        })?;
    step.done();
    Ok(())
}
