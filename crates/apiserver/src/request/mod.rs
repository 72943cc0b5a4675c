//! See the crate documentation: the stage `request`.
