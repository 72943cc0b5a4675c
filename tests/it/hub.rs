//! Tests of: hub registration, against an API server in this process. The hub
//! runs as its own service account, with no other rights than `init` gives it.

mod acceptance;
mod addons;
mod admission;
mod applications;
mod attacks;
mod cleanup;
mod election;
mod imports;
mod leases;
mod placement;
mod profiles;
mod requests;
mod sets;
pub(crate) mod support;
mod works;
mod works_admission;
