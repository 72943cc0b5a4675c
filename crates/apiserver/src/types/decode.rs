//! Whether an object can be read as its built-in kind, and what Go's decoder
//! says if not.

use serde_json::Value;

use super::definitions::{Definitions, QUANTITY};
use super::quantity;
use crate::api::GroupVersionKind;
use crate::golang;

const TIME: &str = "apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "apimachinery.pkg.apis.meta.v1.MicroTime";

/// What is wrong with the types in an object, if anything. Unknown fields are
/// not this function's affair, nor are kinds it does not know.
pub fn check(gvk: &GroupVersionKind, object: &Value) -> Option<String> {
    let name = Definitions::get().name_of(gvk)?;
    let mut place = Place {
        owner: "",
        path: Vec::new(),
        converter: false,
    };
    place.structure(name, object).err()
}

/// Whether a kind of a version such as `apps/v1` is a built-in one.
pub fn knows(version: &str, kind: &str) -> bool {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let gvk = GroupVersionKind::new(group, version, kind);
    Definitions::get().name_of(&gvk).is_some()
}

/// What is wrong in the words of the converter that reads a strategic merge.
pub fn converted(gvk: &GroupVersionKind, object: &Value) -> Option<String> {
    let name = Definitions::get().name_of(gvk)?;
    let mut place = Place {
        owner: "",
        path: Vec::new(),
        converter: true,
    };
    place.structure(name, object).err()
}

/// Where the decoder is: the struct and the path of fields, without indexes.
struct Place {
    owner: &'static str,
    path: Vec<&'static str>,
    /// Whether it is the one between maps and structs.
    converter: bool,
}

impl Place {
    /// The sentence about a value that is not what Go has there.
    fn mismatch(&self, value: &Value, expected: &str) -> String {
        if self.converter {
            return unconverted(value, expected);
        }
        let found = match value {
            Value::Number(number) if expected.starts_with("int") => format!("number {number}"),
            other => golang::kind(other).to_owned(),
        };
        if self.path.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {expected}");
        }
        format!(
            "json: cannot unmarshal {found} into Go struct field {}.{} of type {expected}",
            self.owner,
            self.path.join(".")
        )
    }

    fn structure(&mut self, name: &'static str, value: &Value) -> Result<(), String> {
        if value.is_null() {
            return Ok(());
        }
        match name {
            QUANTITY => return quantity_text(value),
            TIME => return self.time(value, "2006-01-02T15:04:05Z07:00"),
            MICRO_TIME => return self.time(value, "2006-01-02T15:04:05.000000Z07:00"),
            _ => {}
        }
        let Some(definition) = Definitions::get().by_name.get(name) else {
            return Ok(());
        };
        if definition.head.token != "o" {
            return self.token(definition.head.token, None, value);
        }
        let short = name.rsplit('.').next().unwrap_or(name);
        let Value::Object(map) = value else {
            return Err(self.mismatch(value, &go_type(name)));
        };
        let owner = std::mem::replace(&mut self.owner, short);
        for (field, child) in map {
            let found = definition
                .fields
                .binary_search_by(|line| line.name.cmp(field));
            let Ok(index) = found else {
                continue;
            };
            let line = &definition.fields[index];
            let format = line
                .pairs()
                .find_map(|(key, value)| (key == "format").then_some(value));
            self.path.push(line.name);
            self.token(line.token, format, child)?;
            self.path.pop();
        }
        self.owner = owner;
        Ok(())
    }

    fn token(
        &mut self,
        token: &'static str,
        format: Option<&str>,
        value: &Value,
    ) -> Result<(), String> {
        if value.is_null() {
            return Ok(());
        }
        let (first, rest) = token.split_at(token.len().min(1));
        let wrong = |this: &Self| Err(this.mismatch(value, &token_type(token, format)));
        match (first, value) {
            ("@", _) => self.structure(rest, value),
            ("[", Value::Array(list)) => list
                .iter()
                .try_for_each(|item| self.token(rest, format, item)),
            ("{", Value::Object(map)) => map
                .values()
                .try_for_each(|item| self.token(rest, format, item)),
            ("y", Value::String(text)) => bytes(text),
            ("i", Value::Number(number)) => {
                let fits = if format == Some("int32") {
                    number.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
                } else {
                    number.is_i64()
                };
                if fits { Ok(()) } else { wrong(self) }
            }
            ("q", Value::Number(number)) if number.is_i64() => Ok(()),
            ("s" | "q", Value::String(_))
            | ("b", Value::Bool(_))
            | ("n", Value::Number(_))
            | ("o", Value::Object(_))
            | ("*", _) => Ok(()),
            ("q", _) => Err(format!(
                "json: cannot unmarshal {} into Go value of type int32",
                match value {
                    Value::Bool(_) => "bool",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                    _ => "number",
                }
            )),
            _ => wrong(self),
        }
    }

    fn time(&self, value: &Value, layout: &str) -> Result<(), String> {
        let Value::String(text) = value else {
            return Err(self.mismatch(value, "string"));
        };
        if text.is_empty() || text.parse::<jiff::Timestamp>().is_ok() {
            return Ok(());
        }
        Err(format!(
            "parsing time \"{text}\" as \"{layout}\": cannot parse \"{text}\" as \"2006\""
        ))
    }
}

fn quantity_text(value: &Value) -> Result<(), String> {
    const SENTENCE: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    let good = match value {
        Value::String(text) => quantity::canonical(text).is_some(),
        Value::Number(number) => quantity::canonical(&number.to_string()).is_some(),
        _ => false,
    };
    if good {
        Ok(())
    } else {
        Err(SENTENCE.to_owned())
    }
}

/// Base64, where the offset of the first bad byte is part of the sentence. The
/// value itself is not: it may be secret.
fn bytes(text: &str) -> Result<(), String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    // Go skips line breaks.
    let clean: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match STANDARD.decode(&clean) {
        Ok(_) => Ok(()),
        Err(error) => {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _)
                | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                _ => clean.len() / 4 * 4,
            };
            Err(format!("illegal base64 data at input byte {at}"))
        }
    }
}

/// What the converter says of a value that is not what Go has there.
fn unconverted(value: &Value, expected: &str) -> String {
    let kind = match value {
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
        other => golang::kind(other),
    };
    let number = |kind: &str| kind.starts_with("int") || kind.starts_with("float");
    if expected.starts_with("map[") {
        format!("cannot restore map from {kind}")
    } else if expected.starts_with("[]") {
        format!("cannot restore slice from {kind}")
    } else if expected.contains('.') {
        format!("cannot restore struct from: {kind}")
    } else if kind == "int64" && expected == "string" || number(kind) && number(expected) {
        // Go could convert these, and does not.
        format!("cannot convert {kind} to {expected}")
    } else {
        format!("unrecognized type: {expected}")
    }
}

/// A type as Go prints it: `v1.PodSpec`.
fn go_type(name: &str) -> String {
    let mut parts = name.rsplit('.');
    let kind = parts.next().unwrap_or_default();
    let package = parts.next().unwrap_or_default();
    format!("{package}.{kind}")
}

fn token_type(token: &'static str, format: Option<&str>) -> String {
    let (first, rest) = token.split_at(token.len().min(1));
    match first {
        "@" => go_type(rest),
        "[" => format!("[]{}", token_type(rest, format)),
        "{" => format!("map[string]{}", token_type(rest, format)),
        "y" => "[]uint8".to_owned(),
        "s" => "string".to_owned(),
        "i" => format.unwrap_or("int64").to_owned(),
        "n" => "float64".to_owned(),
        "b" => "bool".to_owned(),
        _ => "map[string]interface {}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mismatches_are_worded_as_go_words_them() {
        let deployment = GroupVersionKind::new("apps", "v1", "Deployment");
        let secret = GroupVersionKind::new("", "v1", "Secret");
        let pod =
            |container: Value| json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        let table = [
            (
                &deployment,
                json!({"spec": {"replicas": "3"}}),
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                &deployment,
                json!({"spec": {"replicas": 1.5}}),
                "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                &deployment,
                pod(json!({"name": 1})),
                "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string",
            ),
            (
                &deployment,
                pod(json!({"resources": {"limits": {"cpu": "x"}}})),
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ),
            (
                &deployment,
                json!({"spec": []}),
                "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec",
            ),
            (
                &deployment,
                json!({"metadata": {"labels": {"a": 1}}}),
                "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
            ),
            (
                &deployment,
                json!({"metadata": {"creationTimestamp": "x"}}),
                "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
            ),
            (
                &secret,
                json!({"data": {"a": "a*=="}}),
                "illegal base64 data at input byte 1",
            ),
        ];
        for (gvk, object, expected) in table {
            assert_eq!(check(gvk, &object).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_fits_passes() {
        let deployment = GroupVersionKind::new("apps", "v1", "Deployment");
        let object = json!({
            "metadata": {"creationTimestamp": null, "labels": {"a": "b"}},
            "spec": {"replicas": 3, "unknown": [], "template": {"spec": {"containers": [{
                "name": "c", "resources": {"limits": {"cpu": 0.5, "memory": "1Gi"}},
                "livenessProbe": {"httpGet": {"port": "http"}},
            }]}}},
        });
        assert_eq!(check(&deployment, &object), None);
    }
}
