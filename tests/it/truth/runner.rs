//! Plays a table against a server and gives back what it answered, masked.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::AsyncBufReadExt as _;
use futures::TryStreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

use super::exchange::{Exchange, Table, fill};
use super::judge::Judge;
use super::mask::{mask, mask_text, order_causes};
use crate::harness::Cluster;

/// How deep the lists of `${deep}` are: deeper than any reader goes.
const DEPTH: usize = 20_000;

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
    cluster: &Cluster,
    judge: &Judge,
    table: &Table,
    ns: &str,
) -> BTreeMap<String, Value> {
    let mut variables = BTreeMap::from([
        ("ns".to_owned(), ns.to_owned()),
        ("hook".to_owned(), judge.url.clone()),
        ("bundle".to_owned(), judge.bundle.clone()),
        ("deep".to_owned(), "[".repeat(DEPTH) + &"]".repeat(DEPTH)),
    ]);
    let mut answers = BTreeMap::new();
    let bare = cluster.bare().await;
    for exchange in &table.exchanges {
        let client = match exchange.anonymous || exchange.token.is_some() {
            true => &bare,
            false => &cluster.client,
        };
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
            .filter_map(|name| {
                let value = header(name)?;
                // Since when a document is as it is.
                let dated = *name == "last-modified";
                let shown = if dated { "<time>".to_owned() } else { value };
                Some(((*name).to_owned(), json!(shown)))
            })
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
            let found = body.pointer(pointer).unwrap_or(&Value::Null);
            match wanted {
                Value::String(text) => *found == json!(fill(text, variables)),
                wanted => found == wanted,
            }
        });
        let present = exchange.present.as_ref();
        let settled = settled && present.is_none_or(|at| body.pointer(at).is_some());
        if !settled {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        for (name, pointer) in &exchange.save {
            let (pointer, encoded) = match pointer.strip_prefix("base64:") {
                Some(pointer) => (pointer, true),
                None => (pointer.as_str(), false),
            };
            let value = match body.pointer(pointer) {
                Some(Value::String(text)) if encoded => {
                    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
                }
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            variables.insert(name.clone(), value);
        }
        if let Some(found) = exchange
            .certificate
            .as_ref()
            .and_then(|at| body.pointer_mut(at))
        {
            *found = certificate(found);
        }
        for (pointer, wanted) in &exchange.pick {
            if let Some(list) = body.pointer_mut(pointer).and_then(Value::as_array_mut) {
                list.retain(|item| {
                    wanted
                        .iter()
                        .all(|(at, value)| item.pointer(at) == Some(value))
                });
            }
        }
        leave_out(&mut body, &exchange.drop);
        if exchange.unordered {
            order_causes(&mut body);
        }
        if !exchange.only.is_empty() {
            let parts = exchange
                .only
                .iter()
                .filter_map(|pointer| Some((pointer.clone(), body.pointer(pointer)?.clone())));
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

/// What a certificate (PEM, base64) says, without what is always another.
fn certificate(encoded: &Value) -> Value {
    let pem = STANDARD.decode(encoded.as_str().unwrap()).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let extensions: BTreeMap<String, String> = certificate
        .extensions()
        .iter()
        // Keys are everybody's own.
        .filter(|extension| {
            !format!("{:?}", extension.parsed_extension()).contains("KeyIdentifier")
        })
        .map(|extension| {
            let said = format!("{:?}", extension.parsed_extension());
            (extension.oid.to_string(), said)
        })
        .collect();
    let validity = certificate.validity();
    let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
    json!({
        "subject": certificate.subject().to_string(),
        "extensions": extensions,
        "minutes": (seconds + 30) / 60,
    })
}

/// Leaves out keys everywhere.
fn leave_out(value: &mut Value, keys: &[String]) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !keys.contains(key));
            map.values_mut().for_each(|value| leave_out(value, keys));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| leave_out(value, keys)),
        _ => {}
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
    if let Some(token) = &exchange.token {
        builder = builder.header(
            "Authorization",
            format!("Bearer {}", fill(token, variables)),
        );
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
