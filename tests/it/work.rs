//! Tests of the work agent, between two API servers in this process.

mod bed;
mod apply;
mod delete;
mod resilience;
