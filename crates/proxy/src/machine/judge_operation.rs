//! What an answer or a read proves about an operation, and what follows. Pure, as
//! [`judge`](super::judge).
//!
//! An operation has no reference of its own at GreenPay: a read shows what became of the payment. The
//! word for this kind of operation proves it done, unless another operation may have been the one.
//! The payment as it stood before proves an operation not done only where the rail says so, and only after
//! the last moment at which its call could have been executed.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;

use super::course::{
    Finding, Look, NO_PROOF, Row as _, Step, contradiction, read_failed, settled_nothing,
    unconfirmed,
};
use super::judge::{Confirmation, Reading};
use super::schedule::{MIN_GAP, REVIEW_AFTER, REVIEW_GAP, days, minutes};
use crate::clock::Timestamp;
use crate::store::{OperationChange, OperationRow, OperationScene, left_of_payment};

/// So many reads in a row must show the payment as it was.
pub const NOT_DONE_NEEDED: u32 = 3;
/// The last of them so long after the call's deadline.
#[must_use]
pub const fn settled_after(rail: Rail) -> Duration {
    match rail {
        Rail::Card | Rail::Cvu | Rail::Flux => minutes(2),
        // How far its reads lag behind is documented nowhere.
        Rail::Flexiti => minutes(30),
    }
}
/// Reads that prove nothing and keep showing the payment as it was: somebody must look after this.
pub const UNPROVEN_REVIEW_AFTER: Duration = days(1);

/// Whether a read shows the payment as an operation of this kind finds it.
const fn stands(kind: OperationKind, reading: &Reading) -> bool {
    match reading {
        Reading::Confirmed(_) => true,
        // What was captured can still be given back.
        Reading::Changed(OperationKind::Capture) => kind.gives_back(),
        Reading::Changed(_)
        | Reading::Done
        | Reading::NotFound
        | Reading::Other(_)
        | Reading::NeverShown
        | Reading::Failed(_) => false,
    }
}

/// Whether an operation can be sent, by the payment as it stands.
pub enum Readiness {
    /// It can; with what the provider told of the payment.
    Ready(Option<Confirmation>),
    /// It never can.
    Over(String),
    /// Perhaps later.
    Later(String),
}

/// Judges the read before an operation is sent.
pub fn readiness(kind: OperationKind, reading: Reading) -> Readiness {
    let stands = stands(kind, &reading);
    match reading {
        Reading::Confirmed(confirmation) => Readiness::Ready(Some(confirmation)),
        Reading::Changed(_) if stands => Readiness::Ready(None),
        Reading::Changed(done) => Readiness::Over(format!(
            "nothing was sent: the provider shows a {} of this payment",
            done.name()
        )),
        Reading::Done => Readiness::Over(String::from("it is done")),
        Reading::NotFound | Reading::NeverShown => {
            Readiness::Later(String::from("the provider does not show the payment"))
        }
        Reading::Other(_) => Readiness::Later(String::from(
            "the provider shows the payment in a state that is not known here",
        )),
        Reading::Failed(cause) => Readiness::Later(cause),
    }
}

/// Judges the answer to the one call.
pub fn on_answer(
    scene: &OperationScene<'_>,
    finding: &Finding<()>,
    now: Timestamp,
) -> Option<OperationChange> {
    let row = scene.operation;
    match finding {
        Finding::Confirmed(()) => done(scene, row.clone(), json!({ "source": "answer" }), now),
        _ => unconfirmed(row, finding, now).map(OperationChange::from),
    }
}

/// Judges a read. `disproves`: whether reads that show the payment as it was prove anything.
///
/// `jitter` spreads reads over time: −200 to 200 thousandths.
pub fn on_reading(
    scene: &OperationScene<'_>,
    reading: Reading,
    disproves: bool,
    now: Timestamp,
    jitter: i32,
) -> Option<OperationChange> {
    let row = scene.operation;
    if !matches!(
        row.state,
        S::Unknown | S::Review | S::Declined | S::NotExecuted
    ) {
        return None;
    }
    let mut after = row.clone();
    after.last_read_at = Some(now);
    // What shows the payment as it was and can prove nothing will not prove more tomorrow.
    let look = |after: &OperationRow| Look {
        now,
        jitter,
        review_after: if !disproves && after.not_done > 0 {
            UNPROVEN_REVIEW_AFTER
        } else {
            REVIEW_AFTER
        },
        why: NO_PROOF,
    };
    let nothing = |after: OperationRow, evidence| {
        Some(settled_nothing(&after, look(&after), "read", evidence).into())
    };
    match reading {
        Reading::Done => done(
            scene,
            after,
            json!({ "source": "read", "done": row.kind }),
            now,
        ),
        Reading::Changed(kind) if kind == row.kind && !is_another_s(scene) => {
            done(scene, after, json!({ "source": "read", "done": kind }), now)
        }
        reading if stands(row.kind, &reading) => {
            // Two reads at once are one.
            if row.last_read_at.is_none_or(|read| now >= read + MIN_GAP) {
                after.not_done = row.not_done.saturating_add(1);
            }
            let evidence = json!({ "source": "read", "done": false, "in_a_row": after.not_done });
            if row.state == S::Unknown
                && disproves
                && is_conclusive(scene.attempt.rail, &after, now)
            {
                let mut after = after.with(after.course().ended(S::NotExecuted, now));
                after.reason = Some(String::from(
                    "the payment stands, and the call cannot be executed any more",
                ));
                return Some(Step::new(after, now, "not_executed", evidence).into());
            }
            nothing(after, evidence)
        }
        Reading::Changed(kind) => {
            after.not_done = 0;
            let evidence = json!({ "source": "read", "done": kind });
            nothing(after, evidence)
        }
        Reading::Confirmed(_) | Reading::NotFound | Reading::NeverShown => {
            after.not_done = 0;
            let evidence = json!({ "source": "read", "found": false });
            nothing(after, evidence)
        }
        Reading::Other(state) => {
            after.not_done = 0;
            let evidence = json!({ "source": "read", "provider_state": state });
            nothing(after, evidence)
        }
        Reading::Failed(cause) => Some(read_failed(&after, look(&after), &cause).into()),
    }
}

/// The provider did it.
fn done(
    scene: &OperationScene<'_>,
    mut row: OperationRow,
    mut evidence: Value,
    now: Timestamp,
) -> Option<OperationChange> {
    let late = matches!(row.state, S::Declined | S::NotExecuted);
    evidence["late"] = json!(late);
    let step = match row.state {
        S::Succeeded => return None,
        S::New | S::Prepared | S::Duplicate | S::Issued | S::Expired | S::Superseded => {
            contradiction(&row, now, evidence)
        }
        S::Declined | S::NotExecuted if !has_room(scene) => {
            // It was held not to have happened, so another one was let go. Only one of them can be
            // recorded as done; that is known when the other one has ended.
            row.next_check_at = Some(now + REVIEW_GAP);
            contradiction(&row, now, evidence)
        }
        S::Sent | S::Unknown | S::Review | S::Declined | S::NotExecuted => {
            let mut after = row.with(row.course().ended(S::Succeeded, now));
            after.reason = None;
            after.provider_code = None;
            Step::new(after, now, "succeeded", evidence)
        }
    };
    Some(step.into())
}

/// Whether this operation may be recorded as done beside the others: no more is given back, and no
/// more captured, than was paid.
pub fn has_room(scene: &OperationScene<'_>) -> bool {
    let row = scene.operation;
    let rail = scene.attempt.rail;
    scene.attempt.confirmed.is_some_and(|paid| {
        row.amount.minor() <= left_of_payment(rail, paid, scene.others, row.kind)
    })
}

/// Whether another operation of this kind may be what the provider shows.
fn is_another_s(scene: &OperationScene<'_>) -> bool {
    scene.others.iter().any(|other| {
        other.kind == scene.operation.kind
            && matches!(other.state, S::Sent | S::Unknown | S::Review | S::Succeeded)
    })
}

/// Whether reads prove that it was not executed and never will be.
fn is_conclusive(rail: Rail, row: &OperationRow, now: Timestamp) -> bool {
    row.not_done >= NOT_DONE_NEEDED
        && row
            .deadline_at
            .is_some_and(|deadline_at| now >= deadline_at + settled_after(rail))
}

#[cfg(test)]
mod tests {
    use ventanilla_core::money::Money;

    use super::*;
    use crate::machine::given::{attempt, operation, session};

    const T1: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const DEADLINE: Timestamp = Timestamp::from_millis(1_795_000_040_000);

    fn in_state(kind: OperationKind, state: S) -> OperationRow {
        let mut row = operation(&attempt(&session(T1), "key", T1), kind, T1);
        row.state = state;
        row.sends = 1;
        row.sent_at = Some(T1);
        row.deadline_at = Some(DEADLINE);
        if !matches!(state, S::Sent) {
            row.unknown_at = Some(T1);
        }
        if state.is_final() {
            row.settled_at = Some(T1 + minutes(5));
        }
        row
    }

    fn judged(
        row: &OperationRow,
        others: &[OperationRow],
        judge: impl FnOnce(&OperationScene<'_>) -> Option<OperationChange>,
    ) -> Option<OperationChange> {
        let session = session(T1);
        let mut attempt = attempt(&session, "key", T1);
        attempt.confirmed = Some(attempt.total);
        judge(&OperationScene {
            operation: row,
            others,
            attempt: &attempt,
            session: &session,
        })
    }

    fn read(row: &OperationRow, reading: Reading, disproves: bool, now: Timestamp) -> OperationRow {
        judged(row, &[], |scene| {
            on_reading(scene, reading, disproves, now, 0)
        })
        .unwrap()
        .after
    }

    fn approved() -> Reading {
        Reading::Confirmed(Confirmation {
            tip_minor: 0,
            total: session(T1).request.total,
            authorization: None,
            brand: None,
            last4: None,
            bin: None,
            saved: None,
        })
    }

    #[test]
    fn an_answer_leads_from_each_state_where_the_table_says() {
        let (kind, now) = (OperationKind::Void, T1 + minutes(1));
        let findings = [
            Finding::Confirmed(()),
            Finding::Declined {
                code: Some(String::from("too_late")),
            },
            Finding::NotSent(String::from("no connection")),
            Finding::Rejected(String::from("refused")),
            Finding::Unknown(String::from("timeout")),
        ];
        let (done, no, not, doubt) = (S::Succeeded, S::Declined, S::NotExecuted, S::Unknown);
        for (state, expected) in [
            (S::Sent, [done, no, not, not, doubt]),
            (S::Unknown, [done, no, not, not, S::Unknown]),
            (S::Review, [done, no, not, not, S::Review]),
            (S::Declined, [done, no, no, no, no]),
            (S::NotExecuted, [done, not, not, not, not]),
            (S::Succeeded, [done; 5]),
            (S::New, [S::New; 5]),
            (S::Prepared, [S::Prepared; 5]),
        ] {
            let row = in_state(kind, state);
            for (finding, expected) in findings.iter().zip(expected) {
                let change = judged(&row, &[], |scene| on_answer(scene, finding, now));
                let after = change.map_or(row.state, |change| change.after.state);
                assert_eq!(after, expected, "{} {finding:?}", state.name());
            }
        }
    }

    #[test]
    fn a_refusal_is_kept_with_its_code() {
        let row = in_state(OperationKind::Void, S::Sent);
        let finding = Finding::Declined {
            code: Some(String::from("too_late")),
        };
        let change = judged(&row, &[], |scene| on_answer(scene, &finding, T1)).unwrap();
        assert_eq!(change.after.provider_code.as_deref(), Some("too_late"));
        assert_eq!(change.after.settled_at, Some(T1));
    }

    #[test]
    fn the_word_for_its_kind_proves_an_operation_done_in_whatever_doubt() {
        for kind in [
            OperationKind::Void,
            OperationKind::Refund,
            OperationKind::Capture,
        ] {
            for state in [S::Unknown, S::Review, S::Declined, S::NotExecuted] {
                let after = read(
                    &in_state(kind, state),
                    Reading::Changed(kind),
                    true,
                    DEADLINE,
                );
                assert_eq!(
                    after.state,
                    S::Succeeded,
                    "{} {}",
                    kind.name(),
                    state.name()
                );
                assert_eq!(after.next_check_at, None);
            }
        }
    }

    #[test]
    fn the_word_for_another_kind_proves_nothing() {
        let row = in_state(OperationKind::Void, S::Unknown);
        let after = read(
            &row,
            Reading::Changed(OperationKind::Refund),
            true,
            DEADLINE,
        );
        assert_eq!(after.state, S::Unknown);
        assert!(after.next_check_at.is_some());
    }

    #[test]
    fn what_another_operation_may_have_done_proves_nothing() {
        let row = in_state(OperationKind::Void, S::NotExecuted);
        for (state, expected) in [
            (S::Sent, S::NotExecuted),
            (S::Unknown, S::NotExecuted),
            (S::Review, S::NotExecuted),
            (S::Succeeded, S::NotExecuted),
            (S::Declined, S::Succeeded),
            (S::NotExecuted, S::Succeeded),
        ] {
            let other = in_state(OperationKind::Void, state);
            let capture = in_state(OperationKind::Capture, S::Succeeded);
            let change = judged(&row, &[other, capture], |scene| {
                let reading = Reading::Changed(OperationKind::Void);
                on_reading(scene, reading, true, DEADLINE, 0)
            });
            assert_eq!(change.unwrap().after.state, expected, "{}", state.name());
        }
    }

    #[test]
    fn of_two_parts_the_word_for_a_capture_proves_the_only_one_that_was_sent() {
        let part = |state| {
            let mut row = in_state(OperationKind::Capture, state);
            row.amount = Money::from_minor(row.amount.minor() / 2, row.amount.currency()).unwrap();
            row
        };
        for (first, expected) in [
            (S::Succeeded, S::Unknown),
            (S::Declined, S::Succeeded),
            (S::NotExecuted, S::Succeeded),
        ] {
            let change = judged(&part(S::Unknown), &[part(first)], |scene| {
                let reading = Reading::Changed(OperationKind::Capture);
                on_reading(scene, reading, false, DEADLINE, 0)
            });
            assert_eq!(change.unwrap().after.state, expected, "{}", first.name());
        }
    }

    #[test]
    fn what_was_done_after_all_waits_until_the_operation_that_was_let_go_has_ended() {
        let row = in_state(OperationKind::Void, S::NotExecuted);
        let done = Finding::Confirmed(());
        for (state, expected) in [
            (S::New, S::NotExecuted),
            (S::Sent, S::NotExecuted),
            (S::Review, S::NotExecuted),
            (S::Succeeded, S::NotExecuted),
            (S::Declined, S::Succeeded),
            (S::NotExecuted, S::Succeeded),
        ] {
            let refund = in_state(OperationKind::Refund, state);
            let change = judged(&row, &[refund], |scene| on_answer(scene, &done, DEADLINE));
            let after = change.unwrap().after;
            assert_eq!(after.state, expected, "{}", state.name());
            let waits = after.next_check_at == Some(DEADLINE + REVIEW_GAP);
            assert_eq!(waits, expected == S::NotExecuted, "{}", state.name());
        }
    }

    #[test]
    fn three_reads_of_a_payment_that_stands_disprove_a_void_two_minutes_after_its_deadline() {
        let settled = DEADLINE + settled_after(Rail::Card);
        for (seen, now, disproves, expected) in [
            (2, settled, true, S::NotExecuted),
            (1, settled, true, S::Unknown),
            (9, settled - Duration::from_millis(1), true, S::Unknown),
            (9, settled, false, S::Unknown),
        ] {
            let mut row = in_state(OperationKind::Void, S::Unknown);
            row.not_done = seen;
            let after = read(&row, approved(), disproves, now);
            assert_eq!(after.state, expected, "{seen} at {now:?}");
            assert_eq!(after.not_done, seen + 1);
        }
    }

    #[test]
    fn a_call_that_outlasted_its_end_is_looked_at_like_a_fresh_doubt_and_may_turn_out_to_be_done() {
        let row = in_state(OperationKind::Void, S::NotExecuted);
        let late = row.settled_at.unwrap() + minutes(60);
        let timeout = Finding::Unknown(String::from("timeout"));
        let change = judged(&row, &[], |scene| on_answer(scene, &timeout, late)).unwrap();
        let row = change.after;
        assert_eq!((row.state, row.next_check_at), (S::NotExecuted, Some(late)));
        let stands = read(&row, approved(), true, late);
        assert_eq!(stands.state, S::NotExecuted);
        assert_eq!(stands.next_check_at, Some(late + Duration::from_secs(2)));
        let undone = Reading::Changed(OperationKind::Void);
        let done = read(&stands, undone, true, late + Duration::from_secs(2));
        assert_eq!((done.state, done.next_check_at), (S::Succeeded, None));
    }

    #[test]
    fn reads_before_the_sender_was_done_with_the_call_disprove_nothing() {
        let mut row = in_state(OperationKind::Void, S::Unknown);
        row.not_done = 9;
        let late = DEADLINE + settled_after(Rail::Card);
        let timeout = Finding::Unknown(String::from("timeout"));
        let change = judged(&row, &[], |scene| on_answer(scene, &timeout, late)).unwrap();
        let row = change.after;
        let still = read(&row, approved(), true, late + MIN_GAP);
        assert_eq!(still.state, S::Unknown);
        let after = read(&row, approved(), true, late + settled_after(Rail::Card));
        assert_eq!(after.state, S::NotExecuted);
    }

    #[test]
    fn a_strange_state_breaks_the_row_and_neither_a_capture_before_nor_a_failed_read_does() {
        let mut row = in_state(OperationKind::Void, S::Unknown);
        row.not_done = 2;
        for (reading, expected) in [
            (Reading::Other(String::from("pending")), 0),
            (Reading::NotFound, 0),
            (Reading::Changed(OperationKind::Refund), 0),
            (Reading::Changed(OperationKind::Capture), 3),
            (Reading::Failed(String::from("timeout")), 2),
        ] {
            let after = read(&row, reading, true, DEADLINE);
            assert_eq!((after.state, after.not_done), (S::Unknown, expected));
        }
    }

    #[test]
    fn what_reads_cannot_disprove_goes_to_review_after_a_day_and_everything_else_after_seven() {
        let row = in_state(OperationKind::Refund, S::Unknown);
        let other = || Reading::Other(String::from("pending"));
        let early = Duration::from_millis(1);
        for (reading, disproves, after, expected) in [
            (approved(), false, days(1), S::Review),
            (approved(), false, days(1) - early, S::Unknown),
            (other(), false, days(1), S::Unknown),
            (other(), false, days(7) - early, S::Unknown),
            (other(), false, days(7), S::Review),
            (Reading::Failed(String::new()), true, days(7), S::Review),
        ] {
            let now = T1 + after;
            let judged = read(&row, reading, disproves, now);
            assert_eq!(judged.state, expected, "after {after:?}");
            // It is read on for as long as a read may settle it.
            assert_eq!(judged.next_check_at.is_some(), after < days(7));
        }
    }

    #[test]
    fn a_read_that_failed_is_repeated_within_ten_minutes_however_late_it_is() {
        let row = in_state(OperationKind::Void, S::Unknown);
        let now = T1 + minutes(13 * 60);
        let failed = read(&row, Reading::Failed(String::from("timeout")), true, now);
        assert_eq!(failed.next_check_at, Some(now + minutes(10)));
        let strange = read(&row, Reading::Other(String::from("pending")), true, now);
        assert!(strange.next_check_at > Some(now + minutes(10 * 60)));
    }

    #[test]
    fn a_negative_end_that_was_in_doubt_is_looked_at_again_and_stays_what_it_is() {
        let row = in_state(OperationKind::Void, S::NotExecuted);
        let settled_at = row.settled_at.unwrap();
        let after = read(&row, approved(), true, settled_at + days(1));
        assert_eq!(after.state, S::NotExecuted);
        assert_eq!(after.next_check_at, Some(settled_at + days(3)));
    }

    #[test]
    fn only_a_payment_that_stands_is_ready_and_what_is_not_known_waits() {
        use OperationKind as K;
        let word = |readiness| match readiness {
            Readiness::Ready(_) => "ready",
            Readiness::Over(_) => "over",
            Readiness::Later(_) => "later",
        };
        for kind in [K::Void, K::Refund, K::Capture] {
            let give_back = kind != K::Capture;
            let of_captured = if give_back { "ready" } else { "over" };
            for (reading, expected) in [
                (approved(), "ready"),
                (Reading::Changed(K::Capture), of_captured),
                (Reading::Changed(K::Void), "over"),
                (Reading::Changed(K::Refund), "over"),
                (Reading::NotFound, "later"),
                (Reading::Other(String::from("pending")), "later"),
                (Reading::Failed(String::from("timeout")), "later"),
            ] {
                assert_eq!(word(readiness(kind, reading)), expected, "{}", kind.name());
            }
        }
    }
}
