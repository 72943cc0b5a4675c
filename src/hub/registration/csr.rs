//! Certificate requests of agents: which are recognised, and which are
//! approved without a person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::DynamicObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::ocm::cluster::v1::{CONDITION_HUB_ACCEPTED, CONDITION_JOINED};
use crate::ocm::{conditions, names};

use super::cluster::is_denied;
use super::settings::Settings;
use super::view::Cluster;

/// What is kept of a CertificateSigningRequest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Tells it from a later one of the same name.
    pub uid: String,
    /// The cluster it says it is for.
    pub cluster: String,
    /// Whether it is an add-on's.
    pub addon: bool,
    /// Who shall sign.
    pub signer: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Approved or denied already.
    pub decided: bool,
    /// The identity that was approved, when it is that of an agent.
    pub given: Option<String>,
    /// Who asks, as the API server saw it.
    pub username: String,
    /// The asker's uid.
    pub user_uid: Option<String>,
    /// The asker's groups.
    pub groups: Vec<String>,
    /// What else is known about the asker.
    pub extra: BTreeMap<String, Vec<String>>,
    /// The PEM text; empty once it is decided.
    pub pem: Vec<u8>,
}

impl Request {
    /// Reads a CertificateSigningRequest.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
        let uid = object.uid().unwrap_or_default();
        let created = object.creation_timestamp().map(|time| time.0);
        let labels = object.labels();
        let cluster = labels
            .get(names::LABEL_CLUSTER_NAME)
            .cloned()
            .unwrap_or_default();
        let addon = labels.contains_key(names::LABEL_ADDON_NAME);
        let csr: CertificateSigningRequest = crate::runtime::informer::typed(object)?;
        let conditions = csr.status.and_then(|status| status.conditions);
        let has = |kind: &str| conditions.iter().flatten().any(|c| c.type_ == kind);
        let (approved, denied) = (has("Approved"), has("Denied"));
        let mut request = Self {
            uid,
            cluster,
            addon,
            signer: csr.spec.signer_name,
            created,
            decided: approved || denied,
            given: None,
            username: csr.spec.username.unwrap_or_default(),
            user_uid: csr.spec.uid,
            groups: csr.spec.groups.unwrap_or_default(),
            extra: csr.spec.extra.unwrap_or_default(),
            pem: csr.spec.request.0,
        };
        if approved && !denied {
            request.given = recognise(&request).ok();
        }
        if request.decided {
            request.pem = Vec::new();
        }
        Ok(request)
    }
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: not an agent's, or decided already.
    NotOurs(&'static str),
    /// Approve when the asker may renew its certificate.
    ApproveIfAllowed,
    /// Approve: the asker is on the administrator's list.
    Approve,
    /// Wait for a person.
    AskAPerson,
}

/// Decides about a request.
#[must_use]
pub fn decide(request: &Request, settings: &Settings) -> Verdict {
    if request.decided {
        return Verdict::NotOurs("decided already");
    }
    let common_name = match recognise(request) {
        Ok(common_name) => common_name,
        Err(reason) => return Verdict::NotOurs(reason),
    };
    if request.username == common_name {
        Verdict::ApproveIfAllowed
    } else if settings.auto_approval && settings.auto_approved_users.contains(&request.username) {
        Verdict::Approve
    } else {
        Verdict::AskAPerson
    }
}

/// How long a renewal may wait for the hub: what waits longer the API server's
/// own clean-up removes, so that nobody waits for it.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);
/// The rights of a cluster that is accepted again come before its condition,
/// and its agent does not wait for that; clocks differ, too.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Whether a renewal is of the cluster as it stands: roles alone do not tell,
/// since they go a moment after the acceptance, and come back for whoever had
/// them before.
///
/// # Errors
/// Why it is not.
pub fn current(
    request: &Request,
    cluster: Option<&Cluster>,
    now: Timestamp,
) -> Result<(), &'static str> {
    let cluster = cluster.ok_or("there is no such cluster")?;
    if cluster.meta.deleting {
        return Err("its cluster is being deleted");
    }
    if !cluster.accepted {
        return Err("its cluster is not accepted");
    }
    let made = request.created.ok_or("it does not say when it was made")?;
    if cluster.meta.created.is_some_and(|created| made < created) {
        return Err("it was made before its cluster, for another one of that name");
    }
    if now.duration_since(made) > PATIENCE {
        return Err("it is too old");
    }
    let accepted = conditions::find(&cluster.conditions, CONDITION_HUB_ACCEPTED)
        .filter(|condition| condition.status == conditions::TRUE)
        .ok_or("its cluster is not prepared yet")?;
    if accepted.last_transition_time.0.duration_since(made) > LEEWAY {
        return Err("it was made before its cluster was accepted");
    }
    Ok(())
}

/// Whether a listed user may have a certificate for the cluster without a
/// person: only for one that it created itself, that nobody denied, and that
/// nobody else has a certificate of: it has not joined yet, and none of the
/// approved requests is another agent's (`given`). Upstream hands out the
/// identity of any cluster.
///
/// # Errors
/// Why a person must look at it.
pub fn claim(
    request: &Request,
    cluster: Option<&Cluster>,
    mut given: impl Iterator<Item = String>,
) -> Result<(), &'static str> {
    let cluster = cluster.ok_or("its cluster is not there yet")?;
    if cluster.meta.deleting {
        return Err("its cluster is being deleted");
    }
    if is_denied(cluster) {
        return Err("its cluster was denied");
    }
    if conditions::is_true(&cluster.conditions, CONDITION_JOINED) {
        return Err("its cluster has joined already");
    }
    match cluster.annotations.get(names::ANNOTATION_CREATED_BY) {
        Some(creator) if *creator == request.username => {}
        Some(_) => return Err("its cluster was created by somebody else"),
        None => return Err("nobody knows who created its cluster"),
    }
    let own = recognise(request)?;
    if given.any(|other| other != own) {
        return Err("another agent of its cluster has a certificate already");
    }
    Ok(())
}

/// The common name of an agent's request for the cluster of its label.
fn recognise(request: &Request) -> Result<String, &'static str> {
    if request.cluster.is_empty() || request.addon {
        return Err("no request of a cluster's agent");
    }
    if request.signer != names::SIGNER_KUBE_CLIENT {
        return Err("another signer");
    }
    // A cluster of this name would share the group of all agents.
    if names::cluster_group(&request.cluster) == names::GROUP_MANAGED_CLUSTERS {
        return Err("a reserved cluster name");
    }
    let (_, pem) =
        x509_parser::pem::parse_x509_pem(&request.pem).map_err(|_| "the request is not PEM")?;
    if pem.label != "CERTIFICATE REQUEST" {
        return Err("the PEM block is no CERTIFICATE REQUEST");
    }
    let (rest, csr) = X509CertificationRequest::from_der(&pem.contents)
        .map_err(|_| "the request cannot be read")?;
    if !rest.is_empty() {
        return Err("the request has bytes after its end");
    }
    let subject = &csr.certification_request_info.subject;
    let mut organizations = BTreeSet::new();
    for organization in subject.iter_organization() {
        organizations.insert(
            organization
                .as_str()
                .map_err(|_| "an organization is no text")?,
        );
    }
    organizations.remove(names::GROUP_MANAGED_CLUSTERS);
    let group = names::cluster_group(&request.cluster);
    if organizations.len() != 1 || !organizations.contains(group.as_str()) {
        return Err("the organizations are not those of the labelled cluster");
    }
    // client-go takes the last of several; no honest request has several.
    let mut common_names = subject.iter_common_name();
    let (Some(common_name), None) = (common_names.next(), common_names.next()) else {
        return Err("not exactly one common name");
    };
    let common_name = common_name
        .as_str()
        .map_err(|_| "the common name is no text")?;
    let parts: Vec<&str> = common_name
        .strip_prefix(names::USER_PREFIX)
        .ok_or("the common name is no agent's")?
        .split(':')
        .collect();
    match parts.as_slice() {
        [cluster, agent] if *cluster == request.cluster && !agent.is_empty() => {
            Ok(common_name.to_owned())
        }
        _ => Err("the common name is not one of the labelled cluster"),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    const COMMON: &str = names::GROUP_MANAGED_CLUSTERS;
    const C1: &str = "system:open-cluster-management:c1";

    fn pem(common_name: &str, organizations: &[&str]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        // rcgen keeps one value a type; further ones need types of their own.
        let types = [
            DnType::OrganizationName,
            DnType::CustomDnType(vec![2, 5, 4, 10]),
        ];
        for (organization, kind) in organizations.iter().zip(types) {
            params.distinguished_name.push(kind, *organization);
        }
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    fn request(common_name: &str, organizations: &[&str], username: &str) -> Request {
        Request {
            cluster: "c1".into(),
            signer: names::SIGNER_KUBE_CLIENT.into(),
            username: username.into(),
            pem: pem(common_name, organizations).into_bytes(),
            ..Request::default()
        }
    }

    #[test]
    fn registration_18_the_clusters_own_identity_renews() {
        let name = format!("{C1}:agent1");
        let request = request(&name, &[C1, COMMON], &name);
        assert_eq!(
            decide(&request, &Settings::default()),
            Verdict::ApproveIfAllowed
        );
    }

    #[test]
    fn registration_19_what_is_not_recognised() {
        let user = "system:open-cluster-management:c1:a";
        let good = |r: &mut Request| r.username = user.into();
        let other_label = |r: &mut Request| r.cluster = "c2".into();
        let addon = |r: &mut Request| r.addon = true;
        let signer = |r: &mut Request| r.signer = "example.com/x".into();
        let pem_type = |r: &mut Request| {
            let text = String::from_utf8(r.pem.clone()).unwrap();
            r.pem = text
                .replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
                .into_bytes();
        };
        let garbage = |r: &mut Request| r.pem = b"garbage".to_vec();
        type Change<'a> = &'a dyn Fn(&mut Request);
        let c1a: &str = "system:open-cluster-management:c1:a";
        let cases: &[(&str, &str, &[&str], Change<'_>)] = &[
            ("wrong label", c1a, &[C1, COMMON], &other_label),
            (
                "foreign CN",
                "system:open-cluster-management:c2:a",
                &[C1, COMMON],
                &good,
            ),
            ("no agent's CN", "system:admin", &[C1, COMMON], &good),
            ("extra organisation", c1a, &[C1, "system:masters"], &good),
            (
                "foreign organisation",
                c1a,
                &["system:open-cluster-management:c2"],
                &good,
            ),
            ("no organisation", c1a, &[], &good),
            (
                "three parts",
                "system:open-cluster-management:c1:a:b",
                &[C1, COMMON],
                &good,
            ),
            (
                "empty agent",
                "system:open-cluster-management:c1:",
                &[C1, COMMON],
                &good,
            ),
            (
                "no agent",
                "system:open-cluster-management:c1",
                &[C1, COMMON],
                &good,
            ),
            ("PEM type", c1a, &[C1, COMMON], &pem_type),
            ("garbage", c1a, &[C1, COMMON], &garbage),
            ("add-on", c1a, &[C1, COMMON], &addon),
            ("signer", c1a, &[C1, COMMON], &signer),
        ];
        for (what, common_name, organizations, change) in cases {
            let mut request = request(common_name, organizations, user);
            change(&mut request);
            assert!(
                matches!(decide(&request, &Settings::default()), Verdict::NotOurs(_)),
                "{what}"
            );
        }
        // And the same without any of it is recognised.
        let request = request(c1a, &[C1, COMMON], user);
        assert_eq!(
            decide(&request, &Settings::default()),
            Verdict::ApproveIfAllowed
        );
    }

    #[test]
    fn registration_21_listed_users_are_approved_under_the_gate() {
        let name = format!("{C1}:a");
        let mut settings = Settings {
            auto_approval: true,
            ..Settings::default()
        };
        settings.auto_approved_users.insert("boot".into());
        let listed = request(&name, &[C1, COMMON], "boot");
        let unlisted = request(&name, &[C1, COMMON], "somebody");
        assert_eq!(decide(&listed, &settings), Verdict::Approve);
        assert_eq!(decide(&unlisted, &settings), Verdict::AskAPerson);
        settings.auto_approval = false;
        assert_eq!(decide(&listed, &settings), Verdict::AskAPerson);
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Created at 100, accepted at 200.
    fn accepted() -> Cluster {
        let mut condition = conditions::condition(
            CONDITION_HUB_ACCEPTED,
            conditions::TRUE,
            "HubClusterAdminAccepted",
            "",
        );
        condition.last_transition_time =
            k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(200));
        let mut cluster = Cluster {
            accepted: true,
            conditions: vec![condition],
            ..Cluster::default()
        };
        cluster.meta.created = Some(at(100));
        cluster
    }

    #[test]
    fn registration_20_only_renewals_of_the_cluster_as_it_stands() {
        let name = format!("{C1}:a");
        let made = |second| Request {
            created: Some(at(second)),
            ..request(&name, &[C1, COMMON], &name)
        };
        let good = accepted();
        let day = 24 * 3600;
        assert_eq!(current(&made(300), Some(&good), at(300 + day)), Ok(()));
        // Rights come before the condition: the agent may be that quick.
        assert_eq!(current(&made(150), Some(&good), at(300)), Ok(()));
        let mut denied = accepted();
        denied.accepted = false;
        let mut deleting = accepted();
        deleting.meta.deleting = true;
        let mut waiting = accepted();
        waiting.conditions.clear();
        let mut later = accepted();
        later.meta.created = Some(at(301));
        for (what, made, cluster, now) in [
            ("no cluster", made(300), None, 300),
            ("denied", made(300), Some(denied), 300),
            ("deleting", made(300), Some(deleting), 300),
            ("not prepared", made(300), Some(waiting), 300),
            ("an earlier cluster's", made(300), Some(later), 400),
            (
                "from before the acceptance",
                made(139),
                Some(accepted()),
                300,
            ),
            ("too old", made(300), Some(accepted()), 301 + day),
            (
                "no time",
                Request {
                    created: None,
                    ..made(300)
                },
                Some(accepted()),
                300,
            ),
        ] {
            assert!(current(&made, cluster.as_ref(), at(now)).is_err(), "{what}");
        }
    }

    #[test]
    fn a_listed_user_gets_only_what_it_created_and_nobody_has_yet() {
        let request = request(&format!("{C1}:a"), &[C1, COMMON], "boot");
        let alone = |cluster: Option<&Cluster>| claim(&request, cluster, std::iter::empty());
        assert!(alone(None).is_err());
        let key = names::ANNOTATION_CREATED_BY.to_owned();
        let mut good = Cluster::default();
        assert!(alone(Some(&good)).is_err(), "nobody knows who created it");
        good.annotations.insert(key.clone(), "boot".into());
        assert_eq!(alone(Some(&good)), Ok(()));
        // Another agent of the cluster was faster, or it was this one.
        let given = |agent: &str| {
            let given = std::iter::once(format!("{C1}:{agent}"));
            claim(&request, Some(&good), given)
        };
        assert_eq!(given("a"), Ok(()));
        assert!(given("b").is_err());
        let with = |change: &dyn Fn(&mut Cluster)| {
            let mut cluster = good.clone();
            change(&mut cluster);
            cluster
        };
        let condition = |kind, status, reason| conditions::condition(kind, status, reason, "");
        for (what, cluster) in [
            (
                "another's",
                with(&|c| {
                    c.annotations.insert(key.clone(), "other".into());
                }),
            ),
            (
                "joined",
                with(&|c| {
                    c.conditions = vec![condition(CONDITION_JOINED, conditions::TRUE, "r")];
                }),
            ),
            (
                "denied",
                with(&|c| {
                    let denied = "HubClusterAdminDenied";
                    c.conditions =
                        vec![condition(CONDITION_HUB_ACCEPTED, conditions::FALSE, denied)];
                }),
            ),
            ("deleting", with(&|c| c.meta.deleting = true)),
        ] {
            assert!(alone(Some(&cluster)).is_err(), "{what}");
        }
    }

    #[test]
    fn who_was_approved_is_remembered_of_a_request() {
        let name = format!("{C1}:a");
        let with = |conditions: serde_json::Value| {
            use base64::Engine as _;
            let pem = pem(&name, &[C1, COMMON]);
            let object = serde_json::from_value(serde_json::json!({
                "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
                "metadata": {"name": "c1-x", "creationTimestamp": "2026-01-02T03:04:05Z",
                             "labels": {(names::LABEL_CLUSTER_NAME): "c1"}},
                "spec": {"signerName": names::SIGNER_KUBE_CLIENT, "usages": [],
                         "request": base64::engine::general_purpose::STANDARD.encode(pem)},
                "status": {"conditions": conditions},
            }))
            .unwrap();
            Request::parse(object).unwrap()
        };
        let said = |kind: &str| serde_json::json!([{"type": kind, "status": "True"}]);
        let approved = with(said("Approved"));
        assert_eq!(approved.given, Some(name.clone()));
        assert!(approved.decided && approved.pem.is_empty() && approved.created.is_some());
        assert_eq!(with(said("Denied")).given, None);
        let open = with(serde_json::json!([]));
        assert!(!open.decided && open.given.is_none() && !open.pem.is_empty());
    }

    #[test]
    fn registration_36_no_request_for_the_reserved_name() {
        let mut request = request(
            "system:open-cluster-management:managed-clusters:a",
            &[COMMON],
            "system:open-cluster-management:managed-clusters:a",
        );
        request.cluster = "managed-clusters".into();
        assert!(matches!(
            decide(&request, &Settings::default()),
            Verdict::NotOurs(_)
        ));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_sent_is_refused_and_nothing_panics(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
            flips in proptest::collection::vec((0..300_usize, proptest::prelude::any::<u8>()), 0..4),
        ) {
            let name = format!("{C1}:a");
            let mut request = request(&name, &[C1, COMMON], "boot");
            // A request that is nearly right, and one that is nothing like it.
            for (at, byte) in flips {
                if let Some(old) = request.pem.get_mut(at + 40) {
                    *old ^= byte;
                }
            }
            let _ = decide(&request, &Settings::default());
            request.pem = bytes;
            proptest::prop_assert!(matches!(
                decide(&request, &Settings::default()),
                Verdict::NotOurs(_)
            ));
        }
    }

    #[test]
    fn a_decided_request_is_left_alone() {
        let name = format!("{C1}:a");
        let mut request = request(&name, &[C1], &name);
        request.decided = true;
        assert!(matches!(
            decide(&request, &Settings::default()),
            Verdict::NotOurs(_)
        ));
    }
}
