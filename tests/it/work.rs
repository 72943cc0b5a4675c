//! Tests of the work agent, between two API servers in this process.

mod apply;
mod bed;
mod cases;
mod delete;
mod denied;
mod executor;
mod map;
mod objects;
mod protocol;
mod refused;
mod resilience;
