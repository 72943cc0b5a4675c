//! A client that does not wait for ever: an answer that has not begun within a
//! time is an error. Connections that a router has forgotten are silent, and
//! without this they would be waited for until the kernel gives up.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::{Client, Config, Error};
use tower::{BoxError, Layer, Service};

/// A client of this configuration, whose answers begin within `limit`. Watches
/// too: what an API server has to say of one it says later, but it says at once
/// that it is there.
///
/// # Errors
/// The configuration cannot be used.
pub fn client(config: Config, limit: Duration) -> Result<Client, Error> {
    let builder = ClientBuilder::try_from(config)?;
    Ok(builder.with_layer(&Limit(limit)).build())
}

struct Limit(Duration);

impl<S> Layer<S> for Limit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited {
            inner,
            limit: self.0,
        }
    }
}

struct Limited<S> {
    inner: S,
    limit: Duration,
}

impl<S, R> Service<R> for Limited<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (answer, limit) = (self.inner.call(request), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer.map_err(Into::into),
                Err(_) => Err(format!("no answer within {limit:?}").into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_silent_is_given_up() {
        let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = silent.local_addr().unwrap();
        let config = Config::new(format!("http://{address}").parse().unwrap());
        let client = client(config, Duration::from_millis(50)).unwrap();
        let error = client.apiserver_version().await.unwrap_err();
        let told = crate::runtime::source_chain(&error);
        assert!(told.contains("no answer within 50ms"), "{told}");
    }
}
