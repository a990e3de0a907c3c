//! The proxy ends in the middle and is started again on the same store.

use std::time::Duration;

use ventanilla_core::api::Step;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_sandbox::{Fault, Kind, Operation};

use super::{Stage, on_both_stores, plan, session_of};

const FOR_EVER_MS: u64 = 3_600_000;

async fn a_buyer_goes_on_where_the_proxy_ended(stage: Stage) {
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    stage.world.kill_proxy();
    stage.world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    let seen = checkout.view().await.attempt.unwrap();
    assert_eq!(
        (&seen.id, seen.next_action),
        (&attempt.id, NextAction::Identify)
    );
    assert_eq!(session_of(&seen), session_of(&attempt));
    let seen = checkout.page_ends(&seen, "verified").await.unwrap();
    assert_eq!(seen.next_action, NextAction::Choose);
    stage.world.kill_proxy();
    stage.world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    let paid = checkout.finance(&attempt.id, plan(6)).await.unwrap();
    stage.assert_captured_once(&checkout, &paid).await;
}

async fn an_authorization_cut_off_is_found_and_not_repeated(stage: Stage) {
    let checkout = stage.checkout().await;
    let attempt = checkout.identify().await;
    let stalled = Fault::once(Operation::FlexitiAuthorize, Kind::Stall).for_ms(FOR_EVER_MS);
    stage.world.sandbox.arm(stalled).await.unwrap();
    let (asks, id) = (checkout.clone(), attempt.id.clone());
    tokio::spawn(async move {
        let step = ventanilla_core::api::take_step(&id, Step::Finance(plan(6)));
        // Its connection is cut.
        let _ = asks.try_call(step).await;
    });
    stage.until_asked(Operation::FlexitiAuthorize).await;
    stage.world.kill_proxy();

    stage.world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    // The buyer presses once more.
    let again = checkout.finance(&attempt.id, plan(12)).await.unwrap();
    assert_eq!(again.next_action, NextAction::Wait);
    let step = Duration::from_secs(20);
    let paid = checkout
        .until_moving(&attempt.id, AttemptState::Succeeded, step)
        .await;
    stage.assert_captured_once(&checkout, &paid).await;
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiAuthorize).count(), 1);
}

async fn a_capture_cut_off_is_found_and_not_repeated(stage: Stage) {
    let checkout = stage.checkout().await;
    let stalled = Fault::once(Operation::FlexitiCapture, Kind::Stall).for_ms(FOR_EVER_MS);
    stage.world.sandbox.arm(stalled).await.unwrap();
    let attempt = checkout.buy().await;
    stage.until_asked(Operation::FlexitiCapture).await;
    stage.world.kill_proxy();

    stage.world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    for _ in 0..40 {
        let record = checkout.record().await;
        if record["operations"][0]["state"] == "succeeded" {
            break;
        }
        stage.world.move_clock(Duration::from_secs(20));
    }
    stage.assert_captured_once(&checkout, &attempt).await;
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiCapture).count(), 1);
}

impl Stage {
    pub(super) async fn until_asked(&self, operation: Operation) {
        for _ in 0..10_000 {
            if self.world.ledger().calls_of(operation).count() > 0 {
                return;
            }
            tokio::task::yield_now().await;
            let _ = self.world.shop("GET", "/v1/review", None).await;
        }
        panic!("the provider was not asked");
    }
}

on_both_stores![
    a_buyer_goes_on_where_the_proxy_ended,
    a_capture_cut_off_is_found_and_not_repeated,
    an_authorization_cut_off_is_found_and_not_repeated,
];
