//! Faults: what the caller sees, and whether it took effect.

use std::time::Duration;

use serde_json::json;
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::support::{Seen, Shop, VISA, card, card_with, see};

async fn pay(shop: &Shop, reference: &str) -> Seen {
    let session = shop.open_order(reference).await;
    let request = shop.pay_request(&session, &card(VISA));
    let url = format!("{}/", shop.sandbox.checkout_url);
    see(shop.send(&url, Some(&session.token), &request).await).await
}

fn executions(shop: &Shop, reference: &str) -> usize {
    shop.sandbox.ledger().debits_of(reference).count()
}

async fn pay_with(shop: &Shop, kind: Kind) -> (Seen, usize) {
    shop.sandbox
        .arm(Fault::once(Operation::Pay, kind))
        .await
        .unwrap();
    let reference = format!("ref-{}", kind.name());
    let seen = pay(shop, &reference).await;
    let ledger = shop.sandbox.ledger();
    let call = ledger.calls_of(Operation::Pay).last().unwrap();
    assert_eq!(call.fault, Some(kind));
    (seen, executions(shop, &reference))
}

#[tokio::test]
async fn before_the_bank_is_asked() {
    let shop = Shop::open().await;
    assert_eq!(pay_with(&shop, Kind::Close).await, (Seen::Broken, 0));
    assert_eq!(pay_with(&shop, Kind::ResetBefore).await, (Seen::Broken, 0));
    assert_eq!(
        pay_with(&shop, Kind::GatewayTimeoutBefore).await,
        (Seen::Page(504), 0)
    );
    assert_eq!(pay_with(&shop, Kind::Error500).await, (Seen::Page(500), 0));
    assert_eq!(
        pay_with(&shop, Kind::RateLimit429).await,
        (Seen::Page(429), 0)
    );
    assert_eq!(
        pay_with(&shop, Kind::Redirect301).await,
        (Seen::Page(301), 0)
    );
    assert_eq!(pay_with(&shop, Kind::Refuse).await, (Seen::Broken, 0));
    // Each was for one call.
    assert!(matches!(
        pay(&shop, "ref-afterwards").await,
        Seen::Json(200, _)
    ));
}

#[tokio::test]
async fn after_the_bank_was_asked() {
    let shop = Shop::open().await;
    assert_eq!(pay_with(&shop, Kind::ResetAfter).await, (Seen::Broken, 1));
    assert_eq!(
        pay_with(&shop, Kind::GatewayTimeoutAfter).await,
        (Seen::Page(504), 1)
    );
    assert_eq!(
        pay_with(&shop, Kind::Truncate).await,
        (Seen::CutShort(200), 1)
    );
    assert_eq!(
        pay_with(&shop, Kind::BrokenJson).await,
        (Seen::Page(200), 1)
    );
    assert_eq!(pay_with(&shop, Kind::Corrupt).await, (Seen::Page(200), 1));
    assert_eq!(
        shop.transaction("ref-reset_after").await.body["result"]["state"],
        "approved"
    );
}

#[tokio::test]
async fn an_answer_may_lie_about_the_amount() {
    let shop = Shop::open().await;
    let (Seen::Json(200, answer), 1) = pay_with(&shop, Kind::WrongAmount).await else {
        panic!("no answer")
    };
    assert_eq!(answer["amount"], 1251.5);
    // Neither the amount nor the currency is signed, so the signature holds.
    assert!(shop.verifies("status:200,orderId:ref-wrong_amount", &answer["_signature"]));
    assert_eq!(shop.sandbox.ledger().debits[0].amount, "1250.50");

    let (Seen::Json(200, answer), 1) = pay_with(&shop, Kind::FloatDust).await else {
        panic!("no answer")
    };
    assert_eq!(answer["amount"].to_string(), "1250.4999999983");
}

#[tokio::test]
async fn an_answer_may_be_about_another_order_and_well_signed() {
    let shop = Shop::open().await;
    let (Seen::Json(200, answer), 1) = pay_with(&shop, Kind::WrongReference).await else {
        panic!("no answer")
    };
    let other = answer["orderId"].as_str().unwrap();
    assert_ne!(other, "ref-wrong_reference");
    assert!(shop.verifies(
        &format!("status:200,orderId:{other}"),
        &answer["_signature"]
    ));
}

#[tokio::test]
async fn a_signature_may_be_wrong_by_a_digit() {
    let shop = Shop::open().await;
    let (Seen::Json(200, answer), 1) = pay_with(&shop, Kind::BadSignature).await else {
        panic!("no answer")
    };
    assert_eq!(answer["_signature"].as_str().unwrap().len(), 256);
    assert!(!shop.verifies(
        "status:200,orderId:ref-bad_signature",
        &answer["_signature"]
    ));
}

#[tokio::test]
async fn an_answer_may_be_followed_by_megabytes_of_blanks() {
    let shop = Shop::open().await;
    let (Seen::Json(200, answer), 1) = pay_with(&shop, Kind::Oversize).await else {
        panic!("no answer")
    };
    assert_eq!(answer["orderId"], "ref-oversize");
}

#[tokio::test]
async fn a_host_that_is_down_refuses_connections_until_faults_are_cleared() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-down").await;
    let request = shop.pay_request(&session, &card(VISA));
    let url = format!("{}/", shop.sandbox.checkout_url);
    shop.sandbox
        .arm(Fault::once(Operation::Pay, Kind::Down))
        .await
        .unwrap();
    for _ in 0..3 {
        let seen = see(shop.send(&url, Some(&session.token), &request).await).await;
        assert_eq!(seen, Seen::Refused);
    }
    // The other host is not concerned.
    assert_eq!(shop.transaction("ref-down").await.body["code"], 404);
    shop.sandbox.clear_faults().await;
    let seen = see(shop.send(&url, Some(&session.token), &request).await).await;
    assert!(matches!(seen, Seen::Json(200, _)), "{seen:?}");
}

#[tokio::test]
async fn a_connection_is_reset_and_not_merely_closed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let shop = Shop::open().await;
    let order = shop.order("ref-raw").to_string();
    let address = shop.sandbox.merchant_url.strip_prefix("http://").unwrap();
    for (kind, executed) in [(Kind::ResetBefore, 0), (Kind::ResetAfter, 1)] {
        shop.sandbox
            .arm(Fault::once(Operation::CreateOrder, kind))
            .await
            .unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: sandbox\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            order.len()
        );
        stream.write_all((head + &order).as_bytes()).await.unwrap();
        let error = stream.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset,
            "{kind:?}"
        );
        assert_eq!(shop.sandbox.ledger().orders.len(), executed, "{kind:?}");
    }
}

#[tokio::test]
async fn a_closed_connection_is_not_reset() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let shop = Shop::open().await;
    shop.sandbox
        .arm(Fault::once(Operation::CreateOrder, Kind::Close))
        .await
        .unwrap();
    let order = shop.order("ref-closed").to_string();
    let address = shop.sandbox.merchant_url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: sandbox\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        order.len()
    );
    stream.write_all((head + &order).as_bytes()).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    let ledger = shop.sandbox.ledger();
    assert!(ledger.orders.is_empty());
    assert_eq!(ledger.calls[0].fault, Some(Kind::Close));
    assert_eq!(ledger.calls[0].reference.as_deref(), Some("ref-closed"));
}

#[tokio::test]
async fn a_refusal_waits_for_its_own_operation() {
    let shop = Shop::open().await;
    shop.sandbox
        .arm(Fault::once(Operation::Transaction, Kind::Refuse))
        .await
        .unwrap();
    assert!(matches!(
        pay(&shop, "ref-not-refused").await,
        Seen::Json(200, _)
    ));
    let url = format!("{}/transactions/get", shop.sandbox.merchant_url);
    let read = shop.read_request("ref-not-refused");
    assert_eq!(see(shop.send(&url, None, &read).await).await, Seen::Broken);
    assert_eq!(shop.transaction("ref-not-refused").await.body["code"], 200);
}

#[tokio::test]
async fn an_answer_may_trickle_in() {
    let shop = Shop::open().await;
    let fault = Fault::once(Operation::Pay, Kind::SlowDrip).for_ms(200);
    shop.sandbox.arm(fault).await.unwrap();
    let session = shop.open_order("ref-drip").await;
    let request = shop.pay_request(&session, &card(VISA));
    let url = format!("{}/", shop.sandbox.checkout_url);
    let began = std::time::Instant::now();
    let mut answer = shop
        .send(&url, Some(&session.token), &request)
        .await
        .unwrap();
    let mut pieces = 0;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.unwrap() {
        pieces += 1;
        body.extend_from_slice(&piece);
    }
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert!(pieces > 3, "{pieces}");
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["orderId"], "ref-drip");
}

#[tokio::test]
async fn a_refused_connection_is_reset_once_a_request_is_there() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let shop = Shop::open().await;
    shop.sandbox
        .arm(Fault::once(Operation::CreateOrder, Kind::Refuse))
        .await
        .unwrap();
    let address = shop.sandbox.merchant_url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let sooner = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0; 1])).await;
    assert!(sooner.is_err(), "{sooner:?}");
    stream.write_all(b"POST / HTTP/1.1\r\n").await.unwrap();
    let error = stream.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let answered = shop.merchant("/", &shop.order("ref-next")).await;
    assert_eq!(answered.http, 200);
}

#[tokio::test]
async fn a_stalled_answer_is_executed_at_once() {
    let shop = Shop::open().await;
    let fault = Fault::once(Operation::Pay, Kind::Stall).for_ms(3_600_000);
    shop.sandbox.arm(fault).await.unwrap();
    let session = shop.open_order("ref-stall").await;
    let request = shop.pay_request(&session, &card(VISA));
    let url = format!("{}/", shop.sandbox.checkout_url);
    let call = shop.send(&url, Some(&session.token), &request);
    let answer = tokio::time::timeout(Duration::from_millis(500), call).await;
    assert!(answer.is_err(), "the answer came: {answer:?}");
    assert_eq!(executions(&shop, "ref-stall"), 1);
}

#[tokio::test]
async fn a_stalled_answer_does_come() {
    let shop = Shop::open().await;
    shop.sandbox
        .arm(Fault::once(Operation::Pay, Kind::Stall).for_ms(30))
        .await
        .unwrap();
    let began = std::time::Instant::now();
    assert!(matches!(
        pay(&shop, "ref-short-stall").await,
        Seen::Json(200, _)
    ));
    assert!(began.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_stalled_answer() {
    let shop = Shop::open().await;
    let fault = Fault::once(Operation::Pay, Kind::Stall).for_ms(3_600_000);
    shop.sandbox.arm(fault).await.unwrap();
    let session = shop.open_order("ref-stop").await;
    let request = shop.pay_request(&session, &card(VISA)).to_string();
    let call = shop
        .client
        .post(format!("{}/", shop.sandbox.checkout_url))
        .header("content-type", "application/json")
        .header("liszt-token", &session.token)
        .body(request)
        .send();
    let call = tokio::spawn(call);
    while shop.sandbox.ledger().debits.is_empty() {
        tokio::task::yield_now().await;
    }
    let checkout_url = shop.sandbox.checkout_url.clone();
    drop(shop.sandbox);
    assert!(call.await.unwrap().is_err());
    // Its listener goes with the next turn of its task.
    for _ in 0..1_000 {
        match shop.client.get(&checkout_url).send().await {
            Err(error) if error.is_connect() => return,
            _ => tokio::task::yield_now().await,
        }
    }
    panic!("the sandbox still listens");
}

#[tokio::test]
async fn a_late_execution_comes_after_the_timeout_was_answered() {
    let shop = Shop::open().await;
    shop.sandbox
        .arm(Fault::once(Operation::Pay, Kind::Late).for_ms(50))
        .await
        .unwrap();
    assert_eq!(pay(&shop, "ref-execute-late").await, Seen::Page(504));
    assert_eq!(executions(&shop, "ref-execute-late"), 0);
    for _ in 0..200 {
        if executions(&shop, "ref-execute-late") == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was never executed");
}

#[tokio::test]
async fn a_read_may_lie_about_the_amount() {
    let shop = Shop::open().await;
    pay(&shop, "ref-read").await;
    shop.sandbox
        .arm(Fault::once(Operation::Transaction, Kind::WrongAmount))
        .await
        .unwrap();
    assert_eq!(
        shop.transaction("ref-read").await.body["result"]["amount"],
        "11250.50"
    );
    assert_eq!(
        shop.transaction("ref-read").await.body["result"]["amount"],
        "1250.50"
    );
}

#[tokio::test]
async fn every_operation_of_the_card_rail_meets_its_faults() {
    let shop = Shop::open().await;
    let saved = shop
        .save(
            "req-faults",
            &card_with(VISA, "card.nickname", json!("Mi tarjeta")),
        )
        .await;
    let token = &saved.body["result"]["token"];
    for operation in Operation::ALL.into_iter().filter(|it| it.is_card()) {
        shop.sandbox
            .arm(Fault::once(operation, Kind::Error500))
            .await
            .unwrap();
        let mut body = shop.order("ref-every");
        body["token"] = token.clone();
        body["requestId"] = json!("req-every");
        let (host, path) = match operation {
            Operation::CreateOrder => (&shop.sandbox.merchant_url, "/"),
            Operation::TokenPayment => (&shop.sandbox.merchant_url, "/tokenPayment/"),
            Operation::TokenizeOrder => (&shop.sandbox.merchant_url, "/tokenize"),
            Operation::GetToken => (&shop.sandbox.merchant_url, "/getToken"),
            Operation::DeleteToken => (&shop.sandbox.merchant_url, "/deleteToken"),
            Operation::Transaction => (&shop.sandbox.merchant_url, "/transactions/get"),
            Operation::Pay => (&shop.sandbox.checkout_url, "/kount"),
            Operation::Tokenize => (&shop.sandbox.checkout_url, "/tokenize"),
            Operation::UpdateToken => (&shop.sandbox.checkout_url, "/tokenize/update"),
            Operation::Void => (&shop.sandbox.merchant_url, "/transactions/void"),
            Operation::Capture => (&shop.sandbox.merchant_url, "/transactions/capture"),
            Operation::Refund => (&shop.sandbox.merchant_url, "/transactions/refund"),
            Operation::Bulk => (&shop.sandbox.merchant_url, "/bulk"),
            Operation::CreateSubscription => (&shop.sandbox.merchant_url, "/subscriptions"),
            Operation::CancelSubscription => (&shop.sandbox.merchant_url, "/subscriptions/cancel"),
            Operation::UpdateSubscriptionCard => (
                &shop.sandbox.merchant_url,
                "/subscriptions/update/card_token",
            ),
            Operation::UpdateSubscription => (&shop.sandbox.merchant_url, "/subscriptions/update"),
            Operation::PaySubscription => (&shop.sandbox.merchant_url, "/subscriptions/pay"),
            Operation::Subscriptions => (&shop.sandbox.merchant_url, "/subscriptions/list"),
            Operation::SubscriptionPayments => {
                (&shop.sandbox.merchant_url, "/subscriptions/list/payments")
            }
            other => panic!("{} is of another rail", other.name()),
        };
        let response = shop
            .send(&format!("{host}{path}"), None, &body)
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), 500, "{operation:?}");
        let ledger = shop.sandbox.ledger();
        let call = ledger.calls.last().unwrap();
        assert_eq!(
            (call.operation, call.fault, call.executed),
            (operation, Some(Kind::Error500), false)
        );
    }
    assert!(shop.sandbox.ledger().debits.is_empty());
}
