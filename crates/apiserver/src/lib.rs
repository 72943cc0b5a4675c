//! An embeddable Kubernetes API server: what kubectl, client-go and kube-rs rely
//! on, with its data in memory or in one redb file. It knows nothing of Open
//! Cluster Management and can be used by any Rust project.
//!
//! The pipeline of a request, each stage one folder:
//! `http` (TLS, bytes) → `request` (what is asked) → `authn` (who asks) →
//! `authz` (may they) → `registry` (the verbs; calls `patch`, `managedfields`,
//! `schema`, `builtin`, `crd`, `webhook`) → `store` (revisions, watch, disk).
//! `types` describes the built-in kinds, `table`, `openapi` and `discovery`
//! answer about them; `loops` are the controllers a cluster needs to live.
//!
//! What is known of Kubernetes' own types is generated out of its sources and
//! committed. To take it from another version:
//!
//! ```text
//! go mod download k8s.io/kubernetes@VERSION k8s.io/api@VERSION k8s.io/apimachinery@VERSION
//! modules=$(go env GOMODCACHE)/k8s.io
//! tests/apiserver/documents KUBECONFIG FOLDER     # of a server of that version: its OpenAPI documents
//! cargo run -p apiserver --example generate-types -- $modules/kubernetes@VERSION FOLDER   # src/types/data
//! cargo run -p apiserver --example generate-messages -- $modules                      # src/request/messages.txt
//! ```
//!
//! `generate-types` takes `--check` behind the folders to report drift only.

pub mod api;
pub mod authn;
pub mod authz;
pub mod builtin;
pub mod crd;
pub mod discovery;
mod golang;
pub mod http;
pub mod loops;
pub mod managedfields;
pub mod openapi;
pub mod patch;
pub mod pki;
pub mod registry;
pub mod request;
pub mod schema;
pub mod server;
pub mod status;
pub mod store;
pub mod table;
pub mod types;
pub mod webhook;

pub use server::{ApiServer, Error, Options};
