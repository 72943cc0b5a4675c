//! Tests of: the registration agent, between a hub with its controllers and a
//! managed cluster. The agent reaches the hub over TLS with what it was given,
//! and its own cluster as its service account.

mod addons;
mod certificates;
mod clocks;
mod connection;
mod hubs;
mod joining;
mod killed;
mod metrics;
mod network;
pub(crate) mod proxy;
mod restored;
mod silence;
mod status;
pub(crate) mod support;
