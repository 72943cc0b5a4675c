//! The proxy server behind a forwarded port of its pod, with the certificates that are
//! on the hub: what `proxy` does where no flag says otherwise. No kubelet runs here, so
//! the front of the world's API server forwards the port, as one would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use super::proxy::with_addon_at;

/// An API server that hands on what it is asked, and forwards one port itself.
struct Front {
    url: String,
    /// Its certificate.
    ca: String,
    forwarded: Arc<AtomicUsize>,
}

impl Front {
    async fn start(behind: Client, target: SocketAddr) -> Self {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let forwarded = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&forwarded);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = hyper::service::service_fn(|request| {
                        answer(request, behind.clone(), target, &count)
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        });
        Self {
            url,
            ca: signed.cert.pem(),
            forwarded,
        }
    }

    fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "front",
            "clusters": [{"name": "front", "cluster": {
                "server": self.url, "certificate-authority-data": STANDARD.encode(&self.ca)}}],
            "users": [{"name": "front", "user": {}}],
            "contexts": [{"name": "front", "context": {"cluster": "front", "user": "front"}}],
        })
        .to_string()
    }
}

async fn answer(
    mut request: hyper::Request<Incoming>,
    behind: Client,
    target: SocketAddr,
    count: &AtomicUsize,
) -> Result<hyper::Response<Body>, kube::Error> {
    if !request.uri().path().ends_with("/portforward") {
        let (mut parts, body) = request.into_parts();
        parts.headers.remove(http::header::HOST);
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        return behind
            .send(http::Request::from_parts(parts, Body::from(body)))
            .await;
    }
    let path = "/api/v1/namespaces/default/pods/proxy-b/portforward";
    assert_eq!(request.uri().path(), path, "the pod that is ready");
    let query = request.uri().query().unwrap_or_default();
    let port = query.trim_start_matches('&').strip_prefix("ports=");
    let port: u16 = port.unwrap_or_default().parse().unwrap();
    assert_eq!(port, 8090);
    count.fetch_add(1, Ordering::SeqCst);
    let headers = request.headers();
    let protocols = headers["sec-websocket-protocol"].to_str().unwrap();
    assert!(protocols.contains("v4.channel.k8s.io"), "{protocols}");
    let accept = derive_accept_key(headers["sec-websocket-key"].as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let socket = TokioIo::new(upgrade.await.unwrap());
        forward(
            WebSocketStream::from_raw_socket(socket, Role::Server, None).await,
            port,
            target,
        )
        .await;
    });
    Ok(hyper::Response::builder()
        .status(101)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", accept)
        .header("sec-websocket-protocol", "v4.channel.k8s.io")
        .body(Body::empty())
        .unwrap())
}

/// As kubelet forwards: two channels, data and errors, each of which begins with its port.
async fn forward<S>(mut socket: WebSocketStream<S>, port: u16, target: SocketAddr)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let [low, high] = port.to_le_bytes();
    for channel in [0, 1] {
        let first = Message::binary(vec![channel, low, high]);
        socket.send(first).await.unwrap();
    }
    let mut upstream = TcpStream::connect(target).await.unwrap();
    let mut piece = vec![0; 1000];
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    assert_eq!(bytes[0], 0, "the data channel");
                    upstream.write_all(&bytes[1..]).await.unwrap();
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            count = upstream.read(&mut piece) => {
                let Ok(count @ 1..) = count else { return };
                let data = [&[0], &piece[..count]].concat();
                if socket.send(Message::binary(data)).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_port_of_the_proxy_servers_pod_is_forwarded() {
    let (world, server) = with_addon_at().await;
    let front = Front::start(world.client.clone(), server.address).await;
    let path = world.write("front", &front.kubeconfig());
    let health = [
        "proxy",
        "health",
        "-c",
        "c1",
        "--kubeconfig",
        path.to_str().unwrap(),
    ];

    let said = world.run(&health).await;
    assert!(said.contains("Secret"), "{said}");
    let secret = |name: &str, data| {
        json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": "default"}, "stringData": data})
    };
    let [ca, certificate, key] = &server.files;
    let authority = secret("proxy-server-ca", json!({"ca.crt": ca}));
    world.cluster.create(authority).await;
    let client = secret(
        "proxy-client",
        json!({"tls.crt": certificate, "tls.key": key}),
    );
    world.cluster.create(client).await;

    let said = world.run(&health).await;
    assert!(said.contains("no pod of the proxy server"), "{said}");
    for (name, ready) in [("proxy-a", "False"), ("proxy-b", "True")] {
        let labels = json!({"proxy.open-cluster-management.io/component-name": "proxy-server"});
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "labels": labels},
            "spec": {"containers": [{"name": "proxy", "image": "proxy"}],
                "nodeName": "somewhere"}});
        world.cluster.create(pod).await;
        let status = json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}});
        let pods: kube::Api<k8s_openapi::api::core::v1::Pod> =
            kube::Api::namespaced(world.client.clone(), "default");
        let patch = kube::api::Patch::Merge(&status);
        let params = kube::api::PatchParams::default();
        pods.patch_status(name, &params, &patch).await.unwrap();
    }
    let said = world.run(&health).await;
    assert!(
        said.starts_with("exit 0\n")
            && said.contains("c1             True        True        True"),
        "{said}"
    );
    assert_eq!(front.forwarded.load(Ordering::SeqCst), 1);
}
