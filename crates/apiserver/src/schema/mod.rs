//! See the crate documentation: the stage `schema`.
