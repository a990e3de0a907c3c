//! Money back: a transfer to the account that paid, asked for by the merchant only.

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_sandbox::{CashoutEntry, CashoutState, Fault, Kind, Operation};

use super::{MINUTE, Stage, target};
use crate::world::Answer;

/// Who pays in these tests.
const PAYER: &str = "prueba.demo.dos";
const PAYERS_ACCOUNT: &str = "0009003000000002718286";
const PAYERS_CUIT: &str = "27999000024";

/// An attempt that was paid by [`PAYER`].
async fn paid(stage: &Stage) -> String {
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    let by = json!({ "payer": PAYER });
    stage.world.pay_more(&target(&attempt), by).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    attempt.id
}

async fn refund(stage: &Stage, attempt: &str, body: Value) -> Answer {
    let path = format!("/v1/attempts/{attempt}/refund");
    stage.world.shop("POST", &path, Some(&body)).await
}

/// What went out of the merchant's account.
fn sent(stage: &Stage) -> Vec<CashoutEntry> {
    let cashouts = stage.world.ledger().cvu.cashouts;
    cashouts
        .into_iter()
        .filter(|cashout| cashout.state == CashoutState::Sent)
        .collect()
}

/// Waits with the clock going on until an operation is in `state`.
async fn waits_for(stage: &Stage, operation: &str, state: &str) -> Value {
    let path = format!("/v1/operations/{operation}");
    let mut last = Value::Null;
    for _ in 0..60 {
        stage.world.move_clock(MINUTE);
        last = stage.world.shop("GET", &path, None).await.json();
        if last["state"] == state {
            return last;
        }
        // Somebody reads, so that the proxy has its turn.
        stage.world.shop("GET", "/v1/review", None).await;
    }
    panic!("the operation did not become {state}: {last}");
}

#[tokio::test]
async fn a_refund_goes_to_the_account_that_paid_in_parts_and_never_more_than_was_paid() {
    let stage = Stage::open().await;
    let attempt = paid(&stage).await;
    let part = json!({ "amount": { "amount_minor": 250_050, "currency": "ARS" } });
    let first = refund(&stage, &attempt, part).await.json();
    assert_eq!(first["state"], "succeeded", "{first}");
    let rest = refund(
        &stage,
        &attempt,
        json!({ "amount": { "amount_minor": 1_000_000, "currency": "ARS" } }),
    );
    assert_eq!(rest.await.json()["state"], "succeeded");
    let more = json!({ "amount": { "amount_minor": 1, "currency": "ARS" } });
    let more = refund(&stage, &attempt, more).await;
    assert_eq!(more.code(), "amount-exceeds-payment");
    let sent = sent(&stage);
    assert_eq!(sent.len(), 2);
    for (cashout, amount) in sent.iter().zip(["2500.50", "10000.00"]) {
        assert_eq!(cashout.cvu.as_deref(), Some(PAYERS_ACCOUNT));
        assert_eq!(cashout.cuit, PAYERS_CUIT);
        assert_eq!(cashout.amount.as_deref(), Some(amount));
    }
    let void = stage
        .world
        .shop(
            "POST",
            &format!("/v1/attempts/{attempt}/void"),
            Some(&json!({})),
        )
        .await;
    assert_eq!(void.code(), "operation-not-possible");
}

#[tokio::test]
async fn a_refund_in_doubt_is_asked_for_again_with_the_same_bytes_and_sent_once() {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::ResetBefore,
        Kind::Error500,
    ] {
        let stage = Stage::open().await;
        let attempt = paid(&stage).await;
        let fault = Fault::times(Operation::CvuCashout, kind, 2);
        stage.world.sandbox.arm(fault).await.unwrap();
        let opened = refund(&stage, &attempt, json!({})).await.json();
        assert_ne!(opened["state"], "not_executed", "{kind:?}");
        let id = opened["id"].as_str().unwrap();
        waits_for(&stage, id, "succeeded").await;
        let sent = sent(&stage);
        assert_eq!(sent.len(), 1, "{kind:?}");
        assert_eq!(sent[0].amount.as_deref(), Some("12500.50"));
    }
}

#[tokio::test]
async fn a_proxy_that_dies_after_sending_asks_with_the_same_bytes_when_it_is_back() {
    let stage = Stage::open().await;
    let attempt = paid(&stage).await;
    stage
        .world
        .arm(Operation::CvuCashout, Kind::ResetAfter)
        .await;
    let opened = refund(&stage, &attempt, json!({})).await.json();
    stage.world.kill_proxy();
    stage.world.start_proxy().await;
    waits_for(&stage, opened["id"].as_str().unwrap(), "succeeded").await;
    assert_eq!(sent(&stage).len(), 1);
}
