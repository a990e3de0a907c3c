//! The proxy ends in the middle of a payment and is started again on the same store.

use std::time::Duration;

use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_sandbox::{Fault, Kind, Ledger, Operation};

use super::{BEHIND_THE_FENCE, MASTERCARD, VISA};
use crate::checkout::{Checkout, Choice};
use crate::world::World;

const FOR_EVER_MS: u64 = 3_600_000;

/// The bank is asked and its answer does not come.
fn stalled(operation: Operation) -> Fault {
    Fault::once(operation, Kind::Stall).for_ms(FOR_EVER_MS)
}

/// Waits until the provider's side of things is as wanted; asks the proxy meanwhile, for the time it
/// takes.
async fn until_at_provider(checkout: &Checkout, wanted: impl Fn(&Ledger) -> bool) {
    for _ in 0..2_000 {
        if wanted(&checkout.world.ledger()) {
            return;
        }
        checkout.view().await;
    }
    panic!("the provider was not asked");
}

#[tokio::test]
async fn a_payment_cut_off_while_the_bank_was_asked_is_found_and_not_repeated() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    world.sandbox.arm(stalled(Operation::Pay)).await.unwrap();
    let attempt = checkout.pay_and_hang_up(VISA).await;
    until_at_provider(&checkout, |ledger| !ledger.debits.is_empty()).await;
    world.kill_proxy();

    world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    assert_eq!(
        checkout.attempt(&attempt.id).await.next_action,
        NextAction::Wait
    );
    assert_eq!(
        checkout.try_to_pay(MASTERCARD).await.unwrap_err().code,
        "attempt-running"
    );
    // Whoever sent may answer for as long as a call takes; then others read.
    let attempt = checkout
        .until_moving(
            &attempt.id,
            AttemptState::Succeeded,
            Duration::from_secs(20),
        )
        .await;
    assert_eq!(world.debits_of(&attempt).await, 1);
    assert_eq!(world.ledger().calls_of(Operation::Pay).count(), 1);
}

#[tokio::test]
async fn a_doubt_survives_the_restart() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    world.arm(Operation::Pay, Kind::GatewayTimeoutBefore).await;
    let attempt = checkout.pay_and_hang_up(VISA).await;
    let attempt = checkout.until(&attempt.id, AttemptState::Unknown).await;
    world.kill_proxy();

    world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    assert_eq!(
        checkout.attempt(&attempt.id).await.state,
        AttemptState::Unknown
    );
    world.move_clock(BEHIND_THE_FENCE);
    checkout
        .until_moving(
            &attempt.id,
            AttemptState::NotExecuted,
            Duration::from_secs(30),
        )
        .await;
    let paid = checkout.with_fresh_token().await.pay(MASTERCARD).await;
    assert_eq!(paid.state, AttemptState::Succeeded);
    assert_eq!(world.paid(), 1);
}

#[tokio::test]
async fn an_attempt_cut_off_before_anything_was_sent_is_over_and_may_be_tried_again() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    world
        .sandbox
        .arm(stalled(Operation::CreateOrder))
        .await
        .unwrap();
    let start = checkout.sealed_start(VISA, Choice::default()).await;
    let (spoken_for, key) = (checkout.clone(), world.next_key());
    let call = tokio::spawn(async move {
        // Its connection is cut.
        let start = ventanilla_core::api::start_attempt(key, start);
        let _ = spoken_for.try_call(start).await;
    });
    let attempt = checkout.attempt_once(|_| true).await;
    until_at_provider(&checkout, |ledger| !ledger.orders.is_empty()).await;
    world.kill_proxy();
    call.await.unwrap();

    world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    let attempt = checkout.attempt(&attempt.id).await;
    assert_eq!(
        (attempt.state, attempt.next_action),
        (AttemptState::NotExecuted, NextAction::TryAgain)
    );
    assert_eq!(checkout.pay(VISA).await.state, AttemptState::Succeeded);
    assert_eq!(world.paid(), 1);
}

#[tokio::test]
async fn stopping_waits_for_the_bank() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let fault = Fault::once(Operation::Pay, Kind::Stall).for_ms(700);
    world.sandbox.arm(fault).await.unwrap();
    let attempt = checkout.pay_and_hang_up(VISA).await;
    until_at_provider(&checkout, |ledger| !ledger.debits.is_empty()).await;
    world.stop_proxy().await;

    world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    assert_eq!(
        checkout.attempt(&attempt.id).await.state,
        AttemptState::Succeeded
    );
    assert_eq!(
        world.ledger().calls_of(Operation::Transaction).count(),
        0,
        "no read was needed"
    );
}

#[tokio::test]
async fn a_key_is_known_after_the_restart() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let key = world.next_key();
    let start = checkout.sealed_start(VISA, Choice::default()).await;
    let first = checkout.start(key.clone(), start.clone()).await.unwrap();
    world.kill_proxy();
    world.start_proxy().await;
    let again = checkout
        .with_fresh_token()
        .await
        .start(key, start)
        .await
        .unwrap();
    assert_eq!((again.id, again.state), (first.id, first.state));
    assert_eq!(world.ledger().debits.len(), 1);
}
