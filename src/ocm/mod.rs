//! The domain, without I/O: API types, names, labels, conditions, builders.
