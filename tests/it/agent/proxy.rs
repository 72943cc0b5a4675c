//! A hub that is reached through a proxy only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::support::{AGENT_NAMESPACE, BOOTSTRAP, Bed, c1, text};

/// An HTTP proxy that makes tunnels; how many, it counts.
pub(crate) async fn proxy() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tunnels = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tunnels);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let target = head
                    .strip_prefix("CONNECT ")
                    .and_then(|s| s.split(' ').next());
                let mut hub = TcpStream::connect(target.unwrap()).await?;
                count.fetch_add(1, Ordering::SeqCst);
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut client, &mut hub).await
            });
        }
    });
    (address, tunnels)
}

#[tokio::test]
async fn an_agent_joins_through_a_proxy_and_keeps_to_it() {
    let mut bed = Bed::prepare(c1()).await;
    let (address, tunnels) = proxy().await;
    let mut kubeconfig: Value = serde_json::from_str(&bed.bootstrap("hub").await).unwrap();
    kubeconfig["clusters"][0]["cluster"]["proxy-url"] = format!("http://{address}").into();
    let data = json!({"stringData": {"kubeconfig": kubeconfig.to_string()}});
    bed.spoke
        .merge("Secret", AGENT_NAMESPACE, BOOTSTRAP, data)
        .await;
    bed.start_agent();
    bed.accept("c1").await;
    bed.wait_joined("c1").await;
    let stored = text(&bed.secret().await.unwrap(), "kubeconfig");
    assert!(
        stored.contains(&format!("proxy-url: http://{address}")),
        "{stored}"
    );
    assert!(tunnels.load(Ordering::SeqCst) > 1);
}
