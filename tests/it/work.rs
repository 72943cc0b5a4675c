//! Tests of the work agent, between two API servers in this process.

mod apply;
mod bed;
mod delete;
mod executor;
mod objects;
mod resilience;
