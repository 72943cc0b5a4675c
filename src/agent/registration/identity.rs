//! Who the agent is, and what it has to do next: wait, ask the hub for an
//! identity, or work with the one it has. Pure.

use jiff::Timestamp;

use crate::ocm::names;
use crate::runtime::backoff::fraction;

use super::settings::Settings;
use crate::agent::certificate::credentials::{self, Chain, Credentials, Data};

/// Cluster and agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The managed cluster's name.
    pub cluster: String,
    /// The agent's name.
    pub agent: String,
}

/// What the agent has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing can be done, for this reason.
    Wait(String),
    /// Ask the hub for an identity.
    Bootstrap {
        /// Who asks.
        names: Names,
        /// Why there is no identity yet.
        reason: String,
        /// Changes when what to ask with changes.
        credentials: u64,
        /// There is an identity of this hub, but it is of the past: what was
        /// applied with it is looked after until there is a new one.
        expired: bool,
    },
    /// Work with the identity of the hub kubeconfig Secret.
    Main {
        /// Who works.
        names: Names,
        /// Changes when the identity does.
        credentials: u64,
        /// Until when it holds.
        not_after: Timestamp,
    },
}

/// What is known.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The bootstrap Secret.
    pub bootstrap: Option<&'a Data>,
    /// The hub kubeconfig Secret.
    pub hub: Option<&'a Data>,
    /// What the Klusterlet asks for.
    pub settings: &'a Settings,
    /// Names for an agent that nobody named.
    pub fallback: &'a Names,
    /// The time.
    pub now: Timestamp,
}

/// Random names, for when neither Klusterlet nor Secret give any.
#[must_use]
pub fn fallback() -> Names {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut agent = String::new();
    for _ in 0..5 {
        let at = (fraction() * ALPHABET.len() as f64) as usize;
        agent.push(char::from(ALPHABET[at.min(ALPHABET.len() - 1)]));
    }
    let hex = |digits: usize| -> String {
        (0..digits)
            .map(|_| char::from_digit((fraction() * 16.0) as u32 % 16, 16).unwrap_or('0'))
            .collect()
    };
    let cluster = format!("{}-{}-4{}-8{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12));
    Names { cluster, agent }
}

/// Decides what the agent has to do.
#[must_use]
pub fn decide(observed: &Observed<'_>) -> Mode {
    let names = names_of(observed.settings, observed.hub, observed.fallback);
    if let Some(reason) = bad_name(&names.cluster) {
        return Mode::Wait(reason);
    }
    let bootstrap = match observed.bootstrap.map(Credentials::read) {
        None => None,
        Some(Ok(credentials)) => Some(credentials),
        Some(Err(error)) => {
            return Mode::Wait(format!(
                "secret {}: {error}",
                names::BOOTSTRAP_KUBECONFIG_SECRET
            ));
        }
    };
    let (reason, expired) = match usable(observed, bootstrap.as_ref(), &names) {
        Ok(chain) if chain.is_expired(observed.now) => {
            ("the hub's certificate has expired".to_owned(), true)
        }
        Ok(chain) => {
            return Mode::Main {
                credentials: fingerprint(observed.hub),
                not_after: chain.not_after,
                names,
            };
        }
        Err(reason) => (reason, false),
    };
    if bootstrap.is_none() {
        return Mode::Wait(format!(
            "{reason}, and there is no secret {}",
            names::BOOTSTRAP_KUBECONFIG_SECRET
        ));
    }
    Mode::Bootstrap {
        names,
        reason,
        credentials: fingerprint(observed.bootstrap),
        expired,
    }
}

/// Who the agent is: the Klusterlet says, or the hub kubeconfig Secret, or
/// nobody.
pub(super) fn names_of(settings: &Settings, hub: Option<&Data>, fallback: &Names) -> Names {
    let stored = |key| {
        hub.and_then(|data| credentials::text(data, key))
            .map(|text| text.trim().to_owned())
    };
    Names {
        cluster: settings
            .cluster_name
            .clone()
            .or_else(|| stored(names::KEY_CLUSTER_NAME))
            .unwrap_or_else(|| fallback.cluster.clone()),
        // An identity that the hub knows is kept, whoever first asked for it:
        // agents take over from other implementations.
        agent: stored(names::KEY_AGENT_NAME)
            .or_else(|| settings.agent_id.clone())
            .unwrap_or_else(|| fallback.agent.clone()),
    }
}

fn bad_name(cluster: &str) -> Option<String> {
    let good = !cluster.is_empty()
        && cluster.len() <= 63
        && cluster
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !cluster.starts_with('-')
        && !cluster.ends_with('-');
    (!good).then(|| format!("the cluster name {cluster:?} is no DNS-1123 label"))
}

/// The certificate chain of the hub kubeconfig Secret, if the Secret is good
/// for this agent at this hub (at some time); else why it is not.
fn usable(
    observed: &Observed<'_>,
    bootstrap: Option<&Credentials>,
    names: &Names,
) -> Result<Chain, String> {
    let hub = observed.hub.ok_or("there is no hub kubeconfig yet")?;
    let credentials = Credentials::read(hub).map_err(|error| format!("hub kubeconfig: {error}"))?;
    if let Some(bootstrap) = bootstrap
        && !credentials.same_hub(bootstrap)
    {
        return Err("the bootstrap kubeconfig leads to another hub".to_owned());
    }
    for key in [credentials::KEY_PRIVATE, credentials::KEY_CERTIFICATE] {
        if !hub.contains_key(key) {
            return Err(format!("the hub kubeconfig secret has no {key}"));
        }
    }
    let chain = hub
        .get(credentials::KEY_CERTIFICATE)
        .and_then(|pem| Chain::read(&pem.0))
        .ok_or("the hub's certificate cannot be read")?;
    if chain.agent() != Some((names.cluster.as_str(), names.agent.as_str())) {
        return Err("the hub's certificate is for another cluster or agent".to_owned());
    }
    Ok(chain)
}

/// A number that changes with a Secret's data.
fn fingerprint(data: Option<&Data>) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for (key, value) in data.into_iter().flatten() {
        key.hash(&mut hasher);
        value.0.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
