//! The provider, in a few lines: what it does with each call, and what it shows of it later. It never
//! lies about what it proves.

use std::collections::BTreeMap;
use std::time::Duration;

use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;

use crate::clock::Timestamp;
use crate::machine::{Confirmation, Finding, Proof, Reading};
use crate::store::{AttemptRow, OperationRow};

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    NeverArrives,
    Refuses,
    Declines,
    /// So many seconds after it was sent.
    Executes(u32),
}

/// What is heard of a call's answer.
#[derive(Clone, Copy, Debug)]
pub enum Heard {
    Everything,
    Nothing,
    AnotherAmount,
}

#[derive(Clone, Copy, Debug)]
pub enum ReadLuck {
    Works,
    Fails,
    Strange,
    AnotherAmount,
}

/// A call that was made.
#[derive(Clone, Copy)]
struct Call {
    fate: Fate,
    at: Timestamp,
    answered: bool,
}

impl Call {
    fn executed_at(self) -> Option<Timestamp> {
        match self.fate {
            Fate::Executes(after) => Some(self.at + Duration::from_secs(u64::from(after))),
            Fate::NeverArrives | Fate::Refuses | Fate::Declines => None,
        }
    }
}

struct Deed {
    /// Which came first of two that are executed at the same moment.
    number: usize,
    call: Call,
    attempt_id: String,
    kind: OperationKind,
}

/// The truth.
pub struct Provider {
    payments: BTreeMap<String, Call>,
    deeds: BTreeMap<String, Deed>,
    calls: usize,
    /// Between an execution and its visibility in reads.
    pub lag: Duration,
}

impl Provider {
    pub const fn new(lag: Duration) -> Self {
        Self {
            payments: BTreeMap::new(),
            deeds: BTreeMap::new(),
            calls: 0,
            lag,
        }
    }

    pub fn pay(&mut self, attempt: &AttemptRow, fate: Fate, at: Timestamp) {
        let call = Call {
            fate,
            at,
            answered: false,
        };
        assert!(
            self.payments.insert(attempt.id.clone(), call).is_none(),
            "I2: a payment is sent once"
        );
    }

    pub fn operate(&mut self, operation: &OperationRow, fate: Fate, at: Timestamp) {
        self.calls += 1;
        let deed = Deed {
            number: self.calls,
            call: Call {
                fate,
                at,
                answered: false,
            },
            attempt_id: operation.attempt_id.clone(),
            kind: operation.kind,
        };
        assert!(
            self.deeds.insert(operation.id.clone(), deed).is_none(),
            "I2: an operation is sent once"
        );
    }

    /// Whether a right to send was used for this.
    pub fn was_called(&self, id: &str) -> bool {
        self.payments.contains_key(id) || self.deeds.contains_key(id)
    }

    /// Takes a call back that never arrived and was not answered, as its sender may who knows it.
    pub fn take_back(&mut self, id: &str) -> bool {
        let unsent = |call: &Call| matches!(call.fate, Fate::NeverArrives) && !call.answered;
        if self.payments.get(id).is_some_and(unsent) {
            return self.payments.remove(id).is_some();
        }
        if self.deeds.get(id).is_some_and(|deed| unsent(&deed.call)) {
            return self.deeds.remove(id).is_some();
        }
        false
    }

    /// Whether the payment moves money at some time, and whether it did by `at`.
    pub fn is_executed(&self, attempt_id: &str, at: Option<Timestamp>) -> bool {
        self.payments
            .get(attempt_id)
            .and_then(|call| call.executed_at())
            .is_some_and(|executed_at| at.is_none_or(|at| executed_at <= at))
    }

    /// Whether the operation took effect by `at`.
    pub fn took_effect(&self, operation: &OperationRow, at: Timestamp) -> bool {
        self.effects(&operation.attempt_id, at)
            .iter()
            .any(|(id, _)| *id == operation.id)
    }

    /// Whether the operation will have taken effect, whatever is still to come.
    pub fn ever_takes_effect(&self, operation: &OperationRow) -> bool {
        self.took_effect(operation, Timestamp::from_millis(i64::MAX))
    }

    /// What took effect by `at`, in order. Nothing is given back twice, nor captured twice.
    fn effects(&self, attempt_id: &str, at: Timestamp) -> Vec<(&str, OperationKind)> {
        let mut due: Vec<_> = self
            .deeds
            .iter()
            .filter(|(_, deed)| deed.attempt_id == attempt_id)
            .filter_map(|(id, deed)| Some((deed.call.executed_at()?, deed, id.as_str())))
            .filter(|(executed_at, ..)| *executed_at <= at)
            .collect();
        due.sort_by_key(|(executed_at, deed, _)| (*executed_at, deed.number));
        let mut effects: Vec<(&str, OperationKind)> = Vec::new();
        for (_, Deed { kind, .. }, id) in due {
            let kind = *kind;
            let done =
                |wanted: fn(&OperationKind) -> bool| effects.iter().any(|(_, kind)| wanted(kind));
            let gave_back = done(|kind| kind.gives_back());
            let captured = done(|kind| !kind.gives_back());
            if !gave_back && (kind.gives_back() || !captured) {
                effects.push((id, kind));
            }
        }
        effects
    }

    /// The answer to a payment's call; none after the first.
    pub fn answer_payment(
        &mut self,
        attempt: &AttemptRow,
        heard: Heard,
        now: Timestamp,
    ) -> Option<Finding<Proof>> {
        let call = self.payments.get_mut(&attempt.id)?;
        if std::mem::replace(&mut call.answered, true) {
            return None;
        }
        let executed = call.executed_at().is_some_and(|at| at <= now);
        Some(match (heard, executed) {
            (Heard::AnotherAmount, true) => {
                Finding::Confirmed(Proof::Paid(confirmation(more(attempt.total))))
            }
            (Heard::Everything, true) => {
                Finding::Confirmed(Proof::Paid(confirmation(attempt.total)))
            }
            (heard, _) => not_done(call.fate, heard),
        })
    }

    /// The answer to an operation's call; none after the first.
    pub fn answer_operation(
        &mut self,
        operation: &OperationRow,
        heard: Heard,
        now: Timestamp,
    ) -> Option<Finding<()>> {
        let effect = self.took_effect(operation, now);
        let call = &mut self.deeds.get_mut(&operation.id)?.call;
        if std::mem::replace(&mut call.answered, true) {
            return None;
        }
        let executed = call.executed_at().is_some_and(|at| at <= now);
        Some(match (heard, executed) {
            (Heard::Everything, true) if effect => Finding::Confirmed(()),
            (Heard::Everything, true) => Finding::Declined {
                code: Some(String::from("not_ready")),
            },
            (heard, _) => not_done(call.fate, heard),
        })
    }

    /// What a read shows of an attempt's payment.
    pub fn shows(&self, attempt: &AttemptRow, luck: ReadLuck, now: Timestamp) -> Reading {
        let seen = now - self.lag;
        let effects = self.effects(&attempt.id, seen);
        match (luck, effects.last()) {
            (ReadLuck::Fails, _) => Reading::Failed(String::from("no answer")),
            (ReadLuck::Strange, _) => Reading::Other(String::from("pending")),
            _ if !self.is_executed(&attempt.id, Some(seen)) => Reading::NotFound,
            (_, Some((_, kind))) => Reading::Changed(*kind),
            (ReadLuck::AnotherAmount, None) => {
                Reading::Confirmed(confirmation(more(attempt.total)))
            }
            (ReadLuck::Works, None) => Reading::Confirmed(confirmation(attempt.total)),
        }
    }
}

fn not_done<P>(fate: Fate, heard: Heard) -> Finding<P> {
    match fate {
        _ if !matches!(heard, Heard::Everything) => {
            Finding::Unknown(String::from("connection lost"))
        }
        Fate::NeverArrives => Finding::NotSent(String::from("no connection")),
        Fate::Refuses => Finding::Rejected(String::from("refused")),
        Fate::Declines => Finding::Declined {
            code: Some(String::from("05")),
        },
        Fate::Executes(_) => Finding::Unknown(String::from("gateway timeout")),
    }
}

fn more(total: Money) -> Money {
    Money::from_minor(total.minor() + 100, total.currency()).unwrap()
}

fn confirmation(total: Money) -> Confirmation {
    Confirmation {
        tip_minor: 0,
        total,
        authorization: Some(String::from("123456")),
        brand: None,
        last4: Some(String::from("4242")),
        bin: None,
        saved: None,
    }
}
