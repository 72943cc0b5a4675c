//! Which of upstream's images: flags about their version and their registry.

use std::path::Path;

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

/// The release of `--bundle-version`, with what the file of
/// `--bundle-version-overrides` says.
///
/// # Errors
/// What is neither a release nor a version, a file that cannot be read.
pub fn release(version: &str, overrides: Option<&Path>) -> Result<Release, CommandError> {
    let mut release = releases::find(version).ok_or_else(|| {
        CommandError::usage(format!(
            "couldn't find the requested version bundle: {}",
            version.strip_prefix('v').unwrap_or(version)
        ))
        .hint(format!("versions are: {}", listed()))
    })?;
    if let Some(path) = overrides {
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

/// The images of upstream's components.
///
/// # Errors
/// See [`release`] and [`registry`].
pub fn images(
    given: Option<&str>,
    version: &str,
    overrides: Option<&Path>,
) -> Result<Images, CommandError> {
    Ok(Images {
        registry: registry(given)?,
        tag: release(version, overrides)?.ocm,
    })
}

/// Says what is to be known of a version that is none of the releases.
pub fn tell(version: &str, ui: &Ui) {
    if let Some(release) = releases::find(version)
        && !release.known
    {
        ui.warning(&format!(
            "{} is no release that this program knows ({}): images are taken by this tag; definitions and roles are those of v{}",
            release.ocm,
            listed(),
            releases::DEFAULT
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_choose_image_tags() {
        let chosen = images(Some("r/x/"), "v1.2.0", None).unwrap();
        assert_eq!(chosen.work(), "r/x/work:v1.2.0");
        let error = release("1.1", None).unwrap_err();
        assert_eq!(
            error.message(),
            "couldn't find the requested version bundle: 1.1"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.json");
        std::fs::write(&path, r#"{"ocm": "v9"}"#).unwrap();
        let over = release("default", Some(&path)).unwrap();
        assert_eq!((&*over.ocm, &*over.policy_addon), ("v9", "v0.18.0"));
        std::fs::write(&path, "ocm: v9").unwrap();
        assert!(release("default", Some(&path)).is_err());
    }

    #[test]
    fn a_version_that_is_no_release_is_taken_with_a_warning() {
        let said = |version: &str| {
            let ui = Ui::captured();
            tell(version, &ui);
            ui.take_captured().stderr
        };
        assert_eq!(said("1.3.1") + &said("default") + &said("latest"), "");
        let warning = said("v1.9.0");
        assert!(
            warning.contains("v1.9.0 is no release that this program knows (1.1.0, "),
            "{warning}"
        );
        assert_eq!(
            images(None, "1.9.0", None).unwrap().operator(),
            "quay.io/open-cluster-management/registration-operator:v1.9.0"
        );
    }
}
