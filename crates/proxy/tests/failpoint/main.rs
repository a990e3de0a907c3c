//! The places at which tests of crashes make the process fail: that payments and operations come by
//! them, in which order, and what a store that is away at one of them costs.
//!
//! A binary of its own, because a process has one hook.

#![cfg(debug_assertions)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "made for the machine's own tests")]
#[path = "../machine/support.rs"]
mod support;

use std::sync::Mutex;
use std::time::Duration;

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_providers::failpoint;
use ventanilla_proxy::store::outage;
use ventanilla_sandbox::Operation;

use support::{VISA, Window, attempt_until};

static SEEN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
/// Where the store goes away for a second.
static AWAY_AT: Mutex<Option<&'static str>> = Mutex::new(None);

/// What was come by since it was last asked, in the proxy and up to the answer.
fn seen() -> Vec<&'static str> {
    let mut seen = std::mem::take(&mut *SEEN.lock().unwrap());
    seen.retain(|point| point.starts_with('t'));
    seen
}

const STEPS: [&str; 8] = [
    "t0.before",
    "t0.after",
    "t0b.before",
    "t0b.after",
    "t1.before",
    "t1.after",
    "t2.before",
    "t2.after",
];

#[tokio::test]
async fn payments_and_operations_come_by_each_place_in_order_and_an_answer_outlives_a_store_that_is_away()
 {
    failpoint::install(|point| {
        SEEN.lock().unwrap().push(point);
        if AWAY_AT.lock().unwrap().take_if(|at| *at == point).is_some() {
            outage::refuse_for(Duration::from_secs(1));
        }
    });
    let window = Window::open().await;

    window.paid().await;
    assert!(SEEN.lock().unwrap().contains(&"browser.answer"));
    window.machine.drain(Duration::from_secs(5)).await;
    assert_eq!(seen(), STEPS);

    // A machine that drains begins no operation.
    let window = Window::open().await;
    let other = window.paid().await;
    seen();
    let voided = window.operate(&other.id, OperationKind::Void).await;
    assert_eq!(voided.unwrap().state, AttemptState::Succeeded);
    window.machine.drain(Duration::from_secs(5)).await;
    assert_eq!(seen(), STEPS);

    // The answer is written with patience; nothing is sent again.
    *AWAY_AT.lock().unwrap() = Some("t2.before");
    let session = window.session().await;
    let machine = window.machine.clone();
    let (id, card) = (session.id.clone(), window.card(VISA));
    tokio::spawn(async move { machine.start_attempt(&id, &support::key(), card).await });
    while AWAY_AT.lock().unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(window.store.attempts(&session.id).await.is_err());
    while window.store.attempts(&session.id).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let row = attempt_until(&window.store, &session.id, |row| {
        row.state == AttemptState::Succeeded
    })
    .await;
    assert!(row.unknown_at.is_none(), "its sender wrote it down");
    assert_eq!(window.sandbox.ledger().calls_of(Operation::Pay).count(), 2);
    let tries = seen().iter().filter(|point| **point == "t2.before").count();
    assert!(tries > 1, "{tries}");
}
