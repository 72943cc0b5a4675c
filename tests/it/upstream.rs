//! Tests of: upstream's own programs on the other side. Its agents at our hub,
//! our agent at its hub, and one taking over from the other. Skipped, saying so,
//! until `tests/upstream/build` has been run.

mod agents;
mod hub;
mod programs;
