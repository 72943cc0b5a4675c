//! The folder of a sandbox: what lies where, whose it is, who serves it.
//!
//! ```text
//! sandbox.json      which clusters it has, and their ports; makes it ours
//! supervisor.lock   locked while a background process serves it
//! command.lock      locked while `up` or `down` is at work
//! state.json        while it runs: process, servers
//! kubeconfig        contexts hub, cluster1, …
//! supervisor.log
//! hub/              for each control plane
//!   data/           keys and objects of its API server
//!   pods/           a folder for each running pod: its token
//!   logs/           a file for each container
//! ```

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{SandboxError, on_file};
use super::files;

/// The name of the hub's control plane and context.
pub const HUB: &str = "hub";
const CONFIG: &str = "sandbox.json";

/// Paths in a sandbox's folder.
#[derive(Clone, Debug)]
pub struct Layout {
    dir: PathBuf,
}

/// One control plane, as the folder remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `hub`, `cluster1`, …
    pub name: String,
    /// Where it listens on 127.0.0.1; unknown before its first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// What the folder remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// The format of this file.
    pub version: u32,
    /// Before the number in a managed cluster's name.
    pub name_prefix: String,
    /// The hub first.
    pub members: Vec<Member>,
}

/// One control plane while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// `hub`, `cluster1`, …; also its context.
    pub name: String,
    /// Its URL.
    pub server: String,
    /// Its node.
    pub node: String,
}

/// What is known while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The background process.
    pub pid: u32,
    /// When it was ready.
    pub started: String,
    /// The folder.
    pub dir: PathBuf,
    /// The kubeconfig.
    pub kubeconfig: PathBuf,
    /// The hub first.
    pub control_planes: Vec<Serving>,
}

impl Layout {
    /// The folder asked for, else the one under the user's data.
    ///
    /// # Errors
    /// There is no home, or the current folder is gone.
    pub fn find(dir: Option<&Path>) -> Result<Self, SandboxError> {
        let dir = match dir {
            Some(dir) => std::path::absolute(dir).map_err(on_file("find", dir))?,
            None => default_dir().ok_or(SandboxError::NoHome)?,
        };
        Ok(Self { dir })
    }

    /// What to type for a command on this sandbox, such as `up`.
    #[must_use]
    pub fn command(&self, words: &str) -> String {
        command(&self.dir, words)
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// The log of the background process.
    pub fn supervisor_log(&self) -> PathBuf {
        self.dir.join("supervisor.log")
    }

    /// The folder of a control plane.
    pub fn member(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The logs of a control plane's containers.
    pub fn logs(&self, name: &str) -> PathBuf {
        self.member(name).join("logs")
    }

    fn state_file(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// What the folder remembers; `None` when there is no sandbox.
    ///
    /// # Errors
    /// It cannot be read, or holds something else.
    pub fn config(&self) -> Result<Option<Config>, SandboxError> {
        let path = self.dir.join(CONFIG);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| SandboxError::Damaged(path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.holds_anything() {
                Ok(true) => Err(SandboxError::Foreign(self.dir.clone())),
                Ok(false) => Ok(None),
                Err(error) => Err(on_file("read", &self.dir)(error)),
            },
            Err(error) => Err(on_file("read", path)(error)),
        }
    }

    /// Whether something lies there that no interrupted first start left.
    fn holds_anything(&self) -> io::Result<bool> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = entry?.file_name();
            let ours = ["command.lock", "supervisor.lock", "supervisor.log"];
            if !ours.iter().any(|known| name == *known) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Remembers the clusters.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save_config(&self, config: &Config) -> Result<(), SandboxError> {
        save(&self.dir.join(CONFIG), config)
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(&self) -> Result<(), SandboxError> {
        files::private_dir(&self.dir).map_err(on_file("make the folder", &self.dir))
    }

    /// What the background process last said about itself.
    pub fn state(&self) -> Option<State> {
        serde_json::from_slice(&fs::read(self.state_file()).ok()?).ok()
    }

    /// Tells who serves the folder, and where.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save_state(&self, state: &State) -> Result<(), SandboxError> {
        save(&self.state_file(), state)
    }

    /// Nobody serves it any more.
    pub fn clear_state(&self) {
        if let Err(error) = fs::remove_file(self.state_file()) {
            tracing::warn!(%error, "cannot remove the state file");
        }
    }

    /// The lock of the background process, if it is free.
    ///
    /// # Errors
    /// The lock file cannot be used.
    pub fn try_serve(&self) -> Result<Option<File>, SandboxError> {
        let (path, file) = self.open_lock("supervisor.lock")?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(on_file("lock", path)(error)),
        }
    }

    /// Waits until no background process serves the folder.
    ///
    /// # Errors
    /// The lock file cannot be used.
    pub fn wait_unserved(&self) -> Result<File, SandboxError> {
        self.wait_lock("supervisor.lock")
    }

    /// Waits until no other command starts or stops the sandbox.
    ///
    /// # Errors
    /// The lock file cannot be used.
    pub fn command_lock(&self) -> Result<File, SandboxError> {
        self.wait_lock("command.lock")
    }

    fn wait_lock(&self, name: &str) -> Result<File, SandboxError> {
        let (path, file) = self.open_lock(name)?;
        file.lock().map_err(on_file("lock", path))?;
        Ok(file)
    }

    fn open_lock(&self, name: &str) -> Result<(PathBuf, File), SandboxError> {
        let path = self.dir.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(on_file("write", &path))?;
        Ok((path, file))
    }

    /// Whether a background process serves the folder now.
    ///
    /// # Errors
    /// The lock file cannot be used.
    pub fn is_served(&self) -> Result<bool, SandboxError> {
        if !self.dir.join("supervisor.lock").exists() {
            return Ok(false);
        }
        Ok(self.try_serve()?.is_none())
    }
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), SandboxError> {
    let mut json = serde_json::to_vec_pretty(value)
        .map_err(|error| on_file("write", path)(io::Error::other(error)))?;
    json.push(b'\n');
    files::write_private(path, &json).map_err(on_file("write", path))
}

/// What to type for a command on the sandbox in a folder: with `--dir`, unless
/// it is the default one.
pub(super) fn command(dir: &Path, words: &str) -> String {
    if default_dir().is_some_and(|default| default == dir) {
        format!("ocmadm sandbox {words}")
    } else {
        format!("ocmadm sandbox {words} --dir {}", dir.display())
    }
}

fn default_dir() -> Option<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(data.join("ocmadm").join("sandbox"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(dir: &Path) -> Layout {
        Layout::find(Some(dir)).unwrap()
    }

    #[test]
    fn a_folder_that_is_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        assert_eq!(layout.config().unwrap(), None);
        fs::write(dir.path().join("letter.txt"), "dear").unwrap();
        assert!(matches!(layout.config(), Err(SandboxError::Foreign(_))));
        fs::remove_file(dir.path().join("letter.txt")).unwrap();
        fs::write(dir.path().join(CONFIG), "{").unwrap();
        assert!(matches!(layout.config(), Err(SandboxError::Damaged(..))));
    }

    #[test]
    fn one_process_serves_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        assert!(!layout.is_served().unwrap());
        let lock = layout.try_serve().unwrap();
        assert!(lock.is_some());
        assert!(layout.try_serve().unwrap().is_none());
        assert!(layout.is_served().unwrap());
        drop(lock);
        assert!(!layout.is_served().unwrap());
    }

    #[test]
    fn what_is_saved_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        let config = Config {
            version: 1,
            name_prefix: "cluster".to_owned(),
            members: vec![Member {
                name: HUB.to_owned(),
                port: Some(1),
            }],
        };
        layout.save_config(&config).unwrap();
        assert_eq!(layout.config().unwrap(), Some(config));
    }
}
