//! Managed clusters through a Konnectivity server, as the cluster-proxy add-on
//! runs one: here it leads to the world's own API server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use insta::assert_snapshot;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use ocmadm::cmd::resources;
use ocmadm::k8s::tunnel::packet::Packet;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::world::World;
use crate::harness::tell;

/// A server that leads `c1:443` to `target` and refuses everything else.
pub(super) struct Konnectivity {
    pub(super) address: SocketAddr,
    /// Its CA, and a client's certificate and key.
    pub(super) files: [String; 3],
}

type Sender = mpsc::Sender<Result<Frame<Bytes>, Infallible>>;

impl Konnectivity {
    async fn start(target: SocketAddr) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let issue = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(names).unwrap();
            (params.signed_by(&key, &issuer).unwrap(), key)
        };
        let (own, own_key) = issue(&["127.0.0.1", "localhost"]);
        let (client, client_key) = issue(&["client"]);
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots));
        let mut config = rustls::ServerConfig::builder()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![own.der().clone()],
                PrivateKeyDer::try_from(own_key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service =
                        hyper::service::service_fn(move |request| answer(request, target));
                    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            files: [authority.pem(), client.pem(), client_key.serialize_pem()],
        }
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    target: SocketAddr,
) -> Result<
    hyper::Response<
        StreamBody<tokio_stream::wrappers::ReceiverStream<Result<Frame<Bytes>, Infallible>>>,
    >,
    Infallible,
> {
    assert_eq!(request.uri().path(), "/ProxyService/Proxy");
    assert_eq!(request.headers()["content-type"], "application/grpc");
    let (out, body) = mpsc::channel(16);
    tokio::spawn(converse(request.into_body(), out, target));
    let body = StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(body));
    Ok(hyper::Response::builder()
        .header("content-type", "application/grpc")
        .body(body)
        .unwrap())
}

async fn converse(mut body: Incoming, out: Sender, target: SocketAddr) {
    const CONNECTION: i64 = 42;
    let mut buffer = BytesMut::new();
    let mut upstream = None;
    let send = async |packet: Packet| {
        let _ = out.send(Ok(Frame::data(packet.encode()))).await;
    };
    while let Some(Ok(frame)) = body.frame().await {
        buffer.extend_from_slice(&frame.into_data().unwrap_or_default());
        while let Some(packet) = Packet::take(&mut buffer).unwrap() {
            match packet {
                Packet::DialRequest { address, random } if address == "c1:443" => {
                    let (mut read, write) = TcpStream::connect(target).await.unwrap().into_split();
                    upstream = Some(write);
                    let connection = CONNECTION;
                    send(Packet::DialResponse {
                        error: String::new(),
                        connection,
                        random,
                    })
                    .await;
                    let out = out.clone();
                    tokio::spawn(async move {
                        let mut piece = vec![0; 1000];
                        while let Ok(count @ 1..) = read.read(&mut piece).await {
                            let data = Bytes::copy_from_slice(&piece[..count]);
                            let packet = Packet::Data { connection, data };
                            let _ = out.send(Ok(Frame::data(packet.encode()))).await;
                        }
                        let packet = Packet::CloseResponse {
                            error: String::new(),
                            connection,
                        };
                        let _ = out.send(Ok(Frame::data(packet.encode()))).await;
                    });
                }
                Packet::DialRequest { random, .. } => {
                    let error = "no agent of that cluster is connected".to_owned();
                    send(Packet::DialResponse {
                        error,
                        connection: 0,
                        random,
                    })
                    .await;
                }
                Packet::Data {
                    connection: CONNECTION,
                    data,
                } => {
                    upstream.as_mut().unwrap().write_all(&data).await.unwrap();
                }
                Packet::CloseRequest { .. } => return,
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The definitions that the add-ons bring along.
async fn definitions(world: &World) {
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let of = |group: &str, version: &str, scope: &str, kind: &str| {
        let plural = format!("{}s", kind.to_lowercase());
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": scope,
                "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                    "singular": kind.to_lowercase()},
                "versions": [{"name": version, "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": any}}],
            },
        })
    };
    let objects = [
        of(
            "proxy.open-cluster-management.io",
            "v1alpha1",
            "Cluster",
            "ManagedProxyConfiguration",
        ),
        of(
            "authentication.open-cluster-management.io",
            "v1beta1",
            "Namespaced",
            "ManagedServiceAccount",
        ),
    ]
    .map(|value| serde_json::from_value(value).unwrap());
    world.cluster.apply(&objects).await;
}

/// A hub with the add-on, two clusters of which c1 is behind the proxy, and the
/// flags that lead to the proxy server.
async fn with_addon() -> (World, Vec<String>) {
    let (world, server) = with_addon_at().await;
    let mut flags = vec![format!("--proxy-server-port={}", server.address.port())];
    let names = ["proxy-ca-cert", "proxy-cert", "proxy-key"];
    for (name, text) in names.iter().zip(&server.files) {
        let path = world.write(&format!("{name}.pem"), text);
        flags.push(format!("--{name}={}", path.display()));
    }
    (world, flags)
}

/// The same with the proxy server.
pub(super) async fn with_addon_at() -> (World, Konnectivity) {
    let world = World::hub().await;
    definitions(&world).await;
    world.cluster("c1", true).await;
    world.cluster("c2", true).await;
    let addons = "addon.open-cluster-management.io/v1alpha1";
    let object = |version: &str, kind: &str, spec: Value| json!({"apiVersion": version, "kind": kind, "metadata": {"name": "cluster-proxy"}, "spec": spec});
    let offer = object(addons, "ClusterManagementAddOn", json!({}));
    world
        .create(&resources::cluster_management_addon(), None, offer)
        .await;
    let addon = object(addons, "ManagedClusterAddOn", json!({}));
    let kind = resources::managed_cluster_addon();
    world.create(&kind, Some("c1"), addon).await;
    let api = resources::within(&world.client, &kind, "c1");
    let available = json!({"conditions": [{"type": "Available", "status": "True", "reason": "R",
        "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    world.status(&api, "cluster-proxy", available).await;
    let configuration = object(
        "proxy.open-cluster-management.io/v1alpha1",
        "ManagedProxyConfiguration",
        json!({"proxyServer": {"namespace": "default"}}),
    );
    world
        .create(
            &resources::managed_proxy_configuration(),
            None,
            configuration,
        )
        .await;
    let server = Konnectivity::start(world.cluster.address().await).await;
    (world, server)
}

async fn run(world: &World, words: &[&str], flags: &[String]) -> String {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (before, after) = match words.iter().position(|word| *word == "--") {
        Some(at) => words.split_at(at),
        None => (words, &[][..]),
    };
    world.run(&[before, &flags, after].concat()).await
}

/// A ManagedServiceAccount that may read what is in the cluster.
async fn account(world: &World, ca: bool) {
    let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> =
        Api::namespaced(world.client.clone(), "default");
    let request = serde_json::from_value(json!({"spec": {"audiences": []}})).unwrap();
    let object = serde_json::from_value(json!({"metadata": {"name": "reader"}})).unwrap();
    accounts
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    let token = accounts
        .create_token_request("reader", &PostParams::default(), &request)
        .await
        .unwrap();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "reader"}],
    });
    world.cluster.create(binding).await;
    let mut data = json!({"token": token.status.unwrap().token});
    if ca {
        data["ca.crt"] = world.cluster.ca_pem().into();
    }
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), "c1");
    let secret = json!({"metadata": {"name": "reader"}, "stringData": data});
    let secret = serde_json::from_value(secret).unwrap();
    secrets
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    let account = json!({
        "apiVersion": "authentication.open-cluster-management.io/v1beta1",
        "kind": "ManagedServiceAccount", "metadata": {"name": "reader"}, "spec": {},
        "status": {"tokenSecretRef": {"name": "reader"}},
    });
    world
        .create(&resources::managed_service_account(), Some("c1"), account)
        .await;
}

fn script(world: &World, text: &str) {
    let path = world.write("bin/kubectl", &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn health_is_asked_through_the_proxy() {
    let (world, flags) = with_addon().await;
    let said = run(&world, &["proxy", "health"], &flags).await;
    let latency = regex::Regex::new(r"\d+\.\dms").unwrap();
    assert_snapshot!(latency.replace(&said, "LATENCY"), @r"
    exit 0
    --- stdout
    CLUSTER NAME   INSTALLED   AVAILABLE   PROBED HEALTH   LATENCY
    c1             True        True        True            LATENCY
    c2             False       False       Unknown         <none>
    --- stderr
    Warning: c2: the proxy server cannot reach c2:443: no agent of that cluster is connected
    ");
    let said = run(
        &world,
        &["proxy", "health", "-c", "c1", "-o", "json"],
        &flags,
    )
    .await;
    let value = said.split("--- stdout\n").nth(1).unwrap();
    let value: Value = serde_json::from_str(value).unwrap();
    assert_eq!(value["clusters"][0]["health"], "True");
    assert_eq!(value["clusters"].as_array().unwrap().len(), 1);
    // A proxy server that is not the one whose CA is known hears nothing.
    let other = Konnectivity::start(world.cluster.address().await).await;
    let flags = [
        &flags[1..],
        &[format!("--proxy-server-port={}", other.address.port())],
    ]
    .concat();
    let said = run(&world, &["proxy", "health", "-c", "c1"], &flags).await;
    assert!(
        said.contains("c1             True        True        Unknown"),
        "{said}"
    );
    assert!(said.contains("invalid peer certificate"), "{said}");
}

#[tokio::test]
async fn without_the_addon_its_absence_is_told() {
    let world = World::hub().await;
    let guide = "Hint: Consider following the guide: https://open-cluster-management.io/docs/getting-started/integration/cluster-proxy\n";
    let expected =
        format!("exit 1\n--- stderr\nError: Cluster-Proxy addon is not installed.\n{guide}");
    assert_eq!(world.run(&["proxy", "health"]).await, expected);
    let kubectl = ["proxy", "kubectl", "--cluster", "c1", "--sa", "a"];
    let said = world
        .run(&[&kubectl[..], &["--args", "get pods"]].concat())
        .await;
    assert_eq!(said, expected);
    assert_snapshot!(world.run(&kubectl).await, @r#"
    exit 2
    --- stderr
    Error: what shall kubectl do?
    Hint: pass --args "get pods", or -- get pods, or -i to be asked
    "#);
}

/// clusteradm: a kubeconfig for everybody in /tmp, and a proxy on all interfaces.
#[tokio::test]
async fn defect_07_kubectls_kubeconfig_and_proxy_are_for_nobody_else() {
    let (world, flags) = with_addon().await;
    let kubectl = [
        "proxy",
        "kubectl",
        "--cluster",
        "c1",
        "--sa",
        "reader",
        "--args",
    ];
    let said = run(&world, &[&kubectl[..], &["get pods"]].concat(), &flags).await;
    assert!(
        said.contains("there is no ManagedServiceAccount reader of c1"),
        "{said}"
    );
    // The token goes to nobody who cannot be told from another.
    account(&world, false).await;
    let said = run(&world, &[&kubectl[..], &["get pods"]].concat(), &flags).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(
        said.contains("Secret c1/reader of ManagedServiceAccount reader of c1 has no ca.crt"),
        "{said}"
    );
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), "c1");
    let ca = json!({"stringData": {"ca.crt": world.cluster.ca_pem()}});
    let params = kube::api::PatchParams::default();
    secrets
        .patch("reader", &params, &kube::api::Patch::Merge(ca))
        .await
        .unwrap();
    let tried = [&kubectl[..], &["get pods", "--dry-run"]].concat();
    let said = run(&world, &tried, &flags).await;
    assert_eq!(
        said,
        "exit 0\n--- stdout\nwould run on c1 as reader: kubectl get pods\n"
    );
    script(
        &world,
        r#"stat -c "mode %a" "$KUBECONFIG"
echo "path $KUBECONFIG"
cat "$KUBECONFIG"
echo
for word in "$@"; do echo "word $word"; done
port=$(sed 's/.*@127.0.0.1:\([0-9]*\)".*/\1/' "$KUBECONFIG")
awk -v port=":$(printf %04X "$port")" '$4 == "0A" && substr($2, length($2) - 4) == port {
    print "listens " $2 }' /proc/net/tcp /proc/net/tcp6
exit 7"#,
    );
    let said = run(
        &world,
        &[&kubectl[..], &["get pods -l 'a in (b)'"]].concat(),
        &flags,
    )
    .await;
    // Its own exit code, its own output.
    assert!(said.starts_with("exit 7\n--- stdout\nmode 600\n"), "{said}");
    assert!(
        said.contains("\nword get\nword pods\nword -l\nword a in (b)\n"),
        "{said}"
    );
    assert!(!said.contains("--- stderr"), "{said}");
    let config = said.lines().find(|line| line.starts_with('{')).unwrap();
    let config: Value = serde_json::from_str(config).unwrap();
    let server = &config["clusters"][0]["cluster"];
    assert_eq!(server["server"], "https://c1");
    let ca = STANDARD.encode(world.cluster.ca_pem());
    assert_eq!(server["certificate-authority-data"], ca);
    let url = server["proxy-url"].as_str().unwrap();
    assert!(
        url.starts_with("http://ocmadm:") && url.contains("@127.0.0.1:"),
        "{url}"
    );
    // 127.0.0.1, as the kernel writes it, and no other address.
    let heard = said
        .lines()
        .filter_map(|line| line.strip_prefix("listens "));
    let heard: Vec<&str> = heard.collect();
    assert!(
        matches!(heard.as_slice(), [one] if one.starts_with("0100007F:")),
        "{said}"
    );
    let path = said.lines().find_map(|line| line.strip_prefix("path "));
    assert!(!std::path::Path::new(path.unwrap()).exists(), "{said}");
}

/// With the real program, against a real API server through the tunnel.
#[tokio::test]
async fn kubectl_reads_a_managed_cluster() {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .map(|folder| folder.join("kubectl"))
        .find(|path| path.exists());
    let Some(kubectl) = found else {
        return tell("kubectl is not there: it does not go through the proxy");
    };
    let (world, flags) = with_addon().await;
    account(&world, true).await;
    script(&world, &format!("exec {} \"$@\"", kubectl.display()));
    let words = ["proxy", "kubectl", "--cluster", "c1", "--sa", "reader"];
    let named = ["--", "get", "namespaces", "-o", "name"];
    let said = run(&world, &[&words[..], &named].concat(), &flags).await;
    assert!(said.starts_with("exit 0\n--- stdout\nnamespace/"), "{said}");
    assert!(said.contains("\nnamespace/kube-system\n"), "{said}");
    // What the account may not do, the managed cluster itself refuses.
    let named = ["--", "create", "namespace", "x"];
    let said = run(&world, &[&words[..], &named].concat(), &flags).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(
        said.contains("system:serviceaccount:default:reader"),
        "{said}"
    );
    // One command after the other, the second of which fails.
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let asked = [&words[..], &["-i"], &flags].concat();
    let said = world
        .run_with(
            &asked,
            "get ns default -o name\nget nothings\nkubectl get ns default -o name\nexit\n",
        )
        .await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert_eq!(said.matches("namespace/default\n").count(), 2, "{said}");
}
