//! Buyers with the same amount to pay.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::cvu::Presentation;

use super::{LOOK, Stage, payable};

#[tokio::test]
async fn of_two_with_the_same_amount_neither_is_taken_until_it_is_known_which() {
    let stage = Stage::open().await;
    let (one, other) = (stage.checkout().await, stage.checkout().await);
    let paid = one.issue(Presentation::Link).await;
    let waits = other.issue(Presentation::Link).await;
    let credit = stage.world.pay_for(&paid).await;
    one.is_looked_for().await;
    for (checkout, attempt) in [(&one, &paid), (&other, &waits)] {
        let fresh = checkout.with_fresh_token().await;
        let seen = fresh.attempt(&attempt.id).await;
        assert_eq!(seen.state, AttemptState::Issued);
        assert!(!payable(&seen).seen, "one of them has not paid");
        stage.assert_unpaid(checkout).await;
    }
    let news = stage.shop.hears_of("credit.review", &paid.id).await;
    let candidates = &news["data"]["credit"]["attempts"];
    assert_eq!(candidates, &json!([paid.id, waits.id]));

    stage.world.notify_of(&credit).await;
    one.waits_for(&paid.id, AttemptState::Succeeded).await;
    stage.assert_paid(&one, &paid.id).await;
    let still = other.with_fresh_token().await.attempt(&waits.id).await;
    assert_eq!(still.state, AttemptState::Issued);

    // From here on there is no doubt whose the next one is.
    stage.world.pay_for(&waits).await;
    other.waits_for(&waits.id, AttemptState::Succeeded).await;
    stage.assert_paid(&other, &waits.id).await;
}

#[tokio::test]
async fn somebody_at_the_shop_says_whose_money_it_is() {
    let stage = Stage::open().await;
    let (one, other) = (stage.checkout().await, stage.checkout().await);
    let paid = one.issue(Presentation::Link).await;
    let waits = other.issue(Presentation::Link).await;
    stage.world.pay_for(&paid).await;
    one.is_looked_for().await;
    let review = stage.world.shop("GET", "/v1/review", None).await.json();
    let credit = review["credits"][0]["id"].as_str().unwrap().to_owned();
    let settle = |body: serde_json::Value| {
        let (world, path) = (stage.world.clone(), format!("/v1/review/{credit}/settle"));
        async move { world.shop("POST", &path, Some(&body)).await }
    };
    let note = "seen in the account of the wallet";
    for (body, code) in [
        (
            json!({ "outcome": "matched", "note": note }),
            "request-malformed",
        ),
        (
            json!({ "outcome": "succeeded", "note": note, "attempt_id": paid.id }),
            "request-malformed",
        ),
        (
            json!({ "outcome": "matched", "note": note, "attempt_id": "att_x" }),
            "not-found",
        ),
    ] {
        let refused = settle(body.clone()).await;
        assert_eq!(refused.code(), code, "{body}");
    }
    stage.assert_unpaid(&one).await;
    let matched = json!({ "outcome": "matched", "note": note, "attempt_id": paid.id });
    assert_eq!(settle(matched.clone()).await.status, 204);
    stage.assert_paid(&one, &paid.id).await;
    stage.assert_unpaid(&other).await;
    let again = json!({ "outcome": "matched", "note": note, "attempt_id": waits.id });
    assert_eq!(settle(again).await.code(), "operation-not-possible");
    let review = stage.world.shop("GET", "/v1/review", None).await.json();
    assert_eq!(review["credits"], json!([]));
}

#[tokio::test]
async fn two_with_the_same_amount_who_both_pay_are_both_found_by_number() {
    let stage = Stage::open().await;
    let (one, other) = (stage.checkout().await, stage.checkout().await);
    let first = one.issue(Presentation::Qr).await;
    let second = other.issue(Presentation::Link).await;
    let credits = [
        stage.world.pay_for(&first).await,
        stage.world.pay_for(&second).await,
    ];
    one.is_looked_for().await;
    stage.assert_unpaid(&one).await;
    stage.assert_unpaid(&other).await;
    for credit in credits.iter().rev() {
        stage.world.notify_of(credit).await;
    }
    stage.assert_paid(&one, &first.id).await;
    stage.assert_paid(&other, &second.id).await;
}

#[tokio::test]
async fn one_who_paid_is_not_taken_for_one_who_comes_later() {
    let stage = Stage::open().await;
    let one = stage.checkout().await;
    let first = one.issue(Presentation::Qr).await;
    stage.world.pay_for(&first).await;
    one.waits_for(&first.id, AttemptState::Succeeded).await;
    let other = stage.checkout().await;
    let second = other.issue(Presentation::Qr).await;
    other.is_looked_for().await;
    let waiting = other.attempt(&second.id).await;
    assert_eq!(waiting.state, AttemptState::Issued);
    assert!(!payable(&waiting).seen);
    stage.world.move_clock(LOOK);
    stage.world.pay_for(&second).await;
    other.waits_for(&second.id, AttemptState::Succeeded).await;
    stage.assert_paid(&other, &second.id).await;
}

#[tokio::test]
async fn different_amounts_are_told_apart() {
    let stage = Stage::open().await;
    let mut waiting = Vec::new();
    for minor in [100_000, 100_001, 100_002] {
        let checkout = stage.checkout_of(minor).await;
        let attempt = checkout.issue(Presentation::Link).await;
        waiting.push((checkout, attempt));
    }
    let (checkout, paid) = &waiting[1];
    stage.world.pay_for(paid).await;
    checkout.waits_for(&paid.id, AttemptState::Succeeded).await;
    stage.assert_paid(checkout, &paid.id).await;
    for (checkout, attempt) in [&waiting[0], &waiting[2]] {
        let seen = checkout.with_fresh_token().await.attempt(&attempt.id).await;
        assert_eq!(seen.state, AttemptState::Issued);
        assert!(!payable(&seen).seen);
    }
    assert_eq!(stage.shop.count(), 1);
}
