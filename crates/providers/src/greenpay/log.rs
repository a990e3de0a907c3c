//! One line for each call.

use std::time::Instant;

use super::operation::OperationAnswer;
use super::order::Payment;
use super::subscription::{SubscriptionAnswer, SubscriptionPayment};
use crate::outcome::Outcome;

/// One call, for the log: operation, duration, outcome class, provider's code. Never a body.
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
            Outcome::Definite(Payment::Declined { code }) => code.as_deref(),
            Outcome::Definite(Payment::Approved(_)) => Some("00"),
            _ => None,
        };
        self.log(&outcome, code);
        outcome
    }

    pub(super) fn end_operation(
        self,
        outcome: Outcome<OperationAnswer>,
    ) -> Outcome<OperationAnswer> {
        let code = match &outcome {
            Outcome::Definite(OperationAnswer::Refused { code }) => code.as_deref(),
            _ => None,
        };
        self.log(&outcome, code);
        outcome
    }

    pub(super) fn end_subscription_payment(
        self,
        outcome: Outcome<SubscriptionPayment>,
    ) -> Outcome<SubscriptionPayment> {
        let code = match &outcome {
            Outcome::Definite(SubscriptionPayment::Declined { code }) => code.as_deref(),
            _ => None,
        };
        self.log(&outcome, code);
        outcome
    }

    pub(super) fn end_subscription_answer(
        self,
        outcome: Outcome<SubscriptionAnswer>,
    ) -> Outcome<SubscriptionAnswer> {
        let code = match &outcome {
            Outcome::Definite(SubscriptionAnswer::Refused { code }) => code.as_deref(),
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
                provider = "greenpay",
                operation = name,
                duration_ms,
                outcome = class,
                cause = %cause,
                "greenpay {name} after {duration_ms} ms: {class}, {cause}"
            ),
            None => tracing::info!(
                provider = "greenpay",
                operation = name,
                duration_ms,
                outcome = class,
                provider.code = code,
                "greenpay {name} after {duration_ms} ms: {class}"
            ),
        }
    }
}
