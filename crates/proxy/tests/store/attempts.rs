//! Attempts: at most one that matters, changed on what was seen.

use std::time::Duration;

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_proxy::store::{AttemptRow, SessionRow, StartRules, Started, Store};

use crate::support::*;

async fn what_was_recorded_reads_back_as_it_was(store: Store) {
    let session = open(&store).await;
    let read = store.session(&session.id).await.unwrap().unwrap();
    assert_eq!(read.request, session.request);
    assert_eq!(
        (read.created_at, read.expires_at),
        (session.created_at, session.expires_at)
    );
    let row = begin(&store, &session).await;
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row.clone()));
    let mut after = moved(&row, S::Prepared);
    after = change(&store, after).await.unwrap().unwrap();
    after = change(&store, moved(&after, S::Sent))
        .await
        .unwrap()
        .unwrap();
    let mut full = moved(&after, S::Succeeded);
    full.reason = Some(String::from("reason"));
    full.provider_code = Some(String::from("00"));
    full.authorization = Some(String::from("123456"));
    full.brand = Some(ventanilla_core::card::Brand::Visa);
    full.last4 = Some(String::from("4242"));
    full.bin = Some(String::from("424242"));
    full.not_found = 7;
    full.second_looks = 1;
    full.last_read_at = Some(START + secs(1));
    let written = change(&store, full).await.unwrap().unwrap();
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(written.clone()));
    assert_eq!(store.attempts(&session.id).await.unwrap(), [written]);
    assert_eq!(store.attempt("att_x").await.unwrap(), None);
    let named = store.attempt_of_reference(&row.reference).await.unwrap();
    assert_eq!(named.map(|row| row.id), Some(row.id));
    assert_eq!(store.attempt_of_reference("x").await.unwrap(), None);
    assert!(store.session("ses_x").await.unwrap().is_none());
}

/// Fails without the unique index over live attempts: nothing else keeps these apart.
async fn a_hundred_parallel_starts_leave_one_live_attempt(store: Store) {
    let session = open(&store).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (store, draft) = (store.clone(), draft(&session));
            tokio::spawn(async move {
                match patiently(|| store.start(&draft, RULES)).await {
                    Started::New(row) => (true, row.id),
                    Started::Running(id) => (false, id),
                    _ => panic!("either it starts or another one runs"),
                }
            })
        })
        .collect();
    let mut started = 0;
    let mut ids = std::collections::BTreeSet::new();
    for task in tasks {
        let (new, id) = task.await.unwrap();
        started += u32::from(new);
        ids.insert(id);
    }
    assert_eq!((started, ids.len()), (1, 1));
    assert_eq!(store.attempts(&session.id).await.unwrap().len(), 1);
}

async fn a_browsers_key_starts_one_attempt(store: Store) {
    let session = open(&store).await;
    let first = draft(&session);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = store.clone();
            let mut again = draft(&session);
            again.idempotency_key.clone_from(&first.idempotency_key);
            tokio::spawn(async move {
                match patiently(|| store.start(&again, RULES)).await {
                    Started::New(row) => (true, row.id),
                    Started::Same(row) => (false, row.id),
                    _ => panic!("either it starts or it is the same"),
                }
            })
        })
        .collect();
    let mut started = 0;
    let mut ids = std::collections::BTreeSet::new();
    for task in tasks {
        let (new, id) = task.await.unwrap();
        started += u32::from(new);
        ids.insert(id);
    }
    assert_eq!((started, ids.len()), (1, 1));
    let mut other = draft(&session);
    other.idempotency_key.clone_from(&first.idempotency_key);
    other.fingerprint = String::from("b");
    assert!(matches!(
        store.start(&other, RULES).await.unwrap(),
        Started::KeyReused
    ));
}

async fn only_an_end_without_money_lets_another_attempt_in(store: Store) {
    for state in S::ALL {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(state)).await;
        let outcome = store.start(&draft(&session), RULES).await.unwrap();
        match state {
            S::Declined | S::NotExecuted | S::Duplicate | S::Expired | S::Superseded => {
                assert!(matches!(outcome, Started::New(_)), "{}", state.name());
            }
            S::Succeeded => assert!(matches!(outcome, Started::Paid(id) if id == row.id)),
            S::New | S::Prepared | S::Sent | S::Unknown | S::Review | S::Issued => {
                assert!(
                    matches!(outcome, Started::Running(id) if id == row.id),
                    "{}",
                    state.name()
                );
            }
        }
    }
}

async fn a_change_that_is_not_in_the_diagram_is_refused(store: Store) {
    for from in S::ALL {
        for to in S::ALL {
            if from == to {
                continue;
            }
            let session = open(&store).await;
            let row = begin(&store, &session).await;
            let row = advance(&store, &row, way_to(from)).await;
            let outcome = change(&store, moved(&row, to)).await;
            let stored = store.attempt(&row.id).await.unwrap().unwrap();
            if from.may_become(to) {
                assert_eq!(
                    outcome.unwrap().unwrap().state,
                    to,
                    "{} to {}",
                    from.name(),
                    to.name()
                );
                assert_eq!(stored.version, row.version + 1);
            } else {
                assert!(outcome.is_err(), "{} to {}", from.name(), to.name());
                assert_eq!(stored, row, "{} to {}", from.name(), to.name());
            }
        }
    }
}

async fn identity_and_amount_never_change(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let changes: [fn(&mut AttemptRow); 4] = [
        |row| row.reference = String::from("another"),
        |row| row.total = Money::from_minor(1, Currency::CRC).unwrap(),
        |row| row.idempotency_key = String::from("another"),
        |row| row.session_id = String::from("another"),
    ];
    for alter in changes {
        let mut after = moved(&row, S::Prepared);
        alter(&mut after);
        let id = row.id.clone();
        assert!(
            store
                .change(&id, |_| Some(plain(after.clone())))
                .await
                .is_err()
        );
    }
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row));
}

async fn money_is_recorded_in_the_amount_that_was_asked_for_only(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Sent)).await;
    for confirmed in [
        None,
        Some(Money::from_minor(125_051, Currency::CRC).unwrap()),
        Some(Money::from_minor(125_050, Currency::USD).unwrap()),
    ] {
        let mut after = moved(&row, S::Succeeded);
        after.confirmed = confirmed;
        assert!(change(&store, after).await.is_err());
    }
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row));
}

async fn the_right_to_send_is_out_once_and_comes_back_at_most_twice(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let mut row = advance(&store, &row, &[S::Prepared]).await;
    for returned in 0..2 {
        row = advance(&store, &row, &[S::Sent]).await;
        assert_eq!((row.sends, row.returns), (returned + 1, returned));
        let mut twice = row.clone();
        twice.sends += 1;
        assert!(change(&store, twice).await.is_err(), "a second right");
        row = advance(&store, &row, &[S::Prepared]).await;
    }
    let row = advance(&store, &row, &[S::Sent]).await;
    assert!(
        change(&store, moved(&row, S::Prepared)).await.is_err(),
        "a third return"
    );
    advance(&store, &row, &[S::NotExecuted]).await;
}

async fn every_end_is_told_in_the_commit_that_made_it_true(store: Store) {
    for (state, expected) in [
        (S::Sent, &[] as &[&str]),
        (S::Unknown, &[]),
        (S::Succeeded, &["attempt.succeeded", "session.succeeded"]),
        (S::Declined, &["attempt.declined"]),
        (S::NotExecuted, &["attempt.not_executed"]),
        (S::Review, &["attempt.review"]),
        (S::Duplicate, &["attempt.duplicate"]),
        (S::Issued, &[]),
        (S::Expired, &["attempt.expired"]),
        (S::Superseded, &["attempt.superseded"]),
    ] {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        advance(&store, &row, way_to(state)).await;
        let told: Vec<String> = store
            .outbox(1_000)
            .await
            .unwrap()
            .into_iter()
            .filter(|told| told.session_id.as_ref() == Some(&session.id))
            .map(|told| told.kind)
            .collect();
        assert_eq!(told, expected, "{}", state.name());
    }
}

async fn every_step_leaves_its_evidence_in_order(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    advance(&store, &row, way_to(S::Succeeded)).await;
    let events = store.events(&session.id).await.unwrap();
    let steps: Vec<(String, Option<String>, Option<String>)> = events
        .into_iter()
        .map(|event| (event.kind, event.from_state, event.to_state))
        .collect();
    let step = |kind: &str, from: Option<&str>, to: Option<&str>| {
        (
            kind.to_owned(),
            from.map(str::to_owned),
            to.map(str::to_owned),
        )
    };
    assert_eq!(
        steps,
        [
            step("opened", None, Some("open")),
            step("started", None, Some("new")),
            step("step", Some("new"), Some("prepared")),
            step("step", Some("prepared"), Some("sent")),
            step("step", Some("sent"), Some("succeeded")),
            step("paid", None, Some("succeeded")),
        ]
    );
}

async fn the_attempts_that_were_sent_are_limited(store: Store) {
    let session = open(&store).await;
    let rules = StartRules {
        attempts: 2,
        abandoned_before: START,
    };
    let start = || async { store.start(&draft(&session), rules).await };
    // One that never took the right does not count.
    let row = begin(&store, &session).await;
    advance(&store, &row, &[S::NotExecuted]).await;
    for _ in 0..2 {
        let Started::New(row) = start().await.unwrap() else {
            panic!("there is room")
        };
        advance(&store, &row, way_to(S::Declined)).await;
    }
    assert!(matches!(start().await.unwrap(), Started::Exhausted));
}

async fn an_unsent_attempt_that_was_left_behind_makes_room(store: Store) {
    for state in [S::New, S::Prepared, S::Sent] {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(state)).await;
        let rules = StartRules {
            attempts: 5,
            abandoned_before: START + Duration::from_millis(1),
        };
        let outcome = store.start(&draft(&session), rules).await.unwrap();
        let left = store.attempt(&row.id).await.unwrap().unwrap();
        if state == S::Sent {
            assert!(matches!(outcome, Started::Running(_)));
            assert_eq!(left, row);
        } else {
            assert!(matches!(outcome, Started::New(_)));
            assert_eq!(left.state, S::NotExecuted);
            // Whoever left it finds that it is too late.
            assert!(change(&store, moved(&row, S::Prepared)).await.is_err());
        }
    }
}

async fn an_attempt_that_was_left_behind_does_not_keep_its_session_open(store: Store) {
    let session = open(&store).await;
    begin(&store, &session).await;
    let mut late = draft(&session);
    late.created_at = session.expires_at;
    let rules = StartRules {
        attempts: 5,
        abandoned_before: session.expires_at,
    };
    let outcome = store.start(&late, rules).await.unwrap();
    assert!(matches!(outcome, Started::Expired));
    let rows = store.attempts(&session.id).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, S::NotExecuted);
}

async fn a_caller_who_goes_away_does_not_block_the_next(store: Store) {
    let session = open(&store).await;
    for pause in 0..200 {
        let draft = draft(&session);
        let start = store.start(&draft, RULES);
        let _ = tokio::time::timeout(Duration::from_micros(pause * 20), start).await;
    }
    let other = open(&store).await;
    begin(&store, &other).await;
    assert!(store.attempts(&session.id).await.unwrap().len() <= 1);
    store.ready().await.unwrap();
}

async fn a_change_sees_the_attempt_in_its_surroundings(store: Store) {
    let session = open(&store).await;
    let first = begin(&store, &session).await;
    let first = advance(&store, &first, way_to(S::Declined)).await;
    let second = begin(&store, &session).await;
    let nothing = store
        .change(&second.id, |scene| {
            assert_eq!(scene.attempt.id, second.id);
            assert_eq!(scene.session.id, session.id);
            assert_eq!(scene.others, std::slice::from_ref(&first));
            None
        })
        .await
        .unwrap();
    assert!(nothing.is_none());
    assert_eq!(store.attempt(&second.id).await.unwrap(), Some(second));
    assert!(store.change("att_x", |_| None).await.is_err());
}

async fn of_many_changes_decided_on_one_view_one_is_written(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, &[S::Prepared]).await;
    let takers: Vec<_> = (0..50)
        .map(|_| {
            let (store, row) = (store.clone(), row.clone());
            tokio::spawn(async move {
                let taken = patiently(|| {
                    store.change(&row.id, |scene| {
                        let mine = scene.attempt.version == row.version;
                        mine.then(|| plain(moved(scene.attempt, S::Sent)))
                    })
                });
                u32::from(taken.await.is_some())
            })
        })
        .collect();
    let mut taken = 0;
    for taker in takers {
        taken += taker.await.unwrap();
    }
    assert_eq!(taken, 1);
}

async fn begin_wallet(store: &Store, session: &SessionRow, tip_minor: u64) -> AttemptRow {
    let draft = wallet_draft(session, tip_minor);
    match store.start(&draft, RULES).await.unwrap() {
        Started::New(row) => row,
        _ => panic!("nothing is in the way"),
    }
}

async fn a_tip_is_kept_with_the_attempt_and_never_changes(store: Store) {
    let session = open(&store).await;
    let row = begin_wallet(&store, &session, 12_505).await;
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row.clone()));
    assert_eq!(row.tip().map(Money::minor), Some(12_505));
    assert_eq!(row.total.minor(), session.request.total.minor() + 12_505);
    let mut other = moved(&row, S::Prepared);
    other.tip_minor = 0;
    assert!(change(&store, other).await.is_err());
    let paid = advance(&store, &row, way_to(S::Succeeded)).await;
    assert_eq!(paid.confirmed, Some(row.total));
}

async fn what_is_not_the_bill_and_its_tip_is_not_started(store: Store) {
    let session = open(&store).await;
    let bill = session.request.total.minor();
    let honest = wallet_draft(&session, 100);
    let mut free = honest.clone();
    free.total = session.request.total;
    let mut dear = honest.clone();
    dear.total = Money::from_minor(bill + 101, Currency::CRC).unwrap();
    let mut on_card = honest;
    on_card.rail = ventanilla_core::rails::Rail::Card;
    for draft in [free, dear, on_card, wallet_draft(&session, bill + 1)] {
        assert!(store.start(&draft, RULES).await.is_err());
    }
    assert!(store.attempts(&session.id).await.unwrap().is_empty());
    begin_wallet(&store, &session, bill).await;
}

async fn a_reference_is_carried_on_until_a_decline(store: Store) {
    let session = open(&store).await;
    let first = begin_wallet(&store, &session, 0).await;
    assert_eq!(first.at_provider(), first.reference);
    advance(&store, &first, way_to(S::NotExecuted)).await;
    // With another card in between, and with another tip.
    let card = begin(&store, &session).await;
    assert_eq!(card.at_provider(), card.reference);
    advance(&store, &card, way_to(S::Declined)).await;
    let second = begin_wallet(&store, &session, 100).await;
    assert_eq!(second.at_provider(), first.reference);
    assert_ne!(second.reference, first.reference);
    advance(&store, &second, &[S::NotExecuted]).await;
    let third = begin_wallet(&store, &session, 0).await;
    assert_eq!(third.at_provider(), first.reference);
    assert_eq!(store.attempt(&third.id).await.unwrap(), Some(third.clone()));
    advance(&store, &third, way_to(S::Declined)).await;
    let fourth = begin_wallet(&store, &session, 0).await;
    assert_eq!(fourth.at_provider(), fourth.reference);
    // Another session's is its own.
    let other = open(&store).await;
    let row = begin_wallet(&store, &other, 0).await;
    assert_eq!(row.at_provider(), row.reference);
}

async fn a_cards_reference_is_never_carried_on(store: Store) {
    let session = open(&store).await;
    let first = begin(&store, &session).await;
    advance(&store, &first, way_to(S::NotExecuted)).await;
    let second = begin(&store, &session).await;
    assert_eq!(second.at_provider(), second.reference);
}

every_engine![
    a_browsers_key_starts_one_attempt,
    a_cards_reference_is_never_carried_on,
    a_caller_who_goes_away_does_not_block_the_next,
    a_change_sees_the_attempt_in_its_surroundings,
    a_change_that_is_not_in_the_diagram_is_refused,
    a_hundred_parallel_starts_leave_one_live_attempt,
    a_reference_is_carried_on_until_a_decline,
    a_tip_is_kept_with_the_attempt_and_never_changes,
    an_attempt_that_was_left_behind_does_not_keep_its_session_open,
    an_unsent_attempt_that_was_left_behind_makes_room,
    every_end_is_told_in_the_commit_that_made_it_true,
    every_step_leaves_its_evidence_in_order,
    identity_and_amount_never_change,
    money_is_recorded_in_the_amount_that_was_asked_for_only,
    of_many_changes_decided_on_one_view_one_is_written,
    only_an_end_without_money_lets_another_attempt_in,
    the_attempts_that_were_sent_are_limited,
    the_right_to_send_is_out_once_and_comes_back_at_most_twice,
    what_is_not_the_bill_and_its_tip_is_not_started,
    what_was_recorded_reads_back_as_it_was,
];
