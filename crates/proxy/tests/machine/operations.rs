//! What a merchant does with a payment after it was taken: capture, void, refund.

use std::sync::Arc;
use std::time::Duration;

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_proxy::machine::{NewOperation, OperationRecord};
use ventanilla_proxy::store::{AttemptRow, OperationRow};
use ventanilla_sandbox::{Fault, Kind, Ledger, Operation, OperationState};

use crate::support::{NO_FUNDS, Window, hours, key, minutes, operation_until, secs};

const KINDS: [(OperationKind, Operation); 3] = [
    (OperationKind::Void, Operation::Void),
    (OperationKind::Refund, Operation::Refund),
    (OperationKind::Capture, Operation::Capture),
];

/// How often the provider did something with a payment.
fn done(ledger: &Ledger, attempt: &AttemptRow) -> usize {
    ledger
        .operations_of(&attempt.reference)
        .filter(|entry| entry.state == OperationState::Done)
        .count()
}

/// Waits until the provider did something with a payment.
async fn until_done(window: &Window, attempt: &AttemptRow) {
    while done(&window.sandbox.ledger(), attempt) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn calls(window: &Window, operation: Operation) -> usize {
    window.sandbox.ledger().calls_of(operation).count()
}

/// Pays, opens an operation under faults, and comes back when its outcome is in doubt and was read once.
async fn doubtful(
    window: &Window,
    kind: OperationKind,
    fault: Fault,
) -> (AttemptRow, OperationRow) {
    let attempt = window.paid().await;
    window.sandbox.arm(fault).await.unwrap();
    let row = window
        .operate_until(&attempt, kind, |row| {
            row.state == AttemptState::Unknown && row.last_read_at.is_some()
        })
        .await;
    (attempt, row)
}

#[tokio::test]
async fn a_payment_is_voided_refunded_or_captured_and_the_ledger_agrees() {
    let window = Window::open().await;
    for (kind, call) in KINDS {
        let attempt = window.paid().await;
        let record = window.operate(&attempt.id, kind).await.unwrap();
        assert_eq!(record.state, AttemptState::Succeeded, "{record:?}");
        assert_eq!(record.amount, attempt.total);
        assert!(record.settled_at.is_some());
        let ledger = window.sandbox.ledger();
        assert_eq!(done(&ledger, &attempt), 1);
        assert_eq!(ledger.calls_of(call).count(), 1);

        let session = window.machine.session(&attempt.session_id).await.unwrap();
        assert_eq!(session.operations, std::slice::from_ref(&record));
        assert_eq!(window.machine.operation(&record.id).await.unwrap(), record);
        assert_eq!(window.told().await.last().unwrap(), "operation.succeeded");
    }
}

#[tokio::test]
async fn an_operation_that_was_done_and_whose_answer_was_lost_is_found_at_once() {
    for (kind, call) in KINDS {
        let window = Window::open().await;
        for fault in [
            Kind::ResetAfter,
            Kind::GatewayTimeoutAfter,
            Kind::Truncate,
            Kind::BrokenJson,
            Kind::WrongReference,
        ] {
            let attempt = window.paid().await;
            let before = calls(&window, call);
            window.sandbox.arm(Fault::once(call, fault)).await.unwrap();
            // The clock stands still: the read follows the doubt without waiting.
            let record = window.operate(&attempt.id, kind).await.unwrap();
            assert_eq!(record.state, AttemptState::Succeeded, "{kind:?} {fault:?}");
            let row = window.store.operation(&record.id).await.unwrap().unwrap();
            assert!(row.unknown_at.is_some(), "{kind:?} {fault:?}");
            assert_eq!(row.sends, 1);
            assert_eq!(done(&window.sandbox.ledger(), &attempt), 1);
            assert_eq!(calls(&window, call), before + 1, "{kind:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_void_that_was_not_done_is_disproved_by_reads_after_its_deadline_and_may_be_tried_again()
{
    for fault in [Kind::GatewayTimeoutBefore, Kind::ResetBefore] {
        let window = Window::open().await;
        let fault = Fault::once(Operation::Void, fault);
        let (attempt, mut row) = doubtful(&window, OperationKind::Void, fault).await;
        for (by, seen) in [(secs(3), 2), (secs(9), 3), (secs(60), 4), (secs(60), 5)] {
            row = window.advance_to_operation(&row, by).await;
            assert_eq!((row.state, row.not_done), (AttemptState::Unknown, seen));
            let refused = window.operate(&attempt.id, OperationKind::Void).await;
            assert_eq!(refused.unwrap_err().code(), ProblemCode::OperationRunning);
        }
        let row = window.advance_to_operation(&row, minutes(4)).await;
        assert_eq!(row.state, AttemptState::NotExecuted);
        assert_eq!(
            window.told().await.last().unwrap(),
            "operation.not_executed"
        );
        assert_eq!(calls(&window, Operation::Void), 1);

        let again = window.operate(&attempt.id, OperationKind::Void).await;
        assert_eq!(again.unwrap().state, AttemptState::Succeeded);
        assert_eq!(done(&window.sandbox.ledger(), &attempt), 1);
    }
}

#[tokio::test]
async fn a_refund_or_capture_that_stays_in_doubt_goes_to_review_after_a_day_and_lets_no_other_in() {
    for (kind, call) in [
        (OperationKind::Refund, Operation::Refund),
        (OperationKind::Capture, Operation::Capture),
    ] {
        let window = Window::open().await;
        let fault = Fault::once(call, Kind::GatewayTimeoutBefore);
        let (attempt, mut row) = doubtful(&window, kind, fault).await;
        for by in [secs(3), minutes(5), hours(3)] {
            row = window.advance_to_operation(&row, by).await;
            assert_eq!(row.state, AttemptState::Unknown);
        }
        while row.state == AttemptState::Unknown {
            row = window.advance_to_operation(&row, hours(13)).await;
        }
        assert_eq!(row.state, AttemptState::Review);
        let doubt = row.last_read_at.unwrap().since(row.unknown_at.unwrap());
        assert!((hours(24)..hours(48)).contains(&doubt), "{doubt:?}");
        assert_eq!(window.told().await.last().unwrap(), "operation.review");
        let refused = window.operate(&attempt.id, kind).await.unwrap_err();
        assert_eq!(refused.code(), ProblemCode::OperationRunning);
        assert_eq!(calls(&window, call), 1);
        let review = window.machine.review().await.unwrap();
        assert_eq!(review.operations[0].operation.id, row.id);
    }
}

#[tokio::test]
async fn what_the_provider_refuses_ends_with_its_word_and_is_not_sent_again() {
    let window = Window::open().await;
    let attempt = window.paid().await;
    // A card is voided within three hours.
    window.sandbox.move_clock(hours(4));
    let record = window
        .operate(&attempt.id, OperationKind::Void)
        .await
        .unwrap();
    assert_eq!(record.state, AttemptState::Declined);
    assert!(record.provider_code.is_some(), "{record:?}");
    assert_eq!(window.told().await.last().unwrap(), "operation.declined");
    assert_eq!(calls(&window, Operation::Void), 1);
    let record = window
        .operate(&attempt.id, OperationKind::Refund)
        .await
        .unwrap();
    assert_eq!(record.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn of_many_refunds_at_once_one_is_done() {
    let window = Arc::new(Window::open().await);
    let attempt = window.paid().await;
    let refunds: Vec<_> = (0..20)
        .map(|_| {
            let (window, id) = (Arc::clone(&window), attempt.id.clone());
            tokio::spawn(async move { window.operate(&id, OperationKind::Refund).await })
        })
        .collect();
    let mut done_here = 0;
    for refund in refunds {
        match refund.await.unwrap() {
            Ok(record) => {
                assert_eq!(record.state, AttemptState::Succeeded);
                done_here += 1;
            }
            Err(refused) => assert!(
                matches!(
                    refused.code(),
                    ProblemCode::OperationRunning | ProblemCode::AmountExceedsPayment
                ),
                "{refused}"
            ),
        }
    }
    assert_eq!(done_here, 1);
    assert_eq!(calls(&window, Operation::Refund), 1);
    assert_eq!(done(&window.sandbox.ledger(), &attempt), 1);
}

#[tokio::test]
async fn the_same_operation_asked_for_twice_is_done_once_and_another_with_its_key_is_refused() {
    let window = Window::open().await;
    let attempt = window.paid().await;
    let key = key();
    let ask = async |kind, amount| -> ventanilla_proxy::error::Result<OperationRecord> {
        let new = NewOperation { amount };
        window
            .machine
            .start_operation(&attempt.id, kind, &key, new)
            .await
    };
    let first = ask(OperationKind::Capture, None).await.unwrap();
    let second = ask(OperationKind::Capture, None).await.unwrap();
    assert_eq!(first, second);
    for (kind, amount) in [
        (OperationKind::Refund, None),
        (OperationKind::Capture, Some(attempt.total)),
    ] {
        let refused = ask(kind, amount).await.unwrap_err();
        assert_eq!(refused.code(), ProblemCode::IdempotencyKeyReused);
    }
    assert_eq!(calls(&window, Operation::Capture), 1);
}

#[tokio::test]
async fn what_a_rail_or_a_payment_does_not_have_is_refused_before_anything_is_recorded() {
    use OperationKind as K;
    let window = Window::open().await;
    let attempt = window.paid().await;
    let session = window.session().await;
    let declined = window.pay(&session.id, NO_FUNDS).await.unwrap();
    let of = |minor| Money::from_minor(minor, attempt.total.currency()).unwrap();
    let dollars = Money::from_minor(100, ventanilla_core::money::Currency::USD).unwrap();
    let more = of(attempt.total.minor() + 1);
    for (id, kind, amount, expected) in [
        ("att_unknown", K::Void, None, ProblemCode::NotFound),
        (
            &declined.id,
            K::Void,
            None,
            ProblemCode::OperationNotPossible,
        ),
        (
            &attempt.id,
            K::Release,
            None,
            ProblemCode::OperationNotPossible,
        ),
        (
            &attempt.id,
            K::Return,
            None,
            ProblemCode::OperationNotPossible,
        ),
        (
            &attempt.id,
            K::CashOut,
            None,
            ProblemCode::OperationNotPossible,
        ),
        (
            &attempt.id,
            K::Void,
            Some(of(1)),
            ProblemCode::RequestMalformed,
        ),
        (
            &attempt.id,
            K::Refund,
            Some(of(1)),
            ProblemCode::RequestMalformed,
        ),
        (
            &attempt.id,
            K::Capture,
            Some(of(0)),
            ProblemCode::AmountInvalid,
        ),
        (
            &attempt.id,
            K::Capture,
            Some(dollars),
            ProblemCode::AmountInvalid,
        ),
        (
            &attempt.id,
            K::Capture,
            Some(more),
            ProblemCode::AmountExceedsPayment,
        ),
    ] {
        let new = NewOperation { amount };
        let refused = window.machine.start_operation(id, kind, &key(), new).await;
        assert_eq!(refused.unwrap_err().code(), expected, "{kind:?} {amount:?}");
    }
    let session = window.machine.session(&attempt.session_id).await.unwrap();
    assert!(session.operations.is_empty());
    let unknown = window.machine.operation("opr_unknown").await.unwrap_err();
    assert_eq!(unknown.code(), ProblemCode::NotFound);
}

#[tokio::test]
async fn a_part_may_be_captured_and_what_was_captured_may_be_given_back() {
    let window = Window::open().await;
    let attempt = window.paid().await;
    let half = Money::from_minor(attempt.total.minor() / 2, attempt.total.currency()).unwrap();
    let new = NewOperation { amount: Some(half) };
    let captured = window
        .machine
        .start_operation(&attempt.id, OperationKind::Capture, &key(), new)
        .await
        .unwrap();
    assert_eq!(captured.state, AttemptState::Succeeded);
    let ledger = window.sandbox.ledger();
    assert_eq!(ledger.operations[0].amount.as_deref(), Some("625.25"));
    // The provider tells the card's digits of a payment that stands only; they were kept.
    let refunded = window
        .operate(&attempt.id, OperationKind::Refund)
        .await
        .unwrap();
    assert_eq!(refunded.state, AttemptState::Succeeded);
    assert_eq!(done(&window.sandbox.ledger(), &attempt), 2);
}

#[tokio::test]
async fn an_operation_waits_until_the_payment_can_be_read_and_is_over_after_three_hours() {
    let window = Window::open().await;
    let attempt = window.paid().await;
    let reads_fail = Fault::times(Operation::Transaction, Kind::ReadFails, 2);
    window.sandbox.arm(reads_fail).await.unwrap();
    let waits = |row: &OperationRow| row.reason.is_some();
    let row = window
        .operate_until(&attempt, OperationKind::Void, waits)
        .await;
    assert_eq!(row.state, AttemptState::New);
    let row = window.advance_to_operation(&row, secs(3)).await;
    assert_eq!((row.state, row.sends), (AttemptState::New, 0));
    window.clock.advance(secs(3));
    operation_until(&window.store, &attempt.session_id, |row| {
        row.state == AttemptState::Succeeded
    })
    .await;

    let other = window.paid().await;
    let reads_fail = Fault::times(Operation::Transaction, Kind::ReadFails, 1_000);
    window.sandbox.arm(reads_fail).await.unwrap();
    let mut row = window
        .operate_until(&other, OperationKind::Refund, waits)
        .await;
    for by in [minutes(1), minutes(30), hours(2), minutes(28)] {
        row = window.advance_to_operation(&row, by).await;
        assert_eq!(row.state, AttemptState::New, "after {by:?}");
    }
    let row = window.advance_to_operation(&row, hours(4)).await;
    assert_eq!((row.state, row.sends), (AttemptState::NotExecuted, 0));
    assert_eq!(calls(&window, Operation::Refund), 0);
}

#[tokio::test]
async fn what_was_given_back_by_other_means_is_not_given_back_again() {
    let window = Window::open().await;
    let attempt = window.paid().await;
    let voided = window.operate(&attempt.id, OperationKind::Void).await;
    assert_eq!(voided.unwrap().state, AttemptState::Succeeded);
    // Ours, so the sum says it.
    let refused = window.operate(&attempt.id, OperationKind::Refund).await;
    assert_eq!(
        refused.unwrap_err().code(),
        ProblemCode::AmountExceedsPayment
    );
    // The payment as it stands says it too, whoever did it.
    let captured = window.operate(&attempt.id, OperationKind::Capture).await;
    let captured = captured.unwrap();
    assert_eq!(captured.state, AttemptState::NotExecuted);
    assert!(captured.reason.unwrap().contains("void"));
    assert_eq!(calls(&window, Operation::Capture), 0);
}

#[tokio::test]
async fn a_void_that_is_done_after_every_fence_is_found_by_a_second_look() {
    let window = Window::open().await;
    let fault = Fault::once(Operation::Void, Kind::LateBeyondFence).for_ms(40 * 60_000);
    let (attempt, row) = doubtful(&window, OperationKind::Void, fault).await;
    let row = window.advance_to_operation(&row, secs(3)).await;
    let row = window.advance_to_operation(&row, minutes(5)).await;
    assert_eq!(row.state, AttemptState::NotExecuted);
    window.sandbox.move_clock(minutes(41));
    until_done(&window, &attempt).await;
    let row = window.advance_to_operation(&row, hours(25)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
    let told = window.told().await;
    assert!(
        told.ends_with(&[
            "operation.not_executed".into(),
            "operation.succeeded".into()
        ]),
        "{told:?}"
    );
}

/// As a sender does that was asleep between its right and the first byte: what it sends goes out after
/// everybody gave it up, and it does not wait for the answer.
#[tokio::test]
async fn a_void_whose_sender_reports_after_it_was_given_up_is_looked_at_at_once() {
    let (window, wire) = Window::open_at_a_wire().await;
    let attempt = window.paid().await;
    // Old enough that reads show it while they do not show its void.
    window.sandbox.move_clock(minutes(5));
    let hidden = Fault::times(Operation::Transaction, Kind::DelayVisibility, 100).for_ms(120_000);
    window.sandbox.arm(hidden).await.unwrap();
    let stall = Fault::once(Operation::Void, Kind::Stall).for_ms(60_000);
    window.sandbox.arm(stall).await.unwrap();
    window
        .operate_until(&attempt, OperationKind::Void, |row| {
            row.state == AttemptState::Sent
        })
        .await;
    until_done(&window, &attempt).await;
    window.clock.advance(secs(51));
    let row = operation_until(&window.store, &attempt.session_id, |row| row.not_done == 1).await;
    let row = window.advance_to_operation(&row, secs(3)).await;
    let row = window.advance_to_operation(&row, minutes(5)).await;
    assert_eq!(row.state, AttemptState::NotExecuted);

    window.sandbox.clear_faults().await;
    wire.cut();
    let row = window.advance_to_operation(&row, secs(0)).await;
    assert_eq!(row.state, AttemptState::NotExecuted);
    let row = window.advance_to_operation(&row, secs(2)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
    assert_eq!(window.told().await.last().unwrap(), "operation.succeeded");
    assert_eq!(calls(&window, Operation::Void), 1);
}

#[tokio::test]
async fn what_no_operation_is_known_to_have_done_is_looked_for_when_the_provider_shows_it() {
    let window = Window::open().await;
    let fault = Fault::once(Operation::Void, Kind::LateBeyondFence).for_ms(40 * 60_000);
    let (attempt, row) = doubtful(&window, OperationKind::Void, fault).await;
    let row = window.advance_to_operation(&row, secs(3)).await;
    let row = window.advance_to_operation(&row, minutes(5)).await;
    assert_eq!(row.state, AttemptState::NotExecuted);
    window.sandbox.move_clock(minutes(41));
    until_done(&window, &attempt).await;
    window.clock.advance(secs(10));

    let refund = window.operate(&attempt.id, OperationKind::Refund).await;
    let refund = refund.unwrap();
    assert_eq!(refund.state, AttemptState::NotExecuted);
    assert!(refund.reason.unwrap().contains("void"));
    let row = operation_until(&window.store, &attempt.session_id, |found| {
        found.id == row.id && found.state == AttemptState::Succeeded
    })
    .await;
    assert_eq!(row.next_check_at, None);
    assert_eq!(calls(&window, Operation::Refund), 0);
    assert_eq!(window.told().await.last().unwrap(), "operation.succeeded");
}

#[tokio::test]
async fn an_operation_under_way_is_waited_for_when_the_proxy_stops_and_none_is_begun() {
    let window = Window::open().await;
    let (attempt, other) = (window.paid().await, window.paid().await);
    let stall = Fault::once(Operation::Void, Kind::Stall).for_ms(1_000);
    window.sandbox.arm(stall).await.unwrap();
    window
        .operate_until(&attempt, OperationKind::Void, |row| {
            row.state == AttemptState::Sent
        })
        .await;
    let drained = async {
        window.machine.drain(secs(30)).await;
        let rows = window.store.operations(&attempt.session_id).await.unwrap();
        assert_eq!(rows[0].state, AttemptState::Succeeded);
    };
    drained.await;
    let row = window
        .operate_until(&other, OperationKind::Void, |_| true)
        .await;
    window.clock.advance(minutes(10));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let row = window.store.operation(&row.id).await.unwrap().unwrap();
    assert_eq!((row.state, row.sends), (AttemptState::New, 0));
    assert_eq!(calls(&window, Operation::Void), 1);
}
