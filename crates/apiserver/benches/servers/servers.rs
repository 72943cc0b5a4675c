//! The servers under measurement, each a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::Access;

/// What tells this program to be a server.
pub(crate) const SERVE: &str = "serve";

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Redb,
    Real,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redb => "redb",
            Self::Real => "real",
        }
    }
}

/// A running server; it stops when this is dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) access: Access,
    /// From its start until it was ready.
    pub(crate) ready: Duration,
    child: Child,
    input: Option<ChildStdin>,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start(kind: Kind) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let mut command = match kind {
            Kind::Real => {
                let mut command = Command::new(real_program()?);
                command.arg("--until-eof").arg("--dir").arg(folder.path());
                command
            }
            kind => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg(SERVE).arg(kind.name()).arg(folder.path());
                command
            }
        };
        let begin = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ready = begin.elapsed();
        let access = match kind {
            Kind::Real => {
                let text = std::fs::read_to_string(line.trim())?;
                Access::new(&serde_saphyr::from_str(&text)?)?
            }
            _ => Access::new(&serde_json::from_str(&line)?)?,
        };
        Ok(Self {
            kind,
            access,
            ready,
            child,
            input,
            _folder: folder,
        })
    }

    /// Memory of its processes, in MiB.
    pub(crate) fn rss(&self) -> f64 {
        let bytes: u64 = self
            .processes()
            .iter()
            .filter_map(|pid| {
                let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
                let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
                line.split_whitespace().nth(1)?.parse::<u64>().ok()
            })
            .map(|kib| kib * 1024)
            .sum();
        bytes as f64 / f64::from(1 << 20)
    }

    /// CPU time its processes have used, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let ticks: u64 = self
            .processes()
            .iter()
            .filter_map(|pid| {
                let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
                let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
                let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
                Some(number(11)? + number(12)?)
            })
            .sum();
        // The kernel counts in hundredths for everybody.
        ticks as f64 / 100.0
    }

    /// The process and its children.
    fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let children = std::fs::read_dir(format!("/proc/{own}/task"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
            .flat_map(|text| {
                text.split_whitespace()
                    .filter_map(|pid| pid.parse().ok())
                    .collect::<Vec<u32>>()
            });
        std::iter::once(own).chain(children).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input stops it.
        drop(self.input.take());
        let _status = self.child.wait();
    }
}

/// The real control plane, if it is built.
fn real_program() -> Result<String, Failure> {
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/apiserver/build");
    let output = Command::new(build).arg("--where").output()?;
    let path = String::from_utf8(output.stdout)?.trim().to_owned();
    if Path::new(&path).is_file() {
        Ok(path)
    } else {
        Err("it is not built; tests/apiserver/build does it, with Go".into())
    }
}

/// Serves until the end of the input; prints how to get in.
pub(crate) async fn serve(kind: &str, folder: &Path) -> Result<(), Failure> {
    let server = ApiServer::start(Options {
        name: "bench".to_owned(),
        data_dir: (kind == Kind::Redb.name()).then(|| folder.to_owned()),
        ..Options::default()
    })
    .await?;
    let address = server.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let hour = Duration::from_secs(3600);
    let (certificate, key) = server.issue_client_certificate(&UserInfo::admin(), hour)?;
    let encode = |text: String| Value::from(STANDARD.encode(text));
    let config = json!({
        "clusters": [{"cluster": {
            "server": format!("https://{address}"),
            "certificate-authority-data": encode(server.ca_pem()),
        }}],
        "users": [{"user": {
            "client-certificate-data": encode(certificate),
            "client-key-data": encode(key),
        }}],
    });
    writeln!(std::io::stdout(), "{config}")?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    server.shutdown().await;
    Ok(())
}
