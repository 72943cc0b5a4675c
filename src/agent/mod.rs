//! The native agent: registration, lease, works and the Klusterlet.

pub mod klusterlet;
pub mod registration;
pub mod work;
