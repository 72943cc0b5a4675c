//! The certificate authority: one self-signed P-256 certificate, and the
//! server, client and requested certificates it signs.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use x509_parser::prelude::FromDer;

use super::request::{CertificateRequest, San, Usage};
use super::{PkiError, der, files, pem, random, unpem};
use crate::api::UserInfo;

const CERTIFICATE: &str = "ca.crt";
const KEY: &str = "ca.key";
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Clocks of clients may be behind.
const BACKDATE: Duration = Duration::from_secs(5 * 60);

/// What a certificate is to say.
pub struct Profile<'a> {
    /// The subject, as DER.
    pub subject: Vec<u8>,
    /// Its key, as SubjectPublicKeyInfo DER.
    pub public_key: &'a [u8],
    /// What the key may be used for.
    pub usages: &'a [Usage],
    /// Names it serves.
    pub names: &'a [San],
    /// From now on.
    pub lifetime: Duration,
}

/// A certificate authority that signs in this process.
pub struct Authority {
    certificate: Vec<u8>,
    subject: Vec<u8>,
    key_id: Vec<u8>,
    not_after: Timestamp,
    key: EcdsaKeyPair,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// The authority kept in `ca.crt` and `ca.key` of a folder; made there when
    /// both are missing. Without a folder it lives in memory.
    pub fn open(folder: Option<&Path>) -> Result<Self, PkiError> {
        let Some(folder) = folder else {
            return Ok(Self::generate()?.0);
        };
        let (cert_path, key_path) = (folder.join(CERTIFICATE), folder.join(KEY));
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| PkiError::File { path, source }
        };
        let content = |path: &Path, what| PkiError::Content {
            path: path.to_owned(),
            what,
        };
        let cert = files::read(&cert_path).map_err(io(&cert_path))?;
        let key = files::read(&key_path).map_err(io(&key_path))?;
        match (cert, key) {
            (Some(cert), Some(key)) => {
                let cert = unpem("CERTIFICATE", &cert)
                    .ok_or_else(|| content(&cert_path, "holds no PEM certificate"))?;
                let key = unpem("PRIVATE KEY", &key)
                    .ok_or_else(|| content(&key_path, "holds no PEM private key"))?;
                Self::load(cert, &key)
                    .map_err(|_| content(&cert_path, "does not belong to ca.key beside it"))
            }
            // The key is written first: one without its certificate signed nothing.
            (None, _) => {
                let (authority, key) = Self::generate()?;
                files::write_secret(&key_path, pem("PRIVATE KEY", &key).as_bytes())
                    .map_err(io(&key_path))?;
                files::write_secret(&cert_path, authority.pem().as_bytes())
                    .map_err(io(&cert_path))?;
                Ok(authority)
            }
            (Some(_), None) => Err(content(&key_path, "is missing, though ca.crt is there")),
        }
    }

    fn generate() -> Result<(Self, Vec<u8>), PkiError> {
        let (key, pkcs8) = generate_key()?;
        let id: [u8; 4] = random()?;
        let suffix: String = id.iter().map(|b| format!("{b:02x}")).collect();
        let subject = subject(&format!("kubernetes-ca-{suffix}"), &[]);
        let public = p256_spki(key.public_key().as_ref());
        let key_id = key_id(&public)?;
        let mut authority = Self {
            certificate: Vec::new(),
            subject: subject.clone(),
            key_id: key_id.clone(),
            not_after: Timestamp::now() + TEN_YEARS,
            key,
        };
        let extensions = [
            extension(&[2, 5, 29, 19], true, &der::sequence(&[der::yes()])),
            extension(&[2, 5, 29, 15], true, &der::named_bits(&[0, 2, 5])),
            extension(&[2, 5, 29, 14], false, &der::octets(&key_id)),
        ];
        authority.certificate =
            authority.assemble(&subject, &public, authority.not_after, &extensions)?;
        Ok((authority, pkcs8))
    }

    fn load(certificate: Vec<u8>, pkcs8: &[u8]) -> Result<Self, PkiError> {
        let bad = PkiError::Crypto("the certificate authority cannot be read");
        let key = parse_key(pkcs8)?;
        let (subject, key_id, not_after) = {
            let Ok((_, parsed)) = x509_parser::parse_x509_certificate(&certificate) else {
                return Err(bad);
            };
            if parsed.public_key().raw != p256_spki(key.public_key().as_ref()) {
                return Err(bad);
            }
            let not_after = Timestamp::from_second(parsed.validity().not_after.timestamp())
                .map_err(|_| PkiError::Crypto("the authority's validity is out of range"))?;
            (
                parsed.subject().as_raw().to_vec(),
                key_id(parsed.public_key().raw)?,
                not_after,
            )
        };
        Ok(Self {
            certificate,
            subject,
            key_id,
            not_after,
            key,
        })
    }

    /// The authority's certificate, PEM.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// The authority's certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    pub(super) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// A certificate and its new key (both DER) for serving on these names.
    pub fn issue_server(
        &self,
        common_name: &str,
        dns: &[&str],
        ips: &[IpAddr],
        lifetime: Duration,
    ) -> Result<(Vec<u8>, Vec<u8>), PkiError> {
        let (key, pkcs8) = generate_key()?;
        let names: Vec<San> = dns
            .iter()
            .map(|name| San::Dns((*name).to_owned()))
            .chain(ips.iter().map(|ip| San::Ip(*ip)))
            .collect();
        let certificate = self.sign(&Profile {
            subject: subject(common_name, &[]),
            public_key: &p256_spki(key.public_key().as_ref()),
            usages: &[
                Usage::DigitalSignature,
                Usage::KeyEncipherment,
                Usage::ServerAuth,
            ],
            names: &names,
            lifetime,
        })?;
        Ok((certificate, pkcs8))
    }

    /// A client certificate and its new key (both PEM): CN is the user name, O
    /// the groups except `system:authenticated`, which every user has anyway.
    pub fn issue_client(
        &self,
        user: &UserInfo,
        lifetime: Duration,
    ) -> Result<(String, String), PkiError> {
        let (key, pkcs8) = generate_key()?;
        let groups: Vec<&str> = user
            .groups
            .iter()
            .map(String::as_str)
            .filter(|group| *group != "system:authenticated")
            .collect();
        let certificate = self.sign(&Profile {
            subject: subject(&user.username, &groups),
            public_key: &p256_spki(key.public_key().as_ref()),
            usages: &[
                Usage::DigitalSignature,
                Usage::KeyEncipherment,
                Usage::ClientAuth,
            ],
            names: &[],
            lifetime,
        })?;
        Ok((pem("CERTIFICATE", &certificate), pem("PRIVATE KEY", &pkcs8)))
    }

    /// The certificate (PEM) a request asks for. Whether it may have it is
    /// decided before.
    pub fn sign_request(
        &self,
        request: &CertificateRequest,
        usages: &[Usage],
        lifetime: Duration,
    ) -> Result<String, PkiError> {
        let certificate = self.sign(&Profile {
            subject: request.subject.clone(),
            public_key: &request.public_key,
            usages,
            names: &request.names,
            lifetime,
        })?;
        Ok(pem("CERTIFICATE", &certificate))
    }

    /// Signs a certificate that ends before the authority does.
    pub fn sign(&self, profile: &Profile<'_>) -> Result<Vec<u8>, PkiError> {
        let mut extensions = vec![extension(&[2, 5, 29, 19], true, &der::sequence(&[]))];
        let bits: Vec<u8> = profile.usages.iter().filter_map(|u| u.key_bit()).collect();
        if !bits.is_empty() {
            extensions.push(extension(&[2, 5, 29, 15], true, &der::named_bits(&bits)));
        }
        let extended: Vec<Vec<u8>> = profile
            .usages
            .iter()
            .filter_map(|usage| usage.extended())
            .map(der::oid)
            .collect();
        if !extended.is_empty() {
            extensions.push(extension(&[2, 5, 29, 37], false, &der::sequence(&extended)));
        }
        let issuer_key = der::sequence(&[der::implicit(0, &self.key_id)]);
        extensions.push(extension(&[2, 5, 29, 35], false, &issuer_key));
        if !profile.names.is_empty() {
            let names: Vec<Vec<u8>> = profile.names.iter().map(San::to_der).collect();
            extensions.push(extension(&[2, 5, 29, 17], false, &der::sequence(&names)));
        }
        let not_after = (Timestamp::now() + profile.lifetime).min(self.not_after);
        self.assemble(&profile.subject, profile.public_key, not_after, &extensions)
    }

    fn assemble(
        &self,
        subject: &[u8],
        public_key: &[u8],
        not_after: Timestamp,
        extensions: &[Vec<u8>],
    ) -> Result<Vec<u8>, PkiError> {
        let algorithm = || der::sequence(&[der::oid(&[1, 2, 840, 10045, 4, 3, 2])]);
        let mut serial: [u8; 16] = random()?;
        serial[0] = serial[0] & 0x7f | 0x40;
        let body = der::sequence(&[
            der::explicit(0, &der::unsigned(&[2])),
            der::unsigned(&serial),
            algorithm(),
            self.subject.clone(),
            der::sequence(&[der::time(Timestamp::now() - BACKDATE), der::time(not_after)]),
            subject.to_vec(),
            public_key.to_vec(),
            der::explicit(3, &der::sequence(extensions)),
        ]);
        let signature = self
            .key
            .sign(&SystemRandom::new(), &body)
            .map_err(|_| PkiError::Crypto("the certificate cannot be signed"))?;
        Ok(der::sequence(&[
            body,
            algorithm(),
            der::bits(signature.as_ref()),
        ]))
    }
}

/// A name of one CN and any number of O.
pub(super) fn subject(common_name: &str, organizations: &[&str]) -> Vec<u8> {
    let attribute = |arc: u64, text: &str| {
        der::set(&[der::sequence(&[der::oid(&[2, 5, 4, arc]), der::utf8(text)])])
    };
    let mut parts: Vec<Vec<u8>> = organizations
        .iter()
        .map(|organization| attribute(10, organization))
        .collect();
    parts.push(attribute(3, common_name));
    der::sequence(&parts)
}

fn extension(id: &[u64], critical: bool, value: &[u8]) -> Vec<u8> {
    if critical {
        der::sequence(&[der::oid(id), der::yes(), der::octets(value)])
    } else {
        der::sequence(&[der::oid(id), der::octets(value)])
    }
}

/// The SubjectPublicKeyInfo of an uncompressed P-256 point.
pub(super) fn p256_spki(point: &[u8]) -> Vec<u8> {
    der::sequence(&[
        der::sequence(&[
            der::oid(&[1, 2, 840, 10045, 2, 1]),
            der::oid(&[1, 2, 840, 10045, 3, 1, 7]),
        ]),
        der::bits(point),
    ])
}

fn key_id(spki: &[u8]) -> Result<Vec<u8>, PkiError> {
    let (_, parsed) = x509_parser::prelude::SubjectPublicKeyInfo::from_der(spki)
        .map_err(|_| PkiError::Crypto("the public key cannot be read"))?;
    let hash = digest::digest(&digest::SHA256, &parsed.subject_public_key.data);
    Ok(hash.as_ref()[..20].to_vec())
}

fn generate_key() -> Result<(EcdsaKeyPair, Vec<u8>), PkiError> {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
        .map_err(|_| PkiError::Crypto("no key can be made"))?;
    let key = parse_key(pkcs8.as_ref())?;
    Ok((key, pkcs8.as_ref().to_vec()))
}

fn parse_key(pkcs8: &[u8]) -> Result<EcdsaKeyPair, PkiError> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new())
        .map_err(|_| PkiError::Crypto("the key is no P-256 key in PKCS #8"))
}
