//! Keeps the Secret of an order good: asks for a certificate when one is needed,
//! waits for it by watch, and stores it.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ocm::conditions;
use crate::runtime::backoff::fraction;
use crate::runtime::{Backoff, Clock, Informer, Metrics, Scope, source_chain};

use super::Order;
use super::credentials::{Chain, Data};
use super::request::{self, Need, Outcome, Pending, Request};

/// Certificates may be renewed when this part of their life is left.
const ROTATION: std::ops::Range<f64> = 0.20..0.25;
/// Clocks are looked at anew at least this often.
const RECHECK: Duration = Duration::from_secs(60);
/// How long a watch for a request lasts: one over a dead connection is noticed
/// a moment later.
const WATCH_SECONDS: u32 = 20;
/// Whether the last renewal went well.
const CONDITION_ROTATED: &str = "ClusterCertificateRotated";

/// Why there is no new certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hub does not take the request.
    #[error("Failed to create CSR")]
    Create(#[source] kube::Error),
    /// No request could be made.
    #[error(transparent)]
    Make(#[from] request::Error),
    /// The Secret cannot be written.
    #[error("cannot write secret {0}")]
    Store(String, #[source] kube::Error),
    /// The hub cannot be asked.
    #[error("cannot look at the requests")]
    Look(#[source] kube::Error),
    /// The request, or what came of it, was not good.
    #[error("{0}")]
    Lost(&'static str),
    /// Too many requests lie at the hub.
    #[error("Stop creating csr since there are too many csr created already on hub")]
    TooMany,
}

impl Error {
    /// What the condition says of it, in the protocol's words.
    fn told(&self) -> String {
        match self {
            Self::TooMany => self.to_string(),
            Self::Create(error) => format!("{self} {}", source_chain(error)),
            error => format!(
                "Failed to rotated client certificate {}",
                source_chain(error)
            ),
        }
    }
}

/// What the keeper works with.
pub struct Keeper {
    /// The hub, as whoever may ask for a certificate.
    pub hub: Client,
    /// The cluster that has the Secret.
    pub spoke: Client,
    /// For whom the certificate is, and where it is kept.
    pub order: Order,
    /// What the Secret holds.
    pub secret: watch::Receiver<Option<Arc<Data>>>,
    /// The object at the hub whose conditions tell how renewals go.
    pub report: Option<(Api<DynamicObject>, String)>,
    /// Cancelled when the hub refuses (401, 403) to take a request of whoever asks.
    pub refused: Option<CancellationToken>,
    /// What is counted.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: Clock,
}

impl Error {
    /// Whether the hub says that the asker may not ask.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Create(kube::Error::Api(status)) | Self::Look(kube::Error::Api(status))
            if [401, 403].contains(&status.code))
    }
}

impl Keeper {
    /// Keeps the certificate good until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
        let mut failures = 0;
        let mut left = draw();
        loop {
            let secret = self.secret.borrow_and_update().clone();
            let now = self.clock.now();
            let need = request::need(secret.as_deref(), &self.order, left, now);
            let pause = match need {
                Need::At(time) => {
                    failures = 0;
                    let rest = time.duration_since(self.clock.now()).unsigned_abs();
                    rest.min(RECHECK)
                }
                Need::Now(reason) => {
                    tracing::info!(secret = %self.order.secret, reason, "a new certificate is needed");
                    // Stopping in the middle of storing would lose the key.
                    let result = self.renew(&shutdown).await;
                    if shutdown.is_cancelled() {
                        return;
                    }
                    match result {
                        Ok(()) => {
                            failures = 0;
                            left = draw();
                            // The Secret comes back by its watch.
                            RECHECK
                        }
                        Err(error) => {
                            failures += 1;
                            let pause = backoff.delay(failures);
                            tracing::warn!(secret = %self.order.secret, error = %source_chain(&error), retry_in = ?pause, "no new certificate");
                            self.tell(false, &error.told()).await;
                            if error.is_refusal()
                                && let Some(refused) = &self.refused
                            {
                                refused.cancel();
                            }
                            pause
                        }
                    }
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = self.secret.changed() => if changed.is_err() { return },
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// One request, from its making to the stored certificate.
    async fn renew(&mut self, shutdown: &CancellationToken) -> Result<(), Error> {
        self.may_look().await?;
        let requests: Informer<Option<Request>> = Informer::new(
            Scope::of::<CertificateSigningRequest>()
                .labels(&self.order.ask.selector())
                .watch_seconds(WATCH_SECONDS),
        );
        let (changed, mut changes) = watch::channel(());
        requests.on_change(move |_, _| {
            changed.send_replace(());
        });
        let stop = shutdown.child_token();
        let _guard = stop.clone().drop_guard();
        let ask = self.order.ask.clone();
        // Requests of other names count, but are nobody's that waits here.
        let parse = move |object: DynamicObject| {
            if request::is_ours(&object, &ask) {
                Request::parse(object).map(Some)
            } else {
                Ok(None)
            }
        };
        tokio::spawn(
            requests
                .clone()
                .run(self.hub.clone(), parse, self.metrics.clone(), stop),
        );
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = requests.synced() => {}
        }
        if requests.len() >= request::MAX_REQUESTS {
            return Err(Error::TooMany);
        }
        let pending = self.request().await?;
        tracing::info!(request = %pending.name, secret = %self.order.secret, "waiting for the certificate");
        loop {
            let mut request = requests.get("", &pending.name).and_then(|r| (*r).clone());
            if request.is_none() {
                // Too new for the watch, or gone.
                request = match self.look(&pending.name).await {
                    Ok(request) => request,
                    Err(error) => {
                        // The key in memory is worth waiting for the hub.
                        tracing::debug!(request = %pending.name, error = %source_chain(&error), "cannot look at the request");
                        tokio::select! {
                            () = shutdown.cancelled() => return Ok(()),
                            () = tokio::time::sleep(Duration::from_secs(2)) => continue,
                        }
                    }
                };
            }
            match request::outcome(&pending, request.as_ref()) {
                Outcome::Wait => {}
                Outcome::Gone => return Err(Error::Lost("the certificate request is gone")),
                Outcome::Foreign => {
                    return Err(Error::Lost("the certificate is not for the agent's key"));
                }
                Outcome::Issued(certificate) => return self.store(&pending, certificate).await,
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                changed = changes.changed() => if changed.is_err() {
                    return Err(Error::Lost("the watch for the request ended"));
                },
            }
        }
    }

    /// Whether the hub lets the asker look at requests: a watch would try for
    /// ever.
    async fn may_look(&self) -> Result<(), Error> {
        let api: Api<CertificateSigningRequest> = Api::all(self.hub.clone());
        let one = ListParams::default()
            .labels(&self.order.ask.selector())
            .limit(1);
        api.list_metadata(&one).await.map_err(Error::Look)?;
        Ok(())
    }

    async fn request(&self) -> Result<Pending, Error> {
        let fresh = request::make(&self.order.ask)?;
        let api: Api<CertificateSigningRequest> = Api::all(self.hub.clone());
        let csr: CertificateSigningRequest = serde_json::from_value(fresh.object)
            .map_err(|_| Error::Lost("the certificate request has a wrong shape"))?;
        let created = api
            .create(&PostParams::default(), &csr)
            .await
            .map_err(Error::Create)?;
        Ok(Pending {
            name: created.name_any(),
            key: fresh.key,
            public: fresh.public,
        })
    }

    async fn look(&self, name: &str) -> Result<Option<Request>, Error> {
        let resource = kube::api::ApiResource::erase::<CertificateSigningRequest>(&());
        let api: Api<DynamicObject> = Api::all_with(self.hub.clone(), &resource);
        match api.get_opt(name).await.map_err(Error::Look)? {
            None => Ok(None),
            Some(object) => Request::parse(object)
                .map(Some)
                .map_err(|_| Error::Lost("the certificate request cannot be read")),
        }
    }

    async fn store(&self, pending: &Pending, certificate: Vec<u8>) -> Result<(), Error> {
        let chain = Chain::read(&certificate);
        let api: Api<Secret> = Api::namespaced(self.spoke.clone(), &self.order.namespace);
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        // The key exists nowhere else: it is worth some patience.
        let mut failures = 0;
        loop {
            match self.write(&api, pending, &certificate).await {
                Ok(()) => break,
                Err(error) if failures < 8 => {
                    failures += 1;
                    tracing::debug!(error = %source_chain(&error), "secret not written yet");
                    tokio::time::sleep(backoff.delay(failures)).await;
                }
                Err(error) => return Err(Error::Store(self.order.secret.clone(), error)),
            }
        }
        tracing::info!(secret = %self.order.secret, "certificate stored");
        if let Some(chain) = chain {
            let go =
                |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string();
            let message = format!(
                "client certificate rotated starting from {} to {}",
                go(chain.not_before),
                go(chain.not_after)
            );
            self.tell(true, &message).await;
        }
        Ok(())
    }

    async fn write(
        &self,
        api: &Api<Secret>,
        pending: &Pending,
        certificate: &[u8],
    ) -> Result<(), kube::Error> {
        let old = api.get_opt(&self.order.secret).await?;
        let data = request::secret_data(
            old.as_ref().and_then(|secret| secret.data.as_ref()),
            &self.order,
            &pending.key,
            certificate.to_vec(),
        );
        let params = PostParams::default();
        match old {
            Some(mut secret) => {
                secret.data = Some(data);
                api.replace(&self.order.secret, &params, &secret).await?;
            }
            None => {
                let secret = Secret {
                    metadata: ObjectMeta {
                        name: Some(self.order.secret.clone()),
                        namespace: Some(self.order.namespace.clone()),
                        ..ObjectMeta::default()
                    },
                    type_: Some("Opaque".to_owned()),
                    data: Some(data),
                    ..Secret::default()
                };
                api.create(&params, &secret).await?;
            }
        }
        Ok(())
    }

    /// Tells the hub how the renewal went.
    async fn tell(&self, good: bool, message: &str) {
        let Some((api, name)) = &self.report else {
            return;
        };
        let (status, reason) = if good {
            (conditions::TRUE, "ClientCertificateUpdated")
        } else {
            (conditions::FALSE, "ClientCertificateUpdateFailed")
        };
        let condition = conditions::condition(CONDITION_ROTATED, status, reason, message);
        if let Err(error) = write_condition(api, name, &condition).await {
            tracing::debug!(error = %source_chain(&error), "condition not written");
        }
    }
}

/// Sets a condition of an object, whoever else writes others.
///
/// # Errors
/// The API server refuses, or is away.
pub async fn write_condition(
    api: &Api<DynamicObject>,
    name: &str,
    condition: &Condition,
) -> Result<(), kube::Error> {
    for _ in 0..5 {
        let Some(object) = api.get_opt(name).await? else {
            return Ok(());
        };
        let mut all: Vec<Condition> =
            serde_json::from_value(object.data["status"]["conditions"].clone()).unwrap_or_default();
        if !conditions::set(&mut all, condition.clone()) {
            return Ok(());
        }
        let patch = json!({
            "metadata": {"uid": object.uid(), "resourceVersion": object.resource_version()},
            "status": {"conditions": all},
        });
        match api
            .patch_status(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            result => return result.map(|_| ()),
        }
    }
    Ok(())
}

/// The part of a certificate's life that may be left, drawn anew each time.
fn draw() -> f64 {
    ROTATION.start + (ROTATION.end - ROTATION.start) * fraction()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_the_words_of_the_protocol() {
        let api = |code: u16, message: &str| {
            kube::Error::Api(Box::new(
                serde_json::from_value(json!({"status": "Failure", "code": code,
                    "reason": "Forbidden", "message": message}))
                .unwrap(),
            ))
        };
        for (error, told, refusal) in [
            (
                Error::Create(api(403, "no")),
                "Failed to create CSR ApiError",
                true,
            ),
            (
                Error::Create(api(500, "no")),
                "Failed to create CSR ApiError",
                false,
            ),
            (
                Error::TooMany,
                "Stop creating csr since there are too many csr created already on hub",
                false,
            ),
            (
                Error::Lost("the certificate request is gone"),
                "Failed to rotated client certificate the certificate request is gone",
                false,
            ),
            (
                Error::Store("s".to_owned(), api(403, "no")),
                "Failed to rotated client certificate cannot write secret s",
                false,
            ),
        ] {
            assert!(error.told().starts_with(told), "{}", error.told());
            assert_eq!(error.is_refusal(), refusal, "{error}");
        }
    }
}
