//! What goes out, byte by byte, and what never does.

use ventanilla_core::money::{Currency, Money};
use ventanilla_providers::flux::{Charge, Client, ConfigError, RefundOrder};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    CODE, REFRESH_TOKEN, TOKEN_LINE, Way, charge, client, code, config, operation, pesos,
    refund_order,
};
use crate::provider::{Provider, Seen};

async fn provider() -> Provider {
    Provider::saying(200, "{}").await
}

fn only_call(provider: &Provider) -> Seen {
    let calls = provider.calls();
    assert_eq!(calls.len(), 1);
    calls[0].clone()
}

/// The JSON of a fixture without the blanks between its parts.
fn written(file: &str, name: &str) -> String {
    let requests = operation(file).requests;
    let asked = requests.into_iter().find(|asked| asked.name == name);
    let body = asked.unwrap().body.unwrap();
    let mut is_text = false;
    let kept = body.get().chars().filter(|char| {
        is_text ^= *char == '"';
        is_text || !char.is_ascii_whitespace()
    });
    kept.collect()
}

#[tokio::test]
async fn every_operation_goes_to_its_place_with_the_access_token() {
    for way in Way::ALL {
        let provider = provider().await;
        let _ = way.call(&client(&provider.url)).await;
        let documented = operation(way.file());
        let path = documented.path.replace("{reference}", "mesa12-0001");
        for seen in provider.calls() {
            assert_eq!(seen.line, format!("{} /v3/{path}", documented.method));
            assert_eq!(seen.token.as_deref(), Some("TOKEN-1"), "{way:?}");
            assert!(
                seen.head.contains("accept: application/json\r\n"),
                "{}",
                seen.head
            );
            assert_eq!(seen.query, "");
            let has_body = !way.is_read();
            assert_eq!(
                seen.head.contains("content-type: application/json\r\n"),
                has_body
            );
            assert_eq!(!seen.body.is_empty(), has_body, "{way:?}");
        }
    }
}

#[tokio::test]
async fn payments_go_out_as_documented_with_and_without_a_tip() {
    let without = Charge {
        reference: "pedido-0002".to_owned(),
        tip: pesos(0),
        ..charge()
    };
    for (name, mut charge) in [("with-tip", charge()), ("no-tip", without)] {
        if name == "no-tip" {
            charge.place.table.clear();
        }
        let provider = provider().await;
        let _ = client(&provider.url).pay(&charge, &code()).await;
        assert_eq!(only_call(&provider).body, written("payments_create", name));
    }
}

#[tokio::test]
async fn refunds_go_out_as_documented_in_full_and_in_part() {
    let partial = RefundOrder {
        amount: pesos(10_000),
        message: "Devolucion parcial de prueba".to_owned(),
        ..refund_order()
    };
    for (name, order) in [("full", refund_order()), ("partial", partial)] {
        let provider = provider().await;
        let _ = client(&provider.url).refund(&order).await;
        assert_eq!(only_call(&provider).body, written("payments_refund", name));
    }
}

#[tokio::test]
async fn the_token_is_asked_for_with_the_refresh_token_and_nothing_else_is() {
    let provider = provider().await;
    let _ = Way::Pay.call(&client(&provider.url)).await;
    let seen = provider.first_token_request();
    assert_eq!(seen.line, TOKEN_LINE);
    assert_eq!(seen.token, None);
    assert_eq!(seen.body, written("auth_refresh_token", "ok"));
    let call = only_call(&provider);
    assert!(!call.head.contains(&REFRESH_TOKEN.to_lowercase()));
    assert!(!call.body.contains(REFRESH_TOKEN));
}

#[tokio::test]
async fn the_token_can_be_asked_for_at_another_host_and_without_a_grant() {
    let auth = provider().await;
    let api = provider().await;
    let mut config = config(&api.url);
    config.token_url = Some(format!("{}/v1/commerces/tokens/refreshToken", auth.url));
    config.grant_type = None;
    let _ = Way::Pay.call(&Client::new(config).unwrap()).await;
    let asked = only_call(&auth);
    assert_eq!(asked.line, "POST /v1/commerces/tokens/refreshToken");
    assert_eq!(
        asked.body,
        format!(r#"{{"refreshToken":"{REFRESH_TOKEN}"}}"#)
    );
    assert_eq!((api.calls().len(), api.token_requests()), (0, 0));
}

#[tokio::test]
async fn a_wallet_code_goes_out_as_it_was_read() {
    for text in [
        CODE,
        "a",
        r#"{"CT":"487321429838","MT":"$203.50"}"#,
        r#"{"a": "b c"}"#,
        "00020101021126\\\"",
        &"x".repeat(512),
    ] {
        let provider = provider().await;
        let _ = client(&provider.url).pay(&charge(), &text.into()).await;
        let body: serde_json::Value = serde_json::from_str(&only_call(&provider).body).unwrap();
        assert_eq!(body["qr"], text);
    }
}

/// Nothing was sent, not even for a token, because of this field.
fn assert_held_back<T: std::fmt::Debug>(provider: &Provider, outcome: &Outcome<T>, field: &str) {
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::Request(found)) if *found == field),
        "{field}: {outcome:?}"
    );
    assert_eq!((provider.calls().len(), provider.token_requests()), (0, 0));
}

// A decimal amount and a negative tip, two more of the fixtures, are no `Money`.
#[tokio::test]
async fn a_payment_that_cannot_be_is_not_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    let held_back = async |field, change: fn(&mut Charge)| {
        let mut charge = charge();
        change(&mut charge);
        let outcome = client.pay(&charge, &code()).await;
        assert_held_back(&provider, &outcome, field);
    };
    held_back("reference", |it| it.reference.clear()).await;
    held_back("reference", |it| it.reference = "mesa 12/0001".to_owned()).await;
    held_back("reference", |it| it.reference = "..".to_owned()).await;
    held_back("reference", |it| it.reference = "a".repeat(65)).await;
    held_back("reference", |it| it.reference = "añejo".to_owned()).await;
    held_back("amount", |it| it.amount = pesos(0)).await;
    held_back("amount", |it| it.amount = pesos(2_147_483_648)).await;
    held_back("amount", |it| it.amount = dollars()).await;
    held_back("tip", |it| it.tip = dollars()).await;
    held_back("tip", |it| it.amount = pesos(2_147_483_647)).await;
    held_back("store", |it| it.place.store.clear()).await;
    held_back("store", |it| it.place.store = "a".repeat(65)).await;
    held_back("terminal", |it| it.place.terminal = "\n".to_owned()).await;
    held_back("operator", |it| it.place.operator = "a".repeat(65)).await;
    held_back("table", |it| it.place.table = "\u{0}".to_owned()).await;
}

fn dollars() -> Money {
    Money::from_minor(1, Currency::USD).unwrap()
}

#[tokio::test]
async fn a_text_that_no_wallet_shows_is_not_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    for text in [
        "",
        " ",
        " QUJD",
        "QUJD\n",
        "QUJD\tQ",
        "código",
        &CODE.replace('+', " "),
        &"x".repeat(513),
    ] {
        let outcome = client.pay(&charge(), &text.into()).await;
        assert_held_back(&provider, &outcome, "qr");
    }
}

#[tokio::test]
async fn a_refund_or_a_look_up_that_cannot_be_is_not_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    let held_back = async |field, change: fn(&mut RefundOrder)| {
        let mut order = refund_order();
        change(&mut order);
        let outcome = client.refund(&order).await;
        assert_held_back(&provider, &outcome, field);
    };
    held_back("reference", |it| it.reference = "mesa 12/0001".to_owned()).await;
    held_back("amount", |it| it.amount = pesos(0)).await;
    held_back("amount", |it| it.amount = dollars()).await;
    held_back("message", |it| it.message.clear()).await;
    held_back("store", |it| it.place.store.clear()).await;
    for reference in ["", ".", "..", "a/b", "a?b", "a%2fb"] {
        let outcome = client.transaction(reference).await;
        assert_held_back(&provider, &outcome, "reference");
    }
}

#[test]
fn a_configuration_that_cannot_be_makes_no_client() {
    let refusal = |change: fn(&mut ventanilla_providers::flux::Config)| {
        let mut config = config("https://sandbox.ejemplo.test");
        change(&mut config);
        Client::new(config).err()
    };
    assert_eq!(refusal(|_| {}), None);
    assert_eq!(
        refusal(|it| it.base_url = "http://ejemplo.test/v3".to_owned()),
        Some(ConfigError::Plaintext("base_url"))
    );
    assert_eq!(
        refusal(|it| it.token_url = Some("ejemplo.test".to_owned())),
        Some(ConfigError::Url("token_url"))
    );
    assert_eq!(
        refusal(|it| it.refresh_token = "".into()),
        Some(ConfigError::RefreshToken)
    );
    assert_eq!(
        refusal(|it| it.refresh_token = "a".repeat(4_097).into()),
        Some(ConfigError::RefreshToken)
    );
}
