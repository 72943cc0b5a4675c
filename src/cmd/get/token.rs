//! `ocmadm get token`: a bootstrap token and the join command that uses it.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::{Doing, server_error};
use crate::cmd::{connect, program};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::ocm::names;
use crate::ui::{OutputFormat, Ui, format};

/// Arguments of `ocmadm get token`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Output format: text, json, yaml or token
    #[arg(long, short, value_name = "FORMAT", default_value = "text", value_parser = parse_output)]
    pub output: Output,

    /// Use the hub's bootstrap token (from `init --use-bootstrap-token`) instead of a service account's
    #[arg(long)]
    pub use_bootstrap_token: bool,
}

/// How a token is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Lines that scripts parse.
    Text,
    /// `hub-token` and `hub-apiserver`.
    Json,
    /// The same as YAML.
    Yaml,
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
        "json" => Ok(Output::Json),
        "yaml" => Ok(Output::Yaml),
        "token" => Ok(Output::Token),
        _ => Err("valid formats are text, json, yaml, token".to_owned()),
    }
}

/// How long a service account's token is asked for, in seconds.
pub const TOKEN_SECONDS: i64 = 3600;

/// Runs the command.
///
/// # Errors
/// No hub there, or no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
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
        service_account_token(&hub).await?
    };
    let text = match args.output {
        Output::Text => format!(
            "token={token}\nplease log on spoke and run:\n{}\n",
            join_command(&token, &hub.url, false)
        ),
        Output::Token => format!("{token}\n"),
        Output::Json => format::document(OutputFormat::Json, &as_value(&token, &hub.url)),
        Output::Yaml => format::document(OutputFormat::Yaml, &as_value(&token, &hub.url)),
    };
    ui.result(&text)?;
    Ok(())
}

/// What `-o json` prints, here and by `init`.
#[must_use]
pub fn as_value(token: &str, server: &str) -> serde_json::Value {
    json!({"hub-token": token, "hub-apiserver": server})
}

/// The command that joins a cluster. Scripts split it at blanks and fill in
/// `<cluster_name>`, which must come last.
#[must_use]
pub fn join_command(token: &str, server: &str, wait: bool) -> String {
    format!(
        "{} join --hub-token {token} --hub-apiserver {server}{} --cluster-name <cluster_name>",
        program(),
        if wait { " --wait" } else { "" }
    )
}

/// A token of the bootstrap service account.
///
/// # Errors
/// The hub is not initialised, or no permission.
pub async fn service_account_token(hub: &Connection) -> Result<String, CommandError> {
    let accounts: Api<ServiceAccount> =
        Api::namespaced(hub.client.clone(), names::OPERATOR_NAMESPACE);
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
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
        .and_then(|status| status.token)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| CommandError::user("the server issued no token"))
}

/// The newest bootstrap token made by `init --use-bootstrap-token`.
///
/// # Errors
/// There is none, or no permission.
pub async fn bootstrap_token(hub: &Connection) -> Result<String, CommandError> {
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), "kube-system");
    let label = format!("app={}", names::CLUSTER_MANAGER);
    let mut found = hub
        .call(secrets.list(&ListParams::default().labels(&label)))
        .await
        .doing("read the bootstrap tokens")?
        .items;
    found.retain(|secret| secret.type_.as_deref() == Some("bootstrap.kubernetes.io/token"));
    found.sort_by_key(|secret| {
        secret
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0)
    });
    let part = |key: &str| {
        let bytes = &found.last()?.data.as_ref()?.get(key)?.0;
        String::from_utf8(bytes.clone()).ok()
    };
    match (part("token-id"), part("token-secret")) {
        (Some(id), Some(secret)) => Ok(format!("{id}.{secret}")),
        _ => Err(
            CommandError::user("this hub has no bootstrap token").hint(format!(
                "make one: `{} init --use-bootstrap-token`, or leave the flag out",
                program()
            )),
        ),
    }
}

fn not_a_hub(hub: &Connection) -> CommandError {
    CommandError::user(format!("the cluster at {} is no hub yet", hub.url)).hint(format!(
        "run `{} init` on it, or choose the hub with --context",
        program()
    ))
}
