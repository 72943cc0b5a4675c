//! A table of HTTP exchanges: what is sent, in order, and what is kept of the
//! answers for later exchanges.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// One file of `tests/exchanges`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// What it covers, for people.
    #[expect(dead_code, reason = "read by people")]
    pub(super) about: String,
    /// In the order they are sent.
    pub(super) exchanges: Vec<Exchange>,
}

/// One request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    /// Says what is being asked; unique in its table.
    pub(super) name: String,
    /// Method and path, such as `GET /api/v1/namespaces/${ns}/configmaps`.
    #[serde(rename = "do")]
    pub(super) request: String,
    /// Further headers. Bodies are JSON unless `Content-Type` says otherwise.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// A JSON body, or the text of another one.
    #[serde(default)]
    pub(super) body: Option<Value>,
    /// Impersonated user (with the groups behind it, comma-separated).
    #[serde(default)]
    pub(super) user: Option<String>,
    /// Groups to impersonate.
    #[serde(default)]
    pub(super) groups: Vec<String>,
    /// Variables to keep: name → JSON pointer into the answer.
    #[serde(default)]
    pub(super) save: BTreeMap<String, String>,
    /// Repeated until the answer has these values: JSON pointer → value;
    /// the pointer `status` stands for the HTTP status.
    #[serde(default)]
    pub(super) until: BTreeMap<String, Value>,
    /// A watch: that many events are read.
    #[serde(default)]
    pub(super) events: Option<usize>,
    /// Only these parts of the answer are compared (JSON pointers); empty for
    /// all. For documents that name every type of a server.
    #[serde(default)]
    pub(super) only: Vec<String>,
    /// The causes may come in any order: the real server walks a Go map.
    #[serde(default)]
    pub(super) unordered: bool,
    /// The answer is not compared: it only brings about what follows.
    #[serde(default)]
    pub(super) quiet: bool,
}

/// Reads a table.
pub(super) fn read(path: &Path) -> Table {
    let text = std::fs::read_to_string(path).unwrap();
    let table: Table =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names = std::collections::BTreeSet::new();
    for exchange in &table.exchanges {
        assert!(
            names.insert(&exchange.name),
            "{}: two exchanges are named {:?}",
            path.display(),
            exchange.name
        );
    }
    table
}

/// Puts variables into a text: `${name}`.
pub(super) fn fill(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = text.to_owned();
    for (name, value) in variables {
        result = result.replace(&format!("${{{name}}}"), value);
    }
    result
}
