//! `spec` and `status` are written through different doors.

use serde_json::{Value, json};

use super::{Operation, Write};
use crate::managedfields::zero;

/// Keeps the part that this door does not write: a create starts with an empty
/// status, an update of the object keeps it, and an update of the status keeps
/// everything else.
pub(super) fn keep(write: &mut Write<'_>) {
    let has_status = write
        .resource
        .subresources
        .iter()
        .any(|subresource| subresource.name == "status");
    if !has_status {
        return;
    }
    let gr = &write.resource.gr;
    // The node registers with its status.
    let registers = gr.group.is_empty() && gr.resource == "nodes";
    match (write.operation, write.subresource, write.old) {
        (Operation::Create, "", _) if !registers => {
            if write.resource.custom.is_some() {
                remove(write.new, "status");
            } else {
                let status = write.resource.schema.properties.get("status");
                let empty = status.map_or_else(|| json!({}), |status| zero(status));
                set(write.new, "status", empty);
            }
        }
        (Operation::Update, "status", Some(old)) => {
            let mut kept = old.clone();
            copy(&mut kept, write.new, "status");
            if write.resource.custom.is_some() {
                for name in ["managedFields", "resourceVersion"] {
                    let value = write.new["metadata"][name].clone();
                    if !value.is_null() {
                        kept["metadata"][name] = value;
                    }
                }
                // Kubernetes takes the new apiVersion: the status may be written in any version.
                copy(&mut kept, write.new, "apiVersion");
            } else {
                let own = |name: &str| old["metadata"][name].clone();
                let (owners, deletion) = (own("ownerReferences"), own("deletionTimestamp"));
                kept["metadata"] = write.new["metadata"].take();
                for (name, value) in [("ownerReferences", owners), ("deletionTimestamp", deletion)]
                {
                    if value.is_null() {
                        remove(&mut kept["metadata"], name);
                    } else {
                        kept["metadata"][name] = value;
                    }
                }
            }
            *write.new = kept;
        }
        (Operation::Update, "", Some(old)) => copy(write.new, old, "status"),
        _ => {}
    }
}

/// Makes a field of one object what it is in another.
pub(super) fn copy(into: &mut Value, from: &Value, name: &str) {
    match from.get(name) {
        Some(value) => set(into, name, value.clone()),
        None => remove(into, name),
    }
}

/// Removes a field.
pub(super) fn remove(from: &mut Value, name: &str) {
    if let Some(map) = from.as_object_mut() {
        map.remove(name);
    }
}

/// Sets a field of an object; makes the object where there is none.
pub(super) fn set(into: &mut Value, name: &str, value: Value) {
    if !into.is_object() {
        *into = json!({});
    }
    into[name] = value;
}
