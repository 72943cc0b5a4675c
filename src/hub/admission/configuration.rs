//! The webhook configurations: applied while there is a ClusterManager, put
//! right when they are edited, removed before it goes.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::ResourceExt as _;

use crate::bundle::keep::{Keeper, Seen};
use crate::bundle::{self, WebhookEndpoint};
use crate::k8s::apply::ObjectRef;
use crate::ocm::names;
use crate::ocm::operator::v1::ClusterManager;
use crate::runtime::informer::typed;
use crate::runtime::{Backoff, Change, Context, Failure, Informer, Next, Queue, Scope, Tasks};

use super::Served;

/// The field manager of this controller.
const MANAGER: &str = "ocmadm-webhooks";

struct Controller {
    managers: Informer<ClusterManager>,
    mutating: Informer<Seen>,
    validating: Informer<Seen>,
    keeper: Keeper,
    served: Served,
}

/// Runs until the context's shutdown.
pub(super) async fn run(context: Context, served: Served) {
    let ours = |scope: Scope| {
        Informer::new(
            scope
                .labels(names::LABEL_CREATED_BY_CLUSTER_MANAGER)
                .metadata_only(),
        )
    };
    let mut certificate = served.clone();
    let controller = Arc::new(Controller {
        managers: Informer::new(Scope::of::<ClusterManager>()),
        mutating: ours(Scope::of::<MutatingWebhookConfiguration>()),
        validating: ours(Scope::of::<ValidatingWebhookConfiguration>()),
        keeper: Keeper::new(context.client.clone(), MANAGER),
        served,
    });
    let queue: Queue<String> = Queue::new(Backoff::new(
        Duration::from_millis(50),
        Duration::from_secs(30),
    ));
    // There is one key: all configurations at once.
    let key = || "webhooks".to_owned();
    let to = queue.clone();
    controller.managers.on_change(move |_, change| {
        // A status that was written is no reason to look again.
        let relevant = match change {
            Change::Applied {
                old: Some(old),
                new,
            } => {
                old.metadata.uid != new.metadata.uid
                    || old.metadata.deletion_timestamp != new.metadata.deletion_timestamp
            }
            Change::Applied { old: None, .. } | Change::Deleted(_) => true,
        };
        if relevant {
            to.add(key());
        }
    });
    for informer in [&controller.mutating, &controller.validating] {
        let to = queue.clone();
        informer.on_change(move |_, _| to.add(key()));
    }
    let mut tasks = Tasks::new(context.shutdown.clone());
    tasks.spawn(controller.managers.clone().run(
        context.client.clone(),
        typed::<ClusterManager>,
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    for informer in [&controller.mutating, &controller.validating] {
        tasks.spawn(informer.clone().run(
            context.client.clone(),
            |object| Ok::<_, std::convert::Infallible>(Seen::of(&object)),
            context.metrics.clone(),
            context.shutdown.clone(),
        ));
    }
    let synced = async {
        controller.managers.synced().await;
        controller.mutating.synced().await;
        controller.validating.synced().await;
    };
    tokio::select! {
        () = context.shutdown.cancelled() => {}
        () = synced => {
            let this = Arc::clone(&controller);
            tasks.controller("webhooks", &queue, 1, &context.metrics, move |_| {
                let controller = Arc::clone(&this);
                async move { controller.reconcile().await }
            });
            // Another certificate is another reason to look.
            let (to, shutdown) = (queue.clone(), context.shutdown.clone());
            tasks.spawn(async move {
                loop {
                    to.add(key());
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = certificate.changed() => {}
                    }
                }
            });
        }
    }
    tasks.join().await;
}

impl Controller {
    async fn reconcile(&self) -> Result<Next, Failure> {
        let owner = self
            .managers
            .list()
            .into_iter()
            .filter(|manager| manager.metadata.deletion_timestamp.is_none())
            .min_by_key(|manager| manager.name_any());
        let Some(endpoint) = self.served.endpoint() else {
            return Ok(Next::OnChange);
        };
        let Some(owner) = owner else {
            return self.remove().await;
        };
        let (name, uid) = (owner.name_any(), owner.uid().unwrap_or_default());
        let input = format!("{name} {uid} {endpoint:?}");
        let seen = |object: &ObjectRef| {
            [&self.mutating, &self.validating]
                .into_iter()
                .find_map(|informer| Some((*informer.get("", &object.name)?).clone()))
        };
        self.keeper
            .keep(&input, seen, || {
                bundle::hub_webhooks(&name, &uid, &endpoint)
            })
            .await?;
        Ok(Next::OnChange)
    }

    /// Without them the API server asks nobody, and nothing waits for the hub.
    async fn remove(&self) -> Result<Next, Failure> {
        let endpoint = WebhookEndpoint::default();
        for object in bundle::hub_webhooks("", "", &endpoint)? {
            let there = [&self.mutating, &self.validating]
                .into_iter()
                .any(|informer| informer.get("", &object.name_any()).is_some());
            if there {
                self.keeper.applier().delete_one(&object, false).await?;
            }
        }
        self.keeper.forget();
        Ok(Next::OnChange)
    }
}
