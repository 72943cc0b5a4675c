//! `ocmadm help`, `options` and `plugin list`: what clusteradm's own command
//! library brings along.

use crate::cmd::program;
use crate::error::CommandError;
use crate::k8s::kubeconfig::nearest;
use crate::ui::Ui;

/// Arguments of `ocmadm help`.
#[derive(clap::Args, Clone, Debug)]
pub struct HelpArgs {
    /// The command to explain, word by word
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Arguments of `ocmadm plugin`.
#[derive(clap::Args, Clone, Debug)]
pub struct PluginArgs {
    #[command(subcommand)]
    command: Plugin,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Plugin {
    /// Say that there are none
    List,
}

/// Prints what `COMMAND --help` prints.
///
/// # Errors
/// There is no such command.
pub fn run(args: &HelpArgs, mut root: clap::Command, ui: &Ui) -> Result<(), CommandError> {
    root.build();
    let mut here = &mut root;
    for word in &args.command {
        let names: Vec<String> = here
            .get_subcommands()
            .map(|sub| sub.get_name().to_owned())
            .collect();
        let similar = nearest(word, names.iter().map(String::as_str));
        here = here.find_subcommand_mut(word).ok_or_else(|| {
            CommandError::usage(format!("there is no command {:?}", args.command.join(" ")))
                .hint_if(similar.map(|name| format!("did you mean {name:?}?")))
                .hint(format!("`{} --help` lists them", program()))
        })?;
    }
    Ok(ui.result(&here.render_long_help().to_string())?)
}

/// Prints the flags of every command.
///
/// # Errors
/// stdout cannot be written.
pub fn options(mut root: clap::Command, ui: &Ui) -> Result<(), CommandError> {
    root.build();
    let help = root.render_help().to_string();
    let from = help.find("Global options:").unwrap_or_default();
    let flags = help[from..].split_once('\n').map_or("", |(_, flags)| flags);
    Ok(ui.result(&format!(
        "The following options can be passed to any command:\n\n{flags}"
    ))?)
}

/// Says that there are no plugins.
///
/// # Errors
/// None.
pub fn plugins(args: &PluginArgs, ui: &Ui) -> Result<(), CommandError> {
    let Plugin::List = args.command;
    ui.status(
        "There are no plugins: ocmadm is one itself, of kubectl, when it is called kubectl-ocm.",
    );
    Ok(())
}
