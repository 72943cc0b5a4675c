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
    /// The heading of the embedded server's design that it belongs under.
    pub(super) under: Heading,
    /// In the order they are sent.
    pub(super) exchanges: Vec<Exchange>,
}

/// What the embedded server promises, by subject.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub(super) enum Heading {
    Store,
    Verbs,
    Types,
    Discovery,
    #[serde(rename = "Who may what")]
    Access,
    Loops,
}

impl Heading {
    /// As it is printed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Store => "Store",
            Self::Verbs => "Verbs",
            Self::Types => "Types",
            Self::Discovery => "Discovery",
            Self::Access => "Who may what",
            Self::Loops => "Loops",
        }
    }
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
    /// Sent with this bearer token, and with nothing of the administrator's.
    #[serde(default)]
    pub(super) token: Option<String>,
    /// Sent with no credentials at all.
    #[serde(default)]
    pub(super) anonymous: bool,
    /// Variables to keep: name → JSON pointer into the answer, behind `base64:`
    /// when what is there is to be decoded.
    #[serde(default)]
    pub(super) save: BTreeMap<String, String>,
    /// Repeated until the answer has these values: JSON pointer → value;
    /// the pointer `status` stands for the HTTP status.
    #[serde(default)]
    pub(super) until: BTreeMap<String, Value>,
    /// Repeated until the answer has something there (JSON pointer).
    #[serde(default)]
    pub(super) present: Option<String>,
    /// A watch: that many events are read.
    #[serde(default)]
    pub(super) events: Option<usize>,
    /// Only these parts of the answer are compared (JSON pointers); empty for
    /// all. For documents that name every type of a server.
    #[serde(default)]
    pub(super) only: Vec<String>,
    /// A certificate there (JSON pointer) is compared by what it says.
    #[serde(default)]
    pub(super) certificate: Option<String>,
    /// Of a list there (JSON pointer), only the element with these values (JSON
    /// pointers into it) is compared.
    #[serde(default)]
    pub(super) pick: BTreeMap<String, BTreeMap<String, Value>>,
    /// Keys that are left out everywhere: prose that is our own.
    #[serde(default)]
    pub(super) drop: Vec<String>,
    /// Why a refusal is compared without its message, if it is.
    #[serde(default)]
    pub(super) why: Option<String>,
    /// Causes and rules may come in any order: the real server walks a Go map.
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

/// Every refusal is compared with its message, or says why not.
pub(super) fn check_refusals(name: &str, table: &Table, recorded: &BTreeMap<String, Value>) {
    for exchange in &table.exchanges {
        let refused = recorded
            .get(&exchange.name)
            .and_then(|answer| answer["status"].as_u64())
            .is_some_and(|status| status >= 400);
        let worded = exchange.only.is_empty() || exchange.only.iter().any(|at| at == "/message");
        assert!(
            !refused || worded || exchange.why.is_some(),
            "{name}: {:?} is refused and compared without its message: say `why`",
            exchange.name
        );
    }
}

/// Puts variables into a text: `${name}`.
pub(super) fn fill(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = text.to_owned();
    for (name, value) in variables {
        result = result.replace(&format!("${{{name}}}"), value);
    }
    result
}
