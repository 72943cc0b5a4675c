//! Certificate requests of template add-ons' agents: which are approved, and
//! which are signed here (protocol, section 9; statements 23 and 24).

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition,
};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{AddOnTemplateSpec, ManagedClusterAddOn, SigningCaRef};
use crate::ocm::conditions;
use crate::ocm::names::{
    HUB_NAMESPACE, LABEL_ADDON_NAME, LABEL_CLUSTER_NAME, SIGNER_KUBE_CLIENT, cluster_group,
};
use crate::runtime::{Failure, Next, events};

use super::view::Cluster;
use super::{Hub, apply, sign};

const REASON: &str = "AutoApprovedByHubCSRApprovingController";
const MESSAGE: &str = "Auto approving addon agent certificate.";
/// The hub's gRPC server asks for agents, and says for whom.
const GRPC_SERVER: &str = "system:serviceaccount:open-cluster-management-hub:grpc-server-sa";
const ANNOTATION_GRPC_USER: &str = "open-cluster-management.io/csr-user";
/// A group that every user is in; older agents ask for it too.
const EVERYBODY: &str = "system:authenticated";

/// What is kept of a CertificateSigningRequest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Tells it from a later one of the same name.
    pub uid: String,
    /// The cluster it says it is for.
    pub cluster: String,
    /// The add-on it says it is for.
    pub addon: String,
    /// Who shall sign.
    pub signer: String,
    /// When it was made.
    pub created: Option<jiff::Timestamp>,
    /// Somebody said yes.
    pub approved: bool,
    /// Somebody said no, or it cannot be signed.
    pub refused: bool,
    /// There is a certificate.
    pub signed: bool,
    /// Who asks.
    pub username: String,
    /// The asker's groups.
    pub groups: Vec<String>,
    /// How long it shall be valid, in seconds.
    pub expiration: Option<i32>,
    /// The PEM text.
    pub pem: Vec<u8>,
}

impl Request {
    /// Reads a CertificateSigningRequest.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let csr: CertificateSigningRequest = crate::runtime::informer::typed(object)?;
        let label = |key: &str| csr.labels().get(key).cloned().unwrap_or_default();
        let status = csr.status.clone().unwrap_or_default();
        let has = |kind: &str| {
            let mut conditions = status.conditions.iter().flatten();
            conditions.any(|condition| condition.type_ == kind)
        };
        let asker = csr.spec.username.clone().unwrap_or_default();
        let (username, groups) = if asker == GRPC_SERVER {
            // It vouches for the user, not for groups.
            let user = csr.annotations().get(ANNOTATION_GRPC_USER);
            (user.cloned().unwrap_or_default(), Vec::new())
        } else {
            (asker, csr.spec.groups.clone().unwrap_or_default())
        };
        Ok(Self {
            uid: csr.uid().unwrap_or_default(),
            cluster: label(LABEL_CLUSTER_NAME),
            addon: label(LABEL_ADDON_NAME),
            created: csr.creation_timestamp().map(|time| time.0),
            approved: has("Approved"),
            refused: has("Denied") || has("Failed"),
            signed: status.certificate.is_some_and(|bytes| !bytes.0.is_empty()),
            signer: csr.spec.signer_name,
            username,
            groups,
            expiration: csr.spec.expiration_seconds,
            pem: csr.spec.request.0,
        })
    }

    /// Whether somebody may have to do something.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.refused && !self.signed && (!self.approved || self.signer != SIGNER_KUBE_CLIENT)
    }
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing, and why.
    Leave(&'static str),
    /// Approve.
    Approve,
    /// Sign with this authority.
    Sign(SigningCaRef),
}

/// Decides about a request. `cluster` and `addon` are what its labels name,
/// `template` what that one is configured with.
///
/// Other than upstream, the asker has to be an agent of exactly this cluster,
/// whoever signs, and may ask for no other identity than the registered one;
/// and the cluster has to be accepted, also when somebody approved before it
/// was denied.
#[must_use]
pub fn decide(
    name: &str,
    request: &Request,
    cluster: Option<&Cluster>,
    addon: Option<&ManagedClusterAddOn>,
    template: Option<&AddOnTemplateSpec>,
) -> Verdict {
    let (Some(addon), Some(template)) = (addon, template) else {
        return Verdict::Leave("no template add-on is meant");
    };
    if !name.starts_with("addon") || !request.is_open() {
        return Verdict::Leave("nothing is to be done");
    }
    let Some(cluster) = cluster.filter(|cluster| cluster.accepted && !cluster.deleting) else {
        return Verdict::Leave("the cluster is not accepted, or not any more");
    };
    if cluster.created > request.created {
        return Verdict::Leave("it was made before the cluster, for another one of that name");
    }
    let signing_ca = template
        .registration
        .iter()
        .filter_map(|registration| registration.custom_signer.as_ref())
        .find(|signer| signer.signer_name == request.signer)
        .map(|signer| signer.signing_ca.clone());
    if request.approved {
        return signing_ca.map_or(Verdict::Leave("somebody else signs"), Verdict::Sign);
    }
    let group = cluster_group(&request.cluster);
    let agent =
        request.username.starts_with(&format!("{group}:")) || request.groups.contains(&group);
    if !agent {
        return Verdict::Leave("the asker is no agent of the cluster");
    }
    let (common_name, organizations) = match subject(&request.pem) {
        Ok(subject) => subject,
        Err(why) => return Verdict::Leave(why),
    };
    if request.signer == SIGNER_KUBE_CLIENT {
        let (kube_client, _) = super::template::credentials(template);
        if !kube_client {
            return Verdict::Leave("the template has no KubeClient registration");
        }
        let (cluster, addon) = (&request.cluster, &request.addon);
        if !is_default_identity(cluster, addon, &common_name, organizations) {
            return Verdict::Leave("it is not for the add-on's identity");
        }
        return Verdict::Approve;
    }
    if signing_ca.is_none() {
        return Verdict::Leave("the template has no such signer");
    }
    let registrations = addon.status.iter().flat_map(|status| &status.registrations);
    let known = registrations
        .filter(|known| known.signer_name == request.signer)
        .any(|known| {
            known.subject.user == common_name
                && organizations
                    .iter()
                    .all(|o| known.subject.groups.contains(o))
        });
    if known {
        Verdict::Approve
    } else {
        Verdict::Leave("it is not for the registered identity")
    }
}

fn is_default_identity(
    cluster: &str,
    addon: &str,
    user: &str,
    mut groups: BTreeSet<String>,
) -> bool {
    groups.remove(EVERYBODY);
    groups == BTreeSet::from(names::default_groups(cluster, addon))
        && user == names::default_user(cluster, addon)
}

/// Common name and organizations of a request.
fn subject(pem: &[u8]) -> Result<(String, BTreeSet<String>), &'static str> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).map_err(|_| "the request is not PEM")?;
    if pem.label != "CERTIFICATE REQUEST" {
        return Err("the PEM block is no CERTIFICATE REQUEST");
    }
    let (rest, csr) = X509CertificationRequest::from_der(&pem.contents)
        .map_err(|_| "the request cannot be read")?;
    if !rest.is_empty() {
        return Err("the request has bytes after its end");
    }
    let subject = &csr.certification_request_info.subject;
    let organizations = subject
        .iter_organization()
        .map(|organization| organization.as_str().map(ToOwned::to_owned))
        .collect::<Result<_, _>>()
        .map_err(|_| "an organization is no text")?;
    let mut common_names = subject.iter_common_name();
    let (Some(common_name), None) = (common_names.next(), common_names.next()) else {
        return Err("not exactly one common name");
    };
    let common_name = common_name
        .as_str()
        .map_err(|_| "the common name is no text")?;
    Ok((common_name.to_owned(), organizations))
}

/// Looks at one request.
pub(super) async fn reconcile(hub: &Hub, name: &str) -> Result<Next, Failure> {
    let Some(request) = hub.requests.get("", name) else {
        return Ok(Next::OnChange);
    };
    let addon = hub.addons.get(&request.cluster, &request.addon);
    let template = addon.as_deref().and_then(|addon| {
        let offer = hub.offers.get("", &request.addon)?;
        if !super::mca::is_templated(&offer) {
            return None;
        }
        let references = &addon.status.as_ref()?.config_references;
        let mut references = references.iter();
        let reference = references.find(|r| r.resource == names::TEMPLATES)?;
        hub.templates
            .get("", &reference.desired_config.as_ref()?.name)
    });
    let spec = template.as_deref().map(|template| &template.spec);
    let cluster = hub.clusters.get("", &request.cluster);
    match decide(name, &request, cluster.as_deref(), addon.as_deref(), spec) {
        Verdict::Leave(why) => tracing::debug!(request = name, why, "request left alone"),
        Verdict::Approve => approve(hub, name, &request).await?,
        Verdict::Sign(authority) => {
            if let Err(error) = issue(hub, name, &request, &authority).await {
                if let Some(addon) = &addon {
                    tell(hub, addon, &authority, error.as_ref()).await;
                }
                return Err(error);
            }
        }
    }
    Ok(Next::OnChange)
}

async fn approve(hub: &Hub, name: &str, request: &Request) -> Result<(), kube::Error> {
    let api: Api<CertificateSigningRequest> = Api::all(hub.context.client.clone());
    let Some(mut csr) = api.get_opt(name).await? else {
        return Ok(());
    };
    // The verdict was about this very object.
    if csr.uid().as_deref() != Some(request.uid.as_str()) {
        return Ok(());
    }
    let conditions = csr
        .status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default();
    if conditions
        .iter()
        .any(|c| c.type_ == "Approved" || c.type_ == "Denied")
    {
        return Ok(());
    }
    conditions.push(CertificateSigningRequestCondition {
        type_: "Approved".to_owned(),
        status: "True".to_owned(),
        reason: Some(REASON.to_owned()),
        message: Some(MESSAGE.to_owned()),
        last_update_time: Some(conditions::now()),
        last_transition_time: None,
    });
    csr.managed_fields_mut().clear();
    match api
        .replace_subresource("approval", name, &PostParams::default(), &csr)
        .await
    {
        Ok(_) => {
            tracing::info!(request = name, cluster = %request.cluster, addon = %request.addon, "add-on's request approved");
            Ok(())
        }
        Err(error) if apply::is_not_found(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where the key of an authority is.
fn secret_of(authority: &SigningCaRef) -> (&str, &str) {
    let namespace = match authority.namespace.as_str() {
        "" => HUB_NAMESPACE,
        namespace => namespace,
    };
    (namespace, &authority.name)
}

async fn issue(
    hub: &Hub,
    name: &str,
    request: &Request,
    authority: &SigningCaRef,
) -> Result<(), Failure> {
    let client = &hub.context.client;
    let (namespace, secret) = secret_of(authority);
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let data = secrets.get(secret).await?.data.unwrap_or_default();
    let text = |key: &'static str| {
        let bytes = data.get(key).ok_or(sign::SignError::Key(key))?;
        String::from_utf8(bytes.0.clone()).map_err(|_| sign::SignError::Key(key))
    };
    let authority = sign::Authority::read(&text("tls.crt")?, &text("tls.key")?)?;
    let certificate = authority.sign(
        &String::from_utf8_lossy(&request.pem),
        request.expiration,
        jiff::Timestamp::now(),
    )?;
    let api: Api<CertificateSigningRequest> = Api::all(client.clone());
    let patch = json!({
        "metadata": {"uid": request.uid},
        "status": {"certificate": ByteString(certificate.into_bytes())},
    });
    match api
        .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
    {
        Ok(_) => {
            tracing::info!(request = name, cluster = %request.cluster, addon = %request.addon, "add-on's certificate signed");
            Ok(())
        }
        Err(error) if apply::is_not_found(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Tells, once, that an authority cannot be used.
async fn tell(
    hub: &Hub,
    addon: &ManagedClusterAddOn,
    authority: &SigningCaRef,
    error: &(dyn std::error::Error + Send + Sync + 'static),
) {
    let (namespace, secret) = secret_of(authority);
    let note = format!(
        "Certificate requests cannot be signed with Secret {namespace}/{secret} (signingCA): {}. The Secret needs tls.crt and tls.key, and ServiceAccount open-cluster-management/cluster-manager the right to get it.",
        crate::runtime::source_chain(error)
    );
    let uid = addon.uid().unwrap_or_default();
    let new = hub
        .told
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .insert(format!("{uid} {note}"));
    if !new {
        return;
    }
    tracing::warn!(addon = %addon.name_any(), %note, "not signed");
    let name = addon.name_any();
    events::publish(
        &hub.context.client,
        events::Note {
            namespace: &addon.namespace().unwrap_or_default(),
            warning: true,
            reason: "SigningFailed",
            note,
            controller: "addon-csr-controller",
            regarding: [
                "addon.open-cluster-management.io/v1alpha1",
                "ManagedClusterAddOn",
                &name,
                &uid,
            ],
        },
    )
    .await;
}

#[cfg(test)]
#[path = "csr_tests.rs"]
mod tests;
