//! A client that costs little beside the server it measures: HTTP/1.1 over TLS
//! on one connection.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::servers::Failure;

/// How to reach a server as its admin.
pub(crate) struct Access {
    address: String,
    tls: TlsConnector,
}

impl Access {
    /// Reads a kubeconfig.
    pub(crate) fn new(config: &Value) -> Result<Self, Failure> {
        let cluster = &config["clusters"][0]["cluster"];
        let user = &config["users"][0]["user"];
        let data = |value: &Value| -> Result<Vec<u8>, Failure> {
            Ok(STANDARD.decode(value.as_str().ok_or("a kubeconfig without certificates")?)?)
        };
        let mut roots = RootCertStore::empty();
        for certificate in
            CertificateDer::pem_slice_iter(&data(&cluster["certificate-authority-data"])?)
        {
            roots.add(certificate?)?;
        }
        let chain = CertificateDer::pem_slice_iter(&data(&user["client-certificate-data"])?)
            .collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(&data(&user["client-key-data"])?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        let server = cluster["server"].as_str().unwrap_or_default();
        Ok(Self {
            address: server.trim_start_matches("https://").to_owned(),
            tls: TlsConnector::from(Arc::new(tls)),
        })
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let host = self.address.split(':').next().unwrap_or_default();
        let name = ServerName::try_from(host.to_owned())?;
        let stream = self.tls.connect(name, stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with its sender; what goes wrong is seen there.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Client {
            address: self.address.clone(),
            sender,
        })
    }
}

/// One connection.
pub(crate) struct Client {
    address: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Sends a request; the body of the answer is still to come.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.address);
        if !content_type.is_empty() {
            request = request.header(CONTENT_TYPE, content_type);
        }
        self.sender.ready().await?;
        let response = self
            .sender
            .send_request(request.body(Full::new(body))?)
            .await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = response.into_body().collect().await?.to_bytes();
        Err(format!(
            "{method} {path}: {status}: {}",
            String::from_utf8_lossy(&text)
        )
        .into())
    }

    /// Sends a request and reads all of the answer; its length.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<usize, Failure> {
        let mut body = self
            .send(method, path, content_type, body)
            .await?
            .into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame?.data_ref() {
                length += data.len();
            }
        }
        Ok(length)
    }
}
