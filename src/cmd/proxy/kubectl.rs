//! `ocmadm proxy kubectl`: kubectl speaks with a managed cluster's API server
//! through the proxy, end to end over TLS, as a ManagedServiceAccount.

use std::io::Write as _;
use std::process::ExitStatus;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command as Process;
use tokio::signal::unix::{SignalKind, signal};

use super::reach::{Reach, ServerArgs};
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing as _;
use crate::cmd::get::clusters::require_names;
use crate::cmd::{connect, random_text, resources};
use crate::error::{CommandError, Kind};
use crate::k8s::client::Connection;
use crate::ui::{Ui, prompt};

/// A name that every API server's certificate has.
const SERVER_NAME: &str = "kubernetes.default.svc";

/// How much a client may say before it says what it wants.
const LONGEST_HEAD: usize = 8192;

/// Arguments of `ocmadm proxy kubectl`.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Args {
    /// The managed cluster
    #[arg(long, short, value_name = "NAME", alias = "clusters", add = crate::cmd::completion::clusters())]
    cluster: String,

    /// The ManagedServiceAccount to be
    #[arg(long, value_name = "NAME")]
    sa: String,

    /// What to pass to kubectl, as a shell would read it
    #[arg(
        long,
        value_name = "ARGUMENTS",
        conflicts_with = "interactive_mode",
        allow_hyphen_values = true
    )]
    args: Option<String>,

    /// Ask for one command after the other, until `exit`
    #[arg(long, short, alias = "interactive")]
    interactive_mode: bool,

    /// What to pass to kubectl, behind --
    #[arg(value_name = "ARGUMENT", last = true, conflicts_with_all = ["args", "interactive_mode"])]
    words: Vec<String>,

    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
///
/// # Errors
/// No add-on, no such cluster or account, no kubectl; kubectl's own failure
/// passes its exit code on.
pub(super) async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let words = match &args.args {
        Some(text) => split(text)?,
        None => args.words.clone(),
    };
    if words.is_empty() && !args.interactive_mode {
        return Err(CommandError::usage("what shall kubectl do?")
            .hint("pass --args \"get pods\", or -- get pods, or -i to be asked"));
    }
    let hub = connect(global).await?;
    let reach = Reach::find(&args.server, &hub).await?;
    require_names(&hub, std::slice::from_ref(&args.cluster)).await?;
    let account = account(&hub, &args.cluster, &args.sa).await?;
    if global.dry_run {
        let what = match args.interactive_mode {
            true => "whatever is asked for".to_owned(),
            false => format!("kubectl {}", words.join(" ")),
        };
        let line = format!("would run on {} as {}: {what}", args.cluster, args.sa);
        return Ok(ui.result_line(&line)?);
    }
    let door = Door::open().await?;
    let kubeconfig = door.kubeconfig(&args.cluster, &account)?;
    let serving = door.serve(&reach, &args.cluster);
    let running = async {
        match args.interactive_mode {
            true => ask(&kubectl_in(&kubeconfig), ui).await,
            false => kubectl_in(&kubeconfig).run(&words).await.and_then(passed),
        }
    };
    tokio::select! {
        result = running => result,
        () = serving => Ok(()),
    }
}

/// kubectl's end is ours.
fn passed(status: ExitStatus) -> Result<(), CommandError> {
    use std::os::unix::process::ExitStatusExt as _;
    if status.success() {
        return Ok(());
    }
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    let code = code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(CommandError::new(Kind::Passed(code), "kubectl failed"))
}

/// Words as a shell splits them: blanks separate, quotes and `\` keep together.
fn split(text: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => {
                let next = letters.next().unwrap_or('\\');
                word.get_or_insert_default().push(next);
            }
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, Some(open)) if letter == open => quote = None,
            (_, None) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(CommandError::usage(format!(
            "a quote is not closed: {text}"
        )));
    }
    words.extend(word);
    Ok(words)
}

/// A ManagedServiceAccount's credentials.
struct Account {
    token: String,
    ca: Vec<u8>,
}

async fn account(hub: &Connection, cluster: &str, name: &str) -> Result<Account, CommandError> {
    let accounts = resources::within(&hub.client, &resources::managed_service_account(), cluster);
    let what = format!("ManagedServiceAccount {name} of {cluster}");
    let found = hub.call_opt(accounts.get(name)).await;
    let found = found.doing(&format!("read {what}"))?.ok_or_else(|| {
        CommandError::user(format!("there is no {what}")).hint(
            "the add-on managed-serviceaccount makes them: https://open-cluster-management.io/docs/getting-started/integration/managed-serviceaccount",
        )
    })?;
    let no_token = || {
        CommandError::user(format!("{what} has no token yet")).hint(format!(
            "`kubectl describe managedserviceaccounts -n {cluster} {name}`"
        ))
    };
    let secret = found
        .data
        .pointer("/status/tokenSecretRef/name")
        .and_then(Value::as_str)
        .ok_or_else(no_token)?;
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), cluster);
    let mut data = hub
        .call(secrets.get(secret))
        .await
        .doing(&format!("read Secret {cluster}/{secret}"))?
        .data
        .unwrap_or_default();
    let token = data
        .remove("token")
        .and_then(|bytes| String::from_utf8(bytes.0).ok());
    // The token goes to nobody who is not known.
    let no_ca = || {
        CommandError::user(format!(
            "Secret {cluster}/{secret} of {what} has no ca.crt: the cluster's API server could not be told from another"
        ))
        .hint("delete the Secret: the add-on managed-serviceaccount writes it again, with its CA")
    };
    Ok(Account {
        token: token.ok_or_else(no_token)?,
        ca: data.remove("ca.crt").ok_or_else(no_ca)?.0,
    })
}

/// The way in for kubectl: an HTTP proxy on this machine alone, with a password.
struct Door {
    listener: TcpListener,
    password: String,
}

impl Door {
    async fn open() -> Result<Self, CommandError> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| CommandError::user("cannot listen on this machine").because(error))?;
        Ok(Self {
            listener,
            password: random_text(32)?,
        })
    }

    /// A kubeconfig for its owner only, which is gone with us.
    fn kubeconfig(&self, cluster: &str, account: &Account) -> Result<NamedTempFile, CommandError> {
        let written = || -> std::io::Result<NamedTempFile> {
            let port = self.listener.local_addr()?.port();
            let server = json!({
                "server": format!("https://{cluster}"),
                "proxy-url": format!("http://ocmadm:{}@127.0.0.1:{port}", self.password),
                "tls-server-name": SERVER_NAME,
                "certificate-authority-data": STANDARD.encode(&account.ca),
            });
            let config = json!({
                "apiVersion": "v1", "kind": "Config", "current-context": cluster,
                "clusters": [{"name": cluster, "cluster": server}],
                "users": [{"name": "account", "user": {"token": account.token}}],
                "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "account"}}],
            });
            let mut file = tempfile::Builder::new().prefix("ocmadm-").tempfile()?;
            file.write_all(config.to_string().as_bytes())?;
            file.flush()?;
            Ok(file)
        };
        written().map_err(|error| {
            CommandError::user("cannot write a kubeconfig for kubectl").because(error)
        })
    }

    /// Lets clients in as long as it is polled.
    async fn serve(&self, reach: &Reach, cluster: &str) {
        let mut inside = futures::stream::FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    if let Ok((client, _)) = accepted {
                        let _ = client.set_nodelay(true);
                        inside.push(self.lead(client, reach, cluster));
                    }
                }
                Some(()) = futures::StreamExt::next(&mut inside) => {}
            }
        }
    }

    /// Leads one client to the managed cluster, if it knows the password and
    /// wants to go nowhere else. Whatever goes wrong is the client's to tell.
    async fn lead(&self, mut client: TcpStream, reach: &Reach, cluster: &str) {
        let Some(head) = head(&mut client).await else {
            return;
        };
        let expected = STANDARD.encode(format!("ocmadm:{}", self.password));
        let allowed = head.lines().any(|line| {
            line.split_once(':').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("proxy-authorization")
                    && value.trim().strip_prefix("Basic ") == Some(&expected)
            })
        });
        let wanted = head.starts_with(&format!("CONNECT {cluster}:443 "));
        let answer = match (allowed, wanted) {
            (false, _) => "HTTP/1.1 407 Proxy Authentication Required".to_owned(),
            (_, false) => "HTTP/1.1 403 Forbidden".to_owned(),
            (true, true) => match reach.dial(cluster).await {
                Ok(mut far) => {
                    let open = b"HTTP/1.1 200 Connection established\r\n\r\n";
                    if client.write_all(open).await.is_ok() {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut far).await;
                    }
                    return;
                }
                Err(error) => {
                    let why = error.whole().replace(['\r', '\n'], " ");
                    format!("HTTP/1.1 502 {why}")
                }
            },
        };
        let _ = client
            .write_all(format!("{answer}\r\n\r\n").as_bytes())
            .await;
    }
}

/// What a client says before the empty line.
async fn head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return None;
        }
        head.push(client.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// kubectl with its kubeconfig.
struct Kubectl<'a> {
    kubeconfig: &'a NamedTempFile,
}

fn kubectl_in(kubeconfig: &NamedTempFile) -> Kubectl<'_> {
    Kubectl { kubeconfig }
}

impl Kubectl<'_> {
    /// Runs it on our own streams. Ctrl-C is for it: we outlive it to clean up.
    async fn run(&self, words: &[String]) -> Result<ExitStatus, CommandError> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut child = Process::new("kubectl")
            .args(words)
            .env("KUBECONFIG", self.kubeconfig.path())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let missing = error.kind() == std::io::ErrorKind::NotFound;
                let hint = "install kubectl: https://kubernetes.io/docs/tasks/tools";
                CommandError::user("cannot run kubectl")
                    .because(error)
                    .hint_if(missing.then_some(hint))
            })?;
        loop {
            tokio::select! {
                status = child.wait() => return Ok(status?),
                _ = interrupt.recv() => {}
            }
        }
    }
}

/// One command after the other; a failed one does not end it.
async fn ask(kubectl: &Kubectl<'_>, ui: &Ui) -> Result<(), CommandError> {
    ui.status("Please enter the kubectl command and use \"exit\" to quit the interactive mode");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        prompt::ask_for(ui, "kubectl> ");
        let Some(line) = lines.next_line().await? else {
            ui.status("");
            return Ok(());
        };
        let words = match split(&line) {
            Ok(words) => words,
            Err(error) => {
                ui.failure(&error.render());
                continue;
            }
        };
        match words.as_slice() {
            [] => {}
            [word] if word == "exit" || word == "quit" => return Ok(()),
            // People type the program's name, too.
            [word, rest @ ..] if word == "kubectl" => drop(kubectl.run(rest).await?),
            words => drop(kubectl.run(words).await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (text, words) in [
            ("get  pods ", &["get", "pods"][..]),
            ("get -l 'a in (b, c)'", &["get", "-l", "a in (b, c)"]),
            (
                r#"create x --from-literal="k=a \"b\"""#,
                &["create", "x", "--from-literal=k=a \"b\""],
            ),
            (r"a\ b ''", &["a b", ""]),
            (r"'\'", &[r"\"]),
            ("", &[]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text}");
        }
        assert!(split("get 'pods").is_err());
    }
}
