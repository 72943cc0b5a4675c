//! ManifestWorks: what they must be, and who may let them act as an account
//! (works protocol §1.6, statements 4 to 8).

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::hub::work::validate;

use super::access::{World, may};
use super::{Judge, Refusal, Request, Verdict};

/// The judge of `manifestworkvalidators`.
pub(super) struct Validating(pub(super) Arc<World>);

impl Judge for Validating {
    fn path(&self) -> &'static str {
        "/validate-work-open-cluster-management-io-v1-manifestwork"
    }

    fn judge<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Verdict, kube::Error>> {
        Box::pin(async move {
            let nil_executor = self.0.work_gates().await.nil_executor;
            let account = match demanded(request, nil_executor) {
                Ok(account) => account,
                Err(refusal) => return Ok(Verdict::Refuse(Refusal::bad(refusal.to_string()))),
            };
            let Some(account) = account else {
                return Ok(Verdict::Allow);
            };
            let (namespace, user) = (&request.namespace, &request.user_info);
            let wanted = validate::execute_as(namespace, &account);
            if may(self.0.client(), user, wanted).await? {
                return Ok(Verdict::Allow);
            }
            Ok(Verdict::Refuse(Refusal::bad(format!(
                "user {} cannot manipulate the Manifestwork with executor {}/{} in namespace {namespace}",
                user.username, account.0, account.1,
            ))))
        })
    }
}

/// The account that the requester must be allowed to use, if any.
fn demanded(
    request: &Request,
    nil_executor: bool,
) -> Result<Option<(String, String)>, validate::Refusal> {
    let manifests = |work: &Value| work["spec"]["workload"]["manifests"].clone();
    let new = manifests(&request.object);
    // Manifests that stay as they are were judged, or are older than this
    // webhook: their finalizers still have to come off.
    if request.creates() || new != manifests(&request.old_object) {
        validate::manifests(
            new.as_array().map_or(&[], Vec::as_slice),
            validate::MANIFEST_LIMIT,
        )?;
    }
    let old = Some(&request.old_object).filter(|old| !old.is_null());
    validate::executor(&request.object, old, nil_executor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(old: &Value, new: &Value) -> Request {
        let work = |manifests: &Value| json!({"spec": {"workload": {"manifests": manifests}}});
        Request {
            operation: "UPDATE".to_owned(),
            old_object: work(old),
            object: work(new),
            ..Request::default()
        }
    }

    #[test]
    fn work_04_what_was_there_before_the_webhook_can_still_be_finalized() {
        let some = json!([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}]);
        assert!(demanded(&update(&json!([]), &json!([])), false).is_ok());
        assert!(demanded(&update(&json!([]), &some), false).is_ok());
        assert!(demanded(&update(&some, &json!([])), false).is_err());
    }
}
