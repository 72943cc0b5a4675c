//! See the crate documentation: the stage `openapi`.
