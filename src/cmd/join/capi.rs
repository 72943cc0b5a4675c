//! `join --capi-import`: the cluster that joins is one that Cluster API made. Its
//! kubeconfig is in a Secret of the management cluster; everything else is done
//! with the cluster itself.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::error::CommandError;
use crate::k8s::client::{self, Connection};
use crate::k8s::kubeconfig;

/// Flags of clusters made by Cluster API.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster API")]
pub struct CapiArgs {
    /// Join a cluster that Cluster API made; --context leads to its management cluster
    #[arg(long, requires = "capi_cluster_name")]
    pub capi_import: bool,

    /// The Cluster, in its management cluster
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "capi_import", value_parser = parse_name)]
    pub capi_cluster_name: Option<(String, String)>,

    /// Kubeconfig file of the management cluster to use instead of --kubeconfig
    #[arg(long, value_name = "FILE", requires = "capi_import", value_hint = clap::ValueHint::FilePath)]
    pub capi_kubeconfig: Option<PathBuf>,
}

fn parse_name(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name)) if ![namespace, name].contains(&"") && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("write it as namespace/name".to_owned()),
    }
}

/// The cluster that joins: the one of the context, or the one that Cluster API made.
///
/// # Errors
/// No way to the management cluster, or no usable kubeconfig there.
pub(super) async fn connect(
    args: &CapiArgs,
    global: &GlobalArgs,
) -> Result<Connection, CommandError> {
    let Some((namespace, name)) = &args.capi_cluster_name else {
        return crate::cmd::connect(global).await;
    };
    let path = args.capi_kubeconfig.as_ref().or(global.kubeconfig.as_ref());
    let management = client::connect(path.map(PathBuf::as_path), global.context.as_deref()).await?;
    let secrets: Api<Secret> = Api::namespaced(management.client.clone(), namespace);
    let secret = format!("{name}-kubeconfig");
    let found = management
        .call_opt(secrets.get(&secret))
        .await
        .doing(&format!(
            "read the kubeconfig of cluster {namespace}/{name}"
        ))?;
    let found = found.ok_or_else(|| {
        CommandError::user(format!(
            "the management cluster has no secret {namespace}/{secret}"
        ))
        .hint("Cluster API writes it when the cluster's control plane is ready")
        .hint("`kubectl get clusters.cluster.x-k8s.io -A` lists the clusters")
    })?;
    let content = found.data.as_ref().and_then(|data| data.get("value"));
    let text = content.and_then(|bytes| std::str::from_utf8(&bytes.0).ok());
    // What is wrong with it is not shown: it holds credentials.
    let config = text.and_then(|text| kubeconfig::from_text(text).ok());
    let config = config.ok_or_else(|| {
        CommandError::user(format!(
            "the secret {namespace}/{secret} holds no kubeconfig under the key \"value\""
        ))
    })?;
    Ok(client::connect_with(config, None).await?)
}
