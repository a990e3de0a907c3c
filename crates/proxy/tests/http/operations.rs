//! What the merchant does with money after it was taken, over HTTP.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use ventanilla_sandbox::{OperationKind, OperationState};

use crate::receiver::Receiver;
use crate::support::{PAN, Proxy, fresh_key, problem};

async fn paid(proxy: &Proxy) -> (String, String) {
    let (session, token) = proxy.session().await;
    let attempt: Value = proxy
        .start_attempt(&token, &fresh_key(), &proxy.card_start(PAN))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(attempt["state"], "succeeded");
    (session, attempt["id"].as_str().unwrap().to_owned())
}

pub async fn operate(
    proxy: &Proxy,
    attempt: &str,
    kind: &str,
    key: &str,
    body: &Value,
) -> Response {
    proxy
        .merchant(Method::POST, &format!("/v1/attempts/{attempt}/{kind}"))
        .header("idempotency-key", key)
        .json(body)
        .send()
        .await
        .unwrap()
}

pub async fn get(proxy: &Proxy, path: &str) -> Value {
    let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn an_operation_asked_for_twice_with_one_key_is_one_operation() {
    let proxy = Proxy::start().await;
    let (session, attempt) = paid(&proxy).await;
    let key = fresh_key();
    let first = operate(&proxy, &attempt, "void", &key, &json!({})).await;
    assert_eq!(first.status(), 201);
    let first: Value = first.json().await.unwrap();
    let second = operate(&proxy, &attempt, "void", &key, &json!({})).await;
    assert_eq!(second.status(), 201);
    let second: Value = second.json().await.unwrap();
    assert_eq!(first["id"], second["id"]);
    assert_eq!(first["kind"], "void");
    assert_eq!(first["attempt_id"], attempt.as_str());
    assert_eq!(
        first["amount"],
        json!({ "amount_minor": 1_250_000, "currency": "CRC" })
    );

    let id = first["id"].as_str().unwrap();
    assert_eq!(get(&proxy, &format!("/v1/operations/{id}")).await["id"], id);
    let operations = get(&proxy, &format!("/v1/sessions/{session}")).await["operations"].clone();
    assert_eq!(operations.as_array().unwrap().len(), 1);
    assert_eq!(operations[0]["id"], id);

    // Another request under the same key is none.
    let other = operate(&proxy, &attempt, "refund", &key, &json!({})).await;
    problem(other, 422, "idempotency-key-reused").await;
}

#[tokio::test]
async fn a_void_gives_the_money_back_once_and_is_told() {
    let receiver = Receiver::start().await;
    let proxy = Proxy::start_with(|text| text + &receiver.section()).await;
    let (_, attempt) = paid(&proxy).await;
    receiver.heard(2).await;
    let operation = operate(&proxy, &attempt, "void", &fresh_key(), &json!({})).await;
    let operation: Value = operation.json().await.unwrap();
    assert_eq!(operation["state"], "succeeded", "{operation}");
    let done: Vec<(OperationKind, OperationState, u32)> = proxy
        .sandbox
        .ledger()
        .operations
        .iter()
        .map(|entry| (entry.kind, entry.state, entry.count))
        .collect();
    assert_eq!(done, [(OperationKind::Void, OperationState::Done, 1)]);

    let heard = receiver.heard(3).await;
    let told = heard[2].json();
    assert_eq!(told["type"], "operation.succeeded");
    let id = operation["id"].as_str().unwrap();
    assert_eq!(
        told["data"]["operation"],
        get(&proxy, &format!("/v1/operations/{id}")).await
    );
    assert_eq!(told["data"]["attempt"]["id"], attempt.as_str());
    // There is nothing left to give back.
    let again = operate(&proxy, &attempt, "void", &fresh_key(), &json!({})).await;
    problem(again, 422, "amount-exceeds-payment").await;
}

#[tokio::test]
async fn an_operation_without_a_body_is_about_the_whole_payment() {
    let proxy = Proxy::start().await;
    let (_, attempt) = paid(&proxy).await;
    let answer = proxy
        .merchant(Method::POST, &format!("/v1/attempts/{attempt}/void"))
        .header("idempotency-key", fresh_key())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    let operation: Value = answer.json().await.unwrap();
    assert_eq!(operation["amount"]["amount_minor"], 1_250_000);
}

#[tokio::test]
async fn what_a_card_payment_does_not_take_is_refused() {
    let proxy = Proxy::start().await;
    let (_, attempt) = paid(&proxy).await;
    for kind in ["release", "return"] {
        let answer = operate(&proxy, &attempt, kind, &fresh_key(), &json!({})).await;
        problem(answer, 409, "operation-not-possible").await;
    }
    for kind in ["cash_out", "cash-out", "reverse", "Void"] {
        let answer = operate(&proxy, &attempt, kind, &fresh_key(), &json!({})).await;
        problem(answer, 404, "not-found").await;
    }
    let (_, token) = proxy.session().await;
    // Insufficient funds: the published test card of the sandbox's list.
    let declined: Value = proxy
        .start_attempt(&token, &fresh_key(), &proxy.card_start("4000000000009995"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(declined["state"], "declined");
    let declined = declined["id"].as_str().unwrap();
    let answer = operate(&proxy, declined, "void", &fresh_key(), &json!({})).await;
    problem(answer, 409, "operation-not-possible").await;
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_refused_before_anything_is_recorded() {
    let proxy = Proxy::start().await;
    let (session, attempt) = paid(&proxy).await;
    let path = format!("/v1/attempts/{attempt}/void");
    let keyless = proxy
        .merchant(Method::POST, &path)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    problem(keyless, 400, "idempotency-key-invalid").await;
    let no_api_key = proxy
        .request(Method::POST, &path)
        .header("idempotency-key", fresh_key())
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    problem(no_api_key, 401, "api-key-invalid").await;
    for (body, code) in [
        (json!({ "amount": 1 }), "request-malformed"),
        (json!({ "amount_minor": 1 }), "request-malformed"),
        (json!([]), "request-malformed"),
        (
            json!({ "amount": { "amount_minor": 1_250_001, "currency": "CRC" } }),
            "amount-exceeds-payment",
        ),
    ] {
        let answer = operate(&proxy, &attempt, "capture", &fresh_key(), &body).await;
        problem(answer, 422, code).await;
    }
    let unknown = operate(
        &proxy,
        "att_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "void",
        &fresh_key(),
        &json!({}),
    )
    .await;
    problem(unknown, 404, "not-found").await;
    for id in ["opr_aaaaaaaaaaaaaaaaaaaaaaaaaa", "x", "%2e%2e"] {
        let answer = proxy
            .merchant(Method::GET, &format!("/v1/operations/{id}"))
            .send()
            .await
            .unwrap();
        problem(answer, 404, "not-found").await;
    }
    let operations = get(&proxy, &format!("/v1/sessions/{session}")).await["operations"].clone();
    assert_eq!(operations, json!([]));
}
