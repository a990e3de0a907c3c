//! The management host, as far as it is about the Flux API.

use serde_json::json;
use ventanilla_sandbox::{FluxOptions, SandboxOptions};

use crate::support::Merchant;

#[tokio::test]
async fn a_code_is_made_of_any_kind_and_pays_if_it_is_a_good_one() {
    let merchant = Merchant::open().await;
    let path = "/flux/codes";
    let made = merchant.manage("POST", path, Some(&json!({}))).await;
    assert_eq!((made.http, &made.body["kind"]), (201, &json!("good")));
    let mut charge = merchant.charge("ref-1");
    charge["qr"] = made.body["code"].clone();
    merchant.pay(&charge).await.data();
    let wanted = json!({ "kind": "over_limit" });
    let made = merchant.manage("POST", path, Some(&wanted)).await.body;
    charge["qr"] = made["code"].clone();
    charge["reference"] = json!("ref-2");
    assert_eq!(
        merchant.pay(&charge).await.code(),
        "ERR_MAX_AMOUNT_EXCEEDED"
    );
    let unknown = json!({ "kind": "golden" });
    assert_eq!(
        merchant.manage("POST", path, Some(&unknown)).await.http,
        422
    );
}

#[tokio::test]
async fn options_are_read_and_set_and_what_is_not_named_is_as_by_default() {
    let merchant = Merchant::open().await;
    let path = "/flux/options";
    let wanted = json!({ "expires_in": "seconds", "code_lifetime_secs": 5 });
    assert_eq!(merchant.manage("POST", path, Some(&wanted)).await.http, 201);
    let read = merchant.manage("GET", path, None).await.body;
    assert_eq!(
        (&read["expires_in"], &read["code_lifetime_secs"]),
        (&json!("seconds"), &json!(5))
    );
    assert_eq!(read["error_nesting"], "two");
    merchant.manage("POST", path, Some(&json!({}))).await;
    let read = merchant.manage("GET", path, None).await.body;
    assert_eq!(read, serde_json::to_value(FluxOptions::default()).unwrap());
}

#[tokio::test]
async fn an_option_that_cannot_be_is_refused_with_a_reason() {
    let merchant = Merchant::open().await;
    for (options, reason) in [
        (
            json!({ "code_lifetime_secs": 0 }),
            "code_lifetime_secs must be at least 1, found 0",
        ),
        (
            json!({ "token_lifetime_secs": 0 }),
            "token_lifetime_secs must be at least 1, found 0",
        ),
        (
            json!({ "unknown_reference_status": 500 }),
            "unknown_reference_status must be from 400 to 499, found 500",
        ),
        (
            json!({ "slow_ms": 3_600_001 }),
            "slow_ms must be at most 3600000, found 3600001",
        ),
    ] {
        let answer = merchant
            .manage("POST", "/flux/options", Some(&options))
            .await;
        assert_eq!((answer.http, &answer.body["error"]), (422, &json!(reason)));
    }
    let unknown = json!({ "isuer": "x" });
    let answer = merchant
        .manage("POST", "/flux/options", Some(&unknown))
        .await;
    assert_eq!(answer.http, 422);
}

#[tokio::test]
async fn what_is_forgotten_is_forgotten_and_the_options_are_those_of_the_start() {
    let merchant = Merchant::start(SandboxOptions {
        flux: FluxOptions {
            code_lifetime_secs: 60,
            ..FluxOptions::default()
        },
        ..SandboxOptions::default()
    })
    .await;
    let charge = merchant.charge("ref-1");
    merchant
        .manage("POST", "/flux/options", Some(&json!({})))
        .await;
    assert_eq!(merchant.manage("POST", "/reset", None).await.http, 204);
    assert!(merchant.sandbox.ledger().flux.codes.is_empty());
    assert_eq!(merchant.pay(&charge).await.http, 401, "no token lives");
    let token = merchant.fresh_token().await;
    let answer = merchant
        .ask("POST", "payments", &token, Some(&charge))
        .await;
    assert_eq!(answer.code(), "ERR_QR_UNKNOWN");
    let read = merchant.manage("GET", "/flux/options", None).await.body;
    assert_eq!(read["code_lifetime_secs"], 60);
}

#[tokio::test]
async fn sessions_that_are_ended_end_the_tokens_too() {
    let merchant = Merchant::open().await;
    merchant.manage("POST", "/sessions/expire", None).await;
    assert_eq!(merchant.look_up("ref-1").await.http, 401);
}

#[tokio::test]
async fn the_ledger_and_the_page_for_people_show_payments_and_refunds() {
    let merchant = Merchant::open().await;
    merchant.pay(&merchant.charge("mesa12-0001")).await.data();
    merchant.refund("mesa12-0001", 27_500).await.data();
    merchant.refund("mesa12-0001", 1).await;
    let ledger = merchant.manage("GET", "/ledger", None).await.body;
    assert_eq!(ledger["flux"]["payments"][0]["total"], "275.00");
    assert_eq!(ledger["flux"]["refunds"][1]["state"], "refused");
    let page = merchant.client.get(&merchant.sandbox.management_url);
    let page = page.send().await.unwrap().text().await.unwrap();
    for text in [
        "<section id=flux>",
        "mesa12-0001",
        "MXN&nbsp;250.00",
        "given back",
        "ERR_BAD_REQUEST",
        "sandbox-refresh-token",
        "Flux host",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains(&format!("{}/wallet", merchant.sandbox.flux_url)));
}
