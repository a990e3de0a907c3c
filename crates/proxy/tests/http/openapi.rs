//! The OpenAPI document: served, checked in, whole.

use std::collections::BTreeSet;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ventanilla_core::api::{StartAttempt, Step};
use ventanilla_core::problem::ProblemCode;
use ventanilla_proxy::machine::{
    NewBulk, NewCashOut, NewDeposit, NewOperation, NewSession, NewSubscription,
    NewSubscriptionPayment, NewTokenPayment, SettleReview,
};
use ventanilla_proxy::openapi;

use crate::support::{Proxy, problem};

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().unwrap();
            item.iter()
                .map(|(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

/// Whether the JSON of `value` is what the handler takes.
fn is_taken<T: DeserializeOwned>(value: &Value) -> bool {
    serde_json::from_value::<T>(value.clone()).is_ok()
}

#[test]
fn the_checked_in_document_is_the_one_that_the_code_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == openapi::text(),
        "docs/openapi.json is not what the code makes; write it anew with:\n    \
         cargo run -p ventanilla-proxy --bin ventanilla -- openapi > docs/openapi.json"
    );
}

#[tokio::test]
async fn the_document_and_its_page_are_served_to_everybody() {
    let proxy = Proxy::start().await;
    let answer = proxy
        .request(Method::GET, "/v1/openapi.json")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.text().await.unwrap(), openapi::text());

    let answer = proxy.request(Method::GET, "/docs").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(
        !policy.contains("script-src") && !policy.contains("unsafe"),
        "{policy}"
    );
    let page = answer.text().await.unwrap();
    for outside in ["<script", "src=", "http-equiv", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let document = openapi::document();
    for (path, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(
            page.contains(&format!("<section id=\"{id}\">")) && page.contains(path),
            "{id}"
        );
    }
}

#[test]
fn every_operation_says_what_it_does_who_may_ask_and_what_it_refuses() {
    let document = openapi::document();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{place}: {id} twice");
        assert!(
            !operation["summary"].as_str().unwrap().is_empty(),
            "{place}"
        );
        let opens = &operation["security"];
        let refused = operation["responses"].as_object().unwrap();
        let keyed = operation["parameters"]
            .as_array()
            .is_some_and(|parameters| parameters.iter().any(|p| p["name"] == "Idempotency-Key"));
        assert_eq!(keyed, refused.contains_key("400"), "{place}");
        assert_eq!(
            opens == &serde_json::json!([]),
            !refused.contains_key("401"),
            "{place}"
        );
        assert!(
            !path.contains('{') || refused.contains_key("404"),
            "{place}"
        );
        let body = operation["requestBody"].is_object();
        assert_eq!(body, refused.contains_key("413"), "{place}");
        let media = &operation["requestBody"]["content"]["application/json"];
        assert_eq!(
            body,
            media["example"].is_object(),
            "{place}: no example of a request"
        );
        for (status, answer) in refused.iter().filter(|(status, _)| status.starts_with('2')) {
            let media = &answer["content"]["application/json"];
            let example = media["example"].is_object();
            let needed = media.is_object() && path != "/v1/openapi.json";
            assert_eq!(example, needed, "{place}: no example of a {status}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        if let Some(pointer) = value["$ref"].as_str() {
            let found = document.pointer(pointer.strip_prefix('#').unwrap());
            assert!(found.is_some(), "{pointer}");
        }
        for inner in value
            .as_object()
            .into_iter()
            .flat_map(|members| members.values())
        {
            walk(document, inner);
        }
        for inner in value.as_array().into_iter().flatten() {
            walk(document, inner);
        }
    }
    let document = openapi::document();
    walk(&document, &document);
}

#[test]
fn every_code_that_crosses_http_is_some_operation_s() {
    let document = openapi::document();
    let mut named = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        for answer in operation["responses"].as_object().unwrap().values() {
            let examples = &answer["content"]["application/problem+json"]["examples"];
            named.extend(
                examples
                    .as_object()
                    .into_iter()
                    .flat_map(|by_code| by_code.keys()),
            );
        }
        let responses = operation["responses"].to_string();
        let shared = document["components"]["responses"].as_object().unwrap();
        let is_used = |code: &&String| responses.contains(&format!("responses/{code}\""));
        named.extend(shared.keys().filter(is_used));
    }
    // Nothing is a handler's that is refused before there is one.
    let before = [ProblemCode::MethodNotAllowed];
    for code in ProblemCode::ALL {
        let expected = code.status() != 0 && !before.contains(code);
        assert_eq!(named.contains(&code.name().to_owned()), expected, "{code}");
    }
}

#[test]
fn examples_of_requests_are_taken() {
    let document = openapi::document();
    for (path, method, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"];
        let Some(example) = schema.get("example") else {
            continue;
        };
        let taken = match operation["operationId"].as_str().unwrap() {
            "open_session" => is_taken::<NewSession>(example),
            "capture" | "void" | "release" | "refund" | "return_goods" => {
                is_taken::<NewOperation>(example)
            }
            "settle_review" => is_taken::<SettleReview>(example),
            "cvu_cash_out" => is_taken::<NewCashOut>(example),
            "flexiti_deposit" => is_taken::<NewDeposit>(example),
            "greenpay_token_payment" => is_taken::<NewTokenPayment>(example),
            "greenpay_bulk_payments" => is_taken::<NewBulk>(example),
            "greenpay_create_subscription" => is_taken::<NewSubscription>(example),
            "greenpay_pay_subscription" => is_taken::<NewSubscriptionPayment>(example),
            "start_attempt" => is_taken::<StartAttempt>(example),
            "take_step" => is_taken::<Step>(example),
            // Their types are their room's own; their own tests send them.
            "greenpay_save_card"
            | "greenpay_replace_card"
            | "greenpay_cancel_subscription"
            | "greenpay_change_subscription_card"
            | "greenpay_change_subscription_amount"
            | "cvu_create_sale_point"
            | "cvu_static_order"
            | "cvu_transfer_link" => true,
            unknown => panic!("which type is the request of {unknown}?"),
        };
        assert!(taken, "{method} {path}");
    }
}

#[tokio::test]
async fn a_path_that_is_no_text_is_not_found_in_the_usual_words() {
    let proxy = Proxy::start().await;
    for path in ["/v1/sessions/%ff", "/v1/attempts/%C3%28/refund"] {
        let method = if path.ends_with("refund") {
            Method::POST
        } else {
            Method::GET
        };
        let answer = proxy
            .merchant(method, path)
            .header("idempotency-key", crate::support::fresh_key())
            .send()
            .await
            .unwrap();
        problem(answer, 404, "not-found").await;
    }
}
