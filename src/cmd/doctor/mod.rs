//! `ocmadm doctor`: follows handshake and works from both sides, and says for
//! each thing that is not well what mends it.

mod facts;
mod judge;
mod look;

use serde_json::json;

use self::facts::Facts;
use self::judge::{Check, Mark};
use crate::cmd::args::GlobalArgs;
use crate::cmd::{connect, program, same_cluster};
use crate::error::CommandError;
use crate::ui::color::Style;
use crate::ui::{OutputFormat, Ui, format};

/// Arguments of `ocmadm doctor`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only this managed cluster
    #[arg(long, value_name = "NAME", add = crate::cmd::completion::clusters())]
    cluster: Option<String>,

    /// Context of the managed cluster, to look at its side, too
    #[arg(long, value_name = "NAME", add = crate::cmd::completion::contexts())]
    managed_context: Option<String>,

    /// Output format: a list where nothing is said
    #[arg(long, short, value_name = "json|yaml", value_parser = ["json", "yaml"])]
    output: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// An unusable kubeconfig; or something is not well (exit code 1).
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let there = args.managed_context.clone().map(|context| GlobalArgs {
        context: Some(context),
        ..global.clone()
    });
    let hub = connect(global).await?;
    let managed = match &there {
        Some(there) => Some(connect(there).await?),
        None => None,
    };
    let of_managed = async {
        match &managed {
            Some(managed) => Some(look::look_at_managed(managed).await),
            None => None,
        }
    };
    let (of_hub, of_managed) =
        tokio::join!(look::look_at_hub(&hub, args.cluster.as_deref()), of_managed);
    let facts = Facts {
        hub: of_hub,
        managed: of_managed,
        cluster: args.cluster.clone(),
        to_hub: same_cluster(global),
        to_managed: there.as_ref().map(same_cluster),
        now: jiff::Timestamp::now().as_second(),
        program: program(),
    };
    let checks = judge::judge(&facts);
    let ill = checks.iter().filter(|c| c.mark == Mark::Ill).count();
    match args.output.as_deref() {
        Some(output) => {
            let format = match output {
                "json" => OutputFormat::Json,
                _ => OutputFormat::Yaml,
            };
            let all: Vec<_> = checks.iter().map(Check::value).collect();
            let value = json!({"ok": ill == 0, "checks": all});
            ui.result(&format::document(format, &value)?)?;
        }
        None => ui.result(&list(&checks, ui))?,
    }
    match ill {
        0 => Ok(()),
        _ => Err(CommandError::user(format!(
            "{ill} of {} checks failed",
            checks.len()
        ))),
    }
}

fn list(checks: &[Check], ui: &Ui) -> String {
    let mut text = String::new();
    let mut of = "";
    for check in checks {
        if check.of != of {
            of = &check.of;
            text.push_str(&format!("{of}\n"));
        }
        let mark = match check.mark {
            Mark::Well => ui.paint(Style::Good, "✓"),
            Mark::Note => ui.paint(Style::Warning, "!"),
            Mark::Ill => ui.paint(Style::Bad, "✗"),
        };
        let detail = match check.detail.as_str() {
            "" => String::new(),
            detail => format!(": {detail}"),
        };
        text.push_str(&format!("  {mark} {}{detail}\n", check.what));
        if let Some(mend) = &check.mend {
            text.push_str(&format!("      {mend}\n"));
        }
    }
    text
}
