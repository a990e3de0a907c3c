//! What goes wrong at the Flux API.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::{FluxOptions, Kind, Operation, RandomFaults};

use crate::support::{GUARDED, Merchant, refund};

/// A body that the operation takes.
fn body_for(merchant: &Merchant, operation: &str) -> Option<Value> {
    Some(match operation {
        "flux_token" => merchant.token_request(),
        "flux_pay" => {
            let count = merchant.sandbox.ledger().flux.payments.len();
            merchant.charge(&format!("ref-{count}"))
        }
        "flux_refund" => refund(100),
        _ => return None,
    })
}

/// A merchant at whom every operation finds something to do.
async fn busy() -> Merchant {
    let merchant = Merchant::open().await;
    merchant.pay(&merchant.charge("mesa12-0001")).await.data();
    merchant
}

fn every() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut every = vec![("flux_token", "POST", "auth/tokens/refreshToken")];
    every.extend(GUARDED);
    every
}

#[test]
fn every_operation_of_the_flux_api_is_tried_here() {
    let names: Vec<&str> = every().into_iter().map(|(name, ..)| name).collect();
    let operations: Vec<&str> = Operation::ALL
        .into_iter()
        .filter(|operation| operation.is_flux())
        .map(Operation::name)
        .collect();
    assert_eq!(names, operations);
}

/// What the merchant sees of a fault: nothing, or an HTTP status; and whether the call took effect.
fn expected(kind: Kind, operation: &str) -> Option<(Option<u16>, bool)> {
    Some(match kind {
        Kind::Close | Kind::ResetBefore => (None, false),
        Kind::ResetAfter => (None, true),
        Kind::GatewayTimeoutBefore => (Some(504), false),
        Kind::GatewayTimeoutAfter => (Some(504), true),
        Kind::Error500 => (Some(500), false),
        Kind::RateLimit429 => (Some(429), false),
        Kind::Redirect301 => (Some(301), false),
        Kind::ReadFails => (Some(500), false),
        Kind::ExpireSessions if operation != "flux_token" => (Some(401), false),
        Kind::DelayVisibility if operation == "flux_transaction" => (Some(400), false),
        Kind::Stall
        | Kind::SlowDrip
        | Kind::Truncate
        | Kind::BrokenJson
        | Kind::Corrupt
        | Kind::Oversize
        | Kind::WrongAmount
        | Kind::FloatDust
        | Kind::WrongReference
        | Kind::WrongTotal
        | Kind::OtherStatus
        | Kind::DelayVisibility
        | Kind::ExpireSessions => (Some(200), true),
        // Each has a test of its own.
        _ => return None,
    })
}

#[tokio::test]
async fn every_operation_meets_every_fault_that_fits_it() {
    for (operation, method, path) in every() {
        let merchant = busy().await;
        let fitting = Kind::ALL.into_iter().filter(|kind| {
            let operation = serde_json::from_value(json!(operation)).unwrap();
            kind.fits(operation)
        });
        for kind in fitting {
            let Some((http, executed)) = expected(kind, operation) else {
                continue;
            };
            let mut fault = json!({ "operation": operation, "kind": kind.name() });
            let needs_ms = matches!(kind, Kind::Stall | Kind::SlowDrip)
                || (kind == Kind::DelayVisibility && operation != "flux_transaction");
            if needs_ms {
                fault["ms"] = json!(1);
            }
            let token = merchant.fresh_token().await;
            let body = body_for(&merchant, operation);
            merchant.arm(fault).await;
            let answer = merchant.send(method, path, &token, body.as_ref()).await;
            let status = answer.ok().map(|answer| answer.status().as_u16());
            assert_eq!(status, http, "{operation} {}", kind.name());
            let ledger = merchant.sandbox.ledger();
            let call = ledger.calls.last().unwrap();
            assert_eq!(
                (call.operation.name(), call.fault, call.executed),
                (operation, Some(kind), executed)
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_undo_what_was_done() {
    let merchant = busy().await;
    for operation in ["flux_pay", "flux_refund"] {
        merchant
            .arm(json!({ "operation": operation, "kind": "reset_after" }))
            .await;
    }
    let charge = merchant.charge("ref-lost");
    let lost = merchant.send("POST", "payments", &merchant.token, Some(&charge));
    assert!(lost.await.is_err());
    let path = "payments/ref-lost/refund";
    let body = refund(500);
    let lost = merchant.send("POST", path, &merchant.token, Some(&body));
    assert!(lost.await.is_err());
    assert_eq!(merchant.look_up("ref-lost").await.data()["status"], "ok");
    let again = merchant.pay(&merchant.charge("ref-lost")).await;
    assert_eq!(again.code(), "ERR_REFERENCE_ALREADY_EXISTS");
    let ledger = merchant.sandbox.ledger().flux;
    assert_eq!(
        (ledger.paid().count(), ledger.refunded("ref-lost").count()),
        (2, 1)
    );
}

#[tokio::test]
async fn a_late_payment_is_executed_after_its_answer() {
    let merchant = Merchant::open().await;
    merchant
        .arm(json!({ "operation": "flux_pay", "kind": "late", "ms": 1 }))
        .await;
    let charge = merchant.charge("ref-late");
    let answer = merchant.send("POST", "payments", &merchant.token, Some(&charge));
    assert_eq!(answer.await.unwrap().status().as_u16(), 504);
    while merchant.sandbox.ledger().flux.paid().count() == 0 {
        tokio::task::yield_now().await;
    }
    merchant.look_up("ref-late").await.data();
}

#[tokio::test]
async fn a_payment_can_be_executed_when_code_and_token_are_long_over() {
    let merchant = Merchant::open().await;
    merchant
        .arm(json!({ "operation": "flux_pay", "kind": "late_beyond_fence", "ms": 7_200_000 }))
        .await;
    let charge = merchant.charge("ref-late");
    let answer = merchant.send("POST", "payments", &merchant.token, Some(&charge));
    assert_eq!(answer.await.unwrap().status().as_u16(), 504);
    merchant.sandbox.move_clock(Duration::from_secs(7_200));
    while merchant.sandbox.ledger().flux.paid().count() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_late_payment_finds_its_reference_taken_meanwhile() {
    let merchant = Merchant::open().await;
    merchant
        .arm(json!({ "operation": "flux_pay", "kind": "late_beyond_fence", "ms": 60_000 }))
        .await;
    let charge = merchant.charge("ref-1");
    let late = merchant.send("POST", "payments", &merchant.token, Some(&charge));
    assert_eq!(late.await.unwrap().status().as_u16(), 504);
    merchant.pay(&merchant.charge("ref-1")).await.data();
    merchant.sandbox.move_clock(Duration::from_secs(60));
    while merchant.sandbox.ledger().flux.payments.len() < 2 {
        tokio::task::yield_now().await;
    }
    let ledger = merchant.sandbox.ledger().flux;
    assert_eq!(ledger.paid().count(), 1);
    assert_eq!(
        ledger.payments[1].refusal.as_deref(),
        Some("ERR_REFERENCE_ALREADY_EXISTS")
    );
}

#[tokio::test]
async fn an_answer_can_lie_and_the_ledger_does_not() {
    let merchant = busy().await;
    for (kind, field, told) in [
        ("wrong_amount", "amount", json!(25_100)),
        ("wrong_amount", "total", json!(27_600)),
        ("wrong_total", "total", json!(27_600)),
        ("wrong_reference", "reference", json!("mesa12-0001-otra")),
        ("other_status", "status", json!("pending")),
    ] {
        merchant
            .arm(json!({ "operation": "flux_transaction", "kind": kind }))
            .await;
        let answer = merchant.look_up("mesa12-0001").await;
        assert_eq!(answer.data()[field], told, "{kind}");
    }
    merchant
        .arm(json!({ "operation": "flux_transaction", "kind": "float_dust" }))
        .await;
    let path = "transactions/mesa12-0001";
    let dusty = merchant
        .send("GET", path, &merchant.token, None)
        .await
        .unwrap();
    assert!(
        dusty
            .text()
            .await
            .unwrap()
            .contains(r#""amount":24999.99999983,"#)
    );
    assert_eq!(merchant.sandbox.ledger().flux.payments[0].total, "275.00");
}

#[tokio::test]
async fn a_payment_that_was_answered_is_seen_after_the_time_asked_for() {
    let merchant = Merchant::open().await;
    merchant
        .arm(json!({ "operation": "flux_pay", "kind": "delay_visibility", "ms": 60_000 }))
        .await;
    merchant.pay(&merchant.charge("ref-1")).await.data();
    assert_eq!(merchant.look_up("ref-1").await.code(), "ERR_NOT_FOUND");
    merchant.sandbox.move_clock(Duration::from_secs(60));
    merchant.look_up("ref-1").await.data();
}

#[tokio::test]
async fn a_read_may_not_see_yet_what_was_paid_or_given_back() {
    let merchant = Merchant::open_with(FluxOptions {
        shows_refunds: true,
        ..FluxOptions::default()
    })
    .await;
    merchant.pay(&merchant.charge("ref-1")).await.data();
    merchant
        .arm(json!({ "operation": "flux_transaction", "kind": "delay_visibility", "reads": 2 }))
        .await;
    merchant
        .arm(json!({ "operation": "flux_transaction", "kind": "delay_visibility", "ms": 60_000 }))
        .await;
    for http in [400, 400, 400, 200] {
        assert_eq!(merchant.look_up("ref-1").await.http, http);
    }
    merchant
        .arm(json!({ "operation": "flux_refund", "kind": "delay_visibility", "ms": 60_000 }))
        .await;
    merchant.refund("ref-1", 27_500).await.data();
    assert_eq!(merchant.look_up("ref-1").await.data()["type"], "payment");
    merchant.sandbox.move_clock(Duration::from_secs(60));
    assert_eq!(merchant.look_up("ref-1").await.data()["type"], "refund");
}

#[tokio::test]
async fn a_token_can_be_dead_when_it_is_given_and_dies_at_the_call_that_is_to_meet_it() {
    let merchant = busy().await;
    merchant
        .arm(json!({ "operation": "flux_token", "kind": "expire_sessions" }))
        .await;
    let dead = merchant.fresh_token().await;
    let path = "transactions/mesa12-0001";
    assert_eq!(merchant.ask("GET", path, &dead, None).await.http, 401);
    for (operation, method, path) in GUARDED {
        let token = merchant.fresh_token().await;
        merchant
            .arm(json!({ "operation": operation, "kind": "expire_sessions" }))
            .await;
        let body = body_for(&merchant, operation);
        for _ in 0..2 {
            let answer = merchant.ask(method, path, &token, body.as_ref()).await;
            assert_eq!((answer.http, answer.code()), (401, "ERR_UNAUTHORIZED"));
        }
    }
    assert_eq!(merchant.sandbox.ledger().flux.paid().count(), 1);
}

#[tokio::test]
async fn a_connection_is_refused_and_the_host_goes_down_and_comes_back() {
    let merchant = busy().await;
    merchant
        .arm(json!({ "operation": "flux_transaction", "kind": "refuse" }))
        .await;
    merchant.pay(&merchant.charge("ref-1")).await.data();
    let path = "transactions/mesa12-0001";
    assert!(
        merchant
            .send("GET", path, &merchant.token, None)
            .await
            .is_err()
    );
    merchant.look_up("mesa12-0001").await.data();
    merchant
        .arm(json!({ "operation": "flux_pay", "kind": "down" }))
        .await;
    let refused = merchant.send("GET", path, &merchant.token, None).await;
    assert!(refused.unwrap_err().is_connect());
    merchant.sandbox.clear_faults().await;
    merchant.look_up("mesa12-0001").await.data();
}

#[tokio::test]
async fn chance_weighs_flux_operations_and_repeats() {
    let met = async || {
        let merchant = Merchant::open().await;
        merchant
            .sandbox
            .arm_random(RandomFaults {
                share_percent: 50,
                seed: 7,
                operations: Some(vec![Operation::FluxPay]),
                weights: Some(BTreeMap::from([
                    (Kind::WrongTotal, 3),
                    (Kind::GatewayTimeoutAfter, 1),
                ])),
                ..RandomFaults::default()
            })
            .unwrap();
        for number in 0..40 {
            let charge = merchant.charge(&format!("ref-{number}"));
            let sent = merchant.send("POST", "payments", &merchant.token, Some(&charge));
            sent.await.unwrap();
        }
        let ledger = merchant.sandbox.ledger();
        assert_eq!(ledger.flux.paid().count(), 40);
        let calls = ledger.calls_of(Operation::FluxPay);
        calls.map(|call| call.fault).collect::<Vec<_>>()
    };
    let first = met().await;
    assert_eq!(first, met().await);
    let count = |kind| first.iter().filter(|met| **met == kind).count();
    assert!(count(None) > 5);
    assert!(count(Some(Kind::WrongTotal)) > count(Some(Kind::GatewayTimeoutAfter)));
    assert!(count(Some(Kind::GatewayTimeoutAfter)) > 0);
}
