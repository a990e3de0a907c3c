//! Money back: the whole payment with its tip, asked for by the merchant only, and never asked for twice.

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState;
use ventanilla_sandbox::{Kind, Operation};

use super::{BILL, MINUTE, Stage, TIP, on_both_stores, options, pesos};
use crate::world::Answer;

/// An attempt that was paid, and our reference for it.
async fn paid(stage: &Stage) -> (String, String) {
    let checkout = stage.checkout().await;
    let attempt = checkout.charge(TIP).await;
    assert_eq!(attempt.state, AttemptState::Succeeded);
    let reference = stage.world.reference_of(&attempt).await;
    (attempt.id, reference)
}

async fn operate(stage: &Stage, attempt: &str, kind: &str, body: Value) -> Answer {
    let path = format!("/v1/attempts/{attempt}/{kind}");
    stage.world.shop("POST", &path, Some(&body)).await
}

/// Waits with the clock going on until an operation is in `state`.
async fn waits_for(stage: &Stage, operation: &str, state: &str) -> Value {
    let path = format!("/v1/operations/{operation}");
    let mut last = Value::Null;
    for _ in 0..60 {
        stage.world.move_clock(60 * MINUTE);
        last = stage.world.shop("GET", &path, None).await.json();
        if last["state"] == state {
            return last;
        }
        // Somebody reads, so that the proxy has its turn.
        stage.world.shop("GET", "/v1/review", None).await;
    }
    panic!("the operation did not become {state}: {last}");
}

async fn a_refund_gives_back_bill_and_tip_once(stage: Stage) {
    let (attempt, reference) = paid(&stage).await;
    let answer = operate(&stage, &attempt, "refund", json!({})).await;
    assert!(answer.status < 300, "{}", answer.text);
    let operation = answer.json();
    assert_eq!(operation["state"], "succeeded", "{operation}");
    assert_eq!(operation["amount"]["amount_minor"], BILL + TIP);
    let ledger = stage.world.ledger();
    let refunds: Vec<_> = ledger.flux.refunded(&reference).collect();
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0].amount, pesos(BILL + TIP));
    let again = operate(&stage, &attempt, "refund", json!({})).await;
    assert_eq!(again.code(), "amount-exceeds-payment");
    assert_eq!(stage.world.ledger().flux.refunds.len(), 1);
}

#[tokio::test]
async fn a_part_is_not_given_back_and_there_is_nothing_else_to_do_with_a_wallets_payment() {
    let stage = Stage::open().await;
    let (attempt, _) = paid(&stage).await;
    let part = json!({ "amount": { "amount_minor": 100, "currency": "MXN" } });
    let refused = operate(&stage, &attempt, "refund", part).await;
    assert_eq!(refused.code(), "request-malformed");
    for kind in ["void", "capture"] {
        let refused = operate(&stage, &attempt, kind, json!({})).await;
        assert_eq!(refused.code(), "operation-not-possible", "{kind}");
    }
    assert!(stage.world.ledger().flux.refunds.is_empty());
}

/// A refund has no name of its own and reads need not show it: whoever is in doubt asks a person.
async fn a_refund_without_an_answer_is_for_a_person_and_never_repeated(stage: Stage) {
    for (kind, moved) in [(Kind::ResetAfter, 1), (Kind::ResetBefore, 0)] {
        let (attempt, reference) = paid(&stage).await;
        stage.world.arm(Operation::FluxRefund, kind).await;
        let answer = operate(&stage, &attempt, "refund", json!({})).await;
        let operation = answer.json()["id"].as_str().unwrap().to_owned();
        waits_for(&stage, &operation, "review").await;
        let ledger = stage.world.ledger();
        assert_eq!(ledger.flux.refunded(&reference).count(), moved);
        let asked = ledger
            .calls_of(Operation::FluxRefund)
            .filter(|call| call.reference.as_deref() == Some(&*reference));
        assert_eq!(asked.count(), 1, "{kind:?}");
        let second = operate(&stage, &attempt, "refund", json!({})).await;
        assert_eq!(second.code(), "operation-running");
    }
}

/// No document says that reads show refunds. Where they do, they settle what is in doubt.
#[tokio::test]
async fn a_refund_that_reads_show_was_made() {
    let mut options = options();
    options.flux.shows_refunds = true;
    let stage = Stage::open_as(options).await;
    let (attempt, reference) = paid(&stage).await;
    stage
        .world
        .arm(Operation::FluxRefund, Kind::ResetAfter)
        .await;
    let answer = operate(&stage, &attempt, "refund", json!({})).await;
    let operation = answer.json()["id"].as_str().unwrap().to_owned();
    waits_for(&stage, &operation, "succeeded").await;
    assert_eq!(stage.world.ledger().flux.refunded(&reference).count(), 1);
}

on_both_stores![
    a_refund_gives_back_bill_and_tip_once,
    a_refund_without_an_answer_is_for_a_person_and_never_repeated,
];
