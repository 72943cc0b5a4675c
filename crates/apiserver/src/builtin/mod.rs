//! See the crate documentation: the stage `builtin`.
