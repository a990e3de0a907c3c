//! Payments whose answer proves nothing: they are settled by reading, and never sent twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use ventanilla_core::api::{AttemptView, read_attempt};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_sandbox::{Fault, Kind, Operation};

use super::{BEHIND_THE_FENCE, MASTERCARD, VISA};
use crate::checkout::Checkout;
use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// One debit, asked for once, and everybody knows.
async fn assert_paid_once(checkout: &Checkout, attempt: &AttemptView) {
    let world = &checkout.world;
    assert_eq!(attempt.state, AttemptState::Succeeded);
    assert_eq!(
        attempt.receipt.as_ref().unwrap().paid.decimal_text(),
        "1250.50"
    );
    let reference = world.reference_of(attempt).await;
    assert_eq!(world.paid_for(&reference), 1);
    let asked = world
        .ledger()
        .calls
        .iter()
        .filter(|call| matches!(call.operation, Operation::Pay | Operation::TokenPayment))
        .filter(|call| call.reference.as_ref() == Some(&reference))
        .count();
    assert_eq!(asked, 1, "it was asked for once");
    assert_eq!(checkout.record().await["state"], "succeeded");
}

#[tokio::test]
async fn money_that_moved_behind_a_broken_answer_is_found_by_reading() {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::Truncate,
        Kind::BrokenJson,
        Kind::Oversize,
    ] {
        let world = World::open().await;
        world.arm(Operation::Pay, kind).await;
        let checkout = world.checkout().await;
        let attempt = checkout.pay(VISA).await;
        let attempt = checkout.until(&attempt.id, AttemptState::Succeeded).await;
        assert_paid_once(&checkout, &attempt).await;
    }
}

#[tokio::test]
async fn an_answer_that_lies_is_not_believed_and_the_read_is() {
    for kind in [Kind::WrongAmount, Kind::WrongReference, Kind::BadSignature] {
        let world = World::open().await;
        world.arm(Operation::Pay, kind).await;
        // Without the read nobody could know: the lie alone must not be enough.
        world
            .arm_times(Operation::Transaction, Kind::Error500, 1_000)
            .await;
        let checkout = world.checkout().await;
        let attempt = checkout.pay_and_hang_up(VISA).await;
        let attempt = checkout.until(&attempt.id, AttemptState::Unknown).await;
        assert_eq!(attempt.next_action, NextAction::Wait, "{kind:?}");
        assert!(attempt.receipt.is_none());
        world.sandbox.clear_faults().await;
        let attempt = checkout
            .until_moving(&attempt.id, AttemptState::Succeeded, MINUTE)
            .await;
        assert_paid_once(&checkout, &attempt).await;
    }
}

#[tokio::test]
async fn dust_of_binary_arithmetic_is_no_other_amount() {
    let world = World::open().await;
    world.arm(Operation::Pay, Kind::FloatDust).await;
    let checkout = world.checkout().await;
    let attempt = checkout.pay(VISA).await;
    assert_paid_once(&checkout, &attempt).await;
    assert_eq!(
        world.ledger().calls_of(Operation::Transaction).count(),
        0,
        "no read was needed"
    );
}

#[tokio::test]
async fn a_payment_that_was_never_executed_is_held_so_only_behind_the_fence() {
    let world = World::open().await;
    let kinds = [
        Kind::ResetBefore,
        Kind::GatewayTimeoutBefore,
        Kind::Error500,
        Kind::RateLimit429,
        Kind::Redirect301,
        Kind::Refuse,
    ];
    for kind in kinds {
        world.arm(Operation::Pay, kind).await;
    }
    let mut checkouts = Vec::new();
    let mut attempts = JoinSet::new();
    for _ in kinds {
        let checkout = world.checkout().await;
        checkouts.push(checkout.clone());
        attempts.spawn(async move {
            let attempt = checkout.pay(VISA).await;
            (checkout, attempt)
        });
    }
    let mut attempts = attempts.join_all().await;
    let doubted = |attempt: &AttemptView| {
        assert_eq!(attempt.state, AttemptState::Unknown);
        assert_eq!(attempt.next_action, NextAction::Wait);
    };
    for (checkout, attempt) in &attempts {
        doubted(attempt);
        let second = checkout.try_to_pay(MASTERCARD).await.unwrap_err();
        assert_eq!(second.code, "attempt-running");
        assert_eq!(second.attempt_id.as_ref(), Some(&attempt.id));
    }

    // However many reads find nothing before it.
    world.move_clock(30 * MINUTE);
    for (checkout, attempt) in &mut attempts {
        *checkout = checkout.with_fresh_token().await;
        doubted(&checkout.attempt(&attempt.id).await);
    }
    assert_eq!(world.paid(), 0);

    for (checkout, attempt) in &attempts {
        let ended = checkout
            .until_moving(&attempt.id, AttemptState::NotExecuted, 3 * MINUTE)
            .await;
        assert_eq!(ended.next_action, NextAction::TryAgain);
    }
    for (checkout, attempt) in &attempts {
        let checkout = checkout.with_fresh_token().await;
        let paid = checkout.pay(MASTERCARD).await;
        assert_paid_once(&checkout, &paid).await;
        assert_eq!(world.debits_of(attempt).await, 0);
    }
    assert_eq!(world.paid(), kinds.len());
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_was_not_sent_anything() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    world.arm(Operation::Pay, Kind::Down).await;
    let attempt = checkout.pay(VISA).await;
    let attempt = checkout.until(&attempt.id, AttemptState::NotExecuted).await;
    assert_eq!(attempt.next_action, NextAction::TryAgain);
    world.sandbox.clear_faults().await;
    let paid = checkout.pay(VISA).await;
    assert_paid_once(&checkout, &paid).await;
    assert_eq!(world.ledger().calls_of(Operation::Pay).count(), 1);
}

#[tokio::test]
async fn an_order_that_cannot_be_opened_ends_the_attempt_at_once() {
    for kind in [
        Kind::Error500,
        Kind::GatewayTimeoutAfter,
        Kind::ResetAfter,
        Kind::BrokenJson,
        Kind::Down,
    ] {
        let world = World::open().await;
        world.arm_times(Operation::CreateOrder, kind, 100).await;
        let checkout = world.checkout().await;
        let attempt = checkout.pay(VISA).await;
        let attempt = checkout.until(&attempt.id, AttemptState::NotExecuted).await;
        assert_eq!(attempt.next_action, NextAction::TryAgain, "{kind:?}");
        world.sandbox.clear_faults().await;
        let paid = checkout.pay(VISA).await;
        assert_paid_once(&checkout, &paid).await;
    }
}

#[tokio::test]
async fn money_that_moves_after_the_timeout_was_answered_is_found() {
    let world = World::open().await;
    world
        .sandbox
        .arm(Fault::once(Operation::Pay, Kind::Late).for_ms(500))
        .await
        .unwrap();
    let checkout = world.checkout().await;
    let attempt = checkout.pay(VISA).await;
    let attempt = checkout.until(&attempt.id, AttemptState::Succeeded).await;
    assert_eq!(world.debits_of(&attempt).await, 1);
}

#[tokio::test]
async fn a_debit_that_is_not_visible_yet_stays_in_doubt_until_it_is() {
    let world = World::open().await;
    world.arm(Operation::Pay, Kind::GatewayTimeoutAfter).await;
    world
        .arm_times(Operation::Transaction, Kind::DelayVisibility, 6)
        .await;
    let checkout = world.checkout().await;
    let attempt = checkout.pay_and_hang_up(VISA).await;
    let attempt = checkout.until(&attempt.id, AttemptState::Unknown).await;
    let attempt = checkout
        .until_moving(&attempt.id, AttemptState::Succeeded, MINUTE)
        .await;
    assert_paid_once(&checkout, &attempt).await;
    assert!(world.ledger().calls_of(Operation::Transaction).count() > 6);
}

#[tokio::test]
async fn a_read_that_fails_proves_nothing() {
    let world = World::open().await;
    world.arm(Operation::Pay, Kind::GatewayTimeoutBefore).await;
    for kind in [
        Kind::Error500,
        Kind::Truncate,
        Kind::BrokenJson,
        Kind::ResetAfter,
        Kind::RateLimit429,
    ] {
        world.arm_times(Operation::Transaction, kind, 2).await;
    }
    world
        .arm_times(Operation::Transaction, Kind::Redirect301, 10_000)
        .await;
    let checkout = world.checkout().await;
    let attempt = checkout.pay_and_hang_up(VISA).await;
    let attempt = checkout.until(&attempt.id, AttemptState::Unknown).await;
    for _ in 0..10 {
        world.move_clock(30 * MINUTE);
        let checkout = checkout.with_fresh_token().await;
        let attempt = checkout.call(read_attempt(&attempt.id, 1)).await.unwrap();
        assert_eq!(attempt.state, AttemptState::Unknown);
    }
    world.sandbox.clear_faults().await;
    checkout
        .until_moving(&attempt.id, AttemptState::NotExecuted, 20 * MINUTE)
        .await;
    assert_eq!(world.paid(), 0);
}

#[tokio::test]
async fn a_read_of_another_amount_calls_for_the_shop_and_is_never_called_paid() {
    let world = World::open().await;
    world.arm(Operation::Pay, Kind::GatewayTimeoutAfter).await;
    world
        .arm_times(Operation::Transaction, Kind::WrongAmount, 10_000)
        .await;
    let checkout = world.checkout().await;
    let attempt = checkout.pay(VISA).await;
    let attempt = checkout.until(&attempt.id, AttemptState::Review).await;
    assert_eq!(attempt.next_action, NextAction::AskShop);
    assert_eq!(
        checkout.try_to_pay(MASTERCARD).await.unwrap_err().code,
        "attempt-running"
    );
    assert_eq!(checkout.record().await["state"], "open");

    world.sandbox.clear_faults().await;
    world.move_clock(61 * MINUTE);
    until_recorded(&checkout, &attempt, "succeeded").await;
    let checkout = checkout.with_fresh_token().await;
    assert_paid_once(&checkout, &checkout.attempt(&attempt.id).await).await;
}

#[tokio::test]
async fn a_timeout_with_reversal_is_no_decline_yet() {
    let world = World::open().await;
    let reversed = ventanilla_sandbox::test_cards()
        .into_iter()
        .find(|card| card.resp_code == Some("899"))
        .unwrap();
    let checkout = world.checkout().await;
    let attempt = checkout.pay_and_hang_up(reversed.number).await;
    let attempt = checkout.until(&attempt.id, AttemptState::Unknown).await;
    world.move_clock(BEHIND_THE_FENCE);
    checkout
        .until_moving(&attempt.id, AttemptState::NotExecuted, MINUTE)
        .await;
}

#[tokio::test]
async fn a_refusal_in_words_that_nobody_documented_is_in_doubt() {
    let world = World::open().await;
    let not_asked = ventanilla_sandbox::test_cards()
        .into_iter()
        .find(|card| card.outcome == "not_asked")
        .unwrap();
    let checkout = world.checkout().await;
    let attempt = checkout.pay_and_hang_up(not_asked.number).await;
    let attempt = checkout.until(&attempt.id, AttemptState::Unknown).await;
    world.move_clock(BEHIND_THE_FENCE);
    checkout
        .until_moving(&attempt.id, AttemptState::NotExecuted, MINUTE)
        .await;
}

/// A debit that stayed hidden for so long that it was held not to have happened.
async fn held_not_to_have_happened(world: &Arc<World>) -> (Checkout, AttemptView) {
    world.arm(Operation::Pay, Kind::GatewayTimeoutAfter).await;
    world
        .arm_times(Operation::Transaction, Kind::DelayVisibility, 10_000)
        .await;
    let checkout = world.checkout().await;
    let attempt = checkout.pay_and_hang_up(VISA).await;
    let attempt = checkout.until(&attempt.id, AttemptState::Unknown).await;
    world.move_clock(BEHIND_THE_FENCE);
    let attempt = checkout
        .until_moving(&attempt.id, AttemptState::NotExecuted, MINUTE)
        .await;
    world.sandbox.clear_faults().await;
    (checkout.with_fresh_token().await, attempt)
}

/// Asks until the shop's server sees an attempt in `state`. For attempts that nobody waits for any more:
/// the proxy holds no answer about them back.
async fn until_recorded(checkout: &Checkout, attempt: &AttemptView, state: &str) {
    let mut seen = String::new();
    for _ in 0..2_000 {
        let record = checkout.world.attempt_record(&attempt.id).await;
        seen = record["state"].as_str().unwrap_or_default().to_owned();
        if seen == state {
            return;
        }
    }
    panic!("attempt is recorded as {seen}, not as {state}");
}

#[tokio::test]
async fn money_that_turns_up_after_all_is_recorded() {
    let world = World::open().await;
    let (checkout, attempt) = held_not_to_have_happened(&world).await;
    world.move_clock(25 * 60 * MINUTE);
    until_recorded(&checkout, &attempt, "succeeded").await;
    assert_eq!(checkout.record().await["state"], "succeeded");
    assert_eq!(world.paid(), 1);
}

#[tokio::test]
async fn money_that_turns_up_beside_a_second_payment_is_a_duplicate() {
    let world = World::open().await;
    let (checkout, first) = held_not_to_have_happened(&world).await;
    let second = checkout.pay(MASTERCARD).await;
    assert_eq!(second.state, AttemptState::Succeeded);
    world.move_clock(25 * 60 * MINUTE);
    until_recorded(&checkout, &first, "duplicate").await;
    until_recorded(&checkout, &second, "succeeded").await;
    assert_eq!(world.paid(), 2);
}
