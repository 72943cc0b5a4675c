//! Log files of a sandbox: found by cluster and component, followed.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use super::error::{SandboxError, on_file};
use super::layout::{Layout, Member};

/// The log of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `klusterlet-5d7/klusterlet`: what the user may name it by.
    pub component: String,
    /// The file.
    pub path: PathBuf,
}

/// How often a followed file is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The log files asked for: of the whole sandbox, a cluster's containers, or
/// those of one component (a part of the pod's name is enough).
///
/// # Errors
/// There is no such cluster or component.
pub fn find(
    layout: &Layout,
    members: &[Member],
    cluster: Option<&str>,
    component: Option<&str>,
) -> Result<Vec<Log>, SandboxError> {
    let Some(cluster) = cluster else {
        return Ok(vec![Log {
            component: "sandbox".to_owned(),
            path: layout.supervisor_log(),
        }]);
    };
    if !members.iter().any(|member| member.name == cluster) {
        return Err(SandboxError::UnknownCluster {
            name: cluster.to_owned(),
            known: members.iter().map(|member| member.name.clone()).collect(),
        });
    }
    let all = list(&layout.logs(cluster))?;
    let Some(component) = component else {
        return Ok(all);
    };
    let found: Vec<Log> = all
        .iter()
        .filter(|log| log.component.contains(component))
        .cloned()
        .collect();
    if found.is_empty() {
        return Err(SandboxError::UnknownLog {
            cluster: cluster.to_owned(),
            component: component.to_owned(),
            known: all.into_iter().map(|log| log.component).collect(),
        });
    }
    Ok(found)
}

/// Files are called `<namespace>_<pod>_<container>.log`.
fn list(dir: &Path) -> Result<Vec<Log>, SandboxError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(on_file("read", dir)(error)),
    };
    let mut logs = Vec::new();
    for entry in entries {
        let path = entry.map_err(on_file("read", dir))?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let mut parts = stem.unwrap_or_default().splitn(3, '_').skip(1);
        if let (Some(pod), Some(container)) = (parts.next(), parts.next()) {
            logs.push(Log {
                component: format!("{pod}/{container}"),
                path: path.clone(),
            });
        }
    }
    logs.sort_by_key(|log| {
        let modified = fs::metadata(&log.path).and_then(|m| m.modified()).ok();
        (modified, log.component.clone())
    });
    Ok(logs)
}

/// Reads a log that grows.
pub struct Tail {
    path: PathBuf,
    offset: u64,
}

impl Tail {
    /// From its beginning.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            offset: 0,
        }
    }

    /// What was written since the last call; a file that became shorter is read
    /// from its beginning.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&mut self) -> Result<String, SandboxError> {
        let on_error = || on_file("read", &self.path);
        let mut file = fs::File::open(&self.path).map_err(on_error())?;
        let length = file.metadata().map_err(on_error())?.len();
        if length < self.offset {
            self.offset = 0;
        }
        file.seek(SeekFrom::Start(self.offset))
            .map_err(on_error())?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(on_error())?;
        self.offset += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until there is more.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub async fn more(&self) -> Result<(), SandboxError> {
        loop {
            sleep(LOOK).await;
            let metadata = fs::metadata(&self.path).map_err(on_file("read", &self.path))?;
            if metadata.len() != self.offset {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_found_by_part_of_their_name() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::find(Some(dir.path())).unwrap();
        let member = Member {
            name: "cluster1".to_owned(),
            port: None,
        };
        let members = [member];
        fs::create_dir_all(layout.logs("cluster1")).unwrap();
        let file = layout.logs("cluster1").join("ocm_klusterlet-1_agent.log");
        fs::write(file, "hello").unwrap();
        let found = find(&layout, &members, Some("cluster1"), Some("klusterlet")).unwrap();
        assert_eq!(found[0].component, "klusterlet-1/agent");
        let mut tail = Tail::new(&found[0].path);
        assert_eq!(tail.read().unwrap(), "hello");
        assert_eq!(tail.read().unwrap(), "");
        fs::write(&found[0].path, "x").unwrap();
        assert_eq!(tail.read().unwrap(), "x", "a shorter file is a new one");
        assert!(matches!(
            find(&layout, &members, Some("cluster2"), None),
            Err(SandboxError::UnknownCluster { .. })
        ));
        assert!(matches!(
            find(&layout, &members, Some("cluster1"), Some("x")),
            Err(SandboxError::UnknownLog { .. })
        ));
    }
}
