//! Joins the hub and keeps the registration alive.

pub mod credentials;
pub mod csr;
pub mod identity;
pub mod settings;
