//! Whom the hub's API server asks before it writes our objects or converts them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::super::facts::{Endpoints, Seen, Webhook};
use super::{seen, value};
use crate::k8s::client::Connection;

/// The group of our types ends in this.
const OUR_GROUPS: &str = "open-cluster-management.io";

/// All of ours: of admission, and of the definitions' conversions.
pub(super) async fn look(
    hub: &Connection,
    definitions: &[(String, Seen<Option<Value>>)],
) -> Seen<Vec<Webhook>> {
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(hub.client.clone());
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(hub.client.clone());
    let all = ListParams::default();
    let (validating, mutating) = tokio::join!(
        hub.call(validating.list(&all)),
        hub.call(mutating.list(&all)),
    );
    let mut found = Vec::new();
    for configuration in seen(validating)?.items {
        found.extend(ours(&configuration.name_any(), &value(&configuration)));
    }
    for configuration in seen(mutating)?.items {
        found.extend(ours(&configuration.name_any(), &value(&configuration)));
    }
    for (name, definition) in definitions {
        if let Ok(Some(definition)) = definition
            && let Some(client) = definition.pointer("/spec/conversion/webhook/clientConfig")
        {
            found.push((format!("conversion of {name}"), client.clone()));
        }
    }
    let mut services: BTreeMap<(String, String), ()> = BTreeMap::new();
    for (_, client) in &found {
        services.extend(service(client).map(|service| (service, ())));
    }
    let asked = services.into_keys().map(|service| async {
        let state = endpoints(hub, &service.0, &service.1).await;
        (service, state)
    });
    let states = futures::future::join_all(asked).await;
    let webhook = |(name, client): (String, Value)| {
        let ca = client["caBundle"].as_str();
        let service = service(&client);
        let state = states.iter().find(|(of, _)| Some(of) == service.as_ref());
        Webhook {
            name,
            ca: ca.and_then(|text| STANDARD.decode(text).ok()),
            service: state.map(|((namespace, name), ready)| {
                let state = match ready {
                    None => Endpoints::NoService,
                    Some(None) => Endpoints::Unknown,
                    Some(Some(ready)) => Endpoints::Ready(*ready),
                };
                (format!("{namespace}/{name}"), state)
            }),
        }
    };
    Ok(found.into_iter().map(webhook).collect())
}

/// The webhooks of a configuration that are about our types.
fn ours(configuration: &str, value: &Value) -> Vec<(String, Value)> {
    let webhooks = value["webhooks"].as_array().into_iter().flatten();
    webhooks
        .filter(|webhook| {
            let rules = webhook["rules"].as_array().into_iter().flatten();
            let groups = rules.flat_map(|rule| rule["apiGroups"].as_array().into_iter().flatten());
            groups
                .filter_map(Value::as_str)
                .any(|group| group.ends_with(OUR_GROUPS))
        })
        .map(|webhook| (configuration.to_owned(), webhook["clientConfig"].clone()))
        .collect()
}

fn service(client: &Value) -> Option<(String, String)> {
    let service = &client["service"];
    Some((
        service["namespace"].as_str()?.to_owned(),
        service["name"].as_str()?.to_owned(),
    ))
}

/// How many endpoints of a Service are ready; nothing if there is no Service,
/// nothing within if nobody says.
async fn endpoints(hub: &Connection, namespace: &str, name: &str) -> Option<Option<usize>> {
    let services: Api<Service> = Api::namespaced(hub.client.clone(), namespace);
    match hub.call_opt(services.get(name)).await {
        Ok(None) => return None,
        Ok(Some(_)) => {}
        Err(_) => return Some(None),
    }
    let slices: Api<EndpointSlice> = Api::namespaced(hub.client.clone(), namespace);
    let params = ListParams::default().labels(&format!("kubernetes.io/service-name={name}"));
    let Ok(slices) = hub.call(slices.list(&params)).await else {
        return Some(None);
    };
    if slices.items.is_empty() {
        return Some(None);
    }
    let ready = slices
        .iter()
        .flat_map(|slice| slice.endpoints.iter().flatten());
    let ready = ready.filter(|endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.and_then(|c| c.ready).unwrap_or(true)
    });
    Some(Some(ready.count()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn webhooks_of_others_are_none_of_ours() {
        let of =
            |group: &str| json!({"clientConfig": {"url": "u"}, "rules": [{"apiGroups": [group]}]});
        let value = json!({"webhooks": [of("apps"), of("work.open-cluster-management.io")]});
        let found = ours("w", &value);
        assert_eq!(found, [("w".to_owned(), json!({"url": "u"}))]);
        assert_eq!(service(&found[0].1), None);
    }
}
