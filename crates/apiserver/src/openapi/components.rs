//! Types as OpenAPI schemas: the built-in ones from the generated data, those
//! of custom resources from their compiled schemas.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::GroupVersionKind;
use crate::schema::{Limits, ListType, NodeType, Schema};
use crate::types::ResourceType;
use crate::types::definitions::{
    Definitions, LIST_META, Line, OBJECT_META, PREFIX, QUANTITY, descriptions, unescape,
};

/// The schemas of a document, each once.
pub(super) struct Components {
    root: &'static str,
    v3: bool,
    found: BTreeMap<String, Value>,
}

impl Components {
    pub(super) fn v3() -> Self {
        Self {
            root: "#/components/schemas/",
            v3: true,
            found: BTreeMap::new(),
        }
    }

    pub(super) fn v2() -> Self {
        Self {
            root: "#/definitions/",
            v3: false,
            found: BTreeMap::new(),
        }
    }

    pub(super) fn into_json(self) -> Value {
        self.found.into_iter().collect()
    }

    /// Adds what a resource is made of.
    pub(super) fn add(&mut self, resource: &ResourceType) {
        if resource.custom.is_some() {
            self.custom(resource);
            return;
        }
        let mut kinds = vec![resource.gvk.clone()];
        kinds.push(GroupVersionKind {
            kind: resource.list_kind.clone(),
            ..resource.gvk.clone()
        });
        kinds.extend(resource.subresources.iter().map(|sub| sub.gvk.clone()));
        for gvk in &kinds {
            if let Some(name) = Definitions::get().name_of(gvk) {
                self.definition(name);
            }
        }
        self.options_and_status(&resource.gvk);
    }

    /// Adds what a request to delete takes and gives: its options are a kind of every group.
    fn options_and_status(&mut self, of: &GroupVersionKind) {
        const OPTIONS: &str = "apimachinery.pkg.apis.meta.v1.DeleteOptions";
        self.definition(OPTIONS);
        self.definition("apimachinery.pkg.apis.meta.v1.Status");
        if let Some(options) = self.found.get_mut(&format!("{PREFIX}{OPTIONS}")) {
            let kinds = &mut options["x-kubernetes-group-version-kind"];
            let mut all = kinds.as_array().cloned().unwrap_or_default();
            for group in ["", &of.group] {
                let version = if group.is_empty() { "v1" } else { &of.version };
                let of = kind(&GroupVersionKind::new(group, version, "DeleteOptions"));
                if !all.contains(&of) {
                    all.push(of);
                }
            }
            let key = |kind: &Value| (kind["group"].to_string(), kind["version"].to_string());
            all.sort_by_key(key);
            *kinds = Value::Array(all);
        }
    }

    /// Adds a built-in type and all it refers to.
    fn definition(&mut self, name: &'static str) {
        let full = format!("{PREFIX}{name}");
        if self.found.contains_key(&full) {
            return;
        }
        let Some(definition) = Definitions::get().by_name.get(name) else {
            return;
        };
        // Taken before its fields are looked at: types may refer to themselves.
        self.found.insert(full.clone(), Value::Null);
        let texts = descriptions();
        let mut schema = self.token(definition.head.token);
        if name == QUANTITY && self.v3 {
            schema = json!({"oneOf": [{"type": "string"}, {"type": "number"}]});
        }
        self.attributes(&mut schema, &definition.head);
        if let Some(text) = texts.get(&(name, "")).filter(|text| !text.is_empty()) {
            schema["description"] = json!(unescape(text));
        }
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in &definition.fields {
            let mut property = self.token(field.token);
            let text = texts.get(&(name, field.name)).copied().unwrap_or_default();
            if !text.is_empty() {
                property["description"] = json!(unescape(text));
            }
            self.attributes(&mut property, field);
            // A reference stands by itself.
            if self.v3
                && let Some(fields) = property.as_object_mut()
                && fields.len() > 1
                && let Some(reference) = fields.remove("$ref")
            {
                property["allOf"] = json!([{"$ref": reference}]);
            }
            if field.required() {
                required.push(field.name);
            }
            properties.insert(field.name.to_owned(), property);
        }
        if !properties.is_empty() {
            schema["properties"] = Value::Object(properties);
        }
        if let Some(order) = definition.head.value("order") {
            schema["required"] = order.split(',').collect();
        } else if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if let Some(gvk) = definition.gvk() {
            schema["x-kubernetes-group-version-kind"] = json!([kind(&gvk)]);
        }
        self.found.insert(full, schema);
    }

    fn reference(&self, name: &str) -> Value {
        json!({"$ref": format!("{}{name}", self.root)})
    }

    fn token(&mut self, token: &'static str) -> Value {
        let (first, rest) = token.split_at(token.len().min(1));
        match first {
            "@" => {
                self.definition(rest);
                self.reference(&format!("{PREFIX}{rest}"))
            }
            "[" => json!({"type": "array", "items": self.token(rest)}),
            "{" => json!({"type": "object", "additionalProperties": self.token(rest)}),
            "s" => json!({"type": "string"}),
            "y" => json!({"type": "string", "format": "byte"}),
            "i" => json!({"type": "integer"}),
            "n" => json!({"type": "number"}),
            "b" => json!({"type": "boolean"}),
            "o" => json!({"type": "object"}),
            "q" if self.v3 => {
                json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]})
            }
            "q" => json!({"type": "string", "format": "int-or-string"}),
            _ => json!({}),
        }
    }

    fn attributes(&self, schema: &mut Value, line: &Line<'_>) {
        for (name, value) in line.pairs() {
            if let Some(name) = name.strip_prefix("of.") {
                let below = ["items", "additionalProperties"]
                    .into_iter()
                    .find(|key| schema.get(key).is_some());
                if let Some(below) = below {
                    schema[below][name] = match name {
                        "enum" => enumeration(value),
                        _ => json!(value),
                    };
                }
                continue;
            }
            let (key, value) = match name {
                "format" if value != "int-or-string" => ("format", json!(value)),
                "default" if self.v3 => match serde_json::from_str(value) {
                    Ok(value) => ("default", value),
                    Err(_) => continue,
                },
                "struct" if self.v3 => ("default", json!({})),
                "zero" if self.v3 => ("default", zero(schema)),
                "enum" => ("enum", enumeration(value)),
                "granular" => ("x-kubernetes-map-type", json!("granular")),
                "unions" => match serde_json::from_str(value) {
                    Ok(value) => ("x-kubernetes-unions", value),
                    Err(_) => continue,
                },
                "map" => {
                    let keys: Vec<&str> = value.split(',').collect();
                    schema["x-kubernetes-list-map-keys"] = json!(keys);
                    ("x-kubernetes-list-type", json!("map"))
                }
                "set" => ("x-kubernetes-list-type", json!("set")),
                "list" => ("x-kubernetes-list-type", json!("atomic")),
                "atomic" => ("x-kubernetes-map-type", json!("atomic")),
                "key" => ("x-kubernetes-patch-merge-key", json!(value)),
                "patch" => ("x-kubernetes-patch-strategy", json!(value)),
                _ => continue,
            };
            schema[key] = value;
        }
    }

    /// A custom resource and its list.
    fn custom(&mut self, resource: &ResourceType) {
        self.definition(OBJECT_META);
        self.definition(LIST_META);
        self.options_and_status(&resource.gvk);
        for sub in &resource.subresources {
            if let Some(name) = Definitions::get().name_of(&sub.gvk) {
                self.definition(name);
            }
        }
        let texts = descriptions();
        let meta_text = |field: &str| {
            let owner = "api.core.v1.ConfigMap";
            texts
                .get(&(owner, field))
                .map_or(json!(""), |text| json!(unescape(text)))
        };
        let type_meta = |field: &str| json!({"type": "string", "description": meta_text(field)});
        let name = custom_name(&resource.gvk);
        let mut schema = from_schema(&resource.schema);
        if !schema["properties"].is_object() {
            schema["properties"] = json!({});
        }
        for field in ["apiVersion", "kind"] {
            schema["properties"][field] = type_meta(field);
        }
        schema["properties"]["metadata"] = json!({
            "allOf": [self.reference(&format!("{PREFIX}{OBJECT_META}"))],
            "description": meta_text("metadata"),
        });
        schema["x-kubernetes-group-version-kind"] = json!([kind(&resource.gvk)]);
        let list = GroupVersionKind {
            kind: resource.list_kind.clone(),
            ..resource.gvk.clone()
        };
        let list_schema = json!({
            "type": "object",
            "description": format!("{} is a list of {}", resource.list_kind, resource.gvk.kind),
            "required": ["items"],
            "properties": {
                "apiVersion": type_meta("apiVersion"),
                "kind": type_meta("kind"),
                "metadata": {"allOf": [self.reference(&format!("{PREFIX}{LIST_META}"))]},
                "items": {
                    "type": "array",
                    "items": self.reference(&name),
                    "description": format!("List of {}.", resource.gr.resource),
                },
            },
            "x-kubernetes-group-version-kind": [kind(&list)],
        });
        self.found.insert(name, schema);
        self.found.insert(custom_name(&list), list_schema);
    }
}

/// `x-kubernetes-group-version-kind`.
pub(super) fn kind(gvk: &GroupVersionKind) -> Value {
    json!({"group": gvk.group, "version": gvk.version, "kind": gvk.kind})
}

/// The name of a kind's schema: the group reversed, version, kind.
pub(super) fn name_of(gvk: &GroupVersionKind) -> String {
    match Definitions::get().name_of(gvk) {
        Some(name) => format!("{PREFIX}{name}"),
        None => custom_name(gvk),
    }
}

/// The values of an enumeration, as the data has them.
fn enumeration(values: &str) -> Value {
    values
        .split('|')
        .map(|value| value.replace('~', " "))
        .collect()
}

/// The empty value of a type.
fn zero(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("string") => json!(""),
        Some("boolean") => json!(false),
        _ => json!(0),
    }
}

fn custom_name(gvk: &GroupVersionKind) -> String {
    let mut parts: Vec<&str> = gvk.group.split('.').rev().collect();
    parts.push(&gvk.version);
    parts.push(&gvk.kind);
    parts.join(".")
}

/// A compiled schema as OpenAPI has it.
pub(super) fn from_schema(schema: &Schema) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    let type_ = match schema.node {
        NodeType::Any => None,
        NodeType::Object => Some("object"),
        NodeType::Array => Some("array"),
        NodeType::String => Some("string"),
        NodeType::Integer => Some("integer"),
        NodeType::Number => Some("number"),
        NodeType::Boolean => Some("boolean"),
        NodeType::IntOrString => {
            put("x-kubernetes-int-or-string", json!(true));
            None
        }
    };
    if let Some(type_) = type_ {
        put("type", json!(type_));
    }
    if let Some(text) = &schema.description {
        put("description", json!(text.as_ref()));
    }
    if let Some(format) = &schema.format {
        put("format", json!(format.as_ref()));
    }
    if schema.nullable && schema.node != NodeType::Any {
        put("nullable", json!(true));
    }
    if let Some(default) = &schema.default {
        put("default", default.clone());
    }
    if !schema.properties.is_empty() {
        let fields = schema.properties.iter();
        let fields: Map<String, Value> = fields
            .map(|(name, child)| (name.clone(), from_schema(child)))
            .collect();
        put("properties", Value::Object(fields));
    }
    if let Some(values) = &schema.additional {
        put("additionalProperties", from_schema(values));
    }
    if let Some(items) = &schema.items {
        put("items", from_schema(items));
    }
    if !schema.required.is_empty() {
        put("required", json!(schema.required));
    }
    for (key, truth) in [
        (
            "x-kubernetes-preserve-unknown-fields",
            schema.preserve_unknown,
        ),
        ("x-kubernetes-embedded-resource", schema.embedded_resource),
    ] {
        if truth {
            put(key, json!(true));
        }
    }
    if schema.atomic_map {
        put("x-kubernetes-map-type", json!("atomic"));
    }
    match &schema.list {
        ListType::Atomic => {}
        ListType::Set => put("x-kubernetes-list-type", json!("set")),
        ListType::Map(keys) => {
            put("x-kubernetes-list-type", json!("map"));
            put("x-kubernetes-list-map-keys", json!(keys));
        }
    }
    if !schema.rules.is_empty() {
        let rules = schema.rules.iter().map(|rule| {
            let mut entry = json!({"rule": rule.rule});
            for (key, text) in [
                ("message", &rule.message),
                ("messageExpression", &rule.message_expression),
                ("reason", &rule.reason),
                ("fieldPath", &rule.field_path),
            ] {
                if !text.is_empty() {
                    entry[key] = json!(text);
                }
            }
            entry
        });
        put("x-kubernetes-validations", rules.collect());
    }
    if let Some(limits) = &schema.limits {
        add_limits(&mut out, limits);
    }
    Value::Object(out)
}

fn add_limits(out: &mut Map<String, Value>, limits: &Limits) {
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    if !limits.one_of_values.is_empty() {
        put("enum", json!(limits.one_of_values));
    }
    if let Some(pattern) = &limits.pattern {
        put("pattern", json!(pattern));
    }
    for (key, count) in [
        ("minLength", limits.min_length),
        ("maxLength", limits.max_length),
        ("minItems", limits.min_items),
        ("maxItems", limits.max_items),
        ("minProperties", limits.min_properties),
        ("maxProperties", limits.max_properties),
    ] {
        if let Some(count) = count {
            put(key, json!(count));
        }
    }
    for (key, exclusive_key, bound) in [
        ("minimum", "exclusiveMinimum", limits.minimum),
        ("maximum", "exclusiveMaximum", limits.maximum),
    ] {
        if let Some((value, exclusive)) = bound {
            put(key, json!(value));
            if exclusive {
                put(exclusive_key, json!(true));
            }
        }
    }
    if let Some(factor) = limits.multiple_of {
        put("multipleOf", json!(factor));
    }
    for (key, list) in [
        ("allOf", &limits.all_of),
        ("anyOf", &limits.any_of),
        ("oneOf", &limits.one_of),
    ] {
        if !list.is_empty() {
            put(key, list.iter().map(from_schema).collect());
        }
    }
    if let Some(not) = &limits.not {
        put("not", from_schema(not));
    }
}
