//! Answers that prove nothing: settled by reading, and never sent twice on one right.

use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_sandbox::{Fault, Kind, Operation};

use super::{ACCOUNT, BEHIND_THE_FENCE, MINUTE, Stage, by_account, on_both_stores};

async fn credit_that_is_held_behind_a_broken_answer_is_found_by_reading(stage: Stage) {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::Truncate,
        Kind::BrokenJson,
        Kind::WrongAmount,
        Kind::WrongReference,
    ] {
        stage.world.arm(Operation::FlexitiAuthorize, kind).await;
        let checkout = stage.checkout().await;
        let attempt = checkout.buy().await;
        let attempt = checkout.until(&attempt.id, AttemptState::Succeeded).await;
        stage.assert_captured_once(&checkout, &attempt).await;
    }
}

async fn what_was_never_authorized_is_over_behind_the_fence_and_not_before(stage: Stage) {
    for kind in [
        Kind::ResetBefore,
        Kind::GatewayTimeoutBefore,
        Kind::Error500,
    ] {
        let checkout = stage.checkout().await;
        stage.world.arm(Operation::FlexitiAuthorize, kind).await;
        let attempt = checkout.buy().await;
        assert_eq!(attempt.state, AttemptState::Unknown, "{kind:?}");
        for _ in 0..4 {
            stage.world.move_clock(6 * MINUTE);
            let visitor = checkout.with_fresh_token().await;
            let now = visitor.attempt(&attempt.id).await;
            assert_eq!(now.state, AttemptState::Unknown);
            let key = stage.world.next_key();
            let second = visitor.try_to_begin_as(key, by_account(ACCOUNT)).await;
            assert_eq!(second.unwrap_err().code, "attempt-running");
        }
        stage.world.move_clock(BEHIND_THE_FENCE);
        let over = checkout
            .until_moving(&attempt.id, AttemptState::NotExecuted, MINUTE)
            .await;
        assert_eq!(over.next_action, NextAction::TryAgain);
        let checkout = checkout.with_fresh_token().await;
        let paid = checkout.buy().await;
        stage.assert_captured_once(&checkout, &paid).await;
        assert!(stage.world.authorizations_of(&over).await.is_empty());
    }
}

#[tokio::test]
async fn an_authorization_that_the_merchant_cannot_read_is_not_called_paid() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let unread = Fault::times(Operation::FlexitiAuthorization, Kind::Error500, 1_000);
    stage.world.sandbox.arm(unread).await.unwrap();
    let attempt = checkout.buy().await;
    assert_eq!(attempt.state, AttemptState::Unknown);
    assert_eq!(checkout.record().await["state"], "open");
    stage.world.sandbox.clear_faults().await;
    let attempt = checkout
        .until_moving(&attempt.id, AttemptState::Succeeded, MINUTE)
        .await;
    stage.assert_captured_once(&checkout, &attempt).await;
}

#[tokio::test]
async fn an_authorization_that_turns_up_late_pays_if_nothing_else_did_and_is_let_go_if_it_did() {
    for second_pays in [false, true] {
        let stage = Stage::open().await;
        let checkout = stage.checkout().await;
        let late =
            Fault::once(Operation::FlexitiAuthorize, Kind::LateBeyondFence).for_ms(60 * 60 * 1000);
        stage.world.sandbox.arm(late).await.unwrap();
        let first = checkout.buy().await;
        stage.world.move_clock(BEHIND_THE_FENCE);
        let first = checkout
            .until_moving(&first.id, AttemptState::NotExecuted, MINUTE)
            .await;
        let visitor = checkout.with_fresh_token().await;
        if second_pays {
            let second = visitor.buy().await;
            stage.assert_captured_once(&visitor, &second).await;
        }
        stage.world.move_clock(60 * MINUTE);
        for _ in 0..2_000 {
            if !stage.world.authorizations_of(&first).await.is_empty() {
                break;
            }
        }
        // It is looked at once more a day later.
        stage.world.move_clock(24 * 60 * MINUTE);
        if second_pays {
            let told = stage.shop.hears_of("attempt.duplicate", &first.id).await;
            assert_eq!(told["data"]["attempt"]["state"], "duplicate");
            let released = stage
                .shop
                .hears(|news| {
                    let operation = &news["data"]["operation"];
                    operation["attempt_id"] == first.id.as_str() && operation["kind"] == "release"
                })
                .await;
            assert_eq!(released["data"]["operation"]["state"], "succeeded");
            let held = &stage.world.authorizations_of(&first).await[0];
            assert_eq!(
                (held.released.as_str(), held.captured.as_str()),
                ("1000.00", "0.00")
            );
        } else {
            stage.shop.hears_of("attempt.succeeded", &first.id).await;
            let visitor = checkout.with_fresh_token().await;
            let first = visitor.attempt(&first.id).await;
            stage.assert_captured_once(&visitor, &first).await;
        }
    }
}

async fn a_capture_in_doubt_is_settled_by_its_own_reference(stage: Stage) {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::WrongAmount,
    ] {
        stage.world.arm(Operation::FlexitiCapture, kind).await;
        let checkout = stage.checkout().await;
        let attempt = checkout.buy().await;
        stage.assert_captured_once(&checkout, &attempt).await;
    }
}

#[tokio::test]
async fn a_capture_that_never_happened_is_not_sent_again_and_is_the_merchants_to_repeat() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    stage
        .world
        .arm(Operation::FlexitiCapture, Kind::GatewayTimeoutBefore)
        .await;
    let attempt = checkout.buy().await;
    assert_eq!(attempt.state, AttemptState::Succeeded);
    let capture = async || checkout.record().await["operations"][0].clone();
    while capture().await["state"] != "unknown" {
        stage.until_asked(Operation::FlexitiCapture).await;
    }
    let mut seen = capture().await;
    for _ in 0..200 {
        stage.world.move_clock(MINUTE);
        seen = capture().await;
        if seen["state"] == "not_executed" {
            break;
        }
    }
    assert_eq!(seen["state"], "not_executed", "{seen}");
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiCapture).count(), 1);
    let again = stage.operate(&attempt, "capture", super::BILL).await;
    assert_eq!(again["state"], "succeeded", "{again}");
}

on_both_stores![
    a_capture_in_doubt_is_settled_by_its_own_reference,
    credit_that_is_held_behind_a_broken_answer_is_found_by_reading,
    what_was_never_authorized_is_over_behind_the_fence_and_not_before,
];
