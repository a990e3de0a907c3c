//! Payments of another amount than was asked for, and of more than once.

use std::time::Duration;

use serde_json::json;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::cvu::Presentation;

use super::{LOOK, MINUTE, Stage, TOTAL, payable, target};

#[tokio::test]
async fn another_amount_is_reported_and_the_buyer_is_told_that_it_was_seen() {
    for (amount, why) in [
        ("12500.49", "less was paid than was asked for"),
        ("12500.51", "more was paid than was asked for"),
    ] {
        let stage = Stage::open().await;
        let checkout = stage.checkout().await;
        let attempt = checkout.issue(Presentation::Link).await;
        let more = json!({ "amount": amount });
        stage.world.pay_more(&target(&attempt), more).await;
        checkout.is_looked_for().await;
        let waiting = checkout.with_fresh_token().await.attempt(&attempt.id).await;
        assert_eq!(waiting.state, AttemptState::Issued);
        assert!(payable(&waiting).seen, "{waiting:?}");
        stage.assert_unpaid(&checkout).await;
        let news = stage.shop.hears_of("credit.review", &attempt.id).await;
        let credit = &news["data"]["credit"];
        assert_eq!(credit["why"], why);
        assert_eq!(credit["attempts"], json!([attempt.id]));
        assert_eq!(
            credit["amount"]["amount_minor"].to_string(),
            amount.replace('.', "")
        );
        assert!(news["data"]["session"].is_null());
        // However often it is looked for, it is told once.
        checkout.is_looked_for().await;
        assert_eq!(stage.shop.told_of(&attempt.id), ["credit.review"]);
    }
}

#[tokio::test]
async fn another_amount_that_is_known_to_be_for_a_link_keeps_the_buyer_from_paying_again() {
    for (presentation, amount, why) in [
        (Presentation::Link, "1", "less was paid than was asked for"),
        (
            Presentation::Qr,
            "25000",
            "more was paid than was asked for",
        ),
    ] {
        let stage = Stage::open().await;
        let checkout = stage.checkout().await;
        let attempt = checkout.issue(presentation).await;
        let more = json!({ "amount": amount });
        let credit = stage
            .world
            .pay_more(&target(&attempt), more)
            .await
            .remove(0);
        stage.world.notify_of(&credit).await;
        let reviewed = checkout.waits_for(&attempt.id, AttemptState::Review).await;
        assert_eq!(reviewed.next_action, NextAction::AskShop);
        let second = checkout
            .ask_for(stage.world.next_key(), presentation)
            .await
            .unwrap_err();
        assert_eq!(second.code, "attempt-running");
        let news = stage.shop.hears_of("attempt.review", &attempt.id).await;
        assert_eq!(news["data"]["attempt"]["state"], "review");
        // The list has it too, and it is not another one.
        checkout.is_looked_for().await;
        stage.assert_unpaid(&checkout).await;
        assert_eq!(stage.shop.told_of(&attempt.id), ["attempt.review"]);
        let listed = stage.world.shop("GET", "/v1/review", None).await.json();
        assert_eq!(listed["attempts"][0]["id"], attempt.id.as_str());
        assert_eq!(listed["attempts"][0]["why"], why);
    }
}

#[tokio::test]
async fn another_amount_seen_in_the_list_first_is_settled_by_its_notification() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    let more = json!({ "amount": "12000" });
    let credit = stage
        .world
        .pay_more(&target(&attempt), more)
        .await
        .remove(0);
    checkout.is_looked_for().await;
    stage.shop.hears_of("credit.review", &attempt.id).await;
    stage.world.notify_of(&credit).await;
    checkout.waits_for(&attempt.id, AttemptState::Review).await;
    stage.shop.hears_of("attempt.review", &attempt.id).await;
}

#[tokio::test]
async fn money_that_comes_while_another_payment_of_its_order_is_in_review_is_known_to_the_shop() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let left = checkout.issue(Presentation::Qr).await;
    let shown = checkout.change_to(&left, Presentation::Link).await;
    let more = json!({ "amount": "25000", "insist": true });
    let credit = stage.world.pay_more(&target(&left), more).await.remove(0);
    stage.world.notify_of(&credit).await;
    checkout.waits_for(&left.id, AttemptState::Review).await;
    let all = json!({ "insist": true });
    stage.world.pay_more(&target(&shown), all).await;
    checkout.is_looked_for().await;
    let news = stage.shop.hears_of("credit.review", &shown.id).await;
    let credit = &news["data"]["credit"];
    assert_eq!(credit["attempts"], json!([shown.id]));
    assert_eq!(
        credit["why"],
        "another payment of its order has to be settled first"
    );
    let credit = credit["id"].as_str().unwrap();
    let settle = |what: &str, body: serde_json::Value| {
        let (world, path) = (stage.world.clone(), format!("/v1/review/{what}/settle"));
        async move { world.shop("POST", &path, Some(&body)).await }
    };
    let note = "seen in the account of the wallet";
    let matched = json!({ "outcome": "matched", "note": note, "attempt_id": shown.id });
    let refused = settle(credit, matched.clone()).await;
    assert_eq!(refused.code(), "operation-not-possible");
    let sent_back = json!({ "outcome": "not_executed", "note": note });
    assert_eq!(settle(&left.id, sent_back).await.status, 204);
    assert_eq!(settle(credit, matched).await.status, 204);
    stage.assert_paid(&checkout, &shown.id).await;
}

#[tokio::test]
async fn a_shop_with_other_income_is_not_told_of_amounts_that_nobody_was_asked_for() {
    let stage = Stage::open_as(
        super::options(),
        r#"
            presentations = ["link"]
            other_credits = "ignore"
        "#,
    )
    .await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    stage.world.transfer("77.00", "empresa.prueba").await;
    checkout.is_looked_for().await;
    assert!(!payable(&checkout.attempt(&attempt.id).await).seen);
    assert!(stage.shop.told().is_empty());
    stage.world.pay_for(&attempt).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
}

#[tokio::test]
async fn a_code_paid_twice_is_one_payment_and_one_report() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    let twice = json!({ "times": 2 });
    let credits = stage.world.pay_more(&target(&attempt), twice).await;
    assert_eq!(credits.len(), 2);
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
    let news = stage.shop.hears_of("credit.review", &attempt.id).await;
    assert_eq!(
        news["data"]["credit"]["why"],
        "it may be a second payment of what was paid"
    );
    checkout.is_looked_for_with(6 * MINUTE).await;
    assert_eq!(stage.shop.count(), 2);
}

#[tokio::test]
async fn a_code_paid_again_much_later_is_reported() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    stage.world.pay_for(&attempt).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.world.move_clock(20 * 60 * MINUTE);
    let again = json!({ "insist": true });
    stage.world.pay_more(&target(&attempt), again).await;
    checkout.is_looked_for_with(6 * MINUTE).await;
    stage.shop.hears_of("credit.review", &attempt.id).await;
    stage.assert_paid(&checkout, &attempt.id).await;
}

#[tokio::test]
async fn a_second_payment_that_is_notified_is_reported_once() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    let twice = json!({ "times": 2 });
    let credits = stage.world.pay_more(&target(&attempt), twice).await;
    for credit in &credits {
        stage.world.notify_of(credit).await;
    }
    stage.assert_paid(&checkout, &attempt.id).await;
    let news = stage.shop.hears_of("credit.review", &attempt.id).await;
    assert_eq!(
        news["data"]["credit"]["why"],
        "it was paid before: this may be a second payment"
    );
    // The list names both once more.
    stage.world.move_clock(LOOK);
    checkout.is_looked_for_with(6 * MINUTE).await;
    for credit in credits.iter().rev() {
        stage.world.notify_of(credit).await;
    }
    checkout.is_looked_for_with(6 * MINUTE).await;
    assert_eq!(stage.shop.count(), 2, "{:?}", stage.shop.told());
}

#[tokio::test]
async fn what_came_before_it_could_be_paid_is_nobodys() {
    let stage = Stage::open().await;
    stage.world.transfer(TOTAL, "empresa.prueba").await;
    stage.world.move_clock(2 * MINUTE);
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    checkout.is_looked_for().await;
    let waiting = checkout.attempt(&attempt.id).await;
    assert_eq!(waiting.state, AttemptState::Issued);
    assert!(!payable(&waiting).seen);
    assert!(stage.shop.told().is_empty());
}

#[tokio::test]
async fn what_may_have_come_before_it_could_be_paid_is_for_somebody_to_look_at() {
    // Just before; and in a minute that is the month's number, which a provider may write into the times
    // of a whole hour.
    let in_the_eleventh_minute = Duration::from_secs(4 * 60 + 50);
    for (before, between) in [
        (Duration::ZERO, Duration::from_secs(20)),
        (in_the_eleventh_minute, 20 * MINUTE),
    ] {
        let stage = Stage::open().await;
        stage.world.move_clock(before);
        stage.world.transfer(TOTAL, "empresa.prueba").await;
        stage.world.move_clock(between);
        let checkout = stage.checkout().await;
        let attempt = checkout.issue(Presentation::Qr).await;
        checkout.is_looked_for().await;
        stage.assert_unpaid(&checkout).await;
        let waiting = checkout.attempt(&attempt.id).await;
        assert!(payable(&waiting).seen);
        let news = stage.shop.hears_of("credit.review", &attempt.id).await;
        assert_eq!(
            news["data"]["credit"]["why"],
            "it may have come before it could be paid"
        );
        // The buyer's own money comes later, and there is no doubt about it.
        stage.world.pay_for(&attempt).await;
        checkout
            .waits_for(&attempt.id, AttemptState::Succeeded)
            .await;
        stage.assert_paid(&checkout, &attempt.id).await;
    }
}

#[tokio::test]
async fn a_payment_in_such_a_minute_is_taken_when_it_was_not_there_before() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    checkout.is_looked_for().await;
    stage.world.move_clock(Duration::from_secs(4 * 60 + 30));
    checkout.is_looked_for().await;
    let paid = stage.world.pay_for(&attempt).await;
    assert!(
        paid.paid_at.starts_with("2026-11-18T11:11:"),
        "{}",
        paid.paid_at
    );
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
}
