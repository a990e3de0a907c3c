//! Answers to the wish for something payable that do not come, or too late. What nobody saw nobody pays.

use std::time::Duration;

use ventanilla_core::api::start_attempt;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::{CvuStart, Presentation};
use ventanilla_sandbox::{Fault, Kind, Operation};

use super::{Stage, payable};

#[tokio::test]
async fn an_answer_that_is_lost_ends_the_attempt_and_the_buyer_may_begin_again() {
    for kind in [
        Kind::ResetBefore,
        Kind::ResetAfter,
        Kind::GatewayTimeoutBefore,
        Kind::GatewayTimeoutAfter,
        Kind::Error500,
        Kind::RateLimit429,
        Kind::Redirect301,
        Kind::Close,
        Kind::Oversize,
    ] {
        let stage = Stage::open().await;
        stage.world.arm(Operation::CvuLink, kind).await;
        let checkout = stage.checkout().await;
        let lost = checkout
            .ask_for(stage.world.next_key(), Presentation::Link)
            .await
            .unwrap();
        assert_eq!(
            (lost.state, lost.next_action),
            (AttemptState::NotExecuted, NextAction::TryAgain),
            "{kind:?}"
        );
        assert!(!lost.refused && lost.payable.is_none(), "{kind:?}");
        let ledger = stage.world.ledger();
        assert_eq!(
            ledger.calls_of(Operation::CvuLink).count(),
            1,
            "{kind:?}: it was asked for once"
        );
        let again = checkout.issue(Presentation::Link).await;
        stage.world.pay_for(&again).await;
        checkout.waits_for(&again.id, AttemptState::Succeeded).await;
        stage.assert_paid(&checkout, &again.id).await;
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up_after_the_calls_limit() {
    let stage = Stage::open_as(
        super::options(),
        r#"
            presentations = ["link"]
            call_limit_secs = 1
        "#,
    )
    .await;
    let fault = Fault::once(Operation::CvuLink, Kind::Stall).for_ms(3_600_000);
    stage.world.sandbox.arm(fault).await.unwrap();
    let checkout = stage.checkout().await;
    let lost = checkout
        .ask_for(stage.world.next_key(), Presentation::Link)
        .await
        .unwrap();
    assert_eq!(lost.state, AttemptState::NotExecuted);
    checkout.issue(Presentation::Link).await;
}

#[tokio::test]
async fn an_answer_that_comes_after_the_attempt_was_given_up_is_shown_to_nobody() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let fault = Fault::once(Operation::CvuQr, Kind::Stall).for_ms(2_500);
    stage.world.sandbox.arm(fault).await.unwrap();
    let start = start_attempt(
        stage.world.next_key(),
        ventanilla_core::api::StartAttempt {
            rail: Rail::Cvu,
            card: None,
            cvu: Some(CvuStart {
                presentation: Presentation::Qr,
            }),
            flux: None,
            flexiti: None,
        },
    );
    let spoken_for = checkout.clone();
    let asked = tokio::spawn(async move { spoken_for.call(start).await });
    let attempt = checkout
        .attempt_once(|attempt| attempt.state == AttemptState::Sent)
        .await;
    // Longer than any call lasts.
    stage.world.move_clock(Duration::from_secs(60));
    let ended = checkout.until(&attempt.id, AttemptState::NotExecuted).await;
    assert!(ended.payable.is_none());
    let answered = asked.await.unwrap().unwrap();
    assert_eq!(answered.state, AttemptState::NotExecuted);
    // The answer is there now.
    let checkout = checkout.with_fresh_token().await;
    let second = checkout.issue(Presentation::Qr).await;
    stage.world.stop_proxy().await;
    stage.world.start_proxy().await;
    let checkout = checkout.with_fresh_token().await;
    let late = checkout.attempt(&attempt.id).await;
    assert_eq!(late.state, AttemptState::NotExecuted);
    assert!(late.payable.is_none());
    let codes = stage.world.ledger().cvu.qr_orders;
    assert_eq!(codes.len(), 2);
    assert_eq!(payable(&second).code, codes[1].qr_code);
    let first: String = codes[0].qr_code.clone().unwrap();
    let answers = stage.world.answers.lock().unwrap().join("\n");
    assert!(!answers.contains(&first));
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_was_asked_for_nothing() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    stage.world.arm(Operation::CvuLink, Kind::Down).await;
    let attempt = checkout
        .ask_for(stage.world.next_key(), Presentation::Link)
        .await
        .unwrap();
    let attempt = checkout.until(&attempt.id, AttemptState::NotExecuted).await;
    assert_eq!(attempt.next_action, NextAction::TryAgain);
    // A transfer needs nobody's answer.
    checkout.issue(Presentation::Transfer).await;
}
