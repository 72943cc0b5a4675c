//! One file per command: help text, arguments, run.

pub mod args;
