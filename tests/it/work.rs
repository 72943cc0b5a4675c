//! Tests of the work agent, between two API servers in this process.

mod apply;
mod bed;
mod bounds;
mod cases;
mod delete;
mod denied;
mod executor;
mod expressions;
mod killed;
mod kinds;
mod map;
mod objects;
mod protocol;
mod refused;
mod resilience;
mod restored;
mod silent;
mod upstream;
