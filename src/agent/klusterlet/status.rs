//! The status of a Klusterlet, without I/O. How the hub is reached is in
//! `connection`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::bundle::keep::KeepError;
use crate::ocm::conditions::{self, FALSE, TRUE};
use crate::ocm::gates;
use crate::ocm::operator::v1::{
    CONDITION_APPLIED, CONDITION_AVAILABLE, CONDITION_REGISTRATION_DESIRED_DEGRADED,
    CONDITION_WORK_DESIRED_DEGRADED, Klusterlet, KlusterletStatus, RelatedResourceMeta,
};
use crate::runtime::source_chain;

/// What was being applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Definitions,
    Components,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome<'a> {
    Applied,
    Failed(Part, &'a KeepError),
    Refused(&'static str),
}

/// Whether everything was applied.
pub(super) fn is_applied(klusterlet: &Klusterlet) -> bool {
    klusterlet
        .status
        .as_ref()
        .is_some_and(|status| conditions::is_true(&status.conditions, CONDITION_APPLIED))
}

/// The status after an attempt.
pub(super) fn of(
    klusterlet: &Klusterlet,
    outcome: &Outcome<'_>,
    related_resources: Vec<RelatedResourceMeta>,
) -> KlusterletStatus {
    let mut status = klusterlet.status.clone().unwrap_or_default();
    let generation = klusterlet.metadata.generation;
    let mut news = vec![gates::of_klusterlet(&klusterlet.spec), applied(outcome)];
    if matches!(outcome, Outcome::Applied) {
        // Both parts are in the process that writes this.
        news.push(conditions::condition(
            CONDITION_AVAILABLE,
            TRUE,
            "KlusterletAvailable",
            "deployments are ready: klusterlet",
        ));
        for type_ in [
            CONDITION_REGISTRATION_DESIRED_DEGRADED,
            CONDITION_WORK_DESIRED_DEGRADED,
        ] {
            news.push(conditions::condition(
                type_,
                FALSE,
                "DeploymentsFunctional",
                "deployments replicas are desired: 1",
            ));
        }
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
            "KlusterletApplied",
            "Klusterlet Component Applied",
        ),
        Outcome::Failed(Part::Definitions, error) => failed("CRDApplyFailed", source_chain(error)),
        Outcome::Failed(Part::Components, error) => {
            failed("ManagedClusterResourceApplyFailed", source_chain(error))
        }
        Outcome::Refused(why) => failed("KlusterletApplyFailed", (*why).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::BundleError;

    fn klusterlet() -> Klusterlet {
        let mut klusterlet = Klusterlet::named("klusterlet");
        klusterlet.metadata.generation = Some(2);
        klusterlet
    }

    #[test]
    fn applied_says_so_in_every_condition() {
        let mut klusterlet = klusterlet();
        assert!(!is_applied(&klusterlet));
        let status = of(&klusterlet, &Outcome::Applied, Vec::new());
        assert!(conditions::is_true(&status.conditions, CONDITION_AVAILABLE));
        for type_ in ["RegistrationDesiredDegraded", "WorkDesiredDegraded"] {
            assert!(conditions::is_false(&status.conditions, type_));
        }
        assert!(
            status
                .conditions
                .iter()
                .all(|c| c.observed_generation == Some(2))
        );
        klusterlet.status = Some(status.clone());
        assert!(is_applied(&klusterlet));
        assert_eq!(of(&klusterlet, &Outcome::Applied, Vec::new()), status);
    }

    #[test]
    fn failures_have_upstreams_reasons() {
        let error = KeepError::Bundle(BundleError::Mode {
            mode: "x".to_owned(),
        });
        for (outcome, reason) in [
            (Outcome::Failed(Part::Definitions, &error), "CRDApplyFailed"),
            (
                Outcome::Failed(Part::Components, &error),
                "ManagedClusterResourceApplyFailed",
            ),
            (Outcome::Refused("no"), "KlusterletApplyFailed"),
        ] {
            let status = of(&klusterlet(), &outcome, Vec::new());
            let applied = conditions::find(&status.conditions, CONDITION_APPLIED).unwrap();
            assert_eq!(
                (applied.status.as_str(), applied.reason.as_str()),
                (FALSE, reason)
            );
            assert!(conditions::find(&status.conditions, CONDITION_AVAILABLE).is_none());
        }
    }
}
