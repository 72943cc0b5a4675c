//! `join --hub-context`: with a way to both sides, one command takes a token,
//! joins, and, if asked to, accepts and waits; for one cluster or for many at once.

use std::path::Path;

use futures::StreamExt;
use kube::config::Kubeconfig;
use tokio::time::Instant;

use super::{Args, Via, install_agent};
use crate::cmd::accept;
use crate::cmd::args::GlobalArgs;
use crate::cmd::create::work::plan::is_dns_label;
use crate::cmd::get::token;
use crate::cmd::{deadline, program};
use crate::error::{CommandError, Kind};
use crate::k8s::client::{self, Connection};
use crate::k8s::kubeconfig::{self, KubeconfigError, Places};
use crate::ocm::names;
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// How many clusters are on their way at once.
const CONCURRENCY: usize = 8;

/// What stands for the token in a dry run, which takes none.
const NO_TOKEN: &str = "<token>";

/// One cluster on its way.
struct Newcomer {
    args: Args,
    global: GlobalArgs,
}

/// Runs `join --hub-context`.
///
/// # Errors
/// Wrong flags or contexts before anything is done; else what each cluster that
/// did not come through says.
pub(super) async fn run(
    args: &Args,
    hub_context: &str,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    if !args.accept && !args.marks.is_empty() {
        return Err(CommandError::usage(
            "--labels, --taints and --into-set are set when a cluster is accepted",
        )
        .hint("pass --accept, too"));
    }
    args.marks.check()?;
    let config = load(global.kubeconfig.as_deref())?;
    let named = names_of(&config, args, hub_context, global)?;
    let hub = client::connect_with(config, Some(hub_context)).await?;
    let hub = hub.recorded(global.record.as_ref())?;
    let until = deadline(global.timeout);
    let token = match global.dry_run {
        true => NO_TOKEN.to_owned(),
        false => {
            let token = token::service_account_token(&hub, token::TOKEN_TTL).await?;
            token.text
        }
    };
    let newcomers: Vec<Newcomer> = named
        .into_iter()
        .map(|(context, cluster_name)| Newcomer {
            args: Args {
                hub_token: token.clone(),
                hub_apiserver: hub.url.clone(),
                cluster_name,
                ..args.clone()
            },
            global: GlobalArgs {
                context: Some(context),
                ..global.clone()
            },
        })
        .collect();
    for newcomer in &newcomers {
        super::check(&newcomer.args)?;
        super::agent::check(&newcomer.args)?;
    }
    if let [only] = &newcomers[..] {
        let progress = ui.progress();
        let line = only.onboard(&hub, until, &progress, ui).await?;
        if let Some(line) = line {
            ui.result_line(&line)?;
        }
    } else {
        fleet(&newcomers, &hub, until, ui).await?;
    }
    if !args.accept && !global.dry_run {
        let names: Vec<&str> = newcomers
            .iter()
            .map(|newcomer| newcomer.args.cluster_name.as_str())
            .collect();
        ui.hint(&format!(
            "the hub's admin lets them in with `{} accept --clusters {} --context {hub_context}`; --accept does it at once",
            program(),
            names.join(",")
        ));
    }
    Ok(())
}

/// Many at once: a line for each as it comes through, the errors at the end.
async fn fleet(
    newcomers: &[Newcomer],
    hub: &Connection,
    until: Instant,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut failed: Vec<(usize, CommandError)> = Vec::new();
    {
        let progress = ui.progress();
        let hushed = ui.hushed();
        let (progress, hushed) = (&progress, &hushed);
        let mut results = futures::stream::iter(newcomers.iter().enumerate())
            .map(|(index, newcomer)| async move {
                let name = &newcomer.args.cluster_name;
                let step = progress.step(format!("Onboarding {name}"));
                let result = newcomer.onboard(hub, until, progress, hushed).await;
                if result.is_ok() {
                    step.done();
                }
                (index, result)
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((index, result)) = results.next().await {
            match result {
                Ok(Some(line)) => ui.result_line(&line)?,
                Ok(None) => {}
                Err(error) => failed.push((index, error)),
            }
        }
    }
    failed.sort_by_key(|(index, _)| *index);
    let Some((_, first)) = failed.first() else {
        return Ok(());
    };
    let kind = first.kind();
    let names: Vec<&str> = failed
        .iter()
        .filter_map(|(index, _)| newcomers.get(*index))
        .map(|newcomer| newcomer.args.cluster_name.as_str())
        .collect();
    for ((_, error), name) in failed.iter().zip(&names) {
        ui.failure(&format!("{name}:\n{}", error.render()));
    }
    let summary = format!(
        "{} of {} clusters did not come through: {}",
        failed.len(),
        newcomers.len(),
        names.join(", ")
    );
    Err(CommandError::new(kind, summary)
        .hint("run the same command again when that is mended: clusters that came through stay as they are"))
}

impl Newcomer {
    /// All of it for one cluster; the line that says how far it came, none in a
    /// dry run.
    async fn onboard(
        &self,
        hub: &Connection,
        until: Instant,
        progress: &Progress<'_>,
        ui: &Ui,
    ) -> Result<Option<String>, CommandError> {
        let Self { args, global } = self;
        let name = &args.cluster_name;
        let cluster = install_agent(args, Via::Admin(hub), global, until, ui).await?;
        if global.dry_run {
            if args.accept {
                ui.status(&format!("Would accept {name} on {}.", hub.url));
            }
            return Ok(None);
        }
        let how = match (args.accept, args.wait) {
            (false, false) => "joins the hub, which has to accept it",
            (false, true) => "has registered with the hub, which has to accept it",
            (true, false) => "is accepted by the hub",
            (true, true) => "is accepted by the hub and available",
        };
        if args.accept {
            let accepted = accept::one(hub, name, &args.marks, args.wait, until, progress).await;
            if let Err(error) = accepted {
                // A hub that hears nothing does not know why.
                let (namespace, agent) = (names::OPERATOR_NAMESPACE, names::KLUSTERLET);
                let trouble = match error.kind() {
                    Kind::Timeout => crate::cmd::trouble::of(&cluster, namespace, agent).await,
                    _ => Vec::new(),
                };
                return Err(trouble.into_iter().fold(error, CommandError::hint));
            }
        }
        Ok(Some(format!("{name} {how}")))
    }
}

fn load(path: Option<&Path>) -> Result<Kubeconfig, CommandError> {
    let loaded = kubeconfig::load(&Places::find(path)).map_err(client::ConnectError::from)?;
    Ok(loaded.config)
}

/// The contexts that join, each with the name that its cluster gets.
fn names_of(
    config: &Kubeconfig,
    args: &Args,
    hub_context: &str,
    global: &GlobalArgs,
) -> Result<Vec<(String, String)>, CommandError> {
    let known = |error: KubeconfigError| CommandError::from(client::ConnectError::from(error));
    let contexts: Vec<String> = match &global.context {
        // A context may have a comma in its name.
        Some(text) if kubeconfig::choose(config, Some(text)).is_ok() => vec![text.clone()],
        Some(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        None => {
            let current = kubeconfig::choose(config, None).map_err(known)?.context;
            if current == hub_context {
                return Err(CommandError::usage(
                    "the current context is the hub's: which cluster is to join?",
                )
                .hint("choose it with --context, several with commas between them"));
            }
            vec![current]
        }
    };
    kubeconfig::choose(config, Some(hub_context)).map_err(known)?;
    if contexts.len() > 1 {
        let single = [
            (!args.cluster_name.is_empty(), "--cluster-name"),
            (args.output_file.is_some(), "--output-file"),
            (args.capi.capi_import, "--capi-import"),
            (
                args.managed_cluster_kubeconfig.is_some(),
                "--managed-cluster-kubeconfig",
            ),
            (args.managed_cluster_arn.is_some(), "--managed-cluster-arn"),
        ];
        if let Some((_, flag)) = single.iter().find(|(given, _)| *given) {
            return Err(CommandError::usage(format!(
                "{flag} is for one cluster, --context names {}",
                contexts.len()
            ))
            .hint("of several clusters, each gets the name of its context"));
        }
    } else if args.cluster_name.is_empty() && args.capi.capi_import {
        return Err(CommandError::usage("cluster-name is missing").hint("pass --cluster-name"));
    }
    let mut named: Vec<(String, String)> = Vec::new();
    for context in contexts {
        kubeconfig::choose(config, Some(&context)).map_err(known)?;
        let name = match args.cluster_name.is_empty() {
            true => context.clone(),
            false => args.cluster_name.clone(),
        };
        if !is_dns_label(&name) {
            return Err(CommandError::usage(format!(
                "{name:?} cannot be the name of a cluster"
            ))
            .hint("use at most 63 small letters, digits and dashes, with a letter or digit at both ends")
            .hint(format!("join it by itself, with --context {context:?} and --cluster-name")));
        }
        if named.iter().any(|(other, _)| *other == context) {
            return Err(CommandError::usage(format!(
                "context {context} is named twice"
            )));
        }
        named.push((context, name));
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
        #[command(flatten)]
        global: GlobalArgs,
    }

    fn named(flags: &[&str]) -> Result<Vec<(String, String)>, CommandError> {
        let line = Line::parse_from([&["x", "--hub-context=hub", "--accept"], flags].concat());
        let context = |name: &str| serde_json::json!({"name": name, "context": {"cluster": "c", "user": "u"}});
        let contexts = ["hub", "a", "b", "x,y", "arn:aws:eks"].map(context);
        let config = serde_json::from_value(serde_json::json!({
            "clusters": [{"name": "c", "cluster": {"server": "https://c"}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": contexts,
            "current-context": "hub",
        }))
        .unwrap();
        names_of(&config, &line.args, "hub", &line.global)
    }

    fn pair(context: &str, name: &str) -> (String, String) {
        (context.to_owned(), name.to_owned())
    }

    #[test]
    fn clusters_are_named_by_context_unless_one_is_named() {
        assert_eq!(
            named(&["--context=a,b"]).unwrap(),
            [pair("a", "a"), pair("b", "b")]
        );
        assert_eq!(
            named(&["--context=arn:aws:eks", "--cluster-name=c1"]).unwrap(),
            [pair("arn:aws:eks", "c1")]
        );
        assert_eq!(
            named(&["--context=x,y", "--cluster-name=c1"]).unwrap(),
            [pair("x,y", "c1")]
        );
    }

    #[test]
    fn what_cannot_be_meant_is_told_before_anything_is_done() {
        for (flags, part) in [
            (
                &["--context=a,b", "--cluster-name=c"][..],
                "for one cluster",
            ),
            (&["--context=a,b", "--output-file=f"], "for one cluster"),
            (&["--context=a,a"], "named twice"),
            (&["--context=arn:aws:eks"], "cannot be the name"),
            (&["--context=a,none"], "none"),
            (&["--context=a,"], ""),
            (&[], "the current context is the hub's"),
        ] {
            let error = named(flags).unwrap_err().render();
            assert!(error.contains(part), "{flags:?}: {error}");
        }
    }
}
