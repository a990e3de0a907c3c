//! Opening, seeing and ending sessions.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;
use ventanilla_proxy::machine::NewSession;
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::support::{NO_FUNDS, VISA, Window, key, minutes, new_session};

#[tokio::test]
async fn the_same_request_sent_twice_opens_one_session() {
    let window = Window::open().await;
    let key = key();
    let first = window
        .machine
        .open_session(&key, new_session())
        .await
        .unwrap();
    let second = window
        .machine
        .open_session(&key, new_session())
        .await
        .unwrap();
    assert_eq!(first, second);
    let mut other = new_session();
    other.order_reference = String::from("A-1002");
    let refused = window.machine.open_session(&key, other).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::IdempotencyKeyReused);
}

#[tokio::test]
async fn what_the_merchant_left_out_is_filled_in() {
    let window = Window::open().await;
    let session = window.session().await;
    assert_eq!(session.request.rails, [Rail::Card]);
    assert_eq!(session.request.expires_in_secs, Some(1_800));
    assert_eq!(session.created_at, "2026-11-18T11:06:40.000Z");
    assert_eq!(session.expires_at, "2026-11-18T11:36:40.000Z");
    let view = window.machine.checkout_view(&session.id).await.unwrap();
    assert_eq!(view.payee, "Tienda Ejemplo");
    assert_eq!(view.order_reference, "A-1001");
    assert_eq!(view.server_time, session.created_at);
    let offer = view.card.unwrap();
    assert_eq!(offer.key_pins.len(), 1);
    assert!(!offer.public_key.contains(['\n', '-']));
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_is_told_which() {
    let window = Window::open().await;
    let long = "x".repeat(65);
    let crc = |minor: u64| json!({ "amount_minor": minor, "currency": "CRC" });
    let item = |field: &str, value: serde_json::Value| {
        let mut item = json!({ "description": "café", "quantity": 2 });
        item[field] = value;
        json!([item])
    };
    let address = json!({ "country": "cr", "street1": "Avenida 1" });
    let many: Vec<u8> = (2..=26).collect();
    for (field, value, code, detail) in [
        (
            "order_reference",
            json!(""),
            "request-malformed",
            "1 to 64 characters, found 0",
        ),
        (
            "order_reference",
            json!(long),
            "request-malformed",
            "1 to 64 characters, found 65",
        ),
        (
            "order_reference",
            json!("a\nb"),
            "request-malformed",
            "control characters",
        ),
        ("total", crc(0), "amount-invalid", "more than zero"),
        (
            "total",
            json!({ "amount_minor": 1, "currency": "MXN" }),
            "rail-not-offered",
            "settles in MXN",
        ),
        (
            "rails",
            json!(["card", "card"]),
            "request-malformed",
            "once",
        ),
        ("description", json!(""), "request-malformed", "description"),
        (
            "items",
            item("quantity", json!(0)),
            "request-malformed",
            "items[0].quantity",
        ),
        (
            "items",
            item("description", json!("")),
            "request-malformed",
            "items[0].description",
        ),
        (
            "items",
            item(
                "unit_price",
                json!({ "amount_minor": 1, "currency": "USD" }),
            ),
            "request-malformed",
            "in CRC",
        ),
        (
            "items",
            item("unit_price", crc(9_999_999_999_999)),
            "amount-invalid",
            "items[0]",
        ),
        ("installments", json!([1]), "request-malformed", "2 to 99"),
        ("installments", json!([100]), "request-malformed", "2 to 99"),
        (
            "installments",
            json!(many),
            "request-malformed",
            "at most 24",
        ),
        ("save_card", json!("ask"), "request-malformed", "buyer.id"),
        (
            "buyer",
            json!({ "email": "nobody" }),
            "request-malformed",
            "buyer.email",
        ),
        (
            "buyer",
            json!({ "billing_address": address }),
            "request-malformed",
            "billing_address.country",
        ),
        (
            "expires_in_secs",
            json!(59),
            "request-malformed",
            "60 to 86400",
        ),
        (
            "expires_in_secs",
            json!(86_401),
            "request-malformed",
            "60 to 86400",
        ),
        (
            "metadata",
            json!({ "": "x" }),
            "request-malformed",
            "metadata key",
        ),
    ] {
        let mut request = serde_json::to_value(new_session()).unwrap();
        request[field] = value;
        let new: NewSession = serde_json::from_value(request).unwrap();
        let refused = window.machine.open_session(&key(), new).await.unwrap_err();
        let problem = refused.problem();
        assert_eq!(problem.code, code, "{field}: {refused}");
        assert!(
            problem.detail.unwrap().contains(detail),
            "{field}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_session_whose_time_ran_out_takes_no_payment() {
    let window = Window::open().await;
    let session = window.session().await;
    window.clock.advance(minutes(30));
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::SessionExpired);
    let view = window.machine.checkout_view(&session.id).await.unwrap();
    assert_eq!(view.state, SessionState::Expired);
    window.clock.advance(minutes(1));
    for _ in 0..2_000 {
        if window.told().await == ["session.expired"] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the merchant was not told: {:?}", window.told().await);
}

#[tokio::test]
async fn a_merchant_may_end_a_session_that_is_not_paid_and_end_it_again() {
    let window = Window::open().await;
    let session = window.session().await;
    window.pay(&session.id, NO_FUNDS).await.unwrap();
    for _ in 0..2 {
        let ended = window.machine.expire_session(&session.id).await.unwrap();
        assert_eq!(ended.state, SessionState::Expired);
    }
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::SessionExpired);
    assert_eq!(window.told().await, ["attempt.declined", "session.expired"]);
    let unknown = window
        .machine
        .expire_session("ses_unknown")
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), ProblemCode::NotFound);
}

#[tokio::test]
async fn a_paid_session_cannot_be_ended() {
    let window = Window::open().await;
    let session = window.session().await;
    let paid = window.pay(&session.id, VISA).await.unwrap();
    let refused = window
        .machine
        .expire_session(&session.id)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ProblemCode::SessionPaid);
    assert_eq!(refused.problem().attempt_id, Some(paid.id));
}

#[tokio::test]
async fn a_session_whose_money_may_be_moving_cannot_be_ended_and_does_not_expire() {
    let window = Window::open().await;
    let session = window.session().await;
    let fault = Fault::once(Operation::Pay, Kind::ResetBefore);
    window.sandbox.arm(fault).await.unwrap();
    let fault = Fault::times(Operation::Transaction, Kind::Error500, 100);
    window.sandbox.arm(fault).await.unwrap();
    let attempt = window
        .pay_until(&session.id, |row| row.state == AttemptState::Unknown)
        .await;
    let refused = window
        .machine
        .expire_session(&session.id)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ProblemCode::AttemptRunning);
    assert_eq!(refused.problem().attempt_id, Some(attempt.id));
    window.clock.advance(minutes(31));
    let view = window.machine.checkout_view(&session.id).await.unwrap();
    assert_eq!(view.state, SessionState::Open);
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::AttemptRunning);
}
