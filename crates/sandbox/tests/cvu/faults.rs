//! Faults at the CVU wallet API.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_core::qr::Code;
use ventanilla_sandbox::{Kind, Operation, RandomFaults};

use crate::support::{GUARDED, Merchant};

/// A body that each operation takes.
async fn body_for(merchant: &Merchant, operation: &str) -> Option<Value> {
    Some(match operation {
        "cvu_token" => merchant.credentials(),
        "cvu_cashout" => json!({
            "cvu": "0009001600000004242420", "cuit": "20999000011", "amount": 1,
            "reference_id": "ref-fault", "concept": "VAR", "description": "",
        }),
        "cvu_qr" => json!({ "amount": 1, "concept": "VAR", "description": "Pedido" }),
        "cvu_transfer" => json!({
            "cvu": "0009099303141592653586", "cuit": "30000000120", "amount": 1,
            "concept": "VAR", "description": "Pedido",
        }),
        "cvu_link" => json!({
            "expiration_date": merchant.tomorrow().await, "amount": 1, "multiple_use": false,
            "concept": "VAR",
        }),
        "cvu_static_qr" => json!({ "type_amount": "open", "sale_point_id": 1 }),
        "cvu_create_sale_point" => json!({ "name": "Caja nueva" }),
        "cvu_delete_sale_point" => json!({ "sale_point_id": 2 }),
        "cvu_static_order" => json!({
            "amount": 1, "concept": "VAR", "description": "Pedido", "sale_point_id": 1,
        }),
        "cvu_transactions" => json!({ "date_from": "2026-11-20", "date_to": "2026-11-20" }),
        _ => return None,
    })
}

/// A merchant at whom every operation finds something to do.
async fn busy() -> Merchant {
    let merchant = Merchant::open().await;
    merchant.sale_point("Caja 1").await;
    merchant.sale_point("Caja 2").await;
    merchant
        .pay(&json!({ "code": merchant.code().await["qr_code"] }))
        .await;
    let mut sent = body_for(&merchant, "cvu_cashout").await.unwrap();
    sent["reference_id"] = json!("ref-before");
    merchant.post("v2/payment/cashout", &sent).await;
    merchant
}

fn every() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut every = vec![("cvu_token", "POST", "v2/auth/token")];
    every.extend(GUARDED);
    every
}

#[test]
fn every_operation_of_the_wallet_api_is_tried_here() {
    let mut names: Vec<&str> = every().into_iter().map(|(name, ..)| name).collect();
    let mut operations: Vec<&str> = Operation::ALL
        .into_iter()
        .filter(|operation| operation.is_cvu())
        .map(Operation::name)
        .collect();
    names.sort_unstable();
    operations.sort_unstable();
    assert_eq!(names, operations);
    assert_eq!(names.len(), 17);
}

#[tokio::test]
async fn every_operation_meets_a_fault_before_it_is_executed_and_after() {
    for (operation, method, path) in every() {
        let merchant = busy().await;
        let body = body_for(&merchant, operation).await;
        for (kind, http, executed) in [
            ("reset_before", None, false),
            ("error_500", Some(500), false),
            ("status_error", Some(200), false),
            ("gateway_timeout_after", Some(504), true),
        ] {
            merchant
                .arm(json!({ "operation": operation, "kind": kind }))
                .await;
            let answer = merchant
                .send(method, path, &merchant.token, body.as_ref())
                .await;
            let status = answer.ok().map(|answer| answer.status().as_u16());
            assert_eq!(status, http, "{operation} {kind}");
            let ledger = merchant.sandbox.ledger();
            let call = ledger.calls.last().unwrap();
            assert_eq!(
                (call.operation.name(), call.executed),
                (operation, executed),
                "{kind}"
            );
            assert_eq!(call.fault.map(Kind::name), Some(kind));
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_undo_what_was_done() {
    let merchant = busy().await;
    let before = merchant.sandbox.ledger().cvu;
    for (operation, method, path) in every() {
        let body = body_for(&merchant, operation).await;
        merchant
            .arm(json!({ "operation": operation, "kind": "reset_after" }))
            .await;
        let answer = merchant
            .send(method, path, &merchant.token, body.as_ref())
            .await;
        assert!(answer.is_err(), "{operation}");
    }
    let after = merchant.sandbox.ledger().cvu;
    assert_eq!(after.links.len(), before.links.len() + 1);
    assert_eq!(after.transfer_links.len(), before.transfer_links.len() + 1);
    assert_eq!(after.qr_orders.len(), before.qr_orders.len() + 2);
    assert_eq!(after.sale_points.len(), before.sale_points.len() + 1);
    assert!(after.sale_points[1].removed_at.is_some());
    assert_eq!(after.sent().count(), before.sent().count() + 1);
}

#[tokio::test]
async fn a_late_call_is_executed_after_its_answer() {
    let merchant = busy().await;
    merchant
        .arm(json!({ "operation": "cvu_cashout", "kind": "late", "ms": 1 }))
        .await;
    let body = body_for(&merchant, "cvu_cashout").await;
    let answer = merchant
        .send("POST", "v2/payment/cashout", &merchant.token, body.as_ref())
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 504);
    while merchant.sandbox.ledger().cvu.sent().count() < 2 {
        tokio::task::yield_now().await;
    }
    let again = merchant.post("v2/payment/cashout", &body.unwrap()).await;
    assert_eq!(again.body["id"], 700_002);
}

#[tokio::test]
async fn a_token_runs_out_at_the_call_that_is_to_meet_it() {
    for (operation, method, path) in GUARDED {
        let merchant = busy().await;
        let body = body_for(&merchant, operation).await;
        merchant
            .arm(json!({ "operation": operation, "kind": "expire_sessions" }))
            .await;
        for _ in 0..2 {
            let answer = merchant
                .ask(method, path, &merchant.token, body.as_ref())
                .await;
            assert_eq!(
                (answer.http, answer.message()),
                (401, "token vencido"),
                "{operation}"
            );
        }
    }
}

#[tokio::test]
async fn a_token_can_be_dead_when_it_is_given() {
    let merchant = Merchant::open().await;
    merchant
        .arm(json!({ "operation": "cvu_token", "kind": "expire_sessions" }))
        .await;
    let token = merchant.fresh_token().await;
    let answer = merchant
        .ask("GET", "v2/account/balance", &token, None)
        .await;
    assert_eq!(answer.http, 401);
}

#[tokio::test]
async fn an_answer_can_lie_about_numbers_and_amounts() {
    let merchant = busy().await;
    let lie = async |operation: &str, kind: &str| {
        merchant
            .arm(json!({ "operation": operation, "kind": kind }))
            .await;
    };
    lie("cvu_cashin", "wrong_amount").await;
    assert_eq!(merchant.cashin(800_001).await.body["amount"], 1501.5);
    lie("cvu_cashin", "wrong_reference").await;
    assert_eq!(merchant.cashin(800_001).await.body["qr_order_id"], 910_002);
    lie("cvu_transactions", "wrong_amount").await;
    let answer = merchant.transactions("").await;
    assert_eq!(answer.body["transactions"][0]["amount"], "1501.50");
    lie("cvu_transactions", "float_dust").await;
    let answer = merchant.transactions("").await;
    assert_eq!(answer.body["transactions"][0]["amount"], "1500.4999999983");
    lie("cvu_balance", "wrong_amount").await;
    let told = merchant.get("v2/account/balance").await.body["amount"].clone();
    let balance = merchant.get("v2/account/balance").await.body["amount"].clone();
    assert_eq!(told.as_u64(), balance.as_u64().map(|pesos| pesos + 1));
    lie("cvu_link", "wrong_reference").await;
    assert_eq!(merchant.link().await["link_id"], 900_002);
    lie("cvu_static_qr", "bad_crc").await;
    let code = merchant.fixed_code(1, "open").await;
    assert!(Code::read(&code).is_err());
    // The truth is in the ledger all the same.
    let ledger = merchant.sandbox.ledger().cvu;
    assert_eq!(ledger.credits[0].amount, "1500.50");
    assert_eq!(ledger.links[0].link_id, 900_001);
}

#[tokio::test]
async fn a_read_may_not_see_yet_what_was_credited() {
    let merchant = Merchant::open().await;
    merchant
        .pay(&json!({ "code": merchant.code().await["qr_code"] }))
        .await;
    for operation in ["cvu_transactions", "cvu_cashin"] {
        let hidden = json!({ "operation": operation, "kind": "delay_visibility", "reads": 1 });
        merchant.arm(hidden).await;
        merchant
            .arm(json!({ "operation": operation, "kind": "delay_visibility", "ms": 60_000 }))
            .await;
    }
    for seen in [false, false, true] {
        assert_eq!(merchant.cashin(800_001).await.is_ok(), seen);
        assert_eq!(!merchant.rows().await.is_empty(), seen);
    }
}

#[tokio::test]
async fn a_transfer_that_was_answered_is_listed_after_the_time_asked_for() {
    let merchant = Merchant::open().await;
    let fault = json!({ "operation": "cvu_cashout", "kind": "delay_visibility", "ms": 60_000 });
    merchant.arm(fault).await;
    let body = body_for(&merchant, "cvu_cashout").await.unwrap();
    assert!(merchant.post("v2/payment/cashout", &body).await.is_ok());
    assert!(merchant.rows().await.is_empty());
    merchant.sandbox.move_clock(Duration::from_secs(60));
    assert_eq!(merchant.rows().await[0]["amount"], "-1.00");
}

#[tokio::test]
async fn a_connection_is_refused_by_method_and_path() {
    let merchant = busy().await;
    merchant
        .arm(json!({ "operation": "cvu_delete_sale_point", "kind": "refuse" }))
        .await;
    let path = "v2/payment/cashin/qr/sale-point";
    assert!(
        merchant.get(path).await.is_ok(),
        "that is another operation"
    );
    let body = json!({ "sale_point_id": 1 });
    let send = async || {
        merchant
            .send("DELETE", path, &merchant.token, Some(&body))
            .await
    };
    assert!(send().await.is_err());
    assert_eq!(send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn the_host_is_down_and_comes_back_with_everything_it_knew() {
    let merchant = busy().await;
    merchant
        .arm(json!({ "operation": "cvu_balance", "kind": "down" }))
        .await;
    let refused = merchant.send("GET", "v2/account/balance", "", None).await;
    assert!(refused.unwrap_err().is_connect());
    merchant.sandbox.clear_faults().await;
    assert!(merchant.cashin(800_001).await.is_ok());
}

#[tokio::test]
async fn chance_weighs_the_wallet_apis_operations_and_repeats() {
    let met = async || {
        let merchant = Merchant::open().await;
        merchant
            .sandbox
            .arm_random(RandomFaults {
                share_percent: 50,
                seed: 7,
                operations: Some(vec![Operation::CvuQr]),
                weights: Some(BTreeMap::from([
                    (Kind::StatusError, 3),
                    (Kind::GatewayTimeoutAfter, 1),
                ])),
                ..RandomFaults::default()
            })
            .unwrap();
        for number in 0..40 {
            let body = json!({
                "amount": 1, "concept": "VAR", "description": format!("Pedido {number}"),
            });
            let path = "v2/payment/cashin/qr/generate";
            let sent = merchant.send("POST", path, &merchant.token, Some(&body));
            sent.await.unwrap();
            assert!(merchant.get("v2/account/balance").await.is_ok());
        }
        let ledger = merchant.sandbox.ledger();
        let calls = ledger.calls_of(Operation::CvuQr);
        calls.map(|call| call.fault).collect::<Vec<_>>()
    };
    let first = met().await;
    assert_eq!(first, met().await);
    let count = |kind| first.iter().filter(|met| **met == kind).count();
    assert!(count(None) > 5);
    assert!(count(Some(Kind::StatusError)) > count(Some(Kind::GatewayTimeoutAfter)));
    assert!(count(Some(Kind::GatewayTimeoutAfter)) > 0);
}
