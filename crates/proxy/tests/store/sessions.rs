//! Sessions: opened once, ended once, paid once.

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::session::SessionState;
use ventanilla_proxy::store::{Ended, Opened, SessionDraft, SessionRow, Started, Store};

use crate::support::*;

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

async fn a_session_and_its_attempts_are_of_one_moment(store: Store) {
    for _ in 0..20 {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let sent = advance(&store, &row, way_to(S::Sent)).await;
        let writer = store.clone();
        let paying = tokio::spawn(async move { advance(&writer, &sent, &[S::Succeeded]).await });
        loop {
            let whole = store.whole_session(&session.id).await.unwrap().unwrap();
            let is_paid = whole.session.state == SessionState::Succeeded;
            assert_eq!(whole.attempts[0].state == S::Succeeded, is_paid);
            if is_paid {
                break;
            }
        }
        paying.await.unwrap();
    }
    assert!(store.whole_session("ses_x").await.unwrap().is_none());
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
            S::Declined | S::NotExecuted | S::Duplicate | S::Expired | S::Superseded => {
                assert!(matches!(outcome, Ended::Expired(_)))
            }
            S::Sent | S::Unknown | S::Review | S::Issued => {
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
    let shown = open(&store).await;
    issued_in(&store, &shown).await;
    let end = START + minutes(30);
    assert_eq!(store.expire_sessions(end - secs(1)).await.unwrap(), 0);
    assert_eq!(store.expire_sessions(end).await.unwrap(), 1);
    assert_eq!(store.expire_sessions(end).await.unwrap(), 0);
    for (id, expected) in [
        (&idle.id, SessionState::Expired),
        (&busy.id, SessionState::Open),
        (&shown.id, SessionState::Open),
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

every_engine![
    a_merchants_key_opens_one_session,
    a_session_and_its_attempts_are_of_one_moment,
    a_session_ends_unless_money_may_be_moving,
    a_session_expires_in_time_unless_an_attempt_is_in_the_way,
    a_session_is_paid_once,
];
