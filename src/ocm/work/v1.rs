//! `work.open-cluster-management.io/v1`: ManifestWork and AppliedManifestWork.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ocm::resource::resource;
use crate::ocm::{is_default, schema};

/// Condition of works and manifests: applied on the managed cluster.
pub const CONDITION_APPLIED: &str = "Applied";
/// Condition of works and manifests: present on the managed cluster.
pub const CONDITION_AVAILABLE: &str = "Available";
/// Condition of manifests: status feedback was read.
pub const CONDITION_STATUS_FEEDBACK_SYNCED: &str = "StatusFeedbackSynced";
/// Condition of works and manifests: they have run to their end.
pub const CONDITION_COMPLETE: &str = "Complete";
/// Condition of works and manifests: a new state is being reached.
pub const CONDITION_PROGRESSING: &str = "Progressing";
/// Condition of works and manifests: something does not work as it should.
pub const CONDITION_DEGRADED: &str = "Degraded";

resource! {
    /// Objects to apply on the managed cluster whose namespace the work is in.
    ManifestWork {
        group: "work.open-cluster-management.io", version: "v1", plural: "manifestworks",
        scope: Namespaced,
        spec: ManifestWorkSpec,
        status: ManifestWorkStatus,
    }
}

/// What to apply on the cluster, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestWorkSpec {
    /// The objects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub workload: ManifestsTemplate,
    /// What happens to the objects when the work is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_option: Option<DeleteOption>,
    /// How single objects are applied and watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifest_configs: Vec<ManifestConfigOption>,
    /// Whose permissions the agent applies with; its own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<ManifestWorkExecutor>,
}

/// The objects of a work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestsTemplate {
    /// The objects, each complete with apiVersion, kind and name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::embedded_objects")]
    pub manifests: Vec<Value>,
}

/// What happens to applied objects when their work is deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOption {
    /// Delete them, keep them, or keep some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "Foreground"))]
    pub propagation_policy: Option<DeletePropagationPolicy>,
    /// With SelectivelyOrphan: which are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selectively_orphans: Option<SelectivelyOrphan>,
    /// Delete the work itself this long after it completed; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i64>,
}

/// How deleting a work reaches what it applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletePropagationPolicy {
    /// Everything is deleted before the work is gone.
    #[default]
    Foreground,
    /// Everything stays.
    Orphan,
    /// What the rules name stays, the rest is deleted.
    SelectivelyOrphan,
}

/// Which objects stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectivelyOrphan {
    /// The objects, one rule each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orphaning_rules: Vec<OrphaningRule>,
}

/// One object that stays when its work is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrphaningRule {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The plural of the kind.
    pub resource: String,
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

/// How one object is applied and watched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestConfigOption {
    /// The object.
    pub resource_identifier: ResourceIdentifier,
    /// What is reported back from the object's status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feedback_rules: Vec<FeedbackRule>,
    /// How the object is brought to the wanted state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<UpdateStrategy>,
    /// Conditions to compute from the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["condition"]
    ))]
    pub condition_rules: Vec<ConditionRule>,
    /// How the object's status is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "Poll"))]
    pub feedback_scrape_type: Option<FeedbackScrapeType>,
}

/// How status feedback is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FeedbackScrapeType {
    /// At intervals.
    #[default]
    Poll,
    /// On every change.
    Watch,
}

/// One object of a work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceIdentifier {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The plural of the kind.
    pub resource: String,
    /// The object's name.
    pub name: String,
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// What is reported back from an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackRule {
    /// Well-known fields of the kind, or own paths.
    #[serde(rename = "type")]
    pub type_: FeedbackRuleType,
    /// With JSONPaths: the values and where they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"]
    ))]
    pub json_paths: Vec<JsonPath>,
}

/// What is reported back from an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FeedbackRuleType {
    /// Fields known to matter for the kind, such as ready replicas.
    WellKnownStatus,
    /// The values at given paths.
    #[serde(rename = "JSONPaths")]
    JsonPaths,
}

/// A named value in an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JsonPath {
    /// What the value is called in the feedback.
    pub name: String,
    /// The version of the kind the path is for; any when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where the value is, below `status`.
    pub path: String,
}

/// A condition computed from an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.type != 'CEL' || self.condition != \"\"",
    "message": "Condition is required for CEL rules"
}]))]
pub struct ConditionRule {
    /// The type of the condition.
    pub condition: String,
    /// Well-known rules of the kind, or CEL expressions.
    #[serde(rename = "type")]
    pub type_: ConditionRuleType,
    /// With CEL: the expressions; all must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cel_expressions: Vec<String>,
    /// The condition's message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// A CEL expression for the message; goes before `message`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message_expression: String,
}

/// How a condition is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionRuleType {
    /// As is known for the kind.
    WellKnownConditions,
    /// By CEL expressions.
    #[serde(rename = "CEL")]
    Cel,
}

/// How an object is brought to the wanted state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// The way.
    #[serde(rename = "type")]
    #[schemars(extend("x-ocm-default" = "Update"))]
    pub type_: UpdateStrategyType,
    /// With ServerSideApply: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<ServerSideApplyConfig>,
}

/// How an object is brought to the wanted state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpdateStrategyType {
    /// Create it, and update it where it differs.
    #[default]
    Update,
    /// Create it, and leave it alone from then on.
    CreateOnly,
    /// Server-side apply.
    ServerSideApply,
    /// Only read it.
    ReadOnly,
}

/// Options of server-side apply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerSideApplyConfig {
    /// Take fields from other managers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub force: bool,
    /// The field manager; begins with `work-agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "work-agent", "pattern" = "^work-agent"))]
    pub field_manager: Option<String>,
    /// Fields that are not applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["condition"]
    ))]
    pub ignore_fields: Vec<IgnoreField>,
}

/// Fields that are not applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IgnoreField {
    /// When they are left out.
    #[schemars(extend("x-ocm-default" = "OnSpokePresent"))]
    pub condition: IgnoreFieldsCondition,
    /// The fields, as JSONPath.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json_paths: Vec<String>,
    /// The fields, as JSON pointers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
    /// The fields, as jq expressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jq_path_expressions: Vec<String>,
}

/// When ignored fields are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IgnoreFieldsCondition {
    /// Whenever the object is there already.
    #[default]
    OnSpokePresent,
    /// When only the cluster's side changed.
    OnSpokeChange,
}

/// Whose permissions the agent applies with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestWorkExecutor {
    /// The identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<ManifestWorkExecutorSubject>,
}

/// The identity a work is applied with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestWorkExecutorSubject {
    /// What kind of identity it is.
    #[serde(rename = "type")]
    pub type_: ManifestWorkExecutorSubjectType,
    /// With ServiceAccount: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ManifestWorkSubjectServiceAccount>,
}

/// The kinds of identities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManifestWorkExecutorSubjectType {
    /// A service account of the managed cluster.
    #[default]
    ServiceAccount,
}

/// A service account of the managed cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestWorkSubjectServiceAccount {
    /// Its namespace.
    #[schemars(length(min = 1, max = 253), extend("pattern" = schema::DNS_SUBDOMAIN))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253), extend("pattern" = schema::DNS_SUBDOMAIN))]
    pub name: String,
}

/// What became of a work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestWorkStatus {
    /// What is known about the work as a whole, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// What is known about each object.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resource_status: ManifestResourceStatus,
}

/// What became of a work's objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestResourceStatus {
    /// One entry per manifest, in the manifests' order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<ManifestCondition>,
}

/// What became of one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestCondition {
    /// The object.
    pub resource_meta: ManifestResourceMeta,
    /// Values read from it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub status_feedback: StatusFeedbackResult,
    /// What is known about it, one entry per type.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// One object of a work, as it was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestResourceMeta {
    /// Its place among the manifests, from 0.
    pub ordinal: i32,
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The version that was applied.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The plural of the kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// The object's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// Values read from an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusFeedbackResult {
    /// The values by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"]
    ))]
    pub values: Vec<FeedbackValue>,
}

/// One value read from an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackValue {
    /// Names the value.
    pub name: String,
    /// The value.
    pub field_value: FieldValue,
}

/// A value and its type; exactly the field of the type is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldValue {
    /// Which field holds the value.
    #[serde(rename = "type")]
    pub type_: ValueType,
    /// With Integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integer: Option<i64>,
    /// With String.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// With Boolean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boolean: Option<bool>,
    /// With JsonRaw: the value as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub json_raw: Option<String>,
}

/// The types of feedback values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ValueType {
    /// A whole number.
    Integer,
    /// A text.
    String,
    /// True or false.
    Boolean,
    /// Any JSON, as text.
    JsonRaw,
}

resource! {
    /// On a managed cluster: the work of a hub and what it left there, so that it can be removed.
    AppliedManifestWork {
        group: "work.open-cluster-management.io", version: "v1", plural: "appliedmanifestworks",
        scope: Cluster,
        spec: AppliedManifestWorkSpec,
        status: AppliedManifestWorkStatus,
    }
}

/// Which work of which hub this stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedManifestWorkSpec {
    /// A hash of the hub's address.
    pub hub_hash: String,
    /// The agent that applied the work.
    #[serde(default, rename = "agentID", skip_serializing_if = "String::is_empty")]
    pub agent_id: String,
    /// The work's name on the hub.
    pub manifest_work_name: String,
}

/// What a work left on the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedManifestWorkStatus {
    /// The objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied_resources: Vec<AppliedManifestResourceMeta>,
    /// Since when the work is gone from the hub; it is removed after a grace period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eviction_start_time: Option<Time>,
}

/// One object a work left on the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedManifestResourceMeta {
    /// The version that was applied.
    pub version: String,
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The plural of the kind.
    pub resource: String,
    /// The object's name.
    pub name: String,
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's UID; it is removed only while it is still the same object.
    #[serde(default, rename = "uid", skip_serializing_if = "String::is_empty")]
    pub uid: String,
}
