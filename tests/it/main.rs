//! The one integration-test binary. Each module is one subject; `harness`
//! holds what they share.

mod agent;
mod cli;
mod crds;
mod harness;
mod house;
mod hub;
mod sandbox;
mod work;
