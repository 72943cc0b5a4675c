//! `ocmadm create placement`: which clusters to choose.

mod plan;

use kube::api::Patch;
use kube::core::DynamicObject;
use serde_json::json;

use crate::cmd::args::GlobalArgs;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::Doing;
use crate::cmd::{connect, diff, placement, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ui::{OutputFormat, Ui, format};

/// Arguments of `ocmadm create placement`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The placement's name
    #[arg(value_name = "NAME")]
    name: String,

    /// The namespace it is in
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    namespace: String,

    /// Cluster sets to choose from, separated by commas; all that are bound to the namespace when absent
    #[arg(
        long,
        visible_alias = "clusterset",
        value_name = "SET,...",
        value_delimiter = ','
    )]
    clustersets: Vec<String>,

    /// Labels of which one must fit, separated by commas: 'env=prod,env=test' are two alternatives (repeatable)
    #[arg(long, value_name = "LABEL,...")]
    label_selectors: Vec<String>,

    /// Labels that must all fit, as kubectl writes selectors: 'env=prod,zone in (a,b),!old' (repeatable)
    #[arg(long, short = 'l', value_name = "SELECTOR")]
    selector: Vec<String>,

    /// Claims clusters must make, written like labels
    #[arg(long, value_name = "SELECTOR")]
    claim_selector: Option<String>,

    /// CEL expression over managedCluster that must be true (repeatable: all must)
    #[arg(long, value_name = "EXPRESSION")]
    cel: Vec<String>,

    /// How many clusters; all that fit when absent
    #[arg(
        long,
        visible_alias = "number",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    count: Option<i32>,

    /// What is preferred: BuiltIn:NAME:WEIGHT or AddOn:RESOURCE:SCORE:WEIGHT, separated by commas
    #[arg(long, value_name = "PRIORITIZER,...", value_delimiter = ',')]
    prioritizers: Vec<String>,

    /// Only these prioritizers, without Balance and Steady
    #[arg(long, requires = "prioritizers")]
    exact: bool,

    /// Taint that does not matter: KEY[=VALUE][:EFFECT][@SECONDS], or * for all (repeatable)
    #[arg(long, value_name = "TAINT")]
    tolerate: Vec<String>,

    /// Decision group: NAME:SELECTOR (repeatable)
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,

    /// How many clusters a group holds at most: a number, or a percentage of all
    #[arg(long, value_name = "NUMBER|PERCENT")]
    clusters_per_group: Option<String>,

    /// Spread evenly over a label's values: LABEL[:SKEW][:must] (repeatable)
    #[arg(long, value_name = "LABEL")]
    spread: Vec<String>,

    /// Change the placement if it exists already; the difference is shown first
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    confirm: ConfirmArgs,

    /// Print the placement instead of a line: json, yaml or name
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<OutputFormat>,
}

/// Runs the command.
///
/// # Errors
/// Anything wrong with the input, sets that are not bound, a placement that
/// exists, no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let spec = plan::spec(args)?;
    let hub = connect(global).await?;
    let resource = resources::placement();
    let api = resources::within(&hub.client, &resource, &args.namespace);
    let existing = hub.call_opt(api.get_opt(&args.name)).await;
    let existing = existing.doing("read the placement")?.flatten();
    if existing.is_some() && !args.overwrite {
        return Err(
            CommandError::user(format!("placement {} already exists", args.name))
                .hint("pass --overwrite to replace its spec"),
        );
    }
    let mut object = DynamicObject::new(&args.name, &resource).within(&args.namespace);
    object.data = json!({"spec": spec});
    let unchanged = existing
        .as_ref()
        .is_some_and(|existing| existing.data["spec"] == spec);
    if let Some(existing) = existing.as_ref().filter(|_| !unchanged) {
        let what = format!(
            "Placement '{}' of '{}' namespace",
            args.name, args.namespace
        );
        diff::show(&what, &existing.data["spec"], &spec, ui);
        args.confirm.ask(global, ui, &format!("Change {what}?"))?;
    }
    let dry = global.dry_run;
    // The hub's own checks count for a dry run, too.
    let written = if existing.is_some() {
        // The spec alone, whatever the hub makes of the status meanwhile.
        let operations = json!([{"op": "add", "path": "/spec", "value": spec}]);
        let patch: json_patch::Patch = serde_json::from_value(operations)
            .map_err(|error| CommandError::internal("a patch could not be built").because(error))?;
        let params = resources::patching(dry);
        hub.call(api.patch(&args.name, &params, &Patch::<()>::Json(patch)))
            .await
    } else {
        let params = resources::posting(dry);
        hub.call(api.create(&params, &object)).await
    };
    let written = written.doing(&format!("write placement {}", args.name))?;
    let now_same = existing
        .as_ref()
        .is_some_and(|old| old.data["spec"] == written.data["spec"]);
    if let Some(output) = args.output {
        let value = resources::printable(&written, &resource);
        ui.result(&format::objects(
            output,
            &[value],
            true,
            resources::resource_name,
        )?)?;
    } else {
        let line = if unchanged || now_same {
            format!(
                "Placement '{}' of '{}' namespace is unchanged",
                args.name, args.namespace
            )
        } else if existing.is_some() {
            format!(
                "Placement '{}' of '{}' namespace has been updated",
                args.name, args.namespace
            )
        } else {
            format!(
                "Placement '{}' has been created in '{}' namespace",
                args.name, args.namespace
            )
        };
        ui.result_line(&if dry {
            format!("{line} (dry run)")
        } else {
            line
        })?;
    }
    if dry {
        foresee(&hub, &written, args, global, ui).await?;
        ui.status("Nothing was changed (dry run).");
    } else {
        warn_unbound(&hub, args, ui).await;
        if args.count == Some(0) {
            ui.warning(
                "with a count of 0 no cluster is chosen; leave --count out for all that fit",
            );
        }
        ui.hint(&format!(
            "to see what it chooses: `{} get placements {} -n {} --explain{}`",
            program(),
            args.name,
            args.namespace,
            same_cluster(global)
        ));
    }
    Ok(())
}

/// What the hub would decide: computed here, written nowhere.
async fn foresee(
    hub: &Connection,
    object: &DynamicObject,
    args: &Args,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut world = placement::world(hub).await?;
    let explained = placement::explain(&mut world, object)?;
    if args.output.is_none() {
        for line in explained.summary() {
            ui.result_line(&line)?;
        }
        ui.result(&explained.table(false).render())?;
    }
    if let Some(hint) = explained.hint(&same_cluster(global)) {
        ui.hint(&hint);
    }
    Ok(())
}

/// A set that is not bound is no error, it may be bound later; but it is told.
async fn warn_unbound(hub: &Connection, args: &Args, ui: &Ui) {
    // Who may not list bindings is not warned.
    let Ok(bound) = placement::bound_sets(hub, &args.namespace).await else {
        return;
    };
    let missing: Vec<&str> = args
        .clustersets
        .iter()
        .map(String::as_str)
        .filter(|set| !bound.iter().any(|known| known == set))
        .collect();
    if bound.is_empty() && missing.is_empty() {
        ui.warning(&format!(
            "no cluster set is bound to namespace {}: nothing can be chosen before one is",
            args.namespace
        ));
    } else if !missing.is_empty() {
        ui.warning(&format!(
            "not bound to namespace {}: {}; clusters of these sets cannot be chosen before they are",
            args.namespace,
            missing.join(", ")
        ));
    }
}
