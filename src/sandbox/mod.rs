//! Local control planes and their simulated nodes.
