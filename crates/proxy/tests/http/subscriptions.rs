//! Subscriptions, over HTTP: listed, changed and cancelled. What makes and charges them moves money, and is in
//! `charges`.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use ventanilla_sandbox::{Fault, Kind, Operation, SubscriptionChange};

use crate::support::{GREENPAY_SECRET, PAN, Proxy, card_to_save, problem};

const MERCHANT_ID: &str = "11111111-1111-4111-8111-111111111111";
pub const INSUFFICIENT_FUNDS: &str = "4000000000044828";

/// A card saved for a buyer: its identifier here, and the provider's token.
pub async fn card(proxy: &Proxy, pan: &str) -> (String, String) {
    let sealed = card_to_save(&proxy.sandbox, pan);
    let answer = proxy
        .merchant(Method::POST, "/v1/greenpay/cards")
        .json(&json!({ "buyer_id": "buyer-7", "sealed": sealed }))
        .send()
        .await
        .unwrap();
    let card: Value = answer.json().await.unwrap();
    let token = proxy.sandbox.ledger().card_tokens.pop().unwrap().token;
    (card["id"].as_str().unwrap().to_owned(), token)
}

/// A subscription of 10 CRC a month, made at the provider: its name there.
pub async fn subscribe(proxy: &Proxy, token: &str, start_date: Option<i64>) -> String {
    let mut charge = json!({
        "amount": 10, "cadence": { "mode": "EVERY", "unit": "MONTH", "every": 1 },
    });
    if let Some(start_date) = start_date {
        charge["startDate"] = json!(start_date);
    }
    let request = json!({
        "secret": GREENPAY_SECRET, "merchantId": MERCHANT_ID, "terminal": "sandbox-terminal",
        "userId": "buyer-7", "description": "Café del mes", "currency": "CRC",
        "tokens": [token], "subscription": [charge],
    });
    let made = proxy
        .http
        .post(format!("{}/subscriptions", proxy.sandbox.merchant_url))
        .json(&request)
        .send()
        .await
        .unwrap();
    let made: Value = made.json().await.unwrap();
    made["subscriptionId"].as_str().unwrap().to_owned()
}

/// In the year 2100.
pub const MUCH_LATER: i64 = 4_102_444_800_000;

async fn get(proxy: &Proxy, path: &str) -> Value {
    let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

async fn change(proxy: &Proxy, id: &str, what: &str, body: &Value) -> Response {
    proxy
        .merchant(
            Method::POST,
            &format!("/v1/greenpay/subscriptions/{id}/{what}"),
        )
        .json(body)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn subscriptions_are_listed_by_page_and_by_what_is_asked_for() {
    let proxy = Proxy::start().await;
    let (_, token) = card(&proxy, PAN).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(subscribe(&proxy, &token, Some(MUCH_LATER)).await);
    }
    let list = get(&proxy, "/v1/greenpay/subscriptions?limit=2").await;
    assert_eq!(list["subscriptions"].as_array().unwrap().len(), 2);
    assert_eq!((&list["next"], &list["total"]), (&json!("1"), &json!(3)));
    let first = &list["subscriptions"][0];
    assert_eq!(
        first,
        &json!({
            "id": ids[0],
            "status": "active",
            "buyer_id": "buyer-7",
            "description": "Café del mes",
            "amount": { "amount_minor": 1000, "currency": "CRC" },
            "every": 1,
            "unit": "month",
            "starts_at": "2100-01-01T00:00:00.000Z",
            "ends_at": null,
            // Midnight in Costa Rica, and there it is still the day before.
            "next_payment_at": "2099-12-31T06:00:00.000Z",
        })
    );
    assert!(!list.to_string().contains(&token), "{list}");
    for (query, count) in [
        ("?after=1&limit=2", 1),
        ("?status=cancelled", 0),
        ("?status=active,on_hold&buyer_id=buyer-7", 3),
        ("?min_amount_minor=1001", 0),
        ("?min_amount_minor=1000&max_amount_minor=1000", 3),
        ("?created_at=2001-01-01T00:00:00Z", 0),
    ] {
        let path = format!("/v1/greenpay/subscriptions{query}");
        let list = get(&proxy, &path).await;
        let found = list["subscriptions"].as_array().unwrap().len();
        assert_eq!(found, count, "{query}");
    }
    for query in [
        "?after=0",
        "?limit=101",
        "?limit=x",
        "?status=ended",
        "?min_amount_minor=0",
        "?status=",
        "?created_at=yesterday",
        "?secret=1",
        "?limit=1&limit=2",
    ] {
        let path = format!("/v1/greenpay/subscriptions{query}");
        let answer = proxy.merchant(Method::GET, &path).send().await.unwrap();
        problem(answer, 422, "request-malformed").await;
    }
}

#[tokio::test]
async fn payments_are_listed_with_what_became_of_each_try() {
    let proxy = Proxy::start().await;
    let (good, bad) = (
        card(&proxy, PAN).await,
        card(&proxy, INSUFFICIENT_FUNDS).await,
    );
    let paid = subscribe(&proxy, &good.1, None).await;
    let list = get(
        &proxy,
        &format!("/v1/greenpay/subscriptions/{paid}/payments"),
    )
    .await;
    let payment = &list["payments"][0];
    assert_eq!(payment["reference"], format!("{paid}_1"));
    assert_eq!(payment["state"], "approved");
    assert_eq!(
        payment["total"],
        json!({ "amount_minor": 1000, "currency": "CRC" })
    );
    assert_eq!(payment["last4"], "4242");
    assert_eq!(payment["retries"], json!([]));
    assert_eq!((&list["next"], &list["total"]), (&Value::Null, &json!(1)));

    let failed = subscribe(&proxy, &bad.1, None).await;
    proxy.sandbox.move_clock(Duration::from_secs(601));
    let list = get(
        &proxy,
        &format!("/v1/greenpay/subscriptions/{failed}/payments"),
    )
    .await;
    let payment = &list["payments"][0];
    assert_eq!(payment["state"], "untold");
    assert_eq!(payment["retries"][0]["state"], "declined");
    assert_eq!(payment["retries"][0]["provider_code"], "51");
    let list = get(&proxy, "/v1/greenpay/subscriptions?status=pending").await;
    assert_eq!(list["subscriptions"][0]["id"], failed);
}

#[tokio::test]
async fn a_subscription_is_given_another_card_and_amount_and_then_ended() {
    let proxy = Proxy::start().await;
    let (_, token) = card(&proxy, PAN).await;
    let (other, other_token) = card(&proxy, "5555555555554444").await;
    let id = subscribe(&proxy, &token, Some(MUCH_LATER)).await;
    let changes = [
        (
            "amount",
            json!({ "by": "ana", "amount": { "amount_minor": 2050, "currency": "CRC" } }),
            "active",
        ),
        ("card", json!({ "by": "ana", "card": other }), "active"),
        (
            "cancel",
            json!({ "by": "ana", "reason": "Moved away" }),
            "cancelled",
        ),
    ];
    for (what, body, status) in changes {
        let answer = change(&proxy, &id, what, &body).await;
        assert_eq!(answer.status(), 200, "{what}");
        let text = answer.text().await.unwrap();
        let changed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(changed["id"], id);
        assert_eq!(changed["status"], status, "{what}");
        // The provider's answer holds both.
        assert!(
            !text.contains(GREENPAY_SECRET) && !text.contains(&other_token),
            "{text}"
        );
    }
    let entries = proxy.sandbox.ledger().subscriptions;
    let done: Vec<_> = entries.iter().map(|entry| entry.change).collect();
    assert_eq!(
        done,
        [
            SubscriptionChange::Created,
            SubscriptionChange::AmountChanged,
            SubscriptionChange::CardChanged,
            SubscriptionChange::Cancelled,
        ]
    );
    let last = entries.last().unwrap();
    assert_eq!(
        (last.amount.as_str(), &last.card_token),
        ("20.50", &other_token)
    );
    // A second time it is refused, by the provider's own code.
    let body = json!({ "by": "ana", "reason": "Moved away" });
    let document = problem(
        change(&proxy, &id, "cancel", &body).await,
        422,
        "provider-rejected",
    )
    .await;
    assert_eq!(document["provider_code"], "400");
    assert!(!document.to_string().contains("is cancelled"), "{document}");
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused() {
    let proxy = Proxy::start().await;
    let (card, token) = card(&proxy, PAN).await;
    let id = subscribe(&proxy, &token, Some(MUCH_LATER)).await;
    let nothing = json!({ "amount_minor": 0, "currency": "CRC" });
    let pesos = json!({ "amount_minor": 100, "currency": "ARS" });
    for (what, body, code) in [
        ("cancel", json!({ "by": "ana" }), "request-malformed"),
        (
            "cancel",
            json!({ "by": "", "reason": "x" }),
            "request-malformed",
        ),
        (
            "cancel",
            json!({ "by": "ana", "reason": "" }),
            "request-malformed",
        ),
        (
            "card",
            json!({ "by": "ana", "card": "crd_x" }),
            "saved-card-unknown",
        ),
        (
            "card",
            json!({ "by": "ana", "card": card, "token": "x" }),
            "request-malformed",
        ),
        (
            "amount",
            json!({ "by": "ana", "amount": nothing }),
            "amount-invalid",
        ),
        (
            "amount",
            json!({ "by": "ana", "amount": pesos }),
            "amount-invalid",
        ),
    ] {
        problem(change(&proxy, &id, what, &body).await, 422, code).await;
    }
    let body = json!({ "by": "ana", "reason": "x" });
    let unknown = change(&proxy, "nobody", "cancel", &body).await;
    let document = problem(unknown, 422, "provider-rejected").await;
    assert_eq!(document["provider_code"], "404");
    problem(
        change(&proxy, "a%20b", "cancel", &body).await,
        404,
        "not-found",
    )
    .await;
    assert_eq!(proxy.sandbox.ledger().subscriptions.len(), 1);
}

#[tokio::test]
async fn the_payments_of_a_subscription_that_nobody_knows_are_not_found() {
    let proxy = Proxy::start().await;
    for id in ["nobody", "9f2c4e6a8b0d1f3a5c7e9b1d3f5a7c9e", "a%20b"] {
        let path = format!("/v1/greenpay/subscriptions/{id}/payments");
        let answer = proxy.merchant(Method::GET, &path).send().await.unwrap();
        let document = problem(answer, 404, "not-found").await;
        assert!(
            !document.to_string().contains("subscription not found"),
            "{document}"
        );
    }
    // What proves nothing says nothing about the subscription either.
    let fault = Fault::once(Operation::SubscriptionPayments, Kind::ReadFails);
    proxy.sandbox.arm(fault).await.unwrap();
    let path = "/v1/greenpay/subscriptions/nobody/payments";
    let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
    problem(answer, 502, "provider-unclear").await;
}

#[tokio::test]
async fn a_change_that_was_not_answered_is_not_known_and_may_be_repeated() {
    let proxy = Proxy::start().await;
    let (_, token) = card(&proxy, PAN).await;
    let id = subscribe(&proxy, &token, Some(MUCH_LATER)).await;
    let fault = |kind| Fault::once(Operation::UpdateSubscription, kind);
    let amount =
        |minor: u32| json!({ "by": "ana", "amount": { "amount_minor": minor, "currency": "CRC" } });
    proxy.sandbox.arm(fault(Kind::BrokenJson)).await.unwrap();
    let answer = change(&proxy, &id, "amount", &amount(2000)).await;
    problem(answer, 502, "provider-unclear").await;
    let answer = change(&proxy, &id, "amount", &amount(2000)).await;
    assert_eq!(answer.status(), 200);

    let fault = Fault::once(Operation::Subscriptions, Kind::ReadFails);
    proxy.sandbox.arm(fault).await.unwrap();
    let path = "/v1/greenpay/subscriptions";
    let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
    problem(answer, 502, "provider-unclear").await;
}
