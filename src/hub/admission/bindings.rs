//! ManagedClusterSetBindings: named as their set, made by who may bind it
//! (protocol §9.3, statement 32).

use std::sync::Arc;

use futures::future::BoxFuture;

use super::access::{World, attributes, may};
use super::{Judge, Refusal, Request, Verdict};

/// The judge of `managedclustersetbindingvalidators`.
pub(super) struct Validating(pub(super) Arc<World>);

impl Judge for Validating {
    fn path(&self) -> &'static str {
        "/validate-cluster-open-cluster-management-io-v1beta2-managedclustersetbinding"
    }

    fn judge<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Verdict, kube::Error>> {
        Box::pin(async move {
            let set = request.object["spec"]["clusterSet"]
                .as_str()
                .unwrap_or_default();
            if request.object_name() != set {
                return Ok(Verdict::Refuse(Refusal::bad(
                    "The ManagedClusterSetBinding must have the same name as the target ManagedClusterSet",
                )));
            }
            if !request.creates() {
                return Ok(Verdict::Allow);
            }
            let bind = attributes(
                "create",
                (
                    "cluster.open-cluster-management.io",
                    "managedclustersets",
                    "bind",
                ),
                set,
            );
            if may(self.0.client(), &request.user_info, bind).await? {
                return Ok(Verdict::Allow);
            }
            // `.apps` as upstream says it.
            Ok(Verdict::Refuse(Refusal::forbidden(format!(
                "managedclustersets/bind.apps {set:?} is forbidden: user {:?} is not allowed to bind cluster set {set:?}",
                request.user_info.username
            ))))
        })
    }
}
