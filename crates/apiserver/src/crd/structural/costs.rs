//! What the rules of a schema may cost, by how large the values that they are about may
//! grow: a request has at most so many bytes, and lists, maps and texts their limits.

use std::collections::BTreeMap;

use guarded_cel::{Inside, Shape};
use serde_json::Value;

use super::super::cel;
use crate::schema::{NodeType, Schema, cause};
use crate::status::Cause;

/// The largest request.
const REQUEST: u64 = 3 * 1024 * 1024;
/// What one expression may cost.
const OF_ONE: u64 = 10_000_000;
/// What all expressions of a schema may cost.
const OF_ALL: u64 = 100_000_000;

/// How much of the rules of a schema is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Looks {
    /// All of it.
    All,
    /// All but what each costs, as the schema was taken before.
    AllButCosts,
    /// Nothing: it is stored.
    None,
}

/// What was found about the expressions of a schema.
pub(super) struct Expressions {
    pub(super) looks: Looks,
    pub(super) causes: Vec<Cause>,
    total: u64,
    /// The four dearest, the dearest first.
    dearest: Vec<(String, u64)>,
}

impl Expressions {
    pub(super) fn new(looks: Looks) -> Self {
        Self {
            looks,
            causes: Vec::new(),
            total: 0,
            dearest: Vec::new(),
        }
    }

    /// Takes down that the expression at a place costs that much; `what` it is.
    pub(super) fn costs(&mut self, place: &str, what: &str, cost: u64) {
        if self.looks == Looks::All && cost > OF_ONE {
            let what = format!("estimated {what} cost");
            let detail = exceeds(&what, cost, OF_ONE);
            self.causes.push(cause::forbidden(place, &detail));
        }
        self.total = self.total.saturating_add(cost);
        if cost >= OF_ALL / 100 {
            let behind = self.dearest.partition_point(|(_, other)| *other >= cost);
            self.dearest.insert(behind, (place.to_owned(), cost));
            self.dearest.truncate(4);
        }
    }

    /// What is wrong with the expressions of the schema at `path`.
    pub(super) fn judged(mut self, path: &str) -> Vec<Cause> {
        if self.total > OF_ALL {
            for (place, _) in &self.dearest {
                self.causes.push(cause::forbidden(
                    place,
                    "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
                ));
            }
            let what =
                "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
            let detail = exceeds(what, self.total, OF_ALL);
            self.causes.push(cause::forbidden(path, &detail));
        }
        self.causes
    }
}

fn exceeds(what: &str, cost: u64, limit: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a factor, rounded")]
    let factor = cost as f64 / limit as f64;
    let factor = if factor > 100.0 {
        "more than 100x".to_owned()
    } else if factor < 1.5 {
        format!("{factor:.6}x")
    } else {
        format!("{factor:.1}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}

/// How many values of a schema's children there are in one of its own, at most; none
/// where nothing limits it.
pub(super) fn growth(raw: &Value) -> Option<u64> {
    let limit = |key: &str| raw[key].as_i64().map(|limit| limit.max(0).cast_unsigned());
    match raw["type"].as_str() {
        Some("object")
            if raw
                .get("additionalProperties")
                .is_some_and(|any| !any.is_null()) =>
        {
            limit("maxProperties")
        }
        Some("array") => limit("maxItems"),
        _ => Some(1),
    }
}

/// The shape of the values of a schema, and how often one of the smallest of them fits
/// into a request; none where an expression cannot name them. `whole`: they are resources.
pub(super) fn shape(schema: &Schema, whole: bool) -> Option<(Shape, u64)> {
    let (shape, least) = sized(schema, whole)?;
    Some((shape, REQUEST / (least + 1)))
}

/// The shape of the values of a schema, and how many bytes the smallest of them has.
fn sized(schema: &Schema, whole: bool) -> Option<(Shape, u64)> {
    let below = |child: &Schema| sized(child, child.embedded_resource);
    let limits = schema.limits.as_deref();
    let plain = |most: u64, least: u64| {
        let inside = Inside::Nothing;
        Some((Shape { most, inside }, least))
    };
    let longest = limits.and_then(|limits| limits.max_length);
    match schema.node {
        NodeType::IntOrString => plain(longest.map_or(REQUEST - 2, |long| long * 4), 1),
        NodeType::Boolean => plain(0, 4),
        NodeType::Integer | NodeType::Number => plain(0, 1),
        NodeType::String => match schema.format.as_deref() {
            Some("byte") => plain(longest.unwrap_or(REQUEST - 2), 2),
            Some("duration") => plain(32, 3),
            Some("date") => plain(12, 12),
            Some("date-time") => plain(32, 21),
            _ => {
                let values = limits.map_or(&[][..], |limits| &limits.one_of_values);
                let most = match longest {
                    Some(long) => long.saturating_mul(4),
                    None if values.is_empty() => REQUEST - 2,
                    None => {
                        let texts = values.iter().filter_map(Value::as_str);
                        texts.map(str::len).max().unwrap_or_default() as u64
                    }
                };
                plain(most, 2)
            }
        },
        NodeType::Array => {
            let (item, least) = below(schema.items.as_deref()?)?;
            let limit = limits.and_then(|limits| limits.max_items);
            let shape = Shape {
                most: limit.unwrap_or((REQUEST - 2) / (least + 1)),
                inside: Inside::Items(Box::new(item)),
            };
            Some((shape, 2))
        }
        NodeType::Object => {
            if let Some(values) = &schema.additional {
                let (value, least) = below(values)?;
                let limit = limits.and_then(|limits| limits.max_properties);
                let shape = Shape {
                    most: limit.unwrap_or((REQUEST - 2) / (least + 6)),
                    inside: Inside::Values(Box::new(value)),
                };
                return Some((shape, 2));
            }
            let mut fields = BTreeMap::new();
            let mut smallest = 2;
            for (name, child) in &schema.properties {
                let Some((shape, least)) = below(child) else {
                    continue;
                };
                fields.insert(cel::escape(name), shape);
                if child.default.is_none() && schema.required.contains(name) {
                    smallest += name.len() as u64 + least + 4;
                }
            }
            if whole && !names_all(schema) {
                fields.extend(of_resources(schema));
            }
            let shape = Shape {
                most: 0,
                inside: Inside::Fields(fields),
            };
            Some((shape, smallest))
        }
        NodeType::Any => None,
    }
}

/// Whether a schema says itself all that every resource has.
fn names_all(schema: &Schema) -> bool {
    let is = |of: &Schema, name: &str, kind: &NodeType| {
        let child = of.properties.get(name);
        child.is_some_and(|child| child.node == *kind)
    };
    let metadata = schema.properties.get("metadata");
    is(schema, "metadata", &NodeType::Object)
        && ["apiVersion", "kind"]
            .iter()
            .all(|name| is(schema, name, &NodeType::String))
        && metadata.is_some_and(|metadata| {
            let mut names = ["name", "generateName"].iter();
            names.all(|name| is(metadata, name, &NodeType::String))
        })
}

/// What every resource has, with the limits of a schema for its names.
fn of_resources(schema: &Schema) -> [(String, Shape); 3] {
    let text = |most: u64| Shape {
        most,
        inside: Inside::Nothing,
    };
    let metadata = schema.properties.get("metadata");
    // A generated name has one character more, at least.
    let names = [("name", 253), ("generateName", 252)].map(|(name, longest)| {
        let own = metadata.and_then(|metadata| metadata.properties.get(name));
        let limits = own.and_then(|own| own.limits.as_deref());
        let limit = limits.and_then(|limits| limits.max_length);
        let longest = limit.map_or(longest, |limit| limit.min(longest));
        (name.to_owned(), text(longest * 4))
    });
    let metadata = Shape {
        most: 0,
        inside: Inside::Fields(names.into()),
    };
    [
        ("apiVersion".to_owned(), text(REQUEST - 2)),
        ("kind".to_owned(), text(REQUEST - 2)),
        ("metadata".to_owned(), metadata),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::rules::declared;
    use super::super::{Level, Scope, compile, node};
    use super::*;

    /// What a rule about values of a schema costs at most, and how often they fit into a
    /// request.
    fn most(raw: &Value, rule: &str, whole: bool) -> Result<(Option<u64>, u64), String> {
        let level = if whole { Level::Root } else { Level::Field };
        let mut found = Expressions::new(Looks::None);
        let scope = Scope::of(level);
        let schema = node(raw, "s", scope, &mut Vec::new(), &mut found);
        let kind = declared(&schema, whole).expect("a type");
        let variables = [("self", kind.clone()), ("oldSelf", kind)];
        let program = cel::compile(rule)?;
        let checked = program.check(rule, &variables)?;
        let (shape, times) = shape(&schema, whole).expect("a shape");
        Ok((checked.most(&shape), times))
    }

    /// What a real server reckons: `tests/apiserver/costs` wrote the table.
    #[test]
    fn costs_are_those_of_a_real_server() {
        let table: Value = serde_json::from_str(include_str!("costs.json")).unwrap();
        let rules = table["rules"].as_array().unwrap();
        let mut other = Vec::new();
        for row in rules {
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            let number = |key: &str| row[key].as_u64().unwrap();
            let (of, rule, refused) = (text("of"), text("rule"), text("error"));
            let found = most(&table["schemas"][of], rule, of.starts_with("whole"));
            match found {
                Ok((Some(cost), times)) if refused.is_empty() => {
                    let expected = (number("cost"), number("times"));
                    if (cost, times) != expected {
                        other.push(format!("{rule}: {:?}, not {expected:?}", (cost, times)));
                    }
                }
                Ok((None, _)) => other.push(format!("{rule}: not known")),
                Ok(_) => other.push(format!("{rule}: taken, but {refused}")),
                Err(_) if !refused.is_empty() => {}
                Err(error) => other.push(format!("{rule}: {error}")),
            }
        }
        assert!(rules.len() > 200);
        assert!(other.is_empty(), "{}", other.join("\n"));
    }

    #[test]
    fn what_is_too_dear_is_refused_with_the_factor() {
        let field = |rule: &str, message: &str| {
            json!({"type": "string", "x-kubernetes-validations": [
                {"rule": rule, "messageExpression": message}]})
        };
        let schema = |fields: Value| json!({"type": "object", "properties": fields});
        let judged = |schema: &Value, looks: Looks| {
            let mut causes = Vec::new();
            compile(schema, "s", false, looks, &mut causes);
            let said = causes.into_iter().map(|cause| {
                let message = cause.message.split(" (try").next().unwrap_or_default();
                format!("{}: {message}", cause.field)
            });
            said.collect::<Vec<_>>()
        };
        let dear = "self.contains(self)";
        let at = "s.properties[a].x-kubernetes-validations[0]";
        let total = "s: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of";
        let one = schema(json!({"a": field(dear, "")}));
        let contributed = "Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
        let expected = [
            format!(
                "{at}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x"
            ),
            format!("{at}.rule: {contributed}"),
            format!("{total} more than 100x"),
        ];
        assert_eq!(judged(&one, Looks::All), expected);
        // What was taken before is not judged again, but for all of it together.
        assert_eq!(judged(&one, Looks::AllButCosts), expected[1..]);
        assert_eq!(judged(&one, Looks::None), Vec::<String>::new());
        let cheap = schema(json!({"a": field("self != 'a'", "self + 'b'")}));
        assert_eq!(judged(&cheap, Looks::All), Vec::<String>::new());
    }
}
