//! Which of upstream's images: flags about their version and their registry.

use std::path::PathBuf;

use serde::Deserialize;

use crate::cmd::components::read;
use crate::error::CommandError;
use crate::ocm::releases::{self, Images, Release};
use crate::ui::Ui;

/// What a file of `--bundle-version-overrides` may hold.
#[derive(Deserialize)]
struct Overrides {
    ocm: Option<String>,
    policy_addon: Option<String>,
}

/// Flags about the version of upstream's images.
#[derive(clap::Args, Clone, Debug)]
pub struct BundleArgs {
    /// Version of upstream's images
    #[arg(long, value_name = "VERSION", default_value = BundleArgs::DEFAULT)]
    bundle_version: String,

    /// JSON file with image tags (ocm, policy_addon) instead of those of the version
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    bundle_version_overrides: Option<PathBuf>,
}

impl Default for BundleArgs {
    fn default() -> Self {
        Self {
            bundle_version: Self::DEFAULT.to_owned(),
            bundle_version_overrides: None,
        }
    }
}

impl BundleArgs {
    const DEFAULT: &str = "default";

    /// Those that were given.
    pub fn given(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.bundle_version != Self::DEFAULT, "--bundle-version"),
            (
                self.bundle_version_overrides.is_some(),
                "--bundle-version-overrides",
            ),
        ]
        .into_iter()
        .filter_map(|(given, flag)| given.then_some(flag))
    }

    /// The release, with what the file of overrides says.
    ///
    /// # Errors
    /// What is neither a release nor a version, a file that cannot be read.
    pub fn release(&self) -> Result<Release, CommandError> {
        let version = &self.bundle_version;
        let mut release = releases::find(version).ok_or_else(|| {
            CommandError::usage(format!(
                "couldn't find the requested version bundle: {}",
                version.strip_prefix('v').unwrap_or(version)
            ))
            .hint(format!("versions are: {}", listed()))
        })?;
        if let Some(path) = &self.bundle_version_overrides {
            let bytes = read(path)?;
            let overrides: Overrides = serde_json::from_slice(&bytes).map_err(|error| {
                CommandError::user(format!(
                    "failed to unmarshal version bundle {}",
                    path.display()
                ))
                .because(error)
                .hint(r#"it is a JSON object such as {"ocm": "v1.3.1", "policy_addon": "v0.18.0"}"#)
            })?;
            release.ocm = overrides.ocm.unwrap_or(release.ocm);
            release.policy_addon = overrides.policy_addon.unwrap_or(release.policy_addon);
        }
        Ok(release)
    }

    /// The images of upstream's components, in this registry.
    ///
    /// # Errors
    /// See [`Self::release`] and [`registry`].
    pub fn images(&self, given: Option<&str>) -> Result<Images, CommandError> {
        Ok(Images {
            registry: registry(given)?,
            tag: self.release()?.ocm,
        })
    }

    /// Says what is to be known of a version that is none of the releases: what
    /// `becomes` of it. Who names the tags knows.
    pub fn tell(&self, becomes: impl FnOnce(&Release) -> String, ui: &Ui) {
        if let Some(release) = releases::find(&self.bundle_version)
            && !release.known
            && self.bundle_version_overrides.is_none()
        {
            ui.warning(&format!(
                "{} is no release that this program knows ({}): {}",
                release.ocm,
                listed(),
                becomes(&release)
            ));
        }
    }

    /// [`Self::tell`] of upstream's components.
    pub fn tell_components(&self, ui: &Ui) {
        let becomes = |_: &Release| {
            format!(
                "images are taken by this tag; definitions and roles are those of v{}",
                releases::DEFAULT
            )
        };
        self.tell(becomes, ui);
    }
}

/// The releases that this program knows, for people.
#[must_use]
pub fn listed() -> String {
    releases::names().collect::<Vec<_>>().join(", ")
}

/// The registry of `--image-registry`; upstream's when nothing is said.
///
/// # Errors
/// An empty one.
pub fn registry(given: Option<&str>) -> Result<String, CommandError> {
    match given {
        Some("") => Err(CommandError::usage("registry should not be empty")),
        Some(registry) => Ok(registry.trim_end_matches('/').to_owned()),
        None => Ok(releases::REGISTRY.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(version: &str, overrides: Option<&std::path::Path>) -> BundleArgs {
        BundleArgs {
            bundle_version: version.to_owned(),
            bundle_version_overrides: overrides.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn releases_choose_image_tags() {
        let chosen = args("v1.2.0", None).images(Some("r/x/")).unwrap();
        assert_eq!(chosen.work(), "r/x/work:v1.2.0");
        let error = args("1.1", None).release().unwrap_err();
        assert_eq!(
            error.message(),
            "couldn't find the requested version bundle: 1.1"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.json");
        let over = args("default", Some(&path));
        std::fs::write(&path, r#"{"ocm": "v9"}"#).unwrap();
        let release = over.release().unwrap();
        assert_eq!((&*release.ocm, &*release.policy_addon), ("v9", "v0.18.0"));
        std::fs::write(&path, "ocm: v9").unwrap();
        assert!(over.release().is_err());
        assert!(BundleArgs::default().given().next().is_none());
        assert_eq!(
            over.given().collect::<Vec<_>>(),
            ["--bundle-version-overrides"]
        );
    }

    #[test]
    fn a_version_that_is_no_release_is_taken_with_a_warning() {
        let said = |args: BundleArgs| {
            let ui = Ui::captured();
            args.tell_components(&ui);
            ui.take_captured().stderr
        };
        for known in ["1.3.1", "default", "latest"] {
            assert_eq!(said(args(known, None)), "");
        }
        let warning = said(args("v1.9.0", None));
        assert!(
            warning.contains("v1.9.0 is no release that this program knows (1.1.0, "),
            "{warning}"
        );
        // Whose tags are named knows what they are.
        assert_eq!(said(args("v1.9.0", Some("tags.json".as_ref()))), "");
        assert_eq!(
            args("1.9.0", None).images(None).unwrap().operator(),
            "quay.io/open-cluster-management/registration-operator:v1.9.0"
        );
    }
}
