//! One control plane: three processes, their folder, and what makes clients.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use apiserver::pki::{Authority, pem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::{admin, eventually, user};
use super::assets::Assets;
use super::reset::Baseline;

const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Running processes; they end with this value, or with this process.
pub(super) struct Plane {
    /// kube-apiserver.
    pub(super) address: SocketAddr,
    /// Signs servers, users, and the requests that are approved.
    pub(super) authority: Authority,
    /// etcd's URL.
    pub(super) etcd: String,
    /// What it held when it had just started.
    pub(super) baseline: Baseline,
    /// How many tests it has served.
    pub(super) tests: usize,
    kubeconfig: String,
    _processes: Vec<Process>,
    _folder: tempfile::TempDir,
}

impl Plane {
    /// Starts it and waits until its controllers have made what every cluster has.
    pub(super) async fn start() -> Self {
        let assets = Assets::find().unwrap_or_else(|error| panic!("no control plane: {error}"));
        let folder = tempfile::tempdir().unwrap();
        let pki = folder.path().join("pki");
        std::fs::create_dir(&pki).unwrap();
        let authority = Authority::open(Some(&pki)).unwrap();
        let accounts = rcgen::KeyPair::generate().unwrap();
        std::fs::write(pki.join("sa.key"), accounts.serialize_pem()).unwrap();
        std::fs::write(pki.join("sa.pub"), accounts.public_key_pem()).unwrap();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (certificate, key) = authority
            .issue_server(
                "kube-apiserver",
                &["localhost", "kubernetes.default.svc"],
                &[loopback],
                LIFETIME,
            )
            .unwrap();
        std::fs::write(pki.join("server.crt"), pem("CERTIFICATE", &certificate)).unwrap();
        std::fs::write(pki.join("server.key"), pem("PRIVATE KEY", &key)).unwrap();

        let [api, client, peer] = free_ports();
        let address = SocketAddr::from(([127, 0, 0, 1], api));
        let etcd = format!("http://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        let data = folder.path().join("etcd");
        let mut starting = vec![Process::start(
            &assets,
            folder.path(),
            "etcd",
            &[
                format!("--data-dir={}", data.display()),
                format!("--listen-client-urls={etcd}"),
                format!("--advertise-client-urls={etcd}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
                "--max-txn-ops=4096".to_owned(),
                "--max-request-bytes=16777216".to_owned(),
                "--unsafe-no-fsync=true".to_owned(),
            ],
        )];
        let file = |name: &str| pki.join(name).display().to_string();
        starting.push(Process::start(
            &assets,
            folder.path(),
            "kube-apiserver",
            &[
                format!("--etcd-servers={etcd}"),
                "--bind-address=127.0.0.1".to_owned(),
                "--advertise-address=127.0.0.1".to_owned(),
                format!("--secure-port={api}"),
                format!("--cert-dir={}", pki.display()),
                format!("--tls-cert-file={}", file("server.crt")),
                format!("--tls-private-key-file={}", file("server.key")),
                format!("--client-ca-file={}", file("ca.crt")),
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
                format!("--service-account-key-file={}", file("sa.pub")),
                format!("--service-account-signing-key-file={}", file("sa.key")),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                "--authorization-mode=Node,RBAC".to_owned(),
                "--enable-bootstrap-token-auth=true".to_owned(),
                "--endpoint-reconciler-type=none".to_owned(),
            ],
        ));
        let kubeconfig = kubeconfig(&authority, address, "admin");
        // Its controllers have one identity: their service accounts would be
        // objects that the clean-up has to tell from a test's own.
        let manager = folder.path().join("manager.kubeconfig");
        let content = self::kubeconfig(&authority, address, "system:kube-controller-manager");
        std::fs::write(&manager, content).unwrap();
        let mut plane = Self {
            address,
            authority,
            etcd,
            baseline: Baseline::default(),
            tests: 0,
            kubeconfig,
            _processes: Vec::new(),
            _folder: folder,
        };
        let client = plane.client().await;
        let processes = std::cell::RefCell::new(starting);
        eventually("kube-apiserver is ready", || async {
            for process in processes.borrow_mut().iter_mut() {
                process.lives(plane._folder.path());
            }
            let ready = http::Request::get("/readyz").body(Vec::new()).unwrap();
            client.request_text(ready).await.ok()
        })
        .await;
        let mut processes = processes.into_inner();
        processes.push(Process::start(
            &assets,
            plane._folder.path(),
            "kube-controller-manager",
            &[
                format!("--kubeconfig={}", manager.display()),
                "--secure-port=0".to_owned(),
                "--leader-elect=false".to_owned(),
                "--controllers=*,bootstrapsigner,tokencleaner".to_owned(),
                format!("--service-account-private-key-file={}", file("sa.key")),
                format!("--root-ca-file={}", file("ca.crt")),
                format!("--cluster-signing-cert-file={}", file("ca.crt")),
                format!("--cluster-signing-key-file={}", file("ca.key")),
                "--cluster-signing-duration=8760h".to_owned(),
            ],
        ));
        plane._processes = processes;
        plane.baseline = Baseline::of(&plane, &client).await;
        plane
    }

    /// An administrator's client for the runtime it is called in.
    pub(super) async fn client(&self) -> kube::Client {
        let config = serde_json::from_str(&self.kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(config, &Default::default())
            .await
            .unwrap();
        kube::Client::try_from(config).unwrap()
    }
}

fn kubeconfig(authority: &Authority, address: SocketAddr, name: &str) -> String {
    let mut who = user(name, &[]);
    who.groups = admin().groups;
    let (certificate, key) = authority.issue_client(&who, LIFETIME).unwrap();
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [{"name": "c", "cluster": {
            "server": format!("https://{address}"),
            "certificate-authority-data": STANDARD.encode(authority.pem()),
        }}],
        "users": [{"name": "c", "user": {
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        }}],
    })
    .to_string()
}

/// Ports nobody listens on at this moment. They are below those that the system gives
/// to connections, as one of these would take it before a control plane listens.
fn free_ports<const N: usize>() -> [u16; N] {
    use std::hash::{BuildHasher as _, RandomState};
    let listeners: [std::net::TcpListener; N] = std::array::from_fn(|_| {
        let tries = std::iter::repeat_with(|| RandomState::new().hash_one(()) % 10_000);
        tries
            .take(1000)
            .map(|number| 22_000 + u16::try_from(number).unwrap())
            .find_map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).ok())
            .expect("one of so many ports is free")
    });
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A process that ends with this one, however this one ends: the shell around
/// it waits for its standard input to end, and kills it.
struct Process {
    name: &'static str,
    shell: Child,
}

impl Process {
    fn start(assets: &Assets, folder: &Path, name: &'static str, args: &[String]) -> Self {
        let log = std::fs::File::create(folder.join(format!("{name}.log"))).unwrap();
        // `cat` must read the pipe, which a shell takes away from what it runs
        // in the background: it gets it under another number. The planes that are
        // left when this process ends have nobody else to remove their folder.
        let script = "exec 3<&0; folder=$1; shift; \"$@\" </dev/null & pid=$!; \
            (cat <&3 >/dev/null; kill -9 $pid; rm -rf \"$folder\") & wait $pid";
        let shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(folder)
            .args(assets.words(name))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { name, shell }
    }

    /// Stops the test, with the end of the log, when the process has ended.
    fn lives(&mut self, folder: &Path) {
        if let Some(status) = self.shell.try_wait().unwrap() {
            let log = std::fs::read_to_string(folder.join(format!("{}.log", self.name)));
            let log = log.unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(10).collect();
            panic!("{} ended ({status}): {last:#?}", self.name);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
