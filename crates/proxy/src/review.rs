//! `ventanilla review`: what somebody at the merchant must look at. It asks a running proxy over HTTP,
//! as the shop's server does.

mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use ventanilla_proxy::machine::ReviewRecord;

use crate::command::ask::Proxy;
use crate::command::{self, Stopped};

pub const HELP: &str = "\
Each line is a payment or an operation whose outcome the proxy cannot find out by itself, or money that came
and whose payment it cannot tell. Look it up at
the provider's back office, then settle it; the note is kept as evidence.

Environment:
  VENTANILLA_API_KEY  the shop's API key, or a file named by VENTANILLA_API_KEY_FILE; of two keys
                      separated by a comma the first is used
  NO_COLOR            if set, no colours

Exit codes: 0 listed, asked or settled; 1 the configuration or the environment must be put right;
2 wrong arguments; 3 the proxy cannot be reached; 4 it refused the API key; 5 it refused the request,
saying why.";

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    /// Print the proxy's JSON
    #[arg(long)]
    json: bool,
    /// Where the proxy listens, with its scheme and port [default: server.listen of the configuration]
    #[arg(long, value_name = "URL", global = true)]
    proxy: Option<String>,
    /// The configuration file, read when --proxy is not given
    #[arg(
        long,
        value_name = "FILE",
        default_value = "ventanilla.toml",
        global = true
    )]
    config: PathBuf,
}

#[derive(Subcommand)]
enum Step {
    /// Have an attempt or operation read back at the provider now
    Read {
        /// att_… or opr_…
        id: String,
    },
    /// Say how an attempt or operation came out, or whose money a credit is, as the provider's back office
    /// shows it
    Settle {
        /// att_…, opr_… or crd_…
        id: String,
        /// How it came out: not_executed or declined for an attempt, succeeded or not_executed for an
        /// operation, matched (with --attempt) or dismissed for a credit
        #[arg(long = "as", value_name = "OUTCOME")]
        outcome: Outcome,
        /// The attempt that a credit pays: att_…
        #[arg(long, value_name = "ID")]
        attempt: Option<String>,
        /// Who looked, where, and what was seen; 3 to 500 characters
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Outcome {
    Succeeded,
    Declined,
    NotExecuted,
    Matched,
    Dismissed,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::NotExecuted => "not_executed",
            Self::Matched => "matched",
            Self::Dismissed => "dismissed",
        }
    }
}

/// Asks, and prints the answer.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let proxy = Proxy::of(arguments.proxy.as_deref(), &arguments.config)?;
    let answered: Result<String, Stopped> = super::runtime()?.block_on(async {
        match &arguments.step {
            None => {
                let listed = proxy.get("/v1/review").await?;
                Ok(if arguments.json {
                    format!("{listed:#}\n")
                } else {
                    let review: ReviewRecord = serde_json::from_value(listed)
                        .map_err(|error| proxy.misread(&error.to_string()))?;
                    table::format(&review, command::colours())
                })
            }
            Some(Step::Read { id }) => {
                proxy
                    .post(&format!("/v1/review/{}/read", command::segment(id)), None)
                    .await?;
                Ok(format!("{id} is read back at the provider now\n"))
            }
            Some(Step::Settle {
                id,
                outcome,
                attempt,
                note,
            }) => {
                let mut body = json!({ "outcome": outcome.name(), "note": note });
                if let Some(attempt) = attempt {
                    body["attempt_id"] = json!(attempt);
                }
                proxy
                    .post(
                        &format!("/v1/review/{}/settle", command::segment(id)),
                        Some(&body),
                    )
                    .await?;
                Ok(format!("{id} is settled as {}\n", outcome.name()))
            }
        }
    });
    command::finish(answered)
}
