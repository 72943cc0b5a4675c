//! HTTP around the registry: one handler for requests that come over TLS and
//! for those of the same process.

mod body;
mod dispatch;
mod document;
mod listen;
mod respond;
mod service;
mod stages;
#[cfg(test)]
mod tests;
mod watch;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use rustls_pki_types::CertificateDer;

use crate::api::UserInfo;
use crate::authn::{self, Authenticator};
use crate::authz;
use crate::pki::ServiceAccountKeys;
use crate::registry::{Registry, RequestContext, View};
use crate::request::negotiate::Include;
use crate::request::{Accept, Asked, FieldValidation, Query, RequestInfo};
use crate::status::Status;
pub use body::Body;
pub(crate) use listen::serve;
pub use service::Service;

/// Names a request in the logs of client and server.
const AUDIT_ID: &str = "audit-id";

fn audit_id() -> Option<HeaderValue> {
    HeaderValue::from_str(&crate::registry::uid().ok()?).ok()
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// The same process, on behalf of this user.
    User(Arc<UserInfo>),
    /// A TLS connection with these client certificates (perhaps none).
    Connection(Arc<[CertificateDer<'static>]>),
}

/// Answers requests. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Handler(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    authenticator: Authenticator,
    keys: Arc<ServiceAccountKeys>,
}

impl Handler {
    pub(crate) fn new(
        registry: Registry,
        authenticator: Authenticator,
        keys: Arc<ServiceAccountKeys>,
    ) -> Self {
        Self(Arc::new(Inner {
            registry,
            authenticator,
            keys,
        }))
    }

    /// Answers one request.
    pub(crate) async fn handle<B>(&self, peer: &Peer, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send,
        B::Data: Send,
    {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let audit = request.headers().get(AUDIT_ID).cloned();
        let answer = self.answer(peer, request, RequestContext::default());
        // A bug in one request is not the end of the others on its connection.
        let answer = AssertUnwindSafe(answer).catch_unwind().await;
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(status)) => respond::failure(&status),
            Err(_) => {
                tracing::error!(%method, path, "a request caused a panic");
                respond::failure(&Status::internal(
                    "this request caused a panic; see the log of the server",
                ))
            }
        };
        if method == Method::HEAD {
            *response.body_mut() = Body::whole("");
        }
        if let Some(id) = audit.or_else(audit_id) {
            response.headers_mut().insert(AUDIT_ID, id);
        }
        response
    }

    async fn answer<B>(
        &self,
        peer: &Peer,
        request: Request<B>,
        mut context: RequestContext,
    ) -> Result<Response<Body>, Status>
    where
        B: http_body::Body + Send,
        B::Data: Send,
    {
        let (parts, body) = request.into_parts();
        let user = self.authenticate(peer, &parts.headers)?;
        let query = Query::parse(parts.uri.query().unwrap_or(""))?;
        let info = RequestInfo::new(&parts.method, parts.uri.path(), &query)?;
        context.user = authn::impersonate(
            user,
            &parts.headers,
            &info.attributes(&query),
            self.0.registry.authorizer(),
            self.0.authenticator.modes(),
        )?;
        self.authorize(&context.user, &info, &query)?;
        let header = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or("")
        };
        let Some(path) = &info.resource else {
            return stages::answer(
                &self.0.registry,
                &self.0.keys,
                &parts.method,
                &info.path,
                &query,
                &parts.headers,
            );
        };
        if parts.method == Method::HEAD {
            return Err(dispatch::wrong_method());
        }
        let kind = match info.verb.as_str() {
            "create" => "CreateOptions",
            "update" => "UpdateOptions",
            "patch" => "PatchOptions",
            "delete" | "deletecollection" => "DeleteOptions",
            _ => "",
        };
        // A delete with a body has its options there.
        if !matches!(kind, "" | "DeleteOptions") {
            query.check_write(kind, dispatch::is_apply(&parts.headers))?;
        }
        context.dry_run = kind != "DeleteOptions" && query.dry_run();
        context.force = query.flag("force")?;
        let asked = |name| query.get(name).unwrap_or_default().to_owned();
        context.asked = Asked {
            field_manager: asked("fieldManager"),
            field_validation: asked("fieldValidation"),
        };
        context.field_manager = query.get("fieldManager").map_or_else(
            || {
                // An apply must name its manager; others are known by their program.
                if dispatch::is_apply(&parts.headers) {
                    String::new()
                } else {
                    let agent = header(USER_AGENT);
                    let end = agent.find('/').unwrap_or(agent.len());
                    agent[..end]
                        .chars()
                        .filter(|c| !c.is_control())
                        .take(128)
                        .collect()
                }
            },
            str::to_owned,
        );
        context.field_validation = match query.get("fieldValidation") {
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            _ => FieldValidation::Warn,
        };
        let accept = Accept {
            include: Include::parse(query.get("includeObject"))?,
            ..Accept::parse(header(ACCEPT))?
        };
        let verb = dispatch::Verb {
            registry: &self.0.registry,
            authenticator: &self.0.authenticator,
            context: &context,
            path,
            verb: &info.verb,
            query: &query,
            headers: &parts.headers,
            accept: accept.clone(),
        };
        let result = verb.run(body).await;
        let mut response = result.unwrap_or_else(|status| respond::failure_as(&accept, &status));
        respond::add_warnings(&mut response, &context);
        Ok(response)
    }

    fn authenticate(&self, peer: &Peer, headers: &HeaderMap) -> Result<UserInfo, Status> {
        Ok(match peer {
            Peer::User(user) => {
                let mut user = (**user).clone();
                if !user
                    .groups
                    .iter()
                    .any(|group| group == authn::AUTHENTICATED)
                {
                    user.groups.push(authn::AUTHENTICATED.to_owned());
                }
                user
            }
            Peer::Connection(chain) => {
                let bearer = headers
                    .get(AUTHORIZATION)
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| value.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, token)| token.trim());
                self.0
                    .authenticator
                    .authenticate(&self.0.registry, chain, bearer)?
                    .unwrap_or_else(authn::anonymous)
            }
        })
    }

    fn authorize(&self, user: &UserInfo, info: &RequestInfo, query: &Query) -> Result<(), Status> {
        let wanted = info.attributes(query);
        let decision = self.0.registry.decide(user, &wanted);
        if decision.allowed {
            Ok(())
        } else {
            Err(authz::denial(user, &wanted, &decision.reason))
        }
    }
}
