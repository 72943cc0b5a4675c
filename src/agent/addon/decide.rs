//! What has to run for an add-on, and what the agent says of it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::agent::certificate::credentials::Subject;
use crate::agent::certificate::{Ask, Order};
use crate::ocm::addon::names::default_groups;
use crate::ocm::addon::v1alpha1::{KubeClientDriver, RegistrationConfig};
use crate::ocm::names;

use super::Options;
use super::token::TokenOrder;
use super::view::Addon;

/// Something that runs for an add-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its lease in this namespace says how it is.
    Health {
        /// The namespace.
        namespace: String,
    },
    /// A certificate is kept for it.
    Certificate(Order),
    /// A token is kept for it.
    Token(TokenOrder),
}

impl Part {
    /// Namespace and name of the Secret that it keeps.
    #[must_use]
    pub fn secret(&self) -> Option<(&str, &str)> {
        match self {
            Self::Health { .. } => None,
            Self::Certificate(order) => Some((&order.namespace, &order.secret)),
            Self::Token(order) => Some((&order.namespace, &order.secret)),
        }
    }
}

/// What has to run for an add-on.
#[must_use]
pub fn parts(addon: &Addon, name: &str, options: &Options) -> Vec<Part> {
    let mut parts = Vec::new();
    if addon.leased {
        parts.push(Part::Health {
            namespace: addon.namespace.clone(),
        });
    }
    for registration in &addon.registrations {
        let part = if registration.signer_name != names::SIGNER_KUBE_CLIENT {
            Part::Certificate(of_signer(addon, name, registration, options))
        } else if options.driver == KubeClientDriver::Token {
            Part::Token(of_token(addon, name, options))
        } else {
            Part::Certificate(of_hub(addon, name, registration, options))
        };
        // Two entries cannot share a Secret: the first has it.
        if !parts.iter().any(|other| other.secret() == part.secret()) {
            parts.push(part);
        }
    }
    parts
}

/// The user of an add-on's agent when nobody says who it is.
fn default_user(name: &str, options: &Options) -> String {
    format!(
        "system:open-cluster-management:cluster:{}:addon:{name}:agent:{name}",
        options.cluster
    )
}

/// The user of an add-on's agent that has a token.
fn token_user(name: &str, options: &Options) -> String {
    format!("system:serviceaccount:{}:{name}-agent", options.cluster)
}

fn ask(name: &str, registration: &RegistrationConfig, options: &Options) -> Ask {
    let said = &registration.subject;
    let user = Some(said.user.clone()).filter(|user| !user.is_empty());
    Ask {
        prefix: format!("addon-{}-{name}-", options.cluster),
        cluster: options.cluster.clone(),
        addon: Some(name.to_owned()),
        signer: registration.signer_name.clone(),
        subject: Subject {
            common_name: user.unwrap_or_else(|| default_user(name, options)),
            organizations: said.groups.iter().cloned().collect(),
            units: said.organization_units.iter().cloned().collect(),
        },
        dns_names: vec![format!("{name}.addon.open-cluster-management.io")],
        seconds: None,
    }
}

fn of_hub(
    addon: &Addon,
    name: &str,
    registration: &RegistrationConfig,
    options: &Options,
) -> Order {
    let mut ask = ask(name, registration, options);
    if ask.subject.organizations.is_empty() && registration.subject.user.is_empty() {
        ask.subject.organizations = BTreeSet::from(default_groups(&options.cluster, name));
    }
    ask.subject.units.clear();
    Order {
        ask,
        namespace: addon.namespace.clone(),
        secret: format!("{name}-hub-kubeconfig"),
        beside: BTreeMap::from([
            (names::KEY_CLUSTER_NAME.to_owned(), options.cluster.clone()),
            (
                names::KEY_KUBECONFIG.to_owned(),
                options.hub_as.hub_kubeconfig_yaml(),
            ),
        ]),
    }
}

fn of_signer(
    addon: &Addon,
    name: &str,
    registration: &RegistrationConfig,
    options: &Options,
) -> Order {
    Order {
        ask: ask(name, registration, options),
        namespace: addon.namespace.clone(),
        secret: format!(
            "{name}-{}-client-cert",
            registration.signer_name.replace('/', "-")
        ),
        beside: BTreeMap::from([(names::KEY_CLUSTER_NAME.to_owned(), options.cluster.clone())]),
    }
}

fn of_token(addon: &Addon, name: &str, options: &Options) -> TokenOrder {
    TokenOrder {
        cluster: options.cluster.clone(),
        service_account: format!("{name}-agent"),
        uid: addon.account.clone(),
        seconds: options.token_seconds,
        namespace: addon.namespace.clone(),
        secret: format!("{name}-hub-kubeconfig"),
        beside: BTreeMap::from([
            (names::KEY_CLUSTER_NAME.to_owned(), options.cluster.clone()),
            (
                names::KEY_KUBECONFIG.to_owned(),
                options.hub_as.token_kubeconfig_yaml(),
            ),
        ]),
    }
}

/// What the status has to say before anything is asked for: how the agent gets
/// access to the hub's API and, with a token, who it is then.
#[must_use]
pub fn says(addon: &Addon, name: &str, options: &Options) -> Option<Value> {
    let of_hub = |entry: &RegistrationConfig| entry.signer_name == names::SIGNER_KUBE_CLIENT;
    let at = addon.registrations.iter().position(of_hub)?;
    if addon.driver != Some(options.driver) {
        return Some(json!({"kubeClientDriver": options.driver}));
    }
    let user = token_user(name, options);
    if options.driver == KubeClientDriver::Token
        && addon.account.is_some()
        && addon.registrations[at].subject.user != user
    {
        let mut registrations = addon.registrations.clone();
        registrations[at].subject.user = user;
        registrations[at].subject.groups.clear();
        return Some(json!({"registrations": registrations}));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;

    use super::*;
    use crate::agent::certificate::credentials::Credentials;

    fn options(driver: KubeClientDriver) -> Options {
        let text = "{apiVersion: v1, kind: Config, current-context: c, \
                    clusters: [{name: hub, cluster: {server: 'https://hub'}}], \
                    contexts: [{name: c, context: {cluster: hub, user: u}}], \
                    users: [{name: u, user: {token: t}}]}";
        let data = BTreeMap::from([("kubeconfig".to_owned(), ByteString(text.into()))]);
        Options {
            cluster: "c1".to_owned(),
            hub_as: Credentials::read(&data).unwrap(),
            driver,
            token_seconds: 3600,
        }
    }

    fn entry(signer: &str, user: &str, groups: &[&str]) -> RegistrationConfig {
        RegistrationConfig {
            signer_name: signer.to_owned(),
            subject: crate::ocm::addon::v1alpha1::Subject {
                user: user.to_owned(),
                groups: groups.iter().map(|&group| group.to_owned()).collect(),
                organization_units: vec!["unit".to_owned()],
            },
        }
    }

    fn addon(registrations: Vec<RegistrationConfig>) -> Addon {
        Addon {
            namespace: "n".to_owned(),
            registrations,
            driver: Some(KubeClientDriver::Csr),
            ..Addon::default()
        }
    }

    #[test]
    fn registration_57_an_empty_registration_is_the_defaults() {
        let empty = RegistrationConfig {
            signer_name: names::SIGNER_KUBE_CLIENT.to_owned(),
            ..RegistrationConfig::default()
        };
        let options = options(KubeClientDriver::Csr);
        let mut fresh = addon(vec![empty]);
        fresh.driver = None;
        assert_eq!(
            says(&fresh, "a", &options),
            Some(json!({"kubeClientDriver": "csr"}))
        );
        fresh.driver = Some(KubeClientDriver::Csr);
        assert_eq!(says(&fresh, "a", &options), None);
        let parts = parts(&fresh, "a", &options);
        let [Part::Certificate(order)] = parts.as_slice() else {
            panic!("{parts:?}");
        };
        assert_eq!(
            (order.namespace.as_str(), order.secret.as_str()),
            ("n", "a-hub-kubeconfig")
        );
        assert_eq!(order.ask.prefix, "addon-c1-a-");
        assert_eq!(order.ask.dns_names, ["a.addon.open-cluster-management.io"]);
        let subject = &order.ask.subject;
        assert_eq!(
            subject.common_name,
            "system:open-cluster-management:cluster:c1:addon:a:agent:a"
        );
        assert_eq!(
            subject.organizations.iter().collect::<Vec<_>>(),
            [
                "system:open-cluster-management:addon:a",
                "system:open-cluster-management:cluster:c1:addon:a"
            ]
        );
        let keys: Vec<&String> = order.beside.keys().collect();
        assert_eq!(keys, ["cluster-name", "kubeconfig"]);
    }

    #[test]
    fn who_is_named_is_asked_for() {
        let options = options(KubeClientDriver::Csr);
        let named = addon(vec![
            entry(names::SIGNER_KUBE_CLIENT, "u", &["g"]),
            entry("example.com/my.signer", "v", &[]),
            entry("example.com/my.signer", "another", &[]),
        ]);
        let parts = parts(&named, "a", &options);
        let [Part::Certificate(hub), Part::Certificate(signer)] = parts.as_slice() else {
            panic!("{parts:?}");
        };
        assert_eq!(hub.ask.subject.common_name, "u");
        assert!(hub.ask.subject.units.is_empty());
        assert_eq!(signer.ask.subject.common_name, "v");
        assert!(signer.ask.subject.units.contains("unit"));
        assert_eq!(signer.secret, "a-example.com-my.signer-client-cert");
        assert_eq!(signer.beside.len(), 1);
    }

    #[test]
    fn with_a_token_the_agent_says_who_it_is() {
        let options = options(KubeClientDriver::Token);
        let mut one = addon(vec![entry(names::SIGNER_KUBE_CLIENT, "u", &["g"])]);
        assert_eq!(
            says(&one, "a", &options),
            Some(json!({"kubeClientDriver": "token"}))
        );
        one.driver = Some(KubeClientDriver::Token);
        assert_eq!(says(&one, "a", &options), None, "there is no account yet");
        one.account = Some("uid".to_owned());
        let said = says(&one, "a", &options).unwrap();
        assert_eq!(
            said["registrations"][0]["subject"]["user"],
            "system:serviceaccount:c1:a-agent"
        );
        one.registrations[0].subject.user = "system:serviceaccount:c1:a-agent".to_owned();
        assert_eq!(says(&one, "a", &options), None);
        let parts = parts(&one, "a", &options);
        let [Part::Token(order)] = parts.as_slice() else {
            panic!("{parts:?}");
        };
        assert_eq!(order.uid.as_deref(), Some("uid"));
        assert!(order.beside["kubeconfig"].contains("tokenFile: token"));
    }

    #[test]
    fn registration_58_only_leases_that_matter_are_watched() {
        let mut one = addon(vec![]);
        assert!(parts(&one, "a", &options(KubeClientDriver::Csr)).is_empty());
        one.leased = true;
        assert_eq!(
            parts(&one, "a", &options(KubeClientDriver::Csr)),
            [Part::Health {
                namespace: "n".to_owned()
            }]
        );
    }
}
