//! The embedded API server answers as a real one does: one set of tables of
//! HTTP exchanges (`tests/exchanges`), whose answers by a real kube-apiserver
//! are recorded beside them, so that this needs none. The run on a real server
//! plays them on both at the same time. Recording again:
//! `OCMADM_RECORD=1 OCMADM_TEST_SERVER=real cargo test --test it truth`.

mod exchange;
mod judge;
mod mask;
mod runner;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use self::exchange::{Heading, Table};
use self::judge::Judge;
use crate::harness::{Cluster, Kind, tell};

/// A difference we know of, and why it is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    table: String,
    exchange: String,
    /// JSON pointer into the answer; everything below it may differ.
    at: String,
    #[expect(dead_code, reason = "read by people")]
    why: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchanges")
}

/// The tables, by name; `OCMADM_TRUTH` names a single one.
fn tables() -> BTreeMap<String, PathBuf> {
    let only = std::env::var("OCMADM_TRUTH").ok();
    let mut tables = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let table = path.extension().is_some_and(|e| e == "yaml") && name != "known-differences";
        if table && only.as_ref().is_none_or(|only| *only == name) {
            tables.insert(name, path);
        }
    }
    tables
}

fn known() -> Vec<Known> {
    let text = std::fs::read_to_string(folder().join("known-differences.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

async fn play(
    cluster: &Cluster,
    judge: &Judge,
    name: &str,
    table: &Table,
) -> BTreeMap<String, Value> {
    let client = &cluster.client;
    let ns = format!("t-{name}");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}});
    let request = http::Request::post("/api/v1/namespaces")
        .header("Content-Type", "application/json")
        .body(namespace.to_string().into_bytes())
        .unwrap();
    let _: Value = client.request(request).await.unwrap();
    // What controllers make in every namespace: until it is there, the answers about
    // pods and config maps would depend on the moment.
    for made in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
        let get = || {
            http::Request::get(format!("/api/v1/namespaces/{ns}/{made}"))
                .body(Vec::new())
                .unwrap()
        };
        crate::harness::until(made, || async {
            client.request::<Value>(get()).await.is_ok()
        })
        .await;
    }
    runner::play(cluster, judge, table, &ns).await
}

/// Every place where two values differ.
fn differences(at: &str, theirs: &Value, ours: &Value, out: &mut Vec<(String, String)>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let keys: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
            for key in keys {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (theirs.get(key), ours.get(key)) {
                    (Some(theirs), Some(ours)) => differences(&at, theirs, ours, out),
                    // Not there is not the same as null.
                    (theirs, ours) => {
                        let shown = |side: Option<&Value>| {
                            side.map_or_else(|| "not there".to_owned(), Value::to_string)
                        };
                        out.push((at, told(&shown(theirs), &shown(ours))));
                    }
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                differences(&format!("{at}/{index}"), theirs, ours, out);
            }
        }
        _ if theirs == ours => {}
        _ => out.push((at.to_owned(), told(&theirs.to_string(), &ours.to_string()))),
    }
}

fn told(theirs: &str, ours: &str) -> String {
    format!("\n      real: {theirs}\n      ours: {ours}")
}

/// What comparing came to.
#[derive(Default)]
struct Figures {
    /// Exchanges, and how many of them are equal, by heading.
    under: BTreeMap<Heading, (usize, usize)>,
    /// By the index of the excuse.
    used: Vec<bool>,
    failures: Vec<String>,
}

impl Figures {
    fn compare(
        &mut self,
        known: &[Known],
        under: Heading,
        name: &str,
        theirs: &BTreeMap<String, Value>,
        ours: &BTreeMap<String, Value>,
    ) {
        for (exchange, theirs) in theirs {
            let mut found = Vec::new();
            differences("", theirs, &ours[exchange], &mut found);
            let (exchanges, equal) = self.under.entry(under).or_default();
            *exchanges += 1;
            *equal += usize::from(found.is_empty());
            for (at, what) in found {
                let excuse = known.iter().position(|known| {
                    known.table == name
                        && (known.exchange == *exchange || known.exchange == "*")
                        && at.starts_with(&known.at)
                });
                match excuse {
                    Some(index) => self.used[index] = true,
                    None => self
                        .failures
                        .push(format!("{name}: {exchange}\n    {at}{what}")),
                }
            }
        }
    }
}

impl Figures {
    /// A line for each heading, and one for all.
    fn tell(&self, live: bool, known: usize) {
        tell(if live {
            "asked a real kube-apiserver and the embedded one"
        } else {
            "asked the embedded server what was recorded of a real one"
        });
        let mut sum = (0, 0);
        for (heading, (exchanges, equal)) in &self.under {
            tell(&format!(
                "  {}: {exchanges} exchanges, {equal} equal",
                heading.name()
            ));
            sum = (sum.0 + exchanges, sum.1 + equal);
        }
        tell(&format!(
            "{} exchanges, {} equal, {known} known differences",
            sum.0, sum.1
        ));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_server_answers_as_the_real_one() {
    let known = known();
    let mut figures = Figures {
        used: vec![false; known.len()],
        ..Figures::default()
    };
    let live = Kind::of_this_run() == Kind::Real;
    let recording = std::env::var_os("OCMADM_RECORD").is_some();
    assert!(
        live || !recording,
        "recorded is what a real server answers: OCMADM_TEST_SERVER=real"
    );
    let embedded = Cluster::embedded("truth").await;
    let judge = judge::start().await;
    let real = match live {
        true => Some(Cluster::start("truth").await),
        false => None,
    };
    for (name, path) in tables() {
        let file = folder().join(format!("recorded/{name}.json"));
        let table = exchange::read(&path);
        let ours = play(&embedded, &judge, &name, &table);
        let (ours, answers) = match &real {
            Some(real) => {
                let (ours, theirs) = tokio::join!(ours, play(real, &judge, &name, &table));
                (ours, Some(theirs))
            }
            None => (ours.await, None),
        };
        if let (true, Some(answers)) = (recording, &answers) {
            std::fs::create_dir_all(folder().join("recorded")).unwrap();
            let text = serde_json::to_string_pretty(answers).unwrap() + "\n";
            std::fs::write(&file, text).unwrap();
        }
        let recorded = std::fs::read_to_string(&file).unwrap_or_default();
        let recorded: BTreeMap<String, Value> = serde_json::from_str(&recorded).unwrap_or_default();
        assert_eq!(
            recorded.keys().collect::<Vec<_>>(),
            ours.keys().collect::<Vec<_>>(),
            "{name} changed: OCMADM_RECORD=1 OCMADM_TEST_SERVER=real cargo test --test it truth"
        );
        exchange::check_refusals(&name, &table, &recorded);
        figures.compare(
            &known,
            table.under,
            &name,
            answers.as_ref().unwrap_or(&recorded),
            &ours,
        );
    }
    if std::env::var_os("OCMADM_TRUTH").is_none() {
        for (known, _) in known.iter().zip(&figures.used).filter(|(_, used)| !**used) {
            figures
                .failures
                .push(format!("no longer differs: {known:?}"));
        }
    }
    figures.tell(live, known.len());
    assert!(
        figures.failures.is_empty(),
        "{} differences\n{}",
        figures.failures.len(),
        figures.failures.join("\n")
    );
}
