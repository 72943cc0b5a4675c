//! What all lists share: formats, selectors, sorting, watching.

use std::collections::BTreeMap;

use futures::StreamExt;
use kube::api::{ApiResource, ListParams};
use kube::core::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt};
use serde_json::Value;

use crate::cmd::explain::{Doing, server_error};
use crate::cmd::{CONCURRENCY, resources};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ui::tree::Node;
use crate::ui::{OutputFormat, Table, Ui, format};

/// Flags of every list.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub output: OutputFormat,

    /// Go on and print what changes, until interrupted
    #[arg(long, short)]
    pub watch: bool,

    /// Only objects with these labels
    #[arg(long, short = 'l', value_name = "LABELS")]
    pub selector: Option<String>,

    /// Only objects with these fields, as metadata.name=x
    #[arg(long, value_name = "FIELDS")]
    pub field_selector: Option<String>,

    /// Order by a field, as .metadata.creationTimestamp
    #[arg(long, value_name = "PATH", value_parser = parse_path)]
    pub sort_by: Option<Path>,
}

/// A way to a field: `.spec.clusterName`, `.status.conditions[0].status`;
/// `\.` is a dot in a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<String>);

fn parse_path(text: &str) -> Result<Path, String> {
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let inner = inner.strip_prefix('.').unwrap_or(inner);
    let mut parts = vec![String::new()];
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => parts.last_mut().map(|part| part.extend(characters.next())),
            '.' | '[' => {
                parts.push(String::new());
                None
            }
            ']' => None,
            c => parts.last_mut().map(|part| {
                part.push(c);
            }),
        };
    }
    if parts.iter().any(String::is_empty) {
        return Err("write a path such as .metadata.name".to_owned());
    }
    Ok(Path(parts))
}

impl Path {
    fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            other => other.get(part),
        })
    }
}

/// One row: the cells of every table, and those of wide ones.
pub type Row = (Vec<String>, Vec<String>);

/// Makes a row of an object.
pub type Rows<'a> = Box<dyn Fn(&DynamicObject, jiff::Timestamp) -> Row + 'a>;

/// Makes a tree of objects.
pub type Trees<'a> = Box<dyn Fn(&[DynamicObject]) -> Node + 'a>;

/// How objects of a type are shown.
pub struct View<'a> {
    /// The type.
    pub resource: ApiResource,
    /// What they are called in messages.
    pub what: &'static str,
    /// Columns of every table.
    pub headers: &'static [&'static str],
    /// Further ones of wide tables.
    pub wide: &'static [&'static str],
    /// The cells of an object.
    pub row: Rows<'a>,
    /// The tree of objects.
    pub tree: Trees<'a>,
}

impl View<'_> {
    /// A table of objects.
    #[must_use]
    pub fn table(&self, objects: &[DynamicObject], wide: bool) -> Table {
        let mut headers = self.headers.to_vec();
        if wide {
            headers.extend(self.wide);
        }
        let mut table = Table::new(&headers);
        let now = jiff::Timestamp::now();
        for object in objects {
            let (mut cells, more) = (self.row)(object, now);
            if wide {
                cells.extend(more);
            }
            table.row(cells);
        }
        table
    }
}

impl ListArgs {
    /// Wide, or a table at all.
    #[must_use]
    pub fn wide(&self) -> bool {
        self.output == OutputFormat::Wide
    }

    /// A tree.
    #[must_use]
    pub fn tree(&self) -> bool {
        self.output == OutputFormat::Tree
    }

    /// What is asked of the server.
    #[must_use]
    pub fn params(&self) -> ListParams {
        let mut params = ListParams::default();
        if let Some(labels) = &self.selector {
            params = params.labels(labels);
        }
        if let Some(fields) = &self.field_selector {
            params = params.fields(fields);
        }
        params
    }

    /// Orders by `--sort-by`, else by namespace and name.
    pub fn sort(&self, objects: &mut [DynamicObject]) {
        objects.sort_by_cached_key(|object| (object.namespace(), object.name_any()));
        let Some(path) = &self.sort_by else { return };
        objects.sort_by(|a, b| {
            let of = |object: &DynamicObject| {
                let value = serde_json::to_value(object).unwrap_or_default();
                path.find(&value).cloned()
            };
            compare(of(a).as_ref(), of(b).as_ref())
        });
    }

    /// The objects of all these APIs, asked for concurrently, ordered.
    ///
    /// # Errors
    /// What the first refused request says.
    pub async fn list(
        &self,
        hub: &Connection,
        apis: Vec<Api<DynamicObject>>,
        what: &str,
    ) -> Result<Vec<DynamicObject>, CommandError> {
        let params = self.params();
        let mut lists = futures::stream::iter(apis)
            .map(|api| {
                let params = params.clone();
                async move { hub.list_all(&api, &params).await }
            })
            .buffered(CONCURRENCY);
        let mut objects = Vec::new();
        while let Some(list) = lists.next().await {
            objects.extend(list.doing(&format!("list {what}"))?);
        }
        self.sort(&mut objects);
        Ok(objects)
    }

    /// Prints objects, in the format asked for.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn print(
        &self,
        ui: &Ui,
        view: &View<'_>,
        objects: &[DynamicObject],
        single: bool,
    ) -> Result<(), CommandError> {
        if self.output.is_structured() {
            let values: Vec<Value> = objects
                .iter()
                .map(|object| resources::printable(object, &view.resource))
                .collect();
            ui.result(&format::objects(
                self.output,
                &values,
                single,
                resources::resource_name,
            )?)?;
        } else if self.output == OutputFormat::Tree {
            ui.result(&(view.tree)(objects).render())?;
        } else {
            ui.result(&view.table(objects, self.wide()).render())?;
        }
        Ok(())
    }

    /// Prints objects, then each that changes, until interrupted.
    ///
    /// # Errors
    /// The server refuses to be watched, or stdout is closed.
    pub async fn follow(
        &self,
        hub: &Connection,
        apis: Vec<Api<DynamicObject>>,
        view: &View<'_>,
        keep: impl Fn(&DynamicObject) -> bool,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let mut config = watcher::Config::default();
        config.label_selector.clone_from(&self.selector);
        config.field_selector.clone_from(&self.field_selector);
        let mut unlisted = apis.len();
        let streams = apis
            .into_iter()
            .map(|api| watcher(api, config.clone()).default_backoff().boxed());
        let mut events = futures::stream::select_all(streams);
        let mut first: Vec<DynamicObject> = Vec::new();
        let mut widths = Vec::new();
        let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
        while let Some(event) = events.next().await {
            let (object, deleted) = match event {
                Ok(Event::Init) => continue,
                Ok(Event::InitDone) => {
                    unlisted = unlisted.saturating_sub(1);
                    if unlisted == 0 && widths.is_empty() {
                        self.sort(&mut first);
                        widths = view.table(&first, self.wide()).widths();
                        self.print_all(ui, view, &first)?;
                    }
                    continue;
                }
                Ok(Event::InitApply(object) | Event::Apply(object)) => (object, false),
                Ok(Event::Delete(object)) => (object, true),
                Err(error) => {
                    self.interrupted(hub, error, view, ui)?;
                    continue;
                }
            };
            if !keep(&object) {
                continue;
            }
            let key = format!(
                "{}/{}",
                object.namespace().unwrap_or_default(),
                object.name_any()
            );
            let version = (!deleted).then(|| object.resource_version()).flatten();
            // A watch that began again says what is known already.
            if !deleted && seen.get(&key) == Some(&version) {
                continue;
            }
            seen.insert(key, version);
            if widths.is_empty() {
                first.push(object);
            } else {
                self.print_change(ui, view, object, deleted, &widths)?;
            }
        }
        Ok(())
    }

    /// What a watch begins with. Templates see one object at a time, then and later.
    fn print_all(
        &self,
        ui: &Ui,
        view: &View<'_>,
        objects: &[DynamicObject],
    ) -> Result<(), CommandError> {
        match self.output {
            OutputFormat::JsonPath(_) => objects
                .chunks(1)
                .try_for_each(|one| self.print(ui, view, one, true)),
            _ => self.print(ui, view, objects, false),
        }
    }

    fn print_change(
        &self,
        ui: &Ui,
        view: &View<'_>,
        mut object: DynamicObject,
        deleted: bool,
        widths: &[usize],
    ) -> Result<(), CommandError> {
        if self.output.is_structured() {
            return self.print(ui, view, &[object], true);
        }
        if self.output == OutputFormat::Tree && !deleted {
            return self.print(ui, view, &[object], true);
        }
        if deleted {
            object.metadata.name = Some(format!("{} (deleted)", object.name_any()));
        }
        ui.result(&view.table(&[object], self.wide()).rows_in(widths))?;
        Ok(())
    }

    /// A watch that ended: it begins again, unless that cannot help.
    fn interrupted(
        &self,
        hub: &Connection,
        error: watcher::Error,
        view: &View<'_>,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let (watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error)) = error
        else {
            return Ok(());
        };
        let failed = hub.failed(error);
        let missing = matches!(failed.failure, crate::k8s::client::Failure::NotFound(_));
        if failed.is_final() || missing {
            return Err(server_error(failed, &format!("watch {}", view.what)));
        }
        ui.warning(&format!("the watch broke off and begins again: {failed}"));
        Ok(())
    }
}

/// Numbers as numbers, all else as text; what is missing comes first.
fn compare(a: Option<&Value>, b: Option<&Value>) -> std::cmp::Ordering {
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match (a.and_then(Value::as_f64), b.and_then(Value::as_f64)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => text(a).cmp(&text(b)),
    }
}

/// A text in an object.
#[must_use]
pub fn text(object: &DynamicObject, pointer: &str) -> String {
    match object.data.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Only the objects with these names; each name must exist.
///
/// # Errors
/// A name that does not.
pub fn only_named(
    objects: &mut Vec<DynamicObject>,
    names: &[String],
    what: &str,
    list_with: &str,
) -> Result<(), CommandError> {
    for name in names {
        if !objects.iter().any(|object| object.name_any() == *name) {
            let known: Vec<String> = objects.iter().map(ResourceExt::name_any).collect();
            let similar = crate::k8s::kubeconfig::nearest(name, known.iter().map(String::as_str));
            return Err(CommandError::user(format!("there is no {what} {name:?}"))
                .hint_if(similar.map(|name| format!("did you mean {name:?}?")))
                .hint(format!(
                    "`{} get {list_with}` lists them",
                    crate::cmd::program()
                )));
        }
    }
    if !names.is_empty() {
        objects.retain(|object| names.contains(&object.name_any()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, count: i64) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "X",
            "metadata": {"name": name, "labels": {"a.b/c": name}},
            "spec": {"count": count},
        }))
        .unwrap()
    }

    #[test]
    fn paths_are_read_as_kubectl_reads_them() {
        let parts = |text: &str| parse_path(text).map(|path| path.0);
        assert_eq!(parts(".metadata.name").unwrap(), ["metadata", "name"]);
        assert_eq!(parts("{.a[0].b}").unwrap(), ["a", "0", "b"]);
        assert_eq!(parts(r".labels.a\.b/c").unwrap(), ["labels", "a.b/c"]);
        assert!(parts("").is_err() && parts("..a").is_err());
    }

    #[test]
    fn objects_are_ordered_by_name_or_by_a_field() {
        let mut objects = [object("b", 10), object("c", 9), object("a", 100)];
        let names = |objects: &[DynamicObject]| {
            let names: Vec<String> = objects.iter().map(ResourceExt::name_any).collect();
            names.concat()
        };
        let mut args = ListArgs::default();
        args.sort(&mut objects);
        assert_eq!(names(&objects), "abc");
        args.sort_by = Some(parse_path(".spec.count").unwrap());
        args.sort(&mut objects);
        assert_eq!(names(&objects), "cba");
        args.sort_by = Some(parse_path(r".metadata.labels.a\.b/c").unwrap());
        args.sort(&mut objects);
        assert_eq!(names(&objects), "abc");
    }
}
