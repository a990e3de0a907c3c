//! What reads show, and when.

use std::time::Duration;

use serde_json::json;
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::support::{Shop, VISA, card};

#[tokio::test]
async fn a_debit_becomes_visible_after_the_reads_asked_for() {
    let shop = Shop::open().await;
    shop.pay("ref-hidden", &card(VISA)).await;
    let fault = json!({ "operation": "transaction", "kind": "delay_visibility", "reads": 2 });
    shop.sandbox
        .arm(serde_json::from_value(fault).unwrap())
        .await
        .unwrap();
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(shop.transaction("ref-hidden").await.body["code"].clone());
    }
    assert_eq!(codes, [404, 404, 200]);
}

#[tokio::test]
async fn a_read_that_lags_shows_how_things_were() {
    let shop = Shop::open().await;
    let paid = shop.paid("ref-lag").await;
    shop.sandbox.move_clock(Duration::from_secs(60));
    shop.void(&paid).await;
    let lagging = Fault::once(Operation::Transaction, Kind::DelayVisibility);
    shop.arm(lagging.for_ms(30_000)).await;
    assert_eq!(shop.state("ref-lag").await.as_deref(), Some("approved"));
    shop.arm(lagging.for_ms(90_000)).await;
    assert_eq!(shop.state("ref-lag").await, None);
    assert_eq!(shop.state("ref-lag").await.as_deref(), Some("voided"));
}

#[tokio::test]
async fn a_debit_that_was_answered_is_visible_after_the_time_asked_for() {
    let shop = Shop::open().await;
    let hidden = Fault::once(Operation::Pay, Kind::DelayVisibility).for_ms(90_000);
    shop.arm(hidden).await;
    let paid = shop.pay("ref-hidden", &card(VISA)).await;
    assert_eq!(paid.body["status"], 200);
    assert_eq!(shop.state("ref-hidden").await, None);
    shop.sandbox.move_clock(Duration::from_secs(89));
    assert_eq!(shop.state("ref-hidden").await, None);
    shop.sandbox.move_clock(Duration::from_secs(1));
    assert_eq!(shop.state("ref-hidden").await.as_deref(), Some("approved"));
}

#[tokio::test]
async fn an_operation_that_was_answered_is_visible_after_the_time_asked_for() {
    let shop = Shop::open().await;
    for (operation, path, word) in [
        (Operation::Void, "/transactions/void", "voided"),
        (Operation::Capture, "/transactions/capture", "captured"),
        (Operation::Refund, "/transactions/refund", "refunded"),
    ] {
        let reference = format!("ref-{word}");
        let paid = shop.paid(&reference).await;
        let hidden = Fault::once(operation, Kind::DelayVisibility).for_ms(5_000);
        shop.arm(hidden).await;
        assert_eq!(shop.merchant(path, &paid).await.body["code"], 200);
        assert_eq!(shop.state(&reference).await.as_deref(), Some("approved"));
        shop.sandbox.move_clock(Duration::from_secs(5));
        assert_eq!(shop.state(&reference).await.as_deref(), Some(word));
    }
}

#[tokio::test]
async fn a_read_that_fails_does_not_say_that_there_is_no_payment() {
    let shop = Shop::open().await;
    shop.pay("ref-unreadable", &card(VISA)).await;
    shop.arm(Fault::once(Operation::Transaction, Kind::ReadFails))
        .await;
    let failed = shop.transaction("ref-unreadable").await;
    assert_eq!((failed.http, &failed.body["code"]), (200, &json!(500)));
    assert_eq!(failed.body["status"], "FAIL");
    assert!(!failed.error().contains("not found"));
    assert_eq!(
        shop.state("ref-unreadable").await.as_deref(),
        Some("approved")
    );

    shop.arm(Fault::once(Operation::GetToken, Kind::ReadFails))
        .await;
    let request = shop.with_credentials(json!({ "token": "any" }));
    let failed = shop.merchant("/getToken", &request).await;
    assert_eq!(failed.body["status"], 500);
    assert!(!failed.error().contains("Invalid"));
}

#[tokio::test]
async fn a_session_may_run_out_before_it_is_used() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-run-out").await;
    let other = shop.open_order("ref-other").await;
    let expired = Fault::once(Operation::Pay, Kind::ExpireSessions);
    shop.arm(expired).await;
    let request = shop.pay_request(&session, &card(VISA));
    for _ in 0..2 {
        let late = shop.checkout("/", &session.token, &request).await;
        assert_eq!(late.error(), "Session not found");
    }
    // Only the session of the call that met it.
    let request = shop.pay_request(&other, &card(VISA));
    let paid = shop.checkout("/", &other.token, &request).await;
    assert_eq!(paid.body["status"], 200);

    shop.arm(Fault::once(Operation::CreateOrder, Kind::ExpireSessions))
        .await;
    let dead = shop.open_order("ref-dead").await;
    let request = shop.pay_request(&dead, &card(VISA));
    let late = shop.checkout("/", &dead.token, &request).await;
    assert_eq!(late.error(), "Session not found");
}

/// Waits for what a task of the sandbox does of its own accord.
async fn soon(mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never happened");
}

#[tokio::test]
async fn a_debit_may_be_executed_when_its_session_is_long_gone() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-beyond").await;
    shop.arm(Fault::once(Operation::Pay, Kind::LateBeyondFence))
        .await;
    let request = shop.pay_request(&session, &card(VISA));
    let url = format!("{}/", shop.sandbox.checkout_url);
    let answer = shop.send(&url, Some(&session.token), &request).await;
    assert_eq!(answer.unwrap().status().as_u16(), 504);
    shop.sandbox.move_clock(Duration::from_secs(39 * 60));
    assert_eq!(shop.state("ref-beyond").await, None);
    shop.sandbox.move_clock(Duration::from_secs(60));
    soon(|| shop.sandbox.ledger().debits.len() == 1).await;
    assert_eq!(shop.state("ref-beyond").await.as_deref(), Some("approved"));
    let ledger = shop.sandbox.ledger();
    let calls: Vec<_> = ledger
        .calls_of(Operation::Pay)
        .map(|call| (call.later, call.executed, call.http_status))
        .collect();
    assert_eq!(calls, [(false, false, Some(504)), (true, true, None)]);
}

#[tokio::test]
async fn a_void_may_be_executed_when_it_no_longer_may_be() {
    let shop = Shop::open().await;
    let paid = shop.paid("ref-void-beyond").await;
    let beyond = Fault::once(Operation::Void, Kind::LateBeyondFence).for_ms(4 * 3_600_000);
    shop.arm(beyond).await;
    let url = format!("{}/transactions/void", shop.sandbox.merchant_url);
    let answer = shop.send(&url, None, &paid).await.unwrap();
    assert_eq!(answer.status().as_u16(), 504);
    shop.sandbox.move_clock(Duration::from_secs(4 * 3_600));
    soon(|| shop.sandbox.ledger().operations.len() == 1).await;
    assert_eq!(
        shop.state("ref-void-beyond").await.as_deref(),
        Some("voided")
    );
}

#[tokio::test]
async fn what_was_still_to_be_executed_is_forgotten_with_the_rest() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-forgotten").await;
    shop.arm(Fault::once(Operation::Pay, Kind::Late).for_ms(50))
        .await;
    let request = shop.pay_request(&session, &card(VISA));
    let url = format!("{}/", shop.sandbox.checkout_url);
    shop.send(&url, Some(&session.token), &request)
        .await
        .unwrap();
    let reset = format!("{}/reset", shop.sandbox.management_url);
    shop.client.post(reset).send().await.unwrap();
    let session = shop.open_order("ref-new").await;
    let request = shop.pay_request(&session, &card(VISA));
    tokio::time::sleep(Duration::from_millis(100)).await;
    shop.checkout("/", &session.token, &request).await;
    let ledger = shop.sandbox.ledger();
    assert_eq!(ledger.debits.len(), 1);
    assert!(ledger.calls.iter().all(|call| !call.later));
}
