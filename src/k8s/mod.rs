//! What kube lacks: apply, wait, discovery cache, kubeconfig building, YAML reading.

pub mod apply;
pub mod client;
pub mod discovery;
pub mod incluster;
pub mod kubeconfig;
pub mod quantity;
pub mod record;
pub mod transport;
pub mod tunnel;
pub mod wait;
pub mod yaml;
