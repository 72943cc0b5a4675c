//! Custom resource definitions: from the object to the types it adds, what is
//! wrong with it, its status, and the validation of its objects.

pub mod cel;
mod definition;
mod object;
mod status;
mod structural;

use std::sync::Arc;

use serde_json::Value;

use crate::api::{GroupResource, GroupVersionKind};
use crate::status::Cause;
use crate::types::{Column, Custom, ResourceType, Subresource};

pub use definition::{apply_defaults, validate_definition};
pub use object::{convert, validate};
pub use status::{names_accepted, status, terminate};

use structural::{Looks, strings};

/// The types a stored definition adds, one a served version, or what is wrong with it
/// but for its expressions, which were looked at when it was stored. The definition has
/// its defaults (see [`apply_defaults`]).
pub fn compile(crd: &Value) -> Result<Vec<Arc<ResourceType>>, Vec<Cause>> {
    let (types, causes) = compile_all(crd, |_| Looks::None);
    if causes.is_empty() {
        Ok(types)
    } else {
        Err(causes)
    }
}

/// The types of the served versions, and what is wrong with any version's schema, whose
/// rules get such `looks`.
fn compile_all(
    crd: &Value,
    looks: impl Fn(&Value) -> Looks,
) -> (Vec<Arc<ResourceType>>, Vec<Cause>) {
    let spec = &crd["spec"];
    let mut causes = Vec::new();
    let mut served = Vec::new();
    let mut stored = None;
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    // The real server sees equal schemas as one and names it so.
    let shared = versions
        .iter()
        .all(|version| version["schema"] == versions[0]["schema"]);
    for (index, version) in versions.iter().enumerate() {
        let raw = &version["schema"]["openAPIV3Schema"];
        let path = if shared {
            "spec.validation.openAPIV3Schema".to_owned()
        } else {
            format!("spec.versions[{index}].schema.openAPIV3Schema")
        };
        if !raw.is_object() {
            let path = format!("spec.versions[{index}].schema.openAPIV3Schema");
            causes.push(crate::schema::cause::required(&path, ""));
            continue;
        }
        let has_status = version["subresources"]["status"].is_object();
        let mut found = Vec::new();
        let schema = structural::compile(raw, &path, has_status, looks(version), &mut found);
        definition::selectable_fields(version, &schema, index, &mut found);
        if !(shared && index > 0) {
            causes.append(&mut found);
        }
        let schema = Arc::new(schema);
        if version["storage"] == true {
            stored = Some(Arc::clone(&schema));
        }
        if version["served"] == true {
            served.push((version, schema));
        }
    }
    let types = served
        .into_iter()
        .map(|(version, schema)| {
            let other = stored.clone().filter(|_| version["storage"] != true);
            Arc::new(resource(crd, version, schema, other))
        })
        .collect();
    (types, causes)
}

fn resource(
    crd: &Value,
    version: &Value,
    schema: Arc<crate::schema::Schema>,
    stored_schema: Option<Arc<crate::schema::Schema>>,
) -> ResourceType {
    let spec = &crd["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let group = text(&spec["group"]);
    let gvk = GroupVersionKind::new(&group, &text(&version["name"]), &text(&names["kind"]));
    let or = |value: String, other: String| if value.is_empty() { other } else { value };
    let subs = &version["subresources"];
    let verbs = |list: &[&str]| list.iter().map(|&verb| verb.to_owned()).collect();
    let mut subresources = Vec::new();
    if subs["status"].is_object() {
        subresources.push(Subresource {
            name: "status".to_owned(),
            gvk: gvk.clone(),
            verbs: verbs(&["get", "patch", "update"]),
        });
    }
    let scale = &subs["scale"];
    if scale.is_object() {
        subresources.push(Subresource {
            name: "scale".to_owned(),
            gvk: GroupVersionKind::new("autoscaling", "v1", "Scale"),
            verbs: verbs(&["get", "patch", "update"]),
        });
    }
    let storage = spec["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|version| version["storage"] == true)
        .map(|version| text(&version["name"]));
    let deprecation = (version["deprecated"] == true).then(|| {
        version["deprecationWarning"].as_str().map_or_else(
            || format!("{} {} is deprecated", gvk.api_version(), gvk.kind),
            str::to_owned,
        )
    });
    ResourceType {
        gr: GroupResource::new(&group, &text(&names["plural"])),
        singular: or(text(&names["singular"]), gvk.kind.to_lowercase()),
        list_kind: or(text(&names["listKind"]), format!("{}List", gvk.kind)),
        namespaced: spec["scope"] == "Namespaced",
        short_names: strings(&names["shortNames"]),
        categories: strings(&names["categories"]),
        verbs: verbs(&[
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch",
        ]),
        subresources,
        schema,
        columns: columns(version),
        custom: Some(Custom {
            storage_version: storage.unwrap_or_default(),
            stored_schema,
            scale: scale.is_object().then(|| {
                (
                    text(&scale["specReplicasPath"]),
                    text(&scale["statusReplicasPath"]),
                    text(&scale["labelSelectorPath"]),
                )
            }),
            deprecation,
            selectable: version["selectableFields"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|field| field["jsonPath"].as_str())
                .map(|path| path.trim_start_matches('.').to_owned())
                .collect(),
            conversion: (spec["conversion"]["strategy"] == "Webhook")
                .then(|| Arc::new(spec["conversion"]["webhook"].clone())),
            crd_uid: text(&crd["metadata"]["uid"]),
            since: 0,
        }),
        gvk,
    }
}

fn columns(version: &Value) -> Vec<Column> {
    let list = version["additionalPrinterColumns"].as_array();
    list.into_iter()
        .flatten()
        .map(|column| {
            let text = |key: &str| column[key].as_str().unwrap_or_default().to_owned();
            Column {
                name: text("name"),
                type_: text("type"),
                format: text("format"),
                description: text("description"),
                priority: column["priority"].as_i64().unwrap_or_default(),
                json_path: text("jsonPath"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
