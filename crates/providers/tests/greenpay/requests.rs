//! What goes out, held against the documented requests.

use serde_json::Value;
use ventanilla_providers::greenpay::{
    Buyer, Client, Moment, OrderItem, Page, PayPath, SubscriptionFilter, SubscriptionStatus,
};

use crate::given::{
    FIRST_PAGE, MERCHANT_ID, REFERENCE, SECRET, SESSION_TOKEN, bulk, card_token, client, config,
    crc, expected, fixture_json, minimal_order, new_subscription, order, paid, sealed, session,
    subscription,
};
use crate::wire_server::{Act, WireServer, json};

async fn server() -> WireServer {
    WireServer::start(vec![Act::Send(json(200, "{}"))]).await
}

/// The one request that was made: its first line, its head in lower case, its body.
fn only_request(server: &WireServer) -> (String, String, String) {
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let line = head.lines().next().unwrap().to_owned();
    (line, head.to_lowercase(), body.to_owned())
}

fn assert_body(body: &str, fixture: &Value) {
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, fixture["body"]);
}

#[tokio::test]
async fn an_order_goes_out_as_documented_without_what_the_shop_did_not_tell() {
    let server = server().await;
    let _ = client(&server.url).create_order(&order()).await;
    let (line, head, body) = only_request(&server);
    assert_eq!(line, "POST / HTTP/1.1");
    assert!(
        head.contains("content-type: application/json\r\n"),
        "{head}"
    );
    assert!(head.contains("accept: application/json\r\n"), "{head}");
    assert!(!head.contains("liszt-token"), "{head}");
    let mut documented = fixture_json("create_order_request");
    let additional = documented["body"]["additional"].as_object_mut().unwrap();
    additional.remove("details");
    additional["customer"]
        .as_object_mut()
        .unwrap()
        .remove("identification");
    additional["products"][0]
        .as_object_mut()
        .unwrap()
        .remove("type");
    assert_body(&body, &documented);
}

#[tokio::test]
async fn an_order_of_a_shop_that_tells_nothing_has_nothing_additional() {
    let server = server().await;
    let mut order = minimal_order();
    order.buyer = Some(Buyer::default());
    let _ = client(&server.url).create_order(&order).await;
    assert_body(
        &only_request(&server).2,
        &fixture_json("create_order_request_minimal"),
    );
}

#[tokio::test]
async fn a_product_without_a_price_or_a_customer_without_an_email_is_left_out_not_sent_incomplete()
{
    let server = server().await;
    let mut order = order();
    order.items.push(OrderItem {
        sku: None,
        description: String::from("Envío"),
        quantity: 1,
        unit_price: None,
    });
    if let Some(buyer) = &mut order.buyer {
        buyer.email = None;
    }
    let _ = client(&server.url).create_order(&order).await;
    let (_, _, body) = only_request(&server);
    assert!(!body.contains("additional"), "{body}");
}

#[tokio::test]
async fn amounts_go_out_as_exact_decimal_numbers() {
    for (minor, text) in [
        (125_050, "1250.50"),
        (1, "0.01"),
        (30, "0.30"),
        (746_000, "7460.00"),
        (9_999_999_999_999, "99999999999.99"),
    ] {
        let server = server().await;
        let mut order = order();
        order.total = crc(minor);
        order.items[0].unit_price = Some(crc(minor));
        let _ = client(&server.url).create_order(&order).await;
        let body = only_request(&server).2;
        assert!(body.contains(&format!(r#""amount":{text},"#)), "{body}");
        assert!(body.contains(&format!(r#""price":{text}}}"#)), "{body}");
    }
}

#[tokio::test]
async fn a_payment_goes_to_the_checkout_host_with_the_session_token_as_a_header() {
    let server = server().await;
    let _ = client(&server.url)
        .pay(&session(), &sealed(), &expected())
        .await;
    let (line, head, body) = only_request(&server);
    assert_eq!(line, "POST / HTTP/1.1");
    assert!(
        head.contains(&format!("liszt-token: {SESSION_TOKEN}\r\n")),
        "{head}"
    );
    assert_body(&body, &fixture_json("pay_request"));
    assert!(!body.contains(SECRET) && !body.contains(MERCHANT_ID));
}

#[tokio::test]
async fn a_payment_with_a_fraud_check_has_a_path_of_its_own() {
    let server = server().await;
    let mut config = config(&server.url);
    config.pay_path = PayPath::Kount;
    let _ = Client::new(config)
        .unwrap()
        .pay(&session(), &sealed(), &expected())
        .await;
    assert_eq!(only_request(&server).0, "POST /kount HTTP/1.1");
}

#[tokio::test]
async fn merchant_and_checkout_host_get_what_is_theirs() {
    let (merchant, checkout) = (server().await, server().await);
    let mut config = config(&merchant.url);
    config.checkout_url.clone_from(&checkout.url);
    let client = Client::new(config).unwrap();
    let _ = client.pay(&session(), &sealed(), &expected()).await;
    let _ = client.create_token(&session(), &sealed(), "req-0001").await;
    let _ = client.update_token(&session(), &sealed(), "req-0001").await;
    assert_eq!(
        (merchant.requests().len(), checkout.requests().len()),
        (0, 3)
    );
    let _ = client.create_order(&order()).await;
    let _ = client.pay_with_token(&order(), &card_token()).await;
    let _ = client.create_token_order("req-0001").await;
    let _ = client.token(&card_token()).await;
    let _ = client.delete_token(&card_token(), "req-0001").await;
    let _ = client.transaction(REFERENCE).await;
    let _ = client.void(&paid()).await;
    let _ = client.refund(&paid()).await;
    let _ = client.capture(&paid(), None).await;
    let _ = client.bulk(&bulk()).await;
    let _ = client.create_subscription(&new_subscription()).await;
    let _ = client.pay_subscription(&subscription()).await;
    let _ = client
        .cancel_subscription(&subscription(), "back-office", "Moved away")
        .await;
    let _ = client
        .change_subscription_card(&subscription(), "back-office", &card_token())
        .await;
    let _ = client
        .change_subscription_amount(&subscription(), "back-office", crc(550_099))
        .await;
    let _ = client
        .subscriptions(&SubscriptionFilter::default(), FIRST_PAGE)
        .await;
    let _ = client
        .subscription_payments(&subscription(), FIRST_PAGE)
        .await;
    assert_eq!(
        (merchant.requests().len(), checkout.requests().len()),
        (17, 3)
    );
    for request in checkout.requests() {
        assert!(
            !request.contains(SECRET) && !request.contains(MERCHANT_ID),
            "{request}"
        );
    }
    for request in merchant.requests() {
        assert!(!request.contains("liszt-token"), "{request}");
    }
}

#[tokio::test]
async fn a_payment_by_card_token_goes_out_as_documented() {
    let server = server().await;
    let _ = client(&server.url)
        .pay_with_token(&minimal_order(), &card_token())
        .await;
    let (line, head, body) = only_request(&server);
    assert_eq!(line, "POST /tokenPayment HTTP/1.1");
    assert!(!head.contains("liszt-token"), "{head}");
    assert_body(&body, &fixture_json("token_payment_request"));
}

#[tokio::test]
async fn card_token_requests_go_out_as_documented() {
    let made = server().await;
    let _ = client(&made.url).create_token_order("req-0001").await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /tokenize HTTP/1.1");
    assert_body(&body, &fixture_json("tokenize_order_request"));

    let made = server().await;
    let sealed = serde_json::from_value(serde_json::json!({
        "ld": fixture_json("tokenize_request")["body"]["ld"],
        "lk": fixture_json("tokenize_request")["body"]["lk"],
    }))
    .unwrap();
    let _ = client(&made.url)
        .create_token(&session(), &sealed, "req-0001")
        .await;
    let (line, head, body) = only_request(&made);
    assert_eq!(line, "POST /tokenize HTTP/1.1");
    assert!(
        head.contains(&format!("liszt-token: {SESSION_TOKEN}\r\n")),
        "{head}"
    );
    assert_body(&body, &fixture_json("tokenize_request"));

    let made = server().await;
    let _ = client(&made.url)
        .update_token(&session(), &sealed, "req-0001")
        .await;
    assert_eq!(only_request(&made).0, "POST /tokenize/update HTTP/1.1");

    let made = server().await;
    let _ = client(&made.url).token(&card_token()).await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /getToken HTTP/1.1");
    assert_body(&body, &fixture_json("get_token_request"));

    let made = server().await;
    let _ = client(&made.url)
        .delete_token(&card_token(), "req-0002")
        .await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /deleteToken HTTP/1.1");
    assert_body(&body, &fixture_json("delete_token_request"));
}

#[tokio::test]
async fn a_transaction_is_looked_up_without_the_secret() {
    let server = server().await;
    let _ = client(&server.url).transaction(REFERENCE).await;
    let (line, _, body) = only_request(&server);
    assert_eq!(line, "POST /transactions/get HTTP/1.1");
    assert_body(&body, &fixture_json("transaction_request"));
}

#[tokio::test]
async fn void_refund_and_capture_go_out_as_documented() {
    let made = server().await;
    let _ = client(&made.url).void(&paid()).await;
    let (line, head, body) = only_request(&made);
    assert_eq!(line, "POST /transactions/void HTTP/1.1");
    assert!(!head.contains("liszt-token"), "{head}");
    assert_body(&body, &fixture_json("void_request"));

    let made = server().await;
    let _ = client(&made.url).refund(&paid()).await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /transactions/refund HTTP/1.1");
    assert_body(&body, &fixture_json("refund_request"));

    let made = server().await;
    let part = crc(100_025);
    let _ = client(&made.url).capture(&paid(), Some(part)).await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /transactions/capture HTTP/1.1");
    assert_body(&body, &fixture_json("capture_request"));
    assert!(body.contains(r#""amount":1000.25"#), "{body}");

    let made = server().await;
    let _ = client(&made.url).capture(&paid(), None).await;
    let mut whole = fixture_json("capture_request");
    whole["body"].as_object_mut().unwrap().remove("amount");
    assert_body(&only_request(&made).2, &whole);
}

#[tokio::test]
async fn of_a_longer_card_prefix_six_digits_go_out() {
    let made = server().await;
    let mut paid = paid();
    paid.bin = String::from("41111112");
    let _ = client(&made.url).void(&paid).await;
    assert_body(&only_request(&made).2, &fixture_json("void_request"));
}

#[tokio::test]
async fn a_bulk_goes_out_as_documented() {
    let made = server().await;
    let _ = client(&made.url).bulk(&bulk()).await;
    let (line, head, body) = only_request(&made);
    assert_eq!(line, "POST /bulk HTTP/1.1");
    assert!(!head.contains("liszt-token"), "{head}");
    assert_body(&body, &fixture_json("bulk_request"));
    assert!(body.contains(r#""amount":900.00,"#), "{body}");
}

#[tokio::test]
async fn a_subscription_goes_out_as_documented_and_never_with_a_first_payment() {
    let made = server().await;
    let _ = client(&made.url)
        .create_subscription(&new_subscription())
        .await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /subscriptions HTTP/1.1");
    assert_body(&body, &fixture_json("create_subscription_request"));

    let made = server().await;
    let mut plain = new_subscription();
    (plain.starts_at, plain.ends_at, plain.payer) = (None, None, None);
    let _ = client(&made.url).create_subscription(&plain).await;
    let mut documented = fixture_json("create_subscription_request");
    documented["body"]
        .as_object_mut()
        .unwrap()
        .remove("optional");
    let charge = documented["body"]["subscription"][0]
        .as_object_mut()
        .unwrap();
    charge.remove("startDate");
    charge.remove("endDate");
    assert_body(&only_request(&made).2, &documented);
}

#[tokio::test]
async fn what_is_done_to_a_subscription_goes_out_as_documented() {
    let made = server().await;
    let _ = client(&made.url).pay_subscription(&subscription()).await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /subscriptions/pay HTTP/1.1");
    assert_body(&body, &fixture_json("pay_subscription_request"));

    let made = server().await;
    let _ = client(&made.url)
        .cancel_subscription(&subscription(), "back-office", "Moved away")
        .await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /subscriptions/cancel HTTP/1.1");
    assert_body(&body, &fixture_json("cancel_subscription_request"));

    let made = server().await;
    let _ = client(&made.url)
        .change_subscription_card(&subscription(), "back-office", &card_token())
        .await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /subscriptions/update/card_token HTTP/1.1");
    assert_body(&body, &fixture_json("change_subscription_card_request"));

    let made = server().await;
    let _ = client(&made.url)
        .change_subscription_amount(&subscription(), "back-office", crc(550_099))
        .await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /subscriptions/update HTTP/1.1");
    assert_body(&body, &fixture_json("change_subscription_amount_request"));
}

#[tokio::test]
async fn lists_are_asked_for_by_page_and_filtered_by_what_is_told() {
    let made = server().await;
    let filter = SubscriptionFilter {
        statuses: vec![SubscriptionStatus::OnHold, SubscriptionStatus::Cancelled],
        user_id: Some("buyer-7".to_owned()),
        min_amount: Some(crc(100)),
        max_amount: Some(crc(900_050)),
        created_at: Some(Moment::from_unix_secs(1_795_154_451)),
    };
    let page = Page {
        number: 2,
        size: 25,
    };
    let _ = client(&made.url).subscriptions(&filter, page).await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /subscriptions/list HTTP/1.1");
    assert_body(&body, &fixture_json("subscriptions_request"));

    let made = server().await;
    let _ = client(&made.url)
        .subscriptions(&SubscriptionFilter::default(), page)
        .await;
    let mut everything = fixture_json("subscriptions_request");
    everything["body"]
        .as_object_mut()
        .unwrap()
        .remove("filters");
    assert_body(&only_request(&made).2, &everything);

    let made = server().await;
    let _ = client(&made.url)
        .subscription_payments(&subscription(), FIRST_PAGE)
        .await;
    let (line, _, body) = only_request(&made);
    assert_eq!(line, "POST /subscriptions/list/payments HTTP/1.1");
    assert_body(&body, &fixture_json("subscription_payments_request"));
}
