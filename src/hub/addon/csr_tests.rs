use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::{Value, json};

use super::*;

const OWN: &str = "example.com/s";
const USER: &str = "system:open-cluster-management:cluster:c1:addon:a:agent:a-agent";
const GROUPS: [&str; 2] = [
    "system:open-cluster-management:cluster:c1:addon:a",
    "system:open-cluster-management:addon:a",
];

/// A request of this name and these groups, in PEM.
fn pem(user: &str, groups: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, user);
    // rcgen keeps one value a type; by its number it is another type.
    let by_number = || DnType::CustomDnType(vec![2, 5, 4, 10]);
    for (n, group) in groups.iter().enumerate() {
        match n {
            0 => name.push(DnType::OrganizationName, *group),
            1 => name.push(by_number(), *group),
            _ => unreachable!("two groups at most"),
        }
    }
    let key = KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    pem.into_bytes()
}

fn request(signer: &str, user: &str, groups: &[&str]) -> Request {
    Request {
        cluster: "c1".into(),
        addon: "a".into(),
        signer: signer.into(),
        username: "system:open-cluster-management:c1:agent".into(),
        created: at(200),
        pem: pem(user, groups),
        ..Request::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as requests and clusters have it")]
fn at(second: i64) -> Option<jiff::Timestamp> {
    Some(jiff::Timestamp::from_second(second).unwrap())
}

/// An accepted one.
fn cluster() -> Cluster {
    Cluster {
        accepted: true,
        created: at(100),
        ..Cluster::default()
    }
}

fn template() -> AddOnTemplateSpec {
    serde_json::from_value(json!({"addonName": "a", "agentSpec": {}, "registration": [
        {"type": "KubeClient"},
        {"type": "CustomSigner", "customSigner": {"signerName": OWN, "signingCA": {"name": "ca"}}},
    ]}))
    .unwrap()
}

fn addon() -> ManagedClusterAddOn {
    serde_json::from_value(json!({"metadata": {"name": "a", "namespace": "c1"},
        "spec": {}, "status": {"registrations": [
            {"signerName": OWN, "subject": {"user": "u", "groups": ["g", "h"]}}]}}))
    .unwrap()
}

fn verdict(request: &Request) -> Verdict {
    verdict_with(request, Some(&cluster()))
}

fn verdict_with(request: &Request, cluster: Option<&Cluster>) -> Verdict {
    let (addon, template) = (addon(), template());
    decide(
        "addon-c1-a-x",
        request,
        cluster,
        Some(&addon),
        Some(&template),
    )
}

/// An attack: the agent is in its group as long as its certificate lives.
#[test]
fn requests_of_clusters_that_are_not_accepted_are_left_alone() {
    let open = request(SIGNER_KUBE_CLIENT, USER, &GROUPS);
    // Approved before the denial, and to be signed here.
    let mut approved = request(OWN, "u", &["g"]);
    approved.approved = true;
    let denied = Cluster {
        accepted: false,
        ..cluster()
    };
    let deleting = Cluster {
        deleting: true,
        ..cluster()
    };
    let later = Cluster {
        created: at(201),
        ..cluster()
    };
    for request in [&open, &approved] {
        assert!(!matches!(verdict(request), Verdict::Leave(_)));
        for cluster in [None, Some(&denied), Some(&deleting), Some(&later)] {
            let said = verdict_with(request, cluster);
            assert!(matches!(said, Verdict::Leave(_)), "{cluster:?}");
        }
    }
}

#[test]
fn addon_23_the_addons_own_identity_and_no_other_is_approved() {
    let good = request(SIGNER_KUBE_CLIENT, USER, &GROUPS);
    assert_eq!(verdict(&good), Verdict::Approve);
    let other = Verdict::Leave("it is not for the add-on's identity");
    for (user, groups) in [
        ("somebody", &GROUPS[..]),
        (USER, &GROUPS[..1]),
        (USER, &[GROUPS[0], "system:masters"][..]),
        (USER, &["", ""][..]),
        (
            "system:open-cluster-management:cluster:c2:addon:a:agent:a-agent",
            &GROUPS[..],
        ),
    ] {
        assert_eq!(
            verdict(&request(SIGNER_KUBE_CLIENT, user, groups)),
            other,
            "{user} {groups:?}"
        );
    }
    // Older agents name the group of everybody too.
    let mut all = BTreeSet::from(GROUPS.map(ToOwned::to_owned));
    all.insert(EVERYBODY.to_owned());
    assert!(is_default_identity("c1", "a", USER, all.clone()));
    all.insert("system:masters".to_owned());
    assert!(!is_default_identity("c1", "a", USER, all));
}

#[test]
fn addon_23_the_asker_is_an_agent_of_exactly_this_cluster() {
    let nobody = Verdict::Leave("the asker is no agent of the cluster");
    let group = "system:open-cluster-management:c1";
    for (username, groups, approved) in [
        ("system:open-cluster-management:c1:agent", &[][..], true),
        ("system:serviceaccount:x:y", &[group][..], true),
        // c10 begins like c1.
        (
            "system:open-cluster-management:c10:agent",
            &["system:open-cluster-management:c10"][..],
            false,
        ),
        ("system:open-cluster-management:c1", &[][..], false),
        ("system:open-cluster-management:c1x", &[][..], false),
        ("", &[][..], false),
    ] {
        for (signer, user, of) in [
            (SIGNER_KUBE_CLIENT, USER, &GROUPS[..]),
            (OWN, "u", &["g"][..]),
        ] {
            let mut request = request(signer, user, of);
            request.username = username.into();
            request.groups = groups.iter().map(|&group| group.to_owned()).collect();
            let expected = if approved {
                Verdict::Approve
            } else {
                nobody.clone()
            };
            assert_eq!(verdict(&request), expected, "{username} {signer}");
        }
    }
}

#[test]
fn addon_24_a_signer_of_the_template_is_for_the_registered_identity() {
    let other = Verdict::Leave("it is not for the registered identity");
    for (user, groups, expected) in [
        ("u", &["g", "h"][..], Verdict::Approve),
        ("u", &["g"][..], Verdict::Approve),
        ("u", &[][..], Verdict::Approve),
        ("u", &["g", "x"][..], other.clone()),
        ("v", &["g"][..], other),
    ] {
        assert_eq!(
            verdict(&request(OWN, user, groups)),
            expected,
            "{user} {groups:?}"
        );
    }
    let unknown = request("example.com/other", "u", &["g"]);
    assert_eq!(
        verdict(&unknown),
        Verdict::Leave("the template has no such signer")
    );
    // What is approved is signed by who has the authority.
    let mut approved = request(OWN, "u", &["g"]);
    approved.approved = true;
    assert!(matches!(verdict(&approved), Verdict::Sign(ca) if ca.name == "ca"));
    approved.signed = true;
    assert_eq!(verdict(&approved), Verdict::Leave("nothing is to be done"));
    let mut foreign = request("example.com/other", "u", &["g"]);
    foreign.approved = true;
    assert_eq!(verdict(&foreign), Verdict::Leave("somebody else signs"));
}

#[test]
fn addon_23_what_is_not_meant_for_an_addon_is_left_alone() {
    let good = request(SIGNER_KUBE_CLIENT, USER, &GROUPS);
    let (addon, template) = (addon(), template());
    let leave = |name: &str, request: &Request, addon, template| {
        let said = decide(name, request, Some(&cluster()), addon, template);
        matches!(said, Verdict::Leave(_))
    };
    assert!(!leave("addon-x", &good, Some(&addon), Some(&template)));
    assert!(leave("csr-x", &good, Some(&addon), Some(&template)));
    assert!(leave("addon-x", &good, None, Some(&template)));
    assert!(leave("addon-x", &good, Some(&addon), None));
    let mut denied = good.clone();
    denied.refused = true;
    assert!(leave("addon-x", &denied, Some(&addon), Some(&template)));
    let mut without = template.clone();
    without.registration.remove(0);
    assert!(leave("addon-x", &good, Some(&addon), Some(&without)));
}

#[test]
fn addon_23_a_request_is_read_to_its_end() {
    let good = pem(USER, &GROUPS);
    assert!(subject(&good).is_ok());
    let text = String::from_utf8(good).unwrap();
    let renamed = text.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    assert_eq!(subject(b"x"), Err("the request is not PEM"));
    assert_eq!(
        subject(renamed.as_bytes()),
        Err("the PEM block is no CERTIFICATE REQUEST")
    );
    // The first block counts, here as where it is signed.
    let twice = format!("{text}{}", String::from_utf8(pem("other", &[])).unwrap());
    assert_eq!(subject(twice.as_bytes()).unwrap().0, USER);
    let (_, block) = x509_parser::pem::parse_x509_pem(text.as_bytes()).unwrap();
    let wrapped = |der: &[u8]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n")
    };
    assert!(subject(wrapped(&block.contents).as_bytes()).is_ok());
    let longer = [block.contents.as_slice(), b"x"].concat();
    assert_eq!(
        subject(wrapped(&longer).as_bytes()),
        Err("the request has bytes after its end")
    );
    assert_eq!(
        subject(wrapped(&block.contents[..40]).as_bytes()),
        Err("the request cannot be read")
    );
}

fn parsed(annotations: &Value, spec: &Value, status: &Value) -> Request {
    let object = json!({"apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest", "metadata": {"name": "addon-x", "uid": "u",
            "annotations": annotations, "labels": {
                "open-cluster-management.io/cluster-name": "c1",
                "open-cluster-management.io/addon-name": "a"}},
        "spec": spec, "status": status});
    Request::parse(serde_json::from_value(object).unwrap()).unwrap()
}

#[test]
fn addon_23_the_grpc_server_asks_for_users_and_not_for_groups() {
    let asked_by = |username: &str, annotations: Value| {
        let spec = json!({"signerName": OWN, "request": "eA==", "username": username,
            "groups": ["system:open-cluster-management:c1"]});
        parsed(&annotations, &spec, &json!({}))
    };
    let user =
        json!({"open-cluster-management.io/csr-user": "system:open-cluster-management:c1:x"});
    let direct = asked_by("somebody", user.clone());
    assert_eq!(direct.username, "somebody");
    assert_eq!(direct.groups, ["system:open-cluster-management:c1"]);
    let server = "system:serviceaccount:open-cluster-management-hub:grpc-server-sa";
    let vouched = asked_by(server, user);
    assert_eq!(vouched.username, "system:open-cluster-management:c1:x");
    assert_eq!(vouched.groups, [""; 0]);
    assert_eq!(asked_by(server, json!({})).username, "");
}

#[test]
fn addon_24_requests_that_are_done_with_are_closed() {
    let is_open = |signer: &str, status: Value| {
        let spec = json!({"signerName": signer, "request": "eA=="});
        parsed(&json!({}), &spec, &status).is_open()
    };
    let says = |kind: &str| json!({"conditions": [{"type": kind, "status": "True"}]});
    assert!(is_open(OWN, json!({})));
    // Kubernetes signs for its own API; nobody else signs for ours.
    assert!(is_open(OWN, says("Approved")));
    assert!(!is_open(SIGNER_KUBE_CLIENT, says("Approved")));
    assert!(!is_open(OWN, says("Denied")));
    assert!(!is_open(OWN, says("Failed")));
    assert!(!is_open(OWN, json!({"certificate": "eA=="})));
    assert!(is_open(OWN, json!({"certificate": ""})));
}

#[test]
fn addon_24_authorities_are_in_the_hubs_namespace_unless_they_say_another() {
    let authority = |namespace: &str| SigningCaRef {
        name: "ca".into(),
        namespace: namespace.into(),
    };
    assert_eq!(secret_of(&authority("")), (HUB_NAMESPACE, "ca"));
    assert_eq!(secret_of(&authority("n")), ("n", "ca"));
}
