//! Certificate signing requests (PKCS #10): read, checked, described.

use std::net::IpAddr;

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::{PkiError, der, header, unpem};

/// What a key may be used for, in the words of `certificates.k8s.io/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of RFC 5280")]
pub enum Usage {
    DigitalSignature,
    ContentCommitment,
    KeyEncipherment,
    DataEncipherment,
    KeyAgreement,
    CertSign,
    CrlSign,
    EncipherOnly,
    DecipherOnly,
    Any,
    ServerAuth,
    ClientAuth,
    CodeSigning,
    EmailProtection,
    IpsecEndSystem,
    IpsecTunnel,
    IpsecUser,
    Timestamping,
    OcspSigning,
    MicrosoftSgc,
    NetscapeSgc,
}

impl Usage {
    /// The wordings of the API, sorted.
    pub const NAMES: [&'static str; 23] = [
        "any",
        "cert sign",
        "client auth",
        "code signing",
        "content commitment",
        "crl sign",
        "data encipherment",
        "decipher only",
        "digital signature",
        "email protection",
        "encipher only",
        "ipsec end system",
        "ipsec tunnel",
        "ipsec user",
        "key agreement",
        "key encipherment",
        "microsoft sgc",
        "netscape sgc",
        "ocsp signing",
        "s/mime",
        "server auth",
        "signing",
        "timestamping",
    ];

    /// From the wording of the API.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "signing" | "digital signature" => Self::DigitalSignature,
            "content commitment" => Self::ContentCommitment,
            "key encipherment" => Self::KeyEncipherment,
            "data encipherment" => Self::DataEncipherment,
            "key agreement" => Self::KeyAgreement,
            "cert sign" => Self::CertSign,
            "crl sign" => Self::CrlSign,
            "encipher only" => Self::EncipherOnly,
            "decipher only" => Self::DecipherOnly,
            "any" => Self::Any,
            "server auth" => Self::ServerAuth,
            "client auth" => Self::ClientAuth,
            "code signing" => Self::CodeSigning,
            "email protection" | "s/mime" => Self::EmailProtection,
            "ipsec end system" => Self::IpsecEndSystem,
            "ipsec tunnel" => Self::IpsecTunnel,
            "ipsec user" => Self::IpsecUser,
            "timestamping" => Self::Timestamping,
            "ocsp signing" => Self::OcspSigning,
            "microsoft sgc" => Self::MicrosoftSgc,
            "netscape sgc" => Self::NetscapeSgc,
            _ => return None,
        })
    }

    /// The wording of the API.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .into_iter()
            .find(|name| Self::parse(name) == Some(self))
            .unwrap_or_default()
    }

    /// The bit of the keyUsage extension.
    pub(super) fn key_bit(self) -> Option<u8> {
        Some(match self {
            Self::DigitalSignature => 0,
            Self::ContentCommitment => 1,
            Self::KeyEncipherment => 2,
            Self::DataEncipherment => 3,
            Self::KeyAgreement => 4,
            Self::CertSign => 5,
            Self::CrlSign => 6,
            Self::EncipherOnly => 7,
            Self::DecipherOnly => 8,
            _ => return None,
        })
    }

    /// The identifier in the extendedKeyUsage extension.
    pub(super) fn extended(self) -> Option<&'static [u64]> {
        Some(match self {
            Self::Any => &[2, 5, 29, 37, 0],
            Self::ServerAuth => &[1, 3, 6, 1, 5, 5, 7, 3, 1],
            Self::ClientAuth => &[1, 3, 6, 1, 5, 5, 7, 3, 2],
            Self::CodeSigning => &[1, 3, 6, 1, 5, 5, 7, 3, 3],
            Self::EmailProtection => &[1, 3, 6, 1, 5, 5, 7, 3, 4],
            Self::IpsecEndSystem => &[1, 3, 6, 1, 5, 5, 7, 3, 5],
            Self::IpsecTunnel => &[1, 3, 6, 1, 5, 5, 7, 3, 6],
            Self::IpsecUser => &[1, 3, 6, 1, 5, 5, 7, 3, 7],
            Self::Timestamping => &[1, 3, 6, 1, 5, 5, 7, 3, 8],
            Self::OcspSigning => &[1, 3, 6, 1, 5, 5, 7, 3, 9],
            Self::MicrosoftSgc => &[1, 3, 6, 1, 4, 1, 311, 10, 3, 3],
            Self::NetscapeSgc => &[2, 16, 840, 1, 113_730, 4, 1],
            _ => return None,
        })
    }
}

/// A subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    /// A host name.
    Dns(String),
    /// A mail address.
    Email(String),
    /// A URI.
    Uri(String),
    /// An IP address.
    Ip(IpAddr),
}

impl San {
    pub(super) fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Email(text) => der::implicit(1, text.as_bytes()),
            Self::Dns(text) => der::implicit(2, text.as_bytes()),
            Self::Uri(text) => der::implicit(6, text.as_bytes()),
            Self::Ip(IpAddr::V4(ip)) => der::implicit(7, &ip.octets()),
            Self::Ip(IpAddr::V6(ip)) => der::implicit(7, &ip.octets()),
        }
    }
}

/// A request that its own key has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    /// The subject as it came, DER.
    pub subject: Vec<u8>,
    /// The first CN.
    pub common_name: String,
    /// Every O, in order.
    pub organizations: Vec<String>,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// The subject alternative names it asks for.
    pub names: Vec<San>,
}

impl CertificateRequest {
    /// Reads a PEM `CERTIFICATE REQUEST` and checks its signature.
    pub fn parse(text: &str) -> Result<Self, PkiError> {
        let refuse = |what: &str| PkiError::Request(what.to_owned());
        let bytes = unpem("CERTIFICATE REQUEST", text)
            .ok_or_else(|| refuse("PEM block type must be CERTIFICATE REQUEST"))?;
        if let Some(wrong) = header::complaint(&bytes, "certificateRequest") {
            return Err(refuse(&wrong));
        }
        let (rest, request) = X509CertificationRequest::from_der(&bytes)
            .map_err(|_| refuse("the request is no PKCS #10 certificate request"))?;
        if !rest.is_empty() {
            return Err(refuse("the request has trailing data"));
        }
        request
            .verify_signature()
            .map_err(|_| refuse("the signature of the request does not match its key"))?;
        let info = &request.certification_request_info;
        let mut names = Vec::new();
        for extension in request.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(alternative) = extension {
                for name in &alternative.general_names {
                    names.push(san(name).ok_or_else(|| {
                        refuse("the request has a subject alternative name that is neither a host name, address, URI nor e-mail")
                    })?);
                }
            }
        }
        Ok(Self {
            subject: info.subject.as_raw().to_vec(),
            common_name: info
                .subject
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .unwrap_or_default()
                .to_owned(),
            organizations: info
                .subject
                .iter_organization()
                .filter_map(|name| name.as_str().ok())
                .map(str::to_owned)
                .collect(),
            public_key: info.subject_pki.raw.to_vec(),
            names,
        })
    }
}

fn san(name: &GeneralName<'_>) -> Option<San> {
    Some(match name {
        GeneralName::DNSName(text) => San::Dns((*text).to_owned()),
        GeneralName::RFC822Name(text) => San::Email((*text).to_owned()),
        GeneralName::URI(text) => San::Uri((*text).to_owned()),
        GeneralName::IPAddress(bytes) => San::Ip(match bytes.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
            16 => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
            _ => return None,
        }),
        _ => return None,
    })
}
