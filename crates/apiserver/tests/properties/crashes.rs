//! A server is killed again and again while it writes. This program is the
//! victim, too: it starts itself anew.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Client, MAPS, map, revision, start};
use crate::{Dice, cases};

const FOLDER: &str = "OCMADM_TEST_VICTIM";
const WRITERS: u64 = 4;

/// Writes until it is killed, and says what was acknowledged:
/// `object value`, or `object -` when it is gone.
async fn die_writing(folder: &Path) {
    let (_server, client) = start(Some(folder)).await;
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(client.clone(), writer)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

async fn write(client: Client, writer: u64) {
    let mut dice = Dice(writer + u64::from(std::process::id()));
    let mut values: BTreeMap<u64, u64> = BTreeMap::new();
    loop {
        let object = writer * 10 + dice.below(4);
        let name = format!("o{object}");
        let url = format!("{MAPS}/{name}");
        // Values grow by one each time, from life to life.
        let known = match values.get(&object) {
            Some(value) => *value,
            None => value_of(&client.get(&url).await.1),
        };
        let next = known + 1;
        let (code, said) = if known > 0 && dice.below(5) == 0 {
            values.insert(object, 0);
            let (code, _) = client.call("DELETE", &url, &Value::Null).await;
            (code, "-".to_owned())
        } else {
            values.insert(object, next);
            let body = map(&name, &json!({}), next);
            let code = if known == 0 {
                client.call("POST", MAPS, &body).await.0
            } else {
                client.call("PATCH", &url, &body).await.0
            };
            (code, next.to_string())
        };
        assert!(matches!(code, 200 | 201), "{code}");
        // One write to the pipe: a line is there whole or not at all.
        let line = format!("ACK {name} {said}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

/// 0 when there is no such object.
fn value_of(object: &Value) -> u64 {
    object["data"]["value"]
        .as_str()
        .map_or(0, |value| value.parse().unwrap())
}

#[test]
fn kill_loses_nothing_acknowledged() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Some(folder) = std::env::var_os(FOLDER) {
        runtime.block_on(die_writing(folder.as_ref()));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    let (mut newest, mut lines_read) = (0, 0);
    for life in 0..cases(20) {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crashes::kill_loses_nothing_acknowledged",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        // It lives for so many writes; now and then it does not even start.
        let lives = match life % 7 {
            3 => 0,
            _ => Dice(life).below(200),
        };
        let mut output = BufReader::new(victim.stdout.take().unwrap()).lines();
        let mut seen = 0;
        let mut read = |line: String, acknowledged: &mut BTreeMap<String, u64>| {
            // The test harness talks before the first of them, on the same line.
            let Some((_, said)) = line.split_once("ACK ") else {
                return false;
            };
            let (name, value) = said.split_once(' ').unwrap();
            acknowledged.insert(name.to_owned(), value.parse().unwrap_or(0));
            lines_read += 1;
            true
        };
        while seen < lives {
            let line = output.next().expect("the victim lives").unwrap();
            seen += u64::from(read(line, &mut acknowledged));
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
        // What it had said before it died.
        for line in output {
            read(line.unwrap(), &mut acknowledged);
        }
        newest = runtime.block_on(check(folder.path(), life, &mut acknowledged, newest));
    }
    assert!(lines_read > 0, "nobody wrote anything");
}

/// Opens what the victim left. An object is as it was acknowledged, or has the
/// one write of its writer that was under way.
async fn check(
    folder: &Path,
    life: u64,
    acknowledged: &mut BTreeMap<String, u64>,
    newest: u64,
) -> u64 {
    let (server, client) = start(Some(folder)).await;
    // By writer: its objects that are not as it was told.
    let mut under_way: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in acknowledged.iter_mut() {
        let (_, object) = client.get(&format!("{MAPS}/{name}")).await;
        let found = value_of(&object);
        if found != *value {
            assert!(
                found == *value + 1 || found == 0,
                "life {life}: {name} is {found}, acknowledged was {value}"
            );
            let writer = name[..name.len() - 1].to_owned();
            under_way.entry(writer).or_default().push(name.clone());
        }
        *value = found;
    }
    for names in under_way.values() {
        assert_eq!(
            names.len(),
            1,
            "life {life}: {names:?} are not as acknowledged"
        );
    }
    let (code, list) = client.get(MAPS).await;
    assert_eq!(code, 200);
    let revision = revision(&list);
    assert!(revision >= newest, "life {life}: {revision} after {newest}");
    server.shutdown().await;
    revision
}
