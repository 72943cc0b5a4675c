//! The status of a ClusterManager; without I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::bundle::keep::KeepError;
use crate::ocm::conditions::{self, FALSE, TRUE};
use crate::ocm::gates;
use crate::ocm::operator::v1::{
    CONDITION_APPLIED, CONDITION_HUB_REGISTRATION_DEGRADED, CONDITION_PROGRESSING, ClusterManager,
    ClusterManagerStatus, RelatedResourceMeta,
};
use crate::runtime::source_chain;

/// What was being applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Definitions,
    Hub,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome<'a> {
    Applied,
    Failed(Part, &'a KeepError),
    Refused(&'static str),
}

/// The status after an attempt.
pub(super) fn of(
    manager: &ClusterManager,
    outcome: &Outcome<'_>,
    related_resources: Vec<RelatedResourceMeta>,
) -> ClusterManagerStatus {
    let mut status = manager.status.clone().unwrap_or_default();
    let generation = manager.metadata.generation;
    let mut news = vec![gates::of_cluster_manager(&manager.spec), applied(outcome)];
    if matches!(outcome, Outcome::Applied) {
        news.push(conditions::condition(
            CONDITION_PROGRESSING,
            FALSE,
            "ClusterManagerUpToDate",
            "Components of cluster manager are up to date",
        ));
        // Registration is another controller of this very process.
        news.push(conditions::condition(
            CONDITION_HUB_REGISTRATION_DEGRADED,
            FALSE,
            "RegistrationFunctional",
            "Registration is managing credentials",
        ));
    }
    for mut condition in news {
        condition.observed_generation = generation;
        conditions::set(&mut status.conditions, condition);
    }
    status.observed_generation = generation;
    status.related_resources = related_resources;
    status
}

fn applied(outcome: &Outcome<'_>) -> Condition {
    let failed = |reason: &str, message: String| {
        conditions::condition(CONDITION_APPLIED, FALSE, reason, message)
    };
    match outcome {
        Outcome::Applied => conditions::condition(
            CONDITION_APPLIED,
            TRUE,
            "ClusterManagerApplied",
            "Components of cluster manager are applied",
        ),
        Outcome::Failed(Part::Definitions, error) => failed(
            "CRDApplyFailed",
            format!("Failed to apply crd: {}", source_chain(error)),
        ),
        Outcome::Failed(Part::Hub, error) => failed(
            "HubResourceApplyFailed",
            format!("Failed to apply hub resources: {}", source_chain(error)),
        ),
        Outcome::Refused(why) => failed("HubResourceApplyFailed", (*why).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::BundleError;
    use crate::ocm::operator::v1::CONDITION_VALID_FEATURE_GATES;

    fn manager() -> ClusterManager {
        let mut manager = ClusterManager::named("cluster-manager");
        manager.metadata.generation = Some(3);
        manager
    }

    #[test]
    fn applied_says_so_in_every_condition() {
        let status = of(&manager(), &Outcome::Applied, Vec::new());
        assert_eq!(status.observed_generation, Some(3));
        assert!(conditions::is_true(&status.conditions, CONDITION_APPLIED));
        assert!(conditions::is_true(
            &status.conditions,
            CONDITION_VALID_FEATURE_GATES
        ));
        assert!(conditions::is_false(
            &status.conditions,
            CONDITION_PROGRESSING
        ));
        assert!(conditions::is_false(
            &status.conditions,
            CONDITION_HUB_REGISTRATION_DEGRADED
        ));
        assert!(
            status
                .conditions
                .iter()
                .all(|c| c.observed_generation == Some(3))
        );
    }

    #[test]
    fn the_same_again_is_no_change() {
        let mut manager = manager();
        manager.status = Some(of(&manager, &Outcome::Applied, Vec::new()));
        assert_eq!(
            of(&manager, &Outcome::Applied, Vec::new()),
            manager.status.unwrap()
        );
    }

    #[test]
    fn failures_name_the_part_and_keep_what_was_functional() {
        let error = KeepError::Bundle(BundleError::Mode {
            mode: "x".to_owned(),
        });
        for (part, reason) in [
            (Part::Definitions, "CRDApplyFailed"),
            (Part::Hub, "HubResourceApplyFailed"),
        ] {
            let mut manager = manager();
            manager.status = Some(of(&manager, &Outcome::Applied, Vec::new()));
            let status = of(&manager, &Outcome::Failed(part, &error), Vec::new());
            let applied = conditions::find(&status.conditions, CONDITION_APPLIED).unwrap();
            assert_eq!(
                (applied.status.as_str(), applied.reason.as_str()),
                (FALSE, reason)
            );
            assert!(conditions::is_false(
                &status.conditions,
                CONDITION_PROGRESSING
            ));
        }
    }
}
