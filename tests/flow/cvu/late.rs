//! Time that runs out, and what was left: money may still come for it.

use std::time::Duration;

use serde_json::json;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_sandbox::{Kind, Operation};

use super::{LIFETIME, LOOK, MINUTE, Stage, payable, target};

#[tokio::test]
async fn what_nobody_pays_expires_after_a_last_look() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    checkout.is_looked_for().await;
    let looks = stage.world.looks();
    stage.world.move_clock(LIFETIME);
    let expired = checkout.waits_for(&attempt.id, AttemptState::Expired).await;
    assert_eq!(expired.next_action, NextAction::TryAgain);
    assert_eq!(payable(&expired).expires_in_ms, 0);
    assert!(
        stage.world.looks() > looks,
        "the provider was asked once more"
    );
    stage.shop.hears_of("attempt.expired", &attempt.id).await;
    assert_eq!(checkout.record().await["state"], "open");
}

#[tokio::test]
async fn while_the_provider_is_down_nobody_is_told_that_time_ran_out() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    checkout.is_looked_for().await;
    stage
        .world
        .arm(Operation::CvuTransactions, Kind::Down)
        .await;
    // Paid in the last minute, and nobody can see it.
    stage.world.move_clock(LIFETIME - MINUTE);
    stage.world.pay_for(&attempt).await;
    for _ in 0..6 {
        stage.world.move_clock(2 * MINUTE);
        let visitor = checkout.with_fresh_token().await;
        let waiting = visitor
            .call(ventanilla_core::api::read_attempt(&attempt.id, 1))
            .await
            .unwrap();
        assert_eq!(waiting.state, AttemptState::Issued);
    }
    let waiting = checkout.with_fresh_token().await.attempt(&attempt.id).await;
    assert_eq!(payable(&waiting).expires_in_ms, 0);
    stage.world.sandbox.clear_faults().await;
    checkout
        .waits_with(&attempt.id, AttemptState::Succeeded, 10 * LOOK)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
    assert_eq!(stage.shop.told_of(&attempt.id), ["attempt.succeeded"]);
}

#[tokio::test]
async fn when_the_provider_answers_again_time_runs_out() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    for kind in [Kind::Error500, Kind::BrokenJson, Kind::StatusError] {
        stage
            .world
            .arm_times(Operation::CvuTransactions, kind, 12)
            .await;
    }
    stage.world.move_clock(LIFETIME);
    for _ in 0..3 {
        stage.world.move_clock(LOOK);
        let visitor = checkout.with_fresh_token().await;
        let waiting = visitor
            .call(ventanilla_core::api::read_attempt(&attempt.id, 1))
            .await
            .unwrap();
        assert_eq!(waiting.state, AttemptState::Issued);
    }
    stage.world.sandbox.clear_faults().await;
    checkout
        .waits_with(&attempt.id, AttemptState::Expired, 5 * LOOK)
        .await;
}

#[tokio::test]
async fn a_payment_a_little_late_is_taken() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    stage.world.move_clock(LIFETIME);
    checkout.waits_for(&attempt.id, AttemptState::Expired).await;
    stage.world.move_clock(10 * MINUTE);
    stage.world.pay_for(&attempt).await;
    checkout
        .waits_with(&attempt.id, AttemptState::Succeeded, 5 * LOOK)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
    assert_eq!(
        stage.shop.told_of(&attempt.id),
        ["attempt.expired", "attempt.succeeded"]
    );
}

#[tokio::test]
async fn a_payment_long_after_is_reported_and_by_its_number_taken() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    stage.world.move_clock(LIFETIME);
    checkout.waits_for(&attempt.id, AttemptState::Expired).await;
    stage.world.move_clock(10 * 60 * MINUTE);
    let late = json!({ "insist": true });
    let credit = stage
        .world
        .pay_more(&target(&attempt), late)
        .await
        .remove(0);
    checkout.is_looked_for_with(6 * MINUTE).await;
    stage.assert_unpaid(&checkout).await;
    let news = stage.shop.hears_of("credit.review", &attempt.id).await;
    assert_eq!(
        news["data"]["credit"]["why"],
        "it came long after it could be paid"
    );
    assert!(payable(&checkout.with_fresh_token().await.attempt(&attempt.id).await).seen);
    stage.world.notify_of(&credit).await;
    stage.assert_paid(&checkout, &attempt.id).await;
}

#[tokio::test]
async fn more_than_was_asked_long_after_is_one_credit_though_the_list_knew_only_of_others() {
    let stage = Stage::open().await;
    let first = stage.checkout().await;
    let left = first.issue(Presentation::Link).await;
    stage.world.move_clock(LIFETIME);
    first.waits_for(&left.id, AttemptState::Expired).await;
    stage.world.move_clock(10 * 60 * MINUTE);
    let second = stage.checkout().await;
    let waiting = second.issue(Presentation::Link).await;
    let more = json!({ "insist": true, "amount": "12999" });
    let credit = stage.world.pay_more(&target(&left), more).await.remove(0);
    second.is_looked_for_with(6 * MINUTE).await;
    stage.shop.hears_of("credit.review", &waiting.id).await;
    stage.world.notify_of(&credit).await;
    stage.shop.hears_of("attempt.review", &left.id).await;
    let listed = stage.world.shop("GET", "/v1/review", None).await.json();
    assert_eq!(listed["credits"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn a_new_code_in_place_of_an_expired_one_is_paid() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let first = checkout.issue(Presentation::Qr).await;
    stage.world.move_clock(LIFETIME);
    checkout.waits_for(&first.id, AttemptState::Expired).await;
    let checkout = checkout.with_fresh_token().await;
    let second = checkout.issue(Presentation::Qr).await;
    assert_ne!(payable(&first).code, payable(&second).code);
    stage.world.pay_for(&second).await;
    checkout
        .waits_for(&second.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &second.id).await;
    assert_eq!(stage.shop.told_of(&first.id), ["attempt.expired"]);
}

#[tokio::test]
async fn who_changes_from_the_link_to_the_code_pays_the_code() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let link = checkout.issue(Presentation::Link).await;
    let code = checkout.change_to(&link, Presentation::Qr).await;
    stage.shop.hears_of("attempt.superseded", &link.id).await;
    stage.world.pay_for(&code).await;
    checkout.waits_for(&code.id, AttemptState::Succeeded).await;
    stage.assert_paid(&checkout, &code.id).await;
    let left = checkout.attempt(&link.id).await;
    assert_eq!(left.state, AttemptState::Superseded);
}

#[tokio::test]
async fn who_pays_what_was_left_has_paid_the_order() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let link = checkout.issue(Presentation::Link).await;
    let code = checkout.change_to(&link, Presentation::Qr).await;
    let credit = stage.world.pay_for(&link).await;
    // Which of the two it was for, the list does not tell; whose order it was for, it does.
    checkout.is_looked_for_with(5 * LOOK).await;
    assert_eq!(checkout.record().await["state"], "succeeded");
    // Told by its number, it is no second payment.
    stage.world.notify_of(&credit).await;
    checkout.is_looked_for_with(6 * MINUTE).await;
    let record = checkout.record().await;
    let mut states: Vec<&str> = record["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["state"].as_str().unwrap())
        .collect();
    states.sort_unstable();
    assert_eq!(states, ["succeeded", "superseded"]);
    let told = stage.shop.told();
    assert!(
        told.iter()
            .all(|news| news["type"] != "credit.review" && news["type"] != "attempt.duplicate"),
        "{told:?}"
    );
    let fresh = checkout.with_fresh_token().await;
    assert!(
        fresh.attempt(&code.id).await.payable.is_none()
            || fresh.attempt(&link.id).await.payable.is_none()
    );
}

#[tokio::test]
async fn who_pays_what_was_left_is_found_by_its_number() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let link = checkout.issue(Presentation::Link).await;
    let code = checkout.change_to(&link, Presentation::Qr).await;
    let credit = stage.world.pay_for(&link).await;
    stage.world.notify_of(&credit).await;
    stage.assert_paid(&checkout, &link.id).await;
    let left = checkout.waits_for(&code.id, AttemptState::Superseded).await;
    assert_eq!(left.next_action, NextAction::TryAgain);
    checkout.is_looked_for_with(6 * MINUTE).await;
    assert_eq!(
        stage.shop.told_of(&link.id),
        ["attempt.superseded", "attempt.succeeded"]
    );
    assert_eq!(stage.shop.told_of(&code.id), ["attempt.superseded"]);
}

#[tokio::test]
async fn who_pays_both_has_paid_once_and_the_shop_knows_of_the_other() {
    for notified in [false, true] {
        let stage = Stage::open().await;
        let checkout = stage.checkout().await;
        let link = checkout.issue(Presentation::Link).await;
        let code = checkout.change_to(&link, Presentation::Qr).await;
        for attempt in [&link, &code] {
            let credit = stage.world.pay_for(attempt).await;
            if notified {
                stage.world.notify_of(&credit).await;
            }
        }
        checkout.is_looked_for_with(6 * MINUTE).await;
        let record = checkout.record().await;
        assert_eq!(record["state"], "succeeded");
        let state = |attempt: &str| super::attempt_in(&record, attempt)["state"].clone();
        let mut states = [state(&link.id), state(&code.id)].map(|state| state.to_string());
        states.sort_unstable();
        assert_eq!(states, [r#""duplicate""#, r#""succeeded""#], "{notified}");
        stage
            .shop
            .hears(|news| news["type"] == "attempt.duplicate")
            .await;
    }
}

#[tokio::test]
async fn a_session_that_ran_out_while_its_code_was_shown_is_paid_by_it() {
    let stage = Stage::open().await;
    let checkout = stage
        .world
        .checkout_for(json!({
            "total": { "amount_minor": 1_250_050, "currency": "ARS" },
            "items": [],
            "rails": ["cvu"],
            "expires_in_secs": 300,
        }))
        .await;
    let attempt = checkout.issue(Presentation::Qr).await;
    let left = payable(&attempt).expires_in_ms;
    assert!(left <= 300_000, "not longer than the session");
    stage.world.move_clock(Duration::from_secs(301));
    checkout.waits_for(&attempt.id, AttemptState::Expired).await;
    stage
        .shop
        .hears(|news| news["type"] == "session.expired")
        .await;
    stage.world.move_clock(2 * MINUTE);
    stage.world.pay_for(&attempt).await;
    checkout
        .waits_with(&attempt.id, AttemptState::Succeeded, 5 * LOOK)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
}
