//! The management host, as far as it is about the CVU wallet API.

use serde_json::json;
use ventanilla_sandbox::{CvuOptions, SandboxOptions};

use crate::support::Merchant;

#[tokio::test]
async fn options_are_read_and_set_and_what_is_not_named_is_as_by_default() {
    let merchant = Merchant::open().await;
    let path = "/cvu/options";
    let wanted = json!({ "buyer": "pairs", "credit_delay_ms": 5_000 });
    let set = merchant.manage("POST", path, Some(&wanted)).await;
    assert_eq!(set.http, 201);
    let read = merchant.manage("GET", path, None).await.body;
    assert_eq!(read["buyer"], "pairs");
    assert_eq!(read["credit_delay_ms"], 5_000);
    assert_eq!(read["expiration"], "as_written");
    merchant.manage("POST", path, Some(&json!({}))).await;
    let read = merchant.manage("GET", path, None).await.body;
    let default = CvuOptions::default();
    assert_eq!(read, serde_json::to_value(default).unwrap());
}

#[tokio::test]
async fn an_option_that_cannot_be_is_refused_with_a_reason() {
    let merchant = Merchant::open().await;
    for (options, reason) in [
        (
            json!({ "credit_delay_ms": 86_400_001 }),
            "credit_delay_ms must be at most 86400000, found 86400001",
        ),
        (
            json!({ "error_status": 100 }),
            "error_status must be from 200 to 599, found 100",
        ),
    ] {
        let answer = merchant
            .manage("POST", "/cvu/options", Some(&options))
            .await;
        assert_eq!((answer.http, &answer.body["error"]), (422, &json!(reason)));
    }
    let unknown = json!({ "byuer": "pairs" });
    let answer = merchant
        .manage("POST", "/cvu/options", Some(&unknown))
        .await;
    assert_eq!(answer.http, 422);
}

#[tokio::test]
async fn what_is_forgotten_is_forgotten_and_the_options_are_those_of_the_start() {
    let merchant = Merchant::start(SandboxOptions {
        cvu: CvuOptions {
            ids_as_text: true,
            ..CvuOptions::default()
        },
        ..SandboxOptions::default()
    })
    .await;
    let code = merchant.code().await["qr_code"].clone();
    merchant.pay(&json!({ "code": code })).await;
    merchant
        .manage("POST", "/cvu/options", Some(&json!({})))
        .await;
    assert_eq!(merchant.manage("POST", "/reset", None).await.http, 204);
    let ledger = merchant.sandbox.ledger().cvu;
    assert!(ledger.credits.is_empty() && ledger.qr_orders.is_empty());
    assert_eq!(
        merchant.get("v2/account/balance").await.http,
        401,
        "no token lives"
    );
    let read = merchant.manage("GET", "/cvu/options", None).await.body;
    assert_eq!(read["ids_as_text"], true);
    let answer = merchant
        .manage("POST", "/cvu/pay", Some(&json!({ "code": code })))
        .await;
    assert_eq!(answer.http, 422);
}

#[tokio::test]
async fn sessions_that_are_ended_end_the_tokens_too() {
    let merchant = Merchant::open().await;
    merchant.manage("POST", "/sessions/expire", None).await;
    assert_eq!(merchant.get("v2/account/balance").await.http, 401);
}

#[tokio::test]
async fn the_ledger_and_the_page_for_people_show_credits() {
    let merchant = Merchant::open().await;
    merchant
        .pay(&json!({ "link_id": merchant.link().await["link_id"] }))
        .await;
    let ledger = merchant.manage("GET", "/ledger", None).await.body;
    assert_eq!(ledger["cvu"]["credits"][0]["amount"], "1500.50");
    assert_eq!(ledger["cvu"]["links"][0]["link_id"], 900_001);
    for list in ["qr_orders", "cashouts", "sale_points", "notifications"] {
        assert_eq!(ledger["cvu"][list], json!([]), "{list}");
    }
    let page = merchant.client.get(&merchant.sandbox.management_url);
    let page = page.send().await.unwrap().text().await.unwrap();
    for text in [
        "Credits",
        "PERSONA PRUEBA",
        "1500.50",
        "/wallet",
        "sandbox-user",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let payers = merchant.manage("GET", "/cvu/payers", None).await.body;
    assert_eq!(payers[0]["alias"], "prueba.demo.uno");
}
