//! What a Klusterlet needs next; without I/O.

use std::collections::BTreeMap;

use kube::ResourceExt;
use kube::api::DynamicObject;

use crate::ocm::operator::v1::{
    BootstrapKubeConfigsType, Klusterlet, RegistrationAuthType, RelatedResourceMeta,
};
use crate::ocm::{gates, names};

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It goes, and others still hold it.
    Nothing,
    /// Add the finalizer, before anything is made.
    Finalize,
    /// Make what it asks for.
    Apply,
    /// It asks for what there is not.
    Refuse(&'static str),
    /// It goes: clear the ground, then take the finalizer off.
    Clean,
}

/// What to do with a Klusterlet.
pub(super) fn decide(klusterlet: &Klusterlet) -> Step {
    let finalizer = names::FINALIZER_KLUSTERLET;
    let finalized = klusterlet.finalizers().iter().any(|f| f == finalizer);
    if klusterlet.metadata.deletion_timestamp.is_some() {
        return if finalized {
            Step::Clean
        } else {
            Step::Nothing
        };
    }
    if !finalized {
        return Step::Finalize;
    }
    if has_several_hubs(klusterlet) && hubs(klusterlet) < 2 {
        return Step::Refuse(
            "MultipleHubs needs bootstrapKubeConfigs of type LocalSecrets with at least two secrets",
        );
    }
    let registration = klusterlet.spec.registration_configuration.as_ref();
    let driver = registration.and_then(|registration| registration.registration_driver.as_ref());
    if driver.is_some_and(|driver| driver.auth_type != RegistrationAuthType::Csr) {
        return Step::Refuse(
            "the registration drivers awsirsa and grpc need the upstream components: this agent registers by certificate request (csr)",
        );
    }
    match klusterlet.spec.deploy_option.mode.as_deref() {
        // One process has both parts, so these are the same here.
        None | Some("" | "Default" | "Singleton") => Step::Apply,
        Some("Hosted" | "SingletonHosted") => Step::Refuse(
            "Hosted modes need the upstream components: this agent runs on the cluster itself",
        ),
        Some(_) => Step::Refuse("the mode of the deploy option is not known"),
    }
}

/// Whether the agent may choose among several hubs.
pub(super) fn has_several_hubs(klusterlet: &Klusterlet) -> bool {
    let registration = klusterlet.spec.registration_configuration.as_ref();
    let gates = registration.map_or(&[][..], |r| &r.feature_gates);
    gates::enabled(gates::AGENT_REGISTRATION, gates, "MultipleHubs")
}

/// Whether properties are told to the hub.
pub(super) fn has_properties(klusterlet: &Klusterlet) -> bool {
    let registration = klusterlet.spec.registration_configuration.as_ref();
    let gates = registration.map_or(&[][..], |r| &r.feature_gates);
    gates::enabled(gates::AGENT_REGISTRATION, gates, "ClusterProperty")
}

/// Among how many hubs.
fn hubs(klusterlet: &Klusterlet) -> usize {
    let registration = klusterlet.spec.registration_configuration.as_ref();
    let local = registration
        .and_then(|registration| registration.bootstrap_kube_configs.as_ref())
        .filter(|hubs| hubs.type_ == BootstrapKubeConfigsType::LocalSecrets)
        .and_then(|hubs| hubs.local_secrets_config.as_ref());
    local.map_or(0, |local| local.kube_config_secrets.len())
}

/// Labels of the definitions: all of the Klusterlet's, and whose they are.
pub(super) fn crd_labels(klusterlet: &Klusterlet) -> BTreeMap<String, String> {
    let mut labels = klusterlet.labels().clone();
    labels.insert(
        names::LABEL_CREATED_BY_KLUSTERLET.to_owned(),
        klusterlet.name_any(),
    );
    labels
}

/// An object, as the status lists it. `None` for a kind that is not kept.
pub(super) fn related(object: &DynamicObject) -> Option<RelatedResourceMeta> {
    let types = object.types.as_ref()?;
    let resource = match types.kind.as_str() {
        "CustomResourceDefinition" => "customresourcedefinitions",
        "Namespace" => "namespaces",
        "ClusterRole" => "clusterroles",
        "ClusterRoleBinding" => "clusterrolebindings",
        "Role" => "roles",
        "RoleBinding" => "rolebindings",
        _ => return None,
    };
    let (group, version) = types
        .api_version
        .split_once('/')
        .unwrap_or(("", &types.api_version));
    Some(RelatedResourceMeta {
        group: group.to_owned(),
        version: version.to_owned(),
        resource: resource.to_owned(),
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle;
    use crate::ocm::conditions;

    fn finalized(mode: Option<&str>) -> Klusterlet {
        let mut klusterlet = Klusterlet::named("klusterlet");
        klusterlet.spec.deploy_option.mode = mode.map(str::to_owned);
        klusterlet.metadata.finalizers = Some(vec![names::FINALIZER_KLUSTERLET.to_owned()]);
        klusterlet
    }

    #[test]
    fn operator_24_the_finalizer_comes_first() {
        assert_eq!(decide(&Klusterlet::named("klusterlet")), Step::Finalize);
        assert_eq!(decide(&finalized(None)), Step::Apply);
    }

    #[test]
    fn modes() {
        for (mode, expected) in [
            (None, true),
            (Some(""), true),
            (Some("Default"), true),
            (Some("Singleton"), true),
            (Some("Hosted"), false),
            (Some("SingletonHosted"), false),
            (Some("Odd"), false),
        ] {
            assert_eq!(
                decide(&finalized(mode)) == Step::Apply,
                expected,
                "{mode:?}"
            );
        }
    }

    #[test]
    fn drivers_that_are_not_here_are_refused() {
        let mut klusterlet = finalized(None);
        for (name, expected) in [("csr", true), ("grpc", false)] {
            klusterlet.spec.registration_configuration =
                serde_json::from_value(json!({"registrationDriver": {"authType": name}})).unwrap();
            assert_eq!(decide(&klusterlet) == Step::Apply, expected, "{name}");
        }
    }

    #[test]
    fn several_hubs_are_at_least_two() {
        let mut klusterlet = finalized(None);
        let configure = |klusterlet: &mut Klusterlet, secrets: &[&str]| {
            let secrets: Vec<_> = secrets.iter().map(|name| json!({"name": name})).collect();
            klusterlet.spec.registration_configuration = serde_json::from_value(json!({
                "featureGates": [{"feature": "MultipleHubs", "mode": "Enable"}],
                "bootstrapKubeConfigs": {"type": "LocalSecrets",
                    "localSecretsConfig": {"kubeConfigSecrets": secrets}},
            }))
            .unwrap();
        };
        configure(&mut klusterlet, &["one"]);
        assert!(matches!(decide(&klusterlet), Step::Refuse(_)));
        configure(&mut klusterlet, &["one", "two"]);
        assert_eq!(decide(&klusterlet), Step::Apply);
    }

    #[test]
    fn whatever_the_mode_it_is_cleaned() {
        let mut klusterlet = finalized(Some("Hosted"));
        klusterlet.metadata.deletion_timestamp = Some(conditions::now());
        assert_eq!(decide(&klusterlet), Step::Clean);
        klusterlet.metadata.finalizers = None;
        assert_eq!(decide(&klusterlet), Step::Nothing);
    }

    #[test]
    fn everything_that_is_kept_is_listed() {
        let mut objects = bundle::agent_crds().unwrap();
        objects.extend(bundle::agent_components("klusterlet", "ns").unwrap());
        assert!(objects.iter().all(|object| related(object).is_some()));
        let role = related(&objects[objects.len() - 1]).unwrap();
        assert_eq!(role.group, "rbac.authorization.k8s.io");
        assert_eq!(role.version, "v1");
    }
}
