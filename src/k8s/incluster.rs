//! The configuration of a process that runs in a pod: the service account that
//! Kubernetes mounts.

use std::io;
use std::path::{Path, PathBuf};

use kube::config::AuthInfo;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The environment variable that names another folder than Kubernetes' own:
/// pods that the sandbox runs as plain processes have no mounts.
pub const DIR_VARIABLE: &str = "OCMADM_SERVICEACCOUNT_DIR";

/// Where Kubernetes mounts token, CA and namespace.
pub const DEFAULT_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Why there is no in-cluster configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An environment variable of the pod is missing.
    #[error("{0} is not set: this process does not run in a pod")]
    Variable(&'static str),
    /// Host and port make no URL.
    #[error("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT make no address")]
    Address(#[source] http::uri::InvalidUri),
    /// A file of the service account cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// `ca.crt` holds no certificate.
    #[error("{} holds no certificates", .0.display())]
    Certificates(PathBuf),
}

/// The service account's folder.
#[must_use]
pub fn directory() -> PathBuf {
    std::env::var_os(DIR_VARIABLE).map_or_else(|| PathBuf::from(DEFAULT_DIR), PathBuf::from)
}

/// The pod's namespace, if this is a pod.
#[must_use]
pub fn namespace() -> Option<String> {
    let text = std::fs::read_to_string(directory().join("namespace")).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The configuration for the API server of the cluster that this pod runs in.
/// The token is read anew as it changes.
///
/// # Errors
/// The environment or the files are not those of a pod.
pub fn config() -> Result<kube::Config, Error> {
    let variable = |name: &'static str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .ok_or(Error::Variable(name))
    };
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port = variable("KUBERNETES_SERVICE_PORT")?;
    from_parts(&host, &port, &directory())
}

fn from_parts(host: &str, port: &str, dir: &Path) -> Result<kube::Config, Error> {
    let url = if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    };
    let mut config = kube::Config::new(url.parse().map_err(Error::Address)?);
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read(&path).map_err(|source| Error::File { path, source })
    };
    let pem = read("ca.crt")?;
    let roots: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .map(|certificate| certificate.to_vec())
        .collect();
    if roots.is_empty() {
        return Err(Error::Certificates(dir.join("ca.crt")));
    }
    config.root_cert = Some(roots);
    // Read it once, so that a missing token is told here and not later.
    read("token")?;
    config.auth_info = AuthInfo {
        token_file: Some(dir.join("token").display().to_string()),
        ..AuthInfo::default()
    };
    if let Ok(namespace) = std::fs::read_to_string(dir.join("namespace")) {
        let namespace = namespace.trim();
        if !namespace.is_empty() {
            namespace.clone_into(&mut config.default_namespace);
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["ca".into()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        std::fs::write(dir.path().join("ca.crt"), certificate.pem()).unwrap();
        std::fs::write(dir.path().join("token"), "t0ken").unwrap();
        std::fs::write(dir.path().join("namespace"), "here\n").unwrap();
        dir
    }

    #[test]
    fn reads_the_service_account() {
        let dir = pod();
        let config = from_parts("127.0.0.1", "6443", dir.path()).unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://127.0.0.1:6443/");
        assert_eq!(config.default_namespace, "here");
        assert_eq!(config.root_cert.unwrap().len(), 1);
        assert!(config.auth_info.token_file.unwrap().ends_with("/token"));
        let v6 = from_parts("::1", "443", dir.path()).unwrap();
        assert_eq!(v6.cluster_url.host(), Some("[::1]"));
    }

    #[test]
    fn says_which_file_is_missing() {
        let dir = pod();
        std::fs::remove_file(dir.path().join("token")).unwrap();
        let error = from_parts("h", "1", dir.path()).unwrap_err();
        assert!(error.to_string().ends_with("/token"), "{error}");
        std::fs::write(dir.path().join("ca.crt"), "nothing").unwrap();
        assert!(matches!(
            from_parts("h", "1", dir.path()),
            Err(Error::Certificates(_))
        ));
    }
}
