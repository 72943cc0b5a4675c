//! See the crate documentation: the stage `http`.
