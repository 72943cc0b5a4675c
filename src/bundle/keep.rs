//! Objects that are kept as they should be: applied when they differ, left
//! alone while nothing changed, and definitions of a newer version never
//! touched.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::{Api, Client, ResourceExt};
use semver::Version;

use super::BundleError;
use crate::k8s::apply::{Applier, ApplyError, ObjectRef};
use crate::k8s::discovery::Discovery;
use crate::ocm::names;

/// What is known of a live object without reading all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Which object it is.
    pub uid: String,
    /// Changes when the object does: its generation, or its resourceVersion
    /// where the kind has no generations.
    pub mark: String,
    /// Whether it is being deleted.
    pub deleting: bool,
}

impl Seen {
    /// Reads metadata.
    pub fn of(object: &DynamicObject) -> Self {
        Self {
            uid: object.uid().unwrap_or_default(),
            mark: mark(object),
            deleting: object.metadata.deletion_timestamp.is_some(),
        }
    }
}

fn mark(object: &DynamicObject) -> String {
    match object.metadata.generation {
        Some(generation) => generation.to_string(),
        None => object.resource_version().unwrap_or_default(),
    }
}

/// Why objects could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The objects cannot be made.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The server refused one, or is away.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A definition cannot be read, or not be created.
    #[error("cannot get definition {name}")]
    Read {
        /// The definition.
        name: String,
        /// Why not.
        source: Box<kube::Error>,
    },
}

/// Creates definitions that nobody has installed; those that are there, whoever
/// made them, are left alone.
///
/// # Errors
/// The server refuses, or is away.
pub async fn install_missing(
    client: &Client,
    objects: Vec<DynamicObject>,
) -> Result<(), KeepError> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &definitions());
    for object in objects {
        let name = object.name_any();
        let failed = |source| KeepError::Read {
            name: name.clone(),
            source: Box::new(source),
        };
        if api.get_metadata_opt(&name).await.map_err(failed)?.is_some() {
            continue;
        }
        match api.create(&PostParams::default(), &object).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            created => drop(created.map_err(failed)?),
        }
    }
    Ok(())
}

/// What was applied last, and for which input.
struct Remembered {
    input: String,
    objects: HashMap<ObjectRef, (String, String)>,
}

/// Keeps one list of objects.
pub struct Keeper {
    client: Client,
    applier: Applier,
    last: Mutex<Option<Remembered>>,
}

impl Keeper {
    /// Applies as the field manager `manager`.
    pub fn new(client: Client, manager: &str) -> Self {
        let applier = Applier::new(client.clone(), Discovery::new(client.clone()), manager);
        Self {
            client,
            applier,
            last: Mutex::new(None),
        }
    }

    /// What applies and deletes.
    pub fn applier(&self) -> &Applier {
        &self.applier
    }

    /// Applies what `load` gives, unless the same was applied for the same
    /// `input` and `seen` still shows it untouched.
    ///
    /// # Errors
    /// The first object that could not be applied.
    pub async fn keep(
        &self,
        input: &str,
        seen: impl Fn(&ObjectRef) -> Option<Seen>,
        load: impl FnOnce() -> Result<Vec<DynamicObject>, BundleError>,
    ) -> Result<(), KeepError> {
        if self.untouched(input, &seen) {
            return Ok(());
        }
        let mut objects = Vec::new();
        for mut object in load()? {
            if is_definition(&object) {
                if self.is_newer(&object).await? {
                    tracing::info!(name = %object.name_any(), "a newer version of the definition is there: left alone");
                    continue;
                }
                stamp(&mut object);
            }
            objects.push(object);
        }
        let applied = self.applier.apply(&objects, |_| {}).await?;
        for one in &applied {
            tracing::debug!(object = %one.object, outcome = %one.outcome, "applied");
        }
        let objects = applied
            .into_iter()
            .map(|one| {
                let seen = Seen::of(&one.live);
                (one.object, (seen.uid, seen.mark))
            })
            .collect();
        *self.last() = Some(Remembered {
            input: input.to_owned(),
            objects,
        });
        Ok(())
    }

    /// Forgets what was applied, so that the next time applies everything.
    pub fn forget(&self) {
        *self.last() = None;
    }

    fn untouched(&self, input: &str, seen: &impl Fn(&ObjectRef) -> Option<Seen>) -> bool {
        let last = self.last();
        let Some(last) = last.as_ref().filter(|last| last.input == input) else {
            return false;
        };
        last.objects.iter().all(|(object, (uid, mark))| {
            seen(object)
                .is_some_and(|seen| seen.uid == *uid && seen.mark == *mark && !seen.deleting)
        })
    }

    async fn is_newer(&self, definition: &DynamicObject) -> Result<bool, KeepError> {
        let name = definition.name_any();
        let resource = definitions();
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let live = api
            .get_metadata_opt(&name)
            .await
            .map_err(|source| KeepError::Read {
                name: name.clone(),
                source: Box::new(source),
            })?;
        let theirs = live.and_then(|live| {
            live.annotations()
                .get(names::ANNOTATION_OPERATOR_VERSION)
                .cloned()
        });
        Ok(newer(theirs.as_deref(), env!("CARGO_PKG_VERSION")))
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Remembered>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The resource of definitions.
pub fn definitions() -> ApiResource {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    ApiResource::erase::<CustomResourceDefinition>(&())
}

fn is_definition(object: &DynamicObject) -> bool {
    object
        .types
        .as_ref()
        .is_some_and(|types| types.kind == "CustomResourceDefinition")
}

fn stamp(object: &mut DynamicObject) {
    object.annotations_mut().insert(
        names::ANNOTATION_OPERATOR_VERSION.to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
}

/// Whether a version that is there is newer than ours. One that cannot be read
/// is not.
fn newer(theirs: Option<&str>, ours: &str) -> bool {
    let parse = |text: &str| Version::parse(text.trim_start_matches('v')).ok();
    match (theirs.and_then(parse), parse(ours)) {
        (Some(theirs), Some(ours)) => theirs > ours,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operator_18_only_a_newer_version_is_left_alone() {
        for (theirs, expected) in [
            (None, false),
            (Some(""), false),
            (Some("latest"), false),
            (Some("0.0.9"), false),
            (Some("0.1.0"), false),
            (Some("0.1.1"), true),
            (Some("v1.3.1"), true),
        ] {
            assert_eq!(newer(theirs, "0.1.0"), expected, "{theirs:?}");
        }
    }
}
