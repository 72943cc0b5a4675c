//! Carries out the update strategy of one manifest.

use std::time::Duration;

use kube::Client;
use serde_json::Value;

use super::config::Settings;
use super::content;
use super::manifest::Decoded;
use super::model::{FIELD_MANAGER, ServerSideApply};
use super::owner::Owner;
use super::rest::{PatchKind, Rest, RestError};
use super::ssa;
use super::status::Failure;
use super::update::{self, Before, Settled, Write};

/// How often a conflicting write is tried in all.
const TRIES: usize = 4;
/// When a manifest whose fields belong to another manager is tried again.
const CONFLICT_RETRY: Duration = Duration::from_secs(240);

/// What is remembered of a manifest between two looks at it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What came out of the last write.
    pub settled: Option<Settled>,
    /// An earlier process applied this very manifest.
    pub applied_before: bool,
    /// Generation and metadata after the last server-side apply.
    applied_state: Option<(i64, u64)>,
}

impl Memory {
    fn before(&self) -> Before {
        match self.settled {
            Some(settled) => Before::Settled(settled),
            None if self.applied_before => Before::Applied,
            None => Before::Unknown,
        }
    }
}

/// What is known of the resource afterwards.
#[derive(Debug)]
pub enum Live {
    /// It exists.
    Exists(Box<Value>),
    /// It does not.
    Missing,
    /// It could not be read.
    Unknown(String),
}

/// When to try again without any change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not at all.
    No,
    /// Soon, then less and less often.
    Backoff,
    /// After this long.
    After(Duration),
}

/// What came out.
#[derive(Debug)]
pub struct Outcome {
    /// Whether the manifest is applied.
    pub applied: Result<(), Failure>,
    /// The resource.
    pub live: Live,
    /// When to try again.
    pub retry: Retry,
    /// Something was written.
    pub wrote: bool,
}

impl Outcome {
    fn ok(live: Option<Value>, wrote: bool) -> Self {
        Self {
            applied: Ok(()),
            live: live.map_or(Live::Missing, |v| Live::Exists(Box::new(v))),
            retry: Retry::No,
            wrote,
        }
    }
}

/// One manifest and what its work says of it.
pub struct Task<'a> {
    /// The manifest.
    pub decoded: &'a Decoded,
    /// The settings that are for it.
    pub settings: Settings<'a>,
    /// The work owns the resource.
    pub owned: bool,
    /// Owner of resources.
    pub owner: &'a Owner,
    /// Nothing was recorded of the resource yet: it probably has to be created.
    pub fresh: bool,
}

impl Task<'_> {
    /// Applies the manifest.
    pub async fn apply(&self, client: &Client, memory: &mut Memory) -> Outcome {
        let mapping = match &self.decoded.mapping {
            Ok(mapping) => mapping,
            Err(message) => return self.refused(message),
        };
        let rest = Rest::new(client, mapping, &self.decoded.meta.namespace);
        let strategy = self.settings.strategy;
        let result = match strategy.map_or("Update", |s| s.kind.as_str()) {
            "ReadOnly" => self.look(&rest).await,
            "CreateOnly" => self.create_only(&rest).await,
            "ServerSideApply" => {
                let options = strategy.and_then(|s| s.server_side_apply.as_ref());
                return self.server_side(&rest, options, memory).await;
            }
            _ => self.update(&rest, memory).await,
        };
        match result {
            Ok(outcome) => outcome,
            Err(error) => {
                self.failed(&rest, Failure::apply(&error), Retry::Backoff)
                    .await
            }
        }
    }

    /// Only looks at the resource; `applied` is what was known before.
    pub async fn observe(&self, client: &Client, applied: Result<(), Failure>) -> Outcome {
        let mapping = match &self.decoded.mapping {
            Ok(mapping) => mapping,
            Err(message) => return self.refused(message),
        };
        let rest = Rest::new(client, mapping, &self.decoded.meta.namespace);
        Outcome {
            applied,
            live: live(rest.get(&self.decoded.meta.name).await),
            retry: Retry::No,
            wrote: false,
        }
    }

    /// Who keeps the resource from being what the manifest says, as far as the
    /// resource shows; `None` when it is as it should be.
    pub fn contested(&self, live: &Value, memory: &Memory) -> Option<String> {
        let decided = update::decide(
            &self.decoded.object,
            Some(live),
            self.owner,
            self.owned,
            memory.before(),
        );
        if !matches!(decided, Ok(Write::Replace(_) | Write::Recreate(_))) {
            return None;
        }
        let others = self.owner.other_works(live);
        Some(if others.is_empty() {
            "somebody changes it again and again; it is corrected less and less often".to_owned()
        } else {
            format!(
                "the work {} applies it too, with another content: take it out of one of them",
                others.join(" and the work ")
            )
        })
    }

    /// Not applied because of `failure`; the resource may exist nevertheless.
    pub async fn not_applied(&self, client: &Client, failure: Failure, retry: Retry) -> Outcome {
        match &self.decoded.mapping {
            Ok(mapping) => {
                let rest = Rest::new(client, mapping, &self.decoded.meta.namespace);
                self.failed(&rest, failure, retry).await
            }
            Err(message) => self.refused(message),
        }
    }

    fn refused(&self, message: &str) -> Outcome {
        Outcome {
            applied: Err(Failure::apply(message)),
            live: Live::Unknown(message.to_owned()),
            retry: Retry::Backoff,
            wrote: false,
        }
    }

    async fn failed(&self, rest: &Rest, failure: Failure, retry: Retry) -> Outcome {
        Outcome {
            applied: Err(failure),
            live: live(rest.get(&self.decoded.meta.name).await),
            retry,
            wrote: false,
        }
    }

    async fn look(&self, rest: &Rest) -> Result<Outcome, RestError> {
        // Read-only manifests are applied whatever there is.
        Ok(Outcome {
            applied: Ok(()),
            live: live(rest.get(&self.decoded.meta.name).await),
            retry: Retry::No,
            wrote: false,
        })
    }

    async fn create_only(&self, rest: &Rest) -> Result<Outcome, RestError> {
        let name = &self.decoded.meta.name;
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = match rest.get(name).await? {
                None => {
                    let object = update::created(&self.decoded.object, self.owner, self.owned);
                    rest.create(&object).await
                }
                Some(live) => match update::owner_patch(&live, self.owner, self.owned) {
                    None => return Ok(Outcome::ok(Some(live), false)),
                    Some(patch) => rest.patch(name, PatchKind::Merge, &patch).await,
                },
            };
            match answer {
                Ok(live) => return Ok(Outcome::ok(Some(live), true)),
                Err(error) if error.code() == 409 && tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn update(&self, rest: &Rest, memory: &mut Memory) -> Result<Outcome, RestError> {
        let name = &self.decoded.meta.name;
        let manifest = &self.decoded.object;
        let mut known: Option<Option<Value>> = self.fresh.then_some(None);
        let mut tries = 0;
        loop {
            tries += 1;
            let live = match known.take() {
                Some(live) => live,
                None => rest.get(name).await?,
            };
            let write = update::decide(
                manifest,
                live.as_ref(),
                self.owner,
                self.owned,
                memory.before(),
            )
            .map_err(|message| RestError::Build(message.into()))?;
            let answer = match write {
                Write::Nothing => return Ok(Outcome::ok(live, false)),
                Write::Create(object) => rest.create(&object).await,
                Write::Replace(object) => match rest.replace(name, &object).await {
                    Err(error) if content::recreate_on(manifest, &error.to_string()) => {
                        let fresh = update::recreated(&object, &object, self.owner, self.owned);
                        self.recreate(rest, live.as_ref(), &fresh).await
                    }
                    other => other,
                },
                Write::Recreate(object) => self.recreate(rest, live.as_ref(), &object).await,
            };
            match answer {
                Ok(live) => {
                    memory.settled = Some(Settled::new(manifest, &live));
                    return Ok(Outcome::ok(Some(live), true));
                }
                Err(error) if error.code() == 409 && tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn recreate(
        &self,
        rest: &Rest,
        live: Option<&Value>,
        fresh: &Value,
    ) -> Result<Value, RestError> {
        let uid = live.and_then(|l| l["metadata"]["uid"].as_str());
        rest.delete(&self.decoded.meta.name, uid).await?;
        rest.create(fresh).await
    }

    async fn server_side(
        &self,
        rest: &Rest,
        options: Option<&ServerSideApply>,
        memory: &mut Memory,
    ) -> Outcome {
        let manager = options
            .map(|o| o.field_manager.as_str())
            .filter(|m| !m.is_empty())
            .unwrap_or(FIELD_MANAGER);
        let kind = PatchKind::Apply(manager, options.is_some_and(|o| o.force));
        let ignored = options.map_or(&[][..], |o| o.ignore_fields.as_slice());
        let name = &self.decoded.meta.name;
        let before = match rest.get(name).await {
            Ok(before) => before,
            Err(error) => {
                return self
                    .failed(rest, Failure::apply(&error), Retry::Backoff)
                    .await;
            }
        };
        let target = match ssa::target(&self.decoded.object, ignored, before.as_ref()) {
            Ok(target) => target,
            Err(message) => {
                let failure = Failure {
                    reason: "AppliedManifestSSAIgnoreFieldError",
                    message: format!("Failed to process ignoreFields: {message}"),
                };
                return self.failed(rest, failure, Retry::Backoff).await;
            }
        };
        let unchanged = memory
            .settled
            .is_some_and(|s| s.is_of(&self.decoded.object))
            && before.as_ref().is_some_and(|b| {
                memory.applied_state.is_some() && state(b) == memory.applied_state
            });
        let (live, mut wrote) = match (target, before) {
            (None, Some(live)) => (live, false),
            (Some(_), Some(live)) if unchanged => (live, false),
            (target, before) => {
                let target = target.unwrap_or_else(|| self.decoded.object.clone());
                match rest.patch(name, kind, &target).await {
                    Ok(live) => {
                        let wrote = before.is_none_or(|b| version(&b) != version(&live));
                        (live, wrote)
                    }
                    Err(error) => {
                        let retry = if error.code() == 409 {
                            Retry::After(CONFLICT_RETRY)
                        } else {
                            Retry::Backoff
                        };
                        return self.failed(rest, Failure::apply(&error), retry).await;
                    }
                }
            }
        };
        let live = match update::owner_patch(&live, self.owner, self.owned) {
            None => live,
            Some(mut patch) => {
                // The apply just gave the version; nothing else is patched.
                if let Some(metadata) = patch["metadata"].as_object_mut() {
                    metadata.remove("uid");
                }
                wrote = true;
                match rest.patch(name, PatchKind::Merge, &patch).await {
                    Ok(live) => live,
                    Err(error) => {
                        return self
                            .failed(rest, Failure::apply(&error), Retry::Backoff)
                            .await;
                    }
                }
            }
        };
        memory.settled = Some(Settled::new(&self.decoded.object, &live));
        memory.applied_state = state(&live);
        Outcome::ok(Some(live), wrote)
    }
}

fn version(object: &Value) -> &Value {
    &object["metadata"]["resourceVersion"]
}

/// What shows that only the status of an object changed.
fn state(object: &Value) -> Option<(i64, u64)> {
    let metadata = &object["metadata"];
    let generation = metadata["generation"].as_i64()?;
    let described = serde_json::json!([
        metadata["labels"],
        metadata["annotations"],
        metadata["ownerReferences"]
    ]);
    Some((generation, update::hash(&described)))
}

fn live(answer: Result<Option<Value>, RestError>) -> Live {
    match answer {
        Ok(Some(object)) => Live::Exists(Box::new(object)),
        Ok(None) => Live::Missing,
        Err(error) => Live::Unknown(error.to_string()),
    }
}
