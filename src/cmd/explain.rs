//! Failures of the lower parts as `CommandError`s: this is where they get
//! their hints.

use crate::cmd::program;
use crate::error::CommandError;
use crate::k8s::apply::ApplyError;
use crate::k8s::client::{ConnectError, Connection, Failure, MISSING_TYPE, ServerError};
use crate::k8s::discovery::DiscoveryError;
use crate::k8s::kubeconfig::KubeconfigError;
use crate::k8s::wait::WaitError;
use crate::k8s::yaml::YamlError;

/// Says what was being done when it failed.
pub trait Doing<T> {
    /// `cannot <what>`, the cause, and what to do about it.
    ///
    /// # Errors
    /// The same failure, explained.
    fn doing(self, what: &str) -> Result<T, CommandError>;
}

impl<T> Doing<T> for Result<T, ServerError> {
    fn doing(self, what: &str) -> Result<T, CommandError> {
        self.map_err(|error| server_error(error, what))
    }
}

/// A failed request.
#[must_use]
pub fn server_error(error: ServerError, doing: &str) -> CommandError {
    let hints = server_hints(&error);
    let mut explained = CommandError::user(format!("cannot {doing}")).because(error);
    for hint in hints {
        explained = explained.hint(hint);
    }
    explained
}

fn server_hints(error: &ServerError) -> Vec<String> {
    let context = error.context.as_ref().map_or_else(
        || "the kubeconfig".to_owned(),
        |context| format!("context {context:?}"),
    );
    let hint = match &error.failure {
        Failure::Unreachable(_) => format!(
            "check that the server runs and that {context} leads to it; \
             choose another cluster with --context or --kubeconfig"
        ),
        Failure::NotTls => format!("use http:// in {context}, or the server's TLS port"),
        Failure::UntrustedCa => format!(
            "the certificate authority in {context} belongs to another server, or to one that was \
             set up anew; get a current kubeconfig from whoever runs the cluster"
        ),
        Failure::BadCertificate(_) => {
            format!(
                "compare the host name in {context} with the certificate, and this machine's clock"
            )
        }
        Failure::Unauthorized => format!(
            "the credentials in {context} are wrong or have expired; \
             get a current kubeconfig from whoever runs the cluster"
        ),
        Failure::Forbidden(_) => format!(
            "use credentials that may do this, or have them granted to the user of {context}"
        ),
        Failure::NotFound(text) if is_missing_type(text) => {
            format!(
                "this cluster is no hub yet: run `{} init` on it, or choose the hub with --context",
                program()
            )
        }
        Failure::Conflict(_) => {
            "somebody else has changed it, or made one of that name, meanwhile: try again"
                .to_owned()
        }
        Failure::Credentials(_) => {
            format!("what the kubeconfig says of the user of {context} must work by itself")
        }
        Failure::Api(_) => {
            let flag = error.context.as_ref();
            let flag = flag.map_or_else(String::new, |name| format!(" --context {name}"));
            format!("`{} doctor{flag}` looks for what is wrong there", program())
        }
        _ => return Vec::new(),
    };
    vec![hint]
}

/// Whether a 404 is about the type and not about one object.
#[must_use]
pub fn is_missing_type(text: &str) -> bool {
    text.contains(MISSING_TYPE)
}

/// A kubeconfig that leads nowhere.
#[must_use]
pub fn connect_error(error: ConnectError) -> CommandError {
    match error {
        ConnectError::Kubeconfig(error) => kubeconfig_error(error),
        error @ ConnectError::Credentials { .. } => CommandError::user(error.to_string())
            .because(error)
            .hint("get a current kubeconfig from whoever runs the cluster"),
    }
}

fn kubeconfig_error(error: KubeconfigError) -> CommandError {
    let listed = |known: &[String]| {
        if known.is_empty() {
            "the kubeconfig has no contexts".to_owned()
        } else {
            format!("contexts are: {}", known.join(", "))
        }
    };
    let hints = match &error {
        KubeconfigError::UnknownContext { known, similar, .. } => {
            let meant = similar
                .as_ref()
                .map(|name| format!("did you mean {name:?}?"));
            meant.into_iter().chain([listed(known)]).collect()
        }
        KubeconfigError::NoContext { known } => {
            vec![format!("pass --context NAME; {}", listed(known))]
        }
        KubeconfigError::Nothing { .. } => vec![format!(
            "pass --kubeconfig FILE, or set KUBECONFIG; to try ocmadm without a cluster: `{} sandbox up`",
            program()
        )],
        KubeconfigError::Content => vec![format!(
            "write the content to a file and name that; `{} sandbox kubeconfig --path` prints the name of a sandbox's",
            program()
        )],
        KubeconfigError::Read { .. } => vec!["pass another file with --kubeconfig".to_owned()],
        _ => Vec::new(),
    };
    let mut explained = CommandError::user(error.to_string()).because(error);
    for hint in hints {
        explained = explained.hint(hint);
    }
    explained
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        connect_error(error)
    }
}

impl From<YamlError> for CommandError {
    fn from(error: YamlError) -> Self {
        Self::user(error.to_string())
    }
}

/// A wait that ended without its condition.
#[must_use]
pub fn wait_error(error: WaitError, connection: &Connection, what: &str) -> CommandError {
    match error {
        WaitError::Timeout { after, detail } => CommandError::timeout(format!(
            "timed out after {} waiting for {what} on {}: {detail}",
            seconds(after),
            connection.url
        ))
        .hint("wait longer with --timeout"),
        WaitError::Failed(why) => CommandError::user(format!("{what}: {why}")),
        WaitError::Watch(error) => {
            server_error(connection.failed(*error), &format!("wait for {what}"))
        }
    }
}

/// Objects that could not be applied or deleted.
#[must_use]
pub fn apply_error(connection: &Connection, error: ApplyError, doing: &str) -> CommandError {
    let message = format!("cannot {doing}");
    match error {
        ApplyError::Timeout { .. } => CommandError::timeout(message)
            .because(error)
            .hint("wait longer with --timeout"),
        ApplyError::Request {
            verb,
            object,
            source,
        } => server_error(connection.failed(source), &format!("{verb} {object}")),
        ApplyError::Discovery {
            source: DiscoveryError::Request { source, .. },
            ..
        } => server_error(connection.failed(source), doing),
        _ => CommandError::user(format!("{message} on {}", connection.url)).because(error),
    }
}

/// A duration as people write it: `300 s`, `0.5 s`.
#[must_use]
pub fn seconds(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 10.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{seconds:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_context_says_what_was_meant() {
        let error = connect_error(ConnectError::Kubeconfig(KubeconfigError::UnknownContext {
            context: "hbu".to_owned(),
            known: vec!["cluster1".to_owned(), "hub".to_owned()],
            similar: Some("hub".to_owned()),
        }));
        assert_eq!(
            error.render(),
            "Error: context \"hbu\" does not exist\n\
             Hint: did you mean \"hub\"?\n\
             Hint: contexts are: cluster1, hub\n"
        );
    }
}
