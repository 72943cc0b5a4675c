//! One file per command: help text, arguments, run.

pub mod args;
pub mod completion;
pub mod sandbox;
pub mod util;
pub mod version;
