use super::*;

struct Case {
    cluster: Cluster,
    health: Health,
    nodes: Vec<Node>,
    claims: BTreeMap<String, ClusterClaim>,
    settings: Settings,
}

fn condition(kind: &str, status: &str) -> Condition {
    conditions::condition(kind, status, "R", "m")
}

impl Case {
    fn accepted() -> Self {
        Self {
            cluster: Cluster {
                conditions: vec![condition(CONDITION_HUB_ACCEPTED, conditions::TRUE)],
                ..Cluster::default()
            },
            health: Health::Well,
            nodes: Vec::new(),
            claims: BTreeMap::new(),
            settings: Settings::default(),
        }
    }

    fn plan(&self) -> Plan {
        decide(&Observed {
            cluster: &self.cluster,
            health: &self.health,
            version: "v1.36.1",
            nodes: &self.nodes,
            claims: Some(&self.claims),
            settings: &self.settings,
            namespaces: None,
        })
    }

    fn patched(&self) -> Value {
        self.plan().patch.unwrap()["status"].clone()
    }
}

fn unwell(seconds: u64) -> Health {
    Health::Unwell {
        since: Duration::from_secs(seconds),
        code: 500,
        text: "etcd is away".into(),
    }
}

fn node(cpu: &str, memory: &str, unschedulable: bool) -> Node {
    let resources = BTreeMap::from([
        ("cpu".to_owned(), cpu.to_owned()),
        ("memory".to_owned(), memory.to_owned()),
    ]);
    Node {
        capacity: resources.clone(),
        allocatable: resources,
        unschedulable,
    }
}

fn claim(value: &str, hidden: bool) -> ClusterClaim {
    ClusterClaim {
        value: value.into(),
        hidden,
    }
}

#[test]
fn registration_41_an_accepted_cluster_is_joined_and_available() {
    let case = Case::accepted();
    let conditions: Vec<Condition> =
        serde_json::from_value(case.patched()["conditions"].clone()).unwrap();
    let joined = conditions::find(&conditions, CONDITION_JOINED).unwrap();
    assert_eq!(
        (joined.reason.as_str(), joined.message.as_str()),
        ("ManagedClusterJoined", "Managed cluster joined")
    );
    let available = conditions::find(&conditions, CONDITION_AVAILABLE).unwrap();
    assert_eq!(available.message, "Managed cluster is available");
    assert_eq!(case.plan().available, Some(true));
    assert_eq!(case.patched()["version"]["kubernetes"], "v1.36.1");
}

#[test]
fn registration_51_a_cluster_that_is_not_accepted_tells_nothing() {
    let mut case = Case::accepted();
    case.cluster.conditions = vec![condition(CONDITION_HUB_ACCEPTED, conditions::FALSE)];
    assert_eq!(case.plan(), Plan::default());
    case.cluster.conditions.clear();
    assert_eq!(case.plan(), Plan::default());
}

#[test]
fn registration_52_available_is_false_only_after_twenty_seconds() {
    let mut case = Case::accepted();
    case.cluster.conditions.extend([
        condition(CONDITION_JOINED, conditions::TRUE),
        condition(CONDITION_AVAILABLE, conditions::TRUE),
    ]);
    case.cluster.conditions[1].reason = "ManagedClusterJoined".into();
    case.cluster.conditions[1].message = "Managed cluster joined".into();
    case.health = unwell(19);
    let plan = case.plan();
    assert!(plan.patch.is_none() && plan.soon);
    case.health = unwell(20);
    let plan = case.plan();
    assert_eq!(plan.available, Some(false));
    let conditions = &plan.patch.unwrap()["status"]["conditions"];
    assert_eq!(conditions[2]["status"], "False");
    assert_eq!(
        conditions[2]["message"],
        "The kube-apiserver is not ok, status code: 500, etcd is away"
    );
}

#[test]
fn registration_53_cordoned_nodes_count_for_capacity_only() {
    let mut case = Case::accepted();
    case.nodes = vec![
        node("4", "16Gi", false),
        node("3500m", "8Gi", false),
        node("1", "1Gi", true),
    ];
    case.cluster
        .reported
        .capacity
        .insert("example.com/foreign".into(), "7".into());
    case.cluster
        .reported
        .allocatable
        .insert("old".into(), "7".into());
    let status = case.patched();
    assert_eq!(
        status["capacity"],
        json!({"cpu": "8500m", "memory": "25Gi"}),
        "the foreign key is left alone"
    );
    assert_eq!(
        status["allocatable"],
        json!({"cpu": "7500m", "memory": "24Gi", "old": null})
    );
}

#[test]
fn registration_54_reserved_claims_first_then_twenty_custom_ones() {
    let mut case = Case::accepted();
    for n in 0..25 {
        case.claims
            .insert(format!("custom{n:02}"), claim("v", false));
    }
    case.claims.insert("id.k8s.io".into(), claim("id", false));
    case.claims.insert(
        "product.open-cluster-management.io".into(),
        claim("p", false),
    );
    case.claims.insert("a-hidden".into(), claim("h", true));
    let claims: Vec<Claim> =
        serde_json::from_value(case.patched()["clusterClaims"].clone()).unwrap();
    assert_eq!(claims.len(), 22);
    assert_eq!(claims[0].name, "id.k8s.io");
    assert_eq!(claims[1].name, "product.open-cluster-management.io");
    assert_eq!(claims[2].name, "custom00");
    assert_eq!(claims[21].name, "custom19");
    case.settings.reserved_claim_suffixes = vec!["24".into()];
    let claims: Vec<Claim> =
        serde_json::from_value(case.patched()["clusterClaims"].clone()).unwrap();
    assert_eq!(claims[0].name, "custom24");
    case.settings.claims = false;
    assert_eq!(case.patched().get("clusterClaims"), None);
}

#[test]
fn registration_55_clocks_apart_block_the_status() {
    let mut case = Case::accepted();
    case.cluster
        .conditions
        .push(condition(CONDITION_CLOCK_SYNCED, conditions::FALSE));
    let plan = case.plan();
    assert!(plan.patch.is_none() && plan.blocked.is_some() && plan.available.is_none());
}

#[test]
fn nothing_to_tell_when_the_hub_knows() {
    let mut case = Case::accepted();
    case.nodes = vec![node("4", "16Gi", false)];
    let status = case.patched();
    let mut known: Value = status.clone();
    known["clusterClaims"] = json!([]);
    case.cluster.conditions = serde_json::from_value(known["conditions"].clone()).unwrap();
    case.cluster.reported = serde_json::from_value(known).unwrap();
    assert_eq!(case.plan(), Plan::default());
}

#[test]
fn the_lease_duration_has_a_default() {
    assert_eq!(Cluster::default().lease_duration(), Duration::from_secs(60));
}
