//! Work that is due, and who has it.

use std::time::Duration;

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::operation::OperationKind;
use ventanilla_proxy::store::{OperationRow, Overdue, Store};

use crate::support::*;

async fn a_due_attempt_is_lent_to_one_caller_at_a_time(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Unknown)).await;
    let claims: Vec<_> = (0..10)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.claim_due(START, LEASE, 10).await.unwrap().len() })
        })
        .collect();
    let mut lent = 0;
    for claim in claims {
        lent += claim.await.unwrap();
    }
    assert_eq!(lent, 1);
    let due = || async { store.next_due(secs(10), minutes(30)).await.unwrap() };
    assert_eq!(due().await, None, "what is lent is nobody else's");
    let year = START + hours(365 * 24);
    assert_eq!(store.claim_due(year, LEASE, 10).await.unwrap().len(), 0);
    // A change gives it back.
    let mut later = row.clone();
    later.next_check_at = Some(START + hours(1));
    change(&store, later).await.unwrap();
    assert_eq!(due().await, Some(START + hours(1)));
    // So does the end of the lease.
    let one = |lease| {
        let store = store.clone();
        async move { store.claim_due(year, lease, 10).await.unwrap().len() == 1 }
    };
    assert!(one(Duration::ZERO).await);
    assert!(one(LEASE).await);
}

async fn a_read_comes_forward_and_never_moves_back(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Unknown)).await;
    let mut later = row.clone();
    later.next_check_at = Some(START + minutes(20));
    change(&store, later).await.unwrap();
    assert!(store.pull_forward(&row.id, START + secs(2)).await.unwrap());
    assert!(!store.pull_forward(&row.id, START + secs(5)).await.unwrap());
    let pulled = store.attempt(&row.id).await.unwrap().unwrap();
    assert_eq!(pulled.next_check_at, Some(START + secs(2)));
}

async fn what_is_overdue_is_found(store: Store) {
    let none = Overdue {
        deadline_before: START + secs(40),
        unsent_before: START,
        waited_until: START,
    };
    let some = Overdue {
        deadline_before: START + secs(41),
        unsent_before: START + secs(1),
        waited_until: START + secs(1),
    };
    let mut expected = std::collections::BTreeSet::new();
    for state in S::ALL {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(state)).await;
        if matches!(state, S::New | S::Prepared | S::Sent) {
            expected.insert(row.id);
        }
    }
    assert!(store.overdue(none).await.unwrap().is_empty());
    let found = store
        .overdue(some)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(expected, found);
    assert_eq!(store.unsent_of_others("me").await.unwrap().len(), 0);
    assert_eq!(store.unsent_of_others("another").await.unwrap().len(), 2);
    let doubt = store.doubt().await.unwrap();
    assert_eq!((doubt.open, doubt.oldest_at), (2, Some(START)));
}

async fn an_operation_is_taken_up_by_one_caller_until_it_has_ended(store: Store) {
    let attempt = paid(&store).await;
    let row = OperationRow::new(&attempt, OperationKind::Void, attempt.total, "key", START);
    let row = row.unwrap();
    store.open_operation(&row).await.unwrap();
    let next = || async { store.next_due(secs(10), minutes(30)).await.unwrap() };
    assert_eq!(next().await, Some(START), "due at once");
    assert_eq!(
        store.claim_operations(START, LEASE, 10).await.unwrap(),
        std::slice::from_ref(&row)
    );
    assert_eq!(store.claim_operations(START, LEASE, 10).await.unwrap(), []);
    assert_eq!(next().await, None);

    let sent = advance_operation(&store, &row, &[S::Prepared, S::Sent]).await;
    assert_eq!(
        next().await,
        Some(START + secs(40 + 10)),
        "a call to give up"
    );
    let deadline = START + secs(40);
    assert_eq!(store.overdue_operations(deadline).await.unwrap(), []);
    assert_eq!(
        store.overdue_operations(deadline + secs(1)).await.unwrap(),
        std::slice::from_ref(&sent)
    );
    assert_eq!(store.claim_operations(START, LEASE, 10).await.unwrap(), []);

    let doubt = advance_operation(&store, &sent, &[S::Unknown]).await;
    assert_eq!(
        store.claim_operations(START, LEASE, 10).await.unwrap(),
        std::slice::from_ref(&doubt),
        "a change gave it back"
    );
    advance_operation(&store, &doubt, &[S::Review]).await;
    assert_eq!(store.claim_operations(START, LEASE, 10).await.unwrap(), []);
    assert_eq!(next().await, None);
}

every_engine![
    an_operation_is_taken_up_by_one_caller_until_it_has_ended,
    a_due_attempt_is_lent_to_one_caller_at_a_time,
    a_read_comes_forward_and_never_moves_back,
    what_is_overdue_is_found,
];
