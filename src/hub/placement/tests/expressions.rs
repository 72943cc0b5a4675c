//! Statement 15: CEL expressions of placements.

use super::*;

#[test]
fn placement_15_wrong_expressions_misconfigure_and_failing_ones_do_not_match() {
    let mut bed = Bed::new();
    bed.cluster("c1", labels(json!({"version": "v1.30.0"})));
    for wrong in [
        "managedCluster.metadata.name ==",
        "nothing.name == 'c1'",
        "frobnicate('c1')",
        "Kind{a: 1} == 1",
    ] {
        bed.placement("p", cel(&[wrong]));
        let outcome = bed.schedule("p");
        let message = outcome.misconfigured.expect(wrong);
        assert!(
            message.starts_with("Predicate:compilation failed:"),
            "{message}"
        );
        assert_eq!(outcome.selected, 0);
    }
    for unmatched in [
        "managedCluster.metadata.none == 'x'",
        "managedCluster.metadata.name",
        "1 / 0 == 1",
        "managedCluster.scores('none').size() > 0",
    ] {
        bed.placement("p", cel(&[unmatched]));
        let outcome = bed.schedule("p");
        assert_eq!(
            (outcome.misconfigured, outcome.selected),
            (None, 0),
            "{unmatched}"
        );
    }
    for matched in [
        "managedCluster.metadata.name == 'c1'",
        "managedCluster.metadata.labels['version'].matches('^v1\\\\.3\\\\d\\\\.')",
        "semver(managedCluster.metadata.labels.version.substring(1)).isLessThan(semver('1.31.0'))",
        "managedCluster.metadata.labels.exists(key, key == 'version')",
        "'{\"a\": [1]}'.parseJSON().a[0] == 1",
        "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
        "'a' + 'b' == 'ab' && [1] + [2] == [1, 2] && 1 + 2 == 3",
    ] {
        bed.placement("p", cel(&[matched]));
        let explanation = bed.explain("p");
        assert_eq!(
            explanation.outcome.selected, 1,
            "{matched}: {explanation:?}"
        );
    }
    // Without candidates nothing is compiled.
    bed.world.remove_cluster("c1");
    bed.placement("p", cel(&["=="]));
    assert_eq!(bed.schedule("p").misconfigured, None);
}

#[test]
fn placement_15_scores_are_seen_by_expressions_and_their_changes_too() {
    let mut bed = Bed::new();
    bed.clusters(&["c1", "c2"]);
    bed.placement(
        "p",
        cel(&["managedCluster.scores('res').exists(s, s.name == 'speed' && s.value > 50)"]),
    );
    bed.score("c1", "res", speed(90, None));
    bed.score("c2", "res", speed(10, None));
    assert_eq!(names(&bed.schedule("p")), ["c1"]);
    bed.world.take_dirty();
    bed.score("c2", "res", speed(60, None));
    assert_eq!(bed.world.take_dirty().len(), 1);
    assert_eq!(names(&bed.schedule("p")), ["c1", "c2"]);
}

#[test]
fn placement_15_what_costs_too_much_does_not_match() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    let ten = "[0,1,2,3,4,5,6,7,8,9]";
    let nested = format!(
        "{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, {ten}.all(e, {ten}.all(f, {ten}.all(g, true)))))))"
    );
    let mut doubled = "['0123456789']".to_owned();
    for _ in 0..40 {
        doubled.push_str(".map(x, x + x)");
    }
    doubled.push_str(".size() == 1");
    for expensive in [nested, doubled, "(".repeat(20_000)] {
        bed.placement("p", cel(&[&expensive]));
        let explanation = bed.explain("p");
        assert_eq!(explanation.outcome.selected, 0);
        let known = explanation.outcome.misconfigured.is_some()
            || matches!(&explanation.clusters[0].1, Why::Predicate(why) if why.contains("costs more"));
        assert!(known, "{explanation:?}");
    }
}

/// What would end the process if it were evaluated as it stands: its memory,
/// its stack, or by a panic.
#[test]
fn placement_15_no_expression_ends_the_hub() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    let chain = |start: &str, link: &str, times: usize| format!("{start}{}", link.repeat(times));
    for deep in [
        chain("managedCluster", ".a", 8_000),
        chain("1", "+1", 8_000),
        chain("", "!", 8_000) + "true",
        chain("", "[", 8_000),
        "Kind{} == Kind{}".to_owned(),
        "x".repeat(20_000),
    ] {
        bed.placement("p", cel(&[&deep]));
        let outcome = bed.schedule("p");
        let begin: String = deep.chars().take(30).collect();
        assert_eq!(outcome.selected, 0, "{begin}");
        // What is parsed, however long, is answered; what is not says so.
        if !deep.starts_with('!') {
            let message = outcome.misconfigured.expect(&begin);
            let refused = message.starts_with("Predicate:compilation failed:")
                || message.starts_with("Predicate:instantiation failed:");
            assert!(refused && message.len() < 10_000, "{begin}: {message}");
        }
    }
    for expensive in [
        chain("'a'", ".replace('a', 'aaaaaaaaaa')", 11) + " == ''",
        chain(
            "['a', 'a']",
            ".map(x, [x, x, x, x, x, x, x, x]).flatten()",
            14,
        ) + " == []",
        chain(
            "'aaaaaaaaaa'",
            ".split('').map(x, 'aaaaaaaaaa').join('')",
            9,
        ) + " == ''",
        "'%.1000000000f'.format([1.0]) == ''".to_owned(),
        "b'abc'.contains(b'')".to_owned(),
    ] {
        bed.placement("p", cel(&[&expensive]));
        // The next one is scheduled all the same.
        bed.placement("q", cel(&["managedCluster.metadata.name == 'c1'"]));
        let explanation = bed.explain("p");
        assert_eq!(explanation.outcome.selected, 0, "{expensive}");
        let why = format!("{:?}", explanation.clusters[0].1);
        assert!(
            why.contains("costs more") || why.contains("precision") || why.contains("cannot be"),
            "{expensive}: {why}"
        );
        assert_eq!(bed.schedule("q").selected, 1);
    }
}

#[test]
fn placement_15_verdicts_are_kept_until_the_cluster_changes() {
    let mut bed = Bed::new();
    bed.clusters(&["c1", "c2", "c3"]);
    bed.placement("p", cel(&["managedCluster.metadata.name != 'c2'"]));
    bed.placement("q", cel(&["managedCluster.metadata.name != 'c2'"]));
    for _ in 0..5 {
        assert_eq!(names(&bed.schedule("p")), ["c1", "c3"]);
        bed.schedule("q");
    }
    assert_eq!(bed.world.evaluations(), 3);
    bed.cluster("c2", labels(json!({"a": "b"})));
    bed.schedule("p");
    bed.schedule("q");
    assert_eq!(bed.world.evaluations(), 4);
}
