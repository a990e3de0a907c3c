//! What is payable: recorded with the step that issues it, never changed, watched for a while.

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_proxy::store::{Change, PayableRow, Started, Store};

use crate::support::*;

async fn what_is_issued_is_recorded_in_the_same_commit(store: Store) {
    let session = open(&store).await;
    let row = issued_in(&store, &session).await;
    let expected = payable(&row);
    assert_eq!(
        store.payables(&session.id).await.unwrap(),
        std::slice::from_ref(&expected)
    );
    assert_eq!(
        store.payable(&row.id).await.unwrap(),
        Some(expected.clone())
    );
    let whole = store.whole_session(&session.id).await.unwrap().unwrap();
    assert_eq!(whole.payables, [expected]);
    assert_eq!(whole.credits, []);
    assert!(store.payables("ses_x").await.unwrap().is_empty());
    assert!(store.payable("att_x").await.unwrap().is_none());
}

async fn nothing_is_issued_that_is_not_recorded_or_does_not_fit(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Sent)).await;
    let alterations: [fn(&mut PayableRow); 4] = [
        |payable| payable.attempt_id = String::from("att_x"),
        |payable| payable.session_id = String::from("ses_x"),
        |payable| payable.total = Money::from_minor(1, Currency::CRC).unwrap(),
        |payable| payable.watch_until = payable.issued_at,
    ];
    let mut refused = vec![Change {
        financing: None,
        payable: None,
        ..plain(moved(&row, S::Issued))
    }];
    for alter in alterations {
        let mut change = plain(moved(&row, S::Issued));
        alter(change.payable.as_mut().unwrap());
        refused.push(change);
    }
    refused.push(Change {
        payable: Some(payable(&row)),
        ..plain(moved(&row, S::NotExecuted))
    });
    for change in refused {
        let mut change = Some(change);
        assert!(store.change(&row.id, |_| change.take()).await.is_err());
        assert_eq!(
            store.attempt(&row.id).await.unwrap().as_ref(),
            Some(&row),
            "neither is written"
        );
        assert!(store.payables(&session.id).await.unwrap().is_empty());
    }
    // Once there, there is no second one.
    let row = advance(&store, &row, &[S::Issued]).await;
    let mut again = Some(plain(row.clone()));
    assert!(store.change(&row.id, |_| again.take()).await.is_err());
}

async fn no_two_have_the_same_identifier_of_a_provider(store: Store) {
    let first = issued(&store).await;
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Sent)).await;
    let with = |presentation, provider_id: Option<String>| {
        let mut change = plain(moved(&row, S::Issued));
        let payable = change.payable.as_mut().unwrap();
        payable.presentation = presentation;
        payable.provider_id = provider_id;
        Some(change)
    };
    let taken = payable(&first).provider_id;
    let mut twice = with(Presentation::Qr, taken.clone());
    assert!(store.change(&row.id, |_| twice.take()).await.is_err());
    assert_eq!(
        store.attempt(&row.id).await.unwrap().unwrap().state,
        S::Sent
    );
    let mut other_kind = with(Presentation::Link, taken.clone());
    store.change(&row.id, |_| other_kind.take()).await.unwrap();
    let named = async |presentation| {
        store
            .watched_of_provider_id(presentation, taken.as_deref().unwrap())
            .await
            .unwrap()
            .map(|watched| watched.payable.attempt_id)
    };
    assert_eq!(named(Presentation::Qr).await, Some(first.id));
    assert_eq!(named(Presentation::Link).await, Some(row.id));
    assert_eq!(named(Presentation::Transfer).await, None);
}

async fn what_was_shown_is_watched_to_its_time_whatever_became_of_it(store: Store) {
    let mut expected = Vec::new();
    for state in [S::Issued, S::Expired, S::Superseded, S::Succeeded] {
        let row = issued(&store).await;
        if state != S::Issued {
            advance(&store, &row, &[state]).await;
        }
        expected.push((row.id, state));
    }
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    let watched = async |now| -> Vec<_> {
        let watched = store.watched(now).await.unwrap();
        let told = watched
            .into_iter()
            .map(|one| (one.payable.attempt_id, one.state));
        told.collect()
    };
    let end = START + hours(72);
    assert_eq!(watched(START).await, expected);
    assert_eq!(watched(end - secs(1)).await, expected);
    assert_eq!(watched(end).await, []);
}

async fn what_is_before_the_buyer_is_in_the_way_until_it_is_left(store: Store) {
    for state in [S::Expired, S::Superseded] {
        let session = open(&store).await;
        let row = issued_in(&store, &session).await;
        assert!(matches!(
            store.start(&draft(&session), RULES).await.unwrap(),
            Started::Running(id) if id == row.id
        ));
        let row = advance(&store, &row, &[state]).await;
        let second = issued_in(&store, &session).await;
        // Late money for the first is not written while the second is before the buyer.
        assert!(change(&store, moved(&row, S::Succeeded)).await.is_err());
        advance(&store, &second, &[S::Superseded]).await;
        advance(&store, &row, &[S::Succeeded]).await;
    }
}

every_engine![
    no_two_have_the_same_identifier_of_a_provider,
    nothing_is_issued_that_is_not_recorded_or_does_not_fit,
    what_is_before_the_buyer_is_in_the_way_until_it_is_left,
    what_is_issued_is_recorded_in_the_same_commit,
    what_was_shown_is_watched_to_its_time_whatever_became_of_it,
];
