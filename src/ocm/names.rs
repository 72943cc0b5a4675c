//! The names the protocol fixes: namespaces, secrets, accounts, labels,
//! annotations, finalizers, users, groups and roles.

// Namespaces.

/// Where the operators run, on hub and managed clusters.
pub const OPERATOR_NAMESPACE: &str = "open-cluster-management";
/// Where the hub's components run.
pub const HUB_NAMESPACE: &str = "open-cluster-management-hub";
/// Where the agent runs, unless the Klusterlet says otherwise.
pub const AGENT_NAMESPACE: &str = "open-cluster-management-agent";
/// Where add-on agents run, unless configured otherwise.
pub const AGENT_ADDON_NAMESPACE: &str = "open-cluster-management-agent-addon";

// Objects with fixed names.

/// The ClusterManager that `init` creates, and its operator.
pub const CLUSTER_MANAGER: &str = "cluster-manager";
/// The Klusterlet that `join` creates, and its operator.
pub const KLUSTERLET: &str = "klusterlet";
/// The service account whose tokens agents join with.
pub const BOOTSTRAP_SERVICE_ACCOUNT: &str = "agent-registration-bootstrap";
/// The kubeconfig an agent joins with.
pub const BOOTSTRAP_KUBECONFIG_SECRET: &str = "bootstrap-hub-kubeconfig";
/// The kubeconfig an agent got from the hub.
pub const HUB_KUBECONFIG_SECRET: &str = "hub-kubeconfig-secret";
/// The Service by which the API server reaches the hub's webhooks.
pub const WEBHOOK_SERVICE: &str = "cluster-manager-registration-webhook";
/// The webhooks' certificate, in the hub's namespace.
pub const WEBHOOK_SECRET: &str = "webhook-serving-cert";
/// Credentials for pulling images, copied to every namespace of ours.
pub const IMAGE_PULL_SECRET: &str = "open-cluster-management-image-pull-credentials";
/// The lease an agent renews in its cluster's namespace on the hub.
pub const CLUSTER_LEASE: &str = "managed-cluster-lease";
/// The cluster set of clusters that name no other.
pub const DEFAULT_CLUSTER_SET: &str = "default";
/// The cluster set of all clusters.
pub const GLOBAL_CLUSTER_SET: &str = "global";

// Keys of secrets.

/// A kubeconfig in a Secret.
pub const KEY_KUBECONFIG: &str = "kubeconfig";
/// The cluster's name in the hub kubeconfig Secret.
pub const KEY_CLUSTER_NAME: &str = "cluster-name";
/// The agent's name in the hub kubeconfig Secret.
pub const KEY_AGENT_NAME: &str = "agent-name";

// Labels.

/// On CSRs, leases and namespaces of a managed cluster: its name.
pub const LABEL_CLUSTER_NAME: &str = "open-cluster-management.io/cluster-name";
/// On CSRs and works of an add-on: its name.
pub const LABEL_ADDON_NAME: &str = "open-cluster-management.io/addon-name";
/// On managed clusters: the set they are in.
pub const LABEL_CLUSTER_SET: &str = "cluster.open-cluster-management.io/clusterset";
/// On everything a Klusterlet created: its name.
pub const LABEL_CREATED_BY_KLUSTERLET: &str = "open-cluster-management.io/created-by-klusterlet";
/// On everything a ClusterManager created: its name.
pub const LABEL_CREATED_BY_CLUSTER_MANAGER: &str =
    "open-cluster-management.io/created-by-clustermanager";
/// On a Klusterlet's namespace: the Klusterlet's name.
pub const LABEL_KLUSTERLET: &str = "operator.open-cluster-management.io/klusterlet";
/// On ClusterRoles whose rules the work agent is to get.
pub const LABEL_AGGREGATE_TO_WORK: &str = "open-cluster-management.io/aggregate-to-work";
/// Before the name of an add-on, on managed clusters that have it.
pub const LABEL_FEATURE_ADDON_PREFIX: &str = "feature.open-cluster-management.io/addon-";
/// On claims that stay on the cluster.
pub const LABEL_SPOKE_ONLY: &str = "open-cluster-management.io/spoke-only";
/// On works: the replica set they are of, `<namespace>.<name>`.
pub const LABEL_MANIFEST_WORK_REPLICA_SET: &str =
    "work.open-cluster-management.io/manifestworkreplicaset";
/// On works: the placement that chose their cluster.
pub const LABEL_PLACEMENT_NAME: &str = "work.open-cluster-management.io/placementname";
/// On works that `create work --placement` made: the placement, as `<namespace>.<name>`.
pub const LABEL_PUT_BY_PLACEMENT: &str = "ocmadm.open-cluster-management.io/placement";
/// On namespaces that get a copy of the image pull secret.
pub const LABEL_ADDON_NAMESPACE: &str = "addon.open-cluster-management.io/namespace";

// Annotations.

/// The hash of what the work agent last applied while ignoring fields.
pub const ANNOTATION_CONFIG_SPEC_HASH: &str = "open-cluster-management.io/config-spec-hash";
/// The hash of the spec that was last applied to a Service or a CSIDriver.
pub const ANNOTATION_SPEC_HASH: &str = "operator.openshift.io/spec-hash";
/// The version of the operator that wrote a CRD.
pub const ANNOTATION_OPERATOR_VERSION: &str = "operator.open-cluster-management.io/version";
/// The prefix of annotations the agent copies to its ManagedCluster.
pub const ANNOTATION_AGENT_PREFIX: &str = "agent.open-cluster-management.io";
/// On a ManagedCluster: when the hub accepted it by itself.
pub const ANNOTATION_AUTOMATICALLY_ACCEPTED: &str =
    "open-cluster-management.io/automatically-accepted-on";
/// On a ManagedCluster, by the native hub's webhook: who created it.
pub const ANNOTATION_CREATED_BY: &str = "ocmadm.open-cluster-management.io/created-by";
/// On add-ons and works: the order of removal, 0 to 100.
pub const ANNOTATION_CLEANUP_PRIORITY: &str = "open-cluster-management.io/cleanup-priority";
/// `"false"` on hub roles that the hub shall not bring back to their content.
pub const ANNOTATION_AUTO_UPDATE: &str = "cluster.open-cluster-management.io/autoupdate";
/// Turns the comparison of clocks off for a cluster.
pub const ANNOTATION_SKIP_CLOCK_SYNC: &str =
    "registration.open-cluster-management.io/skip-clock-sync-check";

// Finalizers.

/// On accepted ManagedClusters: the hub removes their roles and bindings.
pub const FINALIZER_MANAGED_CLUSTER: &str =
    "cluster.open-cluster-management.io/api-resource-cleanup";
/// On every ManagedCluster: the hub removes its add-ons and works first.
pub const FINALIZER_RESOURCE_CLEANUP: &str = "cluster.open-cluster-management.io/resource-cleanup";
/// On ManifestWorks (the agent removes what it applied) and on the agent's own
/// work RoleBinding (which must outlive the works).
pub const FINALIZER_MANIFEST_WORK: &str =
    "cluster.open-cluster-management.io/manifest-work-cleanup";
/// On ManifestWorkReplicaSets: the hub removes their works.
pub const FINALIZER_MANIFEST_WORK_REPLICA_SET: &str =
    "work.open-cluster-management.io/manifest-work-cleanup";
/// On AppliedManifestWorks: the agent removes what it applied.
pub const FINALIZER_APPLIED_MANIFEST_WORK: &str =
    "cluster.open-cluster-management.io/applied-manifest-work-cleanup";
/// On ClusterManagers: the hub's components are removed first.
pub const FINALIZER_CLUSTER_MANAGER: &str =
    "operator.open-cluster-management.io/cluster-manager-cleanup";
/// On Klusterlets: the agent's components are removed first.
pub const FINALIZER_KLUSTERLET: &str = "operator.open-cluster-management.io/klusterlet-cleanup";

// Users, groups and roles.

/// The group of every agent.
pub const GROUP_MANAGED_CLUSTERS: &str = "system:open-cluster-management:managed-clusters";
/// Before `<cluster>:<agent>`: users that are agents; before `<cluster>`: their groups.
pub const USER_PREFIX: &str = "system:open-cluster-management:";
/// The group that bootstrap credentials of `--use-bootstrap-token` are in.
pub const GROUP_BOOTSTRAP: &str = "system:bootstrappers:managedcluster";
/// The role of bootstrap credentials.
pub const ROLE_BOOTSTRAP: &str = "open-cluster-management:bootstrap";
/// The signer of agents' client certificates.
pub const SIGNER_KUBE_CLIENT: &str = "kubernetes.io/kube-apiserver-client";
/// Signs certificates for the hub's gRPC server.
pub const SIGNER_GRPC: &str = "open-cluster-management.io/grpc";
/// For whom the hub's gRPC server made a signing request.
pub const ANNOTATION_CSR_USER: &str = "open-cluster-management.io/csr-user";

/// The user of an agent.
pub fn agent_user(cluster: &str, agent: &str) -> String {
    format!("{USER_PREFIX}{cluster}:{agent}")
}

/// The group of a cluster's agents.
pub fn cluster_group(cluster: &str) -> String {
    format!("{USER_PREFIX}{cluster}")
}

/// All groups that a cluster's agents may be in: with certificates, and with
/// identities of AWS.
pub fn agent_groups(cluster: &str) -> [String; 2] {
    [
        cluster_group(cluster),
        format!("open-cluster-management:{cluster}"),
    ]
}

/// The label that tells the state of an add-on on a managed cluster.
pub fn addon_feature_label(addon: &str) -> String {
    format!("{LABEL_FEATURE_ADDON_PREFIX}{addon}")
}

/// The longest name of a work: that of its record on the managed cluster is a
/// hash of 64 digits, a dash and this, and has at most 253 characters.
pub const LONGEST_WORK_NAME: usize = 188;
