//! The hub as a cluster that joins sees it: its CA, its address, and whether
//! the token is good for it.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::DynamicObject;
use kube::{Api, Config};
use tokio::time::Instant;

use super::pin::Pin;
use super::token::{self, Token, TokenError};
use crate::cmd::explain::{is_missing_type, server_error, wait_error};
use crate::cmd::{program, resources};
use crate::error::CommandError;
use crate::k8s::client::{self, Connection, Failure, certificates};
use crate::k8s::kubeconfig;
use crate::k8s::wait::{self, State};
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// What the user says about the hub.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The API server's URL.
    pub server: &'a str,
    /// The token to join with.
    pub token: &'a str,
    /// A file with the hub's CA.
    pub ca_file: Option<&'a Path>,
    /// What the CA's key must hash to.
    pub ca_hash: Option<&'a Pin>,
    /// Use the address that the hub itself names (kind, NAT).
    pub internal_endpoint: bool,
    /// The proxy on the agent's way to the hub, which is ours, too.
    pub proxy: Option<Proxy<'a>>,
}

/// A proxy, and a file with a CA that its certificates come from.
#[derive(Clone, Copy, Debug)]
pub struct Proxy<'a> {
    /// Its URL.
    pub url: &'a str,
    /// The file.
    pub ca_file: Option<&'a Path>,
}

/// The hub, reachable and willing.
pub struct Hub {
    /// Logged on with the token.
    pub connection: Connection,
    /// The address for the agent.
    pub server: String,
    /// CA certificates (PEM); none means the system's.
    pub ca: Option<Vec<u8>>,
}

/// What cluster-info says.
struct ClusterInfo {
    server: Option<String>,
    ca: Option<Vec<u8>>,
}

/// A token that cannot be one, or has expired, is told before anybody is asked.
///
/// # Errors
/// Why it is of no use, and how to get another.
pub fn check_token(text: &str) -> Result<Token, CommandError> {
    let again = || format!("get a new one on the hub: `{} get token`", program());
    token::read(text, jiff::Timestamp::now().as_second()).map_err(|error| match error {
        TokenError::Malformed(why) => {
            CommandError::user(format!("the hub token cannot be used: {why}")).hint(again())
        }
        TokenError::Expired { since } => CommandError::user(format!(
            "the hub token has expired {} ago",
            token::ago(since)
        ))
        .hint(again()),
    })
}

/// Finds the hub's CA and address, and logs on to it.
///
/// # Errors
/// The hub cannot be reached or trusted, or does not know the token.
pub async fn find(wish: &Wish<'_>, ui: &Ui) -> Result<Hub, CommandError> {
    let mut wish = *wish;
    if wish.proxy.is_some() && !answers(&wish).await? {
        ui.status("The proxy of --proxy-url does not lead from here to the hub, which is asked without it.");
        wish.proxy = None;
    }
    let wish = &wish;
    let given = match wish.ca_file {
        Some(path) => Some(read_ca(path)?),
        None => None,
    };
    let (ca, info) = match (given, wish.ca_hash) {
        (Some(ca), Some(pin)) => (Some(chosen(pin, &ca, "the file of --ca-file")?), None),
        (Some(ca), None) => (Some(ca), None),
        (None, Some(pin)) => pinned(wish, pin).await?,
        (None, None) => learn(wish, ui).await?,
    };
    let trusted = match (&ca, wish.proxy.and_then(|proxy| proxy.ca_file)) {
        (Some(ca), Some(path)) => Some([ca.as_slice(), b"\n", &read_ca(path)?].concat()),
        (ca, _) => ca.clone(),
    };
    let connection = connect(wish, Some(wish.token), Trust::of(trusted.as_deref()))?;
    let server = match wish.internal_endpoint {
        true => internal(&connection, info).await?,
        false => wish.server.to_owned(),
    };
    Ok(Hub {
        connection,
        server,
        ca,
    })
}

/// The hub as an administrator's context shows it: nothing has to be learned.
///
/// # Errors
/// A CA file that cannot be used, or no internal address where one is wanted.
pub async fn seen_by(admin: &Connection, wish: &Wish<'_>) -> Result<Hub, CommandError> {
    let ca = match wish.ca_file {
        Some(path) => Some(read_ca(path)?),
        None => admin.ca.clone(),
    };
    let server = match wish.internal_endpoint {
        true => internal(admin, None).await?,
        false => wish.server.to_owned(),
    };
    Ok(Hub {
        connection: admin.clone(),
        server,
        ca,
    })
}

/// The address that the hub names itself.
async fn internal(
    connection: &Connection,
    info: Option<ClusterInfo>,
) -> Result<String, CommandError> {
    let info = match info {
        Some(info) => Some(info),
        None => cluster_info(connection)
            .await
            .map_err(|error| server_error(error, "read the hub's kube-public/cluster-info"))?,
    };
    info.and_then(|info| info.server).ok_or_else(|| {
        CommandError::user(
            "the hub names no internal address: its kube-public/cluster-info is missing or has no server",
        )
        .hint("leave --force-internal-endpoint-lookup out")
    })
}

fn read_ca(path: &Path) -> Result<Vec<u8>, CommandError> {
    let bytes = std::fs::read(path).map_err(|error| {
        CommandError::user(format!("cannot read {}", path.display())).because(error)
    })?;
    if certificates(&bytes).is_empty() {
        return Err(
            CommandError::user(format!("{} holds no certificates", path.display()))
                .hint("--ca-file takes a file with PEM blocks of type CERTIFICATE"),
        );
    }
    Ok(bytes)
}

/// How the hub's certificate is checked.
#[derive(Clone, Copy)]
enum Trust<'a> {
    Ca(&'a [u8]),
    System,
    Nothing,
}

impl<'a> Trust<'a> {
    fn of(ca: Option<&'a [u8]>) -> Self {
        ca.map_or(Self::System, Self::Ca)
    }
}

/// Whether somebody answers at the hub's address on the way that is wished. This
/// asks for nothing and tells nothing.
async fn answers(wish: &Wish<'_>) -> Result<bool, CommandError> {
    let anonymous = connect(wish, None, Trust::Nothing)?;
    let version = anonymous.call(anonymous.client.apiserver_version()).await;
    let silent = |error: client::ServerError| matches!(error.failure, Failure::Unreachable(_));
    Ok(!version.is_err_and(silent))
}

fn connect(
    wish: &Wish<'_>,
    token: Option<&str>,
    trust: Trust<'_>,
) -> Result<Connection, CommandError> {
    let server = wish.server;
    let url = server
        .parse()
        .map_err(|_| CommandError::usage(format!("--hub-apiserver {server:?} is no URL")))?;
    let mut config = Config::new(url);
    if let Some(proxy) = wish.proxy {
        let wrong = |_| CommandError::usage(format!("--proxy-url {:?} is no URL", proxy.url));
        config.proxy_url = Some(proxy.url.parse().map_err(wrong)?);
    }
    match trust {
        Trust::Ca(pem) => config.root_cert = Some(certificates(pem)),
        Trust::System => {}
        Trust::Nothing => config.accept_invalid_certs = true,
    }
    config.auth_info.token = token.map(|token| token.to_owned().into());
    Ok(client::from_config(config, server, None, None)?)
}

/// The CA where the user names none: what the system trusts is enough for some
/// hubs; others publish their CA, which is believed on first use, as
/// clusteradm does.
async fn learn(
    wish: &Wish<'_>,
    ui: &Ui,
) -> Result<(Option<Vec<u8>>, Option<ClusterInfo>), CommandError> {
    if wish.server.starts_with("http://") {
        return Ok((None, None));
    }
    // Without the token first: no stranger shall get it.
    let anonymous = connect(wish, None, Trust::Nothing)?;
    match cluster_info(&anonymous).await {
        Ok(Some(info)) if info.ca.is_some() => return Ok((info.ca.clone(), Some(info))),
        Err(error) if matches!(error.failure, Failure::Unreachable(_) | Failure::NotTls) => {
            return Err(unreachable(error));
        }
        _ => {}
    }
    let by_system = connect(wish, None, Trust::System)?;
    let answer = by_system.call(by_system.client.apiserver_version()).await;
    let untrusted = matches!(
        answer.as_ref().map_err(|error| &error.failure),
        Err(Failure::UntrustedCa | Failure::BadCertificate(_) | Failure::Other(_))
    );
    if !untrusted {
        return Ok((None, None));
    }
    let with_token = connect(wish, Some(wish.token), Trust::Nothing)?;
    let info = match cluster_info(&with_token).await {
        Ok(info) => info,
        Err(error) if matches!(error.failure, Failure::Unauthorized) => {
            return Err(unknown_token(error));
        }
        // Without permission for it there may still be kube-root-ca.crt.
        Err(_) => None,
    };
    let ca = match info.as_ref().and_then(|info| info.ca.clone()) {
        Some(ca) => Some(ca),
        None => root_ca(&with_token).await,
    };
    let Some(ca) = ca else {
        return Err(CommandError::user(format!(
            "the certificate of {} is not signed by a CA that this system trusts, and the hub does not publish its CA",
            wish.server
        ))
        .hint("pass the hub's CA with --ca-file"));
    };
    ui.warning(
        "the hub's CA was asked for with the join token before the hub's certificate could \
         be checked, and is trusted from now on; --ca-file checks it from the first byte",
    );
    Ok((Some(ca), info))
}

/// The CA that the hub shows to everybody, if it is the one of the pin. Nothing
/// but that is asked before.
async fn pinned(
    wish: &Wish<'_>,
    pin: &Pin,
) -> Result<(Option<Vec<u8>>, Option<ClusterInfo>), CommandError> {
    let anonymous = connect(wish, None, Trust::Nothing)?;
    let info = match cluster_info(&anonymous).await {
        Err(error) if matches!(error.failure, Failure::Unreachable(_) | Failure::NotTls) => {
            return Err(unreachable(error));
        }
        info => info.ok().flatten(),
    };
    let shown = match info.as_ref().and_then(|info| info.ca.clone()) {
        Some(ca) => Some(ca),
        None => root_ca(&anonymous).await,
    };
    let Some(shown) = shown else {
        return Err(CommandError::user(format!(
            "{} does not show its CA to everybody: --ca-hash cannot be checked",
            wish.server
        ))
        .hint("pass the hub's CA with --ca-file"));
    };
    let ca = chosen(pin, &shown, wish.server)?;
    Ok((Some(ca), info))
}

/// The certificates with the key of the pin, as PEM.
fn chosen(pin: &Pin, pem: &[u8], whose: &str) -> Result<Vec<u8>, CommandError> {
    let found = pin.choose(pem);
    if found.is_empty() {
        return Err(CommandError::user(format!(
            "the CA of {whose} is not the one of --ca-hash: it is another hub, or somebody is in between"
        ))
        .hint(format!(
            "get a new join command on the hub: `{} get token`",
            program()
        )));
    }
    let blocks = found.iter().map(|der| client::pem("CERTIFICATE", der));
    Ok(blocks.collect::<String>().into_bytes())
}

/// The CA that a hub shows to everybody in its cluster-info.
pub async fn published_ca(hub: &Connection) -> Option<Vec<u8>> {
    let mut config = hub.config.clone();
    config.auth_info = kube::config::AuthInfo::default();
    let anonymous = client::from_config(config, &hub.url, None, None).ok()?;
    cluster_info(&anonymous).await.ok().flatten()?.ca
}

async fn cluster_info(connection: &Connection) -> Result<Option<ClusterInfo>, client::ServerError> {
    let maps: Api<ConfigMap> = Api::namespaced(connection.client.clone(), "kube-public");
    let Some(map) = connection.call_opt(maps.get("cluster-info")).await? else {
        return Ok(None);
    };
    let cluster = map
        .data
        .and_then(|mut data| data.remove("kubeconfig"))
        .and_then(|text| kubeconfig::from_text(&text).ok())
        .and_then(|config| config.clusters.into_iter().find_map(|named| named.cluster));
    Ok(cluster.map(|cluster| ClusterInfo {
        ca: kubeconfig::ca_of(&cluster).ok().flatten(),
        server: cluster.server.filter(|server| !server.is_empty()),
    }))
}

async fn root_ca(connection: &Connection) -> Option<Vec<u8>> {
    let maps: Api<ConfigMap> = Api::namespaced(connection.client.clone(), "kube-public");
    let map = connection.call(maps.get("kube-root-ca.crt")).await.ok()?;
    let pem = map.data?.remove("ca.crt")?.into_bytes();
    (!certificates(&pem).is_empty()).then_some(pem)
}

/// The address at which a cluster wants to be reached, by its own cluster-info.
pub async fn external_url(cluster: &Connection) -> Option<String> {
    cluster_info(cluster).await.ok().flatten()?.server
}

fn unreachable(error: client::ServerError) -> CommandError {
    CommandError::user("cannot reach the hub")
        .because(error)
        .hint("--hub-apiserver must be an address that this machine and the managed cluster reach")
}

fn unknown_token(error: client::ServerError) -> CommandError {
    CommandError::user(
        "the hub does not accept the token: it has expired, was taken back, or is of another hub",
    )
    .because(error)
    .hint(format!(
        "get a new one on the hub: `{} get token`",
        program()
    ))
}

impl Hub {
    /// Asks the hub for the cluster's ManagedCluster: that shows whether the
    /// token is good, and whether the name is taken. Waits for a hub that is
    /// still being set up.
    ///
    /// # Errors
    /// The token is of no use, or the hub is none.
    pub async fn probe(
        &self,
        cluster: &str,
        until: Instant,
        progress: &Progress<'_>,
    ) -> Result<Option<DynamicObject>, CommandError> {
        let api = resources::all(&self.connection.client, &resources::managed_cluster());
        let mut step = None;
        let mut pause = Duration::from_millis(100);
        loop {
            let error = match self.connection.call(api.get(cluster)).await {
                Ok(found) => return Ok(Some(found)),
                Err(error) => error,
            };
            match &error.failure {
                Failure::NotFound(text) if !is_missing_type(text) => return Ok(None),
                Failure::NotFound(_) if Instant::now() + pause < until => {
                    // `init` without --wait returns before the hub is ready;
                    // discovery cannot be watched.
                    step.get_or_insert_with(|| progress.step("Waiting for the hub"))
                        .waiting("its API is not served yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                Failure::NotFound(_) => {
                    return Err(CommandError::timeout(format!(
                        "{} is no hub, or not ready yet",
                        self.connection.url
                    ))
                    .because(error)
                    .hint(format!("run `{} init --wait` on it", program())));
                }
                Failure::Unauthorized => return Err(unknown_token(error)),
                Failure::Unreachable(_) | Failure::NotTls => return Err(unreachable(error)),
                Failure::UntrustedCa => {
                    return Err(CommandError::user("the hub cannot be trusted")
                        .because(error)
                        .hint("--ca-file must hold the CA of --hub-apiserver"));
                }
                Failure::Forbidden(_) => {
                    return Err(
                        CommandError::user("the token may not join clusters to this hub")
                            .because(error)
                            .hint(format!(
                                "use the one of `{} get token`, run on the hub",
                                program()
                            )),
                    );
                }
                _ => return Err(server_error(error, "ask the hub")),
            }
        }
    }

    /// Waits until the agent has made its ManagedCluster.
    ///
    /// # Errors
    /// The deadline.
    pub async fn until_registered(
        &self,
        cluster: &str,
        until: Instant,
        progress: &Progress<'_>,
    ) -> Result<(), CommandError> {
        let step = progress.step(format!("Registering {cluster} with the hub"));
        let api = resources::all(&self.connection.client, &resources::managed_cluster());
        wait::until_object(
            api,
            cluster,
            until,
            |found: Option<&DynamicObject>| match found {
                Some(_) => State::Met(()),
                None => State::Waiting("the agent has not asked yet".to_owned()),
            },
            |detail| step.waiting(detail),
        )
        .await
        .map_err(|error| {
            wait_error(error, &self.connection, &format!("{cluster} to register"))
                .hint("the logs of deployment open-cluster-management/klusterlet say why")
        })?;
        step.done();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_errors_say_where_to_get_another_and_hold_none() {
        let error = check_token("eyJhbGciOi.SECRETSECRET").unwrap_err();
        let text = error.render();
        assert!(text.contains("not copied whole"), "{text}");
        assert!(text.contains("get token"), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }

    /// A server that is not the hub: it answers with `cluster_info`, or with 404,
    /// and keeps what it is told. Its URL, its certificate.
    async fn stranger(
        cluster_info: Option<String>,
    ) -> (String, String, std::sync::Arc<std::sync::Mutex<String>>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        crate::cli::install_crypto_provider();
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned()];
        let certificate = rcgen::CertificateParams::new(names)
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let heard = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let log = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut buffer).await {
                        Ok(read) if read > 0 => request.extend(&buffer[..read]),
                        _ => break,
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let body = cluster_info
                    .as_ref()
                    .filter(|_| request.contains("configmaps/cluster-info"));
                let answer = body.map_or_else(
                    || "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned(),
                    |body| format!(
                        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    ),
                );
                log.lock().unwrap().push_str(&request);
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        (url, certificate.pem(), heard)
    }

    /// The token is never told to a server whose certificate does not fit the CA.
    #[tokio::test]
    async fn defect_03_the_token_goes_to_nobody_but_the_hub() {
        const TOKEN: &str = "abcdef.0123456789abcdef";
        let (_, other_ca, _) = stranger(None).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        std::fs::write(&file, &other_ca).unwrap();
        let until = || Instant::now() + Duration::from_secs(1);

        // With --ca-file, no stranger hears a word.
        let (url, _, heard) = stranger(None).await;
        let wish = Wish {
            server: &url,
            token: TOKEN,
            ca_file: Some(&file),
            ca_hash: None,
            internal_endpoint: false,
            proxy: None,
        };
        let ui = Ui::captured();
        let hub = find(&wish, &ui).await.unwrap();
        assert!(hub.probe("c1", until(), &ui.progress()).await.is_err());
        assert_eq!(*heard.lock().unwrap(), "");

        // Without, a CA that is published to everybody is asked for without the token,
        // and checked before the token goes anywhere.
        let encoded = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            other_ca.as_bytes(),
        );
        let info = format!(
            r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "cluster-info"}}, "data": {{"kubeconfig":
            "apiVersion: v1\nkind: Config\nclusters: [{{name: '', cluster: {{server: 'https://x', certificate-authority-data: {encoded}}}}}]"}}}}"#
        );
        let (url, _, heard) = stranger(Some(info)).await;
        let wish = Wish {
            server: &url,
            ca_file: None,
            ..wish
        };
        let hub = find(&wish, &ui).await.unwrap();
        assert!(hub.probe("c1", until(), &ui.progress()).await.is_err());
        let heard = heard.lock().unwrap().to_ascii_lowercase();
        assert!(heard.contains("configmaps/cluster-info"), "{heard}");
        assert!(!heard.contains("authorization"), "{heard}");
    }

    /// clusteradm believes whatever CA it is shown. With a pin, one request is
    /// made of a stranger, without the token.
    #[tokio::test]
    async fn defect_03_a_pinned_ca_is_checked_before_anything_is_told() {
        const TOKEN: &str = "abcdef.0123456789abcdef";
        let info = |ca: &str| {
            let encoded =
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD, ca.as_bytes());
            format!(
                r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "cluster-info"}}, "data": {{"kubeconfig":
                "apiVersion: v1\nkind: Config\nclusters: [{{name: '', cluster: {{server: 'https://x', certificate-authority-data: {encoded}}}}}]"}}}}"#
            )
        };
        let (_, ca, _) = stranger(None).await;
        let pin = Pin::of(&certificates(ca.as_bytes())[0]).unwrap();
        let (_, other, _) = stranger(None).await;
        let ui = Ui::captured();
        let bundle = format!("{other}{ca}");
        for (shown, expected) in [
            (Some(info(&bundle)), Ok(())),
            (Some(info(&other)), Err("is not the one of --ca-hash")),
            (None, Err("--ca-hash cannot be checked")),
        ] {
            let (url, _, heard) = stranger(shown).await;
            let wish = Wish {
                server: &url,
                token: TOKEN,
                ca_file: None,
                ca_hash: Some(&pin),
                internal_endpoint: false,
                proxy: None,
            };
            let found = find(&wish, &ui).await;
            match expected {
                Ok(()) => assert_eq!(certificates(&found.unwrap().ca.unwrap()).len(), 1),
                Err(part) => {
                    let error = found.err().unwrap().render();
                    assert!(error.contains(part), "{error}");
                }
            }
            let heard = heard.lock().unwrap().to_ascii_lowercase();
            assert!(!heard.contains("authorization"), "{heard}");
        }
    }

    #[test]
    fn a_ca_file_holds_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.crt");
        std::fs::write(&path, "nothing").unwrap();
        assert!(
            read_ca(&path)
                .unwrap_err()
                .message()
                .ends_with("holds no certificates")
        );
    }
}
