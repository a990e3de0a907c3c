//! What an answer or a read proves about an errand, and what follows. Pure, as
//! [`judge`](crate::machine::judge).

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState as S;

use super::OperationResult;
use crate::clock::Timestamp;
use crate::machine::course::{
    Finding, Look, NO_PROOF, Row as _, Step, contradiction, read_failed, unconfirmed,
};
use crate::machine::schedule::days;
use crate::store::{ErrandChange, ErrandRow, ErrandScene};

/// A transfer is asked for again for so long; then somebody must look.
const ASKED_FOR: std::time::Duration = days(1);

/// What a read of an errand showed.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    /// It was done, as a whole.
    Done(OperationResult),
    /// The provider did not say.
    Failed(String),
    /// It is not asked for again, as it stands.
    NotAsked,
}

/// Judges the answer to the one call.
pub(super) fn on_answer(
    scene: &ErrandScene<'_>,
    finding: &Finding<OperationResult>,
    now: Timestamp,
) -> Option<ErrandChange> {
    let row = scene.errand;
    match finding {
        Finding::Confirmed(result) => done(row, result, json!({ "source": "answer" }), now),
        _ => unconfirmed(row, finding, now).map(ErrandChange::from),
    }
}

/// Judges a read. `jitter` spreads reads over time: −200 to 200 thousandths.
pub(super) fn on_reading(
    scene: &ErrandScene<'_>,
    reading: &Reading,
    now: Timestamp,
    jitter: i32,
) -> Option<ErrandChange> {
    let row = scene.errand;
    if !matches!(
        row.state,
        S::Unknown | S::Review | S::Declined | S::NotExecuted
    ) {
        return None;
    }
    let mut after = row.clone();
    after.last_read_at = Some(now);
    let look = Look {
        now,
        jitter,
        review_after: ASKED_FOR,
        why: NO_PROOF,
    };
    match reading {
        Reading::Done(result) => done(&after, result, json!({ "source": "read" }), now),
        Reading::Failed(cause) => Some(read_failed(&after, look, cause).into()),
        Reading::NotAsked => {
            after.next_check_at = None;
            Some(Step::new(after, now, "not_asked", json!({})).into())
        }
    }
}

/// The provider did it.
fn done(
    row: &ErrandRow,
    result: &OperationResult,
    mut evidence: Value,
    now: Timestamp,
) -> Option<ErrandChange> {
    evidence["late"] = json!(matches!(row.state, S::Declined | S::NotExecuted));
    evidence["result"] = json!(result);
    let step = match row.state {
        S::Succeeded => return None,
        S::New | S::Prepared | S::Duplicate | S::Issued | S::Expired | S::Superseded => {
            contradiction(row, now, evidence)
        }
        S::Sent | S::Unknown | S::Review | S::Declined | S::NotExecuted => {
            let mut after = row.with(row.course().ended(S::Succeeded, now));
            after.reason = None;
            after.provider_code = None;
            after.result = Some(result.clone());
            Step::new(after, now, "succeeded", evidence)
        }
    };
    Some(step.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ventanilla_core::money::{Currency, Money};

    use super::*;
    use crate::machine::errand::OperationDetails;
    use crate::machine::schedule::{REVIEW_GAP, minutes};
    use crate::store::ErrandKind;

    const T1: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const DEADLINE: Timestamp = Timestamp::from_millis(1_795_000_040_000);

    fn in_state(kind: ErrandKind, state: S) -> ErrandRow {
        let amount = Money::from_minor(3_000, Currency::CRC).unwrap();
        let details = OperationDetails::default();
        let mut row = ErrandRow::new(kind, amount, details, "key", T1).unwrap();
        row.state = state;
        row.sends = 1;
        row.sent_at = Some(T1);
        row.deadline_at = Some(DEADLINE);
        if state != S::Sent {
            row.unknown_at = Some(T1);
        }
        if state.is_final() {
            row.settled_at = Some(T1 + minutes(5));
        }
        row
    }

    fn result() -> OperationResult {
        OperationResult {
            cash_out_id: Some(String::from("700001")),
        }
    }

    fn answered(row: &ErrandRow, finding: &Finding<OperationResult>) -> ErrandRow {
        let scene = ErrandScene {
            errand: row,
            items: &[],
        };
        on_answer(&scene, finding, T1 + minutes(1)).map_or_else(|| row.clone(), |it| it.after)
    }

    fn read(row: &ErrandRow, reading: &Reading, now: Timestamp) -> ErrandRow {
        let scene = ErrandScene {
            errand: row,
            items: &[],
        };
        on_reading(&scene, reading, now, 0).unwrap().after
    }

    #[test]
    fn an_answer_leads_from_each_state_where_the_table_says() {
        let findings = [
            Finding::Confirmed(result()),
            Finding::Declined {
                code: Some(String::from("51")),
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
            let row = in_state(ErrandKind::CashOut, state);
            for (finding, expected) in findings.iter().zip(expected) {
                let after = answered(&row, finding);
                assert_eq!(after.state, expected, "{} {finding:?}", state.name());
                if after.state == S::Succeeded && state != S::Succeeded {
                    assert_eq!(after.result, Some(result()));
                }
            }
        }
    }

    #[test]
    fn a_transfer_that_reads_do_not_settle_is_for_a_person_after_a_day() {
        let row = in_state(ErrandKind::CashOut, S::Unknown);
        let failed = Reading::Failed(String::from("timeout"));
        let early = Duration::from_millis(1);
        let still = read(&row, &failed, T1 + days(1) - early);
        assert_eq!(still.state, S::Unknown);
        assert!(still.next_check_at.unwrap() <= T1 + days(1) - early + minutes(10));
        let stuck = read(&row, &failed, T1 + days(1));
        assert_eq!(stuck.state, S::Review);
        assert!(stuck.reason.is_some());
        // Nobody asks for it behind that person's back.
        let left = read(&stuck, &Reading::NotAsked, T1 + days(1) + REVIEW_GAP);
        assert_eq!((left.state, left.next_check_at), (S::Review, None));
    }

    #[test]
    fn what_was_done_after_all_is_done_in_whatever_doubt() {
        for state in [S::Unknown, S::Review, S::Declined, S::NotExecuted] {
            let row = in_state(ErrandKind::CashOut, state);
            let after = read(&row, &Reading::Done(result()), DEADLINE);
            assert_eq!(after.state, S::Succeeded, "{}", state.name());
            assert_eq!((after.next_check_at, after.result), (None, Some(result())));
        }
    }
}
