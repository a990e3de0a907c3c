//! Rounds that one at a time makes.

use std::time::Duration;

use ventanilla_proxy::store::Store;

use crate::support::*;

const NAME: &str = "cvu";

async fn claim(store: &Store, at: u64) -> bool {
    let now = START + secs(at);
    store.claim_watch(NAME, now, LEASE).await.unwrap().is_some()
}

async fn due(store: &Store) -> Option<u64> {
    let due = store.next_due(secs(10), minutes(30)).await.unwrap();
    due.map(|due| due.since(START).as_secs())
}

async fn of_thirty_claims_at_once_one_gets_the_round(store: Store) {
    for round in 0..5 {
        let now = START + secs(round * 10);
        let claims = together((0..30).map(|_| {
            let store = store.clone();
            async move { patiently(|| store.claim_watch(NAME, now, LEASE)).await }
        }))
        .await;
        assert_eq!(claims.into_iter().flatten().count(), 1);
        assert_eq!(due(&store).await, None, "what is lent is nobody else's");
        store.end_watch(NAME, None, now + secs(10)).await.unwrap();
    }
}

async fn a_round_is_due_at_its_time_and_not_before(store: Store) {
    assert_eq!(due(&store).await, None);
    assert!(claim(&store, 0).await, "one that was never heard of");
    store.end_watch(NAME, None, START + secs(10)).await.unwrap();
    assert_eq!(due(&store).await, Some(10));
    assert!(!claim(&store, 9).await);
    assert!(claim(&store, 10).await);
    assert!(!claim(&store, 1_000).await, "it is lent");
    let other = store.claim_watch("other", START, LEASE).await.unwrap();
    assert!(other.is_some(), "each by its own name");
}

async fn a_round_that_nobody_ended_is_made_by_another_after_its_lease(store: Store) {
    let lost = store.claim_watch(NAME, START, Duration::ZERO).await;
    assert!(lost.unwrap().is_some());
    assert_eq!(due(&store).await, Some(0));
    assert!(claim(&store, 0).await);
}

async fn whoever_says_so_keeps_its_round_and_whoever_lost_it_neither_keeps_nor_ends_it(
    store: Store,
) {
    let lent = store.claim_watch(NAME, START, Duration::ZERO).await;
    let lost = lent.unwrap().unwrap();
    let kept = store.keep_watch(NAME, lost, LEASE).await.unwrap().unwrap();
    assert!(!claim(&store, 0).await, "it was kept in time");
    assert_eq!(store.keep_watch(NAME, lost, LEASE).await.unwrap(), None);
    store.end_watch(NAME, Some(lost), START).await.unwrap();
    assert!(!claim(&store, 0).await, "it is not theirs to end");
    store
        .end_watch(NAME, Some(kept), START + secs(5))
        .await
        .unwrap();
    assert_eq!(due(&store).await, Some(5));
}

async fn a_round_comes_forward_and_never_moves_back(store: Store) {
    assert!(claim(&store, 0).await);
    store.end_watch(NAME, None, START + secs(60)).await.unwrap();
    let hurry = async |at| store.hurry_watch(NAME, START + secs(at)).await.unwrap();
    assert!(hurry(20).await);
    assert!(!hurry(30).await);
    assert_eq!(due(&store).await, Some(20));
    let first = store.hurry_watch("other", START + secs(5)).await.unwrap();
    assert!(first, "one that was never heard of");
    assert_eq!(due(&store).await, Some(5));
}

/// Whoever hurries may have seen what the round at hand no longer does.
async fn a_round_that_is_hurried_while_it_is_made_is_followed_by_another(store: Store) {
    let hurry = async |at| store.hurry_watch(NAME, START + secs(at)).await.unwrap();
    assert!(claim(&store, 0).await);
    assert!(hurry(5).await);
    assert!(!hurry(7).await);
    assert!(hurry(3).await);
    assert!(!claim(&store, 8).await, "it is still lent");
    store.end_watch(NAME, None, START + secs(60)).await.unwrap();
    assert_eq!(due(&store).await, Some(3));
    assert!(claim(&store, 3).await);
    store.end_watch(NAME, None, START + secs(60)).await.unwrap();
    assert_eq!(due(&store).await, Some(60), "once");
}

every_engine![
    a_round_comes_forward_and_never_moves_back,
    a_round_is_due_at_its_time_and_not_before,
    a_round_that_is_hurried_while_it_is_made_is_followed_by_another,
    a_round_that_nobody_ended_is_made_by_another_after_its_lease,
    of_thirty_claims_at_once_one_gets_the_round,
    whoever_says_so_keeps_its_round_and_whoever_lost_it_neither_keeps_nor_ends_it,
];
