//! What `unjoin` and `clean` share: removing named objects with progress, or
//! saying which ones would be removed.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::core::{DynamicObject, ObjectMeta, TypeMeta};
use kube::{Api, ResourceExt};
use tokio::time::Instant;

use crate::cmd::explain::{Doing, apply_error};
use crate::cmd::install::FIELD_MANAGER;
use crate::error::CommandError;
use crate::k8s::apply::Applier;
use crate::k8s::client::Connection;
use crate::k8s::discovery::Discovery;
use crate::ocm::names;
use crate::ui::Ui;

/// Removes objects one after the other; each is gone before the next.
pub struct Removal<'a> {
    /// The cluster they are on.
    pub cluster: &'a Connection,
    applier: Applier,
    dry_run: bool,
    ui: &'a Ui,
}

impl<'a> Removal<'a> {
    /// Removes on `cluster`, and waits until `until`.
    #[must_use]
    pub fn new(cluster: &'a Connection, until: Instant, dry_run: bool, ui: &'a Ui) -> Self {
        let client = cluster.client.clone();
        let applier = Applier::new(client.clone(), Discovery::new(client), FIELD_MANAGER)
            .dry_run(dry_run)
            .deadline(until);
        Self {
            cluster,
            applier,
            dry_run,
            ui,
        }
    }

    /// Says what would be removed.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn would(&mut self, what: &str) -> Result<(), CommandError> {
        let line = format!("{what} would be deleted (dry run)");
        Ok(self.ui.result_line(&line)?)
    }

    /// Removes an object, if it is there, and waits until it is gone.
    ///
    /// # Errors
    /// No permission, or it does not go in time.
    pub async fn object(
        &mut self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<(), CommandError> {
        let what = if namespace.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{kind} {namespace}/{name}")
        };
        let object = DynamicObject {
            types: Some(TypeMeta {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
            }),
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
                ..ObjectMeta::default()
            },
            data: serde_json::Value::Null,
        };
        if self.dry_run {
            // The server is asked: what is not there would not go.
            let there = self.applier.delete_one(&object, false).await;
            let there = there
                .map_err(|error| apply_error(self.cluster, error, &format!("delete {what}")))?;
            return match there {
                true => self.would(&what),
                false => Ok(()),
            };
        }
        let progress = self.ui.progress();
        let step = progress.step(format!("Deleting {what}"));
        let existed = self
            .applier
            .delete_telling(&object, true, |detail| step.waiting(detail))
            .await
            .map_err(|error| apply_error(self.cluster, error, &format!("delete {what}")))?;
        if existed {
            step.done();
        } else {
            step.done_with("not there");
        }
        Ok(())
    }
}

/// The Deployment, account and roles of an operator, all of one name.
///
/// # Errors
/// As [`Removal::object`].
pub async fn operator(removal: &mut Removal<'_>, name: &str) -> Result<(), CommandError> {
    let namespace = names::OPERATOR_NAMESPACE;
    let rbac = "rbac.authorization.k8s.io/v1";
    removal
        .object("apps/v1", "Deployment", namespace, name)
        .await?;
    removal.object(rbac, "ClusterRoleBinding", "", name).await?;
    removal.object(rbac, "ClusterRole", "", name).await?;
    removal
        .object("v1", "ServiceAccount", namespace, name)
        .await
}

/// The operators' namespace, unless the other operator (hub or agent) still
/// lives there.
///
/// # Errors
/// As [`Removal::object`].
pub async fn operator_namespace(
    removal: &mut Removal<'_>,
    other: &str,
) -> Result<(), CommandError> {
    let namespace = names::OPERATOR_NAMESPACE;
    let deployments: Api<Deployment> = Api::namespaced(removal.cluster.client.clone(), namespace);
    let found = removal
        .cluster
        .call(deployments.list(&ListParams::default()))
        .await
        .doing(&format!("look into namespace {namespace}"))?;
    if found
        .iter()
        .any(|deployment| deployment.name_any() == other)
    {
        removal
            .ui
            .status(&format!("Namespace {namespace} stays: {other} runs there."));
        return Ok(());
    }
    removal.object("v1", "Namespace", "", namespace).await
}
