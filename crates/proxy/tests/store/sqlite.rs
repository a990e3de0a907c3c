//! What only SQLite has: a file.

use std::os::unix::fs::PermissionsExt as _;

use ventanilla_proxy::store::Store;

use crate::support::*;

#[tokio::test]
async fn a_new_file_can_be_read_by_its_owner_only() {
    let scratch = Scratch::new();
    let folder = scratch.store_path().parent().unwrap().to_owned();
    let place = Place::Sqlite(scratch);
    let store = place.open().await;
    open(&store).await;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", file.file_name());
    }
}

async fn everything_is_lent(store: &Store) {
    assert_eq!(store.claim_due(START, LEASE, 10).await.unwrap().len(), 1);
    assert_eq!(store.claim_outbox(START, LEASE, 10).await.unwrap().len(), 2);
    let turn = store.claim_watch("cvu", START, LEASE).await.unwrap();
    assert!(turn.is_some());
}

#[tokio::test]
async fn whoever_borrowed_work_before_a_restart_has_lost_it() {
    use ventanilla_core::attempt::AttemptState as S;
    let place = Place::sqlite().await;
    let store = place.open().await;
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    advance(&store, &row, way_to(S::Unknown)).await;
    paid(&store).await;
    everything_is_lent(&store).await;
    store.close().await;

    let store = place.open().await;
    everything_is_lent(&store).await;
}
