//! Saved cards that the merchant looks after, and transactions, over HTTP.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use ventanilla_sandbox::{CardTokenChange, Fault, Kind, Operation};

use crate::support::{GREENPAY_SECRET, PAN, Proxy, card_to_save, fresh_key, problem};

const MASTERCARD: &str = "5555555555554444";

async fn save(proxy: &Proxy, buyer: &str, pan: &str) -> Response {
    proxy
        .merchant(Method::POST, "/v1/greenpay/cards")
        .json(&json!({ "buyer_id": buyer, "sealed": card_to_save(&proxy.sandbox, pan) }))
        .send()
        .await
        .unwrap()
}

/// A saved card: what is told of it.
async fn saved(proxy: &Proxy, buyer: &str, pan: &str) -> Value {
    let answer = save(proxy, buyer, pan).await;
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

async fn ask(proxy: &Proxy, method: Method, path: &str) -> Response {
    proxy.merchant(method, path).send().await.unwrap()
}

async fn get(proxy: &Proxy, path: &str) -> Value {
    let answer = ask(proxy, Method::GET, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

fn path(card: &Value) -> String {
    format!("/v1/greenpay/cards/{}", card["id"].as_str().unwrap())
}

/// The newest token that the provider gave.
fn token(proxy: &Proxy) -> String {
    let changes = proxy.sandbox.ledger().card_tokens;
    let made = changes
        .iter()
        .rev()
        .find(|it| it.change == CardTokenChange::Created);
    made.unwrap().token.clone()
}

#[tokio::test]
async fn a_card_is_saved_for_a_buyer_and_named_by_an_identifier_of_ours() {
    let proxy = Proxy::start().await;
    let card = saved(&proxy, "buyer-7", PAN).await;
    assert!(card["id"].as_str().unwrap().starts_with("crd_"), "{card}");
    assert_eq!(card["buyer_id"], "buyer-7");
    assert_eq!(card["brand"], "visa");
    assert_eq!(
        (&card["last4"], &card["bin"]),
        (&json!("4242"), &json!("424242"))
    );
    assert_eq!(card["expiry_month"], 12);
    assert_eq!(card["expiry_year"], 2030);
    assert!(!card.to_string().contains(&token(&proxy)), "{card}");

    proxy.clock.advance(Duration::from_secs(1));
    let other = saved(&proxy, "buyer-7", MASTERCARD).await;
    saved(&proxy, "buyer-8", PAN).await;
    let list = get(&proxy, "/v1/greenpay/cards?buyer_id=buyer-7").await;
    assert_eq!(list, json!({ "cards": [other, card] }));
    assert_eq!(
        get(&proxy, "/v1/greenpay/cards?buyer_id=nobody").await,
        json!({ "cards": [] })
    );
    assert_eq!(get(&proxy, &path(&card)).await, card);
}

#[tokio::test]
async fn a_saved_card_pays_in_the_buyer_s_next_checkout() {
    let proxy = Proxy::start().await;
    let card = saved(&proxy, "buyer-7", PAN).await;
    let (_, client_token) = proxy.session().await;
    let body = json!({ "rail": "card", "card": { "saved_card": card["id"] } });
    let attempt = proxy
        .start_attempt(&client_token, &fresh_key(), &body)
        .await;
    let attempt: Value = attempt.json().await.unwrap();
    assert_eq!(attempt["state"], "succeeded", "{attempt}");
    assert_eq!(proxy.debits(), 1);
}

#[tokio::test]
async fn a_replaced_card_keeps_its_identifier_and_the_one_before_is_deleted_at_the_provider() {
    let proxy = Proxy::start().await;
    let card = saved(&proxy, "buyer-7", PAN).await;
    let before = token(&proxy);
    let replaced = proxy
        .merchant(Method::PUT, &path(&card))
        .json(&json!({ "sealed": card_to_save(&proxy.sandbox, MASTERCARD) }))
        .send()
        .await
        .unwrap();
    assert_eq!(replaced.status(), 200);
    let replaced: Value = replaced.json().await.unwrap();
    assert_eq!(replaced["id"], card["id"]);
    assert_eq!(
        (&replaced["last4"], &replaced["brand"]),
        (&json!("4444"), &json!("mastercard"))
    );
    assert_eq!(get(&proxy, &path(&card)).await, replaced);
    let changes = proxy.sandbox.ledger().card_tokens;
    let deleted: Vec<_> = changes
        .iter()
        .filter(|it| it.change == CardTokenChange::Deleted)
        .map(|it| it.token.as_str())
        .collect();
    assert_eq!(deleted, [before.as_str()]);
}

#[tokio::test]
async fn a_card_is_replaced_in_place_by_a_sealed_card_that_names_its_token() {
    let proxy = Proxy::start().await;
    let card = saved(&proxy, "buyer-7", PAN).await;
    // Sealed to the sandbox's key, with a token inside that nobody has.
    let sample = include_str!("../../../../tests/fixtures/greenpay/update_token_request.json");
    let sample: Value = serde_json::from_str(sample).unwrap();
    let (ld, lk) = (&sample["body"]["ld"], &sample["body"]["lk"]);
    let answer = proxy
        .merchant(Method::PUT, &path(&card))
        .json(&json!({ "sealed": { "ld": ld, "lk": lk }, "names_token": true }))
        .send()
        .await
        .unwrap();
    let document = problem(answer, 422, "provider-rejected").await;
    assert_eq!(document["provider_code"], "invalid_card_token");
    let calls = proxy.sandbox.ledger().count_calls();
    assert_eq!(calls.get(&Operation::UpdateToken), Some(&1));
    assert_eq!(get(&proxy, &path(&card)).await, card);
}

#[tokio::test]
async fn a_deleted_card_is_gone_at_the_provider_and_here() {
    let proxy = Proxy::start().await;
    let card = saved(&proxy, "buyer-7", PAN).await;
    let answer = ask(&proxy, Method::DELETE, &path(&card)).await;
    assert_eq!(answer.status(), 204);
    let changes = proxy.sandbox.ledger().card_tokens;
    assert_eq!(changes.last().unwrap().change, CardTokenChange::Deleted);
    for method in [Method::GET, Method::DELETE] {
        problem(ask(&proxy, method, &path(&card)).await, 404, "not-found").await;
    }
    let list = get(&proxy, "/v1/greenpay/cards?buyer_id=buyer-7").await;
    assert_eq!(list, json!({ "cards": [] }));
}

#[tokio::test]
async fn a_deletion_that_was_not_answered_may_be_repeated() {
    let proxy = Proxy::start().await;
    let card = saved(&proxy, "buyer-7", PAN).await;
    // Three tries inside, and none of them is answered: the first is executed.
    proxy
        .sandbox
        .arm(Fault::times(Operation::DeleteToken, Kind::BrokenJson, 1))
        .await
        .unwrap();
    let answer = ask(&proxy, Method::DELETE, &path(&card)).await;
    problem(answer, 502, "provider-unclear").await;
    let list = get(&proxy, "/v1/greenpay/cards?buyer_id=buyer-7").await;
    assert_eq!(list, json!({ "cards": [card] }));
    let answer = ask(&proxy, Method::DELETE, &path(&card)).await;
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn a_card_that_the_provider_lost_is_told_as_such() {
    let proxy = Proxy::start().await;
    let card = saved(&proxy, "buyer-7", PAN).await;
    let request = json!({
        "secret": GREENPAY_SECRET, "merchantId": "11111111-1111-4111-8111-111111111111",
        "token": token(&proxy), "requestId": "req-0001",
    });
    proxy
        .http
        .post(format!("{}/deleteToken", proxy.sandbox.merchant_url))
        .json(&request)
        .send()
        .await
        .unwrap();
    let answer = ask(&proxy, Method::GET, &path(&card)).await;
    let document = problem(answer, 422, "provider-rejected").await;
    assert_eq!(document["provider_code"], "invalid_card_token");
}

#[tokio::test]
async fn what_cannot_be_saved_is_refused_with_a_code_and_never_with_the_provider_s_words() {
    let proxy = Proxy::start().await;
    let sealed = card_to_save(&proxy.sandbox, PAN);
    let post = async |body: Value| {
        let request = proxy.merchant(Method::POST, "/v1/greenpay/cards");
        request.json(&body).send().await.unwrap()
    };
    for body in [
        json!({ "sealed": sealed }),
        json!({ "buyer_id": "", "sealed": sealed }),
        json!({ "buyer_id": "x".repeat(65), "sealed": sealed }),
        json!({ "buyer_id": "buyer-7", "sealed": sealed, "token": "x" }),
    ] {
        problem(post(body).await, 422, "request-malformed").await;
    }
    let mut damaged = sealed.clone();
    damaged["ld"] = json!("00");
    for sealed in [json!({ "ld": "", "lk": "" }), damaged] {
        let body = json!({ "buyer_id": "buyer-7", "sealed": sealed });
        let document = problem(post(body).await, 422, "card-malformed").await;
        assert!(!document.to_string().contains("Session"), "{document}");
    }
    for path in [
        "/v1/greenpay/cards",
        "/v1/greenpay/cards?buyer_id=a&buyer_id=b",
    ] {
        problem(
            ask(&proxy, Method::GET, path).await,
            422,
            "request-malformed",
        )
        .await;
    }
    let unknown = "/v1/greenpay/cards/crd_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    for path in [unknown, "/v1/greenpay/cards/%2e%2e"] {
        problem(ask(&proxy, Method::GET, path).await, 404, "not-found").await;
    }
    let no_key = proxy.request(Method::GET, unknown).send().await.unwrap();
    problem(no_key, 401, "api-key-invalid").await;
    assert!(proxy.sandbox.ledger().card_tokens.is_empty());
}

#[tokio::test]
async fn a_card_whose_saving_was_not_answered_is_not_kept() {
    let proxy = Proxy::start().await;
    proxy
        .sandbox
        .arm(Fault::once(Operation::Tokenize, Kind::ResetAfter))
        .await
        .unwrap();
    problem(save(&proxy, "buyer-7", PAN).await, 502, "provider-unclear").await;
    let list = get(&proxy, "/v1/greenpay/cards?buyer_id=buyer-7").await;
    assert_eq!(list, json!({ "cards": [] }));
    // Nothing was sent twice.
    let calls = proxy.sandbox.ledger().count_calls();
    assert_eq!(calls.get(&Operation::Tokenize), Some(&1));
}

#[tokio::test]
async fn a_transaction_is_told_by_its_reference_and_what_was_done_to_it() {
    let proxy = Proxy::start().await;
    let (_, client_token) = proxy.session().await;
    let attempt = proxy
        .start_attempt(&client_token, &fresh_key(), &proxy.card_start(PAN))
        .await;
    let attempt: Value = attempt.json().await.unwrap();
    let debit = proxy.sandbox.ledger().debits.remove(0);
    let path = format!("/v1/greenpay/transactions/{}", debit.reference);
    let told = get(&proxy, &path).await;
    assert_eq!(
        told,
        json!({
            "reference": debit.reference,
            "state": "approved",
            "provider_state": "approved",
            "total": { "amount_minor": 1_250_000, "currency": "CRC" },
            "authorization": debit.authorization,
            "bin": "424242",
            "last4": "4242",
        })
    );
    let void = format!("/v1/attempts/{}/void", attempt["id"].as_str().unwrap());
    let voided = proxy
        .merchant(Method::POST, &void)
        .header("idempotency-key", fresh_key())
        .send()
        .await
        .unwrap();
    assert_eq!(voided.status(), 201);
    let told = get(&proxy, &path).await;
    assert_eq!(
        (&told["state"], &told["total"]),
        (&json!("voided"), &Value::Null)
    );

    let unknown = ask(&proxy, Method::GET, "/v1/greenpay/transactions/nobody-s").await;
    let document = problem(unknown, 404, "not-found").await;
    assert_eq!(document["provider_code"], "404");
    let odd = ask(&proxy, Method::GET, "/v1/greenpay/transactions/a%20b").await;
    problem(odd, 404, "not-found").await;
    proxy
        .sandbox
        .arm(Fault::once(Operation::Transaction, Kind::ReadFails))
        .await
        .unwrap();
    let failed = ask(&proxy, Method::GET, &path).await;
    let document = problem(failed, 502, "provider-unclear").await;
    assert!(!document.to_string().contains("query failed"), "{document}");
}
