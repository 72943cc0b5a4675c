use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::*;
use crate::authz::{Authorizer, GROUP};
use crate::pki::Bound;
use crate::registry::memory::Objects;

const HOUR: Duration = Duration::from_secs(3600);

struct Fixture {
    authority: Authority,
    authenticator: Authenticator,
    view: Objects,
}

fn fixture() -> Fixture {
    let authority = Authority::open(None).unwrap();
    let keys = Arc::new(ServiceAccountKeys::open(None).unwrap());
    let authenticator = Authenticator::new(&authority, keys).unwrap();
    let mut view = Objects::default();
    view.put(
        "",
        "serviceaccounts",
        json!({"metadata": {"namespace": "ns", "name": "sa", "uid": "u1"}}),
    );
    view.put(
        "",
        "pods",
        json!({"metadata": {"namespace": "ns", "name": "pod", "uid": "u2"}}),
    );
    Fixture {
        authority,
        authenticator,
        view,
    }
}

fn user(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo {
        username: name.to_owned(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        ..UserInfo::default()
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

#[test]
fn a_client_certificate_names_the_user_and_every_group() {
    let f = fixture();
    let (pem, _) = f
        .authority
        .issue_client(&user("jane", &["dev", "ops", "dev:all"]), HOUR)
        .unwrap();
    let jane = f
        .authenticator
        .authenticate(&f.view, &[der(&pem)], None)
        .unwrap()
        .unwrap();
    assert_eq!(jane.username, "jane");
    assert_eq!(jane.groups, ["dev", "ops", "dev:all", AUTHENTICATED]);

    let other = Authority::open(None).unwrap();
    let (foreign, _) = other.issue_client(&user("jane", &[]), HOUR).unwrap();
    let (server, _) = f
        .authority
        .issue_server("jane", &["localhost"], &[], HOUR)
        .unwrap();
    for chain in [
        der(&foreign),
        CertificateDer::from(server),
        CertificateDer::from(vec![1, 2]),
    ] {
        let answer = f.authenticator.authenticate(&f.view, &[chain], None);
        assert_eq!(answer, Err(unauthorized()));
    }
    assert_eq!(f.authenticator.authenticate(&f.view, &[], None), Ok(None));
}

fn claims() -> Claims {
    Claims {
        namespace: "ns".to_owned(),
        account: Bound {
            name: "sa".to_owned(),
            uid: "u1".to_owned(),
        },
        audiences: vec![ISSUER.to_owned()],
        ..Claims::default()
    }
}

#[test]
fn a_service_account_token_lives_with_its_account_and_pod() {
    let mut f = fixture();
    let bound = Claims {
        pod: Some(Bound {
            name: "pod".to_owned(),
            uid: "u2".to_owned(),
        }),
        ..claims()
    };
    let keys = f.authenticator.keys();
    let (token, _) = keys.issue(&bound, 600).unwrap();
    let (unbound, _) = keys.issue(&claims(), 600).unwrap();
    let check = |f: &Fixture, token: &str| f.authenticator.authenticate(&f.view, &[], Some(token));
    let sa = check(&f, &token).unwrap().unwrap();
    assert_eq!(sa.username, "system:serviceaccount:ns:sa");
    assert_eq!(sa.uid, "u1");
    assert_eq!(
        sa.groups,
        [
            "system:serviceaccounts",
            "system:serviceaccounts:ns",
            AUTHENTICATED
        ]
    );
    assert_eq!(sa.extra["authentication.kubernetes.io/pod-name"], ["pod"]);

    f.view.remove("", "pods", "ns", "pod");
    assert_eq!(check(&f, &token), Err(unauthorized()));
    assert!(check(&f, &unbound).is_ok());
    f.view.put(
        "",
        "serviceaccounts",
        json!({"metadata": {"namespace": "ns", "name": "sa", "uid": "new"}}),
    );
    assert_eq!(check(&f, &unbound), Err(unauthorized()));
    f.view.remove("", "serviceaccounts", "ns", "sa");
    assert_eq!(check(&f, &unbound), Err(unauthorized()));
}

#[test]
fn bad_tokens_are_refused() {
    let f = fixture();
    let keys = f.authenticator.keys();
    let (good, _) = keys.issue(&claims(), 600).unwrap();
    let (expired, _) = keys.issue(&claims(), -1).unwrap();
    let elsewhere = Claims {
        audiences: vec!["vault".to_owned()],
        ..claims()
    };
    let (audience, _) = keys.issue(&elsewhere, 600).unwrap();
    let (foreign, _) = ServiceAccountKeys::open(None)
        .unwrap()
        .issue(&claims(), 600)
        .unwrap();
    let mut parts: Vec<&str> = good.split('.').collect();
    let (forged, _) = keys
        .issue(
            &Claims {
                namespace: "kube-system".to_owned(),
                ..claims()
            },
            600,
        )
        .unwrap();
    parts[1] = forged.split('.').nth(1).unwrap();
    let mixed = parts.join(".");
    for token in [
        &expired,
        &audience,
        &foreign,
        &mixed,
        "nonsense",
        "a.b.c",
        "abcdef.0123456789abcdef",
    ] {
        let answer = f.authenticator.authenticate(&f.view, &[], Some(token));
        assert_eq!(answer, Err(unauthorized()), "{token}");
    }
    let (user, audiences) = f
        .authenticator
        .token_user(&f.view, &audience, &["vault".to_owned(), "x".to_owned()])
        .unwrap();
    assert_eq!(
        (user.uid.as_str(), audiences),
        ("u1", vec!["vault".to_owned()])
    );
}

#[test]
fn a_secret_token_dies_with_its_secret() {
    let mut f = fixture();
    let secret = json!({"metadata": {"namespace": "ns", "name": "tok", "uid": "s"}});
    f.view.put("", "secrets", secret);
    let token = f
        .authenticator
        .keys()
        .issue_for_secret("ns", &claims().account, "tok")
        .unwrap();
    let check = |f: &Fixture| {
        f.authenticator
            .authenticate(&f.view, &[], Some(&token))
            .is_ok()
    };
    assert!(check(&f));
    f.view.remove("", "secrets", "ns", "tok");
    assert!(!check(&f));
}

fn bootstrap_secret(changes: &[(&str, &str)]) -> Value {
    let mut data = json!({});
    for (key, value) in [
        ("token-id", "abcdef"),
        ("token-secret", "0123456789abcdef"),
        ("usage-bootstrap-authentication", "true"),
        ("auth-extra-groups", "system:bootstrappers:ocm"),
    ]
    .iter()
    .chain(changes)
    {
        data[*key] = json!(STANDARD.encode(value));
    }
    json!({
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"namespace": "kube-system", "name": "bootstrap-token-abcdef"},
        "data": data,
    })
}

#[test]
fn bootstrap_tokens() {
    let mut f = fixture();
    let check = |f: &mut Fixture, changes: &[(&str, &str)], token: &str| {
        f.view.put("", "secrets", bootstrap_secret(changes));
        f.authenticator.authenticate(&f.view, &[], Some(token))
    };
    let token = "abcdef.0123456789abcdef";
    let user = check(&mut f, &[], token).unwrap().unwrap();
    assert_eq!(user.username, "system:bootstrap:abcdef");
    assert_eq!(
        user.groups,
        [
            "system:bootstrappers",
            "system:bootstrappers:ocm",
            AUTHENTICATED
        ]
    );
    assert!(check(&mut f, &[("expiration", "2999-01-01T00:00:00Z")], token).is_ok());
    for changes in [
        &[("expiration", "2020-01-01T00:00:00Z")][..],
        &[("expiration", "soon")],
        &[("usage-bootstrap-authentication", "false")],
        &[("auth-extra-groups", "system:masters")],
        &[("token-id", "abcdeg")],
        &[("token-secret", "0123456789abcdeg")],
    ] {
        assert_eq!(
            check(&mut f, changes, token),
            Err(unauthorized()),
            "{changes:?}"
        );
    }
}

#[test]
fn impersonation_is_authorized_part_by_part() {
    let authorizer = Authorizer::default();
    let role = json!({"metadata": {"name": "i"}, "rules": [
        {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"], "resourceNames": ["jane"]},
        {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["groups"], "resourceNames": ["dev"]},
        {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["serviceaccounts"]},
        {"verbs": ["impersonate"], "apiGroups": ["authentication.k8s.io"], "resources": ["userextras/a/b"]},
    ]});
    let binding = json!({
        "metadata": {"name": "i"},
        "roleRef": {"kind": "ClusterRole", "name": "i"},
        "subjects": [{"kind": "User", "name": "agent"}],
    });
    for (resource, object) in [("clusterroles", &role), ("clusterrolebindings", &binding)] {
        authorizer.observe(
            &crate::api::GroupResource::new(GROUP, resource),
            Some(object),
            object,
        );
    }
    let modes = Modes::default();
    let act = |headers: &[(&'static str, &'static str)]| {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let request = crate::api::Attributes {
            verb: "list".to_owned(),
            version: "v1".to_owned(),
            resource: "pods".to_owned(),
            ..crate::api::Attributes::default()
        };
        impersonate(user("agent", &[]), &map, &request, &authorizer, &modes)
    };
    assert_eq!(act(&[]).unwrap().username, "agent");
    // Before one mode has worked, the narrow one is told of.
    assert_eq!(
        act(&[("impersonate-user", "root")]).unwrap_err().message,
        r#"pods is forbidden: User "agent" cannot impersonate-on:user-info:list resource "pods" in API group "" at the cluster scope"#
    );
    let jane = act(&[
        ("impersonate-user", "jane"),
        ("impersonate-group", "dev"),
        ("impersonate-extra-a%2Fb", "1"),
    ])
    .unwrap();
    assert_eq!(jane.groups, ["dev", AUTHENTICATED]);
    assert_eq!(jane.extra["a/b"], ["1"]);
    let sa = act(&[("impersonate-user", "system:serviceaccount:ns:sa")]).unwrap();
    assert_eq!(
        sa.groups,
        [
            "system:serviceaccounts",
            "system:serviceaccounts:ns",
            AUTHENTICATED
        ]
    );
    assert_eq!(
        act(&[("impersonate-user", "root")]).unwrap_err().message,
        r#"users "root" is forbidden: User "agent" cannot impersonate resource "users" in API group "" at the cluster scope"#
    );
    assert_eq!(
        act(&[
            ("impersonate-user", "jane"),
            ("impersonate-group", "system:masters")
        ])
        .unwrap_err()
        .code,
        403
    );
    assert_eq!(act(&[("impersonate-group", "dev")]).unwrap_err().code, 400);
}

#[test]
fn an_expired_certificate_is_refused_though_it_was_good() {
    let f = fixture();
    let (pem, _) = f.authority.issue_client(&user("jane", &[]), HOUR).unwrap();
    let now = Timestamp::now();
    let at = |after: Duration| {
        f.authenticator
            .certificate_user(&der(&pem), &[], now + after)
            .map(|user| user.is_some())
    };
    assert_eq!(at(Duration::ZERO), Ok(true));
    assert_eq!(at(HOUR / 2), Ok(true));
    assert!(at(HOUR * 2).is_err());
}

#[test]
fn a_good_token_beside_a_bad_certificate_counts() {
    let f = fixture();
    let foreign = Authority::open(None).unwrap();
    let (pem, _) = foreign.issue_client(&user("jane", &[]), HOUR).unwrap();
    let (token, _) = f.authenticator.keys().issue(&claims(), 600).unwrap();
    let sa = f
        .authenticator
        .authenticate(&f.view, &[der(&pem)], Some(&token))
        .unwrap();
    assert_eq!(sa.unwrap().uid, "u1");
}
