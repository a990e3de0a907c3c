//! Payments with saved cards, of buyers who are not there, over HTTP.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use ventanilla_sandbox::{DebitState, Fault, Kind, Operation};

use crate::charges::asked_at_once;
use crate::support::{PAN, Proxy, card_start_to_save, fresh_key, new_session, problem};

/// Has a buyer pay and save the card: its identifier here.
pub async fn save_card(proxy: &Proxy) -> String {
    let mut session = new_session();
    session["save_card"] = json!("ask");
    let opened: Value = proxy
        .open_session(&fresh_key(), &session)
        .await
        .json()
        .await
        .unwrap();
    let token = opened["client_token"].as_str().unwrap();
    let start = card_start_to_save(&proxy.sandbox, PAN);
    let paid: Value = proxy
        .start_attempt(token, &fresh_key(), &start)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(paid["state"], "succeeded", "{paid}");
    let (_, token) = proxy.session().await;
    let view = proxy.frame(Method::GET, "/v1/checkout", &token).send();
    let view: Value = view.await.unwrap().json().await.unwrap();
    view["card"]["saved_cards"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn payment(card: &str) -> Value {
    json!({
        "order_reference": "M-2026-12",
        "total": { "amount_minor": 990_000, "currency": "CRC" },
        "buyer_id": "buyer-7",
        "saved_card": card,
        "description": "Mensualidad de diciembre",
        "items": [{ "description": "Mensualidad", "quantity": 1 }],
        "metadata": { "contract": "77" },
    })
}

async fn pay(proxy: &Proxy, key: &str, body: &Value) -> Response {
    proxy
        .merchant(Method::POST, "/v1/greenpay/token-payments")
        .header("idempotency-key", key)
        .json(body)
        .send()
        .await
        .unwrap()
}

async fn paid(proxy: &Proxy, key: &str, body: &Value) -> Value {
    let answer = pay(proxy, key, body).await;
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

async fn get(proxy: &Proxy, path: &str) -> Value {
    let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

fn debited(proxy: &Proxy, attempt: &Value) -> usize {
    let ledger = proxy.sandbox.ledger();
    let of = ledger.debits_of(attempt["reference"].as_str().unwrap());
    of.filter(|debit| debit.state == DebitState::Approved)
        .count()
}

#[tokio::test]
async fn a_payment_asked_for_twice_with_one_key_is_one_attempt() {
    let proxy = Proxy::start().await;
    let card = save_card(&proxy).await;
    let key = fresh_key();
    let first = paid(&proxy, &key, &payment(&card)).await;
    let second = paid(&proxy, &key, &payment(&card)).await;
    assert_eq!(first, second);
    assert_eq!(first["state"], "succeeded", "{first}");
    assert_eq!(first["rail"], "card");
    assert_eq!(
        first["total"],
        json!({ "amount_minor": 990_000, "currency": "CRC" })
    );
    assert_eq!(first["last4"], "4242");
    assert_eq!(debited(&proxy, &first), 1);
    let session = first["session_id"].as_str().unwrap();
    let session = get(&proxy, &format!("/v1/sessions/{session}")).await;
    assert_eq!(session["state"], "succeeded");
    assert_eq!(session["rails"], json!(["card"]));
    assert_eq!(session["metadata"], json!({ "contract": "77" }));
    assert_eq!(session["attempts"].as_array().unwrap().len(), 1);

    // Another request under the same key is none; a session's keys are others.
    let mut other = payment(&card);
    other["total"]["amount_minor"] = json!(1);
    problem(
        pay(&proxy, &key, &other).await,
        422,
        "idempotency-key-reused",
    )
    .await;
    let opened = proxy.open_session(&key, &new_session()).await;
    assert_eq!(opened.status(), 201);
    assert_eq!(debited(&proxy, &first), 1);
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_takes_money_once() {
    let proxy = Proxy::start().await;
    let card = save_card(&proxy).await;
    let before = proxy.debits();
    let path = "/v1/greenpay/token-payments";
    let ids = asked_at_once(&proxy, path, &fresh_key(), &payment(&card)).await;
    assert_eq!(ids.len(), 1);
    assert_eq!(proxy.debits(), before + 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_by_reading_also_by_the_proxy_that_comes_after() {
    let proxy = Proxy::start().await;
    let card = save_card(&proxy).await;
    let fault = Fault::once(Operation::TokenPayment, Kind::ResetAfter);
    proxy.sandbox.arm(fault).await.unwrap();
    let found = paid(&proxy, &fresh_key(), &payment(&card)).await;
    assert_eq!(found["state"], "succeeded", "{found}");
    assert_eq!(debited(&proxy, &found), 1);

    let stall = Fault::once(Operation::TokenPayment, Kind::Stall).for_ms(60_000);
    proxy.sandbox.arm(stall).await.unwrap();
    let key = fresh_key();
    let body = payment(&card);
    let asking = pay(&proxy, &key, &body);
    let _ = tokio::time::timeout(Duration::from_millis(400), asking).await;
    let proxy = proxy.restart_with(|text| text).await;
    let pending = paid(&proxy, &key, &payment(&card)).await;
    let path = format!("/v1/attempts/{}", pending["id"].as_str().unwrap());
    let mut attempt = pending;
    for _ in 0..400 {
        attempt = get(&proxy, &path).await;
        if attempt["state"] == "succeeded" {
            break;
        }
        proxy.clock.advance(Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(attempt["state"], "succeeded", "{attempt}");
    assert_eq!(debited(&proxy, &attempt), 1);
}

#[tokio::test]
async fn nobody_else_is_let_into_its_session() {
    let proxy = Proxy::start().await;
    let card = save_card(&proxy).await;
    let fault = Fault::once(Operation::TokenPayment, Kind::GatewayTimeoutBefore);
    proxy.sandbox.arm(fault).await.unwrap();
    let key = fresh_key();
    let attempt = paid(&proxy, &key, &payment(&card)).await;
    assert_eq!(attempt["state"], "unknown", "{attempt}");
    let session = attempt["session_id"].as_str().unwrap();
    let path = format!("/v1/sessions/{session}/client-token");
    let answer = proxy.merchant(Method::POST, &path).send().await.unwrap();
    problem(answer, 409, "operation-not-possible").await;
}

#[tokio::test]
async fn a_payment_that_does_not_fit_leaves_nothing_behind_and_its_key_may_be_used_again() {
    let proxy = Proxy::start().await;
    let card = save_card(&proxy).await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = payment(&card);
        change(&mut body);
        body
    };
    let key = fresh_key();
    for (body, status, code) in [
        (
            with(&|it| it["saved_card"] = json!("crd_x")),
            422,
            "saved-card-unknown",
        ),
        (
            with(&|it| it["buyer_id"] = json!("buyer-8")),
            422,
            "saved-card-unknown",
        ),
        (
            with(&|it| it["total"]["amount_minor"] = json!(0)),
            422,
            "amount-invalid",
        ),
        (
            with(&|it| it["total"]["currency"] = json!("ARS")),
            422,
            "rail-not-offered",
        ),
        (
            with(&|it| it["installments"] = json!(1)),
            422,
            "request-malformed",
        ),
        (
            with(&|it| it["order_reference"] = json!("")),
            422,
            "request-malformed",
        ),
        (with(&|it| it["card"] = json!({})), 422, "request-malformed"),
    ] {
        problem(pay(&proxy, &key, &body).await, status, code).await;
    }
    let keyless = proxy
        .merchant(Method::POST, "/v1/greenpay/token-payments")
        .json(&payment(&card));
    problem(
        keyless.send().await.unwrap(),
        400,
        "idempotency-key-invalid",
    )
    .await;
    let nobody = proxy
        .request(Method::POST, "/v1/greenpay/token-payments")
        .json(&payment(&card));
    problem(nobody.send().await.unwrap(), 401, "api-key-invalid").await;
    let attempt = paid(&proxy, &key, &with(&|it| it["installments"] = json!(6))).await;
    assert_eq!(attempt["state"], "succeeded");
    assert_eq!(debited(&proxy, &attempt), 1);
}
