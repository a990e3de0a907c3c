//! What somebody at the merchant must look at, and what news from outside brings forward.
//!
//! Nothing here sends. A provider's notification only brings a read forward; what somebody found at
//! the provider's is kept as evidence, and reads go on where they may still prove otherwise.

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::problem::ProblemCode;

use super::course::{Row, Step};
use super::judge_operation::has_room;
use super::operate::AnyOperation;
use super::session::{ReviewAttempt, ReviewOperation, ReviewRecord, SettleOutcome, SettleReview};
use super::{Machine, schedule, view};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::store::{
    AttemptRow, CreditState, ErrandRow, ErrandScene, OperationRow, OperationScene, Scene,
};

const NOTE_MIN: usize = 3;
const NOTE_MAX: usize = 500;
/// A PAN has at least so many digits.
const PAN_DIGITS: usize = 12;

impl Machine {
    /// What somebody at the merchant must look at, oldest first.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn review(&self) -> Result<ReviewRecord> {
        let rows = self.store.review().await?;
        let attempts = rows.attempts.iter().map(|row| ReviewAttempt {
            since: since(row).rfc3339(),
            why: if row.state == S::Duplicate {
                String::from("the money came twice and is not on its way back")
            } else {
                why(row)
            },
            attempt: view::attempt_record(row),
        });
        let operations = rows.operations.iter().map(|row| ReviewOperation {
            since: since(row).rfc3339(),
            why: why(row),
            operation: view::operation_record(row),
        });
        let mut operations: Vec<_> = operations.collect();
        for row in &rows.errands {
            operations.push(ReviewOperation {
                since: since(row).rfc3339(),
                why: why(row),
                operation: self.operation(&row.id).await?,
            });
        }
        operations.sort_by(|a, b| a.operation.created_at.cmp(&b.operation.created_at));
        Ok(ReviewRecord {
            attempts: attempts.collect(),
            operations,
            credits: rows.credits.iter().map(view::credit_record).collect(),
        })
    }

    /// Has an attempt or operation that is in doubt or in review read back now.
    ///
    /// # Errors
    ///
    /// `not-found`; `operation-not-possible` when it is neither in doubt nor in review.
    pub async fn read_again(&self, id: &str) -> Result<()> {
        let evidence = json!({ "source": "merchant" });
        let state = if is_operation(id) {
            let found = self.any_operation(id).await?;
            let kind = "read_asked_for";
            match &found {
                AnyOperation::OnAttempt(_) => {
                    self.bring_forward::<OperationRow>(id, kind, &evidence)
                        .await?;
                }
                AnyOperation::Alone(_) => {
                    self.bring_forward::<ErrandRow>(id, kind, &evidence).await?;
                }
            }
            found.state()
        } else {
            let row = self.store.attempt(id).await?;
            let state = row.ok_or(ProblemCode::NotFound)?.state;
            self.bring_forward::<AttemptRow>(id, "read_asked_for", &evidence)
                .await?;
            state
        };
        if matches!(state, S::Unknown | S::Review) {
            Ok(())
        } else {
            Err(not_in_review(state))
        }
    }

    /// Settles a credit in review: somebody knows whose it is, or has dealt with it.
    async fn settle_credit(&self, id: &str, settle: SettleReview) -> Result<()> {
        let not_possible =
            |detail: &str| Err(Error::new(ProblemCode::OperationNotPossible).detail(detail));
        let credit = self.store.credit(id).await?.ok_or(ProblemCode::NotFound)?;
        if credit.state != CreditState::Review {
            return not_possible("only a credit in review takes this");
        }
        match (settle.outcome, &settle.attempt_id) {
            (SettleOutcome::Dismissed, None) => {
                let now = self.clock.now();
                match self.store.settle_credit(id, &settle.note, now).await? {
                    Some(_) => Ok(()),
                    None => not_possible("only a credit in review takes this"),
                }
            }
            (SettleOutcome::Matched, Some(attempt_id)) => {
                self.match_by_hand(&credit, attempt_id, &settle.note).await
            }
            _ => Err(Error::new(ProblemCode::RequestMalformed).detail(
                "a credit is settled as matched with an attempt_id, or as dismissed without one",
            )),
        }
    }

    /// Settles what is in review by the word of somebody who looked at the provider's back office.
    /// Money that a provider did not confirm is never recorded as taken; what is settled negatively is
    /// read again, and what a read proves goes before the word.
    ///
    /// An operation that was sent and ended without being executed may be settled as succeeded, when
    /// somebody did it by hand.
    ///
    /// # Errors
    ///
    /// `not-found`; `operation-not-possible` when it is not in review, or has no such end;
    /// `request-malformed` unless the note has 3 to 500 characters and no card number.
    pub async fn settle_review(&self, id: &str, settle: SettleReview) -> Result<()> {
        check_note(&settle.note)?;
        let outcome = settle.outcome;
        if id.starts_with("crd_") {
            return self.settle_credit(id, settle).await;
        }
        if is_operation(id) {
            let row = match self.any_operation(id).await? {
                AnyOperation::OnAttempt(row) => *row,
                AnyOperation::Alone(whole) => {
                    return self.settle_errand(&whole.errand, settle).await;
                }
            };
            self.settle_by_hand(&row, settle, |scene: &OperationScene<'_>| {
                let row = scene.operation;
                match (outcome, row.state) {
                    (SettleOutcome::Succeeded, S::Review) => true,
                    (SettleOutcome::Succeeded, S::Declined | S::NotExecuted) => {
                        row.sends > row.returns && has_room(scene)
                    }
                    (SettleOutcome::NotExecuted, state) => state == S::Review,
                    (
                        SettleOutcome::Succeeded
                        | SettleOutcome::Declined
                        | SettleOutcome::Matched
                        | SettleOutcome::Dismissed,
                        _,
                    ) => false,
                }
            })
            .await
        } else {
            let row = self.store.attempt(id).await?.ok_or(ProblemCode::NotFound)?;
            self.settle_by_hand(&row, settle, |scene: &Scene<'_>| match outcome {
                SettleOutcome::NotExecuted | SettleOutcome::Declined => {
                    scene.attempt.state == S::Review
                }
                SettleOutcome::Succeeded | SettleOutcome::Matched | SettleOutcome::Dismissed => {
                    false
                }
            })
            .await
        }
    }

    /// As an operation; of several payments, those that reads did not prove are held not to have been made.
    async fn settle_errand(&self, row: &ErrandRow, settle: SettleReview) -> Result<()> {
        let outcome = settle.outcome;
        self.settle_by_hand(row, settle, |scene: &ErrandScene<'_>| {
            let row = scene.errand;
            match (outcome, row.state) {
                (SettleOutcome::Succeeded, S::Review) => true,
                (SettleOutcome::Succeeded, S::Declined | S::NotExecuted) => row.sends > row.returns,
                (SettleOutcome::NotExecuted, S::Review) => {
                    scene.items.iter().all(|item| item.state != S::Succeeded)
                }
                (
                    SettleOutcome::Succeeded
                    | SettleOutcome::NotExecuted
                    | SettleOutcome::Declined
                    | SettleOutcome::Matched
                    | SettleOutcome::Dismissed,
                    _,
                ) => false,
            }
        })
        .await
    }

    /// A provider's notification named this reference: it is read back soon, at most every 2 s. The
    /// notification itself proves nothing. False when the reference is not ours.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn noticed(&self, reference: &str) -> Result<bool> {
        let evidence = json!({ "source": "notification" });
        let Some(attempt) = self.store.attempt_of_reference(reference).await? else {
            let Some(errand) = self.store.errand_of_reference(reference).await? else {
                return Ok(false);
            };
            self.bring_forward::<ErrandRow>(&errand.id, "noticed", &evidence)
                .await?;
            return Ok(true);
        };
        self.bring_forward::<AttemptRow>(&attempt.id, "noticed", &evidence)
            .await?;
        for operation in self.store.operations(&attempt.session_id).await? {
            if operation.attempt_id == attempt.id {
                self.bring_forward::<OperationRow>(&operation.id, "noticed", &evidence)
                    .await?;
            }
        }
        Ok(true)
    }

    /// Has a row read soon whose outcome a read may still change.
    pub(super) async fn bring_forward<R: Row>(
        &self,
        id: &str,
        kind: &'static str,
        evidence: &Value,
    ) -> Result<()> {
        self.apply::<R>(id, |scene, now| {
            let row = R::in_scene(scene);
            let mut course = row.course();
            if !matches!(
                course.state,
                S::Unknown | S::Review | S::Declined | S::NotExecuted
            ) {
                return None;
            }
            // What never was sent cannot have happened.
            let sent = course.sends > course.returns;
            let earliest = schedule::soonest(course.last_read_at, now);
            if !sent || course.next_check_at.is_some_and(|next| next <= earliest) {
                return None;
            }
            course.next_check_at = Some(earliest);
            Some(Step::new(row.with(course), now, kind, evidence.clone()).into())
        })
        .await?;
        Ok(())
    }

    async fn settle_by_hand<R: Row>(
        &self,
        row: &R,
        settle: SettleReview,
        fits: impl Fn(&R::Scene<'_>) -> bool + Send + Sync,
    ) -> Result<()> {
        let SettleReview { outcome, note, .. } = settle;
        let Some(state) = outcome.state() else {
            return Err(Error::new(ProblemCode::OperationNotPossible)
                .detail("matched and dismissed are for credits"));
        };
        let settled = self
            .apply::<R>(row.id(), |scene, now| {
                if !fits(scene) {
                    return None;
                }
                let row = R::in_scene(scene);
                let mut course = row.course().ended(state, now);
                course.reason = Some(String::from(
                    "settled by somebody who looked at the provider's back office",
                ));
                let evidence = json!({ "source": "merchant", "note": note });
                Some(Step::new(row.with(course), now, "settled_by_hand", evidence).into())
            })
            .await?;
        match settled {
            Some(_) => Ok(()),
            None => Err(not_in_review(row.course().state)),
        }
    }
}

fn is_operation(id: &str) -> bool {
    id.starts_with("opr_")
}

fn not_in_review(state: S) -> Error {
    Error::new(ProblemCode::OperationNotPossible).detail(format!(
        "only what is in doubt or in review takes this, found {}",
        state.name()
    ))
}

fn since<R: Row>(row: &R) -> Timestamp {
    let course = row.course();
    course
        .settled_at
        .or(course.unknown_at)
        .unwrap_or(course.created_at)
}

fn why<R: Row>(row: &R) -> String {
    row.course()
        .reason
        .unwrap_or_else(|| String::from("reads did not settle it"))
}

fn check_note(note: &str) -> Result<()> {
    let malformed = |detail: String| Err(Error::new(ProblemCode::RequestMalformed).detail(detail));
    let length = note.chars().count();
    if !(NOTE_MIN..=NOTE_MAX).contains(&length) || note.chars().any(char::is_control) {
        return malformed(format!(
            "note must have {NOTE_MIN} to {NOTE_MAX} characters and no control characters, found {length}"
        ));
    }
    let mut digits = 0;
    for char in note.chars() {
        match char {
            '0'..='9' => digits += 1,
            ' ' | '-' | '.' => {}
            _ => digits = 0,
        }
        if digits >= PAN_DIGITS {
            return malformed(String::from("note must not hold a card number"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_for_people_and_holds_no_card_number() {
        let long = "x".repeat(501);
        for (note, fits) in [
            ("Seen in the portal on 20 November, 14:05", true),
            ("ok", false),
            ("línea\notra", false),
            (long.as_str(), false),
            ("card 4242 4242 4242 4242", false),
            ("card 4242-4242-4242-4242", false),
            ("authorization 123456, call 88 88 88 88", true),
        ] {
            assert_eq!(check_note(note).is_ok(), fits, "{note:?}");
        }
    }
}
