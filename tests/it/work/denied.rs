//! A webhook on the managed cluster that says no.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::bed::*;

const WORDS: &str = "team a has no budget left";

/// Denies until it is told not to. Returns its URL and its certificate (PEM).
async fn webhook(denies: Arc<AtomicBool>) -> (String, String) {
    slow_webhook(denies, Arc::default()).await
}

/// The same, which answers after so many milliseconds.
async fn slow_webhook(denies: Arc<AtomicBool>, delay: Arc<AtomicU64>) -> (String, String) {
    let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, denies) = (acceptor.clone(), Arc::clone(&denies));
            let delay = Arc::clone(&delay);
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(move |request| {
                    let (denies, delay) = (Arc::clone(&denies), Arc::clone(&delay));
                    async move {
                        let pause = Duration::from_millis(delay.load(Ordering::SeqCst));
                        tokio::time::sleep(pause).await;
                        answer(request, denies).await
                    }
                });
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (url, own.cert.pem())
}

async fn answer(
    request: Request<Incoming>,
    denies: Arc<AtomicBool>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    let mut response = json!({"uid": review["request"]["uid"], "allowed": true});
    if denies.load(Ordering::SeqCst) {
        response["allowed"] = false.into();
        response["status"] = json!({"code": 403, "reason": "Forbidden", "message": WORDS});
    }
    let answer = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    let answer = Response::builder()
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(answer.to_string())));
    Ok(answer.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_denies_is_quoted_and_asked_again() {
    let bed = Bed::start().await;
    let denies = Arc::new(AtomicBool::new(true));
    let (url, certificate) = webhook(Arc::clone(&denies)).await;
    bed.spoke
        .create(json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "budget"},
            "webhooks": [{"name": "budget.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "timeoutSeconds": 10, "failurePolicy": "Fail",
                "clientConfig": {"url": url, "caBundle": STANDARD.encode(certificate)},
                "objectSelector": {"matchLabels": {"judged": "yes"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
                    "operations": ["CREATE", "UPDATE"]}]}]}))
        .await;
    let mut judged = config_map("judged", "1");
    judged["metadata"]["labels"] = json!({"judged": "yes"});
    // An API server notices a configuration a moment later.
    let mut probe = judged.clone();
    probe["metadata"]["name"] = "probe".into();
    until("the webhook is asked", || async {
        let passed = bed.spoke.try_create(probe.clone()).await;
        if passed {
            bed.spoke.delete(&probe).await;
        }
        !passed
    })
    .await;
    bed.create_work("w", vec![judged, config_map("a", "1")])
        .await;
    bed.create_work("v", vec![config_map("b", "1")]).await;
    let failed = bed
        .until_work("w", |w| statuses(w, "Applied") == ["False", "True"])
        .await;
    let applied = manifest_condition(&failed, 0, "Applied").unwrap();
    let message = applied["message"].as_str().unwrap();
    assert!(message.contains(WORDS), "{message}");
    assert!(message.contains("budget.example.com"), "{message}");
    assert!(message.ends_with("(tried again within 30s)"), "{message}");
    // Nobody else is held up, and nobody has to ask for it to be tried again.
    bed.until_available("v").await;
    denies.store(false, Ordering::SeqCst);
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_denies_a_deletion_holds_the_work_with_its_words() {
    let bed = Bed::start().await;
    let denies = Arc::new(AtomicBool::new(true));
    let (url, certificate) = webhook(Arc::clone(&denies)).await;
    bed.create_work("w", vec![config_map("kept", "1"), config_map("a", "1")])
        .await;
    bed.until_available("w").await;
    bed.spoke
        .create(json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "keep"},
            "webhooks": [{"name": "keep.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "timeoutSeconds": 10, "failurePolicy": "Fail",
                "clientConfig": {"url": url, "caBundle": STANDARD.encode(certificate)},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
                    "operations": ["DELETE"]}]}]}))
        .await;
    let probe = config_map("probe", "1");
    until("the webhook is asked", || async {
        bed.spoke.try_create(probe.clone()).await;
        !bed.spoke.try_delete(&probe).await
    })
    .await;
    bed.hub.delete(&work("w")).await;
    let held = bed
        .until_work("w", |w| {
            condition(w, "Deleting").is_some_and(|c| c["message"].as_str().unwrap().contains(WORDS))
        })
        .await;
    let text = condition(&held, "Deleting").unwrap()["message"]
        .as_str()
        .unwrap();
    for part in [
        "configmaps default/a",
        "configmaps default/kept",
        "keep.example.com",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(bed.spoke.get(&config_map("kept", "")).await.is_some());
    denies.store(false, Ordering::SeqCst);
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("kept", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_hangs_for_long_holds_up_nothing_else() {
    let bed = Bed::start().await;
    let (denies, delay) = (
        Arc::new(AtomicBool::new(false)),
        Arc::<AtomicU64>::default(),
    );
    let (url, certificate) = slow_webhook(Arc::clone(&denies), Arc::clone(&delay)).await;
    denies.store(true, Ordering::SeqCst);
    bed.spoke
        .create(json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "slow"},
            "webhooks": [{"name": "slow.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "timeoutSeconds": 30, "failurePolicy": "Fail",
                "clientConfig": {"url": url, "caBundle": STANDARD.encode(certificate)},
                "objectSelector": {"matchLabels": {"judged": "yes"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
                    "operations": ["CREATE"]}]}]}))
        .await;
    let judged = |name: &str| {
        let mut judged = config_map(name, "1");
        judged["metadata"]["labels"] = json!({"judged": "yes"});
        judged
    };
    until("the webhook is asked", || async {
        let passed = bed.spoke.try_create(judged("probe")).await;
        if passed {
            bed.spoke.delete(&judged("probe")).await;
        }
        !passed
    })
    .await;
    denies.store(false, Ordering::SeqCst);
    delay.store(25_000, Ordering::SeqCst);
    // More works than there are workers, each with one object that hangs.
    let start = Instant::now();
    for i in 0..18 {
        let manifests = vec![
            judged(&format!("slow{i}")),
            config_map(&format!("fast{i}"), "1"),
        ];
        bed.create_work(&format!("w{i}"), manifests).await;
    }
    bed.create_work("v", vec![config_map("b", "1")]).await;
    bed.until_available("v").await;
    let told = bed
        .until_work("w0", |w| statuses(w, "Applied") == ["False", "True"])
        .await;
    let text = manifest_condition(&told, 0, "Applied").unwrap()["message"]
        .as_str()
        .unwrap();
    assert!(
        text.contains("the API server has not answered yet"),
        "{text}"
    );
    let drift = json!({"data": {"key": "drift"}});
    bed.spoke.merge(&config_map("fast0", ""), drift).await;
    until("the drift is corrected", || async {
        bed.spoke.get(&config_map("fast0", "")).await.unwrap()["data"]["key"] == "1"
    })
    .await;
    let took = start.elapsed();
    assert!(
        took < Duration::from_secs(22),
        "they waited for the webhook: {took:?}"
    );
    // What is on its way is waited for by who wants it gone: nothing stays behind.
    bed.set_manifests("w1", vec![config_map("fast1", "1")])
        .await;
    bed.hub.delete(&work("w2")).await;
    delay.store(0, Ordering::SeqCst);
    bed.until_available("w0").await;
    bed.until_gone("w2").await;
    bed.until_available("w1").await;
    until("what the work lost is gone", || async {
        bed.spoke.get(&judged("slow1")).await.is_none()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for name in ["slow1", "slow2", "fast2"] {
        assert!(
            bed.spoke.get(&config_map(name, "")).await.is_none(),
            "{name}"
        );
    }
    assert!(bed.spoke.get(&config_map("slow0", "")).await.is_some());
}
