//! Values files of clusteradm's charts, as far as they choose what is installed:
//! YAML that is laid over what the flags say.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cmd::components::read;
use crate::error::CommandError;
use crate::k8s::yaml;
use crate::ocm::releases::Images;
use crate::ui::Ui;

/// The content of a values file, and what of it has been used.
pub struct Values {
    path: String,
    rest: Map<String, Value>,
}

impl Values {
    /// Reads the file; no file has no values.
    ///
    /// # Errors
    /// It cannot be read, is no YAML, or no mapping.
    pub fn of(path: Option<&Path>) -> Result<Self, CommandError> {
        let Some(path) = path else {
            return Ok(Self {
                path: String::new(),
                rest: Map::new(),
            });
        };
        let name = path.display().to_string();
        let mut documents = yaml::documents(&name, &read(path)?)
            .map_err(|error| CommandError::user(error.to_string()))?;
        let rest = match (documents.pop(), documents.is_empty()) {
            (Some((_, Value::Object(rest))), true) => rest,
            (None, _) => Map::new(),
            _ => {
                return Err(
                    CommandError::user(format!("{name} is no values file of a chart"))
                        .hint("it is one YAML mapping, with keys such as images"),
                );
            }
        };
        Ok(Self { path: name, rest })
    }

    /// A switch, if the file has it.
    ///
    /// # Errors
    /// It is neither true nor false.
    pub fn switch(&mut self, key: &str) -> Result<Option<bool>, CommandError> {
        match self.rest.remove(key) {
            None => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(on)),
            Some(_) => Err(self.wrong(key, "is true or false")),
        }
    }

    /// A text, if the file has it.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, CommandError> {
        match self.rest.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok((!text.is_empty()).then_some(text)),
            Some(_) => Err(self.wrong(key, "is a text")),
        }
    }

    /// What the file says under a key, if it says something.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.rest.remove(key)
    }

    /// Registry and tag.
    ///
    /// # Errors
    /// They are no texts.
    pub fn images(&mut self, images: &mut Images) -> Result<(), CommandError> {
        let Some(value) = self.rest.remove("images") else {
            return Ok(());
        };
        for (key, place) in [("registry", &mut images.registry), ("tag", &mut images.tag)] {
            match &value[key] {
                Value::Null => {}
                Value::String(text) => *place = text.trim_end_matches('/').to_owned(),
                _ => return Err(self.wrong(&format!("images.{key}"), "is a text")),
            }
        }
        Ok(())
    }

    /// Lays what the file says under `key` over `spec`.
    ///
    /// # Errors
    /// The result is no such spec; the field is named.
    pub fn lay<T: Serialize + DeserializeOwned>(
        &mut self,
        key: &str,
        spec: &mut T,
    ) -> Result<(), CommandError> {
        let Some(over) = self.rest.remove(key) else {
            return Ok(());
        };
        let internal = |error| CommandError::internal("a spec could not be read").because(error);
        let mut value = serde_json::to_value(&*spec).map_err(internal)?;
        json_patch::merge(&mut value, &over);
        *spec = serde_json::from_value(value).map_err(|error| {
            CommandError::user(format!("{}: {key} cannot be used", self.path)).because(error)
        })?;
        Ok(())
    }

    /// Says which keys had no effect.
    pub fn finish(self, ui: &Ui) {
        let rest: Vec<&str> = self.rest.keys().map(String::as_str).collect();
        if !rest.is_empty() {
            ui.warning(&format!(
                "{}: no effect here: {}",
                self.path,
                rest.join(", ")
            ));
        }
    }

    fn wrong(&self, key: &str, what: &str) -> CommandError {
        CommandError::user(format!("{}: {key} {what}", self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocm::operator::v1::KlusterletSpec;

    fn values(text: &str) -> Result<Values, CommandError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("values.yaml");
        std::fs::write(&path, text).unwrap();
        Values::of(Some(&path))
    }

    #[test]
    fn values_lie_over_what_flags_say() {
        let mut file = values(
            "images: {registry: r/, tag: v9}\nenableSyncLabels: true\nklusterlet:\n  workConfiguration: {hubKubeAPIQPS: 7}\n",
        )
        .unwrap();
        let mut images = Images::default();
        file.images(&mut images).unwrap();
        assert_eq!(images.work(), "r/work:v9");
        assert_eq!(file.switch("enableSyncLabels").unwrap(), Some(true));
        assert_eq!(file.switch("createNamespace").unwrap(), None);
        let mut spec = KlusterletSpec {
            cluster_name: Some("c".to_owned()),
            ..KlusterletSpec::default()
        };
        file.lay("klusterlet", &mut spec).unwrap();
        assert_eq!(spec.cluster_name.as_deref(), Some("c"));
        assert_eq!(spec.work_configuration.unwrap().hub_kube_api_qps, Some(7));
        assert!(file.rest.is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert!(values("- a").is_err());
        assert!(values("a: {").is_err());
        let mut file = values("enableSyncLabels: 3\nklusterlet: {clusterName: [1]}").unwrap();
        let error = file.switch("enableSyncLabels").unwrap_err();
        assert!(
            error
                .message()
                .ends_with("enableSyncLabels is true or false")
        );
        let error = file
            .lay("klusterlet", &mut KlusterletSpec::default())
            .unwrap_err();
        assert!(error.message().ends_with("klusterlet cannot be used"));
    }
}
