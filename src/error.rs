//! `CommandError`: what every command returns, with its hints and exit code.
//!
//! A failure reads: what failed, why (the chain of causes), and what to type
//! next. The exit code is part of the interface:
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done (a closed pipe counts as done) |
//! | 1 | the user's or the cluster's fault |
//! | 2 | usage: the command line itself is wrong |
//! | 3 | timed out waiting |
//! | 130 | interrupted |
//! | any | kubectl's own, of `proxy kubectl` |
//! | 255 | a bug of ours |

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::process::ExitCode;

/// Whose fault a failure is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The user's input or the cluster's state: exit code 1.
    User,
    /// The command line: exit code 2.
    Usage,
    /// A wait ended without its condition: exit code 3.
    Timeout,
    /// The reader of our output went away: exit code 0, nothing printed.
    BrokenPipe,
    /// Ctrl-C or SIGTERM: exit code 130.
    Interrupted,
    /// A program that was run in our place failed, and has said why: its exit code.
    Passed(u8),
    /// A bug: exit code 255.
    Internal,
}

impl Kind {
    /// The process exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::User => 1,
            Self::Usage => 2,
            Self::Timeout => 3,
            Self::Interrupted => 130,
            Self::Passed(code) => code,
            Self::Internal => 255,
        }
    }
}

/// Why a command failed, in words a user can act on.
#[derive(Debug)]
pub struct CommandError {
    kind: Kind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hints: Vec<String>,
}

impl CommandError {
    /// A failure of the given kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            hints: Vec::new(),
        }
    }

    /// The user's input or the cluster's state is wrong (exit code 1).
    pub fn user(message: impl Into<String>) -> Self {
        Self::new(Kind::User, message)
    }

    /// The command line is wrong (exit code 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A wait ended without its condition (exit code 3).
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(Kind::Timeout, message)
    }

    /// A bug of ours (exit code 255).
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a hint: a sentence that says what to do or to type next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint where there is one.
    #[must_use]
    pub fn hint_if(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first line: what failed.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The process exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }

    /// The causes, outermost first; a cause that only repeats the text around
    /// it is left out.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut next: Option<&(dyn Error + 'static)> = match &self.source {
            Some(source) => Some(&**source),
            None => None,
        };
        while let Some(cause) = next {
            let text = cause.to_string();
            let around = causes.last().map_or(self.message.as_str(), String::as_str);
            if !text.is_empty() && !around.contains(&text) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes
    }

    /// The whole failure as it is shown on stderr, without colour.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Error: {}", self.message);
        for cause in self.causes() {
            let _ = writeln!(text, "Caused by: {cause}");
        }
        for hint in &self.hints {
            let _ = writeln!(text, "Hint: {hint}");
        }
        text
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

/// Output failed: a closed pipe is silent success, anything else is told.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Kind::BrokenPipe, "output was closed");
        }
        Self::user("input or output failed").because(error)
    }
}

impl From<crate::ui::format::TemplateError> for CommandError {
    fn from(error: crate::ui::format::TemplateError) -> Self {
        Self::user("the template of -o does not fit")
            .because(error)
            .hint("`-o yaml` shows what there is: one object where one name is given, else a List with .items")
    }
}

/// What wiring code returns (hub, agent); the chain is kept.
impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => {
                let message = error.to_string();
                Self::user(message).because(Box::<dyn Error + Send + Sync>::from(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_shown_without_repetition() {
        let cause = io::Error::other("connection refused");
        let error = CommandError::user("cannot reach the hub")
            .because(anyhow::Error::new(cause).context("GET /version"))
            .hint("start it");
        assert_eq!(
            error.render(),
            "Error: cannot reach the hub\nCaused by: GET /version\nCaused by: connection refused\nHint: start it\n"
        );
    }

    #[test]
    fn exit_codes_are_as_documented() {
        let codes = [
            Kind::BrokenPipe,
            Kind::User,
            Kind::Usage,
            Kind::Timeout,
            Kind::Internal,
        ]
        .map(Kind::code);
        assert_eq!(codes, [0, 1, 2, 3, 255]);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let error = CommandError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind().code(), 0);
    }

    #[test]
    fn wiring_keeps_our_own_error() {
        let wrapped = anyhow::Error::new(CommandError::timeout("too late").hint("wait longer"));
        let error = CommandError::from(wrapped);
        assert_eq!(error.kind(), Kind::Timeout);
        assert_eq!(error.hints(), ["wait longer"]);
    }
}
