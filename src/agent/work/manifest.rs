//! From the manifests of a work to what can be applied: decoded, mapped to a
//! resource, with the settings that are for them.

use std::sync::Arc;

use kube::core::GroupVersionKind;
use serde_json::Value;

use super::model::{AppliedResource, Manifest, ResourceMeta};
use crate::k8s::apply::rank;
use crate::k8s::discovery::{Discovery, Mapping};

/// One manifest, ready to be applied or with the reason why not.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// What is known of its identity.
    pub meta: ResourceMeta,
    /// The object; its namespace is dropped when the kind has none.
    pub object: Value,
    /// The resource, or why there is none.
    pub mapping: Result<Arc<Mapping>, String>,
    /// The kind is unknown to the server (another answer may come later).
    pub unknown_kind: bool,
}

impl Decoded {
    /// When it is applied: the rank of its kind; undecodable ones last.
    pub fn rank(&self) -> u16 {
        if self.meta.kind.is_empty() {
            1001
        } else {
            rank(&self.meta.kind)
        }
    }

    /// The entry in the AppliedManifestWork, without its UID.
    pub fn resource(&self) -> Option<AppliedResource> {
        let meta = &self.meta;
        (!meta.resource.is_empty() && !meta.name.is_empty()).then(|| AppliedResource {
            group: meta.group.clone(),
            version: meta.version.clone(),
            resource: meta.resource.clone(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            uid: String::new(),
        })
    }
}

/// Decodes the manifest at `ordinal` and finds its resource.
pub async fn decode(discovery: &Discovery, ordinal: usize, manifest: &Manifest) -> Decoded {
    let mut meta = ResourceMeta {
        ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
        ..ResourceMeta::default()
    };
    let failed = |meta, object, error: String, unknown_kind| Decoded {
        meta,
        object,
        mapping: Err(error),
        unknown_kind,
    };
    let mut object = match manifest.parse() {
        Ok(object) if object.is_object() => object,
        Ok(_) => {
            return failed(
                meta,
                Value::Null,
                "the manifest is not an object".to_owned(),
                false,
            );
        }
        Err(error) => return failed(meta, Value::Null, error.to_string(), false),
    };
    let field = |object: &Value, path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let api_version = field(&object, "/apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let gvk = GroupVersionKind::gvk(group, version, &field(&object, "/kind"));
    if gvk.kind.is_empty() || gvk.version.is_empty() {
        return failed(
            meta,
            object,
            "Object 'Kind' or 'apiVersion' is missing in the manifest".to_owned(),
            false,
        );
    }
    meta.group.clone_from(&gvk.group);
    meta.version.clone_from(&gvk.version);
    meta.kind.clone_from(&gvk.kind);
    meta.name = field(&object, "/metadata/name");
    meta.namespace = field(&object, "/metadata/namespace");
    let mapping = match discovery.resolve(&gvk).await {
        Ok(mapping) => mapping,
        Err(error) if error.is_unknown_kind() => {
            let message = format!("the server doesn't have a resource type \"{}\"", gvk.kind);
            return failed(meta, object, message, true);
        }
        Err(error) => return failed(meta, object, crate::runtime::source_chain(&error), false),
    };
    if !mapping.namespaced {
        meta.namespace.clear();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("namespace");
        }
    }
    meta.resource.clone_from(&mapping.resource.plural);
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("uid");
    }
    let refused = if meta.name.is_empty() {
        Some("resource name may not be empty")
    } else if mapping.namespaced && meta.namespace.is_empty() {
        Some("the server does not allow this method on the requested resource")
    } else {
        None
    };
    match refused {
        Some(message) => failed(meta, object, message.to_owned(), false),
        None => Decoded {
            meta,
            object,
            mapping: Ok(mapping),
            unknown_kind: false,
        },
    }
}

/// The indices by rank, lowest rank first; inside a rank in the order of the work.
pub fn stages(ranks: impl Iterator<Item = u16>) -> Vec<Vec<usize>> {
    let mut by_rank = std::collections::BTreeMap::<u16, Vec<usize>>::new();
    for (i, rank) in ranks.enumerate() {
        by_rank.entry(rank).or_default().push(i);
    }
    by_rank.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_09_low_ranks_come_first_and_order_stays_inside() {
        let kinds = ["Widget", "ConfigMap", "Namespace", "Secret", "ClusterRole"];
        let ranks = kinds.iter().map(|kind| rank(kind));
        assert_eq!(stages(ranks), [vec![2], vec![4], vec![1, 3], vec![0]]);
    }
}
