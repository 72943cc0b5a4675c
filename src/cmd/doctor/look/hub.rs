//! The hub's side.

use std::collections::BTreeMap;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, ListParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::super::facts::{Hub, Right, Seen, Server};
use super::{operator, seen, server, value, warnings, webhooks};
use crate::bundle;
use crate::cmd::resources;
use crate::k8s::client::{Connection, ServerError};
use crate::ocm::names;

/// What the hub shows: of one cluster, or of all.
pub(crate) async fn look(hub: &Connection, cluster: Option<&str>) -> (Server, Hub) {
    let server = server(hub).await;
    if server.version.is_err() {
        return (server, Hub::default());
    }
    let clusters = seen(clusters(hub, cluster).await);
    if !matches!(clusters, Ok(Some(_))) {
        let facts = Hub {
            clusters: Some(clusters),
            ..Hub::default()
        };
        return (server, facts);
    }
    let managers = resources::all(&hub.client, &resources::cluster_manager());
    let mut namespaces = vec![names::OPERATOR_NAMESPACE, names::HUB_NAMESPACE];
    namespaces.extend(cluster);
    let (definitions, operator, custom, events, admission) = tokio::join!(
        definitions(hub),
        operator(hub, names::CLUSTER_MANAGER),
        hub.call_opt(managers.get(names::CLUSTER_MANAGER)),
        warnings(hub, &namespaces),
        admission(hub),
    );
    let (requests, leases, works, addons, webhooks) = tokio::join!(
        requests(hub, cluster),
        leases(hub, cluster),
        of_clusters(hub, resources::manifest_work(), cluster),
        of_clusters(hub, resources::managed_cluster_addon(), cluster),
        webhooks::look(hub, &definitions),
    );
    let accepted = |cluster: &Value| {
        let accepts = cluster.pointer("/spec/hubAcceptsClient");
        accepts == Some(&Value::Bool(true))
    };
    let found = clusters.iter().flatten().flatten();
    let (caller, agent) = tokio::join!(
        async {
            match found.clone().all(accepted) {
                true => Vec::new(),
                false => caller(hub).await,
            }
        },
        async {
            match cluster {
                Some(name) if found.clone().any(accepted) => agent(hub, name).await,
                _ => Vec::new(),
            }
        },
    );
    let facts = Hub {
        clusters: Some(clusters),
        definitions,
        operator,
        custom: Some(seen(custom).map(|found| found.map(|object| value(&object)))),
        webhooks: Some(webhooks),
        admission: Some(admission),
        requests: Some(seen(requests)),
        leases: Some(seen(leases)),
        works: Some(seen(works)),
        addons: Some(seen(addons)),
        events,
        caller,
        agent,
    };
    (server, facts)
}

/// The clusters; none if there are none to be had here.
async fn clusters(
    hub: &Connection,
    cluster: Option<&str>,
) -> Result<Option<Vec<Value>>, ServerError> {
    let api = resources::all(&hub.client, &resources::managed_cluster());
    if let Some(name) = cluster
        && let Some(found) = hub.call_opt(api.get(name)).await?
    {
        return Ok(Some(vec![value(&found)]));
    }
    let params = match cluster {
        // It is not there: is it the cluster or its type?
        Some(name) => ListParams::default().fields(&format!("metadata.name={name}")),
        None => ListParams::default(),
    };
    let found = hub.list_all_opt(&api, &params).await?;
    Ok(found.map(|clusters| clusters.iter().map(value).collect()))
}

async fn definitions(hub: &Connection) -> Vec<(String, Seen<Option<Value>>)> {
    let api: Api<CustomResourceDefinition> = Api::all(hub.client.clone());
    let wanted = bundle::hub_crds().unwrap_or_default();
    let asked = wanted.iter().map(|definition| {
        let (api, name) = (&api, definition.name_any());
        async move {
            let found = seen(hub.call_opt(api.get(&name)).await);
            (name, found.map(|found| found.map(|crd| value(&crd))))
        }
    });
    futures::future::join_all(asked).await
}

/// Signing requests of the cluster itself, not of its add-ons.
async fn requests(
    hub: &Connection,
    cluster: Option<&str>,
) -> Result<Vec<CertificateSigningRequest>, ServerError> {
    let (label, addon) = (names::LABEL_CLUSTER_NAME, names::LABEL_ADDON_NAME);
    let selector = match cluster {
        Some(name) => format!("{label}={name},!{addon}"),
        None => format!("{label},!{addon}"),
    };
    let api: Api<CertificateSigningRequest> = Api::all(hub.client.clone());
    let params = ListParams::default().labels(&selector);
    hub.list_all(&api, &params).await
}

async fn leases(
    hub: &Connection,
    cluster: Option<&str>,
) -> Result<BTreeMap<String, i64>, ServerError> {
    let found = match cluster {
        Some(name) => {
            let api: Api<Lease> = Api::namespaced(hub.client.clone(), name);
            let found = hub.call_opt(api.get(names::CLUSTER_LEASE)).await?;
            found.into_iter().collect()
        }
        None => {
            let api: Api<Lease> = Api::all(hub.client.clone());
            let name = format!("metadata.name={}", names::CLUSTER_LEASE);
            hub.list_all(&api, &ListParams::default().fields(&name))
                .await?
        }
    };
    let renewed = |lease: &Lease| Some(lease.spec.as_ref()?.renew_time.as_ref()?.0.as_second());
    Ok(found
        .iter()
        .filter_map(|lease| Some((lease.namespace()?, renewed(lease)?)))
        .collect())
}

/// Objects in the namespaces of clusters; none where their type is not there,
/// which is told with the definitions.
async fn of_clusters(
    hub: &Connection,
    resource: ApiResource,
    cluster: Option<&str>,
) -> Result<Vec<DynamicObject>, ServerError> {
    let api = match cluster {
        Some(name) => resources::within(&hub.client, &resource, name),
        None => resources::all(&hub.client, &resource),
    };
    let found = hub.list_all_opt(&api, &ListParams::default()).await?;
    Ok(found.unwrap_or_default())
}

/// A ManagedCluster is sent, to be checked and thrown away: whoever is asked
/// before one is written has to answer for that.
async fn admission(hub: &Connection) -> Seen<()> {
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let mut probe = DynamicObject::new("ocmadm-doctor-probe", &resources::managed_cluster());
    probe.data = json!({"spec": {"hubAcceptsClient": false, "leaseDurationSeconds": 60}});
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    seen(hub.call(api.create(&params, &probe)).await).map(|_| ())
}

fn attributes(
    verb: &str,
    (group, resource, subresource): (&str, &str, &str),
    namespace: Option<&str>,
    name: Option<&str>,
) -> ResourceAttributes {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    ResourceAttributes {
        verb: Some(verb.to_owned()),
        group: some(group),
        resource: some(resource),
        subresource: some(subresource),
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
        ..ResourceAttributes::default()
    }
}

/// What accepting a cluster takes.
async fn caller(hub: &Connection) -> Vec<Right> {
    let api: Api<SelfSubjectAccessReview> = Api::all(hub.client.clone());
    let clusters = ("cluster.open-cluster-management.io", "managedclusters", "");
    let accepted = (
        "register.open-cluster-management.io",
        "managedclusters",
        "accept",
    );
    let approval = (
        "certificates.k8s.io",
        "certificatesigningrequests",
        "approval",
    );
    let asked = [
        ("patch managed clusters", "patch", clusters),
        ("accept managed clusters", "update", accepted),
        ("approve signing requests", "update", approval),
    ]
    .map(|(what, verb, of)| {
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes(verb, of, None, None)),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api = &api;
        async move {
            let answer = hub.call(api.create(&PostParams::default(), &review)).await;
            right(what, answer.ok()?.status)
        }
    });
    let answers = futures::future::join_all(asked).await;
    answers.into_iter().flatten().collect()
}

/// What the agent of an accepted cluster has to be allowed.
async fn agent(hub: &Connection, cluster: &str) -> Vec<Right> {
    let api: Api<SubjectAccessReview> = Api::all(hub.client.clone());
    let own = ("cluster.open-cluster-management.io", "managedclusters", "");
    let lease = ("coordination.k8s.io", "leases", "");
    let work = ("work.open-cluster-management.io", "manifestworks", "");
    let report = ("work.open-cluster-management.io", "manifestworks", "status");
    let within = Some(cluster);
    let asked = [
        ("read its ManagedCluster", "get", own, None, within),
        (
            "renew its lease",
            "update",
            lease,
            within,
            Some(names::CLUSTER_LEASE),
        ),
        ("watch its works", "watch", work, within, None),
        ("report on its works", "patch", report, within, None),
    ]
    .map(|(what, verb, of, namespace, name)| {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(names::agent_user(cluster, "doctor")),
                groups: Some(vec![
                    names::cluster_group(cluster),
                    names::GROUP_MANAGED_CLUSTERS.to_owned(),
                    "system:authenticated".to_owned(),
                ]),
                resource_attributes: Some(attributes(verb, of, namespace, name)),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api = &api;
        async move {
            let answer = hub.call(api.create(&PostParams::default(), &review)).await;
            right(what, answer.ok()?.status)
        }
    });
    let answers = futures::future::join_all(asked).await;
    answers.into_iter().flatten().collect()
}

fn right(what: &str, status: Option<SubjectAccessReviewStatus>) -> Option<Right> {
    status.map(|status| Right {
        what: what.to_owned(),
        allowed: status.allowed,
    })
}
