//! Plays a table against a server and gives back what it answered, masked.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::AsyncBufReadExt as _;
use futures::TryStreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

use super::exchange::{Exchange, Table, fill};
use super::mask::{mask, mask_text, order_causes};

/// No exchange takes longer than this on any server.
const PATIENCE: Duration = Duration::from_secs(90);

/// Headers that clients act by, besides `Content-Type`, `Warning` and
/// `Audit-Id`, of which only the presence is compared.
const HEADERS: &[&str] = &[
    "cache-control",
    "retry-after",
    "www-authenticate",
    "allow",
    "location",
    "vary",
    "last-modified",
];

/// Plays a table; `ns` is the namespace it may use, made before.
pub(super) async fn play(
    client: &kube::Client,
    table: &Table,
    ns: &str,
) -> BTreeMap<String, Value> {
    let mut variables = BTreeMap::from([("ns".to_owned(), ns.to_owned())]);
    let mut answers = BTreeMap::new();
    for exchange in &table.exchanges {
        let answer =
            match tokio::time::timeout(PATIENCE, one(client, exchange, &mut variables)).await {
                Ok(answer) => answer,
                Err(_) => json!({"status": "no answer in time"}),
            };
        if !exchange.quiet {
            answers.insert(exchange.name.clone(), answer);
        }
    }
    answers
}

async fn one(
    client: &kube::Client,
    exchange: &Exchange,
    variables: &mut BTreeMap<String, String>,
) -> Value {
    loop {
        let response = client.send(request(exchange, variables)).await;
        let response = match response {
            Ok(response) => response,
            Err(error) => return json!({"status": format!("no answer: {error}")}),
        };
        let status = response.status().as_u16();
        let header = |name: &str| {
            let values = response.headers().get_all(name);
            let values: Vec<&str> = values.iter().filter_map(|v| v.to_str().ok()).collect();
            (!values.is_empty()).then(|| values.join(", "))
        };
        let warning = header("warning");
        let others: serde_json::Map<String, Value> = HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), json!(header(name)?))))
            .collect();
        let audited = header("audit-id").is_some();
        let kind = header("content-type").unwrap_or_default();
        let mut body = match exchange.events {
            Some(count) if status == 200 => events(response.into_body(), count).await,
            _ => {
                let bytes = response.into_body().collect().await.unwrap().to_bytes();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if kind == "application/yaml" {
                    serde_saphyr::from_str(&text).unwrap()
                } else {
                    serde_json::from_str(&text).unwrap_or(Value::String(text))
                }
            }
        };
        let settled = exchange.until.iter().all(|(pointer, wanted)| {
            if pointer == "status" {
                return *wanted == json!(status);
            }
            body.pointer(pointer).unwrap_or(&Value::Null) == wanted
        });
        if !settled {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        for (name, pointer) in &exchange.save {
            let value = match body.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            variables.insert(name.clone(), value);
        }
        if exchange.unordered {
            order_causes(&mut body);
        }
        if !exchange.only.is_empty() {
            let parts = exchange.only.iter().map(|pointer| {
                (
                    pointer.clone(),
                    body.pointer(pointer).cloned().unwrap_or(Value::Null),
                )
            });
            body = Value::Object(parts.collect());
        }
        mask(&mut body, variables);
        let mut answer = json!({"status": status, "type": kind, "body": body});
        if let Some(warning) = warning {
            answer["warning"] = json!(mask_text(&warning, variables));
        }
        if !others.is_empty() {
            answer["headers"] = Value::Object(others);
        }
        if !audited {
            answer["audited"] = json!(false);
        }
        return answer;
    }
}

/// The first events of a watch.
async fn events(body: Body, count: usize) -> Value {
    let reader = body
        .into_data_stream()
        .map_err(std::io::Error::other)
        .into_async_read();
    let mut lines = futures::io::BufReader::new(reader).lines();
    let mut events = Vec::new();
    while events.len() < count {
        match lines.try_next().await {
            Ok(Some(line)) => {
                events.push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
            _ => break,
        }
    }
    Value::Array(events)
}

fn request(exchange: &Exchange, variables: &BTreeMap<String, String>) -> Request<Body> {
    let (method, path) = exchange
        .request
        .split_once(' ')
        .unwrap_or_else(|| panic!("{}: `do` is a method and a path", exchange.name));
    let mut builder = Request::builder()
        .method(method)
        .uri(fill(path, variables))
        // The name that field ownership is noted under.
        .header("User-Agent", "truth/1");
    if !exchange.headers.contains_key("Accept") {
        builder = builder.header("Accept", "application/json");
    }
    if exchange.body.is_some() && !exchange.headers.contains_key("Content-Type") {
        builder = builder.header("Content-Type", "application/json");
    }
    for (name, value) in &exchange.headers {
        builder = builder.header(name, fill(value, variables));
    }
    if let Some(user) = &exchange.user {
        builder = builder.header("Impersonate-User", fill(user, variables));
    }
    for group in &exchange.groups {
        builder = builder.header("Impersonate-Group", group);
    }
    let body = match &exchange.body {
        None => Vec::new(),
        Some(Value::String(text)) => fill(text, variables).into_bytes(),
        Some(value) => fill(&value.to_string(), variables).into_bytes(),
    };
    builder.body(Body::from(body)).unwrap()
}
