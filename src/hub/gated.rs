//! Parts of the hub that run, or do not, as gates of the ClusterManager say.

use kube::api::DynamicObject;
use tokio::sync::watch;

use crate::ocm::gates;
use crate::ocm::operator::v1::{ClusterManager, FeatureGate};
use crate::runtime::{Change, Context, Informer, Scope, Tasks};

/// Whether a gate of the registration part is on in this ClusterManager.
pub(super) fn registers(manager: &DynamicObject, gate: &str) -> bool {
    let configured = &manager.data["spec"]["registrationConfiguration"]["featureGates"];
    let configured: Vec<FeatureGate> =
        serde_json::from_value(configured.clone()).unwrap_or_default();
    gates::enabled(gates::HUB_REGISTRATION, &configured, gate)
}

/// Runs until the context's shutdown what `start` starts for the gates that
/// `read` finds in the ClusterManager, and starts anew when they change.
/// Without a ClusterManager the gates are `G`'s default.
pub(super) async fn run<G>(
    context: Context,
    read: fn(&DynamicObject) -> G,
    start: fn(&G, &Context, &mut Tasks),
) where
    G: Copy + Default + PartialEq + Send + Sync + 'static,
{
    let managers: Informer<G> = Informer::new(Scope::of::<ClusterManager>());
    let (tell, gates) = watch::channel(G::default());
    managers.on_change(move |_, change| {
        let new = match change {
            Change::Applied { new, .. } => **new,
            Change::Deleted(_) => G::default(),
        };
        tell.send_if_modified(|old| std::mem::replace(old, new) != new);
    });
    let mut tasks = Tasks::new(context.shutdown.clone());
    tasks.spawn(managers.clone().run(
        context.client.clone(),
        move |object: DynamicObject| Ok::<_, std::convert::Infallible>(read(&object)),
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    tasks.spawn(async move {
        // Nothing runs before it is known whether it shall.
        tokio::select! {
            () = context.shutdown.cancelled() => {}
            () = managers.synced() => follow(context, gates, start).await,
        }
    });
    tasks.join().await;
}

async fn follow<G: Copy>(
    context: Context,
    mut gates: watch::Receiver<G>,
    start: fn(&G, &Context, &mut Tasks),
) {
    loop {
        let wanted = *gates.borrow_and_update();
        let parts = context.child();
        let mut tasks = Tasks::new(parts.shutdown.clone());
        start(&wanted, &parts, &mut tasks);
        let ended = tokio::select! {
            () = context.shutdown.cancelled() => true,
            // A part that panicked cancels its token.
            () = parts.shutdown.cancelled() => {
                context.shutdown.cancel();
                true
            }
            changed = gates.changed() => changed.is_err(),
        };
        parts.shutdown.cancel();
        tasks.join().await;
        if ended {
            return;
        }
    }
}
