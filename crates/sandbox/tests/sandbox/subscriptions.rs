//! Cards that are charged again and again.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::{DebitState, Fault, Kind, Operation, SandboxOptions, SubscriptionChange};

use crate::support::{Shop, VISA};

const DAY: Duration = Duration::from_secs(86_400);
/// In GreenPay's words the day has begun at six in the morning, UTC.
const FIRST_OF_JANUARY: i64 = 1_798_783_200_000;
const INSUFFICIENT_FUNDS: &str = "4000000000044828";

/// A shop on the 20th of December 2026.
async fn shop() -> Shop {
    let starts_at = std::time::UNIX_EPOCH + Duration::from_secs(1_797_768_000);
    Shop::open_with(SandboxOptions {
        starts_at: Some(starts_at),
        ..SandboxOptions::default()
    })
    .await
}

fn next(listed: &Value) -> &str {
    listed["next_payment_date"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn one_that_begins_later_is_charged_at_midnight_of_its_day_and_each_month_after_it() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let id = shop.subscribe(&token, Some(FIRST_OF_JANUARY)).await;
    assert!(shop.payments(&id).await.is_empty());
    assert_eq!(next(&shop.listed(&id).await), "2027-01-01T06:00:00.000Z");

    shop.sandbox.move_clock(DAY * 12);
    let [first] = shop.payments(&id).await.try_into().unwrap();
    assert_eq!(first["reference_number"], format!("{id}_1"));
    assert_eq!(first["payment_date"], "2027-01-01T06:00:00.000Z");
    let result = &first["payment_result"];
    assert!(shop.verifies(&format!("status:200,orderId:{id}_1"), &result["_signature"]));
    assert_eq!(next(&shop.listed(&id).await), "2027-02-01T06:00:00.000Z");

    shop.sandbox.move_clock(DAY * 60);
    let payments = shop.payments(&id).await;
    let days: Vec<_> = payments.iter().map(|it| &it["payment_date"]).collect();
    assert_eq!(days.len(), 3, "{days:?}");
    assert_eq!(days[2], "2027-03-01T06:00:00.000Z");
    let ledger = shop.sandbox.ledger();
    for debit in ledger.debits_of_subscription(&id) {
        assert_eq!((debit.state, debit.count), (DebitState::Approved, 1));
        assert_eq!(debit.operation, Operation::CreateSubscription);
    }
    assert_eq!(ledger.debits_of_subscription(&id).count(), 3);
}

#[tokio::test]
async fn one_that_names_no_day_is_charged_at_once() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let id = shop.subscribe(&token, None).await;
    assert_eq!(shop.payments(&id).await.len(), 1);
    assert_eq!(next(&shop.listed(&id).await), "2027-01-20T06:00:00.000Z");
    assert_eq!(
        shop.state(&format!("{id}_1")).await.as_deref(),
        Some("approved")
    );
}

#[tokio::test]
async fn one_that_ends_is_not_charged_any_more() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let mut request = shop.subscription(&token, Some(FIRST_OF_JANUARY));
    let a_month_and_a_day = 32 * 86_400_000;
    request["subscription"][0]["endDate"] = json!(FIRST_OF_JANUARY + a_month_and_a_day);
    let made = shop.merchant("/subscriptions", &request).await;
    let id = made.body["subscriptionId"].as_str().unwrap();
    shop.sandbox.move_clock(DAY * 365);
    assert_eq!(shop.payments(id).await.len(), 2);
    assert_eq!(shop.listed(id).await["next_payment_date"], Value::Null);
}

#[tokio::test]
async fn a_first_payment_that_is_asked_for_has_the_number_0() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let mut request = shop.subscription(&token, Some(FIRST_OF_JANUARY));
    request["initialPayment"] = json!({ "amount": 3.5, "description": "Molinillo" });
    let made = shop.merchant("/subscriptions", &request).await;
    let id = made.body["subscriptionId"].as_str().unwrap();
    let first = &made.body["result"]["initialPayment"];
    assert_eq!(first["orderId"], format!("{id}_0"));
    let ledger = shop.sandbox.ledger();
    assert_eq!(ledger.debits[0].amount, "3.50");
    assert_eq!(
        first["authorization"],
        json!(ledger.debits[0].authorization)
    );
    shop.of_subscription("/subscriptions/pay", id, json!({}))
        .await;
    assert_eq!(
        shop.payments(id).await[1]["reference_number"],
        format!("{id}_1")
    );
}

#[tokio::test]
async fn a_charge_that_fails_is_tried_twice_more_and_then_put_on_hold() {
    let shop = shop().await;
    let token = shop.card_token("req-1", INSUFFICIENT_FUNDS).await;
    let id = shop.subscribe(&token, None).await;
    assert_eq!(shop.listed(&id).await["status"], "PENDING");
    let [tried] = shop.payments(&id).await.try_into().unwrap();
    assert_eq!(tried["payment_result"], Value::Null);
    assert_eq!(tried["payment_retries"], json!([]));

    shop.sandbox.move_clock(Duration::from_secs(601));
    assert_eq!(shop.listed(&id).await["status"], "PENDING");
    shop.sandbox.move_clock(Duration::from_secs(601));
    assert_eq!(shop.listed(&id).await["status"], "ON_HOLD");
    let [tried] = shop.payments(&id).await.try_into().unwrap();
    let retries = tried["payment_retries"].as_array().unwrap();
    assert_eq!(retries.len(), 2);
    assert_eq!(retries[0]["attemp_result"]["result"]["resp_code"], "51");
    assert_eq!(retries[0]["attemp_result"]["orderId"], format!("{id}_1"));

    // Nothing more by itself, however long.
    shop.sandbox.move_clock(DAY * 365);
    assert_eq!(shop.payments(&id).await.len(), 1);
    let ledger = shop.sandbox.ledger();
    assert!(ledger.debits.iter().all(|debit| debit.count == 1));
}

#[tokio::test]
async fn another_card_and_a_charge_that_is_asked_for_bring_it_back() {
    let shop = shop().await;
    let bad = shop.card_token("req-1", INSUFFICIENT_FUNDS).await;
    let good = shop.card_token("req-2", VISA).await;
    let id = shop.subscribe(&bad, None).await;
    let by = json!({ "user": "back-office", "amount": 20 });
    let refused = shop.of_subscription("/subscriptions/update", &id, by).await;
    assert_eq!(refused.body["status"], "FAIL");

    let by = json!({ "user": "back-office", "token": good });
    let changed = shop
        .of_subscription("/subscriptions/update/card_token", &id, by)
        .await;
    assert_eq!(changed.body["result"]["card_tokens"], json!([good]));
    let paid = shop
        .of_subscription("/subscriptions/pay", &id, json!({}))
        .await;
    assert_eq!(paid.body["result"]["status"], "approved");
    assert_eq!(
        paid.body["result"]["order"]["order_reference"],
        format!("{id}_2")
    );
    let listed = shop.listed(&id).await;
    assert_eq!(listed["status"], "ACTIVE");
    assert_eq!(next(&listed), "2027-01-20T06:00:00.000Z");

    let by = json!({ "user": "back-office", "amount": 20 });
    shop.of_subscription("/subscriptions/update", &id, by).await;
    shop.sandbox.move_clock(DAY * 32);
    let payments = shop.payments(&id).await;
    assert_eq!(payments[2]["payment_result"]["amount"], 20);
}

#[tokio::test]
async fn a_cancelled_one_is_neither_charged_nor_changed_nor_cancelled_again() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let id = shop.subscribe(&token, Some(FIRST_OF_JANUARY)).await;
    let by = json!({ "user": "back-office", "reason": "Moved away" });
    let cancelled = shop
        .of_subscription("/subscriptions/cancel", &id, by.clone())
        .await;
    assert_eq!(cancelled.body["result"]["status"], "CANCELLED");
    shop.sandbox.move_clock(DAY * 365);
    assert!(shop.payments(&id).await.is_empty());
    let card = json!({ "user": "back-office", "token": token });
    let amount = json!({ "user": "back-office", "amount": 20 });
    for (path, more) in [
        ("/subscriptions/cancel", by),
        ("/subscriptions/update/card_token", card),
        ("/subscriptions/update", amount),
        ("/subscriptions/pay", json!({})),
    ] {
        let refused = shop.of_subscription(path, &id, more).await;
        assert_eq!(refused.body["status"], "FAIL", "{path}");
        assert_eq!(refused.body["code"], 400, "{path}");
    }
    let changes: Vec<_> = shop
        .sandbox
        .ledger()
        .subscriptions
        .iter()
        .map(|entry| entry.change)
        .collect();
    assert_eq!(
        changes,
        [SubscriptionChange::Created, SubscriptionChange::Cancelled]
    );
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let request = shop.subscription("nobody's", None);
    let refused = shop.merchant("/subscriptions", &request).await;
    assert_eq!(refused.error(), "Error: Invalid card token");
    let id = shop.subscribe(&token, Some(FIRST_OF_JANUARY)).await;
    let card = json!({ "user": "back-office", "token": "nobody's" });
    let refused = shop
        .of_subscription("/subscriptions/update/card_token", &id, card)
        .await;
    assert_eq!(refused.error(), "Error: Invalid card token");
    for (path, more) in [
        ("/subscriptions/pay", json!({})),
        (
            "/subscriptions/list/payments",
            json!({ "page": 1, "pageSize": 1 }),
        ),
    ] {
        let unknown = shop.of_subscription(path, "nobody", more).await;
        assert_eq!(unknown.body["code"], 404, "{path}");
    }
    let mut weekly = shop.subscription(&token, None);
    weekly["subscription"][0]["cadence"]["unit"] = json!("WEEK");
    assert_eq!(shop.merchant("/subscriptions", &weekly).await.http, 400);
    for page in [
        json!({ "page": 0, "pageSize": 1 }),
        json!({ "page": 1, "pageSize": 101 }),
    ] {
        let request = shop.with_credentials(page);
        let list = shop.merchant("/subscriptions/list", &request).await;
        assert_eq!(list.http, 400);
    }
}

#[tokio::test]
async fn the_list_comes_in_pages_and_by_what_is_asked_for() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(shop.subscribe(&token, Some(FIRST_OF_JANUARY)).await);
    }
    let list = async |more: Value| {
        let mut request = shop.with_credentials(json!({ "page": 1, "pageSize": 2 }));
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        let list = shop.merchant("/subscriptions/list", &request).await;
        let entries = list.body["result"]["entries"].as_array().unwrap().clone();
        let total = list.body["result"]["totalEntries"].as_u64().unwrap();
        (entries.len(), total)
    };
    assert_eq!(list(json!({})).await, (2, 3));
    assert_eq!(list(json!({ "page": 2 })).await, (1, 3));
    assert_eq!(list(json!({ "page": 3 })).await, (0, 3));
    let by = json!({ "user": "back-office", "reason": "Moved away" });
    shop.of_subscription("/subscriptions/cancel", &ids[0], by)
        .await;
    for (filters, total) in [
        (json!({ "status": ["CANCELLED"] }), 1),
        (json!({ "status": ["ACTIVE", "ON_HOLD"] }), 2),
        (json!({ "user": "nobody" }), 0),
        (json!({ "minAmount": 10.01 }), 0),
        (json!({ "minAmount": 10, "maxAmount": 10 }), 3),
        (json!({ "subsDate": "2026-12-20T23:59:59.000Z" }), 3),
        (json!({ "subsDate": "2026-12-21T06:00:00.000Z" }), 0),
    ] {
        let (_, found) = list(json!({ "filters": filters })).await;
        assert_eq!(found, total, "{filters}");
    }
}

#[tokio::test]
async fn one_that_was_asked_for_twice_is_told_by_the_ledger() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    for _ in 0..2 {
        shop.subscribe(&token, Some(FIRST_OF_JANUARY)).await;
    }
    let counts: Vec<_> = shop
        .sandbox
        .ledger()
        .subscriptions
        .iter()
        .map(|entry| entry.count)
        .collect();
    assert_eq!(counts, [1, 2]);
}

#[tokio::test]
async fn a_charge_that_is_asked_for_meets_faults_of_its_own() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let id = shop.subscribe(&token, Some(FIRST_OF_JANUARY)).await;
    let pay = async || {
        shop.of_subscription("/subscriptions/pay", &id, json!({}))
            .await
            .body["result"]["order"]
            .clone()
    };
    let fault = |kind| Fault::once(Operation::PaySubscription, kind);
    shop.arm(fault(Kind::WrongAmount)).await;
    assert_eq!(pay().await["amount"], 11);
    shop.arm(fault(Kind::WrongReference)).await;
    assert_ne!(pay().await["order_reference"], format!("{id}_2"));
    shop.arm(fault(Kind::DelayVisibility).for_ms(60_000)).await;
    pay().await;
    assert_eq!(shop.payments(&id).await.len(), 2);
    shop.sandbox.move_clock(Duration::from_secs(61));
    assert_eq!(shop.payments(&id).await.len(), 3);

    shop.arm(Fault::once(
        Operation::SubscriptionPayments,
        Kind::DelayVisibility,
    ))
    .await;
    assert!(shop.payments(&id).await.is_empty());
    shop.arm(Fault::once(Operation::Subscriptions, Kind::ReadFails))
        .await;
    let request = shop.with_credentials(json!({ "page": 1, "pageSize": 100 }));
    let list = shop.merchant("/subscriptions/list", &request).await;
    assert_eq!(list.body["code"], 500);
}

#[tokio::test]
async fn one_may_be_listed_later_than_it_was_made() {
    let shop = shop().await;
    let token = shop.card_token("req-1", VISA).await;
    let fault = Fault::once(Operation::CreateSubscription, Kind::DelayVisibility);
    shop.arm(fault.for_ms(60_000)).await;
    shop.subscribe(&token, Some(FIRST_OF_JANUARY)).await;
    let request = shop.with_credentials(json!({ "page": 1, "pageSize": 100 }));
    let total = async || {
        let list = shop.merchant("/subscriptions/list", &request).await;
        list.body["result"]["totalEntries"].clone()
    };
    assert_eq!(total().await, 0);
    shop.sandbox.move_clock(Duration::from_secs(61));
    assert_eq!(total().await, 1);
}
