//! The binary `ventanilla`.

mod check;
mod keys;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use ventanilla_proxy::assets::Widget;
use ventanilla_proxy::clock::SystemClock;
use ventanilla_proxy::config::{Config, Settings};
use ventanilla_proxy::{logging, server};

const ENVIRONMENT: &str = "\
Environment (each but the last also as a file, named by the variable with _FILE at its end):
  VENTANILLA_API_KEY          the shop's API key; two, separated by a comma, while it is changed
  VENTANILLA_TOKEN_KEYS       kid:base64 of 32 bytes, separated by commas; the first seals client tokens
  VENTANILLA_STORE_KEYS       the same form; seals saved cards. Without it no card can be saved
  VENTANILLA_GREENPAY_SECRET  with [card] in the configuration
  VENTANILLA_LOG              log levels, instead of [log] level

Exit codes: 0 all is well; 1 the configuration, the store or the widget must be put right;
2 wrong arguments; 3 (check) a provider cannot be reached or refuses the credentials.";

/// One window for cards: a checkout that a shop embeds, and the proxy behind it.
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
    /// Print fresh secrets for the environment
    Keys,
}

#[derive(Args)]
struct ConfigArgument {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "ventanilla.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    refuse_core_dumps();
    let done = match arguments.command {
        Command::Serve(ConfigArgument { config }) => serve(&config),
        Command::Check(ConfigArgument { config }) => check::run(&config),
        Command::Embed(ConfigArgument { config }) => embed(&config),
        Command::Keys => keys::print(&mut io::stdout().lock()).map_err(|error| error.to_string()),
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

fn serve(path: &std::path::Path) -> Result<ExitCode, String> {
    let config = Config::load(path).map_err(|error| error.to_string())?;
    logging::init(&config).map_err(|error| error.to_string())?;
    let clock = Arc::new(SystemClock::new(config.settings.clock.speed));
    runtime()?.block_on(async move {
        // Before anything is started, so that no signal is missed.
        let mut signals = Signals::listen().map_err(|error| error.to_string())?;
        let running = server::start(config, clock).await.map_err(|error| error.to_string())?;
        let _ = writeln!(
            io::stdout(),
            "ventanilla {} listens on {} as {} (management on {})",
            env!("CARGO_PKG_VERSION"),
            running.origin(),
            running.public_origin(),
            running.management()
        );
        let name = signals.next().await;
        tracing::info!("{name}: stopping; a second signal stops at once");
        tokio::select! {
            () = running.shutdown() => {}
            _ = signals.next() => tracing::warn!("stopped at once; what was under way is settled after the next start"),
        }
        Ok(ExitCode::SUCCESS)
    })
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

fn embed(path: &std::path::Path) -> Result<ExitCode, String> {
    let settings = Settings::load(path).map_err(|error| error.to_string())?;
    let widget = Widget::open(settings.assets.dir.as_deref()).map_err(|error| error.to_string())?;
    let snippet = widget.snippet(settings.server.public_origin.as_str());
    writeln!(io::stdout(), "{snippet}").map_err(|error| error.to_string())?;
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
