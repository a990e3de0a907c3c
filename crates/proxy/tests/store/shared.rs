//! Several processes on one PostgreSQL database. Each store here has connections of its own, as a
//! process has.

use std::collections::BTreeSet;

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::operation::OperationKind;
use ventanilla_proxy::store::{
    CreditState, CreditVerdict, NewCredit, OperationOpened, OperationRow, Started, Store,
};

use crate::support::*;

/// Both stores take up work, five tasks each, until there is none.
async fn claimed<F>(stores: &[Store; 2], claim: impl Fn(Store) -> F) -> Vec<String>
where
    F: Future<Output = Vec<String>> + Send + 'static,
{
    let tasks = (0..10).map(|task| claim(stores[task % 2].clone()));
    together(tasks).await.into_iter().flatten().collect()
}

fn each_once(claimed: &[String], expected: &BTreeSet<String>) {
    let distinct: BTreeSet<String> = claimed.iter().cloned().collect();
    assert_eq!(claimed.len(), distinct.len(), "something was lent twice");
    assert_eq!(&distinct, expected);
}

/// Fails without SKIP LOCKED or without the second look at the lease behind it.
#[tokio::test(flavor = "multi_thread")]
async fn work_goes_to_one_of_those_who_ask_for_it_at_once() {
    let place = Place::postgres().await;
    let stores = [place.open().await, place.open().await];
    let mut expected = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    for _ in 0..40 {
        let session = open(&stores[0]).await;
        let row = begin(&stores[0], &session).await;
        expected[0].insert(advance(&stores[0], &row, way_to(S::Unknown)).await.id);
        let row = paid(&stores[0]).await;
        let amount = Money::from_minor(1, Currency::CRC).unwrap();
        let kind = OperationKind::Void;
        let operation = OperationRow::new(&row, kind, amount, "key", START).unwrap();
        stores[0].open_operation(&operation).await.unwrap();
        expected[1].insert(operation.id);
    }
    for told in stores[1].outbox(1_000).await.unwrap() {
        expected[2].insert(told.id);
    }
    let attempts = claimed(&stores, async |store: Store| {
        let mut mine = Vec::new();
        loop {
            let due = store.claim_due(START, LEASE, 3).await.unwrap();
            if due.is_empty() {
                return mine;
            }
            mine.extend(due.into_iter().map(|row| row.id));
        }
    });
    each_once(&attempts.await, &expected[0]);
    let operations = claimed(&stores, async |store: Store| {
        let mut mine = Vec::new();
        loop {
            let due = store.claim_operations(START, LEASE, 3).await.unwrap();
            if due.is_empty() {
                return mine;
            }
            mine.extend(due.into_iter().map(|row| row.id));
        }
    });
    each_once(&operations.await, &expected[1]);
    let news = claimed(&stores, async |store: Store| {
        let mut mine = Vec::new();
        loop {
            let due = store.claim_outbox(START, LEASE, 3).await.unwrap();
            if due.is_empty() {
                return mine;
            }
            mine.extend(due.into_iter().map(|row| row.id));
        }
    });
    each_once(&news.await, &expected[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_starts_from_two_processes_one_wins() {
    let place = Place::postgres().await;
    let stores = [place.open().await, place.open().await];
    let session = open(&stores[0]).await;
    let outcomes = together((0..50).map(|task| {
        let (store, draft) = (stores[task % 2].clone(), draft(&session));
        async move {
            match patiently(|| store.start(&draft, RULES)).await {
                Started::New(row) => (true, row.id),
                Started::Running(id) => (false, id),
                _ => panic!("either it starts or another one runs"),
            }
        }
    }))
    .await;
    let ids: BTreeSet<_> = outcomes.iter().map(|(_, id)| id).collect();
    let started = outcomes.iter().filter(|(new, _)| *new).count();
    assert_eq!((started, ids.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_forty_refunds_from_two_processes_one_is_opened() {
    let place = Place::postgres().await;
    let stores = [place.open().await, place.open().await];
    let attempt = paid(&stores[0]).await;
    let outcomes = together((0..40).map(|task| {
        let store = stores[task % 2].clone();
        let amount = Money::from_minor(10, Currency::CRC).unwrap();
        let key = format!("key-{task}");
        let draft =
            OperationRow::new(&attempt, OperationKind::Refund, amount, &key, START).unwrap();
        async move {
            let opened = patiently(|| store.open_operation(&draft)).await;
            u32::from(matches!(opened, OperationOpened::New(_)))
        }
    }))
    .await;
    assert_eq!(outcomes.iter().sum::<u32>(), 1);
}

/// Both processes saw them: each credit in the list, and some by their notifications as well.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_credits_that_two_processes_see_each_is_recorded_and_one_pays() {
    let place = Place::postgres().await;
    let stores = [place.open().await, place.open().await];
    let row = issued(&stores[0]).await;
    let recorded = together((0..100).map(|task| {
        let (store, id) = (stores[task % 2].clone(), row.id.clone());
        let number = task / 2;
        let new = NewCredit {
            fingerprint: format!("{number:064x}"),
            cashin_id: (number % 3 == 0).then(|| number.to_string()),
            amount: row.total,
            credited_at: START,
            seen_at: START,
            payer: None,
        };
        async move {
            patiently(|| {
                store.credit_attempt(&new, &id, |scene| {
                    let pays = !scene.attempt.state.took_money();
                    Some(CreditVerdict {
                        state: if pays {
                            CreditState::Matched
                        } else {
                            CreditState::Review
                        },
                        why: (!pays).then(|| String::from("it was paid before")),
                        change: pays.then(|| plain(moved(scene.attempt, S::Succeeded))),
                    })
                })
            })
            .await
        }
    }))
    .await;
    let recorded: Vec<_> = recorded.into_iter().flatten().collect();
    let prints: BTreeSet<_> = recorded.iter().map(|credit| &credit.fingerprint).collect();
    assert_eq!((recorded.len(), prints.len()), (50, 50));
    let paying = recorded
        .iter()
        .filter(|credit| credit.state == CreditState::Matched)
        .count();
    assert_eq!(paying, 1);
    let after = stores[1].attempt(&row.id).await.unwrap().unwrap();
    assert_eq!(
        (after.state, after.version),
        (S::Succeeded, row.version + 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_claims_from_two_processes_one_gets_the_round() {
    let place = Place::postgres().await;
    let stores = [place.open().await, place.open().await];
    let claims = together((0..30).map(|task| {
        let store = stores[task % 2].clone();
        async move { patiently(|| store.claim_watch("cvu", START, LEASE)).await }
    }))
    .await;
    assert_eq!(claims.into_iter().flatten().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_find_one_set_of_tables() {
    let place = std::sync::Arc::new(Place::postgres().await);
    let stores = together((0..8).map(|_| {
        let place = std::sync::Arc::clone(&place);
        async move { place.open().await }
    }))
    .await;
    let row = paid(&stores[0]).await;
    for store in &stores {
        assert!(store.is_shared());
        store.ready().await.unwrap();
        assert_eq!(store.attempt(&row.id).await.unwrap().as_ref(), Some(&row));
    }
}

/// As a newer release does while this one runs.
#[tokio::test]
async fn tables_that_change_under_a_running_process_are_read_by_new_connections() {
    let place = Place::postgres().await;
    let store = place.open().await;
    let row = paid(&store).await;
    let together = together((0..10).map(|_| {
        let (store, id) = (store.clone(), row.id.clone());
        async move { patiently(|| store.attempt(&id)).await }
    }));
    assert_eq!(together.await.len(), 10, "connections that know the table");
    place
        .sql("ALTER TABLE attempt ADD COLUMN later BIGINT")
        .await
        .unwrap();
    // Each of them fails once at most.
    for _ in 0..20 {
        let read = patiently(|| store.attempt(&row.id)).await;
        assert_eq!(read.as_ref(), Some(&row));
    }
    for _ in 0..20 {
        store.attempt(&row.id).await.unwrap();
    }
}

#[tokio::test]
async fn a_text_with_the_character_zero_is_written_all_the_same() {
    let store = Place::postgres().await.open().await;
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Sent)).await;
    let mut after = moved(&row, S::Succeeded);
    after.authorization = Some(String::from("12\u{0}34"));
    change(&store, after).await.unwrap();
    let written = store.attempt(&row.id).await.unwrap().unwrap();
    assert_eq!(written.state, S::Succeeded);
    assert_eq!(written.authorization.as_deref(), Some("12\u{fffd}34"));
    assert_eq!(store.attempt("att_\u{0}").await.unwrap(), None);
}
