use std::collections::BTreeMap;

use k8s_openapi::ByteString;

use super::super::order;
use super::*;
use crate::agent::certificate::request::{self, tests::certificate};

const C1: &str = "system:open-cluster-management:c1";

fn bootstrap(server: &str, entry: &str, token: &str) -> Data {
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
         clusters: [{{name: {entry}, cluster: {{server: '{server}'}}}}], \
         contexts: [{{name: c, context: {{cluster: {entry}, user: u}}}}], \
         users: [{{name: u, user: {{token: {token}}}}}]}}"
    );
    BTreeMap::from([("kubeconfig".to_owned(), ByteString(text.into_bytes()))])
}

fn names(cluster: &str, agent: &str) -> Names {
    Names {
        cluster: cluster.into(),
        agent: agent.into(),
    }
}

fn hub() -> Data {
    let pem = certificate(
        &format!("{C1}:a1"),
        &[C1, names::GROUP_MANAGED_CLUSTERS],
        (2020, 2030),
    );
    let credentials = Credentials::read(&bootstrap("https://hub", "hub", "t")).unwrap();
    let order = order::order(&names("c1", "a1"), None, "n", &credentials);
    request::secret_data(None, &order, "KEY", pem.into_bytes())
}

fn mode_at(bootstrap: Option<&Data>, hub: Option<&Data>, settings: &Settings, now: &str) -> Mode {
    decide(&Observed {
        bootstrap,
        hub,
        settings,
        fallback: &names("uuid", "abcde"),
        now: now.parse().unwrap(),
    })
}

fn mode(bootstrap: Option<&Data>, hub: Option<&Data>, settings: &Settings) -> Mode {
    mode_at(bootstrap, hub, settings, "2025-01-01T00:00:00Z")
}

fn named(cluster: &str) -> Settings {
    Settings {
        cluster_name: Some(cluster.into()),
        ..Settings::default()
    }
}

#[test]
fn registration_37_without_a_hub_secret_the_agent_bootstraps() {
    let boot = bootstrap("https://hub", "hub", "t");
    let Mode::Bootstrap { names, .. } = mode(Some(&boot), None, &named("c1")) else {
        panic!("no bootstrap");
    };
    assert_eq!(names.cluster, "c1");
    assert_eq!(names.agent, "abcde");
    assert!(matches!(mode(None, None, &named("c1")), Mode::Wait(_)));
}

#[test]
fn registration_45_a_good_secret_is_used_with_the_same_names() {
    let boot = bootstrap("https://hub", "hub", "t");
    let expected = names("c1", "a1");
    let Mode::Main { names, .. } = mode(Some(&boot), Some(&hub()), &Settings::default()) else {
        panic!("no main mode");
    };
    assert_eq!(names, expected);
    // The bootstrap credential is not needed any more.
    assert!(matches!(
        mode(None, Some(&hub()), &Settings::default()),
        Mode::Main { .. }
    ));
}

#[test]
fn registration_46_another_cluster_name_bootstraps_with_the_old_agent_name() {
    let boot = bootstrap("https://hub", "hub", "t");
    let expected = names("c2", "a1");
    let Mode::Bootstrap { names, .. } = mode(Some(&boot), Some(&hub()), &named("c2")) else {
        panic!("no bootstrap");
    };
    assert_eq!(names, expected);
}

#[test]
fn registration_47_an_expired_certificate_bootstraps() {
    let boot = bootstrap("https://hub", "hub", "t");
    let settings = Settings::default();
    let mode = mode_at(Some(&boot), Some(&hub()), &settings, "2031-01-01T00:00:00Z");
    let Mode::Bootstrap {
        reason, expired, ..
    } = mode
    else {
        panic!("no bootstrap");
    };
    assert_eq!(reason, "the hub's certificate has expired");
    assert!(expired, "works are looked after");
    // One of another hub is none of this one's.
    let other = bootstrap("https://elsewhere", "hub", "t");
    let mode = mode_at(
        Some(&other),
        Some(&hub()),
        &settings,
        "2031-01-01T00:00:00Z",
    );
    assert!(matches!(mode, Mode::Bootstrap { expired: false, .. }));
}

#[test]
fn registration_48_only_a_change_of_data_that_matters_changes_the_mode() {
    let one = bootstrap("https://hub", "hub", "one");
    let two = bootstrap("https://hub", "hub", "two");
    let settings = named("c1");
    // While bootstrapping a new token matters.
    assert_ne!(
        mode(Some(&one), None, &settings),
        mode(Some(&two), None, &settings)
    );
    assert_eq!(
        mode(Some(&one), None, &settings),
        mode(Some(&one.clone()), None, &settings)
    );
}

#[test]
fn registration_49_another_entry_name_bootstraps_another_token_does_not() {
    let settings = Settings::default();
    let good = hub();
    let token = bootstrap("https://hub", "hub", "other");
    assert!(matches!(
        mode(Some(&token), Some(&good), &settings),
        Mode::Main { .. }
    ));
    for boot in [
        bootstrap("https://hub", "renamed", "t"),
        bootstrap("https://elsewhere", "hub", "t"),
    ] {
        assert!(matches!(
            mode(Some(&boot), Some(&good), &settings),
            Mode::Bootstrap { .. }
        ));
    }
}

#[test]
fn a_name_that_is_no_label_waits() {
    let boot = bootstrap("https://hub", "hub", "t");
    for name in ["Upper", "a.b", "-a", "a-"] {
        assert!(
            matches!(mode(Some(&boot), None, &named(name)), Mode::Wait(_)),
            "{name}"
        );
    }
}

#[test]
fn the_klusterlets_uid_names_an_agent_that_has_no_name_yet() {
    let boot = bootstrap("https://hub", "hub", "t");
    let settings = Settings {
        agent_id: Some("uid".into()),
        ..named("c1")
    };
    let Mode::Bootstrap { names, .. } = mode(Some(&boot), None, &settings) else {
        panic!("no bootstrap");
    };
    assert_eq!(names.agent, "uid");
    // An identity that is there stays, though the Klusterlet is another.
    assert!(matches!(
        mode(Some(&boot), Some(&hub()), &settings),
        Mode::Main { .. }
    ));
}

#[test]
fn fallback_names_are_valid_and_differ() {
    let (a, b) = (fallback(), fallback());
    assert_eq!(bad_name(&a.cluster), None);
    assert_eq!((a.cluster.len(), a.agent.len()), (36, 5));
    assert_ne!(a, b);
}
