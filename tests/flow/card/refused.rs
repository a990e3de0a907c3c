//! Requests that are refused before anything is asked of the provider.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::session::SessionState;

use super::VISA;
use crate::checkout::{Checkout, Choice};
use crate::world::{API_KEY, SHOP, World};

async fn body_of(checkout: &Checkout) -> Value {
    serde_json::to_value(checkout.sealed_start(VISA, Choice::default()).await).unwrap()
}

#[tokio::test]
async fn an_expired_session_is_not_paid() {
    let world = World::open().await;
    let by_time = world.checkout_for(json!({ "expires_in_secs": 60 })).await;
    let by_shop = world.checkout().await;
    let (start, other_start) = (
        by_time.sealed_start(VISA, Choice::default()).await,
        by_shop.sealed_start(VISA, Choice::default()).await,
    );
    let expire = format!("/v1/sessions/{}/expire", by_shop.session);
    assert_eq!(world.shop("POST", &expire, None).await.status, 200);
    let refused = by_shop
        .start(world.next_key(), other_start)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.status),
        ("session-expired", 410)
    );
    assert_eq!(by_shop.view().await.state, SessionState::Expired);

    world.move_clock(Duration::from_secs(61));
    // The token outlives the session, so that the buyer is told what is the matter.
    let refused = by_time.start(world.next_key(), start).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.status),
        ("session-expired", 410)
    );
    assert_eq!(by_time.view().await.state, SessionState::Expired);
    assert_eq!(by_time.record().await["state"], "expired");
    assert!(world.ledger().calls.is_empty());
}

#[tokio::test]
async fn every_bad_client_token_gets_the_same_answer() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let body = body_of(&checkout).await;
    let forged = {
        let mut token = checkout.token.clone();
        let last = token.pop().unwrap();
        token.push(if last == 'A' { 'B' } else { 'A' });
        token
    };
    // Cut in the middle of the sealed part, where every bit counts.
    let cut = checkout
        .token
        .split_at(checkout.token.len() / 2)
        .0
        .to_owned();
    let mut answers = Vec::new();
    for token in [
        forged.as_str(),
        cut.as_str(),
        "",
        "v2.t1.card.",
        "a.b.c",
        API_KEY,
    ] {
        let visitor = Checkout {
            token: token.to_owned(),
            ..checkout.clone()
        };
        answers.push(visitor.post(&body).await);
    }
    world.move_clock(Duration::from_secs(31 * 60));
    answers.push(checkout.post(&body).await);
    for answer in &answers {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "client-token-invalid")
        );
        assert_eq!(answer.text, answers[0].text);
    }
    assert!(world.ledger().calls.is_empty());
    // A fresh one opens the same session.
    assert_eq!(
        checkout.with_fresh_token().await.pay(VISA).await.state,
        AttemptState::Succeeded
    );
}

#[tokio::test]
async fn a_client_token_opens_its_own_session_only() {
    let world = World::open().await;
    let (mine, theirs) = (world.checkout().await, world.checkout().await);
    let attempt = theirs.pay(VISA).await;
    let answer = world
        .send(mine.request("GET", &format!("/v1/checkout/attempts/{}", attempt.id)))
        .await;
    let nothing = world
        .send(mine.request(
            "GET",
            "/v1/checkout/attempts/att_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        ))
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"));
    assert_eq!(answer.text, nothing.text);
    assert!(mine.view().await.attempt.is_none());
}

#[tokio::test]
async fn a_page_that_is_not_the_shops_is_refused() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let body = body_of(&checkout).await.to_string();
    let post = async |origin: Option<&str>| {
        let mut request = world
            .client
            .post(format!("{}/v1/checkout/attempts", world.origin()))
            .bearer_auth(&checkout.token)
            .header("idempotency-key", world.next_key().as_str())
            .header("content-type", "application/json")
            .body(body.clone());
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        world.send(request).await
    };
    for origin in [
        Some("https://evil.example"),
        Some("null"),
        Some("http://localhost:8081"),
        Some("https://localhost:8080"),
        Some("http://localhost:8080.evil.example"),
        None,
        // The shop's own page: cards are typed in the frame.
        Some(SHOP),
    ] {
        let answer = post(origin).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "origin-not-allowed"),
            "{origin:?}"
        );
    }
    assert!(world.ledger().calls.is_empty());
}

#[tokio::test]
async fn a_shops_page_that_may_not_take_cards_is_told_before_there_is_a_form() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let look = async |origin: &str| {
        let request = world
            .client
            .get(format!("{}/v1/checkout", world.origin()))
            .bearer_auth(&checkout.token)
            .header("origin", origin);
        let answer = world.send(request).await;
        (answer.status, answer.code())
    };
    let refused = (403, String::from("origin-not-allowed"));
    assert_eq!(look(SHOP).await, refused);
    assert_eq!(look("https://evil.example").await, refused);
    // The same token, in the frame.
    assert_eq!(checkout.view().await.state, SessionState::Open);
}

#[tokio::test]
async fn a_body_of_17_kib_is_too_large() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let mut body = body_of(&checkout).await;
    body["card"]["sealed"]["ld"] = json!("0".repeat(17 * 1024));
    let answer = checkout.post(&body).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "body-too-large")
    );
    assert!(world.ledger().calls.is_empty());
}

#[tokio::test]
async fn what_is_not_in_the_contract_is_malformed() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let right = body_of(&checkout).await;
    let with = |place: &str, value: Value| {
        let mut body = right.clone();
        *body.pointer_mut(place).unwrap() = value;
        body
    };
    let and = |place: &str, name: &str, value: Value| {
        let mut body = right.clone();
        body.pointer_mut(place).unwrap()[name] = value;
        body
    };
    for body in [
        with("/rail", json!("barter")),
        with("/rail", json!("Card")),
        with("/card", Value::Null),
        // No amount, currency, payee or reference comes from a browser.
        and("", "amount_minor", json!(1)),
        and("", "total", json!({ "amount_minor": 1, "currency": "CRC" })),
        and("/card", "amount", json!(1)),
        and("/card", "orderReference", json!("mine")),
        and("/card/sealed", "cardNumber", json!("4242424242424242")),
        with("/card/sealed/ld", json!(7)),
        json!({}),
        json!([right]),
        json!("card"),
    ] {
        let answer = checkout.post(&body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "request-malformed"),
            "{body}"
        );
        assert!(!answer.text.contains("4242424242424242"), "{}", answer.text);
    }
    let request = checkout
        .request("POST", "/v1/checkout/attempts")
        .header("idempotency-key", world.next_key().as_str())
        .header("content-type", "text/plain")
        .body(right.to_string());
    assert_eq!(world.send(request).await.code(), "unsupported-media-type");
    assert!(world.ledger().calls.is_empty());
}

#[tokio::test]
async fn every_malformed_sealed_card_gets_the_same_answer() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let right = body_of(&checkout).await;
    let ld = right["card"]["sealed"]["ld"].as_str().unwrap();
    let lk = right["card"]["sealed"]["lk"].as_str().unwrap();
    let mut answers = Vec::new();
    for (ld, lk) in [
        ("", lk),
        ("0", lk),
        ("zz", lk),
        (&ld.to_uppercase(), lk),
        (&ld.repeat(10), lk),
        (&format!(" {ld}"), lk),
        (ld, ""),
        (ld, "not base64"),
        (ld, "AAAA"),
        (ld, &lk.repeat(2)),
        (ld, lk.trim_end_matches('=')),
        (ld, &format!("{lk}\n")),
    ] {
        let mut body = right.clone();
        body["card"]["sealed"] = json!({ "ld": ld, "lk": lk });
        answers.push(checkout.post(&body).await);
    }
    for answer in &answers {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "card-malformed"),
            "{}",
            answer.text
        );
        assert_eq!(answer.text, answers[0].text);
    }
    assert!(world.ledger().calls.is_empty());
}

#[tokio::test]
async fn a_card_that_the_provider_cannot_open_is_not_executed() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let mut start = checkout.sealed_start(VISA, Choice::default()).await;
    let other = checkout.seal(VISA, Choice::default()).await;
    // The key of another card: well formed, and no card comes out.
    start
        .card
        .as_mut()
        .unwrap()
        .sealed
        .as_mut()
        .unwrap()
        .lk
        .clone_from(&other.lk);
    let attempt = checkout.start(world.next_key(), start).await.unwrap();
    assert_eq!(attempt.state, AttemptState::NotExecuted);
    assert_eq!(checkout.pay(VISA).await.state, AttemptState::Succeeded);
    assert_eq!(world.paid(), 1);
}

#[tokio::test]
async fn the_merchant_api_wants_the_api_key_and_no_browser() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let url = format!("{}/v1/sessions/{}", world.origin(), checkout.session);
    let get = async |key: &str, origin: Option<&str>| {
        let mut request = world.client.get(&url).bearer_auth(key);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        world.send(request).await
    };
    assert_eq!(get(API_KEY, None).await.status, 200);
    assert_eq!(get("wrong", None).await.code(), "api-key-invalid");
    assert_eq!(get(&checkout.token, None).await.code(), "api-key-invalid");
    assert_eq!(get(API_KEY, Some(SHOP)).await.code(), "origin-not-allowed");
}
