//! The controllers a cluster needs to live: namespaces end, owned objects go
//! with their owners, accounts and their tokens appear, requests are signed.
//! Each follows the changes of the registry and acts on them at once; timers
//! are for expiry alone.

mod accounts;
mod aggregation;
mod bootstrap;
mod definitions;
mod events;
mod follow;
mod garbage;
mod hand;
mod namespaces;
mod publish;
mod signing;
mod token_secrets;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::pki::{Authority, ServiceAccountKeys};
use crate::registry::Registry;

pub use publish::{publish, reconcile_roles};

/// What the loops work with.
#[derive(Clone, Debug)]
pub struct Host {
    /// Where they read and write.
    pub registry: Registry,
    /// Signs certificate requests; published in every namespace.
    pub authority: Arc<Authority>,
    /// Signs the tokens kept in secrets.
    pub keys: Arc<ServiceAccountKeys>,
}

/// Starts all loops; they end with `stop`, or with the registry.
pub fn start(host: &Host, tasks: &TaskTracker, stop: &CancellationToken) {
    tasks.spawn(namespaces::run(host.registry.clone(), stop.clone()));
    tasks.spawn(garbage::run(host.registry.clone(), stop.clone()));
    tasks.spawn(accounts::run(host.clone(), stop.clone()));
    tasks.spawn(token_secrets::run(host.clone(), stop.clone()));
    tasks.spawn(signing::run(host.clone(), stop.clone()));
    tasks.spawn(aggregation::run(host.registry.clone(), stop.clone()));
    tasks.spawn(bootstrap::run(host.registry.clone(), stop.clone()));
    tasks.spawn(definitions::run(host.registry.clone(), stop.clone()));
    tasks.spawn(events::run(host.registry.clone(), stop.clone()));
}

#[cfg(test)]
mod tests;
