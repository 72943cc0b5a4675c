//! One certificate: when a new one is needed, how it is asked for, and what
//! becomes of the request. Pure, but for making keys.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use kube::ResourceExt;
use kube::api::DynamicObject;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, Tag};

use crate::k8s::client;
use crate::ocm::names;

use super::credentials::{self, Chain, Data, KEY_CERTIFICATE, KEY_PRIVATE, Subject};
use super::{Ask, Order};

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

/// Decides whether the Secret of an order needs a new certificate. `fraction`
/// is the part of its life that may be left.
#[must_use]
pub fn need(secret: Option<&Data>, order: &Order, fraction: f64, now: Timestamp) -> Need {
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
    if !chain.subjects.contains(&order.ask.subject) {
        return Need::Now("it is for somebody else");
    }
    for (key, wanted) in &order.beside {
        let present = credentials::text(secret, key);
        let same = match present {
            Some(present) if key == names::KEY_KUBECONFIG => same_meaning(present, wanted),
            present => present == Some(wanted.as_str()),
        };
        if !same {
            return Need::Now("what stands beside it is for somebody else");
        }
    }
    let rotation = chain.rotation(fraction);
    if now >= rotation {
        Need::Now("it nears its end")
    } else {
        Need::At(rotation)
    }
}

fn same_meaning(present: &str, wanted: &str) -> bool {
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).ok();
    match (read(present), read(wanted)) {
        (Some(present), Some(wanted)) => meaning(&present) == meaning(&wanted),
        _ => false,
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

/// Makes a key and a request for a certificate.
///
/// # Errors
/// The system has no randomness.
pub fn make(ask: &Ask) -> Result<Fresh, Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let info = request_info(&key, &ask.subject, &ask.dns_names);
    let signature = key.sign(&info)?;
    let der = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(&info);
            writer.next().write_sequence(|writer| {
                writer.next().write_oid(&oid(&ECDSA_WITH_SHA256));
            });
            writer
                .next()
                .write_bitvec_bytes(&signature, signature.len() * 8);
        });
    });
    let pem = client::pem("CERTIFICATE REQUEST", &der);
    let mut spec = json!({
        "signerName": ask.signer,
        "usages": ["digital signature", "key encipherment", "client auth"],
        "request": ByteString(pem.into_bytes()),
    });
    if let Some(seconds) = ask.seconds {
        spec["expirationSeconds"] = seconds.into();
    }
    let public = key.public_key_raw().to_vec();
    Ok(Fresh {
        object: json!({
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": ask.prefix, "labels": ask.labels()},
            "spec": spec,
        }),
        key: sec1(&key.serialize_der(), &public)?,
        public,
    })
}

const ECDSA_WITH_SHA256: [u64; 7] = [1, 2, 840, 10045, 4, 3, 2];
const EXTENSION_REQUEST: [u64; 7] = [1, 2, 840, 113_549, 1, 9, 14];
const SUBJECT_ALTERNATIVE_NAME: [u64; 4] = [2, 5, 29, 17];
const COMMON_NAME: [u64; 4] = [2, 5, 4, 3];
const ORGANIZATION: [u64; 4] = [2, 5, 4, 10];
const ORGANIZATIONAL_UNIT: [u64; 4] = [2, 5, 4, 11];

fn oid(arcs: &[u64]) -> ObjectIdentifier {
    ObjectIdentifier::from_slice(arcs)
}

/// What is signed of a request (PKCS #10). Groups are one attribute with several
/// values, as Go writes them.
fn request_info(key: &KeyPair, subject: &Subject, dns_names: &[String]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(0);
            writer.next().write_sequence(|writer| {
                let common_name = BTreeSet::from([subject.common_name.clone()]);
                for (kind, values) in [
                    (ORGANIZATION, &subject.organizations),
                    (ORGANIZATIONAL_UNIT, &subject.units),
                    (COMMON_NAME, &common_name),
                ] {
                    if !values.is_empty() {
                        attribute(writer.next(), &kind, values);
                    }
                }
            });
            writer.next().write_der(&key.subject_public_key_info());
            writer
                .next()
                .write_tagged_implicit(Tag::context(0), |writer| {
                    writer.write_set_of(|writer| {
                        if !dns_names.is_empty() {
                            alternative_names(writer.next(), dns_names);
                        }
                    });
                });
        });
    })
}

fn attribute(writer: DERWriter<'_>, kind: &[u64], values: &BTreeSet<String>) {
    writer.write_set_of(|writer| {
        for value in values {
            writer.next().write_sequence(|writer| {
                writer.next().write_oid(&oid(kind));
                writer.next().write_utf8_string(value);
            });
        }
    });
}

fn alternative_names(writer: DERWriter<'_>, dns_names: &[String]) {
    let names = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            for name in dns_names {
                writer
                    .next()
                    .write_tagged_implicit(Tag::context(2), |writer| {
                        writer.write_ia5_string(name);
                    });
            }
        });
    });
    writer.write_sequence(|writer| {
        writer.next().write_oid(&oid(&EXTENSION_REQUEST));
        writer.next().write_set_of(|writer| {
            // The extensions, of which there is one.
            writer.next().write_sequence(|writer| {
                writer.next().write_sequence(|writer| {
                    writer.next().write_oid(&oid(&SUBJECT_ALTERNATIVE_NAME));
                    writer.next().write_bytes(&names);
                });
            });
        });
    });
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
    Ok(client::pem("EC PRIVATE KEY", &der))
}

/// The Secret's data with the new certificate. Keys of others stay.
#[must_use]
pub fn secret_data(old: Option<&Data>, order: &Order, key: &str, certificate: Vec<u8>) -> Data {
    let mut data = old.cloned().unwrap_or_default();
    let mut set = |name: &str, value: Vec<u8>| data.insert(name.to_owned(), ByteString(value));
    set(KEY_CERTIFICATE, certificate);
    set(KEY_PRIVATE, key.as_bytes().to_vec());
    for (name, value) in &order.beside {
        set(name, value.clone().into_bytes());
    }
    data
}

/// Whether a request is one that was asked for by this name.
#[must_use]
pub fn is_ours(object: &DynamicObject, ask: &Ask) -> bool {
    object.labels().contains_key(names::LABEL_ADDON_NAME) == ask.addon.is_some()
        && object.name_any().starts_with(&ask.prefix)
}

#[cfg(test)]
#[path = "request_tests.rs"]
pub(crate) mod tests;
