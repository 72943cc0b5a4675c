//! `-k`: a kustomization is built by kubectl, which everybody who has one has too.

use std::process::Stdio;

use tokio::process::Command;

use crate::error::CommandError;
use crate::k8s::yaml::{self, Manifest};

/// What `kubectl kustomize` (or kustomize itself) makes of a folder.
///
/// # Errors
/// Neither program is there, or the kustomization cannot be built.
pub(super) async fn read(folder: &str) -> Result<Vec<Manifest>, CommandError> {
    for (program, words) in [("kubectl", &["kustomize"][..]), ("kustomize", &["build"])] {
        let ran = Command::new(program)
            .args(words)
            .arg(folder)
            .stdin(Stdio::null())
            .output()
            .await;
        let output = match ran {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(CommandError::user(format!("cannot run {program}")).because(error));
            }
            Ok(output) => output,
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(CommandError::user(format!(
                "{program} cannot build {folder}: {}",
                said.trim()
            )));
        }
        let manifests = yaml::read(folder, &output.stdout)?;
        if manifests.is_empty() {
            return Err(CommandError::user(format!("{folder} holds no manifests")));
        }
        return Ok(manifests);
    }
    Err(
        CommandError::user("-k needs kubectl or kustomize, and neither is in $PATH")
            .hint("build it elsewhere and pass the result: `kustomize build DIR | ocmadm create work NAME -f -`"),
    )
}
