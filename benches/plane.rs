//! A real control plane, as `tests/apiserver/build` has built one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What may go wrong with it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// It ends with this value.
pub(crate) struct Plane {
    process: Child,
    kubeconfig: String,
    _folder: tempfile::TempDir,
}

impl Plane {
    /// The program, if it is built.
    pub(crate) fn program() -> Option<String> {
        let build = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apiserver/build");
        let output = Command::new(build).arg("--where").output().ok()?;
        let path = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        Path::new(&path).exists().then_some(path)
    }

    /// One that answers.
    pub(crate) fn start(program: &str) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let mut process = Command::new(program)
            .arg("--dir")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("no output")?;
        let mut path = String::new();
        BufReader::new(stdout).read_line(&mut path)?;
        Ok(Self {
            process,
            kubeconfig: path.trim().to_owned(),
            _folder: folder,
        })
    }

    /// The path of an administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        // Its children end with it.
        drop(self.process.stdin.take());
        let pid = i32::try_from(self.process.id()).ok();
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
