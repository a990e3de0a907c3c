//! The connection breaks while a transaction is committed. Whether it was is not known then; whoever
//! comes again finds out, and nothing is there twice.

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_proxy::store::{
    CreditState, CreditVerdict, NewCredit, Opened, OperationOpened, OperationRow, Overdue,
    SessionDraft, Started, Store,
};
use ventanilla_testbed::postgres::{Cut, Wire};

use crate::support::*;

const CUTS: [Cut; 2] = [Cut::Before, Cut::After];

struct Broken {
    wire: Wire,
    store: Store,
}

async fn broken() -> Broken {
    let Place::Postgres(url) = Place::postgres().await else {
        panic!("for PostgreSQL only")
    };
    let wire = Wire::to(&url).await.unwrap();
    let store = Store::open_postgres(&secret(wire.url()), None)
        .await
        .unwrap();
    Broken { wire, store }
}

fn unavailable<T>(answer: ventanilla_proxy::error::Result<T>) {
    let error = answer.err().expect("the connection broke");
    assert_eq!(error.code(), ProblemCode::StoreUnavailable, "{error}");
}

#[tokio::test]
async fn a_session_is_opened_once() {
    for cut in CUTS {
        let Broken { wire, store } = broken().await;
        let row = session_draft();
        let draft = || SessionDraft {
            row: &row,
            merchant_key: "order-1",
        };
        wire.cut_commit(0, cut);
        unavailable(store.open_session(draft()).await);
        let again = store.open_session(draft()).await.unwrap();
        match cut {
            Cut::Before => assert!(matches!(again, Opened::New(_))),
            Cut::After => assert!(matches!(again, Opened::Same(_))),
        }
        assert_eq!(store.events(&row.id).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_attempt_is_started_once() {
    for cut in CUTS {
        let Broken { wire, store } = broken().await;
        let session = open(&store).await;
        let draft = draft(&session);
        wire.cut_commit(0, cut);
        unavailable(store.start(&draft, RULES).await);
        let again = store.start(&draft, RULES).await.unwrap();
        match cut {
            Cut::Before => assert!(matches!(again, Started::New(row) if row.id == draft.id)),
            Cut::After => assert!(matches!(again, Started::Same(row) if row.id == draft.id)),
        }
        assert_eq!(store.attempts(&session.id).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_right_to_send_is_out_once_and_found_when_nobody_uses_it() {
    for cut in CUTS {
        let Broken { wire, store } = broken().await;
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, &[S::Prepared]).await;
        wire.cut_commit(0, cut);
        unavailable(change(&store, moved(&row, S::Sent)).await);
        let now = store.attempt(&row.id).await.unwrap().unwrap();
        let again = store
            .change(&row.id, |scene| {
                let mine = scene.attempt.version == row.version;
                mine.then(|| plain(moved(scene.attempt, S::Sent)))
            })
            .await
            .unwrap();
        match cut {
            Cut::Before => {
                assert_eq!(now, row);
                assert!(again.is_some());
            }
            Cut::After => {
                assert_eq!((now.state, now.sends), (S::Sent, 1));
                assert!(again.is_none(), "decided on what is no longer so");
            }
        }
        let overdue = Overdue {
            deadline_before: START + hours(1),
            unsent_before: START - hours(1),
            waited_until: START - hours(1),
        };
        let found = store.overdue(overdue).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].sends, 1);
    }
}

#[tokio::test]
async fn an_outcome_is_written_and_told_once() {
    for cut in CUTS {
        let Broken { wire, store } = broken().await;
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(S::Sent)).await;
        wire.cut_commit(0, cut);
        unavailable(change(&store, moved(&row, S::Succeeded)).await);
        // Once more, on what is there now: as whoever has the answer does.
        store
            .change(&row.id, |scene| {
                let open = scene.attempt.state == S::Sent;
                open.then(|| plain(moved(scene.attempt, S::Succeeded)))
            })
            .await
            .unwrap();
        let row = store.attempt(&row.id).await.unwrap().unwrap();
        assert_eq!(row.state, S::Succeeded);
        assert_eq!(store.outbox(10).await.unwrap().len(), 2, "{cut:?}");
    }
}

#[tokio::test]
async fn an_operation_is_opened_once() {
    for cut in CUTS {
        let Broken { wire, store } = broken().await;
        let attempt = paid(&store).await;
        let draft = OperationRow::new(&attempt, OperationKind::Refund, attempt.total, "key", START)
            .unwrap();
        wire.cut_commit(0, cut);
        unavailable(store.open_operation(&draft).await);
        let again = store.open_operation(&draft).await.unwrap();
        match cut {
            Cut::Before => assert!(matches!(again, OperationOpened::New(_))),
            Cut::After => assert!(matches!(again, OperationOpened::Same(_))),
        }
        assert_eq!(
            store.operations(&attempt.session_id).await.unwrap().len(),
            1
        );
    }
}

#[tokio::test]
async fn a_credit_is_recorded_and_told_once() {
    for cut in CUTS {
        let Broken { wire, store } = broken().await;
        let row = issued(&store).await;
        let new = NewCredit {
            fingerprint: String::from("a"),
            cashin_id: None,
            amount: row.total,
            credited_at: START,
            seen_at: START,
            payer: None,
        };
        let record = async || {
            store
                .credit_attempt(&new, &row.id, |scene| {
                    Some(CreditVerdict {
                        state: CreditState::Matched,
                        why: None,
                        change: Some(plain(moved(scene.attempt, S::Succeeded))),
                    })
                })
                .await
        };
        wire.cut_commit(0, cut);
        unavailable(record().await);
        // Once more, as the next look at the account does.
        let again = record().await.unwrap();
        assert_eq!(again.is_some(), matches!(cut, Cut::Before), "{cut:?}");
        let whole = store.whole_session(&row.session_id).await.unwrap().unwrap();
        assert_eq!(whole.attempts[0].state, S::Succeeded);
        assert_eq!(whole.credits.len(), 1);
        assert_eq!(store.outbox(10).await.unwrap().len(), 2, "{cut:?}");
    }
}
