//! Feature gates: which there are, and which a spec names.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::conditions::{self, FALSE, TRUE};
use super::operator::v1::{
    CONDITION_VALID_FEATURE_GATES, ClusterManagerSpec, FeatureGate, FeatureGateMode, KlusterletSpec,
};

/// A gate and whether it is on when nothing is said.
pub type Known = (&'static str, bool);

/// Gates of the hub's registration.
pub const HUB_REGISTRATION: &[Known] = &[
    ("DefaultClusterSet", true),
    ("ResourceCleanup", true),
    ("V1beta1CSRAPICompatibility", false),
    ("ManagedClusterAutoApproval", false),
    ("ClusterProfile", false),
    ("ClusterImporter", false),
];
/// Gates of the hub's work components.
pub const HUB_WORK: &[Known] = &[
    ("NilExecutorValidating", false),
    ("ManifestWorkReplicaSet", false),
    ("CloudEventsDrivers", false),
    ("CleanUpCompletedManifestWork", false),
];
/// Gates of the hub's add-on manager.
pub const HUB_ADDON: &[Known] = &[("AddonManagement", true)];
/// Gates of the hub's placement.
pub const HUB_PLACEMENT: &[Known] = &[
    ("SIGPlacementDecision", false),
    ("PlacementDebugServer", false),
];
/// Gates of the agent's registration.
pub const AGENT_REGISTRATION: &[Known] = &[
    ("ClusterClaim", true),
    ("AddonManagement", true),
    ("ClusterProperty", false),
    ("V1beta1CSRAPICompatibility", false),
    ("MultipleHubs", false),
];
/// Gates of the agent's work part.
pub const AGENT_WORK: &[Known] = &[
    ("ExecutorValidatingCaches", false),
    ("RawFeedbackJsonString", false),
];

/// Gates that native components know and have nothing behind;
/// why, for each.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "V1beta1CSRAPICompatibility",
        "certificates.k8s.io/v1 is used, which every Kubernetes since 1.19 serves",
    ),
    (
        "CloudEventsDrivers",
        "works reach the agents by the hub's API only",
    ),
    (
        "SIGPlacementDecision",
        "decisions are written in OCM's own API group only",
    ),
    (
        "PlacementDebugServer",
        "use \"ocmadm get placements NAME --explain\"",
    ),
];

/// Gates that are past their first stage; all others are alpha.
const BETA: &[&str] = &["AddonManagement", "ClusterClaim", "ResourceCleanup"];

/// Whether a gate is beta; else it is alpha.
#[must_use]
pub fn is_beta(name: &str) -> bool {
    BETA.contains(&name)
}

/// Whether a gate is on: as the list says, else as is known.
pub fn enabled(known: &[Known], gates: &[FeatureGate], name: &str) -> bool {
    gates
        .iter()
        .rev()
        .find(|gate| gate.feature == name)
        .map_or_else(
            || known.iter().any(|&(gate, on)| gate == name && on),
            |gate| gate.mode == FeatureGateMode::Enable,
        )
}

/// One part: its name, the gates it has, and what is said of them.
type Part<'a> = (&'static str, &'static [Known], &'a [FeatureGate]);

fn hub_parts(spec: &ClusterManagerSpec) -> [Part<'_>; 4] {
    let registration = spec.registration_configuration.as_ref();
    let work = spec.work_configuration.as_ref();
    let placement = spec.placement_configuration.as_ref();
    let addons = spec.addon_manager_configuration.as_ref();
    [
        (
            "Registration",
            HUB_REGISTRATION,
            registration.map_or(&[], |c| &c.feature_gates),
        ),
        ("Work", HUB_WORK, work.map_or(&[], |c| &c.feature_gates)),
        ("AddOn", HUB_ADDON, addons.map_or(&[], |c| &c.feature_gates)),
        (
            "Placement",
            HUB_PLACEMENT,
            placement.map_or(&[], |c| &c.feature_gates),
        ),
    ]
}

fn agent_parts(spec: &KlusterletSpec) -> [Part<'_>; 2] {
    let registration = spec.registration_configuration.as_ref();
    let work = spec.work_configuration.as_ref();
    [
        (
            "Registration",
            AGENT_REGISTRATION,
            registration.map_or(&[], |c| &c.feature_gates),
        ),
        ("Work", AGENT_WORK, work.map_or(&[], |c| &c.feature_gates)),
    ]
}

/// The condition about a ClusterManager's gates.
pub fn of_cluster_manager(spec: &ClusterManagerSpec) -> Condition {
    condition(&hub_parts(spec))
}

/// The condition about a Klusterlet's gates.
pub fn of_klusterlet(spec: &KlusterletSpec) -> Condition {
    condition(&agent_parts(spec))
}

/// Gates that are on and have nothing behind them in a native hub, in a sentence
/// each.
pub fn idle_on_hub(spec: &ClusterManagerSpec) -> Vec<String> {
    idle(&hub_parts(spec))
}

/// Gates that are on and have nothing behind them in a native agent, in a
/// sentence each.
pub fn idle_on_agent(spec: &KlusterletSpec) -> Vec<String> {
    idle(&agent_parts(spec))
}

fn idle(parts: &[Part<'_>]) -> Vec<String> {
    let mut told = Vec::new();
    for (_, known, gates) in parts {
        for (name, why) in WITHOUT_EFFECT {
            if enabled(known, gates, name) && known.iter().any(|(gate, _)| gate == name) {
                told.push(format!("{name} has no effect: {why}"));
            }
        }
    }
    told
}

fn condition(components: &[Part<'_>]) -> Condition {
    let mut invalid = Vec::new();
    for (component, known, gates) in components {
        let unknown: Vec<&str> = gates
            .iter()
            .map(|gate| gate.feature.as_str())
            .filter(|name| !known.iter().any(|(gate, _)| gate == name))
            .collect();
        if !unknown.is_empty() {
            invalid.push(format!("{component}: [{}]", unknown.join(" ")));
        }
    }
    let mut problems = Vec::new();
    if !invalid.is_empty() {
        problems.push(format!(
            "There are some invalid feature gates of [{}], will process them with default values",
            invalid.join(", ")
        ));
    }
    problems.extend(idle(components));
    if problems.is_empty() {
        return conditions::condition(
            CONDITION_VALID_FEATURE_GATES,
            TRUE,
            "FeatureGatesAllValid",
            "Feature gates are all valid",
        );
    }
    conditions::condition(
        CONDITION_VALID_FEATURE_GATES,
        FALSE,
        "InvalidFeatureGatesExisting",
        problems.join("; "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocm::operator::v1::{
        RegistrationHubConfiguration, WorkAgentConfiguration, WorkHubConfiguration,
    };

    fn gate(feature: &str, mode: FeatureGateMode) -> FeatureGate {
        FeatureGate {
            feature: feature.to_owned(),
            mode,
        }
    }

    #[test]
    fn operator_07_unknown_gates_are_named_by_component() {
        let mut spec = ClusterManagerSpec::default();
        assert_eq!(of_cluster_manager(&spec).status, TRUE);
        spec.registration_configuration = Some(RegistrationHubConfiguration {
            feature_gates: vec![
                gate("DefaultClusterSet", FeatureGateMode::Enable),
                gate("Foo", FeatureGateMode::Enable),
            ],
            ..Default::default()
        });
        let condition = of_cluster_manager(&spec);
        assert_eq!(condition.status, FALSE);
        assert_eq!(condition.reason, "InvalidFeatureGatesExisting");
        assert!(
            condition.message.contains("Registration: [Foo]"),
            "{}",
            condition.message
        );
    }

    #[test]
    fn gates_without_effect_are_told_of_when_they_are_on() {
        let with = |mode| {
            let gates = ["V1beta1CSRAPICompatibility"];
            of_cluster_manager(&ClusterManagerSpec {
                registration_configuration: Some(RegistrationHubConfiguration {
                    feature_gates: gates.map(|name| gate(name, mode)).to_vec(),
                    ..Default::default()
                }),
                work_configuration: Some(WorkHubConfiguration {
                    feature_gates: vec![gate("CloudEventsDrivers", mode)],
                    ..Default::default()
                }),
                ..Default::default()
            })
        };
        assert_eq!(with(FeatureGateMode::Disable).status, TRUE);
        let condition = with(FeatureGateMode::Enable);
        assert_eq!(condition.status, FALSE);
        for name in ["V1beta1CSR", "CloudEvents"] {
            assert!(condition.message.contains(name), "{}", condition.message);
        }
        assert!(!condition.message.contains("invalid"), "all are known");
    }

    #[test]
    fn a_gate_of_another_component_is_unknown() {
        let spec = KlusterletSpec {
            work_configuration: Some(WorkAgentConfiguration {
                feature_gates: vec![gate("ClusterClaim", FeatureGateMode::Disable)],
                ..Default::default()
            }),
            ..Default::default()
        };
        assert!(
            of_klusterlet(&spec)
                .message
                .contains("Work: [ClusterClaim]")
        );
    }

    #[test]
    fn what_is_said_goes_before_what_is_known() {
        let off = [gate("ClusterClaim", FeatureGateMode::Disable)];
        assert!(enabled(AGENT_REGISTRATION, &[], "ClusterClaim"));
        assert!(!enabled(AGENT_REGISTRATION, &off, "ClusterClaim"));
        assert!(!enabled(AGENT_REGISTRATION, &[], "MultipleHubs"));
        assert!(!enabled(AGENT_REGISTRATION, &[], "Nonsense"));
    }
}
