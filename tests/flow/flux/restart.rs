//! The proxy ends in the middle of a payment and is started again on the same store.

use std::time::Duration;

use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_sandbox::{Fault, FluxCodeKind, Kind, Operation};

use super::{BEHIND_THE_FENCE, MINUTE, Stage, TIP, on_both_stores};
use crate::checkout::Checkout;

const FOR_EVER_MS: u64 = 3_600_000;

/// Starts a charge, and comes back when the provider was asked.
async fn asked(stage: &Stage, checkout: &Checkout, operation: Operation) -> String {
    let (spoken_for, code) = (checkout.clone(), stage.world.code(FluxCodeKind::Good));
    let key = stage.world.next_key();
    tokio::spawn(async move {
        // Its connection is cut.
        let start = ventanilla_core::api::start_attempt(key, super::start(&code, TIP));
        let _ = spoken_for.try_call(start).await;
    });
    let attempt = checkout.attempt_once(|_| true).await;
    for _ in 0..2_000 {
        if stage.world.ledger().calls_of(operation).count() > 0 {
            return attempt.id;
        }
        checkout.view().await;
    }
    panic!("the provider was not asked");
}

async fn a_charge_cut_off_while_the_wallet_was_asked_is_found_and_not_repeated(stage: Stage) {
    let checkout = stage.checkout().await;
    let stalled = Fault::once(Operation::FluxPay, Kind::Stall).for_ms(FOR_EVER_MS);
    stage.world.sandbox.arm(stalled).await.unwrap();
    let attempt = asked(&stage, &checkout, Operation::FluxPay).await;
    stage.world.kill_proxy();

    stage.world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    let again = checkout.try_to_charge("QUJDREVGRw==", 0).await.unwrap_err();
    assert_eq!(again.code, "attempt-running");
    let step = Duration::from_secs(20);
    let attempt = checkout
        .until_moving(&attempt, AttemptState::Succeeded, step)
        .await;
    stage.assert_paid_once(&checkout, &attempt, TIP).await;
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FluxPay).count(), 1);
}

async fn a_doubt_survives_the_restart_and_ends_behind_the_fence(stage: Stage) {
    let checkout = stage.checkout().await;
    stage
        .world
        .arm(Operation::FluxPay, Kind::GatewayTimeoutBefore)
        .await;
    let attempt = checkout.charge(TIP).await;
    assert_eq!(attempt.state, AttemptState::Unknown);
    stage.world.kill_proxy();

    stage.world.start_proxy().await;
    stage.world.move_clock(BEHIND_THE_FENCE);
    checkout
        .until_moving(&attempt.id, AttemptState::NotExecuted, MINUTE)
        .await;
    let checkout = checkout.with_fresh_token().await;
    let paid = checkout.charge(0).await;
    stage.assert_paid_once(&checkout, &paid, 0).await;
    assert_eq!(stage.world.charged(), 1);
}

#[tokio::test]
async fn a_charge_cut_off_before_anything_was_sent_is_over_and_may_be_tried_again() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let stalled = Fault::once(Operation::FluxToken, Kind::Stall).for_ms(FOR_EVER_MS);
    stage.world.sandbox.arm(stalled).await.unwrap();
    let attempt = asked(&stage, &checkout, Operation::FluxToken).await;
    stage.world.kill_proxy();

    stage.world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    let attempt = checkout.attempt(&attempt).await;
    assert_eq!(
        (attempt.state, attempt.next_action),
        (AttemptState::NotExecuted, NextAction::TryAgain)
    );
    let paid = checkout.charge(0).await;
    stage.assert_paid_once(&checkout, &paid, 0).await;
    assert_eq!(stage.world.charged(), 1);
}

on_both_stores![
    a_charge_cut_off_while_the_wallet_was_asked_is_found_and_not_repeated,
    a_doubt_survives_the_restart_and_ends_behind_the_fence,
];
