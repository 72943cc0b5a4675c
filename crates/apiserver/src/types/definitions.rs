//! The structures of the built-in types, read from `data/definitions.txt`.
//!
//! One line a type, followed by one line a field:
//!
//! ```text
//! =api.core.v1.ContainerPort o
//! containerPort i ! format=int32
//! protocol s default="TCP"
//! ```
//!
//! A line starting with `=` names a type (without the common `io.k8s.`). The
//! second word is its structure: `s`tring, b`y`tes in base64, `i`nteger, `n`umber, `b`oolean,
//! `o`bject, `q` for int-or-string, `*` for anything, `@NAME` for another
//! type, `[` for a list and `{` for a map of what follows. Then come
//! attributes: `!` required, `struct` (a Go struct and no pointer: always there), `format=`, `default=` (JSON), `zero` (the default is the empty value of its type), `enum=`
//! (`|` between the values, `~` for spaces in them), `of.enum=` and `of.format=` (of what a
//! list or a map holds), `map=` (keys of a
//! list), `set`, `list` (atomic), `atomic` or `granular` (map), `key=` and `patch=` of
//! strategic merge patches; of types `gvk=`, `unions=` (JSON), `order=` (of what is
//! required).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock, OnceLock};

use serde_json::Value;

use crate::api::GroupVersionKind;
use crate::schema::{ListType, NodeType, Schema};

static TEXT: &str = include_str!("data/definitions.txt");
static DESCRIPTIONS: &str = include_str!("data/descriptions.txt");

/// What every name of a Kubernetes definition starts with.
pub const PREFIX: &str = "io.k8s.";
/// The definition of `metadata`.
pub const OBJECT_META: &str = "apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// The definition of a list's `metadata`.
pub const LIST_META: &str = "apimachinery.pkg.apis.meta.v1.ListMeta";
/// The definition of quantities such as `100m`.
pub const QUANTITY: &str = "apimachinery.pkg.api.resource.Quantity";
/// Lists that are optional and still there when they are empty.
const SHOWN_EMPTY: &[(&str, &str)] = &[
    ("api.rbac.v1.ClusterRole", "rules"),
    ("api.rbac.v1.Role", "rules"),
    ("api.discovery.v1.EndpointSlice", "endpoints"),
    ("api.discovery.v1.EndpointSlice", "ports"),
    (
        "api.autoscaling.v2.HorizontalPodAutoscalerStatus",
        "currentMetrics",
    ),
];
/// Types whose content is not described.
const OPAQUE: &[&str] = &[
    "apimachinery.pkg.apis.meta.v1.FieldsV1",
    "apimachinery.pkg.runtime.RawExtension",
];

/// A type or a field, as its line says.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The name of the type or field.
    pub name: &'a str,
    /// The structure: see the module's page.
    pub token: &'a str,
    /// What follows, uninterpreted.
    pub attributes: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once(' ')?;
        let (token, attributes) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Self {
            name,
            token,
            attributes,
        })
    }

    /// The attributes as name and value; the value is empty where there is none.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        // No value holds a space: the generator writes compact JSON.
        self.attributes
            .split_ascii_whitespace()
            .map(|word| word.split_once('=').unwrap_or((word, "")))
    }

    /// The value of an attribute.
    pub fn value(&self, attribute: &str) -> Option<&'a str> {
        let found = self.pairs().find(|(name, _)| *name == attribute);
        found.map(|(_, value)| value)
    }

    /// Whether the field is required.
    pub fn required(&self) -> bool {
        self.pairs().any(|(name, _)| name == "!")
    }

    /// Whether the field is there, if only as `{}`, whatever was written.
    pub fn always(&self) -> bool {
        self.pairs().any(|(name, _)| name == "struct")
    }
}

/// A type: its own line and those of its fields.
#[derive(Debug)]
pub struct Definition<'a> {
    /// The type itself.
    pub head: Line<'a>,
    /// Its fields, by name.
    pub fields: Vec<Line<'a>>,
}

impl Definition<'_> {
    /// Whether a field is a list or a map that is not there when it is empty.
    pub fn omits_empty(&self, field: &str) -> bool {
        let found = self.fields.binary_search_by(|line| line.name.cmp(field));
        found.is_ok_and(|index| {
            let line = &self.fields[index];
            line.token.starts_with(['[', '{'])
                && !line.required()
                && !SHOWN_EMPTY.contains(&(self.head.name, field))
        })
    }

    /// Set for types that are kinds of their own.
    pub fn gvk(&self) -> Option<GroupVersionKind> {
        let (_, value) = self.head.pairs().find(|(name, _)| *name == "gvk")?;
        let mut parts = value.split('/');
        Some(GroupVersionKind::new(
            parts.next()?,
            parts.next()?,
            parts.next()?,
        ))
    }
}

/// All built-in types.
#[derive(Debug, Default)]
pub struct Definitions {
    /// By name, without the prefix.
    pub by_name: BTreeMap<&'static str, Definition<'static>>,
    by_kind: HashMap<GroupVersionKind, &'static str>,
}

impl Definitions {
    /// The types of the embedded data.
    pub fn get() -> &'static Self {
        static ALL: LazyLock<Definitions> = LazyLock::new(|| Definitions::parse(TEXT));
        &ALL
    }

    fn parse(text: &'static str) -> Self {
        let mut all = Self::default();
        let mut current: Option<Definition<'static>> = None;
        for line in text.lines() {
            if let Some(head) = line.strip_prefix('=') {
                all.keep(current.take());
                current = Line::parse(head).map(|head| Definition {
                    head,
                    fields: Vec::new(),
                });
            } else if let Some(definition) = &mut current {
                definition.fields.extend(Line::parse(line));
            }
        }
        all.keep(current);
        all
    }

    fn keep(&mut self, definition: Option<Definition<'static>>) {
        let Some(definition) = definition else {
            return;
        };
        if let Some(gvk) = definition.gvk() {
            self.by_kind.insert(gvk, definition.head.name);
        }
        self.by_name.insert(definition.head.name, definition);
    }

    /// The name of the type of a kind.
    pub fn name_of(&self, gvk: &GroupVersionKind) -> Option<&'static str> {
        self.by_kind.get(gvk).copied()
    }
}

/// The description of each type (field `""`) and of its fields. Read once,
/// when `kubectl explain` first asks.
pub fn descriptions() -> &'static HashMap<(&'static str, &'static str), &'static str> {
    static ALL: OnceLock<HashMap<(&'static str, &'static str), &'static str>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = HashMap::new();
        let mut owner = "";
        for line in DESCRIPTIONS.lines() {
            let Some((name, text)) = line.split_once('\t') else {
                continue;
            };
            if let Some(name) = name.strip_prefix('=') {
                owner = name;
                all.insert((owner, ""), text);
            } else {
                all.insert((owner, name), text);
            }
        }
        all
    })
}

/// A description as people read it: without the escapes of the data file.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.clone().next() == Some('n') => {
                chars.next();
                out.push('\n');
            }
            '\\' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// Makes schemas of definitions, each once.
#[derive(Default)]
pub(super) struct Builder {
    done: HashMap<&'static str, Arc<Schema>>,
    scalars: HashMap<(&'static str, &'static str), Arc<Schema>>,
    open: HashSet<&'static str>,
}

impl Builder {
    /// The schema of a type. A type within itself is cut: anything goes there.
    pub(super) fn definition(&mut self, name: &'static str) -> Arc<Schema> {
        if let Some(done) = self.done.get(name) {
            return Arc::clone(done);
        }
        let Some(definition) = Definitions::get().by_name.get(name) else {
            return self.anything();
        };
        if !self.open.insert(name) {
            return self.anything();
        }
        let mut schema = if name == QUANTITY {
            Schema {
                node: NodeType::IntOrString,
                format: Some("quantity".into()),
                ..Schema::default()
            }
        } else {
            (*self.token(definition.head.token)).clone()
        };
        schema.preserve_unknown |= OPAQUE.contains(&name);
        attributes(&mut schema, &definition.head);
        for field in &definition.fields {
            if field.required() {
                schema.required.push(field.name.to_owned());
            }
            if field.always() {
                schema.always.push(field.name.to_owned());
            }
            let child = self.field(field);
            schema.properties.insert(field.name.to_owned(), child);
        }
        schema.go = true;
        self.open.remove(name);
        let schema = Arc::new(schema);
        self.done.insert(name, Arc::clone(&schema));
        schema
    }

    fn field(&mut self, field: &Line<'static>) -> Arc<Schema> {
        if field
            .pairs()
            .all(|(name, _)| matches!(name, "!" | "struct"))
        {
            return self.token(field.token);
        }
        let key = (field.token, field.attributes);
        if let Some(known) = self.scalars.get(&key) {
            return Arc::clone(known);
        }
        let mut schema = (*self.token(field.token)).clone();
        attributes(&mut schema, field);
        let schema = Arc::new(schema);
        // Types that refer to others may be cut in one place and whole in another.
        if field.token.len() == 1 {
            self.scalars.insert(key, Arc::clone(&schema));
        }
        schema
    }

    fn token(&mut self, token: &'static str) -> Arc<Schema> {
        let (first, rest) = token.split_at(token.len().min(1));
        let node = match first {
            "@" => return self.definition(rest),
            "[" => {
                return Arc::new(Schema {
                    node: NodeType::Array,
                    items: Some(self.token(rest)),
                    ..Schema::default()
                });
            }
            "{" => {
                return Arc::new(Schema {
                    node: NodeType::Object,
                    additional: Some(self.token(rest)),
                    ..Schema::default()
                });
            }
            "s" | "y" => NodeType::String,
            "i" => NodeType::Integer,
            "n" => NodeType::Number,
            "b" => NodeType::Boolean,
            "o" => NodeType::Object,
            "q" => NodeType::IntOrString,
            _ => return self.anything(),
        };
        let leaf = self.scalars.entry((first, "")).or_insert_with(|| {
            Arc::new(Schema {
                node,
                format: (first == "y").then(|| "byte".into()),
                ..Schema::default()
            })
        });
        Arc::clone(leaf)
    }

    fn anything(&mut self) -> Arc<Schema> {
        let leaf = self.scalars.entry(("*", "")).or_insert_with(|| {
            Arc::new(Schema {
                preserve_unknown: true,
                ..Schema::default()
            })
        });
        Arc::clone(leaf)
    }
}

fn attributes(schema: &mut Schema, line: &Line<'_>) {
    for (name, value) in line.pairs() {
        match name {
            "format" if value != "int-or-string" => schema.format = Some(value.into()),
            "default" => schema.default = serde_json::from_str::<Value>(value).ok(),
            "map" => {
                schema.list = ListType::Map(value.split(',').map(str::to_owned).collect());
            }
            "set" => schema.list = ListType::Set,
            "atomic" => schema.atomic_map = true,
            "key" => schema.merge_key = Some(value.to_owned()),
            "patch" => {
                for strategy in value.split(',') {
                    schema.patch_merge |= strategy == "merge";
                    schema.retain_keys |= strategy == "retainKeys";
                }
            }
            _ => {}
        }
    }
}
