//! One line for each call.

use std::time::Instant;

use super::refusal::Decision;
use crate::outcome::Outcome;

/// One call, for the log: operation, duration, outcome class, the documented code of a refusal. Never a body
/// or a URL, and nothing else that the provider wrote: its messages may name people, its URLs hold tokens.
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
        self.log(&outcome, None);
        outcome
    }

    pub(super) fn end_decision<T>(self, outcome: Outcome<Decision<T>>) -> Outcome<Decision<T>> {
        let code = match &outcome {
            Outcome::Definite(Decision::Refused(refusal)) => Some(refusal.code),
            _ => None,
        };
        self.log(&outcome, code);
        outcome
    }

    fn log<T>(&self, outcome: &Outcome<T>, code: Option<&'static str>) {
        let duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (name, class) = (self.name, outcome.class());
        match outcome.cause() {
            Some(cause) => tracing::warn!(
                provider = "flexiti",
                operation = name,
                duration_ms,
                outcome = class,
                cause = %cause,
                "flexiti {name} after {duration_ms} ms: {class}, {cause}"
            ),
            None => tracing::info!(
                provider = "flexiti",
                operation = name,
                duration_ms,
                outcome = class,
                provider.code = code,
                "flexiti {name} after {duration_ms} ms: {class}"
            ),
        }
    }
}
