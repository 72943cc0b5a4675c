//! Clearing the ground when a ClusterManager goes.

use std::time::Duration;

use kube::Api;
use kube::api::DynamicObject;

use super::{Controller, decide, definition};
use crate::bundle::{self, keep};
use crate::runtime::{Failure, Next};

/// How long to wait for objects that others finalize before looking again.
/// Definitions that go are watched; this is only for those that are not ours.
const AGAIN: Duration = Duration::from_secs(5);

/// Goes as far as it can. `Next::OnChange` means that everything is gone.
pub(super) async fn run(controller: &Controller, name: &str) -> Result<Next, Failure> {
    // Another ClusterManager would want it all back.
    let others = controller
        .managers
        .any(|key, other| key.name != name && other.metadata.deletion_timestamp.is_none());
    if others {
        return Ok(Next::OnChange);
    }
    for awaited in decide::AWAITED {
        if !gone(controller, awaited).await? {
            tracing::debug!(definition = %awaited, "objects are left: the hub keeps running");
            return Ok(Next::After(AGAIN));
        }
    }
    let mut all_gone = true;
    for other in decide::OTHERS {
        all_gone &= gone(controller, other).await?;
    }
    if !all_gone {
        return Ok(Next::After(AGAIN));
    }
    for component in bundle::hub_components(name)? {
        controller
            .components
            .applier()
            .delete_one(&component, false)
            .await?;
    }
    Ok(Next::OnChange)
}

/// Deletes a definition and says whether it is gone.
async fn gone(controller: &Controller, name: &str) -> Result<bool, Failure> {
    let resource = keep::definitions();
    let api: Api<DynamicObject> = Api::all_with(controller.client.clone(), &resource);
    let Some(live) = api.get_metadata_opt(name).await? else {
        return Ok(true);
    };
    if live.metadata.deletion_timestamp.is_none() {
        controller
            .crds
            .applier()
            .delete_one(&definition(name), false)
            .await?;
        // Without objects it is gone at once.
        return Ok(api.get_metadata_opt(name).await?.is_none());
    }
    Ok(false)
}
