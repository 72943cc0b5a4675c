//! ManifestWorks as input: what they hold is sent, as it stands in them.

use serde_json::{Map, Value};

use crate::error::CommandError;
use crate::k8s::yaml::Manifest;
use crate::ui::Ui;

const GROUP: &str = "work.open-cluster-management.io/";

/// Puts the manifests that ManifestWorks hold in place of them. Of a work that is
/// the whole input, the other settings of its spec are returned.
///
/// # Errors
/// A ManifestWork that holds no list of manifests.
pub(super) fn works(
    manifests: &mut Vec<Manifest>,
    ui: &Ui,
) -> Result<Map<String, Value>, CommandError> {
    let mut settings = Map::new();
    let alone = manifests.len() == 1;
    let mut out = Vec::with_capacity(manifests.len());
    for manifest in manifests.drain(..) {
        if !is_work(&manifest.object) {
            out.push(manifest);
            continue;
        }
        let place = manifest.place();
        let held = manifest.object.pointer("/spec/workload/manifests");
        let Some(held) = held.and_then(Value::as_array) else {
            return Err(CommandError::user(format!(
                "{place}: this ManifestWork holds no manifests"
            ))
            .hint("--unwrap=false sends it as it is"));
        };
        let mut others = match &manifest.object["spec"] {
            Value::Object(spec) => spec.clone(),
            _ => Map::new(),
        };
        others.remove("workload");
        ui.status(&format!(
            "{place}: the {} manifests of the ManifestWork are sent, not the ManifestWork itself \
             (--unwrap=false sends that)",
            held.len()
        ));
        out.extend(held.iter().map(|object| Manifest {
            object: object.clone(),
            file: manifest.file.clone(),
            line: manifest.line,
        }));
        if alone {
            settings = others;
        } else if !others.is_empty() {
            let others: Vec<&str> = others.keys().map(String::as_str).collect();
            ui.warning(&format!(
                "{place}: of several inputs, what else the ManifestWork says is left out: {}",
                others.join(", ")
            ));
        }
    }
    *manifests = out;
    Ok(settings)
}

fn is_work(object: &Value) -> bool {
    object["kind"] == "ManifestWork"
        && object["apiVersion"]
            .as_str()
            .is_some_and(|v| v.starts_with(GROUP))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(object: Value) -> Manifest {
        Manifest {
            object,
            file: "f".to_owned(),
            line: 1,
        }
    }

    fn work() -> Manifest {
        manifest(
            json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
            "metadata": {"name": "w"}, "spec": {"deleteOption": {"propagationPolicy": "Orphan"},
            "workload": {"manifests": [{"kind": "A"}, {"kind": "B"}]}}}),
        )
    }

    #[test]
    fn a_work_alone_keeps_its_settings_among_others_it_does_not() {
        let ui = Ui::captured();
        let mut alone = vec![work()];
        let settings = works(&mut alone, &ui).unwrap();
        assert_eq!(settings["deleteOption"]["propagationPolicy"], "Orphan");
        assert_eq!(alone.len(), 2);
        let mut mixed = vec![manifest(json!({"kind": "ConfigMap"})), work()];
        assert!(works(&mut mixed, &ui).unwrap().is_empty());
        let kinds: Vec<_> = mixed.iter().map(|m| m.object["kind"].clone()).collect();
        assert_eq!(kinds, ["ConfigMap", "A", "B"]);
        assert!(ui.take_captured().stderr.contains("left out: deleteOption"));
        let mut empty = vec![manifest(
            json!({"apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork", "spec": {}}),
        )];
        assert!(works(&mut empty, &ui).is_err());
    }
}
