//! See the crate documentation: the stage `authz`.
