//! Money that came twice: it is recorded, told, and on its way back.

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_proxy::rails::card::Duplicates;
use ventanilla_proxy::store::AttemptRow;
use ventanilla_sandbox::{Fault, Kind, Operation, OperationState};

use crate::doubt::pay_and_hide;
use crate::support::{Settings, VISA, Window, hours, new_session, operation_until, secs};

/// Two executed payments of one session: the second paid it, the first shows up a day later.
async fn pay_twice(window: &Window) -> AttemptRow {
    let mut new = new_session();
    new.expires_in_secs = Some(7_200);
    let session = window.session_of(new).await;
    let first = pay_and_hide(window, &session.id).await;
    let second = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(second.state, AttemptState::Succeeded);
    let row = window.advance_to_read(&first.id, hours(25)).await;
    assert_eq!(row.state, AttemptState::Duplicate);
    row
}

#[tokio::test]
async fn money_that_came_twice_is_voided_by_itself_and_the_right_one_of_the_two() {
    let window = Window::open().await;
    let duplicate = pay_twice(&window).await;
    let operation = operation_until(&window.store, &duplicate.session_id, |row| {
        row.state == AttemptState::Succeeded
    })
    .await;
    assert_eq!(operation.kind, OperationKind::Void);
    assert_eq!(operation.attempt_id, duplicate.id);
    let ledger = window.sandbox.ledger();
    assert_eq!(ledger.approved().count(), 2);
    let [voided] = ledger.operations.as_slice() else {
        panic!("{} operations", ledger.operations.len())
    };
    assert_eq!(voided.reference, duplicate.reference);
    assert_eq!(voided.state, OperationState::Done);
    let told = window.told().await;
    let place = |kind: &str| told.iter().position(|told| told == kind).unwrap();
    assert!(place("attempt.duplicate") < place("operation.succeeded"));
    let review = window.machine.review().await.unwrap();
    assert!(review.attempts.is_empty(), "its money is on its way back");
}

#[tokio::test]
async fn a_return_that_the_provider_refuses_is_for_somebody_to_look_at() {
    let window = Window::open().await;
    // By the time that it is found the three hours are over.
    window
        .sandbox
        .arm(Fault::once(Operation::Void, Kind::GatewayTimeoutBefore))
        .await
        .unwrap();
    let duplicate = pay_twice(&window).await;
    let operation = operation_until(&window.store, &duplicate.session_id, |row| {
        row.last_read_at.is_some()
    })
    .await;
    let operation = window.advance_to_operation(&operation, secs(3)).await;
    let operation = window.advance_to_operation(&operation, hours(1)).await;
    assert_eq!(operation.state, AttemptState::NotExecuted);
    let review = window.machine.review().await.unwrap();
    assert_eq!(review.attempts[0].attempt.id, duplicate.id);
    assert!(review.attempts[0].why.contains("twice"));

    // Somebody tries again, and it is off the list.
    let again = window.operate(&duplicate.id, OperationKind::Void).await;
    assert_eq!(again.unwrap().state, AttemptState::Succeeded);
    let review = window.machine.review().await.unwrap();
    assert!(review.attempts.is_empty());
}

#[tokio::test]
async fn a_merchant_who_keeps_duplicates_finds_them_in_review() {
    let window = Window::open_set(Settings {
        duplicates: Duplicates::Keep,
        ..Settings::default()
    })
    .await;
    let duplicate = pay_twice(&window).await;
    let operations = window.store.operations(&duplicate.session_id).await;
    assert!(operations.unwrap().is_empty());
    let review = window.machine.review().await.unwrap();
    assert_eq!(review.attempts[0].attempt.id, duplicate.id);
    assert_eq!(window.sandbox.ledger().calls_of(Operation::Void).count(), 0);
}
