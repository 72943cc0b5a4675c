//! What is installed on a cluster that joins, out of flags, the cluster and the hub.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::Args;
use super::hub::{self, Hub};
use crate::bundle::{self, AgentValues, Bootstrap, ExternalKubeconfig, UpstreamAgent};
use crate::cmd::components::{Choice, Installed, installed, read};
use crate::cmd::explain::Doing;
use crate::cmd::install;
use crate::cmd::program;
use crate::cmd::values::Values;
use crate::error::CommandError;
use crate::k8s::client::{Connection, from_config};
use crate::k8s::kubeconfig;
use crate::ocm::gates;
use crate::ocm::names;
use crate::ocm::operator::v1::{
    AddOnAuthType, AddOnRegistrationDriver, AwsIrsa, FeatureGate, FeatureGateMode,
    KlusterletDeployOption, KlusterletSpec, RegistrationAuthType, RegistrationConfiguration,
    RegistrationDriver, ServerUrl, TokenConfig, WorkAgentConfiguration,
};
use crate::ocm::releases::Images;
use crate::ui::{Ui, format};

/// Gates of the registration part.
const REGISTRATION_GATES: [&str; 6] = [
    "AddonManagement",
    "ClusterClaim",
    "ClusterProperty",
    "MultipleHubs",
    "V1beta1CSRAPICompatibility",
    "ResourceCleanup",
];

/// Gates of the work part.
const WORK_GATES: [&str; 2] = ["ExecutorValidatingCaches", "RawFeedbackJsonString"];

/// What can be wrong with the flags about the agent.
///
/// # Errors
/// Flags that are missing, contradict each other or have no effect.
pub(super) fn check(args: &Args) -> Result<(), CommandError> {
    if args.hosted() != args.managed_cluster_kubeconfig.is_some() {
        let (not, mode) = match args.hosted() {
            true => ("", "hosted"),
            false => ("not ", "default"),
        };
        return Err(CommandError::usage(format!(
            "--managed-cluster-kubeconfig should {not}be set in {mode} deploy mode"
        ))
        .hint("hosted: --context is the cluster that runs the agent, the kubeconfig file leads to the one it manages"));
    }
    if args.force_internal_endpoint_lookup_managed && !args.hosted() {
        return Err(CommandError::usage(
            "--force-internal-endpoint-lookup-managed needs --mode hosted",
        ));
    }
    let needed = match args.registration_auth.as_str() {
        "awsirsa" => Some((args.hub_cluster_arn.as_deref(), "--hub-cluster-arn")),
        "grpc" => Some((args.grpc_server.as_deref(), "--grpc-server")),
        _ => None,
    };
    if let Some((None | Some(""), flag)) = needed {
        return Err(CommandError::usage(format!(
            "--registration-auth {} needs {flag}",
            args.registration_auth
        )));
    }
    args.components.resources()?;
    gates(args, &[]).map(drop)
}

/// What the native agent does not do.
///
/// # Errors
/// A flag that needs upstream's components.
pub(super) fn check_native(args: &Args) -> Result<(), CommandError> {
    let wish = if args.hosted() {
        "hosted mode".to_owned()
    } else if args.registration_auth != "csr" {
        format!("--registration-auth {}", args.registration_auth)
    } else {
        return Ok(());
    };
    Err(
        CommandError::user(format!("{wish} needs the upstream components"))
            .hint("add --components upstream"),
    )
}

/// Whether a Klusterlet is the one of the cluster that the flags name, hosted here.
pub(super) fn hosts(klusterlet: &DynamicObject, args: &Args) -> bool {
    let spec = &klusterlet.data["spec"];
    let mode = spec["deployOption"]["mode"].as_str().unwrap_or_default();
    mode.ends_with("Hosted") && spec["clusterName"] == args.cluster_name.as_str()
}

/// The objects that make the cluster a managed one.
///
/// # Errors
/// A file that cannot be used, or what the hosting cluster refuses.
pub(super) async fn objects(
    args: &Args,
    choice: Choice,
    before: Option<&DynamicObject>,
    cluster: &Connection,
    hub: &Hub,
    ui: &Ui,
) -> Result<Vec<DynamicObject>, CommandError> {
    let mut values = Values::of(args.klusterlet_values_file.as_deref())?;
    let managed = match &args.managed_cluster_kubeconfig {
        Some(path) => Some(managed_kubeconfig(args, &read(path)?).await?),
        None => None,
    };
    let urls = hub::external_url(cluster).await.into_iter().collect();
    let klusterlet = klusterlet(args, urls, cluster.cluster.as_deref())?;
    let pull_credentials = args.components.pull_credentials()?;
    let ca = trusted(args, hub)?;
    let kubeconfig = format::yaml(&kubeconfig::bootstrap(&kubeconfig::Bootstrap {
        server: &hub.server,
        ca: ca.as_deref(),
        proxy_url: args.proxy_url.as_deref(),
        token: &args.hub_token,
    }));
    let images = match choice {
        Choice::Native { image } => {
            install::without_effect(&args.components.of_upstream_alone(), ui);
            let mut klusterlet = klusterlet;
            values.lay("klusterlet", &mut klusterlet)?;
            values.finish(ui);
            for told in gates::idle_on_agent(&klusterlet) {
                ui.warning(&told);
            }
            return Ok(bundle::agent(&AgentValues {
                image,
                create_namespace: args.create_namespace,
                image_pull_credentials: pull_credentials,
                bootstrap_kubeconfig: kubeconfig,
                klusterlet,
                ..AgentValues::default()
            })?);
        }
        Choice::Upstream(images) => images,
    };
    let mut bootstrap = Bootstrap::kubeconfig(&kubeconfig);
    if let Some(server) = args
        .grpc_server
        .as_deref()
        .filter(|_| args.registration_auth == "grpc")
    {
        let config = grpc_config(args, server, hub).await?;
        bootstrap
            .data
            .insert("config.yaml".to_owned(), format::yaml(&config).into_bytes());
    }
    let name = match (args.hosted(), before) {
        (false, _) => names::KLUSTERLET.to_owned(),
        // A hosted cluster keeps its name; clusteradm makes another agent each time.
        (true, Some(before)) => before.metadata.name.clone().unwrap_or_default(),
        (true, None) => format!("klusterlet-hosted-{}", crate::cmd::random_text(6)?),
    };
    let there = installed(cluster, names::KLUSTERLET).await?;
    let operator = replaces(there.as_ref(), args.hosted());
    let stays = there.as_ref().filter(|_| !operator);
    if let Some(there) = stays.filter(|there| there.images().tag != images.tag) {
        ui.status(&format!(
            "The operator stays as it is, {}: `{} upgrade klusterlet --bundle-version VERSION` brings it to another version.",
            there.image,
            program()
        ));
    }
    let mut agent = UpstreamAgent {
        images,
        replicas: None,
        create_namespace: args.create_namespace,
        operator,
        image_pull_credentials: pull_credentials,
        bootstraps: vec![bootstrap],
        external_managed_kubeconfig: managed.map(ExternalKubeconfig),
        klusterlet: KlusterletSpec {
            namespace: Some(match args.hosted() {
                true => format!("open-cluster-management-{name}"),
                false => names::AGENT_NAMESPACE.to_owned(),
            }),
            ..klusterlet
        },
        klusterlet_name: name,
        sync_labels: args.components.enable_sync_labels,
    };
    lay(&mut agent, values, ui)?;
    Ok(bundle::upstream_agent(&agent)?)
}

/// Whether the operator is installed: not where one works already, as with
/// clusteradm; and a hosting cluster keeps what it has.
fn replaces(there: Option<&Installed>, hosted: bool) -> bool {
    there.is_none_or(|there| !hosted && (there.native || there.available == 0))
}

/// What the values file says goes before what flags say.
///
/// # Errors
/// A value that cannot be used.
pub fn lay(agent: &mut UpstreamAgent, mut values: Values, ui: &Ui) -> Result<(), CommandError> {
    let images: &mut Images = &mut agent.images;
    values.images(images)?;
    if let Some(sync) = values.switch("enableSyncLabels")? {
        agent.sync_labels = sync;
    }
    if let Some(class) = values.text("priorityClassName")? {
        agent.klusterlet.priority_class_name = Some(class);
    }
    values.lay("klusterlet", &mut agent.klusterlet)?;
    if let Some(several) = values.take("multiHubBootstrapHubKubeConfigs") {
        agent.bootstraps = several_hubs(&several)?;
    }
    values.finish(ui);
    Ok(())
}

/// `[{name, kubeConfig}]`: a Secret for each of several hubs.
fn several_hubs(value: &Value) -> Result<Vec<Bootstrap>, CommandError> {
    let entry = |entry: &Value| {
        Some(Bootstrap {
            secret: entry["name"].as_str()?.to_owned(),
            data: BTreeMap::from([(
                names::KEY_KUBECONFIG.to_owned(),
                entry["kubeConfig"].as_str()?.as_bytes().to_vec(),
            )]),
        })
    };
    let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let all: Option<Vec<Bootstrap>> = entries.iter().map(entry).collect();
    all.filter(|all| !all.is_empty()).ok_or_else(|| {
        CommandError::user(
            "multiHubBootstrapHubKubeConfigs is a list of names and kubeconfigs (name, kubeConfig)",
        )
    })
}

/// The gates of one part, checked against all that exist.
fn gates(args: &Args, of: &[&str]) -> Result<Vec<FeatureGate>, CommandError> {
    let known: Vec<&str> = REGISTRATION_GATES
        .iter()
        .chain(&WORK_GATES)
        .copied()
        .collect();
    let gates = args.features.checked(&known)?;
    Ok(gates
        .into_iter()
        .filter(|(name, _)| of.contains(&name.as_str()))
        .map(|(feature, on)| FeatureGate {
            feature,
            mode: match on {
                true => FeatureGateMode::Enable,
                false => FeatureGateMode::Disable,
            },
        })
        .collect())
}

/// The Klusterlet that the flags ask for.
fn klusterlet(
    args: &Args,
    urls: Vec<String>,
    cluster: Option<&str>,
) -> Result<KlusterletSpec, CommandError> {
    let mode = match (args.hosted(), args.singleton) {
        (false, false) => "Default",
        (false, true) => "Singleton",
        (true, false) => "Hosted",
        (true, true) => "SingletonHosted",
    };
    let driver = match args.registration_auth.as_str() {
        "awsirsa" => Some(RegistrationDriver {
            auth_type: RegistrationAuthType::AwsIrsa,
            aws_irsa: Some(AwsIrsa {
                hub_cluster_arn: args.hub_cluster_arn.clone().unwrap_or_default(),
                managed_cluster_arn: args
                    .managed_cluster_arn
                    .clone()
                    .or_else(|| cluster.map(str::to_owned))
                    .unwrap_or_default(),
            }),
        }),
        "grpc" => Some(RegistrationDriver {
            auth_type: RegistrationAuthType::Grpc,
            aws_irsa: None,
        }),
        _ => None,
    };
    let addons = (args.addon_kubeclient_registration_auth == "token").then(|| {
        let seconds = args.addon_token_expiration_seconds;
        AddOnRegistrationDriver {
            auth_type: Some(AddOnAuthType::Token),
            token: (seconds > 0).then_some(TokenConfig {
                expiration_seconds: Some(seconds),
            }),
        }
    });
    let annotations: BTreeMap<String, String> =
        args.klusterlet_annotation.iter().cloned().collect();
    Ok(KlusterletSpec {
        cluster_name: Some(args.cluster_name.clone()),
        namespace: Some(names::AGENT_NAMESPACE.to_owned()),
        external_server_urls: urls
            .into_iter()
            .map(|url| ServerUrl {
                url,
                ca_bundle: None,
            })
            .collect(),
        deploy_option: KlusterletDeployOption {
            mode: Some(mode.to_owned()),
        },
        registration_configuration: Some(RegistrationConfiguration {
            client_cert_expiration_seconds: Some(args.client_cert_expiration_seconds),
            feature_gates: gates(args, &REGISTRATION_GATES)?,
            cluster_annotations: annotations,
            registration_driver: driver,
            addon_kube_client_registration_driver: addons,
            ..RegistrationConfiguration::default()
        }),
        work_configuration: Some(WorkAgentConfiguration {
            feature_gates: gates(args, &WORK_GATES)?,
            ..WorkAgentConfiguration::default()
        }),
        resource_requirement: args.components.resources()?,
        ..KlusterletSpec::default()
    })
}

/// The CA that the agent trusts: the hub's, and the proxy's.
fn trusted(args: &Args, hub: &Hub) -> Result<Option<Vec<u8>>, CommandError> {
    let mut ca = hub.ca.clone();
    if let Some(path) = &args.proxy_ca_file {
        let proxy = read(path)?;
        let ca = ca.get_or_insert_default();
        if !ca.is_empty() && !ca.ends_with(b"\n") {
            ca.push(b'\n');
        }
        ca.extend(proxy);
    }
    Ok(ca)
}

/// What an agent that registers by gRPC needs beside its kubeconfig.
async fn grpc_config(args: &Args, server: &str, hub: &Hub) -> Result<Value, CommandError> {
    let ca = match &args.grpc_ca_file {
        Some(path) => read(path)?,
        None => {
            let maps: Api<ConfigMap> =
                Api::namespaced(hub.connection.client.clone(), names::HUB_NAMESPACE);
            let found = hub
                .connection
                .call_opt(maps.get("ca-bundle-configmap"))
                .await
                .doing("read the CA of the hub's gRPC server")?;
            found
                .and_then(|map| map.data?.remove("ca-bundle.crt"))
                .ok_or_else(|| {
                    CommandError::user("the hub does not publish the CA of its gRPC server")
                        .hint("pass --grpc-ca-file")
                })?
                .into_bytes()
        }
    };
    Ok(json!({
        "caData": STANDARD.encode(ca),
        "url": server,
        "token": args.hub_token,
    }))
}

/// The managed cluster's kubeconfig as the hosted agent is to have it, once it is
/// shown to lead somewhere.
async fn managed_kubeconfig(args: &Args, bytes: &[u8]) -> Result<Vec<u8>, CommandError> {
    let wrong = || {
        CommandError::user("--managed-cluster-kubeconfig cannot be used")
            .hint("it is a kubeconfig file whose current context is the managed cluster")
    };
    // The parser's message could quote a credential.
    let text = std::str::from_utf8(bytes).map_err(|_| wrong())?;
    let mut config = kubeconfig::from_text(text).map_err(|_| wrong())?;
    let chosen = kubeconfig::choose(&config, None).map_err(|error| wrong().because(error))?;
    let client = kube::Config::from_custom_kubeconfig(config.clone(), &Default::default())
        .await
        .map_err(|error| wrong().because(error))?;
    let connection = from_config(client, &chosen.server, Some(chosen.context), None)
        .map_err(|error| wrong().because(error))?;
    connection
        .call(connection.client.apiserver_version())
        .await
        .doing("reach the managed cluster")?;
    if args.force_internal_endpoint_lookup_managed {
        let server = hub::external_url(&connection).await.ok_or_else(|| {
            CommandError::user("the managed cluster does not name its own address")
                .hint("leave --force-internal-endpoint-lookup-managed out")
        })?;
        for cluster in &mut config.clusters {
            if cluster.name == chosen.cluster_name
                && let Some(cluster) = &mut cluster.cluster
            {
                cluster.server = Some(server.clone());
            }
        }
    }
    let value = serde_json::to_value(&config).map_err(|error| {
        CommandError::internal("a kubeconfig could not be written").because(error)
    })?;
    Ok(format::yaml(&value).into_bytes())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(flags: &[&str]) -> Args {
        let given = [
            "x",
            "--hub-token=abcdef.0123456789abcdef",
            "--hub-apiserver=https://hub",
            "--cluster-name=c1",
        ];
        Line::parse_from(given.iter().chain(flags)).args
    }

    #[test]
    fn flags_fit_together() {
        for (flags, message) in [
            (
                &["--mode=Hosted"][..],
                "--managed-cluster-kubeconfig should be set in hosted deploy mode",
            ),
            (
                &["--managed-cluster-kubeconfig=f"],
                "--managed-cluster-kubeconfig should not be set in default deploy mode",
            ),
            (
                &["--registration-auth=awsirsa"],
                "--registration-auth awsirsa needs --hub-cluster-arn",
            ),
            (
                &["--registration-auth=grpc"],
                "--registration-auth grpc needs --grpc-server",
            ),
        ] {
            assert_eq!(check(&args(flags)).unwrap_err().message(), message);
        }
        assert!(check(&args(&[])).is_ok());
        let hosted = args(&["--mode=hosted", "--managed-cluster-kubeconfig=f"]);
        assert!(check(&hosted).is_ok());
        assert_eq!(
            check_native(&hosted).unwrap_err().message(),
            "hosted mode needs the upstream components"
        );
    }

    #[test]
    fn the_klusterlet_is_what_the_chart_makes_of_the_flags() {
        let args = args(&[
            "--singleton",
            "--registration-auth=awsirsa",
            "--hub-cluster-arn=arn:h",
            "--addon-kubeclient-registration-auth=token",
            "--addon-token-expiration-seconds=7200",
            "--feature-gates=ClusterProperty=true",
            "--klusterlet-annotation=a=b",
        ]);
        let spec = klusterlet(&args, vec!["https://c1".to_owned()], Some("arn:c1")).unwrap();
        assert_eq!(
            serde_json::to_value(spec).unwrap(),
            json!({
                "clusterName": "c1",
                "namespace": "open-cluster-management-agent",
                "externalServerURLs": [{"url": "https://c1"}],
                "deployOption": {"mode": "Singleton"},
                "registrationConfiguration": {
                    "clientCertExpirationSeconds": 31_536_000,
                    "featureGates": [{"feature": "ClusterProperty", "mode": "Enable"}],
                    "clusterAnnotations": {"agent.open-cluster-management.io/a": "b"},
                    "registrationDriver": {"authType": "awsirsa", "awsIrsa": {"hubClusterArn": "arn:h", "managedClusterArn": "arn:c1"}},
                    "addOnKubeClientRegistrationDriver": {"authType": "token", "token": {"expirationSeconds": 7200}},
                },
                "workConfiguration": {},
            })
        );
    }

    #[test]
    fn an_operator_that_works_is_left_alone() {
        let operator = |native: bool, available: i32| Installed {
            native,
            image: "r/registration-operator:v1.2.0".to_owned(),
            replicas: 1,
            available,
            arguments: Vec::new(),
        };
        for (there, hosted, wanted) in [
            (None, false, true),
            (None, true, true),
            (Some(operator(false, 1)), false, false),
            (Some(operator(false, 0)), false, true),
            (Some(operator(true, 1)), false, true),
            (Some(operator(false, 0)), true, false),
        ] {
            assert_eq!(
                replaces(there.as_ref(), hosted),
                wanted,
                "{there:?} {hosted}"
            );
        }
    }

    #[test]
    fn several_hubs_have_a_secret_each() {
        let hubs = several_hubs(&json!([
            {"name": "hub1", "kubeConfig": "a"}, {"name": "hub2", "kubeConfig": "b"},
        ]))
        .unwrap();
        assert_eq!(hubs[1].secret, "hub2");
        assert_eq!(hubs[1].data["kubeconfig"], b"b");
        assert!(several_hubs(&json!([{"name": "hub1"}])).is_err());
        assert!(several_hubs(&json!("x")).is_err());
    }
}
