//! `ocmadm delete replicaset`: a ManifestWorkReplicaSet, and with it its works.

use kube::api::ListParams;

use super::objects::Targets;
use crate::cmd::args::GlobalArgs;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::{connect, resources};
use crate::error::CommandError;
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm delete replicaset`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The replica sets' names
    #[arg(value_name = "NAME", required = true, add = crate::cmd::completion::replica_sets())]
    names: Vec<String>,

    /// Their namespace
    #[arg(long, short, value_name = "NAME", default_value = "default", add = crate::cmd::completion::namespaces())]
    namespace: String,

    /// Wait until the set and its works are gone
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    wait: bool,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, or a set that does not go in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let works = resources::all(&hub.client, &resources::manifest_work());
    let label = names::LABEL_MANIFEST_WORK_REPLICA_SET;
    for name in &args.names {
        let of_set = format!("{label}={}.{name}", args.namespace);
        let params = ListParams::default().labels(&of_set);
        // Whoever may not list works may still delete the set.
        let Ok(found) = hub.list_all_metadata(&works, &params).await else {
            continue;
        };
        let mut clusters: Vec<String> = found
            .iter()
            .filter_map(|w| w.metadata.namespace.clone())
            .collect();
        clusters.sort();
        if !clusters.is_empty() {
            ui.status(&format!(
                "With replica set {}/{name} its works go from {}: {}",
                args.namespace,
                match clusters.len() {
                    1 => "1 cluster".to_owned(),
                    count => format!("{count} clusters"),
                },
                clusters.join(", ")
            ));
        }
    }
    let question = format!(
        "Delete replica set {} of namespace {}, and its works?",
        args.names.join(", "),
        args.namespace
    );
    args.confirm.ask(global, ui, &question)?;
    let targets = Targets {
        hub: &hub,
        api: resources::within(&hub.client, &resources::replica_set(), &args.namespace),
        what: "replica set",
        namespace: &args.namespace,
        names: &args.names,
        wait: args.wait,
    };
    targets.delete(global, ui).await
}
