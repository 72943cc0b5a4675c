//! See the crate documentation: the stage `table`.
