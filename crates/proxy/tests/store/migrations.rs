//! The tables come up to date and lose nothing.

use std::path::Path;

use sqlx::migrate::Migrator;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::session::SessionState;
use ventanilla_proxy::store::{ErrandKind, NewCredit, OperationOpened, OperationRow, Started};

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

/// Makes a database as an earlier release left it, whose last step was `version`: its tables, and its
/// marks that they are there.
async fn released(place: &Place, version: i64) {
    let (folder, moment, bytes) = match place {
        Place::Sqlite(_) => ("migrations/sqlite", "TIMESTAMP", "BLOB"),
        Place::Postgres(_) => ("migrations/postgres", "TIMESTAMPTZ", "BYTEA"),
    };
    let steps = Migrator::new(Path::new(folder)).await.unwrap();
    let marks = format!(
        "CREATE TABLE _sqlx_migrations (
             version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on {moment} NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
             checksum {bytes} NOT NULL, execution_time BIGINT NOT NULL)"
    );
    place.sql(&marks).await.unwrap();
    for step in steps.iter().filter(|step| step.version <= version) {
        place.sql(step.sql.as_str()).await.unwrap();
        let checksum = hex::encode(&*step.checksum);
        let checksum = match place {
            Place::Sqlite(_) => format!("x'{checksum}'"),
            Place::Postgres(_) => format!(r"'\x{checksum}'"),
        };
        let mark = format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES ({}, '{}', TRUE, {checksum}, 0)",
            step.version, step.description
        );
        place.sql(&mark).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_of_the_first_release_keeps_its_rows() {
    let place = Place::sqlite().await;
    released(&place, 1).await;
    // A paid session, a message that was delivered and one that waits.
    for statement in [
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

/// The last step of the release before this one.
fn before_credits(place: &Place) -> i64 {
    match place {
        Place::Sqlite(_) => 2,
        Place::Postgres(_) => 1,
    }
}

/// The states that attempts had before there was anything that buyers pay by themselves.
const FORMER: [S; 9] = [
    S::New,
    S::Prepared,
    S::Sent,
    S::Unknown,
    S::Succeeded,
    S::Declined,
    S::NotExecuted,
    S::Review,
    S::Duplicate,
];

/// A session for each state that attempts had, each with an attempt, its event and two messages; for the
/// paid one, an operation and a saved card.
async fn fill(place: &Place) {
    let token = match place {
        Place::Sqlite(_) => "x'00'",
        Place::Postgres(_) => r"'\x00'",
    };
    for (at, state) in FORMER.into_iter().enumerate() {
        let name = state.name();
        let sent = i64::from(!matches!(state, S::New | S::Prepared | S::NotExecuted));
        let confirmed = if state.took_money() {
            "500, 'CRC'"
        } else {
            "NULL, NULL"
        };
        let of_session = if state == S::Succeeded {
            "succeeded"
        } else {
            "open"
        };
        for statement in [
            format!(
                r#"INSERT INTO session (id, merchant_key, fingerprint, state, request, created_at, expires_at)
                   VALUES ('ses_{name}', 'order-{name}', 'f', '{of_session}',
                     '{{"order_reference":"A-1","total":{{"amount_minor":500,"currency":"CRC"}}}}', {at}, 2000)"#
            ),
            format!(
                "INSERT INTO attempt (id, session_id, idempotency_key, fingerprint, rail, state, version, reference,
                                      amount_minor, currency, save_card, owner, created_at, sends, sent_at, deadline_at,
                                      confirmed_minor, confirmed_currency)
                 VALUES ('att_{name}', 'ses_{name}', 'key', 'f', 'card', '{name}', 3, 'ref-{name}', 500, 'CRC',
                         FALSE, 'me', {at}, {sent}, {sent}, {sent}, {confirmed})"
            ),
            format!(
                "INSERT INTO event (at, session_id, attempt_id, kind, evidence)
                 VALUES (1500, 'ses_{name}', 'att_{name}', 'answered', '{{}}')"
            ),
            format!(
                "INSERT INTO outbox (id, kind, session_id, attempt_id, payload, created_at, next_try_at)
                 VALUES ('msg_{name}', 'attempt.{name}', 'ses_{name}', 'att_{name}', '{{}}', 1500, 1500)"
            ),
            format!(
                "INSERT INTO outbox (id, kind, session_id, payload, created_at, delivered_at)
                 VALUES ('msg_s_{name}', 'session.{name}', 'ses_{name}', '{{}}', 1500, 1600)"
            ),
        ] {
            place.sql(&statement).await.unwrap();
        }
    }
    for statement in [
        "INSERT INTO operation (id, attempt_id, session_id, kind, idempotency_key, fingerprint, state, version,
                                reference, amount_minor, currency, created_at, sends, sent_at)
         VALUES ('opr_1', 'att_succeeded', 'ses_succeeded', 'refund', 'key', 'f', 'succeeded', 3, 'opr-ref',
                 200, 'CRC', 1600, 1, 1600)",
        &format!(
            "INSERT INTO saved_card (id, buyer_id, attempt_id, key_name, token, last4, created_at)
             VALUES ('crd_1', 'ana', 'att_succeeded', 'test', {token}, '4242', 1500)"
        ),
    ] {
        place.sql(statement).await.unwrap();
    }
}

async fn a_store_of_the_release_before_keeps_its_rows_and_its_rules(place: Place) {
    released(&place, before_credits(&place)).await;
    fill(&place).await;
    let store = place.open().await;
    store.ready().await.unwrap();
    for state in FORMER {
        let id = format!("att_{}", state.name());
        let row = store.attempt(&id).await.unwrap().unwrap();
        assert_eq!((row.state, row.version), (state, 3));
        assert_eq!(store.events(&row.session_id).await.unwrap().len(), 1);
        let whole = store.whole_session(&row.session_id).await.unwrap().unwrap();
        assert_eq!(whole.attempts, [row]);
        assert!(whole.payables.is_empty() && whole.credits.is_empty());
    }
    let waiting = store.outbox(100).await.unwrap();
    assert_eq!(waiting.len(), FORMER.len());
    assert!(waiting.iter().all(|row| row.session_id.is_some()));
    assert_eq!(store.saved_cards("ana").await.unwrap().len(), 1);

    for statement in [
        "UPDATE attempt SET state = 'declined' WHERE id = 'att_succeeded'",
        "UPDATE attempt SET state = 'lost' WHERE id = 'att_sent'",
        "UPDATE attempt SET sends = 2 WHERE id = 'att_sent'",
        "UPDATE attempt SET session_id = 'ses_x' WHERE id = 'att_sent'",
        "UPDATE attempt SET session_id = 'ses_sent', idempotency_key = 'x' WHERE id = 'att_unknown'",
        "UPDATE attempt SET state = 'succeeded' WHERE id = 'att_sent'",
        "UPDATE event SET kind = 'other'",
        "UPDATE outbox SET session_id = NULL",
        "DELETE FROM attempt",
        "DELETE FROM session",
    ] {
        assert!(place.sql(statement).await.is_err(), "{statement}");
    }
    let paid = store.attempt("att_succeeded").await.unwrap().unwrap();
    let refund = OperationRow::new(&paid, OperationKind::Refund, paid.total, "other", START);
    let opened = store.open_operation(&refund.unwrap()).await.unwrap();
    assert!(matches!(opened, OperationOpened::TooMuch { left: 300 }));
    store.close().await;
    if let Place::Sqlite(_) = place {
        assert_eq!(place.text("PRAGMA integrity_check").await, "ok");
        let broken = "SELECT CAST(COUNT(*) AS TEXT) FROM pragma_foreign_key_check";
        assert_eq!(place.text(broken).await, "0");
    }
    place.open().await.ready().await.unwrap();
}

async fn a_store_of_the_release_before_takes_credits(place: Place) {
    released(&place, before_credits(&place)).await;
    fill(&place).await;
    let store = place.open().await;
    let sent = store.attempt("att_sent").await.unwrap().unwrap();
    let shown = advance(&store, &sent, &[S::Issued]).await;
    advance(&store, &shown, &[S::Expired]).await;
    let row = issued(&store).await;
    let new = NewCredit {
        fingerprint: String::from("a"),
        cashin_id: None,
        amount: row.total,
        credited_at: START,
        seen_at: START,
        payer: None,
    };
    let doubt = store.credit_in_doubt(&new, "why", &[row.id]).await.unwrap();
    let told = store.outbox(100).await.unwrap();
    let told = told.iter().find(|told| told.kind == "credit.review");
    assert_eq!(told.unwrap().credit_id, doubt.map(|credit| credit.id));
}

async fn a_step_that_fails_near_its_end_leaves_the_tables_as_they_were(place: Place) {
    released(&place, before_credits(&place)).await;
    fill(&place).await;
    place
        .sql("CREATE TABLE watch (other BIGINT)")
        .await
        .unwrap();
    assert!(place.try_open().await.is_err());
    for statement in [
        "UPDATE attempt SET state = 'issued' WHERE id = 'att_sent'",
        "UPDATE outbox SET session_id = NULL",
        "DELETE FROM payable",
    ] {
        assert!(place.sql(statement).await.is_err(), "{statement}");
    }
    place.sql("DROP TABLE watch").await.unwrap();
    let store = place.open().await;
    store.ready().await.unwrap();
    let sent = store.attempt("att_sent").await.unwrap().unwrap();
    advance(&store, &sent, &[S::Issued]).await;
}

/// The last step before there were tips.
fn before_tips(place: &Place) -> i64 {
    before_credits(place) + 1
}

async fn a_store_without_tips_keeps_its_rows_and_takes_them(place: Place) {
    released(&place, before_tips(&place)).await;
    fill(&place).await;
    let store = place.open().await;
    for state in FORMER {
        let id = format!("att_{}", state.name());
        let row = store.attempt(&id).await.unwrap().unwrap();
        assert_eq!(
            (row.state, row.tip_minor, row.total.minor()),
            (state, 0, 500)
        );
        assert_eq!(row.at_provider(), row.reference);
    }
    let session = open(&store).await;
    let draft = wallet_draft(&session, 100);
    assert!(matches!(
        store.start(&draft, RULES).await.unwrap(),
        Started::New(_)
    ));
}

/// The last step before there were errands.
fn before_errands(place: &Place) -> i64 {
    before_tips(place) + 2
}

async fn a_store_without_errands_keeps_its_rows_and_takes_them(place: Place) {
    released(&place, before_errands(&place)).await;
    fill(&place).await;
    let store = place.open().await;
    let waiting = store.outbox(100).await.unwrap();
    assert_eq!(waiting.len(), FORMER.len());
    assert!(waiting.iter().all(|row| row.session_id.is_some()));
    let row = errand(&store, ErrandKind::CashOut).await;
    let after = errand_moved(&row, S::NotExecuted);
    change_errand(&store, after).await.unwrap();
    let told = store.outbox(100).await.unwrap();
    let about: Vec<_> = told
        .iter()
        .filter_map(|row| row.errand_id.clone())
        .collect();
    assert_eq!(about, [row.id]);
    for statement in [
        "UPDATE outbox SET errand_id = NULL",
        "UPDATE outbox SET session_id = NULL WHERE errand_id IS NULL",
        "INSERT INTO outbox (id, kind, payload, created_at) VALUES ('msg_x', 'x', '', 0)",
    ] {
        assert!(place.sql(statement).await.is_err(), "{statement}");
    }
    store.close().await;
    if let Place::Sqlite(_) = place {
        assert_eq!(place.text("PRAGMA integrity_check").await, "ok");
    }
}

async fn a_store_without_deposits_keeps_its_errands_and_takes_them(place: Place) {
    // Errands, cards without a payment, whose a credit may be.
    released(&place, before_errands(&place) + 3).await;
    fill(&place).await;
    let (sealed, other) = match place {
        Place::Sqlite(_) => ("x'00'", "x'01'"),
        Place::Postgres(_) => (r"'\x00'", r"'\x01'"),
    };
    let insert = |kind: &str, request: &str| {
        format!(
            "INSERT INTO errand (id, kind, idempotency_key, state, version, reference, amount_minor, currency,
                                 details, created_at, key_name, request, sends, sent_at, settled_at)
             VALUES ('opr_{kind}', '{kind}', 'key', 'succeeded', 3, 'ref-{kind}', 700, 'ARS', '{{}}', 1500, 'test',
                     {request}, 1, 1500, 1600)"
        )
    };
    place.sql(&insert("cash_out", sealed)).await.unwrap();
    assert!(place.sql(&insert("deposit", sealed)).await.is_err());
    let store = place.open().await;
    let kept = store.errand("opr_cash_out").await.unwrap().unwrap();
    assert_eq!((kept.kind, kept.state), (ErrandKind::CashOut, S::Succeeded));
    let row = errand(&store, ErrandKind::Deposit).await;
    assert_eq!(store.errand(&row.id).await.unwrap(), Some(row));
    for statement in [
        insert("other", other),
        String::from("UPDATE errand SET kind = 'deposit' WHERE id = 'opr_cash_out'"),
        String::from("UPDATE errand SET sends = 2 WHERE id = 'opr_cash_out'"),
        String::from("DELETE FROM errand"),
    ] {
        assert!(place.sql(&statement).await.is_err(), "{statement}");
    }
    store.close().await;
    if let Place::Sqlite(_) = place {
        assert_eq!(place.text("PRAGMA integrity_check").await, "ok");
    }
}

async fn a_credit_that_an_earlier_release_left_in_review_is_found_by_whose_it_may_be(place: Place) {
    // Errands, cards without a payment.
    released(&place, before_errands(&place) + 2).await;
    fill(&place).await;
    place
        .sql(
            r#"INSERT INTO credit (id, fingerprint, amount_minor, currency, credited_at, seen_at, state, why, candidates)
               VALUES ('crd_1', 'a', 700, 'ARS', 1500, 1500, 'review', 'why', '["att_sent","att_unknown"]'),
                      ('crd_2', 'b', 700, 'ARS', 1500, 1500, 'review', 'why', NULL)"#,
        )
        .await
        .unwrap();
    place.open().await.close().await;
    for (attempt, expected) in [
        ("att_sent", "1"),
        ("att_unknown", "1"),
        ("att_declined", "0"),
    ] {
        let found = format!(
            "SELECT CAST(COUNT(*) AS TEXT) FROM credit_candidate WHERE attempt_id = '{attempt}'"
        );
        assert_eq!(place.text(&found).await, expected, "{attempt}");
    }
}

mod from_the_release_before {
    use super::*;

    every_place![
        a_credit_that_an_earlier_release_left_in_review_is_found_by_whose_it_may_be,
        a_step_that_fails_near_its_end_leaves_the_tables_as_they_were,
        a_store_of_the_release_before_keeps_its_rows_and_its_rules,
        a_store_of_the_release_before_takes_credits,
        a_store_without_deposits_keeps_its_errands_and_takes_them,
        a_store_without_errands_keeps_its_rows_and_takes_them,
        a_store_without_tips_keeps_its_rows_and_takes_them,
    ];
}

/// On SQLite the step writes into the text of the schema, and only where it is as it was known.
#[tokio::test]
async fn a_file_whose_tables_are_others_is_left_alone() {
    let place = Place::sqlite().await;
    released(&place, 2).await;
    let alter = "PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = replace(sql, '''duplicate''', '''other''') WHERE name = 'attempt'";
    place.sql(alter).await.unwrap();
    assert!(place.try_open().await.is_err());
    let kept = "SELECT sql FROM sqlite_schema WHERE name = 'attempt'";
    let kept = place.text(kept).await;
    assert!(kept.contains("'other'") && !kept.contains("'issued'"));
}
