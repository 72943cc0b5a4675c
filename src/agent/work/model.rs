//! What the work agent keeps of ManifestWorks and AppliedManifestWorks.
//!
//! The agent holds every work of its cluster, so it reads them into lean
//! structures: manifests stay JSON text (a parsed one takes several times as
//! much memory) and managed fields are dropped.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// API group of works.
pub const GROUP: &str = "work.open-cluster-management.io";
/// `apiVersion` of ManifestWork and AppliedManifestWork.
pub const API_VERSION: &str = "work.open-cluster-management.io/v1";
/// Kind of works.
pub const KIND: &str = "ManifestWork";
/// Kind of the record on the managed cluster; owner of what is applied.
pub const APPLIED_KIND: &str = "AppliedManifestWork";
/// Finalizer of ManifestWorks.
pub const WORK_FINALIZER: &str = "cluster.open-cluster-management.io/manifest-work-cleanup";
/// Finalizer of AppliedManifestWorks.
pub const APPLIED_FINALIZER: &str =
    "cluster.open-cluster-management.io/applied-manifest-work-cleanup";
/// Field manager of everything the agent writes.
pub const FIELD_MANAGER: &str = "work-agent";

/// One manifest, as JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest(Box<str>);

impl Manifest {
    /// The manifest as an object. It was one when the text was made.
    ///
    /// # Errors
    /// Something was cut out of it.
    pub fn parse(&self) -> Result<Value, serde_json::Error> {
        if self.0.contains(super::shallow::MARK) {
            return Err(serde::de::Error::custom(
                "the manifest is nested too deep: an agent reads about 90 levels",
            ));
        }
        serde_json::from_str(&self.0)
    }

    /// The text: equal manifests have equal texts, as keys are sorted.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<&Value> for Manifest {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&Value::deserialize(deserializer)?))
    }
}

impl Serialize for Manifest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<Value>(&self.0)
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// A ManifestWork. Whatever its spec and its status are, it can be read: a work
/// that is there must not seem to be gone.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Work {
    /// Metadata (without managed fields).
    pub metadata: ObjectMeta,
    /// What to apply, and how.
    pub spec: WorkSpec,
    /// What became of it.
    pub status: WorkStatus,
    /// Why the spec is none (`spec` is empty then).
    #[serde(skip)]
    pub unreadable: Option<String>,
}

impl<'de> Deserialize<'de> for Work {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Parts {
            metadata: ObjectMeta,
            spec: Value,
            status: Value,
        }
        let parts = Parts::deserialize(deserializer)?;
        let (spec, unreadable) = match some::<WorkSpec>(parts.spec) {
            Ok(spec) => (spec, None),
            Err(error) => (WorkSpec::default(), Some(error.to_string())),
        };
        Ok(Self {
            metadata: parts.metadata,
            spec,
            // What is no status is written anew.
            status: some(parts.status).unwrap_or_default(),
            unreadable,
        })
    }
}

/// What a value is; the default when there is none.
fn some<T: Default + serde::de::DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
    if value.is_null() {
        return Ok(T::default());
    }
    serde_json::from_value(value)
}

/// `spec` of a ManifestWork.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkSpec {
    /// The manifests.
    pub workload: Workload,
    /// What happens to the resources when the work goes.
    pub delete_option: Option<DeleteOption>,
    /// Settings per manifest.
    pub manifest_configs: Vec<ManifestConfig>,
    /// Who must be allowed to do what the work does.
    pub executor: Option<Executor>,
}

/// `spec.workload`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Workload {
    /// The manifests.
    pub manifests: Vec<Manifest>,
}

/// `spec.deleteOption`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct DeleteOption {
    /// `Foreground`, `Orphan` or `SelectivelyOrphan`.
    pub propagation_policy: String,
    /// What `SelectivelyOrphan` leaves behind.
    pub selectively_orphans: Option<SelectivelyOrphans>,
}

/// `spec.deleteOption.selectivelyOrphans`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct SelectivelyOrphans {
    /// Resources to leave.
    pub orphaning_rules: Vec<ResourceIdentifier>,
}

/// Names resources of a work; `*` is a wildcard where configs say so.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default)]
pub struct ResourceIdentifier {
    /// API group.
    pub group: String,
    /// Plural name.
    pub resource: String,
    /// Name.
    pub name: String,
    /// Namespace; empty for cluster-scoped resources.
    pub namespace: String,
}

/// `spec.manifestConfigs[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct ManifestConfig {
    /// Which manifests it is for.
    pub resource_identifier: ResourceIdentifier,
    /// What to report of them.
    pub feedback_rules: Vec<FeedbackRule>,
    /// How to update them.
    pub update_strategy: Option<UpdateStrategy>,
    /// Further conditions.
    pub condition_rules: Vec<ConditionRule>,
}

/// `feedbackRules[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct FeedbackRule {
    /// `WellKnownStatus` or `JSONPaths`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Values by path.
    pub json_paths: Vec<JsonPath>,
}

/// `feedbackRules[].jsonPaths[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct JsonPath {
    /// Name of the value.
    pub name: String,
    /// Kubernetes JSONPath without braces.
    pub path: String,
    /// The version of the resource that the path is for.
    pub version: Option<String>,
}

/// `updateStrategy`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// `Update`, `CreateOnly`, `ServerSideApply` or `ReadOnly`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Settings of `ServerSideApply`.
    pub server_side_apply: Option<ServerSideApply>,
}

/// `updateStrategy.serverSideApply`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct ServerSideApply {
    /// Take over fields of other managers.
    pub force: bool,
    /// Field manager; empty means `work-agent`.
    pub field_manager: String,
    /// Fields left to the cluster.
    pub ignore_fields: Vec<IgnoreField>,
}

/// `ignoreFields[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct IgnoreField {
    /// `OnSpokePresent` or `OnSpokeChange`.
    pub condition: String,
    /// Kubernetes JSONPaths.
    pub json_paths: Vec<String>,
    /// JSON pointers.
    pub json_pointers: Vec<String>,
    /// jq paths.
    pub jq_path_expressions: Vec<String>,
}

/// `conditionRules[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct ConditionRule {
    /// Type of the condition.
    pub condition: String,
    /// `CEL` or `WellKnownConditions`.
    #[serde(rename = "type")]
    pub kind: String,
    /// All must hold.
    pub cel_expressions: Vec<String>,
    /// Message of the condition.
    pub message: String,
    /// CEL expression of the message.
    pub message_expression: String,
}

/// `spec.executor`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default)]
pub struct Executor {
    /// Who it is.
    pub subject: ExecutorSubject,
}

/// `spec.executor.subject`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct ExecutorSubject {
    /// `ServiceAccount`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The account.
    pub service_account: Option<ServiceAccount>,
}

/// A service account of the managed cluster.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, Hash)]
#[serde(default)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A condition; times are RFC 3339 with whole seconds.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// Type.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// `True`, `False` or `Unknown`.
    pub status: Cow<'static, str>,
    /// Reason in CamelCase.
    pub reason: Cow<'static, str>,
    /// For people.
    pub message: Cow<'static, str>,
    /// When the status last changed.
    pub last_transition_time: String,
    /// Generation that it speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// `status` of a ManifestWork.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkStatus {
    /// Of the whole work.
    pub conditions: Vec<Condition>,
    /// Per manifest.
    pub resource_status: ResourceStatus,
}

/// `status.resourceStatus`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct ResourceStatus {
    /// In the order of the spec.
    pub manifests: Vec<ManifestStatus>,
}

/// Status of one manifest.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct ManifestStatus {
    /// Which one.
    pub resource_meta: ResourceMeta,
    /// Reported values.
    pub status_feedback: StatusFeedback,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// Names a manifest and its resource.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default)]
pub struct ResourceMeta {
    /// Index in the spec.
    pub ordinal: i32,
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural name; empty when the cluster does not know the kind.
    pub resource: String,
    /// Name.
    pub name: String,
    /// Namespace; empty for cluster-scoped resources.
    pub namespace: String,
}

/// `statusFeedback`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct StatusFeedback {
    /// The values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<FeedbackValue>,
}

/// One reported value.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct FeedbackValue {
    /// Its name.
    pub name: String,
    /// Its type and value.
    pub field_value: FieldValue,
}

/// A typed value.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct FieldValue {
    /// `Integer`, `String`, `Boolean` or `JsonRaw`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of type `Integer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer: Option<i64>,
    /// Of type `String`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// Of type `Boolean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boolean: Option<bool>,
    /// Of type `JsonRaw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_raw: Option<String>,
}

/// An AppliedManifestWork.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct AppliedWork {
    /// Metadata (without managed fields).
    pub metadata: ObjectMeta,
    /// Which work of which hub, applied by which agent.
    pub spec: AppliedSpec,
    /// What was applied.
    pub status: AppliedStatus,
}

/// `spec` of an AppliedManifestWork.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct AppliedSpec {
    /// Hash of the hub's URL.
    pub hub_hash: String,
    /// Which agent.
    #[serde(rename = "agentID")]
    pub agent_id: String,
    /// Which work.
    pub manifest_work_name: String,
}

/// `status` of an AppliedManifestWork.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct AppliedStatus {
    /// What was applied, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applied_resources: Vec<AppliedResource>,
    /// When it was first seen without its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_start_time: Option<String>,
}

/// One applied resource. (The order of the fields is the order of the list.)
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(default)]
pub struct AppliedResource {
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural name.
    pub resource: String,
    /// Namespace; empty for cluster-scoped resources.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID; empty while it is not known yet that the resource was created.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

impl AppliedResource {
    /// What tells resources apart: not the version, not the UID.
    pub fn key(&self) -> (&str, &str, &str, &str) {
        (&self.group, &self.resource, &self.namespace, &self.name)
    }
}

/// Implements [`kube::Resource`] for a type with a `metadata` field.
macro_rules! resource {
    ($type:ty, $kind:literal, $plural:literal, $scope:ty) => {
        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = $scope;

            fn kind(&(): &()) -> Cow<'_, str> {
                $kind.into()
            }
            fn group(&(): &()) -> Cow<'_, str> {
                GROUP.into()
            }
            fn version(&(): &()) -> Cow<'_, str> {
                "v1".into()
            }
            fn plural(&(): &()) -> Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
resource!(
    Work,
    "ManifestWork",
    "manifestworks",
    kube::core::NamespaceResourceScope
);
resource!(
    AppliedWork,
    "AppliedManifestWork",
    "appliedmanifestworks",
    kube::core::ClusterResourceScope
);

/// Lowercase hex SHA-256 of the hub's server string, byte for byte.
pub fn hub_hash(server: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, server.as_bytes()).as_ref())
}

/// Lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Labels as a plain map.
pub fn labels(metadata: &ObjectMeta) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    metadata.labels.as_ref().unwrap_or(&NONE)
}

/// The current time as conditions write it.
pub fn now() -> String {
    jiff::Timestamp::now()
        .round(jiff::Unit::Second)
        .unwrap_or_else(|_| jiff::Timestamp::now())
        .to_string()
}

/// Whether `finalizer` is set.
pub fn has_finalizer(metadata: &ObjectMeta, finalizer: &str) -> bool {
    metadata
        .finalizers
        .as_ref()
        .is_some_and(|all| all.iter().any(|f| f == finalizer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn work_01_the_hub_hash_is_sha256_of_the_server_string() {
        assert_eq!(
            hub_hash("https://hub.example:6443"),
            hex(ring::digest::digest(&ring::digest::SHA256, b"https://hub.example:6443").as_ref())
        );
        assert_eq!(hub_hash("").len(), 64);
        assert!(hub_hash("").starts_with("e3b0c442"));
        assert_ne!(hub_hash("https://h"), hub_hash("https://h/"));
    }

    #[test]
    fn works_are_read_leniently_and_manifests_stay_text() {
        let work: Work = serde_json::from_value(json!({
            "apiVersion": API_VERSION, "kind": "ManifestWork",
            "metadata": {"name": "w"},
            "spec": {"workload": {"manifests": [{"kind": "ConfigMap", "apiVersion": "v1"}]}},
        }))
        .unwrap();
        assert_eq!(
            work.spec.workload.manifests[0].text(),
            r#"{"apiVersion":"v1","kind":"ConfigMap"}"#
        );
        assert!(work.status.conditions.is_empty());
    }

    #[test]
    fn a_work_that_makes_no_sense_is_there_all_the_same() {
        let read = |spec: Value, status: Value| -> Work {
            let object = json!({"metadata": {"name": "w"}, "spec": spec, "status": status});
            // As text and as a value: both ways are taken.
            let text: Work = serde_json::from_str(&object.to_string()).unwrap();
            let value: Work = serde_json::from_value(object).unwrap();
            assert_eq!(text.unreadable, value.unreadable);
            value
        };
        let condition = json!({"conditions": [{"type": "Applied", "status": "True"}]});
        let odd = read(json!({"manifestConfigs": "all"}), condition.clone());
        assert_eq!(odd.metadata.name.as_deref(), Some("w"));
        let why = odd.unreadable.unwrap();
        assert!(why.contains("invalid type: string"), "{why}");
        assert_eq!(odd.status.conditions.len(), 1);
        let good = read(
            json!({"workload": {"manifests": []}}),
            json!({"conditions": 7}),
        );
        assert_eq!((good.unreadable, good.status.conditions.len()), (None, 0));
        assert_eq!(read(Value::Null, Value::Null).unreadable, None);
    }

    #[test]
    fn a_manifest_with_a_hole_is_no_manifest() {
        let manifest = Manifest::from(&json!({"a": super::super::shallow::MARK}));
        let error = manifest.parse().unwrap_err();
        assert!(error.to_string().contains("nested too deep"), "{error}");
        // It can be copied, and is no manifest there either.
        let copy: Manifest =
            serde_json::from_str(&serde_json::to_string(&manifest).unwrap()).unwrap();
        assert!(copy.parse().is_err());
    }

    #[test]
    fn work_31_applied_resources_sort_by_group_version_resource_namespace_name() {
        let r = |group: &str, resource: &str, namespace: &str, name: &str| AppliedResource {
            group: group.into(),
            version: "v1".into(),
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
            uid: "u".into(),
        };
        let mut all = [
            r("b", "x", "", "n"),
            r("", "z", "n", "b"),
            r("", "z", "n", "a"),
            r("", "z", "a", "z"),
        ];
        all.sort();
        let names: Vec<_> = all
            .iter()
            .map(|a| (a.group.as_str(), a.namespace.as_str(), a.name.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                ("", "a", "z"),
                ("", "n", "a"),
                ("", "n", "b"),
                ("b", "", "n")
            ]
        );
    }
}
