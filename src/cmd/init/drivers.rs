//! How clusters may register with the hub: the flags about drivers.

use crate::error::CommandError;
use crate::ocm::operator::v1::{
    AutoApproval, AwsIrsaHub, Endpoint, EndpointExposure, EndpointProtocol, EndpointType,
    GivenEndpoint, HostnameEndpoint, RegistrationAuthType, RegistrationDriverHub,
    ServerConfiguration,
};

/// Flags about drivers.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct DriverArgs {
    /// How clusters register: csr, awsirsa, grpc (the last two with upstream components) [default: csr]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub registration_drivers: Vec<String>,

    /// Users whose signing requests are approved without asking (needs ManagedClusterAutoApproval=true)
    #[arg(long, value_name = "USER,...", value_delimiter = ',')]
    pub auto_approved_csr_identities: Vec<String>,

    /// Patterns of ARNs whose clusters are accepted without asking (driver awsirsa)
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    pub auto_approved_arn_patterns: Vec<String>,

    /// Users whose clusters are accepted without asking (driver grpc)
    #[arg(long, value_name = "USER,...", value_delimiter = ',')]
    pub auto_approved_grpc_identities: Vec<String>,

    /// ARN of the hub's EKS cluster (driver awsirsa) [default: the kubeconfig's name of the cluster]
    #[arg(long, value_name = "ARN")]
    pub hub_cluster_arn: Option<String>,

    /// Tags of what is made on AWS, as key=value (driver awsirsa)
    #[arg(long, value_name = "TAG,...", value_delimiter = ',')]
    pub aws_resource_tags: Vec<String>,

    /// Host name of the gRPC server (driver grpc)
    #[arg(long, value_name = "HOST")]
    pub grpc_server: Option<String>,

    /// How the gRPC server is reached (driver grpc)
    #[arg(long, value_name = "TYPE", default_value = "hostname", value_parser = parse_endpoint_type)]
    pub grpc_endpoint_type: EndpointType,
}

fn parse_endpoint_type(text: &str) -> Result<EndpointType, String> {
    match text {
        "hostname" => Ok(EndpointType::Hostname),
        "loadBalancer" => Ok(EndpointType::LoadBalancer),
        _ => Err(format!(
            "unknown grpc endpoint type {text}: it is hostname or loadBalancer"
        )),
    }
}

/// What the flags ask for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Drivers {
    /// For `registrationConfiguration`.
    pub drivers: Vec<RegistrationDriverHub>,
    /// For `serverConfiguration`: the way to the gRPC server.
    pub server: Option<ServerConfiguration>,
}

impl DriverArgs {
    /// Whether somebody is to be accepted without asking.
    pub(super) fn approve(&self) -> bool {
        !self.auto_approved_csr_identities.is_empty()
            || !self.auto_approved_arn_patterns.is_empty()
            || !self.auto_approved_grpc_identities.is_empty()
    }

    /// The flags given that native components do not know.
    pub(super) fn of_upstream_alone(&self) -> Vec<&'static str> {
        [
            (self.grpc_server.is_some(), "--grpc-server"),
            (
                self.grpc_endpoint_type != EndpointType::Hostname,
                "--grpc-endpoint-type",
            ),
            (self.hub_cluster_arn.is_some(), "--hub-cluster-arn"),
            (!self.aws_resource_tags.is_empty(), "--aws-resource-tags"),
        ]
        .into_iter()
        .filter_map(|(given, flag)| given.then_some(flag))
        .collect()
    }

    /// The drivers, in the order of the flag; `cluster` is the kubeconfig's name
    /// of the hub's cluster.
    ///
    /// # Errors
    /// An unknown driver, or flags of a driver that is not listed.
    pub(super) fn plan(&self, cluster: Option<&str>) -> Result<Drivers, CommandError> {
        let mut plan = Drivers::default();
        let names: Vec<&str> = match self.registration_drivers.is_empty() {
            true => vec!["csr"],
            false => self
                .registration_drivers
                .iter()
                .map(String::as_str)
                .collect(),
        };
        for (identities, driver, flag) in [
            (&self.auto_approved_csr_identities, "csr", "csr-identities"),
            (&self.auto_approved_arn_patterns, "awsirsa", "arn-patterns"),
            (
                &self.auto_approved_grpc_identities,
                "grpc",
                "grpc-identities",
            ),
        ] {
            if !identities.is_empty() && !names.contains(&driver) {
                return Err(CommandError::usage(format!(
                    "--auto-approved-{flag} needs the registration driver {driver}"
                ))
                .hint(format!("add {driver} to --registration-drivers")));
            }
        }
        for name in names {
            let approved = |identities: &[String]| {
                (!identities.is_empty()).then(|| AutoApproval {
                    auto_approved_identities: identities.to_vec(),
                })
            };
            let driver = match name {
                "csr" => RegistrationDriverHub {
                    auth_type: RegistrationAuthType::Csr,
                    csr: approved(&self.auto_approved_csr_identities),
                    ..RegistrationDriverHub::default()
                },
                "awsirsa" => RegistrationDriverHub {
                    auth_type: RegistrationAuthType::AwsIrsa,
                    awsirsa: Some(AwsIrsaHub {
                        hub_cluster_arn: self
                            .hub_cluster_arn
                            .clone()
                            .or_else(|| cluster.map(str::to_owned)),
                        auto_approved_identities: self.auto_approved_arn_patterns.clone(),
                        tags: self.aws_resource_tags.clone(),
                    }),
                    ..RegistrationDriverHub::default()
                },
                "grpc" => {
                    plan.server = Some(self.grpc()?);
                    RegistrationDriverHub {
                        auth_type: RegistrationAuthType::Grpc,
                        grpc: approved(&self.auto_approved_grpc_identities),
                        ..RegistrationDriverHub::default()
                    }
                }
                other => {
                    return Err(CommandError::usage(format!(
                        "unknown registration-drivers type: {other}"
                    ))
                    .hint("drivers are csr, awsirsa and grpc"));
                }
            };
            if plan.drivers.iter().all(|d| d.auth_type != driver.auth_type) {
                plan.drivers.push(driver);
            }
        }
        Ok(plan)
    }

    fn grpc(&self) -> Result<ServerConfiguration, CommandError> {
        let host = self.grpc_server.clone().filter(|host| !host.is_empty());
        let endpoint = match self.grpc_endpoint_type {
            EndpointType::LoadBalancer => Endpoint {
                type_: EndpointType::LoadBalancer,
                load_balancer: host.map(|host| GivenEndpoint {
                    host: Some(host),
                    ..GivenEndpoint::default()
                }),
                ..Endpoint::default()
            },
            _ => Endpoint {
                type_: EndpointType::Hostname,
                hostname: Some(HostnameEndpoint {
                    host: host.ok_or_else(|| {
                        CommandError::usage(
                            "grpc server should not be empty if the grpc endpoint type is hostname",
                        )
                        .hint("add --grpc-server, or --grpc-endpoint-type loadBalancer")
                    })?,
                    ..HostnameEndpoint::default()
                }),
                ..Endpoint::default()
            },
        };
        Ok(ServerConfiguration {
            endpoints_exposure: vec![EndpointExposure {
                protocol: EndpointProtocol::Grpc,
                grpc: Some(endpoint),
                ..EndpointExposure::default()
            }],
            ..ServerConfiguration::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: DriverArgs,
    }

    fn plan(flags: &[&str]) -> Result<Drivers, CommandError> {
        Line::parse_from(["x"].iter().chain(flags))
            .args
            .plan(Some("arn:aws:eks:us-west-2:1:cluster/hub"))
    }

    #[test]
    fn drivers_are_configured_as_the_chart_does() {
        let plan = plan(&[
            "--registration-drivers=csr,awsirsa,grpc",
            "--auto-approved-csr-identities=u",
            "--auto-approved-arn-patterns=arn:aws:eks:*:1:cluster/*",
            "--aws-resource-tags=a=b",
            "--grpc-server=grpc.example.com",
        ])
        .unwrap();
        assert_eq!(
            serde_json::to_value(&plan.drivers).unwrap(),
            json!([
                {"authType": "csr", "csr": {"autoApprovedIdentities": ["u"]}},
                {"authType": "awsirsa", "awsirsa": {
                    "hubClusterArn": "arn:aws:eks:us-west-2:1:cluster/hub",
                    "autoApprovedIdentities": ["arn:aws:eks:*:1:cluster/*"],
                    "tags": ["a=b"],
                }},
                {"authType": "grpc"},
            ])
        );
        assert_eq!(
            serde_json::to_value(plan.server).unwrap(),
            json!({"endpointsExposure": [{"protocol": "grpc", "grpc": {"type": "hostname", "hostname": {"host": "grpc.example.com"}}}]})
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (flags, message) in [
            (
                &["--registration-drivers=saml"][..],
                "unknown registration-drivers type: saml",
            ),
            (
                &["--registration-drivers=grpc"],
                "grpc server should not be empty if the grpc endpoint type is hostname",
            ),
            (
                &["--auto-approved-grpc-identities=u"],
                "--auto-approved-grpc-identities needs the registration driver grpc",
            ),
        ] {
            assert_eq!(plan(flags).unwrap_err().message(), message);
        }
        assert!(
            plan(&[
                "--registration-drivers=grpc",
                "--grpc-endpoint-type=loadBalancer"
            ])
            .is_ok()
        );
        assert!(Line::try_parse_from(["x", "--grpc-endpoint-type=odd"]).is_err());
    }
}
