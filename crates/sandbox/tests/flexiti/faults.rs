//! Faults at the Flexiti POS API.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::{Fault, FlexitiLedger, Kind, Operation, RandomFaults};

use crate::refusals::{busy, call, guarded};
use crate::support::{Call, Merchant, NEW, OLD, changed, request};

const FORM: &str = "client_id=demo-merchant&client_secret=placeholder-secret&scope=merchant";

/// Sends the one call of `operation`.
async fn send(merchant: &Merchant, operation: &str) -> Result<reqwest::Response, reqwest::Error> {
    if operation == "flexiti_token" {
        return merchant.send(Merchant::token_call(FORM)).await;
    }
    let all = guarded();
    let (_, method, base, rest, body) = all.iter().find(|(of, ..)| *of == operation).unwrap();
    let path = format!("{base}/{rest}");
    merchant
        .send(call(method, &path, &merchant.token, body))
        .await
}

async fn answer(merchant: &Merchant, operation: &str) -> (u16, Value) {
    let response = send(merchant, operation).await.unwrap();
    let http = response.status().as_u16();
    (
        http,
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

fn every() -> Vec<Operation> {
    let all = Operation::ALL.into_iter();
    all.filter(|operation| operation.is_flexiti()).collect()
}

/// How much was done at the provider.
fn deeds(ledger: &FlexitiLedger) -> [usize; 7] {
    [
        ledger.sessions.len(),
        ledger.authorizations.len(),
        ledger.captures.len(),
        ledger.releases.len(),
        ledger.returns.len(),
        ledger.refunds.len(),
        ledger.deposits.len(),
    ]
}

#[test]
fn every_operation_of_flexiti_is_tried_here() {
    let mut names: Vec<&str> = guarded().into_iter().map(|(name, ..)| name).collect();
    names.insert(0, "flexiti_token");
    let operations: Vec<&str> = every().into_iter().map(Operation::name).collect();
    assert_eq!(names, operations);
    assert_eq!(names.len(), 12);
}

#[tokio::test]
async fn every_fault_that_fits_does_to_its_operation_what_it_says() {
    for operation in every() {
        let name = operation.name();
        let merchant = busy().await;
        for kind in Kind::ALL.into_iter().filter(|kind| kind.fits(operation)) {
            let case = format!("{} of {name}", kind.name());
            let mut fault = Fault::once(operation, kind);
            fault.ms = match kind {
                Kind::Stall | Kind::SlowDrip => Some(20),
                // Long enough for a late one not to happen while the test looks.
                Kind::Late => Some(60_000),
                // Longer ago than anything that the test did.
                Kind::DelayVisibility => Some(120_000),
                _ => None,
            };
            let before = deeds(&merchant.sandbox.ledger().flexiti);
            merchant.sandbox.arm(fault).await.unwrap();
            let sent = send(&merchant, name).await;
            let seen = match sent {
                Err(_) => None,
                Ok(response) => {
                    let http = response.status().as_u16();
                    Some((http, response.bytes().await.ok()))
                }
            };
            let (http, executed) = match kind {
                Kind::Refuse | Kind::Down | Kind::Close | Kind::ResetBefore => (None, false),
                Kind::ResetAfter => (None, true),
                Kind::GatewayTimeoutBefore | Kind::Late | Kind::LateBeyondFence => {
                    (Some(504), false)
                }
                Kind::GatewayTimeoutAfter => (Some(504), true),
                Kind::Error500 => (Some(500), false),
                Kind::RateLimit429 => (Some(429), false),
                Kind::Redirect301 => (Some(301), false),
                Kind::Firewall465 => (Some(465), false),
                Kind::StatusError => (Some(409), false),
                Kind::ExpireSessions if name != "flexiti_token" => (Some(401), false),
                // What a read of one does not see is not there.
                Kind::DelayVisibility if name == "flexiti_authorization" => (Some(404), false),
                _ => (Some(200), true),
            };
            let told = seen.as_ref().map(|(http, _)| *http);
            assert_eq!(told, http, "{case}");
            let body = seen.and_then(|(_, body)| body);
            let text = body.map(|body| serde_json::from_slice::<Value>(&body));
            match kind {
                Kind::Truncate => assert!(text.is_none(), "{case}"),
                Kind::BrokenJson | Kind::Corrupt => {
                    assert!(text.unwrap().is_err(), "{case}");
                }
                _ if http == Some(200) => assert!(text.unwrap().is_ok(), "{case}"),
                _ => {}
            }
            if kind == Kind::Down {
                merchant.sandbox.clear_faults().await;
                continue;
            }
            let ledger = merchant.sandbox.ledger();
            let call = ledger.calls.last().unwrap();
            assert_eq!(
                (call.operation, call.fault),
                (operation, Some(kind)),
                "{case}"
            );
            assert_eq!(call.executed, executed, "{case}");
            let after = deeds(&ledger.flexiti);
            let reads = operation.name().ends_with('s') || name == "flexiti_authorization";
            let quiet = reads || matches!(name, "flexiti_token" | "flexiti_interest");
            assert_eq!(before == after, quiet || !executed, "{case}");
            if kind == Kind::ExpireSessions && name != "flexiti_token" {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_late_call_is_executed_after_its_answer() {
    let merchant = busy().await;
    merchant
        .arm(json!({ "operation": "flexiti_capture", "kind": "late", "ms": 1 }))
        .await;
    let sent = send(&merchant, "flexiti_capture").await.unwrap();
    assert_eq!(sent.status().as_u16(), 504);
    while merchant.sandbox.ledger().flexiti.captures.len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(merchant.read(900_001).await.done()["captured_amount"], 41);
}

#[tokio::test]
async fn beyond_the_fence_an_authorization_is_granted_for_a_session_that_has_run_out() {
    let merchant = Merchant::open().await;
    let (session, token) = merchant.verified(10_000_001).await;
    merchant
        .arm(json!({ "operation": "flexiti_authorize", "kind": "late_beyond_fence" }))
        .await;
    let path = format!("{NEW}/authorization");
    let wanted = changed(request(&session), json!({ "amount": 10 }));
    let sent = merchant.send(Call::post(&path, &token, &wanted)).await;
    assert_eq!(sent.unwrap().status().as_u16(), 504);
    merchant.sandbox.move_clock(Duration::from_secs(41 * 60));
    while merchant.sandbox.ledger().flexiti.authorizations.is_empty() {
        tokio::task::yield_now().await;
    }
    let now = merchant.ask(Call::post(&path, &token, &wanted)).await;
    assert_eq!(now.refusal(), (401, "invalid_token"));
}

#[tokio::test]
async fn a_token_can_be_dead_when_it_is_given() {
    let merchant = Merchant::open().await;
    merchant
        .arm(json!({ "operation": "flexiti_token", "kind": "expire_sessions" }))
        .await;
    let token = merchant.fresh_token("merchant").await;
    let path = format!("{NEW}/authorizations?page_number=1");
    let answer = merchant.ask(Call::get(&path, &token)).await;
    assert_eq!(answer.refusal(), (401, "invalid_token"));
}

#[tokio::test]
async fn an_answer_can_lie_about_amounts_and_references() {
    let merchant = busy().await;
    let lie = async |operation: &str, kind: &str| {
        merchant
            .arm(json!({ "operation": operation, "kind": kind }))
            .await;
        answer(&merchant, operation).await.1
    };
    assert_eq!(lie("flexiti_capture", "wrong_amount").await["amount"], 2);
    let dusty = lie("flexiti_capture", "float_dust").await["amount"].to_string();
    assert_eq!(dusty, "0.9999999983");
    assert_eq!(
        lie("flexiti_capture", "wrong_reference").await["reference"],
        "capture-10"
    );
    assert_eq!(lie("flexiti_release", "wrong_amount").await["amount"], 2);
    assert_eq!(
        lie("flexiti_return", "wrong_reference").await["reference"],
        "return-10"
    );
    let read = lie("flexiti_authorization", "wrong_amount").await;
    assert_eq!(
        (&read["amount"], &read["captures"][0]["amount"]),
        (&json!(101), &json!(41))
    );
    let list = lie("flexiti_authorizations", "wrong_reference").await;
    assert_eq!(list["authorizations"][0]["reference"], "order-00010");
    let list = lie("flexiti_captures", "float_dust").await;
    assert_eq!(list["captures"][0]["amount"].to_string(), "0.9999999983");
    assert_eq!(lie("flexiti_interest", "wrong_amount").await["amount"], 11);
    let link = lie("flexiti_widget", "hostile_link").await;
    assert_eq!(link["redirection_url"], "javascript:alert(1)");
    // The truth is in the ledger all the same.
    let ledger = merchant.sandbox.ledger().flexiti;
    let entry = &ledger.captures[1];
    assert_eq!(
        (entry.amount.as_str(), entry.reference.as_deref()),
        ("1.00", Some("capture-1"))
    );
}

#[tokio::test]
async fn what_was_answered_may_be_seen_later() {
    let merchant = Merchant::open().await;
    let hide = async |operation: &str| {
        let fault = json!({ "operation": operation, "kind": "delay_visibility", "ms": 60_000 });
        merchant.arm(fault).await;
    };
    let listed = async || {
        let list = merchant.list("page_number=1").await.done();
        list["authorizations"].as_array().unwrap().len()
    };
    hide("flexiti_authorize").await;
    let id = merchant.held(100).await;
    assert_eq!(listed().await, 0);
    assert_eq!(merchant.read(id).await.refusal(), (404, "not_found"));
    merchant.sandbox.move_clock(Duration::from_secs(60));
    assert_eq!(listed().await, 1);
    hide("flexiti_capture").await;
    merchant.capture(id, json!(100)).await.done();
    let read = merchant.read(id).await.done();
    assert_eq!(
        (&read["status"], &read["captures"]),
        (&json!("opened"), &json!([]))
    );
    assert_eq!(read["remaining_amount"], 100);
    let refused = merchant.capture(id, json!(1)).await;
    assert_eq!(
        refused.refusal(),
        (409, "authorization_ended"),
        "it happened all the same"
    );
    merchant.sandbox.move_clock(Duration::from_secs(60));
    let read = merchant.read(id).await.done();
    assert_eq!(
        (&read["status"], &read["captured_amount"]),
        (&json!("closed"), &json!(100))
    );
}

#[tokio::test]
async fn a_read_may_not_see_yet_what_was_done() {
    let merchant = busy().await;
    for operation in ["flexiti_authorizations", "flexiti_captures"] {
        let hidden = json!({ "operation": operation, "kind": "delay_visibility", "reads": 1 });
        merchant.arm(hidden).await;
    }
    merchant
        .arm(json!({ "operation": "flexiti_authorization", "kind": "delay_visibility", "ms": 60_000 }))
        .await;
    for seen in [false, true] {
        let list = answer(&merchant, "flexiti_authorizations").await.1;
        assert_eq!(list["authorizations"] != json!([]), seen);
        let list = answer(&merchant, "flexiti_captures").await.1;
        assert_eq!(list["captures"] != json!([]), seen);
        assert_eq!(merchant.read(900_001).await.http == 200, seen);
    }
}

#[tokio::test]
async fn a_connection_is_refused_by_operation() {
    let merchant = busy().await;
    merchant
        .arm(json!({ "operation": "flexiti_release", "kind": "refuse" }))
        .await;
    assert_eq!(
        merchant.read(900_001).await.http,
        200,
        "that is another operation"
    );
    assert!(send(&merchant, "flexiti_release").await.is_err());
    assert_eq!(answer(&merchant, "flexiti_release").await.0, 200);
}

#[tokio::test]
async fn the_host_is_down_and_comes_back_with_everything_it_knew() {
    let merchant = busy().await;
    merchant
        .arm(json!({ "operation": "flexiti_authorization", "kind": "down" }))
        .await;
    let refused = send(&merchant, "flexiti_token").await;
    assert!(refused.unwrap_err().is_connect());
    merchant.sandbox.clear_faults().await;
    assert_eq!(merchant.read(900_001).await.http, 200);
}

#[tokio::test]
async fn chance_weighs_the_operations_and_repeats() {
    let met = async || {
        let merchant = Merchant::open().await;
        let id = merchant.held(1_000).await;
        merchant
            .sandbox
            .arm_random(RandomFaults {
                share_percent: 50,
                seed: 7,
                operations: Some(vec![Operation::FlexitiCapture]),
                weights: Some(BTreeMap::from([
                    (Kind::StatusError, 3),
                    (Kind::GatewayTimeoutAfter, 1),
                ])),
                ..RandomFaults::default()
            })
            .unwrap();
        let path = format!("{OLD}/authorization/{id}/capture");
        for number in 0..40 {
            let body = json!({ "amount": 1, "reference": format!("capture-{number}") });
            let call = Call::post(&path, &merchant.token, &body);
            merchant.send(call).await.unwrap();
            assert_eq!(merchant.read(id).await.http, 200);
        }
        let ledger = merchant.sandbox.ledger();
        let calls = ledger.calls_of(Operation::FlexitiCapture);
        calls.map(|call| call.fault).collect::<Vec<_>>()
    };
    let first = met().await;
    assert_eq!(first, met().await);
    let count = |kind| first.iter().filter(|met| **met == kind).count();
    assert!(count(None) > 5);
    assert!(count(Some(Kind::StatusError)) > count(Some(Kind::GatewayTimeoutAfter)));
    assert!(count(Some(Kind::GatewayTimeoutAfter)) > 0);
}
