//! The root of an API object: metadata, spec, status, and the definition.
//!
//! Why not kube's `CustomResource`: it demands a `spec` in every object it
//! reads. Upstream's definitions do not, so one object without a spec (a
//! ManagedCluster created by hand with nothing but a name) would make every
//! typed list fail. Here an absent spec reads as the default one.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, CustomResourceSubresourceStatus,
    CustomResourceSubresources, CustomResourceValidation, JSONSchemaProps,
};
use kube::api::ObjectMeta;
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::AddNullable;

/// What a definition says beside its schema.
pub(crate) struct Definition {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) short_names: &'static [&'static str],
    pub(crate) status: bool,
    pub(crate) stored: bool,
    pub(crate) spec_required: bool,
    /// Name, type and path of each.
    pub(crate) columns: &'static [(&'static str, &'static str, &'static str)],
}

impl Definition {
    /// The definition with the schema of `T`, untidied (see `crds`).
    pub(crate) fn build<T: JsonSchema>(&self) -> CustomResourceDefinition {
        let optional = |names: &[&str]| {
            (!names.is_empty()).then(|| names.iter().map(|&name| name.to_owned()).collect())
        };
        let columns = || {
            self.columns
                .iter()
                .map(|&(name, type_, json_path)| CustomResourceColumnDefinition {
                    name: name.to_owned(),
                    type_: type_.to_owned(),
                    json_path: json_path.to_owned(),
                    ..Default::default()
                })
                .collect()
        };
        CustomResourceDefinition {
            metadata: ObjectMeta {
                name: Some(format!("{}.{}", self.plural, self.group)),
                ..Default::default()
            },
            spec: CustomResourceDefinitionSpec {
                group: self.group.to_owned(),
                names: CustomResourceDefinitionNames {
                    kind: self.kind.to_owned(),
                    list_kind: Some(format!("{}List", self.kind)),
                    plural: self.plural.to_owned(),
                    singular: Some(self.kind.to_lowercase()),
                    short_names: optional(self.short_names),
                    categories: None,
                },
                scope: self.scope.to_owned(),
                versions: vec![CustomResourceDefinitionVersion {
                    name: self.version.to_owned(),
                    served: true,
                    storage: self.stored,
                    schema: Some(CustomResourceValidation {
                        open_api_v3_schema: schema::<T>().map(|schema| JSONSchemaProps {
                            required: self.spec_required.then(|| vec!["spec".to_owned()]),
                            ..schema
                        }),
                    }),
                    subresources: self.status.then(|| CustomResourceSubresources {
                        scale: None,
                        status: Some(CustomResourceSubresourceStatus(serde_json::json!({}))),
                    }),
                    additional_printer_columns: (!self.columns.is_empty()).then(columns),
                    ..Default::default()
                }],
                ..Default::default()
            },
            status: None,
        }
    }
}

/// The schema of a type, in the words of CustomResourceDefinitions. `None`
/// cannot be: a test generates every one of them.
fn schema<T: JsonSchema>() -> Option<JSONSchemaProps> {
    let generator = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    super::crds::tidy(&mut schema);
    serde_json::from_value(schema).ok()
}

/// Declares an API object's root type, readable without its spec.
macro_rules! resource {
    (
        $(#[$meta:meta])*
        $kind:ident {
            group: $group:literal, version: $version:literal, plural: $plural:literal,
            scope: $scope:ident,
            $(short_names: [$($short:literal),*],)?
            $(spec: $spec:ty,)?
            $(status: $status:ty,)?
            $(stored: $stored:literal,)?
            $(spec_required: $required:literal,)?
            $(columns: [$($column:expr),* $(,)?],)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $kind {
            /// Name, labels, owner and the like.
            #[schemars(skip)]
            pub metadata: kube::api::ObjectMeta,
            $(
                /// What is wanted.
                pub spec: $spec,
            )?
            $(
                /// What is.
                pub status: Option<$status>,
            )?
        }

        impl $kind {
            /// An object with a name and nothing else.
            pub fn named(name: &str) -> Self {
                Self {
                    metadata: kube::api::ObjectMeta {
                        name: Some(name.to_owned()),
                        ..Default::default()
                    },
                    ..Default::default()
                }
            }
            $(
                /// An object with a name and a spec.
                pub fn new(name: &str, spec: $spec) -> Self {
                    Self { spec, ..Self::named(name) }
                }
            )?
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;
                let mut object = serializer.serialize_struct(stringify!($kind), 5)?;
                object.serialize_field("apiVersion", concat!($group, "/", $version))?;
                object.serialize_field("kind", stringify!($kind))?;
                object.serialize_field("metadata", &self.metadata)?;
                $(object.serialize_field($crate::ocm::resource::resource!(@named $spec, "spec"), &self.spec)?;)?
                $(
                    let status: &Option<$status> = &self.status;
                    if let Some(status) = status {
                        object.serialize_field("status", status)?;
                    }
                )?
                object.end()
            }
        }

        impl kube::Resource for $kind {
            type DynamicType = ();
            type Scope = $crate::ocm::resource::resource!(@scope $scope);

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                stringify!($kind).into()
            }
            fn group((): &()) -> std::borrow::Cow<'_, str> {
                $group.into()
            }
            fn version((): &()) -> std::borrow::Cow<'_, str> {
                $version.into()
            }
            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &kube::api::ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut kube::api::ObjectMeta {
                &mut self.metadata
            }
        }

        impl kube::CustomResourceExt for $kind {
            fn crd() -> k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition {
                $crate::ocm::resource::Definition {
                    group: $group,
                    version: $version,
                    kind: stringify!($kind),
                    plural: $plural,
                    scope: stringify!($scope),
                    short_names: &[$($($short),*)?],
                    status: $crate::ocm::resource::resource!(@present $($status)?),
                    stored: $crate::ocm::resource::resource!(@or $($stored,)? true),
                    spec_required: $crate::ocm::resource::resource!(@or $($required,)? false),
                    columns: &[$($($column),*)?],
                }
                .build::<Self>()
            }
            fn crd_name() -> &'static str {
                concat!($plural, ".", $group)
            }
            fn api_resource() -> kube::api::ApiResource {
                kube::api::ApiResource::erase::<Self>(&())
            }
            fn shortnames() -> &'static [&'static str] {
                &[$($($short),*)?]
            }
        }
    };
    (@scope Cluster) => { kube::core::ClusterResourceScope };
    (@scope Namespaced) => { kube::core::NamespaceResourceScope };
    (@named $type:ty, $name:literal) => { $name };
    (@present) => { false };
    (@present $type:ty) => { true };
    (@or $default:literal) => { $default };
    (@or $value:literal, $default:literal) => { $value };
}
pub(crate) use resource;

#[cfg(test)]
mod tests {
    use kube::{CustomResourceExt, Resource};
    use serde_json::json;

    use crate::ocm::cluster::v1::{ManagedCluster, ManagedClusterSpec};
    use crate::ocm::cluster::v1beta1::PlacementDecision;
    use crate::ocm::work::v1::ManifestWork;

    #[test]
    fn an_object_without_spec_reads_as_the_default_one() {
        let cluster: ManagedCluster = serde_json::from_value(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
            "metadata": {"name": "c1"},
        }))
        .unwrap();
        assert_eq!(
            cluster,
            ManagedCluster::new("c1", ManagedClusterSpec::default())
        );
        assert_eq!(cluster.spec.lease_duration_seconds, 60);
    }

    #[test]
    fn objects_are_written_as_upstream_writes_them() {
        let work = json!({
            "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
            "metadata": {"name": "w", "namespace": "c1"},
            "spec": {
                "workload": {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}]},
                "deleteOption": {"propagationPolicy": "SelectivelyOrphan", "selectivelyOrphans": {
                    "orphaningRules": [{"resource": "configmaps", "name": "a", "namespace": "d"}],
                }},
                "manifestConfigs": [{
                    "resourceIdentifier": {"resource": "configmaps", "name": "a", "namespace": "d"},
                    "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [{"name": "n", "path": ".p"}]}],
                    "updateStrategy": {"type": "ServerSideApply", "serverSideApply": {"force": true}},
                    "conditionRules": [{"type": "CEL", "condition": "C", "celExpressions": ["true"]}],
                }],
                "executor": {"subject": {"type": "ServiceAccount", "serviceAccount": {"name": "s", "namespace": "n"}}},
            },
        });
        let read: ManifestWork = serde_json::from_value(work.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), work);
    }

    #[test]
    fn a_kind_without_spec_writes_none() {
        let decision = serde_json::to_value(PlacementDecision::named("d")).unwrap();
        assert_eq!(
            decision,
            json!({
                "apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "PlacementDecision",
                "metadata": {"name": "d"},
            })
        );
    }

    #[test]
    fn names_are_told() {
        assert_eq!(ManagedCluster::plural(&()), "managedclusters");
        assert_eq!(
            ManagedCluster::crd_name(),
            "managedclusters.cluster.open-cluster-management.io"
        );
        assert_eq!(ManagedCluster::shortnames(), ["mcl", "mcls"]);
        assert_eq!(
            ManifestWork::url_path(&(), Some("c1")),
            "/apis/work.open-cluster-management.io/v1/namespaces/c1/manifestworks"
        );
    }
}
