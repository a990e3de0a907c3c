//! News for the merchant: whole, lent to one at a time, tried until it is delivered or given up.

use std::time::Duration;

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_proxy::store::{OutboxRow, Store, Undelivered};

use crate::support::*;

/// Two messages: an attempt that was paid, and its session.
async fn news(store: &Store) -> Vec<OutboxRow> {
    paid(store).await;
    store.outbox(10).await.unwrap()
}

async fn claim(store: &Store) -> Vec<String> {
    let claimed = store.claim_outbox(START, LEASE, 10).await.unwrap();
    claimed.into_iter().map(|row| row.id).collect()
}

async fn the_payload_is_what_this_commit_made_true(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Declined)).await;
    let second = begin(&store, &session).await;
    let second = advance(&store, &second, way_to(S::Succeeded)).await;
    let told = store.outbox(10).await.unwrap();
    let kinds: Vec<&str> = told.iter().map(|told| told.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["attempt.declined", "attempt.succeeded", "session.succeeded"]
    );
    for (told, attempt, of_session) in [
        (&told[0], Some(&row), "open"),
        (&told[1], Some(&second), "succeeded"),
        (&told[2], None, "succeeded"),
    ] {
        let payload = &told.payload;
        assert_eq!(payload["type"], told.kind.as_str());
        assert_eq!(payload["timestamp"], START.rfc3339());
        let data = &payload["data"];
        assert_eq!(
            data["session"],
            serde_json::json!({
                "id": session.id,
                "order_reference": "A-1001",
                "state": of_session,
                "total": { "amount_minor": 125_050, "currency": "CRC" },
                "metadata": { "cart": "7" },
            })
        );
        assert_eq!(
            data["attempt"]["id"].as_str(),
            attempt.map(|row| row.id.as_str())
        );
        assert_eq!(
            data["attempt"]["state"].as_str(),
            attempt.map(|row| row.state.name())
        );
        assert_eq!(told.attempt_id.as_ref(), attempt.map(|row| &row.id));
        assert!(told.id.starts_with("msg_"));
        assert_eq!(
            (told.tries, told.next_try_at, told.given_up_at),
            (0, Some(START), None)
        );
    }
}

async fn news_is_lent_to_one_caller_at_a_time_oldest_first(store: Store) {
    let told = news(&store).await;
    let claims = together((0..10).map(|_| {
        let store = store.clone();
        async move { store.claim_outbox(START, LEASE, 1).await.unwrap() }
    }))
    .await;
    let mut claimed: Vec<String> = claims.into_iter().flatten().map(|row| row.id).collect();
    claimed.sort();
    let mut all: Vec<String> = told.iter().map(|row| row.id.clone()).collect();
    all.sort();
    assert_eq!(claimed, all);
    assert_eq!(store.next_outbox().await.unwrap(), None);
    assert!(claim(&store).await.is_empty());

    // Whoever borrowed it is gone; its lease was over at once.
    news(&store).await;
    let lost = store.claim_outbox(START, Duration::ZERO, 10).await.unwrap();
    let again = store.claim_outbox(START, LEASE, 10).await.unwrap();
    let ids = |rows: &[OutboxRow]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&lost), ids(&again));
    let oldest: Vec<String> = ids(&store.outbox(10).await.unwrap()).split_off(2);
    assert_eq!(ids(&again), oldest);
}

async fn what_is_delivered_is_not_told_again(store: Store) {
    let told = news(&store).await;
    assert_eq!(store.next_outbox().await.unwrap(), Some(START));
    assert_eq!(claim(&store).await.len(), 2);
    for row in &told {
        store.delivered(&row.id, START + secs(1)).await.unwrap();
    }
    assert!(store.outbox(10).await.unwrap().is_empty());
    assert!(claim(&store).await.is_empty());
    // A late report of a failure changes nothing any more.
    store
        .not_delivered(&told[0].id, START, "late", Some(START))
        .await
        .unwrap();
    assert!(store.outbox(10).await.unwrap().is_empty());
    assert_eq!(store.next_outbox().await.unwrap(), None);
}

async fn what_was_not_delivered_is_tried_again_later_or_given_up(store: Store) {
    let told = news(&store).await;
    claim(&store).await;
    let later = START + minutes(5);
    store
        .not_delivered(&told[0].id, START, "answered 500", Some(later))
        .await
        .unwrap();
    store
        .not_delivered(&told[1].id, START, "answered 410", None)
        .await
        .unwrap();
    assert_eq!(store.next_outbox().await.unwrap(), Some(later));
    assert!(claim(&store).await.is_empty(), "not before its time");
    let again = store.claim_outbox(later, LEASE, 10).await.unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, told[0].id);
    assert_eq!(again[0].tries, 1);
    assert_eq!(again[0].last_error.as_deref(), Some("answered 500"));
    assert_eq!(again[0].payload, told[0].payload);
    let waiting = store.outbox(10).await.unwrap();
    assert_eq!(waiting[1].given_up_at, Some(START));
    assert_eq!(waiting[1].next_try_at, None);
}

async fn a_receiver_that_wants_no_more_is_remembered_until_it_does(store: Store) {
    const URL: &str = "https://shop.example/hooks";
    assert_eq!(store.disabled_receiver(URL).await.unwrap(), None);
    for (at, reason) in [(START, "answered 410"), (START + secs(9), "again")] {
        store.disable_receiver(URL, at, reason).await.unwrap();
    }
    let disabled = store.disabled_receiver(URL).await.unwrap().unwrap();
    assert_eq!(
        (
            disabled.url.as_str(),
            disabled.since,
            disabled.reason.as_str()
        ),
        (URL, START, "answered 410")
    );
    assert_eq!(store.disabled_receiver("https://x").await.unwrap(), None);

    let told = news(&store).await;
    for (row, at) in told.iter().zip([START, START + hours(2)]) {
        store.not_delivered(&row.id, at, "410", None).await.unwrap();
    }
    let now = START + hours(3);
    let due_again = store
        .enable_receiver(URL, now, START + hours(1))
        .await
        .unwrap();
    assert_eq!(due_again, 1, "what was given up before that stays so");
    assert_eq!(store.disabled_receiver(URL).await.unwrap(), None);
    let claimed = store.claim_outbox(now, LEASE, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(
        (claimed[0].id.as_str(), claimed[0].tries),
        (told[1].id.as_str(), 0)
    );
}

async fn what_waits_is_counted_until_it_is_delivered_or_given_up(store: Store) {
    assert_eq!(store.undelivered().await.unwrap(), Undelivered::default());
    let told = news(&store).await;
    let waiting = store.undelivered().await.unwrap();
    assert_eq!((waiting.count, waiting.oldest_at), (2, Some(START)));
    // Lent or not.
    claim(&store).await;
    assert_eq!(store.undelivered().await.unwrap(), waiting);
    store.delivered(&told[0].id, START).await.unwrap();
    assert_eq!(store.undelivered().await.unwrap().count, 1);
    let row = &told[1];
    store
        .not_delivered(&row.id, START, "410", None)
        .await
        .unwrap();
    assert_eq!(store.undelivered().await.unwrap(), Undelivered::default());
}

async fn what_is_old_is_given_up_at_once_unless_it_is_lent(store: Store) {
    let now = START + hours(1);
    news(&store).await;
    let early = START - secs(1);
    assert_eq!(store.give_up_until(early, now, "nobody").await.unwrap(), 0);
    let lent = store.claim_outbox(now, LEASE, 1).await.unwrap();
    assert_eq!(store.give_up_until(START, now, "nobody").await.unwrap(), 1);
    let rows = store.outbox(10).await.unwrap();
    let given_up: Vec<&OutboxRow> = rows
        .iter()
        .filter(|row| row.given_up_at.is_some())
        .collect();
    assert_eq!(given_up.len(), 1);
    assert_ne!(given_up[0].id, lent[0].id);
    assert_eq!(given_up[0].given_up_at, Some(now));
    assert_eq!(given_up[0].last_error.as_deref(), Some("nobody"));
    assert_eq!(given_up[0].tries, 0);
}

async fn whoever_waits_for_news_hears_of_it_when_it_is_true(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    // No news so far: neither a session nor an attempt that begins is any.
    let waiting = tokio::time::timeout(Duration::from_millis(50), store.news());
    assert!(waiting.await.is_err());
    let heard = tokio::spawn({
        let store = store.clone();
        async move {
            store.news().await;
            store.outbox(10).await.unwrap()
        }
    });
    advance(&store, &row, way_to(S::Succeeded)).await;
    let told = tokio::time::timeout(Duration::from_secs(10), heard).await;
    assert_eq!(told.unwrap().unwrap().len(), 2);
}

every_engine![
    a_receiver_that_wants_no_more_is_remembered_until_it_does,
    news_is_lent_to_one_caller_at_a_time_oldest_first,
    the_payload_is_what_this_commit_made_true,
    what_is_old_is_given_up_at_once_unless_it_is_lent,
    what_is_delivered_is_not_told_again,
    what_waits_is_counted_until_it_is_delivered_or_given_up,
    what_was_not_delivered_is_tried_again_later_or_given_up,
    whoever_waits_for_news_hears_of_it_when_it_is_true,
];
