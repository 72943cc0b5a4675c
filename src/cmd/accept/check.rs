//! Which signing requests may be approved. Pure.
//!
//! A request is approved only if it is the cluster's own: its signer, its
//! subject and whoever made it are checked. What else carries the cluster's
//! label is left alone.

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::ocm::names;

/// Users that may ask for a cluster, besides bootstrap tokens.
const REQUESTERS: [&str; 2] = [
    "system:serviceaccount:open-cluster-management:agent-registration-bootstrap",
    GRPC_SERVER,
];

/// The hub's gRPC server makes requests for agents, and says for whom.
const GRPC_SERVER: &str = "system:serviceaccount:open-cluster-management-hub:grpc-server-sa";

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the cluster's own and waits for approval.
    Approve {
        /// The common name it asks for: `system:open-cluster-management:<cluster>:<agent>`.
        requester: String,
    },
    /// It was approved before.
    Approved {
        /// The common name it asks for.
        requester: String,
    },
    /// It was denied before.
    Denied,
    /// It must not be approved, and why.
    Refuse(String),
}

/// Judges a request that carries the cluster's label.
#[must_use]
pub fn judge(request: &CertificateSigningRequest, cluster: &str, any_requester: bool) -> Verdict {
    let requester = match own_subject(request, cluster) {
        Ok(requester) => requester,
        Err(why) => return Verdict::Refuse(why),
    };
    if has_condition(request, "Denied") {
        return Verdict::Denied;
    }
    if has_condition(request, "Approved") {
        return Verdict::Approved { requester };
    }
    if !any_requester && let Err(why) = bootstrap_identity(request) {
        return Verdict::Refuse(why);
    }
    Verdict::Approve { requester }
}

fn has_condition(request: &CertificateSigningRequest, kind: &str) -> bool {
    request
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .any(|condition| condition.type_ == kind)
}

/// Signer, usages, common name and organisations; the common name if they fit.
fn own_subject(request: &CertificateSigningRequest, cluster: &str) -> Result<String, String> {
    let spec = &request.spec;
    // Only the gRPC server asks for certificates that it trusts itself.
    let of_grpc =
        spec.signer_name == names::SIGNER_GRPC && spec.username.as_deref() == Some(GRPC_SERVER);
    if spec.signer_name != names::SIGNER_KUBE_CLIENT && !of_grpc {
        return Err(format!(
            "its signer is {}, not {}",
            spec.signer_name,
            names::SIGNER_KUBE_CLIENT
        ));
    }
    let usages = spec.usages.as_deref().unwrap_or_default();
    if let Some(other) = usages.iter().find(|usage| {
        !["digital signature", "key encipherment", "client auth"].contains(&usage.as_str())
    }) {
        return Err(format!("it asks for the usage {other:?}"));
    }
    let (_, pem) =
        parse_x509_pem(&spec.request.0).map_err(|_| "it holds no PEM block".to_owned())?;
    if pem.label != "CERTIFICATE REQUEST" {
        return Err(format!("it holds a PEM block of type {:?}", pem.label));
    }
    let (_, parsed) = X509CertificationRequest::from_der(&pem.contents)
        .map_err(|_| "it holds no readable certificate request".to_owned())?;
    let subject = &parsed.certification_request_info.subject;
    let common_name = common_name(subject)?;
    let prefix = format!("{}{cluster}:", names::USER_PREFIX);
    let agent = common_name.strip_prefix(&prefix).unwrap_or_default();
    if agent.is_empty() || agent.contains(':') {
        return Err(format!(
            "it asks for the user {common_name:?}, not for one of {prefix}<agent>"
        ));
    }
    let own = format!("{}{cluster}", names::USER_PREFIX);
    let mut organisations = texts(subject.iter_organization())?;
    organisations.retain(|name| name != names::GROUP_MANAGED_CLUSTERS);
    if organisations != [own.as_str()] {
        return Err(format!(
            "it asks for the groups [{}], not for {own:?} alone",
            organisations.join(", ")
        ));
    }
    Ok(common_name)
}

fn common_name(subject: &X509Name<'_>) -> Result<String, String> {
    match texts(subject.iter_common_name())?.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err("it asks for no common name".to_owned()),
        _ => Err("it asks for several common names".to_owned()),
    }
}

fn texts<'a>(
    attributes: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>,
) -> Result<Vec<String>, String> {
    attributes
        .map(|attribute| {
            attribute
                .as_str()
                .map(str::to_owned)
                .map_err(|_| "its subject is not readable text".to_owned())
        })
        .collect()
}

/// Whether it was made with bootstrap credentials of this hub.
fn bootstrap_identity(request: &CertificateSigningRequest) -> Result<(), String> {
    let user = request.spec.username.as_deref().unwrap_or_default();
    let groups = request.spec.groups.as_deref().unwrap_or_default();
    // Whom the gRPC server asks for must be one as well; older ones do not say.
    let annotations = request.metadata.annotations.as_ref();
    let asked_for = annotations
        .and_then(|all| all.get(names::ANNOTATION_CSR_USER))
        .filter(|_| user == GRPC_SERVER)
        .map_or(user, String::as_str);
    let bootstraps =
        |user: &str| user.starts_with("system:bootstrap:") || REQUESTERS.contains(&user);
    let user_fits = bootstraps(user) && bootstraps(asked_for);
    let group_fits = groups.iter().any(|group| {
        [
            names::GROUP_BOOTSTRAP,
            "system:serviceaccounts:open-cluster-management",
            "system:serviceaccounts:open-cluster-management-hub",
        ]
        .contains(&group.as_str())
    });
    if user_fits && group_fits {
        Ok(())
    } else {
        Err(format!(
            "it was made by {asked_for:?}, which is no bootstrap identity of this hub \
             (--skip-approve-check allows others)"
        ))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use serde_json::json;

    use super::*;

    /// A request as an agent makes it, with these names in its subject.
    pub(crate) fn request(common_name: &str, organisations: &[&str]) -> CertificateSigningRequest {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, common_name);
        for organisation in organisations {
            name.push(DnType::OrganizationName, *organisation);
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        let pem = params
            .serialize_request(&KeyPair::generate().unwrap())
            .unwrap()
            .pem()
            .unwrap();
        serde_json::from_value(json!({
            "metadata": {"name": "csr-1"},
            "spec": {
                "signerName": "kubernetes.io/kube-apiserver-client",
                "usages": ["digital signature", "key encipherment", "client auth"],
                "username": "system:serviceaccount:open-cluster-management:agent-registration-bootstrap",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:open-cluster-management"],
                "request": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem),
            },
        }))
        .unwrap()
    }

    const CN: &str = "system:open-cluster-management:cluster1:agent";
    const O: &str = "system:open-cluster-management:cluster1";

    fn refusal(request: &CertificateSigningRequest) -> String {
        match judge(request, "cluster1", false) {
            Verdict::Refuse(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_clusters_own_request_is_approved() {
        let own = Verdict::Approve {
            requester: CN.to_owned(),
        };
        assert_eq!(judge(&request(CN, &[O]), "cluster1", false), own);
        // The common group alone is not the cluster's.
        let everybody = request(CN, &[names::GROUP_MANAGED_CLUSTERS]);
        assert!(refusal(&everybody).contains("asks for the groups []"));
    }

    #[test]
    fn what_the_grpc_server_asks_for_an_agent_is_approved() {
        let asked = |user: &str, on_behalf: Option<&str>| {
            let mut asked = request(CN, &[O]);
            asked.spec.signer_name = "open-cluster-management.io/grpc".to_owned();
            asked.spec.username = Some(user.to_owned());
            asked.spec.groups = Some(vec![
                "system:serviceaccounts:open-cluster-management-hub".to_owned(),
            ]);
            asked.metadata.annotations = on_behalf.map(|user| {
                [(
                    "open-cluster-management.io/csr-user".to_owned(),
                    user.to_owned(),
                )]
                .into()
            });
            asked
        };
        let own = Verdict::Approve {
            requester: CN.to_owned(),
        };
        let bootstrap = "system:bootstrap:ocmhub";
        for on_behalf in [None, Some(bootstrap), Some(REQUESTERS[0])] {
            assert_eq!(
                judge(&asked(GRPC_SERVER, on_behalf), "cluster1", false),
                own
            );
        }
        let for_mallory = asked(GRPC_SERVER, Some("mallory"));
        assert!(refusal(&for_mallory).contains("mallory"));
        assert_eq!(judge(&for_mallory, "cluster1", true), own);
        // Nobody else has that signer, with any flag.
        let alone = asked(bootstrap, Some(bootstrap));
        assert!(refusal(&alone).contains("its signer"));
        assert!(matches!(
            judge(&alone, "cluster1", true),
            Verdict::Refuse(_)
        ));
    }

    #[test]
    fn foreign_subjects_signers_and_usages_are_refused() {
        assert!(refusal(&request("evil", &["my-admins"])).contains("\"evil\""));
        assert!(refusal(&request(CN, &["system:masters"])).contains("system:masters"));
        let prefix_only = "system:open-cluster-management:cluster1:";
        assert!(refusal(&request(prefix_only, &[O])).contains("asks for the user"));
        let addon = "system:open-cluster-management:cluster1:addon:a:agent:b";
        assert!(refusal(&request(addon, &[O])).contains("asks for the user"));
        let other = "system:open-cluster-management:cluster10:agent";
        assert!(refusal(&request(other, &[O])).contains("cluster10"));
        let mut wrong = request(CN, &[O]);
        wrong.spec.signer_name = "kubernetes.io/kubelet-serving".to_owned();
        assert!(refusal(&wrong).contains("its signer"));
        let mut wrong = request(CN, &[O]);
        wrong.spec.usages = Some(vec!["server auth".to_owned()]);
        assert!(refusal(&wrong).contains("server auth"));
        let mut wrong = request(CN, &[O]);
        wrong.spec.request.0 = b"rubbish".to_vec();
        assert!(refusal(&wrong).contains("PEM"));
    }

    #[test]
    fn others_requests_need_the_flag_and_still_the_right_subject() {
        let mut foreign = request(CN, &[O]);
        foreign.spec.username = Some("mallory".to_owned());
        assert!(refusal(&foreign).contains("mallory"));
        assert!(matches!(
            judge(&foreign, "cluster1", true),
            Verdict::Approve { .. }
        ));
        let mut evil = request("evil", &["x"]);
        evil.spec.username = Some("mallory".to_owned());
        assert!(matches!(judge(&evil, "cluster1", true), Verdict::Refuse(_)));
    }

    #[test]
    fn what_was_decided_stays_decided() {
        for (kind, expected) in [
            (
                "Approved",
                Verdict::Approved {
                    requester: CN.to_owned(),
                },
            ),
            ("Denied", Verdict::Denied),
        ] {
            let mut decided = request(CN, &[O]);
            decided.status =
                serde_json::from_value(json!({"conditions": [{"type": kind, "status": "True"}]}))
                    .unwrap();
            assert_eq!(judge(&decided, "cluster1", false), expected);
        }
    }
}
