//! See the crate documentation: the stage `store`.
