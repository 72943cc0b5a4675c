//! A request on a resource becomes a verb of the registry.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::{respond, watch};
use crate::api::Attributes;
use crate::authn::Authenticator;
use crate::authz;
use crate::builtin::{self, Question};
use crate::golang;
use crate::registry::typemeta;
use crate::registry::{Deleted, Patch, PatchKind, Registry, RequestContext, View};
use crate::request::protobuf::{self, ProtobufError};
use crate::request::{Accept, DeleteOptions, FieldValidation, ListOptions, Query, ResourcePath};
use crate::request::{duplicates, options, yaml};
use crate::status::Status;
use crate::types::ResourceType;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// All that a verb needs.
pub(super) struct Verb<'a> {
    pub(super) registry: &'a Registry,
    pub(super) authenticator: &'a Authenticator,
    pub(super) context: &'a RequestContext,
    pub(super) path: &'a ResourcePath,
    pub(super) verb: &'a str,
    pub(super) query: &'a Query,
    pub(super) headers: &'a HeaderMap,
    pub(super) accept: Accept,
}

/// Whether the body is a server-side apply.
pub(super) fn is_apply(headers: &HeaderMap) -> bool {
    content_type(headers) == APPLY_PATCH
}

fn content_type(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// 404 for a URL that is not served.
pub(super) fn no_such_resource() -> Status {
    Status::generic(
        404,
        "NotFound",
        "the server could not find the requested resource",
    )
}

pub(super) fn wrong_method() -> Status {
    Status::generic(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    )
}

impl Verb<'_> {
    pub(super) async fn run<B>(&self, body: B) -> Result<Response<Body>, Status>
    where
        B: http_body::Body + Send,
        B::Data: Send,
    {
        let path = self.path;
        let catalog = self.registry.catalog();
        if !catalog.versions.contains_key(&path.group) {
            return Ok(respond::text(404, "404 page not found\n"));
        }
        let resource = catalog
            .find(&path.group, &path.version, &path.resource)
            .cloned();
        let Some(resource) = resource else {
            // What definitions serve has another way to say it.
            return match self.registry.is_builtin(&path.group) {
                true => Err(no_such_resource()),
                false => Ok(respond::text(404, "404 page not found\n")),
            };
        };
        let resource = &resource;
        let namespace = self.namespace(resource)?;
        self.check_method(resource)?;
        if let Some(deprecation) = deprecation(resource) {
            self.context.warn(deprecation);
        }
        let scope = resource
            .namespaced
            .then_some(namespace)
            .filter(|namespace| !namespace.is_empty());
        match self.verb {
            "get" => self.get(resource, namespace).await,
            "list" => {
                let options = ListOptions::parse(self.query, false)?;
                let list = self
                    .registry
                    .list(self.context, resource, scope, &options)
                    .await?;
                Ok(respond::list(&self.accept, resource, list))
            }
            "watch" => {
                let mut options = ListOptions::parse(self.query, true)?;
                if !path.name.is_empty() {
                    options.fields = options.fields.and_name(&path.name);
                }
                let stream = self
                    .registry
                    .watch(self.context, resource, scope, &options)?;
                Ok(watch::response(
                    stream,
                    resource.clone(),
                    self.accept.clone(),
                    options.timeout_seconds,
                ))
            }
            "create" => {
                let object = self.object(resource, &body::read(body).await?)?;
                self.create(resource, namespace, object).await
            }
            "update" => {
                let object = self.object(resource, &body::read(body).await?)?;
                let updated = self
                    .registry
                    .update(
                        self.context,
                        resource,
                        namespace,
                        &path.name,
                        &path.subresource,
                        object,
                    )
                    .await?;
                Ok(respond::object(200, &self.accept, resource, &updated))
            }
            "patch" => {
                let patch = self.patch(resource, &body::read(body).await?)?;
                let existed =
                    self.registry
                        .store()
                        .exists(resource.storage(), namespace, &path.name);
                if !existed && patch.kind == PatchKind::Apply {
                    self.may_create(namespace)?;
                }
                let patched = self
                    .registry
                    .patch(
                        self.context,
                        resource,
                        namespace,
                        &path.name,
                        &path.subresource,
                        &patch,
                    )
                    .await?;
                let code = if existed { 200 } else { 201 };
                Ok(respond::object(code, &self.accept, resource, &patched))
            }
            "delete" => {
                let options = self.delete_options(&body::read(body).await?)?;
                let deleted = self
                    .registry
                    .delete(self.context, resource, namespace, &path.name, &options)
                    .await?;
                Ok(self.deleted(resource, &deleted))
            }
            "deletecollection" => {
                let selection = ListOptions::parse(self.query, false)?;
                let options = self.delete_options(&body::read(body).await?)?;
                let items = self
                    .registry
                    .delete_collection(self.context, resource, scope, &options, &selection)
                    .await?;
                let list = crate::registry::List {
                    items,
                    revision: self.registry.store().revision(),
                    ..Default::default()
                };
                Ok(respond::list(&self.accept, resource, list))
            }
            _ => Err(wrong_method()),
        }
    }

    /// The namespace objects are stored under.
    fn namespace(&self, resource: &ResourceType) -> Result<&str, Status> {
        let path = self.path;
        if !resource.namespaced {
            let own = path.group.is_empty() && path.resource == "namespaces";
            if !path.namespace.is_empty() && !own {
                return Err(no_such_resource());
            }
            return Ok("");
        }
        if path.namespace.is_empty() && !matches!(self.verb, "list" | "watch") {
            return Err(if path.name.is_empty() {
                wrong_method()
            } else {
                no_such_resource()
            });
        }
        Ok(&path.namespace)
    }

    /// Whether the resource or subresource takes this verb.
    fn check_method(&self, resource: &ResourceType) -> Result<(), Status> {
        let subresource = self.path.subresource.as_str();
        if subresource.is_empty() {
            // A name belongs to some verbs, and not to others.
            let named = !self.path.name.is_empty();
            if named == (self.verb == "create")
                && !matches!(self.verb, "list" | "watch" | "deletecollection")
            {
                return Err(wrong_method());
            }
            let verbs = &resource.verbs;
            return if verbs.iter().any(|verb| verb == self.verb) {
                Ok(())
            } else {
                Err(wrong_method())
            };
        }
        let found = resource
            .subresources
            .iter()
            .find(|known| known.name == subresource)
            .ok_or_else(no_such_resource)?;
        if found.verbs.iter().any(|verb| verb == self.verb) {
            Ok(())
        } else {
            Err(wrong_method())
        }
    }

    async fn get(
        &self,
        resource: &Arc<ResourceType>,
        namespace: &str,
    ) -> Result<Response<Body>, Status> {
        let path = self.path;
        if path.group.is_empty()
            && path.resource == "pods"
            && matches!(
                path.subresource.as_str(),
                "log" | "exec" | "attach" | "portforward" | "proxy"
            )
        {
            if !self
                .registry
                .store()
                .exists(&resource.gr, namespace, &path.name)
            {
                return Err(Status::not_found(&resource.gr, &path.name));
            }
            return Err(Status::new(
                501,
                "NotImplemented",
                format!(
                    "this server does not run containers: pods/{} is not implemented",
                    path.subresource
                ),
            ));
        }
        if let Some(text) = self.query.get("resourceVersion").filter(|t| !t.is_empty()) {
            let revision = text
                .parse::<u64>()
                .map_err(|_| options::wrong_revision(text))?;
            self.registry.reached(revision)?;
        }
        let object = self
            .registry
            .get(
                self.context,
                resource,
                namespace,
                &path.name,
                &path.subresource,
            )
            .await?;
        // A scale is not in the version of its object.
        let api_version = (path.subresource != "scale").then(|| resource.gvk.api_version());
        Ok(respond::stored(
            &self.accept,
            resource,
            &object,
            api_version.as_deref(),
        ))
    }

    async fn create(
        &self,
        resource: &Arc<ResourceType>,
        namespace: &str,
        object: Value,
    ) -> Result<Response<Body>, Status> {
        let path = self.path;
        let object = self.registry.noted(self.context, resource, object);
        if let Some(answer) = self.unstored(resource, namespace, &object) {
            let answer = Arc::new(answer?);
            return Ok(respond::object(201, &self.accept, resource, &answer));
        }
        if path.group.is_empty() && path.resource == "pods" {
            match path.subresource.as_str() {
                "eviction" => return self.evict(resource, namespace, &object).await,
                "binding" => return self.bind(resource, namespace, &object).await,
                _ => {}
            }
        }
        if !path.subresource.is_empty() {
            return Err(Status::new(
                501,
                "NotImplemented",
                format!("{}/{} is not implemented", path.resource, path.subresource),
            ));
        }
        let created = self
            .registry
            .create(self.context, resource, namespace, object)
            .await?;
        Ok(respond::object(201, &self.accept, resource, &created))
    }

    /// An eviction is a delete; budgets are not counted.
    async fn evict(
        &self,
        resource: &ResourceType,
        namespace: &str,
        eviction: &Value,
    ) -> Result<Response<Body>, Status> {
        let options = DeleteOptions::parse(Some(&eviction["deleteOptions"]), self.query)?;
        self.registry
            .delete(self.context, resource, namespace, &self.path.name, &options)
            .await?;
        Ok(self.success(201))
    }

    /// A binding gives a pod its node.
    async fn bind(
        &self,
        resource: &ResourceType,
        namespace: &str,
        binding: &Value,
    ) -> Result<Response<Body>, Status> {
        let node = binding["target"]["name"]
            .as_str()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Status::bad_request("target.name of a Binding is required"))?;
        self.registry
            .bind(self.context, resource, namespace, &self.path.name, node)
            .await?;
        Ok(self.success(201))
    }

    fn success(&self, code: u16) -> Response<Body> {
        let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code});
        respond::value(
            code,
            &Accept {
                yaml: self.accept.yaml,
                ..Accept::default()
            },
            &body,
        )
    }

    /// Answers of resources that are not stored.
    fn unstored(
        &self,
        resource: &ResourceType,
        namespace: &str,
        object: &Value,
    ) -> Option<Result<Value, Status>> {
        let question = Question {
            user: &self.context.user,
            resource,
            subresource: &self.path.subresource,
            namespace,
            name: &self.path.name,
            body: object,
        };
        builtin::answer(self.registry, self.authenticator, &question)
    }

    /// Server-side apply of something new is a create, too.
    fn may_create(&self, namespace: &str) -> Result<(), Status> {
        let wanted = Attributes {
            verb: "create".to_owned(),
            group: self.path.group.clone(),
            version: self.path.version.clone(),
            resource: self.path.resource.clone(),
            subresource: self.path.subresource.clone(),
            namespace: namespace.to_owned(),
            name: self.path.name.clone(),
            path: String::new(),
        };
        let decision = self.registry.decide(&self.context.user, &wanted);
        if decision.allowed {
            Ok(())
        } else {
            Err(authz::denial(&self.context.user, &wanted, &decision.reason))
        }
    }

    /// The object in a body.
    fn object(&self, resource: &ResourceType, bytes: &Bytes) -> Result<Value, Status> {
        let kind = &resource.gvk.kind;
        let (object, repeated) = decode(self.headers, bytes, kind)?;
        // The scale of a custom object is a built-in kind.
        let custom = resource.custom.is_some() && self.path.subresource != "scale";
        if let Some(why) = typemeta::unrecognised(&object, custom, bytes) {
            return Err(unrecognised(kind, &why, bytes));
        }
        match content_type(self.headers).as_str() {
            "" | "application/json" | "*/*" => self.note_repeated(bytes),
            _ => {
                self.context.repeated.get_or_init(|| repeated);
            }
        }
        Ok(object)
    }

    /// Looks for fields that stand twice, when somebody wants to know.
    fn note_repeated(&self, json: &[u8]) {
        if self.context.field_validation != FieldValidation::Ignore {
            self.context.repeated.get_or_init(|| duplicates::find(json));
        }
    }

    /// Looks for members that no operation of a JSON patch has, or has once.
    fn note_members(&self, json: &[u8], patch: &Value) {
        if self.context.field_validation == FieldValidation::Ignore {
            return;
        }
        self.context.repeated.get_or_init(|| {
            let mut found = duplicates::find(json);
            for (index, operation) in patch.as_array().into_iter().flatten().enumerate() {
                let members = operation.as_object().into_iter().flatten();
                let unknown = members
                    .filter(|(name, _)| !["op", "path", "from", "value"].contains(&name.as_str()));
                found.extend(
                    unknown.map(|(name, _)| {
                        crate::schema::unknown_field(&format!("[{index}].{name}"))
                    }),
                );
            }
            found
                .iter()
                .map(|what| format!("json patch {what}"))
                .collect()
        });
    }

    fn patch(&self, resource: &ResourceType, bytes: &Bytes) -> Result<Patch, Status> {
        let content_type = content_type(self.headers);
        let kind = match content_type.as_str() {
            JSON_PATCH => PatchKind::Json,
            MERGE_PATCH => PatchKind::Merge,
            STRATEGIC_PATCH if resource.custom.is_none() => PatchKind::Strategic,
            APPLY_PATCH => PatchKind::Apply,
            STRATEGIC_PATCH => {
                return Err(Status::new(
                    415,
                    "UnsupportedMediaType",
                    format!(
                        "the body of the request was in an unknown format - accepted media types include: {JSON_PATCH}, {MERGE_PATCH}, {APPLY_PATCH}"
                    ),
                ));
            }
            _ => {
                return Err(Status::generic(
                    415,
                    "UnsupportedMediaType",
                    "415: Unsupported Media Type",
                ));
            }
        };
        let body = if kind == PatchKind::Apply {
            let (body, repeated) = yaml::read(bytes)
                .map_err(|error| Status::bad_request(format!("error encoding patch: {error}")))?;
            self.context.repeated.get_or_init(|| repeated);
            body
        } else {
            serde_json::from_slice(bytes)
                .map_err(|error| Status::bad_request(undecodable(bytes, &error)))?
        };
        match kind {
            PatchKind::Merge | PatchKind::Strategic => self.note_repeated(bytes),
            PatchKind::Json => self.note_members(bytes, &body),
            PatchKind::Apply => {}
        }
        Ok(Patch { kind, body })
    }

    fn delete_options(&self, bytes: &Bytes) -> Result<DeleteOptions, Status> {
        if bytes.is_empty() {
            return DeleteOptions::parse(None, self.query);
        }
        let (body, _) = decode(self.headers, bytes, "DeleteOptions")?;
        DeleteOptions::parse(Some(&body), self.query)
    }

    fn deleted(&self, resource: &ResourceType, deleted: &Deleted) -> Response<Body> {
        if !deleted.gone || answers_with_object(resource) {
            return respond::object(200, &self.accept, resource, &deleted.object);
        }
        let metadata = &deleted.object["metadata"];
        let mut details = json!({
            "name": metadata["name"],
            "kind": resource.gr.resource,
            "uid": metadata["uid"],
        });
        if !resource.gr.group.is_empty() {
            details["group"] = json!(resource.gr.group);
        }
        let body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        });
        let plain = Accept {
            yaml: self.accept.yaml,
            ..Accept::default()
        };
        respond::value(200, &plain, &body)
    }
}

/// Kinds whose deletion answers the object instead of a status.
fn answers_with_object(resource: &ResourceType) -> bool {
    matches!(
        (resource.gr.group.as_str(), resource.gr.resource.as_str()),
        (
            "",
            "pods"
                | "services"
                | "serviceaccounts"
                | "namespaces"
                | "persistentvolumes"
                | "persistentvolumeclaims"
                | "podtemplates"
                | "resourcequotas"
        ) | ("storage.k8s.io" | "resource.k8s.io", _)
    )
}

/// The 400 of a body that is no object of this kind.
fn unrecognised(kind: &str, why: &str, sent: &[u8]) -> Status {
    let shown = golang::summary(sent);
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({shown})"
    ))
}

/// Reads a body that is JSON or YAML; also the keys of the YAML that are
/// repeated.
fn decode(headers: &HeaderMap, bytes: &Bytes, kind: &str) -> Result<(Value, Vec<String>), Status> {
    let unreadable = |error: String| match kind {
        "DeleteOptions" => Status::bad_request(error),
        _ => unrecognised(kind, &error, bytes),
    };
    let unparsable = |error: &str| {
        unreadable(format!(
            "couldn't get version/kind; json parse error: {error}"
        ))
    };
    match content_type(headers).as_str() {
        "" | "application/json" | "*/*" => {
            let value = serde_json::from_slice(bytes).map_err(|error| {
                unparsable(&golang::json_error(bytes).unwrap_or_else(|| error.to_string()))
            })?;
            match value {
                // An object without fields.
                Value::Null => Ok((json!({}), Vec::new())),
                Value::Object(_) => Ok((value, Vec::new())),
                other => Err(unparsable(&format!(
                    "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
                    golang::kind(&other)
                ))),
            }
        }
        "application/yaml" | "application/x-yaml" | "text/yaml" => {
            yaml::read(bytes).map_err(unreadable)
        }
        "application/vnd.kubernetes.protobuf" => {
            let value = protobuf::decode(bytes).map_err(|error| match error {
                ProtobufError::Malformed => Status::bad_request(error.to_string()),
                ProtobufError::Unknown(_) => {
                    Status::new(415, "UnsupportedMediaType", error.to_string())
                }
            })?;
            Ok((value, Vec::new()))
        }
        _ => Err(Status::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// What is said of a patch that cannot be read.
fn undecodable(bytes: &[u8], error: &serde_json::Error) -> String {
    match golang::json_error(bytes) {
        Some(_) => "invalid JSON patch".to_owned(),
        // It is JSON, and more than we take.
        None => format!("error decoding patch: {error}"),
    }
}

/// What every answer about a deprecated kind warns of.
fn deprecation(resource: &ResourceType) -> Option<&str> {
    if let Some(custom) = &resource.custom {
        return custom.deprecation.as_deref();
    }
    match (resource.gr.group.as_str(), resource.gr.resource.as_str()) {
        ("", "endpoints") => {
            Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
        }
        ("", "componentstatuses") => Some("v1 ComponentStatus is deprecated in v1.19+"),
        _ => None,
    }
}
