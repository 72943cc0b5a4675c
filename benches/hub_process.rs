//! An API server in this process, and the hub's real program beside it.

use std::error::Error;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use ocmadm::bundle::{self, HubValues};
use serde_json::{Value, json};

/// What can go wrong.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The API server.
pub(crate) struct Place {
    server: ApiServer,
    url: String,
    /// As an administrator.
    pub(crate) admin: Client,
}

pub(crate) fn user(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo {
        username: name.to_owned(),
        uid: String::new(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        extra: Default::default(),
    }
}

impl Place {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let server = ApiServer::start(Options {
            name: "hub".to_owned(),
            ..Options::default()
        })
        .await?;
        let address = server.listen(([127, 0, 0, 1], 0).into()).await?;
        let admin = Client::new(
            server.service(user("admin", &["system:masters"])),
            "default",
        );
        let mut objects = bundle::hub(&HubValues::default())?;
        objects.retain(|object| {
            object
                .types
                .as_ref()
                .is_some_and(|t| t.kind != "Deployment")
        });
        let discovery = ocmadm::k8s::discovery::Discovery::new(admin.clone());
        let applier = ocmadm::k8s::apply::Applier::new(admin.clone(), discovery, "bench");
        applier.apply(&bundle::hub_crds()?, |_| {}).await?;
        applier.apply(&objects, |_| {}).await?;
        Ok(Self {
            server,
            url: format!("https://{address}"),
            admin,
        })
    }

    /// A kubeconfig with this client certificate.
    pub(crate) fn kubeconfig(&self, certificate: &str, key: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {
                "server": self.url,
                "certificate-authority-data": STANDARD.encode(self.server.ca_pem()),
            }}],
            "users": [{"name": "c", "user": {
                "client-certificate-data": STANDARD.encode(certificate),
                "client-key-data": STANDARD.encode(key),
            }}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        })
    }

    pub(crate) fn account(&self, name: &str) -> Result<(String, String), Failure> {
        let account = user(
            &format!("system:serviceaccount:open-cluster-management:{name}"),
            &[
                "system:serviceaccounts",
                "system:serviceaccounts:open-cluster-management",
                "system:authenticated",
            ],
        );
        Ok(self
            .server
            .issue_client_certificate(&account, Duration::from_secs(24 * 3600))?)
    }
}

/// The hub's process.
pub(crate) struct Hub(Child);

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Hub {
    pub(crate) fn start(place: &Place, folder: &std::path::Path) -> Result<Self, Failure> {
        let (certificate, key) = place.account("cluster-manager")?;
        let path = folder.join("kubeconfig");
        std::fs::write(&path, place.kubeconfig(&certificate, &key).to_string())?;
        let binary = std::env::var_os("OCMADM_BENCH_BINARY")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_ocmadm").into());
        let child = Command::new(binary)
            .args(["hub", "--webhooks=127.0.0.1:0", "--no-leader-election"])
            .arg("--kubeconfig")
            .arg(path)
            .env("OCMADM_SUPERVISED", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("hub.log"))?)
            .spawn()?;
        Ok(Self(child))
    }

    /// Resident memory in MiB: now, and at most so far.
    pub(crate) fn memory(&self) -> Result<(f64, f64), Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let field = |name: &str| -> Result<f64, Failure> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.split_whitespace().next());
            Ok(kib.ok_or("no such field in /proc")?.parse::<f64>()? / 1024.0)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Seconds of CPU so far.
    pub(crate) fn cpu(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let fields: Vec<&str> = stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .collect();
        // utime and stime, in the kernel's hundredths.
        let ticks = |index: usize| fields.get(index).unwrap_or(&"0").parse::<f64>();
        Ok((ticks(11)? + ticks(12)?) / 100.0)
    }
}
