//! Carries plans out: thin, and safe to repeat.

use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions,
};
use kube::{Client, ResourceExt};
use serde_json::{Map, Value, json};

/// The merge patch that makes `new` of `old`: lists are replaced as a whole.
#[must_use]
pub fn difference(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else {
        return Some(new.clone());
    };
    let mut patch = Map::new();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in after {
        match before.get(key) {
            Some(present) => {
                if let Some(changed) = difference(present, value) {
                    patch.insert(key.clone(), changed);
                }
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    Some(Value::Object(patch))
}

/// The API of a resource in a namespace, or of a cluster-wide one.
#[must_use]
pub fn api(client: &Client, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
    if namespace.is_empty() {
        Api::all_with(client.clone(), resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, resource)
    }
}

fn status_code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Whether the API server says that there is no such object.
#[must_use]
pub fn is_not_found(error: &kube::Error) -> bool {
    status_code(error) == Some(404)
}

/// Whether the API server says that there is one already, or another version.
#[must_use]
pub fn is_conflict(error: &kube::Error) -> bool {
    status_code(error) == Some(409)
}

/// Deletes an object; that it is gone already, or another one by now, is fine.
///
/// # Errors
/// The API server refuses, or is away.
pub async fn delete(
    api: &Api<DynamicObject>,
    name: &str,
    uid: Option<&str>,
) -> Result<(), kube::Error> {
    let params = DeleteParams {
        preconditions: uid.map(|uid| Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    match api.delete(name, &params).await {
        Err(error) if is_not_found(&error) || is_conflict(&error) => Ok(()),
        result => result.map(|_| ()),
    }
}

/// Creates an object, or brings the fields and labels of the one that is there
/// to what is wanted. A role reference cannot be changed: the binding is made anew.
///
/// # Errors
/// The API server refuses, or is away.
pub async fn ensure(
    client: &Client,
    resource: &ApiResource,
    wanted: &Value,
) -> Result<DynamicObject, kube::Error> {
    let object: DynamicObject =
        serde_json::from_value(wanted.clone()).map_err(kube::Error::SerdeError)?;
    let namespace = object.namespace().unwrap_or_default();
    let (api, name) = (api(client, resource, &namespace), object.name_any());
    let Some(live) = api.get_opt(&name).await? else {
        return api.create(&PostParams::default(), &object).await;
    };
    if object.data.get("roleRef") != live.data.get("roleRef") {
        delete(&api, &name, live.uid().as_deref()).await?;
        return api.create(&PostParams::default(), &object).await;
    }
    let mut patch = Map::new();
    for (key, value) in object.data.as_object().into_iter().flatten() {
        if live.data.get(key) != Some(value) {
            patch.insert(key.clone(), value.clone());
        }
    }
    let labels = object.labels().iter();
    let missing: Map<String, Value> = labels
        .filter(|(key, value)| live.labels().get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    let mut metadata = Map::new();
    if !missing.is_empty() {
        metadata.insert("labels".to_owned(), missing.into());
    }
    let owners = object.owner_references();
    if !owners
        .iter()
        .all(|owner| live.owner_references().contains(owner))
    {
        metadata.insert("ownerReferences".to_owned(), json!(owners));
    }
    if patch.is_empty() && metadata.is_empty() {
        return Ok(live);
    }
    metadata.insert("uid".to_owned(), json!(live.uid()));
    patch.insert("metadata".to_owned(), metadata.into());
    let patch = Patch::Merge(Value::Object(patch));
    api.patch(&name, &PatchParams::default(), &patch).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_says_what_changes_and_what_goes() {
        let old = json!({"a": 1, "b": {"c": [1], "d": 2}, "e": 3});
        let new = json!({"a": 1, "b": {"c": [2], "d": 2}, "f": 4});
        assert_eq!(
            difference(&old, &new),
            Some(json!({"b": {"c": [2]}, "e": null, "f": 4}))
        );
        assert_eq!(difference(&new, &new), None);
    }
}
