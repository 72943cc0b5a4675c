//! The HTTPS server that the API server asks.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::runtime::source_chain;

use super::certificate::Current;
use super::convert;
use super::review::{self, Refusal};
use super::{Judge, Verdict};

/// What a review may weigh: an object before and after, each 3 MiB at most.
const LARGEST: usize = 8 * 1024 * 1024;
/// API servers keep a few connections each; more at once would be no API server.
const CONNECTIONS: usize = 256;
/// How long a client may take to greet.
const GREETING: Duration = Duration::from_secs(10);

/// Binds `address` and answers until `shutdown`. Returns the bound address.
pub(super) async fn listen(
    address: SocketAddr,
    current: Arc<Current>,
    judges: Vec<Arc<dyn Judge>>,
    shutdown: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let judges: Arc<[Arc<dyn Judge>]> = judges.into();
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return,
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, most likely: let some close.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if connections.len() < CONNECTIONS {
                connections.spawn(talk(stream, acceptor.clone(), Arc::clone(&judges)));
            }
        }
    });
    Ok(bound)
}

async fn talk(stream: TcpStream, acceptor: TlsAcceptor, judges: Arc<[Arc<dyn Judge>]>) {
    // Each answer at once: the API server waits for it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let stream = match tokio::time::timeout(GREETING, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a webhook connection failed");
            return;
        }
        Err(_) => return,
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let judges = Arc::clone(&judges);
        async move { Ok::<_, Infallible>(respond(request, &judges).await) }
    });
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(request: Request<Incoming>, judges: &[Arc<dyn Judge>]) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let judge = judges.iter().find(|judge| judge.path() == path).cloned();
    let converts = path == convert::PATH;
    if judge.is_none() && !converts {
        return plain(StatusCode::NOT_FOUND, "no such webhook");
    }
    if request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only POST");
    }
    let largest = if converts { convert::LARGEST } else { LARGEST };
    let Ok(body) = Limited::new(request.into_body(), largest).collect().await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "too large, or broken off");
    };
    let body = body.to_bytes();
    let Some(judge) = judge else {
        return match convert::review(&body) {
            Some(answer) => json(&answer),
            None => plain(StatusCode::BAD_REQUEST, "no ConversionReview"),
        };
    };
    let Some((version, request)) = review::read(&body) else {
        return plain(StatusCode::BAD_REQUEST, "no AdmissionReview");
    };
    let verdict = match judge.judge(&request).await {
        Ok(verdict) => verdict,
        Err(error) => {
            let error = source_chain(&error);
            tracing::warn!(webhook = judge.path(), %error, "cannot judge");
            Verdict::Refuse(Refusal {
                code: 500,
                reason: "InternalError",
                message: format!("the hub cannot ask the API server: {error}"),
            })
        }
    };
    if let Verdict::Refuse(refusal) = &verdict {
        tracing::info!(
            webhook = judge.path(),
            object = request.object_name(),
            user = %request.user_info.username,
            message = %refusal.message,
            "write refused"
        );
    }
    json(&review::answer(&version, &request, &verdict))
}

fn json(answer: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
