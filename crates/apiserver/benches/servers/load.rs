//! What is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::BodyExt;
use serde_json::json;

use crate::client::Client;
use crate::servers::{Failure, Kind, Server};

/// How long each load runs.
const PERIOD: Duration = Duration::from_secs(3);
/// How long a server may rest before its memory is looked at.
const REST: Duration = Duration::from_secs(5);
const CLIENTS: [usize; 2] = [1, 16];
const OBJECTS: usize = 10_000;
const WATCHERS: usize = 100;
const CHANGES: usize = 1_000;

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const MANY: &str = "/api/v1/namespaces/many/configmaps";

/// The figures of one server: per second, milliseconds, MiB.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) ready: f64,
    pub(crate) create: [f64; 2],
    pub(crate) get: [f64; 2],
    pub(crate) list: [f64; 2],
    pub(crate) patch: [f64; 2],
    pub(crate) apply: [f64; 2],
    pub(crate) list_cpu: f64,
    pub(crate) fan_out: f64,
    pub(crate) fan_out_cpu: f64,
    pub(crate) rss_empty: f64,
    pub(crate) rss_full: f64,
    pub(crate) rss_end: f64,
}

/// Takes all figures of one server, one after the other.
pub(crate) async fn measure(server: &Server) -> Result<Figures, Failure> {
    let mut figures = Figures {
        ready: server.ready.as_secs_f64() * 1000.0,
        ..Figures::default()
    };
    let mut client = server.access.connect().await?;
    for name in ["many", "more", "fan"] {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        client
            .call("POST", "/api/v1/namespaces", JSON, body.to_string().into())
            .await?;
    }
    // A real server is busy with itself for a while.
    if server.kind == Kind::Real {
        tokio::time::sleep(2 * REST).await;
    }
    figures.rss_empty = server.rss();

    let begin = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    run(server, 16, async |client: &mut Client, _| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= OBJECTS {
            return Ok(false);
        }
        create(client, "many", number).await
    })
    .await?;
    figures.create[1] = OBJECTS as f64 / begin.elapsed().as_secs_f64();
    tokio::time::sleep(REST).await;
    figures.rss_full = server.rss();

    let next = AtomicUsize::new(0);
    figures.create[0] = rate(server, 1, async |client, _| {
        create(client, "more", next.fetch_add(1, Ordering::Relaxed)).await
    })
    .await?;
    for (at, clients) in CLIENTS.into_iter().enumerate() {
        figures.get[at] = rate(server, clients, async |client, number| {
            let path = format!("{MANY}/{}", name(number));
            client
                .call("GET", &path, "", Bytes::new())
                .await
                .map(|_| true)
        })
        .await?;
        figures.patch[at] = rate(server, clients, async |client, number| {
            let path = format!("{MANY}/{}", name(number));
            let body = json!({"data": {"changed": number.to_string()}}).to_string();
            client
                .call("PATCH", &path, MERGE, body.into())
                .await
                .map(|_| true)
        })
        .await?;
        figures.apply[at] = rate(server, clients, async |client, number| {
            let path = format!("{MANY}/{}?fieldManager=bench&force=true", name(number));
            let body = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name(number)},
                "data": {"applied": number.to_string()},
            });
            client
                .call("PATCH", &path, APPLY, body.to_string().into())
                .await
                .map(|_| true)
        })
        .await?;
        let cpu = server.cpu();
        let begin = Instant::now();
        figures.list[at] = rate(server, clients, async |client, _| {
            let length = client.call("GET", MANY, "", Bytes::new()).await?;
            if length < OBJECTS * 500 {
                return Err(format!("a list of {OBJECTS} in {length} bytes").into());
            }
            Ok(true)
        })
        .await?;
        let lists = figures.list[at] * begin.elapsed().as_secs_f64();
        figures.list_cpu = lists / (server.cpu() - cpu);
    }
    // A server may end a watch that is too slow for it: that is no reason to
    // lose the other figures.
    if let Err(error) = fan_out(server, &mut figures).await {
        println!("{}: events were not measured: {error}", server.kind.name());
        (figures.fan_out, figures.fan_out_cpu) = (f64::NAN, f64::NAN);
    }
    tokio::time::sleep(REST).await;
    figures.rss_end = server.rss();
    Ok(figures)
}

fn name(number: usize) -> String {
    format!("map-{:05}", number % OBJECTS)
}

async fn create(client: &mut Client, namespace: &str, number: usize) -> Result<bool, Failure> {
    let body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": format!("map-{number:05}"),
            "labels": {"app": "bench", "shard": (number % 10).to_string()},
        },
        "data": {"config.yaml": "key: value\n".repeat(40), "number": number.to_string()},
    });
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    client
        .call("POST", &path, JSON, body.to_string().into())
        .await?;
    Ok(true)
}

/// Runs one job again and again on so many connections, until it says no. Each
/// has numbers of its own.
async fn run(
    server: &Server,
    clients: usize,
    job: impl AsyncFn(&mut Client, usize) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let connections = try_join_all((0..clients).map(|_| server.access.connect())).await?;
    let job = &job;
    try_join_all(
        connections
            .into_iter()
            .enumerate()
            .map(|(at, mut client)| async move {
                let mut number = at * OBJECTS / clients;
                while job(&mut client, number).await? {
                    number += 1;
                }
                Ok::<(), Failure>(())
            }),
    )
    .await
    .map(drop)
}

/// How often a second a job is done.
async fn rate(
    server: &Server,
    clients: usize,
    job: impl AsyncFn(&mut Client, usize) -> Result<bool, Failure>,
) -> Result<f64, Failure> {
    let done = AtomicUsize::new(0);
    let begin = Instant::now();
    run(server, clients, async |client: &mut Client, number| {
        job(client, number).await?;
        done.fetch_add(1, Ordering::Relaxed);
        Ok(begin.elapsed() < PERIOD)
    })
    .await?;
    Ok(done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
}

/// Changes that 100 watchers must see, as fast as they come.
async fn fan_out(server: &Server, figures: &mut Figures) -> Result<(), Failure> {
    let connections = try_join_all((0..WATCHERS).map(|_| server.access.connect())).await?;
    let mut watches = Vec::new();
    for mut client in connections {
        let path = "/api/v1/namespaces/fan/configmaps?watch=true&resourceVersion=0";
        let body = client
            .send("GET", path, "", Bytes::new())
            .await?
            .into_body();
        watches.push(tokio::spawn(async move {
            // The connection lives as long as its client.
            let (_client, mut body, mut lines) = (client, body, 0);
            // The map that every namespace has is one of them.
            while lines < CHANGES {
                let frame = body.frame().await.ok_or("a watch has ended")??;
                if let Some(data) = frame.data_ref() {
                    lines += data
                        .split_inclusive(|byte| *byte == b'\n')
                        .filter(|line| line.ends_with(b"\n"))
                        .count();
                }
            }
            Ok::<(), Failure>(())
        }));
    }
    let (cpu, begin) = (server.cpu(), Instant::now());
    let next = AtomicUsize::new(0);
    run(server, 16, async |client: &mut Client, _| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= CHANGES {
            return Ok(false);
        }
        create(client, "fan", number).await
    })
    .await?;
    for watch in watches {
        watch.await??;
    }
    let events = (WATCHERS * CHANGES) as f64;
    figures.fan_out = events / begin.elapsed().as_secs_f64();
    figures.fan_out_cpu = events / (server.cpu() - cpu);
    Ok(())
}
