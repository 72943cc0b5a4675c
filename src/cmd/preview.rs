//! `--dry-run=server` of what installs many objects: the server checks each that
//! it can check now, and what would change is shown. What needs objects that are
//! not there yet is named, not passed off as checked.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::cmd::explain::{Doing, apply_error};
use crate::cmd::install::{self, FIELD_MANAGER};
use crate::cmd::{CONCURRENCY, diff};
use crate::error::CommandError;
use crate::k8s::apply::{Applier, ApplyError, ObjectRef, Outcome};
use crate::k8s::client::Connection;
use crate::k8s::discovery::Discovery;
use crate::ui::Ui;

/// What came of an object.
enum Checked {
    /// It would be made, or changed like this.
    Would(Outcome, String),
    /// It needs something first.
    Needs(String),
}

/// Shows what applying these objects would do, as far as the server can say.
///
/// # Errors
/// What the server refuses: the first error, the others are told before.
pub async fn preview(
    cluster: &Connection,
    objects: &[DynamicObject],
    what: &str,
    ui: &Ui,
) -> Result<(), CommandError> {
    install::dry_run_note(ui);
    let missing = missing_namespaces(cluster, objects).await?;
    let applier = Applier::new(
        cluster.client.clone(),
        Discovery::new(cluster.client.clone()),
        FIELD_MANAGER,
    )
    .dry_run(true);
    let mut results = futures::stream::iter(objects)
        .map(|object| {
            let (applier, missing) = (&applier, &missing);
            async move { (ObjectRef::of(object), check(applier, object, missing).await) }
        })
        .buffered(CONCURRENCY);
    let mut failed: Vec<CommandError> = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    while let Some((object, result)) = results.next().await {
        let word = match result {
            Ok(Checked::Would(outcome, diff)) => {
                ui.result_line(&format!("{object} would be {outcome}"))?;
                ui.result(&diff)?;
                outcome.as_str()
            }
            Ok(Checked::Needs(first)) => {
                ui.result_line(&format!("{object} would be created; not checked: {first}"))?;
                "not checked"
            }
            Err(error) => {
                failed.push(apply_error(cluster, error, &format!("install {what}")));
                "refused"
            }
        };
        *counts.entry(word).or_default() += 1;
    }
    drop(results);
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    ui.status(&format!("{} (server dry run)", counts.join(", ")));
    let Some(last) = failed.pop() else {
        return Ok(());
    };
    for error in &failed {
        ui.failure(&error.render());
    }
    Err(last)
}

async fn check(
    applier: &Applier,
    object: &DynamicObject,
    missing: &BTreeSet<String>,
) -> Result<Checked, ApplyError> {
    if let Some(namespace) = &object.metadata.namespace
        && missing.contains(namespace)
    {
        return Ok(Checked::Needs(format!(
            "its namespace {namespace} is not there yet"
        )));
    }
    let applied = match applier.apply_one(object).await {
        Err(ApplyError::Discovery { source, .. }) if source.is_unknown_kind() => {
            return Ok(Checked::Needs("its definition is not there yet".to_owned()));
        }
        applied => applied?,
    };
    let shown = |object: &DynamicObject| {
        let mut value = serde_json::to_value(object).unwrap_or_default();
        plain(&mut value);
        value
    };
    let changes = match (&applied.outcome, &applied.before) {
        (Outcome::Configured, Some(before)) => {
            diff::manifests(&[shown(before)], &[shown(&applied.live)])
        }
        _ => String::new(),
    };
    Ok(Checked::Would(applied.outcome, changes))
}

/// Without what the server keeps for itself.
fn plain(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = value["metadata"].as_object_mut() {
        for key in [
            "managedFields",
            "resourceVersion",
            "generation",
            "uid",
            "creationTimestamp",
        ] {
            metadata.remove(key);
        }
    }
}

/// Namespaces that the objects are in, and that are not there.
async fn missing_namespaces(
    cluster: &Connection,
    objects: &[DynamicObject],
) -> Result<BTreeSet<String>, CommandError> {
    let named: BTreeSet<&String> = objects
        .iter()
        .filter_map(|object| object.metadata.namespace.as_ref())
        .collect();
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let mut missing = BTreeSet::new();
    for name in named {
        let found = cluster.call_opt(api.get(name)).await;
        if found.doing(&format!("read namespace {name}"))?.is_none() {
            missing.insert(name.clone());
        }
    }
    Ok(missing)
}
