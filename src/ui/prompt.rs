//! Questions. They need a terminal; without one the caller must name the flag
//! that answers them.

use std::io;

use dialoguer::Confirm;

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

/// Asks on stderr; `No` is the default.
///
/// # Errors
/// Reading the terminal failed.
pub fn confirm(ui: &Ui, question: &str) -> io::Result<Answer> {
    if !ui.can_prompt() {
        return Ok(Answer::NoTerminal);
    }
    let answer = Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact_opt()
        .map_err(|dialoguer::Error::IO(error)| error)?;
    Ok(if answer == Some(true) {
        Answer::Yes
    } else {
        Answer::No
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_without_a_terminal() {
        let ui = Ui::captured();
        assert_eq!(confirm(&ui, "Sure?").unwrap(), Answer::NoTerminal);
    }
}
