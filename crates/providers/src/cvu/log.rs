//! One line for each call.

use std::time::Instant;

use crate::outcome::Outcome;

/// One call, for the log: operation, duration, outcome class. Never a body, and nothing that the provider
/// wrote: its messages may name people.
pub(super) struct Operation {
    name: &'static str,
    started: Instant,
}

impl Operation {
    pub(super) fn start(name: &'static str) -> Self {
        Self {
            name,
            started: Instant::now(),
        }
    }

    pub(super) fn end<T>(self, outcome: Outcome<T>) -> Outcome<T> {
        let duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (name, class) = (self.name, outcome.class());
        match outcome.cause() {
            Some(cause) => tracing::warn!(
                provider = "cvu",
                operation = name,
                duration_ms,
                outcome = class,
                cause = %cause,
                "cvu {name} after {duration_ms} ms: {class}, {cause}"
            ),
            None => tracing::info!(
                provider = "cvu",
                operation = name,
                duration_ms,
                outcome = class,
                "cvu {name} after {duration_ms} ms: {class}"
            ),
        }
        outcome
    }
}
