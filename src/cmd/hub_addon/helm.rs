//! Add-ons that other projects publish as Helm charts: Helm itself installs them, on the
//! cluster that this command's own flags name.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command as Process;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// A chart, which is the name of its release too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chart {
    pub(super) name: &'static str,
    pub(super) namespace: &'static str,
}

impl Chart {
    /// Installs it, or brings it up to date.
    pub(super) async fn install(
        self,
        repository: &str,
        create_namespace: bool,
        global: &GlobalArgs,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let mut helm = vec!["upgrade", "--install", self.name];
        let local;
        if Path::new(repository).is_dir() {
            local = self.within(Path::new(repository))?;
            helm.push(&local);
        } else {
            helm.extend([self.name, "--repo", repository]);
        }
        helm.extend(["--namespace", self.namespace]);
        if create_namespace {
            helm.push("--create-namespace");
        }
        run(&helm, global, ui).await
    }

    /// The chart in a folder, for those who have no way to the internet: its folder, or
    /// the newest of its packages.
    fn within(self, folder: &Path) -> Result<String, CommandError> {
        let unpacked = folder.join(self.name);
        if unpacked.join("Chart.yaml").is_file() {
            return Ok(unpacked.display().to_string());
        }
        let entries = std::fs::read_dir(folder).map_err(|error| {
            CommandError::user(format!("cannot read {}", folder.display())).because(error)
        })?;
        let version = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            let version = name.strip_prefix(self.name)?.strip_prefix('-')?;
            semver::Version::parse(version.strip_suffix(".tgz")?).ok()
        };
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter_map(|path| Some((version(&path)?, path)))
            .max()
            .map(|(_, path)| path.display().to_string())
            .ok_or_else(|| {
                CommandError::user(format!(
                    "there is no chart {0} in {1}: neither {0}/Chart.yaml nor {0}-VERSION.tgz",
                    self.name,
                    folder.display()
                ))
                .hint(format!(
                    "`helm pull {} --repo {} -d {}` where the internet is",
                    self.name,
                    super::CHARTS,
                    folder.display()
                ))
            })
    }

    /// Takes it off, if it is there.
    pub(super) async fn uninstall(self, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
        let helm = [
            "uninstall",
            self.name,
            "--namespace",
            self.namespace,
            "--ignore-not-found",
        ];
        run(&helm, global, ui).await
    }
}

/// Runs Helm on the cluster that the flags name; what it says goes to stderr.
async fn run(args: &[&str], global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let mut helm = Process::new("helm");
    helm.args(args);
    // What the environment says of another cluster is not for this command.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("HELM_KUBE") || text == "HELM_NAMESPACE" {
            helm.env_remove(&name);
        }
    }
    if let Some(path) = &global.kubeconfig {
        helm.arg("--kubeconfig").arg(path);
    }
    if let Some(context) = &global.context {
        helm.arg("--kube-context").arg(context);
    }
    if global.dry_run {
        helm.arg(match global.dry_run_on_server {
            true => "--dry-run=server",
            false => "--dry-run",
        });
    }
    let said = helm.stdin(Stdio::null()).output().await.map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let error = CommandError::user("cannot run helm").because(error);
        match missing {
            true => error.hint("install Helm 3: https://helm.sh/docs/intro/install"),
            false => error,
        }
    })?;
    for line in String::from_utf8_lossy(&said.stdout).lines() {
        ui.status(line);
    }
    if said.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&said.stderr);
    Err(
        CommandError::user(format!("helm {} failed: {}", args[0], why.trim()))
            .hint("the charts come from the internet; --repository names a mirror, or a folder that holds them"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_in_a_folder_are_found() {
        let chart = Chart {
            name: "argocd-agent-addon",
            namespace: "argocd",
        };
        let folder = tempfile::tempdir().unwrap();
        let found = || chart.within(folder.path());
        let error = found().unwrap_err();
        assert!(error.hints()[0].starts_with("`helm pull argocd-agent-addon --repo "));
        for name in ["0.9.0", "0.10.0", "x", "extra-1.0.0"] {
            let name = format!("argocd-agent-addon-{name}.tgz");
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(found().unwrap().ends_with("/argocd-agent-addon-0.10.0.tgz"));
        let unpacked = folder.path().join("argocd-agent-addon");
        std::fs::create_dir(&unpacked).unwrap();
        std::fs::write(unpacked.join("Chart.yaml"), "").unwrap();
        assert!(found().unwrap().ends_with("/argocd-agent-addon"));
    }
}
