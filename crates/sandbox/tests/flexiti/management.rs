//! The management host, as far as it is about Flexiti.

use serde_json::json;
use ventanilla_sandbox::{FlexitiOptions, FlexitiSessionState, Sandbox, SandboxOptions};

use crate::support::{Merchant, NEW};

#[tokio::test]
async fn options_are_read_and_set_and_what_is_not_named_is_as_by_default() {
    let merchant = Merchant::open().await;
    let path = "/flexiti/options";
    let wanted = json!({ "captures": "wrapped", "idempotency": true });
    assert_eq!(merchant.manage("POST", path, Some(&wanted)).await.http, 201);
    let read = merchant.manage("GET", path, None).await.body;
    assert_eq!(
        (&read["captures"], &read["idempotency"]),
        (&json!("wrapped"), &json!(true))
    );
    assert_eq!(read["token_lifetime_secs"], 1_200);
    merchant.manage("POST", path, Some(&json!({}))).await;
    let read = merchant.manage("GET", path, None).await.body;
    assert_eq!(
        read,
        serde_json::to_value(FlexitiOptions::default()).unwrap()
    );
}

#[tokio::test]
async fn an_option_that_cannot_be_is_refused_with_a_reason() {
    let merchant = Merchant::open().await;
    let plan = |term: u16, rate: u32| json!({ "plans": [{ "plan_id": 1, "plan_name": "", "terms": [{ "term": term, "rate": rate }] }] });
    for (options, reason) in [
        (
            json!({ "token_lifetime_secs": 0 }),
            "token_lifetime_secs must be at least 1, found 0",
        ),
        (json!({ "pin": "12a" }), "pin must be digits, found \"12a\""),
        (
            json!({ "frame_ancestors": "'self'; script-src *" }),
            "frame_ancestors must be sources of a CSP, found \"'self'; script-src *\"",
        ),
        (plan(121, 1), "term must be from 1 to 120, found 121"),
        (plan(1, 10_001), "rate must be at most 10000, found 10001"),
    ] {
        let answer = merchant
            .manage("POST", "/flexiti/options", Some(&options))
            .await;
        assert_eq!((answer.http, &answer.body["error"]), (422, &json!(reason)));
    }
    let unknown = json!({ "idempotent": true });
    let answer = merchant
        .manage("POST", "/flexiti/options", Some(&unknown))
        .await;
    assert_eq!(answer.http, 422);
    let started = Sandbox::start(SandboxOptions {
        flexiti: FlexitiOptions {
            pin: String::new(),
            ..FlexitiOptions::default()
        },
        ..SandboxOptions::default()
    });
    let error = started.await.err().unwrap().to_string();
    assert_eq!(error, "Flexiti options: pin must be digits, found \"\"");
}

#[tokio::test]
async fn an_account_is_opened_and_changed_by_hand() {
    let merchant = Merchant::open().await;
    let opened = merchant
        .manage(
            "POST",
            "/flexiti/accounts",
            Some(&json!({ "first_name": "Example", "available_credit_minor": 100_000 })),
        )
        .await;
    assert_eq!(opened.http, 201);
    let number = opened.body["account_number"].as_u64().unwrap();
    assert_eq!(
        (number, &opened.body["first_name"]),
        (10_000_005, &json!("Example"))
    );
    let answer = merchant
        .authorize(json!({ "account_number": number, "amount": 10 }))
        .await
        .done();
    assert_eq!(answer["customer"]["available_credit"], 990);
    merchant
        .change_account(number, json!({ "available_credit_minor": 0 }))
        .await;
    let refused = merchant
        .authorize(json!({ "account_number": number, "amount": 10 }))
        .await;
    assert_eq!(refused.refusal(), (409, "credit_exceeded"));
    let path = "/flexiti/accounts/77";
    let unknown = merchant.manage("POST", path, Some(&json!({}))).await;
    assert_eq!(
        (unknown.http, &unknown.body["error"]),
        (404, &json!("there is no account 77"))
    );
    let rich = json!({ "balance_minor": 10_000_000_000_000_u64 });
    let path = format!("/flexiti/accounts/{number}");
    assert_eq!(merchant.manage("POST", &path, Some(&rich)).await.http, 422);
}

#[tokio::test]
async fn a_shopper_is_identified_once_without_the_page() {
    let merchant = Merchant::open().await;
    let (session, _) = merchant.session(10_000_001).await;
    let message = merchant.identify(&session, "unverified").await.body;
    assert_eq!(message["eventData"]["verified"], false);
    let again = merchant.identify(&session, "verified").await;
    assert_eq!(again.http, 409);
    assert_eq!(
        again.body["error"],
        "the widget session has come to an end before"
    );
    assert_eq!(merchant.identify("nothing", "verified").await.http, 404);
    let (session, _) = merchant.session(10_000_001).await;
    merchant.manage("POST", "/sessions/expire", None).await;
    let over = merchant.identify(&session, "verified").await;
    assert_eq!(over.body["error"], "the widget session has run out");
    let path = format!("{NEW}/authorizations?page_number=1");
    assert_eq!(merchant.get(&path).await.http, 401, "no token lives either");
}

#[tokio::test]
async fn what_is_forgotten_is_forgotten_and_the_options_are_those_of_the_start() {
    let merchant = Merchant::open_with(FlexitiOptions {
        empty_bodies: true,
        ..FlexitiOptions::default()
    })
    .await;
    merchant.held(10).await;
    merchant
        .manage("POST", "/flexiti/options", Some(&json!({})))
        .await;
    assert_eq!(merchant.manage("POST", "/reset", None).await.http, 204);
    let ledger = merchant.sandbox.ledger().flexiti;
    assert!(ledger.authorizations.is_empty() && ledger.sessions.is_empty());
    assert_eq!(merchant.credit(0).await, 1_327_640);
    let read = merchant.manage("GET", "/flexiti/options", None).await.body;
    assert_eq!(read["empty_bodies"], true);
}

#[tokio::test]
async fn the_ledger_and_the_page_for_people_show_what_happened() {
    let merchant = Merchant::open().await;
    let id = merchant.held(1_000).await;
    merchant.capture(id, json!(250.5)).await.done();
    merchant.release(id, None).await.done();
    merchant.give_back(id, 700_001, None).await.done();
    merchant.capture(id, json!(1)).await.refusal();
    let ledger = merchant.manage("GET", "/ledger", None).await.body;
    let flexiti = &ledger["flexiti"];
    assert_eq!(flexiti["authorizations"][0]["captured"], "250.50");
    assert_eq!(flexiti["captures"][0]["reference"], "order-0001");
    assert_eq!(flexiti["releases"][0]["amount"], "749.50");
    assert_eq!(flexiti["returns"][0]["full"], true);
    assert_eq!(flexiti["refused"][0]["error"], "authorization_ended");
    assert_eq!(flexiti["sessions"][0]["state"], "used");
    assert_eq!(
        (&flexiti["refunds"], &flexiti["deposits"]),
        (&json!([]), &json!([]))
    );
    let token = "access_token";
    assert!(!ledger.to_string().contains(token) && !ledger.to_string().contains(&merchant.token));
    let sessions = &merchant.sandbox.ledger().flexiti.sessions;
    assert_eq!(sessions[0].state, FlexitiSessionState::Used);
    let page = merchant.client.get(&merchant.sandbox.management_url);
    let page = page.send().await.unwrap().text().await.unwrap();
    for text in [
        "Flexiti POS API",
        "CAD&nbsp;1000.00",
        "749.50",
        "order-0001",
        "demo-merchant",
        "authorization ended",
        "NNOR",
    ] {
        assert!(page.contains(text), "{text}");
    }
}
