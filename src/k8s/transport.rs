//! The way to an API server: kube's stack of layers, over connections that send at once.
//!
//! kube leaves Nagle's algorithm on. The first request of a connection may then wait
//! until the server acknowledges the end of the TLS handshake, which it may put off for
//! 40 ms: more than the rest of a request takes.

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ClientBuilder, ConfigExt, DynBody};
use kube::{Client, Config, Error};
use tower::retry::RetryLayer;
use tower::util::BoxService;
use tower::{BoxError, ServiceBuilder, ServiceExt};

/// What sends requests; kube's own builder makes the same type.
pub type Stack = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

/// A client of this configuration.
///
/// # Errors
/// The configuration cannot be used.
pub fn client(config: Config) -> Result<Client, Error> {
    Ok(builder(config)?.build())
}

/// A client of this configuration, to which layers can be added.
///
/// # Errors
/// The configuration cannot be used.
pub fn builder(config: Config) -> Result<ClientBuilder<Stack>, Error> {
    if config.proxy_url.is_some() {
        // kube knows the ways through proxies.
        return ClientBuilder::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let mut connector = TimeoutConnector::new(tls);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .build::<_, Body>(connector);
    let retry = config
        .default_retry
        .then(|| RetryLayer::new(RetryPolicy::server_retry()));
    let stack = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(retry)
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http)
        .map_response(|answer: Response<_>| {
            answer.map(|body| {
                let body: hyper::body::Incoming = body;
                Box::new(body.map_err(BoxError::from)) as Box<DynBody>
            })
        })
        .boxed();
    Ok(ClientBuilder::new(stack, config.default_namespace))
}
