//! The token of an add-on's agent: asked for at the hub, kept in a Secret,
//! renewed when a fifth of its life is left (registration protocol, section 10).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::Client;
use kube::api::{Api, DynamicObject, ObjectMeta, PostParams};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::agent::certificate::credentials::{self, Data, KEY_TOKEN};
use crate::agent::certificate::keeper::write_condition;
use crate::ocm::conditions::{FALSE, TRUE, condition};
use crate::runtime::{Backoff, source_chain};

/// Condition of add-ons: how the last renewal went.
const CONDITION_REFRESHED: &str = "TokenRefreshed";
/// Clocks are looked at anew at least this often.
const RECHECK: Duration = Duration::from_secs(3600);

/// A token that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOrder {
    /// The cluster: the service account's namespace at the hub.
    pub cluster: String,
    /// The service account.
    pub service_account: String,
    /// Which service account of this name, once it is ready.
    pub uid: Option<String>,
    /// How long the token shall last, in seconds.
    pub seconds: i64,
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub secret: String,
    /// What stands in the Secret beside the token.
    pub beside: BTreeMap<String, String>,
}

/// When a token has to be renewed: `None` is now.
fn renewal(secret: Option<&Data>, order: &TokenOrder, now: Timestamp) -> Option<Timestamp> {
    let secret = secret?;
    let claims = claims(credentials::text(secret, KEY_TOKEN)?)?;
    if claims["kubernetes.io"]["serviceaccount"]["uid"].as_str() != order.uid.as_deref() {
        return None;
    }
    let beside = order
        .beside
        .iter()
        .all(|(key, value)| credentials::text(secret, key) == Some(value));
    if !beside {
        return None;
    }
    let (from, to) = (claims["iat"].as_i64()?, claims["exp"].as_i64()?);
    let renewal = Timestamp::from_second(to - (to - from) / 5).ok()?;
    (renewal > now).then_some(renewal)
}

/// What a token says of itself. Who it is from the hub checks, not we.
fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Keeps a token.
pub(super) struct Keeper {
    pub(super) hub: Client,
    pub(super) spoke: Client,
    pub(super) order: TokenOrder,
    pub(super) secret: watch::Receiver<Option<Arc<Data>>>,
    /// The ManagedClusterAddOn that tells how renewals go.
    pub(super) report: (Api<DynamicObject>, String),
}

impl Keeper {
    /// Keeps the token good until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        if self.order.uid.is_none() {
            tracing::info!(secret = %self.order.secret, "waiting for the hub's service account");
            return shutdown.cancelled().await;
        }
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));
        let mut tries = 0;
        loop {
            let secret = self.secret.borrow_and_update().clone();
            let now = Timestamp::now();
            if let Some(renewal) = renewal(secret.as_deref(), &self.order, now) {
                tries = 0;
                let pause = renewal.duration_since(now).unsigned_abs().min(RECHECK);
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    changed = self.secret.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(pause) => {}
                }
                continue;
            }
            // A token that is no good as soon as it comes (clocks that differ, another
            // account than the hub says) is not asked for again and again at once.
            tries += 1;
            let pause = backoff.delay(tries);
            let stored = tokio::select! {
                () = shutdown.cancelled() => return,
                stored = self.attempt(pause) => stored,
            };
            if stored {
                // It comes back by the watch.
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    changed = self.secret.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(RECHECK) => {}
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One try, and what the hub is told of it; whether there is a new token.
    async fn attempt(&self, retry_in: Duration) -> bool {
        match self.renew().await {
            Ok(()) => {
                self.tell(TRUE, "AddonTokenRefreshed", "token refreshed")
                    .await;
                true
            }
            Err(error) => {
                let error = source_chain(&error);
                tracing::warn!(secret = %self.order.secret, %error, ?retry_in, "no new token");
                let message = format!("Failed to create token: {error}");
                self.tell(FALSE, "TokenCreationFailed", &message).await;
                false
            }
        }
    }

    async fn renew(&self) -> Result<(), kube::Error> {
        let order = &self.order;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.hub.clone(), &order.cluster);
        let request: TokenRequest = serde_json::from_value(json!({
            "spec": {"audiences": [], "expirationSeconds": order.seconds},
        }))
        .map_err(kube::Error::SerdeError)?;
        let params = PostParams::default();
        let answer = accounts
            .create_token_request(&order.service_account, &params, &request)
            .await?;
        let token = answer
            .status
            .and_then(|status| status.token)
            .ok_or_else(|| kube::Error::Service("the hub sent no token".into()))?;
        let api: Api<Secret> = Api::namespaced(self.spoke.clone(), &order.namespace);
        let old = api.get_opt(&order.secret).await?;
        let fresh = old.is_none();
        let mut secret = old.unwrap_or_else(|| Secret {
            metadata: ObjectMeta {
                name: Some(order.secret.clone()),
                namespace: Some(order.namespace.clone()),
                ..ObjectMeta::default()
            },
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        });
        let data = secret.data.get_or_insert_default();
        // Of the time when it had a certificate.
        data.remove(credentials::KEY_CERTIFICATE);
        data.remove(credentials::KEY_PRIVATE);
        data.insert(KEY_TOKEN.to_owned(), ByteString(token.into_bytes()));
        for (key, value) in &order.beside {
            data.insert(key.clone(), ByteString(value.clone().into_bytes()));
        }
        if fresh {
            api.create(&params, &secret).await?;
        } else {
            api.replace(&order.secret, &params, &secret).await?;
        }
        tracing::info!(secret = %order.secret, "token stored");
        Ok(())
    }

    async fn tell(&self, status: &str, reason: &str, message: &str) {
        let (api, name) = &self.report;
        let condition = condition(CONDITION_REFRESHED, status, reason, message);
        if let Err(error) = write_condition(api, name, &condition).await {
            tracing::debug!(error = %source_chain(&error), "condition not written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(uid: Option<&str>) -> TokenOrder {
        TokenOrder {
            cluster: "c1".to_owned(),
            service_account: "a-agent".to_owned(),
            uid: uid.map(str::to_owned),
            seconds: 1000,
            namespace: "n".to_owned(),
            secret: "s".to_owned(),
            beside: BTreeMap::from([("cluster-name".to_owned(), "c1".to_owned())]),
        }
    }

    fn secret(uid: &str, cluster: &str) -> Data {
        let claims = json!({"iat": 1000, "exp": 2000,
            "kubernetes.io": {"serviceaccount": {"uid": uid}}});
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        BTreeMap::from([
            (
                "token".to_owned(),
                ByteString(format!("h.{payload}.s").into()),
            ),
            ("cluster-name".to_owned(), ByteString(cluster.into())),
        ])
    }

    #[test]
    fn a_token_is_renewed_when_a_fifth_of_its_life_is_left() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let wanted = order(Some("u"));
        let good = secret("u", "c1");
        assert_eq!(renewal(Some(&good), &wanted, at(1500)), Some(at(1800)));
        assert_eq!(renewal(Some(&good), &wanted, at(1800)), None);
        for bad in [
            None,
            Some(secret("other", "c1")),
            Some(secret("u", "c2")),
            Some(Data::new()),
            Some(BTreeMap::from([(
                "token".to_owned(),
                ByteString(b"x".to_vec()),
            )])),
        ] {
            assert_eq!(renewal(bad.as_ref(), &wanted, at(1500)), None, "{bad:?}");
        }
    }
}
