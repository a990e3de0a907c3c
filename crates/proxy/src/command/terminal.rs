//! What is said to, and asked of, whoever sits at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::Stopped;

/// Whether standard output takes colours.
pub fn colours() -> bool {
    let refused = ventanilla_proxy::config::process_environment("NO_COLOR")
        .is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}

/// `text` without characters that would move a terminal's cursor or change its colours.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Asks whether something is to be done to money. Nothing was sent yet.
pub fn confirm(effect: &str, request: &str, proxy: &str) -> Result<(), Stopped> {
    let (mut stdin, mut stderr) = (io::stdin().lock(), io::stderr());
    if !stdin.is_terminal() || !stderr.is_terminal() {
        return Err(Stopped::NotConfirmed(format!(
            "this {effect}: say so with --yes, or run it at a terminal; nothing was sent"
        )));
    }
    let asked = write!(
        stderr,
        "This {effect}:\n  {}\n  at {}\nGo on? [y/N] ",
        printable(request),
        printable(proxy)
    )
    .and_then(|()| stderr.flush());
    let mut said = String::new();
    let heard = asked.and_then(|()| stdin.read_line(&mut said));
    let yes = heard.is_ok() && matches!(said.trim(), "y" | "Y" | "yes");
    if yes {
        Ok(())
    } else {
        Err(Stopped::NotConfirmed("nothing was sent".to_owned()))
    }
}
