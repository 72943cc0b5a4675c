//! `ocmadm install hub-addon` and `uninstall hub-addon`: add-ons of the hub. Some are
//! Helm charts of other projects ([`helm`]); the policy framework is built in
//! ([`policy`]).

mod helm;
mod policy;

use std::path::PathBuf;

use kube::ResourceExt;
use kube::api::ListParams;

use self::helm::Chart;
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::cmd::images::BundleArgs;
use crate::cmd::{connect, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::ocm::names;
use crate::ui::Ui;

/// Where the charts are.
const CHARTS: &str = "https://open-cluster-management.io/helm-charts";

/// Arguments of `ocmadm install`.
#[derive(clap::Args, Clone, Debug)]
pub struct InstallArgs {
    /// What to install.
    #[command(subcommand)]
    command: Install,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Install {
    /// Install add-ons for the hub
    HubAddon(InstallHubAddonArgs),
}

/// Arguments of `ocmadm uninstall`.
#[derive(clap::Args, Clone, Debug)]
pub struct UninstallArgs {
    /// What to uninstall.
    #[command(subcommand)]
    command: Uninstall,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Uninstall {
    /// Take add-ons off the hub
    HubAddon(UninstallHubAddonArgs),
}

#[derive(clap::Args, Clone, Debug)]
struct UninstallHubAddonArgs {
    /// The add-ons: argocd, argocd-agent, governance-policy-framework
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', required = true)]
    names: Vec<String>,

    /// Namespace of what is built in (governance-policy-framework)
    #[arg(long, value_name = "NAMESPACE", default_value = names::OPERATOR_NAMESPACE)]
    namespace: String,
}

#[derive(clap::Args, Clone, Debug)]
struct InstallHubAddonArgs {
    /// The add-ons: argocd, argocd-agent, governance-policy-framework
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', required = true)]
    names: Vec<String>,

    /// Create the add-on's namespace
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    create_namespace: bool,

    /// Repository of the charts (argocd, argocd-agent), or a folder that holds them
    #[arg(long, value_name = "URL|FOLDER", default_value = CHARTS)]
    repository: String,

    /// Namespace of what is built in (governance-policy-framework)
    #[arg(long, value_name = "NAMESPACE", default_value = names::OPERATOR_NAMESPACE)]
    namespace: String,

    /// Write the manifests of what is built in to this file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output_file: Option<PathBuf>,

    /// Registry of the images of what is built in [default: quay.io/open-cluster-management]
    #[arg(long, value_name = "REGISTRY")]
    image_registry: Option<String>,

    #[command(flatten)]
    bundle: BundleArgs,
}

/// An add-on of the hub.
struct Known {
    name: &'static str,
    /// The add-on of clusters that comes with it.
    addon: &'static str,
    /// Its chart; the others are built in.
    chart: Option<Chart>,
}

const KNOWN: [Known; 3] = [
    Known {
        name: "argocd",
        addon: "argocd-pull-integration",
        chart: Some(Chart {
            name: "argocd-pull-integration",
            namespace: "argocd",
        }),
    },
    Known {
        name: "argocd-agent",
        addon: "argocd-agent-addon",
        chart: Some(Chart {
            name: "argocd-agent-addon",
            namespace: "argocd",
        }),
    },
    Known {
        name: policy::NAME,
        addon: "config-policy-controller",
        chart: None,
    },
];

fn chosen(names: &[String]) -> Result<Vec<&'static Known>, CommandError> {
    let mut chosen: Vec<&Known> = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        let known = KNOWN.iter().find(|known| known.name == name);
        let known = known.ok_or_else(|| {
            CommandError::usage(format!("invalid add-on name {name}")).hint(format!(
                "add-ons are: {}",
                KNOWN.map(|known| known.name).join(", ")
            ))
        })?;
        if !chosen.iter().any(|one| one.name == known.name) {
            chosen.push(known);
        }
    }
    Ok(chosen)
}

/// Runs `ocmadm install hub-addon`.
///
/// # Errors
/// An unknown add-on or version, no hub, no Helm, or what Helm or the hub says.
pub async fn install(args: &InstallArgs, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let Install::HubAddon(args) = &args.command;
    let chosen = chosen(&args.names)?;
    policy::check(args)?;
    let hub = hub_only(global).await?;
    for addon in &chosen {
        match addon.chart {
            Some(chart) => {
                let create = args.create_namespace;
                chart.install(&args.repository, create, global, ui).await?;
            }
            None => policy::install(args, &hub, global, ui).await?,
        }
        if !global.dry_run {
            ui.result_line(&format!("{} is installed on the hub", addon.name))?;
        }
    }
    let built_in = chosen.iter().any(|addon| addon.chart.is_none());
    let names = match built_in {
        true => "governance-policy-framework,config-policy-controller",
        false => "NAME",
    };
    ui.hint(&format!(
        "`{} addon enable --names {names} --clusters CLUSTER{}` brings an add-on to a cluster",
        program(),
        same_cluster(global)
    ));
    Ok(())
}

/// Runs `ocmadm uninstall hub-addon`.
///
/// # Errors
/// An add-on that clusters still have, or what Helm or the hub says.
pub async fn uninstall(
    args: &UninstallArgs,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let Uninstall::HubAddon(args) = &args.command;
    let chosen = chosen(&args.names)?;
    let hub = connect(global).await?;
    let api = resources::all(&hub.client, &resources::managed_cluster_addon());
    let enabled = match hub.call(api.list(&ListParams::default())).await {
        Ok(enabled) => enabled.items,
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => Vec::new(),
        Err(error) => {
            return Err(crate::cmd::explain::server_error(
                error,
                "list the clusters' add-ons",
            ));
        }
    };
    for addon in &chosen {
        let of_it = |name: &str| name == addon.addon || name == addon.name;
        let users: Vec<_> = enabled
            .iter()
            .filter(|one| of_it(&one.name_any()))
            .collect();
        let mut clusters: Vec<_> = users.iter().filter_map(|one| one.namespace()).collect();
        let mut names: Vec<_> = users.iter().map(|one| one.name_any()).collect();
        for list in [&mut clusters, &mut names] {
            list.sort();
            list.dedup();
        }
        if !clusters.is_empty() {
            return Err(CommandError::user(format!(
                "there are still addons for {} enabled on some clusters: {}",
                addon.name,
                clusters.join(", ")
            ))
            .hint(format!(
                "`{} addon disable --names {} --clusters {}{}`",
                program(),
                names.join(","),
                clusters.join(","),
                same_cluster(global)
            )));
        }
    }
    for addon in &chosen {
        match addon.chart {
            Some(chart) => chart.uninstall(global, ui).await?,
            None => policy::uninstall(&args.namespace, &hub, global, ui).await?,
        }
        if !global.dry_run {
            ui.result_line(&format!("{} is taken off the hub", addon.name))?;
        }
    }
    Ok(())
}

/// Add-ons of a hub need one.
async fn hub_only(global: &GlobalArgs) -> Result<Connection, CommandError> {
    let hub = connect(global).await?;
    let api = resources::all(&hub.client, &resources::managed_cluster());
    hub.call(api.list(&ListParams::default().limit(1)))
        .await
        .doing("look at the hub")?;
    Ok(hub)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_add_ons_are_named_with_the_known_ones() {
        let chosen = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let chosen = chosen(&names)?;
            Ok::<_, CommandError>(chosen.iter().map(|known| known.name).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&[" argocd", "argocd"]).unwrap(), ["argocd"]);
        let error = chosen(&["argo"]).unwrap_err();
        assert_eq!(error.message(), "invalid add-on name argo");
        assert_eq!(
            error.hints(),
            ["add-ons are: argocd, argocd-agent, governance-policy-framework"]
        );
    }
}
