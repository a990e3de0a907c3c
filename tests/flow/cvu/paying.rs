//! Payments of what was asked for, in time.

use serde_json::json;
use ventanilla_core::api::Step;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_core::session::SessionState;
use ventanilla_sandbox::Operation;

use super::{LOOK, Stage, TOTAL, payable};

#[tokio::test]
async fn a_link_that_is_paid_ends_in_a_receipt() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let offered = checkout.view().await.cvu.unwrap().presentations;
    assert_eq!(
        offered,
        [Presentation::Link, Presentation::Qr, Presentation::Transfer]
    );
    let attempt = checkout.issue(Presentation::Link).await;
    assert_eq!(attempt.next_action, NextAction::Pay);
    let shown = payable(&attempt);
    assert!((1..=15 * 60 * 1000).contains(&shown.expires_in_ms));
    assert!(!shown.seen && shown.code.is_none() && shown.transfer.is_none());
    let ledger = stage.world.ledger();
    let [link] = ledger.cvu.links.as_slice() else {
        panic!("{:?}", ledger.cvu.links)
    };
    assert_eq!(shown.link.as_deref(), Some(link.link.as_str()));
    assert_eq!((link.amount.as_str(), link.multiple_use), (TOTAL, false));

    stage.world.pay_for(&attempt).await;
    let paid = checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    assert_eq!(paid.next_action, NextAction::Finish);
    assert_eq!(paid.receipt.unwrap().paid.decimal_text(), TOTAL);
    stage.assert_paid(&checkout, &attempt.id).await;
    assert_eq!(checkout.view().await.state, SessionState::Succeeded);
    assert_eq!(stage.shop.told_of(&attempt.id), ["attempt.succeeded"]);
    let refused = checkout
        .ask_for(stage.world.next_key(), Presentation::Qr)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "session-paid");
}

#[tokio::test]
async fn a_code_that_is_scanned_and_paid_ends_in_a_receipt() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    let ledger = stage.world.ledger();
    let [order] = ledger.cvu.qr_orders.as_slice() else {
        panic!("{:?}", ledger.cvu.qr_orders)
    };
    assert_eq!(payable(&attempt).code, order.qr_code);
    assert_eq!(
        (order.amount.as_str(), order.description.as_str()),
        (TOTAL, "A-1042")
    );
    stage.world.pay_for(&attempt).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
}

#[tokio::test]
async fn a_transfer_of_the_exact_amount_is_found() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Transfer).await;
    let to = payable(&attempt).transfer.clone().unwrap();
    assert_eq!(to.alias.as_deref(), Some("COMERCIO.PRUEBA"));
    assert_eq!(to.account, "0009999001234567890126");
    assert_eq!(
        (to.holder.as_str(), to.cuit.as_str()),
        ("COMERCIO PRUEBA", "30-00000012-0")
    );
    let calls = stage.world.ledger().count_calls();
    assert!(
        !calls.contains_key(&Operation::CvuLink) && !calls.contains_key(&Operation::CvuQr),
        "nothing has to be asked for"
    );
    stage.world.transfer(TOTAL, "prueba.demo.dos").await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
}

#[tokio::test]
async fn who_closes_the_page_and_pays_has_paid() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    stage.world.pay_for(&attempt).await;
    // Nobody asks; time goes by.
    stage.world.move_clock(4 * LOOK);
    stage.assert_paid(&checkout, &attempt.id).await;
}

#[tokio::test]
async fn who_says_that_it_was_paid_is_answered_by_a_look() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    let said = checkout.step(&attempt, Step::Check).await;
    assert_eq!(said.state, AttemptState::Issued, "nothing is believed");
    checkout.is_looked_for().await;
    stage.assert_unpaid(&checkout).await;
    stage.world.pay_for(&attempt).await;
    checkout.step(&attempt, Step::Check).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    let repeated = checkout.step(&attempt, Step::Supersede).await;
    assert_eq!(repeated.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn the_same_key_twice_is_one_link() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let key = stage.world.next_key();
    let first = checkout
        .ask_for(key.clone(), Presentation::Link)
        .await
        .unwrap();
    let again = checkout
        .ask_for(key.clone(), Presentation::Link)
        .await
        .unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(payable(&first).link, payable(&again).link);
    let other = checkout.ask_for(key, Presentation::Qr).await.unwrap_err();
    assert_eq!(other.code, "idempotency-key-reused");
    let beside = checkout
        .ask_for(stage.world.next_key(), Presentation::Qr)
        .await
        .unwrap_err();
    assert_eq!(
        (beside.code.as_str(), beside.attempt_id.as_ref()),
        ("attempt-running", Some(&first.id))
    );
    let ledger = stage.world.ledger();
    assert_eq!((ledger.cvu.links.len(), ledger.cvu.qr_orders.len()), (1, 0));
}

#[tokio::test]
async fn what_the_session_or_the_shop_does_not_offer_is_not_asked_for() {
    let stage = Stage::open_as(
        super::options(),
        r#"
            presentations = ["link"]
        "#,
    )
    .await;
    let checkout = stage.checkout().await;
    let refused = checkout
        .ask_for(stage.world.next_key(), Presentation::Qr)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "request-malformed");
    let in_colones = stage.world.checkout().await;
    assert!(in_colones.view().await.cvu.is_none());
    let refused = in_colones
        .ask_for(stage.world.next_key(), Presentation::Link)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "rail-not-offered");
    let in_colones = json!({ "rails": ["cvu"] });
    let body = json!({
        "order_reference": "A-1",
        "total": { "amount_minor": 100, "currency": "CRC" },
        "rails": in_colones["rails"],
    });
    let answer = stage.world.shop("POST", "/v1/sessions", Some(&body)).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(stage.world.ledger().calls.is_empty());
}
