//! What clusters join with: issued, listed, taken back.

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::world::World;

/// A bootstrap token as `init --use-bootstrap-token` makes them.
async fn bootstrap(world: &World, id: &str, expiration: Option<&str>) {
    let mut data = json!({"token-id": id, "token-secret": "0123456789abcdef"});
    if let Some(expiration) = expiration {
        data["expiration"] = expiration.into();
    }
    let secret: Secret = serde_json::from_value(json!({
        "metadata": {"name": format!("bootstrap-token-{id}"), "labels": {"app": "cluster-manager"}},
        "type": "bootstrap.kubernetes.io/token", "stringData": data,
    }))
    .unwrap();
    let api: Api<Secret> = Api::namespaced(world.client.clone(), "kube-system");
    api.create(&PostParams::default(), &secret).await.unwrap();
}

#[tokio::test]
async fn tokens_are_listed_without_their_secrets_and_taken_back_one_by_one() {
    let world = World::hub().await;
    bootstrap(&world, "aaaaaa", None).await;
    bootstrap(&world, "bbbbbb", Some("2999-01-01T00:00:00Z")).await;
    let said = world.run(&["get", "token", "--list"]).await;
    assert!(said.starts_with("exit 0\n--- stdout\nKIND "), "{said}");
    let rows: Vec<Vec<&str>> = said
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let row = |name: &str| rows.iter().find(|row| row.get(1) == Some(&name)).cloned();
    assert_eq!(
        row("aaaaaa").unwrap()[2..4],
        ["system:bootstrap:aaaaaa", "never"]
    );
    assert_eq!(
        row("bbbbbb").unwrap()[2..4],
        ["system:bootstrap:bbbbbb", "in"]
    );
    assert_eq!(
        row("agent-registration-bootstrap").unwrap()[0],
        "ServiceAccount"
    );
    assert!(!said.contains("0123456789abcdef"), "{said}");
    let said = world
        .run(&["get", "token", "--list", "-o", "jsonpath={.items[*].name}"])
        .await;
    assert!(
        said.contains("agent-registration-bootstrap aaaaaa bbbbbb"),
        "{said}"
    );

    let said = world.run(&["delete", "token", "aaaaaa", "cccccc"]).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(
        said.contains("there is no bootstrap token \"cccccc\""),
        "{said}"
    );
    let said = world.run(&["delete", "token", "aaaaaa", "--dry-run"]).await;
    assert!(said.contains("aaaaaa would be deleted (dry run)"), "{said}");
    let said = world.run(&["delete", "token", "aaaaaa"]).await;
    assert_eq!(said, "exit 0\n--- stdout\nbootstrap token aaaaaa deleted\n");
    let left = world
        .run(&["get", "token", "--use-bootstrap-token", "-o", "token"])
        .await;
    assert!(left.contains("\nbbbbbb.0123456789abcdef\n"), "{left}");
    assert!(left.contains("valid until 2999-01-01T00:00:00Z"), "{left}");

    let said = world.run(&["delete", "token"]).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let said = world.run(&["get", "token", "--list", "-o", "json"]).await;
    let json = said.split("--- stdout\n").nth(1).unwrap();
    let json = json.split("--- stderr").next().unwrap();
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["items"], json!([]), "{said}");
    let said = world.run(&["get", "token"]).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("`ocmadm init`"), "{said}");
}

#[tokio::test]
async fn a_token_lives_as_long_as_it_is_asked_for() {
    let world = World::hub().await;
    let until = |said: &str| -> jiff::Timestamp {
        let text = said.split("The token is valid until ").nth(1);
        let text = text.unwrap_or_else(|| panic!("{said}"));
        text.trim_end().trim_end_matches('.').parse().unwrap()
    };
    let now = jiff::Timestamp::now().as_second();
    let day = world.run(&["get", "token", "--ttl", "24h"]).await;
    let hours = (until(&day).as_second() - now) / 3600;
    assert!((23..=24).contains(&hours), "{day}");
    // What scripts read has nothing added to it.
    let stdout = day.split("--- stderr").next().unwrap();
    assert_eq!(stdout.lines().count(), 5, "{stdout}");
    let said = world.run(&["get", "token", "--ttl", "5m"]).await;
    assert!(said.starts_with("exit 2\n"), "{said}");
    assert!(said.contains("10m or more"), "{said}");
    let said = world
        .run(&["get", "token", "-o", "jsonpath={.hub-apiserver}"])
        .await;
    assert!(
        said.starts_with("exit 0\n--- stdout\nhttps://HUB"),
        "{said}"
    );
}

/// The word after a flag in what was said.
fn after<'a>(said: &'a str, flag: &str) -> &'a str {
    let rest = said.split(flag).nth(1).unwrap_or_else(|| panic!("{said}"));
    rest.split_whitespace().next().unwrap()
}

#[tokio::test]
async fn defect_04_bootstrap_tokens_end_and_init_renews_them() {
    let world = World::bare().await;
    let init = [
        "init",
        "--components=native",
        "--image=ocmadm",
        "--use-bootstrap-token",
    ];
    let first = world.run(&init).await;
    assert!(first.starts_with("exit 0\n"), "{first}");
    assert!(
        first.contains("The bootstrap token is valid until"),
        "{first}"
    );
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), "kube-system");
    let expiration = async || {
        let secret = secrets.get("bootstrap-token-ocmhub").await.unwrap();
        let bytes = secret.data.unwrap()["expiration"].0.clone();
        let text = String::from_utf8(bytes).unwrap();
        let until: jiff::Timestamp = text.parse().unwrap();
        until.as_second() - jiff::Timestamp::now().as_second()
    };
    let day = 24 * 3600;
    assert!((day - 120..=day).contains(&expiration().await));
    // What was printed stays good; a time that is asked for counts.
    let again = world.run(&init).await;
    assert_eq!(after(&again, "--hub-token"), after(&first, "--hub-token"));
    assert!(!again.contains("configured"), "{again}");
    let shorter = world.run(&[&init[..], &["--token-ttl=20m"]].concat()).await;
    assert_eq!(after(&shorter, "--hub-token"), after(&first, "--hub-token"));
    assert!((1080..=1200).contains(&expiration().await));
    // One that has ended is not printed again.
    let past = json!({"stringData": {"expiration": "2020-01-01T00:00:00Z"}});
    secrets
        .patch(
            "bootstrap-token-ocmhub",
            &PatchParams::default(),
            &Patch::Merge(past),
        )
        .await
        .unwrap();
    let renewed = world.run(&init).await;
    // (A cluster may have cleaned it up already.)
    assert!(renewed.starts_with("exit 0\n"), "{renewed}");
    assert_ne!(after(&renewed, "--hub-token"), after(&first, "--hub-token"));
    assert!(expiration().await > day - 120);
}

#[tokio::test]
async fn defect_05_who_joins_reads_the_hubs_address_and_no_other_configmap() {
    let world = World::bare().await;
    for (components, everything) in [("native", false), ("upstream", true)] {
        let components = format!("--components={components}");
        let mut init = vec!["init", "--use-bootstrap-token", &components];
        if !everything {
            init.push("--image=ocmadm");
        }
        let said = world.run(&init).await;
        assert!(said.starts_with("exit 0\n"), "{said}");
        let api: Api<SubjectAccessReview> = Api::all(world.client.clone());
        let may = async |namespace: &str, name: &str| {
            let review = serde_json::from_value(json!({"metadata": {}, "spec": {
                "user": "system:bootstrap:ocmhub", "groups": ["system:bootstrappers:managedcluster"],
                "resourceAttributes": {"verb": "get", "version": "v1", "resource": "configmaps",
                    "namespace": namespace, "name": name}}}))
            .unwrap();
            let answer = api.create(&PostParams::default(), &review).await.unwrap();
            answer.status.unwrap().allowed
        };
        assert!(may("kube-public", "cluster-info").await);
        assert!(may("kube-public", "kube-root-ca.crt").await);
        // Upstream's chart lets them read all; there it stays so.
        for (namespace, name) in [("kube-public", "other"), ("default", "cluster-info")] {
            assert_eq!(may(namespace, name).await, everything, "{namespace}/{name}");
        }
    }
}
