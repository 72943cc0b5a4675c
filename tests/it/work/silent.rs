//! A hub that takes what is sent to it and never answers, and one that comes back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bed::*;

/// Something of the resource that its work reports and does not manage.
fn noted(name: &str) -> Value {
    json!({"manifestConfigs": [{
        "resourceIdentifier": {"group": "", "resource": "configmaps", "name": name, "namespace": "default"},
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [{"name": "note", "path": ".metadata.labels.note"}]}]}]})
}

async fn note(bed: &Bed, name: &str, text: &str) {
    bed.spoke
        .merge(
            &config_map(name, ""),
            json!({"metadata": {"labels": {"note": text}}}),
        )
        .await;
}

fn is_noted(work: &Value, text: &str) -> bool {
    work["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"][0]["fieldValue"]["string"]
        == text
}

/// So many works with an object each, applied by an agent whose hub can be cut off.
async fn works(count: usize) -> (Bed, Switch, Vec<String>) {
    let mut bed = Bed::without_agent().await;
    let (hub, switch) = bed.hub.switchable();
    let spoke = bed.spoke.client.clone();
    bed.start_agent_with(options(), hub, spoke);
    let names: Vec<String> = (0..count).map(|i| format!("w{i}")).collect();
    for name in &names {
        bed.create_work_with(name, vec![config_map(name, "1")], noted(name))
            .await;
    }
    for name in &names {
        bed.until_available(name).await;
    }
    (bed, switch, names)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_swallows_requests_does_not_keep_the_agent_from_its_cluster() {
    let (bed, switch, names) = works(24).await;
    switch.silence();
    // More statuses than there are workers wait for the hub.
    for name in &names[1..] {
        note(&bed, name, "silent").await;
    }
    let drift = json!({"data": {"key": "drift"}});
    let corrected = async |name: &str, within: Duration| {
        let start = Instant::now();
        bed.spoke.merge(&config_map(name, ""), drift.clone()).await;
        until("the drift is corrected", || async {
            bed.spoke.get(&config_map(name, "")).await.unwrap()["data"]["key"] == "1"
        })
        .await;
        let took = start.elapsed();
        assert!(took < within, "{name} was corrected after {took:?}");
    };
    // At once, while requests hang, and after they were given up.
    corrected("w0", Duration::from_secs(6)).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    switch.sent();
    corrected("w1", Duration::from_secs(3)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let writes = |sent: &[String]| sent.iter().filter(|line| line.starts_with("PATCH")).count();
    let tried = writes(&switch.sent());
    assert!(tried <= 4, "{tried} requests to a hub that says nothing");
    switch.set(false);
    for name in &names[1..] {
        bed.until_work(name, |w| is_noted(w, "silent")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_catch_up_without_a_storm() {
    let (bed, switch, names) = works(60).await;
    switch.sent();
    switch.set(true);
    let start = Instant::now();
    // Each changes more than once: only the last is of interest.
    for text in ["one", "two", "three"] {
        for name in &names {
            note(&bed, name, text).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let away = switch.sent();
    let statuses = |sent: &[String]| {
        let of = |line: &&String| line.starts_with("PATCH") && line.contains("/status");
        sent.iter().filter(of).count()
    };
    // Those that were on their way, then one that looks every two seconds.
    let few = 16 + usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!(
        statuses(&away) <= few,
        "{} requests to a hub that is away",
        statuses(&away)
    );
    switch.set(false);
    for name in &names {
        bed.until_work(name, |w| is_noted(w, "three")).await;
    }
    // What is said is said.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let back = switch.sent();
    assert!(
        statuses(&back) <= names.len() + 3,
        "{} statuses",
        statuses(&back)
    );
    let lists = back
        .iter()
        .filter(|line| line.starts_with("GET") && !line.contains("watch=true"))
        .count();
    assert!(lists <= 2, "{back:#?}");
}
