//! ManagedClusters: taints are stamped, the default set is named, and only who
//! may accept, join a set or change an agent's cluster does (protocol §9.2,
//! statements 26 to 31).

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::hub::registration::cluster::{rfc3339, unacceptable};
use crate::ocm::names;

use super::access::{World, attributes, may};
use super::{Judge, Refusal, Request, Verdict};

const GROUP: &str = "cluster.open-cluster-management.io";

/// The judge of `managedclustermutators`.
pub(super) struct Mutating(pub(super) Arc<World>);

impl Judge for Mutating {
    fn path(&self) -> &'static str {
        "/mutate-cluster-open-cluster-management-io-v1-managedcluster"
    }

    fn judge<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Verdict, kube::Error>> {
        Box::pin(async move {
            let by_hub = self.0.is_hub(&request.user_info).await;
            let default_set = self.0.settings().await.default_cluster_set;
            let now = rfc3339(Timestamp::now());
            Ok(match mutated(request, default_set, by_hub, &now) {
                Ok(object) => Verdict::Change(object),
                Err(refusal) => Verdict::Refuse(refusal),
            })
        })
    }
}

/// The judge of `managedclustervalidators`.
pub(super) struct Validating(pub(super) Arc<World>);

impl Judge for Validating {
    fn path(&self) -> &'static str {
        "/validate-cluster-open-cluster-management-io-v1-managedcluster"
    }

    fn judge<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Verdict, kube::Error>> {
        Box::pin(async move {
            Ok(match self.refusal(request).await? {
                Some(refusal) => Verdict::Refuse(refusal),
                None => Verdict::Allow,
            })
        })
    }
}

impl Validating {
    async fn refusal(&self, request: &Request) -> Result<Option<Refusal>, kube::Error> {
        if let Some(refusal) = malformed(request) {
            return Ok(Some(refusal));
        }
        let (name, user) = (request.object_name(), &request.user_info);
        if accepts(request) {
            if self.0.is_terminating(name).await? {
                return Ok(Some(Refusal::forbidden(format!(
                    "cluster namespace {name:?} is terminating"
                ))));
            }
            let accept = attributes(
                "update",
                (
                    "register.open-cluster-management.io",
                    "managedclusters",
                    "accept",
                ),
                name,
            );
            if !may(self.0.client(), user, accept).await? {
                return Ok(Some(Refusal::forbidden(format!(
                    "managedclusters/accept.{GROUP} {name:?} is forbidden: user {:?} cannot update the HubAcceptsClient field",
                    user.username
                ))));
            }
            if let Some(reason) = unacceptable(name) {
                return Ok(Some(Refusal::bad(reason)));
            }
        }
        for set in sets_changed(request) {
            let join = attributes("create", (GROUP, "managedclustersets", "join"), set);
            if !may(self.0.client(), user, join).await? {
                return Ok(Some(Refusal::forbidden(format!(
                    "managedclustersets/join.{GROUP} {set:?} is forbidden: user {:?} cannot add/remove a ManagedCluster to/from ManagedClusterSet {set:?}",
                    user.username
                ))));
            }
        }
        if let Some(refusal) = oversteps(request) {
            return Ok(Some(refusal));
        }
        self.brings(request).await
    }

    /// Stricter than upstream: whoever may create clusters but not change them
    /// (a bootstrap credential) asks for a bare one. Labels and taints decide
    /// which placements choose it, and acceptance is about its name.
    async fn brings(&self, request: &Request) -> Result<Option<Refusal>, kube::Error> {
        let fields = if request.creates() {
            changed(request)
        } else {
            Vec::new()
        };
        if fields.is_empty() {
            return Ok(None);
        }
        let (name, user) = (request.object_name(), &request.user_info);
        for verb in ["update", "patch"] {
            let change = attributes(verb, (GROUP, "managedclusters", ""), name);
            if may(self.0.client(), user, change).await? {
                return Ok(None);
            }
        }
        Ok(Some(Refusal::forbidden(format!(
            "managedclusters.{GROUP} {name:?} is forbidden: user {:?} may create a cluster but not change one, so it comes without {}; an administrator of the hub can add what is missing",
            user.username,
            fields.join(", ")
        ))))
    }
}

/// The cluster with its taints stamped and in a set. The hub stamps its own.
fn mutated(
    request: &Request,
    default_set: bool,
    by_hub: bool,
    now: &str,
) -> Result<Value, Refusal> {
    let mut object = request.object.clone();
    if let Some(taints) = object
        .pointer_mut("/spec/taints")
        .and_then(Value::as_array_mut)
    {
        let old = request.old_object["spec"]["taints"].as_array();
        let mut refused = Vec::new();
        // What is no taint the schema will refuse.
        for taint in taints.iter_mut().filter(|taint| taint.is_object()) {
            let before = old.into_iter().flatten().find(|o| o["key"] == taint["key"]);
            let same = |o: &&Value| o["value"] == taint["value"] && o["effect"] == taint["effect"];
            if request.creates() || (by_hub && taint["timeAdded"].is_null()) {
                taint["timeAdded"] = now.into();
            } else if by_hub {
            } else if let Some(before) = before.filter(same) {
                if before["timeAdded"] != taint["timeAdded"] {
                    refused.push(taint["key"].as_str().unwrap_or_default());
                }
            } else if taint["timeAdded"].is_null() {
                taint["timeAdded"] = now.into();
            } else {
                refused.push(taint["key"].as_str().unwrap_or_default());
            }
        }
        if !refused.is_empty() {
            return Err(Refusal::bad(format!(
                "It is not allowed to set TimeAdded of Taint {:?}.",
                refused.join(",")
            )));
        }
    }
    sign(request, &mut object);
    if default_set && let Some(metadata) = object["metadata"].as_object_mut() {
        let labels = entry(metadata, "labels");
        let set = labels[names::LABEL_CLUSTER_SET].as_str();
        if set.is_none_or(str::is_empty) {
            labels[names::LABEL_CLUSTER_SET] = names::DEFAULT_CLUSTER_SET.into();
        }
    }
    Ok(object)
}

/// A map of the metadata, made if there is none.
fn entry<'a>(metadata: &'a mut serde_json::Map<String, Value>, key: &str) -> &'a mut Value {
    let map = metadata.entry(key).or_insert_with(|| json!({}));
    if !map.is_object() {
        *map = json!({});
    }
    map
}

/// Notes who created the cluster, so that nobody can say otherwise.
fn sign(request: &Request, object: &mut Value) {
    let key = names::ANNOTATION_CREATED_BY;
    let signature = if request.creates() {
        Value::from(request.user_info.username.as_str())
    } else {
        request.old_object["metadata"]["annotations"][key].clone()
    };
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    if signature.is_null() {
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.remove(key);
        }
    } else {
        let annotations = entry(metadata, "annotations");
        annotations[key] = signature;
    }
}

/// What is wrong with the object, whoever writes it. Looked at when it changes,
/// so that what was there before the webhooks can still be written.
fn malformed(request: &Request) -> Option<Refusal> {
    let mut problems = Vec::new();
    let name = request.object_name();
    if request.creates() {
        if names::cluster_group(name) == names::GROUP_MANAGED_CLUSTERS {
            return unacceptable(name).map(Refusal::bad);
        }
        if !is_label(name) {
            problems.push(format!(
                "metadata.name format is not correct: {name:?} is no DNS-1123 label: lower-case letters, digits and '-', at most 63, a letter or digit first and last"
            ));
        }
    }
    let configs = &request.object["spec"]["managedClusterClientConfigs"];
    if *configs != request.old_object["spec"]["managedClusterClientConfigs"] {
        for config in configs.as_array().into_iter().flatten() {
            let url = config["url"].as_str().unwrap_or_default();
            let https = url
                .parse::<http::Uri>()
                .is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
            if !https {
                problems.push(format!("url {url:?} is invalid in client configs"));
            }
        }
    }
    (!problems.is_empty()).then(|| Refusal::bad(problems.join("\n")))
}

fn is_label(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether the write accepts the cluster. The opposite needs no permission.
fn accepts(request: &Request) -> bool {
    request.object["spec"]["hubAcceptsClient"] == true
        && request.old_object["spec"]["hubAcceptsClient"] != true
}

/// The sets that the cluster leaves and enters.
fn sets_changed(request: &Request) -> Vec<&str> {
    let set = |object: &'_ Value| -> Option<String> {
        let set = object["metadata"]["labels"][names::LABEL_CLUSTER_SET].as_str()?;
        (!set.is_empty()).then(|| set.to_owned())
    };
    if set(&request.old_object) == set(&request.object) {
        return Vec::new();
    }
    [&request.old_object, &request.object]
        .into_iter()
        .filter_map(|object| object["metadata"]["labels"][names::LABEL_CLUSTER_SET].as_str())
        .filter(|set| !set.is_empty())
        .collect()
}

/// The lease duration of a cluster that names none, by its definition.
const LEASE_DURATION: i64 = 60;

/// What of a cluster is a matter of its administrators, and differs: all but
/// the client configs, an agent's annotations, and what is judged elsewhere
/// (acceptance, the set when it is new, the hub's signature).
fn changed(request: &Request) -> Vec<&'static str> {
    let (old, new, creates) = (&request.old_object, &request.object, request.creates());
    let map = |object: &Value, path: &str, theirs: fn(&str) -> bool| -> Vec<(String, Value)> {
        let all = object.pointer(path).and_then(Value::as_object);
        all.into_iter()
            .flatten()
            .filter(|(key, _)| !theirs(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let labels = |object: &Value| {
        // A new one names the set it joins, which is asked about.
        map(object, "/metadata/labels", |_| false)
            .into_iter()
            .filter(|(key, _)| !(creates && key == names::LABEL_CLUSTER_SET))
            .collect::<Vec<_>>()
    };
    let annotations = |object: &Value| {
        map(object, "/metadata/annotations", |key| {
            key.starts_with(names::ANNOTATION_AGENT_PREFIX) || key == names::ANNOTATION_CREATED_BY
        })
    };
    let list = |object: &Value, path: &str| match object.pointer(path) {
        Some(Value::Array(list)) => list.clone(),
        _ => Vec::new(),
    };
    let lists = |path: &str| list(old, path) != list(new, path);
    let lease = |object: &Value| {
        let duration = object["spec"]["leaseDurationSeconds"].as_i64();
        duration.unwrap_or(LEASE_DURATION)
    };
    [
        ("labels", labels(old) != labels(new)),
        ("annotations", annotations(old) != annotations(new)),
        ("finalizers", lists("/metadata/finalizers")),
        ("owners", lists("/metadata/ownerReferences")),
        ("taints", lists("/spec/taints")),
        ("lease duration", lease(old) != lease(new)),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect()
}

/// Stricter than upstream: agents have `update` on their cluster (old ones
/// complete its client configs), but what places, taints and frees it is not
/// theirs to change.
fn oversteps(request: &Request) -> Option<Refusal> {
    let name = request.object_name();
    let agents = names::agent_groups(name);
    let groups = &request.user_info.groups;
    if request.creates() || !groups.iter().any(|group| agents.contains(group)) {
        return None;
    }
    let fields = changed(request);
    (!fields.is_empty()).then(|| {
        Refusal::forbidden(format!(
            "managedclusters.{GROUP} {name:?} is forbidden: user {:?} is an agent of this cluster and cannot change its {}; an administrator of the hub can",
            request.user_info.username,
            fields.join(", ")
        ))
    })
}

#[cfg(test)]
#[path = "clusters_tests.rs"]
mod tests;
