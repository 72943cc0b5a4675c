//! Who sends a request: client certificates, service-account tokens, bootstrap
//! tokens, and whom they say to be instead.

mod bootstrap;
mod cache;
mod impersonation;
mod service_account;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::api::UserInfo;
use crate::pki::{Authority, Claims, ISSUER, PkiError, ServiceAccountKeys, TokenError};
use crate::registry::View;
use crate::status::Status;

use bootstrap::Token;
pub(crate) use bootstrap::{TYPE as TOKEN_TYPE, TokenSecret};
use cache::Cache;
pub use impersonation::{Modes, impersonate};

/// Every authenticated user is in it.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of requests without credentials.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// Recognizes users by what their requests carry.
pub struct Authenticator {
    keys: Arc<ServiceAccountKeys>,
    verifier: Arc<dyn ClientCertVerifier>,
    /// By certificate.
    users: Cache<UserInfo>,
    /// By token and the audiences it was verified for. Whether its account
    /// lives is asked every time.
    claims: Cache<Arc<Claims>>,
    modes: Modes,
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

/// The 401 of credentials that are not valid: it does not say why.
pub fn unauthorized() -> Status {
    Status::new(401, "Unauthorized", "Unauthorized")
}

/// Who sends requests without credentials.
pub fn anonymous() -> UserInfo {
    UserInfo {
        username: "system:anonymous".to_owned(),
        groups: vec![UNAUTHENTICATED.to_owned()],
        ..UserInfo::default()
    }
}

impl Authenticator {
    /// Trusts certificates of the authority, tokens of the keys, and the
    /// bootstrap tokens that are stored.
    pub fn new(authority: &Authority, keys: Arc<ServiceAccountKeys>) -> Result<Self, PkiError> {
        Ok(Self {
            keys,
            verifier: authority.client_verifier()?,
            users: Cache::default(),
            claims: Cache::default(),
            modes: Modes::default(),
        })
    }

    /// In which modes users have acted as others.
    pub fn modes(&self) -> &Modes {
        &self.modes
    }

    /// The keys that sign service-account tokens.
    pub fn keys(&self) -> &ServiceAccountKeys {
        &self.keys
    }

    /// Who it is, by the certificates of the connection (leaf first) or the
    /// bearer token. `None`: no credentials. 401: credentials that are not
    /// valid.
    pub fn authenticate(
        &self,
        view: &dyn View,
        chain: &[CertificateDer<'_>],
        bearer: Option<&str>,
    ) -> Result<Option<UserInfo>, Status> {
        let certificate = match chain.split_first() {
            Some((leaf, rest)) => self.certificate_user(leaf, rest, Timestamp::now()),
            None => Ok(None),
        };
        if let Ok(Some(user)) = certificate {
            return Ok(Some(user));
        }
        match bearer.map(str::trim).filter(|token| !token.is_empty()) {
            Some(token) => match self.token_user(view, token, &[ISSUER.to_owned()]) {
                Ok((user, _)) => Ok(Some(user)),
                Err(why) => {
                    tracing::debug!(%why, "bearer token refused");
                    Err(unauthorized())
                }
            },
            None => certificate.map_err(|why| {
                tracing::debug!(%why, "client certificate refused");
                unauthorized()
            }),
        }
    }

    fn certificate_user(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Option<UserInfo>, rustls::Error> {
        let key = cache::hash(leaf);
        if let Some(user) = self.users.get(&key, now.as_second()) {
            return Ok(Some(user));
        }
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.verifier.verify_client_cert(leaf, rest, time)?;
        let Ok((_, certificate)) = x509_parser::parse_x509_certificate(leaf) else {
            return Ok(None);
        };
        let subject = certificate.subject();
        let name = subject
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .unwrap_or_default();
        if name.is_empty() {
            return Ok(None);
        }
        let mut groups: Vec<String> = subject
            .iter_organization()
            .filter_map(|group| group.as_str().ok())
            .map(str::to_owned)
            .collect();
        add_authenticated(&mut groups);
        let hex: String = key.iter().map(|b| format!("{b:02x}")).collect();
        let user = UserInfo {
            username: name.to_owned(),
            groups,
            extra: BTreeMap::from([(CREDENTIAL_ID.to_owned(), vec![format!("X509SHA256={hex}")])]),
            ..UserInfo::default()
        };
        let end = certificate.validity().not_after.timestamp();
        self.users.put(key, end, user.clone());
        Ok(Some(user))
    }

    /// Who a token stands for and for which of the audiences, or why it is
    /// refused (for TokenReview; never sent to the bearer itself).
    pub fn token_user(
        &self,
        view: &dyn View,
        token: &str,
        audiences: &[String],
    ) -> Result<(UserInfo, Vec<String>), String> {
        if let Some(token) = Token::parse(token) {
            let api = audiences.iter().any(|audience| audience == ISSUER);
            return match bootstrap::user(view, &token) {
                Some(user) if api => Ok((user, vec![ISSUER.to_owned()])),
                _ => Err("invalid bearer token".to_owned()),
            };
        }
        let claims = self.claims(token, audiences)?;
        let user = service_account::user(view, &claims)?;
        let matching = claims
            .audiences
            .iter()
            .filter(|audience| audiences.contains(audience))
            .cloned()
            .collect();
        Ok((user, matching))
    }

    fn claims(&self, token: &str, audiences: &[String]) -> Result<Arc<Claims>, String> {
        let now = Timestamp::now();
        let key = cache::hash(format!("{token}\n{}", audiences.join("\n")).as_bytes());
        if let Some(claims) = self.claims.get(&key, now.as_second()) {
            return Ok(claims);
        }
        let claims = self
            .keys
            .verify(token, audiences, now)
            .map_err(|error| match error {
                TokenError::Foreign => "invalid bearer token".to_owned(),
                error => format!("[invalid bearer token, {error}]"),
            })?;
        let claims = Arc::new(claims);
        let end = claims.expires.unwrap_or(i64::MAX);
        self.claims.put(key, end, claims.clone());
        Ok(claims)
    }
}

fn add_authenticated(groups: &mut Vec<String>) {
    if !groups.iter().any(|group| group == AUTHENTICATED) {
        groups.push(AUTHENTICATED.to_owned());
    }
}

#[cfg(test)]
mod tests;
