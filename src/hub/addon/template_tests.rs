use super::*;
use crate::hub::addon::works;

const MOVED: &str = "open-cluster-management-agent-addon";

/// What is rendered, and with what.
#[derive(Default)]
struct Case {
    manifests: Vec<Value>,
    registration: Value,
    configs: Vec<Value>,
    /// Fields of the template's ManifestWorkSpec.
    spec: Value,
    registries: Option<&'static str>,
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "d", "namespace": "n"},
    "spec": {"template": {"spec": {
        "initContainers": [{"name": "i", "image": "quay.io/org/init:1"}],
        "containers": [
            {"name": "c", "image": "quay.io/org/agent:1", "env": [{"name": "OWN", "value": "1"}]},
            {"name": "side", "image": "busybox"},
        ]}}}})
}

impl Case {
    fn of(manifests: Vec<Value>) -> Self {
        Self {
            manifests,
            registration: json!([]),
            spec: json!({}),
            ..Self::default()
        }
    }

    /// A Deployment, with this AddOnDeploymentConfig that moves nothing.
    fn configured(mut config: Value) -> Self {
        config["agentInstallNamespace"] = "".into();
        Self {
            configs: vec![config],
            ..Self::of(vec![deployment()])
        }
    }

    fn with<T>(&self, then: impl FnOnce(&Input<'_>) -> T) -> T {
        let mut spec = self.spec.clone();
        spec["workload"] = json!({"manifests": self.manifests});
        let template: AddOnTemplateSpec = serde_json::from_value(json!({
            "addonName": "a", "agentSpec": spec, "registration": self.registration,
        }))
        .unwrap();
        let configs: Vec<AddOnDeploymentConfigSpec> = self
            .configs
            .iter()
            .map(|config| serde_json::from_value(config.clone()).unwrap())
            .collect();
        then(&Input {
            addon: "a",
            cluster: "c1",
            name: "t",
            template: &template,
            configs: &configs.iter().collect::<Vec<_>>(),
            registries: self.registries,
        })
    }

    fn render(&self) -> Rendered {
        self.with(render).unwrap()
    }

    fn error(&self) -> String {
        self.with(render).unwrap_err().to_string()
    }

    fn pod(&self) -> Value {
        let rendered = self.render();
        rendered.manifests[0]["spec"]["template"]["spec"].clone()
    }

    /// The variables of a container.
    fn env(&self, container: usize) -> Vec<(String, String)> {
        let pod = self.pod();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let env = pod["containers"][container]["env"].as_array().unwrap();
        env.iter()
            .map(|entry| (text(&entry["name"]), text(&entry["value"])))
            .collect()
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn addon_variables_are_in_containers_and_not_in_init_containers() {
    let kubeconfig = ("HUB_KUBECONFIG", "/managed/hub-kubeconfig/kubeconfig");
    let plain = Case::of(vec![deployment()]);
    let builtin = [("CLUSTER_NAME", "c1"), kubeconfig];
    assert_eq!(plain.env(1), pairs(&builtin));
    assert_eq!(plain.env(0), pairs(&[("OWN", "1"), builtin[0], builtin[1]]));
    assert_eq!(
        plain.pod()["initContainers"],
        deployment()["spec"]["template"]["spec"]["initContainers"]
    );
    assert!(plain.pod()["volumes"].is_null());
    // Variables replace defaults and the container's own, and no built-in ones.
    let variable = |name: &str, value: &str| json!({"name": name, "value": value});
    let mut configured = Case::configured(json!({"customizedVariables": [
        variable("HUB_KUBECONFIG", "/k"), variable("OWN", "2"), variable("CLUSTER_NAME", "x"),
        variable("INSTALL_NAMESPACE", "y"), variable("EMPTY", ""),
    ]}));
    assert_eq!(
        configured.env(0),
        pairs(&[
            ("CLUSTER_NAME", "c1"),
            ("EMPTY", ""),
            ("HUB_KUBECONFIG", "/k"),
            // No namespace is set: it is a variable like any other.
            ("INSTALL_NAMESPACE", "y"),
            ("OWN", "2"),
        ])
    );
    configured.configs[0]["agentInstallNamespace"] = "m".into();
    assert!(
        configured
            .env(1)
            .contains(&("INSTALL_NAMESPACE".into(), "m".into()))
    );
}

#[test]
fn addon_credentials_are_mounted_where_the_template_asks_for_them() {
    let mut case = Case::of(vec![deployment()]);
    case.registration = json!([
        {"type": "KubeClient"},
        {"type": "CustomSigner", "customSigner": {"signerName": "example.com/my.signer",
            "signingCA": {"name": "ca"}}},
    ]);
    let pod = case.pod();
    assert_eq!(
        pod["volumes"],
        json!([
            {"name": "hub-kubeconfig", "secret": {"secretName": "a-hub-kubeconfig"}},
            {"name": "cert-example-com-my-signer",
             "secret": {"secretName": "a-example.com-my.signer-client-cert"}},
        ])
    );
    for container in 0..2 {
        assert_eq!(
            pod["containers"][container]["volumeMounts"],
            json!([
                {"name": "hub-kubeconfig", "mountPath": "/managed/hub-kubeconfig"},
                {"name": "cert-example-com-my-signer", "mountPath": "/managed/example.com-my.signer"},
            ])
        );
    }
    assert!(pod["initContainers"][0]["volumeMounts"].is_null());
    let signer = format!("example.com/{}", "s".repeat(60));
    case.registration[1]["customSigner"]["signerName"] = signer.into();
    let error = case.error();
    assert!(
        error.contains("63 are allowed; use a shorter signerName"),
        "{error}"
    );
}

#[test]
fn addon_pods_go_where_the_configuration_says() {
    let tolerations = json!([{"key": "k", "operator": "Exists"}]);
    let both = Case::configured(json!({"nodePlacement":
        {"nodeSelector": {"a": "b"}, "tolerations": tolerations}}));
    let pod = both.pod();
    assert_eq!(pod["nodeSelector"], json!({"a": "b"}));
    assert_eq!(pod["tolerations"], tolerations);
    // Other than upstream, tolerations count also without a node selector.
    let alone = Case::configured(json!({"nodePlacement": {"tolerations": tolerations}}));
    assert_eq!(alone.pod()["tolerations"], tolerations);
    assert!(alone.pod()["nodeSelector"].is_null());
    // The template's own stay where nothing is said.
    let mut own = Case::configured(json!({}));
    own.manifests[0]["spec"]["template"]["spec"]["nodeSelector"] = json!({"own": "1"});
    assert_eq!(own.pod()["nodeSelector"], json!({"own": "1"}));
}

#[test]
fn addon_images_come_from_where_the_last_fitting_rule_says() {
    let rule = |source: &str, mirror: &str| json!({"source": source, "mirror": mirror});
    let images = |case: &Case| {
        let pod = case.pod();
        let image = |n: usize| pod["containers"][n]["image"].as_str().unwrap().to_owned();
        (image(0), image(1))
    };
    for (rules, first, second) in [
        (
            vec![rule("quay.io/org", "m.io/x")],
            "m.io/x/agent:1",
            "busybox",
        ),
        (
            vec![rule("quay.io/org/", "m.io/x/")],
            "m.io/x/agent:1",
            "busybox",
        ),
        // Both fit: the last counts, and looks at the image as it was.
        (
            vec![rule("quay.io", "one.io"), rule("quay.io/org", "two.io")],
            "two.io/agent:1",
            "busybox",
        ),
        (
            vec![rule("quay.io/org", "two.io"), rule("other.io", "three.io")],
            "two.io/agent:1",
            "busybox",
        ),
        (
            vec![rule("", "m.io/all")],
            "m.io/all/agent:1",
            "m.io/all/busybox",
        ),
    ] {
        let case = Case::configured(json!({"registries": rules}));
        assert_eq!(
            images(&case),
            (first.to_owned(), second.to_owned()),
            "{rules:?}"
        );
    }
    // The cluster's registries count where the configuration has none.
    let registries = r#"{"registries":[{"source":"quay.io/org","mirror":"c.io"}]}"#;
    let mut case = Case::configured(json!({}));
    case.registries = Some(registries);
    assert_eq!(images(&case).0, "c.io/agent:1");
    case.configs[0]["registries"] = json!([rule("quay.io", "one.io")]);
    assert_eq!(images(&case).0, "one.io/org/agent:1");
    case.configs.clear();
    case.registries = Some("no JSON");
    let error = case.error();
    assert!(
        error.starts_with(
            "annotation open-cluster-management.io/image-registries of the ManagedCluster: "
        ),
        "{error}"
    );
    case.registries = Some("");
    case.render();
}

#[test]
fn addon_proxies_and_their_authorities_are_handed_on() {
    // "PEM" in base64.
    let case = Case::configured(json!({"proxyConfig": {"httpProxy": "http://p",
        "httpsProxy": "https://p", "noProxy": ".svc", "caBundle": "UEVN"}}));
    let env = case.env(1);
    for (name, value) in [
        ("HTTP_PROXY", "http://p"),
        ("http_proxy", "http://p"),
        ("HTTPS_PROXY", "https://p"),
        ("https_proxy", "https://p"),
        ("NO_PROXY", ".svc"),
        ("no_proxy", ".svc"),
        ("CA_BUNDLE_FILE_PATH", "/managed/proxy-ca/ca-bundle.crt"),
    ] {
        assert!(
            env.contains(&(name.into(), value.into())),
            "{name}: {env:?}"
        );
    }
    let pod = case.pod();
    assert_eq!(
        pod["volumes"],
        json!([{"name": "proxy-ca", "configMap": {"name": "a-proxy-ca"}}])
    );
    assert_eq!(
        pod["containers"][0]["volumeMounts"],
        json!([{"name": "proxy-ca", "mountPath": "/managed/proxy-ca"}])
    );
    let rendered = case.render();
    assert_eq!(rendered.manifests.len(), 2);
    assert_eq!(rendered.manifests[1]["kind"], "ConfigMap");
    assert_eq!(
        rendered.manifests[1]["metadata"],
        json!({"name": "a-proxy-ca", "namespace": "n"})
    );
    assert_eq!(
        rendered.manifests[1]["data"],
        json!({"ca-bundle.crt": "PEM"})
    );
    // Without authorities there is nothing to mount.
    let plain = Case::configured(json!({"proxyConfig": {"httpProxy": "http://p"}}));
    assert!(plain.pod()["volumes"].is_null());
    assert_eq!(plain.render().manifests.len(), 1);
}

#[test]
fn addon_resources_are_those_of_the_last_fitting_requirement() {
    let limit =
        |id: &str, cpu: &str| json!({"containerID": id, "resources": {"limits": {"cpu": cpu}}});
    for (requirements, first, second) in [
        (vec![limit("*:*:*", "1")], Some("1"), Some("1")),
        (vec![limit("deployments:d:c", "1")], Some("1"), None),
        (vec![limit("deployments:*:side", "1")], None, Some("1")),
        (vec![limit("daemonsets:*:*", "1")], None, None),
        (vec![limit("deployments:other:*", "1")], None, None),
        (
            vec![limit("*:*:*", "1"), limit("*:*:c", "2")],
            Some("2"),
            Some("1"),
        ),
        (
            vec![limit("*:*:c", "2"), limit("*:*:*", "1")],
            Some("1"),
            Some("1"),
        ),
    ] {
        let case = Case::configured(json!({"resourceRequirements": requirements}));
        let pod = case.pod();
        let cpu = |n: usize| pod["containers"][n]["resources"]["limits"]["cpu"].as_str();
        assert_eq!((cpu(0), cpu(1)), (first, second), "{requirements:?}");
        assert!(pod["initContainers"][0]["resources"].is_null());
    }
}

#[test]
fn addon_everything_moves_to_the_namespace_of_the_configuration() {
    let account = json!({"kind": "ServiceAccount", "name": "s", "namespace": "n"});
    let group = json!({"kind": "Group", "name": "g"});
    let binding = |kind: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
            "metadata": {"name": kind.to_lowercase()}, "subjects": [account, group]})
    };
    let mut case = Case::of(vec![
        deployment(),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "other"}}),
        binding("ClusterRoleBinding"),
        binding("RoleBinding"),
    ]);
    let spots = |case: &Case| -> Vec<Option<String>> {
        let rendered = case.render();
        [
            (0, "/metadata/namespace"),
            (1, "/metadata/name"),
            (2, "/metadata/namespace"),
            (3, "/metadata/namespace"),
            (3, "/subjects/0/namespace"),
            (3, "/subjects/1/namespace"),
            (4, "/subjects/0/namespace"),
        ]
        .iter()
        .map(|&(n, at)| {
            let value = rendered.manifests[n].pointer(at)?;
            Some(value.as_str()?.to_owned())
        })
        .collect()
    };
    let some = |name: &str| Some(name.to_owned());
    let stays = [
        some("n"),
        some("n"),
        some("other"),
        None,
        some("n"),
        None,
        some("n"),
    ];
    assert_eq!(spots(&case), stays);
    case.configs = vec![json!({"agentInstallNamespace": ""})];
    assert_eq!(spots(&case), stays);
    let moved = |to: &str| [some(to), some(to), some(to), None, some(to), None, some(to)];
    case.configs = vec![json!({})];
    assert_eq!(spots(&case), moved(MOVED));
    case.configs.push(json!({"agentInstallNamespace": "x"}));
    assert_eq!(spots(&case), moved("x"));
    // What concerns a manifest goes with it.
    case.spec = json!({"manifestConfigs": [{
        "resourceIdentifier": {"group": "apps", "resource": "deployments", "name": "d", "namespace": "n"},
        "updateStrategy": {"type": "ServerSideApply"},
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [{"name": "x", "path": ".status.x"}]}]}]});
    let rendered = case.render();
    assert_eq!(rendered.configs.len(), 1);
    let config = &rendered.configs[0];
    assert_eq!(config.resource_identifier.namespace, "x");
    assert!(config.update_strategy.is_some());
    let rules: Vec<_> = config
        .feedback_rules
        .iter()
        .map(|rule| &rule.type_)
        .collect();
    assert_eq!(
        rules,
        [
            &FeedbackRuleType::JsonPaths,
            &FeedbackRuleType::WellKnownStatus
        ]
    );
}

#[test]
fn addon_what_is_marked_stays_when_the_addon_goes() {
    let marked = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m",
        "namespace": "n", "annotations": {"addon.open-cluster-management.io/deletion-orphan": ""}}});
    let mut case = Case::of(vec![deployment(), marked]);
    let option = case.render().delete_option.unwrap();
    let rule = json!({"resource": "configmaps", "namespace": "n", "name": "m"});
    let orphans = |rules: &[Value]| json!({"propagationPolicy": "SelectivelyOrphan", "selectivelyOrphans": {"orphaningRules": rules}});
    assert_eq!(json!(option), orphans(std::slice::from_ref(&rule)));
    // Beside those of the template.
    let own = json!({"resource": "secrets", "namespace": "n", "name": "s"});
    case.spec = json!({"deleteOption": orphans(std::slice::from_ref(&own))});
    let option = case.render().delete_option.unwrap();
    assert_eq!(json!(option), orphans(&[own, rule]));
    // Where all of it stays nothing is to be added.
    case.spec = json!({"deleteOption": {"propagationPolicy": "Orphan"}});
    let option = case.render().delete_option.unwrap();
    assert_eq!(json!(option), json!({"propagationPolicy": "Orphan"}));
    case.manifests.pop();
    case.spec = json!({});
    assert_eq!(case.render().delete_option, None);
}

#[test]
fn addon_jobs_and_pods_that_are_marked_are_hooks() {
    let object = |api: &str, kind: &str, map: &str| {
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": kind.to_lowercase(),
            (map): {"addon.open-cluster-management.io/addon-pre-delete": ""}}})
    };
    let rendered = Case::of(vec![
        object("batch/v1", "Job", "annotations"),
        // The old form.
        object("v1", "Pod", "labels"),
        object("v1", "ConfigMap", "annotations"),
        object("e.io/v1", "Job", "labels"),
    ])
    .render();
    let kinds = |list: &[Value]| -> Vec<String> {
        let kind = |m: &Value| format!("{}/{}", m["apiVersion"], m["kind"]).replace('"', "");
        list.iter().map(kind).collect()
    };
    assert_eq!(kinds(&rendered.hooks), ["batch/v1/Job", "v1/Pod"]);
    assert_eq!(kinds(&rendered.manifests), ["v1/ConfigMap", "e.io/v1/Job"]);
}

#[test]
fn addon_where_its_agent_lives() {
    let daemons = |namespace: &str| {
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": "ds", "namespace": namespace}})
    };
    let at = |case: &Case| case.with(|input| install_namespace(input, "fallback").unwrap());
    assert_eq!(at(&Case::of(vec![])), "fallback");
    assert_eq!(at(&Case::of(vec![daemons("s")])), "s");
    // The first Deployment goes before any DaemonSet.
    let mut case = Case::of(vec![daemons("s"), deployment()]);
    assert_eq!(at(&case), "n");
    case.configs = vec![json!({})];
    assert_eq!(at(&case), MOVED);
    case.configs = vec![
        json!({"agentInstallNamespace": "x"}),
        json!({"agentInstallNamespace": ""}),
    ];
    assert_eq!(at(&case), "n");
    // Variables have their values by then.
    case.configs = vec![json!({"agentInstallNamespace": "",
        "customizedVariables": [{"name": "WHERE", "value": "there"}]})];
    case.manifests[1]["metadata"]["namespace"] = "{{WHERE}}-{{CLUSTER_NAME}}".into();
    assert_eq!(at(&case), "there-c1");
    case.manifests[1]["metadata"]["namespace"] = "{{NOWHERE}}".into();
    assert_eq!(at(&case), "fallback");
    case.manifests[1]["metadata"]["namespace"] = "{{".into();
    assert!(case.with(|input| install_namespace(input, "f")).is_err());
    // Only what is of group apps is a workload.
    case.manifests[1] = json!({"apiVersion": "e.io/v1", "kind": "Deployment",
        "metadata": {"name": "x", "namespace": "wrong"}});
    assert_eq!(at(&case), "s");
}

#[test]
fn addon_templates_that_cannot_be_meant_say_why() {
    let named = |name: &str, value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}});
    let same = Case::of(vec![named("m", "1"), named("m", "1")]).render();
    assert_eq!(same.manifests.len(), 1);
    for (manifests, expected) in [
        (
            vec![
                named("m", "1"),
                named("{{CLUSTER_NAME}}", "2"),
                named("c1", "3"),
            ],
            "AddOnTemplate t has two different manifests for ConfigMap c1; give them different names",
        ),
        (
            vec![named("m", "{{X")],
            "manifest 0 (ConfigMap m) of AddOnTemplate t: \"{{X\" begins a placeholder with {{ and does not end it with }}",
        ),
        (
            vec![json!({"metadata": {"name": "m"}})],
            "manifest 0 ( m) of AddOnTemplate t has no kind once its variables have values; define them in customizedVariables of an AddOnDeploymentConfig",
        ),
        (
            vec![json!("text")],
            "manifest 0 ( ) of AddOnTemplate t has no kind once its variables have values; define them in customizedVariables of an AddOnDeploymentConfig",
        ),
    ] {
        assert_eq!(Case::of(manifests).error(), expected);
    }
}

#[test]
fn addon_workloads_are_probed() {
    let mut case = Case::of(vec![
        deployment(),
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}}),
    ]);
    case.spec = json!({"executor": {"subject": {"type": "ServiceAccount",
        "serviceAccount": {"namespace": "n", "name": "x"}}}});
    let rendered = case.render();
    assert!(rendered.executor.is_some());
    let probed: Vec<&str> = rendered
        .configs
        .iter()
        .map(|config| config.resource_identifier.resource.as_str())
        .collect();
    assert_eq!(probed, ["deployments"]);
    let works = works::deploy("a", &rendered, None, &BTreeMap::new()).unwrap();
    assert_eq!(works[0].spec.manifest_configs, rendered.configs);
    assert_eq!(works[0].spec.executor, rendered.executor);
}

#[test]
fn plurals_are_guessed() {
    for (kind, expected) in [
        ("Deployment", "deployments"),
        ("NetworkPolicy", "networkpolicies"),
        ("Ingress", "ingresses"),
        ("Endpoints", "endpoints"),
        ("Gateway", "gateways"),
    ] {
        assert_eq!(plural(kind), expected);
    }
}
