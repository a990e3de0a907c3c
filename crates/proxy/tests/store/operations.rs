//! Operations: one at a time, never more than was paid, done at most once.

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::operation::OperationKind as K;
use ventanilla_proxy::id;
use ventanilla_proxy::store::{
    AttemptRow, Change, OperationChange, OperationOpened, OperationRow, ReviewRows, Store,
};

use crate::support::*;

fn draft(attempt: &AttemptRow, kind: K, minor: u64) -> OperationRow {
    let amount = Money::from_minor(minor, Currency::CRC).unwrap();
    OperationRow {
        fingerprint: format!("{} {minor}", kind.name()),
        ..OperationRow::new(attempt, kind, amount, &id::make().unwrap(), START).unwrap()
    }
}

async fn start(store: &Store, attempt: &AttemptRow, kind: K, minor: u64) -> OperationRow {
    match store
        .open_operation(&draft(attempt, kind, minor))
        .await
        .unwrap()
    {
        OperationOpened::New(row) => row,
        _ => panic!("nothing is in the way"),
    }
}

/// What keeps an operation from being opened, in short.
async fn refused(store: &Store, draft: &OperationRow) -> String {
    match patiently(|| store.open_operation(draft)).await {
        OperationOpened::New(_) => String::from("new"),
        OperationOpened::Same(row) => format!("same {}", row.id),
        OperationOpened::KeyReused => String::from("key reused"),
        OperationOpened::NoAttempt => String::from("no attempt"),
        OperationOpened::NotPaid => String::from("not paid"),
        OperationOpened::Running(id) => format!("running {id}"),
        OperationOpened::TooMuch { left } => format!("left {left}"),
        OperationOpened::NoCapture(_) => String::from("no capture"),
    }
}

fn way(state: S) -> &'static [S] {
    match state {
        S::New => &[],
        S::Prepared => &[S::Prepared],
        S::Sent => &[S::Prepared, S::Sent],
        S::Unknown => &[S::Prepared, S::Sent, S::Unknown],
        S::Succeeded => &[S::Prepared, S::Sent, S::Succeeded],
        S::Declined => &[S::Prepared, S::Sent, S::Declined],
        S::NotExecuted => &[S::Prepared, S::NotExecuted],
        S::Review => &[S::Prepared, S::Sent, S::Unknown, S::Review],
        S::Duplicate | S::Issued | S::Expired | S::Superseded => {
            panic!("operations have no such state")
        }
    }
}

const STATES: [S; 8] = [
    S::New,
    S::Prepared,
    S::Sent,
    S::Unknown,
    S::Succeeded,
    S::Declined,
    S::NotExecuted,
    S::Review,
];

async fn an_operation_reads_back_as_it_was_recorded(store: Store) {
    let attempt = paid(&store).await;
    let row = start(&store, &attempt, K::Refund, 125_050).await;
    assert_eq!(store.operation(&row.id).await.unwrap(), Some(row.clone()));
    let mut full = operation_moved(
        &advance_operation(&store, &row, way(S::Sent)).await,
        S::Unknown,
    );
    full.not_done = 2;
    full.last_read_at = Some(START + secs(1));
    full.reason = Some(String::from("no answer"));
    full.provider_code = Some(String::from("too_late"));
    let written = change_operation(&store, full).await.unwrap().unwrap();
    assert_eq!(
        store.operations(&attempt.session_id).await.unwrap(),
        [written]
    );
    assert_eq!(store.operation("opr_x").await.unwrap(), None);
    assert!(store.change_operation("opr_x", |_| None).await.is_err());
}

async fn only_a_paid_attempt_takes_an_operation(store: Store) {
    for state in S::ALL {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(state)).await;
        let outcome = refused(&store, &draft(&row, K::Void, 1)).await;
        let expected = if matches!(state, S::Succeeded | S::Duplicate) {
            "new"
        } else {
            "not paid"
        };
        assert_eq!(outcome, expected, "{}", state.name());
    }
    let mut nobodys = draft(&paid(&store).await, K::Void, 1);
    nobodys.attempt_id = String::from("att_x");
    assert_eq!(refused(&store, &nobodys).await, "no attempt");
}

async fn a_merchants_key_opens_one_operation(store: Store) {
    let attempt = paid(&store).await;
    let first = draft(&attempt, K::Refund, 100);
    let ids = together((0..20).map(|_| {
        let store = store.clone();
        let mut again = draft(&attempt, K::Refund, 100);
        again.idempotency_key.clone_from(&first.idempotency_key);
        async move {
            match patiently(|| store.open_operation(&again)).await {
                OperationOpened::New(row) => (1, row.id),
                OperationOpened::Same(row) => (0, row.id),
                _ => panic!("either it opens or it is the same"),
            }
        }
    }))
    .await;
    assert_eq!(ids.iter().map(|(new, _)| new).sum::<u32>(), 1);
    assert!(ids.windows(2).all(|pair| pair[0].1 == pair[1].1));
    for (kind, minor) in [(K::Refund, 101), (K::Void, 100)] {
        let mut other = draft(&attempt, kind, minor);
        other.idempotency_key.clone_from(&first.idempotency_key);
        assert_eq!(refused(&store, &other).await, "key reused");
    }
}

/// Fails without the lock on the session and without the unique index over open operations: one of them
/// is enough.
async fn twenty_refunds_at_once_open_one(store: Store) {
    let attempt = paid(&store).await;
    let outcomes = together((0..20).map(|_| {
        let (store, draft) = (store.clone(), draft(&attempt, K::Refund, 10));
        async move { refused(&store, &draft).await }
    }))
    .await;
    let opened = outcomes.iter().filter(|outcome| *outcome == "new").count();
    let running = outcomes
        .iter()
        .filter(|outcome| outcome.starts_with("running opr_"))
        .count();
    assert_eq!((opened, running), (1, 19));
    assert_eq!(
        store.operations(&attempt.session_id).await.unwrap().len(),
        1
    );
}

async fn an_operation_that_may_have_moved_money_keeps_others_out(store: Store) {
    for state in STATES {
        let attempt = paid(&store).await;
        let row = start(&store, &attempt, K::Refund, 50).await;
        advance_operation(&store, &row, way(state)).await;
        let outcome = refused(&store, &draft(&attempt, K::Refund, 125_050)).await;
        let expected = match state {
            S::Succeeded => String::from("left 125000"),
            S::Declined | S::NotExecuted => String::from("new"),
            _ => format!("running {}", row.id),
        };
        assert_eq!(outcome, expected, "{}", state.name());
    }
}

async fn no_more_is_given_back_or_captured_than_was_paid(store: Store) {
    let attempt = paid(&store).await;
    for minor in [100_000, 20_000, 5_000] {
        let row = start(&store, &attempt, K::Refund, minor).await;
        advance_operation(&store, &row, way(S::Succeeded)).await;
    }
    // Whatever gives back draws on the same sum.
    for kind in [K::Refund, K::Void, K::Release, K::Return, K::CashOut] {
        assert_eq!(refused(&store, &draft(&attempt, kind, 51)).await, "left 50");
    }
    // Captures draw on another one.
    let capture = start(&store, &attempt, K::Capture, 125_000).await;
    advance_operation(&store, &capture, way(S::Succeeded)).await;
    assert_eq!(
        refused(&store, &draft(&attempt, K::Capture, 51)).await,
        "left 50"
    );
    // What was not done is free again.
    let row = start(&store, &attempt, K::Refund, 50).await;
    advance_operation(&store, &row, way(S::NotExecuted)).await;
    start(&store, &attempt, K::Refund, 50).await;

    let other = paid(&store).await;
    let mut dollars = draft(&other, K::Refund, 1);
    dollars.amount = Money::from_minor(1, Currency::USD).unwrap();
    assert_eq!(refused(&store, &dollars).await, "left 125050");
}

async fn a_step_that_is_not_in_the_diagram_is_refused(store: Store) {
    for from in STATES {
        for to in S::ALL {
            if from == to {
                continue;
            }
            let attempt = paid(&store).await;
            let row = start(&store, &attempt, K::Void, 125_050).await;
            let row = advance_operation(&store, &row, way(from)).await;
            let outcome = change_operation(&store, operation_moved(&row, to)).await;
            let stored = store.operation(&row.id).await.unwrap().unwrap();
            // Late money of something that was never sent has no right behind it.
            let unsent = from == S::NotExecuted && row.sends == 0;
            if from.may_become(to) && STATES.contains(&to) && !unsent {
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

async fn what_an_operation_was_asked_for_never_changes(store: Store) {
    let attempt = paid(&store).await;
    let row = start(&store, &attempt, K::Refund, 100).await;
    let changes: [fn(&mut OperationRow); 5] = [
        |row| row.kind = K::Capture,
        |row| row.amount = Money::from_minor(1, Currency::CRC).unwrap(),
        |row| row.reference = String::from("another"),
        |row| row.attempt_id = String::from("another"),
        |row| row.idempotency_key = String::from("another"),
    ];
    for alter in changes {
        let mut after = operation_moved(&row, S::Prepared);
        alter(&mut after);
        assert!(change_operation(&store, after).await.is_err());
    }
    assert_eq!(store.operation(&row.id).await.unwrap(), Some(row));
}

async fn its_right_to_send_is_out_once_and_comes_back_at_most_twice(store: Store) {
    let attempt = paid(&store).await;
    let row = start(&store, &attempt, K::Void, 125_050).await;
    let mut row = advance_operation(&store, &row, &[S::Prepared]).await;
    for returned in 0..2 {
        row = advance_operation(&store, &row, &[S::Sent]).await;
        assert_eq!((row.sends, row.returns), (returned + 1, returned));
        let mut twice = row.clone();
        twice.sends += 1;
        assert!(
            change_operation(&store, twice).await.is_err(),
            "a second right"
        );
        row = advance_operation(&store, &row, &[S::Prepared]).await;
    }
    let row = advance_operation(&store, &row, &[S::Sent]).await;
    let third = operation_moved(&row, S::Prepared);
    assert!(
        change_operation(&store, third).await.is_err(),
        "a third return"
    );
}

async fn nothing_open_is_forgotten(store: Store) {
    let attempt = paid(&store).await;
    let mut row = start(&store, &attempt, K::Void, 125_050).await;
    for state in [S::Prepared, S::Sent, S::Unknown] {
        let mut forgotten = operation_moved(&row, state);
        match state {
            S::Sent => forgotten.deadline_at = None,
            _ => forgotten.next_check_at = None,
        }
        let refused = change_operation(&store, forgotten).await.is_err();
        assert!(refused, "{}", state.name());
        row = advance_operation(&store, &row, &[state]).await;
    }
}

async fn row_now(store: &Store, row: &OperationRow) -> OperationRow {
    store.operation(&row.id).await.unwrap().unwrap()
}

async fn every_end_is_told_and_every_step_is_kept(store: Store) {
    for (state, expected) in [
        (S::Sent, None),
        (S::Unknown, None),
        (S::Succeeded, Some("operation.succeeded")),
        (S::Declined, Some("operation.declined")),
        (S::NotExecuted, Some("operation.not_executed")),
        (S::Review, Some("operation.review")),
    ] {
        let attempt = paid(&store).await;
        let row = start(&store, &attempt, K::Refund, 50).await;
        let row = advance_operation(&store, &row, way(state)).await;
        let told: Vec<_> = store
            .outbox(1_000)
            .await
            .unwrap()
            .into_iter()
            .filter(|told| told.operation_id.as_ref() == Some(&row.id))
            .collect();
        let kinds: Vec<&str> = told.iter().map(|told| told.kind.as_str()).collect();
        assert_eq!(kinds, expected.as_slice(), "{}", state.name());
        for told in &told {
            assert_eq!(told.attempt_id.as_ref(), Some(&attempt.id));
            let data = &told.payload["data"];
            assert_eq!(data["operation"]["state"], state.name());
            assert_eq!(data["attempt"]["id"], *attempt.id);
            assert_eq!(data["session"]["state"], "succeeded");
        }
        let events = store.events(&attempt.session_id).await.unwrap();
        let steps: Vec<_> = events
            .iter()
            .filter(|event| event.operation_id.as_ref() == Some(&row.id))
            .map(|event| event.to_state.clone().unwrap())
            .collect();
        let path: Vec<_> = std::iter::once(&S::New)
            .chain(way(state))
            .map(|state| state.name())
            .collect();
        assert_eq!(steps, path);
        assert_eq!(events.last().unwrap().attempt_id, Some(attempt.id));
    }
}

async fn a_change_sees_the_operation_in_its_surroundings(store: Store) {
    let attempt = paid(&store).await;
    let first = start(&store, &attempt, K::Refund, 50).await;
    let first = advance_operation(&store, &first, way(S::Declined)).await;
    let second = start(&store, &attempt, K::Refund, 60).await;
    let nothing = store
        .change_operation(&second.id, |scene| {
            assert_eq!(scene.operation, &second);
            assert_eq!(scene.others, std::slice::from_ref(&first));
            assert_eq!(scene.attempt, &attempt);
            assert_eq!(scene.session.id, attempt.session_id);
            None
        })
        .await
        .unwrap();
    assert!(nothing.is_none());
    assert_eq!(row_now(&store, &second).await, second);
}

async fn of_many_steps_decided_on_one_view_one_is_written(store: Store) {
    let attempt = paid(&store).await;
    let row = start(&store, &attempt, K::Void, 125_050).await;
    let row = advance_operation(&store, &row, &[S::Prepared]).await;
    let taken = together((0..30).map(|_| {
        let (store, row) = (store.clone(), row.clone());
        async move {
            let taken = patiently(|| {
                store.change_operation(&row.id, |scene| {
                    let mine = scene.operation.version == row.version;
                    mine.then(|| OperationChange {
                        after: operation_moved(scene.operation, S::Sent),
                        at: START,
                        kind: "right_taken",
                        evidence: serde_json::json!({}),
                    })
                })
            });
            u32::from(taken.await.is_some())
        }
    }))
    .await;
    assert_eq!(taken.iter().sum::<u32>(), 1);
    assert_eq!(row_now(&store, &row).await.sends, 1);
}

async fn money_that_came_twice_is_on_its_way_back_in_the_same_commit(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Unknown)).await;
    let void = draft(&row, K::Void, 125_050);
    let change = Change {
        operation: Some(void.clone()),
        ..plain(moved(&row, S::Duplicate))
    };
    let mut change = Some(change);
    store.change(&row.id, |_| change.take()).await.unwrap();
    assert_eq!(row_now(&store, &void).await, void);

    // More than came is not sent back, and then nothing of it is written.
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Unknown)).await;
    let mut change = Some(Change {
        operation: Some(draft(&row, K::Void, 125_051)),
        ..plain(moved(&row, S::Duplicate))
    });
    assert!(store.change(&row.id, |_| change.take()).await.is_err());
    assert_eq!(
        store.attempt(&row.id).await.unwrap().unwrap().state,
        S::Unknown
    );
}

async fn what_somebody_must_look_at_is_listed(store: Store) {
    let listed = async || {
        let ReviewRows {
            attempts,
            operations,
            credits,
            ..
        } = store.review().await.unwrap();
        assert_eq!(credits, []);
        let attempts: Vec<String> = attempts.into_iter().map(|row| row.id).collect();
        let operations: Vec<String> = operations.into_iter().map(|row| row.id).collect();
        (attempts, operations)
    };
    let mut duplicates = Vec::new();
    let mut in_review = Vec::new();
    for state in S::ALL {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(state)).await;
        match state {
            S::Duplicate => duplicates.push(row),
            S::Review => in_review.push(row.id),
            _ => {}
        }
    }
    let duplicate = &duplicates[0];
    let both = vec![in_review[0].clone(), duplicate.id.clone()];
    assert_eq!(listed().await, (both.clone(), vec![]));
    // Half of it on its way back is not all of it.
    let half = start(&store, duplicate, K::Refund, 60_000).await;
    assert_eq!(listed().await, (both.clone(), vec![]));
    advance_operation(&store, &half, way(S::Succeeded)).await;
    let rest = start(&store, duplicate, K::Refund, 65_050).await;
    assert_eq!(listed().await, (in_review.clone(), vec![]));
    advance_operation(&store, &rest, way(S::Review)).await;
    assert_eq!(listed().await, (in_review.clone(), vec![rest.id.clone()]));
    let rest = row_now(&store, &rest).await;
    advance_operation(&store, &rest, &[S::NotExecuted]).await;
    assert_eq!(listed().await, (both, vec![]));
}

every_engine![
    a_change_sees_the_operation_in_its_surroundings,
    a_merchants_key_opens_one_operation,
    a_step_that_is_not_in_the_diagram_is_refused,
    an_operation_reads_back_as_it_was_recorded,
    an_operation_that_may_have_moved_money_keeps_others_out,
    every_end_is_told_and_every_step_is_kept,
    its_right_to_send_is_out_once_and_comes_back_at_most_twice,
    money_that_came_twice_is_on_its_way_back_in_the_same_commit,
    no_more_is_given_back_or_captured_than_was_paid,
    nothing_open_is_forgotten,
    of_many_steps_decided_on_one_view_one_is_written,
    only_a_paid_attempt_takes_an_operation,
    twenty_refunds_at_once_open_one,
    what_an_operation_was_asked_for_never_changes,
    what_somebody_must_look_at_is_listed,
];
