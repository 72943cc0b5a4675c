//! Objects as `kubectl get` shows them: `meta.k8s.io/v1 Table`.

mod columns;
mod human;
pub mod jsonpath;
mod pod;
mod rows;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::types::{Column, ResourceType, definitions};

pub use human::{age, duration};

/// `columnDefinitions` of the table of the subresource `scale`.
pub fn scale_columns() -> Value {
    headings(&columns::SCALE)
}

/// The `cells` of a `Scale`.
pub fn scale_row(scale: &Value, now: Timestamp) -> Value {
    let replicas = |part: &str| scale[part]["replicas"].as_i64().unwrap_or_default();
    json!({ "cells": [
        scale["metadata"]["name"],
        replicas("spec"),
        replicas("status"),
        age(&scale["metadata"]["creationTimestamp"], now),
    ]})
}

/// `columnDefinitions` of a resource's table.
pub fn columns(resource: &ResourceType) -> Value {
    let name = json!({
        "name": "Name", "type": "string", "format": "name", "priority": 0,
        "description": describe("=apimachinery.pkg.apis.meta.v1.ObjectMeta.name"),
    });
    if resource.custom.is_some() {
        let own = custom_columns(resource).into_iter().map(|column| {
            let description = if column.description.is_empty() {
                format!(
                    "Custom resource definition column (in JSONPath format): {}",
                    column.json_path
                )
            } else {
                column.description
            };
            json!({
                "name": column.name, "type": column.type_, "format": column.format,
                "description": description, "priority": column.priority,
            })
        });
        return std::iter::once(name).chain(own).collect();
    }
    headings(&columns::of(resource))
}

fn headings(columns: &[columns::Heading]) -> Value {
    columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": column.type_, "format": column.format,
                "description": describe(column.description), "priority": column.priority,
            })
        })
        .collect()
}

/// A description, or that of a field: `=TYPE.FIELD`.
fn describe(text: &str) -> String {
    text.strip_prefix('=')
        .and_then(|place| place.rsplit_once('.'))
        .and_then(|(owner, field)| definitions::descriptions().get(&(owner, field)))
        .map_or_else(|| text.to_owned(), |found| definitions::unescape(found))
}

/// The `cells` of an object, and `conditions` of its row where it has any.
pub fn row(resource: &ResourceType, object: &Value, now: Timestamp) -> Value {
    if resource.custom.is_some() {
        let mut cells = vec![object["metadata"]["name"].clone()];
        for column in custom_columns(resource) {
            let found = jsonpath::find(object, &column.json_path);
            let cell = found.first().map(|value| custom_cell(&column, value, now));
            cells.push(cell.unwrap_or_default());
        }
        return json!({ "cells": cells });
    }
    let mut row = json!({ "cells": rows::cells(resource, object, now) });
    if resource.gr.group.is_empty() && resource.gr.resource == "pods" {
        let (reason, message) = match object["status"]["phase"].as_str() {
            Some("Succeeded") => ("Succeeded", "The pod has completed successfully."),
            Some("Failed") => ("Failed", "The pod failed."),
            _ => return row,
        };
        row["conditions"] = json!([
            {"type": "Completed", "status": "True", "reason": reason, "message": message},
        ]);
    }
    row
}

/// Without columns of its own a custom resource has its age.
fn custom_columns(resource: &ResourceType) -> Vec<Column> {
    if resource.columns.is_empty() {
        vec![Column {
            name: "Age".to_owned(),
            type_: "date".to_owned(),
            json_path: ".metadata.creationTimestamp".to_owned(),
            ..Column::default()
        }]
    } else {
        resource.columns.clone()
    }
}

fn custom_cell(column: &Column, value: &Value, now: Timestamp) -> Value {
    match (column.type_.as_str(), value) {
        (_, Value::Null) => Value::Null,
        ("string", Value::String(text)) => json!(text),
        ("string", other) => json!(other.to_string()),
        ("integer", Value::Number(number)) => number
            .as_i64()
            .or_else(|| {
                let whole = number.as_f64()?.trunc();
                format!("{whole:.0}").parse().ok()
            })
            .map_or(Value::Null, Value::from),
        ("number", Value::Number(number)) => json!(number.as_f64()),
        ("boolean", Value::Bool(truth)) => json!(truth),
        ("date", Value::String(_)) => json!(age(value, now)),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests;
