//! Expressions that cost much hold up nobody else.

use super::super::cel::Question;
use super::*;

/// Some 500,000 steps: within the budget of an expression, but not cheap.
const DEAR: &str = "managedCluster.metadata.name != 'c2' && \
    [0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, \
    [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9].all(d, a + b + c + d >= 0))))";

fn questions(bed: &Bed, name: &str) -> Vec<Question> {
    bed.world.questions(&key(name))
}

fn answered(bed: &mut Bed, name: &str) -> usize {
    let mut count = 0;
    loop {
        let asked = questions(bed, name);
        if asked.is_empty() {
            return count;
        }
        count += asked.len();
        bed.world.learn(asked.into_iter().map(Question::answer));
    }
}

fn bed() -> Bed {
    let mut bed = Bed::new();
    bed.clusters(&["c1", "c2", "c3"]);
    bed.placement("dear", cel(&[DEAR]));
    bed.placement("cheap", cel(&["managedCluster.metadata.name != 'c3'"]));
    bed
}

#[test]
fn placement_15_answered_questions_are_not_evaluated_again() {
    let mut bed = bed();
    assert_eq!(answered(&mut bed, "dear"), 3);
    let evaluations = bed.world.evaluations();
    assert_eq!(names(&bed.schedule("dear")), ["c1", "c3"]);
    assert_eq!(bed.world.evaluations(), evaluations);
    assert!(questions(&bed, "dear").is_empty());
}

#[test]
fn placement_15_a_change_of_a_cluster_evaluates_only_what_is_cheap() {
    let mut bed = bed();
    for name in ["dear", "cheap"] {
        answered(&mut bed, name);
        bed.schedule(name);
    }
    bed.world.take_dirty();
    let evaluations = bed.world.evaluations();
    bed.cluster("c1", labels(json!({"a": "b"})));
    // The cheap one was looked at, and nothing changed for it.
    assert_eq!(bed.world.evaluations(), evaluations + 1);
    let dirty: Vec<Key> = bed.world.take_dirty().into_iter().collect();
    assert_eq!(dirty, [key("dear")]);
    assert_eq!(answered(&mut bed, "dear"), 1);
    assert_eq!(names(&bed.schedule("dear")), ["c1", "c3"]);
}

#[test]
fn placement_15_many_cheap_expressions_together_are_put_off_too() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    // Each about a thousand steps.
    for number in 0..200 {
        let name = format!("p{number}");
        let text = format!(
            "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, a + b != {}))",
            number + 100
        );
        bed.placement(&name, cel(&[&text]));
        answered(&mut bed, &name);
        assert_eq!(bed.schedule(&name).selected, 1);
    }
    bed.world.take_dirty();
    let evaluations = bed.world.evaluations();
    bed.cluster("c1", labels(json!({"a": "b"})));
    let now = bed.world.evaluations() - evaluations;
    let later = bed.world.take_dirty().len();
    assert!(now > 0 && now < 200, "{now} were evaluated at once");
    assert_eq!(u64::try_from(later).unwrap() + now, 200);
}

#[test]
fn placement_15_what_is_stale_is_asked_again() {
    let mut bed = bed();
    let old = questions(&bed, "dear");
    bed.cluster("c1", labels(json!({"a": "b"})));
    bed.world.learn(old.into_iter().map(Question::answer));
    assert_eq!(answered(&mut bed, "dear"), 1);
}

#[test]
fn placement_15_disabled_or_wrong_placements_ask_nothing() {
    let mut bed = bed();
    bed.placement("wrong", cel(&["managedCluster."]));
    assert!(questions(&bed, "wrong").is_empty());
    bed.placement_with(
        "off",
        json!({"metadata": {"annotations": {
            "cluster.open-cluster-management.io/experimental-scheduling-disable": "true"}},
            "spec": cel(&[DEAR])}),
    );
    assert!(questions(&bed, "off").is_empty());
}
