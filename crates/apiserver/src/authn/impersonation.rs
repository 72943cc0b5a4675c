//! `Impersonate-User`, `-Group`, `-Uid`, `-Extra-<key>`: acting as another
//! user, which RBAC must allow for each part.

use std::collections::BTreeMap;

use http::HeaderMap;

use super::{AUTHENTICATED, UNAUTHENTICATED, service_account};
use crate::api::{Attributes, UserInfo};
use crate::authz::{Authorizer, denial};
use crate::schema::cause::quote;
use crate::status::Status;

const EXTRA: &str = "impersonate-extra-";

/// The user a request acts as: the impersonated one, or `user` when the headers
/// name none.
pub fn impersonate(
    user: UserInfo,
    headers: &HeaderMap,
    authorizer: &Authorizer,
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

    let may = |group: &str, resource: &str, subresource: &str, namespace: &str, name: &str| {
        let wanted = Attributes {
            verb: "impersonate".to_owned(),
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Attributes::default()
        };
        let decision = authorizer.authorize(&user, &wanted);
        if decision.allowed {
            Ok(())
        } else {
            Err(denial(&user, &wanted, &decision.reason))
        }
    };
    let account = name
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'));
    match account {
        Some((namespace, account)) => may("", "serviceaccounts", "", namespace, account)?,
        None => may("", "users", "", "", &name)?,
    }
    for group in &groups {
        may("", "groups", "", "", group)?;
    }
    let authentication = "authentication.k8s.io";
    for (key, values) in &extra {
        for value in values {
            may(authentication, "userextras", key, "", value)?;
        }
    }
    if !uid.is_empty() {
        may(authentication, "uids", "", "", &uid)?;
    }

    if let (Some((namespace, _)), true) = (account, groups.is_empty()) {
        groups = service_account::groups(namespace);
    }
    let everyone = if name == "system:anonymous" {
        UNAUTHENTICATED
    } else {
        AUTHENTICATED
    };
    if !groups
        .iter()
        .any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED)
    {
        groups.push(everyone.to_owned());
    }
    Ok(UserInfo {
        username: name,
        uid,
        groups,
        extra,
    })
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
