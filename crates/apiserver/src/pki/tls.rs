//! TLS of the server. Client certificates are asked for, and the client must
//! hold the key; whether the authority signed them is judged by `authn`, so
//! that an expired certificate is answered by 401 and not by a broken connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

use super::{Authority, PkiError};

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The names of the API server inside its cluster, and this machine's.
const HOST_NAMES: [&str; 5] = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

impl Authority {
    /// A server's TLS configuration with a fresh certificate for the loopback
    /// addresses, the cluster's names and `more`; HTTP/2 and 1.1 by ALPN.
    pub fn server_config(&self, more: &[IpAddr]) -> Result<ServerConfig, PkiError> {
        let mut ips = vec![
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        ips.extend(more.iter().filter(|ip| !ip.is_loopback()));
        let (certificate, key) =
            self.issue_server("kube-apiserver", &HOST_NAMES, &ips, 5 * A_YEAR)?;
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(HoldsKey {
            algorithms: provider.signature_verification_algorithms,
            authority: vec![DistinguishedName::from(self.subject().to_vec())],
        });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![CertificateDer::from(certificate)],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
            )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Judges client certificates: signed by this authority, valid now, for
    /// client authentication.
    pub(crate) fn client_verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, PkiError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.der().to_vec()))?;
        WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::<CryptoProvider>::new(ring::default_provider()),
        )
        .build()
        .map_err(|_| PkiError::Crypto("client certificates cannot be verified"))
    }
}

/// Lets every certificate through whose key the client holds.
#[derive(Debug)]
struct HoldsKey {
    algorithms: WebPkiSupportedAlgorithms,
    authority: Vec<DistinguishedName>,
}

impl ClientCertVerifier for HoldsKey {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.authority
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
