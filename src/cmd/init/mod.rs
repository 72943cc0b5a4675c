//! `ocmadm init`: makes a cluster a hub.

mod drivers;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::PostParams;
use kube::core::DynamicObject;
use serde_json::json;
use tokio::time::Instant;

use self::drivers::DriverArgs;
use crate::bundle::{self, BootstrapToken, HubValues, UpstreamHub};
use crate::cmd::args::GlobalArgs;
use crate::cmd::components::{self, Choice, ComponentArgs, Installed};
use crate::cmd::explain::{Doing, wait_error};
use crate::cmd::get::token::{self, Offer};
use crate::cmd::install::{self, FeatureArgs, ShowArgs};
use crate::cmd::join::pin;
use crate::cmd::values::Values;
use crate::cmd::{connect, deadline, preview, program, resources, trouble, upgrade};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::k8s::wait::{self, State};
use crate::ocm::gates;
use crate::ocm::names;
use crate::ocm::operator::v1::{
    ClusterManagerSpec, FeatureGate, FeatureGateMode, FeatureGatesConfiguration,
    RegistrationAuthType, RegistrationHubConfiguration, WorkHubConfiguration,
};
use crate::ui::{Ui, format};

/// Arguments of `ocmadm init`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Wait until the hub works
    #[arg(long)]
    wait: bool,

    /// Output format: text, json, yaml, jsonpath=… or token
    #[arg(long, short, value_name = "FORMAT", default_value = "text", value_parser = token::parse_output)]
    output: token::Output,

    /// Also write the manifests to a file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output_file: Option<PathBuf>,

    /// Also write the join command to a file that takes the cluster's name as its argument
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output_join_command_file: Option<PathBuf>,

    /// Let clusters join with a bootstrap token instead of a service account's
    #[arg(long)]
    use_bootstrap_token: bool,

    /// How long the token of the join command is valid, from 10m [default: 1h, a bootstrap token 24h]
    #[arg(long, value_name = "DURATION", value_parser = token::parse_ttl)]
    token_ttl: Option<Duration>,

    /// Create the namespace open-cluster-management
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    create_namespace: bool,

    /// Leave out what is checked beforehand
    #[arg(long)]
    force: bool,

    /// Values of clusteradm's chart (YAML) that are laid over the flags
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    cluster_manager_values_file: Option<PathBuf>,

    /// The multicluster-controlplane, which OCM has given up
    #[arg(long, hide = true)]
    singleton: bool,

    /// Name of the multicluster-controlplane
    #[arg(long, hide = true, value_name = "NAME")]
    singleton_name: Option<String>,

    #[command(flatten)]
    drivers: DriverArgs,

    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    features: FeatureArgs,

    #[command(flatten)]
    components: ComponentArgs,
}

/// Gates of the registration part.
const REGISTRATION_GATES: [&str; 5] = [
    "ClusterImporter",
    "ClusterProfile",
    "DefaultClusterSet",
    "ManagedClusterAutoApproval",
    "V1beta1CSRAPICompatibility",
];

/// Gates of the work part.
const WORK_GATES: [&str; 4] = [
    "CleanUpCompletedManifestWork",
    "CloudEventsDrivers",
    "ManifestWorkReplicaSet",
    "NilExecutorValidating",
];

/// Gates that other parts have.
const OTHER_GATES: [&str; 2] = ["AddonManagement", "ResourceCleanup"];

const AUTO_APPROVAL: &str = "ManagedClusterAutoApproval";

/// Runs the command.
///
/// # Errors
/// Contradicting flags, an unreachable cluster, no permission, or a hub that
/// does not start in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    if args.singleton || args.singleton_name.is_some() {
        return Err(CommandError::user(
            "OCM has given up the multicluster-controlplane (--singleton)",
        )
        .hint(format!(
            "`{} sandbox up` makes a hub without a cluster",
            program()
        )));
    }
    let mut spec = cluster_manager(args)?;
    let mut values = Values::of(args.cluster_manager_values_file.as_deref())?;
    let pull_credentials = args.components.pull_credentials()?;
    let hub = connect(global).await?;
    let until = deadline(global.timeout);
    hub.call_within(
        global.timeout.min(crate::k8s::client::REQUEST_TIMEOUT),
        hub.client.apiserver_version(),
    )
    .await
    .doing("reach the cluster")?;
    let choice = args.components.choose(&hub, names::CLUSTER_MANAGER).await?;
    let token = if args.use_bootstrap_token {
        Some(bootstrap_token(&hub, args.token_ttl, ui).await?)
    } else {
        None
    };
    let upstream = matches!(choice, Choice::Upstream(_));
    let objects = match choice {
        Choice::Native { image } => {
            native_drivers(&args.drivers)?;
            let mut flags = args.components.of_upstream_alone();
            flags.extend(args.drivers.of_upstream_alone());
            install::without_effect(&flags, ui);
            let created = values.switch("createNamespace")?;
            values.lay("clusterManager", &mut spec)?;
            values.finish(ui);
            for told in gates::idle_on_hub(&spec) {
                ui.warning(&told);
            }
            bundle::hub(&HubValues {
                image,
                create_namespace: created.unwrap_or(args.create_namespace),
                image_pull_credentials: pull_credentials,
                bootstrap_token: token.clone(),
                cluster_manager: spec,
                ..HubValues::default()
            })?
        }
        Choice::Upstream(images) => {
            args.components.bundle.tell_components(ui);
            drivers(args, hub.cluster.as_deref(), &mut spec)?;
            let before = components::installed(&hub, names::CLUSTER_MANAGER).await?;
            let before = before.filter(|before| !before.native);
            if let Some(before) = &before {
                moves(before, &images.operator(), args.force, ui)?;
            }
            bundle::upstream_hub(&laid(
                UpstreamHub {
                    images,
                    replicas: before.map(|before| before.replicas),
                    create_namespace: args.create_namespace,
                    image_pull_credentials: pull_credentials,
                    bootstrap_token: token.clone(),
                    cluster_manager: spec,
                    sync_labels: args.components.enable_sync_labels,
                },
                values,
                ui,
            )?)?
        }
    };
    if let Some(path) = &args.output_file {
        install::write_private(path, &install::manifests(&objects), false)?;
    }
    if global.dry_run_on_server {
        return preview::preview(&hub, &objects, "the hub", ui).await;
    }
    if global.dry_run {
        install::dry_run_note(ui);
        if args.output == token::Output::Text {
            args.show.print(&objects, ui)?;
        } else {
            let offer = Offer {
                token: "",
                server: &hub.url,
                pin: None,
            };
            print(args, offer, ui)?;
        }
        return Ok(());
    }
    if !args.force {
        cluster_info(&hub, ui).await?;
    }
    install::apply(&hub, &objects, "the hub", until, ui).await?;
    if args.wait {
        until_ready(&hub, upstream, until, ui).await?;
    }
    let token = match token {
        Some(token) => format!("{}.{}", token.id, token.secret),
        None => {
            let ttl = args.token_ttl.unwrap_or(token::TOKEN_TTL);
            token::service_account_token(&hub, ttl).await?.text
        }
    };
    let pin = match args.output {
        token::Output::Token => None,
        _ => pin::published(&hub).await,
    };
    let offer = Offer {
        token: &token,
        server: &hub.url,
        pin: pin.as_ref(),
    };
    print(args, offer, ui)
}

/// A hub that is there already gets the images asked for, and is told so; an
/// older version only by force.
fn moves(before: &Installed, after: &str, force: bool, ui: &Ui) -> Result<(), CommandError> {
    let (old, new) = (&before.image, after);
    if old == new {
        return Ok(());
    }
    let tag = |image: &str| image.rsplit(':').next().unwrap_or_default().to_owned();
    if !force && upgrade::older(&tag(new), &tag(old)) {
        return Err(CommandError::user(format!(
            "the hub that is here runs {old}, and {new} is older"
        ))
        .hint("pass --bundle-version with its version, or --force to go back"));
    }
    ui.status(&format!(
        "The hub that is here changes: {old} becomes {new}."
    ));
    Ok(())
}

/// What the values file says goes before what flags say.
///
/// # Errors
/// A value that cannot be used.
pub fn laid(
    mut hub: UpstreamHub,
    mut values: Values,
    ui: &Ui,
) -> Result<UpstreamHub, CommandError> {
    values.images(&mut hub.images)?;
    if let Some(create) = values.switch("createNamespace")? {
        hub.create_namespace = create;
    }
    if let Some(sync) = values.switch("enableSyncLabels")? {
        hub.sync_labels = sync;
    }
    values.lay("clusterManager", &mut hub.cluster_manager)?;
    values.finish(ui);
    Ok(hub)
}

/// The native hub signs certificate requests, and knows no other way.
fn native_drivers(args: &DriverArgs) -> Result<(), CommandError> {
    match args
        .plan(None)?
        .drivers
        .iter()
        .find(|driver| driver.auth_type != RegistrationAuthType::Csr)
    {
        None => Ok(()),
        Some(_) => Err(
            CommandError::user("native components register with csr alone")
                .hint("leave --registration-drivers out, or pass --components upstream"),
        ),
    }
}

/// Adds what only upstream's components know.
fn drivers(
    args: &Args,
    cluster: Option<&str>,
    spec: &mut ClusterManagerSpec,
) -> Result<(), CommandError> {
    let plan = args.drivers.plan(cluster)?;
    spec.server_configuration = plan.server;
    let registration = spec.registration_configuration.get_or_insert_default();
    registration.registration_drivers = plan.drivers;
    // The operator uses them with the gate ManagedClusterAutoApproval only.
    registration.auto_approve_users = vec![bootstrap_user(args)];
    Ok(())
}

/// Who clusters are while they join.
fn bootstrap_user(args: &Args) -> String {
    if args.use_bootstrap_token {
        format!("system:bootstrap:{TOKEN_ID}")
    } else {
        format!(
            "system:serviceaccount:{}:{}",
            names::OPERATOR_NAMESPACE,
            names::BOOTSTRAP_SERVICE_ACCOUNT
        )
    }
}

/// The ClusterManager that the flags ask for.
fn cluster_manager(args: &Args) -> Result<ClusterManagerSpec, CommandError> {
    let known: Vec<&str> = REGISTRATION_GATES
        .iter()
        .chain(&WORK_GATES)
        .chain(&OTHER_GATES)
        .copied()
        .collect();
    let gates = args.features.checked(&known)?;
    let auto_approval = gates.iter().any(|(name, on)| name == AUTO_APPROVAL && *on);
    if args.drivers.approve() && !auto_approval {
        return Err(CommandError::usage(
            "should enable feature gate ManagedClusterAutoApproval before passing list of identities",
        )
        .hint("add --feature-gates ManagedClusterAutoApproval=true"));
    }
    args.drivers.plan(None)?;
    if args.components.components == Some(components::Components::Upstream) {
        args.components.images()?;
    }
    let of = |known: &[&str]| -> Vec<FeatureGate> {
        gates
            .iter()
            .filter(|(name, _)| known.contains(&name.as_str()))
            .map(|(name, on)| FeatureGate {
                feature: name.clone(),
                mode: if *on {
                    FeatureGateMode::Enable
                } else {
                    FeatureGateMode::Disable
                },
            })
            .collect()
    };
    let mut users = args.drivers.auto_approved_csr_identities.clone();
    if auto_approval && users.is_empty() {
        users.push(bootstrap_user(args));
    }
    let mut registration_gates = of(&REGISTRATION_GATES);
    registration_gates.extend(of(&["ResourceCleanup"]));
    let addon_gates = of(&["AddonManagement"]);
    Ok(ClusterManagerSpec {
        registration_configuration: Some(RegistrationHubConfiguration {
            auto_approve_users: users,
            feature_gates: registration_gates,
            ..RegistrationHubConfiguration::default()
        }),
        work_configuration: Some(WorkHubConfiguration {
            feature_gates: of(&WORK_GATES),
            ..WorkHubConfiguration::default()
        }),
        addon_manager_configuration: (!addon_gates.is_empty()).then_some(
            FeatureGatesConfiguration {
                feature_gates: addon_gates,
            },
        ),
        resource_requirement: args.components.resources()?,
        ..ClusterManagerSpec::default()
    })
}

/// The id of the bootstrap token, as clusteradm names it.
const TOKEN_ID: &str = "ocmhub";

/// How long a bootstrap token is valid, unless the user says so.
const BOOTSTRAP_TTL: Duration = Duration::from_secs(24 * 3600);

/// The token that is there already (join commands printed before stay valid),
/// else a new one. One that ends soon, or never, gets another end.
async fn bootstrap_token(
    hub: &Connection,
    ttl: Option<Duration>,
    ui: &Ui,
) -> Result<BootstrapToken, CommandError> {
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), "kube-system");
    let found = hub
        .call_opt(secrets.get(&format!("bootstrap-token-{TOKEN_ID}")))
        .await
        .doing("read the bootstrap token")?;
    let now = Timestamp::now();
    let renewed = renewed(found.as_ref(), ttl, now);
    if let Some(said) = renewed.said {
        ui.status(&format!("{said} until {}.", renewed.until));
    }
    Ok(BootstrapToken {
        id: TOKEN_ID.to_owned(),
        secret: match renewed.secret {
            Some(secret) => secret,
            None => crate::cmd::random_text(16)?,
        },
        expiration: Some(renewed.until.to_string()),
    })
}

/// What becomes of a bootstrap token.
#[derive(Debug, PartialEq)]
struct Renewed {
    /// The secret, if it is kept.
    secret: Option<String>,
    /// When it ends.
    until: Timestamp,
    /// What to say of it.
    said: Option<&'static str>,
}

/// A secret that has ended is not used again; its end moves where the user says
/// so, or less than half of the time is left.
fn renewed(found: Option<&Secret>, ttl: Option<Duration>, now: Timestamp) -> Renewed {
    let after = |ttl: Duration| {
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        // Whole seconds are how Kubernetes writes them.
        let end = now.as_second().saturating_add(seconds);
        Timestamp::from_second(end).unwrap_or(Timestamp::MAX)
    };
    let until = after(ttl.unwrap_or(BOOTSTRAP_TTL));
    let known = found.and_then(|secret| {
        let bytes = secret.data.as_ref()?.get("token-secret")?;
        String::from_utf8(bytes.0.clone()).ok()
    });
    let Some(known) = known else {
        return Renewed {
            secret: None,
            until,
            said: Some("The bootstrap token is valid"),
        };
    };
    match found.and_then(token::expiration) {
        Some(end) if end <= now => Renewed {
            secret: None,
            until,
            said: Some("The bootstrap token had expired; a new one is valid"),
        },
        Some(end) if ttl.is_none() && end >= after(BOOTSTRAP_TTL / 2) => Renewed {
            secret: Some(known),
            until: end,
            said: None,
        },
        Some(_) => Renewed {
            secret: Some(known),
            until,
            said: Some("The bootstrap token is now valid"),
        },
        None => Renewed {
            secret: Some(known),
            until,
            said: Some("The bootstrap token had no end; it is now valid"),
        },
    }
}

/// Clusters that join learn the hub's CA from `kube-public/cluster-info`;
/// where kubeadm has not made it, this does.
async fn cluster_info(hub: &Connection, ui: &Ui) -> Result<(), CommandError> {
    let maps: Api<ConfigMap> = Api::namespaced(hub.client.clone(), "kube-public");
    let doing = "read kube-public/cluster-info";
    if hub
        .call_opt(maps.get("cluster-info"))
        .await
        .doing(doing)?
        .is_some()
    {
        return Ok(());
    }
    let mut cluster = json!({"server": hub.url});
    if let Some(ca) = &hub.ca {
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, ca);
        cluster["certificate-authority-data"] = encoded.into();
    }
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "", "cluster": cluster}],
        "contexts": null,
        "current-context": "",
        "users": null,
    });
    let map: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "cluster-info", "namespace": "kube-public"},
        "data": {"kubeconfig": format::yaml(&kubeconfig)},
        "immutable": true,
    }))
    .map_err(|error| CommandError::internal("cluster-info could not be built").because(error))?;
    match hub.call(maps.create(&PostParams::default(), &map)).await {
        Ok(_) => {
            ui.status("Created kube-public/cluster-info from this kubeconfig: clusters that join read the hub's address and CA there.");
            Ok(())
        }
        Err(error) if matches!(error.failure, Failure::Conflict(_)) => Ok(()),
        // The way to join is --ca-file then.
        Err(error) => {
            ui.warning(&format!(
                "kube-public/cluster-info is missing and cannot be made ({error}); pass --ca-file to join"
            ));
            Ok(())
        }
    }
}

/// The Deployment is available, and the ClusterManager says that the hub works.
///
/// # Errors
/// The deadline, and what was missing.
pub async fn until_ready(
    hub: &Connection,
    upstream: bool,
    until: Instant,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress();
    install::until_available(
        hub,
        names::OPERATOR_NAMESPACE,
        names::CLUSTER_MANAGER,
        until,
        &progress,
    )
    .await?;
    let step = progress.step("Setting up the hub");
    let wanted = if upstream {
        UPSTREAM_READY
    } else {
        NATIVE_READY
    };
    let api = resources::all(&hub.client, &resources::cluster_manager());
    let ready = wait::until_object(
        api,
        names::CLUSTER_MANAGER,
        until,
        |manager: Option<&DynamicObject>| match manager {
            None => State::Waiting("the ClusterManager does not exist".to_owned()),
            Some(manager) => conditions(manager, wanted),
        },
        |detail| step.waiting(detail),
    )
    .await;
    let Err(error) = ready else {
        step.done();
        return Ok(());
    };
    drop(step);
    let error = wait_error(error, hub, "the hub");
    // Upstream's operator starts its components there.
    let trouble = trouble::within(hub, names::HUB_NAMESPACE).await;
    Err(trouble.into_iter().fold(error, CommandError::hint))
}

/// Conditions of a ClusterManager whose components work.
const NATIVE_READY: &[(&str, &str)] = &[("Applied", "True")];
const UPSTREAM_READY: &[(&str, &str)] = &[
    ("Applied", "True"),
    ("Progressing", "False"),
    ("HubRegistrationDegraded", "False"),
];

fn conditions(manager: &DynamicObject, wanted: &[(&str, &str)]) -> State<()> {
    for (kind, status) in wanted {
        let Some(condition) = resources::find_condition(&manager.data, kind) else {
            return State::Waiting("it has not reported yet".to_owned());
        };
        let seen = condition["observedGeneration"].as_i64().unwrap_or(i64::MAX);
        if seen < manager.metadata.generation.unwrap_or_default() {
            return State::Waiting("it works on its new settings".to_owned());
        }
        if condition["status"] != *status {
            let message = condition["message"].as_str().unwrap_or("not applied yet");
            return State::Waiting(message.to_owned());
        }
    }
    State::Met(())
}

/// The lines that scripts parse, or the same as data.
fn print(args: &Args, offer: Offer<'_>, ui: &Ui) -> Result<(), CommandError> {
    let join = offer.join_command(args.wait);
    if let Some(path) = &args.output_join_command_file {
        let command = join.replace("<cluster_name>", "$1");
        install::write_private(path, &format!("{command}\n"), true)?;
    }
    let text = match args.output {
        token::Output::Data(output) => format::document(output, &offer.value())?,
        token::Output::Token => format!("{}\n", offer.token),
        token::Output::Text => format!(
            "The multicluster hub control plane has been initialized successfully!\n\n\
             You can now register cluster(s) to the hub control plane. Log onto those cluster(s) and run the following command:\n\n    \
             {join}\n\n\
             Replace <cluster_name> with a cluster name of your choice. For example, cluster1.\n\n"
        ),
    };
    ui.result(&text)?;
    Ok(())
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

    fn spec(flags: &[&str]) -> Result<ClusterManagerSpec, CommandError> {
        let line = Line::parse_from(["x"].iter().chain(flags));
        cluster_manager(&line.args)
    }

    #[test]
    fn auto_approval_names_the_bootstrap_user() {
        let gate = "--feature-gates=ManagedClusterAutoApproval=true";
        let users = |flags: &[&str]| {
            spec(flags)
                .unwrap()
                .registration_configuration
                .unwrap()
                .auto_approve_users
        };
        assert_eq!(
            users(&[gate]),
            ["system:serviceaccount:open-cluster-management:agent-registration-bootstrap"]
        );
        // The user that a bootstrap token really is.
        assert_eq!(
            users(&[gate, "--use-bootstrap-token"]),
            ["system:bootstrap:ocmhub"]
        );
        assert!(users(&[]).is_empty());
        assert!(spec(&["--auto-approved-csr-identities=x"]).is_err());
    }

    #[test]
    fn bootstrap_tokens_end_and_are_renewed() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let secret = |expiration: Option<&str>| -> Secret {
            let mut data = json!({"token-id": "b2NtaHVi", "token-secret": "a2VwdA=="});
            if let Some(expiration) = expiration {
                let bytes = expiration.as_bytes();
                data["expiration"] =
                    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
                        .into();
            }
            serde_json::from_value(json!({"metadata": {"name": "x"}, "data": data})).unwrap()
        };
        let day = "2026-01-02T00:00:00Z";
        for (found, ttl, kept, until) in [
            (None, None, false, day),
            // No end, ended, ends soon, ends late.
            (Some(secret(None)), None, true, day),
            (Some(secret(Some("2025-12-31T00:00:00Z"))), None, false, day),
            (Some(secret(Some("2026-01-01T11:00:00Z"))), None, true, day),
            (
                Some(secret(Some("2026-01-01T13:00:00Z"))),
                None,
                true,
                "2026-01-01T13:00:00Z",
            ),
            (
                Some(secret(Some("2026-01-01T13:00:00Z"))),
                Some(Duration::from_secs(3600)),
                true,
                "2026-01-01T01:00:00Z",
            ),
        ] {
            let renewed = renewed(found.as_ref(), ttl, now);
            assert_eq!(renewed.until.to_string(), until, "{found:?}");
            assert_eq!(renewed.secret.is_some(), kept, "{found:?}");
        }
    }

    #[test]
    fn gates_go_to_their_part() {
        let spec =
            spec(&["--feature-gates=ManifestWorkReplicaSet=true,DefaultClusterSet=false"]).unwrap();
        let names = |gates: Vec<FeatureGate>| -> Vec<String> {
            gates.into_iter().map(|gate| gate.feature).collect()
        };
        assert_eq!(
            names(spec.registration_configuration.unwrap().feature_gates),
            ["DefaultClusterSet"]
        );
        assert_eq!(
            names(spec.work_configuration.unwrap().feature_gates),
            ["ManifestWorkReplicaSet"]
        );
    }

    #[test]
    fn only_a_current_condition_counts() {
        let manager = |generation: i64, status: &str| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "operator.open-cluster-management.io/v1", "kind": "ClusterManager",
                "metadata": {"name": "cluster-manager", "generation": generation},
                "status": {"conditions": [{"type": "Applied", "status": status, "observedGeneration": 1, "message": "m"}]},
            }))
            .unwrap()
        };
        assert_eq!(
            conditions(&manager(1, "True"), NATIVE_READY),
            State::Met(())
        );
        assert_eq!(
            conditions(&manager(1, "False"), NATIVE_READY),
            State::Waiting("m".to_owned())
        );
        assert!(matches!(
            conditions(&manager(2, "True"), NATIVE_READY),
            State::Waiting(_)
        ));
    }
}
