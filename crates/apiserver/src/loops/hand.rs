//! How a loop writes.

use std::sync::Arc;

use futures::StreamExt;
use serde_json::Value;

use crate::api::GroupResource;
use crate::builtin::text;
use crate::registry::{DeleteOptions, Patch, PatchKind, Registry, RequestContext, View};
use crate::status::Status;
use crate::types::ResourceType;

/// How many deletions of one loop run at once.
const AT_ONCE: usize = 32;

/// Writes in the name of one loop.
#[derive(Clone, Debug)]
pub(super) struct Hand {
    pub(super) registry: Registry,
    name: &'static str,
}

/// Makes "it is as wanted already" of some failures.
pub(super) fn unless(result: Result<(), Status>, codes: &[u16]) -> Result<(), Status> {
    match result {
        Err(status) if codes.contains(&status.code) => Ok(()),
        result => result,
    }
}

impl Hand {
    pub(super) fn new(registry: Registry, name: &'static str) -> Self {
        Self { registry, name }
    }

    fn context(&self) -> RequestContext {
        RequestContext::system(self.name)
    }

    fn resource(&self, gr: &GroupResource) -> Result<Arc<ResourceType>, Status> {
        self.registry
            .catalog()
            .find_resource(gr)
            .cloned()
            .ok_or_else(|| Status::not_found(gr, ""))
    }

    /// One object.
    pub(super) fn read(
        &self,
        gr: &GroupResource,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Value>> {
        self.registry.read(gr, namespace, name)
    }

    /// Stores a new object; one that is there already is fine.
    pub(super) async fn create(&self, gr: &GroupResource, object: Value) -> Result<(), Status> {
        let resource = self.resource(gr)?;
        let namespace = text(&object, "/metadata/namespace").to_owned();
        let created = self
            .registry
            .create(&self.context(), &resource, &namespace, object)
            .await;
        match created {
            Err(status) if status.reason != "AlreadyExists" => Err(status),
            _ => Ok(()),
        }
    }

    /// Replaces an object, if it is still the version that was read.
    pub(super) async fn update(
        &self,
        gr: &GroupResource,
        subresource: &str,
        mut object: Value,
    ) -> Result<(), Status> {
        let resource = self.resource(gr)?;
        let of = |field: &str| {
            object["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let (namespace, name) = (of("namespace"), of("name"));
        // Stored in one version, written in the preferred one: only custom
        // resources have several, and they differ in nothing but this.
        object["apiVersion"] = Value::String(resource.gvk.api_version());
        self.registry
            .update(
                &self.context(),
                &resource,
                &namespace,
                &name,
                subresource,
                object,
            )
            .await
            .map(drop)
    }

    /// Owns these fields of an object without a namespace, whoever had them.
    pub(super) async fn apply(&self, gr: &GroupResource, body: Value) -> Result<(), Status> {
        let resource = self.resource(gr)?;
        let name = text(&body, "/metadata/name").to_owned();
        let mut context = self.context();
        context.force = true;
        let patch = Patch {
            kind: PatchKind::Apply,
            body,
        };
        self.registry
            .patch(&context, &resource, "", &name, "", &patch)
            .await
            .map(drop)
    }

    /// Merges into an object.
    pub(super) async fn merge(
        &self,
        gr: &GroupResource,
        namespace: &str,
        name: &str,
        body: Value,
    ) -> Result<(), Status> {
        let resource = self.resource(gr)?;
        let patch = Patch {
            kind: PatchKind::Merge,
            body,
        };
        self.registry
            .patch(&self.context(), &resource, namespace, name, "", &patch)
            .await
            .map(drop)
    }

    /// Deletes an object if it is still the one that was seen; one that is gone
    /// already is fine.
    pub(super) async fn delete(
        &self,
        gr: &GroupResource,
        object: &Value,
        propagation: &str,
    ) -> Result<(), Status> {
        let uid = text(object, "/metadata/uid");
        let options = DeleteOptions {
            uid: (!uid.is_empty()).then(|| uid.to_owned()),
            propagation: Some(propagation.to_owned()),
            ..DeleteOptions::default()
        };
        let Ok(resource) = self.resource(gr) else {
            // No longer served: its objects go with its definition.
            return Ok(());
        };
        let namespace = text(object, "/metadata/namespace");
        let name = text(object, "/metadata/name");
        let deleted = self
            .registry
            .delete(&self.context(), &resource, namespace, name, &options)
            .await;
        unless(deleted.map(drop), &[404, 409])
    }

    /// Deletes many objects, some at once; the first failure, if any.
    pub(super) async fn delete_all(
        &self,
        doomed: Vec<(GroupResource, Arc<Value>)>,
    ) -> Result<(), Status> {
        let hand = self.clone();
        let jobs = doomed.into_iter().map(move |(gr, object)| {
            let hand = hand.clone();
            async move { hand.delete(&gr, &object, "Background").await }
        });
        let mut running = futures::stream::iter(jobs).buffer_unordered(AT_ONCE);
        let mut outcome = Ok(());
        while let Some(result) = running.next().await {
            outcome = outcome.and(result);
        }
        outcome
    }
}
