//! Releases of upstream's components: which image tags belong together.

/// Where upstream's images are.
pub const REGISTRY: &str = "quay.io/open-cluster-management";
/// The release that is installed when nothing is said.
pub const DEFAULT: &str = "1.3.1";

/// Image tags that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Of hub, agents and operators.
    pub ocm: String,
    /// Of the governance policy add-on.
    pub policy_addon: String,
    /// Whether this program knows that they do; else they are what was asked for.
    pub known: bool,
}

/// Name, OCM tag and policy tag of each known release.
const KNOWN: &[(&str, &str, &str)] = &[
    ("1.1.0", "v1.1.0", "v0.16.0"),
    ("1.1.1", "v1.1.1", "v0.17.0"),
    ("1.1.3", "v1.1.3", "v0.17.0"),
    ("1.2.0", "v1.2.0", "v0.18.0"),
    ("1.2.1", "v1.2.1", "v0.18.0"),
    ("1.3.0", "v1.3.0", "v0.18.0"),
    ("1.3.1", "v1.3.1", "v0.18.0"),
    ("latest", "latest", "latest"),
];

/// The names that [`find`] knows, oldest first.
pub fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|(name, ..)| *name)
}

/// A release by its name, with or without `v`; `default` is [`DEFAULT`]. A version that
/// is none of them is taken by its word, with the policy add-on of [`DEFAULT`].
pub fn find(name: &str) -> Option<Release> {
    let name = match name.strip_prefix('v').unwrap_or(name) {
        "default" => DEFAULT,
        name => name,
    };
    let known = |name: &str| {
        let found = KNOWN.iter().find(|(known, ..)| *known == name);
        found.map(|(_, ocm, policy)| Release {
            ocm: (*ocm).to_owned(),
            policy_addon: (*policy).to_owned(),
            known: true,
        })
    };
    known(name).or_else(|| {
        semver::Version::parse(name).ok()?;
        Some(Release {
            ocm: format!("v{name}"),
            known: false,
            ..known(DEFAULT)?
        })
    })
}

/// The images of one release in one registry.
#[derive(Clone, Debug)]
pub struct Images {
    /// Registry and path, without a slash at its end.
    pub registry: String,
    /// The tag of all of them.
    pub tag: String,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            registry: REGISTRY.to_owned(),
            tag: format!("v{DEFAULT}"),
        }
    }
}

impl Images {
    /// The image of this name.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}:{}", self.registry, self.tag)
    }

    /// Registration of hub and agent.
    pub fn registration(&self) -> String {
        self.image("registration")
    }

    /// Works, of hub and agent.
    pub fn work(&self) -> String {
        self.image("work")
    }

    /// Placement of the hub.
    pub fn placement(&self) -> String {
        self.image("placement")
    }

    /// The hub's manager of add-ons.
    pub fn addon_manager(&self) -> String {
        self.image("addon-manager")
    }

    /// Both operators, and the agent in one process.
    pub fn operator(&self) -> String {
        self.image("registration-operator")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_names() {
        for (name, tag) in [
            ("default", Some("v1.3.1")),
            ("1.3.1", Some("v1.3.1")),
            ("v1.2.0", Some("v1.2.0")),
            ("latest", Some("latest")),
            ("v1.4.0-rc.1", Some("v1.4.0-rc.1")),
            ("lates", None),
            ("1.3", None),
            ("", None),
        ] {
            let found = find(name).map(|release| release.ocm);
            assert_eq!(found.as_deref(), tag, "{name}");
        }
        assert!(names().any(|name| name == DEFAULT));
        assert!(names().all(|name| find(name).unwrap().known));
        let other = find("1.4.0").unwrap();
        assert!(!other.known && other.policy_addon == find(DEFAULT).unwrap().policy_addon);
    }

    #[test]
    fn images_are_of_one_registry_and_tag() {
        let images = Images::default();
        assert_eq!(
            images.addon_manager(),
            "quay.io/open-cluster-management/addon-manager:v1.3.1"
        );
    }
}
