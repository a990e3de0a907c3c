//! The tables come up to date and lose nothing.

use sqlx::migrate::MigrateDatabase as _;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::session::SessionState;

use crate::support::*;

async fn tables_of_a_newer_release_are_refused(place: Place) {
    place.open().await.close().await;
    place
        .sql(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', TRUE, '', 0)",
        )
        .await
        .unwrap();
    let refused = place.try_open().await.err().unwrap();
    assert!(refused.to_string().contains("9999"), "{refused}");
}

async fn a_store_opens_again_on_its_tables(place: Place) {
    let store = place.open().await;
    let row = paid(&store).await;
    store.close().await;
    let store = place.open().await;
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row));
    store.ready().await.unwrap();
}

every_place![
    a_store_opens_again_on_its_tables,
    tables_of_a_newer_release_are_refused,
];

#[tokio::test]
async fn a_file_of_the_first_release_keeps_its_rows() {
    const FIRST: &str = include_str!("../../migrations/sqlite/0001_sessions_and_attempts.sql");
    let scratch = Scratch::new();
    // As the first release left it: its tables, its mark that they are there, a paid session, a message
    // that was delivered and one that waits.
    sqlx::Sqlite::create_database(&scratch.url()).await.unwrap();
    let place = Place::Sqlite(scratch);
    place.sql(FIRST).await.unwrap();
    let checksum = sqlx::migrate!("migrations/sqlite")
        .iter()
        .find(|migration| migration.version == 1)
        .map(|migration| hex::encode(&*migration.checksum))
        .unwrap();
    for statement in [
        "CREATE TABLE _sqlx_migrations (
             version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
             checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
        &format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (1, 'sessions and attempts', TRUE, x'{checksum}', 0)"
        ),
        r#"INSERT INTO session VALUES ('ses_1', 'order-1', 'f', 'succeeded', NULL,
             '{"order_reference":"A-1","total":{"amount_minor":500,"currency":"CRC"}}', 1000, 2000, 1500)"#,
        "INSERT INTO attempt (id, session_id, idempotency_key, fingerprint, rail, state, version, reference,
                              amount_minor, currency, save_card, owner, created_at, sends, sent_at,
                              confirmed_minor, confirmed_currency, settled_at)
         VALUES ('att_1', 'ses_1', 'key', 'f', 'card', 'succeeded', 3, 'ref', 500, 'CRC', 0, 'me', 1100, 1, 1200,
                 500, 'CRC', 1500)",
        "INSERT INTO event (at, session_id, attempt_id, kind, from_state, to_state, evidence)
         VALUES (1500, 'ses_1', 'att_1', 'answered', 'sent', 'succeeded', '{}')",
        "INSERT INTO outbox VALUES ('msg_1', 'attempt.succeeded', 'ses_1', 'att_1', 1500, 1600)",
        "INSERT INTO outbox VALUES ('msg_2', 'session.succeeded', 'ses_1', NULL, 1500, NULL)",
        "INSERT INTO outbox VALUES ('msg_3', 'attempt.succeeded', 'ses_1', 'att_1', 1500, NULL)",
    ] {
        place.sql(statement).await.unwrap();
    }

    let store = place.open().await;
    store.ready().await.unwrap();
    let session = store.session("ses_1").await.unwrap().unwrap();
    assert_eq!(session.state, SessionState::Succeeded);
    let attempt = store.attempt("att_1").await.unwrap().unwrap();
    assert_eq!((attempt.state, attempt.version), (S::Succeeded, 3));
    let events = store.events("ses_1").await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].operation_id, None);
    // What waited is delivered, with a payload made of the records.
    let due = store.claim_outbox(START, LEASE, 10).await.unwrap();
    let ids: Vec<&str> = due.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["msg_2", "msg_3"]);
    assert_eq!(due[0].payload["data"]["session"]["order_reference"], "A-1");
    assert_eq!(due[1].payload["data"]["attempt"]["id"], "att_1");
    assert_eq!(due[1].payload["type"], "attempt.succeeded");
}
