//! What the merchant is to be told: written with what made it true, delivered at least once.

use std::time::Duration;

use serde_json::Value;

use super::engine::{Row, Transaction, values};
use super::{DisabledReceiver, OutboxRow, Store, Undelivered};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id;
use crate::webhooks::payload::{Records, payload};

/// Records that the merchant is to be told something, with the records as this commit leaves them.
pub(super) async fn write(
    tx: &mut Transaction,
    kind: &str,
    at: Timestamp,
    about: Records<'_>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO outbox (id, kind, session_id, attempt_id, operation_id, credit_id, errand_id, payload,
                             created_at, next_try_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
        values![
            &id::make_prefixed("msg")?,
            kind,
            about.session.map(|session| session.id.as_str()),
            about.attempt.map(|attempt| attempt.id.as_str()),
            about.operation.map(|operation| operation.id.as_str()),
            about.credit.map(|credit| credit.id.as_str()),
            about.errand.map(|(errand, _)| errand.id.as_str()),
            &payload(kind, at, about).to_string(),
            at,
        ],
    )
    .await?;
    tx.has_news = true;
    Ok(())
}

impl Store {
    /// Waits until this process commits something that the merchant is to be told. For one task.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// What is still to be delivered.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn undelivered(&self) -> Result<Undelivered> {
        let row = self
            .engine
            .read()
            .await?
            .fetch_one(
                "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest_at FROM outbox
                 WHERE next_try_at IS NOT NULL",
                values![],
            )
            .await?;
        Ok(Undelivered {
            count: row.small("waiting")?,
            oldest_at: row.moment_if("oldest_at")?,
        })
    }

    /// What the merchant was not told yet, given up or not, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxRow>> {
        let rows = self
            .engine
            .read()
            .await?
            .fetch_all(
                "SELECT * FROM outbox WHERE delivered_at IS NULL ORDER BY created_at, rowid LIMIT $1",
                values![limit],
            )
            .await?;
        self.whole(&rows).await
    }

    /// News that is due to be delivered, oldest first, each lent to one caller for `lease` of real time.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn claim_outbox(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OutboxRow>> {
        let rows = self
            .engine
            .write()
            .await?
            .fetch_all(
                "WITH due AS MATERIALIZED (
                     SELECT id FROM outbox
                     WHERE next_try_at <= $1 AND (leased_until IS NULL OR leased_until <= {now})
                     ORDER BY created_at, rowid LIMIT $2 {skip locked})
                 UPDATE outbox SET leased_until = {now} + $3 WHERE id IN (SELECT id FROM due)
                 RETURNING *, rowid AS place",
                values![now, limit, lease],
            )
            .await?;
        let mut rows = rows
            .into_iter()
            .map(|row| Ok(((row.moment("created_at")?, row.whole("place")?), row)))
            .collect::<Result<Vec<_>>>()?;
        rows.sort_by_key(|(place, _)| *place);
        let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        self.whole(&rows).await
    }

    /// Records that news was delivered.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn delivered(&self, id: &str, now: Timestamp) -> Result<()> {
        self.engine
            .write()
            .await?
            .execute(
                "UPDATE outbox SET delivered_at = $1, tries = tries + 1, next_try_at = NULL,
                                   leased_until = NULL, given_up_at = NULL, last_error = NULL
                 WHERE id = $2 AND delivered_at IS NULL",
                values![now, id],
            )
            .await?;
        Ok(())
    }

    /// Records that a try to deliver news failed. Without `next_try_at` it is given up.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn not_delivered(
        &self,
        id: &str,
        now: Timestamp,
        error: &str,
        next_try_at: Option<Timestamp>,
    ) -> Result<()> {
        let given_up_at = match next_try_at {
            Some(_) => None,
            None => Some(now),
        };
        self.engine
            .write()
            .await?
            .execute(
                "UPDATE outbox SET tries = tries + 1, last_error = $1, next_try_at = $2, given_up_at = $3,
                                   leased_until = NULL
                 WHERE id = $4 AND delivered_at IS NULL",
                values![error, next_try_at, given_up_at, id],
            )
            .await?;
        Ok(())
    }

    /// Gives up what became true at `until` or before and is not lent to anybody. How much that was.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn give_up_until(
        &self,
        until: Timestamp,
        now: Timestamp,
        reason: &str,
    ) -> Result<u64> {
        let given_up = self
            .engine
            .write()
            .await?
            .execute(
                "UPDATE outbox SET last_error = $1, next_try_at = NULL, given_up_at = $2, leased_until = NULL
                 WHERE next_try_at IS NOT NULL AND created_at <= $3
                   AND (leased_until IS NULL OR leased_until <= {now})",
                values![reason, now, until],
            )
            .await?;
        Ok(given_up)
    }

    /// The earliest moment at which news is due that is not lent to anybody.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn next_outbox(&self) -> Result<Option<Timestamp>> {
        self.engine
            .read()
            .await?
            .fetch_one(
                "SELECT MIN(next_try_at) AS due FROM outbox
                 WHERE next_try_at IS NOT NULL AND (leased_until IS NULL OR leased_until <= {now})",
                values![],
            )
            .await?
            .moment_if("due")
    }

    /// Remembers that a receiver wants no more; whoever delivers gives its news up from then on.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn disable_receiver(&self, url: &str, now: Timestamp, reason: &str) -> Result<()> {
        self.engine
            .write()
            .await?
            .execute(
                "INSERT INTO disabled_receiver (url, since, reason) VALUES ($1, $2, $3)
                 ON CONFLICT (url) DO NOTHING",
                values![url, now, reason],
            )
            .await?;
        Ok(())
    }

    /// Lets a receiver have news again; what was given up at or after `since` is due again at `now`, as
    /// if it had never been tried. How much that was.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn enable_receiver(
        &self,
        url: &str,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<u64> {
        let mut tx = self.engine.begin().await?;
        tx.execute("DELETE FROM disabled_receiver WHERE url = $1", values![url])
            .await?;
        let due_again = tx
            .execute(
                "UPDATE outbox SET given_up_at = NULL, next_try_at = $1, tries = 0
                 WHERE given_up_at >= $2 AND delivered_at IS NULL",
                values![now, since],
            )
            .await?;
        tx.commit().await?;
        Ok(due_again)
    }

    /// Whether a receiver asked for no more.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn disabled_receiver(&self, url: &str) -> Result<Option<DisabledReceiver>> {
        self.engine
            .read()
            .await?
            .fetch_optional(
                "SELECT * FROM disabled_receiver WHERE url = $1",
                values![url],
            )
            .await?
            .map(|row| {
                Ok(DisabledReceiver {
                    url: row.text("url")?,
                    since: row.moment("since")?,
                    reason: row.text("reason")?,
                })
            })
            .transpose()
    }

    /// The rows with their payloads. The first release wrote none: theirs is made of the records as they
    /// stand now.
    async fn whole(&self, rows: &[Row]) -> Result<Vec<OutboxRow>> {
        let mut whole = Vec::with_capacity(rows.len());
        for row in rows {
            let mut row = read(row)?;
            if row.payload.is_null() {
                row.payload = self.payload_now(&row).await?;
            }
            whole.push(row);
        }
        Ok(whole)
    }

    async fn payload_now(&self, row: &OutboxRow) -> Result<Value> {
        let session = match &row.session_id {
            Some(id) => self.session(id).await?,
            None => None,
        };
        let Some(session) = session else {
            return Err(Error::internal(format!(
                "message {} is about a session that is not there",
                row.id
            )));
        };
        let attempt = match &row.attempt_id {
            Some(id) => self.attempt(id).await?,
            None => None,
        };
        let about = Records {
            session: Some(&session),
            attempt: attempt.as_ref(),
            ..Records::default()
        };
        Ok(payload(&row.kind, row.created_at, about))
    }
}

fn read(row: &Row) -> Result<OutboxRow> {
    Ok(OutboxRow {
        id: row.text("id")?,
        kind: row.text("kind")?,
        session_id: row.text_if("session_id")?,
        attempt_id: row.text_if("attempt_id")?,
        operation_id: row.text_if("operation_id")?,
        errand_id: row.text_if("errand_id")?,
        credit_id: row.text_if("credit_id")?,
        payload: row
            .text_if("payload")?
            .map_or(Ok(Value::Null), |text| serde_json::from_str(&text))
            .map_err(Error::internal)?,
        created_at: row.moment("created_at")?,
        tries: row.small("tries")?,
        next_try_at: row.moment_if("next_try_at")?,
        delivered_at: row.moment_if("delivered_at")?,
        given_up_at: row.moment_if("given_up_at")?,
        last_error: row.text_if("last_error")?,
    })
}
