//! Calls that are refused, and how.

use serde_json::{Value, json};

use crate::support::{Shop, VISA, card, card_with};

#[tokio::test]
async fn a_violation_is_listed_with_its_place() {
    let shop = Shop::open().await;
    let mut order = shop.order("ref-violations");
    order["amount"] = json!("1250.50");
    order["currency"] = json!("EUR");
    order["numberOfPayments"] = json!(["3", 6]);
    order["additional"] = json!({
        "customer": {
            "name": "Marta Solano Mora",
            "email": "marta@example.com",
            "billingAddress": { "country": "Costa Rica" },
        },
        "products": [{ "description": "Café", "quantity": "2", "price": 1 }],
    });
    order.as_object_mut().unwrap().remove("secret");
    let refused = shop.merchant("/", &order).await;
    assert_eq!(refused.http, 400);
    let mut found: Vec<(String, String)> = refused
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            assert!(entry["params"].is_object() && entry["schemaPath"].is_string());
            (text("dataPath"), text("message"))
        })
        .collect();
    found.sort();
    let expected = [
        ("", "should have required property 'secret'"),
        (
            ".additional.customer.billingAddress",
            "should have required property 'street1'",
        ),
        (
            ".additional.customer.billingAddress.country",
            "should match pattern \"^[A-Z]{2}$\"",
        ),
        (".additional.products[0].quantity", "should be integer"),
        (".amount", "should be number"),
        (".currency", "should be equal to one of the allowed values"),
        (".numberOfPayments[1]", "should be string"),
    ];
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(place, message)| (place.as_str(), message.as_str()))
        .collect();
    assert_eq!(found, expected);
    assert!(shop.sandbox.ledger().orders.is_empty());
}

#[tokio::test]
async fn every_operation_refuses_an_empty_body_with_a_list_of_violations() {
    let shop = Shop::open().await;
    for path in [
        "/",
        "/tokenPayment",
        "/tokenPayment/",
        "/tokenize",
        "/deleteToken",
        "/getToken",
        "/transactions/get",
        "/transactions/void",
        "/transactions/capture",
        "/transactions/refund",
    ] {
        let refused = shop.merchant(path, &json!({})).await;
        assert_eq!(
            (refused.http, refused.body.is_array()),
            (400, true),
            "merchant {path}"
        );
    }
    for path in ["/", "/kount", "/tokenize", "/tokenize/update"] {
        let refused = shop.checkout(path, "token", &json!({})).await;
        assert_eq!(
            (refused.http, refused.body.is_array()),
            (400, true),
            "checkout {path}"
        );
    }
}

#[tokio::test]
async fn every_merchant_operation_but_the_read_wants_the_secret() {
    let shop = Shop::open().await;
    let mut order = shop.order("ref-secret");
    order["token"] = json!("00000000-0000-4000-8000-000000000001");
    order["requestId"] = json!("req-secret");
    for name in ["bin", "last4", "authorization"] {
        order[name] = json!("1234");
    }
    order["secret"] = json!("guessed");
    for path in [
        "/",
        "/tokenPayment",
        "/tokenize",
        "/deleteToken",
        "/getToken",
        "/transactions/void",
        "/transactions/capture",
        "/transactions/refund",
    ] {
        let refused = shop.merchant(path, &order).await;
        assert_eq!(refused.error(), "Merchant doesn't exist", "{path}");
        assert_eq!(
            (refused.http, &refused.body["status"]),
            (200, &json!(500)),
            "{path}"
        );
    }
    order.as_object_mut().unwrap().remove("secret");
    assert_eq!(
        shop.merchant("/transactions/get", &order).await.body["code"],
        404
    );
}

#[tokio::test]
async fn amounts_that_are_no_price_are_refused() {
    let shop = Shop::open().await;
    for (amount, keyword) in [
        (json!(0), "exclusiveMinimum"),
        (json!(-1), "exclusiveMinimum"),
        (json!(1.005), "multipleOf"),
        (Value::Null, "type"),
    ] {
        let mut order = shop.order("ref-no-price");
        order["amount"] = amount;
        let refused = shop.merchant("/", &order).await;
        assert_eq!(refused.http, 400);
        assert_eq!(refused.body[0]["keyword"], keyword);
    }
}

#[tokio::test]
async fn a_card_that_cannot_be_one_is_refused_before_the_bank_and_the_session_stays_good() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-unfit").await;
    for (content, text) in [
        (card("4242424242424241"), "Invalid_pan"),
        (card_with(VISA, "card.cvc", json!("12")), "Invalid_cvc"),
        (
            card_with(
                VISA,
                "card.expirationDate",
                json!({ "month": 13, "year": 30 }),
            ),
            "Invalid_expirationDate",
        ),
        (
            card_with(VISA, "card.cardHolder", json!(" ")),
            "Invalid_cardHolder",
        ),
    ] {
        let request = shop.pay_request(&session, &content);
        let refused = shop.checkout("/", &session.token, &request).await;
        assert_eq!(refused.error(), text);
        assert_eq!(refused.body["result"], Value::Null);
        assert_eq!(refused.body["status"], 500);
    }
    assert!(shop.sandbox.ledger().debits.is_empty());
    let request = shop.pay_request(&session, &card(VISA));
    assert_eq!(
        shop.checkout("/", &session.token, &request).await.body["status"],
        200
    );
}

#[tokio::test]
async fn a_card_sealed_to_another_key_is_told_as_a_wrong_session() {
    use rsa::pkcs8::DecodePublicKey;
    let shop = Shop::open().await;
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/greenpay_ld_lk.json"
    );
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let other = vectors["rsa_keys"]["rsa2048"]["public_spki_pem"]
        .as_str()
        .unwrap();
    let other = rsa::RsaPublicKey::from_public_key_pem(other).unwrap();
    let (ld, lk) = crate::support::seal_to(&other, card(VISA).to_string().into_bytes());
    let session = shop.open_order("ref-other-key").await;
    let request = json!({ "session": session.session, "ld": ld, "lk": lk });
    let refused = shop.checkout("/", &session.token, &request).await;
    assert_eq!(refused.error(), "Session not exists or is wrong");
}

#[tokio::test]
async fn a_session_for_saving_does_not_pay_and_a_session_for_paying_does_not_save() {
    let shop = Shop::open().await;
    let content = card_with(VISA, "card.nickname", json!("Mi tarjeta"));
    let saving = shop.open_token_order("req-mixed").await;
    let request = shop.pay_request(&saving, &content);
    assert_eq!(
        shop.checkout("/", &saving.token, &request).await.error(),
        "Session not found"
    );
    let paying = shop.open_order("ref-mixed").await;
    let request = shop.pay_request(&paying, &content);
    assert_eq!(
        shop.checkout("/tokenize", &paying.token, &request)
            .await
            .error(),
        "Session not found"
    );
}

#[tokio::test]
async fn saving_needs_a_nickname_of_the_documented_length() {
    let shop = Shop::open().await;
    for nickname in [Value::Null, json!("12345"), json!("x".repeat(50))] {
        let content = card_with(VISA, "card.nickname", nickname);
        assert_eq!(
            shop.save("req-nickname", &content).await.error(),
            "Invalid_nickname"
        );
    }
    for nickname in [json!("123456"), json!("x".repeat(49))] {
        let content = card_with(VISA, "card.nickname", nickname);
        assert_eq!(
            shop.save("req-nickname", &content).await.body["status"],
            201
        );
    }
}

#[tokio::test]
async fn a_deleted_card_token_is_gone() {
    let shop = Shop::open().await;
    let saved = shop
        .save(
            "req-gone",
            &card_with(VISA, "card.nickname", json!("Mi tarjeta")),
        )
        .await;
    let token = saved.body["result"]["token"].clone();
    let delete = shop.with_credentials(json!({ "token": token, "requestId": "req-delete" }));
    let deleted = shop.merchant("/deleteToken", &delete).await;
    assert_eq!(deleted.body["status"], "DELETED");
    assert!(shop.verifies(
        "status:DELETED,requestId:req-delete",
        &deleted.body["_signature"]
    ));
    assert_eq!(
        shop.merchant("/deleteToken", &delete).await.error(),
        "Error: Invalid card token"
    );
    let paid = shop
        .pay_with_token("ref-gone", token.as_str().unwrap())
        .await;
    assert_eq!(paid.error(), "Error: Invalid card token");
    assert!(shop.sandbox.ledger().debits.is_empty());
}

#[tokio::test]
async fn a_body_not_declared_as_json_counts_as_none_and_broken_json_gets_a_page() {
    let shop = Shop::open().await;
    let url = format!("{}/", shop.sandbox.merchant_url);
    let order = shop.order("ref-content-type").to_string();
    let plain = shop
        .client
        .post(&url)
        .header("content-type", "text/plain")
        .body(order)
        .send()
        .await
        .unwrap();
    assert_eq!(plain.status().as_u16(), 400);
    assert!(plain.text().await.unwrap().starts_with('['));
    let broken = shop
        .client
        .post(&url)
        .header("content-type", "application/json; charset=utf-8")
        .body("{\"merchantId\":")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status().as_u16(), 400);
    assert!(broken.text().await.unwrap().contains("<html>"));
}

#[tokio::test]
async fn other_paths_and_methods_are_not_found() {
    let shop = Shop::open().await;
    for url in [&shop.sandbox.merchant_url, &shop.sandbox.checkout_url] {
        assert_eq!(
            shop.client.get(url).send().await.unwrap().status().as_u16(),
            404
        );
        let nowhere = shop
            .client
            .post(format!("{url}/nowhere"))
            .send()
            .await
            .unwrap();
        assert_eq!(nowhere.status().as_u16(), 404);
    }
}
