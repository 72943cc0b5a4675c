//! Questions. They need a terminal; without one the caller must name the flag
//! that answers them.

use std::io;

use super::Ui;

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Stop.
    No,
    /// There is nobody to ask.
    NoTerminal,
}

/// Asks on stderr; only `y` or `yes` goes on. The terminal stays as it is, so
/// that an interruption leaves nothing to mend.
///
/// # Errors
/// Reading the terminal failed.
pub fn confirm(ui: &Ui, question: &str) -> io::Result<Answer> {
    if !ui.can_prompt() {
        return Ok(Answer::NoTerminal);
    }
    ui.to_stderr(&format!("{question} [y/N] "));
    let mut line = String::new();
    // Without an answer the cursor stands behind the question still.
    if io::stdin().read_line(&mut line)? == 0 {
        ui.to_stderr("\n");
    }
    Ok(match is_yes(&line) {
        true => Answer::Yes,
        false => Answer::No,
    })
}

/// Asks for a line, where a person is there to type one.
pub fn ask_for(ui: &Ui, prompt: &str) {
    if ui.can_prompt() {
        ui.to_stderr(prompt);
    }
}

fn is_yes(line: &str) -> bool {
    let word = line.trim();
    word.eq_ignore_ascii_case("y") || word.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for line in ["y\n", "Y", " yes \r\n", "YES\n"] {
            assert!(is_yes(line), "{line:?}");
        }
        for line in ["", "\n", "n\n", "yess\n", "yes no\n", "\u{1b}[A\n"] {
            assert!(!is_yes(line), "{line:?}");
        }
    }

    #[test]
    fn nobody_is_asked_without_a_terminal() {
        let ui = Ui::captured();
        assert_eq!(confirm(&ui, "Sure?").unwrap(), Answer::NoTerminal);
    }
}
