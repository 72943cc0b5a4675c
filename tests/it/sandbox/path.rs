//! The whole path on a sandbox: the tutorial, and what happens when a part of it
//! stops in the middle.
