//! `ocmadm get`: what is there.

pub mod addons;
pub mod clusters;
pub mod clustersets;
pub mod info;
pub mod list;
pub mod placements;
pub mod replicasets;
pub mod token;
pub mod tree;
pub mod works;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm get`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to get.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be got.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Command {
    /// Print a token and the command to join the hub with it
    Token(token::Args),
    /// List managed clusters
    #[command(visible_aliases = ["cluster", "managedclusters"])]
    Clusters(clusters::Args),
    /// Show what of the hub is installed
    HubInfo(info::Args),
    /// Show what of the managed cluster's agent is installed, and how it is
    KlusterletInfo(info::Args),
    /// List cluster sets
    #[command(visible_aliases = ["clusterset", "managedclustersets"])]
    Clustersets(clustersets::Args),
    /// List add-ons and where they run
    #[command(visible_aliases = ["addon", "managedclusteraddons"])]
    Addons(addons::Args),
    /// List works, and what happened to the resources of one
    #[command(visible_aliases = ["work", "manifestworks"])]
    Works(works::Args),
    /// List placements, what they chose, and why not the rest
    #[command(visible_alias = "placement")]
    Placements(placements::Args),
    /// List replica sets of works, and how far each is
    #[command(visible_aliases = ["replicaset", "manifestworkreplicasets"])]
    Replicasets(replicasets::Args),
}

/// Runs the command.
///
/// # Errors
/// Those of what is got.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    match &args.command {
        Command::Token(args) => token::run(args, global, ui).await,
        Command::Clusters(args) => clusters::run(args, global, ui).await,
        Command::HubInfo(args) => info::hub(args, global, ui).await,
        Command::KlusterletInfo(args) => info::klusterlet(args, global, ui).await,
        Command::Clustersets(args) => clustersets::run(args, global, ui).await,
        Command::Addons(args) => addons::run(args, global, ui).await,
        Command::Works(args) => works::run(args, global, ui).await,
        Command::Placements(args) => placements::run(args, global, ui).await,
        Command::Replicasets(args) => replicasets::run(args, global, ui).await,
    }
}
