//! Requests of the samples are taken, and answers have the shape of the samples: the same fields with the
//! same types, and the same texts where the documents name them.

use serde_json::{Map, Value, json};

use crate::support::{Answer, Session, Shop, sample};

/// The value with every leaf replaced by the name of its type.
pub fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: Map<_, _> = fields
                .iter()
                .map(|(name, value)| (name.clone(), shape(value)))
                .collect();
            Value::Object(fields)
        }
        Value::Array(items) => Value::Array(items.iter().map(shape).collect()),
        Value::String(_) => json!("text"),
        Value::Number(number) if number.is_f64() => json!("number"),
        Value::Number(_) => json!("integer"),
        Value::Bool(_) => json!("boolean"),
        Value::Null => json!("null"),
    }
}

fn assert_like(answer: &Answer, name: &str) {
    let sample = sample(name);
    assert_eq!(answer.http, sample["http_status"], "{name}");
    assert_eq!(shape(&answer.body), shape(&sample["body"]), "{name}");
}

fn assert_same(answer: &Answer, name: &str) {
    let sample = sample(name);
    assert_eq!(answer.http, sample["http_status"], "{name}");
    assert_eq!(answer.body, sample["body"], "{name}");
}

/// The body of a sample, in an open session.
fn in_session(name: &str, session: &Session) -> Value {
    let mut body = sample(name)["body"].clone();
    body["session"] = json!(session.session);
    body
}

#[tokio::test]
async fn an_order_is_paid_with_the_sample_requests() {
    let shop = Shop::open().await;
    let order = sample("create_order_request")["body"].clone();
    let reference = order["orderReference"].as_str().unwrap();
    let answer = shop.merchant("/", &order).await;
    assert_like(&answer, "create_order_response");
    let session = crate::support::session_in(&answer);

    let paid = shop
        .checkout("/", &session.token, &in_session("pay_request", &session))
        .await;
    assert_like(&paid, "pay_approved");
    // The sample is signed by the same test key over the same reference.
    assert_eq!(
        paid.body["_signature"],
        sample("pay_approved")["body"]["_signature"]
    );
    assert_eq!(paid.body["orderId"], reference);
    assert_eq!(paid.body["amount"], 1250.5);

    let read = shop
        .merchant("/transactions/get", &sample("transaction_request")["body"])
        .await;
    assert_like(&read, "transaction_approved");
    assert_eq!(read.body["result"]["amount"], "1250.50");
    assert_eq!(read.body["result"]["state"], "approved");
    assert_eq!(read.body["result"]["creditCardBin"], "411111");
    assert_eq!(read.body["result"]["cardNumber"], "1111");
    assert_eq!(
        read.body["result"]["authorizationID"],
        paid.body["authorization"]
    );
}

#[tokio::test]
async fn an_order_without_additional_data_is_taken() {
    let shop = Shop::open().await;
    let answer = shop
        .merchant("/", &sample("create_order_request_minimal")["body"])
        .await;
    assert_like(&answer, "create_order_response");
}

#[tokio::test]
async fn declines_and_refusals_have_the_shape_of_the_samples() {
    let shop = Shop::open().await;
    let declined = shop
        .pay("ref-declined-51", &crate::support::card("4000000000044828"))
        .await;
    assert_like(&declined, "pay_declined");
    assert_eq!(declined.body["result"]["resp_code"], "51");

    let reversed = shop
        .pay(
            "ref-declined-899",
            &crate::support::card("4000000000060899"),
        )
        .await;
    assert_like(&reversed, "pay_declined_after_reversal");

    let reference = sample("pay_rejected_before_bank")["body"]["orderId"].clone();
    let refused = shop
        .pay(
            reference.as_str().unwrap(),
            &crate::support::card("4242424242424241"),
        )
        .await;
    assert_same(&refused, "pay_rejected_before_bank");
}

#[tokio::test]
async fn checkout_errors_are_those_of_the_samples() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-checkout-errors").await;
    let pay = in_session("pay_request", &session);

    assert_same(
        &shop.checkout("/", "wrong", &pay).await,
        "pay_invalid_token",
    );

    let mut unknown = pay.clone();
    unknown["session"] = json!("00000000-0000-4000-8000-000000000000");
    assert_same(
        &shop.checkout("/", &session.token, &unknown).await,
        "pay_session_not_found",
    );

    let mut no_uuid = pay.clone();
    no_uuid["session"] = json!("not-a-uuid");
    assert_same(
        &shop.checkout("/", &session.token, &no_uuid).await,
        "pay_invalid_uuid",
    );

    let mut unreadable = pay.clone();
    unreadable["ld"] = json!("00ff");
    assert_same(
        &shop.checkout("/", &session.token, &unreadable).await,
        "pay_decryption_failed",
    );
}

#[tokio::test]
async fn a_card_is_saved_changed_used_and_deleted_with_the_sample_requests() {
    let shop = Shop::open().await;
    let answer = shop
        .merchant("/tokenize", &sample("tokenize_order_request")["body"])
        .await;
    assert_like(&answer, "tokenize_order_response");
    let session = crate::support::session_in(&answer);
    let request = in_session("tokenize_request", &session);
    let created = shop.checkout("/tokenize", &session.token, &request).await;
    assert_like(&created, "tokenize_created");
    assert_eq!(
        created.body["_signature"],
        sample("tokenize_created")["body"]["_signature"]
    );
    assert_eq!(created.body["expiration_date"], "3012");
    let token = &created.body["result"]["token"];

    let with_token = |name: &str| {
        let mut body = sample(name)["body"].clone();
        body["token"] = token.clone();
        body
    };
    let paid = shop
        .merchant("/tokenPayment/", &with_token("token_payment_request"))
        .await;
    assert_like(&paid, "token_payment_approved");
    assert_like(
        &shop
            .merchant("/getToken", &with_token("get_token_request"))
            .await,
        "get_token_found",
    );
    let deleted = shop
        .merchant("/deleteToken", &with_token("delete_token_request"))
        .await;
    assert_same(&deleted, "delete_token");
    assert_same(
        &shop
            .merchant("/getToken", &with_token("get_token_request"))
            .await,
        "get_token_invalid",
    );
    assert_same(
        &shop
            .merchant("/tokenPayment/", &with_token("token_payment_request"))
            .await,
        "token_payment_invalid_token",
    );
}

#[tokio::test]
async fn paying_and_saving_at_once_answers_as_the_sample() {
    let shop = Shop::open().await;
    let mut content = crate::support::card("4111111111111111");
    content["tokenize"] = json!(true);
    content["card"]["nickname"] = json!("Visa test");
    let reference = sample("pay_approved_tokenized")["body"]["orderId"].clone();
    let paid = shop.pay(reference.as_str().unwrap(), &content).await;
    assert_like(&paid, "pay_approved_tokenized");
    assert_eq!(paid.body["tokenizeResp"]["requestId"], reference);
    assert_eq!(paid.body["tokenizeResp"]["result"]["bin"], "411111");
}

#[tokio::test]
async fn merchant_errors_are_those_of_the_samples() {
    let shop = Shop::open().await;
    let with = |name: &str, value: &str| {
        let mut order = shop.order("ref-merchant-errors");
        order[name] = json!(value);
        order
    };
    assert_same(
        &shop.merchant("/", &with("terminal", "nowhere")).await,
        "create_order_unknown_terminal",
    );
    for (name, value) in [
        ("secret", "wrong"),
        ("merchantId", "22222222-2222-4222-8222-222222222222"),
    ] {
        assert_same(
            &shop.merchant("/", &with(name, value)).await,
            "create_order_unknown_merchant",
        );
    }
    let read = |merchant_id: &str| json!({ "merchantId": merchant_id, "orderReference": "nobody" });
    assert_same(
        &shop
            .merchant(
                "/transactions/get",
                &read("11111111-1111-4111-8111-111111111111"),
            )
            .await,
        "transaction_not_found",
    );
    assert_same(
        &shop.merchant("/transactions/get", &read("123")).await,
        "schema_violation",
    );
    let missing = json!({ "merchantId": "11111111-1111-4111-8111-111111111111" });
    assert_same(
        &shop.merchant("/transactions/get", &missing).await,
        "schema_violation_missing_field",
    );
}

#[tokio::test]
async fn a_card_token_keeps_its_name_when_its_card_changes() {
    let shop = Shop::open().await;
    let saved = shop
        .save(
            "req-0000",
            &crate::support::card_with("5555555555554444", "card.nickname", json!("Mi tarjeta")),
        )
        .await;
    let token = saved.body["result"]["token"].clone();
    let session = shop.open_token_order("req-0001").await;
    let mut content =
        crate::support::card_with("4111111111111111", "card.nickname", json!("Visa test"));
    content["token"] = token.clone();
    content["card"]["expirationDate"] = json!({ "month": 12, "year": 30 });
    let request = shop.pay_request(&session, &content);
    let updated = shop
        .checkout("/tokenize/update", &session.token, &request)
        .await;
    assert_like(&updated, "update_token_created");
    assert_eq!(updated.body["result"]["token"], token);
    assert_eq!(updated.body["result"]["last_digits"], "1111");
    let paid = shop
        .pay_with_token("ref-after-update", token.as_str().unwrap())
        .await;
    assert_eq!(paid.body["last4"], "1111");

    // The sample's own token is one that nobody has.
    let session = shop.open_token_order("req-0002").await;
    let request = in_session("update_token_request", &session);
    let refused = shop
        .checkout("/tokenize/update", &session.token, &request)
        .await;
    assert_same(&refused, "token_payment_invalid_token");
}

#[tokio::test]
async fn a_gateway_timeout_is_the_page_of_the_sample() {
    use ventanilla_sandbox::{Fault, Kind, Operation};
    let shop = Shop::open().await;
    let fault = Fault::once(Operation::CreateOrder, Kind::GatewayTimeoutBefore);
    shop.sandbox.arm(fault).await.unwrap();
    let url = format!("{}/", shop.sandbox.merchant_url);
    let response = shop.send(&url, None, &shop.order("ref-504")).await.unwrap();
    let sample = sample("gateway_timeout");
    assert_eq!(response.status().as_u16(), sample["http_status"]);
    assert_eq!(response.text().await.unwrap(), sample["body"]);
}

#[tokio::test]
async fn a_payment_is_captured_and_refunded_with_the_sample_requests() {
    let shop = Shop::open().await;
    let reference = sample("capture_request")["body"]["orderReference"].clone();
    let paid = shop
        .pay(
            reference.as_str().unwrap(),
            &crate::support::card("4111111111111111"),
        )
        .await;
    let with_authorization = |name: &str| {
        let mut body = sample(name)["body"].clone();
        body["authorization"] = paid.body["authorization"].clone();
        body
    };
    let captured = shop.capture(&with_authorization("capture_request")).await;
    assert_same(&captured, "capture_done");
    assert_eq!(
        shop.sandbox.ledger().operations[0].amount.as_deref(),
        Some("1000.25")
    );
    let refunded = shop.refund(&with_authorization("refund_request")).await;
    assert_same(&refunded, "refund_done");
}

#[tokio::test]
async fn a_bulk_is_taken_with_the_sample_request() {
    let shop = Shop::open().await;
    let taken = shop
        .merchant("/bulk", &sample("bulk_request")["body"])
        .await;
    assert_like(&taken, "bulk_taken");
}

#[tokio::test]
async fn a_subscription_is_made_changed_paid_listed_and_cancelled_with_the_sample_requests() {
    let shop = Shop::open().await;
    let token = shop.card_token("req-0001", "4111111111111111").await;
    let mut request = sample("create_subscription_request")["body"].clone();
    request["tokens"] = json!([token]);
    let made = shop.merchant("/subscriptions", &request).await;
    assert_like(&made, "subscription_created");
    let id = &made.body["subscriptionId"];
    assert_eq!(id.as_str().unwrap().len(), 32);

    let about = |name: &str| {
        let mut body = sample(name)["body"].clone();
        body["subscriptionId"] = id.clone();
        if body.get("token").is_some() {
            body["token"] = json!(token);
        }
        body
    };
    let changed = shop
        .merchant(
            "/subscriptions/update/card_token",
            &about("change_subscription_card_request"),
        )
        .await;
    assert_like(&changed, "subscription_card_changed");
    let changed = shop
        .merchant(
            "/subscriptions/update",
            &about("change_subscription_amount_request"),
        )
        .await;
    assert_like(&changed, "subscription_amount_changed");
    // As the provider does.
    let order = &changed.body["result"]["purchase_order"];
    assert_eq!(order["secret"], shop.sandbox.credentials().secret);
    assert_eq!(order["subscription"][0]["amount"], 5500.99);

    let paid = shop
        .merchant("/subscriptions/pay", &about("pay_subscription_request"))
        .await;
    assert_like(&paid, "subscription_paid");
    let payments = shop
        .merchant(
            "/subscriptions/list/payments",
            &about("subscription_payments_request"),
        )
        .await;
    let listed = sample("subscription_payments_listed")["body"]["result"].clone();
    assert_eq!(
        shape(&payments.body["result"]["entries"][0]),
        shape(&listed["entries"][1])
    );

    let listed = shop
        .merchant(
            "/subscriptions/list",
            &sample("subscriptions_request")["body"],
        )
        .await;
    assert_eq!(listed.body["result"]["totalEntries"], 0, "filtered out");
    let mut everything = sample("subscriptions_request")["body"].clone();
    everything["page"] = json!(1);
    everything.as_object_mut().unwrap().remove("filters");
    let listed = shop.merchant("/subscriptions/list", &everything).await;
    let mut like = sample("subscriptions_listed")["body"].clone();
    like["result"]["entries"].as_array_mut().unwrap().pop();
    assert_eq!(shape(&listed.body), shape(&like));

    let cancelled = shop
        .merchant(
            "/subscriptions/cancel",
            &about("cancel_subscription_request"),
        )
        .await;
    assert_eq!(cancelled.body["result"]["status"], "CANCELLED");
    let mut like = sample("subscription_cancelled")["body"].clone();
    // A cancelled one is not charged again.
    like["result"]["next_payment"] = Value::Null;
    assert_eq!(shape(&cancelled.body), shape(&like));

    let unknown = shop
        .merchant(
            "/subscriptions/cancel",
            &sample("cancel_subscription_request")["body"],
        )
        .await;
    assert_same(&unknown, "subscription_change_refused");
}

#[tokio::test]
async fn a_charge_that_is_declined_has_the_shape_of_the_sample() {
    let shop = Shop::open().await;
    let token = shop.card_token("req-0001", "4000000000044828").await;
    let later = 4_102_444_800_000;
    let id = shop.subscribe(&token, Some(later)).await;
    let paid = shop
        .of_subscription("/subscriptions/pay", &id, json!({}))
        .await;
    let mut like = sample("subscription_pay_declined");
    // It is ten in whole units.
    like["body"]["result"]["order"]["amount"] = json!(10);
    assert_eq!(shape(&paid.body), shape(&like["body"]));
    assert_eq!(paid.body["result"]["order"]["details"]["resp_code"], "51");
}
