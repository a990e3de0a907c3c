//! What is seen while it runs: one line that changes on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

/// Progress on standard error.
pub struct Ticker {
    live: bool,
    begun: Instant,
    next: Instant,
}

impl Ticker {
    /// Standard error as it is.
    #[must_use]
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            live: std::io::stderr().is_terminal(),
            begun: now,
            next: now,
        }
    }

    /// Shows what goes on, unless something was shown a moment ago.
    pub fn tick(&mut self, what: &str) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + if self.live { LIVE_EVERY } else { PLAIN_EVERY };
        let line = format!("{:>5} s  {what}", self.begun.elapsed().as_secs());
        let mut stderr = std::io::stderr();
        let _ = if self.live {
            write!(stderr, "\r\x1b[K{line}")
        } else {
            writeln!(stderr, "{line}")
        };
    }

    /// Leaves a terminal's line empty for what follows.
    pub fn clear(&self) {
        if self.live {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Default for Ticker {
    fn default() -> Self {
        Self::new()
    }
}

const LIVE_EVERY: Duration = Duration::from_millis(100);
const PLAIN_EVERY: Duration = Duration::from_secs(10);
