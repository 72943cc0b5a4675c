//! Upstream's programs as processes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{Cluster, real, tell};

/// Where upstream's programs are; `None`, said once a test, where they are not.
pub(super) fn there() -> Option<PathBuf> {
    match real::upstream() {
        Ok(path) => Some(path),
        Err(why) => {
            tell(&format!("skipped: upstream's programs: {why}"));
            None
        }
    }
}

/// One that runs until it is dropped.
pub(super) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it on a cluster, as an administrator of that. What it logs is in
    /// `folder`.
    pub(super) async fn start(
        upstream: &Path,
        words: &[&str],
        cluster: &Cluster,
        folder: &Path,
        flags: &[String],
    ) -> Self {
        let log = folder.join(format!("{}.log", words.join("-")));
        let file = File::create(&log).unwrap();
        // It serves somewhere, or takes its own port, which two cannot.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let child = Command::new(upstream)
            .args(words)
            .arg(format!(
                "--kubeconfig={}",
                cluster.kubeconfig().await.display()
            ))
            .arg("--disable-leader-election")
            .arg(format!("--listen={address}"))
            .args(flags)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let ended = self.child.try_wait().unwrap();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if ended.is_some() || std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            eprintln!("{} ({ended:?}):\n{}", self.log.display(), last.join("\n"));
        }
    }
}
