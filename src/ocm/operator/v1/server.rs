//! The part of a ClusterManager about its gRPC server.

use k8s_openapi::ByteString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FeatureGate;
use crate::ocm::schema;

/// How agents that speak gRPC are served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerConfiguration {
    /// Features switched on or off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_gates: Vec<FeatureGate>,
    /// The server's image; that of registration when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_spec: Option<String>,
    /// How the server is reached from outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints_exposure: Vec<EndpointExposure>,
}

/// One way the server is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointExposure {
    /// What the endpoint is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// What it speaks.
    #[schemars(extend("x-ocm-default" = "grpc"))]
    pub protocol: EndpointProtocol,
    /// With grpc: the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Endpoint>,
    /// With https: the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<Endpoint>,
}

/// What an endpoint speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndpointProtocol {
    /// gRPC.
    #[default]
    Grpc,
    /// HTTPS.
    Https,
}

/// An endpoint of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// By which means it is reached.
    #[serde(rename = "type")]
    #[schemars(extend("x-ocm-default" = "hostname"))]
    pub type_: EndpointType,
    /// With hostname: the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<HostnameEndpoint>,
    /// With loadBalancer: the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<GivenEndpoint>,
    /// With route: the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<GivenEndpoint>,
}

/// By which means an endpoint is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EndpointType {
    /// By a host name that somebody else serves.
    #[default]
    Hostname,
    /// By a Service of type LoadBalancer.
    LoadBalancer,
    /// By a route of OpenShift.
    Route,
}

/// A host that must be named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostnameEndpoint {
    /// The host.
    pub host: String,
    /// The authorities that signed its certificate, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bytes")]
    pub ca_bundle: Option<ByteString>,
}

/// A host that the cluster may give.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GivenEndpoint {
    /// The host; what the cluster gives when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The authorities that signed its certificate, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bytes")]
    pub ca_bundle: Option<ByteString>,
}
