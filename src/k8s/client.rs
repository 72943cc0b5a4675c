//! A client for the user's context, and what its failures mean.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::ListParams;
use kube::core::{ObjectList, PartialObjectMeta, Status};
use kube::{Client, Config, Error};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error as ThisError;

use super::kubeconfig::{self, Chosen, KubeconfigError, Places};
use super::record::Record;
use super::transport;

/// How long a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How many objects are asked for at once.
const PAGE: u32 = 500;

/// A client and where it leads.
#[derive(Clone)]
pub struct Connection {
    /// The client.
    pub client: Client,
    /// The API server's URL.
    pub url: String,
    /// The kubeconfig's context; none inside a pod.
    pub context: Option<String>,
    /// CA certificates (PEM) that the kubeconfig names for the server.
    pub ca: Option<Vec<u8>>,
    /// The configuration the client was made of.
    pub config: Config,
    /// The cluster's name in the kubeconfig; none inside a pod.
    pub cluster: Option<String>,
}

/// Why there is no client.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// The kubeconfig does not lead to a server.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// The kubeconfig's credentials or certificates cannot be used.
    #[error("the credentials or certificates of context {context:?} cannot be used")]
    Credentials {
        /// The context.
        context: String,
        /// Why.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// Makes a client for the context given, else the current one, else, inside a
/// pod, for the pod's cluster. Nothing is sent yet.
///
/// # Errors
/// What is wrong with the kubeconfig.
pub async fn connect(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<Connection, ConnectError> {
    let loaded = match kubeconfig::load(&Places::find(kubeconfig)) {
        Err(KubeconfigError::Nothing { .. })
            if context.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() =>
        {
            return in_cluster();
        }
        other => other?,
    };
    connect_with(loaded.config, context).await
}

/// Makes a client for a context of a kubeconfig, else its current one.
///
/// # Errors
/// What is wrong with the kubeconfig.
pub async fn connect_with(
    kubeconfig: kube::config::Kubeconfig,
    context: Option<&str>,
) -> Result<Connection, ConnectError> {
    let chosen = kubeconfig::choose(&kubeconfig, context)?;
    let unusable = |source: Box<dyn StdError + Send + Sync>| ConnectError::Credentials {
        context: chosen.context.clone(),
        source,
    };
    let options = kube::config::KubeConfigOptions {
        context: Some(chosen.context.clone()),
        ..Default::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| unusable(Box::new(error)))?;
    let ca = kubeconfig::ca_of(&chosen.cluster).map_err(|error| unusable(Box::new(error)))?;
    let Chosen {
        context,
        server,
        cluster_name,
        ..
    } = chosen;
    let mut connection = from_config(config, &server, Some(context), ca)?;
    connection.cluster = Some(cluster_name);
    Ok(connection)
}

/// A client for a configuration made elsewhere.
///
/// # Errors
/// Certificates or credentials that cannot be used.
pub fn from_config(
    mut config: Config,
    url: &str,
    context: Option<String>,
    ca: Option<Vec<u8>>,
) -> Result<Connection, ConnectError> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let client = transport::client(config.clone()).map_err(|error| ConnectError::Credentials {
        context: context.clone().unwrap_or_default(),
        source: Box::new(error),
    })?;
    Ok(Connection {
        client,
        url: url.trim_end_matches('/').to_owned(),
        context,
        ca,
        config,
        cluster: None,
    })
}

/// The certificates of a PEM file, as DER.
#[must_use]
pub fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .map(|certificate| certificate.to_vec())
        .collect()
}

/// A PEM block.
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    // 64 letters a line, all of them ASCII.
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

fn in_cluster() -> Result<Connection, ConnectError> {
    let config = Config::incluster().map_err(|error| ConnectError::Credentials {
        context: "(this pod)".to_owned(),
        source: Box::new(error),
    })?;
    let url = config.cluster_url.to_string();
    from_config(config, &url, None, None)
}

impl Connection {
    /// The same, but what the server answers to changes is kept, if there is
    /// where to.
    ///
    /// # Errors
    /// Certificates or credentials that cannot be used.
    pub fn recorded(mut self, record: Option<&Record>) -> Result<Self, ConnectError> {
        if let Some(record) = record {
            let builder = transport::builder(self.config.clone());
            let builder = builder.map_err(|error| ConnectError::Credentials {
                context: self.context.clone().unwrap_or_default(),
                source: Box::new(error),
            })?;
            self.client = builder.with_layer(record).build();
        }
        Ok(self)
    }

    /// Runs one request with a bound on its time; says where it went if it fails.
    ///
    /// # Errors
    /// The request's failure, classified.
    pub async fn call<T>(
        &self,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, ServerError> {
        self.call_within(REQUEST_TIMEOUT, request).await
    }

    /// [`Connection::call`] with a bound of its own.
    ///
    /// # Errors
    /// The request's failure, classified.
    pub async fn call_within<T>(
        &self,
        bound: Duration,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, ServerError> {
        match tokio::time::timeout(bound, request).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(error)),
            Err(_) => Err(ServerError {
                url: self.url.clone(),
                context: self.context.clone(),
                failure: Failure::Unreachable(format!(
                    "no answer within {} s",
                    bound.as_secs_f64()
                )),
                answer: None,
            }),
        }
    }

    /// Like [`Connection::call`], but what does not exist is `None`.
    ///
    /// # Errors
    /// The request's failure, classified.
    pub async fn call_opt<T>(
        &self,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<Option<T>, ServerError> {
        match self.call(request).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if matches!(error.failure, Failure::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects, read page by page. A list that has changed so much meanwhile
    /// that the server has forgotten how it was is read again, at once.
    ///
    /// # Errors
    /// A request's failure, classified.
    pub async fn list_all<K>(
        &self,
        api: &kube::Api<K>,
        params: &ListParams,
    ) -> Result<Vec<K>, ServerError>
    where
        K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
    {
        self.pages(params, |page| async move { api.list(&page).await })
            .await
    }

    async fn pages<T, F>(
        &self,
        params: &ListParams,
        get: impl Fn(ListParams) -> F,
    ) -> Result<Vec<T>, ServerError>
    where
        T: Clone,
        F: Future<Output = Result<ObjectList<T>, Error>>,
    {
        let mut page = params.clone().limit(PAGE);
        let mut found = Vec::new();
        loop {
            let list = match self.call(get(page.clone())).await {
                Ok(list) => list,
                Err(error) if page.continue_token.is_some() && error.is_gone() => {
                    return Ok(self.call(get(params.clone())).await?.items);
                }
                Err(error) => return Err(error),
            };
            found.extend(list.items);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(found),
            }
        }
    }

    /// Like [`Connection::list_all`], but a type that does not exist is `None`.
    ///
    /// # Errors
    /// A request's failure, classified.
    pub async fn list_all_opt<K>(
        &self,
        api: &kube::Api<K>,
        params: &ListParams,
    ) -> Result<Option<Vec<K>>, ServerError>
    where
        K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
    {
        match self.list_all(api, params).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if matches!(error.failure, Failure::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names, labels and owners of all objects, read page by page.
    ///
    /// # Errors
    /// A request's failure, classified.
    pub async fn list_all_metadata<K>(
        &self,
        api: &kube::Api<K>,
        params: &ListParams,
    ) -> Result<Vec<PartialObjectMeta<K>>, ServerError>
    where
        K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
    {
        self.pages(params, |page| async move { api.list_metadata(&page).await })
            .await
    }

    /// Says where a failed request went.
    #[must_use]
    pub fn failed(&self, error: Error) -> ServerError {
        ServerError {
            url: self.url.clone(),
            context: self.context.clone(),
            failure: classify(&error),
            answer: Some(Box::new(error)),
        }
    }
}

/// What a failed request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answers there.
    Unreachable(String),
    /// Somebody answers, but does not speak TLS.
    NotTls,
    /// The server's certificate is not signed by the CA we trust.
    UntrustedCa,
    /// The certificate is wrong in another way (name, date).
    BadCertificate(String),
    /// 401: nobody knows these credentials.
    Unauthorized,
    /// 403: known, but not allowed; the server's words.
    Forbidden(String),
    /// 404: the object or its type does not exist; the server's words.
    NotFound(String),
    /// 409: exists already, or has changed meanwhile.
    Conflict(String),
    /// 400, 422: the server does not accept the object.
    Invalid(String),
    /// Any other answer.
    Api(String),
    /// Credentials could not be got (exec plugin, token file).
    Credentials(String),
    /// Anything else.
    Other(String),
}

/// A failed request and where it went.
#[derive(Debug, ThisError)]
#[error("{}", self.text())]
pub struct ServerError {
    /// The API server's URL.
    pub url: String,
    /// The kubeconfig's context.
    pub context: Option<String>,
    /// What it means; its text says all that the chain below it would.
    pub failure: Failure,
    answer: Option<Box<Error>>,
}

impl ServerError {
    fn text(&self) -> String {
        let url = &self.url;
        match &self.failure {
            Failure::Unreachable(why) => format!("cannot reach the API server at {url}: {why}"),
            Failure::NotTls => format!("the server at {url} does not speak TLS"),
            Failure::UntrustedCa => {
                format!("the certificate of {url} is not signed by the CA that is trusted")
            }
            Failure::BadCertificate(why) => format!("the certificate of {url} is not valid: {why}"),
            Failure::Unauthorized => {
                format!("{url} does not accept these credentials (401 Unauthorized)")
            }
            Failure::Credentials(why) => format!("no credentials for {url}: {why}"),
            Failure::Forbidden(text)
            | Failure::NotFound(text)
            | Failure::Conflict(text)
            | Failure::Invalid(text)
            | Failure::Api(text) => format!("{url} answers: {text}"),
            Failure::Other(text) => format!("the request to {url} failed: {text}"),
        }
    }

    /// The Status the server answered with.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match self.answer.as_deref() {
            Some(Error::Api(status)) => Some(status),
            _ => None,
        }
    }

    /// Whether the server has forgotten the version that was asked for.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status().is_some_and(|status| status.code == 410)
    }

    /// Whether asking again, unchanged, cannot help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self.failure,
            Failure::Unauthorized
                | Failure::Forbidden(_)
                | Failure::UntrustedCa
                | Failure::BadCertificate(_)
                | Failure::NotTls
                | Failure::Credentials(_)
                | Failure::Invalid(_)
        )
    }
}

/// Reads the meaning off a chain of errors.
#[must_use]
pub fn classify(error: &Error) -> Failure {
    match error {
        Error::Api(status) => return classify_status(status),
        Error::Auth(source) => return Failure::Credentials(source.to_string()),
        _ => {}
    }
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return classify_tls(tls);
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            if let Some(tls) = tls_inside(error) {
                return classify_tls(tls);
            }
            if let Some(failure) = classify_io(error) {
                return failure;
            }
        }
        last = cause.to_string();
        next = cause.source();
    }
    if last.contains("dns error") || last.contains("failed to lookup") {
        return Failure::Unreachable(last);
    }
    match error {
        Error::Service(_) | Error::HyperError(_) => Failure::Unreachable(last),
        _ => Failure::Other(last),
    }
}

/// rustls' errors travel in I/O errors, which may travel in another one.
fn tls_inside(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner
        .downcast_ref::<rustls::Error>()
        .or_else(|| tls_inside(inner.downcast_ref::<io::Error>()?))
}

fn classify_io(error: &io::Error) -> Option<Failure> {
    use io::ErrorKind as Kind;
    let why = match error.kind() {
        Kind::ConnectionRefused => "connection refused".to_owned(),
        Kind::TimedOut => format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::UnexpectedEof => {
            "the connection was closed".to_owned()
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => {
            "no route to it".to_owned()
        }
        _ if error.to_string().contains("lookup") => "its host name is unknown".to_owned(),
        _ => return None,
    };
    Some(Failure::Unreachable(why))
}

fn classify_tls(error: &rustls::Error) -> Failure {
    use rustls::{CertificateError as Certificate, Error as Tls};
    match error {
        Tls::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature) => {
            Failure::UntrustedCa
        }
        Tls::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            Failure::BadCertificate("it has expired".to_owned())
        }
        Tls::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => Failure::BadCertificate("it is for another host name".to_owned()),
        Tls::InvalidCertificate(other) => Failure::BadCertificate(other.to_string()),
        Tls::InvalidMessage(_) => Failure::NotTls,
        Tls::AlertReceived(_) => Failure::Unauthorized,
        other => Failure::Other(other.to_string()),
    }
}

/// What a server says of a type that it does not serve.
pub const MISSING_TYPE: &str = "the server could not find the requested resource";

fn classify_status(status: &Status) -> Failure {
    let text = if status.message.is_empty() {
        format!("the server answered {} {}", status.code, status.reason)
    } else {
        status.message.clone()
    };
    match status.code {
        401 => Failure::Unauthorized,
        403 => Failure::Forbidden(text),
        // Servers word it in two ways when they do not serve the type at all.
        404 if text.contains("page not found") => Failure::NotFound(MISSING_TYPE.to_owned()),
        404 => Failure::NotFound(text),
        409 => Failure::Conflict(text),
        400 | 422 => Failure::Invalid(text),
        _ => Failure::Api(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: &str, root: Option<Vec<u8>>) -> Connection {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = Config::new(url.parse().unwrap());
        config.root_cert = root.map(|der| vec![der]);
        from_config(config, url, Some("test".to_owned()), None).unwrap()
    }

    async fn failure(connection: &Connection) -> Failure {
        let request = connection.client.apiserver_version();
        connection.call(request).await.unwrap_err().failure
    }

    fn certificate() -> (Vec<u8>, rustls::ServerConfig) {
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let der = own.cert.der().clone();
        let key =
            rustls_pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der.clone()], key)
            .unwrap();
        (der.to_vec(), server)
    }

    #[tokio::test]
    async fn nobody_there_is_told_with_the_url() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let connection = connection(&format!("https://{address}"), None);
        let error = connection
            .call(connection.client.apiserver_version())
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot reach the API server at https://{address}: connection refused")
        );
    }

    #[tokio::test]
    async fn a_foreign_ca_is_told_apart() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_, server) = certificate();
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(server));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = acceptor.accept(stream).await;
            }
        });
        let (other, _) = certificate();
        let connection = connection(&format!("https://{address}"), Some(other));
        assert_eq!(failure(&connection).await, Failure::UntrustedCa);
    }

    #[tokio::test]
    async fn a_server_without_tls_is_told_apart() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 64];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        });
        let connection = connection(&format!("https://{address}"), None);
        assert_eq!(failure(&connection).await, Failure::NotTls);
    }

    #[tokio::test]
    async fn long_lists_are_read_in_pages_and_again_if_they_are_forgotten() {
        use std::sync::{Arc, Mutex};

        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, forgets) = (Arc::clone(&asked), Arc::new(Mutex::new(false)));
        let forgetful = Arc::clone(&forgets);
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let second = query.contains("continue=more");
            let gone = second && *forgetful.lock().unwrap();
            seen.lock().unwrap().push(query);
            let map = |name: &str| serde_json::json!({"metadata": {"name": name}});
            let (code, body) = match (second, gone) {
                (_, true) => (
                    410,
                    serde_json::json!({"kind": "Status", "apiVersion": "v1",
                    "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"}),
                ),
                (true, false) => (
                    200,
                    serde_json::json!({"metadata": {}, "items": [map("b")]}),
                ),
                (false, _) if seen.lock().unwrap().len() == 5 => (
                    200,
                    serde_json::json!({"metadata": {}, "items": [map("a"), map("b"), map("c")]}),
                ),
                (false, _) => (
                    200,
                    serde_json::json!({"metadata": {"continue": "more"}, "items": [map("a")]}),
                ),
            };
            let answer = http::Response::builder().status(code);
            let answer = answer.body(kube::client::Body::from(body.to_string().into_bytes()));
            async move { Ok::<_, std::convert::Infallible>(answer.unwrap()) }
        });
        let mut connection = connection("https://127.0.0.1:1", None);
        connection.client = Client::new(service, "default");
        let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
            kube::Api::all(connection.client.clone());
        let params = ListParams::default();
        let found = connection.list_all(&maps, &params).await.unwrap();
        assert_eq!(found.len(), 2);
        *forgets.lock().unwrap() = true;
        let found = connection.list_all(&maps, &params).await.unwrap();
        assert_eq!(found.len(), 3);
        let asked = asked.lock().unwrap();
        assert!(
            asked[0].contains("limit=500") && asked[1].contains("continue=more"),
            "{asked:?}"
        );
        assert!(asked.len() == 5 && !asked[4].contains("limit"), "{asked:?}");
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connection = connection(&format!("https://{address}"), None);
        let request = connection.client.apiserver_version();
        let error = connection
            .call_within(Duration::from_millis(50), request)
            .await
            .unwrap_err();
        assert_eq!(
            error.failure,
            Failure::Unreachable("no answer within 0.05 s".to_owned())
        );
    }

    #[test]
    fn answers_are_told_apart_by_their_code() {
        let table = [
            (401, Failure::Unauthorized),
            (403, Failure::Forbidden("m".to_owned())),
            (404, Failure::NotFound("m".to_owned())),
            (409, Failure::Conflict("m".to_owned())),
            (422, Failure::Invalid("m".to_owned())),
            (500, Failure::Api("m".to_owned())),
        ];
        for (code, expected) in table {
            let mut status = Status::failure("m", "r");
            status.code = code;
            assert_eq!(classify(&Error::Api(Box::new(status))), expected);
        }
    }
}
