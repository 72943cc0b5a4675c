//! The policy framework, which is built into this program.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::core::DynamicObject;

use super::InstallHubAddonArgs;
use crate::bundle;
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::cmd::remove::Removal;
use crate::cmd::{deadline, images, install, preview};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ocm::releases::{self, Images, Release};
use crate::ui::Ui;

/// Its name, and that of the add-on of clusters that carries policies.
pub(super) const NAME: &str = "governance-policy-framework";

/// Everything but the definitions and the namespace.
fn objects(args: &InstallHubAddonArgs) -> Result<Vec<DynamicObject>, CommandError> {
    let images = Images {
        registry: images::registry(args.image_registry.as_deref())?,
        tag: args.bundle.release()?.policy_addon,
    };
    Ok(bundle::policy_framework(&args.namespace, &images)?)
}

/// Finds out what is wrong with the flags before anything is done.
pub(super) fn check(args: &InstallHubAddonArgs) -> Result<(), CommandError> {
    objects(args).map(drop)
}

/// Installs it, or brings it up to date.
pub(super) async fn install(
    args: &InstallHubAddonArgs,
    hub: &Connection,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    elsewhere(&args.namespace, hub).await?;
    let mut all = bundle::policy_framework_definitions()?;
    if args.create_namespace {
        all.push(namespace(&args.namespace)?);
    }
    all.extend(objects(args)?);
    let becomes = |release: &Release| {
        format!(
            "the images are {}, those of v{}; --bundle-version-overrides names others",
            release.policy_addon,
            releases::DEFAULT
        )
    };
    args.bundle.tell(becomes, ui);
    if let Some(path) = &args.output_file {
        install::write_private(path, &install::manifests(&all), false)?;
    }
    if global.dry_run_on_server {
        return preview::preview(hub, &all, NAME, ui).await;
    }
    if global.dry_run {
        install::dry_run_note(ui);
        return Ok(ui.result(&install::manifests(&all))?);
    }
    install::apply(hub, &all, NAME, deadline(global.timeout), ui).await?;
    Ok(())
}

fn namespace(name: &str) -> Result<DynamicObject, CommandError> {
    let object = serde_json::json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
    });
    serde_json::from_value(object)
        .map_err(|error| CommandError::internal("the namespace could not be built").because(error))
}

/// Refuses a namespace when it is in another one: half of it would be there, or stay.
async fn elsewhere(namespace: &str, hub: &Connection) -> Result<(), CommandError> {
    const BINDING: &str = "governance-policy-propagator-global";
    let bindings: Api<ClusterRoleBinding> = Api::all(hub.client.clone());
    let found = hub
        .call_opt(bindings.get(BINDING))
        .await
        .doing(&format!("read ClusterRoleBinding {BINDING}"))?;
    let subjects = found.and_then(|binding| binding.subjects);
    let there = subjects.into_iter().flatten().find_map(|one| one.namespace);
    match there {
        Some(there) if there != namespace => Err(CommandError::user(format!(
            "{NAME} is installed in namespace {there}, not in {namespace}"
        ))
        .hint(format!("add --namespace {there}"))),
        _ => Ok(()),
    }
}

/// Takes it off, if it is there; definitions (and with them the policies) and the
/// namespace stay.
pub(super) async fn uninstall(
    namespace: &str,
    hub: &Connection,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    elsewhere(namespace, hub).await?;
    let mut removal = Removal::new(hub, deadline(global.timeout), global.dry_run, ui);
    let objects = bundle::policy_framework(namespace, &Images::default())?;
    // What runs goes before what it may do.
    for object in objects.iter().rev() {
        let types = object.types.clone().unwrap_or_default();
        removal
            .object(
                &types.api_version,
                &types.kind,
                object.metadata.namespace.as_deref().unwrap_or_default(),
                object.metadata.name.as_deref().unwrap_or_default(),
            )
            .await?;
    }
    ui.status("The definitions of policies, and the policies, stay.");
    Ok(())
}
