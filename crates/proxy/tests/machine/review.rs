//! What reads do not settle: who looks, what they may say, and what still goes before their word.

use std::time::Duration;

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::session::SessionState;
use ventanilla_proxy::machine::{SettleOutcome, SettleReview};
use ventanilla_proxy::store::AttemptRow;
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::doubt::{pay_and_hide, pay_into_doubt};
use crate::support::{VISA, Window, hours, minutes, new_session, secs};

fn settle(outcome: SettleOutcome) -> SettleReview {
    SettleReview {
        outcome,
        note: String::from("looked into the portal, Ana"),
        attempt_id: None,
    }
}

/// An attempt whose reads fail for seven days; whether it was executed is up to `fault`.
async fn in_review(window: &Window, fault: Kind) -> AttemptRow {
    let mut new = new_session();
    new.expires_in_secs = Some(86_400);
    let session = window.session_of(new).await;
    let reads_fail = Fault::times(Operation::Transaction, Kind::ReadFails, 1_000);
    let faults = [Fault::once(Operation::Pay, fault), reads_fail];
    let mut row = pay_into_doubt(window, &session.id, &faults).await;
    while row.state == AttemptState::Unknown {
        row = window.advance_to_read(&row.id, hours(30)).await;
    }
    assert_eq!(row.state, AttemptState::Review);
    row
}

#[tokio::test]
async fn what_is_in_review_is_listed_with_its_age_and_the_reason() {
    let window = Window::open().await;
    assert!(window.machine.review().await.unwrap().attempts.is_empty());
    let row = in_review(&window, Kind::ResetBefore).await;
    let review = window.machine.review().await.unwrap();
    let [listed] = review.attempts.as_slice() else {
        panic!("{} attempts", review.attempts.len())
    };
    assert_eq!(listed.attempt.id, row.id);
    assert_eq!(listed.since, row.unknown_at.unwrap().rfc3339());
    assert!(listed.why.contains("7 days"), "{}", listed.why);
    let json = serde_json::to_value(listed).unwrap();
    assert_eq!(
        json["state"], "review",
        "the attempt's own fields are on top"
    );
}

#[tokio::test]
async fn what_somebody_found_settles_an_attempt_is_kept_and_told() {
    for (outcome, state) in [
        (SettleOutcome::NotExecuted, AttemptState::NotExecuted),
        (SettleOutcome::Declined, AttemptState::Declined),
    ] {
        let window = Window::open().await;
        let row = in_review(&window, Kind::ResetBefore).await;
        window
            .machine
            .settle_review(&row.id, settle(outcome))
            .await
            .unwrap();
        let row = window.row(&row.id).await;
        assert_eq!(row.state, state);
        assert!(row.next_check_at.is_some(), "it is looked at again");
        let told = format!("attempt.{}", state.name());
        assert!(window.told().await.contains(&told));
        let events = window.store.events(&row.session_id).await.unwrap();
        let word = events.iter().find(|event| event.kind == "settled_by_hand");
        assert_eq!(
            word.unwrap().evidence["note"],
            "looked into the portal, Ana"
        );
        assert!(window.machine.review().await.unwrap().attempts.is_empty());
    }
}

#[tokio::test]
async fn money_that_was_settled_away_is_found_by_a_second_look() {
    let window = Window::open().await;
    let row = in_review(&window, Kind::ResetAfter).await;
    window
        .machine
        .settle_review(&row.id, settle(SettleOutcome::NotExecuted))
        .await
        .unwrap();
    window.sandbox.clear_faults().await;
    let row = window.advance_to_read(&row.id, hours(25)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
    let session = window.machine.session(&row.session_id).await.unwrap();
    assert_eq!(session.state, SessionState::Succeeded);
}

#[tokio::test]
async fn nobody_s_word_makes_money_or_ends_what_is_not_in_review() {
    let window = Window::open().await;
    let paid = window.paid().await;
    let row = in_review(&window, Kind::ResetBefore).await;
    for (id, outcome, expected) in [
        (
            row.id.as_str(),
            SettleOutcome::Succeeded,
            ProblemCode::OperationNotPossible,
        ),
        (
            &paid.id,
            SettleOutcome::NotExecuted,
            ProblemCode::OperationNotPossible,
        ),
        (
            "att_unknown",
            SettleOutcome::NotExecuted,
            ProblemCode::NotFound,
        ),
        (
            "opr_unknown",
            SettleOutcome::NotExecuted,
            ProblemCode::NotFound,
        ),
    ] {
        let refused = window.machine.settle_review(id, settle(outcome)).await;
        assert_eq!(refused.unwrap_err().code(), expected, "{id}");
    }
    for note in ["", "ok", "card 4242 4242 4242 4242"] {
        let settle = SettleReview {
            outcome: SettleOutcome::NotExecuted,
            note: note.to_owned(),
            attempt_id: None,
        };
        let refused = window.machine.settle_review(&row.id, settle).await;
        assert_eq!(refused.unwrap_err().code(), ProblemCode::RequestMalformed);
    }
    assert_eq!(window.row(&row.id).await.state, AttemptState::Review);
}

#[tokio::test]
async fn an_operation_in_review_ends_as_somebody_found_it() {
    for (outcome, expected) in [
        (SettleOutcome::Succeeded, AttemptState::Succeeded),
        (SettleOutcome::NotExecuted, AttemptState::NotExecuted),
    ] {
        let window = Window::open().await;
        let attempt = window.paid().await;
        window
            .sandbox
            .arm(Fault::once(Operation::Refund, Kind::GatewayTimeoutBefore))
            .await
            .unwrap();
        let row = window
            .operate_until(&attempt, OperationKind::Refund, |row| row.not_done > 0)
            .await;
        let early = window.machine.settle_review(&row.id, settle(outcome)).await;
        assert_eq!(early.unwrap_err().code(), ProblemCode::OperationNotPossible);
        let row = window.advance_to_operation(&row, hours(25)).await;
        assert_eq!(row.state, AttemptState::Review);
        let declined = settle(SettleOutcome::Declined);
        let refused = window.machine.settle_review(&row.id, declined).await;
        assert_eq!(
            refused.unwrap_err().code(),
            ProblemCode::OperationNotPossible
        );
        window
            .machine
            .settle_review(&row.id, settle(outcome))
            .await
            .unwrap();
        let record = window.machine.operation(&row.id).await.unwrap();
        assert_eq!(record.state, expected);
        // What was not done may be done now, and what was done may not.
        let again = window.operate(&attempt.id, OperationKind::Refund).await;
        match expected {
            AttemptState::NotExecuted => {
                assert_eq!(again.unwrap().state, AttemptState::Succeeded);
            }
            _ => assert_eq!(again.unwrap_err().code(), ProblemCode::AmountExceedsPayment),
        }
    }
}

#[tokio::test]
async fn a_read_may_be_asked_for_of_what_is_in_doubt_only() {
    let window = Window::open().await;
    let row = in_review(&window, Kind::ResetAfter).await;
    assert_eq!(row.next_check_at, None);
    window.sandbox.clear_faults().await;
    window.clock.advance(minutes(1));
    window.machine.read_again(&row.id).await.unwrap();
    window
        .until(&row.id, |row| row.state == AttemptState::Succeeded)
        .await;
    let refused = window.machine.read_again(&row.id).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::OperationNotPossible);
    for id in ["att_unknown", "opr_unknown"] {
        let refused = window.machine.read_again(id).await.unwrap_err();
        assert_eq!(refused.code(), ProblemCode::NotFound);
    }
}

#[tokio::test]
async fn a_notification_brings_the_read_forward_and_proves_nothing_itself() {
    let window = Window::open().await;
    assert!(!window.machine.noticed("somebody-else-s").await.unwrap());
    let session = window.session().await;
    let hidden = Fault {
        reads: Some(2),
        ..Fault::once(Operation::Transaction, Kind::DelayVisibility)
    };
    let faults = [Fault::once(Operation::Pay, Kind::ResetAfter), hidden];
    let row = pay_into_doubt(&window, &session.id, &faults).await;
    let row = window.advance_to_read(&row.id, secs(3)).await;
    assert_eq!((row.state, row.not_found), (AttemptState::Unknown, 2));
    let planned = row.next_check_at.unwrap();

    for _ in 0..5 {
        assert!(window.machine.noticed(&row.reference).await.unwrap());
    }
    let noticed = window.row(&row.id).await;
    assert_eq!(noticed.state, AttemptState::Unknown);
    let soon = row.last_read_at.unwrap() + secs(2);
    assert_eq!(noticed.next_check_at, Some(soon.min(planned)));
    let events = window.store.events(&session.id).await.unwrap();
    let kept = events.iter().filter(|event| event.kind == "noticed");
    assert!(kept.count() <= 1, "five of the same are one");
    let row = window.advance_to_read(&row.id, secs(2)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
    assert!(window.machine.noticed(&row.reference).await.unwrap());
}

#[tokio::test]
async fn a_notification_of_money_that_was_held_not_to_exist_is_looked_into() {
    let window = Window::open().await;
    let session = window.session().await;
    let row = pay_and_hide(&window, &session.id).await;
    window.clock.advance(secs(10));
    assert!(window.machine.noticed(&row.reference).await.unwrap());
    let row = window
        .until(&row.id, |row| row.state == AttemptState::Succeeded)
        .await;
    assert_eq!(row.sends, 1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::SessionPaid);
}
