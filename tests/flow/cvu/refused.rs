//! Codes and links that do not fit their session: nobody sees them.

use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_sandbox::{CvuCodeForm, Kind, Operation};

use super::{Stage, payable};

/// An attempt at something that must not be shown.
async fn assert_not_shown(stage: &Stage, presentation: Presentation, refused: bool, what: &str) {
    let checkout = stage.checkout().await;
    let attempt = checkout
        .ask_for(stage.world.next_key(), presentation)
        .await
        .unwrap();
    assert_eq!(
        (attempt.state, attempt.next_action),
        (AttemptState::NotExecuted, NextAction::TryAgain),
        "{what}"
    );
    assert_eq!(attempt.refused, refused, "{what}");
    for view in [
        attempt.clone(),
        checkout.attempt(&attempt.id).await,
        checkout.view().await.attempt.unwrap(),
    ] {
        assert!(view.payable.is_none(), "{what}");
        assert_eq!(view.refused, refused, "{what}");
    }
    let answers = stage.world.answers.lock().unwrap().join("\n");
    let ledger = stage.world.ledger();
    for code in ledger
        .cvu
        .qr_orders
        .iter()
        .filter_map(|it| it.qr_code.as_deref())
    {
        let beginning: String = code.chars().take(40).collect();
        assert!(!answers.contains(&beginning), "{what}");
    }
    for link in &ledger.cvu.links {
        assert!(!answers.contains(&link.link), "{what}");
    }
    assert!(!answers.contains("javascript:"), "{what}");
    stage
        .shop
        .hears_of("attempt.not_executed", &attempt.id)
        .await;
}

#[tokio::test]
async fn a_code_that_was_altered_is_not_shown_and_the_next_one_may_be() {
    for kind in [Kind::WrongAmount, Kind::BadCrc] {
        let stage = Stage::open().await;
        stage.world.arm(Operation::CvuQr, kind).await;
        let what = format!("{kind:?}");
        assert_not_shown(&stage, Presentation::Qr, true, &what).await;
        let checkout = stage.checkout().await;
        let good = checkout.issue(Presentation::Qr).await;
        stage.world.pay_for(&good).await;
        checkout.waits_for(&good.id, AttemptState::Succeeded).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_damaged_is_not_shown() {
    for kind in [Kind::Corrupt, Kind::BrokenJson, Kind::Truncate] {
        for (operation, presentation) in [
            (Operation::CvuQr, Presentation::Qr),
            (Operation::CvuLink, Presentation::Link),
        ] {
            let stage = Stage::open().await;
            stage.world.arm(operation, kind).await;
            let checkout = stage.checkout().await;
            let attempt = checkout
                .ask_for(stage.world.next_key(), presentation)
                .await
                .unwrap();
            assert_eq!(attempt.state, AttemptState::NotExecuted, "{kind:?}");
            assert!(attempt.payable.is_none(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_code_is_not_shown() {
    let mut options = super::options();
    options.cvu.code = CvuCodeForm::Picture;
    let stage = Stage::open_as(options, super::ACCOUNT).await;
    assert_not_shown(&stage, Presentation::Qr, true, "a picture").await;
}

#[tokio::test]
async fn a_code_without_an_amount_is_shown_as_it_came() {
    let mut options = super::options();
    options.cvu.code = CvuCodeForm::AtAcceptor;
    let stage = Stage::open_as(options, super::ACCOUNT).await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    let order = stage.world.ledger().cvu.qr_orders[0].clone();
    assert_eq!(payable(&attempt).code, order.qr_code);
    stage.world.pay_for(&attempt).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
}

#[tokio::test]
async fn a_code_that_pays_somebody_else_is_not_shown() {
    for (payee, what) in [
        (
            r#"presentations = ["qr"]
               cuit = "20-99900001-1""#,
            "another CUIT",
        ),
        (
            r#"presentations = ["qr"]
               account = "0009003000000002718286""#,
            "another account",
        ),
    ] {
        let stage = Stage::open_as(super::options(), payee).await;
        assert_not_shown(&stage, Presentation::Qr, true, what).await;
    }
}

#[tokio::test]
async fn an_address_that_is_none_to_follow_is_not_shown() {
    let stage = Stage::open().await;
    stage.world.arm(Operation::CvuLink, Kind::HostileLink).await;
    assert_not_shown(&stage, Presentation::Link, false, "a script").await;
}

#[tokio::test]
async fn what_the_provider_refuses_to_make_may_be_asked_for_again() {
    let stage = Stage::open().await;
    stage.world.arm(Operation::CvuLink, Kind::StatusError).await;
    assert_not_shown(&stage, Presentation::Link, false, "an error").await;
    let checkout = stage.checkout().await;
    checkout.issue(Presentation::Link).await;
}
