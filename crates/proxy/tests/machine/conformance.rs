//! What every engine of the store must do. One list: a second engine runs it by one more line at the
//! end.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;
use ventanilla_proxy::id;
use ventanilla_proxy::store::{
    AttemptRow, Change, Ended, NewSavedCard, Opened, Overdue, SessionDraft, SessionRow, StartRules,
    Started, Store,
};

use crate::support::{START, Scratch, hours, minutes, new_session, sealing_keys, secs};

fn session_draft() -> SessionRow {
    SessionRow {
        id: id::make_prefixed("ses").unwrap(),
        fingerprint: String::from("a"),
        state: SessionState::Open,
        request: new_session(),
        created_at: START,
        expires_at: START + minutes(30),
    }
}

async fn open(store: &Store) -> SessionRow {
    let row = session_draft();
    let draft = SessionDraft {
        row: &row,
        merchant_key: &row.id,
    };
    match store.open_session(draft).await.unwrap() {
        Opened::New(row) => row,
        Opened::Same(_) | Opened::KeyReused => panic!("the key is new"),
    }
}

fn draft(session: &SessionRow) -> AttemptRow {
    AttemptRow {
        fingerprint: String::from("a"),
        installments: Some(3),
        ..AttemptRow::new(session, Rail::Card, &id::make().unwrap(), "me", START).unwrap()
    }
}

const RULES: StartRules = StartRules {
    attempts: 5,
    abandoned_before: START,
};

async fn begin(store: &Store, session: &SessionRow) -> AttemptRow {
    match store.start(&draft(session), RULES).await.unwrap() {
        Started::New(row) => row,
        _ => panic!("nothing is in the way"),
    }
}

/// A row moved to `state`, with everything that the state asks for.
fn moved(row: &AttemptRow, state: S) -> AttemptRow {
    let mut after = row.clone();
    match (row.state, state) {
        (S::Prepared, S::Sent) => {
            after.sends += 1;
            after.sent_at = Some(START);
            after.deadline_at = Some(START + secs(40));
        }
        (S::Sent, S::Prepared) => after.returns += 1,
        _ => {}
    }
    after.state = state;
    if matches!(state, S::Succeeded | S::Duplicate) {
        after.confirmed = Some(row.total);
    }
    after.settled_at = state.is_final().then_some(START);
    if state == S::Unknown {
        after.unknown_at = Some(START);
        after.next_check_at = Some(START);
    }
    after
}

fn plain(after: AttemptRow) -> Change {
    Change {
        after,
        at: START,
        kind: "step",
        evidence: json!({ "by": "test" }),
        saved_card: None,
    }
}

async fn change(
    store: &Store,
    after: AttemptRow,
) -> ventanilla_proxy::error::Result<Option<AttemptRow>> {
    let id = after.id.clone();
    store.change(&id, |_| Some(plain(after.clone()))).await
}

async fn advance(store: &Store, row: &AttemptRow, path: &[S]) -> AttemptRow {
    let mut row = row.clone();
    for state in path {
        row = change(store, moved(&row, *state)).await.unwrap().unwrap();
    }
    row
}

/// A shortest way to each state.
fn way_to(state: S) -> &'static [S] {
    match state {
        S::New => &[],
        S::Prepared => &[S::Prepared],
        S::Sent => &[S::Prepared, S::Sent],
        S::Unknown => &[S::Prepared, S::Sent, S::Unknown],
        S::Succeeded => &[S::Prepared, S::Sent, S::Succeeded],
        S::Declined => &[S::Prepared, S::Sent, S::Declined],
        S::NotExecuted => &[S::Prepared, S::Sent, S::NotExecuted],
        S::Review => &[S::Prepared, S::Sent, S::Unknown, S::Review],
        S::Duplicate => &[S::Prepared, S::Sent, S::Unknown, S::Duplicate],
    }
}

async fn a_merchants_key_opens_one_session(store: Store) {
    let rows: Vec<SessionRow> = (0..20).map(|_| session_draft()).collect();
    let tasks: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let store = store.clone();
            tokio::spawn(async move {
                let draft = SessionDraft {
                    row: &row,
                    merchant_key: "order-1",
                };
                match store.open_session(draft).await.unwrap() {
                    Opened::New(row) => (1, row.id),
                    Opened::Same(row) => (0, row.id),
                    Opened::KeyReused => panic!("the body is the same"),
                }
            })
        })
        .collect();
    let mut new = 0;
    let mut ids = std::collections::BTreeSet::new();
    for task in tasks {
        let (is_new, id) = task.await.unwrap();
        new += is_new;
        ids.insert(id);
    }
    assert_eq!((new, ids.len()), (1, 1));
    let mut other = session_draft();
    other.fingerprint = String::from("b");
    let draft = SessionDraft {
        row: &other,
        merchant_key: "order-1",
    };
    assert!(matches!(
        store.open_session(draft).await.unwrap(),
        Opened::KeyReused
    ));
}

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
    assert!(store.session("ses_x").await.unwrap().is_none());
}

/// Fails without the unique index over live attempts: nothing else keeps these apart.
async fn a_hundred_parallel_starts_leave_one_live_attempt(store: Store) {
    let session = open(&store).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (store, draft) = (store.clone(), draft(&session));
            tokio::spawn(async move {
                match store.start(&draft, RULES).await.unwrap() {
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
                match store.start(&again, RULES).await.unwrap() {
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
            S::Declined | S::NotExecuted | S::Duplicate => {
                assert!(matches!(outcome, Started::New(_)), "{}", state.name());
            }
            S::Succeeded => assert!(matches!(outcome, Started::Paid(id) if id == row.id)),
            S::New | S::Prepared | S::Sent | S::Unknown | S::Review => {
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

async fn a_session_is_paid_once(store: Store) {
    let session = open(&store).await;
    let first = begin(&store, &session).await;
    let first = advance(&store, &first, way_to(S::NotExecuted)).await;
    let second = begin(&store, &session).await;
    let second = advance(&store, &second, way_to(S::Sent)).await;
    // Late money for the first while the second is on its way: the index of live attempts is in force.
    assert!(change(&store, moved(&first, S::Succeeded)).await.is_err());
    advance(&store, &second, &[S::Succeeded]).await;
    assert_eq!(
        store.session(&session.id).await.unwrap().unwrap().state,
        SessionState::Succeeded
    );
    assert!(change(&store, moved(&first, S::Succeeded)).await.is_err());
    advance(&store, &first, &[S::Duplicate]).await;
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
    ] {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        advance(&store, &row, way_to(state)).await;
        let told: Vec<String> = store
            .outbox(1_000)
            .await
            .unwrap()
            .into_iter()
            .filter(|told| told.session_id == session.id)
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

async fn a_session_ends_unless_money_may_be_moving(store: Store) {
    for state in S::ALL {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(state)).await;
        let outcome = store.end_session(&session.id, START).await.unwrap();
        let after = store.attempt(&row.id).await.unwrap().unwrap();
        match state {
            S::New | S::Prepared => {
                assert!(matches!(outcome, Ended::Expired(_)));
                assert_eq!(after.state, S::NotExecuted);
            }
            S::Declined | S::NotExecuted | S::Duplicate => {
                assert!(matches!(outcome, Ended::Expired(_)))
            }
            S::Sent | S::Unknown | S::Review => {
                assert!(matches!(outcome, Ended::Running(id) if id == row.id))
            }
            S::Succeeded => assert!(matches!(outcome, Ended::Paid(id) if id == row.id)),
        }
    }
    assert!(matches!(
        store.end_session("ses_x", START).await.unwrap(),
        Ended::NoSession
    ));
}

async fn a_session_expires_in_time_unless_an_attempt_is_in_the_way(store: Store) {
    let idle = open(&store).await;
    let busy = open(&store).await;
    let row = begin(&store, &busy).await;
    advance(&store, &row, way_to(S::Unknown)).await;
    let end = START + minutes(30);
    assert_eq!(store.expire_sessions(end - secs(1)).await.unwrap(), 0);
    assert_eq!(store.expire_sessions(end).await.unwrap(), 1);
    assert_eq!(store.expire_sessions(end).await.unwrap(), 0);
    for (id, expected) in [
        (&idle.id, SessionState::Expired),
        (&busy.id, SessionState::Open),
    ] {
        assert_eq!(store.session(id).await.unwrap().unwrap().state, expected);
    }
    let mut late = draft(&idle);
    late.created_at = end;
    assert!(matches!(
        store.start(&late, RULES).await.unwrap(),
        Started::Expired
    ));
}

async fn a_due_attempt_is_lent_to_one_caller_at_a_time(store: Store) {
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Unknown)).await;
    let lease = secs(60);
    let claims: Vec<_> = (0..10)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.claim_due(START, lease, 10).await.unwrap().len() })
        })
        .collect();
    let mut lent = 0;
    for claim in claims {
        lent += claim.await.unwrap();
    }
    assert_eq!(lent, 1);
    assert_eq!(
        store.next_due(secs(10), minutes(30)).await.unwrap(),
        Some(START + lease)
    );
    assert_eq!(
        store
            .claim_due(START + lease - secs(1), lease, 10)
            .await
            .unwrap()
            .len(),
        0
    );
    assert_eq!(
        store
            .claim_due(START + lease, lease, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    // A change gives it back.
    let mut later = row.clone();
    later.next_check_at = Some(START + hours(1));
    change(&store, later).await.unwrap();
    assert_eq!(
        store
            .claim_due(START + hours(1), lease, 10)
            .await
            .unwrap()
            .len(),
        1
    );
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
    };
    let some = Overdue {
        deadline_before: START + secs(41),
        unsent_before: START + secs(1),
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

async fn a_saved_card_belongs_to_its_buyer_and_comes_with_the_payment(store: Store) {
    let save = |row: &AttemptRow, buyer: &str| {
        let mut change = plain(moved(row, S::Succeeded));
        change.saved_card = Some(NewSavedCard {
            id: id::make_prefixed("crd").unwrap(),
            buyer_id: buyer.to_owned(),
            token: SecretString::from("provider-token"),
            brand: Some(ventanilla_core::card::Brand::Visa),
            last4: String::from("4242"),
            bin: Some(String::from("424242")),
            expiry_month: Some(12),
            expiry_year: Some(2030),
        });
        change
    };
    for (order, buyer) in ["ana", "ana", "leo"].into_iter().enumerate() {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(S::Sent)).await;
        let at = START + secs(u64::try_from(order).unwrap());
        let mut change = save(&row, buyer);
        change.at = at;
        let mut change = Some(change);
        let after = store
            .change(&row.id, |_| change.take())
            .await
            .unwrap()
            .unwrap();
        assert!(after.card_saved);
    }
    let cards = store.saved_cards("ana").await.unwrap();
    assert_eq!(cards.len(), 2);
    assert_eq!(
        (cards[0].expiry_month, cards[0].expiry_year),
        (Some(12), Some(2030))
    );
    let token = store
        .card_token(&cards[0].id, "ana")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(token.expose_secret(), "provider-token");
    assert!(
        store
            .card_token(&cards[0].id, "leo")
            .await
            .unwrap()
            .is_none()
    );
    assert!(store.card_token("crd_x", "ana").await.unwrap().is_none());

    // Nothing is kept of a payment that was not written.
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Sent)).await;
    let mut wrong = save(&row, "eva");
    wrong.after.confirmed = None;
    let mut wrong = Some(wrong);
    assert!(store.change(&row.id, |_| wrong.take()).await.is_err());
    assert!(store.saved_cards("eva").await.unwrap().is_empty());
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
                let taken = store
                    .change(&row.id, |scene| {
                        let mine = scene.attempt.version == row.version;
                        mine.then(|| plain(moved(scene.attempt, S::Sent)))
                    })
                    .await
                    .unwrap();
                u32::from(taken.is_some())
            })
        })
        .collect();
    let mut taken = 0;
    for taker in takers {
        taken += taker.await.unwrap();
    }
    assert_eq!(taken, 1);
}

macro_rules! conformance {
    ($engine:ident, $open:expr, [$($test:ident),* $(,)?]) => {
        mod $engine {
            $(
                #[tokio::test]
                async fn $test() {
                    let scratch = super::Scratch::new();
                    let store = $open(&scratch).await;
                    super::$test(store).await;
                }
            )*
        }
    };
}

macro_rules! every_engine {
    ($($test:ident),* $(,)?) => {
        conformance!(sqlite, super::open_sqlite, [$($test),*]);
    };
}

every_engine![
    a_browsers_key_starts_one_attempt,
    a_caller_who_goes_away_does_not_block_the_next,
    a_change_sees_the_attempt_in_its_surroundings,
    a_change_that_is_not_in_the_diagram_is_refused,
    a_due_attempt_is_lent_to_one_caller_at_a_time,
    a_hundred_parallel_starts_leave_one_live_attempt,
    a_merchants_key_opens_one_session,
    a_read_comes_forward_and_never_moves_back,
    a_saved_card_belongs_to_its_buyer_and_comes_with_the_payment,
    a_session_ends_unless_money_may_be_moving,
    a_session_expires_in_time_unless_an_attempt_is_in_the_way,
    a_session_is_paid_once,
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
    what_is_overdue_is_found,
    what_was_recorded_reads_back_as_it_was,
];

async fn open_sqlite(scratch: &Scratch) -> Store {
    Store::open_sqlite(&scratch.store_path(), Some(sealing_keys()))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_new_sqlite_file_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let store = open_sqlite(&scratch).await;
    open(&store).await;
    for file in std::fs::read_dir(scratch.store_path().parent().unwrap()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn a_sqlite_file_of_a_newer_release_is_refused() {
    let scratch = Scratch::new();
    open_sqlite(&scratch).await.close().await;
    let url = format!("sqlite://{}", scratch.store_path().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', 1, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let refused = Store::open_sqlite(&scratch.store_path(), None).await;
    assert!(refused.err().unwrap().to_string().contains("9999"));
}

#[tokio::test]
async fn events_and_attempts_in_a_sqlite_file_cannot_be_deleted_or_rewritten() {
    let scratch = Scratch::new();
    let store = open_sqlite(&scratch).await;
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    advance(&store, &row, way_to(S::Succeeded)).await;
    let url = format!("sqlite://{}", scratch.store_path().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    for statement in [
        "DELETE FROM event",
        "UPDATE event SET kind = 'other'",
        "DELETE FROM attempt",
        "UPDATE attempt SET state = 'declined'",
        "UPDATE attempt SET confirmed_minor = 1",
        "UPDATE attempt SET sends = 2",
        "UPDATE attempt SET returns = 3, sends = 4",
    ] {
        assert!(
            sqlx::query(statement).execute(&pool).await.is_err(),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn the_index_of_live_attempts_covers_the_states_that_block_others() {
    let scratch = Scratch::new();
    let _store = open_sqlite(&scratch).await;
    let url = format!("sqlite://{}", scratch.store_path().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let index: String =
        sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE name = 'attempt_live'")
            .fetch_one(&pool)
            .await
            .unwrap();
    for state in S::ALL {
        let named = index.contains(&format!("'{}'", state.name()));
        assert_eq!(named, state.blocks_others(), "{}", state.name());
    }
}
