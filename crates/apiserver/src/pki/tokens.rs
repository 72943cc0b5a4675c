//! Service-account tokens: JSON Web Tokens signed with ES256.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{PkiError, files, pem, unpem, uuid};

/// Who issues the tokens, and the audience of the API server itself.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// The issuer of tokens kept in secrets.
const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";
const FILE: &str = "sa.key";

/// An object a token lives and dies with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Its name.
    pub name: String,
    /// Its UID; empty for the secret of a legacy token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Namespace of the service account.
    pub namespace: String,
    /// The service account.
    pub account: Bound,
    /// Bound to a pod.
    pub pod: Option<Bound>,
    /// Bound to a secret.
    pub secret: Option<Bound>,
    /// Bound to a node, or the node of the pod.
    pub node: Option<Bound>,
    /// For whom it is.
    pub audiences: Vec<String>,
    /// Seconds since 1970; `None` for a token kept in a secret.
    pub expires: Option<i64>,
    /// Its id (`jti`); empty for a token kept in a secret.
    pub id: String,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a service-account token of any server: another kind of token.
    #[error("not a service-account token")]
    Foreign,
    /// The signature is not this server's.
    #[error("go-jose/go-jose: error in cryptographic primitive")]
    Signature,
    /// Its time is over.
    #[error("token has expired")]
    Expired,
    /// Its time has not come.
    #[error("token is not valid yet")]
    Early,
    /// It is meant for others.
    #[error("token audiences {0:?} is invalid for the target audiences {1:?}")]
    Audience(Vec<String>, Vec<String>),
    /// Claims are missing.
    #[error("token misses the claim {0}")]
    Claim(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Private {
    namespace: String,
    serviceaccount: Bound,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<Bound>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Bound>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<Bound>,
}

/// The key pair that signs service-account tokens.
pub struct ServiceAccountKeys {
    key: EcdsaKeyPair,
    id: String,
}

impl std::fmt::Debug for ServiceAccountKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccountKeys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl ServiceAccountKeys {
    /// The key kept in `sa.key` of a folder, made there when missing; without a
    /// folder it lives in memory.
    pub fn open(folder: Option<&Path>) -> Result<Self, PkiError> {
        let Some(folder) = folder else {
            return Self::parse(&Self::generate()?);
        };
        let path = folder.join(FILE);
        let io = |source| PkiError::File {
            path: path.clone(),
            source,
        };
        if let Some(text) = files::read(&path).map_err(io)? {
            let bytes = unpem("PRIVATE KEY", &text).ok_or_else(|| PkiError::Content {
                path: path.clone(),
                what: "holds no PEM private key",
            })?;
            return Self::parse(&bytes);
        }
        let bytes = Self::generate()?;
        files::write_secret(&path, pem("PRIVATE KEY", &bytes).as_bytes()).map_err(io)?;
        Self::parse(&bytes)
    }

    fn generate() -> Result<Vec<u8>, PkiError> {
        let random = SystemRandom::new();
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map(|key| key.as_ref().to_vec())
            .map_err(|_| PkiError::Crypto("no key can be made"))
    }

    fn parse(bytes: &[u8]) -> Result<Self, PkiError> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &random)
            .map_err(|_| PkiError::Crypto("the key is no P-256 key in PKCS #8"))?;
        let hash = digest::digest(&digest::SHA256, key.public_key().as_ref());
        let id = URL_SAFE_NO_PAD.encode(hash);
        Ok(Self { key, id })
    }

    fn sign(&self, claims: &Value) -> Result<String, PkiError> {
        let header = json!({"alg": "ES256", "kid": self.id});
        let mut token = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = self
            .key
            .sign(&SystemRandom::new(), token.as_bytes())
            .map_err(|_| PkiError::Crypto("the token cannot be signed"))?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(token)
    }

    /// A token for these claims, valid from now for so many seconds. `claims.id`
    /// and `claims.expires` are made here. The second part is when it expires.
    pub fn issue(&self, claims: &Claims, seconds: i64) -> Result<(String, Timestamp), PkiError> {
        let now = Timestamp::now().as_second();
        let expires = Timestamp::from_second(now.saturating_add(seconds))
            .map_err(|_| PkiError::Crypto("the token would live too long"))?;
        let private = Private {
            namespace: claims.namespace.clone(),
            serviceaccount: claims.account.clone(),
            pod: claims.pod.clone(),
            secret: claims.secret.clone(),
            node: claims.node.clone(),
        };
        let token = self.sign(&json!({
            "aud": claims.audiences,
            "exp": expires.as_second(),
            "iat": now,
            "iss": ISSUER,
            "jti": uuid()?,
            "kubernetes.io": serde_json::to_value(private)
                .map_err(|_| PkiError::Crypto("the token cannot be written"))?,
            "nbf": now,
            "sub": subject(&claims.namespace, &claims.account.name),
        }))?;
        Ok((token, expires))
    }

    /// The token that a secret of type `kubernetes.io/service-account-token`
    /// holds: valid as long as the secret and the account are there.
    pub fn issue_for_secret(
        &self,
        namespace: &str,
        account: &Bound,
        secret: &str,
    ) -> Result<String, PkiError> {
        self.sign(&json!({
            "iss": LEGACY_ISSUER,
            "kubernetes.io/serviceaccount/namespace": namespace,
            "kubernetes.io/serviceaccount/secret.name": secret,
            "kubernetes.io/serviceaccount/service-account.name": account.name,
            "kubernetes.io/serviceaccount/service-account.uid": account.uid,
            "sub": subject(namespace, &account.name),
        }))
    }

    /// Checks signature, time and audience (one of `audiences` must match; a
    /// token kept in a secret is for the API server). Whether the bound objects
    /// live is the caller's question.
    pub fn verify(
        &self,
        token: &str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Claims, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Foreign)?;
        let (header, body) = signed.split_once('.').ok_or(TokenError::Foreign)?;
        let header: Value = decode(header)?;
        let body: Value = decode(body)?;
        let issuer = body["iss"].as_str().unwrap_or_default();
        if issuer != ISSUER && issuer != LEGACY_ISSUER {
            return Err(TokenError::Foreign);
        }
        if header["alg"] != "ES256" {
            return Err(TokenError::Signature);
        }
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| TokenError::Signature)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| TokenError::Signature)?;
        let claims = if issuer == ISSUER {
            bound_claims(&body)?
        } else {
            legacy_claims(&body)?
        };
        let now = now.as_second();
        if claims.expires.is_some_and(|expires| now >= expires) {
            return Err(TokenError::Expired);
        }
        if body["nbf"].as_i64().is_some_and(|from| now + 60 < from) {
            return Err(TokenError::Early);
        }
        if body["sub"] != subject(&claims.namespace, &claims.account.name) {
            return Err(TokenError::Claim("sub"));
        }
        if !claims.audiences.iter().any(|a| audiences.contains(a)) {
            return Err(TokenError::Audience(claims.audiences, audiences.to_owned()));
        }
        Ok(claims)
    }

    /// The public key as a JSON Web Key Set, served at `/openid/v1/jwks`.
    pub fn jwks(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = point
            .get(1..)
            .map_or((&[][..], &[][..]), |xy| xy.split_at(xy.len() / 2));
        json!({"keys": [{
            "use": "sig",
            "kty": "EC",
            "kid": self.id,
            "crv": "P-256",
            "alg": "ES256",
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
        }]})
    }

    /// `/.well-known/openid-configuration`.
    pub fn openid_configuration(&self, jwks_uri: &str) -> Value {
        json!({
            "issuer": ISSUER,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }
}

/// The user name of a service account.
pub(crate) fn subject(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

fn decode(part: &str) -> Result<Value, TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Foreign)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Foreign)
}

fn bound_claims(body: &Value) -> Result<Claims, TokenError> {
    let private = Private::deserialize(&body["kubernetes.io"])
        .map_err(|_| TokenError::Claim("kubernetes.io"))?;
    let audiences = match &body["aud"] {
        Value::String(one) => vec![one.clone()],
        many => Vec::deserialize(many).map_err(|_| TokenError::Claim("aud"))?,
    };
    Ok(Claims {
        namespace: private.namespace,
        account: private.serviceaccount,
        pod: private.pod,
        secret: private.secret,
        node: private.node,
        audiences,
        expires: Some(body["exp"].as_i64().ok_or(TokenError::Claim("exp"))?),
        id: body["jti"].as_str().unwrap_or_default().to_owned(),
    })
}

fn legacy_claims(body: &Value) -> Result<Claims, TokenError> {
    let claim = |name: &'static str| {
        body[name]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .ok_or(TokenError::Claim(name))
    };
    Ok(Claims {
        namespace: claim("kubernetes.io/serviceaccount/namespace")?,
        account: Bound {
            name: claim("kubernetes.io/serviceaccount/service-account.name")?,
            uid: claim("kubernetes.io/serviceaccount/service-account.uid")?,
        },
        secret: Some(Bound {
            name: claim("kubernetes.io/serviceaccount/secret.name")?,
            uid: String::new(),
        }),
        audiences: vec![ISSUER.to_owned()],
        ..Claims::default()
    })
}
