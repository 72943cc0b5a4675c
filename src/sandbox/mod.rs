//! Local control planes and their simulated nodes.
//!
//! `control` starts and stops the one background process of a sandbox;
//! `supervise` is that process: a `plane` (API server and simulated `node`) for
//! the hub and each managed cluster. `plan` decides which there are, `layout`
//! knows the folder.

pub mod control;
pub mod demo;
pub mod error;
pub mod files;
pub mod kubeconfig;
pub mod layout;
pub mod logs;
pub mod node;
pub mod plan;
pub mod plane;
pub mod ports;
pub mod supervise;

pub use error::SandboxError;
pub use layout::Layout;
