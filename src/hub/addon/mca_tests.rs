use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::hub::addon::config::Reference;
use crate::hub::addon::view::{Config, DeploymentConfig, Template};
use crate::ocm::conditions::UNKNOWN;
use crate::ocm::work::v1::ManifestWork;

const HOOKS: &str = "HookManifestCompleted";

/// What there is; by default an installation of `a` in c1, in force with the
/// template `t` of version "1".
struct World {
    addon: ManagedClusterAddOn,
    offer: Option<ClusterManagementAddOn>,
    cluster: Option<Cluster>,
    assignment: Option<Assignment>,
    works: Vec<(Key, Arc<Work>)>,
    template: Found<AddOnTemplateSpec>,
    config: Found<AddOnDeploymentConfigSpec>,
}

fn template(version: &str, job: &str) -> Arc<Template> {
    let spec = json!({"addonName": "a", "agentSpec": {"workload": {"manifests": [
        {"apiVersion": "apps/v1", "kind": "Deployment",
         "metadata": {"name": "d", "namespace": "n"},
         "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": version}]}}}},
        {"apiVersion": "batch/v1", "kind": "Job",
         "metadata": {"name": job, "namespace": "n",
            "annotations": {"addon.open-cluster-management.io/addon-pre-delete": ""}}},
    ]}}});
    Arc::new(Config {
        hash: version.into(),
        generation: 7,
        spec: serde_json::from_value(spec).unwrap(),
    })
}

fn reference(hash: &str) -> Reference {
    Reference {
        group: GROUP.into(),
        resource: names::TEMPLATES.into(),
        namespace: String::new(),
        name: "t".into(),
        hash: hash.into(),
    }
}

impl World {
    fn new() -> Self {
        let desired = [reference("1")];
        let addon = serde_json::from_value(json!({
            "metadata": {"name": "a", "namespace": "c1", "uid": "u",
                "finalizers": [names::FINALIZER_PRE_DELETE]},
            "status": {"configReferences": config::merged(&desired, &[])},
        }));
        let offer = serde_json::from_value(json!({
            "metadata": {"name": "a", "uid": "o"},
            "spec": {"supportedConfigs": [{"group": GROUP, "resource": "addontemplates",
                "defaultConfig": {"name": "t"}}]},
        }));
        Self {
            addon: addon.unwrap(),
            offer: Some(offer.unwrap()),
            cluster: Some(Cluster {
                available: Some(condition("Available", TRUE, "r", "m")),
                ..Cluster::default()
            }),
            assignment: Some(Assignment {
                desired: desired.into(),
                turn: true,
            }),
            works: Vec::new(),
            template: Found::Exact(template("1", "farewell")),
            config: Found::Gone(None),
        }
    }

    fn decide(&self) -> Plan {
        decide(&Seen {
            addon: &self.addon,
            offer: self.offer.as_ref(),
            cluster: self.cluster.as_ref(),
            assignment: self.assignment.as_ref(),
            works: &self.works,
            others: &Vec::new,
            template: &|_, _| self.template.clone(),
            config: &|_, _, _| self.config.clone(),
        })
    }

    /// A change whose turn has not come.
    fn waits(&mut self) {
        self.assignment = Some(Assignment {
            desired: vec![reference("2")],
            turn: false,
        });
    }

    fn deleted(&mut self) {
        self.addon.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        self.assignment = None;
    }

    /// Carries out what the plan has of works, all well; the feedback about each
    /// of their objects is this.
    fn carried_out(&mut self, plan: &Plan, values: &Value) {
        for wanted in &plan.works {
            let mut work = ManifestWork::new(&wanted.name, wanted.spec.clone());
            work.metadata.generation = Some(1);
            let holds = |kind: &str| {
                let mut holds = condition(kind, TRUE, "r", "m");
                holds.observed_generation = Some(1);
                holds
            };
            let manifests = wanted.spec.workload.manifests.iter().map(|manifest| {
                let kind = manifest["kind"].as_str().unwrap();
                let (group, _) = manifest["apiVersion"]
                    .as_str()
                    .unwrap()
                    .split_once('/')
                    .unwrap();
                json!({"conditions": [], "resourceMeta": {"ordinal": 0, "group": group,
                    "resource": format!("{}s", kind.to_lowercase()),
                    "namespace": manifest["metadata"]["namespace"],
                    "name": manifest["metadata"]["name"]},
                    "statusFeedback": {"values": values}})
            });
            let status = json!({"conditions": [holds("Applied"), holds("Available")],
                "resourceStatus": {"manifests": manifests.collect::<Vec<_>>()}});
            work.status = Some(serde_json::from_value(status).unwrap());
            let mut work = Work::of(&work);
            work.config_hashes.clone_from(&wanted.config_hashes);
            work.owner = Some("u".into());
            let key = Key::new("c1", &wanted.name);
            self.works.retain(|(present, _)| *present != key);
            self.works.push((key, Arc::new(work)));
        }
        self.addon.status = Some(plan.status.clone());
    }
}

fn ready(number: i64) -> Value {
    json!([{"name": "ReadyReplicas", "fieldValue": {"type": "Integer", "integer": number}}])
}

fn done() -> Value {
    json!([{"name": "JobComplete", "fieldValue": {"type": "String", "string": "True"}}])
}

fn told<'a>(plan: &'a Plan, kind: &str) -> (&'a str, &'a str) {
    conditions::find(&plan.status.conditions, kind)
        .map_or(("", ""), |c| (c.status.as_str(), c.reason.as_str()))
}

fn message<'a>(plan: &'a Plan, kind: &str) -> &'a str {
    conditions::find(&plan.status.conditions, kind).map_or("", |c| c.message.as_str())
}

fn names_of(plan: &Plan) -> Vec<&str> {
    plan.works.iter().map(|work| work.name.as_str()).collect()
}

/// What the only work's only manifest is called.
fn hook(plan: &Plan) -> &str {
    assert_eq!(names_of(plan), ["addon-a-pre-delete"]);
    let manifest = &plan.works[0].spec.workload.manifests[0];
    manifest["metadata"]["name"].as_str().unwrap()
}

#[test]
fn addon_26_while_a_change_waits_everything_goes_on() {
    let mut world = World::new();
    let plan = world.decide();
    assert_eq!(names_of(&plan), ["addon-a-deploy-0"]);
    world.carried_out(&plan, &ready(1));
    world.waits();
    let plan = world.decide();
    assert_eq!(told(&plan, "Configured").0, FALSE);
    assert_eq!(told(&plan, "Available"), (TRUE, "ProbeAvailable"));
    assert_eq!(told(&plan, "RegistrationApplied").0, TRUE);
    assert_eq!(plan.status.config_references[0].last_observed_generation, 7);
    // Its work is as it was; a work that is lost is made again.
    assert_eq!(
        plan.works[0].spec.workload.manifests[0]["spec"]["template"]["spec"]["containers"][0]["name"],
        "1"
    );
    world.works.clear();
    assert_eq!(names_of(&world.decide()), ["addon-a-deploy-0"]);
    assert_eq!(
        told(&world.decide(), "Available"),
        (UNKNOWN, "WorkNotFound")
    );
}

#[test]
fn addon_26_health_is_told_also_where_nothing_can_be_rendered() {
    let gone = Found::Gone(None);
    let mut broken = (*template("1", "j")).clone();
    broken.spec.agent_spec.workload.manifests[0]["metadata"]["name"] = "{{X".into();
    for (what, found, failed) in [
        ("ahead", Found::Ahead(template("2", "j")), false),
        ("broken", Found::Exact(Arc::new(broken)), true),
        ("gone", gone, true),
    ] {
        let mut world = World::new();
        let plan = world.decide();
        world.carried_out(&plan, &ready(0));
        world.template = found;
        let plan = world.decide();
        assert_eq!(names_of(&plan), [""; 0], "{what}");
        assert!(plan.remove.is_empty(), "{what}");
        assert_eq!(
            told(&plan, "Available"),
            (FALSE, "ProbeUnavailable"),
            "{what}"
        );
        let status = told(&plan, "ManifestApplied").0;
        assert_eq!(status == FALSE, failed, "{what}");
        if failed {
            assert_eq!(told(&plan, "Progressing"), (FALSE, "Failed"), "{what}");
        }
        // It never was: nothing is known, certainly not that it is well.
        world.works.clear();
        let available = world.decide();
        assert_eq!(
            told(&available, "Available"),
            (UNKNOWN, "WorkNotFound"),
            "{what}"
        );
        // What was known of a cluster that is not heard of is not renewed.
        world.cluster.as_mut().unwrap().available = Some(condition("Available", UNKNOWN, "r", "m"));
        world.addon.status.as_mut().unwrap().conditions.clear();
        assert_eq!(told(&world.decide(), "Available"), ("", ""), "{what}");
    }
}

#[test]
fn addon_25_hooks_run_whatever_has_become_of_the_addon() {
    let unmanaged = |offer: &mut ClusterManagementAddOn| {
        let key = names::ANNOTATION_LIFECYCLE.to_owned();
        offer.metadata.annotations = Some([(key, "self".to_owned())].into());
    };
    let known = || template("1", "farewell");
    type Change = fn(&mut World);
    let changes: [(&str, Change); 6] = [
        ("as it was", |_| {}),
        ("the offer is gone", |world| world.offer = None),
        ("somebody else's", |_| {}),
        ("no template add-on any more", |world| {
            world.offer.as_mut().unwrap().spec.supported_configs.clear();
        }),
        ("the template is ahead", |world| {
            world.template = Found::Ahead(template("2", "farewell"));
        }),
        ("all of it is gone", |world| world.offer = None),
    ];
    for (what, change) in changes {
        let mut world = World::new();
        let plan = world.decide();
        world.carried_out(&plan, &ready(1));
        change(&mut world);
        match what {
            "somebody else's" => unmanaged(world.offer.as_mut().unwrap()),
            "all of it is gone" => world.template = Found::Gone(Some(known())),
            _ => {}
        }
        world.deleted();
        let plan = world.decide();
        assert_eq!(hook(&plan), "farewell", "{what}");
        assert!(!plan.release && plan.remove.is_empty(), "{what}");
        assert_eq!(told(&plan, HOOKS).0, FALSE, "{what}");
        world.carried_out(&plan, &json!([]));
        assert!(!world.decide().release, "{what}");
        // The template changes while they run: they are what counts.
        world.template = Found::Ahead(template("3", "other"));
        world
            .works
            .retain(|(key, _)| key.name != "addon-a-pre-delete");
        world.carried_out(&plan, &done());
        // That they have run is told first, and then their work goes.
        let plan = world.decide();
        assert!(!plan.release && plan.remove.is_empty(), "{what}");
        let completed = (TRUE, "HookManifestIsCompleted");
        assert_eq!(told(&plan, HOOKS), completed, "{what}");
        world.carried_out(&plan, &json!([]));
        let plan = world.decide();
        assert!(plan.release, "{what}");
        assert_eq!(told(&plan, HOOKS), completed, "{what}");
        assert_eq!(plan.remove, ["addon-a-deploy-0", "addon-a-pre-delete"]);
        assert_eq!(plan.unhooked, None, "{what}");
        // The works went, and the hub ended before the installation did.
        world.works.clear();
        let plan = world.decide();
        assert!(plan.release && plan.works.is_empty(), "{what}: run once");
    }
}

#[test]
fn addon_25_nothing_waits_for_what_nobody_can_do() {
    let leaves = |change: fn(&mut World)| {
        let mut world = World::new();
        let plan = world.decide();
        world.carried_out(&plan, &ready(1));
        world.deleted();
        change(&mut world);
        let plan = world.decide();
        plan.release.then(|| plan.unhooked.unwrap_or_default())
    };
    assert_eq!(leaves(|_| {}), None);
    assert_eq!(leaves(|world| world.cluster = None).unwrap(), "");
    let why = leaves(|world| world.template = Found::Gone(None)).unwrap();
    assert_eq!(why, "AddOnTemplate t does not exist");
    let unheard = |world: &mut World| {
        world.cluster.as_mut().unwrap().available = Some(condition("A", UNKNOWN, "r", "m"));
    };
    let why = leaves(|world| {
        let cluster = world.cluster.as_mut().unwrap();
        (cluster.deleting, cluster.available) = (true, None);
    });
    assert_eq!(
        why.unwrap(),
        "ManagedCluster c1 is being deleted, and nothing is heard of it"
    );
    // One that is heard of, or that may come back, is waited for.
    assert_eq!(
        leaves(|world| world.cluster.as_mut().unwrap().deleting = true),
        None
    );
    let mut world = World::new();
    world.deleted();
    unheard(&mut world);
    let plan = world.decide();
    assert!(!plan.release);
    assert_eq!(
        message(&plan, HOOKS),
        "the hooks are about to be started; nothing is heard of cluster c1; to go without the hooks, remove the finalizer addon.open-cluster-management.io/addon-pre-delete"
    );
    // A template that can be mended is waited for too.
    let mut broken = (*template("1", "j")).clone();
    broken.spec.agent_spec.workload.manifests[0]["metadata"]["name"] = "{{X".into();
    world.template = Found::Exact(Arc::new(broken));
    let plan = world.decide();
    assert!(!plan.release && plan.works.is_empty());
    let text = message(&plan, HOOKS);
    assert!(
        text.contains("begins a placeholder") && text.contains("remove the finalizer"),
        "{text}"
    );
}

#[test]
fn addon_25_hooks_of_an_installation_before_do_not_count() {
    let mut world = World::new();
    world.deleted();
    let plan = world.decide();
    world.carried_out(&plan, &done());
    let (_, work) = world.works.last_mut().unwrap();
    let mut other = (**work).clone();
    other.owner = Some("before".into());
    *work = Arc::new(other);
    let plan = world.decide();
    assert!(!plan.release);
    assert_eq!(hook(&plan), "farewell");
}

#[test]
fn an_installation_that_comes_from_templates_no_more_is_released() {
    let mut world = World::new();
    world.offer.as_mut().unwrap().spec.supported_configs.clear();
    let finalizers = |world: &World| {
        let metadata = world.decide().metadata;
        metadata.and_then(|metadata| metadata.get("finalizers").cloned())
    };
    // While it still is configured with one, its hooks can run.
    world.waits();
    world.assignment.as_mut().unwrap().desired.clear();
    assert_eq!(finalizers(&world), None);
    world.assignment.as_mut().unwrap().turn = true;
    assert_eq!(finalizers(&world), Some(json!([])));
    // A finalizer of somebody else's manager stays.
    world.addon.status = None;
    assert_eq!(finalizers(&world), None);
    world.deleted();
    assert_eq!(world.decide(), Plan::default());
}

#[test]
fn a_configuration_gets_its_name_back() {
    let mut world = World::new();
    let status = world.addon.status.as_mut().unwrap();
    status.config_references[0].name.clear();
    let plan = world.decide();
    assert_eq!(plan.status.config_references[0].name, "t");
    assert_eq!(names_of(&plan), ["addon-a-deploy-0"]);
}

#[test]
fn a_template_addon_is_not_hosted_and_says_so() {
    let mut world = World::new();
    let annotations = world.addon.metadata.annotations.get_or_insert_default();
    annotations.insert(names::ANNOTATION_HOSTING_CLUSTER.into(), "h".into());
    let plan = world.decide();
    assert_eq!(
        told(&plan, "HostingClusterValidity"),
        (FALSE, "HostingClusterInvalid")
    );
    let text = message(&plan, "HostingClusterValidity");
    assert!(text.contains("remove the annotation addon.open"), "{text}");
    world.carried_out(&plan, &ready(1));
    let plan = world.decide();
    assert_eq!(told(&plan, "ManifestApplied").0, TRUE);
    assert_eq!(told(&plan, "Progressing"), (FALSE, "Completed"));
    world.addon.metadata.annotations = None;
    assert_eq!(told(&world.decide(), "HostingClusterValidity"), ("", ""));
}

#[test]
fn an_addon_of_another_manager_waits_for_what_that_one_tells() {
    let mut world = World::new();
    world.offer.as_mut().unwrap().spec.supported_configs.clear();
    world.assignment.as_mut().unwrap().desired.clear();
    let annotations = world.addon.metadata.annotations.get_or_insert_default();
    annotations.insert(names::ANNOTATION_HOSTING_CLUSTER.into(), "h".into());
    let waits = |world: &World| {
        let plan = world.decide();
        assert!(plan.works.is_empty());
        told(&plan, "Progressing").1.to_owned()
    };
    assert_eq!(waits(&world), "WaitingForManifestApplied");
    let says = |world: &mut World, kind: &str, status: &str| {
        let conditions = &mut world.addon.status.as_mut().unwrap().conditions;
        conditions::set(conditions, condition(kind, status, "r", "why"));
    };
    says(&mut world, "ManifestApplied", TRUE);
    assert_eq!(waits(&world), "WaitingForHostingManifestApplied");
    says(&mut world, "HostingManifestApplied", FALSE);
    assert_eq!(waits(&world), "Failed");
    assert_eq!(message(&world.decide(), "Progressing"), "why");
    says(&mut world, "HostingManifestApplied", TRUE);
    assert_eq!(waits(&world), "Progressing");
}

#[test]
fn the_agent_lives_where_it_is_said() {
    let mut world = World::new();
    assert_eq!(world.decide().status.namespace, "n");
    // A namespace that the template does not say is the installation's own.
    let mut template = (*template("1", "j")).clone();
    for manifest in &mut template.spec.agent_spec.workload.manifests {
        let metadata = manifest["metadata"].as_object_mut().unwrap();
        metadata.remove("namespace");
    }
    world.template = Found::Exact(Arc::new(template.clone()));
    let default = "open-cluster-management-agent-addon";
    assert_eq!(world.decide().status.namespace, default);
    world.addon.spec.install_namespace = Some("own".into());
    assert_eq!(world.decide().status.namespace, "own");
    let mut both = vec![reference("1")];
    both.insert(
        0,
        Reference {
            resource: names::DEPLOYMENT_CONFIGS.into(),
            name: "c".into(),
            namespace: "m".into(),
            ..reference("5")
        },
    );
    world.assignment.as_mut().unwrap().desired = both;
    let config = |namespace: &str| {
        let spec = json!({"agentInstallNamespace": namespace});
        Found::Exact(Arc::new(DeploymentConfig {
            hash: "5".into(),
            generation: 1,
            spec: serde_json::from_value(spec).unwrap(),
        }))
    };
    world.config = config("configured");
    assert_eq!(world.decide().status.namespace, "configured");
    world.config = config("");
    assert_eq!(world.decide().status.namespace, "own");
    world.config = Found::Gone(None);
    let plan = world.decide();
    assert_eq!(
        message(&plan, "ManifestApplied"),
        "AddOnDeploymentConfig m/c does not exist"
    );
}
