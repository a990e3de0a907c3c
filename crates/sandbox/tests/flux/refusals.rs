//! What is turned away, and with which code.

use serde_json::{Value, json};
use ventanilla_sandbox::{FluxCodeKind, FluxErrorNesting, FluxOptions};

use crate::support::{Merchant, refund};

#[tokio::test]
async fn every_kind_of_code_does_what_it_is_for() {
    let merchant = Merchant::open().await;
    for kind in FluxCodeKind::ALL {
        let mut charge = merchant.charge(kind.name());
        charge["qr"] = json!(merchant.code(kind));
        let expected = match kind {
            FluxCodeKind::Good => None,
            // Of its own test: the answer takes its time.
            FluxCodeKind::Slow => continue,
            FluxCodeKind::Expired | FluxCodeKind::Used => Some("ERR_QR_EXPIRED"),
            FluxCodeKind::Unknown => Some("ERR_QR_UNKNOWN"),
            FluxCodeKind::Malformed => Some("ERR_QR_MALFORMED"),
            FluxCodeKind::Disabled => Some("ERR_QR_DISABLED"),
            FluxCodeKind::Funds => Some("ERR_INSUFFICIENT_BALANCE"),
            FluxCodeKind::OverLimit => Some("ERR_MAX_AMOUNT_EXCEEDED"),
            FluxCodeKind::BelowMinimum => Some("ERR_MIN_AMOUNT_SUBCEED"),
            FluxCodeKind::Refused => Some("ERR_BANK_REFUSAL"),
            FluxCodeKind::Account => Some("ERR_ISSUER_ACCOUNT_VIOLATION"),
            FluxCodeKind::Commerce => Some("ERR_FORBIDDEN_COMMERCE"),
        };
        let answer = merchant.pay(&charge).await;
        match expected {
            None => assert_eq!(answer.http, 200),
            Some(code) => assert_eq!((answer.http, answer.code()), (400, code)),
        }
        let ledger = merchant.sandbox.ledger().flux;
        let entry = ledger.payments.last().unwrap();
        assert_eq!(entry.refusal.as_deref(), expected, "{kind:?}");
        assert_eq!(ledger.codes.last().unwrap().kind, kind);
        assert_eq!(entry.code, Some(ledger.codes.last().unwrap().number));
    }
}

#[tokio::test]
async fn a_text_that_no_wallet_showed_is_unknown_or_no_code() {
    let merchant = Merchant::open().await;
    let good = merchant.code(FluxCodeKind::Good);
    for (text, code) in [
        (String::from("QUJD"), "ERR_QR_UNKNOWN"),
        (good.replace('+', " "), "ERR_QR_MALFORMED"),
        (String::from("código"), "ERR_QR_MALFORMED"),
    ] {
        let mut charge = merchant.charge("ref-1");
        charge["qr"] = json!(text);
        assert_eq!(merchant.pay(&charge).await.code(), code, "{text}");
    }
    assert_eq!(merchant.sandbox.ledger().flux.payments[0].code, None);
}

#[tokio::test]
async fn a_payment_that_is_not_in_good_order_is_refused_and_leaves_no_trace() {
    let merchant = Merchant::open().await;
    for (field, value) in [
        ("qr", json!("")),
        ("qr", Value::Null),
        ("qr", json!(7)),
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(250.5)),
        ("amount", json!("25000")),
        ("amount", json!(2_147_483_648_u64)),
        ("amount", Value::Null),
        ("tip", json!(-1)),
        ("tip", json!("0")),
        ("store", json!(" ")),
        ("reference", json!(7)),
        ("table", json!(12)),
    ] {
        let mut charge = merchant.charge("ref-1");
        charge[field] = value.clone();
        let answer = merchant.pay(&charge).await;
        assert_eq!(
            (answer.http, answer.code()),
            (400, "ERR_BAD_REQUEST"),
            "{field} {value}"
        );
    }
    let answer = merchant.pay(&json!([1])).await;
    assert_eq!(answer.code(), "ERR_BAD_REQUEST");
    assert!(merchant.sandbox.ledger().flux.payments.is_empty());
}

#[tokio::test]
async fn a_refund_that_is_not_in_good_order_is_refused() {
    let merchant = Merchant::open().await;
    merchant.pay(&merchant.charge("ref-1")).await.data();
    for (field, value) in [
        ("amount", json!(0)),
        ("amount", json!(1.5)),
        ("store", json!("")),
    ] {
        let mut body = refund(1);
        body[field] = value;
        let path = "payments/ref-1/refund";
        let answer = merchant
            .ask("POST", path, &merchant.token, Some(&body))
            .await;
        assert_eq!(answer.code(), "ERR_BAD_REQUEST", "{field}");
    }
    let mut elsewhere = refund(1);
    elsewhere["store"] = json!("sucursal-norte");
    let path = "payments/ref-1/refund";
    let answer = merchant
        .ask("POST", path, &merchant.token, Some(&elsewhere))
        .await;
    assert_eq!(answer.code(), "ERR_NOT_FOUND");
    assert_eq!(merchant.sandbox.ledger().flux.refunded("ref-1").count(), 0);
}

#[tokio::test]
async fn a_token_is_given_for_the_refresh_token_and_the_grant_only() {
    let merchant = Merchant::open().await;
    let mut wrong = merchant.token_request();
    wrong["refreshToken"] = json!("otro");
    let mut grant = merchant.token_request();
    grant["grantType"] = json!("refreshToken");
    let mut without = merchant.token_request();
    without.as_object_mut().unwrap().remove("grantType");
    for (body, code) in [
        (&wrong, "ERR_UNAUTHORIZED"),
        (&grant, "ERR_BAD_REQUEST"),
        (&without, "ERR_BAD_REQUEST"),
        (&json!({}), "ERR_BAD_REQUEST"),
    ] {
        let answer = merchant.ask_for_token(body).await;
        assert_eq!((answer.http, answer.code()), (400, code), "{body}");
    }
    let options = FluxOptions {
        grant_type_needed: false,
        ..FluxOptions::default()
    };
    merchant.sandbox.set_flux(options).unwrap();
    merchant.ask_for_token(&without).await.data();
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let merchant = Merchant::open().await;
    for (method, path) in [
        ("GET", "payments"),
        ("POST", "transactions/ref-1"),
        ("GET", "transactions"),
    ] {
        let answer = merchant.ask(method, path, &merchant.token, None).await;
        assert_eq!(
            (answer.http, answer.code()),
            (404, "ERR_NOT_FOUND"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_error_lies_as_deep_as_told_and_an_unknown_reference_says_what_it_is_told_to() {
    let merchant = Merchant::open_with(FluxOptions {
        error_nesting: FluxErrorNesting::One,
        unknown_reference_status: 404,
        unknown_reference_code: String::from("ERR_TX"),
        ..FluxOptions::default()
    })
    .await;
    let answer = merchant.look_up("nadie").await;
    assert_eq!(answer.http, 404);
    assert_eq!(answer.body["error"]["code"], "ERR_TX");
}
