//! The database's own guards, past every line of this program.

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::operation::OperationKind;
use ventanilla_proxy::store::{
    AttemptRow, CreditState, CreditVerdict, NewCredit, OperationOpened, OperationRow, Started,
    Store,
};

use crate::support::*;

async fn refund(store: &Store, minor: u64) -> OperationRow {
    let attempt = paid(store).await;
    let amount = Money::from_minor(minor, Currency::CRC).unwrap();
    let draft = OperationRow::new(&attempt, OperationKind::Refund, amount, "first", START).unwrap();
    match store.open_operation(&draft).await.unwrap() {
        OperationOpened::New(row) => row,
        _ => panic!("nothing is in the way"),
    }
}

/// A second operation like `row`, but for what makes it another.
fn another(row: &OperationRow, columns: &str) -> String {
    let mut values = vec![
        ("id", String::from("'opr_other'")),
        ("attempt_id", format!("'{}'", row.attempt_id)),
        ("session_id", format!("'{}'", row.session_id)),
        ("kind", String::from("'refund'")),
        ("idempotency_key", String::from("'other'")),
        ("fingerprint", String::from("''")),
        ("state", String::from("'new'")),
        ("version", String::from("0")),
        ("reference", String::from("'other'")),
        ("amount_minor", String::from("1")),
        ("currency", String::from("'CRC'")),
        ("created_at", String::from("0")),
    ];
    for told in columns.split(", ").filter(|told| !told.is_empty()) {
        let (name, value) = told.split_once(" = ").unwrap();
        match values.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => value.clone_into(&mut known.1),
            None => values.push((name, value.to_owned())),
        }
    }
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
    format!(
        "INSERT INTO operation ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    )
}

async fn what_happened_cannot_be_deleted_or_rewritten(place: Place) {
    let store = place.open().await;
    let row = refund(&store, 100).await;
    advance_operation(&store, &row, &[S::Prepared, S::Sent, S::Succeeded]).await;
    for statement in [
        "DELETE FROM event",
        "UPDATE event SET kind = 'other'",
        "DELETE FROM attempt",
        "UPDATE attempt SET state = 'declined'",
        "UPDATE attempt SET confirmed_minor = 1",
        "UPDATE attempt SET sends = 2",
        "UPDATE attempt SET returns = 3, sends = 4",
        "DELETE FROM operation",
        "UPDATE operation SET state = 'declined'",
        "UPDATE operation SET amount_minor = 1",
        "UPDATE operation SET kind = 'capture'",
        "UPDATE operation SET sends = 2",
        "UPDATE operation SET returns = 3, sends = 4",
    ] {
        assert!(place.sql(statement).await.is_err(), "{statement}");
    }
}

async fn what_was_shown_and_what_was_credited_cannot_be_rewritten(place: Place) {
    let store = place.open().await;
    let row = issued(&store).await;
    let new = |print: &str| NewCredit {
        fingerprint: print.to_owned(),
        cashin_id: Some(format!("of {print}")),
        amount: row.total,
        credited_at: START,
        seen_at: START,
        payer: None,
    };
    store
        .credit_attempt(&new("a"), &row.id, |scene| {
            Some(CreditVerdict {
                state: CreditState::Matched,
                why: None,
                change: Some(plain(moved(scene.attempt, S::Succeeded))),
            })
        })
        .await
        .unwrap();
    store.credit_in_doubt(&new("b"), "why", &[]).await.unwrap();
    let before = store.credits_since(START).await.unwrap();
    for statement in [
        "DELETE FROM payable",
        "UPDATE payable SET content = 'other'",
        "UPDATE payable SET watch_until = 0",
        "DELETE FROM credit",
        "UPDATE credit SET state = 'review' WHERE fingerprint = 'a'",
        "UPDATE credit SET state = 'dismissed', why = 'x' WHERE fingerprint = 'a'",
        "UPDATE credit SET attempt_id = NULL WHERE fingerprint = 'a'",
        "UPDATE credit SET amount_minor = 1",
        "UPDATE credit SET currency = 'USD'",
        "UPDATE credit SET seen_at = 0",
        "UPDATE credit SET cashin_id = NULL",
        "UPDATE credit SET cashin_id = 'c' WHERE fingerprint = 'b'",
        "UPDATE credit SET fingerprint = 'c' WHERE fingerprint = 'b'",
        // A second one for the same attempt, one for none, one of another amount, one without a reason.
        "UPDATE credit SET state = 'matched', attempt_id = (SELECT id FROM attempt) WHERE fingerprint = 'b'",
        "UPDATE credit SET state = 'matched' WHERE fingerprint = 'b'",
        "INSERT INTO credit (id, fingerprint, amount_minor, currency, credited_at, seen_at, state, attempt_id)
         SELECT 'crd_x', 'x', 1, 'CRC', 0, 0, 'matched', id FROM attempt",
        "INSERT INTO credit (id, fingerprint, amount_minor, currency, credited_at, seen_at, state)
         VALUES ('crd_x', 'x', 1, 'CRC', 0, 0, 'review')",
        "INSERT INTO outbox (id, kind, payload, created_at) VALUES ('msg_x', 'x', '', 0)",
        "INSERT INTO payable SELECT 'att_x', session_id, presentation, 'x', content, amount_minor, currency, issued_at,
                                    expires_at, watch_until FROM payable",
    ] {
        assert!(place.sql(statement).await.is_err(), "{statement}");
    }
    assert_eq!(store.credits_since(START).await.unwrap(), before);
    assert_eq!(store.payable(&row.id).await.unwrap(), Some(payable(&row)));
}

async fn a_second_open_operation_cannot_be_written(place: Place) {
    let store = place.open().await;
    let row = refund(&store, 100).await;
    assert!(place.sql(&another(&row, "")).await.is_err());
    advance_operation(&store, &row, &[S::NotExecuted]).await;
    assert_eq!(place.sql(&another(&row, "")).await.unwrap(), 1);
}

async fn more_than_was_paid_cannot_be_written(place: Place) {
    let store = place.open().await;
    let row = refund(&store, 125_000).await;
    advance_operation(&store, &row, &[S::Prepared, S::Sent, S::Succeeded]).await;
    for columns in [
        "amount_minor = 51",
        "amount_minor = 51, kind = 'void'",
        "amount_minor = 125051, kind = 'capture'",
        "amount_minor = 1, currency = 'USD'",
    ] {
        assert!(
            place.sql(&another(&row, columns)).await.is_err(),
            "{columns}"
        );
    }
    // Neither by the way of something that ended and comes back.
    let ended = "amount_minor = 51, state = 'not_executed', sends = 1, sent_at = 0";
    place.sql(&another(&row, ended)).await.unwrap();
    let late = "UPDATE operation SET state = 'succeeded' WHERE id = 'opr_other'";
    assert!(place.sql(late).await.is_err());
    let stored = store.operation("opr_other").await.unwrap().unwrap();
    assert_eq!(stored.state, S::NotExecuted);
}

async fn an_attempt_that_is_not_paid_takes_no_operation(place: Place) {
    let store = place.open().await;
    let row = refund(&store, 100).await;
    let session = open(&store).await;
    let unpaid = begin(&store, &session).await;
    let columns = format!("attempt_id = '{}'", unpaid.id);
    assert!(place.sql(&another(&row, &columns)).await.is_err());
}

/// An attempt like `row`, but for what makes it another.
fn another_attempt(row: &AttemptRow, columns: &[(&str, &str)]) -> String {
    let session = format!("'{}'", row.session_id);
    let mut values = vec![
        ("id", "'att_other'"),
        ("session_id", session.as_str()),
        ("idempotency_key", "'other'"),
        ("fingerprint", "''"),
        ("rail", "'flux'"),
        ("state", "'new'"),
        ("version", "0"),
        ("reference", "'other'"),
        ("amount_minor", "1000"),
        ("currency", "'CRC'"),
        ("save_card", "FALSE"),
        ("owner", "'me'"),
        ("created_at", "0"),
    ];
    for (name, value) in columns {
        match values.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value,
            None => values.push((name, value)),
        }
    }
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
    format!(
        "INSERT INTO attempt ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    )
}

async fn a_tip_above_the_bill_or_on_another_rail_cannot_be_written(place: Place) {
    let store = place.open().await;
    let session = open(&store).await;
    let row = AttemptRow {
        session_id: session.id.clone(),
        ..draft(&session)
    };
    for (tip, rail) in [("-1", "'flux'"), ("501", "'flux'"), ("1", "'card'")] {
        let columns = [("tip_minor", tip), ("rail", rail)];
        let statement = another_attempt(&row, &columns);
        assert!(place.sql(&statement).await.is_err(), "{tip} on {rail}");
    }
    let fits = another_attempt(&row, &[("tip_minor", "500")]);
    assert_eq!(place.sql(&fits).await.unwrap(), 1);
    for statement in [
        "UPDATE attempt SET tip_minor = 0",
        "UPDATE attempt SET carried_reference = 'x'",
        "UPDATE attempt SET amount_minor = 999",
        "UPDATE attempt SET rail = 'card'",
    ] {
        assert!(place.sql(statement).await.is_err(), "{statement}");
    }
}

async fn a_reference_can_only_be_carried_on_from_what_was_never_executed(place: Place) {
    let store = place.open().await;
    for (state, expected) in [
        (S::Declined, false),
        (S::Duplicate, false),
        (S::NotExecuted, true),
    ] {
        let session = open(&store).await;
        let Started::New(row) = store
            .start(&wallet_draft(&session, 0), RULES)
            .await
            .unwrap()
        else {
            panic!("nothing is in the way");
        };
        let row = advance(&store, &row, way_to(state)).await;
        let carried = format!("'{}'", row.reference);
        let carries = [("carried_reference", carried.as_str())];
        // Not by a stranger's session, and not on another rail.
        let stranger = open(&store).await;
        let elsewhere = draft(&stranger);
        assert!(
            place
                .sql(&another_attempt(&elsewhere, &carries))
                .await
                .is_err()
        );
        let on_card = [carries[0], ("rail", "'card'")];
        assert!(place.sql(&another_attempt(&row, &on_card)).await.is_err());
        let written = place.sql(&another_attempt(&row, &carries)).await;
        assert_eq!(written.is_ok(), expected, "{}", state.name());
    }
}

async fn the_indexes_cover_the_states_that_block_others(place: Place) {
    let _store = place.open().await;
    let text = async |index: &str| match place {
        Place::Sqlite(_) => {
            place
                .text(&format!(
                    "SELECT sql FROM sqlite_master WHERE name = '{index}'"
                ))
                .await
        }
        Place::Postgres(_) => {
            place
                .text(&format!(
                    "SELECT indexdef FROM pg_indexes WHERE indexname = '{index}'"
                ))
                .await
        }
    };
    let (attempts, operations) = (text("attempt_live").await, text("operation_open").await);
    for state in S::ALL {
        let named = format!("'{}'", state.name());
        assert_eq!(
            attempts.contains(&named),
            state.blocks_others(),
            "{}",
            state.name()
        );
        let blocks = state.blocks_others() && !matches!(state, S::Succeeded | S::Issued);
        assert_eq!(operations.contains(&named), blocks, "{}", state.name());
    }
}

every_place![
    a_reference_can_only_be_carried_on_from_what_was_never_executed,
    a_second_open_operation_cannot_be_written,
    a_tip_above_the_bill_or_on_another_rail_cannot_be_written,
    an_attempt_that_is_not_paid_takes_no_operation,
    more_than_was_paid_cannot_be_written,
    the_indexes_cover_the_states_that_block_others,
    what_happened_cannot_be_deleted_or_rewritten,
    what_was_shown_and_what_was_credited_cannot_be_rewritten,
];
