//! A Secret, as it changes.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::api::DynamicObject;
use tokio::sync::watch;

use crate::runtime::{Change, Context, Informer, Scope, Tasks};

use super::credentials::Data;

/// Follows one Secret's data: what is known of it, and the data as it changes.
pub fn follow_secret(
    tasks: &mut Tasks,
    context: &Context,
    namespace: &str,
    name: &str,
) -> (Informer<Data>, watch::Receiver<Option<Arc<Data>>>) {
    let informer: Informer<Data> =
        Informer::new(Scope::of::<Secret>().namespace(namespace).named(name));
    let (sender, receiver) = watch::channel(None);
    informer.on_change(move |_, change| {
        let new = match change {
            Change::Applied { new, .. } => Some(Arc::clone(new)),
            Change::Deleted(_) => None,
        };
        // Labels and annotations are no news.
        sender.send_if_modified(|old| {
            let changed = *old != new;
            *old = new;
            changed
        });
    });
    tasks.spawn(informer.clone().run(
        context.client.clone(),
        |object: DynamicObject| {
            crate::runtime::informer::typed::<Secret>(object)
                .map(|secret| secret.data.unwrap_or_default())
                // The error would quote what is in the Secret.
                .map_err(|_| "not a Secret")
        },
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    (informer, receiver)
}
