//! What must not be found anywhere but where it belongs: in the store, in an answer, in the log, with the shop.

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState;
use ventanilla_sandbox::{FluxCodeKind, Kind, Operation, Sandbox, SandboxOptions};

use super::{Stage, TIP, options, settings};
use crate::shop::Shop;
use crate::world::{World, Written};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// The access token that a sandbox with these options gives first.
async fn first_token(options: SandboxOptions) -> String {
    let sandbox = Sandbox::start(options).await.unwrap();
    let asked = json!({
        "refreshToken": sandbox.flux_credentials().refresh_token,
        "grantType": "accessToken",
    });
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let answer = client
        .post(format!("{}/v3/auth/tokens/refreshToken", sandbox.flux_url))
        .header("content-type", "application/json")
        .body(asked.to_string())
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    answer["data"]["accessToken"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn wallet_codes_and_what_opens_the_account_are_in_no_store_no_answer_no_log_and_no_webhook() {
    let mut options = options();
    options.flux_credentials.refresh_token = String::from("a-refresh-token-that-is-nowhere-else");
    options.seed = 20_261_120;
    let access_token = first_token(options.clone()).await;
    let (shop, url) = Shop::open().await;
    let log = Written::default();
    let world = World::open_as(options, settings(url), Some(log.clone())).await;
    let stage = Stage { world, shop };
    let world = &stage.world;

    // Paid, declined, in doubt, refunded, and requests gone wrong.
    let checkout = stage.checkout().await;
    let attempt = checkout.charge(TIP).await;
    stage.assert_paid_once(&checkout, &attempt, TIP).await;
    let path = format!("/v1/attempts/{}/refund", attempt.id);
    world.shop("POST", &path, Some(&json!({}))).await;
    for kind in FluxCodeKind::ALL {
        let checkout = stage.checkout().await;
        checkout.try_to_charge(&world.code(kind), 0).await.unwrap();
    }
    for kind in [
        Kind::BrokenJson,
        Kind::WrongTotal,
        Kind::GatewayTimeoutAfter,
    ] {
        world.arm(Operation::FluxPay, kind).await;
        let checkout = stage.checkout().await;
        let attempt = checkout.charge(0).await;
        checkout.until(&attempt.id, AttemptState::Succeeded).await;
    }
    let checkout = stage.checkout().await;
    let code = world.code(FluxCodeKind::Good);
    for body in [
        json!({ "rail": "flux", "flux": { "code": format!("{code} {code}") } }),
        json!({ "rail": "flux", "flux": { "code": code, "tip_minor": 1_000_000 } }),
        json!({ "rail": "flux", "flux": { "code": code, code.as_str(): 1 } }),
        json!({ "rail": code, "flux": { "code": [code] } }),
    ] {
        assert_eq!(checkout.post(&body).await.status, 422);
    }

    let ledger = world.ledger();
    let mut never: Vec<(&str, String)> = ledger
        .flux
        .codes
        .iter()
        // Most of a code is as good as all of it to whoever guesses.
        .map(|shown| {
            (
                "a wallet's code",
                shown.code.chars().skip(4).take(40).collect(),
            )
        })
        .collect();
    assert!(never.len() > 15);
    never.push((
        "the refresh token",
        world.sandbox.flux_credentials().refresh_token.clone(),
    ));

    never.push(("the access token", access_token));

    let store = world.store_bytes();
    let answers = world.answers.lock().unwrap().join("\n").into_bytes();
    let told = json!(stage.shop.told()).to_string().into_bytes();
    let log = log.lock().unwrap().clone();
    // The places that are searched do hold what they should.
    for place in [&store, &answers, &told, &log] {
        assert!(contains(place, &attempt.id));
    }
    assert!(contains(&log, "TRACE"), "everything is logged");
    for (what, text) in &never {
        let places = [
            ("store", &store),
            ("answers", &answers),
            ("webhooks", &told),
            ("log", &log),
        ];
        for (place, bytes) in places {
            assert!(!contains(bytes, text), "{what} is in the {place}");
        }
    }
}
