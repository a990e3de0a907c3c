//! Work that is due, and who has it. A lease runs in real time on the database's own clock; when work is
//! due is said by the clock that the callers share.

use std::time::Duration;

use super::engine::{Row, values};
use super::{
    AttemptRow, Doubt, ErrandRow, OperationRow, Overdue, ReviewRows, Store, attempts, credits,
    errands, operations,
};
use crate::clock::Timestamp;
use crate::error::Result;

impl Store {
    /// Attempts that are due for a read, each lent to one caller for `lease` of real time.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn claim_due(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<AttemptRow>> {
        let rows = self
            .engine
            .write_apart()
            .await?
            .fetch_all(
                "WITH due AS MATERIALIZED (
                     SELECT id FROM attempt
                     WHERE next_check_at <= $1 AND state <> 'prepared' AND (leased_until IS NULL OR leased_until <= {now})
                     ORDER BY next_check_at LIMIT $2 {skip locked})
                 UPDATE attempt SET leased_until = {now} + $3 WHERE id IN (SELECT id FROM due)
                 RETURNING *",
                values![now, limit, lease],
            )
            .await?;
        let mut due = read_all(&rows, attempts::read)?;
        due.sort_by_key(|attempt| attempt.next_check_at);
        Ok(due)
    }

    /// Operations that are due to be driven or read back, each lent to one caller for `lease` of real
    /// time.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn claim_operations(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OperationRow>> {
        let rows = self
            .engine
            .write_apart()
            .await?
            .fetch_all(
                "WITH due AS MATERIALIZED (
                     SELECT id FROM operation
                     WHERE next_check_at <= $1 AND (leased_until IS NULL OR leased_until <= {now})
                     ORDER BY next_check_at LIMIT $2 {skip locked})
                 UPDATE operation SET leased_until = {now} + $3 WHERE id IN (SELECT id FROM due)
                 RETURNING *",
                values![now, limit, lease],
            )
            .await?;
        let mut due = read_all(&rows, operations::read)?;
        due.sort_by_key(|operation| operation.next_check_at);
        Ok(due)
    }

    /// Errands that are due to be driven or read back, each lent to one caller for `lease` of real time.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn claim_errands(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<ErrandRow>> {
        let rows = self
            .engine
            .write_apart()
            .await?
            .fetch_all(
                "WITH due AS MATERIALIZED (
                     SELECT id FROM errand
                     WHERE next_check_at <= $1 AND (leased_until IS NULL OR leased_until <= {now})
                     ORDER BY next_check_at LIMIT $2 {skip locked})
                 UPDATE errand SET leased_until = {now} + $3 WHERE id IN (SELECT id FROM due)
                 RETURNING *",
                values![now, limit, lease],
            )
            .await?;
        let mut due = read_all(&rows, errands::read)?;
        due.sort_by_key(|errand| errand.next_check_at);
        Ok(due)
    }

    /// Brings the next read of an attempt in doubt forward to `to`. Whether it was later before.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn pull_forward(&self, id: &str, to: Timestamp) -> Result<bool> {
        let moved = self
            .engine
            .write()
            .await?
            .execute(
                "UPDATE attempt SET next_check_at = $1 WHERE id = $2 AND state = 'unknown' AND next_check_at > $1",
                values![to, id],
            )
            .await?;
        Ok(moved > 0)
    }

    /// Attempts that wait for something that will not come: calls past their deadline, and attempts
    /// that never took the right to send.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn overdue(&self, overdue: Overdue) -> Result<Vec<AttemptRow>> {
        let rows = self
            .engine
            .read_apart()
            .await?
            .fetch_all(
                "SELECT * FROM attempt
                 WHERE (state = 'sent' AND deadline_at < $1)
                    OR (state IN ('new', 'prepared') AND created_at < $2 AND next_check_at IS NULL)
                    OR (state = 'prepared' AND next_check_at <= $3)",
                values![
                    overdue.deadline_before,
                    overdue.unsent_before,
                    overdue.waited_until,
                ],
            )
            .await?;
        read_all(&rows, attempts::read)
    }

    /// Operations whose call is past its deadline.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn overdue_operations(
        &self,
        deadline_before: Timestamp,
    ) -> Result<Vec<OperationRow>> {
        let rows = self
            .engine
            .read_apart()
            .await?
            .fetch_all(
                "SELECT * FROM operation WHERE state = 'sent' AND deadline_at < $1",
                values![deadline_before],
            )
            .await?;
        read_all(&rows, operations::read)
    }

    /// Errands whose call is past its deadline.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn overdue_errands(&self, deadline_before: Timestamp) -> Result<Vec<ErrandRow>> {
        let rows = self
            .engine
            .read_apart()
            .await?
            .fetch_all(
                "SELECT * FROM errand WHERE state = 'sent' AND deadline_at < $1",
                values![deadline_before],
            )
            .await?;
        read_all(&rows, errands::read)
    }

    /// Attempts that another process recorded and that never took the right to send, unless they wait for
    /// their buyer. On a shared store
    /// that process may be alive.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn unsent_of_others(&self, owner: &str) -> Result<Vec<AttemptRow>> {
        let rows = self
            .engine
            .read()
            .await?
            .fetch_all(
                "SELECT * FROM attempt WHERE state IN ('new', 'prepared') AND next_check_at IS NULL AND owner <> $1",
                values![owner],
            )
            .await?;
        read_all(&rows, attempts::read)
    }

    /// The earliest moment at which something that is not lent to anybody is due: an attempt, an
    /// operation or an errand to take up, a call to give up, a round to make. `sent_grace` and `unsent_limit` are added to deadlines and
    /// to the start of attempts that were never sent.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn next_due(
        &self,
        sent_grace: Duration,
        unsent_limit: Duration,
    ) -> Result<Option<Timestamp>> {
        self.engine
            .read_apart()
            .await?
            .fetch_one(
                "SELECT MIN(due) AS due FROM (
                     SELECT MIN(deadline_at) + $1 AS due FROM attempt WHERE state = 'sent'
                     UNION ALL
                     SELECT MIN(deadline_at) + $1 FROM operation WHERE state = 'sent'
                     UNION ALL
                     SELECT MIN(deadline_at) + $1 FROM errand WHERE state = 'sent'
                     UNION ALL
                     SELECT MIN(created_at) + $2 FROM attempt
                     WHERE state IN ('new', 'prepared') AND next_check_at IS NULL
                     UNION ALL
                     SELECT MIN(next_check_at) FROM attempt
                     WHERE next_check_at IS NOT NULL AND (leased_until IS NULL OR leased_until <= {now})
                     UNION ALL
                     SELECT MIN(next_check_at) FROM operation
                     WHERE next_check_at IS NOT NULL AND (leased_until IS NULL OR leased_until <= {now})
                     UNION ALL
                     SELECT MIN(next_check_at) FROM errand
                     WHERE next_check_at IS NOT NULL AND (leased_until IS NULL OR leased_until <= {now})
                     UNION ALL
                     SELECT MIN(due_at) FROM watch WHERE leased_until IS NULL OR leased_until <= {now}
                 ) AS moments",
                values![sent_grace, unsent_limit],
            )
            .await?
            .moment_if("due")
    }

    /// The attempts in doubt.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn doubt(&self) -> Result<Doubt> {
        let row = self
            .engine
            .read_apart()
            .await?
            .fetch_one(
                "SELECT COUNT(*) AS open, MIN(unknown_at) AS oldest FROM attempt WHERE state IN ('unknown', 'review')",
                values![],
            )
            .await?;
        Ok(Doubt {
            open: row.small("open")?,
            oldest_at: row.moment_if("oldest")?,
        })
    }

    /// What somebody at the merchant must look at.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn review(&self) -> Result<ReviewRows> {
        let mut connection = self.engine.read().await?;
        let attempts = connection
            .fetch_all(
                "SELECT * FROM attempt
                 WHERE state = 'review'
                    OR (state = 'duplicate'
                        AND confirmed_minor > (SELECT COALESCE(SUM(amount_minor), 0) FROM operation
                                               WHERE attempt_id = attempt.id AND kind <> 'capture'
                                                 AND state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded')))
                 ORDER BY created_at, rowid",
                values![],
            )
            .await?;
        let operations = connection
            .fetch_all(
                "SELECT * FROM operation WHERE state = 'review' ORDER BY created_at, rowid",
                values![],
            )
            .await?;
        let errands = connection
            .fetch_all(
                "SELECT * FROM errand WHERE state = 'review' ORDER BY created_at, rowid",
                values![],
            )
            .await?;
        Ok(ReviewRows {
            attempts: read_all(&attempts, attempts::read)?,
            operations: read_all(&operations, operations::read)?,
            errands: read_all(&errands, errands::read)?,
            credits: credits::in_review(&mut connection).await?,
        })
    }
}

fn read_all<T>(rows: &[Row], read: fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(read).collect()
}
