//! `ocmadm get hub-info` and `get klusterlet-info`: what is installed, in which
//! version, and how it is.

use std::fmt::Write as _;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::core::DynamicObject;
use kube::{Api, ResourceExt};

use crate::cmd::args::GlobalArgs;
use crate::cmd::components::{Installed, installed};
use crate::cmd::explain::{Doing, server_error};
use crate::cmd::{connect, program, resources};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::ocm::names;
use crate::ui::{OutputFormat, Ui, format};

/// Arguments of `ocmadm get hub-info` and `get klusterlet-info`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Output format: text, json, yaml, name, jsonpath=…, custom-columns=…
    #[arg(long, short, value_name = "FORMAT", default_value = "text", value_parser = parse_output)]
    output: OutputFormat,
}

fn parse_output(text: &str) -> Result<OutputFormat, String> {
    match text.parse::<OutputFormat>()? {
        OutputFormat::Wide | OutputFormat::Tree => Err(
            "valid are text, json, yaml, name, jsonpath=TEMPLATE, custom-columns=HEADER:PATH,…"
                .to_owned(),
        ),
        format => Ok(format),
    }
}

/// A part of OCM: its Deployments (`{}` stands for the name of the ClusterManager
/// or Klusterlet), which of them the native process stands in for, and its
/// definitions.
struct Part {
    name: &'static str,
    deployments: &'static [(&'static str, &'static str)],
    native: &'static [&'static str],
    definitions: &'static [&'static str],
}

const HUB_PARTS: [Part; 4] = [
    Part {
        name: "AddOn Manager",
        deployments: &[
            ("Controller", "{}-addon-manager-controller"),
            ("Webhook", "{}-addon-webhook"),
        ],
        native: &[],
        definitions: &[
            "addondeploymentconfigs.addon.open-cluster-management.io",
            "addontemplates.addon.open-cluster-management.io",
            "clustermanagementaddons.addon.open-cluster-management.io",
            "managedclusteraddons.addon.open-cluster-management.io",
        ],
    },
    Part {
        name: "Registration",
        deployments: &[
            ("Controller", "{}-registration-controller"),
            ("Webhook", "{}-registration-webhook"),
        ],
        native: &["Controller", "Webhook"],
        definitions: &[
            "managedclusters.cluster.open-cluster-management.io",
            "managedclustersetbindings.cluster.open-cluster-management.io",
            "managedclustersets.cluster.open-cluster-management.io",
        ],
    },
    Part {
        name: "Work",
        deployments: &[
            ("Controller", "{}-work-controller"),
            ("Webhook", "{}-work-webhook"),
        ],
        native: &["Controller"],
        definitions: &[
            "manifestworkreplicasets.work.open-cluster-management.io",
            "manifestworks.work.open-cluster-management.io",
        ],
    },
    Part {
        name: "Placement",
        deployments: &[("Controller", "{}-placement-controller")],
        native: &["Controller"],
        definitions: &[
            "addonplacementscores.cluster.open-cluster-management.io",
            "placementdecisions.cluster.open-cluster-management.io",
            "placements.cluster.open-cluster-management.io",
        ],
    },
];

const AGENT_PARTS: [Part; 2] = [
    Part {
        name: "Registration",
        deployments: &[("Agent", "{}-registration-agent")],
        native: &["Agent"],
        definitions: &["clusterclaims.cluster.open-cluster-management.io"],
    },
    Part {
        name: "Work",
        deployments: &[("Agent", "{}-work-agent")],
        native: &["Agent"],
        definitions: &["appliedmanifestworks.work.open-cluster-management.io"],
    },
];

/// What there is of one side.
struct Found {
    operator: Option<Installed>,
    /// ClusterManager or Klusterlet.
    custom: Option<DynamicObject>,
    components: Vec<Deployment>,
    definitions: Vec<CustomResourceDefinition>,
}

/// Runs `get hub-info`.
///
/// # Errors
/// The cluster cannot be reached or refuses.
pub(super) async fn hub(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let cluster = connect(global).await?;
    let found = find(
        &cluster,
        names::CLUSTER_MANAGER,
        &resources::cluster_manager(),
        |_| names::HUB_NAMESPACE.to_owned(),
    )
    .await?;
    if args.output.is_structured() {
        return structured(&found, args.output, ui);
    }
    let text = text(
        &found,
        &HUB_PARTS,
        "clustermanagers.operator.open-cluster-management.io",
    );
    ui.result(&text)?;
    if found.custom.is_none() {
        ui.hint(&format!("`{} init` makes this cluster a hub", program()));
    }
    Ok(())
}

/// Runs `get klusterlet-info`.
///
/// # Errors
/// The cluster cannot be reached or refuses.
pub(super) async fn klusterlet(
    args: &Args,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let cluster = connect(global).await?;
    let found = find(
        &cluster,
        names::KLUSTERLET,
        &resources::klusterlet(),
        resources::agent_namespace,
    )
    .await?;
    if args.output.is_structured() {
        return structured(&found, args.output, ui);
    }
    let Some(klusterlet) = &found.custom else {
        ui.result_line("No klusterlet detected!")?;
        ui.hint(&format!(
            "`{} get token` on a hub prints the command that joins this cluster",
            program()
        ));
        return Ok(());
    };
    let mut out = conditions(klusterlet);
    out.push_str(&text(
        &found,
        &AGENT_PARTS,
        "klusterlets.operator.open-cluster-management.io",
    ));
    ui.result(&out)?;
    Ok(())
}

async fn find(
    cluster: &Connection,
    name: &str,
    resource: &kube::api::ApiResource,
    namespace: impl Fn(&DynamicObject) -> String,
) -> Result<Found, CommandError> {
    let api = resources::all(&cluster.client, resource);
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let everything = ListParams::default();
    let (operator, custom, definitions) = tokio::join!(
        installed(cluster, name),
        cluster.call(api.get(name)),
        cluster.call(crds.list(&everything)),
    );
    let custom = match custom {
        Ok(custom) => Some(custom),
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => None,
        Err(error) => return Err(server_error(error, "read what is installed")),
    };
    let components = match &custom {
        Some(custom) => {
            let api: Api<Deployment> = Api::namespaced(cluster.client.clone(), &namespace(custom));
            let list = cluster.call(api.list(&everything)).await;
            list.doing("list the components")?.items
        }
        None => Vec::new(),
    };
    Ok(Found {
        operator: operator?,
        custom,
        components,
        definitions: definitions.doing("list definitions")?.items,
    })
}

/// The objects themselves.
fn structured(found: &Found, output: OutputFormat, ui: &Ui) -> Result<(), CommandError> {
    let internal = |error| CommandError::internal("an object could not be written").because(error);
    let mut items = Vec::new();
    if let Some(custom) = &found.custom {
        items.push(serde_json::to_value(custom).map_err(internal)?);
    }
    for component in &found.components {
        let mut value = serde_json::to_value(component).map_err(internal)?;
        value["apiVersion"] = "apps/v1".into();
        value["kind"] = "Deployment".into();
        items.push(value);
    }
    for item in &mut items {
        if let Some(metadata) = item["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
    }
    ui.result(&format::objects(
        output,
        &items,
        false,
        resources::resource_name,
    )?)?;
    Ok(())
}

/// A condition as a block of lines.
fn conditions(klusterlet: &DynamicObject) -> String {
    let mut out = String::new();
    let list = klusterlet.data["status"]["conditions"].as_array();
    for condition in list.into_iter().flatten() {
        let field = |name: &str| condition[name].as_str().unwrap_or_default();
        let _ = write!(
            out,
            "  Type:\t\t\t{}\n  Status:\t\t{}\n  LastTransitionTime:\t{}\n  Reason:\t\t{}\n  Message:\t\t{}\n\n",
            field("type"),
            field("status"),
            field("lastTransitionTime"),
            field("reason"),
            field("message"),
        );
    }
    out
}

/// The lines that clusteradm prints, in a fixed order and with the pair the right
/// way round: available of desired.
fn text(found: &Found, parts: &[Part], definition: &str) -> String {
    let mut out = String::from("Registration Operator:");
    let Some(operator) = &found.operator else {
        out.push_str("\t<none>\nComponents:\t<uninstalled>\n");
        return out;
    };
    let line = |of: &Installed| format!("({}/{}) {}", of.available, of.replicas, of.image);
    let _ = write!(out, "\n  Controller:\t{}\n", line(operator));
    out.push_str("  CustomResourceDefinition:\n");
    defined(&mut out, found, definition);
    let Some(custom) = &found.custom else {
        out.push_str("Components:\t<uninstalled>\n");
        return out;
    };
    out.push_str("Components:\n");
    let name = custom.name_any();
    let deployment = |pattern: &str| {
        let wanted = pattern.replace("{}", &name);
        let of = found.components.iter().find(|d| d.name_any() == wanted);
        of.and_then(Installed::of)
    };
    let agent = deployment("{}-agent");
    for part in parts {
        let _ = writeln!(out, "  {}:", part.name);
        for (role, pattern) in part.deployments {
            let what = match (deployment(pattern), &agent) {
                (Some(of), _) => line(&of),
                // One process holds all of it.
                (None, Some(agent)) => line(agent),
                (None, None) if operator.native && part.native.contains(role) => {
                    format!("{} in the operator", line(operator))
                }
                (None, None) => continue,
            };
            let _ = writeln!(out, "    {role}:\t{what}");
        }
        out.push_str("    CustomResourceDefinition:\n");
        for definition in part.definitions {
            out.push_str("  ");
            defined(&mut out, found, definition);
        }
    }
    out
}

/// `(installed) NAME [*v1|v1beta1]`: the stored version has the star.
fn defined(out: &mut String, found: &Found, name: &str) {
    let Some(crd) = found.definitions.iter().find(|crd| crd.name_any() == name) else {
        let _ = writeln!(out, "    (absent) {name}");
        return;
    };
    let versions: Vec<String> = crd
        .spec
        .versions
        .iter()
        .map(|version| match version.storage {
            true => format!("*{}", version.name),
            false => version.name.clone(),
        })
        .collect();
    let _ = writeln!(out, "    (installed) {name} [{}]", versions.join("|"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(name: &str, image: &str, available: i32, args: &[&str]) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"replicas": 3, "selector": {}, "template": {"spec": {"containers": [{"name": "c", "image": image, "args": args}]}}},
            "status": {"availableReplicas": available},
        }))
        .unwrap()
    }

    fn found(native: bool) -> Found {
        let args: &[&str] = if native { &["hub"] } else { &["/op", "hub"] };
        Found {
            operator: Installed::of(&deployment("cluster-manager", "op:1", 2, args)),
            custom: Some(
                serde_json::from_value(json!({
                    "apiVersion": "operator.open-cluster-management.io/v1", "kind": "ClusterManager",
                    "metadata": {"name": "cluster-manager"},
                }))
                .unwrap(),
            ),
            components: match native {
                true => Vec::new(),
                false => vec![deployment(
                    "cluster-manager-work-webhook",
                    "work:1",
                    3,
                    &["/work"],
                )],
            },
            definitions: vec![
                serde_json::from_value(json!({
                    "metadata": {"name": "manifestworks.work.open-cluster-management.io"},
                    "spec": {"group": "g", "names": {"kind": "K", "plural": "p"}, "scope": "Namespaced", "versions": [
                        {"name": "v1", "served": true, "storage": true}, {"name": "v2", "served": true, "storage": false},
                    ]},
                }))
                .unwrap(),
            ],
        }
    }

    #[test]
    fn upstreams_components_have_their_own_lines() {
        let text = text(&found(false), &HUB_PARTS[2..3], "x");
        assert_eq!(
            text,
            "Registration Operator:\n  Controller:\t(2/3) op:1\n  CustomResourceDefinition:\n    (absent) x\n\
             Components:\n  Work:\n    Webhook:\t(3/3) work:1\n    CustomResourceDefinition:\n\
             \x20     (absent) manifestworkreplicasets.work.open-cluster-management.io\n\
             \x20     (installed) manifestworks.work.open-cluster-management.io [*v1|v2]\n"
        );
    }

    #[test]
    fn native_components_are_in_the_operator() {
        let text = text(&found(true), &HUB_PARTS[2..3], "x");
        assert!(
            text.contains("    Controller:\t(2/3) op:1 in the operator\n"),
            "{text}"
        );
        // The native hub has no webhook for works.
        assert!(!text.contains("Webhook"), "{text}");
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let mut found = found(true);
        found.operator = None;
        assert_eq!(
            text(&found, &HUB_PARTS, "x"),
            "Registration Operator:\t<none>\nComponents:\t<uninstalled>\n"
        );
    }
}
