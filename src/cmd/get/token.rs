//! `ocmadm get token`: a bootstrap token and the join command that uses it;
//! with `--list`, what clusters can join with.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use crate::cmd::args::{GlobalArgs, parse_duration};
use crate::cmd::explain::{Doing, server_error};
use crate::cmd::join::pin::{self, Pin};
use crate::cmd::resources::human;
use crate::cmd::{connect, program};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::ocm::names;
use crate::ui::{OutputFormat, Table, Ui, format};

/// Arguments of `ocmadm get token`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Output format: text, json, yaml, jsonpath=… or token
    #[arg(long, short, value_name = "FORMAT", default_value = "text", value_parser = parse_output)]
    pub output: Output,

    /// Use the hub's bootstrap token (from `init --use-bootstrap-token`) instead of a service account's
    #[arg(long)]
    pub use_bootstrap_token: bool,

    /// How long the token shall be valid, from 10m; the server may allow less
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_ttl, conflicts_with = "use_bootstrap_token")]
    pub ttl: Duration,

    /// List what clusters can join with instead; no token is shown or issued
    #[arg(long, conflicts_with_all = ["use_bootstrap_token", "ttl"])]
    pub list: bool,
}

/// How a token is printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    /// Lines that scripts parse.
    Text,
    /// `hub-token` and `hub-apiserver`, as data.
    Data(OutputFormat),
    /// The token alone.
    Token,
}

/// Reads `-o`.
///
/// # Errors
/// What is valid.
pub fn parse_output(text: &str) -> Result<Output, String> {
    match text {
        "text" => Ok(Output::Text),
        "token" => Ok(Output::Token),
        _ => match text.parse()? {
            format @ (OutputFormat::Json | OutputFormat::Yaml | OutputFormat::JsonPath(_)) => {
                Ok(Output::Data(format))
            }
            _ => Err("valid formats are text, json, yaml, jsonpath=…, token".to_owned()),
        },
    }
}

/// Reads how long a token lives: Kubernetes issues none for less than ten minutes.
///
/// # Errors
/// What is valid.
pub fn parse_ttl(text: &str) -> Result<Duration, String> {
    let ttl = parse_duration(text)?;
    if ttl < Duration::from_secs(600) || ttl > Duration::from_secs(1 << 32) {
        return Err("write 10m or more, such as 1h, 24h".to_owned());
    }
    Ok(ttl)
}

/// How long a service account's token is asked for, unless the user says so.
pub const TOKEN_TTL: Duration = Duration::from_secs(3600);

/// Runs the command.
///
/// # Errors
/// No hub there, or no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    if args.list {
        return list(args, &hub, ui).await;
    }
    if global.dry_run {
        ui.status(&format!(
            "Would issue a bootstrap token on {}; nothing is issued with --dry-run.",
            hub.url
        ));
        return Ok(());
    }
    let token = if args.use_bootstrap_token {
        bootstrap_token(&hub).await?
    } else {
        service_account_token(&hub, args.ttl).await?
    };
    let pin = match args.output {
        Output::Token => None,
        Output::Text | Output::Data(_) => pin::published(&hub).await,
    };
    let offer = Offer {
        token: &token.text,
        server: &hub.url,
        pin: pin.as_ref(),
    };
    let text = match args.output {
        Output::Text => format!(
            "token={}\nplease log on spoke and run:\n{}\n",
            token.text,
            offer.join_command(false)
        ),
        Output::Token => format!("{}\n", token.text),
        Output::Data(output) => format::document(output, &offer.value())?,
    };
    ui.result(&text)?;
    if !matches!(args.output, Output::Data(_)) {
        ui.status(&token.validity());
    }
    Ok(())
}

/// What a cluster joins with.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The secret itself.
    pub text: String,
    /// When it stops being valid, if ever.
    pub until: Option<Timestamp>,
}

impl Token {
    /// How long it can be used, for people.
    fn validity(&self) -> String {
        match self.until {
            Some(until) => format!("The token is valid until {until}."),
            None => "The token does not expire.".to_owned(),
        }
    }
}

/// What a cluster needs to know to join.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    /// The secret.
    pub token: &'a str,
    /// The hub's address.
    pub server: &'a str,
    /// The hub's CA, where it can be checked.
    pub pin: Option<&'a Pin>,
}

impl Offer<'_> {
    /// What `-o json` prints, here and by `init`.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        let mut value = json!({"hub-token": self.token, "hub-apiserver": self.server});
        if let Some(pin) = self.pin {
            value["ca-hash"] = pin.to_string().into();
        }
        value
    }

    /// The command that joins a cluster. Scripts split it at blanks, count on
    /// the first six words, and fill in `<cluster_name>`, which must come last.
    /// Under clusteradm's name it may be upstream's clusteradm that reads it.
    #[must_use]
    pub fn join_command(&self, wait: bool) -> String {
        let program = program();
        let pin = self.pin.filter(|_| !program.ends_with("clusteradm"));
        let pin = pin.map(|pin| format!(" --ca-hash {pin}"));
        format!(
            "{program} join --hub-token {} --hub-apiserver {}{}{} --cluster-name <cluster_name>",
            self.token,
            self.server,
            pin.unwrap_or_default(),
            if wait { " --wait" } else { "" }
        )
    }
}

/// A token of the bootstrap service account.
///
/// # Errors
/// The hub is not initialised, or no permission.
pub async fn service_account_token(hub: &Connection, ttl: Duration) -> Result<Token, CommandError> {
    let accounts: Api<ServiceAccount> =
        Api::namespaced(hub.client.clone(), names::OPERATOR_NAMESPACE);
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            expiration_seconds: i64::try_from(ttl.as_secs()).ok(),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let answer = hub
        .call(accounts.create_token_request(
            names::BOOTSTRAP_SERVICE_ACCOUNT,
            &PostParams::default(),
            &request,
        ))
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => {
            return Err(not_a_hub(hub).because(error));
        }
        Err(error) => return Err(server_error(error, "issue a bootstrap token")),
    };
    answer
        .status
        .and_then(|status| {
            Some(Token {
                text: status.token.filter(|token| !token.is_empty())?,
                until: status.expiration_timestamp.map(|time| time.0),
            })
        })
        .ok_or_else(|| CommandError::user("the server issued no token"))
}

/// The newest bootstrap token made by `init --use-bootstrap-token` that is
/// still valid.
///
/// # Errors
/// There is none, or no permission.
pub async fn bootstrap_token(hub: &Connection) -> Result<Token, CommandError> {
    let found = bootstrap_secrets(hub).await?;
    let now = Timestamp::now();
    let usable = |secret: &&Secret| expiration(secret).is_none_or(|until| until > now);
    let newest = found.iter().rfind(usable).and_then(|secret| {
        let text = format!(
            "{}.{}",
            part(secret, "token-id")?,
            part(secret, "token-secret")?
        );
        Some(Token {
            text,
            until: expiration(secret),
        })
    });
    newest.ok_or_else(|| {
        CommandError::user("this hub has no bootstrap token").hint(format!(
            "make one: `{} init --use-bootstrap-token`, or leave the flag out",
            program()
        ))
    })
}

/// The Secrets of bootstrap tokens for clusters, the newest last.
///
/// # Errors
/// No permission.
pub async fn bootstrap_secrets(hub: &Connection) -> Result<Vec<Secret>, CommandError> {
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), "kube-system");
    let label = format!("app={}", names::CLUSTER_MANAGER);
    let mut found = hub
        .call(secrets.list(&ListParams::default().labels(&label)))
        .await
        .doing("read the bootstrap tokens")?
        .items;
    found.retain(|secret| secret.type_.as_deref() == Some("bootstrap.kubernetes.io/token"));
    found.sort_by_key(|secret| {
        let created = secret.metadata.creation_timestamp.as_ref();
        (created.map(|time| time.0), secret.metadata.name.clone())
    });
    Ok(found)
}

/// The id of a bootstrap token: the half that is no secret.
#[must_use]
pub fn token_id(secret: &Secret) -> Option<String> {
    part(secret, "token-id")
}

fn part(secret: &Secret, key: &str) -> Option<String> {
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    String::from_utf8(bytes.clone()).ok()
}

/// When a bootstrap token ends, if ever.
#[must_use]
pub fn expiration(secret: &Secret) -> Option<Timestamp> {
    part(secret, "expiration")?.parse().ok()
}

/// Prints what clusters can join with, and until when.
async fn list(args: &Args, hub: &Connection, ui: &Ui) -> Result<(), CommandError> {
    let accounts: Api<ServiceAccount> =
        Api::namespaced(hub.client.clone(), names::OPERATOR_NAMESPACE);
    let account = hub.call_opt(accounts.get(names::BOOTSTRAP_SERVICE_ACCOUNT));
    let (account, secrets) = tokio::join!(account, bootstrap_secrets(hub));
    let (account, secrets) = (
        account.doing("read the bootstrap service account")?,
        secrets?,
    );
    let now = Timestamp::now();
    let age = |created: Option<&Time>| {
        created.map_or_else(String::new, |created| {
            human(now.as_second() - created.0.as_second())
        })
    };
    let mut table = Table::new(&["kind", "name", "user", "expires", "age"]);
    let mut rows = Vec::new();
    if let Some(account) = &account {
        let user = format!(
            "system:serviceaccount:{}:{}",
            names::OPERATOR_NAMESPACE,
            names::BOOTSTRAP_SERVICE_ACCOUNT
        );
        rows.push(json!({"kind": "ServiceAccount", "name": names::BOOTSTRAP_SERVICE_ACCOUNT, "user": user, "expires": null}));
        table.row([
            "ServiceAccount",
            names::BOOTSTRAP_SERVICE_ACCOUNT,
            &user,
            "each token has its own end",
            &age(account.metadata.creation_timestamp.as_ref()),
        ]);
    }
    for secret in &secrets {
        let id = token_id(secret).unwrap_or_default();
        let (user, until) = (format!("system:bootstrap:{id}"), expiration(secret));
        let text = until.map(|until| until.to_string());
        let ends = match until {
            None => "never".to_owned(),
            Some(until) if until <= now => "expired".to_owned(),
            Some(until) => format!("in {}", human(until.as_second() - now.as_second())),
        };
        rows.push(json!({"kind": "BootstrapToken", "name": id, "user": user, "expires": text}));
        table.row([
            "BootstrapToken",
            &id,
            &user,
            &ends,
            &age(secret.metadata.creation_timestamp.as_ref()),
        ]);
    }
    match args.output {
        Output::Data(output) => ui.result(&format::document(output, &json!({"items": rows}))?)?,
        Output::Text => ui.result(&table.render())?,
        Output::Token => {
            return Err(
                CommandError::usage("-o token prints a token, --list prints none")
                    .hint("leave one of them out"),
            );
        }
    }
    if rows.is_empty() {
        ui.status("No cluster can join: there are no bootstrap credentials.");
        ui.hint(&format!("`{} init` makes them", program()));
    } else {
        ui.hint(&format!(
            "`{0} delete token ID` takes back one bootstrap token, `{0} delete token` everything",
            program()
        ));
    }
    Ok(())
}

fn not_a_hub(hub: &Connection) -> CommandError {
    CommandError::user(format!("the cluster at {} is no hub yet", hub.url)).hint(format!(
        "run `{} init` on it, or choose the hub with --context",
        program()
    ))
}
