//! Waiting until add-ons are available on their clusters, or gone from them.

use futures::StreamExt;
use kube::core::DynamicObject;

use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::wait_error;
use crate::cmd::{CONCURRENCY, deadline, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::k8s::wait::{self, State};
use crate::ui::Ui;

/// What is waited for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Until {
    Available,
    Gone,
}

/// Waits for all of these (add-on, cluster); the first that fails is told last, with
/// how to see more.
pub(super) async fn wait(
    hub: &Connection,
    wanted: &[(&str, &str)],
    what: Until,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress();
    let until = deadline(global.timeout);
    let mut waits = futures::stream::iter(wanted)
        .map(|(addon, cluster)| {
            let step = progress.step(format!("Add-on {addon} on {cluster}"));
            async move {
                let api =
                    resources::within(&hub.client, &resources::managed_cluster_addon(), cluster);
                let tell = |detail: &str| step.waiting(detail);
                let ended = match what {
                    Until::Available => {
                        wait::until_object(api, addon, until, available, tell).await
                    }
                    Until::Gone => wait::until_gone(api, addon, until, tell).await,
                };
                let Err(error) = ended else {
                    step.done_with(match what {
                        Until::Available => "available",
                        Until::Gone => "gone",
                    });
                    return Ok(());
                };
                drop(step);
                Err(
                    wait_error(error, hub, &format!("add-on {addon} on {cluster}")).hint(format!(
                        "`{} get addons {addon} --clusters {cluster}{}` shows how it is",
                        program(),
                        same_cluster(global)
                    )),
                )
            }
        })
        .buffered(wanted.len().clamp(1, CONCURRENCY));
    let mut failed = Vec::new();
    while let Some(result) = waits.next().await {
        failed.extend(result.err());
    }
    drop(waits);
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else {
        return Ok(());
    };
    for other in failed {
        ui.failure(&other.render());
    }
    Err(first)
}

fn available(addon: Option<&DynamicObject>) -> State<()> {
    let Some(addon) = addon else {
        return State::Failed("it was deleted".to_owned());
    };
    let found = resources::find_condition(&addon.data, "Available");
    let text = |key: &str| {
        let found = found.and_then(|condition| condition[key].as_str());
        found.unwrap_or_default()
    };
    match text("status") {
        "True" => State::Met(()),
        "" => State::Waiting("nothing is said of it yet".to_owned()),
        _ => State::Waiting(text("message").to_owned()),
    }
}
