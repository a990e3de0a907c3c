//! What is seen while a campaign runs: one line that changes on a terminal, lines now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

use super::book::read;
use super::{Field, Plan};

/// Where progress is shown: standard error, so that standard output holds results only.
pub struct Screen {
    live: bool,
    begun: Instant,
    next: Instant,
}

impl Screen {
    /// Standard error as it is.
    #[must_use]
    pub fn new() -> Self {
        Self {
            live: std::io::stderr().is_terminal(),
            begun: Instant::now(),
            next: Instant::now(),
        }
    }

    pub(super) fn headline(&mut self, plan: &Plan) {
        self.begun = Instant::now();
        self.next = Instant::now();
        self.line(&format!(
            "{}: {} checkouts on {} {}, faults {} %, {} kills, {} pauses, {} database stops, \
             {} cuts, seed {}, clock ×{}",
            plan.store.name(),
            plan.checkouts,
            plan.proxies,
            if plan.proxies == 1 {
                "proxy"
            } else {
                "proxies"
            },
            plan.faults_percent,
            plan.kills,
            plan.pauses,
            plan.database_stops,
            plan.database_cuts,
            plan.seed,
            plan.speed,
        ));
    }

    pub(super) fn progress(&mut self, what: &str, field: &Field) {
        self.show(|| tally(what, field));
    }

    pub(super) fn waiting(&mut self, what: &str, field: &Field, left: usize) {
        self.show(|| format!("{}, {left} to go", tally(what, field)));
    }

    pub(super) fn step(&mut self, what: &str) {
        self.next = Instant::now();
        self.show(|| what.to_owned());
    }

    fn show(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + if self.live { LIVE_EVERY } else { PLAIN_EVERY };
        let line = format!("{:>4} s  {}", self.begun.elapsed().as_secs(), text());
        self.line(&line);
    }

    fn line(&self, text: &str) {
        let mut stderr = std::io::stderr();
        let _ = if self.live {
            write!(stderr, "\r\x1b[K{text}")
        } else {
            writeln!(stderr, "{text}")
        };
    }

    /// Leaves the terminal's line to whoever writes next.
    pub fn clear(&self) {
        if self.live {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

fn tally(what: &str, field: &Field) -> String {
    let (book, blows) = (&field.book, &field.blows);
    let mut line = format!(
        "{what}: {}/{} checkouts, {} paid, {} faults, {} kills, {} unknown",
        read(&book.finished),
        field.checkouts,
        read(&book.paid),
        read(&blows.faults),
        read(&blows.kills),
        read(&book.in_doubt),
    );
    for (count, name) in [
        (read(&book.operations), "operations"),
        (read(&blows.pauses), "pauses"),
        (read(&blows.database_stops), "database stops"),
        (read(&blows.cuts), "cuts"),
    ] {
        if count > 0 {
            line.push_str(&format!(", {count} {name}"));
        }
    }
    line
}

const LIVE_EVERY: Duration = Duration::from_secs(1);
const PLAIN_EVERY: Duration = Duration::from_secs(5);
