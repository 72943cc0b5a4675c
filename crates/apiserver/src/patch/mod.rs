//! See the crate documentation: the stage `patch`.
