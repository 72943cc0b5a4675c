//! Applies ManifestWorks and reports their status.

mod apply;
mod config;
mod content;
mod jq;
mod jsonpath;
mod manifest;
mod md5;
mod model;
mod owner;
mod prune;
mod rest;
mod ssa;
mod status;
mod update;
