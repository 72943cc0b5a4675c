//! What descriptions are made of: fields, lists, tables under their names.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use serde_json::Value;

use crate::cmd::resources;
use crate::ui::Table;

/// A description as it grows.
#[derive(Debug, Default)]
pub(super) struct Fields(String);

impl Fields {
    /// A field; nothing is `<none>`.
    pub(super) fn field(&mut self, name: &str, value: impl Into<String>) {
        let value: String = value.into();
        let value = if value.is_empty() { "<none>" } else { &value };
        self.0
            .push_str(&format!("{:<17}{value}\n", format!("{name}:")));
    }

    /// Values below each other.
    pub(super) fn listed(&mut self, name: &str, values: impl Iterator<Item = String>) {
        let mut first = true;
        for value in values {
            let name = if first {
                format!("{name}:")
            } else {
                String::new()
            };
            self.0.push_str(&format!("{name:<17}{value}\n"));
            first = false;
        }
        if first {
            self.field(name, "");
        }
    }

    /// A table under its name, or why there is none.
    pub(super) fn section(&mut self, name: &str, table: Result<Table, &str>) {
        match table {
            Err(why) => self.field(name, format!("cannot be read: {why}")),
            Ok(table) if table.is_empty() => self.field(name, ""),
            Ok(table) => {
                self.0.push_str(&format!("{name}:\n"));
                for line in table.render().lines() {
                    self.0.push_str(&format!("  {line}\n"));
                }
            }
        }
    }

    /// All of it, without a line break at its end.
    pub(super) fn text(self) -> String {
        self.0.trim_end().to_owned()
    }
}

/// Labels or annotations.
pub(super) fn pairs(of: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    of.iter().map(|(key, value)| format!("{key}={value}"))
}

/// The conditions of an object.
pub(super) fn conditions(data: &Value, now: Timestamp) -> Table {
    let mut table = Table::new(&["type", "status", "reason", "since", "message"]);
    for condition in entries(data, "/status/conditions") {
        let of = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        let since = of("lastTransitionTime").parse().ok();
        table.row([
            of("type"),
            of("status"),
            of("reason"),
            ago(since, now),
            of("message"),
        ]);
    }
    table
}

/// The items of a list in an object.
pub(super) fn entries<'a>(data: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let list = data.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// How long ago.
pub(super) fn ago(time: Option<Timestamp>, now: Timestamp) -> String {
    time.map(|time| resources::human(now.as_second() - time.as_second()))
        .unwrap_or_default()
}

/// Events, as they are given.
pub(super) fn events(events: &[Event], now: Timestamp) -> Table {
    let mut table = Table::new(&["last seen", "type", "reason", "message"]);
    for event in events {
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        table.row([
            ago(last_seen(event), now),
            of(&event.type_),
            of(&event.reason),
            of(&event.message),
        ]);
    }
    table
}

/// When an event was last seen, wherever that is written.
pub(crate) fn last_seen(event: &Event) -> Option<Timestamp> {
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref())
        .map(|time| time.0);
    last.or(series)
        .or(event.event_time.as_ref().map(|time| time.0))
        .or(event
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0))
}
