//! `ventanilla serve`: serves until it is told to stop.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use ventanilla_proxy::clock::SystemClock;
use ventanilla_proxy::config::{self, Config};
use ventanilla_proxy::{logging, server};

/// Serves until SIGTERM or SIGINT.
pub fn run(path: &Path) -> Result<ExitCode, String> {
    let config = Config::load(path).map_err(|error| error.to_string())?;
    logging::init(&config).map_err(|error| error.to_string())?;
    #[cfg(debug_assertions)]
    ventanilla_proxy::failpoint::install()?;
    let config::Clock { speed, anchor } = config.settings.clock;
    let clock = Arc::new(match anchor {
        Some(anchor) => SystemClock::anchored(speed, anchor),
        None => SystemClock::new(speed),
    });
    super::runtime()?.block_on(async move {
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
