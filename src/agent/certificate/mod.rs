//! Certificates that the agent gets from the hub and keeps in Secrets: its own,
//! and those of add-ons.
//!
//! An [`Order`] says for whom one is and where it is kept; `request` decides,
//! without I/O, when a new one is due and what becomes of a request; a
//! [`keeper::Keeper`] carries it out; `credentials` reads what Secrets hold.

pub mod credentials;
pub mod follow;
pub mod keeper;
pub mod request;

use std::collections::BTreeMap;

use crate::ocm::names;

use credentials::Subject;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Begins the request's name.
    pub prefix: String,
    /// The managed cluster.
    pub cluster: String,
    /// The add-on that it is for, if it is for one.
    pub addon: Option<String>,
    /// Who signs.
    pub signer: String,
    /// Whom it names.
    pub subject: Subject,
    /// DNS names in it.
    pub dns_names: Vec<String>,
    /// How long it shall last, in seconds; the signer's choice when `None`.
    pub seconds: Option<i32>,
}

impl Ask {
    /// The request's labels.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<&'static str, &str> {
        let mut labels = BTreeMap::from([(names::LABEL_CLUSTER_NAME, self.cluster.as_str())]);
        if let Some(addon) = &self.addon {
            labels.insert(names::LABEL_ADDON_NAME, addon);
        }
        labels
    }

    /// Selects requests of the same kind, which count against
    /// [`request::MAX_REQUESTS`].
    #[must_use]
    pub fn selector(&self) -> String {
        let (cluster, addon) = (names::LABEL_CLUSTER_NAME, names::LABEL_ADDON_NAME);
        match &self.addon {
            Some(name) => format!("{cluster}={},{addon}={name}", self.cluster),
            None => format!("{cluster}={},!{addon}", self.cluster),
        }
    }
}

/// A certificate that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is asked for.
    pub ask: Ask,
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub secret: String,
    /// What stands in the Secret beside certificate and key.
    pub beside: BTreeMap<String, String>,
}
