//! Which control planes a sandbox will have: pure.

use super::error::SandboxError;
use super::layout::{Config, HUB, Member};

/// The format of `sandbox.json`.
const VERSION: u32 = 1;
/// Managed clusters when nobody says how many.
const CLUSTERS: usize = 2;
/// Before the number, when nobody says otherwise.
const PREFIX: &str = "cluster";

/// What the user asked for; `None` is what there is, or the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How many managed clusters.
    pub clusters: Option<usize>,
    /// What they are called, before their number.
    pub name_prefix: Option<String>,
    /// The hub's port; the clusters get the following ones.
    pub first_port: Option<u16>,
}

/// The clusters of the sandbox after `up`: those it has, and those it grows by.
///
/// # Errors
/// It would have to lose or rename clusters, or a name is none.
pub fn plan(have: Option<&Config>, wish: &Wish) -> Result<Config, SandboxError> {
    let mut config = match have {
        Some(have) => {
            check_same(have, wish)?;
            have.clone()
        }
        None => Config {
            version: VERSION,
            name_prefix: wish
                .name_prefix
                .clone()
                .unwrap_or_else(|| PREFIX.to_owned()),
            members: vec![Member {
                name: HUB.to_owned(),
                port: wish.first_port,
            }],
        },
    };
    check_name(&config.name_prefix)?;
    let clusters = match wish.clusters {
        Some(clusters) => clusters,
        None if have.is_some() => config.members.len() - 1,
        None => CLUSTERS,
    };
    for number in config.members.len()..=clusters {
        let offset = u16::try_from(number).unwrap_or(u16::MAX);
        config.members.push(Member {
            name: format!("{}{number}", config.name_prefix),
            port: wish.first_port.and_then(|first| first.checked_add(offset)),
        });
    }
    Ok(config)
}

fn check_same(have: &Config, wish: &Wish) -> Result<(), SandboxError> {
    let differs = |wanted: String| {
        let names = have.members.iter().skip(1).map(|m| m.name.clone());
        Err(SandboxError::Differs {
            have: names.collect(),
            wanted,
        })
    };
    if let Some(prefix) = &wish.name_prefix
        && *prefix != have.name_prefix
    {
        return differs(format!("{prefix}1, …"));
    }
    match wish.clusters {
        Some(clusters) if clusters + 1 < have.members.len() => differs(format!("only {clusters}")),
        _ => Ok(()),
    }
}

/// A cluster's name is a DNS label, a context and a folder.
fn check_name(prefix: &str) -> Result<(), SandboxError> {
    let wrong = |why| Err(SandboxError::Name(prefix.to_owned(), why));
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if prefix.is_empty() || prefix.len() > 50 {
        return wrong("it must have 1 to 50 characters");
    }
    if !prefix.chars().all(allowed) {
        return wrong("only a-z, 0-9 and - are allowed");
    }
    if prefix.starts_with('-') {
        return wrong("it must start with a letter or a digit");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(clusters: usize) -> Wish {
        Wish {
            clusters: Some(clusters),
            ..Wish::default()
        }
    }

    fn names(config: &Config) -> Vec<&str> {
        config.members.iter().map(|m| m.name.as_str()).collect()
    }

    #[test]
    fn a_new_sandbox() {
        let config = plan(None, &Wish::default()).unwrap();
        assert_eq!(names(&config), ["hub", "cluster1", "cluster2"]);
        let config = plan(None, &wish(0)).unwrap();
        assert_eq!(names(&config), ["hub"]);
        let spoken = Wish {
            clusters: Some(1),
            name_prefix: Some("edge-".to_owned()),
            first_port: Some(7000),
        };
        let config = plan(None, &spoken).unwrap();
        assert_eq!(names(&config), ["hub", "edge-1"]);
        assert_eq!(config.members[1].port, Some(7001));
    }

    #[test]
    fn a_sandbox_grows_but_does_not_shrink() {
        let mut one = plan(None, &wish(1)).unwrap();
        one.members[1].port = Some(5);
        let two = plan(Some(&one), &wish(2)).unwrap();
        assert_eq!(names(&two), ["hub", "cluster1", "cluster2"]);
        assert_eq!(two.members[1].port, Some(5), "ports stay");
        assert_eq!(plan(Some(&two), &Wish::default()).unwrap(), two);
        assert!(matches!(
            plan(Some(&two), &wish(1)),
            Err(SandboxError::Differs { .. })
        ));
        let renamed = Wish {
            name_prefix: Some("x".to_owned()),
            ..Wish::default()
        };
        assert!(matches!(
            plan(Some(&two), &renamed),
            Err(SandboxError::Differs { .. })
        ));
    }

    #[test]
    fn names_that_no_cluster_can_have() {
        for prefix in ["", "Big", "a_b", "-a", "../x"] {
            let wish = Wish {
                name_prefix: Some(prefix.to_owned()),
                ..Wish::default()
            };
            assert!(
                matches!(plan(None, &wish), Err(SandboxError::Name(..))),
                "{prefix}"
            );
        }
    }
}
