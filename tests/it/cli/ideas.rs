//! What a better clusteradm would do, by the numbers of the list that was made of
//! its users' wishes, and where each is tested. A test that is gone is missed here.

use std::fs;
use std::path::Path;

/// A file, and a test in it.
type Test = (&'static str, &'static str);

/// The number, what it is about, and what shows it.
const IDEAS: &[(u8, &str, &[Test])] = &[
    (
        1,
        "waits outlive broken watches and name what blocks",
        &[
            (
                "src/k8s/apply.rs",
                "a_wait_outlives_failed_lists_and_closed_watches",
            ),
            (
                "tests/it/cli/upgrade.rs",
                "a_wait_for_the_hub_says_why_its_pods_do_not_start",
            ),
        ],
    ),
    (
        2,
        "accept is idempotent, checks who asks, chooses among requesters",
        &[
            (
                "tests/it/cli/commands.rs",
                "accept_waits_approves_and_is_idempotent",
            ),
            (
                "tests/it/cli/bad_input.rs",
                "a_foreign_request_is_never_approved",
            ),
            (
                "tests/it/cli/defects.rs",
                "defect_21_requesters_choose_among_several",
            ),
        ],
    ),
    (
        3,
        "stdout is data, in every format, of changes too",
        &[
            (
                "tests/it/cli/output.rs",
                "every_list_is_there_as_json_yaml_and_names",
            ),
            (
                "tests/it/cli/verbs.rs",
                "what_was_changed_is_printed_as_data",
            ),
            ("tests/it/cli/rows/mod.rs", "every_command_has_its_rows"),
        ],
    ),
    (
        4,
        "a dry run changes nothing",
        &[(
            "tests/it/cli/defects.rs",
            "defect_08_no_dry_run_changes_anything",
        )],
    ),
    (
        5,
        "manifests are documents in order, files with tokens private",
        &[
            (
                "src/cmd/install.rs",
                "manifests_are_separated_documents_in_order",
            ),
            (
                "tests/it/cli/defects.rs",
                "defect_06_files_with_tokens_are_for_their_owner_alone",
            ),
        ],
    ),
    (
        6,
        "join says what is wrong",
        &[
            ("tests/it/cli/bad_input.rs", "an_expired_token"),
            ("tests/it/cli/bad_input.rs", "a_token_the_hub_does_not_know"),
            ("tests/it/cli/bad_input.rs", "joining_under_another_name"),
            (
                "tests/it/cli/defects.rs",
                "defect_18_joining_a_hub_without_definitions_is_told_not_panicked",
            ),
        ],
    ),
    (
        7,
        "deletions are watched, and say what holds them",
        &[
            (
                "tests/it/cli/commands.rs",
                "deleting_a_work_names_what_holds_it",
            ),
            (
                "src/k8s/apply.rs",
                "a_namespace_that_hangs_says_what_is_in_it",
            ),
            (
                "tests/it/cli/verbs.rs",
                "one_command_leaves_from_both_sides",
            ),
        ],
    ),
    (
        8,
        "one command onboards a cluster, or a fleet",
        &[(
            "tests/it/cli/onboard.rs",
            "one_command_onboards_a_cluster_and_another_one_a_fleet",
        )],
    ),
    (
        9,
        "the hub lets a cluster go with all that is its",
        &[(
            "tests/it/cli/verbs.rs",
            "a_cluster_leaves_with_its_works_and_add_ons",
        )],
    ),
    (
        10,
        "works are updated, pruned by mark, waited for, unwrapped, compared",
        &[
            (
                "tests/it/cli/leftovers.rs",
                "defect_13_a_placement_takes_back_its_own_works_and_no_others",
            ),
            (
                "tests/it/cli/commands.rs",
                "waiting_for_a_work_names_the_manifest_and_the_reason",
            ),
            (
                "tests/it/cli/verbs.rs",
                "a_work_as_input_is_unwrapped_and_bad_manifests_are_named",
            ),
        ],
    ),
    (
        11,
        "many at once, in pages",
        &[(
            "tests/it/cli/speed.rs",
            "defect_27_many_clusters_are_served_at_once_with_no_request_too_many",
        )],
    ),
    (
        12,
        "doctor",
        &[(
            "tests/it/cli/doctor.rs",
            "doctor_names_what_is_broken_and_what_mends_it",
        )],
    ),
    (
        13,
        "an upgrade keeps what there is, goes not back, and not ahead of the hub",
        &[
            (
                "tests/it/cli/upgrade.rs",
                "every_klusterlet_keeps_its_name_mode_and_credentials",
            ),
            (
                "tests/it/cli/upgrade.rs",
                "an_agent_does_not_get_ahead_of_its_hub",
            ),
        ],
    ),
    (
        14,
        "hosted agents have an operator and a name that lasts, and leave alone",
        &[
            (
                "tests/it/cli/upstream.rs",
                "join_installs_upstreams_agent_here_or_hosted",
            ),
            (
                "tests/it/cli/upstream.rs",
                "unjoin_of_a_hosted_agent_leaves_the_host_and_sees_the_managed_clusters_works",
            ),
        ],
    ),
    (
        15,
        "trust from the first byte, and through the proxy",
        &[
            (
                "src/cmd/join/hub.rs",
                "defect_03_the_token_goes_to_nobody_but_the_hub",
            ),
            (
                "src/cmd/join/hub.rs",
                "defect_03_a_pinned_ca_is_checked_before_anything_is_told",
            ),
            (
                "tests/it/cli/onboard.rs",
                "joining_goes_through_the_proxy_of_the_agent_where_that_answers",
            ),
        ],
    ),
    (
        16,
        "tokens end, are listed and taken back, and outlive another init",
        &[
            (
                "tests/it/cli/tokens.rs",
                "tokens_are_listed_without_their_secrets_and_taken_back_one_by_one",
            ),
            (
                "tests/it/cli/tokens.rs",
                "defect_04_bootstrap_tokens_end_and_init_renews_them",
            ),
        ],
    ),
    (
        17,
        "clean removes what init made and spares what is shared",
        &[
            (
                "tests/it/cli/defects.rs",
                "defect_12_clean_leaves_no_roles_and_init_follows_at_once",
            ),
            (
                "tests/it/cli/leftovers.rs",
                "defect_12_clean_spares_a_namespace_that_an_agent_uses",
            ),
        ],
    ),
    (
        18,
        "labels, taints and a set at join and accept",
        &[(
            "tests/it/cli/verbs.rs",
            "clusters_get_labels_taints_and_a_set_when_they_are_accepted",
        )],
    ),
    (
        19,
        "init sees the hub that is there",
        &[
            (
                "tests/it/cli/upstream.rs",
                "init_installs_upstreams_operator_and_can_be_repeated",
            ),
            (
                "tests/it/cli/verbs.rs",
                "a_server_checks_what_init_and_upgrade_would_do",
            ),
        ],
    ),
    (
        20,
        "get: names, selectors, watches, columns, order",
        &[
            ("tests/it/cli/output.rs", "templates_and_columns"),
            (
                "tests/it/cli/sets.rs",
                "a_watched_list_goes_on_with_what_changes",
            ),
        ],
    ),
    (
        21,
        "add-ons keep their metadata, are waited for, are built in or come from a folder; all is said with --all, helm goes where the flags say",
        &[
            ("tests/it/cli/addon_states.rs", "add_ons_are_waited_for"),
            (
                "tests/it/cli/hub_addons.rs",
                "the_policy_framework_is_built_in",
            ),
            ("src/cmd/hub_addon/helm.rs", "charts_in_a_folder_are_found"),
            (
                "tests/it/cli/sets.rs",
                "addons_are_enabled_kept_and_disabled",
            ),
            (
                "tests/it/cli/defects.rs",
                "defect_15_helm_works_on_the_cluster_of_the_flags",
            ),
        ],
    ),
    (
        22,
        "input is checked first, and what is valid is listed",
        &[
            ("tests/it/cli/bad_input.rs", "components_that_cannot_be"),
            ("tests/it/cli/bad_input.rs", "manifests_that_cannot_be_sent"),
        ],
    ),
    (
        23,
        "bundles are listed, other versions are taken with a warning",
        &[
            ("src/cmd/images.rs", "releases_choose_image_tags"),
            (
                "src/cmd/images.rs",
                "a_version_that_is_no_release_is_taken_with_a_warning",
            ),
        ],
    ),
    (
        24,
        "the proxy is for nobody else, and all are asked at once",
        &[
            (
                "tests/it/cli/proxy.rs",
                "defect_07_kubectls_kubeconfig_and_proxy_are_for_nobody_else",
            ),
            ("tests/it/cli/proxy.rs", "health_is_asked_through_the_proxy"),
        ],
    ),
    (
        25,
        "server-side apply under one name",
        &[(
            "src/k8s/apply.rs",
            "a_status_or_other_owners_of_fields_are_no_change",
        )],
    ),
    (
        26,
        "missing verbs, and completion of names",
        &[
            (
                "tests/it/cli/verbs.rs",
                "what_was_accepted_can_be_taken_back",
            ),
            (
                "tests/it/cli/verbs.rs",
                "placements_and_replica_sets_are_listed_and_deleted",
            ),
            (
                "tests/it/cli/names.rs",
                "kubectl_completes_names_of_the_hub_through_us",
            ),
        ],
    ),
];

#[test]
fn every_idea_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let numbers: Vec<u8> = IDEAS.iter().map(|idea| idea.0).collect();
    assert_eq!(numbers, (1..=26).collect::<Vec<u8>>());
    for (number, about, tests) in IDEAS {
        assert!(!tests.is_empty(), "{number}: {about}");
        for (path, test) in *tests {
            let source = fs::read_to_string(root.join(path)).unwrap();
            assert!(
                source.contains(&format!("fn {test}(")),
                "{number}: {path} has no {test}"
            );
        }
    }
}
