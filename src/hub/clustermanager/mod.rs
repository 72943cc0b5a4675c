//! The ClusterManager: the hub's definitions, namespace and role, and its status.
//!
//! Registration, works and placements are other controllers of this process;
//! this one prepares the ground for them and clears it when the ClusterManager
//! goes.

mod cleanup;
mod decide;
mod status;

use std::sync::Arc;
use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::bundle::keep::{self, KeepError, Keeper, Seen};
use crate::bundle::{self, WebhookEndpoint};
use crate::hub::admission::Served;
use crate::k8s::apply::ObjectRef;
use crate::ocm::operator::v1::{
    CONDITION_VALID_FEATURE_GATES, ClusterManager, ClusterManagerStatus,
};
use crate::ocm::{conditions, names};
use crate::runtime::informer::typed;
use crate::runtime::{Backoff, Change, Context, Failure, Informer, Key, Next, Queue, Scope, Tasks};

use decide::{Step, decide};
use status::Outcome;

/// The field manager of this controller.
const MANAGER: &str = "ocmadm-clustermanager";

struct Controller {
    client: Client,
    managers: Informer<ClusterManager>,
    definitions: Informer<Seen>,
    namespaces: Informer<Seen>,
    roles: Informer<Seen>,
    crds: Keeper,
    components: Keeper,
    served: Option<Served>,
}

/// Runs until the context's shutdown.
///
/// With `served`, add-ons are converted between their versions there.
pub async fn run(context: Context, served: Option<Served>) {
    let ours = Scope::all(keep::definitions())
        .labels(names::LABEL_CREATED_BY_CLUSTER_MANAGER)
        .metadata_only();
    let namespaces = Scope::of::<k8s_openapi::api::core::v1::Namespace>()
        .labels(names::LABEL_CREATED_BY_CLUSTER_MANAGER)
        .metadata_only();
    let roles = Scope::of::<k8s_openapi::api::rbac::v1::ClusterRole>()
        .labels(names::LABEL_CREATED_BY_CLUSTER_MANAGER)
        .metadata_only();
    let controller = Arc::new(Controller {
        managers: Informer::new(Scope::of::<ClusterManager>()),
        definitions: Informer::new(ours),
        namespaces: Informer::new(namespaces),
        roles: Informer::new(roles),
        crds: Keeper::new(context.client.clone(), MANAGER),
        components: Keeper::new(context.client.clone(), MANAGER),
        client: context.client.clone(),
        served,
    });
    let queue: Queue<String> = Queue::new(Backoff::new(
        Duration::from_millis(50),
        Duration::from_secs(30),
    ));
    wire(&controller, &queue);
    let mut tasks = Tasks::new(context.shutdown.clone());
    tasks.spawn(controller.managers.clone().run(
        context.client.clone(),
        typed::<ClusterManager>,
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    for informer in controller.kept() {
        tasks.spawn(informer.clone().run(
            context.client.clone(),
            |object| Ok::<_, std::convert::Infallible>(Seen::of(&object)),
            context.metrics.clone(),
            context.shutdown.clone(),
        ));
    }
    let synced = async {
        controller.managers.synced().await;
        controller.definitions.synced().await;
        controller.namespaces.synced().await;
        controller.roles.synced().await;
    };
    tokio::select! {
        () = context.shutdown.cancelled() => {}
        () = synced => {
            let this = Arc::clone(&controller);
            tasks.controller("clustermanager", &queue, 1, &context.metrics, move |name: String| {
                let controller = Arc::clone(&this);
                async move { controller.reconcile(&name).await }
            });
            if let Some(mut certificate) = controller.served.clone() {
                let (this, shutdown) = (Arc::downgrade(&controller), context.shutdown.clone());
                tasks.spawn(async move {
                    loop {
                        tokio::select! {
                            () = shutdown.cancelled() => return,
                            () = certificate.changed() => {}
                        }
                        let Some(controller) = this.upgrade() else { return };
                        controller.every_manager(&queue);
                    }
                });
            }
        }
    }
    tasks.join().await;
}

fn wire(controller: &Arc<Controller>, queue: &Queue<String>) {
    let to = queue.clone();
    controller.managers.on_change(move |key, change| {
        // A status that was written is no reason to look again.
        let relevant = match change {
            Change::Applied {
                old: Some(old),
                new,
            } => {
                old.metadata.generation != new.metadata.generation
                    || old.metadata.deletion_timestamp != new.metadata.deletion_timestamp
                    || old.metadata.finalizers != new.metadata.finalizers
                    || old.metadata.labels != new.metadata.labels
            }
            Change::Applied { old: None, .. } | Change::Deleted(_) => true,
        };
        if relevant {
            to.add(key.name.clone());
        }
    });
    for informer in controller.kept() {
        let this = Arc::downgrade(controller);
        let to = queue.clone();
        informer.on_change(move |_, change| {
            let Some(controller) = this.upgrade() else {
                return;
            };
            let relevant = match change {
                Change::Applied {
                    old: Some(old),
                    new,
                } => old != new,
                Change::Applied { old: None, .. } | Change::Deleted(_) => true,
            };
            if relevant {
                controller.every_manager(&to);
            }
        });
    }
}

impl Controller {
    const fn kept(&self) -> [&Informer<Seen>; 3] {
        [&self.definitions, &self.namespaces, &self.roles]
    }

    fn every_manager(&self, queue: &Queue<String>) {
        for (Key { name, .. }, _) in self.managers.filter(|_, _| true) {
            queue.add(name);
        }
    }

    async fn reconcile(&self, name: &str) -> Result<Next, Failure> {
        let Some(manager) = self.managers.get("", name) else {
            return Ok(Next::OnChange);
        };
        match decide(&manager) {
            Step::Nothing => Ok(Next::OnChange),
            Step::Finalize => {
                self.finalizer(&manager, true).await?;
                Ok(Next::OnChange)
            }
            Step::Refuse(why) => {
                self.report(&manager, &Outcome::Refused(why)).await?;
                Ok(Next::OnChange)
            }
            Step::Apply => {
                let endpoint = self.served.as_ref().map(Served::endpoint);
                if endpoint == Some(None) {
                    // Without a certificate the definitions cannot say where
                    // add-ons are converted.
                    return Ok(Next::OnChange);
                }
                let result = self.apply(&manager, endpoint.flatten().as_ref()).await;
                let outcome = match &result {
                    Ok(()) => Outcome::Applied,
                    Err((part, error)) => Outcome::Failed(*part, error),
                };
                self.report(&manager, &outcome).await?;
                result.map_err(|(_, error)| error)?;
                Ok(Next::OnChange)
            }
            Step::Clean => {
                let next = cleanup::run(self, name).await?;
                if next == Next::OnChange {
                    self.crds.forget();
                    self.components.forget();
                    self.finalizer(&manager, false).await?;
                }
                Ok(next)
            }
        }
    }

    async fn apply(
        &self,
        manager: &ClusterManager,
        endpoint: Option<&WebhookEndpoint>,
    ) -> Result<(), (status::Part, KeepError)> {
        let name = manager.name_any();
        let labels = decide::crd_labels(manager);
        let input = format!("{name} {labels:?} {endpoint:?}");
        let definition = |object: &ObjectRef| {
            let seen = self.definitions.get("", &object.name)?;
            Some((*seen).clone())
        };
        self.crds
            .keep(&input, definition, || {
                let mut objects = bundle::hub_crds_with(endpoint)?;
                for object in &mut objects {
                    object.labels_mut().extend(labels.clone());
                }
                Ok(objects)
            })
            .await
            .map_err(|error| (status::Part::Definitions, error))?;
        if decide::has_profiles(manager) {
            let profiles = bundle::cluster_profiles();
            let profiles = profiles.map_err(|error| (status::Part::Definitions, error.into()))?;
            keep::install_missing(&self.client, profiles)
                .await
                .map_err(|error| (status::Part::Definitions, error))?;
        }
        let component = |object: &ObjectRef| {
            // Their names tell them apart.
            let seen = [&self.namespaces, &self.roles]
                .into_iter()
                .find_map(|informer| informer.get("", &object.name))?;
            Some((*seen).clone())
        };
        self.components
            .keep(&name, component, || bundle::hub_components(&name))
            .await
            .map_err(|error| (status::Part::Hub, error))
    }

    async fn report(&self, manager: &ClusterManager, outcome: &Outcome<'_>) -> Result<(), Failure> {
        let old = manager.status.clone().unwrap_or_default();
        let related = if matches!(outcome, Outcome::Applied) {
            related_resources(&manager.name_any())?
        } else {
            old.related_resources.clone()
        };
        let new = status::of(manager, outcome, related);
        if new == old {
            return Ok(());
        }
        let gates = |status: &ClusterManagerStatus| {
            let conditions = &status.conditions;
            conditions::find(conditions, CONDITION_VALID_FEATURE_GATES).cloned()
        };
        if let Some(condition) = gates(&new)
            && condition.status == conditions::FALSE
            && gates(&old).is_none_or(|old| old.message != condition.message)
        {
            tracing::warn!(message = %condition.message, "feature gates");
        }
        let api: Api<ClusterManager> = Api::all(self.client.clone());
        let patch = json!({
            "metadata": {"uid": manager.uid()},
            "status": new,
        });
        api.patch_status(&manager.name_any(), &params(), &Patch::Merge(&patch))
            .await?;
        Ok(())
    }

    async fn finalizer(&self, manager: &ClusterManager, present: bool) -> Result<(), Failure> {
        let mut finalizers: Vec<String> = manager.finalizers().to_vec();
        finalizers.retain(|finalizer| finalizer != names::FINALIZER_CLUSTER_MANAGER);
        if present {
            finalizers.push(names::FINALIZER_CLUSTER_MANAGER.to_owned());
        }
        let api: Api<ClusterManager> = Api::all(self.client.clone());
        let patch = json!({"metadata": {
            "uid": manager.uid(),
            "resourceVersion": manager.resource_version(),
            "finalizers": finalizers,
        }});
        match api
            .patch(&manager.name_any(), &params(), &Patch::Merge(&patch))
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 404 && !present => Ok(()),
            result => Ok(result.map(|_| ())?),
        }
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// Everything that is kept, for the status.
fn related_resources(
    name: &str,
) -> Result<Vec<crate::ocm::operator::v1::RelatedResourceMeta>, Failure> {
    let mut related = decide::related_definitions();
    for object in bundle::hub_components(name)? {
        let role = object
            .types
            .as_ref()
            .is_some_and(|types| types.kind == "ClusterRole");
        let resource = if role { "clusterroles" } else { "namespaces" };
        related.push(decide::related(&object, resource));
    }
    Ok(related)
}

/// An object of a definition's resource by name, for deleting.
fn definition(name: &str) -> DynamicObject {
    DynamicObject::new(name, &keep::definitions())
}
