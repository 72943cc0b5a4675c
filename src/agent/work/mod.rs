//! Applies ManifestWorks and reports their status.
