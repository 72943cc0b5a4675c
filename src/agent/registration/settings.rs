//! What the Klusterlet asks of the registration agent.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::ocm::addon::v1alpha1::KubeClientDriver;
use crate::ocm::names;

use super::hubs::Hubs;

/// Settings read from the Klusterlet. What it does not say, or says in a shape
/// that is not understood, has its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The Klusterlet's uid: the name of an agent that has none yet, and the
    /// owner of what works apply.
    pub agent_id: Option<String>,
    /// The cluster's name, if the Klusterlet gives one.
    pub cluster_name: Option<String>,
    /// Where the bootstrap and hub kubeconfigs are.
    pub namespace: String,
    /// Gate MultipleHubs: hubs to choose from.
    pub hubs: Option<Hubs>,
    /// How the hub may reach the managed cluster's API server.
    pub external_urls: Vec<String>,
    /// Annotations for the ManagedCluster.
    pub cluster_annotations: BTreeMap<String, String>,
    /// How long certificates shall last; the signer's choice when `None`.
    pub certificate_seconds: Option<i32>,
    /// How many claims that are not reserved are told to the hub.
    pub max_custom_claims: usize,
    /// Suffixes of claim names that count as reserved.
    pub reserved_claim_suffixes: Vec<String>,
    /// Gate ClusterClaim: whether claims are told at all.
    pub claims: bool,
    /// Gate ClusterProperty: whether properties are told as well.
    pub properties: bool,
    /// Gate AddonManagement: whether add-ons are told of and get access.
    pub addons: bool,
    /// How add-ons get access to the hub's API.
    pub addon_driver: KubeClientDriver,
    /// How long the tokens of add-ons shall last, in seconds.
    pub addon_token_seconds: i64,
    /// How often the work agent compares status anyway.
    pub status_sync_interval: Option<Duration>,
    /// How long what a lost work applied stays.
    pub eviction_grace_period: Option<Duration>,
    /// Gate RawFeedbackJsonString: the work agent reports lists and maps as JSON.
    pub raw_feedback: bool,
    /// Gate ExecutorValidatingCaches: the work agent keeps what executors may do.
    pub executor_caches: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            agent_id: None,
            cluster_name: None,
            namespace: names::AGENT_NAMESPACE.to_owned(),
            hubs: None,
            external_urls: Vec::new(),
            cluster_annotations: BTreeMap::new(),
            certificate_seconds: None,
            max_custom_claims: 20,
            reserved_claim_suffixes: Vec::new(),
            claims: true,
            properties: false,
            addons: true,
            addon_driver: KubeClientDriver::Csr,
            addon_token_seconds: ADDON_TOKEN_SECONDS,
            status_sync_interval: None,
            eviction_grace_period: None,
            raw_feedback: false,
            executor_caches: false,
        }
    }
}

/// How long the tokens of add-ons last unless the Klusterlet says otherwise: a year.
const ADDON_TOKEN_SECONDS: i64 = 31_536_000;
/// How long one of several hubs may be silent unless the Klusterlet says otherwise.
const HUB_TIMEOUT_SECONDS: u64 = 600;
/// The shortest life of a certificate or token that the hub grants.
const MIN_CERTIFICATE_SECONDS: i64 = 600;

impl Settings {
    /// Reads the Klusterlet.
    #[must_use]
    pub fn of(klusterlet: &DynamicObject) -> Self {
        let mut settings = Self {
            agent_id: klusterlet.uid(),
            ..Self::default()
        };
        let spec = &klusterlet.data["spec"];
        settings.cluster_name = text(&spec["clusterName"]);
        if let Some(namespace) = text(&spec["namespace"]) {
            settings.namespace = namespace;
        }
        settings.external_urls = list(&spec["externalServerURLs"])
            .iter()
            .filter_map(|entry| text(&entry["url"]))
            // Several may stand in one, separated by commas.
            .flat_map(|urls| urls.split(',').map(str::to_owned).collect::<Vec<_>>())
            .filter(|url| url.starts_with("https://"))
            .collect();
        let registration = &spec["registrationConfiguration"];
        settings.cluster_annotations = registration["clusterAnnotations"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.starts_with(names::ANNOTATION_AGENT_PREFIX))
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        settings.certificate_seconds = registration["clientCertExpirationSeconds"]
            .as_i64()
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| i32::try_from(seconds.max(MIN_CERTIFICATE_SECONDS)).ok());
        let claims = &registration["clusterClaimConfiguration"];
        if let Some(max) = claims["maxCustomClusterClaims"]
            .as_u64()
            .filter(|max| *max > 0)
        {
            settings.max_custom_claims = usize::try_from(max).unwrap_or(usize::MAX);
        }
        settings.reserved_claim_suffixes = list(&claims["reservedClusterClaimSuffixes"])
            .iter()
            .filter_map(text)
            .collect();
        let mut several = false;
        for gate in list(&registration["featureGates"]) {
            let enabled = gate["mode"] == "Enable";
            match gate["feature"].as_str() {
                Some("ClusterClaim") => settings.claims = enabled,
                Some("ClusterProperty") => settings.properties = enabled,
                Some("AddonManagement") => settings.addons = enabled,
                Some("MultipleHubs") => several = enabled,
                _ => {}
            }
        }
        settings.hubs = several
            .then(|| hubs(&registration["bootstrapKubeConfigs"]))
            .flatten();
        let driver = &registration["addOnKubeClientRegistrationDriver"];
        if driver["authType"] == "token" {
            settings.addon_driver = KubeClientDriver::Token;
        }
        if let Some(seconds) = driver["token"]["expirationSeconds"]
            .as_i64()
            .filter(|seconds| *seconds > 0)
        {
            settings.addon_token_seconds = seconds.max(MIN_CERTIFICATE_SECONDS);
        }
        let work = &spec["workConfiguration"];
        settings.status_sync_interval =
            text(&work["statusSyncInterval"]).and_then(|t| duration(&t));
        settings.eviction_grace_period =
            text(&work["appliedManifestWorkEvictionGracePeriod"]).and_then(|t| duration(&t));
        for gate in list(&work["featureGates"]) {
            let enabled = gate["mode"] == "Enable";
            match gate["feature"].as_str() {
                Some("RawFeedbackJsonString") => settings.raw_feedback = enabled,
                Some("ExecutorValidatingCaches") => settings.executor_caches = enabled,
                _ => {}
            }
        }
        settings
    }
}

/// The hubs to choose from; at least two, else there is nothing to choose.
fn hubs(value: &Value) -> Option<Hubs> {
    let local = &value["localSecretsConfig"];
    let secrets: Vec<String> = list(&local["kubeConfigSecrets"])
        .iter()
        .filter_map(|secret| text(&secret["name"]))
        .collect();
    let seconds = local["hubConnectionTimeoutSeconds"].as_u64();
    (value["type"] == "LocalSecrets" && secrets.len() > 1).then(|| Hubs {
        secrets,
        timeout: Duration::from_secs(seconds.unwrap_or(HUB_TIMEOUT_SECONDS)),
    })
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A duration as Go writes it: `1h30m`, `90s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .filter(|end| *end > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .map_or(rest.len(), |end| digits + end);
        seconds += number
            * match &rest[digits..unit_end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(spec: &Value) -> Settings {
        Settings::of(
            &serde_json::from_value(json!({
                "apiVersion": "operator.open-cluster-management.io/v1", "kind": "Klusterlet",
                "metadata": {"name": "klusterlet", "uid": "the-uid"}, "spec": spec,
            }))
            .unwrap(),
        )
    }

    #[test]
    fn registration_38_only_annotations_of_the_agent_are_taken() {
        let settings = settings(
            &json!({"registrationConfiguration": {"clusterAnnotations": {
            "agent.open-cluster-management.io/x": "y", "foo": "bar"}}}),
        );
        assert_eq!(
            settings.cluster_annotations,
            BTreeMap::from([(
                "agent.open-cluster-management.io/x".to_owned(),
                "y".to_owned()
            )])
        );
    }

    #[test]
    fn the_klusterlet_is_read() {
        let settings = settings(&json!({
            "clusterName": "c1", "namespace": "open-cluster-management-x",
            "externalServerURLs": [{"url": "https://a:6443,https://b:6443"}, {"url": "http://c"}],
            "registrationConfiguration": {
                "clientCertExpirationSeconds": 7200,
                "clusterClaimConfiguration": {"maxCustomClusterClaims": 3, "reservedClusterClaimSuffixes": [".x"]},
                "featureGates": [{"feature": "ClusterClaim", "mode": "Disable"},
                    {"feature": "ClusterProperty", "mode": "Enable"},
                    {"feature": "AddonManagement", "mode": "Disable"},
                    {"feature": "MultipleHubs", "mode": "Enable"}],
                "bootstrapKubeConfigs": {"type": "LocalSecrets", "localSecretsConfig": {
                    "kubeConfigSecrets": [{"name": "a"}, {"name": "b"}]}},
                "addOnKubeClientRegistrationDriver": {"authType": "token",
                    "token": {"expirationSeconds": 7200}},
            },
            "workConfiguration": {"statusSyncInterval": "1m30s", "appliedManifestWorkEvictionGracePeriod": "2h",
                "featureGates": [{"feature": "RawFeedbackJsonString", "mode": "Enable"},
                    {"feature": "ExecutorValidatingCaches", "mode": "Enable"}]},
        }));
        assert_eq!(settings.agent_id.as_deref(), Some("the-uid"));
        assert_eq!(settings.cluster_name.as_deref(), Some("c1"));
        assert_eq!(settings.external_urls, ["https://a:6443", "https://b:6443"]);
        assert_eq!(settings.certificate_seconds, Some(7200));
        assert_eq!(
            settings.hubs,
            Some(Hubs {
                secrets: vec!["a".to_owned(), "b".to_owned()],
                timeout: Duration::from_secs(600),
            })
        );
        assert_eq!(settings.max_custom_claims, 3);
        assert!(settings.properties);
        assert!(!settings.claims && !settings.addons && settings.raw_feedback);
        assert!(settings.executor_caches);
        assert_eq!(settings.addon_driver, KubeClientDriver::Token);
        assert_eq!(settings.addon_token_seconds, 7200);
        assert_eq!(settings.status_sync_interval, Some(Duration::from_secs(90)));
        assert_eq!(
            settings.eviction_grace_period,
            Some(Duration::from_secs(7200))
        );
    }

    #[test]
    fn nonsense_is_the_default() {
        let settings = settings(
            &json!({"clusterName": 7, "workConfiguration": {"statusSyncInterval": "soon"}}),
        );
        assert_eq!(
            settings,
            Settings {
                agent_id: Some("the-uid".into()),
                ..Settings::default()
            }
        );
    }
}
