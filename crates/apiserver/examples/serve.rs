//! A Kubernetes API server to try by hand:
//!
//! ```text
//! cargo run -p apiserver --example serve -- [FOLDER]
//! kubectl --kubeconfig FOLDER/kubeconfig get namespaces
//! ```
//!
//! It serves until Ctrl-C, keeps its data in FOLDER (a new temporary folder
//! without one), and prints the path of the kubeconfig. There are no nodes:
//! pods stay Pending.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(
        || std::env::temp_dir().join(format!("apiserver-{}", std::process::id())),
        PathBuf::from,
    );
    let server = ApiServer::start(Options {
        name: "example".to_owned(),
        data_dir: Some(folder.clone()),
        ..Options::default()
    })
    .await?;
    let port = std::env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok())
        .unwrap_or(0);
    let address = server
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .await?;
    let day = Duration::from_secs(24 * 3600);
    let (certificate, key) = server.issue_client_certificate(&UserInfo::admin(), day)?;
    let kubeconfig = format!(
        "apiVersion: v1
kind: Config
clusters:
- name: example
  cluster:
    server: https://{address}
    certificate-authority-data: {}
users:
- name: admin
  user:
    client-certificate-data: {}
    client-key-data: {}
contexts:
- name: example
  context: {{cluster: example, user: admin}}
current-context: example
",
        STANDARD.encode(server.ca_pem()),
        STANDARD.encode(certificate),
        STANDARD.encode(key),
    );
    let path = folder.join("kubeconfig");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path)?.write_all(kubeconfig.as_bytes())?;
    writeln!(std::io::stdout(), "{}", path.display())?;
    tokio::signal::ctrl_c().await?;
    server.shutdown().await;
    Ok(())
}
