//! Faults: what goes wrong, where, and how often.

mod kind;
mod operation;
mod random;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use kind::Kind;
pub(crate) use operation::Host;
pub use operation::Operation;
pub use random::{DrawnBy, RandomFaults};

use kind::Wait;
use random::Drawing;

/// A fault to be met by the next calls of one operation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whose calls meet it.
    pub operation: Operation,
    /// What goes wrong.
    pub kind: Kind,
    /// How many calls meet it: 1 unless told, at least 1.
    #[serde(default = "once")]
    pub times: u32,
    /// Milliseconds. With [`Kind::Stall`], [`Kind::SlowDrip`] and [`Kind::Late`]: needed, at most one
    /// hour. With [`Kind::DelayVisibility`]: of the sandbox's clock, at most 120 000, needed unless it
    /// is for a read. With [`Kind::LateBeyondFence`]: of the sandbox's clock, 40 minutes unless told,
    /// at most 7 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// With [`Kind::DelayVisibility`] of a read: how many reads find nothing; takes the place of
    /// `times` and of `ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<u32>,
}

const fn once() -> u32 {
    1
}

const LONGEST_WAIT_MS: u64 = 3_600_000;
const LONGEST_HIDDEN_MS: u64 = 120_000;
const LONGEST_BEYOND_FENCE_MS: u64 = 7 * 86_400_000;
/// Ten minutes more than a session lives.
pub(crate) const BEYOND_FENCE_MS: u64 = 40 * 60_000;

impl Fault {
    /// A fault for one call.
    #[must_use]
    pub const fn once(operation: Operation, kind: Kind) -> Self {
        Self::times(operation, kind, 1)
    }

    /// A fault for the next `times` calls.
    #[must_use]
    pub const fn times(operation: Operation, kind: Kind, times: u32) -> Self {
        Self {
            operation,
            kind,
            times,
            ms: None,
            reads: None,
        }
    }

    /// With this many milliseconds; see [`Fault::ms`].
    #[must_use]
    pub const fn for_ms(mut self, ms: u64) -> Self {
        self.ms = Some(ms);
        self
    }

    /// Checks what JSON cannot say.
    fn check(mut self) -> Result<Self, FaultError> {
        let name = self.kind.name();
        if !self.kind.fits(self.operation) {
            return Err(FaultError(format!(
                "{name} does not fit {}",
                self.operation.name()
            )));
        }
        if let Some(reads) = self.reads {
            if self.kind != Kind::DelayVisibility || !self.operation.finds_payments() {
                return Err(FaultError(format!("{name} takes no reads")));
            }
            if self.ms.is_some() {
                return Err(FaultError(format!("{name} takes reads or ms, not both")));
            }
            self.times = reads;
            self.reads = None;
        }
        let (needed, most) = match self.kind.wait() {
            Wait::None => (false, None),
            Wait::Real => (true, Some(LONGEST_WAIT_MS)),
            Wait::BeyondFence => (false, Some(LONGEST_BEYOND_FENCE_MS)),
            Wait::Hidden => (!self.operation.is_read(), Some(LONGEST_HIDDEN_MS)),
        };
        match (self.ms, most) {
            (None, _) if needed => return Err(FaultError(format!("{name} needs ms"))),
            (Some(_), None) => return Err(FaultError(format!("{name} takes no ms"))),
            (Some(ms), Some(most)) if ms > most => {
                return Err(FaultError(format!("ms must be at most {most}, found {ms}")));
            }
            _ => {}
        }
        if self.times == 0 {
            return Err(FaultError(String::from(
                "times must be at least 1, found 0",
            )));
        }
        Ok(self)
    }
}

/// A fault that cannot be set; says why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FaultError(String);

impl std::fmt::Display for FaultError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultError {}

/// The faults still to be met.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultPlan {
    armed: Vec<Fault>,
    drawing: Option<Drawing>,
}

/// A fault met by one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Met {
    pub(crate) kind: Kind,
    pub(crate) ms: Option<u64>,
}

/// What a call is in for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Fate {
    pub(crate) met: Option<Met>,
    /// For how much of the sandbox's clock reads do not show what the call does.
    pub(crate) hidden_ms: u64,
}

impl Fate {
    /// Whether what the answer says is not what happened.
    pub(crate) fn bends_answer(self) -> bool {
        matches!(
            self.kind(),
            Some(Kind::WrongAmount | Kind::FloatDust | Kind::WrongReference | Kind::BadSignature)
        )
    }

    pub(crate) const fn without_fault(self) -> Self {
        Self { met: None, ..self }
    }

    pub(crate) fn kind(self) -> Option<Kind> {
        self.met.map(|met| met.kind)
    }

    pub(crate) fn is(self, kind: Kind) -> bool {
        self.kind() == Some(kind)
    }

    /// How long to wait, in the world's time.
    pub(crate) fn real_wait(self) -> Duration {
        Duration::from_millis(self.ms().unwrap_or_default())
    }

    /// The milliseconds of the fault.
    pub(crate) fn ms(self) -> Option<u64> {
        self.met.and_then(|met| met.ms)
    }
}

impl FaultPlan {
    pub(crate) fn arm(&mut self, fault: Fault) -> Result<Fault, FaultError> {
        let fault = fault.check()?;
        self.armed.push(fault);
        Ok(fault)
    }

    pub(crate) fn arm_random(&mut self, random: RandomFaults) -> Result<(), FaultError> {
        self.drawing = Some(Drawing::new(random)?);
        Ok(())
    }

    pub(crate) fn armed(&self) -> &[Fault] {
        &self.armed
    }

    pub(crate) fn random(&self) -> Option<&RandomFaults> {
        self.drawing.as_ref().map(Drawing::random)
    }

    /// Whether a connection to `host` might have to be refused.
    pub(crate) fn may_refuse(&self, host: Host) -> bool {
        self.armed
            .iter()
            .any(|fault| fault.kind == Kind::Refuse && fault.operation.host() == host)
    }

    /// Uses up a refusal of `operation`, if one is left.
    pub(crate) fn take_refusal(&mut self, operation: Operation) -> bool {
        self.take_armed(|fault| fault.kind == Kind::Refuse && fault.operation == operation)
            .is_some()
    }

    /// Uses up the fault that this call of `operation` meets. Faults set by hand come before drawn
    /// ones, in the order in which they were set. `subject` says what the call is about.
    pub(crate) fn take(&mut self, operation: Operation, subject: &str) -> Fate {
        let by_hand = self.take_armed(|fault| {
            fault.operation == operation && !matches!(fault.kind, Kind::Refuse | Kind::Down)
        });
        // Drawn in any case: what a call draws does not hang on what was set by hand before.
        let drawn = self
            .drawing
            .as_mut()
            .map(|drawing| drawing.draw(operation, subject))
            .unwrap_or_default();
        let met = by_hand
            .map(|fault| Met {
                kind: fault.kind,
                ms: fault.ms,
            })
            .or(drawn.met);
        let hidden_ms = match met {
            Some(Met {
                kind: Kind::DelayVisibility,
                ms: Some(ms),
            }) if !operation.is_read() => ms,
            _ => drawn.hidden_ms,
        };
        Fate { met, hidden_ms }
    }

    fn take_armed(&mut self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let index = self.armed.iter().position(wanted)?;
        let fault = self.armed.get_mut(index)?;
        fault.times -= 1;
        let taken = *fault;
        if taken.times == 0 {
            self.armed.remove(index);
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_set_by_hand_is_met_as_often_as_told_and_by_its_operation_only() {
        let mut plan = FaultPlan::default();
        plan.arm(Fault::times(Operation::Pay, Kind::ResetAfter, 2))
            .unwrap();
        plan.arm(Fault::once(Operation::Pay, Kind::Truncate))
            .unwrap();
        assert_eq!(plan.take(Operation::Transaction, "ref"), Fate::default());
        let met: Vec<_> = (0..4)
            .map(|_| plan.take(Operation::Pay, "ref").kind())
            .collect();
        assert_eq!(
            met,
            [
                Some(Kind::ResetAfter),
                Some(Kind::ResetAfter),
                Some(Kind::Truncate),
                None
            ]
        );
    }

    #[test]
    fn a_fault_set_by_hand_does_not_move_what_chance_draws() {
        let random = RandomFaults {
            share_percent: 50,
            seed: 7,
            ..RandomFaults::default()
        };
        let drawn = |by_hand: bool| {
            let mut plan = FaultPlan::default();
            plan.arm_random(random.clone()).unwrap();
            if by_hand {
                plan.arm(Fault::once(Operation::Pay, Kind::Oversize))
                    .unwrap();
            }
            let mut calls = (0..100).map(|_| plan.take(Operation::Pay, "ref").kind());
            calls.next();
            calls.collect::<Vec<_>>()
        };
        assert_eq!(drawn(true), drawn(false));
    }

    #[test]
    fn a_fault_that_does_not_fit_says_why() {
        let refused = |json: &str| {
            FaultPlan::default()
                .arm(serde_json::from_str(json).unwrap())
                .unwrap_err()
                .to_string()
        };
        for (json, reason) in [
            (
                r#"{"operation":"get_token","kind":"bad_signature"}"#,
                "bad_signature does not fit get_token",
            ),
            (
                r#"{"operation":"transaction","kind":"late","ms":1}"#,
                "late does not fit transaction",
            ),
            (
                r#"{"operation":"refund","kind":"wrong_amount"}"#,
                "wrong_amount does not fit refund",
            ),
            (r#"{"operation":"pay","kind":"stall"}"#, "stall needs ms"),
            (
                r#"{"operation":"pay","kind":"slow_drip"}"#,
                "slow_drip needs ms",
            ),
            (
                r#"{"operation":"pay","kind":"truncate","ms":1}"#,
                "truncate takes no ms",
            ),
            (
                r#"{"operation":"pay","kind":"truncate","times":0}"#,
                "times must be at least 1, found 0",
            ),
            (
                r#"{"operation":"pay","kind":"late","ms":3600001}"#,
                "ms must be at most 3600000, found 3600001",
            ),
            (
                r#"{"operation":"pay","kind":"delay_visibility"}"#,
                "delay_visibility needs ms",
            ),
            (
                r#"{"operation":"pay","kind":"delay_visibility","reads":2}"#,
                "delay_visibility takes no reads",
            ),
            (
                r#"{"operation":"transaction","kind":"delay_visibility","reads":2,"ms":5}"#,
                "delay_visibility takes reads or ms, not both",
            ),
            (
                r#"{"operation":"transaction","kind":"delay_visibility","ms":120001}"#,
                "ms must be at most 120000, found 120001",
            ),
        ] {
            assert_eq!(refused(json), reason, "{json}");
        }
    }

    #[test]
    fn a_random_mode_that_cannot_be_says_why() {
        let refused = |json: &str| {
            FaultPlan::default()
                .arm_random(serde_json::from_str(json).unwrap())
                .unwrap_err()
                .to_string()
        };
        for (json, reason) in [
            (
                r#"{"share_percent":101,"seed":7}"#,
                "share_percent must be at most 100, found 101",
            ),
            (
                r#"{"share_percent":1,"seed":7,"weights":{"refuse":1}}"#,
                "refuse hits more than one call and cannot be drawn",
            ),
            (
                r#"{"share_percent":1,"seed":7,"weights":{"stall":0}}"#,
                "weights must name a kind with a weight above 0",
            ),
            (
                r#"{"share_percent":1,"seed":7,"hidden_ms":120001}"#,
                "hidden_ms must be at most 120000, found 120001",
            ),
            (
                r#"{"share_percent":1,"seed":7,"longest_ms":0}"#,
                "longest_ms must be at least 1, found 0",
            ),
        ] {
            assert_eq!(refused(json), reason, "{json}");
        }
    }
}
