//! The columns of the built-in kinds, and what fills the simple ones.

use crate::types::ResourceType;

/// A column of a built-in kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Heading {
    /// What stands above it.
    pub name: &'static str,
    /// `string`, `integer`, `boolean`.
    pub type_: &'static str,
    /// `name` for the name.
    pub format: &'static str,
    /// For people; after `=` it is that of a field.
    pub description: &'static str,
    /// 1 for those that only `-o wide` shows.
    pub priority: u8,
}

const fn text(name: &'static str, description: &'static str) -> Heading {
    Heading {
        name,
        type_: "string",
        format: "",
        description,
        priority: 0,
    }
}

const fn wide(name: &'static str, description: &'static str) -> Heading {
    Heading {
        priority: 1,
        ..text(name, description)
    }
}

const fn number(name: &'static str, description: &'static str) -> Heading {
    Heading {
        type_: "integer",
        ..text(name, description)
    }
}

const fn truth(name: &'static str, description: &'static str) -> Heading {
    Heading {
        type_: "boolean",
        ..text(name, description)
    }
}

const NAME: Heading = Heading {
    format: "name",
    ..text("Name", "=apimachinery.pkg.apis.meta.v1.ObjectMeta.name")
};
const AGE: Heading = text(
    "Age",
    "=apimachinery.pkg.apis.meta.v1.ObjectMeta.creationTimestamp",
);
const CONTAINERS: Heading = wide("Containers", "The names of the containers in the template.");
const IMAGES: Heading = wide("Images", "The images of the containers in the template.");
const SELECTOR: Heading = wide("Selector", "Which pods are selected.");

/// The columns of the subresource `scale`.
pub(super) const SCALE: [Heading; 4] = [
    text("Name", NAME.description),
    number(
        "Desired",
        "replicas is the desired number of instances for the scaled object.",
    ),
    number(
        "Available",
        "replicas is the actual number of observed instances of the scaled object.",
    ),
    AGE,
];

/// The columns of a built-in kind; name and creation time where it has none of
/// its own.
#[expect(clippy::too_many_lines, reason = "a table of all kinds")]
pub(super) fn of(resource: &ResourceType) -> Vec<Heading> {
    match (resource.gr.group.as_str(), resource.gr.resource.as_str()) {
        ("", "pods") => vec![
            NAME,
            text("Ready", "How many of the pod's containers are ready."),
            text(
                "Status",
                "The state of the containers in this pod, in one word.",
            ),
            text(
                "Restarts",
                "How often containers were restarted, and when last.",
            ),
            AGE,
            wide("IP", "The address of the pod."),
            wide("Node", "The node it runs on."),
            wide(
                "Nominated Node",
                "The node where room is being made for it.",
            ),
            wide(
                "Readiness Gates",
                "How many of its readiness gates are open.",
            ),
        ],
        ("", "services") => vec![
            NAME,
            text("Type", "How the service is exposed."),
            text("Cluster-IP", "Its address in the cluster."),
            text("External-IP", "Its addresses outside the cluster."),
            text("Port(s)", "Its ports."),
            AGE,
            SELECTOR,
        ],
        ("", "endpoints") => vec![NAME, text("Endpoints", "Addresses and ports."), AGE],
        ("", "nodes") => vec![
            NAME,
            text("Status", "The status of the node"),
            text("Roles", "The roles of the node"),
            AGE,
            text("Version", "The version of its kubelet."),
            wide("Internal-IP", "Its address in the cluster."),
            wide("External-IP", "Its address outside the cluster."),
            wide("OS-Image", "Its operating system."),
            wide("Kernel-Version", "Its kernel."),
            wide("Container-Runtime", "Its container runtime."),
        ],
        ("", "namespaces") => vec![NAME, text("Status", "The status of the namespace"), AGE],
        ("", "secrets") => vec![
            NAME,
            text("Type", "=api.core.v1.Secret.type"),
            text("Data", "=api.core.v1.Secret.data"),
            AGE,
        ],
        ("", "configmaps") => vec![NAME, text("Data", "=api.core.v1.ConfigMap.data"), AGE],
        ("", "serviceaccounts") => vec![NAME, AGE],
        ("" | "events.k8s.io", "events") => vec![
            text("Last Seen", "When it happened last."),
            text("Type", "Normal or Warning."),
            text("Reason", "Why, in one word."),
            text("Object", "What it is about."),
            wide("Subobject", "The part of the object it is about."),
            wide("Source", "Who reports it."),
            text("Message", "What happened."),
            wide("First Seen", "When it happened first."),
            wide("Count", "How often it happened."),
            Heading {
                format: "name",
                ..wide("Name", "The name of the event.")
            },
        ],
        ("", "persistentvolumes") => vec![
            NAME,
            text("Capacity", "Its size."),
            text("Access Modes", "How it can be mounted."),
            text("Reclaim Policy", "What becomes of it when its claim goes."),
            text("Status", "Whether it is bound."),
            text("Claim", "The claim it is bound to."),
            text("StorageClass", "StorageClass of the pv"),
            text("VolumeAttributesClass", "VolumeAttributesClass of the pv"),
            text("Reason", "Why it is in this state."),
            AGE,
            wide("VolumeMode", "Filesystem or Block."),
        ],
        ("", "persistentvolumeclaims") => vec![
            NAME,
            text("Status", "Whether it is bound."),
            text("Volume", "The volume it is bound to."),
            text("Capacity", "The size of the volume."),
            text("Access Modes", "How it can be mounted."),
            text("StorageClass", "StorageClass of the pvc"),
            text("VolumeAttributesClass", "VolumeAttributesClass of the pvc"),
            AGE,
            wide("VolumeMode", "Filesystem or Block."),
        ],
        ("", "replicationcontrollers") | ("apps", "replicasets") => vec![
            NAME,
            number("Desired", "How many pods there should be."),
            number("Current", "How many pods there are."),
            number("Ready", "How many of them are ready."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("", "podtemplates") => vec![
            NAME,
            text("Containers", "The names of the containers in the template."),
            text("Images", "The images of the containers in the template."),
            text("Pod Labels", "The labels for the pod template."),
        ],
        ("", "resourcequotas") => vec![
            NAME,
            text("Request", "What is requested of what may be."),
            text("Limit", "What is limited of what may be."),
            AGE,
        ],
        ("", "componentstatuses") => vec![
            NAME,
            text("Status", "Status of the component conditions"),
            text("Message", "Message of the component conditions"),
            text("Error", "Error of the component conditions"),
        ],
        ("apps", "deployments") => vec![
            NAME,
            text("Ready", "How many pods are ready."),
            text("Up-to-date", "How many pods have the present template."),
            text("Available", "How many pods are available."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("apps", "daemonsets") => vec![
            NAME,
            number("Desired", "How many nodes should run the pod."),
            number("Current", "How many nodes run the pod."),
            number("Ready", "How many nodes run a ready pod."),
            number("Up-to-date", "How many nodes run the present template."),
            number("Available", "How many nodes run an available pod."),
            text("Node Selector", "Which nodes are selected."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("apps", "statefulsets") => vec![
            NAME,
            text("Ready", "How many pods are ready."),
            AGE,
            CONTAINERS,
            IMAGES,
        ],
        ("apps", "controllerrevisions") => vec![
            NAME,
            text("Controller", "Whose revision it is."),
            text("Revision", "Its number."),
            AGE,
        ],
        ("batch", "jobs") => vec![
            NAME,
            text("Status", "Status of the job."),
            text("Completions", "How many pods succeeded."),
            text("Duration", "Time required to complete the job."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("batch", "cronjobs") => vec![
            NAME,
            text("Schedule", "When it runs, as cron has it."),
            text("Timezone", "The time zone of the schedule."),
            truth("Suspend", "Whether it is suspended."),
            number("Active", "How many jobs run now."),
            text("Last Schedule", "When it ran last."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("autoscaling", "horizontalpodautoscalers") => vec![
            NAME,
            text("Reference", "What it scales."),
            text("Targets", "What is measured, and what it should be."),
            text("MinPods", "The fewest pods."),
            text("MaxPods", "The most pods."),
            text("Replicas", "How many pods there are."),
            AGE,
        ],
        ("networking.k8s.io", "ingresses") => vec![
            NAME,
            text("Class", "Its ingress class."),
            text("Hosts", "The hosts it is for."),
            text("Address", "The addresses of the load balancer."),
            text("Ports", "Its ports."),
            AGE,
        ],
        ("networking.k8s.io", "ingressclasses") => vec![
            NAME,
            text(
                "Controller",
                "Controller that is responsible for handling this class",
            ),
            text(
                "Parameters",
                "A reference to a resource with additional parameters",
            ),
            AGE,
        ],
        ("networking.k8s.io", "networkpolicies") => {
            vec![NAME, text("Pod-Selector", "The pods it is about."), AGE]
        }
        ("networking.k8s.io", "servicecidrs") => vec![NAME, text("CIDRs", "Its ranges."), AGE],
        ("networking.k8s.io", "ipaddresses") => {
            vec![NAME, text("ParentRef", "What the address is used by."), AGE]
        }
        ("policy", "poddisruptionbudgets") => vec![
            NAME,
            text(
                "Min Available",
                "The minimum number of pods that must be available.",
            ),
            text(
                "Max Unavailable",
                "The maximum number of pods that may be unavailable.",
            ),
            number("Allowed Disruptions", "How many pods may be disrupted now."),
            AGE,
        ],
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => vec![
            NAME,
            text("Role", "The role it grants."),
            AGE,
            wide("Users", "Users in the binding."),
            wide("Groups", "Groups in the binding."),
            wide("ServiceAccounts", "ServiceAccounts in the binding."),
        ],
        ("certificates.k8s.io", "certificatesigningrequests") => vec![
            NAME,
            AGE,
            text("SignerName", "Who is to sign."),
            text("Requestor", "Who asks."),
            text(
                "RequestedDuration",
                "How long the certificate is to be valid.",
            ),
            text("Condition", "What has been decided."),
        ],
        ("certificates.k8s.io", "clustertrustbundles") => {
            vec![
                NAME,
                text("SignerName", "Whose certificates it vouches for."),
            ]
        }
        ("coordination.k8s.io", "leases") => vec![NAME, text("Holder", "Who holds it."), AGE],
        ("storage.k8s.io", "storageclasses") => vec![
            NAME,
            text("Provisioner", "What makes its volumes."),
            text(
                "ReclaimPolicy",
                "What becomes of volumes when their claims go.",
            ),
            text("VolumeBindingMode", "When volumes are bound."),
            text("AllowVolumeExpansion", "Whether volumes can grow."),
            AGE,
        ],
        ("storage.k8s.io", "volumeattributesclasses") => {
            vec![NAME, text("DriverName", "Its driver."), AGE]
        }
        ("storage.k8s.io", "volumeattachments") => vec![
            NAME,
            text("Attacher", "Who attaches it."),
            text("PV", "The volume."),
            text("Node", "The node."),
            truth("Attached", "Whether it is attached."),
            AGE,
        ],
        ("storage.k8s.io", "csinodes") => {
            vec![NAME, number("Drivers", "How many drivers it has."), AGE]
        }
        ("storage.k8s.io", "csidrivers") => vec![
            NAME,
            truth(
                "AttachRequired",
                "Whether volumes are attached before they are mounted.",
            ),
            truth("PodInfoOnMount", "Whether it is told about the pod."),
            truth("StorageCapacity", "Whether it says how much room there is."),
            text("TokenRequests", "The audiences of the tokens it needs."),
            truth("RequiresRepublish", "Whether it is called again and again."),
            text("Modes", "The kinds of volumes it has."),
            AGE,
        ],
        ("storage.k8s.io", "csistoragecapacities") => vec![
            NAME,
            text("StorageClassName", "The storage class it is about."),
            text("Capacity", "How much room there is."),
        ],
        ("scheduling.k8s.io", "priorityclasses") => vec![
            NAME,
            number("Value", "The priority."),
            truth("Global-Default", "Whether pods have it that name none."),
            AGE,
            text("PreemptionPolicy", "Whether its pods may displace others."),
        ],
        ("node.k8s.io", "runtimeclasses") => vec![NAME, text("Handler", "Its runtime."), AGE],
        ("discovery.k8s.io", "endpointslices") => vec![
            NAME,
            text("AddressType", "The type of its addresses."),
            text("Ports", "Its ports."),
            text("Endpoints", "Its addresses."),
            AGE,
        ],
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations" | "validatingwebhookconfigurations",
        ) => vec![NAME, number("Webhooks", "How many webhooks it has."), AGE],
        ("admissionregistration.k8s.io", "validatingadmissionpolicies") => vec![
            NAME,
            number("Validations", "How many rules it has."),
            text("ParamKind", "The kind of its parameters."),
            AGE,
        ],
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies") => vec![
            NAME,
            number("Mutations", "How many mutations it has."),
            text("ParamKind", "The kind of its parameters."),
            AGE,
        ],
        (
            "admissionregistration.k8s.io",
            "validatingadmissionpolicybindings" | "mutatingadmissionpolicybindings",
        ) => vec![
            NAME,
            text("PolicyName", "The policy it binds."),
            text("ParamRef", "Its parameters."),
            AGE,
        ],
        ("apiextensions.k8s.io", "customresourcedefinitions") => vec![
            NAME,
            text("Scope", "Cluster/Namespaced"),
            text("Versions", "Served versions"),
            Heading {
                type_: "date",
                ..text(
                    "Created At",
                    "=apimachinery.pkg.apis.meta.v1.ObjectMeta.creationTimestamp",
                )
            },
            wide("Group", "API group"),
            wide("Kind", "CustomResource kind"),
            wide("ShortNames", "Short names"),
            Heading {
                type_: "boolean",
                ..wide("Established", "Established status")
            },
        ],
        ("apiregistration.k8s.io", "apiservices") => vec![
            NAME,
            text("Service", "What serves it."),
            text("Available", "Whether it is available."),
            AGE,
        ],
        _ => vec![
            NAME,
            Heading {
                type_: "date",
                ..text("Created At", "When the object was created.")
            },
        ],
    }
}
