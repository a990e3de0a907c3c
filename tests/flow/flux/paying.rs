//! Codes that pay.

use serde_json::json;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_sandbox::{Fault, FluxCodeForm, FluxCodeKind, Kind, Operation};

use super::{BILL, MINUTE, Stage, TIP, on_both_stores, options};
use crate::checkout::Checkout;

async fn a_code_is_charged_at_once_with_and_without_a_tip(stage: Stage) {
    for tip in [0, 1, TIP, BILL / 2] {
        let checkout = stage.checkout().await;
        let attempt = checkout.charge(tip).await;
        stage.assert_paid_once(&checkout, &attempt, tip).await;
        assert_eq!(attempt.next_action, NextAction::Finish);
        let charge = stage.world.ledger().flux.payments.pop().unwrap();
        assert_eq!(
            (charge.store.as_str(), charge.terminal.as_str()),
            ("Sucursal Centro", "caja-01")
        );
    }
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FluxTransaction).count(), 0);
    // The token of the first payment did for all of them.
    assert_eq!(ledger.calls_of(Operation::FluxToken).count(), 1);
}

#[tokio::test]
async fn a_session_says_which_tips_it_takes() {
    let stage = Stage::open().await;
    let tip = stage
        .checkout()
        .await
        .view()
        .await
        .flux
        .unwrap()
        .tip
        .unwrap();
    assert_eq!(tip.percents, [10, 15, 20]);
    assert_eq!((tip.cap_percent, tip.confirm_percent), (50, 30));
    let on_card = stage.world.checkout().await.view().await;
    assert!(on_card.flux.is_none());
}

#[tokio::test]
async fn a_code_that_is_a_json_object_is_charged_as_it_is() {
    let mut options = options();
    options.flux.code_form = FluxCodeForm::Json;
    let stage = Stage::open_as(options).await;
    let checkout = stage.checkout().await;
    let attempt = checkout.charge(0).await;
    stage.assert_paid_once(&checkout, &attempt, 0).await;
}

/// A hundred submits at once from two tabs, each with a code of its own.
async fn a_hundred_submits_at_once_are_one_charge(stage: Stage) {
    let checkout = stage.checkout().await;
    let keys = [stage.world.next_key(), stage.world.next_key()];
    let mut submits = Vec::new();
    for number in 0..100_usize {
        let (checkout, key) = (checkout.clone(), keys[number % 2].clone());
        let code = stage.world.code(FluxCodeKind::Good);
        submits.push(tokio::spawn(async move {
            checkout.try_to_charge_as(key, &code, TIP).await
        }));
    }
    let mut paying = std::collections::BTreeSet::new();
    for submit in submits {
        match submit.await.unwrap() {
            Ok(attempt) => paying.insert(attempt.id),
            Err(problem) => {
                let code = problem.code.as_str();
                assert!(
                    ["attempt-running", "session-paid"].contains(&code),
                    "{problem:?}"
                );
                paying.insert(problem.attempt_id.unwrap())
            }
        };
    }
    let paying: Vec<_> = paying.into_iter().collect();
    assert_eq!(paying.len(), 1, "everybody is told of the same attempt");
    let attempt = checkout.until(&paying[0], AttemptState::Succeeded).await;
    stage.assert_paid_once(&checkout, &attempt, TIP).await;
    let asked = stage.world.ledger();
    assert_eq!(asked.calls_of(Operation::FluxPay).count(), 1);
}

/// A second code with the same key is the same wish; another tip is another.
#[tokio::test]
async fn a_key_stands_for_one_wish_whatever_code_is_shown() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let key = stage.world.next_key();
    let ask = async |tip| {
        let code = stage.world.code(FluxCodeKind::Good);
        checkout.try_to_charge_as(key.clone(), &code, tip).await
    };
    let first = ask(TIP).await.unwrap();
    assert_eq!(ask(TIP).await.unwrap().id, first.id);
    let other = ask(TIP + 1).await.unwrap_err();
    assert_eq!(other.code, "idempotency-key-reused");
    assert_eq!(stage.world.charged(), 1);
}

#[tokio::test]
async fn a_page_that_was_reloaded_goes_on_with_the_attempt_and_its_tip() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let stalled = Fault::once(Operation::FluxPay, Kind::Stall).for_ms(7_000);
    stage.world.sandbox.arm(stalled).await.unwrap();
    let attempt = hang_up(&stage, &checkout, TIP).await;
    let reloaded = checkout.view().await.attempt.unwrap();
    assert_eq!(reloaded.id, attempt);
    assert_eq!(reloaded.tip.unwrap().minor(), TIP);
    assert_eq!(reloaded.next_action, NextAction::Wait);
    let paid = checkout.until(&attempt, AttemptState::Succeeded).await;
    stage.assert_paid_once(&checkout, &paid, TIP).await;
}

/// Starts a charge and does not wait for its end.
async fn hang_up(stage: &Stage, checkout: &Checkout, tip: u64) -> String {
    let (spoken_for, code) = (checkout.clone(), stage.world.code(FluxCodeKind::Good));
    let call = tokio::spawn(async move { spoken_for.try_to_charge(&code, tip).await });
    let attempt = checkout
        .attempt_once(|attempt| attempt.state == AttemptState::Sent)
        .await;
    call.abort();
    attempt.id
}

/// A token is renewed before the right to send is used up, so that no payment is turned away for it.
#[tokio::test]
async fn a_token_that_is_about_to_end_is_renewed_before_anything_is_sent() {
    let mut options = options();
    options.flux.token_lifetime_secs = 600;
    let stage = Stage::open_as(options).await;
    let tokens = || {
        let ledger = stage.world.ledger();
        ledger.calls_of(Operation::FluxToken).count()
    };
    for (passed, expected) in [(0, 1), (7, 1), (2, 2), (30, 3)] {
        stage.world.move_clock(passed * MINUTE);
        let checkout = stage.checkout().await;
        let attempt = checkout.charge(0).await;
        assert_eq!(attempt.state, AttemptState::Succeeded);
        assert_eq!(tokens(), expected, "after {passed} more minutes");
    }
    let ledger = stage.world.ledger();
    assert!(
        ledger
            .calls_of(Operation::FluxPay)
            .all(|call| call.executed)
    );
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_buyer_may_try_again() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    stage
        .world
        .arm_times(Operation::FluxToken, Kind::Error500, 10)
        .await;
    let attempt = checkout.charge(0).await;
    assert_eq!(
        (attempt.state, attempt.next_action),
        (AttemptState::NotExecuted, NextAction::TryAgain)
    );
    stage.world.sandbox.clear_faults().await;
    assert_eq!(stage.world.ledger().flux.payments.len(), 0);
    let paid = checkout.charge(0).await;
    stage.assert_paid_once(&checkout, &paid, 0).await;
}

/// A wallet that takes part in a checkout with a card beside it.
#[tokio::test]
async fn a_currency_that_the_rail_does_not_settle_is_refused_when_the_session_is_opened() {
    let stage = Stage::open().await;
    let session = json!({
        "order_reference": "A-1",
        "total": { "amount_minor": 100, "currency": "CRC" },
        "rails": ["flux"],
    });
    let opened = stage
        .world
        .shop("POST", "/v1/sessions", Some(&session))
        .await;
    assert_eq!(
        (opened.status, opened.code().as_str()),
        (422, "rail-not-offered")
    );
}

on_both_stores![
    a_code_is_charged_at_once_with_and_without_a_tip,
    a_hundred_submits_at_once_are_one_charge,
];
