//! The embedded manifests: loaded, overlaid, ordered.
