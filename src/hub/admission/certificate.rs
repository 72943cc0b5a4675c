//! The certificate of the webhooks: made by the hub, kept in a Secret for all
//! replicas, renewed by whoever notices first.
//!
//! Each certificate has an authority of its own, whose key is forgotten once it
//! has signed: nobody can sign another one. The API server is told of the new
//! authority (beside the old one) before the new certificate is served.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DynamicObject, ObjectMeta, PostParams};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;

use crate::ocm::names;
use crate::runtime::{Backoff, Change, Context, Informer, Scope, source_chain};

type Data = std::collections::BTreeMap<String, ByteString>;

/// How long a certificate is good for.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// Clocks may be this far behind.
const BACKDATED: Duration = Duration::from_secs(3600);
/// How long the old certificate is served after the API server began to hear
/// of the new authority.
const OVERLAP: Duration = Duration::from_secs(60);
/// The check in `/healthz`.
const CHECK: &str = "webhook-certificate";

/// The certificate that connections get.
#[derive(Debug, Default)]
pub(super) struct Current(RwLock<Option<Arc<CertifiedKey>>>);

impl Current {
    fn set(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A certificate out of the Secret.
#[derive(Clone, Debug)]
struct Loaded {
    key: Arc<CertifiedKey>,
    /// Who signed it, and who signed the one before: PEM.
    authorities: String,
    /// Who signed it: PEM.
    authority: String,
    renew_at: Timestamp,
    not_after: Timestamp,
}

/// What to do about the Secret.
#[derive(Debug)]
enum Step {
    /// Serve it.
    Serve(Box<Loaded>),
    /// Make another; these authorities were trusted before.
    Make { before: String },
}

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
enum CertificateError {
    #[error("a certificate cannot be made")]
    Make(#[from] rcgen::Error),
    #[error("Secret {name} cannot be written")]
    Write {
        name: &'static str,
        source: Box<kube::Error>,
    },
}

/// The names in the certificate: the Service's, and the machine's own.
fn served_names(namespace: &str) -> Vec<String> {
    vec![
        format!("{}.{namespace}.svc", names::WEBHOOK_SERVICE),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ]
}

fn decide(data: Option<&Data>, wanted: &[String], now: Timestamp) -> Step {
    let text = |key: &str| {
        let bytes = &data?.get(key)?.0;
        String::from_utf8(bytes.clone()).ok()
    };
    let before = text("ca.crt").unwrap_or_default();
    match load(&text, wanted) {
        Some(loaded) if now < loaded.renew_at => Step::Serve(Box::new(loaded)),
        _ => Step::Make { before },
    }
}

fn load(text: &impl Fn(&str) -> Option<String>, wanted: &[String]) -> Option<Loaded> {
    let (certificate, key) = (text("tls.crt")?, text("tls.key")?);
    let authorities = text("ca.crt")?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<Result<_, _>>()
            .ok()?;
    let (_, leaf) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
    // Another namespace than when it was made: other names.
    let subject = leaf.subject().to_string();
    if subject != format!("CN={}", wanted.first()?) {
        return None;
    }
    let not_before = Timestamp::from_second(leaf.validity().not_before.timestamp()).ok()?;
    let not_after = Timestamp::from_second(leaf.validity().not_after.timestamp()).ok()?;
    let life = not_after.duration_since(not_before);
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
    let provider = rustls::crypto::ring::default_provider();
    let key = CertifiedKey::from_der(chain, key, &provider).ok()?;
    Some(Loaded {
        key: Arc::new(key),
        authority: first(&authorities).to_owned(),
        authorities,
        renew_at: not_after - life / 5,
        not_after,
    })
}

/// The first certificate of a bundle.
fn first(bundle: &str) -> &str {
    const END: &str = "-----END CERTIFICATE-----";
    bundle.find(END).map_or("", |at| &bundle[..at + END.len()])
}

impl Loaded {
    /// Whether the one before is served until everybody has heard of this one:
    /// not when it ends, and not when nobody vouches for it any more, because
    /// its Secret was deleted: its key may be in other hands.
    fn follows(&self, old: &Self, now: Timestamp) -> bool {
        self.authorities.contains(&old.authority)
            && now + SignedDuration::from_secs(60) < old.not_after
    }
}

/// A new authority and a certificate by it, as the Secret has them.
fn make(before: &str, wanted: &[String], now: Timestamp) -> Result<Data, CertificateError> {
    let since = u64::try_from(now.as_second()).unwrap_or_default();
    let from = date_time_ymd(1970, 1, 1) + Duration::from_secs(since);
    let named = |name: &str, names: Vec<String>| -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = from - BACKDATED;
        params.not_after = from + LIFETIME;
        Ok(params)
    };
    let authority_key = KeyPair::generate()?;
    // Two authorities of one name would confuse who looks for the issuer.
    let mut authority = named(&format!("ocmadm webhooks {since}"), Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate()?;
    let common_name = wanted.first().map_or("", String::as_str);
    let mut params = named(common_name, wanted.to_vec())?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?.pem();
    // The last authority and this one; older ones have nothing left to vouch for.
    let authorities = format!("{authority_pem}\n{}\n", first(before));
    Ok([
        ("tls.crt", certificate),
        ("tls.key", key.serialize_pem()),
        ("ca.crt", authorities),
    ]
    .into_iter()
    .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
    .collect())
}

/// Keeps a good certificate in the Secret and in `current`, until shutdown.
pub(super) async fn run(
    context: Context,
    namespace: String,
    current: Arc<Current>,
    shown: watch::Sender<Option<String>>,
) {
    let wanted = served_names(&namespace);
    let (informer, mut secret) = follow(&context, &namespace);
    context.health.fail(CHECK, "not made yet");
    tokio::select! {
        () = context.shutdown.cancelled() => return,
        () = informer.synced() => {}
    }
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
    let (mut failures, mut served): (u32, Option<Loaded>) = (0, None);
    loop {
        let data = secret.borrow_and_update().clone();
        let now = Timestamp::now();
        let pause = match decide(data.as_deref(), &wanted, now) {
            Step::Serve(loaded) => {
                failures = 0;
                shown.send_replace(Some(loaded.authorities.clone()));
                let until = loaded.renew_at.duration_since(now);
                match &served {
                    Some(old) if old.key.cert == loaded.key.cert => until.unsigned_abs(),
                    Some(old) if loaded.follows(old, now) => {
                        let (current, key) = (Arc::clone(&current), Arc::clone(&loaded.key));
                        tokio::spawn(async move {
                            tokio::time::sleep(OVERLAP).await;
                            current.set(key);
                        });
                        served = Some(*loaded);
                        until.unsigned_abs()
                    }
                    _ => {
                        current.set(Arc::clone(&loaded.key));
                        context.health.pass(CHECK);
                        tracing::info!(until = %loaded.not_after, "webhook certificate in use");
                        served = Some(*loaded);
                        until.unsigned_abs()
                    }
                }
            }
            Step::Make { before } => match store(&context, &namespace, &before, &wanted, now).await
            {
                // The watch tells of it.
                Ok(()) => Duration::from_secs(5),
                Err(error) => {
                    failures += 1;
                    let error = source_chain(&error);
                    tracing::warn!(%error, "no certificate for the webhooks yet");
                    if served.is_none() {
                        context.health.fail(CHECK, error);
                    }
                    backoff.delay(failures)
                }
            },
        };
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            changed = secret.changed() => if changed.is_err() { return },
            // A clock that jumps is noticed within the hour.
            () = tokio::time::sleep(pause.min(Duration::from_secs(3600))) => {}
        }
    }
}

fn follow(
    context: &Context,
    namespace: &str,
) -> (Informer<Data>, watch::Receiver<Option<Arc<Data>>>) {
    let scope = Scope::of::<Secret>()
        .namespace(namespace)
        .named(names::WEBHOOK_SECRET);
    let informer: Informer<Data> = Informer::new(scope);
    let (sender, receiver) = watch::channel(None);
    informer.on_change(move |_, change| {
        let new = match change {
            Change::Applied { new, .. } => Some(Arc::clone(new)),
            Change::Deleted(_) => None,
        };
        sender.send_replace(new);
    });
    tokio::spawn(informer.clone().run(
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

/// Writes a new certificate, unless another replica was faster.
async fn store(
    context: &Context,
    namespace: &str,
    before: &str,
    wanted: &[String],
    now: Timestamp,
) -> Result<(), CertificateError> {
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let name = names::WEBHOOK_SECRET;
    let write = |source: kube::Error| CertificateError::Write {
        name,
        source: Box::new(source),
    };
    let data = make(before, wanted, now)?;
    let params = PostParams::default();
    let written = match api.get_opt(name).await.map_err(write)? {
        Some(mut secret) => {
            secret.data = Some(data);
            api.replace(name, &params, &secret).await
        }
        None => {
            let secret = Secret {
                metadata: ObjectMeta {
                    name: Some(name.to_owned()),
                    namespace: Some(namespace.to_owned()),
                    labels: Some([("app".to_owned(), names::CLUSTER_MANAGER.to_owned())].into()),
                    ..ObjectMeta::default()
                },
                type_: Some("kubernetes.io/tls".to_owned()),
                data: Some(data),
                ..Secret::default()
            };
            api.create(&params, &secret).await
        }
    };
    match written {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        result => result.map(|_| ()).map_err(write),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_served_and_renewed_in_time() {
        let wanted = served_names("ns");
        let now = Timestamp::now();
        let Step::Make { before } = decide(None, &wanted, now) else {
            panic!("nothing to serve yet");
        };
        let data = make(&before, &wanted, now).unwrap();
        let Step::Serve(loaded) = decide(Some(&data), &wanted, now) else {
            panic!("good as new");
        };
        assert!(loaded.renew_at < loaded.not_after);
        // Four fifths later.
        let Step::Make { before } = decide(Some(&data), &wanted, loaded.renew_at) else {
            panic!("time for another");
        };
        let next = make(&before, &wanted, now + SignedDuration::from_secs(1)).unwrap();
        let count = |data: &Data| {
            let text = String::from_utf8(data["ca.crt"].0.clone()).unwrap();
            text.matches("BEGIN CERTIFICATE").count()
        };
        assert_eq!((count(&data), count(&next)), (1, 2));
        // The old one goes on for a while, as the bundle vouches for both.
        let Step::Serve(second) = decide(Some(&next), &wanted, now) else {
            panic!("good as new");
        };
        assert!(second.follows(&loaded, now));
        assert!(!second.follows(&loaded, loaded.not_after));
        // Two at most, however often.
        let bundle = String::from_utf8(next["ca.crt"].0.clone()).unwrap();
        assert_eq!(count(&make(&bundle, &wanted, now).unwrap()), 2);
    }

    #[test]
    fn a_deleted_certificate_is_not_served_any_longer() {
        let (wanted, now) = (served_names("ns"), Timestamp::now());
        let load = |data: &Data| match decide(Some(data), &wanted, now) {
            Step::Serve(loaded) => loaded,
            Step::Make { .. } => panic!("good as new"),
        };
        let old = load(&make("", &wanted, now).unwrap());
        let Step::Make { before } = decide(None, &wanted, now) else {
            panic!("nothing is there");
        };
        let new = load(&make(&before, &wanted, now + SignedDuration::from_secs(1)).unwrap());
        assert!(!new.follows(&old, now));
    }

    #[test]
    fn what_cannot_be_served_is_replaced() {
        let wanted = served_names("ns");
        let now = Timestamp::now();
        let good = make("", &wanted, now).unwrap();
        let elsewhere = served_names("other");
        assert!(matches!(
            decide(Some(&good), &elsewhere, now),
            Step::Make { .. }
        ));
        for key in ["tls.crt", "tls.key", "ca.crt"] {
            let mut broken = good.clone();
            broken.insert(key.to_owned(), ByteString(b"\xff nonsense".to_vec()));
            assert!(
                matches!(decide(Some(&broken), &wanted, now), Step::Make { .. }),
                "{key}"
            );
        }
    }
}
