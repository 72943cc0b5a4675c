//! See the crate documentation: the stage `registry`.
