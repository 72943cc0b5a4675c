//! A client that does not wait for ever: an answer that has not begun within a
//! time is an error. Connections that a router has forgotten are silent, and
//! without this they would be waited for until the kernel gives up.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use kube::{Client, Config, Error};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Layer, Service};

use crate::k8s::transport;

/// A client of this configuration, whose answers begin within `limit`. Watches
/// too: what an API server has to say of one it says later, but it says at once
/// that it is there. When `given_up` is cancelled, what has not been answered ends
/// in an error, too: whoever found the connections dead need not wait for the rest.
///
/// # Errors
/// The configuration cannot be used.
pub fn client(
    config: Config,
    limit: Duration,
    given_up: CancellationToken,
) -> Result<Client, Error> {
    let builder = transport::builder(config)?;
    Ok(builder.with_layer(&Limit { limit, given_up }).build())
}

/// The server has not answered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {0:?}")]
pub struct Silence(Duration);

/// Whether the error is that the server was silent for too long.
#[must_use]
pub fn is_silence(error: &Error) -> bool {
    matches!(error, Error::Service(cause) if cause.is::<Silence>())
}

struct Limit {
    limit: Duration,
    given_up: CancellationToken,
}

impl<S> Layer<S> for Limit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited {
            inner,
            limit: self.limit,
            given_up: self.given_up.clone(),
        }
    }
}

struct Limited<S> {
    inner: S,
    limit: Duration,
    given_up: CancellationToken,
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
        let given_up = self.given_up.clone();
        Box::pin(async move {
            tokio::select! {
                biased;
                answer = tokio::time::timeout(limit, answer) => match answer {
                    Ok(answer) => answer.map_err(Into::into),
                    Err(_) => Err(Silence(limit).into()),
                },
                () = given_up.cancelled() => Err("the connection was given up".into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a request to a server ends in that accepts and is silent.
    async fn asked(limit: Duration, given_up: CancellationToken) -> Error {
        let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = silent.local_addr().unwrap();
        let config = Config::new(format!("http://{address}").parse().unwrap());
        let client = client(config, limit, given_up.clone()).unwrap();
        let question = client.apiserver_version();
        let accepted = async {
            let connection = silent.accept().await;
            if limit > Duration::from_secs(60) {
                given_up.cancel();
            }
            connection
        };
        let (answer, _connection) = tokio::join!(question, accepted);
        answer.unwrap_err()
    }

    #[tokio::test]
    async fn a_server_that_is_silent_is_given_up() {
        let error = asked(Duration::from_millis(50), CancellationToken::new()).await;
        let told = crate::runtime::source_chain(&error);
        assert!(told.contains("no answer within 50ms"), "{told}");
        assert!(is_silence(&error));
    }

    #[tokio::test]
    async fn what_is_not_answered_ends_when_the_connection_is_given_up() {
        let error = asked(Duration::from_hours(1), CancellationToken::new()).await;
        let told = crate::runtime::source_chain(&error);
        assert!(told.contains("the connection was given up"), "{told}");
        assert!(!is_silence(&error));
    }
}
