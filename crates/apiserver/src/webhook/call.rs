//! One HTTPS request to a webhook.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::builtin::text;
use crate::golang;
use crate::request::yaml;

/// What an answer may weigh.
const LARGEST: usize = 3 * 1024 * 1024;

/// Why there is no answer.
enum Failure {
    /// Nobody was reached: the URL is named.
    Post(String),
    /// Somebody answered something else.
    Answer(String),
}

/// Failures on the way.
fn on_the_way(error: impl std::fmt::Display) -> Failure {
    Failure::Post(error.to_string())
}

/// A failed handshake, as Go says it.
fn untrusted(error: &std::io::Error) -> Failure {
    use rustls::CertificateError::UnknownIssuer;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    Failure::Post(match inner {
        Some(rustls::Error::InvalidCertificate(UnknownIssuer)) => UNKNOWN_ISSUER.to_owned(),
        _ => error.to_string(),
    })
}

const UNKNOWN_ISSUER: &str =
    "tls: failed to verify certificate: x509: certificate signed by unknown authority";

/// An answer that is no success, as Kubernetes' client says it.
fn refused(status: StatusCode, body: &[u8]) -> String {
    match status.as_u16() {
        404 => "the server could not find the requested resource".to_owned(),
        500.. => {
            let said = String::from_utf8_lossy(body);
            let said = match said.trim() {
                "" => "unknown",
                said => said,
            };
            format!("an error on the server ({said:?}) has prevented the request from succeeding")
        }
        code => format!(
            "the server responded with the status code {code} but did not return more information"
        ),
    }
}

/// The object in an answer, in JSON or YAML.
fn object(body: &[u8]) -> Result<Value, String> {
    const TYPED: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    let (value, _) = yaml::read(body)?;
    if !value.is_object() {
        let kind = golang::kind(&value);
        return Err(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {kind} into Go value of type {TYPED}"
        ));
    }
    for (field, called) in [("kind", "Kind"), ("apiVersion", "apiVersion")] {
        if text(&value, &format!("/{field}")).is_empty() {
            let shown = String::from_utf8_lossy(body);
            return Err(format!("Object '{called}' is missing in '{shown}'"));
        }
    }
    Ok(value)
}

/// Sends a review and reads the answer, within a time that the URL says too, as
/// Kubernetes' does; errors are sentences for people.
pub(super) async fn post(client: &Value, limit: Duration, review: &Value) -> Result<Value, String> {
    let url = text(client, "/url");
    if url.is_empty() {
        let service = &client["service"];
        return Err(format!(
            "service {}/{} cannot be reached: this server has no cluster network; give the webhook a url",
            text(service, "/namespace"),
            text(service, "/name"),
        ));
    }
    let path = if url.splitn(4, '/').count() < 4 {
        "/"
    } else {
        ""
    };
    let and = if url.contains('?') { "&" } else { "?" };
    let url = format!("{url}{path}{and}timeout={}s", limit.as_secs());
    let sent = send(&url, client, review);
    let failed = |error: &str| format!("Post {url:?}: {error}");
    match tokio::time::timeout(limit, sent).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Failure::Answer(why))) => Err(why),
        Ok(Err(Failure::Post(why))) => Err(failed(&why)),
        Err(_) => Err(failed("context deadline exceeded")),
    }
}

async fn send(url: &str, client: &Value, review: &Value) -> Result<Value, Failure> {
    let uri: Uri = url.parse().map_err(on_the_way)?;
    if uri.scheme_str() != Some("https") {
        return Err(on_the_way(format!("{url:?} does not begin with https://")));
    }
    let host = uri
        .host()
        .map(|host| host.trim_matches(['[', ']']))
        .ok_or_else(|| on_the_way(format!("{url:?} has no host")))?;
    let port = uri.port_u16().unwrap_or(443);
    let stream = dial(host, port).await.map_err(on_the_way)?;
    let tls = config(text(client, "/caBundle")).map_err(on_the_way)?;
    let name = ServerName::try_from(host.to_owned()).map_err(on_the_way)?;
    let stream = TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await
        .map_err(|error| untrusted(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(on_the_way)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let body = serde_json::to_vec(review).map_err(on_the_way)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(on_the_way)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(on_the_way)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST)
            .collect()
            .await
            .map_err(on_the_way)?
            .to_bytes();
        if !status.is_success() {
            return Err(Failure::Answer(refused(status, &body)));
        }
        object(&body).map_err(Failure::Answer)
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        ended = connection => match ended {
            Err(error) => Err(on_the_way(error)),
            // The answer may have come with the end of the connection.
            Ok(()) => exchange.await,
        },
    }
}

/// A connection, or why there is none, as Go says it.
async fn dial(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(|_| format!("dial tcp: lookup {host}: no such host"))?;
    let mut last = format!("dial tcp: lookup {host}: no such host");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // The request would wait for the acknowledgement of the handshake.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return Ok(stream);
            }
            Err(error) => {
                let why = match error.kind() {
                    ErrorKind::ConnectionRefused => "connection refused".to_owned(),
                    ErrorKind::TimedOut => "connection timed out".to_owned(),
                    ErrorKind::NetworkUnreachable => "network is unreachable".to_owned(),
                    ErrorKind::HostUnreachable => "no route to host".to_owned(),
                    _ => error.to_string(),
                };
                last = format!("dial tcp {address}: connect: {why}");
            }
        }
    }
    Err(last)
}

fn config(bundle: &str) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let pem = STANDARD
        .decode(bundle)
        .map_err(|_| "the caBundle is no base64".to_owned())?;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| format!("the caBundle cannot be read: {e}"))?;
        roots
            .add(certificate)
            .map_err(|e| format!("the caBundle cannot be used: {e}"))?;
    }
    if roots.is_empty() {
        // This server trusts no other authority.
        return Err(UNKNOWN_ISSUER.to_owned());
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
        .map_err(|e| e.to_string())
}
