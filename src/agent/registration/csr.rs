//! The agent's certificate: when a new one is needed, how it is asked for, and
//! what becomes of the request. Pure, but for making keys.

use jiff::Timestamp;
use k8s_openapi::ByteString;
use kube::ResourceExt;
use kube::api::DynamicObject;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use crate::ocm::names;

use super::credentials::{self, Chain, Credentials, Data, KEY_CERTIFICATE, KEY_PRIVATE, Subject};
use super::identity::Names;

/// No more requests are made while so many lie at the hub.
pub const MAX_REQUESTS: usize = 10;

/// Why a certificate could not be asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No key or request could be made.
    #[error("cannot make a certificate request")]
    Make(#[from] rcgen::Error),
    /// The key has a shape that is not understood.
    #[error("the new key has an unexpected shape")]
    Key,
}

/// What is kept of a CertificateSigningRequest at the hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Somebody said no.
    pub denied: bool,
    /// Somebody said yes.
    pub approved: bool,
    /// The certificate, once it is signed.
    pub certificate: Vec<u8>,
}

impl Request {
    /// Reads a CertificateSigningRequest.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let csr: k8s_openapi::api::certificates::v1::CertificateSigningRequest =
            crate::runtime::informer::typed(object)?;
        let status = csr.status.unwrap_or_default();
        let has = |kind: &str| {
            status
                .conditions
                .iter()
                .flatten()
                .any(|condition| condition.type_ == kind)
        };
        Ok(Self {
            denied: has("Denied") || has("Failed"),
            approved: has("Approved"),
            certificate: status.certificate.map(|bytes| bytes.0).unwrap_or_default(),
        })
    }
}

/// A request that was sent, with the key that waits for it.
pub struct Pending {
    /// Its name at the hub.
    pub name: String,
    /// The private key in PEM.
    pub key: String,
    /// The public key, as certificates hold it.
    pub public: Vec<u8>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pending({})", self.name)
    }
}

/// Whether there has to be a new certificate, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Now, for this reason.
    Now(&'static str),
    /// Not before this time.
    At(Timestamp),
}

/// Decides whether the hub kubeconfig Secret needs a new certificate.
/// `fraction` is the part of its life that may be left.
#[must_use]
pub fn need(
    secret: Option<&Data>,
    names: &Names,
    kubeconfig: &Value,
    fraction: f64,
    now: Timestamp,
) -> Need {
    let Some(secret) = secret else {
        return Need::Now("there is none");
    };
    let Some(chain) = secret
        .get(KEY_CERTIFICATE)
        .and_then(|pem| Chain::read(&pem.0))
    else {
        return Need::Now("it cannot be read");
    };
    if !secret.contains_key(KEY_PRIVATE) {
        return Need::Now("its key is missing");
    }
    if chain.is_expired(now) {
        return Need::Now("it has expired");
    }
    let wanted = Subject::of_agent(&names.cluster, &names.agent);
    if !chain.subjects.contains(&wanted) {
        return Need::Now("it is for somebody else");
    }
    for (key, value) in [
        (names::KEY_CLUSTER_NAME, &names.cluster),
        (names::KEY_AGENT_NAME, &names.agent),
    ] {
        if credentials::text(secret, key) != Some(value.as_str()) {
            return Need::Now("the names beside it are others");
        }
    }
    let same = credentials::text(secret, names::KEY_KUBECONFIG)
        .and_then(|text| serde_saphyr::from_str::<Value>(text).ok())
        .is_some_and(|present| meaning(&present) == meaning(kubeconfig));
    if !same {
        return Need::Now("the kubeconfig beside it is another");
    }
    let rotation = chain.rotation(fraction);
    if now >= rotation {
        Need::Now("it nears its end")
    } else {
        Need::At(rotation)
    }
}

/// A kubeconfig without what says nothing: other writers leave empty fields.
fn meaning(kubeconfig: &Value) -> Value {
    match kubeconfig {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), meaning(value)))
            .filter(|(_, value)| {
                !value.is_null()
                    && value.as_object().is_none_or(|map| !map.is_empty())
                    && value != ""
                    && *value != false
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(list) => list.iter().map(meaning).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

/// What to do about a request that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Wait: not approved or not signed yet, or denied.
    Wait,
    /// It is gone: forget it.
    Gone,
    /// The certificate is not for our key: forget it.
    Foreign,
    /// This is the certificate.
    Issued(Vec<u8>),
}

/// Decides what to do about the pending request, given what the hub has of it.
#[must_use]
pub fn outcome(pending: &Pending, request: Option<&Request>) -> Outcome {
    let Some(request) = request else {
        return Outcome::Gone;
    };
    if request.denied || !request.approved || request.certificate.is_empty() {
        return Outcome::Wait;
    }
    let matches = x509_parser::pem::Pem::iter_from_buffer(&request.certificate)
        .next()
        .and_then(Result::ok)
        .is_some_and(|block| {
            block.parse_x509().is_ok_and(|certificate| {
                certificate.public_key().subject_public_key.data.as_ref() == pending.public
            })
        });
    if matches {
        Outcome::Issued(request.certificate.clone())
    } else {
        Outcome::Foreign
    }
}

/// A new key and the request for it.
#[derive(Debug)]
pub struct Fresh {
    /// The object to create at the hub.
    pub object: Value,
    /// The private key in PEM (`EC PRIVATE KEY`).
    pub key: String,
    /// The public key, as certificates hold it.
    pub public: Vec<u8>,
}

/// Makes a key and a request for the agent's identity.
///
/// # Errors
/// The system has no randomness.
pub fn make(names: &Names, expiration_seconds: Option<i32>) -> Result<Fresh, Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let subject = Subject::of_agent(&names.cluster, &names.agent);
    // rcgen keeps one value a type: the second organization has its number.
    let kinds = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    for (organization, kind) in subject.organizations.iter().zip(kinds) {
        params.distinguished_name.push(kind, organization.as_str());
    }
    params
        .distinguished_name
        .push(DnType::CommonName, subject.common_name.as_str());
    let pem = params.serialize_request(&key)?.pem()?;
    let mut spec = json!({
        "signerName": names::SIGNER_KUBE_CLIENT,
        "usages": ["digital signature", "key encipherment", "client auth"],
        "request": ByteString(pem.into_bytes()),
    });
    if let Some(seconds) = expiration_seconds {
        spec["expirationSeconds"] = seconds.into();
    }
    let public = key.public_key_raw().to_vec();
    Ok(Fresh {
        object: json!({
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {
                "generateName": format!("{}-", names.cluster),
                "labels": {(names::LABEL_CLUSTER_NAME): names.cluster},
            },
            "spec": spec,
        }),
        key: sec1(&key.serialize_der(), &public)?,
        public,
    })
}

/// The key as `EC PRIVATE KEY` (SEC 1), which is what Go's OCM writes: the
/// inner part of PKCS #8, with the curve's name in it.
fn sec1(pkcs8: &[u8], public: &[u8]) -> Result<String, Error> {
    // In PKCS #8 the ECPrivateKey begins with version 1 and 32 octets.
    const START: [u8; 5] = [0x02, 0x01, 0x01, 0x04, 0x20];
    // [0] { prime256v1 }
    const CURVE: [u8; 12] = [
        0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    let at = pkcs8
        .windows(START.len())
        .position(|window| window == START)
        .ok_or(Error::Key)?
        + START.len();
    let secret = pkcs8.get(at..at + 32).ok_or(Error::Key)?;
    if public.len() != 65 {
        return Err(Error::Key);
    }
    let mut body = START.to_vec();
    body.extend_from_slice(secret);
    body.extend_from_slice(&CURVE);
    // [1] { BIT STRING: no unused bits, the point }
    body.extend_from_slice(&[0xa1, 0x44, 0x03, 0x42, 0x00]);
    body.extend_from_slice(public);
    let mut der = vec![0x30, u8::try_from(body.len()).map_err(|_| Error::Key)?];
    der.extend_from_slice(&body);
    Ok(pem_block("EC PRIVATE KEY", &der))
}

fn pem_block(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}

/// The hub kubeconfig Secret's data with the new certificate. Keys of others stay.
#[must_use]
pub fn secret_data(
    old: Option<&Data>,
    names: &Names,
    bootstrap: &Credentials,
    key: &str,
    certificate: Vec<u8>,
) -> Data {
    let mut data = old.cloned().unwrap_or_default();
    let kubeconfig = yaml(&bootstrap.hub_kubeconfig());
    for (name, value) in [
        (KEY_CERTIFICATE, certificate),
        (KEY_PRIVATE, key.as_bytes().to_vec()),
        (names::KEY_CLUSTER_NAME, names.cluster.clone().into_bytes()),
        (names::KEY_AGENT_NAME, names.agent.clone().into_bytes()),
        (names::KEY_KUBECONFIG, kubeconfig.into_bytes()),
    ] {
        data.insert(name.to_owned(), ByteString(value));
    }
    data
}

/// YAML of the value; JSON, which is YAML as well, should that ever fail.
fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// Whether a request of that name and without an add-on's label is an agent's
/// of the cluster.
#[must_use]
pub fn is_ours(object: &DynamicObject, cluster: &str) -> bool {
    !object.labels().contains_key(names::LABEL_ADDON_NAME)
        && object
            .name_any()
            .strip_prefix(cluster)
            .is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
#[path = "csr_tests.rs"]
pub(crate) mod tests;
