//! Several hubs to choose from (gate MultipleHubs; protocol, section 3.13,
//! statement 60): which one is worked with, and when it is left for another.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::DynamicObject;
use tokio_util::sync::CancellationToken;

use crate::agent::certificate::credentials::{Credentials, Data};
use crate::agent::klusterlet::may_bootstrap;
use crate::ocm::names;
use crate::runtime::{Context, source_chain};

use super::identity::{self, Names};
use super::join;
use super::settings::Settings;

/// How long one hub may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The hubs that the Klusterlet names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hubs {
    /// Secrets with bootstrap kubeconfigs, the first is tried first.
    pub secrets: Vec<String>,
    /// How long a hub may be silent.
    pub timeout: Duration,
}

/// Leaves the hub that is worked with.
#[derive(Clone, Debug)]
pub struct Leave {
    /// Ends what runs with this hub.
    pub token: CancellationToken,
    /// How long it may be silent.
    pub timeout: Duration,
}

/// What is known of a hub from which an agent might leave.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Whether it has ever wanted the cluster, as far as this agent saw.
    pub was_wanted: bool,
    /// Whether it wants the cluster now (`hubAcceptsClient`); `None` when that
    /// is not known.
    pub wanted: Option<bool>,
    /// How long ago it was last heard of.
    pub silent: Duration,
}

impl Leave {
    /// Why the hub is to be left, if it is.
    #[must_use]
    pub fn why(&self, known: Known) -> Option<&'static str> {
        if known.was_wanted && known.wanted == Some(false) {
            return Some("it no longer accepts the cluster");
        }
        (known.silent > self.timeout).then_some("it was silent for too long")
    }
}

/// Chooses a hub: that of the present identity if it is still good, else the
/// first that is. `None` when none is.
pub(super) async fn choose(
    context: &Context,
    hubs: &Hubs,
    settings: &Settings,
    fallback: &Names,
) -> Option<String> {
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &settings.namespace);
    let read = async |name: &str| match api.get_opt(name).await {
        Ok(secret) => secret.and_then(|secret| secret.data),
        Err(error) => {
            tracing::warn!(secret = name, error = %source_chain(&error), "cannot be read");
            None
        }
    };
    let present = read(names::HUB_KUBECONFIG_SECRET).await;
    let cluster = identity::names_of(settings, present.as_ref(), fallback).cluster;
    let server = present.and_then(|data| Some(Credentials::read(&data).ok()?.server().to_owned()));
    let looks = hubs.secrets.iter().map(|name| {
        let (read, cluster) = (&read, &cluster);
        async move {
            let data = read(name).await;
            let found = match tokio::time::timeout(PATIENCE, look(data.as_ref(), cluster)).await {
                Ok(found) => found,
                Err(_) => Err("it does not answer".to_owned()),
            };
            (name, found)
        }
    });
    let mut good = Vec::new();
    for (name, found) in join_all(looks).await {
        match found {
            Ok(server) => good.push((name, server)),
            Err(reason) => tracing::info!(secret = %name, reason, "this hub is not used"),
        }
    }
    let same = good
        .iter()
        .find(|(_, found)| server.as_ref() == Some(found));
    let (name, _) = same.or(good.first())?;
    Some((*name).clone())
}

/// The hub's address, if the cluster may ask there; else why not.
async fn look(data: Option<&Data>, cluster: &str) -> Result<String, String> {
    let data = data.ok_or("there is no such secret")?;
    may_bootstrap(data).await?;
    let credentials = Credentials::read(data).map_err(|error| source_chain(&error))?;
    let client = credentials
        .client()
        .await
        .map_err(|error| source_chain(&error))?;
    let clusters: Api<DynamicObject> = Api::all_with(client, &join::clusters());
    let found = clusters
        .get_opt(cluster)
        .await
        .map_err(|error| source_chain(&error))?;
    let refused = found.is_some_and(|found| found.data["spec"]["hubAcceptsClient"] != true);
    if refused {
        return Err("it does not accept the cluster".to_owned());
    }
    Ok(credentials.server().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_60_when_a_hub_is_left() {
        let leave = Leave {
            token: CancellationToken::new(),
            timeout: Duration::from_secs(600),
        };
        let known = |was_wanted, wanted, seconds| Known {
            was_wanted,
            wanted,
            silent: Duration::from_secs(seconds),
        };
        for (known, left) in [
            (known(true, Some(true), 0), false),
            // Not yet is not no more.
            (known(false, Some(false), 0), false),
            (known(true, Some(false), 0), true),
            (known(true, None, 599), false),
            (known(true, None, 601), true),
            (known(false, None, 601), true),
        ] {
            assert_eq!(leave.why(known).is_some(), left, "{known:?}");
        }
    }
}
