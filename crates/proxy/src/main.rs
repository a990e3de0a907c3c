//! The binary `ventanilla`.

mod check;
mod command;
mod embed;
mod keys;
mod review;
mod serve;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use ventanilla_proxy::openapi;

const ENVIRONMENT: &str = "\
Environment (each but the last also as a file, named by the variable with _FILE at its end):
  VENTANILLA_API_KEY          the shop's API key; two, separated by a comma, while it is changed
  VENTANILLA_TOKEN_KEYS       kid:base64 of 32 bytes, separated by commas; the first seals client tokens
  VENTANILLA_STORE_KEYS       the same form; seals saved cards. Without it no card can be saved
  VENTANILLA_STORE_URL        postgres://user:password@host:port/database, instead of [store] path
  VENTANILLA_GREENPAY_SECRET  with [card] in the configuration
  VENTANILLA_CVU_PASSWORD     with [cvu] in the configuration
  VENTANILLA_FLUX_REFRESH_TOKEN  with [flux] in the configuration
  VENTANILLA_FLEXITI_CLIENT_SECRET  with [flexiti] in the configuration
  VENTANILLA_WEBHOOK_SECRETS  with [webhooks]: whsec_ and base64, separated by commas; all of them sign
  VENTANILLA_HOOK_PATH        the secret in the address that providers send notifications to
  VENTANILLA_LOG              log levels, instead of [log] level

Exit codes: 0 all is well; 1 the configuration, the store or the widget must be put right;
2 wrong arguments; 3 (check) a provider cannot be reached or refuses the credentials, or the receiver
of webhooks cannot be found.
Those of review, and of the commands for the merchant API, are in their own help.";

/// One window for cards, links and codes: a checkout that a shop embeds, and the proxy behind it.
#[derive(Parser)]
#[command(name = "ventanilla", version, after_help = ENVIRONMENT)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve buyers and the shop's server until SIGTERM or SIGINT
    #[command(after_help = ENVIRONMENT)]
    Serve(ConfigArgument),
    /// Check configuration, store, keys and widget, and whether providers answer; moves no money
    #[command(after_help = ENVIRONMENT)]
    Check(ConfigArgument),
    /// Print the lines that a shop puts into its page, with the integrity of this release
    Embed(ConfigArgument),
    /// Print the OpenAPI document of the APIs; needs no configuration
    Openapi {
        /// Print it as a page for people
        #[arg(long)]
        html: bool,
    },
    /// Print fresh secrets for the environment
    Keys,
    /// List what somebody must look at, and say how it came out
    #[command(after_help = review::HELP)]
    Review(review::Arguments),
}

#[derive(Args)]
struct ConfigArgument {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "ventanilla.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    refuse_core_dumps();
    let matches = command::add_to(Arguments::command()).get_matches();
    let done = match command::run(&matches) {
        Some(done) => done,
        None => match Arguments::from_arg_matches(&matches) {
            Ok(arguments) => run(arguments.command),
            Err(error) => error.exit(),
        },
    };
    match done {
        Ok(code) => code,
        Err(problem) => {
            // Standard error is all there is; without it nobody reads this.
            let _ = writeln!(io::stderr(), "{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, String> {
    match command {
        Command::Serve(ConfigArgument { config }) => {
            raise_open_files();
            serve::run(&config)
        }
        Command::Check(ConfigArgument { config }) => check::run(&config),
        Command::Embed(ConfigArgument { config }) => embed::run(&config),
        Command::Openapi { html } => print_document(html),
        Command::Keys => keys::print(&mut io::stdout().lock()).map_err(|error| error.to_string()),
        Command::Review(arguments) => review::run(&arguments),
    }
}

fn print_document(html: bool) -> Result<ExitCode, String> {
    let text = if html {
        openapi::page()
    } else {
        openapi::text()
    };
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
}

/// A core file would hold every secret of the configuration.
fn refuse_core_dumps() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    // Whoever may not even lower a limit may not write a core file either.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Many buyers wait at a time, each with a connection, and what a process starts with is often 1024.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it may not be raised, further connections wait in the operating system's queue.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
}
