//! Bootstrap tokens: `[a-z0-9]{6}.[a-z0-9]{16}`, kept in secrets
//! `kube-system/bootstrap-token-<id>`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::AUTHENTICATED;
use crate::api::{GroupResource, UserInfo};
use crate::registry::View;

/// The type of their secrets.
pub(crate) const TYPE: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers";

/// The two halves of a token.
pub(crate) struct Token<'a> {
    id: &'a str,
    secret: &'a str,
}

impl<'a> Token<'a> {
    /// `None` for what has not the form of a bootstrap token.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (id, secret) = text.split_once('.')?;
        let alphabet = |part: &str| {
            part.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        (id.len() == 6 && secret.len() == 16 && alphabet(id) && alphabet(secret))
            .then_some(Self { id, secret })
    }
}

/// A secret that holds a bootstrap token.
pub(crate) struct TokenSecret<'a>(&'a Value);

impl<'a> TokenSecret<'a> {
    /// `None` for other secrets, and for those whose name and id differ.
    pub(crate) fn of(secret: &'a Value) -> Option<Self> {
        let metadata = &secret["metadata"];
        let this = Self(secret);
        (secret["type"] == TYPE
            && metadata["namespace"] == "kube-system"
            && metadata["name"] == format!("bootstrap-token-{}", this.field("token-id")?))
        .then_some(this)
    }

    /// A field of its data, decoded.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let bytes = STANDARD.decode(self.0["data"][name].as_str()?).ok()?;
        String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.is_empty())
    }

    /// When it stops to be valid; `None` is never.
    pub(crate) fn expiration(&self) -> Option<Timestamp> {
        let text = self.field("expiration")?;
        // What cannot be read counts as over.
        Some(text.parse().unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Whether its time is not over.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.expiration().is_none_or(|end| now < end)
    }

    /// Whether it may be used for `authentication` or `signing`.
    pub(crate) fn usable_for(&self, usage: &str) -> bool {
        self.field(&format!("usage-bootstrap-{usage}")).as_deref() == Some("true")
    }
}

/// The user a token stands for.
pub(super) fn user(view: &dyn View, token: &Token<'_>) -> Option<UserInfo> {
    let name = format!("bootstrap-token-{}", token.id);
    let object = view.read(&GroupResource::new("", "secrets"), "kube-system", &name)?;
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let secret = TokenSecret::of(&object)?;
    let expected = secret.field("token-secret")?;
    if !same(expected.as_bytes(), token.secret.as_bytes())
        || secret.field("token-id")? != token.id
        || !secret.is_valid(Timestamp::now())
        || !secret.usable_for("authentication")
    {
        return None;
    }
    let mut groups = vec![GROUP.to_owned()];
    for group in secret
        .field("auth-extra-groups")
        .iter()
        .flat_map(|g| g.split(','))
    {
        let group = group.trim();
        if group.is_empty() {
            continue;
        }
        if !group.starts_with("system:bootstrappers:") {
            return None;
        }
        groups.push(group.to_owned());
    }
    groups.push(AUTHENTICATED.to_owned());
    Some(UserInfo {
        username: format!("system:bootstrap:{}", token.id),
        groups,
        ..UserInfo::default()
    })
}

/// Compares without telling by its time where two secrets differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}
