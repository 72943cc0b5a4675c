//! The real binary against API servers of this process: what is printed, to
//! which stream, and the exit code. The environment is empty, the width and
//! everything that changes from run to run are fixed.

mod addon_states;
mod addons;
mod addresses;
mod bad_input;
mod commands;
mod defects;
mod describe;
mod docs;
mod docs_parity;
mod doctor;
mod every;
mod flags;
mod forwarded;
mod hub_addons;
mod ideas;
mod leftovers;
mod names;
mod onboard;
mod output;
mod placements;
mod proxy;
mod replicas;
mod rows;
mod sets;
mod speed;
mod tokens;
mod upgrade;
mod upstream;
mod verbs;
mod world;
