//! See the crate documentation: the stage `pki`.
