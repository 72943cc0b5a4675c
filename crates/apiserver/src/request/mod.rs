//! What a request asks for: its path and verb, its options, how it wants the
//! answer.

pub mod duplicates;
pub mod labels;
pub mod negotiate;
pub mod options;
pub mod protobuf;
pub mod selector;
pub mod yaml;

use http::Method;

use crate::api::{Attributes, UserInfo};
use crate::status::Status;
pub use labels::LabelSelector;
pub use negotiate::{Accept, Shape};
pub use options::{DeleteOptions, ListOptions, Query, RevisionMatch};
pub use selector::FieldSelector;

/// How strictly unknown and duplicate fields are taken (`fieldValidation`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped with a warning.
    #[default]
    Warn,
    /// They fail the request.
    Strict,
}

/// Options of a write as the client named them.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// `fieldManager`.
    pub field_manager: String,
    /// `fieldValidation`.
    pub field_validation: String,
}

/// Who asks and how: what every verb of the registry needs besides its object.
#[derive(Debug, Default)]
pub struct RequestContext {
    /// Who asks.
    pub user: UserInfo,
    /// Everything is checked and nothing is stored.
    pub dry_run: bool,
    /// What happens to unknown fields.
    pub field_validation: FieldValidation,
    /// Whose name stands in `managedFields`.
    pub field_manager: String,
    /// What the query said, for webhooks.
    pub asked: Asked,
    /// A server-side apply takes fields over from others.
    pub force: bool,
    /// What is to be said of fields that stand twice in the body.
    pub repeated: std::sync::OnceLock<Vec<String>>,
    /// Sent to the client as `Warning` headers.
    pub warnings: std::sync::Mutex<Vec<String>>,
}

impl RequestContext {
    /// The context of a loop of the server itself.
    pub fn system(name: &str) -> Self {
        Self {
            user: UserInfo {
                username: format!("system:apiserver:{name}"),
                groups: vec![
                    "system:masters".to_owned(),
                    "system:authenticated".to_owned(),
                ],
                ..UserInfo::default()
            },
            field_validation: FieldValidation::Ignore,
            field_manager: name.to_owned(),
            ..Self::default()
        }
    }

    /// The context of a user, all options at their defaults.
    pub fn of(user: UserInfo) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }

    /// Adds a warning.
    pub fn warn(&self, warning: impl Into<String>) {
        let warning = warning.into();
        let mut warnings = self
            .warnings
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// Takes all warnings out.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(
            &mut *self
                .warnings
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}

/// What a URL and a method mean, before anyone knows whether such a resource
/// exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// The whole path.
    pub path: String,
    /// For example `watch`, `deletecollection`; for other paths the lower-case method.
    pub verb: String,
    /// Set for `/api/v1/…` and `/apis/GROUP/VERSION/…`.
    pub resource: Option<ResourcePath>,
}

/// The parts of a resource's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcePath {
    /// Empty for the core group.
    pub group: String,
    /// For example `v1`.
    pub version: String,
    /// Empty for cluster-scoped resources and all namespaces.
    pub namespace: String,
    /// Plural.
    pub resource: String,
    /// Empty for collections.
    pub name: String,
    /// Empty, or such as `status`.
    pub subresource: String,
    /// What follows a subresource (`proxy` paths).
    pub rest: String,
}

impl RequestInfo {
    /// Reads a method and URL.
    pub fn new(method: &Method, path: &str, query: &Query) -> Result<Self, Status> {
        let mut info = Self {
            path: path.to_owned(),
            verb: method.as_str().to_ascii_lowercase(),
            resource: None,
        };
        let mut parts = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            parts.push(options::percent_decode(part, false)?);
        }
        let mut parts = parts.into_iter();
        let mut path = ResourcePath::default();
        match parts.next().as_deref() {
            Some("api") => {}
            Some("apis") => match parts.next() {
                Some(group) => path.group = group,
                None => return Ok(info),
            },
            _ => return Ok(info),
        }
        let (Some(version), Some(mut head)) = (parts.next(), parts.next()) else {
            return Ok(info);
        };
        path.version = version;
        // Of one object there is a watch only under `/watch/`.
        let asked = query.flag("watch")?;
        let mut watch = false;
        if head == "watch" {
            let Some(next) = parts.next() else {
                return Ok(info);
            };
            head = next;
            watch = true;
        }
        let rest: Vec<String> = parts.collect();
        let mut rest = rest.as_slice();
        path.resource = head;
        if path.resource == "namespaces"
            && let [namespace, tail @ ..] = rest
        {
            path.namespace = namespace.clone();
            match tail {
                [] => {}
                [sub, ..] if sub == "status" || sub == "finalize" => {}
                [resource, tail @ ..] => {
                    path.resource.clone_from(resource);
                    rest = tail;
                }
            }
        }
        if let [name, tail @ ..] = rest {
            path.name.clone_from(name);
            if let [subresource, tail @ ..] = tail {
                path.subresource.clone_from(subresource);
                path.rest = tail.join("/");
            }
        }
        let collection = path.name.is_empty();
        info.verb = match *method {
            Method::GET | Method::HEAD
                if path.subresource.is_empty() && (watch || asked && collection) =>
            {
                "watch"
            }
            Method::GET | Method::HEAD if collection => "list",
            Method::GET | Method::HEAD => "get",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if collection => "deletecollection",
            Method::DELETE => "delete",
            _ => return Ok(info),
        }
        .to_owned();
        info.resource = Some(path);
        Ok(info)
    }

    /// What is authorized.
    pub fn attributes(&self, query: &Query) -> Attributes {
        let Some(path) = &self.resource else {
            return Attributes {
                verb: self.verb.clone(),
                path: self.path.clone(),
                ..Attributes::default()
            };
        };
        let mut name = path.name.clone();
        // A list or watch of one name may be allowed by that name.
        if name.is_empty()
            && matches!(self.verb.as_str(), "list" | "watch" | "deletecollection")
            && let Some(only) = query
                .get("fieldSelector")
                .and_then(|selector| FieldSelector::parse(selector).ok())
                .and_then(|selector| selector.required("metadata.name"))
        {
            name = only;
        }
        Attributes {
            verb: self.verb.clone(),
            group: path.group.clone(),
            version: path.version.clone(),
            resource: path.resource.clone(),
            subresource: path.subresource.clone(),
            namespace: path.namespace.clone(),
            name,
            path: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &Method, url: &str) -> RequestInfo {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        RequestInfo::new(method, path, &Query::parse(query).unwrap()).unwrap()
    }

    #[test]
    fn urls_become_verbs_and_resources() {
        for (method, url, verb, group, resource, namespace, name, subresource) in [
            (Method::GET, "/api/v1/pods", "list", "", "pods", "", "", ""),
            (
                Method::GET,
                "/api/v1/pods?watch=1",
                "watch",
                "",
                "pods",
                "",
                "",
                "",
            ),
            (
                Method::GET,
                "/api/v1/watch/pods",
                "watch",
                "",
                "pods",
                "",
                "",
                "",
            ),
            (
                Method::GET,
                "/api/v1/namespaces",
                "list",
                "",
                "namespaces",
                "",
                "",
                "",
            ),
            (
                Method::GET,
                "/api/v1/namespaces/a",
                "get",
                "",
                "namespaces",
                "a",
                "a",
                "",
            ),
            (
                Method::PUT,
                "/api/v1/namespaces/a/finalize",
                "update",
                "",
                "namespaces",
                "a",
                "a",
                "finalize",
            ),
            (
                Method::DELETE,
                "/api/v1/namespaces/a/pods",
                "deletecollection",
                "",
                "pods",
                "a",
                "",
                "",
            ),
            (
                Method::PATCH,
                "/apis/apps/v1/namespaces/a/deployments/b/status",
                "patch",
                "apps",
                "deployments",
                "a",
                "b",
                "status",
            ),
            (
                Method::POST,
                "/apis/apps/v1/namespaces/a/deployments",
                "create",
                "apps",
                "deployments",
                "a",
                "",
                "",
            ),
            (
                Method::GET,
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
                "get",
                "rbac.authorization.k8s.io",
                "clusterroles",
                "",
                "system:node",
                "",
            ),
        ] {
            let info = info(&method, url);
            let path = info
                .resource
                .unwrap_or_else(|| panic!("{url} is a resource"));
            assert_eq!(info.verb, verb, "{url}");
            assert_eq!(
                (
                    &*path.group,
                    &*path.resource,
                    &*path.namespace,
                    &*path.name,
                    &*path.subresource
                ),
                (group, resource, namespace, name, subresource),
                "{url}"
            );
        }
        for url in [
            "/",
            "/api",
            "/apis",
            "/apis/apps",
            "/apis/apps/v1",
            "/api/v1",
            "/healthz",
            "/openapi/v3/apis/apps/v1",
        ] {
            assert_eq!(info(&Method::GET, url).resource, None, "{url}");
            assert_eq!(info(&Method::GET, url).verb, "get");
        }
    }

    #[test]
    fn a_watch_of_one_name_is_authorized_by_that_name() {
        let query = Query::parse("watch=true&fieldSelector=metadata.name%3Dx").unwrap();
        let info = RequestInfo::new(&Method::GET, "/api/v1/namespaces/a/secrets", &query).unwrap();
        assert_eq!(info.attributes(&query).name, "x");
    }
}
