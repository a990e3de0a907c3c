//! Subscriptions that are made and paid, and many payments at once, over HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use ventanilla_sandbox::{
    BulkEntry, DebitEntry, DebitState, Fault, Kind, Notifications, NotifyMode, Operation,
    SubscriptionEntry,
};

use crate::operations::get;
use crate::receiver::Receiver;
use crate::subscriptions::{INSUFFICIENT_FUNDS, MUCH_LATER, card, subscribe};
use crate::support::{HOOK_PATH, PAN, Proxy, fresh_key, problem};

const SUBSCRIPTIONS: &str = "/v1/greenpay/subscriptions";
const BULK: &str = "/v1/greenpay/bulk-payments";

/// Asks for something that belongs to no checkout.
pub async fn ask(proxy: &Proxy, path: &str, key: &str, body: &Value) -> Response {
    proxy
        .merchant(Method::POST, path)
        .header("idempotency-key", key)
        .json(body)
        .send()
        .await
        .unwrap()
}

/// The same many times at once, all under `key`: what was opened by it, by its identifier.
pub async fn asked_at_once(proxy: &Proxy, path: &str, key: &str, body: &Value) -> BTreeSet<String> {
    let asking = (0..12).map(|_| {
        let request = proxy
            .merchant(Method::POST, path)
            .header("idempotency-key", key)
            .json(body);
        tokio::spawn(request.send())
    });
    let mut ids = BTreeSet::new();
    for answer in asking.collect::<Vec<_>>() {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), 201);
        let opened: Value = answer.json().await.unwrap();
        ids.insert(opened["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// As [`ask`]: the operation.
pub async fn asked(proxy: &Proxy, path: &str, key: &str, body: &Value) -> Value {
    let answer = ask(proxy, path, key, body).await;
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

/// Asks, and goes away before there can be an answer.
pub async fn ask_and_leave(proxy: &Proxy, path: &str, key: &str, body: &Value) {
    let asking = ask(proxy, path, key, body);
    let _ = tokio::time::timeout(Duration::from_millis(600), asking).await;
}

/// Reads an operation until it is `state`; the clock goes on meanwhile, each time by `step`.
async fn until(proxy: &Proxy, operation: &Value, state: &str, step: Duration) -> Value {
    let path = format!("/v1/operations/{}", operation["id"].as_str().unwrap());
    for _ in 0..400 {
        let operation = get(proxy, &path).await;
        if operation["state"] == state {
            return operation;
        }
        proxy.clock.advance(step);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{}", get(proxy, &path).await);
}

const SECOND: Duration = Duration::from_secs(1);
const HALF_AN_HOUR: Duration = Duration::from_secs(1_800);

async fn arm(proxy: &Proxy, fault: Fault) {
    proxy.sandbox.arm(fault).await.unwrap();
}

fn subscription(card: &str) -> Value {
    json!({
        "reference": "S-2026-31",
        "buyer_id": "buyer-7",
        "saved_card": card,
        "description": "Café del mes",
        "amount": { "amount_minor": 1_250_000, "currency": "CRC" },
        "every_months": 1,
        "starts_at": "2100-01-01T12:00:00Z",
    })
}

fn made(proxy: &Proxy) -> Vec<SubscriptionEntry> {
    proxy.sandbox.ledger().subscriptions
}

#[tokio::test]
async fn a_subscription_asked_for_twice_with_one_key_is_one() {
    let proxy = Proxy::start().await;
    let (card, token) = card(&proxy, PAN).await;
    let key = fresh_key();
    let before = proxy.debits();
    let first = asked(&proxy, SUBSCRIPTIONS, &key, &subscription(&card)).await;
    let second = asked(&proxy, SUBSCRIPTIONS, &key, &subscription(&card)).await;
    assert_eq!(first, second);
    assert_eq!(
        json!({ "kind": first["kind"], "state": first["state"], "amount": first["amount"],
                "details": first["details"] }),
        json!({
            "kind": "subscription",
            "state": "succeeded",
            "amount": { "amount_minor": 1_250_000, "currency": "CRC" },
            "details": { "reference": "S-2026-31", "description": "Café del mes", "buyer_id": "buyer-7",
                         "saved_card": card, "every_months": 1, "starts_at": "2100-01-01T12:00:00.000Z" },
        })
    );
    assert!(!first.to_string().contains(&token));
    let entries = made(&proxy);
    assert_eq!(entries.len(), 1);
    assert_eq!(first["result"]["subscription_id"], entries[0].id.as_str());
    assert_eq!(
        (entries[0].amount.as_str(), &entries[0].card_token),
        ("12500.00", &token)
    );
    // Nothing is paid on the day on which it is made.
    assert_eq!(proxy.debits(), before);
    let listed = get(&proxy, SUBSCRIPTIONS).await;
    let listed = &listed["subscriptions"][0];
    assert_eq!(listed["id"], entries[0].id.as_str());
    assert_eq!(listed["next_payment_at"], "2100-01-01T06:00:00.000Z");

    let mut other = subscription(&card);
    other["every_months"] = json!(2);
    let answer = ask(&proxy, SUBSCRIPTIONS, &key, &other).await;
    problem(answer, 422, "idempotency-key-reused").await;
    asked(&proxy, SUBSCRIPTIONS, &fresh_key(), &subscription(&card)).await;
    assert_eq!(made(&proxy).len(), 2);
}

#[tokio::test]
async fn a_subscription_whose_creation_was_not_answered_is_found_in_the_list() {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::BrokenJson,
    ] {
        let proxy = Proxy::start().await;
        let (card, _) = card(&proxy, PAN).await;
        // Another one of the same buyer, for the same.
        asked(&proxy, SUBSCRIPTIONS, &fresh_key(), &subscription(&card)).await;
        arm(&proxy, Fault::once(Operation::CreateSubscription, kind)).await;
        let found = asked(&proxy, SUBSCRIPTIONS, &fresh_key(), &subscription(&card)).await;
        assert_eq!(found["state"], "succeeded", "{kind:?}: {found}");
        let entries = made(&proxy);
        assert_eq!(entries.len(), 2, "{kind:?}");
        assert_eq!(found["result"]["subscription_id"], entries[1].id.as_str());
    }
}

#[tokio::test]
async fn a_subscription_that_the_list_does_not_show_is_for_a_person_and_is_never_made_again() {
    let receiver = Receiver::start().await;
    let proxy = Proxy::start().await;
    let section = receiver.section();
    let proxy = proxy.restart_with(|text| text + &section).await;
    let (card, _) = card(&proxy, PAN).await;
    let fault = Fault::once(Operation::CreateSubscription, Kind::ResetBefore);
    arm(&proxy, fault).await;
    let key = fresh_key();
    ask_and_leave(&proxy, SUBSCRIPTIONS, &key, &subscription(&card)).await;
    let pending = asked(&proxy, SUBSCRIPTIONS, &key, &subscription(&card)).await;
    let stuck = until(&proxy, &pending, "review", HALF_AN_HOUR).await;
    assert!(made(&proxy).is_empty());
    let path = format!("/v1/review/{}/settle", stuck["id"].as_str().unwrap());
    let settle = json!({ "outcome": "not_executed", "note": "there is none in the dashboard" });
    let answer = proxy.merchant(Method::POST, &path).json(&settle).send();
    assert_eq!(answer.await.unwrap().status(), 204);
    let again = asked(&proxy, SUBSCRIPTIONS, &key, &subscription(&card)).await;
    assert_eq!(again["state"], "not_executed");
    assert!(made(&proxy).is_empty());
    let heard = receiver.heard(2).await;
    let kinds: Vec<_> = heard.iter().map(|it| it.json()["type"].clone()).collect();
    assert_eq!(kinds, ["operation.review", "operation.not_executed"]);
}

#[tokio::test]
async fn what_a_stopped_proxy_had_asked_for_is_settled_by_the_one_that_comes_after() {
    let mut proxy = Proxy::start().await;
    let (card, token) = card(&proxy, PAN).await;
    let paid = subscribe(&proxy, &token, Some(MUCH_LATER)).await;
    let payments = format!("{SUBSCRIPTIONS}/{paid}/payments");
    let before = proxy.debits();
    for (operation, read, kind, path, body) in [
        (
            Operation::CreateSubscription,
            Operation::Subscriptions,
            Kind::ReadFails,
            SUBSCRIPTIONS,
            subscription(&card),
        ),
        (
            Operation::PaySubscription,
            Operation::SubscriptionPayments,
            Kind::DelayVisibility,
            payments.as_str(),
            payment(1_000),
        ),
        (
            Operation::Bulk,
            Operation::Transaction,
            Kind::ReadFails,
            BULK,
            bulk(&[(&card, 1_000), (&card, 2_000)]),
        ),
    ] {
        arm(&proxy, Fault::once(operation, Kind::ResetAfter)).await;
        arm(&proxy, Fault::times(read, kind, 1_000)).await;
        let key = fresh_key();
        ask_and_leave(&proxy, path, &key, &body).await;
        proxy = proxy.restart_with(|text| text).await;
        proxy.sandbox.clear_faults().await;
        let pending = asked(&proxy, path, &key, &body).await;
        until(&proxy, &pending, "succeeded", SECOND).await;
        let calls = proxy.sandbox.ledger().calls_of(operation).count();
        // The first subscription was made at the provider.
        let others = usize::from(operation == Operation::CreateSubscription);
        assert_eq!(calls, 1 + others, "{operation:?}");
    }
    assert_eq!(made(&proxy).len(), 2);
    assert_eq!(proxy.debits(), before + 3);
}

#[tokio::test]
async fn a_subscription_that_cannot_be_is_refused_before_anything_is_recorded() {
    let proxy = Proxy::start().await;
    let (card, _) = card(&proxy, PAN).await;
    let with = |field: &str, value: Value| {
        let mut body = subscription(&card);
        body[field] = value;
        body
    };
    // The proxy's clock: 2026-11-18T11:06:40Z.
    for (body, code) in [
        (
            with("starts_at", json!("2026-11-19T11:06:39Z")),
            "request-malformed",
        ),
        (with("starts_at", json!("2026-12-01")), "request-malformed"),
        (
            with("ends_at", json!("2100-01-01T12:00:00Z")),
            "request-malformed",
        ),
        (with("every_months", json!(0)), "request-malformed"),
        (with("every_months", json!(61)), "request-malformed"),
        (with("description", json!("")), "request-malformed"),
        (
            with("description", json!("x".repeat(201))),
            "request-malformed",
        ),
        (with("token", json!("x")), "request-malformed"),
        (with("saved_card", json!("crd_x")), "saved-card-unknown"),
        (with("buyer_id", json!("buyer-8")), "saved-card-unknown"),
        (
            with("amount", json!({ "amount_minor": 0, "currency": "CRC" })),
            "amount-invalid",
        ),
        (
            with("amount", json!({ "amount_minor": 1, "currency": "ARS" })),
            "amount-invalid",
        ),
    ] {
        problem(
            ask(&proxy, SUBSCRIPTIONS, &fresh_key(), &body).await,
            422,
            code,
        )
        .await;
    }
    let keyless = proxy
        .merchant(Method::POST, SUBSCRIPTIONS)
        .json(&subscription(&card));
    problem(
        keyless.send().await.unwrap(),
        400,
        "idempotency-key-invalid",
    )
    .await;
    assert!(made(&proxy).is_empty());
    let review = get(&proxy, "/v1/review").await;
    assert_eq!(review["operations"], json!([]));
    let first = with("starts_at", json!("2026-11-19T11:06:40Z"));
    let operation = asked(&proxy, SUBSCRIPTIONS, &fresh_key(), &first).await;
    assert_eq!(operation["state"], "succeeded");
}

/// A card that the provider lost.
async fn lose(proxy: &Proxy, token: &str) {
    let request = json!({
        "secret": crate::support::GREENPAY_SECRET, "merchantId": "11111111-1111-4111-8111-111111111111",
        "token": token, "requestId": "lost",
    });
    let url = format!("{}/deleteToken", proxy.sandbox.merchant_url);
    let deleted = proxy.http.post(url).json(&request).send().await.unwrap();
    assert_eq!(deleted.status(), 200);
}

#[tokio::test]
async fn what_the_provider_refuses_was_not_done_and_none_of_its_words_are_told() {
    let proxy = Proxy::start().await;
    let (card, token) = card(&proxy, PAN).await;
    lose(&proxy, &token).await;
    let refused = asked(&proxy, SUBSCRIPTIONS, &fresh_key(), &subscription(&card)).await;
    assert_eq!(refused["state"], "not_executed", "{refused}");
    assert_eq!(refused["reason"], "provider does not know the card token");
    assert!(!refused.to_string().contains("Invalid card token"));
    assert!(made(&proxy).is_empty());
}

fn payment(minor: u32) -> Value {
    json!({ "amount": { "amount_minor": minor, "currency": "CRC" } })
}

fn approved(proxy: &Proxy, subscription: &str) -> Vec<DebitEntry> {
    let ledger = proxy.sandbox.ledger();
    let debits = ledger.debits_of_subscription(subscription);
    debits
        .filter(|debit| debit.state == DebitState::Approved)
        .cloned()
        .collect()
}

/// A subscription of 10 CRC a month: its name, and where its payments are.
async fn subscribed(proxy: &Proxy, pan: &str) -> (String, String) {
    let (_, token) = card(proxy, pan).await;
    let id = subscribe(proxy, &token, Some(MUCH_LATER)).await;
    let payments = format!("{SUBSCRIPTIONS}/{id}/payments");
    (id, payments)
}

#[tokio::test]
async fn a_subscription_paid_twice_with_one_key_is_paid_once() {
    let proxy = Proxy::start().await;
    let (id, payments) = subscribed(&proxy, PAN).await;
    let key = fresh_key();
    let first = asked(&proxy, &payments, &key, &payment(1_000)).await;
    let second = asked(&proxy, &payments, &key, &payment(1_000)).await;
    assert_eq!(first, second);
    let debits = approved(&proxy, &id);
    assert_eq!(debits.len(), 1);
    assert_eq!(
        json!({ "kind": first["kind"], "state": first["state"], "details": first["details"],
                "result": first["result"] }),
        json!({
            "kind": "subscription_payment",
            "state": "succeeded",
            "details": { "subscription_id": id },
            "result": { "payment_reference": format!("{id}_1"), "authorization": debits[0].authorization },
        })
    );
    let answer = ask(&proxy, &payments, &key, &payment(1_001)).await;
    problem(answer, 422, "idempotency-key-reused").await;
    let (_, others) = subscribed(&proxy, PAN).await;
    let answer = ask(&proxy, &others, &key, &payment(1_000)).await;
    problem(answer, 422, "idempotency-key-reused").await;
    asked(&proxy, &payments, &fresh_key(), &payment(1_000)).await;
    assert_eq!(approved(&proxy, &id).len(), 2);
}

#[tokio::test]
async fn a_payment_of_a_subscription_that_was_not_answered_is_found_among_its_payments() {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::Truncate,
        Kind::WrongReference,
        Kind::WrongAmount,
    ] {
        let proxy = Proxy::start().await;
        let (id, payments) = subscribed(&proxy, PAN).await;
        asked(&proxy, &payments, &fresh_key(), &payment(1_000)).await;
        arm(&proxy, Fault::once(Operation::PaySubscription, kind)).await;
        let found = asked(&proxy, &payments, &fresh_key(), &payment(1_000)).await;
        assert_eq!(found["state"], "succeeded", "{kind:?}: {found}");
        assert_eq!(found["result"]["payment_reference"], format!("{id}_2"));
        assert_eq!(approved(&proxy, &id).len(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn a_payment_of_a_subscription_that_is_declined_is_told_with_the_provider_s_code() {
    for fault in [None, Some(Kind::ResetAfter)] {
        let proxy = Proxy::start().await;
        let (id, payments) = subscribed(&proxy, INSUFFICIENT_FUNDS).await;
        if let Some(kind) = fault {
            arm(&proxy, Fault::once(Operation::PaySubscription, kind)).await;
        }
        let operation = asked(&proxy, &payments, &fresh_key(), &payment(1_000)).await;
        assert_eq!(operation["state"], "declined", "{fault:?}: {operation}");
        assert_eq!(operation["provider_code"], "51");
        assert!(approved(&proxy, &id).is_empty());
    }
}

#[tokio::test]
async fn a_subscription_is_not_paid_again_while_a_payment_of_it_is_in_doubt() {
    let proxy = Proxy::start().await;
    let (id, payments) = subscribed(&proxy, PAN).await;
    let fault = Fault::once(Operation::PaySubscription, Kind::ResetBefore);
    arm(&proxy, fault).await;
    let key = fresh_key();
    ask_and_leave(&proxy, &payments, &key, &payment(1_000)).await;
    let answer = ask(&proxy, &payments, &fresh_key(), &payment(1_000)).await;
    problem(answer, 409, "operation-running").await;
    let pending = asked(&proxy, &payments, &key, &payment(1_000)).await;
    assert_eq!(pending["state"], "unknown");
    // What is paid by somebody else's hand a day later cannot be told from what was asked for.
    let stuck = until(&proxy, &pending, "review", HALF_AN_HOUR).await;
    assert!(approved(&proxy, &id).is_empty(), "{stuck}");
}

#[tokio::test]
async fn another_amount_than_was_agreed_is_for_somebody_to_look_at() {
    let proxy = Proxy::start().await;
    let (id, payments) = subscribed(&proxy, PAN).await;
    let operation = asked(&proxy, &payments, &fresh_key(), &payment(999)).await;
    assert_eq!(operation["state"], "review", "{operation}");
    assert!(
        operation["reason"]
            .as_str()
            .unwrap()
            .contains("another amount")
    );
    assert_eq!(approved(&proxy, &id).len(), 1);
}

#[tokio::test]
async fn a_subscription_that_nobody_knows_is_not_found_and_nothing_is_recorded() {
    let proxy = Proxy::start().await;
    for id in ["nobody", "a%20b"] {
        let path = format!("{SUBSCRIPTIONS}/{id}/payments");
        let answer = ask(&proxy, &path, &fresh_key(), &payment(1_000)).await;
        problem(answer, 404, "not-found").await;
    }
    let (id, payments) = subscribed(&proxy, PAN).await;
    for (body, code) in [
        (payment(0), "amount-invalid"),
        (json!({}), "request-malformed"),
        (
            json!({ "amount": { "amount_minor": 1, "currency": "MXN" } }),
            "amount-invalid",
        ),
    ] {
        let answer = ask(&proxy, &payments, &fresh_key(), &body).await;
        problem(answer, 422, code).await;
    }
    let fault = Fault::once(Operation::SubscriptionPayments, Kind::ReadFails);
    arm(&proxy, fault).await;
    let answer = ask(&proxy, &payments, &fresh_key(), &payment(1_000)).await;
    problem(answer, 502, "provider-unclear").await;
    let ledger = proxy.sandbox.ledger();
    assert_eq!(ledger.calls_of(Operation::PaySubscription).count(), 0);
    assert!(approved(&proxy, &id).is_empty());
}

/// Payments with cards, in minor units.
fn bulk(payments: &[(&str, u32)]) -> Value {
    let payments: Vec<Value> = payments
        .iter()
        .zip(1..)
        .map(|((card, minor), number)| {
            json!({
                "order_reference": format!("2026-11/{number}"),
                "total": { "amount_minor": minor, "currency": "CRC" },
                "buyer_id": "buyer-7",
                "saved_card": card,
            })
        })
        .collect();
    json!({ "reference": "2026-11", "payments": payments })
}

fn bulks(proxy: &Proxy) -> Vec<BulkEntry> {
    proxy.sandbox.ledger().bulks
}

fn states(operation: &Value) -> Vec<&str> {
    let items = operation["items"].as_array().unwrap();
    items
        .iter()
        .map(|it| it["state"].as_str().unwrap())
        .collect()
}

/// Whether each item that succeeded was debited once, in its amount, and no other was.
fn agrees(proxy: &Proxy, operation: &Value) -> bool {
    let ledger = proxy.sandbox.ledger();
    operation["items"].as_array().unwrap().iter().all(|item| {
        let debits: Vec<_> = ledger
            .debits_of(item["reference"].as_str().unwrap())
            .filter(|debit| debit.state == DebitState::Approved)
            .collect();
        let minor = item["amount"]["amount_minor"].as_u64().unwrap();
        let text = format!("{}.{:02}", minor / 100, minor % 100);
        match item["state"].as_str().unwrap() {
            "succeeded" => debits.len() == 1 && debits[0].amount == text && debits[0].count == 1,
            _ => debits.is_empty(),
        }
    })
}

#[tokio::test]
async fn many_payments_asked_for_twice_with_one_key_are_made_once() {
    let proxy = Proxy::start().await;
    let (card, token) = card(&proxy, PAN).await;
    let body = bulk(&[(&card, 99_000), (&card, 45_050)]);
    let key = fresh_key();
    let first = asked(&proxy, BULK, &key, &body).await;
    let second = asked(&proxy, BULK, &key, &body).await;
    assert_eq!(first, second);
    assert_eq!(first["kind"], "bulk");
    assert_eq!(first["state"], "succeeded", "{first}");
    assert_eq!(
        first["amount"],
        json!({ "amount_minor": 144_050, "currency": "CRC" })
    );
    assert_eq!(states(&first), ["succeeded", "succeeded"]);
    assert_eq!(first["items"][1]["order_reference"], "2026-11/2");
    assert_eq!(first["items"][1]["last4"], "4242");
    assert!(!first.to_string().contains(&token));
    let taken = bulks(&proxy);
    assert_eq!(taken.len(), 1);
    assert_eq!(first["result"]["bulk_id"], taken[0].id.as_str());
    assert!(agrees(&proxy, &first));

    let mut other = body.clone();
    other["payments"][0]["total"]["amount_minor"] = json!(1);
    let answer = ask(&proxy, BULK, &key, &other).await;
    problem(answer, 422, "idempotency-key-reused").await;
    assert_eq!(bulks(&proxy).len(), 1);
}

#[tokio::test]
async fn payments_of_many_end_each_by_itself_and_all_of_it_with_the_last() {
    let receiver = Receiver::start().await;
    let proxy = Proxy::start().await;
    let section = receiver.section();
    let proxy = proxy.restart_with(|text| text + &section).await;
    let (good, _) = card(&proxy, PAN).await;
    let (bad, _) = card(&proxy, INSUFFICIENT_FUNDS).await;
    let key = fresh_key();
    let body = bulk(&[(&good, 1_000), (&bad, 2_000), (&good, 3_000)]);
    ask_and_leave(&proxy, BULK, &key, &body).await;
    let pending = asked(&proxy, BULK, &key, &body).await;
    assert_eq!(pending["state"], "unknown", "{pending}");
    assert_eq!(states(&pending), ["succeeded", "unknown", "succeeded"]);
    let over = until(&proxy, &pending, "succeeded", HALF_AN_HOUR).await;
    assert_eq!(states(&over), ["succeeded", "not_executed", "succeeded"]);
    assert!(agrees(&proxy, &over));
    let day = ventanilla_proxy::clock::Timestamp::from_millis(1_795_000_000_000)
        + Duration::from_secs(24 * 3600);
    assert!(
        over["settled_at"].as_str().unwrap() >= day.rfc3339().as_str(),
        "{over}"
    );
    let heard = receiver.heard(1).await;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].json()["type"], "operation.succeeded");
    assert_eq!(heard[0].json()["data"]["operation"]["items"], over["items"]);
}

#[tokio::test]
async fn many_payments_that_were_not_answered_are_found_one_by_one() {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::BrokenJson,
    ] {
        let proxy = Proxy::start().await;
        let (card, _) = card(&proxy, PAN).await;
        arm(&proxy, Fault::once(Operation::Bulk, kind)).await;
        let payments: Vec<(&str, u32)> = (1..=45).map(|it| (card.as_str(), it * 100)).collect();
        let key = fresh_key();
        ask_and_leave(&proxy, BULK, &key, &bulk(&payments)).await;
        let pending = asked(&proxy, BULK, &key, &bulk(&payments)).await;
        let found = until(&proxy, &pending, "succeeded", SECOND).await;
        assert_eq!(bulks(&proxy).len(), 1, "{kind:?}");
        assert!(agrees(&proxy, &found), "{kind:?}: {found}");
    }
}

#[tokio::test]
async fn many_payments_that_never_arrived_are_not_executed_after_a_day() {
    let proxy = Proxy::start().await;
    let (card, _) = card(&proxy, PAN).await;
    arm(&proxy, Fault::once(Operation::Bulk, Kind::ResetBefore)).await;
    let key = fresh_key();
    let body = bulk(&[(&card, 1_000), (&card, 2_000)]);
    ask_and_leave(&proxy, BULK, &key, &body).await;
    let pending = asked(&proxy, BULK, &key, &body).await;
    let over = until(&proxy, &pending, "not_executed", HALF_AN_HOUR).await;
    assert_eq!(states(&over), ["not_executed", "not_executed"]);
    assert!(bulks(&proxy).is_empty());
    let again = asked(&proxy, BULK, &key, &body).await;
    assert_eq!(again, over);
    assert!(bulks(&proxy).is_empty());
}

#[tokio::test]
async fn many_payments_that_do_not_fit_are_refused_before_anything_is_recorded() {
    let proxy = Proxy::start().await;
    let (card, token) = card(&proxy, PAN).await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = bulk(&[(&card, 1_000), (&card, 2_000)]);
        change(&mut body);
        body
    };
    let many: Vec<(&str, u32)> = (0..101).map(|_| (card.as_str(), 1)).collect();
    for (body, code) in [
        (json!({ "payments": [] }), "request-malformed"),
        (bulk(&many), "request-malformed"),
        (
            with(&|it| it["payments"][1]["order_reference"] = json!("2026-11/1")),
            "request-malformed",
        ),
        (
            with(&|it| it["payments"][1]["token"] = json!("x")),
            "request-malformed",
        ),
        (
            with(&|it| it["payments"][1]["saved_card"] = json!("crd_x")),
            "saved-card-unknown",
        ),
        (
            with(&|it| it["payments"][1]["buyer_id"] = json!("buyer-8")),
            "saved-card-unknown",
        ),
        (
            with(&|it| it["payments"][1]["total"]["currency"] = json!("USD")),
            "amount-invalid",
        ),
        (
            with(&|it| it["payments"][0]["total"]["amount_minor"] = json!(0)),
            "amount-invalid",
        ),
    ] {
        let document = problem(ask(&proxy, BULK, &fresh_key(), &body).await, 422, code).await;
        assert!(!document.to_string().contains(&token));
    }
    let ledger = proxy.sandbox.ledger();
    assert_eq!(ledger.calls_of(Operation::Bulk).count(), 0);
    let review = get(&proxy, "/v1/review").await;
    assert_eq!(review["operations"], json!([]));
}

/// Has the provider post to the proxy a good while after what it posts about.
fn notify_late(proxy: &Proxy) {
    let url = format!("{}/hooks/greenpay/{HOOK_PATH}", proxy.running.origin());
    proxy
        .sandbox
        .notify(Notifications {
            url: Some(url.parse().unwrap()),
            mode: NotifyMode::Late,
            late_ms: 1_000_000,
            ..Notifications::default()
        })
        .unwrap();
}

#[tokio::test]
async fn a_notification_has_what_is_in_doubt_read_back_at_once() {
    let proxy = Proxy::start().await;
    let (id, payments) = subscribed(&proxy, PAN).await;
    let (card, _) = card(&proxy, PAN).await;
    for (operation, read, path, body) in [
        (
            Operation::PaySubscription,
            Operation::SubscriptionPayments,
            payments.as_str(),
            payment(1_000),
        ),
        (
            Operation::Bulk,
            Operation::Transaction,
            BULK,
            bulk(&[(&card, 1_000)]),
        ),
    ] {
        notify_late(&proxy);
        arm(&proxy, Fault::once(operation, Kind::ResetAfter)).await;
        let nothing = Fault::times(read, Kind::DelayVisibility, 1_000);
        arm(&proxy, nothing).await;
        let key = fresh_key();
        ask_and_leave(&proxy, path, &key, &body).await;
        let pending = asked(&proxy, path, &key, &body).await;
        let id = pending["id"].as_str().unwrap();
        // So far into the doubt that the next read would be hours away.
        for hours in [5, 1, 1] {
            proxy.clock.advance(Duration::from_secs(hours * 3600));
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        proxy.sandbox.clear_faults().await;
        proxy.clock.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(300)).await;
        let still = get(&proxy, &format!("/v1/operations/{id}")).await;
        assert_eq!(still["state"], "unknown", "{operation:?}");
        proxy.sandbox.move_clock(Duration::from_secs(1_001));
        let told = proxy.sandbox.ledger().notifications.len();
        for _ in 0..400 {
            let sent = proxy.sandbox.ledger().notifications;
            if sent.len() > told.saturating_sub(1) && !sent.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let settled = until(&proxy, &pending, "succeeded", Duration::from_millis(100)).await;
        assert!(settled["settled_at"].is_string());
    }
    assert_eq!(approved(&proxy, &id).len(), 1);
}
