//! See the crate documentation: the stage `loops`.
