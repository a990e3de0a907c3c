//! `ventanilla GROUP OPERATION`: the merchant API for a person at a terminal. It asks a running proxy over HTTP, as
//! the shop's server does.
//!
//! The commands are made from the table in [`ventanilla_proxy::commands`] and from what the OpenAPI document says of
//! each operation: its parameters, the fields of its body, and what they mean.

pub mod ask;
mod parse;
mod request;
mod show;
mod terminal;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgMatches;
use ventanilla_proxy::commands::{GROUPS, ROWS, Row, Shown};

use ask::{Proxy, Refusal};
use parse::Operations;
pub use parse::add_to;
pub use request::segment;
pub use terminal::{colours, printable};

/// No proxy answered.
const UNREACHABLE: u8 = 3;
/// The proxy does not know the key.
const KEY_REFUSED: u8 = 4;
/// The proxy refused the request.
const REFUSED: u8 = 5;
/// Nobody said yes to what moves money.
const NOT_CONFIRMED: u8 = 6;

pub const HELP: &str = "\
Environment:
  VENTANILLA_API_KEY  the shop's API key, or a file named by VENTANILLA_API_KEY_FILE; of two keys
                      separated by a comma the first is used
  NO_COLOR            if set, no colours

Exit codes: 0 done (for an operation: taken; its state says whether money moved); 1 the configuration or
the environment must be put right; 2 wrong arguments; 3 the proxy cannot be reached; 4 it refused the API
key; 5 it refused the request, saying why; 6 not confirmed, and nothing was sent.";

/// Why a command did not come to an answer.
pub enum Stopped {
    /// The proxy did not give one.
    Refused(Refusal),
    /// What was typed cannot be sent.
    Arguments(String),
    /// Nobody said yes.
    NotConfirmed(String),
    /// This side is at fault.
    Here(String),
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Runs the command that was typed, when it is one of the table's.
pub fn run(matches: &ArgMatches) -> Option<Result<ExitCode, String>> {
    let (group, of_group) = matches.subcommand()?;
    GROUPS.iter().find(|(name, _)| *name == group)?;
    let (word, typed) = of_group.subcommand()?;
    let row = ROWS
        .iter()
        .find(|row| !matches!(row.shown, Shown::Own) && row.words == [group, word])?;
    Some(finish(answer(row, typed)))
}

/// Prints what came of a command.
pub fn finish(answered: Result<String, Stopped>) -> Result<ExitCode, String> {
    let (code, said) = match answered {
        Ok(text) => {
            io::stdout()
                .write_all(text.as_bytes())
                .map_err(|error| error.to_string())?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(Stopped::Here(said)) => return Err(said),
        Err(Stopped::Arguments(said)) => (2, said),
        Err(Stopped::Refused(Refusal::Unreachable(said))) => (UNREACHABLE, said),
        Err(Stopped::Refused(Refusal::Key(said))) => (KEY_REFUSED, said),
        Err(Stopped::Refused(Refusal::Request(said))) => (REFUSED, said),
        Err(Stopped::NotConfirmed(said)) => (NOT_CONFIRMED, said),
    };
    let _ = writeln!(io::stderr(), "{}", printable(&said));
    Ok(ExitCode::from(code))
}

fn answer(row: &Row, typed: &ArgMatches) -> Result<String, Stopped> {
    let operations = Operations::read();
    let operation = operations
        .of(row)
        .ok_or_else(|| Stopped::Here(format!("{} is not in the document", row.operation)))?;
    let mut request = request::Request::of(&operation, typed)?;
    let url = typed.get_one::<String>("proxy").map(String::as_str);
    let config = typed.get_one::<PathBuf>("config").cloned();
    let proxy = Proxy::of(url, config.unwrap_or_default().as_path()).map_err(Stopped::Here)?;
    if let Some(effect) = row.asks
        && !typed.get_flag("yes")
    {
        terminal::confirm(effect, &request.told(), proxy.url())?;
    }
    request.name_effect()?;
    let everything = matches!(row.shown, Shown::List(..)) && request::wants_everything(typed);
    let answered = crate::runtime()
        .map_err(Stopped::Here)?
        .block_on(request.send(&proxy, row, everything))?;
    Ok(if typed.get_flag("json") {
        format!("{answered:#}\n")
    } else {
        show::people(row, &answered, colours())
    })
}
