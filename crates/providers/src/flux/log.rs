//! One line for each call.

use std::time::Instant;

use super::order::{Payment, Refund};
use crate::outcome::Outcome;

/// One call, for the log: operation, duration, outcome class, and the code of a documented refusal. Never a
/// body, and nothing else that the provider wrote.
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

    pub(super) fn end_payment(self, outcome: Outcome<Payment>) -> Outcome<Payment> {
        let code = match &outcome {
            Outcome::Definite(Payment::Declined(reason)) => Some(reason.code()),
            _ => None,
        };
        self.log(&outcome, code);
        outcome
    }

    pub(super) fn end_refund(self, outcome: Outcome<Refund>) -> Outcome<Refund> {
        let code = match &outcome {
            Outcome::Definite(Refund::Refused(code)) => Some(*code),
            _ => None,
        };
        self.log(&outcome, code);
        outcome
    }

    fn log<T>(&self, outcome: &Outcome<T>, code: Option<&str>) {
        let duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (name, class) = (self.name, outcome.class());
        match outcome.cause() {
            Some(cause) => tracing::warn!(
                provider = "flux",
                operation = name,
                duration_ms,
                outcome = class,
                cause = %cause,
                "flux {name} after {duration_ms} ms: {class}, {cause}"
            ),
            None => tracing::info!(
                provider = "flux",
                operation = name,
                duration_ms,
                outcome = class,
                provider.code = code,
                "flux {name} after {duration_ms} ms: {class}"
            ),
        }
    }
}
