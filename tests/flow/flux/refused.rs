//! Requests that are refused before anything is recorded.

use serde_json::{Value, json};
use ventanilla_core::api::IDEMPOTENCY_KEY;
use ventanilla_sandbox::FluxCodeKind;

use super::{BILL, Stage, on_both_stores};
use crate::checkout::Checkout;
use crate::world::{SHOP, Settings, World};

/// Nothing was recorded, and nobody was asked.
async fn assert_untouched(checkout: &Checkout) {
    let record = checkout.record().await;
    assert_eq!(record["attempts"], json!([]), "{record}");
    assert!(checkout.world.ledger().calls.is_empty());
}

async fn a_wrong_code_is_refused_by_its_name_before_anything_is_recorded(stage: Stage) {
    let checkout = stage.checkout().await;
    let merchant = "0002010102125015001130000000120512600220009999001234567890126520458125303032540410.05802AR5915COMERCIO PRUEBA6004CABA630422A3";
    let too_long = "x".repeat(513);
    for (code, name) in [
        ("", "empty"),
        (" \n", "empty"),
        (merchant, "merchant-code"),
        ("https://pay.example/x", "web-address"),
        ("0009999001234567890126", "account"),
        ("QUJDREVGR0hJ SktM/8=", "spaces"),
        ("código", "not-printable"),
        (&too_long, "too-long"),
    ] {
        let body = json!({ "rail": "flux", "flux": { "code": code, "tip_minor": 0 } });
        let answer = checkout.post(&body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "wallet-code-malformed"),
            "{name}"
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(name), "{detail}");
        assert!(code.trim().is_empty() || !detail.contains(code), "{detail}");
    }
    assert_untouched(&checkout).await;
}

async fn a_tip_above_the_cap_is_refused_and_names_the_most(stage: Stage) {
    let checkout = stage.checkout().await;
    let code = stage.world.code(FluxCodeKind::Good);
    for tip in [BILL / 2 + 1, BILL * 10, u64::from(u32::MAX), u64::MAX] {
        let refused = checkout.try_to_charge(&code, tip).await.unwrap_err();
        assert_eq!(
            (refused.status, refused.code.as_str()),
            (422, "tip-not-allowed")
        );
        assert!(refused.detail.unwrap().contains("12500"));
    }
    assert_untouched(&checkout).await;
}

#[tokio::test]
async fn no_tip_is_taken_where_none_is_offered() {
    let settings = Settings {
        flux: Some("tips = false"),
        ..Settings::default()
    };
    let world = World::open_as(super::options(), settings, None).await;
    let fields = json!({ "total": { "amount_minor": BILL, "currency": "MXN" }, "items": [] });
    let checkout = world.checkout_for(fields).await;
    assert_eq!(checkout.view().await.flux.unwrap().tip, None);
    let code = world.code(FluxCodeKind::Good);
    let refused = checkout.try_to_charge(&code, 1).await.unwrap_err();
    assert_eq!(refused.code, "tip-not-allowed");
    assert_untouched(&checkout).await;
}

#[tokio::test]
async fn an_amount_is_nothing_that_the_page_decides() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let code = stage.world.code(FluxCodeKind::Good);
    let with = |name: &str, value: Value| {
        let mut flux = json!({ "code": code, "tip_minor": 0 });
        flux[name] = value;
        json!({ "rail": "flux", "flux": flux })
    };
    for body in [
        with("amount_minor", json!(1)),
        with("total", json!({ "amount_minor": 1, "currency": "MXN" })),
        with("reference", json!("mine")),
        with("tip_minor", json!(-1)),
        with("tip_minor", json!(0.5)),
        with("tip_minor", json!("1")),
        with("code", json!(7)),
        json!({ "rail": "flux" }),
        json!({ "rail": "flux", "flux": {} }),
        json!({ "rail": "flux", "cvu": { "presentation": "qr" } }),
    ] {
        let answer = checkout.post(&body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "request-malformed"),
            "{body}"
        );
        assert!(!answer.text.contains(&code), "{}", answer.text);
    }
    assert_untouched(&checkout).await;
}

#[tokio::test]
async fn a_code_is_taken_in_the_frame_only() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let code = stage.world.code(FluxCodeKind::Good);
    let body = json!({ "rail": "flux", "flux": { "code": code } });
    let request = stage
        .world
        .client
        .post(format!("{}/v1/checkout/attempts", stage.world.origin()))
        .bearer_auth(&checkout.token)
        .header("origin", SHOP)
        .header(IDEMPOTENCY_KEY, stage.world.next_key().as_str())
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = stage.world.send(request).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "frame-only"));
    assert_untouched(&checkout).await;
}

#[tokio::test]
async fn the_frame_may_use_the_camera_where_codes_are_taken_and_nowhere_else() {
    let with = Stage::open().await;
    let without = World::open().await;
    for (world, rails, camera) in [
        (&with.world, "flux", "camera=(self)"),
        (&with.world, "card", "camera=()"),
        (&without, "flux", "camera=()"),
    ] {
        let frame = format!("{}/frame?rails={rails}", world.origin());
        let frame = world.client.get(frame);
        let frame = frame.send().await.unwrap();
        let permissions = frame.headers()["permissions-policy"].to_str().unwrap();
        assert!(
            permissions.split(", ").any(|one| one == camera),
            "{permissions}"
        );
    }
}

on_both_stores![
    a_tip_above_the_cap_is_refused_and_names_the_most,
    a_wrong_code_is_refused_by_its_name_before_anything_is_recorded,
];
