//! The wallet that shows codes, by the requests that a browser sends.

use std::time::Duration;

use serde_json::json;
use ventanilla_sandbox::FluxCodeKind;

use crate::support::{Merchant, Page};

/// The wallet with a fresh code of a kind.
async fn shown(merchant: &Merchant, kind: &str) -> (String, Page) {
    let made = merchant
        .page("/wallet", Some(&format!("kind={kind}")))
        .await;
    assert_eq!(made.http, 303);
    let page = merchant.page(&made.location, None).await;
    assert_eq!(page.http, 200);
    (made.location, page)
}

fn newest(merchant: &Merchant) -> String {
    merchant.sandbox.ledger().flux.codes.pop().unwrap().code
}

#[tokio::test]
async fn the_wallet_offers_every_kind_of_code_in_mexican_spanish() {
    let merchant = Merchant::open().await;
    let page = merchant.page("/wallet", None).await;
    assert_eq!(page.http, 200);
    for text in ["lang=es-MX", "Muestra un código", "Aquí no se mueve dinero"] {
        assert!(page.says(text), "{text}");
    }
    for kind in FluxCodeKind::ALL {
        let value = format!("value={}", kind.name());
        assert!(page.says(&value), "{value}");
    }
    assert_eq!(merchant.page("/", None).await.location, "/wallet");
}

#[tokio::test]
async fn a_code_is_shown_as_a_picture_and_as_text_and_another_one_at_each_press() {
    let merchant = Merchant::open().await;
    let mut seen = Vec::new();
    for number in 1..=2 {
        let (location, page) = shown(&merchant, "good").await;
        assert_eq!(location, format!("/wallet/codes/{number}"));
        let code = newest(&merchant);
        assert!(page.says(&code), "the text is there to copy");
        assert!(page.says("<svg class=code role=img") && page.says("Sirve una vez, hasta las"));
        seen.push(code);
    }
    assert_ne!(seen[0], seen[1]);
}

/// The modules of the drawn code, row by row, as a camera finds them.
fn modules(page: &Page) -> Vec<(u32, u32)> {
    let (_, path) = page.html.split_once(" d=\"").unwrap();
    let (path, _) = path.split_once('"').unwrap();
    let spots = path.split("h1v1h-1z").filter(|spot| !spot.is_empty());
    spots
        .map(|spot| {
            let (x, y) = spot.trim_start_matches('M').split_once(' ').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn what_is_drawn_is_the_text_and_the_dark_picture_is_the_same_inverted() {
    let merchant = Merchant::open().await;
    let (location, light) = shown(&merchant, "good").await;
    let text = newest(&merchant);
    let drawn = qrcodegen::QrCode::encode_text(&text, qrcodegen::QrCodeEcc::Medium).unwrap();
    let mut expected = Vec::new();
    for y in 0..drawn.size() {
        for x in 0..drawn.size() {
            if drawn.get_module(x, y) {
                let at = |position: i32| u32::try_from(position + 4).unwrap();
                expected.push((at(x), at(y)));
            }
        }
    }
    assert_eq!(modules(&light), expected);
    let dark = merchant.page(&format!("{location}?dark"), None).await;
    assert_eq!(modules(&dark), expected);
    assert!(light.says("fill=\"#fff\"/><path fill=\"#000\""));
    assert!(dark.says("fill=\"#000\"/><path fill=\"#fff\""));
}

#[tokio::test]
async fn a_code_says_what_became_of_it() {
    let merchant = Merchant::open().await;
    let (paid, _) = shown(&merchant, "good").await;
    let mut charge = merchant.charge("ref-1");
    charge["qr"] = json!(merchant.sandbox.ledger().flux.codes[0].code);
    charge["amount"] = json!(123_450);
    merchant.pay(&charge).await.data();
    assert!(merchant.page(&paid, None).await.says("Pagaste $1,259.50."));
    let (left, page) = shown(&merchant, "good").await;
    assert!(page.says("Sirve una vez"));
    merchant.sandbox.move_clock(Duration::from_secs(180));
    assert!(merchant.page(&left, None).await.says("ya venció"));
    let (_, page) = shown(&merchant, "expired").await;
    assert!(page.says("ya venció"));
}

#[tokio::test]
async fn a_kind_and_a_code_that_are_not_there_are_told() {
    let merchant = Merchant::open().await;
    for form in ["", "kind=", "kind=golden"] {
        let page = merchant.page("/wallet", Some(form)).await;
        assert_eq!(page.http, 422, "{form}");
        assert!(page.says("Elige qué código mostrar.") && page.says("<form"));
    }
    for path in ["/wallet/codes/1", "/wallet/codes/0", "/wallet/codes/x"] {
        let page = merchant.page(path, None).await;
        assert_eq!(page.http, 404, "{path}");
        assert!(page.says("No encontramos ese código"));
    }
    assert!(merchant.sandbox.ledger().flux.codes.is_empty());
}

#[tokio::test]
async fn nothing_is_loaded_from_elsewhere_and_no_other_page_presses_the_buttons() {
    let merchant = Merchant::open().await;
    let (_, page) = shown(&merchant, "good").await;
    assert!(
        page.policy
            .starts_with("default-src 'none'; style-src 'sha256-")
    );
    assert!(page.policy.contains("frame-ancestors 'none'"));
    assert!(!page.says("http://") && !page.says("https://"));
    let url = format!("{}/wallet", merchant.sandbox.flux_url);
    let pressed = merchant
        .client
        .post(url)
        .header("origin", "http://shop.example")
        .body("kind=good");
    assert_eq!(pressed.send().await.unwrap().status().as_u16(), 403);
    assert_eq!(merchant.sandbox.ledger().flux.codes.len(), 1);
}
