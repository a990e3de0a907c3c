//! The database goes away and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::problem::ProblemCode;
use ventanilla_proxy::store::Store;
use ventanilla_testbed::postgres::Cluster;

use crate::support::*;

/// No question is left without an answer for longer.
const SOON: Duration = Duration::from_secs(5);

async fn town() -> (Cluster, Store) {
    let cluster = Cluster::start().await.unwrap();
    let url = cluster.create_database().await.unwrap();
    let store = Store::open_postgres(&secret(&url), None).await.unwrap();
    (cluster, store)
}

async fn is_away(store: &Store) {
    let asked = Instant::now();
    let draft = session_draft();
    let opened = ventanilla_proxy::store::SessionDraft {
        row: &draft,
        merchant_key: &draft.id,
    };
    let (read, swept, claimed, opened, ready) = tokio::join!(
        store.session("ses_x"),
        store.expire_sessions(START),
        store.claim_due(START, LEASE, 1),
        store.open_session(opened),
        store.ready(),
    );
    for error in [
        read.err(),
        swept.err(),
        claimed.err(),
        opened.err(),
        ready.err(),
    ] {
        let error = error.expect("nobody answers");
        assert_eq!(error.code(), ProblemCode::StoreUnavailable, "{error}");
    }
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn while_the_server_is_gone_callers_hear_so_and_afterwards_it_works_again() {
    let (cluster, store) = town().await;
    let row = paid(&store).await;
    cluster.stop_immediate().await.unwrap();
    is_away(&store).await;
    cluster.start_again().await.unwrap();
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row));
    paid(&store).await;
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_server_that_answers_nobody_is_not_waited_for() {
    let (cluster, store) = town().await;
    let row = paid(&store).await;
    cluster.freeze().unwrap();
    is_away(&store).await;
    cluster.thaw().unwrap();
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row));
    paid(&store).await;
}

/// Everything that was answered is there after the server lost its power; what was not answered may be.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_outlives_the_server() {
    let (cluster, store) = town().await;
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut answered = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let Some(row) = step(&store).await else { break };
                    answered.push(row);
                }
                answered
            })
        })
        .collect();
    // Long enough for each worker to have finished several.
    while store.outbox(100).await.unwrap().len() < 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    cluster.stop_immediate().await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let mut answered = Vec::new();
    for worker in workers {
        answered.extend(worker.await.unwrap());
    }
    cluster.start_again().await.unwrap();
    assert!(answered.len() >= 40, "{}", answered.len());
    for row in answered {
        let kept = store.attempt(&row.id).await.unwrap().unwrap();
        assert_eq!(kept, row);
        assert_eq!(store.attempts(&row.session_id).await.unwrap().len(), 1);
    }
}

/// A whole payment; none when the server went away meanwhile.
async fn step(store: &Store) -> Option<ventanilla_proxy::store::AttemptRow> {
    let session = session_draft();
    let opened = ventanilla_proxy::store::SessionDraft {
        row: &session,
        merchant_key: &session.id,
    };
    store.open_session(opened).await.ok()?;
    let mut row = draft(&session);
    store.start(&row, RULES).await.ok()?;
    for state in way_to(S::Succeeded) {
        row = change(store, moved(&row, *state)).await.ok()??;
    }
    Some(row)
}
