//! `ocmadm upgrade`: hub or agent become those of another version, and stay what
//! they are otherwise: names, modes, registry, replicas, settings.

mod agent;
mod hub;

use kube::core::DynamicObject;
use semver::Version;

use crate::cmd::args::GlobalArgs;
use crate::cmd::components::Installed;
use crate::cmd::images::{self, BundleArgs};
use crate::error::CommandError;
use crate::ocm::releases::Images;
use crate::ui::Ui;

/// Arguments of `ocmadm upgrade`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to upgrade.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be upgraded.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Command {
    /// Upgrade the hub
    Clustermanager(hub::Args),
    /// Upgrade the agents of this cluster
    Klusterlet(agent::Args),
}

/// Flags of both.
#[derive(clap::Args, Clone, Debug)]
struct Common {
    #[command(flatten)]
    bundle: BundleArgs,

    /// Registry of upstream's images [default: the one in use]
    #[arg(long, value_name = "REGISTRY")]
    image_registry: Option<String>,

    /// Image of native components [default: the one in use]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,

    /// Go back to an older version too
    #[arg(long)]
    allow_downgrade: bool,

    /// Wait until the new version works
    #[arg(long)]
    wait: bool,
}

/// Runs the command.
///
/// # Errors
/// Nothing to upgrade, an unknown or older version, or what the cluster refuses.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    match &args.command {
        Command::Clustermanager(args) => hub::run(args, global, ui).await,
        Command::Klusterlet(args) => agent::run(args, global, ui).await,
    }
}

impl Common {
    /// Upstream's images after the upgrade, of an operator before it.
    fn images(&self, before: &Installed) -> Result<Images, CommandError> {
        let mut images = self.bundle.images(self.image_registry.as_deref())?;
        let present = before.images();
        if self.image_registry.is_none() && !present.registry.is_empty() {
            images.registry = present.registry;
        }
        self.check(&present.tag, &images.tag)?;
        Ok(images)
    }

    /// The image of native components after the upgrade.
    fn image(&self, before: &Installed) -> Result<String, CommandError> {
        let registry = self.image_registry.as_ref().map(|_| "--image-registry");
        if let Some(flag) = registry.into_iter().chain(self.bundle.given()).next() {
            return Err(CommandError::usage(format!(
                "{flag} is about upstream's images, and native components run here"
            ))
            .hint("name the new image with --image"));
        }
        Ok(self.image.clone().unwrap_or_else(|| before.image.clone()))
    }

    fn check(&self, before: &str, after: &str) -> Result<(), CommandError> {
        if self.allow_downgrade || !older(after, before) {
            return Ok(());
        }
        Err(
            CommandError::user(format!("{after} is older than {before}, which runs here"))
                .hint("choose a newer one with --bundle-version, or add --allow-downgrade")
                .hint(format!("versions are: {}", images::listed())),
        )
    }
}

/// Whether one tag is an older version than another; tags that are no versions
/// are not compared.
#[must_use]
pub fn older(one: &str, than: &str) -> bool {
    let version = |tag: &str| Version::parse(tag.trim_start_matches('v')).ok();
    matches!((version(one), version(than)), (Some(one), Some(than)) if one < than)
}

/// Keeps what an upgrade is about: definitions, the operator and its permissions,
/// and the objects of `kind`. What a cluster joined or was made with stays.
fn only(objects: &mut Vec<DynamicObject>, operator: &str, kind: &str) {
    objects.retain(|object| {
        let its = object.types.as_ref().map_or("", |types| &types.kind);
        match its {
            "CustomResourceDefinition" | "PriorityClass" => true,
            "Namespace" | "Secret" => false,
            _ if its == kind => true,
            _ => object.metadata.name.as_deref() == Some(operator),
        }
    });
}

/// Says what changes.
fn tell(ui: &Ui, what: &str, before: &str, after: &str) {
    if before == after {
        ui.status(&format!("{what}: {before}, as before"));
    } else {
        ui.status(&format!("{what}: {before} becomes {after}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_are_compared() {
        for (one, than, expected) in [
            ("v1.2.0", "v1.3.1", true),
            ("v1.3.1", "v1.3.1", false),
            ("v1.3.1", "v1.3.0", false),
            ("latest", "v1.3.1", false),
            ("v1.2.0", "latest", false),
            ("v1.2.0", "", false),
        ] {
            assert_eq!(older(one, than), expected, "{one} {than}");
        }
    }
}
