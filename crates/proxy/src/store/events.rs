//! What happened, in order. Written with what it made true, never changed.

use serde_json::Value;
use ventanilla_core::attempt::AttemptState;

use super::engine::{Row, Transaction, values};
use super::{EventRow, Store};
use crate::clock::Timestamp;
use crate::error::Result;

/// An event to be written.
pub(super) struct NewEvent<'a> {
    pub at: Timestamp,
    pub session_id: &'a str,
    pub attempt_id: Option<&'a str>,
    pub operation_id: Option<&'a str>,
    pub kind: &'a str,
    /// State before and after, when it changed.
    pub moved: (Option<&'a str>, Option<&'a str>),
    pub evidence: &'a Value,
}

/// State before and after, if they differ.
pub(super) fn moved(
    before: AttemptState,
    after: AttemptState,
) -> (Option<&'static str>, Option<&'static str>) {
    if before == after {
        (None, None)
    } else {
        (Some(before.name()), Some(after.name()))
    }
}

pub(super) async fn write(tx: &mut Transaction, event: NewEvent<'_>) -> Result<()> {
    let (from, to) = event.moved;
    tx.execute(
        "INSERT INTO event (at, session_id, attempt_id, operation_id, kind, from_state, to_state, evidence)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        values![
            event.at,
            event.session_id,
            event.attempt_id,
            event.operation_id,
            event.kind,
            from,
            to,
            &event.evidence.to_string(),
        ],
    )
    .await?;
    Ok(())
}

impl Store {
    /// What happened in a session, in order.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn events(&self, session_id: &str) -> Result<Vec<EventRow>> {
        self.engine
            .read()
            .await?
            .fetch_all(
                "SELECT * FROM event WHERE session_id = $1 ORDER BY id",
                values![session_id],
            )
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

fn read(row: &Row) -> Result<EventRow> {
    Ok(EventRow {
        at: row.moment("at")?,
        attempt_id: row.text_if("attempt_id")?,
        operation_id: row.text_if("operation_id")?,
        kind: row.text("kind")?,
        from_state: row.text_if("from_state")?,
        to_state: row.text_if("to_state")?,
        evidence: row.json("evidence")?,
    })
}
