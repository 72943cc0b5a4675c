//! See the crate documentation: the stage `authn`.
