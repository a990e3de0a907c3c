//! Two proxies of one merchant on one PostgreSQL database.

use std::time::Duration;

use ventanilla_core::attempt::AttemptState;
use ventanilla_sandbox::{Fault, Kind, Operation};

use super::{MASTERCARD, VISA};
use crate::checkout::Choice;
use crate::world::World;

#[tokio::test]
async fn the_same_submit_a_hundred_times_from_two_tabs_by_two_proxies_is_one_debit() {
    let first = World::open_shared().await;
    let second = first.beside().await;
    let checkout = first.checkout().await;
    let tabs = [first.next_key(), first.next_key()];
    let mut submits = Vec::new();
    for number in 0..100 {
        let door = if number % 2 == 0 { &first } else { &second };
        let tab = tabs[number / 2 % 2].clone();
        let checkout = checkout.through(door);
        submits.push(tokio::spawn(async move {
            // Sealed anew each time, as a browser would.
            let start = checkout.sealed_start(VISA, Choice::default()).await;
            checkout.start(tab, start).await
        }));
    }
    let mut paying = std::collections::BTreeSet::new();
    for submit in submits {
        match submit.await.unwrap() {
            Ok(attempt) => paying.insert(attempt.id),
            Err(problem) => {
                assert!(
                    ["attempt-running", "session-paid"].contains(&problem.code.as_str()),
                    "{problem:?}"
                );
                paying.insert(problem.attempt_id.unwrap())
            }
        };
    }
    let paying: Vec<_> = paying.into_iter().collect();
    assert_eq!(paying.len(), 1, "everybody is told of the same attempt");
    checkout.until(&paying[0], AttemptState::Succeeded).await;
    assert_eq!(first.paid(), 1);
    assert_eq!(first.ledger().calls_of(Operation::Pay).count(), 1);
}

#[tokio::test]
async fn a_key_is_the_same_at_both_doors() {
    let first = World::open_shared().await;
    let second = first.beside().await;
    let checkout = first
        .checkout_for(serde_json::json!({ "installments": [3, 6] }))
        .await;
    let key = first.next_key();
    let start = checkout.sealed_start(VISA, Choice::default()).await;
    let attempt = checkout.start(key.clone(), start).await.unwrap();

    let checkout = checkout.through(&second);
    let again = checkout.sealed_start(VISA, Choice::default()).await;
    let same = checkout.start(key.clone(), again).await.unwrap();
    assert_eq!(same.id, attempt.id);

    let choice = Choice {
        installments: Some(3),
        save: false,
    };
    let other = checkout.sealed_start(VISA, choice).await;
    let problem = checkout.start(key, other).await.unwrap_err();
    assert_eq!(
        (problem.code.as_str(), problem.status),
        ("idempotency-key-reused", 422)
    );

    let keyless = checkout
        .request("POST", "/v1/checkout/attempts")
        .header("content-type", "application/json")
        .body(r#"{"rail":"card"}"#);
    let answer = second.send(keyless).await;
    assert_eq!(
        (answer.code().as_str(), answer.status),
        ("idempotency-key-invalid", 400)
    );
    assert_eq!(first.paid(), 1);
}

#[tokio::test]
async fn a_buyer_who_waits_at_one_door_hears_what_the_other_was_answered() {
    let first = World::open_shared().await;
    let second = first.beside().await;
    let checkout = first.checkout().await;
    let stall = Fault::once(Operation::Pay, Kind::Stall).for_ms(1_500);
    first.sandbox.arm(stall).await.unwrap();
    let attempt = checkout.pay_and_hang_up(VISA).await;
    let elsewhere = checkout.through(&second);
    elsewhere.until(&attempt.id, AttemptState::Succeeded).await;
    assert_eq!(first.paid(), 1);
}

#[tokio::test]
async fn what_a_killed_proxy_left_in_the_air_the_other_one_settles() {
    let first = World::open_shared().await;
    let second = first.beside().await;
    let checkout = first.checkout().await;
    let stall = Fault::once(Operation::Pay, Kind::Stall).for_ms(3_600_000);
    first.sandbox.arm(stall).await.unwrap();
    let attempt = checkout.pay_and_hang_up(VISA).await;
    let elsewhere = checkout.through(&second);
    while first.ledger().debits.is_empty() {
        elsewhere.view().await;
    }
    first.kill_proxy();
    let refused = elsewhere.try_to_pay(MASTERCARD).await.unwrap_err();
    assert_eq!(refused.code, "attempt-running");
    elsewhere
        .until_moving(
            &attempt.id,
            AttemptState::Succeeded,
            Duration::from_secs(20),
        )
        .await;
    assert_eq!(first.paid(), 1);
    assert_eq!(first.ledger().calls_of(Operation::Pay).count(), 1);
}
