//! See the crate documentation: the stage `crd`.
