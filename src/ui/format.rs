//! Output formats. `json` and `yaml` print API objects, never table rows;
//! several objects become a `v1` List, as with kubectl.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use super::Table;
use super::jsonpath::{self, Path, Template};

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
    /// What a template makes of the object or List. Templates come from the
    /// command line and live as long as the process.
    JsonPath(&'static Template),
    /// A table of the columns asked for.
    Columns(&'static [(String, Path)]),
}

impl OutputFormat {
    /// Every value, as it is written.
    pub const NAMES: [&'static str; 8] = [
        "table",
        "wide",
        "tree",
        "json",
        "yaml",
        "name",
        "jsonpath=TEMPLATE",
        "custom-columns=HEADER:PATH,…",
    ];

    /// Whether the objects themselves are printed, and nothing is added.
    #[must_use]
    pub fn is_structured(self) -> bool {
        !matches!(self, Self::Table | Self::Wide | Self::Tree)
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
            Self::JsonPath(_) => "jsonpath",
            Self::Columns(_) => "custom-columns",
        })
    }
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let given = |prefix| text.strip_prefix(prefix);
        if let Some(template) = given("jsonpath=") {
            let template = Template::parse(template)
                .map_err(|error| format!("the template cannot be read: {error}"))?;
            return Ok(Self::JsonPath(Box::leak(Box::new(template))));
        }
        if let Some(columns) = given("custom-columns=") {
            return Ok(Self::Columns(columns_of(columns)?.leak()));
        }
        match text {
            // Scripts of clusteradm pass `text`: for people.
            "table" | "text" | "" => Ok(Self::Table),
            "tree" => Ok(Self::Tree),
            "wide" => Ok(Self::Wide),
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            "name" => Ok(Self::Name),
            "jsonpath" => Err("write jsonpath='{.metadata.name}'".to_owned()),
            "custom-columns" => Err("write custom-columns=NAME:.metadata.name".to_owned()),
            other => Err(format!(
                "unknown output format {other:?}; valid are {}",
                Self::NAMES.join(", ")
            )),
        }
    }
}

/// `NAME:.metadata.name,SET:.metadata.labels.set`; commas within brackets and
/// quotes belong to the path.
fn columns_of(text: &str) -> Result<Vec<(String, Path)>, String> {
    let mut depth = 0_i32;
    text.split(|c: char| {
        depth += match c {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    })
    .map(|column| {
        let (header, path) = column
            .split_once(':')
            .filter(|(header, path)| !header.is_empty() && !path.is_empty())
            .ok_or_else(|| format!("{column:?} is no column: write NAME:.metadata.name"))?;
        Ok((header.to_owned(), jsonpath::relaxed(path)?))
    })
    .collect()
}

/// One API object, or the given ones as a List, in a structured format.
/// `resource_names` gives each object's `resource.group/name`.
///
/// # Errors
/// What a template or column does not find: an index outside its list.
pub fn objects(
    format: OutputFormat,
    objects: &[Value],
    single: bool,
    resource_name: impl Fn(&Value) -> String,
) -> Result<String, TemplateError> {
    match format {
        OutputFormat::Name => Ok(objects.iter().map(|o| resource_name(o) + "\n").collect()),
        OutputFormat::Columns(columns) => table(columns, objects),
        _ => match objects {
            [one] if single => document(format, one),
            many => document(
                format,
                &json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": many}),
            ),
        },
    }
}

/// A template and an object do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

/// Any value as JSON (indented by two, line ended), YAML or what a template
/// makes of it.
///
/// # Errors
/// What a template or column does not find: an index outside its list.
pub fn document(format: OutputFormat, value: &Value) -> Result<String, TemplateError> {
    match format {
        OutputFormat::Yaml => Ok(yaml(value)),
        OutputFormat::JsonPath(template) => template.render(value).map_err(TemplateError),
        OutputFormat::Columns(columns) => table(columns, std::slice::from_ref(value)),
        _ => {
            // A Value always serialises.
            let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
            text.push('\n');
            Ok(text)
        }
    }
}

fn table(columns: &[(String, Path)], objects: &[Value]) -> Result<String, TemplateError> {
    let headers: Vec<&str> = columns.iter().map(|(header, _)| header.as_str()).collect();
    let mut table = Table::new(&headers);
    for object in objects {
        let mut cells = Vec::new();
        for (_, path) in columns {
            let found = path.find(object).map_err(TemplateError)?;
            let texts: Vec<String> = found.iter().map(jsonpath::text).collect();
            cells.push(match texts.is_empty() {
                true => "<none>".to_owned(),
                false => texts.join(","),
            });
        }
        table.row(cells);
    }
    Ok(table.render())
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
        let objects = |format, objects: &[Value], single| {
            super::objects(format, objects, single, name).unwrap()
        };
        let single = objects(OutputFormat::Json, std::slice::from_ref(&one), true);
        assert_eq!(serde_json::from_str::<Value>(&single).unwrap(), one);
        let list = objects(OutputFormat::Json, std::slice::from_ref(&one), false);
        let list: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list["kind"], "List");
        assert_eq!(list["items"][0], one);
        let names = objects(OutputFormat::Name, &[one.clone(), one], false);
        assert_eq!(names, "things/a\nthings/a\n");
    }

    #[test]
    fn columns_and_templates_see_every_object() {
        let things = [
            json!({"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "l": [1, {"k": 2}]}),
            json!({"metadata": {"name": "b"}, "l": []}),
        ];
        let print = |format: &str| {
            let format: OutputFormat = format.parse().unwrap();
            assert!(format.is_structured());
            objects(format, &things, false, name)
        };
        assert_eq!(
            print(r"custom-columns=NAME:.metadata.name,Z:.metadata.labels.x\.y/z,ALL:.l[*]")
                .as_deref(),
            Ok("NAME   Z        ALL\na      1        1,{\"k\":2}\nb      <none>   <none>\n")
        );
        assert_eq!(
            print("jsonpath={.items[*].metadata.name}").as_deref(),
            Ok("a b")
        );
        assert!(
            print("jsonpath={.items[2]}")
                .unwrap_err()
                .to_string()
                .contains("length 2")
        );
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
        for name in &OutputFormat::NAMES[..6] {
            assert_eq!(name.parse::<OutputFormat>().unwrap().to_string(), *name);
        }
        for wrong in [
            "jsonpath",
            "jsonpath={",
            "custom-columns",
            "custom-columns=NAME",
            "custom-columns=A:{.a}{.b}",
        ] {
            assert!(wrong.parse::<OutputFormat>().is_err(), "{wrong}");
        }
        let error = "xml".parse::<OutputFormat>().unwrap_err();
        assert!(
            error.contains("table, wide, tree, json, yaml, name"),
            "{error}"
        );
    }
}
