//! Payments whose answer proves nothing: they are settled by reading, and never sent twice on one right.

use ventanilla_core::api::AttemptView;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_sandbox::{Fault, FluxCodeKind, Kind, Operation};

use super::{BEHIND_THE_FENCE, MINUTE, Stage, TIP, attempt_in, on_both_stores};
use crate::checkout::Checkout;

/// The references of two attempts, as the shop sees them.
async fn references(checkout: &Checkout, attempts: [&AttemptView; 2]) -> [String; 2] {
    let record = checkout.with_fresh_token().await.record().await;
    attempts.map(|attempt| {
        let reference = &attempt_in(&record, &attempt.id)["reference"];
        reference.as_str().unwrap().to_owned()
    })
}

/// A charge in doubt that reads do not find, behind the fence.
async fn never_executed(checkout: &Checkout, tip: u64) -> AttemptView {
    let attempt = checkout.charge(tip).await;
    assert_eq!(attempt.state, AttemptState::Unknown);
    let second = checkout.try_to_charge("QUJDREVGRw==", 0).await.unwrap_err();
    assert_eq!(second.code, "attempt-running");
    checkout.world.move_clock(BEHIND_THE_FENCE);
    checkout
        .until_moving(&attempt.id, AttemptState::NotExecuted, MINUTE)
        .await
}

async fn money_that_moved_behind_a_broken_answer_is_found_by_reading(stage: Stage) {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::Truncate,
        Kind::BrokenJson,
        Kind::Oversize,
        Kind::WrongAmount,
        Kind::WrongReference,
        Kind::WrongTotal,
        Kind::OtherStatus,
    ] {
        stage.world.arm(Operation::FluxPay, kind).await;
        let checkout = stage.checkout().await;
        let attempt = checkout.charge(TIP).await;
        let attempt = checkout.until(&attempt.id, AttemptState::Succeeded).await;
        stage.assert_paid_once(&checkout, &attempt, TIP).await;
        let reference = stage.world.reference_of(&attempt).await;
        let asked = stage.world.ledger();
        assert_eq!(asked.flux.payments_of(&reference).count(), 1, "{kind:?}");
    }
}

async fn what_was_never_executed_goes_on_under_the_same_reference(stage: Stage) {
    for kind in [
        Kind::ResetBefore,
        Kind::GatewayTimeoutBefore,
        Kind::Error500,
        Kind::RateLimit429,
        Kind::Close,
    ] {
        let checkout = stage.checkout().await;
        stage.world.arm(Operation::FluxPay, kind).await;
        let attempt = never_executed(&checkout, TIP).await;
        assert_eq!(attempt.next_action, NextAction::TryAgain);
        let checkout = checkout.with_fresh_token().await;
        let paid = checkout.charge(0).await;
        stage.assert_paid_once(&checkout, &paid, 0).await;
        let [first, second] = references(&checkout, [&attempt, &paid]).await;
        assert_eq!(first, second, "{kind:?}");
    }
}

#[tokio::test]
async fn before_the_fence_no_number_of_reads_lets_another_attempt_in() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    stage.world.arm(Operation::FluxPay, Kind::ResetBefore).await;
    let attempt = checkout.charge(0).await;
    for _ in 0..14 {
        stage.world.move_clock(MINUTE);
        let now = checkout.attempt(&attempt.id).await;
        assert_eq!(now.state, AttemptState::Unknown);
    }
    let ledger = stage.world.ledger();
    let reads = ledger.calls_of(Operation::FluxTransaction).count();
    assert!(reads >= 3, "it was read {reads} times");
    let second = checkout.try_to_charge("QUJDREVGRw==", 0).await.unwrap_err();
    assert_eq!(second.code, "attempt-running");
}

/// The provider executes the first request after all, when it was given up and before the next one comes.
/// Under one reference the two are one payment, and it is the first one's.
async fn a_late_execution_of_an_earlier_attempt_is_its_money_and_not_paid_twice(stage: Stage) {
    let checkout = stage.checkout().await;
    let late = Fault::once(Operation::FluxPay, Kind::LateBeyondFence).for_ms(60 * 60 * 1000);
    stage.world.sandbox.arm(late).await.unwrap();
    let first = never_executed(&checkout, TIP).await;
    assert_eq!(stage.world.charged(), 0);
    stage.world.move_clock(60 * MINUTE);
    let checkout = checkout.with_fresh_token().await;
    while stage.world.charged() == 0 {
        checkout.view().await;
    }
    // With another tip: the read shows at once that it is not this one's.
    let second = checkout.charge(0).await;
    let second = checkout
        .until_moving(&second.id, AttemptState::NotExecuted, MINUTE)
        .await;
    let visitor = checkout.with_fresh_token().await;
    let mut paid = visitor.attempt(&first.id).await;
    for _ in 0..50 {
        if paid.state == AttemptState::Succeeded {
            break;
        }
        paid = visitor.attempt(&first.id).await;
    }
    stage.assert_paid_once(&visitor, &paid, TIP).await;
    let [one, other] = references(&checkout, [&first, &second]).await;
    assert_eq!(one, other);
    assert_eq!(stage.world.charged(), 1);
    let told = stage.shop.told();
    assert!(told.iter().all(|news| news["type"] != "attempt.duplicate"));
}

/// With the same tip either may have it; one of them does.
#[tokio::test]
async fn a_late_execution_of_the_same_amount_pays_the_session_once() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let late = Fault::once(Operation::FluxPay, Kind::LateBeyondFence).for_ms(60 * 60 * 1000);
    stage.world.sandbox.arm(late).await.unwrap();
    let first = never_executed(&checkout, TIP).await;
    stage.world.move_clock(60 * MINUTE);
    let checkout = checkout.with_fresh_token().await;
    while stage.world.charged() == 0 {
        checkout.view().await;
    }
    let second = checkout.charge(TIP).await;
    let second = checkout
        .until_moving(&second.id, AttemptState::Succeeded, MINUTE)
        .await;
    stage
        .assert_paid_once(&checkout.with_fresh_token().await, &second, TIP)
        .await;
    // The first one, looked at once more a day and three days later, stays what it is.
    let reads = || {
        let ledger = stage.world.ledger();
        ledger.calls_of(Operation::FluxTransaction).count()
    };
    let before = reads();
    stage.world.move_clock(25 * 60 * MINUTE);
    while reads() == before {
        checkout.with_fresh_token().await.attempt(&first.id).await;
    }
    let looked = checkout.with_fresh_token().await.attempt(&first.id).await;
    assert_eq!(looked.state, AttemptState::NotExecuted);
    let told = stage.shop.told();
    assert!(told.iter().all(|news| news["type"] != "attempt.duplicate"));
    assert_eq!(stage.world.charged(), 1);
}

#[tokio::test]
async fn a_tip_that_the_provider_does_not_confirm_is_for_a_person() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let wrong = Fault::times(Operation::FluxTransaction, Kind::WrongAmount, 1_000);
    stage.world.sandbox.arm(wrong).await.unwrap();
    stage.world.arm(Operation::FluxPay, Kind::ResetAfter).await;
    let attempt = checkout.charge(TIP).await;
    let attempt = checkout
        .until_moving(&attempt.id, AttemptState::Review, MINUTE)
        .await;
    assert_eq!(attempt.next_action, NextAction::AskShop);
    assert!(attempt.receipt.is_none());
}

#[tokio::test]
async fn a_payment_that_was_turned_away_at_the_door_goes_on_under_its_reference() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    // A token that ran out ahead of its time.
    stage
        .world
        .arm(Operation::FluxPay, Kind::ExpireSessions)
        .await;
    let attempt = checkout.charge(0).await;
    assert_eq!(attempt.state, AttemptState::NotExecuted);
    let code = stage.world.code(FluxCodeKind::Good);
    let paid = checkout.try_to_charge(&code, TIP).await.unwrap();
    stage.assert_paid_once(&checkout, &paid, TIP).await;
    let [first, second] = references(&checkout, [&attempt, &paid]).await;
    assert_eq!(first, second);
}

on_both_stores![
    a_late_execution_of_an_earlier_attempt_is_its_money_and_not_paid_twice,
    money_that_moved_behind_a_broken_answer_is_found_by_reading,
    what_was_never_executed_goes_on_under_the_same_reference,
];
