//! Many write at once, many watch from wherever they like.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use apiserver::http::Body;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::client::{Client, MAPS, map, name, revision, start};
use crate::{Dice, cases};

/// No event takes longer, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
const WRITERS: u64 = 4;
const WRITES: u64 = 60;
/// The object that is made when all others are done.
const LAST: &str = "zz-last";

type State = BTreeMap<String, Value>;

fn label(on: bool) -> Value {
    if on {
        json!({"on": "yes"})
    } else {
        json!({"on": "no"})
    }
}

/// Creates, changes and deletes objects that others change at the same time.
async fn write(client: Client, mut dice: Dice) {
    for _ in 0..WRITES {
        let name = format!("o{}", dice.below(5));
        let url = format!("{MAPS}/{name}");
        let labels = label(dice.below(2) == 0);
        let value = dice.below(1000);
        let body = map(&name, &labels, value);
        let code = match dice.below(6) {
            0 | 1 => client.call("POST", MAPS, &body).await.0,
            2 => client.call("DELETE", &url, &Value::Null).await.0,
            _ => client.call("PATCH", &url, &body).await.0,
        };
        assert!(matches!(code, 200 | 201 | 404 | 409), "{code}");
        tokio::task::yield_now().await;
    }
}

/// One watcher: takes a list at some time, watches from there, and has in the
/// end what a list has.
async fn watch(client: Client, mut dice: Dice) -> State {
    for _ in 0..dice.below(100) {
        tokio::task::yield_now().await;
    }
    let selector = if dice.below(2) == 0 {
        ""
    } else {
        "&labelSelector=on=yes"
    };
    let url = format!("{MAPS}?allowWatchBookmarks=true{selector}");
    let (mut state, from) = if dice.below(2) == 0 {
        let (code, list) = client.get(&url).await;
        assert_eq!(code, 200);
        let items = list["items"].as_array().unwrap();
        let state: State = items
            .iter()
            .map(|item| (name(item), item["data"].clone()))
            .collect();
        if state.contains_key(LAST) {
            // It came late: there is nothing to watch any more.
            return state;
        }
        (state, format!("&resourceVersion={}", revision(&list)))
    } else {
        let initial = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        (State::new(), initial.to_owned())
    };
    let initial = from.contains("sendInitialEvents");
    let response = client
        .send("GET", &format!("{url}&watch=true{from}"), &Value::Null)
        .await;
    assert_eq!(response.status(), 200);
    let mut lines = Lines {
        body: Box::pin(response.into_body()),
        rest: Vec::new(),
    };
    // Initial events come in the order of names.
    let (mut before, mut live) = (0, !initial);
    loop {
        let event = lines.next().await;
        let object = &event["object"];
        let now = revision(object);
        if event["type"] == "BOOKMARK" {
            assert!(now >= before, "{event} after {before}");
            live |= object["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true";
            before = now;
            continue;
        }
        if live {
            assert!(now > before, "{event} after {before}");
            before = now;
        }
        let (name, data) = (name(object), object["data"].clone());
        let last = name == LAST;
        let known = match event["type"].as_str() {
            Some("ADDED") => state.insert(name, data).is_none(),
            Some("MODIFIED") => live && state.insert(name, data).is_some(),
            Some("DELETED") => live && state.remove(&name).is_some(),
            _ => false,
        };
        assert!(known, "{event} is out of order");
        if last {
            return state;
        }
    }
}

struct Lines {
    body: Pin<Box<Body>>,
    rest: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return serde_json::from_slice(&line).unwrap();
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame())
                .await
                .unwrap();
            let data = frame.unwrap().unwrap().into_data().unwrap();
            self.rest.extend_from_slice(&data);
        }
    }
}

async fn one(seed: u64, on_disk: bool) {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = start(on_disk.then_some(folder.path())).await;
    let mut dice = Dice(seed);
    let watchers: Vec<_> = (0..8)
        .map(|_| tokio::spawn(watch(client.clone(), Dice(dice.below(u64::MAX)))))
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| tokio::spawn(write(client.clone(), Dice(dice.below(u64::MAX)))))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let last = map(LAST, &label(true), 0);
    assert_eq!(client.call("POST", MAPS, &last).await.0, 201);
    let (_, list) = client.get(MAPS).await;
    let items = list["items"].as_array().unwrap();
    let select = |only: bool| -> State {
        items
            .iter()
            .filter(|item| !only || item["metadata"]["labels"]["on"] == "yes")
            .map(|item| (name(item), item["data"].clone()))
            .collect()
    };
    let (all, some) = (select(false), select(true));
    for watcher in watchers {
        let state = watcher.await.unwrap();
        assert!(
            state == all || state == some,
            "seed {seed}: {state:#?} is neither {all:#?} nor {some:#?}"
        );
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn watches_tell_all_once_in_order() {
    for seed in 0..cases(6) {
        one(seed, seed % 2 == 1).await;
    }
}
