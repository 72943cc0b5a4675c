//! `serviceaccounts/<name>/token`: tokens on request.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Question;
use super::{text, timestamp};
use crate::api::GroupResource;
use crate::authn::Authenticator;
use crate::pki::{Bound, Claims, ISSUER};
use crate::registry::View;
use crate::schema::cause;
use crate::status::Status;

const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;
const USUAL: i64 = 3600;

/// Issues a token; the status of the answer. Fills in the spec's defaults.
pub(super) fn request(
    view: &dyn View,
    authenticator: &Authenticator,
    question: &Question<'_>,
    body: &mut Value,
) -> Result<Value, Status> {
    let (namespace, name) = (question.namespace, question.name);
    let kind = text(question.body, "/kind");
    if !matches!(kind, "" | "TokenRequest") {
        let version = text(question.body, "/apiVersion");
        let short = version.rsplit('/').next().unwrap_or_default();
        return Err(Status::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a TokenRequest: converting ({short}.{kind}) to (authentication.TokenRequest): unknown conversion"
        )));
    }
    let accounts = GroupResource::new("", "serviceaccounts");
    super::namespaces::living(view, &accounts, namespace, name)?;
    let account = view
        .read(&accounts, namespace, name)
        .ok_or_else(|| Status::not_found(&accounts, name))?;
    let spec = &mut body["spec"];
    let mut audiences = Vec::<String>::deserialize(&spec["audiences"]).unwrap_or_default();
    if audiences.is_empty() {
        audiences.push(ISSUER.to_owned());
        spec["audiences"] = json!(audiences);
    }
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(USUAL);
    spec["expirationSeconds"] = json!(seconds);
    let why = match seconds {
        ..SHORTEST => "may not specify a duration less than 10 minutes",
        SHORTEST..=LONGEST => "",
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    if !why.is_empty() {
        let field = "spec.expirationSeconds";
        let cause = cause::invalid(field, &json!(seconds), why);
        let mut gvk = question.resource.gvk.clone();
        "authentication.k8s.io".clone_into(&mut gvk.group);
        "TokenRequest".clone_into(&mut gvk.kind);
        return Err(Status::invalid(&gvk, "", vec![cause]));
    }
    let mut claims = Claims {
        namespace: namespace.to_owned(),
        account: Bound {
            name: name.to_owned(),
            uid: text(&account, "/metadata/uid").to_owned(),
        },
        audiences,
        ..Claims::default()
    };
    if spec["boundObjectRef"].is_object() {
        bind(view, &mut claims, &spec["boundObjectRef"])?;
    }
    let (token, expires) = authenticator
        .keys()
        .issue(&claims, seconds)
        .map_err(Status::internal)?;
    body["metadata"]["name"] = json!(name);
    body["metadata"]["namespace"] = json!(namespace);
    Ok(json!({"token": token, "expirationTimestamp": timestamp(expires)}))
}

/// Ties the token to a pod, a secret or a node that is there.
fn bind(view: &dyn View, claims: &mut Claims, reference: &Value) -> Result<(), Status> {
    let (kind, version) = (text(reference, "/kind"), text(reference, "/apiVersion"));
    let (resource, namespace) = match (version, kind) {
        ("v1", "Pod") => ("pods", claims.namespace.as_str()),
        ("v1", "Secret") => ("secrets", claims.namespace.as_str()),
        ("v1", "Node") => ("nodes", ""),
        _ => {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            return Err(Status::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={kind}"
            )));
        }
    };
    let gr = GroupResource::new("", resource);
    let name = text(reference, "/name");
    let object = view
        .read(&gr, namespace, name)
        .ok_or_else(|| Status::not_found(&gr, name))?;
    let uid = text(&object, "/metadata/uid").to_owned();
    let wanted = text(reference, "/uid");
    if !wanted.is_empty() && wanted != uid {
        let why = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(&GroupResource::new("", kind), name, &why));
    }
    let bound = Bound {
        name: name.to_owned(),
        uid,
    };
    match resource {
        "pods" => {
            let account = text(&object, "/spec/serviceAccountName");
            if account != claims.account.name {
                return Err(Status::bad_request(format!(
                    "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
                    claims.account.name
                )));
            }
            let node = text(&object, "/spec/nodeName");
            if !node.is_empty() {
                let found = view.read(&GroupResource::new("", "nodes"), "", node);
                claims.node = Some(Bound {
                    name: node.to_owned(),
                    uid: found.map_or(String::new(), |node| {
                        text(&node, "/metadata/uid").to_owned()
                    }),
                });
            }
            claims.pod = Some(bound);
        }
        "secrets" => claims.secret = Some(bound),
        _ => claims.node = Some(bound),
    }
    Ok(())
}
