//! `ocmadm create work`: manifests into a ManifestWork in the namespace of
//! every cluster chosen.

mod fetch;
mod kustomize;
pub mod plan;
mod prune;
mod send;
mod set;
mod sources;
mod unwrap;
mod wait;

use futures::StreamExt;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch};
use kube::core::DynamicObject;
use serde_json::{Map, Value, json};

use crate::cmd::args::{Chosen, ClustersArgs, GlobalArgs};
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::{Doing, server_error};
use crate::cmd::get::clusters::require_names;
use crate::cmd::{CONCURRENCY, connect, diff, program, resources, same_cluster};
use crate::error::{CommandError, Kind};
use crate::k8s::client::Connection;
use crate::k8s::yaml::Manifest;
use crate::ocm::names;
use crate::ui::{OutputFormat, Ui, format};

/// Arguments of `ocmadm create work`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The work's name
    #[arg(value_name = "NAME")]
    name: String,

    /// Files, folders, quoted patterns, http(s) addresses or - (standard input), separated by commas (repeatable)
    #[arg(long, short, value_name = "FILE,...", value_delimiter = ',', value_hint = clap::ValueHint::AnyPath)]
    filename: Vec<String>,

    #[command(flatten)]
    clusters: ClustersArgs,

    /// Send to the clusters that a placement has chosen
    #[arg(long, value_name = "NAMESPACE/NAME", conflicts_with_all = ["clusters", "clusterset", "selector", "all"])]
    placement: Option<String>,

    /// Folder with a kustomization to build (with kubectl) instead of -f
    #[arg(long, short = 'k', value_name = "DIR", conflicts_with = "filename", value_hint = clap::ValueHint::DirPath)]
    kustomize: Option<String>,

    /// Send what a ManifestWork among the manifests holds, not the ManifestWork itself
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    unwrap: bool,

    /// Make a ManifestWorkReplicaSet that follows the placement
    #[arg(long, short = 'r')]
    replicaset: bool,

    /// Change works that exist already; the difference is shown first
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    confirm: ConfirmArgs,

    /// Search folders below folders too
    #[arg(
        long,
        short = 'R',
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    recursive: bool,

    /// Namespace for manifests of namespaced kinds that name none
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    namespace: String,

    /// Service account on the managed cluster to apply as
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = parse_pair)]
    executor: Option<(String, String)>,

    /// Wait until everything is applied and available
    #[arg(long)]
    wait: bool,

    /// Print the works instead of a line each: json, yaml or name
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<OutputFormat>,
}

/// `namespace/name` on the command line.
///
/// # Errors
/// It is written otherwise.
pub fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name))
            if !namespace.is_empty() && !name.is_empty() && !name.contains('/') =>
        {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("write it as namespace/name".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// Anything wrong with the input (all of it is told), unknown clusters, works
/// that exist and differ, no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let input = read(args, ui).await?;
    let hub = connect(global).await?;
    if args.replicaset {
        let executor = args.executor.as_ref();
        let executor = executor.map(|(namespace, name)| (namespace.as_str(), name.as_str()));
        let mut template = plan::work(&args.name, "", &input.manifests, executor);
        input.complete(&mut template);
        return set::run(args, &hub, &template, global, ui).await;
    }
    let clusters = clusters(args, &hub).await?;
    let job = Job {
        hub: &hub,
        args,
        input: &input,
        dry_run: global.dry_run,
    };
    let plan = job.plan(&clusters, ui).await?;
    job.ask(&plan, global, ui)?;
    let done = job.carry_out(plan, ui).await?;
    if args.wait && !global.dry_run {
        job.wait(&clusters, global, ui).await?;
    }
    if let Some(output) = args.output {
        let resource = resources::manifest_work();
        let values: Vec<Value> = done
            .iter()
            .map(|work| resources::printable(work, &resource))
            .collect();
        ui.result(&format::objects(
            output,
            &values,
            true,
            resources::resource_name,
        )?)?;
    }
    if global.dry_run {
        ui.status("Nothing was changed (dry run).");
    } else {
        ui.hint(&format!(
            "to see what happens: `{} get works {} --clusters {}{}`",
            program(),
            args.name,
            clusters.join(","),
            same_cluster(global)
        ));
    }
    Ok(())
}

/// Everything that can be known to be wrong before the hub is asked.
async fn read(args: &Args, ui: &Ui) -> Result<Input, CommandError> {
    if !plan::is_dns_subdomain(&args.name) {
        return Err(
            CommandError::usage(format!("{:?} cannot be the name of a work", args.name)).hint(
                "use small letters, digits, - and . only, with a letter or digit at both ends",
            ),
        );
    }
    if args.name.len() > names::LONGEST_WORK_NAME {
        return Err(CommandError::usage(format!(
            "the name of the work has {} characters",
            args.name.len()
        ))
        .hint(format!(
            "agents keep a record of names with up to {} characters: choose a shorter one",
            names::LONGEST_WORK_NAME
        )));
    }
    if args.replicaset && args.placement.is_none() {
        return Err(CommandError::usage(
            "a replica set follows a placement: pass --placement NAMESPACE/NAME",
        ));
    }
    if args.clusters.choice().is_empty() && args.placement.is_none() {
        return Err(CommandError::usage(
            "which clusters? Pass --clusters NAME,..., --clusterset SET, -l LABELS, --all or --placement NAMESPACE/NAME",
        )
        .hint(format!("`{} get clusters` lists them", program())));
    }
    let mut found = match (&args.kustomize, args.filename.is_empty()) {
        (Some(folder), _) => kustomize::read(folder).await?,
        (None, false) => sources::read(&args.filename, args.recursive).await?,
        (None, true) => {
            return Err(CommandError::usage("which manifests?").hint(
                "pass -f with files, folders, or - for standard input, or -k with a folder for kustomize",
            ));
        }
    };
    let settings = match args.unwrap {
        true => unwrap::works(&mut found, ui)?,
        false => Map::new(),
    };
    Ok(Input {
        manifests: checked(found, &args.namespace, ui)?,
        settings,
    })
}

/// What is sent.
struct Input {
    manifests: Vec<Value>,
    /// Fields of the spec that a ManifestWork given as input has besides its manifests.
    settings: Map<String, Value>,
}

impl Input {
    /// Adds the settings; what flags say stays.
    fn complete(&self, work: &mut Value) {
        for (key, value) in &self.settings {
            if work["spec"].get(key).is_none() {
                work["spec"][key] = value.clone();
            }
        }
    }
}

/// The manifests that `-f` names, checked; those that name no namespace are
/// for `namespace`.
///
/// # Errors
/// What cannot be read, is no manifest, stands twice, or is too much for a work.
pub async fn manifests(
    filename: &[String],
    recursive: bool,
    namespace: &str,
    ui: &Ui,
) -> Result<Vec<Value>, CommandError> {
    checked(sources::read(filename, recursive).await?, namespace, ui)
}

fn checked(manifests: Vec<Manifest>, namespace: &str, ui: &Ui) -> Result<Vec<Value>, CommandError> {
    let checked = plan::check(manifests, namespace).map_err(|errors| {
        let mut lines = errors.into_iter();
        let first = lines.next().unwrap_or_default();
        let rest: String = lines.map(|line| format!("\n       {line}")).collect();
        let hint = first
            .contains("a work may hold")
            .then_some("split the manifests into several works");
        CommandError::user(format!("{first}{rest}")).hint_if(hint)
    })?;
    for note in &checked.notes {
        ui.warning(note);
    }
    Ok(checked.objects)
}

/// The clusters to send to; each is known to the hub and accepted.
async fn clusters(args: &Args, hub: &Connection) -> Result<Vec<String>, CommandError> {
    let Chosen {
        names,
        clusters: found,
    } = match &args.placement {
        Some(placement) => {
            let names = chosen(placement, hub).await?;
            let clusters = require_names(hub, &names).await?;
            Chosen { names, clusters }
        }
        None => args.clusters.choice().find(hub).await?,
    };
    let refused: Vec<String> = found
        .iter()
        .filter(|cluster| {
            cluster.data.pointer("/spec/hubAcceptsClient") != Some(&Value::Bool(true))
        })
        .map(ResourceExt::name_any)
        .collect();
    if !refused.is_empty() {
        let refused = refused.join(",");
        return Err(
            CommandError::user(format!("not accepted by the hub yet: {refused}"))
                .hint(format!("`{} accept --clusters {refused}`", program())),
        );
    }
    Ok(names)
}

/// The clusters that a placement has chosen, ordered by name.
async fn chosen(placement: &str, hub: &Connection) -> Result<Vec<String>, CommandError> {
    let (namespace, name) = parse_pair(placement).map_err(|_| {
        CommandError::usage(format!(
            "the name of the placement {placement} must be in the format of <namespace>/<name>"
        ))
    })?;
    let placements = resources::within(&hub.client, &resources::placement(), &namespace);
    let found = hub
        .call_opt(placements.get(&name))
        .await
        .doing(&format!("read placement {placement}"))?;
    if found.is_none() {
        return Err(
            CommandError::user(format!("there is no placement {placement}"))
                .hint(format!("`{} get placements` lists them", program())),
        );
    }
    let label = format!("cluster.open-cluster-management.io/placement={name}");
    let decisions = resources::within(&hub.client, &resources::placement_decision(), &namespace);
    let decisions = hub
        .call(decisions.list(&ListParams::default().labels(&label)))
        .await
        .doing(&format!("read the decisions of placement {placement}"))?;
    let mut names: Vec<String> = decisions
        .items
        .iter()
        .filter_map(|decision| decision.data.pointer("/status/decisions")?.as_array())
        .flatten()
        .filter_map(|decision| Some(decision["clusterName"].as_str()?.to_owned()))
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(
            CommandError::user(format!("placement {placement} has chosen no clusters")).hint(
                format!(
                    "to see why: `{} get placements {name} --namespace {namespace} --explain`",
                    program()
                ),
            ),
        );
    }
    Ok(names)
}

/// What to do in one cluster.
enum Action {
    Create,
    Update,
    Unchanged(Box<DynamicObject>),
    /// It was put there by the same placement, which chooses the cluster no more.
    Delete,
}

struct Job<'a> {
    hub: &'a Connection,
    args: &'a Args,
    input: &'a Input,
    dry_run: bool,
}

impl Job<'_> {
    fn body(&self, cluster: &str) -> Value {
        let executor = self.args.executor.as_ref();
        let mut body = plan::work(
            &self.args.name,
            cluster,
            &self.input.manifests,
            executor.map(|(namespace, name)| (namespace.as_str(), name.as_str())),
        );
        self.input.complete(&mut body);
        if let Some(value) = self.mark() {
            body["metadata"]["labels"] = json!({names::LABEL_PUT_BY_PLACEMENT: value});
        }
        body
    }

    /// The mark of works that follow a placement, if these do.
    fn mark(&self) -> Option<String> {
        self.args.placement.as_deref().map(prune::mark)
    }

    /// Looks at every cluster before anything is changed in one.
    async fn plan(
        &self,
        clusters: &[String],
        ui: &Ui,
    ) -> Result<Vec<(String, Action)>, CommandError> {
        let name = &self.args.name;
        let resource = resources::manifest_work();
        let mut looks = futures::stream::iter(clusters)
            .map(|cluster| {
                let api = resources::within(&self.hub.client, &resource, cluster);
                async move {
                    let found = self.hub.call_opt(api.get(name)).await;
                    (cluster, found)
                }
            })
            .buffered(CONCURRENCY);
        let mut plan = Vec::new();
        let mut differing: Vec<(&str, String)> = Vec::new();
        while let Some((cluster, found)) = looks.next().await {
            let found = found.doing(&format!("read work {name} in cluster {cluster}"))?;
            let action = match found {
                None => Action::Create,
                Some(work) if work.metadata.deletion_timestamp.is_some() => {
                    return Err(CommandError::user(format!(
                        "work {name} in cluster {cluster} is still being deleted"
                    ))
                    .hint(format!(
                        "wait for it: `{} delete work {name} --clusters {cluster}`",
                        program()
                    )));
                }
                Some(work) if self.is_as_wanted(&work, cluster) => {
                    Action::Unchanged(Box::new(work))
                }
                Some(work) => {
                    differing.push((cluster, self.difference(&work)));
                    Action::Update
                }
            };
            plan.push((cluster.clone(), action));
        }
        drop(looks);
        let stray = self.stray(clusters).await?;
        if !differing.is_empty() {
            self.show_differences(&differing, ui);
            if !self.args.overwrite {
                for (cluster, _) in &differing {
                    ui.result_line(&format!("work {name} in cluster {cluster} already exists"))?;
                }
                return Err(CommandError::user(format!(
                    "work {name} exists with other content in {} of {} clusters, nothing was changed",
                    differing.len(),
                    clusters.len()
                ))
                .hint("pass --overwrite to change it"));
            }
        }
        if !stray.is_empty() {
            let stray = stray.join(", ");
            match self.args.overwrite {
                true => ui.status(&format!("The placement has left {stray}: work {name} goes from there.")),
                false => ui.warning(&format!(
                    "work {name} is still in {stray}, which the placement has left; --overwrite deletes it there"
                )),
            }
        }
        if self.args.overwrite {
            plan.extend(stray.into_iter().map(|cluster| (cluster, Action::Delete)));
        }
        Ok(plan)
    }

    /// A person is asked before what is there is changed or goes.
    fn ask(
        &self,
        plan: &[(String, Action)],
        global: &GlobalArgs,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let count =
            |wanted: fn(&Action) -> bool| plan.iter().filter(|(_, action)| wanted(action)).count();
        let changed = count(|action| matches!(action, Action::Update));
        let deleted = count(|action| matches!(action, Action::Delete));
        let name = &self.args.name;
        let question = match (changed, deleted) {
            (0, 0) => return Ok(()),
            (_, 0) => format!(
                "Change work {name} in {changed} of {} clusters?",
                plan.len()
            ),
            (0, _) => format!("Delete work {name} in {deleted} clusters?"),
            _ => format!("Change work {name} in {changed} clusters, and delete it in {deleted}?"),
        };
        self.args.confirm.ask(global, ui, &question)
    }

    /// Clusters that the placement has left, with this work in them.
    async fn stray(&self, clusters: &[String]) -> Result<Vec<String>, CommandError> {
        match self.mark() {
            Some(mark) => prune::stray(self.hub, &self.args.name, &mark, clusters).await,
            None => Ok(Vec::new()),
        }
    }

    fn is_as_wanted(&self, work: &DynamicObject, cluster: &str) -> bool {
        let wanted = self.body(cluster);
        let same = |pointer: &str| work.data.pointer(pointer) == wanted.pointer(pointer);
        let marked = || {
            let mark = work.labels().get(names::LABEL_PUT_BY_PLACEMENT);
            mark == self.mark().as_ref()
        };
        same("/spec/workload/manifests")
            && (self.args.executor.is_none() || same("/spec/executor"))
            && self
                .input
                .settings
                .keys()
                .all(|key| same(&format!("/spec/{key}")))
            && (!self.args.overwrite || self.args.placement.is_none() || marked())
    }

    fn difference(&self, work: &DynamicObject) -> String {
        let before = work
            .data
            .pointer("/spec/workload/manifests")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        diff::manifests(before, &self.input.manifests)
    }

    /// Equal differences are shown once, with the clusters they are in.
    fn show_differences(&self, differing: &[(&str, String)], ui: &Ui) {
        let mut shown: Vec<&str> = Vec::new();
        for (_, text) in differing {
            if shown.contains(&text.as_str()) {
                continue;
            }
            shown.push(text);
            let clusters: Vec<&str> = differing
                .iter()
                .filter(|(_, other)| other == text)
                .map(|(cluster, _)| *cluster)
                .collect();
            ui.status(&format!(
                "Work {} differs in {}:",
                self.args.name,
                clusters.join(", ")
            ));
            if text.is_empty() {
                ui.status("  (the same manifests in another order, or another executor)");
            }
            diff::print(text, ui);
        }
    }

    /// Does it, concurrently; a line for every cluster, in their order.
    async fn carry_out(
        &self,
        plan: Vec<(String, Action)>,
        ui: &Ui,
    ) -> Result<Vec<DynamicObject>, CommandError> {
        let name = &self.args.name;
        let asked = plan.len();
        let mut steps = futures::stream::iter(plan)
            .map(|(cluster, action)| async move {
                let result = self.act(&cluster, action).await;
                (cluster, result)
            })
            .buffered(CONCURRENCY);
        let mut done = Vec::with_capacity(asked);
        let mut failed: Vec<(String, CommandError)> = Vec::new();
        while let Some((cluster, result)) = steps.next().await {
            match result {
                Ok((line, work)) => {
                    if self.args.output.is_none() {
                        ui.result_line(&line)?;
                    }
                    done.extend(work);
                }
                Err(error) => failed.push((cluster, error)),
            }
        }
        match failed.len() {
            0 => Ok(done),
            1 if asked == 1 => Err(failed.remove(0).1),
            count => {
                for (_, error) in &failed {
                    ui.failure(&error.render());
                }
                let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
                Err(CommandError::new(
                    failed.first().map_or(Kind::User, |(_, error)| error.kind()),
                    format!(
                        "work {name}: {count} of {asked} clusters failed: {}",
                        names.join(", ")
                    ),
                ))
            }
        }
    }

    async fn act(
        &self,
        cluster: &str,
        action: Action,
    ) -> Result<(String, Option<DynamicObject>), CommandError> {
        let name = &self.args.name;
        let api = resources::within(&self.hub.client, &resources::manifest_work(), cluster);
        match action {
            Action::Unchanged(work) => {
                let line = format!("work {name} in cluster {cluster} unchanged");
                Ok((line, Some(*work)))
            }
            Action::Delete => {
                let doing = format!("delete work {name} in cluster {cluster}");
                let params = DeleteParams {
                    dry_run: self.dry_run,
                    ..DeleteParams::default()
                };
                self.hub
                    .call_opt(api.delete(name, &params))
                    .await
                    .doing(&doing)?;
                Ok((doing, None))
            }
            Action::Create => {
                let doing = format!("create work {name} in cluster {cluster}");
                let body: DynamicObject =
                    serde_json::from_value(self.body(cluster)).map_err(|error| {
                        CommandError::internal("a work could not be built").because(error)
                    })?;
                let params = resources::posting(self.dry_run);
                let sent = send::patiently(self.hub, || api.create(&params, &body)).await;
                let work = sent.map_err(|error| server_error(error, &doing))?;
                Ok((doing, Some(work)))
            }
            Action::Update => {
                let doing = format!("update work {name} in cluster {cluster}");
                let wanted = self.body(cluster);
                let params = resources::patching(self.dry_run);
                let mut patch = json!({"spec": wanted["spec"]});
                if let Some(mark) = self.mark() {
                    patch["metadata"]["labels"] = json!({names::LABEL_PUT_BY_PLACEMENT: mark});
                }
                let patch = Patch::Merge(patch);
                let sent = send::patiently(self.hub, || api.patch(name, &params, &patch)).await;
                let work = sent.map_err(|error| server_error(error, &doing))?;
                Ok((doing, Some(work)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_two_parts() {
        assert_eq!(parse_pair("a/b"), Ok(("a".to_owned(), "b".to_owned())));
        for wrong in ["a", "/b", "a/", "a/b/c"] {
            assert!(parse_pair(wrong).is_err(), "{wrong}");
        }
    }
}
