//! What an answer or a read proves about an errand, and what follows. Pure, as
//! [`judge`](crate::machine::judge).

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::Money;
use ventanilla_core::rails::Rail;

use super::OperationResult;
use crate::clock::Timestamp;
use crate::machine::course::{
    Finding, Look, NO_PROOF, Row as _, Step, contradiction, read_failed, settled_nothing,
    unconfirmed,
};
use crate::machine::judge::{NOT_FOUND_NEEDED, fence};
use crate::machine::schedule::{MIN_GAP, days, second_look};
use crate::store::{ErrandChange, ErrandItem, ErrandKind, ErrandRow, ErrandScene};

/// A transfer is asked for again for so long, and what should be listed is looked for; then somebody must look.
const ASKED_FOR: std::time::Duration = days(1);
/// So long after it was sent, a payment of several that reads do not find was not made. GreenPay tells nowhere how
/// long it takes over them; a session of its own, which would end, they do not have.
const MADE_WITHIN: std::time::Duration = days(1);
/// Behind that, the reads that are still missing need not wait for the schedule.
const LAST_READS_GAP: std::time::Duration = std::time::Duration::from_secs(20);

/// Why somebody must look at what no read can settle.
const NO_READ: &str = "it was not answered, and the provider lists no deposits that could be read";

/// What a read of an errand showed.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    /// It was done, as a whole.
    Done(OperationResult),
    /// The provider was asked, and the issuer said no.
    Declined {
        /// The provider's code.
        code: Option<String>,
        /// What it calls what was declined.
        result: OperationResult,
    },
    /// The provider does not show it, which proves nothing.
    NotShown,
    /// What the provider shows may be something else, or is not what was asked for: for somebody to look at.
    Unclear(String),
    /// Each of the payments that were read, by its position; whether others are still to be read.
    Payments {
        read: Vec<(u32, PaymentReading)>,
        more: bool,
    },
    /// The provider did not say.
    Failed(String),
    /// It is not asked for again, as it stands.
    NotAsked,
}

/// What a read of one of several payments showed.
#[derive(Clone, Debug)]
pub(super) enum PaymentReading {
    /// The provider took it.
    Taken {
        total: Money,
        authorization: Option<String>,
        last4: Option<String>,
    },
    /// The provider does not know it, at this moment.
    NotFound,
    /// The provider has it in a state that somebody must look at, or that is known nowhere.
    Other(String),
    /// The provider did not say.
    Failed(String),
}

/// Judges the answer to the one call.
pub(super) fn on_answer(
    scene: &ErrandScene<'_>,
    finding: &Finding<OperationResult>,
    now: Timestamp,
) -> Option<ErrandChange> {
    let row = scene.errand;
    match finding {
        Finding::Confirmed(result) if is_proven_by_reads(row.kind) => {
            Some(taken_on(row, result, now))
        }
        Finding::Confirmed(result) => done(row, result, json!({ "source": "answer" }), now),
        _ => unconfirmed(row, finding, now).map(ErrandChange::from),
    }
}

/// Whether an answer says no more than that the provider took the request, or says it unsigned where a read
/// says it signed.
const fn is_proven_by_reads(kind: ErrandKind) -> bool {
    match kind {
        ErrandKind::Bulk | ErrandKind::SubscriptionPayment => true,
        ErrandKind::CashOut | ErrandKind::Subscription | ErrandKind::Deposit => false,
    }
}

/// The provider took the request; what became of it is read.
fn taken_on(row: &ErrandRow, result: &OperationResult, now: Timestamp) -> ErrandChange {
    let evidence = json!({ "source": "answer", "result": result });
    let course = row.course();
    let mut after = match row.state {
        S::Sent => row.with(course.doubted(
            String::from("the provider took it, and is asked what became of it"),
            now,
        )),
        S::Unknown | S::Review | S::Declined | S::NotExecuted => row.with(course.outlasted(now)),
        S::Succeeded => row.clone(),
        S::New | S::Prepared | S::Duplicate | S::Issued | S::Expired | S::Superseded => {
            return contradiction(row, now, evidence).into();
        }
    };
    after.result = after.result.or_else(|| Some(result.clone()));
    Step::new(after, now, "taken_on", evidence).into()
}

/// Judges a read. `jitter` spreads reads over time: −200 to 200 thousandths.
pub(super) fn on_reading(
    scene: &ErrandScene<'_>,
    reading: &Reading,
    now: Timestamp,
    jitter: i32,
) -> Option<ErrandChange> {
    let row = scene.errand;
    // Of several payments one may turn up when the others have long ended.
    let is_read = match row.state {
        S::Unknown | S::Review | S::Declined | S::NotExecuted => true,
        S::Succeeded => row.kind == ErrandKind::Bulk,
        _ => false,
    };
    if !is_read {
        return None;
    }
    let mut after = row.clone();
    after.last_read_at = Some(now);
    let look = Look {
        now,
        jitter,
        review_after: match row.kind {
            // By then each payment has been read often enough to be held not to have been made.
            ErrandKind::Bulk => MADE_WITHIN + ASKED_FOR,
            ErrandKind::CashOut | ErrandKind::Subscription | ErrandKind::SubscriptionPayment => {
                ASKED_FOR
            }
            // By then it is done, or never will be; nothing but somebody's look tells which.
            ErrandKind::Deposit => fence(Rail::Flexiti),
        },
        why: match row.kind {
            ErrandKind::Deposit => NO_READ,
            _ => NO_PROOF,
        },
    };
    let read = json!({ "source": "read" });
    match reading {
        Reading::Done(result) => done(&after, result, read, now),
        Reading::Declined { code, result } => Some(declined(&after, look, code, result)),
        Reading::NotShown => {
            let evidence = json!({ "source": "read", "shown": false });
            Some(settled_nothing(&after, look, "read", evidence).into())
        }
        Reading::Unclear(why) => Some(unclear(&after, look, why).into()),
        Reading::Payments { read, more } => Some(payments(scene, after, look, read, *more)),
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
            after.result =
                Some(result.clone()).filter(|result| *result != OperationResult::default());
            Step::new(after, now, "succeeded", evidence)
        }
    };
    Some(step.into())
}

/// A read shows that it was declined. What had ended so already is read again when it was to be.
fn declined(
    row: &ErrandRow,
    look: Look,
    code: &Option<String>,
    result: &OperationResult,
) -> ErrandChange {
    let evidence = json!({ "source": "read", "provider_code": code, "result": result });
    if !matches!(row.state, S::Unknown | S::Review) {
        return settled_nothing(row, look, "read", evidence).into();
    }
    let mut after = row.with(row.course().ended(S::Declined, look.now));
    after.reason = None;
    after.provider_code.clone_from(code);
    after.result = Some(result.clone());
    Step::new(after, look.now, "declined", evidence).into()
}

/// Somebody must look, and reads go on.
fn unclear(row: &ErrandRow, look: Look, why: &str) -> Step<ErrandRow> {
    let evidence = json!({ "source": "read", "unclear": why });
    let at_once = Look {
        review_after: std::time::Duration::ZERO,
        ..look
    };
    let mut step = settled_nothing(row, at_once, "read", evidence);
    if step.after.state == S::Review {
        step.after.reason = Some(why.to_owned());
    }
    step
}

/// Judges each of several payments by itself; the errand ends with the last of them.
fn payments(
    scene: &ErrandScene<'_>,
    row: ErrandRow,
    look: Look,
    read: &[(u32, PaymentReading)],
    more: bool,
) -> ErrandChange {
    let now = look.now;
    let mut items = scene.items.to_vec();
    let mut failed = None;
    let mut odd = None;
    let mut found = Vec::new();
    for item in &mut items {
        let Some((_, reading)) = read.iter().find(|(position, _)| *position == item.position)
        else {
            continue;
        };
        match payment(&row, item, reading, now) {
            Judged::Settled => {
                found.push(json!({ "position": item.position, "state": item.state }))
            }
            Judged::Open => {}
            Judged::Failed(cause) => failed = Some(cause),
            Judged::Odd(why) => odd = Some(why),
        }
    }
    let evidence = json!({ "source": "read", "read": read.len(), "settled": found });
    let is_taken = items.iter().any(|item| item.state == S::Succeeded);
    let is_over = items.iter().all(|item| item.state != S::Unknown);
    let step = match row.state {
        S::Unknown | S::Review if is_over => {
            let state = if is_taken {
                S::Succeeded
            } else {
                S::NotExecuted
            };
            let mut after = row.with(row.course().ended(state, now));
            after.reason = (!is_taken).then(|| String::from("none of its payments was made"));
            // Those that were not made are looked for once more, as one alone would be.
            if items.iter().any(|item| item.state == S::NotExecuted) {
                after.next_check_at = second_look(row.unknown_at, now, now);
            }
            Step::new(after, now, state.name(), evidence)
        }
        S::Declined | S::NotExecuted if is_taken => {
            let mut after = row.with(row.course().ended(S::Succeeded, now));
            after.reason = None;
            Step::new(after, now, "succeeded", evidence)
        }
        S::Succeeded => {
            let mut after = row.clone();
            let settled_at = row.settled_at.unwrap_or(now);
            let is_whole = items.iter().all(|item| item.state == S::Succeeded);
            after.next_check_at = if is_whole {
                None
            } else {
                second_look(row.unknown_at, settled_at, now)
            };
            Step::new(after, now, "read", evidence)
        }
        _ => match (odd, failed) {
            (Some(why), _) => unclear(&row, look, &why),
            (None, Some(cause)) => read_failed(&row, look, &cause),
            (None, None) => settled_nothing(&row, look, "read", evidence),
        },
    };
    let mut change = ErrandChange::from(step);
    if change.after.state == S::Unknown {
        let soon = if more {
            Some(now + MIN_GAP)
        } else if is_beyond(&row, now) {
            Some(now + LAST_READS_GAP)
        } else {
            None
        };
        let planned = change.after.next_check_at;
        change.after.next_check_at = planned.map(|at| soon.map_or(at, |soon| at.min(soon)));
    }
    change.items = items;
    change
}

/// What a read of one payment came to.
enum Judged {
    /// It ended by it.
    Settled,
    /// It did not.
    Open,
    Failed(String),
    Odd(String),
}

fn payment(
    row: &ErrandRow,
    item: &mut ErrandItem,
    reading: &PaymentReading,
    now: Timestamp,
) -> Judged {
    let last_read_at = item.last_read_at.replace(now);
    match reading {
        PaymentReading::Taken { total, .. } if *total != item.amount => Judged::Odd(format!(
            "the provider shows payment {} with another amount",
            item.order_reference
        )),
        PaymentReading::Taken {
            total,
            authorization,
            last4,
        } => {
            if item.state == S::Succeeded {
                return Judged::Open;
            }
            item.state = S::Succeeded;
            item.not_found = 0;
            item.confirmed = Some(*total);
            item.authorization.clone_from(authorization);
            item.last4.clone_from(last4);
            item.settled_at = Some(now);
            Judged::Settled
        }
        PaymentReading::NotFound => {
            // Two reads at once are one.
            if last_read_at.is_none_or(|read| now >= read + MIN_GAP) {
                item.not_found = item.not_found.saturating_add(1);
            }
            let is_over = item.not_found >= NOT_FOUND_NEEDED && is_beyond(row, now);
            if item.state == S::Unknown && is_over {
                item.state = S::NotExecuted;
                item.settled_at = Some(now);
                return Judged::Settled;
            }
            Judged::Open
        }
        PaymentReading::Other(state) => {
            item.not_found = 0;
            Judged::Odd(format!(
                "the provider shows payment {} as {state}",
                item.order_reference
            ))
        }
        PaymentReading::Failed(cause) => Judged::Failed(cause.clone()),
    }
}

/// Whether nothing of it can be executed any more that has not been.
fn is_beyond(row: &ErrandRow, now: Timestamp) -> bool {
    row.sent_at
        .is_some_and(|sent_at| now >= sent_at + MADE_WITHIN)
        && row
            .deadline_at
            .is_some_and(|deadline_at| now >= deadline_at)
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
            ..OperationResult::default()
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

    fn items(states: [S; 2]) -> Vec<ErrandItem> {
        let amount = Money::from_minor(1_500, Currency::CRC).unwrap();
        let positions = (0_u32..).zip(states);
        positions
            .map(|(position, state)| {
                let number = format!("B-{position}");
                let mut item = ErrandItem::new(position, &number, amount).unwrap();
                item.state = state;
                item.settled_at = (state != S::Unknown).then_some(T1);
                item
            })
            .collect()
    }

    fn taken(minor: u64) -> PaymentReading {
        PaymentReading::Taken {
            total: Money::from_minor(minor, Currency::CRC).unwrap(),
            authorization: Some(String::from("083215")),
            last4: Some(String::from("4242")),
        }
    }

    /// What becomes of a bulk and its payments when these are read.
    fn read_payments(
        row: &ErrandRow,
        items: &[ErrandItem],
        readings: &[PaymentReading],
        now: Timestamp,
    ) -> ErrandChange {
        let scene = ErrandScene { errand: row, items };
        let read = (0_u32..).zip(readings.iter().cloned()).collect();
        let reading = Reading::Payments { read, more: false };
        on_reading(&scene, &reading, now, 0).unwrap()
    }

    #[test]
    fn the_answer_to_many_payments_makes_none_of_them() {
        for kind in [ErrandKind::Bulk, ErrandKind::SubscriptionPayment] {
            let after = answered(&in_state(kind, S::Sent), &Finding::Confirmed(result()));
            assert_eq!((after.state, after.result), (S::Unknown, Some(result())));
            assert_eq!(after.next_check_at, Some(T1 + minutes(1)));
        }
    }

    #[test]
    fn many_payments_end_when_the_last_of_them_has() {
        let row = in_state(ErrandKind::Bulk, S::Unknown);
        let open = items([S::Unknown, S::Unknown]);
        let not_found = PaymentReading::NotFound;
        let change = read_payments(&row, &open, &[taken(1_500), not_found.clone()], DEADLINE);
        assert_eq!(change.after.state, S::Unknown);
        assert_eq!(change.items[0].state, S::Succeeded);
        assert_eq!(change.items[0].authorization.as_deref(), Some("083215"));
        let both = [taken(1_500), taken(1_500)];
        let change = read_payments(&row, &open, &both, DEADLINE);
        assert_eq!(change.after.state, S::Succeeded);
        // One that is not found three times in a row, and a day after it was sent.
        let mut half = items([S::Succeeded, S::Unknown]);
        half[1].not_found = NOT_FOUND_NEEDED - 1;
        let readings = [taken(1_500), not_found];
        let early = read_payments(&row, &half, &readings, T1 + MADE_WITHIN - minutes(1));
        assert_eq!(early.after.state, S::Unknown);
        let over = read_payments(&row, &half, &readings, T1 + MADE_WITHIN);
        assert_eq!(over.after.state, S::Succeeded);
        assert_eq!(over.items[1].state, S::NotExecuted);
        assert!(over.after.next_check_at.is_some(), "it is looked for again");
        let mut none = items([S::NotExecuted, S::Unknown]);
        none[1].not_found = NOT_FOUND_NEEDED - 1;
        let over = read_payments(&row, &none, &readings[1..], T1 + MADE_WITHIN);
        assert_eq!(over.after.state, S::Unknown, "the other was not read");
    }

    #[test]
    fn a_payment_that_turns_up_when_the_others_have_ended_is_taken_note_of() {
        for state in [S::Succeeded, S::NotExecuted] {
            let mut row = in_state(ErrandKind::Bulk, state);
            row.unknown_at = Some(T1);
            let known = match state {
                S::Succeeded => items([S::Succeeded, S::NotExecuted]),
                _ => items([S::NotExecuted, S::NotExecuted]),
            };
            let scene = ErrandScene {
                errand: &row,
                items: &known,
            };
            let reading = Reading::Payments {
                read: vec![(1, taken(1_500))],
                more: false,
            };
            let change = on_reading(&scene, &reading, T1 + days(2), 0).unwrap();
            assert_eq!(change.after.state, S::Succeeded);
            assert_eq!(change.items[1].state, S::Succeeded);
        }
    }

    #[test]
    fn a_payment_of_many_that_is_not_what_was_asked_for_is_for_a_person() {
        let row = in_state(ErrandKind::Bulk, S::Unknown);
        let voided = PaymentReading::Other(String::from("a void"));
        for odd in [taken(1_501), voided] {
            let open = items([S::Unknown, S::Unknown]);
            let change = read_payments(&row, &open, &[odd, taken(1_500)], DEADLINE);
            assert_eq!(change.after.state, S::Review);
            assert!(change.after.reason.unwrap().contains("B-0"));
            assert_eq!(change.items[1].state, S::Succeeded);
        }
    }

    #[test]
    fn what_is_not_shown_or_is_unclear_is_for_a_person_sooner_or_later() {
        let row = in_state(ErrandKind::Subscription, S::Unknown);
        let early = read(&row, &Reading::NotShown, T1 + days(1) - minutes(1));
        assert_eq!(early.state, S::Unknown);
        assert_eq!(
            read(&row, &Reading::NotShown, T1 + days(1)).state,
            S::Review
        );
        let unclear = Reading::Unclear(String::from("two of them"));
        let after = read(&row, &unclear, T1 + minutes(1));
        assert_eq!(after.state, S::Review);
        assert_eq!(after.reason.as_deref(), Some("two of them"));
        assert!(after.next_check_at.is_some());
        for state in [S::Declined, S::NotExecuted] {
            let row = in_state(ErrandKind::Subscription, state);
            assert_eq!(read(&row, &unclear, T1 + minutes(1)).state, state);
        }
    }

    #[test]
    fn a_deposit_in_doubt_is_for_a_person_when_it_cannot_be_executed_any_more() {
        let row = in_state(ErrandKind::Deposit, S::Unknown);
        let early = read(&row, &Reading::NotShown, T1 + minutes(30) - minutes(1));
        assert_eq!(early.state, S::Unknown);
        let after = read(&row, &Reading::NotShown, T1 + minutes(30));
        assert_eq!(after.state, S::Review);
        assert_eq!(after.reason.as_deref(), Some(NO_READ));
        let left = read(&after, &Reading::NotAsked, T1 + minutes(90));
        assert_eq!((left.state, left.next_check_at), (S::Review, None));
        // Its answer has nothing in it to be kept.
        let done = Finding::Confirmed(OperationResult::default());
        let after = answered(&in_state(ErrandKind::Deposit, S::Sent), &done);
        assert_eq!((after.state, after.result), (S::Succeeded, None));
    }

    #[test]
    fn a_decline_that_a_read_shows_is_an_end() {
        let reading = Reading::Declined {
            code: Some(String::from("51")),
            result: result(),
        };
        let kind = ErrandKind::SubscriptionPayment;
        let after = read(&in_state(kind, S::Unknown), &reading, DEADLINE);
        assert_eq!(after.state, S::Declined);
        assert_eq!(after.provider_code.as_deref(), Some("51"));
        let after = read(&in_state(kind, S::NotExecuted), &reading, DEADLINE);
        assert_eq!(after.state, S::NotExecuted);
    }
}
