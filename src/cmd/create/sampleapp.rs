//! `ocmadm create sampleapp`: an Argo CD ApplicationSet for the clusters that
//! a placement chooses.

use kube::core::DynamicObject;
use serde_json::{Value, json};

use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::apply_error;
use crate::cmd::install::{self, FIELD_MANAGER};
use crate::cmd::{connect, program};
use crate::error::CommandError;
use crate::k8s::apply::{Applier, ApplyError};
use crate::k8s::discovery::Discovery;
use crate::ui::Ui;

/// Arguments of `ocmadm create sampleapp`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The application's name
    #[arg(value_name = "NAME", default_value = "sampleapp")]
    name: String,
}

/// Runs the command.
///
/// # Errors
/// Argo CD is not installed, no hub there, or no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let object: DynamicObject = serde_json::from_value(body(&args.name))
        .map_err(|error| CommandError::internal("the sample could not be built").because(error))?;
    if global.dry_run && !global.dry_run_on_server {
        install::dry_run_note(ui);
        ui.result(&install::manifests(&[object]))?;
        return Ok(());
    }
    let hub = connect(global).await?;
    let discovery = Discovery::new(hub.client.clone());
    let applied = Applier::new(hub.client.clone(), discovery, FIELD_MANAGER)
        .dry_run(global.dry_run)
        .apply_one(&object)
        .await;
    let applied = applied.map_err(|error| match error {
        ApplyError::Request { .. } => apply_error(&hub, error, "create the sample application")
            .hint("Argo CD's namespace argocd must exist on the hub"),
        error => apply_error(&hub, error, "create the sample application").hint(format!(
            "Argo CD must run on the hub: `{} install hub-addon --names argocd`",
            program()
        )),
    })?;
    let what = format!("ApplicationSet argocd/{}-appset", args.name);
    ui.status(&format!("{what} {}", applied.outcome));
    Ok(())
}

fn body(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": format!("{name}-appset"), "namespace": "argocd"},
        "spec": {
            "generators": [{"clusterDecisionResource": {
                "configMapRef": "ocm-placement-generator",
                "labelSelector": {"matchLabels": {
                    "cluster.open-cluster-management.io/placement": "app-placement",
                }},
                "requeueAfterSeconds": 30,
            }}],
            "template": {
                "metadata": {
                    "name": "{{name}}-app",
                    "labels": {"apps.open-cluster-management.io/pull-to-ocm-managed-cluster": "true"},
                    "annotations": {
                        "argocd.argoproj.io/skip-reconcile": "true",
                        "apps.open-cluster-management.io/ocm-managed-cluster": "{{name}}",
                        "apps.open-cluster-management.io/ocm-managed-cluster-app-namespace": "argocd",
                    },
                },
                "spec": {
                    "project": "default",
                    "source": {
                        "repoURL": "https://github.com/argoproj/argocd-example-apps.git",
                        "targetRevision": "HEAD",
                        "path": "guestbook",
                    },
                    "destination": {"server": "https://kubernetes.default.svc", "namespace": "guestbook"},
                    "syncPolicy": {
                        "automated": {"prune": true},
                        "syncOptions": ["CreateNamespace=true"],
                    },
                },
            },
        },
    })
}
