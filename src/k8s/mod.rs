//! What kube lacks: apply, wait, discovery cache, kubeconfig building, YAML reading.

pub mod apply;
pub mod discovery;
pub mod incluster;
