//! A provider that does not answer is left alone, and so is one that has enough to do.

use std::sync::Arc;

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::support::{Settings, VISA, Window, attempt_until, key, new_session, secs};

/// Five attempts, one after the other, none of which gets an answer.
async fn exhaust(window: &Window, operation: Operation, kind: Kind) {
    let fault = Fault::times(operation, kind, 1_000);
    window.sandbox.arm(fault).await.unwrap();
    for _ in 0..5 {
        let session = window.session().await;
        let machine = Arc::clone(&window.machine);
        let (id, card) = (session.id.clone(), window.card(VISA));
        tokio::spawn(async move { machine.start_attempt(&id, &key(), card).await });
        attempt_until(&window.store, &session.id, |row| {
            !matches!(
                row.state,
                AttemptState::New | AttemptState::Prepared | AttemptState::Sent
            )
        })
        .await;
    }
}

async fn refusal(window: &Window) -> ProblemCode {
    let session = window.session().await;
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    let attempts = window.store.attempts(&session.id).await.unwrap();
    assert!(attempts.is_empty(), "refused before anything is recorded");
    refused.code()
}

/// So many calls of each kind that could begin something.
fn begun(window: &Window) -> usize {
    let ledger = window.sandbox.ledger();
    [Operation::CreateOrder, Operation::Pay, Operation::Void]
        .into_iter()
        .map(|operation| ledger.calls_of(operation).count())
        .sum()
}

#[tokio::test]
async fn after_five_calls_without_an_answer_nothing_is_begun_until_a_read_is_answered() {
    let window = Window::open().await;
    let paid = window.paid().await;
    exhaust(&window, Operation::CreateOrder, Kind::GatewayTimeoutBefore).await;
    let before = begun(&window);
    assert_eq!(refusal(&window).await, ProblemCode::ProviderUnavailable);
    let refused = window.operate(&paid.id, OperationKind::Void).await;
    assert_eq!(
        refused.unwrap_err().code(),
        ProblemCode::ProviderUnavailable
    );

    // The probe fails, and fails again: reads only, and later and later.
    let reads_fail = Fault::times(Operation::Transaction, Kind::Error500, 1_000);
    window.sandbox.arm(reads_fail).await.unwrap();
    for (pause, probes) in [(10, 1), (20, 2)] {
        window.clock.advance(secs(pause));
        probed(&window, probes).await;
        assert_eq!(refusal(&window).await, ProblemCode::ProviderUnavailable);
    }
    window.sandbox.clear_faults().await;
    window.clock.advance(secs(39));
    assert_eq!(refusal(&window).await, ProblemCode::ProviderUnavailable);
    assert_eq!(begun(&window), before, "nothing was begun meanwhile");

    window.clock.advance(secs(1));
    probed(&window, 3).await;
    let mut paid = None;
    for _ in 0..200 {
        let session = window.session().await;
        match window.pay(&session.id, VISA).await {
            Ok(view) => {
                paid = Some(view);
                break;
            }
            Err(refused) => assert_eq!(refused.code(), ProblemCode::ProviderUnavailable),
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(paid.unwrap().state, AttemptState::Succeeded);
}

/// Waits until so many reads were made of references that nobody ever used.
async fn probed(window: &Window, probes: usize) {
    for _ in 0..2_000 {
        let ledger = window.sandbox.ledger();
        let strange = ledger.calls_of(Operation::Transaction).filter(|call| {
            let of = |reference: &String| {
                ledger
                    .orders
                    .iter()
                    .any(|order| order.reference == *reference)
            };
            call.reference
                .as_ref()
                .is_none_or(|reference| !of(reference))
        });
        if strange.count() >= probes {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("no probe came");
}

#[tokio::test]
async fn declines_and_refusals_are_answers() {
    let window = Window::open().await;
    for _ in 0..3 {
        let session = window.session().await;
        for _ in 0..3 {
            let view = window.pay(&session.id, crate::support::NO_FUNDS).await;
            assert_eq!(view.unwrap().state, AttemptState::Declined);
        }
    }
    let session = window.session().await;
    let view = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(view.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn what_is_in_doubt_is_read_while_nothing_is_begun() {
    let window = Window::open().await;
    exhaust(&window, Operation::Pay, Kind::GatewayTimeoutAfter).await;
    assert_eq!(refusal(&window).await, ProblemCode::ProviderUnavailable);
    // Each of the five was executed, and is found by its own read.
    for debit in window.sandbox.ledger().debits {
        let row = window.store.attempt_of_reference(&debit.reference).await;
        let row = row.unwrap().unwrap();
        window
            .until(&row.id, |row| row.state == AttemptState::Succeeded)
            .await;
    }
}

#[tokio::test]
async fn more_attempts_than_the_provider_is_asked_to_take_are_refused_and_operations_go_on() {
    let window = Window::open_set(Settings {
        provider_calls: 1,
        ..Settings::default()
    })
    .await;
    let paid = window.paid().await;
    let stall = Fault::once(Operation::Pay, Kind::Stall).for_ms(3_000);
    window.sandbox.arm(stall).await.unwrap();
    let session = window.session_of(new_session()).await;
    let row = window
        .pay_until(&session.id, |row| row.state == AttemptState::Sent)
        .await;
    assert_eq!(refusal(&window).await, ProblemCode::ProviderUnavailable);
    let voided = window.operate(&paid.id, OperationKind::Void).await.unwrap();
    assert_eq!(voided.state, AttemptState::Succeeded);
    assert_eq!(window.row(&row.id).await.state, AttemptState::Sent);
    window
        .until(&row.id, |row| row.state == AttemptState::Succeeded)
        .await;
}

#[tokio::test]
async fn the_longest_call_is_the_merchant_s_to_set_and_so_is_when_doubt_begins() {
    let window = Window::open_set(Settings {
        call_limit: secs(1),
        ..Settings::default()
    })
    .await;
    let session = window.session().await;
    let stall = Fault::once(Operation::Pay, Kind::Stall).for_ms(60_000);
    window.sandbox.arm(stall).await.unwrap();
    let view = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(view.state, AttemptState::Succeeded, "found by the read");
    let row = window.row(&view.id).await;
    assert!(row.unknown_at.is_some());
    assert_eq!(row.deadline_at, Some(row.sent_at.unwrap() + secs(1)));
}
