//! Tests of: sandbox. `node` simulates in this process, `real` runs the binary.

mod binary;
mod killed;
mod node;
mod path;
mod real;
