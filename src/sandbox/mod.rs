//! Local control planes and their simulated nodes.

pub mod files;
pub mod node;
