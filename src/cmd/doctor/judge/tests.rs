//! What is judged how.

use std::collections::BTreeMap;

use super::*;
use crate::cmd::doctor::facts::{Access, Agent, Answer, Hub, Managed, Right};
use crate::k8s::client::Failure;

fn server(url: &str) -> Server {
    Server {
        url: url.to_owned(),
        version: Ok("v1".to_owned()),
        ahead: Some(0),
    }
}

fn operator() -> Operator {
    let up = json!({"metadata": {"name": "o"}, "spec": {"replicas": 1}, "status": {"availableReplicas": 1}});
    Operator {
        deployment: Some(Ok(Some(up))),
        trouble: None,
    }
}

fn facts(cluster: Value, lease: i64, works: Vec<Value>) -> Facts {
    let manager = json!({"metadata": {"name": "cluster-manager"}, "status": {"conditions": [
        {"type": "Applied", "status": "True"}]}});
    let works = works
        .into_iter()
        .map(|work| serde_json::from_value(work).unwrap());
    let hub = Hub {
        clusters: Some(Ok(Some(vec![cluster]))),
        operator: operator(),
        custom: Some(Ok(Some(manager))),
        requests: Some(Ok(vec![])),
        leases: Some(Ok(BTreeMap::from([("c1".to_owned(), lease)]))),
        works: Some(Ok(works.collect())),
        addons: Some(Ok(vec![])),
        ..Hub::default()
    };
    Facts {
        hub: (server("https://hub"), hub),
        managed: None,
        cluster: None,
        to_hub: " --context hub".to_owned(),
        to_managed: None,
        now: 1_000,
        program: "ocmadm".to_owned(),
    }
}

fn cluster(accepted: bool, joined: &str, available: &str) -> Value {
    json!({"metadata": {"name": "c1", "uid": "u1"}, "spec": {"hubAcceptsClient": accepted},
    "status": {"conditions": [
        {"type": "ManagedClusterJoined", "status": joined},
        {"type": "ManagedClusterConditionAvailable", "status": available},
    ]}})
}

fn work(applied: &str) -> Value {
    json!({"metadata": {"name": "w", "namespace": "c1"}, "status": {"conditions": [
        {"type": "Applied", "status": applied}, {"type": "Available", "status": "True"}]}})
}

/// What is ill, and what mends it.
fn ills(facts: &Facts) -> Vec<(String, String)> {
    judge(facts)
        .into_iter()
        .filter(|check| check.mark == Mark::Ill)
        .map(|check| (check.what, check.mend.unwrap_or_default()))
        .collect()
}

#[test]
fn what_is_ill_is_told_with_what_mends_it() {
    let accept = "ocmadm accept --clusters c1 --context hub --wait";
    let look = "ocmadm doctor --cluster c1 --context hub --managed-context CONTEXT";
    let show = "ocmadm get works w --cluster c1 --context hub -o tree";
    for (cluster, lease, work, expected) in [
        (cluster(true, "True", "True"), 990, work("True"), vec![]),
        (
            cluster(false, "", ""),
            990,
            work("True"),
            vec![("accepted", accept)],
        ),
        (
            cluster(true, "", ""),
            990,
            work("True"),
            vec![("joined", look)],
        ),
        (
            cluster(true, "True", "True"),
            100,
            work("True"),
            vec![("heartbeat", look)],
        ),
        (
            cluster(true, "True", "True"),
            2_000,
            work("True"),
            vec![("clock", "timedatectl")],
        ),
        (
            cluster(true, "True", "Unknown"),
            990,
            work("True"),
            vec![("available", look)],
        ),
        (
            cluster(true, "True", "True"),
            990,
            work("False"),
            vec![("work w", show)],
        ),
    ] {
        let found = ills(&facts(cluster, lease, vec![work]));
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(found, expected);
    }
}

fn well() -> Facts {
    facts(cluster(true, "True", "True"), 990, vec![])
}

fn details(facts: &Facts, mark: Mark) -> Vec<String> {
    let checks = judge(facts).into_iter();
    checks
        .filter(|check| check.mark == mark)
        .map(|check| format!("{}: {}", check.what, check.detail))
        .collect()
}

#[test]
fn a_request_is_told_by_what_became_of_it() {
    use crate::cmd::accept::check::tests::request;
    let own = |common_name: &str| {
        let group = "system:open-cluster-management:c1";
        let mut request = request(common_name, &[group]);
        let label = (names::LABEL_CLUSTER_NAME.to_owned(), "c1".to_owned());
        request.metadata.labels = Some([label].into());
        request
    };
    let cn = "system:open-cluster-management:c1:a";
    let decided = |kind: &str| {
        let mut request = own(cn);
        request.status = serde_json::from_value(json!({"conditions": [
            {"type": kind, "status": "True", "message": "because", "reason": "r"}]}))
        .unwrap();
        request
    };
    for (request, detail, mend) in [
        (own(cn), "is not approved", "ocmadm accept --clusters c1"),
        (
            own("evil"),
            "asks for the user \"evil\"",
            "kubectl --context hub describe csr csr-1",
        ),
        (
            decided("Denied"),
            "was denied: because",
            "kubectl --context hub delete csr csr-1",
        ),
        (
            decided("Approved"),
            "nothing signs it",
            "kubectl --context hub describe csr csr-1",
        ),
    ] {
        let mut facts = facts(cluster(true, "", ""), 990, vec![]);
        facts.hub.1.requests = Some(Ok(vec![request]));
        assert!(ills(&facts)[0].1.starts_with(mend), "{:?}", ills(&facts));
        let told = details(&facts, Mark::Ill);
        assert!(told[0].contains(detail), "{told:?}");
    }
}

#[test]
fn what_cannot_be_reached_or_read_is_ill_too() {
    let mut facts = well();
    facts.hub.1.works = Some(Err("forbidden".to_owned()));
    assert_eq!(ills(&facts), [("works".to_owned(), String::new())]);
    facts.hub.0.version = Err("no answer".to_owned());
    assert_eq!(ills(&facts)[0].0, "API server");
}

#[test]
fn conditions_are_told_in_the_words_of_who_set_them() {
    let mut facts = well();
    facts.hub.1.custom = Some(Ok(Some(
        json!({"metadata": {"name": "m"}, "status": {"conditions": [
        {"type": "Applied", "status": "True"},
        {"type": "HubRegistrationDegraded", "status": "True", "reason": "Down", "message": "no pods"},
        {"type": "Progressing", "status": "True"}]}}),
    )));
    assert_eq!(
        details(&facts, Mark::Ill),
        ["HubRegistrationDegraded: no pods (Down)"]
    );
    // What has only just become so may pass.
    let manager = json!({"metadata": {"name": "m"}, "status": {"conditions": [
        {"type": "Applied", "status": "True"},
        {"type": "HubRegistrationDegraded", "status": "True", "reason": "Down", "message": "no\npods",
         "lastTransitionTime": Timestamp::from_second(970).unwrap().to_string()}]}});
    facts.hub.1.custom = Some(Ok(Some(manager)));
    assert_eq!(details(&facts, Mark::Ill), [""; 0]);
    assert_eq!(
        details(&facts, Mark::Note),
        ["HubRegistrationDegraded: no; pods (Down), for 30s: it may pass"]
    );
    // And of a work: its first manifest that is not well.
    let mut work = work("False");
    work["status"]["resourceStatus"] = json!({"manifests": [
        {"resourceMeta": {"kind": "ConfigMap", "name": "fine"},
         "conditions": [{"type": "Applied", "status": "True"}]},
        {"resourceMeta": {"kind": "Deployment", "namespace": "d", "name": "web"},
         "conditions": [{"type": "Applied", "status": "False", "message": "no permission"}]}]});
    let facts = self::facts(cluster(true, "True", "True"), 990, vec![work]);
    assert_eq!(
        details(&facts, Mark::Ill),
        ["work w: it is not applied: Deployment d/web: no permission"]
    );
}

#[test]
fn rights_that_are_missing_are_named() {
    let right = |what: &str, allowed| Right {
        what: what.to_owned(),
        allowed,
    };
    let mut facts = well();
    facts.hub.1.agent = vec![
        right("renew its lease", true),
        right("watch its works", false),
    ];
    let told = details(&facts, Mark::Ill);
    assert!(
        told[0].starts_with("rights: its agent may not watch its works"),
        "{told:?}"
    );
    let mut facts = self::facts(cluster(false, "", ""), 990, vec![]);
    facts.hub.1.caller = vec![right("approve signing requests", false)];
    let told = details(&facts, Mark::Ill);
    assert!(
        told[0].ends_with("you may not approve signing requests"),
        "{told:?}"
    );
}

/// Facts with one agent of `c1`, whose credentials were answered like this.
fn joined(mode: &str, answer: Answer) -> Facts {
    let secret = serde_json::from_value(json!({"data": {}})).unwrap();
    let agent = Agent {
        klusterlet: json!({"metadata": {"name": "k"}, "spec": {
            "clusterName": "c1", "deployOption": {"mode": mode}}}),
        namespace: "elsewhere".to_owned(),
        deployments: Ok(vec![]),
        bootstrap: Ok(None),
        credentials: Ok(Some(secret)),
        access: Some(Access {
            url: "https://inside".to_owned(),
            granted: true,
            answer,
        }),
    };
    let mut facts = well();
    facts.managed = Some((
        server("https://managed"),
        Managed {
            agents: Some(Ok(Some(vec![agent]))),
            operator: operator(),
            events: vec![],
        },
    ));
    facts.to_managed = Some(" --context c1".to_owned());
    facts
}

#[test]
fn what_the_hub_says_to_an_agent_is_told() {
    let failed = |failure: Failure| Answer::Failed(failure, "words".to_owned());
    let found = |uid: &str| Answer::Reached(Some(uid.to_owned()));
    for (answer, expected) in [
        (found("u1"), None),
        (
            found("u2"),
            Some("https://inside is another hub than the one looked at"),
        ),
        (
            failed(Failure::Unauthorized),
            Some("https://inside does not know its certificate"),
        ),
        (
            failed(Failure::UntrustedCa),
            Some("the CA in its kubeconfig is not that of https://inside"),
        ),
        (
            Answer::Unusable("it is broken".to_owned()),
            Some("Secret elsewhere/hub-kubeconfig-secret: it is broken"),
        ),
        // Agents may live in another network.
        (failed(Failure::Unreachable("refused".to_owned())), None),
    ] {
        let told = details(&joined("Default", answer), Mark::Ill);
        let found = told
            .iter()
            .find_map(|line| line.strip_prefix("way to the hub: "));
        assert_eq!(found, expected, "{told:?}");
    }
}

#[test]
fn a_hosted_agent_is_joined_again_as_a_hosted_one() {
    let checks = judge(&joined("Hosted", Answer::Reached(None)));
    let ill = checks
        .iter()
        .find(|check| check.what == "certificate")
        .unwrap();
    assert_eq!(ill.of, "agent of c1");
    assert_eq!(
        ill.mend.as_deref(),
        Some(
            "ocmadm join --context c1 --hub-context hub --cluster-name c1 --accept --wait \
             --mode hosted --managed-cluster-kubeconfig FILE --klusterlet-name k"
        )
    );
}

#[test]
fn clocks_that_differ_are_found_from_both_sides() {
    let mut facts = joined("Default", Answer::Reached(None));
    facts.managed.as_mut().unwrap().0.ahead = Some(-300);
    let told = details(&facts, Mark::Ill);
    assert!(
        told.contains(&"clock: it is 5m0s behind the hub's".to_owned()),
        "{told:?}"
    );
    // This machine's own clock is not the clusters' fault, and ages are the hub's.
    facts.managed.as_mut().unwrap().0.ahead = Some(600);
    facts.hub.0.ahead = Some(600);
    facts.hub.1.leases = Some(Ok(BTreeMap::from([("c1".to_owned(), 1_590)])));
    let told = details(&facts, Mark::Ill);
    assert!(
        !told.iter().any(|line| line.starts_with("clock")),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|line| line.starts_with("heartbeat")),
        "{told:?}"
    );
    assert_eq!(
        details(&facts, Mark::Note)[0],
        "clock: it is 10m ahead of this machine's"
    );
}

#[test]
fn fresh_warnings_are_notes() {
    let event = |namespace: &str, second: i64| -> Event {
        serde_json::from_value(
            json!({"metadata": {"namespace": namespace}, "type": "Warning",
            "reason": "FailedMount", "message": "no such secret",
            "involvedObject": {"kind": "Pod", "name": "p"},
            "lastTimestamp": Timestamp::from_second(second).unwrap().to_string()}),
        )
        .unwrap()
    };
    let mut facts = well();
    facts.now = 10_000;
    facts.hub.1.leases = Some(Ok(BTreeMap::from([("c1".to_owned(), 9_990)])));
    facts.hub.1.events = vec![
        event("open-cluster-management", 9_900),
        event("c1", 9_940),
        event("c1", 10),
    ];
    assert_eq!(
        details(&facts, Mark::Note),
        [
            "warning: Pod p: no such secret (FailedMount, 100s ago)",
            "warning: Pod p: no such secret (FailedMount, 60s ago)",
        ]
    );
    assert_eq!(details(&facts, Mark::Ill), [""; 0]);
}
