//! Void, capture and refund: what changes a payment that was made.
//!
//! Documented: the fields of the request, the answers to a void and a refund that were done, to an unknown
//! payment, and to a void that came too late; the three hours for a void and the seven days for a refund.
//! Not documented, and done here as follows: a capture answers as the other two; what is refused for
//! another reason than being unknown answers as a void that came too late; a payment is voided or
//! refunded once, never both; every approved debit can be captured once, up to its amount, and voided or
//! refunded afterwards as well.

use std::time::Duration;

use serde_json::Value;

use crate::amount::Amount;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::ledger::{OperationEntry, OperationKind, OperationRefusal, OperationState};

use super::answer::{ChangeDone, ChangeRefused, Reply};
use super::bank::other_reference;
use super::payments::Change;
use super::schema::{self, Body, CREDENTIALS, Form, optional, required};
use super::{GreenPay, State};

/// By the help centre.
const VOID_WITHIN: Duration = Duration::from_secs(3 * 3_600);
/// By the help centre: seven calendar days.
const REFUND_WITHIN: Duration = Duration::from_secs(7 * 86_400);

const PAID: [schema::Property; 4] = [
    required("bin", Form::FilledText),
    required("last4", Form::FilledText),
    required("authorization", Form::FilledText),
    required("orderReference", Form::FilledText),
];

/// A change that was asked for.
struct Wanted<'a> {
    kind: OperationKind,
    reference: &'a str,
    bin: &'a str,
    last4: &'a str,
    authorization: &'a str,
    /// Of a capture.
    amount: Option<Amount>,
}

impl GreenPay {
    pub(super) fn void(&self, body: &Body, fate: Fate) -> Reply {
        self.change(body, fate, OperationKind::Void)
    }

    pub(super) fn capture(&self, body: &Body, fate: Fate) -> Reply {
        self.change(body, fate, OperationKind::Capture)
    }

    pub(super) fn refund(&self, body: &Body, fate: Fate) -> Reply {
        self.change(body, fate, OperationKind::Refund)
    }

    fn change(&self, body: &Body, fate: Fate, kind: OperationKind) -> Reply {
        const AMOUNT: [schema::Property; 1] = [optional("amount", Form::Price)];
        let own: &[schema::Property] = match kind {
            OperationKind::Capture => &AMOUNT,
            OperationKind::Void | OperationKind::Refund => &[],
        };
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &PAID, own]) {
            return refusal;
        }
        let reference = schema::text(body, "orderReference");
        if let Err(refusal) = self.check_credentials(body, Some(reference)) {
            return refusal;
        }
        let wanted = Wanted {
            kind,
            reference,
            bin: schema::text(body, "bin"),
            last4: schema::text(body, "last4"),
            authorization: schema::text(body, "authorization"),
            amount: body
                .get("amount")
                .filter(|_| !own.is_empty())
                .and_then(Value::as_number)
                .and_then(|number| Amount::read(number).ok()),
        };
        let changed = {
            let now = self.world.clock.now();
            self.state().change(&wanted, fate, now)
        };
        match changed {
            Ok(()) => {
                let named = if fate.is(Kind::WrongReference) {
                    other_reference(reference)
                } else {
                    reference.to_owned()
                };
                Reply::done(reference, &ChangeDone::new(kind, &named))
            }
            Err(OperationRefusal::NotFound) => {
                Reply::refused(Some(reference), &ChangeRefused::not_found())
            }
            Err(OperationRefusal::TooLate | OperationRefusal::DoneBefore) => {
                Reply::refused(Some(reference), &ChangeRefused::not_ready(kind))
            }
            Err(OperationRefusal::TooMuch) => {
                Reply::refused(Some(reference), &ChangeRefused::too_much())
            }
        }
    }
}

impl State {
    fn change(
        &mut self,
        wanted: &Wanted<'_>,
        fate: Fate,
        now: Moment,
    ) -> Result<(), OperationRefusal> {
        let count = self
            .greenpay
            .payments
            .note_asked(wanted.reference, wanted.kind);
        let debits = &self.ledger.debits;
        let payment = self
            .greenpay
            .payments
            .of_mut(wanted.reference)
            .iter_mut()
            .filter(|payment| payment.approved)
            .find(|payment| {
                debits.get(payment.line).is_some_and(|debit| {
                    debit.bin == wanted.bin
                        && debit.last4 == wanted.last4
                        && debit.authorization.as_deref() == Some(wanted.authorization)
                })
            });
        let debit = payment
            .as_ref()
            .and_then(|payment| debits.get(payment.line));
        let (amount, currency) = match (&payment, debit) {
            (Some(payment), Some(debit)) => {
                let amount = wanted.amount.unwrap_or(payment.amount);
                (Some(amount.two_decimals()), Some(debit.currency.clone()))
            }
            _ => (None, None),
        };
        let outcome = match payment {
            None => Err(OperationRefusal::NotFound),
            Some(payment) => {
                use OperationKind::{Capture, Refund, Void};
                let beyond_fence = fate.is(Kind::LateBeyondFence);
                let is_over = |within| !beyond_fence && payment.executed.is_older_than(within, now);
                let refusal = match wanted.kind {
                    _ if payment.is_changed_by(&[Void, Refund]) => {
                        Some(OperationRefusal::DoneBefore)
                    }
                    Capture if payment.is_changed_by(&[Capture]) => {
                        Some(OperationRefusal::DoneBefore)
                    }
                    Capture if wanted.amount.is_some_and(|asked| asked > payment.amount) => {
                        Some(OperationRefusal::TooMuch)
                    }
                    Void if is_over(VOID_WITHIN) => Some(OperationRefusal::TooLate),
                    Refund if is_over(REFUND_WITHIN) => Some(OperationRefusal::TooLate),
                    Void | Capture | Refund => None,
                };
                match refusal {
                    Some(refusal) => Err(refusal),
                    None => {
                        payment.changes.push(Change {
                            kind: wanted.kind,
                            visible: now.plus(Duration::from_millis(fate.hidden_ms)),
                        });
                        Ok(())
                    }
                }
            }
        };
        let (state, word) = match outcome {
            Ok(()) => (OperationState::Done, "done"),
            Err(_) => (OperationState::Refused, "refused"),
        };
        tracing::info!(
            reference = wanted.reference,
            count,
            "{} {word}",
            wanted.kind.name()
        );
        self.ledger.operations.push(OperationEntry {
            reference: wanted.reference.to_owned(),
            kind: wanted.kind,
            amount,
            currency,
            state,
            refusal: outcome.err(),
            at: now.rfc3339(),
            count,
        });
        outcome
    }
}
