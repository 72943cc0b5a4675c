//! `Impersonate-User`, `-Group`, `-Uid`, `-Extra-<key>`: acting as another
//! user, which RBAC must allow for each part: for any request (`impersonate`), or
//! in one of the constrained modes of Kubernetes 1.37 for some.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;

use super::{AUTHENTICATED, UNAUTHENTICATED, service_account};
use crate::api::{Attributes, UserInfo};
use crate::authz::{Authorizer, MASTERS, denial};
use crate::schema::cause::quote;
use crate::schema::names;
use crate::status::Status;

const EXTRA: &str = "impersonate-extra-";
const AUTHENTICATION: &str = "authentication.k8s.io";
const NODES: &str = "system:nodes";
/// From so many groups or values on it is asked first whether all are allowed.
const MANY: usize = 4;

/// The user a request acts as: the impersonated one, or `user` when the headers
/// name none. What is requested may decide whether they may.
pub fn impersonate(
    user: UserInfo,
    headers: &HeaderMap,
    request: &Attributes,
    authorizer: &Authorizer,
    modes: &Modes,
) -> Result<UserInfo, Status> {
    let texts = |name: &str| -> Vec<String> {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let name = texts("impersonate-user").into_iter().next();
    let mut groups = texts("impersonate-group");
    let uid = texts("impersonate-uid")
        .into_iter()
        .next()
        .unwrap_or_default();
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for header in headers.keys() {
        if let Some(key) = header.as_str().strip_prefix(EXTRA) {
            extra.insert(unescape(key), texts(header.as_str()));
        }
    }
    let Some(name) = name else {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(user);
        }
        return Err(Status::bad_request(format!(
            "requested {} without impersonating a user name",
            as_go(&uid, &groups, &extra)
        )));
    };

    let wanted = UserInfo {
        username: name,
        uid,
        groups: std::mem::take(&mut groups),
        extra,
    };
    // What worked the last time first, then the narrow ways; of several refusals the
    // first one is told.
    let last = modes.last(&user.username);
    let others = Mode::ALL.into_iter().filter(|mode| Some(*mode) != last);
    let mut refused = None;
    for mode in last.into_iter().chain(others) {
        if !mode.applies(&wanted, &user) {
            continue;
        }
        match mode.check(&user, &wanted, request, authorizer) {
            Ok(actual) => {
                modes.worked(&user.username, mode);
                return Ok(actual);
            }
            Err(status) => {
                refused.get_or_insert(status);
            }
        }
    }
    Err(refused.unwrap_or_else(|| Status::internal("all impersonation modes failed")))
}

/// Which mode has worked for whom: it is tried first.
#[derive(Debug, Default)]
pub struct Modes(Mutex<HashMap<String, Mode>>);

impl Modes {
    /// How many are remembered; then all are forgotten.
    const LARGEST: usize = 1024;

    fn last(&self, user: &str) -> Option<Mode> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(user).copied()
    }

    fn worked(&self, user: &str, mode: Mode) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::LARGEST {
            known.clear();
        }
        known.insert(user.to_owned(), mode);
    }
}

/// A way to act as another: with a verb of its own, for some requests only
/// (`impersonate-on:…`), and the one there always was, for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    AssociatedNode,
    ArbitraryNode,
    ServiceAccount,
    UserInfo,
    Legacy,
}

impl Mode {
    const ALL: [Self; 5] = [
        Self::AssociatedNode,
        Self::ArbitraryNode,
        Self::ServiceAccount,
        Self::UserInfo,
        Self::Legacy,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::AssociatedNode => "associated-node",
            Self::ArbitraryNode => "arbitrary-node",
            Self::ServiceAccount => "serviceaccount",
            Self::UserInfo => "user-info",
            Self::Legacy => "",
        }
    }

    /// Whether it is a way to act as this user at all.
    fn applies(self, wanted: &UserInfo, user: &UserInfo) -> bool {
        let bare = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let node = node(&wanted.username);
        let account = account(&wanted.username).is_some();
        match self {
            Self::AssociatedNode => {
                let own = user.extra.get("authentication.kubernetes.io/node-name");
                bare && self::account(&user.username).is_some()
                    && node.is_some_and(|node| own.is_some_and(|own| *own == [node]))
            }
            Self::ArbitraryNode => bare && node.is_some(),
            Self::ServiceAccount => bare && account,
            Self::UserInfo => node.is_none() && !account,
            Self::Legacy => true,
        }
    }

    /// The user to act as, if each part of it may be.
    fn check(
        self,
        user: &UserInfo,
        wanted: &UserInfo,
        request: &Attributes,
        authorizer: &Authorizer,
    ) -> Result<UserInfo, Status> {
        let authorize = |attributes: &Attributes| {
            let decision = authorizer.authorize(user, attributes);
            match decision.allowed {
                true => Ok(()),
                false => Err(denial(user, attributes, &decision.reason)),
            }
        };
        let narrow = self != Self::Legacy;
        let verb = match narrow {
            true => format!("impersonate:{}", self.name()),
            false => "impersonate".to_owned(),
        };
        if narrow {
            let mut on = request.clone();
            on.verb = format!("impersonate-on:{}:{}", self.name(), request.verb);
            authorize(&on)?;
        }
        let who = if narrow { AUTHENTICATION } else { "" };
        let part = |group: &str, resource: &str, subresource: &str, name: &str| Attributes {
            verb: verb.clone(),
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            name: name.to_owned(),
            ..Attributes::default()
        };
        let mut actual = wanted.clone();
        let mut named = part(who, "users", "", &wanted.username);
        if let Some(node) = node(&wanted.username).filter(|_| narrow) {
            // An agent may act as its own node, whichever that is.
            let node = match self {
                Self::AssociatedNode => "*",
                _ => node,
            };
            named = part(who, "nodes", "", node);
            actual.groups = vec![NODES.to_owned()];
        }
        if let Some((namespace, account)) = account(&wanted.username) {
            named = part(who, "serviceaccounts", "", account);
            named.namespace = namespace.to_owned();
            if wanted.groups.is_empty() {
                actual.groups = service_account::groups(namespace);
            }
        }
        authorize(&named)?;
        if !wanted.uid.is_empty() {
            authorize(&part(AUTHENTICATION, "uids", "", &wanted.uid))?;
        }
        let all = |group: &str, resource: &str, subresource: &str| {
            authorize(&part(group, resource, subresource, "*")).is_ok()
        };
        if narrow && wanted.groups.iter().any(|group| group == MASTERS) {
            let asked = part(who, "groups", "", MASTERS);
            let why = "impersonating the system:masters group is not allowed";
            return Err(denial(user, &asked, why));
        }
        if !(narrow && wanted.groups.len() >= MANY && all(who, "groups", "")) {
            for group in &wanted.groups {
                authorize(&part(who, "groups", "", group))?;
            }
        }
        let values = wanted.extra.values().map(Vec::len).sum::<usize>();
        if narrow && wanted.extra.values().any(Vec::is_empty) {
            let asked = part(AUTHENTICATION, "userextras", "", "");
            let why = "impersonating empty values in extra is not allowed";
            return Err(denial(user, &asked, why));
        }
        let many = wanted.extra.len().max(values) >= MANY;
        if !(narrow && many && all(AUTHENTICATION, "userextras", "*")) {
            for (key, values) in &wanted.extra {
                for value in values {
                    authorize(&part(AUTHENTICATION, "userextras", key, value))?;
                }
            }
        }
        let everyone = if actual.username == "system:anonymous" {
            UNAUTHENTICATED
        } else {
            AUTHENTICATED
        };
        if !actual
            .groups
            .iter()
            .any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED)
        {
            actual.groups.push(everyone.to_owned());
        }
        Ok(actual)
    }
}

/// Namespace and name of the account that a user is.
fn account(username: &str) -> Option<(&str, &str)> {
    let (namespace, name) = username
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

/// The node that a user is.
fn node(username: &str) -> Option<&str> {
    let name = username.strip_prefix("system:node:")?;
    names::dns_1123_subdomain(name).is_empty().then_some(name)
}

/// The wanted user as Kubernetes quotes it: Go's `%#v` of a `user.DefaultInfo`.
fn as_go(uid: &str, groups: &[String], extra: &BTreeMap<String, Vec<String>>) -> String {
    let list = |values: &[String]| {
        let quoted: Vec<String> = values.iter().map(|value| quote(value)).collect();
        format!("[]string{{{}}}", quoted.join(", "))
    };
    let groups = if groups.is_empty() {
        "[]string(nil)".to_owned()
    } else {
        list(groups)
    };
    let extra = if extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let entries: Vec<String> = extra
            .iter()
            .map(|(key, values)| format!("{}:{}", quote(key), list(values)))
            .collect();
        format!("map[string][]string{{{}}}", entries.join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:\"\", UID:{}, Groups:{groups}, Extra:{extra}}}",
        quote(uid)
    )
}

/// Decodes `%2F` and the like; what is no escape stays.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).to_lowercase()
}
