//! The hub's CA, pinned by the hash of its public key, as kubeadm does it: short
//! enough for a join command, and nobody else can have that key.

use std::fmt;

use ring::digest::{SHA256, digest};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::hub::published_ca;
use crate::k8s::client::{Connection, certificates};

/// The SHA-256 of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// That of a certificate's key (DER).
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let hash = digest(&SHA256, certificate.public_key().raw);
        hash.as_ref().try_into().ok().map(Self)
    }

    /// The certificates of a PEM file whose keys these are.
    #[must_use]
    pub fn choose(&self, pem: &[u8]) -> Vec<Vec<u8>> {
        let mut found = certificates(pem);
        found.retain(|certificate| Self::of(certificate).as_ref() == Some(self));
        found
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads `sha256:` and 64 digits.
///
/// # Errors
/// What is valid.
pub fn parse(text: &str) -> Result<Pin, String> {
    let wrong = || "write sha256: and 64 hexadecimal digits, as `get token` prints it".to_owned();
    let digits = text.strip_prefix("sha256:").ok_or_else(wrong)?;
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(wrong());
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let pair = &digits[2 * index..2 * index + 2];
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(Pin(bytes))
}

/// What to pin in a join command: the hub's CA, if the hub shows it to whoever
/// asks, since that is how `join` gets it before it trusts anybody.
pub async fn published(hub: &Connection) -> Option<Pin> {
    let known = certificates(hub.ca.as_ref()?);
    let shown = certificates(&published_ca(hub).await?);
    let certificate = shown.iter().find(|shown| known.contains(shown))?;
    Pin::of(certificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_written_as_they_are_read() {
        let text = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(parse(&text).unwrap().to_string(), text);
        for wrong in [
            "",
            "0f",
            "sha256:",
            "sha256:0f",
            &text.replace('f', "g"),
            &format!("{text}00"),
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    /// `openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum`.
    #[test]
    fn the_key_is_hashed_and_not_the_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let signed = |name: &str| {
            let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.self_signed(&key).unwrap()
        };
        let (old, new) = (signed("old"), signed("new"));
        let pin = Pin::of(old.der()).unwrap();
        assert_eq!(Pin::of(new.der()), Some(pin.clone()));
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        let hash = digest(&SHA256, &spki);
        assert_eq!(pin.0, hash.as_ref());
        let other = rcgen::KeyPair::generate().unwrap();
        let other = rcgen::CertificateParams::default()
            .self_signed(&other)
            .unwrap();
        let bundle = format!("{}{}", other.pem(), new.pem());
        assert_eq!(pin.choose(bundle.as_bytes()), [new.der().to_vec()]);
    }
}
