//! Transfers out of the merchant's CVU account, over HTTP.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use ventanilla_sandbox::{CashoutEntry, Fault, Kind, Operation};

use crate::charges::{ask, asked, asked_at_once};
use crate::operations::get;
use crate::receiver::Receiver;
use crate::support::{Proxy, cvu_section, fresh_key, problem};

const PATH: &str = "/v1/cvu/cash-outs";
/// Of the sandbox's people, who do not live.
const CVU: &str = "0009001600000004242420";
const CUIT: &str = "20999000011";

fn to_account() -> Value {
    json!({
        "reference": "P-2026-7",
        "amount": { "amount_minor": 150_050, "currency": "ARS" },
        "to": { "cvu": CVU, "cuit": CUIT },
        "description": "Devolución de seña",
    })
}

async fn cash_out(proxy: &Proxy, key: &str, body: &Value) -> Response {
    ask(proxy, PATH, key, body).await
}

async fn sent(proxy: &Proxy, key: &str, body: &Value) -> Value {
    asked(proxy, PATH, key, body).await
}

async fn read(proxy: &Proxy, id: &str) -> Value {
    get(proxy, &format!("/v1/operations/{id}")).await
}

/// Reads an operation until it is `state`; the clock goes on meanwhile.
async fn until(proxy: &Proxy, id: &str, state: &str) -> Value {
    for _ in 0..400 {
        let operation = read(proxy, id).await;
        if operation["state"] == state {
            return operation;
        }
        proxy.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{}", read(proxy, id).await);
}

fn moved(proxy: &Proxy) -> Vec<CashoutEntry> {
    proxy.sandbox.ledger().cvu.sent().cloned().collect()
}

fn calls(proxy: &Proxy) -> usize {
    let ledger = proxy.sandbox.ledger();
    ledger.calls_of(Operation::CvuCashout).count()
}

#[tokio::test]
async fn a_transfer_asked_for_twice_with_one_key_goes_out_once() {
    let proxy = Proxy::start_with_cvu().await;
    let key = fresh_key();
    let first = sent(&proxy, &key, &to_account()).await;
    let second = sent(&proxy, &key, &to_account()).await;
    assert_eq!(first, second);
    let transfers = moved(&proxy);
    assert_eq!(transfers.len(), 1);
    assert_eq!(calls(&proxy), 1);
    let entry = &transfers[0];
    assert_eq!(
        (
            entry.cvu.as_deref(),
            entry.amount.as_deref(),
            entry.concept.as_str()
        ),
        (Some(CVU), Some("1500.50"), "VAR")
    );
    assert_eq!(entry.description, "Devolución de seña");

    let id = first["id"].as_str().unwrap();
    assert!(id.starts_with("opr_"));
    assert_eq!(
        json!({ "kind": first["kind"], "state": first["state"], "amount": first["amount"],
                "details": first["details"], "result": first["result"] }),
        json!({
            "kind": "cash_out",
            "state": "succeeded",
            "amount": { "amount_minor": 150_050, "currency": "ARS" },
            "details": { "reference": "P-2026-7", "recipient": "CVU ****2420", "concept": "VAR",
                         "description": "Devolución de seña" },
            "result": { "cash_out_id": entry.id.unwrap().to_string() },
        })
    );
    assert!(first.get("attempt_id").is_none() && first.get("session_id").is_none());
    assert_eq!(read(&proxy, id).await, first);

    // Another request under the same key is none; another key is another transfer.
    let mut other = to_account();
    other["to"]["cvu"] = json!("0009003000000002718286");
    problem(
        cash_out(&proxy, &key, &other).await,
        422,
        "idempotency-key-reused",
    )
    .await;
    sent(&proxy, &fresh_key(), &to_account()).await;
    assert_eq!(moved(&proxy).len(), 2);
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_sends_money_once() {
    let proxy = Proxy::start_with_cvu().await;
    let ids = asked_at_once(&proxy, PATH, &fresh_key(), &to_account()).await;
    assert_eq!(ids.len(), 1);
    assert_eq!(moved(&proxy).len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_with_the_same_bytes() {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::ResetBefore,
    ] {
        let proxy = Proxy::start_with_cvu().await;
        let fault = Fault::once(Operation::CvuCashout, kind);
        proxy.sandbox.arm(fault).await.unwrap();
        let operation = sent(&proxy, &fresh_key(), &to_account()).await;
        assert_eq!(operation["state"], "succeeded", "{kind:?}: {operation}");
        assert_eq!(moved(&proxy).len(), 1, "{kind:?}");
        assert_eq!(calls(&proxy), 2, "{kind:?}");
        assert!(operation["result"]["cash_out_id"].is_string());
    }
}

#[tokio::test]
async fn what_is_in_doubt_is_pending_and_settled_by_the_proxy_that_comes_after() {
    let proxy = Proxy::start_with_cvu().await;
    let fault = Fault::times(Operation::CvuCashout, Kind::ResetAfter, 100);
    proxy.sandbox.arm(fault).await.unwrap();
    let key = fresh_key();
    // Whoever asked goes away.
    let body = to_account();
    let asking = cash_out(&proxy, &key, &body);
    let _ = tokio::time::timeout(Duration::from_millis(400), asking).await;
    let section = cvu_section(&proxy.sandbox);
    let proxy = proxy.restart_with(|text| text + &section).await;
    proxy.sandbox.clear_faults().await;
    let operation = sent(&proxy, &key, &to_account()).await;
    let id = operation["id"].as_str().unwrap();
    let settled = until(&proxy, id, "succeeded").await;
    assert_eq!(settled["kind"], "cash_out");
    assert_eq!(moved(&proxy).len(), 1);
}

#[tokio::test]
async fn a_transfer_that_nothing_settles_is_for_a_person_and_is_not_repeated_behind_their_back() {
    let receiver = Receiver::start().await;
    let proxy = Proxy::start_with_cvu().await;
    let section = cvu_section(&proxy.sandbox) + &receiver.section();
    let proxy = proxy.restart_with(|text| text + &section).await;
    let fault = Fault::times(Operation::CvuCashout, Kind::ResetBefore, 1_000);
    proxy.sandbox.arm(fault).await.unwrap();
    let key = fresh_key();
    let body = to_account();
    let asking = cash_out(&proxy, &key, &body);
    let _ = tokio::time::timeout(Duration::from_millis(400), asking).await;
    let mut review = Value::Null;
    for _ in 0..400 {
        proxy.clock.advance(Duration::from_secs(1_200));
        let answer = proxy.merchant(Method::GET, "/v1/review").send().await;
        review = answer.unwrap().json().await.unwrap();
        if review["operations"][0]["state"] == "review" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let listed = &review["operations"][0];
    assert_eq!(listed["details"]["recipient"], "CVU ****2420", "{review}");
    let id = listed["id"].as_str().unwrap().to_owned();
    proxy.sandbox.clear_faults().await;
    let asked = calls(&proxy);
    proxy.clock.advance(Duration::from_secs(7_200));
    let settle =
        json!({ "outcome": "not_executed", "note": "seen in the wallet: nothing went out" });
    let path = format!("/v1/review/{id}/settle");
    let answer = proxy.merchant(Method::POST, &path).json(&settle).send();
    assert_eq!(answer.await.unwrap().status(), 204);
    let operation = read(&proxy, &id).await;
    assert_eq!(operation["state"], "not_executed");
    assert_eq!(
        calls(&proxy),
        asked,
        "nobody repeats what somebody looks at"
    );
    assert!(moved(&proxy).is_empty());
    let heard = receiver.heard(2).await;
    let kinds: Vec<_> = heard
        .iter()
        .map(|heard| heard.json()["type"].clone())
        .collect();
    assert_eq!(kinds, ["operation.review", "operation.not_executed"]);
    let told = heard[1].json();
    assert_eq!(told["data"]["operation"]["id"], id.as_str());
    assert!(told["data"].get("session").is_none());
}

#[tokio::test]
async fn an_alias_is_sent_to_and_nothing_of_the_recipient_is_shown_or_kept_in_the_clear() {
    let proxy = Proxy::start_with_cvu().await;
    let mut body = to_account();
    body["to"] = json!({ "alias": "prueba.demo.uno", "cuit": "20-99900001-1" });
    let operation = sent(&proxy, &fresh_key(), &body).await;
    assert_eq!(operation["state"], "succeeded", "{operation}");
    assert_eq!(operation["details"]["recipient"], "alias pr****");
    assert_eq!(moved(&proxy)[0].alias.as_deref(), Some("prueba.demo.uno"));
    sent(&proxy, &fresh_key(), &to_account()).await;
    let mut stored = Vec::new();
    for file in std::fs::read_dir(&proxy.folder.0).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            stored.extend(std::fs::read(path).unwrap());
        }
    }
    let stored = String::from_utf8_lossy(&stored);
    assert!(stored.contains(operation["id"].as_str().unwrap()));
    for secret in [CVU, CUIT, "prueba.demo.uno", "20-99900001-1"] {
        assert!(!stored.contains(secret), "{secret}");
        assert!(!operation.to_string().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_refused_before_anything_is_recorded() {
    let proxy = Proxy::start_with_cvu().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = to_account();
        change(&mut body);
        body
    };
    for (body, code) in [
        (
            with(&|it| it["amount"]["amount_minor"] = json!(0)),
            "amount-invalid",
        ),
        (
            with(&|it| it["amount"]["currency"] = json!("USD")),
            "amount-invalid",
        ),
        (
            with(&|it| it["amount"]["amount_minor"] = json!(-1)),
            "request-malformed",
        ),
        (
            with(&|it| it["to"]["cvu"] = json!("0009001600000004242421")),
            "request-malformed",
        ),
        (
            with(&|it| it["to"]["alias"] = json!("prueba.demo.uno")),
            "request-malformed",
        ),
        (
            with(&|it| it["to"] = json!({ "cuit": CUIT })),
            "request-malformed",
        ),
        (
            with(&|it| it["to"] = json!({ "alias": "x", "cuit": CUIT })),
            "request-malformed",
        ),
        (
            with(&|it| it["to"]["cuit"] = json!("20999000012")),
            "request-malformed",
        ),
        (with(&|it| it["concept"] = json!("")), "request-malformed"),
        (
            with(&|it| it["description"] = json!("a\nb")),
            "request-malformed",
        ),
        (
            with(&|it| it["reference"] = json!("x".repeat(65))),
            "request-malformed",
        ),
        (with(&|it| it["secret"] = json!("x")), "request-malformed"),
        (json!([]), "request-malformed"),
    ] {
        let answer = cash_out(&proxy, &fresh_key(), &body).await;
        let document = problem(answer, 422, code).await;
        let said = document.to_string();
        assert!(!said.contains(CVU) && !said.contains(CUIT), "{said}");
    }
    let path = "/v1/cvu/cash-outs";
    let keyless = proxy.merchant(Method::POST, path).json(&to_account());
    problem(
        keyless.send().await.unwrap(),
        400,
        "idempotency-key-invalid",
    )
    .await;
    let nobody = proxy.request(Method::POST, path).json(&to_account());
    problem(nobody.send().await.unwrap(), 401, "api-key-invalid").await;
    assert_eq!(calls(&proxy), 0);
    let review = proxy.merchant(Method::GET, "/v1/review").send().await;
    let review: Value = review.unwrap().json().await.unwrap();
    assert_eq!(review["operations"], json!([]));
}

#[tokio::test]
async fn without_the_rail_there_is_nothing_to_send_from() {
    let proxy = Proxy::start().await;
    let answer = cash_out(&proxy, &fresh_key(), &to_account()).await;
    problem(answer, 409, "operation-not-possible").await;
}
