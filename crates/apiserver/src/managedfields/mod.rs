//! See the crate documentation: the stage `managedfields`.
