//! The proxy ends at any moment and is started again on the same store.

use std::time::Duration;

use ventanilla_core::api::{StartAttempt, start_attempt};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::{CvuStart, Presentation};
use ventanilla_sandbox::{Fault, Kind, Operation};

use super::{LIFETIME, LOOK, MINUTE, Stage, payable};
use crate::checkout::Checkout;

/// Asks for something payable and does not wait for the answer, which may never come.
fn ask_and_go(checkout: &Checkout, presentation: Presentation) -> tokio::task::JoinHandle<()> {
    let (spoken_for, key) = (checkout.clone(), checkout.world.next_key());
    tokio::spawn(async move {
        let start = StartAttempt {
            rail: Rail::Cvu,
            card: None,
            cvu: Some(CvuStart { presentation }),
            flux: None,
            flexiti: None,
        };
        let _ = spoken_for.try_call(start_attempt(key, start)).await;
    })
}

#[tokio::test]
async fn what_is_paid_while_nobody_looks_is_found_afterwards() {
    for presentation in [Presentation::Link, Presentation::Qr] {
        let stage = Stage::open().await;
        let checkout = stage.checkout().await;
        let attempt = checkout.issue(presentation).await;
        stage.world.kill_proxy();
        stage.world.pay_for(&attempt).await;
        stage.world.move_clock(MINUTE);
        stage.world.start_proxy().await;
        // Nobody asks.
        stage.world.move_clock(LOOK);
        stage.assert_paid(&checkout, &attempt.id).await;
    }
}

#[tokio::test]
async fn what_is_paid_while_nobody_looks_and_time_runs_out_is_no_expired_payment() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Transfer).await;
    stage.world.kill_proxy();
    stage.world.transfer(super::TOTAL, "prueba.demo.tres").await;
    stage.world.move_clock(LIFETIME + 60 * MINUTE);
    stage.world.start_proxy().await;
    stage.world.move_clock(LOOK);
    stage.assert_paid(&checkout, &attempt.id).await;
    assert_eq!(stage.shop.told_of(&attempt.id), ["attempt.succeeded"]);
}

#[tokio::test]
async fn a_wish_cut_off_before_its_answer_is_over_and_was_shown_to_nobody() {
    for presentation in [Presentation::Link, Presentation::Qr] {
        let operation = match presentation {
            Presentation::Link => Operation::CvuLink,
            _ => Operation::CvuQr,
        };
        let stage = Stage::open().await;
        let checkout = stage.checkout().await;
        let fault = Fault::once(operation, Kind::Stall).for_ms(3_600_000);
        stage.world.sandbox.arm(fault).await.unwrap();
        let asked = ask_and_go(&checkout, presentation);
        let attempt = checkout
            .attempt_once(|attempt| attempt.state == AttemptState::Sent)
            .await;
        while stage.world.ledger().calls_of(operation).count() == 0 {
            let shown = checkout.view().await.attempt.unwrap();
            assert!(shown.payable.is_none());
        }
        stage.world.kill_proxy();
        asked.await.unwrap();

        stage.world.start_proxy().await;
        let checkout = checkout.with_fresh_token().await;
        let refused = checkout
            .ask_for(stage.world.next_key(), presentation)
            .await
            .unwrap_err();
        assert_eq!(refused.code, "attempt-running");
        let ended = checkout
            .until_moving(
                &attempt.id,
                AttemptState::NotExecuted,
                Duration::from_secs(20),
            )
            .await;
        assert_eq!(ended.next_action, NextAction::TryAgain);
        assert!(ended.payable.is_none());
        assert_eq!(stage.world.ledger().calls_of(operation).count(), 1);
        let checkout = checkout.with_fresh_token().await;
        let second = checkout.issue(presentation).await;
        stage.world.pay_for(&second).await;
        checkout
            .waits_for(&second.id, AttemptState::Succeeded)
            .await;
        stage.assert_paid(&checkout, &second.id).await;
    }
}

#[tokio::test]
async fn what_a_buyer_saw_is_in_the_store() {
    for presentation in Presentation::ALL {
        let stage = Stage::open().await;
        let checkout = stage.checkout().await;
        let asked = ask_and_go(&checkout, presentation);
        let shown = checkout
            .attempt_once(|attempt| attempt.payable.is_some())
            .await;
        stage.world.kill_proxy();
        asked.await.unwrap();
        stage.world.start_proxy().await;
        let checkout = checkout.with_fresh_token().await;
        let again = checkout.attempt(&shown.id).await;
        assert_eq!(again.state, AttemptState::Issued);
        let (before, after) = (payable(&shown), payable(&again));
        assert_eq!(
            (&before.link, &before.code, &before.transfer),
            (&after.link, &after.code, &after.transfer)
        );
    }
}

#[tokio::test]
async fn a_key_is_known_after_the_restart() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let key = stage.world.next_key();
    let first = checkout
        .ask_for(key.clone(), Presentation::Qr)
        .await
        .unwrap();
    stage.world.kill_proxy();
    stage.world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    let again = checkout.ask_for(key, Presentation::Qr).await.unwrap();
    assert_eq!(payable(&first).code, payable(&again).code);
    assert_eq!(stage.world.ledger().cvu.qr_orders.len(), 1);
}

#[tokio::test]
async fn what_was_taken_before_the_restart_is_not_taken_again() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    stage.world.pay_for(&attempt).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
    stage.world.kill_proxy();
    stage.world.start_proxy().await;
    let other = stage.checkout().await;
    let second = other.issue(Presentation::Qr).await;
    other.is_looked_for().await;
    let waiting = other.with_fresh_token().await.attempt(&second.id).await;
    assert_eq!(waiting.state, AttemptState::Issued);
    assert!(!payable(&waiting).seen);
    assert_eq!(stage.shop.count(), 1);
}
