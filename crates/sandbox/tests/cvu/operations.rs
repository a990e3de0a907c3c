//! What the operations do, beyond what the samples show.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::{
    CashoutRefusal, CashoutState, CvuExpirationForm, CvuOptions, CvuSecondOrder,
};

use crate::support::Merchant;

fn cashout(reference: &str) -> Value {
    json!({
        "cvu": "0009001600000004242420", "cuit": "20999000011", "amount": 1500.5,
        "reference_id": reference, "concept": "VAR", "description": "Pedido 0001",
    })
}

#[tokio::test]
async fn money_leaves_once_under_a_reference_however_often_it_is_asked_for() {
    let merchant = Merchant::open().await;
    let path = "v2/payment/cashout";
    let first = merchant.post(path, &cashout("ref-1")).await;
    for _ in 0..3 {
        assert_eq!(
            merchant.post(path, &cashout("ref-1")).await.body,
            first.body
        );
    }
    let mut other = cashout("ref-1");
    other["description"] = json!("Pedido 0002");
    let refused = merchant.post(path, &other).await;
    assert_eq!(refused.message(), "reference_id ya utilizado");
    let ledger = merchant.sandbox.ledger().cvu;
    assert_eq!(ledger.sent().count(), 1);
    let states: Vec<_> = ledger.cashouts.iter().map(|it| it.state).collect();
    let (sent, repeated) = (CashoutState::Sent, CashoutState::Repeated);
    assert_eq!(
        states,
        [sent, repeated, repeated, repeated, CashoutState::Refused]
    );
    let last = ledger.cashouts.last().unwrap();
    assert_eq!(
        (last.refusal, last.count),
        (Some(CashoutRefusal::ReferenceUsed), 5)
    );
    assert_eq!(
        merchant.get("v2/account/balance").await.body["amount"],
        123_499
    );
}

#[tokio::test]
async fn a_transfer_that_was_refused_leaves_its_reference_free() {
    let merchant = Merchant::open().await;
    let path = "v2/payment/cashout";
    for (field, value, message) in [
        ("cuit", json!("20999000012"), "cuit invalido"),
        (
            "cuit",
            json!("27999000024"),
            "el cuit no corresponde a la cuenta",
        ),
        ("cvu", json!("0009001600000004242421"), "cvu invalido"),
        ("amount", json!(1.005), "monto invalido"),
        ("concept", json!("XXX"), "concepto invalido"),
    ] {
        let mut request = cashout("ref-1");
        request[field] = value;
        assert_eq!(merchant.post(path, &request).await.message(), message);
    }
    let mut by_alias = cashout("ref-1");
    by_alias["cvu"] = Value::Null;
    by_alias["alias"] = json!("nadie.conoce.esto");
    let refused = merchant.post(path, &by_alias).await;
    assert_eq!(refused.message(), "alias inexistente");
    assert!(merchant.post(path, &cashout("ref-1")).await.is_ok());
    assert_eq!(merchant.sandbox.ledger().cvu.sent().count(), 1);
}

#[tokio::test]
async fn a_token_opens_the_door_until_its_time_is_over() {
    let merchant = Merchant::open().await;
    merchant.sandbox.move_clock(Duration::from_secs(3_599));
    assert!(merchant.get("v2/account/balance").await.is_ok());
    merchant.sandbox.move_clock(Duration::from_secs(1));
    let expired = merchant.get("v2/account/balance").await;
    assert_eq!((expired.http, expired.message()), (401, "token vencido"));
    let token = merchant.fresh_token().await;
    let answer = merchant
        .ask("GET", "v2/account/balance", &token, None)
        .await;
    assert!(answer.is_ok());
}

#[tokio::test]
async fn a_new_token_ends_the_one_before_only_where_that_is_told() {
    for one_token in [false, true] {
        let merchant = Merchant::open_with(CvuOptions {
            one_token,
            ..CvuOptions::default()
        })
        .await;
        merchant.fresh_token().await;
        let answer = merchant.get("v2/account/balance").await;
        assert_eq!(answer.is_ok(), !one_token);
    }
}

#[tokio::test]
async fn a_link_expires_when_the_document_says_and_not_when_its_reader_thinks() {
    for (form, clock, expires) in [
        // What stands for the minutes is the month: the link lives until the full hour.
        (CvuExpirationForm::AsWritten, "18:{month}:09", "21:00:09"),
        (
            CvuExpirationForm::AsWrittenStrict,
            "18:{month}:09",
            "21:00:09",
        ),
        (CvuExpirationForm::Minutes, "18:45:09", "21:45:09"),
    ] {
        let merchant = Merchant::open_with(CvuOptions {
            expiration: form,
            ..CvuOptions::default()
        })
        .await;
        let date = merchant
            .day_and(1, |month| clock.replace("{month}", month))
            .await;
        let request = json!({
            "expiration_date": date, "amount": 1, "multiple_use": false, "concept": "VAR",
        });
        let made = merchant
            .post("v2/payment/cashin/link/generate", &request)
            .await;
        assert!(made.is_ok(), "{made:?}");
        let link = merchant.sandbox.ledger().cvu.links.remove(0);
        assert_eq!(link.expiration_date, date);
        let time = link.expires_at.get(11..19);
        assert_eq!(time, Some(expires), "{form:?}");
    }
}

#[tokio::test]
async fn a_minute_that_is_not_the_month_is_refused_where_the_format_is_read_strictly() {
    let merchant = Merchant::open_with(CvuOptions {
        expiration: CvuExpirationForm::AsWrittenStrict,
        ..CvuOptions::default()
    })
    .await;
    let request = json!({
        "expiration_date": merchant.day_and(1, |_| String::from("18:45:00")).await,
        "amount": 1, "multiple_use": false, "concept": "VAR",
    });
    let refused = merchant
        .post("v2/payment/cashin/link/generate", &request)
        .await;
    assert_eq!(refused.message(), "expiration_date invalida");
}

#[tokio::test]
async fn amounts_are_numbers_unless_text_is_allowed_too() {
    let merchant = Merchant::open().await;
    let request = json!({ "amount": "1500.50", "concept": "VAR", "description": "" });
    let path = "v2/payment/cashin/qr/generate";
    assert_eq!(
        merchant.post(path, &request).await.message(),
        "monto invalido"
    );
    let options = CvuOptions {
        amounts_as_text: true,
        ..CvuOptions::default()
    };
    merchant.sandbox.set_cvu(options).unwrap();
    assert!(merchant.post(path, &request).await.is_ok());
    assert_eq!(merchant.sandbox.ledger().cvu.qr_orders[0].amount, "1500.50");
}

#[tokio::test]
async fn a_call_repeated_makes_another_link_and_another_code() {
    let merchant = Merchant::open().await;
    let (first, second) = (merchant.link().await, merchant.link().await);
    assert_ne!(first["link"], second["link"]);
    assert_ne!(first["link_id"], second["link_id"]);
    let (first, second) = (merchant.code().await, merchant.code().await);
    assert_ne!(first["qr_code"], second["qr_code"]);
    let ledger = merchant.sandbox.ledger().cvu;
    assert_eq!((ledger.links.len(), ledger.qr_orders.len()), (2, 2));
}

#[tokio::test]
async fn an_order_waits_at_its_sale_point_until_it_is_paid_or_lapses() {
    let merchant = Merchant::open().await;
    let sale_point = merchant.sale_point("Caja 1").await;
    let closed = merchant.fixed_code(sale_point, "closed").await;
    let scan = json!({ "code": closed });
    let answer = merchant.manage("POST", "/cvu/pay", Some(&scan)).await;
    assert_eq!(answer.http, 409);
    assert_eq!(answer.body["error"], "no order waits at this sale point");

    let order = merchant.order_at(sale_point).await;
    assert_eq!(
        merchant.order_at(sale_point).await.message(),
        "el punto de venta tiene una orden pendiente"
    );
    let credit = merchant.pay(&scan).await.remove(0);
    assert_eq!(credit["qr_order_id"], order.body["qr_order_id"]);
    assert_eq!(credit["amount"], "1500.50");
    assert!(merchant.order_at(sale_point).await.is_ok(), "it is free");
    merchant.sandbox.move_clock(Duration::from_secs(600));
    assert!(merchant.order_at(sale_point).await.is_ok(), "it lapsed");
}

#[tokio::test]
async fn a_second_order_takes_the_place_of_the_first_where_that_is_told() {
    let merchant = Merchant::open_with(CvuOptions {
        second_order: CvuSecondOrder::Replace,
        ..CvuOptions::default()
    })
    .await;
    let sale_point = merchant.sale_point("Caja 1").await;
    merchant.order_at(sale_point).await;
    let second = merchant.order_at(sale_point).await;
    let closed = merchant.fixed_code(sale_point, "closed").await;
    let credit = merchant.pay(&json!({ "code": closed })).await.remove(0);
    assert_eq!(credit["qr_order_id"], second.body["qr_order_id"]);
}

#[tokio::test]
async fn a_sale_point_that_was_removed_takes_no_more() {
    let merchant = Merchant::open().await;
    let sale_point = merchant.sale_point("Caja 1").await;
    let open = merchant.fixed_code(sale_point, "open").await;
    assert_eq!(
        open,
        merchant.fixed_code(sale_point, "open").await,
        "it can be printed"
    );
    let body = json!({ "sale_point_id": sale_point });
    let path = "v2/payment/cashin/qr/sale-point";
    merchant
        .ask("DELETE", path, &merchant.token, Some(&body))
        .await;
    assert_eq!(
        merchant.order_at(sale_point).await.message(),
        "punto de venta inexistente"
    );
    let scan = json!({ "code": open, "amount": 10 });
    let answer = merchant.manage("POST", "/cvu/pay", Some(&scan)).await;
    assert_eq!(answer.body["error"], "this sale point was removed");
    assert_eq!(merchant.sale_point("Caja 1").await, 2, "the name is free");
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let merchant = Merchant::open().await;
    let path = "v2/payment/cashin/qr/generate";
    let answer = merchant.post(path, &json!([1])).await;
    assert_eq!(answer.message(), "json invalido");
}

#[tokio::test]
async fn the_same_seed_makes_the_same_links_and_tokens() {
    let made = async || {
        let merchant = Merchant::open().await;
        let link = merchant.link().await["link"].as_str().unwrap().to_owned();
        let slug = link.rsplit('/').next().unwrap().to_owned();
        (merchant.token, slug)
    };
    assert_eq!(made().await, made().await);
}

#[tokio::test]
async fn parts_of_others_are_not_the_merchants() {
    let merchant = Merchant::open().await;
    let request = json!({
        "expiration_date": merchant.tomorrow().await, "amount": 1500.5, "multiple_use": false,
        "concept": "VAR",
        "distribution": [{ "cvu": "0009002305555555555550", "amount": 500.25 }],
    });
    let made = merchant
        .post("v2/payment/cashin/link/generate", &request)
        .await;
    merchant
        .pay(&json!({ "link_id": made.body["link_id"] }))
        .await;
    assert_eq!(
        merchant.get("v2/account/balance").await.body["amount"],
        126_000
    );
    assert_eq!(merchant.rows().await[0]["amount"], "1500.50");
}
