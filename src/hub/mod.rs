//! The native hub: one folder per controller.

pub mod clustermanager;
pub mod registration;
