//! Keys: the certificate authority of a server, the certificates it signs, and
//! the key that signs service-account tokens. All keys are ECDSA P-256.

mod authority;
mod der;
mod files;
mod header;
mod request;
mod tls;
mod tokens;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};

pub use authority::{Authority, Profile};
pub use request::{CertificateRequest, San, Usage};
pub(crate) use tokens::subject as service_account_user;
pub use tokens::{Bound, Claims, ISSUER, ServiceAccountKeys, TokenError};

/// What goes wrong with keys and certificates. Never contains key material.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what its name says.
    #[error("{}: {what}", path.display())]
    Content {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The cryptography library refuses.
    #[error("{0}")]
    Crypto(&'static str),
    /// A certificate signing request is not acceptable.
    #[error("{0}")]
    Request(String),
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// One PEM block.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// The first PEM block with this label.
pub(crate) fn unpem(label: &str, text: &str) -> Option<Vec<u8>> {
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let after = text.split_once(&begin)?.1;
    let body: String = after
        .split_once(&end)?
        .0
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    STANDARD.decode(body).ok()
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], PkiError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| PkiError::Crypto("the system has no randomness"))?;
    Ok(bytes)
}

/// A random UUID (version 4).
pub(crate) fn uuid() -> Result<String, PkiError> {
    let mut b: [u8; 16] = random()?;
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let hex: String = b.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    ))
}

#[cfg(test)]
mod tests;
