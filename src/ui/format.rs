//! Output formats. `json` and `yaml` print API objects, never table rows;
//! several objects become a `v1` List, as with kubectl.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

/// The value of `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Table,
    /// For people with wide terminals.
    Wide,
    /// JSON of the API objects.
    Json,
    /// YAML of the API objects.
    Yaml,
    /// `resource.group/name` lines.
    Name,
    /// For people: what belongs to what.
    Tree,
}

impl OutputFormat {
    /// Every value, as it is written.
    pub const NAMES: [&'static str; 6] = ["table", "wide", "tree", "json", "yaml", "name"];

    /// Whether a program is meant to read it.
    #[must_use]
    pub fn is_structured(self) -> bool {
        matches!(self, Self::Json | Self::Yaml | Self::Name)
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Name => "name",
            Self::Tree => "tree",
        })
    }
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            // Scripts of clusteradm pass `text`: for people.
            "table" | "text" | "" => Ok(Self::Table),
            "tree" => Ok(Self::Tree),
            "wide" => Ok(Self::Wide),
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            "name" => Ok(Self::Name),
            other => Err(format!(
                "unknown output format {other:?}; valid are {}",
                Self::NAMES.join(", ")
            )),
        }
    }
}

/// One API object, or the given ones as a List, in a structured format.
/// `resource_names` gives each object's `resource.group/name`.
#[must_use]
pub fn objects(
    format: OutputFormat,
    objects: &[Value],
    single: bool,
    resource_name: impl Fn(&Value) -> String,
) -> String {
    match format {
        OutputFormat::Name => objects.iter().map(|o| resource_name(o) + "\n").collect(),
        _ => match objects {
            [one] if single => document(format, one),
            many => document(
                format,
                &json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": many}),
            ),
        },
    }
}

/// Any value as JSON (indented by two, line ended) or YAML.
#[must_use]
pub fn document(format: OutputFormat, value: &Value) -> String {
    match format {
        OutputFormat::Yaml => yaml(value),
        _ => {
            // A Value always serialises.
            let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
            text.push('\n');
            text
        }
    }
}

/// A value as YAML, its last line ended.
#[must_use]
pub fn yaml(value: &Value) -> String {
    let mut text = serde_saphyr::to_string(value).unwrap_or_default();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(object: &Value) -> String {
        format!("things/{}", object["metadata"]["name"].as_str().unwrap())
    }

    #[test]
    fn one_asked_for_by_name_is_itself_and_many_are_a_list() {
        let one = json!({"kind": "Thing", "metadata": {"name": "a"}});
        let single = objects(OutputFormat::Json, std::slice::from_ref(&one), true, name);
        assert_eq!(serde_json::from_str::<Value>(&single).unwrap(), one);
        let list = objects(OutputFormat::Json, std::slice::from_ref(&one), false, name);
        let list: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list["kind"], "List");
        assert_eq!(list["items"][0], one);
        let names = objects(OutputFormat::Name, &[one.clone(), one], false, name);
        assert_eq!(names, "things/a\nthings/a\n");
    }

    #[test]
    fn yaml_reads_back_as_it_was() {
        let value = json!({"a": "yes", "n": "0644", "m": {"x": [1, true, null, "true"]}, "t": "line\nline\n"});
        let text = yaml(&value);
        let back: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(back, value, "{text}");
    }

    #[test]
    fn formats_round_trip_and_unknown_ones_list_the_valid() {
        for name in OutputFormat::NAMES {
            assert_eq!(name.parse::<OutputFormat>().unwrap().to_string(), name);
        }
        let error = "xml".parse::<OutputFormat>().unwrap_err();
        assert!(
            error.contains("table, wide, tree, json, yaml, name"),
            "{error}"
        );
    }
}
