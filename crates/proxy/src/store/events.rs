//! What happened, in order. Written with what it made true, never changed.

use serde_json::Value;
use ventanilla_core::attempt::AttemptState;

use super::engine::{Row, Transaction, values};
use super::{EventRow, News, Store};
use crate::clock::Timestamp;
use crate::error::Result;

/// Most news that are told at once.
const MOST_NEWS: i64 = 5_000;

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

    /// The number of the newest event that can be seen; 0 before the first.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn newest_event(&self) -> Result<i64> {
        self.engine
            .read_apart()
            .await?
            .fetch_one(
                "SELECT COALESCE(MAX(id), 0) AS newest FROM event WHERE id > 0",
                values![],
            )
            .await?
            .whole("newest")
    }

    /// What happened behind the event `after`, as far as it can be seen yet, in order; at most
    /// 5 000 at a time.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn events_after(&self, after: i64) -> Result<Vec<News>> {
        self.engine
            .read_apart()
            .await?
            .fetch_all(
                "SELECT id, COALESCE(operation_id, attempt_id, session_id) AS about FROM event
                 WHERE id > $1 ORDER BY id LIMIT $2",
                values![after, MOST_NEWS],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(News {
                    event: row.whole("id")?,
                    about: row.text("about")?,
                })
            })
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
