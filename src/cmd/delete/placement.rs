//! `ocmadm delete placement`.

use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::Value;

use super::objects::Targets;
use crate::cmd::args::GlobalArgs;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::{connect, resources};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ui::Ui;

/// Arguments of `ocmadm delete placement`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The placements' names
    #[arg(value_name = "NAME", required = true, add = crate::cmd::completion::placements())]
    names: Vec<String>,

    /// Their namespace
    #[arg(long, short, value_name = "NAME", default_value = "default", add = crate::cmd::completion::namespaces())]
    namespace: String,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, or one that does not go in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    for name in &args.names {
        for user in users(&hub, &args.namespace, name).await {
            ui.warning(&format!(
                "{user} goes by placement {name}: without it, its choice of clusters ends"
            ));
        }
    }
    let question = format!(
        "Delete placement {} of namespace {}?",
        args.names.join(", "),
        args.namespace
    );
    args.confirm.ask(global, ui, &question)?;
    let targets = Targets {
        hub: &hub,
        api: resources::within(&hub.client, &resources::placement(), &args.namespace),
        what: "placement",
        namespace: &args.namespace,
        names: &args.names,
        wait: true,
    };
    targets.delete(global, ui).await
}

/// Who goes by a placement, as far as it can be read.
async fn users(hub: &Connection, namespace: &str, name: &str) -> Vec<String> {
    let sets = resources::within(&hub.client, &resources::replica_set(), namespace);
    let addons = resources::all(&hub.client, &resources::cluster_management_addon());
    let all = ListParams::default();
    let (sets, addons) = tokio::join!(hub.list_all(&sets, &all), hub.list_all(&addons, &all));
    let mut users = Vec::new();
    for set in sets.into_iter().flatten() {
        if refers(set.data.pointer("/spec/placementRefs"), None, name) {
            users.push(format!("replica set {namespace}/{}", set.name_any()));
        }
    }
    for addon in addons.into_iter().flatten() {
        let placements = addon.data.pointer("/spec/installStrategy/placements");
        if refers(placements, Some(namespace), name) {
            users.push(format!("add-on {}", addon.name_any()));
        }
    }
    users
}

fn refers(references: Option<&Value>, namespace: Option<&str>, name: &str) -> bool {
    let references = references.and_then(Value::as_array);
    references.into_iter().flatten().any(|reference| {
        reference["name"] == name && namespace.is_none_or(|n| reference["namespace"] == n)
    })
}
