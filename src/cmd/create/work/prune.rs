//! Works that follow a placement by hand: which of them it has left behind.

use kube::api::ListParams;
use ring::digest;

use crate::cmd::explain::Doing;
use crate::cmd::resources;
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ocm::names;

/// The longest value of a label.
const LONGEST: usize = 63;

/// The value of the label of a placement's works, for `<namespace>/<name>`.
#[must_use]
pub(super) fn mark(placement: &str) -> String {
    let plain = placement.replacen('/', ".", 1);
    if plain.len() <= LONGEST {
        return plain;
    }
    // Too long to be a label: what fits, and a hash that tells it apart.
    let hash = digest::digest(&digest::SHA256, plain.as_bytes());
    let hash: String = hash.as_ref()[..8]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let kept: String = plain.chars().take(LONGEST - hash.len() - 1).collect();
    format!("{kept}-{hash}")
}

/// Clusters that have the work from this placement and are not chosen any more.
///
/// # Errors
/// Works cannot be listed.
pub(super) async fn stray(
    hub: &Connection,
    name: &str,
    mark: &str,
    chosen: &[String],
) -> Result<Vec<String>, CommandError> {
    let api = resources::all(&hub.client, &resources::manifest_work());
    let params = ListParams::default()
        .labels(&format!("{}={mark}", names::LABEL_PUT_BY_PLACEMENT))
        .fields(&format!("metadata.name={name}"));
    let found = hub.list_all_metadata(&api, &params).await;
    let mut stray: Vec<String> = found
        .doing("list the works of the placement")?
        .into_iter()
        .filter(|work| work.metadata.deletion_timestamp.is_none())
        .filter_map(|work| work.metadata.namespace)
        .filter(|cluster| !chosen.contains(cluster))
        .collect();
    stray.sort();
    Ok(stray)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_fit_into_labels_and_differ() {
        assert_eq!(mark("default/p"), "default.p");
        let long = |end: &str| mark(&format!("default/{}{end}", "p".repeat(200)));
        assert_eq!(long("a").len(), LONGEST);
        assert_ne!(long("a"), long("b"));
    }
}
