//! Tests of: agent.
