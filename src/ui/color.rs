//! When and how to colour. NO_COLOR, TERM=dumb, CLICOLOR_FORCE and `--color`
//! are honoured, `--color` first.

/// The value of `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// Colour on a terminal, unless the environment says no.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Reads environment variables; tests bring their own.
pub trait Environment {
    /// The value of a variable, if set.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug)]
pub struct OsEnvironment;

impl Environment for OsEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|v| v.to_string_lossy().into_owned())
    }
}

/// Whether to colour a stream.
pub fn enabled(choice: ColorChoice, is_terminal: bool, env: &impl Environment) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            if env.get("NO_COLOR").is_some_and(|v| !v.is_empty()) || dumb_terminal(env) {
                false
            } else if env.get("CLICOLOR_FORCE").is_some_and(|v| v != "0") {
                true
            } else {
                is_terminal
            }
        }
    }
}

/// Whether the terminal can only take plain lines.
pub fn dumb_terminal(env: &impl Environment) -> bool {
    env.get("TERM").is_some_and(|v| v == "dumb")
}

/// What a piece of text means; the colour follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The label of a failure.
    Error,
    /// The label of a warning.
    Warning,
    /// The label of a hint.
    Hint,
    /// A finished step, an added line.
    Good,
    /// A failed step, a removed line.
    Bad,
    /// Less important text.
    Dim,
}

impl Style {
    /// The text with its escape codes, or as it is.
    #[must_use]
    pub fn paint(self, text: &str, color: bool) -> String {
        if !color {
            return text.to_owned();
        }
        let code = match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
            Self::Hint => "1;36",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Dim => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(&'static [(&'static str, &'static str)]);

    impl Environment for Fixed {
        fn get(&self, name: &str) -> Option<String> {
            let found = self.0.iter().find(|(n, _)| *n == name)?;
            Some(found.1.to_owned())
        }
    }

    #[test]
    fn colour_follows_flag_then_environment_then_terminal() {
        use ColorChoice::{Always, Auto, Never};
        let table = [
            (Auto, true, &[][..], true),
            (Auto, false, &[], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, true, &[("TERM", "dumb")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (
                Auto,
                false,
                &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
                false,
            ),
            (Always, false, &[("NO_COLOR", "1")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ];
        for (choice, terminal, env, expected) in table {
            assert_eq!(
                enabled(choice, terminal, &Fixed(env)),
                expected,
                "{choice:?} terminal={terminal} {env:?}"
            );
        }
    }
}
