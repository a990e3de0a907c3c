//! What is payable: recorded before anybody sees it, watched for its money.

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::cvu::Presentation;

use super::engine::{Connection, Done, Row, Transaction, values};
use super::{PayableRow, Store, Watched};
use crate::clock::Timestamp;
use crate::error::Result;

impl Store {
    /// Everything payable whose money is still looked for at `now`, whatever became of it, oldest first.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn watched(&self, now: Timestamp) -> Result<Vec<Watched>> {
        self.engine
            .read_apart()
            .await?
            .fetch_all(
                // No join: for unknown values a planner may think it cheaper to read every attempt.
                "SELECT payable.*, (SELECT state FROM attempt WHERE id = payable.attempt_id) AS state FROM payable
                 WHERE watch_until > $1 ORDER BY issued_at, attempt_id",
                values![now],
            )
            .await?
            .iter()
            .map(read_watched)
            .collect()
    }

    /// What a provider gave this identifier.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn watched_of_provider_id(
        &self,
        presentation: Presentation,
        provider_id: &str,
    ) -> Result<Option<Watched>> {
        self.engine
            .read()
            .await?
            .fetch_optional(
                "SELECT payable.*, (SELECT state FROM attempt WHERE id = payable.attempt_id) AS state FROM payable
                 WHERE presentation = $1 AND provider_id = $2",
                values![presentation.name(), provider_id],
            )
            .await?
            .as_ref()
            .map(read_watched)
            .transpose()
    }

    /// What a session's attempts made payable, oldest first.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn payables(&self, session_id: &str) -> Result<Vec<PayableRow>> {
        of_session(&mut self.engine.read().await?, session_id).await
    }

    /// What an attempt made payable.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn payable(&self, attempt_id: &str) -> Result<Option<PayableRow>> {
        self.engine
            .read()
            .await?
            .fetch_optional(
                "SELECT * FROM payable WHERE attempt_id = $1",
                values![attempt_id],
            )
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }
}

pub(super) async fn of_session(
    connection: &mut Connection,
    session_id: &str,
) -> Result<Vec<PayableRow>> {
    connection
        .fetch_all(
            "SELECT * FROM payable WHERE session_id = $1 ORDER BY issued_at, attempt_id",
            values![session_id],
        )
        .await?
        .iter()
        .map(read)
        .collect()
}

pub(super) async fn insert(tx: &mut Transaction, row: &PayableRow) -> Done<()> {
    tx.execute(
        "INSERT INTO payable (attempt_id, session_id, presentation, provider_id, content, amount_minor, currency,
                              issued_at, expires_at, watch_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        values![
            &row.attempt_id,
            &row.session_id,
            row.presentation.name(),
            &row.provider_id,
            &row.content,
            row.total,
            row.total.currency().code(),
            row.issued_at,
            row.expires_at,
            row.watch_until,
        ],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<PayableRow> {
    Ok(PayableRow {
        attempt_id: row.text("attempt_id")?,
        session_id: row.text("session_id")?,
        presentation: row.named("presentation", Presentation::from_name)?,
        provider_id: row.text_if("provider_id")?,
        content: row.text("content")?,
        total: row.money("amount_minor", "currency")?,
        issued_at: row.moment("issued_at")?,
        expires_at: row.moment("expires_at")?,
        watch_until: row.moment("watch_until")?,
    })
}

fn read_watched(row: &Row) -> Result<Watched> {
    Ok(Watched {
        payable: read(row)?,
        state: row.named("state", AttemptState::from_name)?,
    })
}
