//! The only place that prints.
//!
//! stdout carries the result of a command and nothing else; progress,
//! warnings, hints and prompts go to stderr.

pub mod color;
pub mod format;
pub mod jsonpath;
pub mod progress;
pub mod prompt;
pub mod table;
pub mod tree;

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

pub use color::{ColorChoice, Style};
pub use format::OutputFormat;
pub use progress::{Event, Progress};
pub use table::Table;

/// How the user wants to be talked to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// When to use colour.
    pub color: ColorChoice,
    /// No status lines, hints or progress; results, warnings and errors stay.
    pub quiet: bool,
    /// Results for people go to stderr: stdout is kept for data.
    pub lines_aside: bool,
}

/// Where output goes. Shared by reference; safe to use from several tasks.
#[derive(Debug)]
pub struct Ui {
    color: bool,
    quiet: bool,
    lines_aside: bool,
    stderr_is_terminal: bool,
    can_prompt: bool,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Process,
    /// For tests: what would have been written.
    Captured(Mutex<Captured>),
}

/// What a captured [`Ui`] has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Results.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

impl Ui {
    /// Writes to this process's streams.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let stderr_is_terminal = io::stderr().is_terminal();
        Self {
            color: color::enabled(settings.color, stderr_is_terminal, &color::OsEnvironment),
            quiet: settings.quiet,
            lines_aside: settings.lines_aside,
            stderr_is_terminal,
            can_prompt: stderr_is_terminal && io::stdin().is_terminal(),
            sink: Sink::Process,
        }
    }

    /// Keeps what is written, for tests; never prompts, no colour.
    #[must_use]
    pub fn captured() -> Self {
        Self {
            color: false,
            quiet: false,
            lines_aside: false,
            stderr_is_terminal: false,
            can_prompt: false,
            sink: Sink::Captured(Mutex::new(Captured::default())),
        }
    }

    /// For one of many that are done at once: results, warnings and errors only.
    #[must_use]
    pub fn hushed(&self) -> Self {
        Self {
            color: self.color,
            quiet: true,
            lines_aside: self.lines_aside,
            stderr_is_terminal: self.stderr_is_terminal,
            can_prompt: false,
            sink: match &self.sink {
                Sink::Process => Sink::Process,
                Sink::Captured(_) => Sink::Captured(Mutex::default()),
            },
        }
    }

    /// What a captured one was told so far (empty for a real one).
    #[must_use]
    pub fn take_captured(&self) -> Captured {
        match &self.sink {
            Sink::Process => Captured::default(),
            Sink::Captured(buffer) => buffer
                .lock()
                .map(|mut b| std::mem::take(&mut *b))
                .unwrap_or_default(),
        }
    }

    /// Whether a person is there to answer.
    #[must_use]
    pub fn can_prompt(&self) -> bool {
        self.can_prompt
    }

    /// Whether messages are coloured.
    #[must_use]
    pub fn color(&self) -> bool {
        self.color
    }

    /// Writes a part of the result to stdout, as it is.
    ///
    /// # Errors
    /// Whatever the stream says; a closed pipe among it.
    pub fn result(&self, text: &str) -> io::Result<()> {
        if self.lines_aside {
            if !self.quiet {
                self.to_stderr(text);
            }
            return Ok(());
        }
        self.document(text)
    }

    /// Writes data to stdout, wherever results for people go.
    ///
    /// # Errors
    /// Whatever the stream says; a closed pipe among it.
    pub fn document(&self, text: &str) -> io::Result<()> {
        match &self.sink {
            Sink::Process => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()
            }
            Sink::Captured(buffer) => {
                if let Ok(mut buffer) = buffer.lock() {
                    buffer.stdout.push_str(text);
                }
                Ok(())
            }
        }
    }

    /// Writes one line of the result to stdout.
    ///
    /// # Errors
    /// Whatever the stream says; a closed pipe among it.
    pub fn result_line(&self, line: &str) -> io::Result<()> {
        self.result(&format!("{line}\n"))
    }

    /// Says what is going on (stderr; not with `--quiet`).
    pub fn status(&self, line: &str) {
        if !self.quiet {
            self.to_stderr(&format!("{line}\n"));
        }
    }

    /// Says what to type next (stderr; not with `--quiet`).
    pub fn hint(&self, line: &str) {
        if !self.quiet {
            let label = self.paint(Style::Hint, "Hint:");
            self.to_stderr(&format!("{label} {line}\n"));
        }
    }

    /// Says what looks wrong and does not stop us (stderr).
    pub fn warning(&self, line: &str) {
        let label = self.paint(Style::Warning, "Warning:");
        self.to_stderr(&format!("{label} {line}\n"));
    }

    /// Shows a failure (stderr). `text` is a rendered one, its labels at the
    /// start of lines are coloured.
    pub fn failure(&self, text: &str) {
        if !self.color {
            self.to_stderr(text);
            return;
        }
        let mut painted = String::with_capacity(text.len() + 32);
        for line in text.split_inclusive('\n') {
            let label = [
                ("Error:", Style::Error),
                ("Caused by:", Style::Dim),
                ("Hint:", Style::Hint),
            ]
            .into_iter()
            .find_map(|(label, style)| Some((label, style, line.strip_prefix(label)?)));
            match label {
                Some((label, style, rest)) => {
                    painted.push_str(&self.paint(style, label));
                    painted.push_str(rest);
                }
                None => painted.push_str(line),
            }
        }
        self.to_stderr(&painted);
    }

    /// Starts to report progress: spinners on a terminal, lines elsewhere.
    #[must_use]
    pub fn progress(&self) -> Progress<'_> {
        Progress::new(self)
    }

    /// Text in a style, if colour is on.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        style.paint(text, self.color)
    }

    fn animates(&self) -> bool {
        self.stderr_is_terminal && !self.quiet && !color::dumb_terminal(&color::OsEnvironment)
    }

    /// Messages are best effort: when stderr is gone, nobody is listening.
    fn to_stderr(&self, text: &str) {
        match &self.sink {
            Sink::Process => {
                let _ = io::stderr().lock().write_all(text.as_bytes());
            }
            Sink::Captured(buffer) => {
                if let Ok(mut buffer) = buffer.lock() {
                    buffer.stderr.push_str(text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_messages_do_not_mix() {
        let ui = Ui::captured();
        ui.result_line("data").unwrap();
        ui.status("doing");
        ui.hint("type this");
        ui.warning("odd");
        let got = ui.take_captured();
        assert_eq!(got.stdout, "data\n");
        assert_eq!(got.stderr, "doing\nHint: type this\nWarning: odd\n");
    }

    #[test]
    fn a_failure_is_shown_as_rendered_without_colour() {
        let ui = Ui::captured();
        ui.failure("Error: x\nHint: y\n");
        assert_eq!(ui.take_captured().stderr, "Error: x\nHint: y\n");
    }

    #[test]
    fn only_labels_of_a_failure_are_painted() {
        let mut ui = Ui::captured();
        ui.color = true;
        ui.failure("Error: x\n  more\n");
        let got = ui.take_captured().stderr;
        assert!(got.starts_with("\u{1b}["), "{got:?}");
        assert!(got.ends_with(" x\n  more\n"), "{got:?}");
    }
}
