//! Where the programs of a control plane come from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The programs.
#[derive(Clone, Debug)]
pub(crate) struct Assets {
    /// envtest's folder (`KUBEBUILDER_ASSETS`), which need not hold everything.
    folder: Option<PathBuf>,
    /// All of them in one, by its first argument (`tests/apiserver`).
    built: Option<PathBuf>,
}

const NEEDED: [&str; 3] = ["etcd", "kube-apiserver", "kube-controller-manager"];

impl Assets {
    /// Looks for them in this order: `KUBEBUILDER_ASSETS`, then the program of
    /// `tests/apiserver`, which is built where Go is installed.
    ///
    /// # Errors
    /// Why there are none, in one line.
    pub(crate) fn find() -> Result<Self, String> {
        let folder = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let missing: Vec<&str> = match &folder {
            None => NEEDED.to_vec(),
            Some(folder) => NEEDED
                .into_iter()
                .filter(|name| !folder.join(name).is_file())
                .collect(),
        };
        if let (Some(folder), true) = (&folder, missing.contains(&"kube-apiserver")) {
            return Err(format!(
                "KUBEBUILDER_ASSETS={} holds no kube-apiserver",
                folder.display()
            ));
        }
        if missing.is_empty() {
            return Ok(Self {
                folder,
                built: None,
            });
        }
        match (program("realcp"), folder) {
            (Ok(built), folder) => Ok(Self {
                folder,
                built: Some(built),
            }),
            (Err(error), None) => Err(format!("KUBEBUILDER_ASSETS is not set, and {error}")),
            (Err(error), Some(folder)) => Err(format!(
                "KUBEBUILDER_ASSETS={} holds no {}, and {error}",
                folder.display(),
                missing.join(", ")
            )),
        }
    }

    /// The words that start a program.
    pub(super) fn words(&self, name: &str) -> Vec<OsString> {
        if let Some(path) = self.folder.as_ref().map(|folder| folder.join(name))
            && path.is_file()
        {
            return vec![path.into()];
        }
        let built = self.built.as_ref().expect("`find` saw that it is needed");
        vec![built.into(), name.into()]
    }
}

/// The path of a program of `tests/apiserver`, built when it is not there yet.
///
/// # Errors
/// Why there is none, in one line.
pub(crate) fn program(name: &str) -> Result<PathBuf, String> {
    let args = [name];
    let module = Module::of("apiserver", &args);
    module.there()?.map_or_else(|| module.build(), Ok)
}

/// The path of upstream's programs (`tests/upstream`), if they have been built:
/// that takes longer than a test may, and needs more modules than a proxy may
/// have.
///
/// # Errors
/// Why there are none, in one line.
pub(crate) fn upstream() -> Result<PathBuf, String> {
    let module = Module::of("upstream", &[]);
    module
        .there()?
        .ok_or_else(|| "tests/upstream/build has not been run".to_owned())
}

/// A Go module under `tests/` with a script that builds its program.
struct Module<'a> {
    name: &'a str,
    script: PathBuf,
    args: &'a [&'a str],
}

impl<'a> Module<'a> {
    fn of(name: &'a str, args: &'a [&'a str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let script = folder.join(name).join("build");
        Self { name, script, args }
    }

    fn run(&self, first: &[&str]) -> Result<PathBuf, String> {
        let script = self.script.display();
        let output = Command::new(&self.script)
            .args(first)
            .args(self.args)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("{script} does not run: {error}"))?;
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match output.status.success() {
            true => Ok(PathBuf::from(path)),
            false => Err(format!("{script} failed, see above")),
        }
    }

    /// Where the program is, if it is.
    fn there(&self) -> Result<Option<PathBuf>, String> {
        let path = self.run(&["--where"])?;
        Ok(Some(path).filter(|path| path.is_file()))
    }

    fn build(&self) -> Result<PathBuf, String> {
        let what = self.args.join(" ");
        let go = Command::new("go").arg("version").output();
        if !go.is_ok_and(|output| output.status.success()) {
            return Err(format!("Go, which would build {what}, is not installed"));
        }
        super::super::tell(&format!(
            "building tests/{} ({what}), once: this may take some minutes",
            self.name
        ));
        self.run(&[])
    }
}
