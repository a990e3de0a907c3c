//! Money that customers bring to a shop, for their Flexiti accounts, over HTTP.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use ventanilla_sandbox::{Fault, FlexitiDepositEntry, Kind, Operation};

use crate::charges::{ask, ask_and_leave, asked, asked_at_once};
use crate::operations::get;
use crate::receiver::Receiver;
use crate::support::{Proxy, fresh_key, problem};

const PATH: &str = "/v1/flexiti/deposits";
/// The sandbox's first account: its number, its card, its customer.
const ACCOUNT: &str = "10000001";
const CARD: &str = "0000000000000001";
const CUSTOMER: &str = "1000001-10001";
const CODE: &str = "8203945176";
const CLERK: &str = "00001-CLERK";
const TEN_MINUTES: Duration = Duration::from_secs(600);

fn body() -> Value {
    json!({
        "reference": "D-2026-3",
        "kind": "deposit",
        "amount": { "amount_minor": 25_050, "currency": "CAD" },
        "to": { "account_number": ACCOUNT },
        "verification_code": "1234",
        "in_store": {
            "request_id": "REQ00000000000000001", "location_id": "00-00001", "employee_id": CLERK,
        },
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = body();
    body[field] = value;
    body
}

/// What is in review, and how often ten minutes went by until it was.
async fn review(proxy: &Proxy) -> (Value, u32) {
    for times in 0..200 {
        let listed = get(proxy, "/v1/review").await["operations"][0].clone();
        if listed["state"] == "review" {
            return (listed, times);
        }
        proxy.clock.advance(TEN_MINUTES);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing is in review");
}

fn made(proxy: &Proxy) -> Vec<FlexitiDepositEntry> {
    proxy.sandbox.ledger().flexiti.deposits
}

fn calls(proxy: &Proxy) -> usize {
    let ledger = proxy.sandbox.ledger();
    ledger.calls_of(Operation::FlexitiDeposit).count()
}

#[tokio::test]
async fn a_deposit_asked_for_twice_with_one_key_is_made_once() {
    let proxy = Proxy::start_with_every_rail().await;
    let key = fresh_key();
    let first = asked(&proxy, PATH, &key, &body()).await;
    let second = asked(&proxy, PATH, &key, &body()).await;
    assert_eq!(first, second);
    let entries = made(&proxy);
    assert_eq!((entries.len(), calls(&proxy)), (1, 1));
    let entry = &entries[0];
    assert_eq!(entry.account_number.to_string(), ACCOUNT);
    assert_eq!(
        (
            entry.transaction_type.as_str(),
            entry.amount.as_str(),
            entry.request_id.as_str()
        ),
        ("deposit", "250.50", "REQ00000000000000001")
    );
    assert_eq!(
        json!({ "kind": first["kind"], "state": first["state"], "amount": first["amount"],
                "details": first["details"] }),
        json!({
            "kind": "deposit",
            "state": "succeeded",
            "amount": { "amount_minor": 25_050, "currency": "CAD" },
            "details": { "reference": "D-2026-3", "recipient": "account ****0001", "deposit": "deposit",
                         "request_id": "REQ00000000000000001", "location_id": "00-00001" },
        })
    );
    // The provider calls nothing by a name.
    assert!(first.get("result").is_none() && first.get("attempt_id").is_none());
    let path = format!("/v1/operations/{}", first["id"].as_str().unwrap());
    assert_eq!(get(&proxy, &path).await, first);

    for other in [
        with("kind", json!("trade_in")),
        with("verification_code", json!("9999")),
        with("to", json!({ "customer_id": CUSTOMER })),
    ] {
        let answer = ask(&proxy, PATH, &key, &other).await;
        problem(answer, 422, "idempotency-key-reused").await;
    }
    asked(&proxy, PATH, &fresh_key(), &body()).await;
    assert_eq!(made(&proxy).len(), 2);
}

#[tokio::test]
async fn each_kind_goes_to_the_account_however_it_is_named() {
    let proxy = Proxy::start_with_every_rail().await;
    for (kind, to, at_provider, shown) in [
        (
            "deposit",
            json!({ "card_number": CARD }),
            "deposit",
            "card ****0001",
        ),
        (
            "in_store_payment",
            json!({ "customer_id": CUSTOMER }),
            "instore_payment",
            "customer ****0001",
        ),
        (
            "trade_in",
            json!({ "account_number": ACCOUNT }),
            "tradein",
            "account ****0001",
        ),
    ] {
        let mut body = with("kind", json!(kind));
        body["to"] = to;
        let operation = asked(&proxy, PATH, &fresh_key(), &body).await;
        assert_eq!(operation["state"], "succeeded", "{operation}");
        assert_eq!(operation["details"]["deposit"], kind);
        assert_eq!(operation["details"]["recipient"], shown);
        let entry = made(&proxy).pop().unwrap();
        assert_eq!(entry.transaction_type, at_provider);
        assert_eq!(entry.account_number.to_string(), ACCOUNT);
    }
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_makes_one_deposit() {
    let proxy = Proxy::start_with_every_rail().await;
    let ids = asked_at_once(&proxy, PATH, &fresh_key(), &body()).await;
    assert_eq!(ids.len(), 1);
    assert_eq!((made(&proxy).len(), calls(&proxy)), (1, 1));
}

#[tokio::test]
async fn a_deposit_that_was_not_answered_is_for_a_person_and_is_never_sent_again() {
    for (kind, times_made) in [
        (Kind::ResetAfter, 1),
        (Kind::GatewayTimeoutAfter, 1),
        (Kind::Truncate, 1),
        (Kind::ResetBefore, 0),
        (Kind::StatusError, 0),
    ] {
        let proxy = Proxy::start_with_every_rail().await;
        let fault = Fault::once(Operation::FlexitiDeposit, kind);
        proxy.sandbox.arm(fault).await.unwrap();
        ask_and_leave(&proxy, PATH, &fresh_key(), &body()).await;
        let (stuck, waited) = review(&proxy).await;
        // Before that, it may still be on its way.
        assert!(waited >= 3, "{kind:?}: {waited}");
        assert_eq!(stuck["kind"], "deposit");
        assert!(
            stuck["why"].as_str().unwrap().contains("lists no deposits"),
            "{stuck}"
        );
        proxy.clock.advance(Duration::from_secs(86_400));
        let id = stuck["id"].as_str().unwrap();
        let read = format!("/v1/review/{id}/read");
        let answer = proxy.merchant(Method::POST, &read).send().await.unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(review(&proxy).await.0["id"], id);
        assert_eq!(
            (made(&proxy).len(), calls(&proxy)),
            (times_made, 1),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn what_a_stopped_proxy_had_sent_is_for_a_person_at_the_next_and_ends_by_their_word() {
    let receiver = Receiver::start().await;
    let proxy = Proxy::start_with_every_rail().await;
    let fault = Fault::once(Operation::FlexitiDeposit, Kind::ResetAfter);
    proxy.sandbox.arm(fault).await.unwrap();
    let key = fresh_key();
    ask_and_leave(&proxy, PATH, &key, &body()).await;
    let section = receiver.section();
    let proxy = proxy.restart_with_every_rail(|text| text + &section).await;
    let (stuck, _) = review(&proxy).await;
    let id = stuck["id"].as_str().unwrap();
    let settle = json!({ "outcome": "succeeded", "note": "seen on the customer's account" });
    let path = format!("/v1/review/{id}/settle");
    let answer = proxy.merchant(Method::POST, &path).json(&settle).send();
    assert_eq!(answer.await.unwrap().status(), 204);
    let again = asked(&proxy, PATH, &key, &body()).await;
    assert_eq!(
        (&again["id"], &again["state"]),
        (&stuck["id"], &json!("succeeded"))
    );
    assert_eq!((made(&proxy).len(), calls(&proxy)), (1, 1));
    let heard = receiver.heard(2).await;
    let kinds: Vec<_> = heard.iter().map(|it| it.json()["type"].clone()).collect();
    assert_eq!(kinds, ["operation.review", "operation.succeeded"]);
    assert!(!heard[1].json().to_string().contains(ACCOUNT));
}

#[tokio::test]
async fn what_flexiti_refuses_is_declined_and_what_never_left_was_not_executed() {
    let proxy = Proxy::start_with_every_rail().await;
    for (field, value, code) in [
        ("verification_code", json!("1"), "wrong_verification_code"),
        (
            "amount",
            json!({ "amount_minor": 1_000_001, "currency": "CAD" }),
            "limit_payment_amount_24",
        ),
        ("to", json!({ "account_number": "77" }), "not_found"),
    ] {
        let operation = asked(&proxy, PATH, &fresh_key(), &with(field, value)).await;
        assert_eq!(operation["state"], "declined", "{operation}");
        assert_eq!(operation["provider_code"], code);
        if field == "to" {
            assert_eq!(operation["details"]["recipient"], "account ****");
        }
    }
    let mut elsewhere = body();
    elsewhere["in_store"]["location_id"] = json!("99-99999");
    let without = {
        let mut body = body();
        body.as_object_mut().unwrap().remove("in_store");
        body
    };
    for body in [elsewhere, without] {
        let operation = asked(&proxy, PATH, &fresh_key(), &body).await;
        assert_eq!(operation["state"], "not_executed", "{operation}");
        assert!(operation["reason"].is_string());
    }
    assert!(made(&proxy).is_empty());
}

#[tokio::test]
async fn nothing_of_the_customer_is_shown_or_kept_in_the_clear() {
    let proxy = Proxy::start_with_every_rail().await;
    let url = format!(
        "{}/flexiti/accounts/{ACCOUNT}",
        proxy.sandbox.management_url
    );
    let codes = json!({ "verification_codes": [CODE] });
    let changed = proxy.http.post(url).json(&codes).send().await.unwrap();
    assert!(changed.status().is_success());
    let mut shown = Vec::new();
    for to in [
        json!({ "account_number": ACCOUNT }),
        json!({ "card_number": CARD }),
        json!({ "customer_id": CUSTOMER }),
    ] {
        let mut body = with("verification_code", json!(CODE));
        body["to"] = to;
        // Nothing like any of them is in what is kept in the clear.
        body["in_store"]["request_id"] = json!("REQ-A");
        let key = format!("the-till-of-a-shop-{}", shown.len());
        let operation = asked(&proxy, PATH, &key, &body).await;
        assert_eq!(operation["state"], "succeeded", "{operation}");
        shown.push(operation);
    }
    let mut stored = Vec::new();
    for file in std::fs::read_dir(&proxy.folder.0).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            stored.extend(std::fs::read(path).unwrap());
        }
    }
    let stored = String::from_utf8_lossy(&stored);
    assert!(stored.contains(shown[0]["id"].as_str().unwrap()));
    for secret in [ACCOUNT, CARD, CUSTOMER, CODE, CLERK] {
        assert!(!stored.contains(secret), "{secret}");
        assert!(!json!(shown).to_string().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_deposit_that_does_not_fit_is_refused_before_anything_is_recorded() {
    let proxy = Proxy::start_with_every_rail().await;
    let shop = |field: &str, value: Value| {
        let mut body = body();
        body["in_store"][field] = value;
        body
    };
    for (body, code) in [
        (
            with("amount", json!({ "amount_minor": 0, "currency": "CAD" })),
            "amount-invalid",
        ),
        (
            with("amount", json!({ "amount_minor": 1, "currency": "USD" })),
            "amount-invalid",
        ),
        (with("kind", json!("refund")), "request-malformed"),
        (with("verification_code", json!("")), "request-malformed"),
        (
            with("verification_code", json!(format!("{CODE}1"))),
            "request-malformed",
        ),
        (
            with("verification_code", json!("12a4")),
            "request-malformed",
        ),
        (with("verification_code", json!(1234)), "request-malformed"),
        (with("to", json!({})), "request-malformed"),
        (
            with(
                "to",
                json!({ "account_number": ACCOUNT, "card_number": CARD }),
            ),
            "request-malformed",
        ),
        (
            with("to", json!({ "account_number": "0" })),
            "request-malformed",
        ),
        (
            with("to", json!({ "card_number": "000000000000001" })),
            "request-malformed",
        ),
        (
            with("to", json!({ "customer_id": "1000001" })),
            "request-malformed",
        ),
        (
            with("reference", json!("x".repeat(65))),
            "request-malformed",
        ),
        (shop("request_id", json!("")), "request-malformed"),
        (shop("location_id", json!("a\nb")), "request-malformed"),
        (
            shop("employee_id", json!("x".repeat(51))),
            "request-malformed",
        ),
        (with("code", json!("1")), "request-malformed"),
        (json!([]), "request-malformed"),
    ] {
        let answer = ask(&proxy, PATH, &fresh_key(), &body).await;
        let said = problem(answer, 422, code).await.to_string();
        for secret in [ACCOUNT, CARD, CODE, CLERK, "1234", "12a4"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    let keyless = proxy.merchant(Method::POST, PATH).json(&body()).send();
    problem(keyless.await.unwrap(), 400, "idempotency-key-invalid").await;
    let nobody = proxy.request(Method::POST, PATH).json(&body()).send();
    problem(nobody.await.unwrap(), 401, "api-key-invalid").await;
    assert_eq!(calls(&proxy), 0);
    assert_eq!(get(&proxy, "/v1/review").await["operations"], json!([]));
}

#[tokio::test]
async fn without_the_rail_nothing_is_put_anywhere() {
    let proxy = Proxy::start().await;
    let answer = ask(&proxy, PATH, &fresh_key(), &body()).await;
    problem(answer, 409, "operation-not-possible").await;
}
