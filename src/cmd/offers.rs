//! The add-ons that a hub offers, and how far they are rolled out, in plain words.

use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::cmd::resources;
use crate::k8s::client::Connection;

/// The ClusterManagementAddOns of these names. None where they cannot be listed:
/// they are told beside installations, which matter more.
pub async fn named(hub: &Connection, names: &[String]) -> Vec<DynamicObject> {
    if names.is_empty() {
        return Vec::new();
    }
    let api = resources::all(&hub.client, &resources::cluster_management_addon());
    match hub.call(api.list(&ListParams::default())).await {
        Ok(list) => {
            let mut offers = list.items;
            offers.retain(|offer| names.contains(&offer.name_any()));
            offers
        }
        Err(error) => {
            tracing::debug!(%error, "the hub's add-ons cannot be listed");
            Vec::new()
        }
    }
}

/// The placements that say where an add-on is installed, as namespace and name;
/// none for one that is installed by hand.
#[must_use]
pub fn placements(offer: &DynamicObject) -> Vec<(String, String)> {
    let strategy = &offer.data["spec"]["installStrategy"];
    if strategy["type"] != "Placements" {
        return Vec::new();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    strategy["placements"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|placement| (text(&placement["namespace"]), text(&placement["name"])))
        .collect()
}

/// The same for people, as `default/p, default/q`; `None` for one that is
/// installed by hand.
#[must_use]
pub fn placed(offer: &DynamicObject) -> Option<String> {
    let placements: Vec<String> = placements(offer)
        .into_iter()
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect();
    (!placements.is_empty()).then(|| placements.join(", "))
}

/// A line for each placement: how far the add-on's configuration has reached the
/// clusters it chooses.
#[must_use]
pub fn lines(offer: &DynamicObject) -> Vec<String> {
    let name = offer.name_any();
    let progressions = offer.data["status"]["installProgressions"].as_array();
    let line = |(namespace, placement): (String, String)| {
        let progression = progressions.into_iter().flatten().find(|progression| {
            progression["namespace"] == *namespace && progression["name"] == *placement
        });
        let condition =
            progression.and_then(|found| resources::find_condition(found, "Progressing"));
        let state = match condition {
            None => "the hub has not looked at it yet".to_owned(),
            Some(condition) => {
                let of = |key: &str| condition[key].as_str().unwrap_or_default();
                format!("{}: {}", of("reason"), of("message"))
            }
        };
        format!("Add-on {name} by placement {namespace}/{placement}: {state}")
    };
    placements(offer).into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_placement_has_a_line() {
        let offer = |kind: &str| -> DynamicObject {
            serde_json::from_value(json!({
                "metadata": {"name": "a"},
                "spec": {"installStrategy": {"type": kind, "placements": [
                    {"namespace": "n", "name": "p"}, {"namespace": "n", "name": "q"}]}},
                "status": {"installProgressions": [{"namespace": "n", "name": "q", "conditions": [
                    {"type": "Progressing", "status": "True", "reason": "Progressing",
                     "message": "1 of 2"}]}]},
            }))
            .unwrap()
        };
        assert_eq!(
            lines(&offer("Placements")),
            [
                "Add-on a by placement n/p: the hub has not looked at it yet",
                "Add-on a by placement n/q: Progressing: 1 of 2",
            ]
        );
        assert_eq!(lines(&offer("Manual")), [""; 0]);
    }
}
