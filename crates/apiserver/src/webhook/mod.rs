//! See the crate documentation: the stage `webhook`.
