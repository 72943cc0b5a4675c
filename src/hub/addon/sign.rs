//! Signs certificate requests with an authority out of a Secret (protocol,
//! section 9; statement 24).

use jiff::Timestamp;
use rcgen::{
    CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SigningKey,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::k8s::client::pem;

/// How long a certificate is valid at most.
const LONGEST: i64 = 24 * 3600;
/// How long it is valid at least, if somebody asks for less.
const SHORTEST: i64 = 600;
/// Clocks differ.
const BEFORE: i64 = 300;

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A key of the Secret is missing or no text.
    #[error("the Secret has no {0} in PEM")]
    Key(&'static str),
    /// The authority's certificate cannot be read.
    #[error("tls.crt is no certificate")]
    Certificate,
    /// The authority's private key cannot be read.
    #[error("tls.key is no private key that is understood (PKCS #8 or PKCS #1)")]
    PrivateKey,
    /// The authority's certificate is not valid now.
    #[error("tls.crt has expired")]
    Expired,
    /// The request cannot be read, or its signature is wrong.
    #[error("the request cannot be read")]
    Request(#[source] rcgen::Error),
    /// Signing failed.
    #[error("cannot sign")]
    Sign(#[from] rcgen::Error),
    /// What was signed is not what was meant.
    #[error("the certificate has an unexpected shape")]
    Shape,
}

/// An authority: its certificate and its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
}

impl Authority {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// One of them is not what it should be.
    pub fn read(certificate: &str, key: &str) -> Result<Self, SignError> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes())
            .map_err(|_| SignError::Certificate)?;
        X509Certificate::from_der(&pem.contents).map_err(|_| SignError::Certificate)?;
        let key = private_key(key)?;
        let issuer =
            Issuer::from_ca_cert_pem(certificate, key).map_err(|_| SignError::Certificate)?;
        Ok(Self {
            issuer,
            certificate: pem.contents,
        })
    }

    /// Signs a request: for 24 hours at most, no longer than the authority
    /// itself is valid, with subject and key of the request.
    ///
    /// # Errors
    /// The request is wrong, or the authority has expired.
    pub fn sign(
        &self,
        request: &str,
        seconds: Option<i32>,
        now: Timestamp,
    ) -> Result<String, SignError> {
        let (_, authority) =
            X509Certificate::from_der(&self.certificate).map_err(|_| SignError::Certificate)?;
        let now = now.as_second();
        let lifetime = seconds.map_or(LONGEST, |s| i64::from(s).clamp(SHORTEST, LONGEST));
        let end = (now + lifetime).min(authority.validity().not_after.timestamp());
        if end <= now {
            return Err(SignError::Expired);
        }
        let mut params =
            CertificateSigningRequestParams::from_pem(request).map_err(SignError::Request)?;
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let at = |second: i64| {
            epoch + std::time::Duration::from_secs(u64::try_from(second).unwrap_or_default())
        };
        params.params.not_before = at(now - BEFORE);
        params.params.not_after = at(end);
        params.params.is_ca = IsCa::NoCa;
        params.params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.params.use_authority_key_identifier_extension = true;
        let draft = params.signed_by(&self.issuer)?;
        let (_, block) =
            x509_parser::pem::parse_x509_pem(request.as_bytes()).map_err(|_| SignError::Shape)?;
        let (_, request) =
            X509CertificationRequest::from_der(&block.contents).map_err(|_| SignError::Shape)?;
        // rcgen keeps one value per attribute of a name, and a user has many groups:
        // both names are put in as they are, and the whole is signed again.
        let certificate = self.with_names(
            draft.der(),
            authority.subject().as_raw(),
            request.certification_request_info.subject.as_raw(),
        )?;
        Ok(pem("CERTIFICATE", &certificate))
    }

    fn with_names(
        &self,
        draft: &[u8],
        issuer: &[u8],
        subject: &[u8],
    ) -> Result<Vec<u8>, SignError> {
        let parts = children(draft)?;
        let [to_be_signed, algorithm, _] = parts.as_slice() else {
            return Err(SignError::Shape);
        };
        // version, serial number, algorithm, issuer, validity, subject, …
        let mut fields = children(to_be_signed)?;
        if fields.len() < 7 {
            return Err(SignError::Shape);
        }
        fields[3] = issuer;
        fields[5] = subject;
        let to_be_signed = tagged(0x30, &fields.concat());
        let mut bits = vec![0];
        bits.extend(self.issuer.key().sign(&to_be_signed)?);
        let signature = tagged(0x03, &bits);
        Ok(tagged(
            0x30,
            &[&to_be_signed, *algorithm, &signature].concat(),
        ))
    }
}

/// The elements of a SEQUENCE, each with its tag and length.
fn children(sequence: &[u8]) -> Result<Vec<&[u8]>, SignError> {
    let (mut rest, _) = content(sequence)?;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (_, length) = content(rest)?;
        let (element, after) = rest.split_at(length);
        found.push(element);
        rest = after;
    }
    Ok(found)
}

/// The content of an element, and how long it is with tag and length.
fn content(der: &[u8]) -> Result<(&[u8], usize), SignError> {
    let first = usize::from(*der.get(1).ok_or(SignError::Shape)?);
    let (length, header) = if first < 0x80 {
        (first, 2)
    } else {
        let count = first & 0x7f;
        let bytes = der.get(2..2 + count).filter(|_| count <= 4);
        let bytes = bytes.ok_or(SignError::Shape)?;
        let length = bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (length, 2 + count)
    };
    let content = der.get(header..header + length).ok_or(SignError::Shape)?;
    Ok((content, header + length))
}

/// A value with its tag and length in front.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => {
            let bytes = content.len().to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            out.push(0x80 | u8::try_from(bytes.len() - zeros).unwrap_or(8));
            out.extend_from_slice(&bytes[zeros..]);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A private key in PKCS #8, or an RSA key in PKCS #1.
fn private_key(pem: &str) -> Result<KeyPair, SignError> {
    let (_, block) =
        x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| SignError::PrivateKey)?;
    let pkcs8 = match block.label.as_str() {
        "PRIVATE KEY" => block.contents,
        "RSA PRIVATE KEY" => {
            // version 0, rsaEncryption without parameters, the key
            const HEAD: [u8; 18] = [
                0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
                0x01, 0x01, 0x05, 0x00,
            ];
            let key = tagged(0x04, &block.contents);
            tagged(0x30, &[&HEAD, key.as_slice()].concat())
        }
        _ => return Err(SignError::PrivateKey),
    };
    KeyPair::try_from(pkcs8).map_err(|_| SignError::PrivateKey)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType};

    use super::*;

    fn request() -> String {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let name = &mut params.distinguished_name;
        *name = rcgen::DistinguishedName::new();
        name.push(DnType::OrganizationName, "g1");
        name.push(DnType::CustomDnType(vec![2, 5, 4, 10]), "g2");
        name.push(DnType::CommonName, "user");
        let key = KeyPair::generate().unwrap();
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    fn authority(days: i64) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "the authority");
        let now = Timestamp::now().as_second();
        params.not_after = rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(u64::try_from(now + days * 86_400).unwrap());
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn addon_24_a_certificate_is_valid_for_a_day_and_names_all_groups() {
        let (certificate, key) = authority(10);
        let read = Authority::read(&certificate, &key).unwrap();
        let now = Timestamp::now();
        let signed = read.sign(&request(), None, now).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(signed.as_bytes()).unwrap();
        let signed = pem.parse_x509().unwrap();
        let (_, ca) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).unwrap();
        let ca = ca.parse_x509().unwrap();
        signed.verify_signature(Some(ca.public_key())).unwrap();
        assert_eq!(signed.issuer().as_raw(), ca.subject().as_raw());
        let groups: Vec<&str> = signed
            .subject()
            .iter_organization()
            .map(|o| o.as_str().unwrap())
            .collect();
        assert_eq!(groups, ["g1", "g2"]);
        let end = signed.validity().not_after.timestamp();
        assert_eq!(end, now.as_second() + 24 * 3600);
        assert!(!signed.is_ca());
        let usage = signed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && usage.server_auth);
    }

    #[test]
    fn addon_24_no_longer_than_asked_and_than_the_authority() {
        let end = |days, seconds| {
            let (certificate, key) = authority(days);
            let now = Timestamp::now();
            let read = Authority::read(&certificate, &key).unwrap();
            let signed = read.sign(&request(), seconds, now)?;
            let (_, pem) = x509_parser::pem::parse_x509_pem(signed.as_bytes()).unwrap();
            let end = pem.parse_x509().unwrap().validity().not_after.timestamp();
            Ok::<_, SignError>(end - now.as_second())
        };
        assert_eq!(end(10, Some(3600)).unwrap(), 3600);
        assert_eq!(end(10, Some(1_000_000)).unwrap(), 24 * 3600);
        assert!(end(0, None).is_err(), "it has just expired");
    }

    /// A key of this test alone, as `openssl genrsa -traditional` writes it.
    const PKCS1: &str = include_str!("sign_test_key.pem");

    #[test]
    fn addon_24_authorities_may_have_rsa_keys_in_pkcs_1() {
        let key = private_key(PKCS1).unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let read = Authority::read(&certificate.pem(), PKCS1).unwrap();
        let signed = read.sign(&request(), None, Timestamp::now()).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(signed.as_bytes()).unwrap();
        let ca = X509Certificate::from_der(certificate.der()).unwrap().1;
        let signed = pem.parse_x509().unwrap();
        signed.verify_signature(Some(ca.public_key())).unwrap();
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        let (certificate, key) = authority(1);
        assert!(matches!(
            Authority::read(&key, &key),
            Err(SignError::Certificate)
        ));
        assert!(matches!(
            Authority::read(&certificate, &certificate),
            Err(SignError::PrivateKey)
        ));
        let read = Authority::read(&certificate, &key).unwrap();
        assert!(matches!(
            read.sign("x", None, Timestamp::now()),
            Err(SignError::Request(_))
        ));
    }
}
