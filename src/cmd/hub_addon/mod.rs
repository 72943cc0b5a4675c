//! `ocmadm install hub-addon` and `uninstall hub-addon`: add-ons that other
//! projects publish as Helm charts. Helm itself installs them, on the cluster that
//! this command's own flags name.

use std::io;
use std::process::Stdio;

use kube::ResourceExt;
use kube::api::ListParams;
use tokio::process::Command as Process;

use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::cmd::{connect, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::Failure;
use crate::ui::Ui;

/// Arguments of `ocmadm install`.
#[derive(clap::Args, Clone, Debug)]
pub struct InstallArgs {
    /// What to install.
    #[command(subcommand)]
    command: Install,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Install {
    /// Install add-ons for the hub, with Helm
    HubAddon(Args),
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
    /// Take add-ons off the hub, with Helm
    HubAddon(UninstallHubAddonArgs),
}

#[derive(clap::Args, Clone, Debug)]
struct UninstallHubAddonArgs {
    /// The add-ons: argocd, argocd-agent
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', required = true)]
    names: Vec<String>,
}

#[derive(clap::Args, Clone, Debug)]
struct Args {
    /// The add-ons: argocd, argocd-agent
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

    /// Repository of the charts
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://open-cluster-management.io/helm-charts"
    )]
    repository: String,
}

/// An add-on: its name, its chart (also the release), its namespace, and the
/// add-on of clusters that comes with it.
struct Known {
    name: &'static str,
    chart: &'static str,
    namespace: &'static str,
}

const KNOWN: [Known; 2] = [
    Known {
        name: "argocd",
        chart: "argocd-pull-integration",
        namespace: "argocd",
    },
    Known {
        name: "argocd-agent",
        chart: "argocd-agent-addon",
        namespace: "argocd",
    },
];

fn chosen(names: &[String]) -> Result<Vec<&'static Known>, CommandError> {
    names
        .iter()
        .map(|name| name.trim())
        .map(|name| {
            KNOWN.iter().find(|known| known.name == name).ok_or_else(|| {
                let error = CommandError::usage(format!("invalid add-on name {name}"));
                match name {
                    "governance-policy-framework" => error.hint(
                        "the policy framework is not installed by this program; its own chart does: \
                         https://open-cluster-management.io/docs/getting-started/integration/policy-controllers",
                    ),
                    _ => error.hint(format!(
                        "add-ons are: {}",
                        KNOWN.map(|known| known.name).join(", ")
                    )),
                }
            })
        })
        .collect()
}

/// Runs `ocmadm install hub-addon`.
///
/// # Errors
/// An unknown add-on, no hub, no Helm, or what Helm says.
pub async fn install(args: &InstallArgs, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let Install::HubAddon(args) = &args.command;
    let chosen = chosen(&args.names)?;
    hub_only(global).await?;
    for addon in &chosen {
        let mut helm = vec![
            "upgrade",
            "--install",
            addon.chart,
            addon.chart,
            "--repo",
            &args.repository,
            "--namespace",
            addon.namespace,
        ];
        if args.create_namespace {
            helm.push("--create-namespace");
        }
        run(&helm, global, ui).await?;
        if !global.dry_run {
            ui.result_line(&format!("{} is installed on the hub", addon.name))?;
        }
    }
    ui.hint(&format!(
        "`{} addon enable --names NAME --clusters CLUSTER{}` brings an add-on to a cluster",
        program(),
        same_cluster(global)
    ));
    Ok(())
}

/// Runs `ocmadm uninstall hub-addon`.
///
/// # Errors
/// An add-on that clusters still have, or what Helm says.
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
        let users: Vec<String> = enabled
            .iter()
            .filter(|one| one.name_any() == addon.chart || one.name_any() == addon.name)
            .filter_map(ResourceExt::namespace)
            .collect();
        if !users.is_empty() {
            return Err(CommandError::user(format!(
                "there are still addons for {} enabled on some clusters: {}",
                addon.name,
                users.join(", ")
            ))
            .hint(format!(
                "`{} addon disable --names {} --clusters {}{}`",
                program(),
                addon.name,
                users.join(","),
                same_cluster(global)
            )));
        }
    }
    for addon in &chosen {
        let helm = [
            "uninstall",
            addon.chart,
            "--namespace",
            addon.namespace,
            "--ignore-not-found",
        ];
        run(&helm, global, ui).await?;
        if !global.dry_run {
            ui.result_line(&format!("{} is taken off the hub", addon.name))?;
        }
    }
    Ok(())
}

/// Add-ons of a hub need one.
async fn hub_only(global: &GlobalArgs) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let api = resources::all(&hub.client, &resources::managed_cluster());
    hub.call(api.list(&ListParams::default().limit(1)))
        .await
        .doing("look at the hub")?;
    Ok(())
}

/// Runs Helm on the cluster that the flags name; what it says goes to stderr.
async fn run(args: &[&str], global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let mut helm = Process::new("helm");
    helm.args(args);
    // What the environment says of another cluster is not for this command.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("HELM_KUBE") || text == "HELM_NAMESPACE" {
            helm.env_remove(&name);
        }
    }
    if let Some(path) = &global.kubeconfig {
        helm.arg("--kubeconfig").arg(path);
    }
    if let Some(context) = &global.context {
        helm.arg("--kube-context").arg(context);
    }
    if global.dry_run {
        helm.arg("--dry-run");
    }
    let said = helm.stdin(Stdio::null()).output().await.map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let error = CommandError::user("cannot run helm").because(error);
        match missing {
            true => error.hint("install Helm 3: https://helm.sh/docs/intro/install"),
            false => error,
        }
    })?;
    for line in String::from_utf8_lossy(&said.stdout).lines() {
        ui.status(line);
    }
    if said.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&said.stderr);
    Err(
        CommandError::user(format!("helm {} failed: {}", args[0], why.trim()))
            .hint("the charts come from the internet; --repository names a mirror"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_add_ons_are_named_with_the_known_ones() {
        let chosen = |name: &str| chosen(&[name.to_owned()]);
        assert_eq!(
            chosen(" argocd").unwrap()[0].chart,
            "argocd-pull-integration"
        );
        let error = chosen("argo").err().unwrap();
        assert_eq!(error.message(), "invalid add-on name argo");
        assert_eq!(error.hints(), ["add-ons are: argocd, argocd-agent"]);
    }
}
