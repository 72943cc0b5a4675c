//! See the crate documentation: the stage `types`.
