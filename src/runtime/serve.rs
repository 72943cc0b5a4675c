//! The health and metrics endpoint: `/healthz`, `/livez`, `/readyz`, `/metrics`
//! over plain HTTP, for probes and for Prometheus. What fails makes a process
//! unready and is told there and by `/healthz`; another start would mend none of
//! it, so that `/livez` only says that the process still answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;

/// Named checks: a part of the process reports why it is unwell. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    failing: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl Health {
    /// The check `name` fails, for this reason (shown to whoever may probe).
    pub fn fail(&self, name: &'static str, reason: impl Into<String>) {
        self.lock().insert(name, reason.into());
    }

    /// The check `name` passes (again).
    pub fn pass(&self, name: &'static str) {
        self.lock().remove(name);
    }

    /// What fails: one line a check; nothing when all is well.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.lock()
            .iter()
            .map(|(name, reason)| format!("{name}: {reason}"))
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds `address` and serves until `shutdown`. Returns the bound address.
///
/// # Errors
/// The address cannot be bound.
pub async fn listen(
    address: SocketAddr,
    health: Health,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
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
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            // Probes are few; more at once would be no probes.
            if connections.len() >= 64 {
                continue;
            }
            let (health, metrics) = (health.clone(), metrics.clone());
            connections.spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let response =
                        answer(request.method(), request.uri().path(), &health, &metrics);
                    async move { Ok::<_, Infallible>(response) }
                });
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok(bound)
}

fn answer(
    method: &Method,
    path: &str,
    health: &Health,
    metrics: &Metrics,
) -> Response<Full<Bytes>> {
    let (status, body) = if method != Method::GET && method != Method::HEAD {
        (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned())
    } else {
        match path {
            "/livez" => (StatusCode::OK, "ok".to_owned()),
            "/healthz" | "/readyz" => {
                let failures = health.failures();
                if failures.is_empty() {
                    (StatusCode::OK, "ok".to_owned())
                } else {
                    (StatusCode::INTERNAL_SERVER_ERROR, failures.join("\n"))
                }
            }
            "/metrics" => (StatusCode::OK, metrics.text()),
            _ => (
                StatusCode::NOT_FOUND,
                "/healthz, /livez, /readyz, /metrics\n".to_owned(),
            ),
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn tells_health_and_metrics() {
        let (health, metrics) = (Health::default(), Metrics::default());
        let shutdown = CancellationToken::new();
        let address = listen(
            ([127, 0, 0, 1], 0).into(),
            health.clone(),
            metrics.clone(),
            shutdown.clone(),
        )
        .await
        .unwrap();
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        health.fail("hub-kube-config", "expired");
        let answer = get(address, "/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        assert!(answer.ends_with("hub-kube-config: expired"), "{answer}");
        assert!(get(address, "/livez").await.starts_with("HTTP/1.1 200"));
        let answer = get(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        health.pass("hub-kube-config");
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        metrics.leads(true);
        assert!(get(address, "/metrics").await.contains("ocmadm_leader 1"));
        assert!(get(address, "/other").await.starts_with("HTTP/1.1 404"));
        shutdown.cancel();
    }
}
