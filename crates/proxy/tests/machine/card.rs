//! Paying with a card.

use std::sync::Arc;

use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::card::{CardStart, DeclineAdvice, SealedCardMessage};
use ventanilla_core::seal::SealOptions;
use ventanilla_core::session::SessionState;
use ventanilla_sandbox::{DebitState, Fault, Kind, Operation};

use crate::support::{
    NO_FUNDS, VISA, Window, attempt_until, key, new_session, secs, session_for, start,
};

#[tokio::test]
async fn an_approved_card_pays_the_session_and_the_ledger_agrees() {
    let window = Window::open().await;
    let session = window.session().await;
    let view = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(view.state, AttemptState::Succeeded);
    assert_eq!(view.next_action, NextAction::Finish);
    let receipt = view.receipt.unwrap();
    assert_eq!(receipt.paid.minor(), 125_050);
    assert_eq!(receipt.last4.as_deref(), Some("4242"));

    let ledger = window.sandbox.ledger();
    let [debit] = ledger.debits.as_slice() else {
        panic!("{} debits", ledger.debits.len())
    };
    let record = window.machine.attempt(&view.id).await.unwrap();
    assert_eq!(record.reference, debit.reference);
    assert_eq!(record.authorization, debit.authorization);
    assert_eq!(
        (debit.amount.as_str(), debit.currency.as_str()),
        ("1250.50", "CRC")
    );

    let session = window.machine.session(&session.id).await.unwrap();
    assert_eq!(session.state, SessionState::Succeeded);
    assert_eq!(
        window.told().await,
        ["attempt.succeeded", "session.succeeded"]
    );
}

#[tokio::test]
async fn a_decline_is_an_outcome_and_another_card_may_follow() {
    let window = Window::open().await;
    let session = window.session().await;
    let declined = window.pay(&session.id, NO_FUNDS).await.unwrap();
    assert_eq!(declined.state, AttemptState::Declined);
    assert_eq!(declined.next_action, NextAction::TryAgain);
    assert_eq!(declined.advice, Some(DeclineAdvice::InsufficientFunds));
    let record = window.machine.attempt(&declined.id).await.unwrap();
    assert_eq!(record.provider_code.as_deref(), Some("51"));

    let paid = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(paid.state, AttemptState::Succeeded);
    let rows = window.store.attempts(&session.id).await.unwrap();
    assert_ne!(rows[0].reference, rows[1].reference);
    assert_eq!(
        window.told().await,
        ["attempt.declined", "attempt.succeeded", "session.succeeded"]
    );
}

#[tokio::test]
async fn the_same_start_sent_twice_is_paid_once() {
    let window = Window::open().await;
    let session = window.session().await;
    let key = key();
    let first = window
        .machine
        .start_attempt(&session.id, &key, window.card(VISA))
        .await
        .unwrap();
    // Sealed anew: `ld` and `lk` differ, the request does not.
    let second = window
        .machine
        .start_attempt(&session.id, &key, window.card(VISA))
        .await
        .unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(second.state, AttemptState::Succeeded);
    assert_eq!(window.sandbox.ledger().calls_of(Operation::Pay).count(), 1);
}

#[tokio::test]
async fn a_key_that_comes_with_another_request_is_refused() {
    let window = Window::open().await;
    let mut new = new_session();
    new.installments = vec![3, 6];
    let session = window.session_of(new).await;
    let key = key();
    window
        .machine
        .start_attempt(&session.id, &key, window.card(VISA))
        .await
        .unwrap();
    let mut other = window.card(VISA);
    other.card.as_mut().unwrap().installments = Some(3);
    let refused = window
        .machine
        .start_attempt(&session.id, &key, other)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ProblemCode::IdempotencyKeyReused);
}

#[tokio::test]
async fn a_hundred_parallel_starts_debit_once() {
    let window = Arc::new(Window::open().await);
    let session = window.session().await;
    let starts: Vec<_> = (0..100)
        .map(|_| {
            let (window, session_id) = (Arc::clone(&window), session.id.clone());
            tokio::spawn(async move { window.pay(&session_id, VISA).await })
        })
        .collect();
    let mut paid = 0;
    for start in starts {
        match start.await.unwrap() {
            Ok(view) => {
                assert_eq!(view.state, AttemptState::Succeeded);
                paid += 1;
            }
            // With so many at a time some may not even get their turn.
            Err(refused) if refused.code() == ProblemCode::ProviderUnavailable => {}
            Err(refused) => {
                assert!(
                    matches!(
                        refused.code(),
                        ProblemCode::AttemptRunning | ProblemCode::SessionPaid
                    ),
                    "{refused}"
                );
                let at = refused.problem().attempt_id.unwrap();
                assert!(at.starts_with("att_"));
            }
        }
    }
    assert_eq!(paid, 1);
    assert_eq!(window.sandbox.ledger().debits.len(), 1);
    assert_eq!(window.store.attempts(&session.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_hundred_parallel_repeats_of_one_start_debit_once() {
    let window = Arc::new(Window::open().await);
    let session = window.session().await;
    let key = key();
    let starts: Vec<_> = (0..100)
        .map(|_| {
            let (window, session_id, key) = (Arc::clone(&window), session.id.clone(), key.clone());
            tokio::spawn(async move {
                let start = window.card(VISA);
                window.machine.start_attempt(&session_id, &key, start).await
            })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for start in starts {
        match start.await.unwrap() {
            Ok(view) => {
                ids.insert(view.id);
            }
            Err(refused) => assert_eq!(refused.code(), ProblemCode::ProviderUnavailable),
        }
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(window.sandbox.ledger().debits.len(), 1);
}

#[tokio::test]
async fn a_paid_session_takes_no_second_payment_and_names_the_first() {
    let window = Window::open().await;
    let session = window.session().await;
    let paid = window.pay(&session.id, VISA).await.unwrap();
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::SessionPaid);
    assert_eq!(refused.problem().attempt_id, Some(paid.id));
    assert_eq!(window.sandbox.ledger().debits.len(), 1);
}

#[tokio::test]
async fn the_installments_that_were_picked_are_the_only_ones_in_the_order() {
    let window = Window::open().await;
    let mut new = new_session();
    new.installments = vec![12, 3, 6, 3];
    let session = window.session_of(new).await;
    assert_eq!(session.request.installments, [3, 6, 12]);
    let picked = |installments: Option<u8>| {
        start(CardStart {
            sealed: Some(window.sealed_with(
                VISA,
                SealOptions {
                    installments,
                    save: false,
                },
            )),
            saved_card: None,
            installments,
            save_card: false,
        })
    };
    let refused = window
        .machine
        .start_attempt(&session.id, &key(), picked(Some(9)))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ProblemCode::InstallmentsNotOffered);
    let view = window
        .machine
        .start_attempt(&session.id, &key(), picked(Some(6)))
        .await
        .unwrap();
    assert_eq!(view.receipt.unwrap().installments, Some(6));
    let ledger = window.sandbox.ledger();
    assert_eq!(ledger.orders[0].installments_offered, ["6"]);
    assert_eq!(ledger.debits[0].installments.as_deref(), Some("6"));
}

#[tokio::test]
async fn every_damaged_card_gets_the_same_answer_and_reaches_no_provider() {
    let window = Window::open().await;
    let session = window.session().await;
    let good = window.sealed(VISA);
    let damaged = |ld: &str, lk: &str| SealedCardMessage {
        ld: ld.to_owned(),
        lk: lk.to_owned(),
    };
    let short = good.lk.get(4..).unwrap();
    let mut answers = std::collections::BTreeSet::new();
    for card in [
        damaged("", &good.lk),
        damaged("abc", &good.lk),
        damaged("zz", &good.lk),
        damaged(&good.ld.to_uppercase(), &good.lk),
        damaged(&"ab".repeat(1_025), &good.lk),
        damaged(&good.ld, ""),
        damaged(&good.ld, short),
        damaged(&good.ld, &format!("{}AAAA", good.lk)),
        damaged(&good.ld, "not base64"),
    ] {
        let start = start(CardStart {
            sealed: Some(card),
            saved_card: None,
            installments: None,
            save_card: false,
        });
        let refused = window
            .machine
            .start_attempt(&session.id, &key(), start)
            .await
            .unwrap_err();
        answers.insert(serde_json::to_string(&refused.problem()).unwrap());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().unwrap().contains("card-malformed"));
    assert!(window.sandbox.ledger().calls.is_empty());
}

#[tokio::test]
async fn a_card_that_the_provider_cannot_open_moves_nothing_and_may_be_typed_again() {
    let window = Window::open().await;
    let session = window.session().await;
    let mut start = window.card(VISA);
    // Well-formed, but not the key envelope of any card: half of it is another card's.
    start.card.as_mut().unwrap().sealed.as_mut().unwrap().ld = "00".repeat(200);
    let view = window
        .machine
        .start_attempt(&session.id, &key(), start)
        .await
        .unwrap();
    assert_eq!(view.state, AttemptState::NotExecuted);
    assert_eq!(view.next_action, NextAction::TryAgain);
    // One `lk`, one try: a right that was refused is not used again.
    assert_eq!(window.sandbox.ledger().calls_of(Operation::Pay).count(), 1);
    let paid = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(paid.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn exactly_one_card_must_be_given() {
    let window = Window::open().await;
    let session = window.session().await;
    for (sealed, saved_card, save_card) in [
        (None, None, false),
        (
            Some(window.sealed(VISA)),
            Some(String::from("crd_a")),
            false,
        ),
        (Some(window.sealed(VISA)), None, true),
        (None, Some(String::from("crd_a")), true),
    ] {
        let start = start(CardStart {
            sealed,
            saved_card,
            installments: None,
            save_card,
        });
        let refused = window
            .machine
            .start_attempt(&session.id, &key(), start)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), ProblemCode::RequestMalformed, "{refused}");
    }
}

#[tokio::test]
async fn the_attempts_of_a_session_are_limited() {
    let window = Window::open().await;
    let session = window.session().await;
    for _ in 0..3 {
        let view = window.pay(&session.id, NO_FUNDS).await.unwrap();
        assert_eq!(view.state, AttemptState::Declined);
    }
    let refused = window.pay(&session.id, VISA).await.unwrap_err();
    assert_eq!(refused.code(), ProblemCode::AttemptsExhausted);
    assert_eq!(window.sandbox.ledger().calls_of(Operation::Pay).count(), 3);
}

#[tokio::test]
async fn a_saved_card_pays_the_next_session_of_its_buyer_alone() {
    let window = Window::open().await;
    let session = window.session_of(session_for("buyer-7")).await;
    let save = start(CardStart {
        sealed: Some(window.sealed_with(
            VISA,
            SealOptions {
                installments: None,
                save: true,
            },
        )),
        saved_card: None,
        installments: None,
        save_card: true,
    });
    let view = window
        .machine
        .start_attempt(&session.id, &key(), save)
        .await
        .unwrap();
    assert_eq!(
        view.state,
        AttemptState::Succeeded,
        "{:?}",
        window.row(&view.id).await.reason
    );
    assert!(view.receipt.unwrap().card_saved);
    let row = window.row(&view.id).await;
    assert_eq!(
        row.bin.as_deref().map(|bin| bin.starts_with("424242")),
        Some(true)
    );

    // The token is in the provider's ledger, and nowhere readable on our disk.
    let token = window.sandbox.ledger().card_tokens[0].token.clone();
    let on_disk = window.scratch.bytes();
    let holds = |text: &str| {
        on_disk
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(!holds(&token));
    assert!(holds("buyer-7"), "the store is in these files");

    let use_it = |id: &str| {
        start(CardStart {
            sealed: None,
            saved_card: Some(id.to_owned()),
            installments: None,
            save_card: false,
        })
    };
    let next = window.session_of(session_for("buyer-7")).await;
    let offer = window
        .machine
        .checkout_view(&next.id)
        .await
        .unwrap()
        .card
        .unwrap();
    let [saved] = offer.saved_cards.as_slice() else {
        panic!("{} saved cards", offer.saved_cards.len())
    };
    assert_eq!(saved.last4, "4242");

    let stranger = window.session_of(session_for("buyer-8")).await;
    let offer = window
        .machine
        .checkout_view(&stranger.id)
        .await
        .unwrap()
        .card
        .unwrap();
    assert!(offer.saved_cards.is_empty());
    let refused = window
        .machine
        .start_attempt(&stranger.id, &key(), use_it(&saved.id))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ProblemCode::SavedCardUnknown);

    let view = window
        .machine
        .start_attempt(&next.id, &key(), use_it(&saved.id))
        .await
        .unwrap();
    assert_eq!(view.state, AttemptState::Succeeded);
    let ledger = window.sandbox.ledger();
    assert_eq!(ledger.calls_of(Operation::TokenPayment).count(), 1);
    assert_eq!(ledger.debits.len(), 2);
}

#[tokio::test]
async fn an_order_that_cannot_be_opened_moves_nothing() {
    let window = Window::open().await;
    let session = window.session().await;
    let fault = Fault::once(Operation::CreateOrder, Kind::Error500);
    window.sandbox.arm(fault).await.unwrap();
    let view = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(view.state, AttemptState::NotExecuted);
    assert_eq!(window.sandbox.ledger().calls_of(Operation::Pay).count(), 0);
    assert_eq!(window.row(&view.id).await.sends, 0);
    // It does not count against the session's attempts either.
    for _ in 0..2 {
        window.pay(&session.id, NO_FUNDS).await.unwrap();
    }
    let paid = window.pay(&session.id, VISA).await.unwrap();
    assert_eq!(paid.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn a_provider_that_cannot_be_connected_to_is_tried_three_times_and_then_the_attempt_is_over()
{
    let window = Window::open_without_checkout_host().await;
    let session = window.session().await;
    let clock = window.clock.clone();
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            clock.advance(std::time::Duration::from_millis(100));
        }
    });
    let view = window.pay(&session.id, VISA).await.unwrap();
    ticking.abort();
    assert_eq!(view.state, AttemptState::NotExecuted);
    let row = window.row(&view.id).await;
    assert_eq!((row.sends, row.returns), (3, 2));
    let ledger = window.sandbox.ledger();
    assert_eq!(ledger.calls_of(Operation::CreateOrder).count(), 1);
    assert_eq!(ledger.calls_of(Operation::Pay).count(), 0);
}

#[tokio::test]
async fn a_card_of_another_brand_is_named_in_the_record() {
    let window = Window::open().await;
    let session = window.session().await;
    let view = window.pay(&session.id, "5555555555554444").await.unwrap();
    let debit = window.sandbox.ledger().debits[0].clone();
    assert_eq!(debit.state, DebitState::Approved);
    let record = window.machine.attempt(&view.id).await.unwrap();
    assert_eq!(record.brand, Some(ventanilla_core::card::Brand::Mastercard));
    assert_eq!(record.last4.as_deref(), Some("4444"));
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_stop_the_payment() {
    let window = Window::open().await;
    let session = window.session().await;
    let fault = Fault::once(Operation::Pay, Kind::Stall).for_ms(1_000);
    window.sandbox.arm(fault).await.unwrap();
    tokio::select! {
        _ = window.pay(&session.id, VISA) => panic!("the provider stalls"),
        _ = attempt_until(&window.store, &session.id, |row| row.state == AttemptState::Sent) => {}
    }
    window.machine.drain(secs(30)).await;
    let session = window.machine.session(&session.id).await.unwrap();
    assert_eq!(session.state, SessionState::Succeeded);
    assert_eq!(session.attempts[0].state, AttemptState::Succeeded);
}

#[tokio::test]
async fn a_waiting_buyer_hears_of_the_end_at_once() {
    let window = Window::open().await;
    let session = window.session().await;
    let fault = Fault::once(Operation::Pay, Kind::Stall).for_ms(1_000);
    window.sandbox.arm(fault).await.unwrap();
    window
        .pay_until(&session.id, |row| row.state == AttemptState::Sent)
        .await;
    let running = window.machine.checkout_view(&session.id).await.unwrap();
    let running = running.attempt.unwrap();
    assert_eq!(running.next_action, NextAction::Wait);
    assert!(running.poll_after_ms.is_some());
    // Far longer than the provider takes, so that only the news can end the wait.
    let wait = secs(90);
    let asked = std::time::Instant::now();
    for _ in 0..2 {
        let view = window
            .machine
            .attempt_view(&session.id, &running.id, wait)
            .await
            .unwrap();
        assert_eq!(view.state, AttemptState::Succeeded);
    }
    assert!(asked.elapsed() < wait);
}

#[tokio::test]
async fn an_attempt_is_found_in_its_own_session_only() {
    let window = Window::open().await;
    let session = window.session().await;
    let other = window.session().await;
    let view = window.pay(&session.id, VISA).await.unwrap();
    for (session_id, attempt_id) in [
        (other.id.as_str(), view.id.as_str()),
        (session.id.as_str(), "att_unknown"),
    ] {
        let refused = window
            .machine
            .attempt_view(session_id, attempt_id, secs(25))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), ProblemCode::NotFound);
    }
}
