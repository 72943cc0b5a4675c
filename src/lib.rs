//! Open Cluster Management in one binary: the admin CLI, the hub, the agent and
//! a local sandbox. `ARCHITECTURE.md` says how to walk this tree.

pub mod agent;
pub mod bundle;
pub mod cli;
pub mod cmd;
pub mod error;
pub mod hub;
pub mod k8s;
pub mod ocm;
pub mod runtime;
pub mod sandbox;
pub mod ui;
