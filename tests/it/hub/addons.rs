//! Add-ons on an API server: what the controllers write, with the hub's own
//! rights. (What is decided is tested purely, in `src/hub/addon`.) Clusters are
//! namespaces, placements are decided by the test, and so are works.

mod bed;
mod config;
mod conversion;
mod features;
mod identity;
mod install;
