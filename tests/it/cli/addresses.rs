//! `create work -f http://…`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ocmadm::cmd::resources;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::world::World;

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\ndata: {k: v}\n";

/// A web server with these answers by path; its address, and what it was asked.
async fn serve(answers: BTreeMap<&'static str, String>) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(String::new()));
    let log = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut buffer).await {
                    Ok(read) if read > 0 => request.extend(&buffer[..read]),
                    _ => break,
                }
            }
            let request = String::from_utf8(request).unwrap();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            log.lock().unwrap().push_str(&request);
            let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned();
            let answer = answers.get(path.as_str()).unwrap_or(&missing);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, asked)
}

fn content(text: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    )
}

fn elsewhere(place: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn manifests_come_from_addresses() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let (address, asked) = serve(BTreeMap::from([
        ("/a.yaml?ref=1", content(CONFIG_MAP)),
        ("/moved", elsewhere("/a.yaml?ref=1")),
        ("/circle", elsewhere("/circle")),
        ("/empty", content("# nothing\n")),
        ("/wrong", content("kind: ConfigMap\n")),
    ]))
    .await;
    let create = async |path: &str| {
        let from = format!("{address}{path}");
        let args = ["create", "work", "w", "--clusters", "c1", "-f", &from];
        world.run(&args).await.replace(&address, "http://WEB")
    };
    for (path, expected) in [
        (
            "/missing",
            "Error: cannot read http://WEB/missing: the server answered 404",
        ),
        (
            "/circle",
            "Error: http://WEB/circle leads elsewhere more than 5 times",
        ),
        ("/empty", "Error: http://WEB/empty holds no manifests"),
        ("/wrong", "Error: http://WEB/wrong:1: "),
    ] {
        let said = create(path).await;
        assert!(said.starts_with("exit 1\n"), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let said = create("/moved").await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let works = resources::within(&world.client, &resources::manifest_work(), "c1");
    let work = works.get("w").await.unwrap();
    let manifest = &work.data["spec"]["workload"]["manifests"][0];
    assert_eq!(manifest["data"]["k"], "v");
    // No credentials of the hub go to a web server.
    let asked = asked.lock().unwrap().to_ascii_lowercase();
    assert!(!asked.contains("authorization"), "{asked}");
}
