//! `ocmadm version`: of this program, and of the hub it talks to.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use serde_json::{Value, json};

use crate::cmd::args::GlobalArgs;
use crate::cmd::{connect, program};
use crate::error::CommandError;
use crate::ocm::names;
use crate::ui::{OutputFormat, Ui, format};

/// Arguments of `ocmadm version`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only this program's version; no server is asked
    #[arg(long)]
    client: bool,

    /// Output format: text, json, yaml or jsonpath=…
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true
    )]
    output: OutputFormat,
}

/// The OCM release whose API and protocol this build speaks.
pub const OCM_RELEASE: &str = "1.3.1";

/// The name in front of the version: scripts of clusteradm look for theirs.
fn called() -> String {
    let program = program();
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    name.trim_end_matches(".exe").to_owned()
}

/// A version shall not take long, whatever the server does.
const PATIENCE: Duration = Duration::from_secs(3);

/// Prints the versions. A server that does not answer is told on stderr; this
/// program's version is printed all the same.
///
/// # Errors
/// stdout cannot be written.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let own = format!("v{}", env!("CARGO_PKG_VERSION"));
    let mut lines = vec![
        format!("{}\tversion\t:{own}", called()),
        format!("default bundle\tversion\t:{OCM_RELEASE}"),
    ];
    let mut value = json!({"ocmadm": own, "defaultBundle": OCM_RELEASE});
    if !args.client {
        match server(global).await {
            Ok(server) => {
                for (key, label) in [("kubernetes", "kubernetes"), ("hub", "hub")] {
                    if let Some(version) = server[key].as_str() {
                        lines.push(format!("{label}\tversion\t:{version}"));
                        value[key] = version.into();
                    }
                }
            }
            Err(error) => ui.status(&format!(
                "No server version: {}",
                error
                    .causes()
                    .last()
                    .map_or(error.message(), String::as_str)
            )),
        }
    }
    if args.output.is_structured() {
        ui.result(&format::document(args.output, &value)?)?;
        return Ok(());
    }
    for line in lines {
        ui.result_line(&line)?;
    }
    Ok(())
}

/// The cluster's version, and the hub's image if it is one.
async fn server(global: &GlobalArgs) -> Result<Value, CommandError> {
    let cluster = connect(global).await?;
    let version = cluster
        .call_within(PATIENCE, cluster.client.apiserver_version())
        .await
        .map_err(|error| crate::cmd::explain::server_error(error, "ask the server"))?;
    let mut found = json!({"kubernetes": version.git_version});
    let deployments: Api<Deployment> =
        Api::namespaced(cluster.client.clone(), names::OPERATOR_NAMESPACE);
    let hub = cluster
        .call_within(PATIENCE, deployments.get(names::CLUSTER_MANAGER))
        .await;
    let image = hub.ok().and_then(|deployment| {
        let pod = deployment.spec?.template.spec?;
        pod.containers.into_iter().next()?.image
    });
    if let Some(image) = image {
        found["hub"] = image.into();
    }
    Ok(found)
}
