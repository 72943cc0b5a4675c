//! Flag groups shared by commands.
