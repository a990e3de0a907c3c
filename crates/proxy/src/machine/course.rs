//! What attempts, operations and errands have in common: one right to send, doubt, and an end.
//!
//! Pure: every step here sees a [`Course`] and gives the next one. What it is the course of, and how
//! it is written, is behind [`Row`].

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState as S;

use super::Machine;
use super::schedule::{self, MIN_GAP, REVIEW_AFTER, second_look, soonest};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::{
    AttemptRow, Change, ErrandChange, ErrandRow, MAX_RETURNS, OperationChange, OperationRow, Store,
};

/// What the one call came to. `P` is what its provider confirms.
#[derive(Clone, Debug)]
pub enum Finding<P> {
    /// The provider did it, and everything in its answer that can be checked was checked.
    Confirmed(P),
    /// The provider or issuer said no.
    Declined {
        /// The provider's code.
        code: Option<String>,
    },
    /// Proven: no byte of it left.
    NotSent(String),
    /// Proven: the provider did not execute it.
    Rejected(String),
    /// Everything else.
    Unknown(String),
}

impl<P> Finding<P> {
    /// The same, with what is confirmed in another form.
    pub fn map<Q>(self, form: impl FnOnce(P) -> Q) -> Finding<Q> {
        match self {
            Self::Confirmed(proof) => Finding::Confirmed(form(proof)),
            Self::Declined { code } => Finding::Declined { code },
            Self::NotSent(cause) => Finding::NotSent(cause),
            Self::Rejected(cause) => Finding::Rejected(cause),
            Self::Unknown(cause) => Finding::Unknown(cause),
        }
    }
}

/// The part of an attempt, of an operation and of an errand that is alike.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Course {
    pub state: S,
    pub version: i64,
    pub created_at: Timestamp,
    pub sends: u8,
    pub returns: u8,
    pub sent_at: Option<Timestamp>,
    pub deadline_at: Option<Timestamp>,
    pub unknown_at: Option<Timestamp>,
    pub last_read_at: Option<Timestamp>,
    pub next_check_at: Option<Timestamp>,
    pub reason: Option<String>,
    pub provider_code: Option<String>,
    pub settled_at: Option<Timestamp>,
}

/// A row as it shall be, and why.
pub(super) struct Step<R> {
    pub after: R,
    pub at: Timestamp,
    pub kind: &'static str,
    pub evidence: Value,
}

/// Something that is sent at most once.
pub(super) trait Row: Clone + Send + Sync + 'static {
    /// `attempt`, `operation` or `errand`.
    const NAME: &'static str;
    /// Whether anybody can send it: nothing is needed for it but the store. What was prepared and not
    /// sent is then taken up again.
    const RESUMED: bool;
    /// The row in its surroundings.
    type Scene<'a>;
    /// What is to become of it.
    type Change: From<Step<Self>> + Send;
    /// What its provider confirms.
    type Proof: Clone + Send + Sync;
    /// What has to be in memory to send it.
    type Call: Send + Sync;

    fn id(&self) -> &str;
    fn attempt_id(&self) -> Option<&str>;
    fn operation_id(&self) -> Option<&str>;
    fn session_id(&self) -> Option<&str>;
    fn course(&self) -> Course;
    fn with(&self, course: Course) -> Self;
    fn in_scene<'s>(scene: &'s Self::Scene<'_>) -> &'s Self;

    /// Why it must not be sent any more, if what it belongs to does not want it.
    fn obstacle(scene: &Self::Scene<'_>) -> Option<&'static str>;

    /// What a change is called.
    fn kind(change: &Self::Change) -> &'static str;

    /// What else is written by the commit that takes the right for `call`.
    fn taken_for(change: Self::Change, call: &Self::Call) -> Self::Change {
        let _ = call;
        change
    }

    /// Whether somebody who waits for it is shown the steps up to its answer, too.
    fn shows_steps(&self) -> bool {
        false
    }

    /// Counts an outcome.
    fn count(&self);

    /// One commit, see [`Store::change`].
    fn change<F>(
        store: &Store,
        id: &str,
        decide: F,
    ) -> impl Future<Output = Result<Option<Self>>> + Send
    where
        F: FnMut(&Self::Scene<'_>) -> Option<Self::Change> + Send;

    /// **Moves money.**
    fn send(
        machine: &Machine,
        call: &Self::Call,
    ) -> impl Future<Output = Finding<Self::Proof>> + Send;

    /// Writes what the answer proves.
    fn settle_answer(
        machine: &Machine,
        id: &str,
        finding: &Finding<Self::Proof>,
    ) -> impl Future<Output = Result<()>> + Send;
}

impl<R: Row> Step<R> {
    pub const fn new(after: R, at: Timestamp, kind: &'static str, evidence: Value) -> Self {
        Self {
            after,
            at,
            kind,
            evidence,
        }
    }
}

impl Course {
    /// T0b. At `resume_at` somebody else may take it up.
    pub fn prepared(&self, version: i64, resume_at: Option<Timestamp>) -> Option<Self> {
        (self.state == S::New && self.version == version).then(|| Self {
            state: S::Prepared,
            next_check_at: resume_at,
            ..self.clone()
        })
    }

    /// T1, if this is still what was prepared.
    pub fn sent(&self, version: i64, now: Timestamp, deadline_at: Timestamp) -> Option<Self> {
        if self.state != S::Prepared || self.version != version {
            return None;
        }
        Some(Self {
            state: S::Sent,
            sends: self.sends.checked_add(1)?,
            sent_at: Some(now),
            deadline_at: Some(deadline_at),
            next_check_at: None,
            reason: None,
            ..self.clone()
        })
    }

    /// The sender who took the right as `version` gives it back unused.
    pub fn returned(&self, version: i64, resume_at: Option<Timestamp>) -> Option<Self> {
        let may = self.state == S::Sent && self.version == version && self.returns < MAX_RETURNS;
        may.then(|| Self {
            state: S::Prepared,
            returns: self.returns.saturating_add(1),
            next_check_at: resume_at,
            ..self.clone()
        })
    }

    /// The sender is gone, or its provider never answered.
    pub fn overdue(&self, version: i64, now: Timestamp) -> Option<Self> {
        (self.state == S::Sent && self.version == version).then(|| {
            let cause = String::from("no answer was recorded in time");
            self.doubted(cause, now)
        })
    }

    /// An end of what never took the right to send.
    pub fn never_sent(&self, reason: &str, now: Timestamp) -> Option<Self> {
        matches!(self.state, S::New | S::Prepared).then(|| Self {
            reason: Some(reason.to_owned()),
            ..self.ended(S::NotExecuted, now)
        })
    }

    /// A moment at which it is taken up again before anything was sent.
    pub fn postponed(&self, cause: &str, to: Timestamp) -> Option<Self> {
        matches!(self.state, S::New | S::Prepared).then(|| Self {
            next_check_at: Some(to),
            reason: Some(cause.to_owned()),
            ..self.clone()
        })
    }

    /// From now on its outcome is in doubt; a read often settles at once what the answer could not
    /// prove.
    pub fn doubted(&self, cause: String, now: Timestamp) -> Self {
        Self {
            state: S::Unknown,
            unknown_at: Some(now),
            next_check_at: Some(now),
            reason: Some(cause),
            ..self.clone()
        }
    }

    /// The sender, who was given up, was busy with the call until now and cannot say what came of it: no
    /// read before this moment proves anything.
    pub fn outlasted(&self, now: Timestamp) -> Self {
        let mut after = Self {
            deadline_at: self.deadline_at.max(Some(now)),
            next_check_at: Some(soonest(self.last_read_at, now)),
            ..self.clone()
        };
        if matches!(self.state, S::Declined | S::NotExecuted) {
            after.unknown_at = Some(now);
        }
        after
    }

    pub fn ended(&self, state: S, now: Timestamp) -> Self {
        Self {
            state,
            settled_at: Some(now),
            // Only a negative end that had been in doubt is looked at again.
            next_check_at: match state {
                S::Declined | S::NotExecuted => second_look(self.unknown_at, now, now),
                _ => None,
            },
            ..self.clone()
        }
    }
}

/// Judges an answer that confirms nothing; none when it does.
pub(super) fn unconfirmed<R: Row, P>(
    row: &R,
    finding: &Finding<P>,
    now: Timestamp,
) -> Option<Step<R>> {
    let course = row.course();
    let (negative, evidence) = match finding {
        Finding::Confirmed(_) => return None,
        Finding::Declined { code } => (
            Some(Course {
                reason: None,
                provider_code: code.clone(),
                ..course.ended(S::Declined, now)
            }),
            json!({ "source": "answer", "provider_code": code }),
        ),
        Finding::NotSent(cause) | Finding::Rejected(cause) => (
            Some(Course {
                reason: Some(cause.clone()),
                ..course.ended(S::NotExecuted, now)
            }),
            json!({ "source": "answer", "cause": cause }),
        ),
        Finding::Unknown(cause) => (None, json!({ "source": "answer", "cause": cause })),
    };
    let late = || Step::new(row.clone(), now, "answer_came_late", evidence.clone());
    Some(match (negative, finding, course.state) {
        (Some(after), _, S::Sent | S::Unknown | S::Review) => {
            let kind = after.state.name();
            Step::new(row.with(after), now, kind, evidence)
        }
        (Some(_), _, S::Declined | S::NotExecuted) => late(),
        // The right was given back, and only the news of that commit was lost.
        (Some(_), Finding::NotSent(_), S::New | S::Prepared) => late(),
        // What was shown was not refused.
        (
            Some(_),
            _,
            S::New
            | S::Prepared
            | S::Succeeded
            | S::Duplicate
            | S::Issued
            | S::Expired
            | S::Superseded,
        ) => contradiction(row, now, evidence),
        (None, Finding::Unknown(cause), S::Sent) => {
            let after = course.doubted(cause.clone(), now);
            Step::new(row.with(after), now, "unknown", evidence)
        }
        (None, _, S::Unknown | S::Review | S::Declined | S::NotExecuted) => {
            let after = course.outlasted(now);
            Step::new(row.with(after), now, "answer_came_late", evidence)
        }
        (None, ..) => late(),
    })
}

/// Evidence that should not exist: kept, reported, and nothing is changed on its word.
pub(super) fn contradiction<R: Row>(row: &R, at: Timestamp, evidence: Value) -> Step<R> {
    metrics::counter!("ventanilla_guard_hits_total", "guard" => "contradiction").increment(1);
    tracing::error!(
        attempt.id = row.attempt_id(),
        operation.id = row.operation_id(),
        "{} {} is {} and the provider says otherwise: {evidence}",
        R::NAME,
        row.id(),
        row.course().state.name()
    );
    Step::new(row.clone(), at, "contradiction", evidence)
}

/// How reads go on that settle nothing.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub now: Timestamp,
    /// Spreads reads over time: −200 to 200 thousandths.
    pub jitter: i32,
    /// After so long in doubt somebody must look, at the latest after [`REVIEW_AFTER`].
    pub review_after: Duration,
    /// Why somebody must.
    pub why: &'static str,
}

/// Why somebody must look at what no read settled.
pub(super) const NO_PROOF: &str = "reads did not settle it";

/// A read that settled nothing: when is the next?
pub(super) fn settled_nothing<R: Row>(
    row: &R,
    look: Look,
    kind: &'static str,
    evidence: Value,
) -> Step<R> {
    let now = look.now;
    let mut after = row.course();
    match after.state {
        S::Unknown => {
            let since = after.unknown_at.unwrap_or(now);
            if now.since(since) >= look.review_after.min(REVIEW_AFTER) {
                after.state = S::Review;
                after.next_check_at = schedule::in_review(after.unknown_at, now);
                after.reason = Some(look.why.to_owned());
                return Step::new(row.with(after), now, "review", evidence);
            }
            let planned = schedule::planned(&schedule::OPERATIONS, since, now, look.jitter);
            after.next_check_at = Some(planned.at.max(now + MIN_GAP));
        }
        S::Review => after.next_check_at = schedule::in_review(after.unknown_at, now),
        S::Declined | S::NotExecuted => {
            let settled_at = after.settled_at.unwrap_or(now);
            after.next_check_at = schedule::second_look(after.unknown_at, settled_at, now);
        }
        S::New
        | S::Prepared
        | S::Sent
        | S::Succeeded
        | S::Duplicate
        | S::Issued
        | S::Expired
        | S::Superseded => {}
    }
    Step::new(row.with(after), now, kind, evidence)
}

/// A read that failed: it proved nothing, and is repeated soon.
pub(super) fn read_failed<R: Row>(row: &R, look: Look, cause: &str) -> Step<R> {
    let now = look.now;
    let evidence = json!({ "source": "read", "failed": cause });
    let mut after = row.course();
    if matches!(after.state, S::Declined | S::NotExecuted) {
        let settled_at = after.settled_at.unwrap_or(now);
        after.next_check_at = schedule::second_look_again(settled_at, now);
        return Step::new(row.with(after), now, "read_failed", evidence);
    }
    let mut step = settled_nothing(row, look, "read_failed", evidence);
    let mut after = step.after.course();
    after.next_check_at = schedule::after_failure(after.next_check_at, now);
    step.after = step.after.with(after);
    step
}

impl From<Step<AttemptRow>> for Change {
    fn from(step: Step<AttemptRow>) -> Self {
        Self {
            after: step.after,
            at: step.at,
            kind: step.kind,
            evidence: step.evidence,
            saved_card: None,
            operation: None,
            financing: None,
            payable: None,
        }
    }
}

impl From<Step<OperationRow>> for OperationChange {
    fn from(step: Step<OperationRow>) -> Self {
        Self {
            after: step.after,
            at: step.at,
            kind: step.kind,
            evidence: step.evidence,
        }
    }
}

impl From<Step<ErrandRow>> for ErrandChange {
    fn from(step: Step<ErrandRow>) -> Self {
        Self {
            after: step.after,
            items: Vec::new(),
            at: step.at,
            kind: step.kind,
            evidence: step.evidence,
        }
    }
}

/// The functions of [`Row`] that are the same text for every row.
macro_rules! alike {
    () => {
        fn id(&self) -> &str {
            &self.id
        }

        fn course(&self) -> Course {
            Course {
                state: self.state,
                version: self.version,
                created_at: self.created_at,
                sends: self.sends,
                returns: self.returns,
                sent_at: self.sent_at,
                deadline_at: self.deadline_at,
                unknown_at: self.unknown_at,
                last_read_at: self.last_read_at,
                next_check_at: self.next_check_at,
                reason: self.reason.clone(),
                provider_code: self.provider_code.clone(),
                settled_at: self.settled_at,
            }
        }

        fn with(&self, course: Course) -> Self {
            Self {
                state: course.state,
                version: course.version,
                created_at: course.created_at,
                sends: course.sends,
                returns: course.returns,
                sent_at: course.sent_at,
                deadline_at: course.deadline_at,
                unknown_at: course.unknown_at,
                last_read_at: course.last_read_at,
                next_check_at: course.next_check_at,
                reason: course.reason,
                provider_code: course.provider_code,
                settled_at: course.settled_at,
                ..self.clone()
            }
        }
    };
}
pub(super) use alike;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::given::{attempt, course, session};

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const DEADLINE: Timestamp = Timestamp::from_millis(1_795_000_040_000);

    #[test]
    fn a_right_is_taken_from_prepared_and_on_the_newest_view_only() {
        for state in S::ALL {
            for version in [6, 7, 8] {
                let row = course(state, 7, NOW);
                let taken = row.sent(version, NOW, DEADLINE);
                assert_eq!(taken.is_some(), state == S::Prepared && version == 7);
                if let Some(taken) = taken {
                    assert_eq!(taken.state, S::Sent);
                    assert_eq!(taken.sends, row.sends + 1);
                    assert_eq!(taken.sent_at, Some(NOW));
                    assert_eq!(taken.deadline_at, Some(DEADLINE));
                    assert_eq!(taken.next_check_at, None);
                }
            }
        }
    }

    #[test]
    fn a_right_comes_back_to_the_sender_who_took_it_and_at_most_twice() {
        for state in S::ALL {
            for (version, returns) in [(7, 0), (7, 1), (7, MAX_RETURNS), (6, 0)] {
                let mut row = course(state, 7, NOW);
                row.returns = returns;
                let returned = row.returned(version, None);
                let expected = state == S::Sent && version == 7 && returns < MAX_RETURNS;
                assert_eq!(returned.is_some(), expected, "{} {version}", state.name());
                if let Some(returned) = returned {
                    assert_eq!(returned.state, S::Prepared);
                    assert_eq!(returned.returns, returns + 1);
                }
            }
        }
    }

    #[test]
    fn only_what_was_never_sent_ends_without_evidence_or_waits() {
        for state in S::ALL {
            let row = course(state, 7, NOW);
            let unsent = matches!(state, S::New | S::Prepared);
            let ended = row.never_sent("nobody came", NOW);
            assert_eq!(ended.is_some(), unsent, "{}", state.name());
            assert_eq!(row.postponed("later", DEADLINE).is_some(), unsent);
            if let Some(ended) = ended {
                assert_eq!(ended.state, S::NotExecuted);
                assert_eq!(ended.settled_at, Some(NOW));
                assert_eq!(ended.next_check_at, None);
            }
        }
    }

    #[test]
    fn only_a_call_that_nobody_answered_for_becomes_doubt_by_itself() {
        for state in S::ALL {
            let row = course(state, 7, NOW);
            let doubted = row.overdue(7, NOW);
            assert_eq!(doubted.is_some(), state == S::Sent, "{}", state.name());
            if let Some(doubted) = doubted {
                assert_eq!(doubted.state, S::Unknown);
                assert_eq!(doubted.unknown_at, Some(NOW));
                assert_eq!(doubted.next_check_at, Some(NOW));
            }
        }
        assert_eq!(course(S::Sent, 7, NOW).overdue(6, NOW), None);
    }

    #[test]
    fn a_sender_who_was_given_up_and_cannot_say_what_came_of_it_has_it_read_at_once() {
        let session = session(NOW);
        let late = DEADLINE + Duration::from_secs(600);
        let finding: Finding<()> = Finding::Unknown(String::from("timeout"));
        for state in S::ALL {
            let mut row = attempt(&session, "key", NOW);
            row.state = state;
            row.deadline_at = Some(DEADLINE);
            row.unknown_at = Some(DEADLINE);
            row.settled_at = state.is_final().then_some(DEADLINE);
            let after = unconfirmed(&row, &finding, late).unwrap().after;
            let ended = matches!(state, S::Declined | S::NotExecuted);
            let doubted = ended || matches!(state, S::Unknown | S::Review);
            if state == S::Sent {
                assert_eq!(after.state, S::Unknown);
                assert_eq!(after.deadline_at, Some(DEADLINE));
                continue;
            }
            assert_eq!(after.state, state);
            assert_eq!(after.settled_at, row.settled_at);
            let expected = if doubted { late } else { DEADLINE };
            assert_eq!(after.deadline_at, Some(expected), "{}", state.name());
            assert_eq!(after.next_check_at, doubted.then_some(late));
            let expected = if ended { late } else { DEADLINE };
            assert_eq!(after.unknown_at, Some(expected), "{}", state.name());
        }
    }

    #[test]
    fn only_a_negative_end_that_was_in_doubt_is_looked_at_again() {
        for (state, doubted, expected) in [
            (S::NotExecuted, true, true),
            (S::Declined, true, true),
            (S::NotExecuted, false, false),
            (S::Succeeded, true, false),
            (S::Duplicate, true, false),
        ] {
            let mut row = course(S::Sent, 7, NOW);
            row.unknown_at = doubted.then_some(NOW);
            let ended = row.ended(state, DEADLINE);
            assert_eq!(ended.next_check_at.is_some(), expected, "{}", state.name());
        }
    }
}
