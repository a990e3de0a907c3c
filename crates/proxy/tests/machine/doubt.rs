//! Answers that prove nothing, and what settles them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::session::SessionState;
use ventanilla_proxy::clock::{Clock, Timestamp};
use ventanilla_proxy::store::AttemptRow;
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::support::{HandClock, START, VISA, Window, hours, minutes, secs};

/// Executed, hidden from the first four reads, and so held never to have happened.
pub async fn pay_and_hide(window: &Window, session_id: &str) -> AttemptRow {
    let hidden = Fault {
        reads: Some(4),
        ..Fault::once(Operation::Transaction, Kind::DelayVisibility)
    };
    let row = pay_into_doubt(
        window,
        session_id,
        &[Fault::once(Operation::Pay, Kind::ResetAfter), hidden],
    )
    .await;
    let row = window.advance_to_read(&row.id, secs(3)).await;
    let row = window.advance_to_read(&row.id, secs(9)).await;
    let row = window.advance_to_read(&row.id, minutes(50)).await;
    assert_eq!(row.state, AttemptState::NotExecuted);
    row
}

/// Pays under faults and comes back when the attempt has been read once.
pub async fn pay_into_doubt(window: &Window, session_id: &str, faults: &[Fault]) -> AttemptRow {
    for fault in faults {
        window.sandbox.arm(*fault).await.unwrap();
    }
    window
        .pay_until(session_id, |row| {
            row.state == AttemptState::Unknown && row.last_read_at.is_some()
        })
        .await
}

fn not_executed() -> Fault {
    Fault::once(Operation::Pay, Kind::ResetBefore)
}

#[tokio::test]
async fn an_executed_payment_whose_answer_was_lost_is_found_at_once() {
    for kind in [
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::Truncate,
        Kind::BrokenJson,
        Kind::WrongAmount,
        Kind::WrongReference,
        Kind::BadSignature,
    ] {
        let window = Window::open().await;
        let session = window.session().await;
        window
            .sandbox
            .arm(Fault::once(Operation::Pay, kind))
            .await
            .unwrap();
        // The clock stands still: the read follows the doubt without waiting.
        let view = window.pay(&session.id, VISA).await.unwrap();
        assert_eq!(view.state, AttemptState::Succeeded, "{kind:?}");
        let row = window.row(&view.id).await;
        assert!(row.unknown_at.is_some(), "{kind:?}");
        assert_eq!(row.bin.as_deref().map(str::len), Some(6), "{kind:?}");
        let ledger = window.sandbox.ledger();
        assert_eq!(ledger.debits.len(), 1, "{kind:?}");
        assert_eq!(
            row.authorization, ledger.debits[0].authorization,
            "{kind:?}"
        );
        let session = window.machine.session(&session.id).await.unwrap();
        assert_eq!(session.state, SessionState::Succeeded);
    }
}

#[tokio::test]
async fn not_found_proves_nothing_before_the_fence_and_everything_behind_it() {
    let window = Window::open().await;
    let session = window.session().await;
    let row = pay_into_doubt(&window, &session.id, &[not_executed()]).await;
    assert_eq!((row.state, row.not_found), (AttemptState::Unknown, 1));

    let mut row = row;
    for (by, reads) in [
        (secs(3), 2),
        (secs(9), 3),
        (minutes(2), 4),
        (minutes(10), 5),
        (minutes(22), 6),
    ] {
        row = window.advance_to_read(&row.id, by).await;
        assert_eq!(row.state, AttemptState::Unknown, "after {reads} reads");
        assert_eq!(row.not_found, reads);
        let refused = window.pay(&session.id, VISA).await.unwrap_err();
        assert_eq!(refused.code(), ProblemCode::AttemptRunning);
        assert_eq!(refused.problem().attempt_id.as_ref(), Some(&row.id));
    }
    assert!(window.clock.now() < START + minutes(35));
    let row = window.advance_to_read(&row.id, minutes(6)).await;
    assert_eq!(row.state, AttemptState::NotExecuted);
    assert_eq!(row.not_found, 7);
    assert_eq!(window.told().await[0], "attempt.not_executed");

    // The session's half hour is over, so nobody may pay it any more.
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::SessionExpired);
    assert_eq!(window.sandbox.ledger().calls_of(Operation::Pay).count(), 1);
}

#[tokio::test]
async fn after_a_proven_negative_the_buyer_may_pay_again() {
    let window = Window::open().await;
    let mut new = crate::support::new_session();
    new.expires_in_secs = Some(7_200);
    let session = window.session_of(new).await;
    let row = pay_into_doubt(&window, &session.id, &[not_executed()]).await;
    let row = window.advance_to_read(&row.id, secs(3)).await;
    let row = window.advance_to_read(&row.id, secs(9)).await;
    let row = window.advance_to_read(&row.id, minutes(50)).await;
    assert_eq!(row.state, AttemptState::NotExecuted);
    let view = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(view.state, AttemptState::Succeeded);
    assert_eq!(window.sandbox.ledger().debits.len(), 1);
}

#[tokio::test]
async fn a_failed_read_proves_nothing_and_takes_nothing_back() {
    let window = Window::open().await;
    let session = window.session().await;
    let reads_fail = Fault::times(Operation::Transaction, Kind::Error500, 4);
    let row = pay_into_doubt(
        &window,
        &session.id,
        &[Fault::once(Operation::Pay, Kind::ResetAfter), reads_fail],
    )
    .await;
    assert_eq!(row.not_found, 0);
    let row = window.advance_to_read(&row.id, secs(3)).await;
    let row = window.advance_to_read(&row.id, secs(9)).await;
    let row = window.advance_to_read(&row.id, hours(30)).await;
    assert_eq!((row.state, row.not_found), (AttemptState::Unknown, 0));
    let row = window.advance_to_read(&row.id, hours(30)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn a_payment_that_shows_late_in_reads_is_found_when_it_does() {
    let window = Window::open().await;
    let session = window.session().await;
    let hidden = Fault {
        reads: Some(2),
        ..Fault::once(Operation::Transaction, Kind::DelayVisibility)
    };
    let row = pay_into_doubt(
        &window,
        &session.id,
        &[
            Fault::once(Operation::Pay, Kind::GatewayTimeoutAfter),
            hidden,
        ],
    )
    .await;
    let row = window.advance_to_read(&row.id, secs(3)).await;
    assert_eq!(row.not_found, 2);
    let row = window.advance_to_read(&row.id, secs(4)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn a_buyer_who_asks_pulls_the_next_read_forward_but_not_closer_than_two_seconds() {
    let window = Window::open().await;
    let session = window.session().await;
    let row = pay_into_doubt(&window, &session.id, &[not_executed()]).await;
    let row = window.advance_to_read(&row.id, minutes(6)).await;
    let planned = row.next_check_at.unwrap();
    assert!(planned > window.clock.now() + minutes(1));
    let view = window
        .machine
        .attempt_view(&session.id, &row.id, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(view.next_action, NextAction::Wait);
    let pulled = window.row(&row.id).await;
    assert_eq!(
        pulled.next_check_at,
        Some(row.last_read_at.unwrap() + secs(2))
    );
    let row = window.advance_to_read(&row.id, secs(2)).await;
    assert_eq!(row.not_found, 3);
}

#[tokio::test]
async fn money_that_turns_up_after_a_proven_negative_is_recorded_and_told() {
    let window = Window::open().await;
    let session = window.session().await;
    let row = pay_and_hide(&window, &session.id).await;
    let row = window.advance_to_read(&row.id, hours(25)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
    let session = window.machine.session(&session.id).await.unwrap();
    assert_eq!(session.state, SessionState::Succeeded);
    let told = window.told().await;
    assert!(
        told.ends_with(&["attempt.succeeded".into(), "session.succeeded".into()]),
        "{told:?}"
    );
}

#[tokio::test]
async fn money_that_turns_up_beside_another_payment_is_a_duplicate_and_told() {
    let window = Window::open().await;
    let mut new = crate::support::new_session();
    new.expires_in_secs = Some(7_200);
    let session = window.session_of(new).await;
    let row = pay_and_hide(&window, &session.id).await;
    let second = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(second.state, AttemptState::Succeeded);
    let row = window.advance_to_read(&row.id, hours(25)).await;
    assert_eq!(row.state, AttemptState::Duplicate);
    assert!(
        window
            .told()
            .await
            .contains(&String::from("attempt.duplicate"))
    );
    let record = window.machine.session(&session.id).await.unwrap();
    assert_eq!(record.state, SessionState::Succeeded);
    let view = window
        .machine
        .attempt_view(&session.id, &row.id, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(view.next_action, NextAction::AskShop);
}

#[tokio::test]
async fn another_amount_in_reads_is_never_a_success() {
    let window = Window::open().await;
    let session = window.session().await;
    let row = {
        for fault in [
            Fault::once(Operation::Pay, Kind::ResetAfter),
            Fault::once(Operation::Transaction, Kind::WrongAmount),
        ] {
            window.sandbox.arm(fault).await.unwrap();
        }
        let view = window.pay(&session.id, VISA).await.unwrap();
        assert_eq!(view.next_action, NextAction::AskShop);
        window.row(&view.id).await
    };
    assert_eq!(row.state, AttemptState::Review);
    assert_eq!(window.told().await, ["attempt.review"]);
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::AttemptRunning);
    // The right amount, read later, settles it after all.
    let row = window.advance_to_read(&row.id, minutes(61)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn after_seven_days_of_failed_reads_somebody_must_look() {
    let window = Window::open().await;
    let session = window.session().await;
    let reads_fail = Fault::times(Operation::Transaction, Kind::Error500, 1_000);
    let mut row = pay_into_doubt(&window, &session.id, &[not_executed(), reads_fail]).await;
    for day in 1..=7 {
        assert_eq!(row.state, AttemptState::Unknown, "on day {day}");
        row = window.advance_to_read(&row.id, hours(30)).await;
        if window.clock.now() >= START + hours(7 * 24) {
            break;
        }
    }
    assert_eq!(row.state, AttemptState::Review);
    assert_eq!(row.next_check_at, None);
    assert_eq!(window.told().await, ["attempt.review"]);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_sweeper_gave_up_still_counts() {
    let window = Window::open().await;
    let session = window.session().await;
    let hidden = Fault {
        reads: Some(1_000),
        ..Fault::once(Operation::Transaction, Kind::DelayVisibility)
    };
    window.sandbox.arm(hidden).await.unwrap();
    let stall = Fault::once(Operation::Pay, Kind::Stall).for_ms(3_000);
    window.sandbox.arm(stall).await.unwrap();
    let id = window
        .pay_until(&session.id, |row| row.state == AttemptState::Sent)
        .await
        .id;
    // The sender would not send any more if the clock moved before it did.
    while window.sandbox.ledger().debits.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    window.clock.advance(secs(51));
    window
        .until(&id, |row| row.state == AttemptState::Unknown)
        .await;
    let row = window.until(&id, |row| row.state.is_final()).await;
    assert_eq!(row.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn a_payment_whose_sender_reports_after_it_was_given_up_is_looked_at_at_once() {
    let (window, wire) = Window::open_at_a_wire_to_pay().await;
    let session = window.session().await;
    let hidden = Fault {
        reads: Some(1_000),
        ..Fault::once(Operation::Transaction, Kind::DelayVisibility)
    };
    window.sandbox.arm(hidden).await.unwrap();
    let stall = Fault::once(Operation::Pay, Kind::Stall).for_ms(60_000);
    window.sandbox.arm(stall).await.unwrap();
    let id = window
        .pay_until(&session.id, |row| row.state == AttemptState::Sent)
        .await
        .id;
    while window.sandbox.ledger().debits.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    window.clock.advance(secs(51));
    window.until(&id, |row| row.not_found == 1).await;
    window.advance_to_read(&id, secs(3)).await;
    let row = window.advance_to_read(&id, minutes(40)).await;
    assert_eq!(row.state, AttemptState::NotExecuted);

    window.sandbox.clear_faults().await;
    wire.cut();
    window.until(&id, |seen| seen.version > row.version).await;
    let row = window.advance_to_read(&id, secs(2)).await;
    assert_eq!(row.state, AttemptState::Succeeded);
    let told = window.told().await;
    assert!(told.contains(&"attempt.succeeded".into()), "{told:?}");
}

/// A clock on which six seconds pass between any two looks, as in a process that is put to sleep
/// over and over.
struct SleepyClock {
    hands: Arc<HandClock>,
    looks: AtomicU64,
}

impl Clock for SleepyClock {
    fn now(&self) -> Timestamp {
        self.hands.now()
    }

    fn monotonic(&self) -> Duration {
        secs(6) * u32::try_from(self.looks.fetch_add(1, Ordering::SeqCst)).unwrap()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(Duration::from_millis(20)))
    }
}

#[tokio::test]
async fn a_sender_who_slept_after_taking_the_right_does_not_send() {
    let hands = HandClock::new();
    let sleepy = Arc::new(SleepyClock {
        hands: Arc::clone(&hands),
        looks: AtomicU64::new(0),
    });
    let window = Window::open_with(hands, sleepy).await;
    let session = window.session().await;
    let view = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(view.state, AttemptState::NotExecuted);
    assert_eq!(window.sandbox.ledger().calls_of(Operation::Pay).count(), 0);
    let row = window.row(&view.id).await;
    assert!(row.reason.unwrap().contains("stale"));
}
