//! The server as a `tower::Service` for clients in the same process.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};

use super::{Body, Handler, Peer};
use crate::api::UserInfo;

/// Answers requests on behalf of one user, without a connection. What the
/// user may do is what RBAC says.
#[derive(Clone, Debug)]
pub struct Service {
    handler: Handler,
    peer: Peer,
}

impl Service {
    pub(crate) fn new(handler: Handler, user: UserInfo) -> Self {
        Self {
            handler,
            peer: Peer::User(Arc::new(user)),
        }
    }
}

impl<B> tower::Service<Request<B>> for Service
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { handler, peer } = self.clone();
        Box::pin(async move { Ok(handler.handle(&peer, request).await) })
    }
}
