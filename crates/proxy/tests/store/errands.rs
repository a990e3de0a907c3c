//! Errands: one for each key of their kind, one open for each subject, done at most once, sealed.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_proxy::machine::OperationResult;
use ventanilla_proxy::store::{ErrandItem, ErrandKind as K, ErrandOpened, ErrandRow, Store};

use crate::support::*;

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

fn way(state: S) -> &'static [S] {
    match state {
        S::NotExecuted => &[S::Prepared, S::NotExecuted],
        other => way_to(other),
    }
}

async fn opened(store: &Store, draft: &ErrandRow, items: &[ErrandItem]) -> String {
    let request = secret(REQUEST);
    match patiently(|| store.open_errand(draft, items, &request)).await {
        ErrandOpened::New(_) => String::from("new"),
        ErrandOpened::Known(row) => format!("known {}", row.id),
        ErrandOpened::Running(id) => format!("running {id}"),
    }
}

async fn an_errand_reads_back_as_it_was_recorded(store: Store) {
    for kind in K::ALL {
        let row = errand(&store, kind).await;
        assert_eq!(store.errand(&row.id).await.unwrap(), Some(row.clone()));
        let request = store.errand_request(&row.id).await.unwrap();
        assert_eq!(request.expose_secret(), REQUEST);
        let mut looked = row.clone();
        looked.known_before = Some(vec![String::from("sub_1")]);
        let looked = change_errand(&store, looked).await.unwrap().unwrap();
        let row = advance_errand(&store, &looked, way(S::Sent)).await;
        let mut full = errand_moved(&row, S::Unknown);
        full.last_read_at = Some(START + secs(1));
        full.reason = Some(String::from("no answer"));
        full.provider_code = Some(String::from("no_funds"));
        full.result = Some(OperationResult {
            cash_out_id: Some(String::from("900001")),
            ..OperationResult::default()
        });
        let written = change_errand(&store, full).await.unwrap().unwrap();
        let whole = store.whole_errand(&row.id).await.unwrap().unwrap();
        assert_eq!(whole.errand, written);
        assert_eq!(whole.items.len(), if kind == K::Bulk { 2 } else { 0 });
        let kinds: Vec<_> = store.errand_events(&row.id).await.unwrap();
        assert_eq!(kinds.len(), 5);
        assert_eq!(kinds[0].kind, "started");
        assert_eq!(kinds[4].to_state.as_deref(), Some("unknown"));
    }
    assert_eq!(store.errand("opr_x").await.unwrap(), None);
    assert!(store.whole_errand("opr_x").await.unwrap().is_none());
    assert!(store.errand_request("opr_x").await.is_err());
    assert!(store.change_errand("opr_x", |_| None).await.is_err());
}

async fn a_merchants_key_opens_one_errand_of_its_kind(store: Store) {
    let (first, _) = errand_draft(K::CashOut);
    let ids = together((0..20).map(|_| {
        let store = store.clone();
        let (mut again, _) = errand_draft(K::CashOut);
        again.idempotency_key.clone_from(&first.idempotency_key);
        async move { opened(&store, &again, &[]).await }
    }))
    .await;
    let new = ids.iter().filter(|outcome| *outcome == "new").count();
    assert_eq!(new, 1);
    let one = store
        .errand_of_key(K::CashOut, &first.idempotency_key)
        .await
        .unwrap()
        .unwrap();
    let known = format!("known {}", one.id);
    let others = ids.iter().filter(|outcome| **outcome == known).count();
    assert_eq!(others, 19, "{ids:?}");
    // Another kind has keys of its own.
    let (mut other, items) = errand_draft(K::Bulk);
    other.idempotency_key.clone_from(&first.idempotency_key);
    assert_eq!(opened(&store, &other, &items).await, "new");
}

async fn what_is_done_to_one_thing_is_done_one_at_a_time(store: Store) {
    for state in STATES {
        let subject = Some(format!("sub-{}", state.name()));
        let (mut first, _) = errand_draft(K::SubscriptionPayment);
        first.subject.clone_from(&subject);
        assert_eq!(opened(&store, &first, &[]).await, "new");
        let row = store.errand(&first.id).await.unwrap().unwrap();
        let row = advance_errand(&store, &row, way(state)).await;
        let (mut second, _) = errand_draft(K::SubscriptionPayment);
        second.subject = subject;
        let on = first.subject.as_deref().unwrap();
        let open = store.open_errand_of(K::SubscriptionPayment, on).await;
        let is_open = !row.state.is_final();
        assert_eq!(open.unwrap(), is_open.then(|| row.id.clone()));
        let other = store.open_errand_of(K::Subscription, on).await;
        assert_eq!(other.unwrap(), None);
        let expected = if is_open {
            format!("running {}", row.id)
        } else {
            String::from("new")
        };
        assert_eq!(opened(&store, &second, &[]).await, expected);
        // What has no subject goes side by side.
        let (free, _) = errand_draft(K::SubscriptionPayment);
        assert_eq!(opened(&store, &free, &[]).await, "new");
    }
}

async fn only_the_steps_of_the_diagram_are_written(store: Store) {
    for before in STATES {
        for after in S::ALL {
            let row = errand(&store, K::CashOut).await;
            let row = advance_errand(&store, &row, way(before)).await;
            let written = change_errand(&store, errand_moved(&row, after)).await;
            let allowed = before == after
                || before.may_become(after)
                    && !matches!(after, S::Duplicate | S::Issued | S::Expired | S::Superseded);
            // From never sent to done there is no way that a right was taken on.
            let unsent = before == S::NotExecuted && after == S::Succeeded;
            assert_eq!(
                written.is_ok(),
                allowed && !unsent,
                "{} to {}",
                before.name(),
                after.name()
            );
        }
    }
}

async fn a_right_to_send_is_taken_once(store: Store) {
    let row = errand(&store, K::CashOut).await;
    let row = advance_errand(&store, &row, &[S::Prepared]).await;
    let taken = together((0..20).map(|_| {
        let (store, row) = (store.clone(), row.clone());
        async move {
            let taken = store.change_errand(&row.id, |scene| {
                (scene.errand.version == row.version).then(|| {
                    ventanilla_proxy::store::ErrandChange {
                        after: errand_moved(scene.errand, S::Sent),
                        items: Vec::new(),
                        at: START,
                        kind: "right_taken",
                        evidence: serde_json::json!({}),
                    }
                })
            });
            taken.await.unwrap_or(None).is_some()
        }
    }))
    .await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    let mut twice = store.errand(&row.id).await.unwrap().unwrap();
    twice.sends += 1;
    assert!(change_errand(&store, twice).await.is_err());
}

async fn every_end_is_told_with_the_operation_alone(store: Store) {
    for state in STATES {
        let row = errand(&store, K::CashOut).await;
        let row = advance_errand(&store, &row, way(state)).await;
        let told = store.outbox(1_000).await.unwrap();
        let told: Vec<_> = told
            .iter()
            .filter(|told| told.errand_id.as_ref() == Some(&row.id))
            .collect();
        if !row.state.is_final() && state != S::Review {
            assert!(told.is_empty(), "{}", state.name());
            continue;
        }
        assert_eq!(told.len(), 1, "{}", state.name());
        assert_eq!(told[0].kind, format!("operation.{}", state.name()));
        let data = &told[0].payload["data"];
        assert_eq!(data["operation"]["id"], row.id.as_str());
        assert_eq!(data["operation"]["kind"], "cash_out");
        assert_eq!(data["operation"]["details"]["recipient"], "CVU ****2420");
        assert!(data.get("session").is_none() && data.get("attempt").is_none());
        assert!(data["operation"].get("attempt_id").is_none());
    }
}

fn paid(item: &ErrandItem) -> ErrandItem {
    ErrandItem {
        state: S::Succeeded,
        confirmed: Some(item.amount),
        authorization: Some(String::from("123456")),
        last4: Some(String::from("4242")),
        last_read_at: Some(START),
        settled_at: Some(START),
        ..item.clone()
    }
}

async fn items(store: &Store, id: &str) -> Vec<ErrandItem> {
    store.whole_errand(id).await.unwrap().unwrap().items
}

async fn the_payments_of_an_errand_end_each_by_itself_and_at_the_latest_with_it(store: Store) {
    let row = errand(&store, K::Bulk).await;
    let row = advance_errand(&store, &row, way(S::Unknown)).await;
    let before = items(&store, &row.id).await;
    let found = store.errand_of_reference(&before[1].reference).await;
    assert_eq!(found.unwrap().unwrap().id, row.id);
    let mut doubted = row.clone();
    doubted.last_read_at = Some(START);
    let row = change_errand_and_items(&store, doubted, vec![paid(&before[1])])
        .await
        .unwrap()
        .unwrap();
    let between = items(&store, &row.id).await;
    assert_eq!(between, [before[0].clone(), paid(&before[1])]);
    // One of them was made, so the whole cannot be held never to have been.
    let never = change_errand(&store, errand_moved(&row, S::NotExecuted)).await;
    assert!(never.is_err());
    let row = advance_errand(&store, &row, &[S::Succeeded]).await;
    let after = items(&store, &row.id).await;
    assert_eq!(
        (after[0].state, after[0].settled_at),
        (S::NotExecuted, Some(START))
    );
    assert_eq!(after[1], paid(&before[1]));
    let told = store.outbox(10).await.unwrap();
    let states = |told: &serde_json::Value| {
        let items = told["data"]["operation"]["items"]
            .as_array()
            .unwrap()
            .clone();
        items
            .iter()
            .map(|item| item["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told.len(), 1);
    assert_eq!(states(&told[0].payload), ["not_executed", "succeeded"]);
    // What turns up late is told again.
    change_errand_and_items(&store, row.clone(), vec![paid(&after[0])])
        .await
        .unwrap();
    let told = store.outbox(10).await.unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!(states(&told[1].payload), ["succeeded", "succeeded"]);
}

async fn a_payment_of_an_errand_is_recorded_as_it_was_asked_for_or_not_at_all(store: Store) {
    let row = errand(&store, K::Bulk).await;
    let row = advance_errand(&store, &row, way(S::Unknown)).await;
    let before = items(&store, &row.id).await;
    let other = Money::from_minor(1, Currency::ARS).unwrap();
    let mut wrong = paid(&before[0]);
    wrong.confirmed = Some(other);
    let mut moved = paid(&before[0]);
    moved.amount = other;
    moved.confirmed = Some(other);
    let mut renamed = paid(&before[0]);
    renamed.reference = String::from("other");
    for item in [wrong, moved, renamed] {
        let written = change_errand_and_items(&store, row.clone(), vec![item]).await;
        assert!(written.is_err());
    }
    let row = change_errand_and_items(&store, row, vec![paid(&before[0])]).await;
    let row = row.unwrap().unwrap();
    let undone = change_errand_and_items(&store, row, vec![before[0].clone()]).await;
    assert!(undone.is_err(), "a payment that was made stays made");
    // Payments that do not make the errand's amount are none of it.
    let (draft, items) = errand_draft(K::Bulk);
    let request = secret(REQUEST);
    assert!(
        store
            .open_errand(&draft, &items[..1], &request)
            .await
            .is_err()
    );
    assert!(store.open_errand(&draft, &[], &request).await.is_err());
    let (draft, _) = errand_draft(K::CashOut);
    assert!(store.open_errand(&draft, &items, &request).await.is_err());
}

async fn what_was_there_before_is_looked_up_before_it_is_sent(store: Store) {
    let row = errand(&store, K::SubscriptionPayment).await;
    let row = advance_errand(&store, &row, way(S::Sent)).await;
    let mut late = row;
    late.known_before = Some(Vec::new());
    assert!(change_errand(&store, late).await.is_err());
}

async fn a_due_errand_is_lent_to_one_caller_and_what_is_overdue_is_found(store: Store) {
    let row = errand(&store, K::CashOut).await;
    let claims = together((0..10).map(|_| {
        let store = store.clone();
        async move { store.claim_errands(START, LEASE, 10).await.unwrap().len() }
    }))
    .await;
    assert_eq!(claims.iter().sum::<usize>(), 1);
    let due = || async { store.next_due(secs(10), minutes(30)).await.unwrap() };
    assert_eq!(due().await, None, "what is lent is nobody else's");
    let row = advance_errand(&store, &row, &[S::Prepared]).await;
    assert_eq!(due().await, Some(START), "a change gives it back");
    advance_errand(&store, &row, &[S::Sent]).await;
    assert_eq!(due().await, Some(START + secs(50)));
    assert!(
        store
            .overdue_errands(START + secs(40))
            .await
            .unwrap()
            .is_empty()
    );
    let overdue = store.overdue_errands(START + secs(41)).await.unwrap();
    assert_eq!(overdue.len(), 1);
    let later = START + hours(1);
    assert!(
        store
            .claim_errands(later, Duration::ZERO, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn what_is_in_review_is_listed(store: Store) {
    let mut expected = BTreeSet::new();
    for state in STATES {
        let row = errand(&store, K::CashOut).await;
        let row = advance_errand(&store, &row, way(state)).await;
        if state == S::Review {
            expected.insert(row.id);
        }
    }
    let review = store.review().await.unwrap();
    let listed: BTreeSet<String> = review.errands.into_iter().map(|row| row.id).collect();
    assert_eq!(listed, expected);
}

every_engine![
    a_due_errand_is_lent_to_one_caller_and_what_is_overdue_is_found,
    a_merchants_key_opens_one_errand_of_its_kind,
    a_payment_of_an_errand_is_recorded_as_it_was_asked_for_or_not_at_all,
    a_right_to_send_is_taken_once,
    an_errand_reads_back_as_it_was_recorded,
    every_end_is_told_with_the_operation_alone,
    only_the_steps_of_the_diagram_are_written,
    the_payments_of_an_errand_end_each_by_itself_and_at_the_latest_with_it,
    what_is_done_to_one_thing_is_done_one_at_a_time,
    what_is_in_review_is_listed,
    what_was_there_before_is_looked_up_before_it_is_sent,
];

async fn what_happened_to_an_errand_cannot_be_rewritten(place: Place) {
    let store = place.open().await;
    let row = errand(&store, K::Bulk).await;
    let row = advance_errand(&store, &row, way(S::Unknown)).await;
    let before = items(&store, &row.id).await;
    let row = change_errand_and_items(&store, row, vec![paid(&before[0])]).await;
    advance_errand(&store, &row.unwrap().unwrap(), &[S::Succeeded]).await;
    for statement in [
        "DELETE FROM errand",
        "UPDATE errand SET state = 'declined'",
        "UPDATE errand SET amount_minor = 1",
        "UPDATE errand SET kind = 'cash_out'",
        "UPDATE errand SET details = '{}'",
        "UPDATE errand SET key_name = 'other'",
        "UPDATE errand SET known_before = '[]'",
        "UPDATE errand SET sends = 2",
        "UPDATE errand SET returns = 3, sends = 4",
        "DELETE FROM errand_item",
        "UPDATE errand_item SET state = 'not_executed' WHERE position = 0",
        "UPDATE errand_item SET confirmed_minor = 1 WHERE position = 0",
        "UPDATE errand_item SET state = 'succeeded' WHERE position = 1",
        "UPDATE errand_item SET amount_minor = 1",
        "UPDATE errand_item SET reference = 'other' WHERE position = 1",
        "DELETE FROM errand_event",
        "UPDATE errand_event SET kind = 'other'",
    ] {
        assert!(place.sql(statement).await.is_err(), "{statement}");
    }
}

async fn what_was_asked_for_is_sealed_to_its_errand(place: Place) {
    let account = "0009001600000004242420";
    let store = place.open().await;
    let row = errand(&store, K::CashOut).await;
    let bytes = place.bytes().await;
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains(&row.id), "or nothing would be found");
    assert!(!text.contains(account));
    assert!(!text.contains(&hex::encode(account)));
    // It opens for its own errand only, and with the keys.
    let moved = format!(
        "INSERT INTO errand (id, kind, idempotency_key, state, version, reference, amount_minor, currency, details,
                             created_at, key_name, request)
         SELECT 'opr_other', kind, 'other', state, version, 'other', amount_minor, currency, details, created_at,
                key_name, request FROM errand WHERE id = '{}'",
        row.id
    );
    assert_eq!(place.sql(&moved).await.unwrap(), 1);
    assert!(store.errand_request("opr_other").await.is_err());
    store.close().await;
    let store = place.open_without_keys().await;
    assert!(store.errand_request(&row.id).await.is_err());
    let (draft, _) = errand_draft(K::CashOut);
    let refused = store.open_errand(&draft, &[], &secret(REQUEST)).await;
    assert!(refused.is_err(), "what cannot be sealed is not recorded");
    assert_eq!(store.errand(&draft.id).await.unwrap(), None);
}

every_place![
    what_happened_to_an_errand_cannot_be_rewritten,
    what_was_asked_for_is_sealed_to_its_errand,
];
