//! Accepts, prepares, watches and cleans up after managed clusters.
