//! Rounds that one process at a time makes, over and over: looking for credits. As with other work, a
//! lease runs on the database's own clock, and when a round is due is said by the clock that the callers
//! share.

use std::time::Duration;

use super::Store;
use super::engine::values;
use crate::clock::Timestamp;
use crate::error::Result;

impl Store {
    /// Takes a round that is due, for `lease` of real time. One that was never heard of is due at once.
    /// Whether the caller has it.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn claim_watch(&self, name: &str, now: Timestamp, lease: Duration) -> Result<bool> {
        let claimed = self
            .engine
            .write_apart()
            .await?
            .execute(
                "INSERT INTO watch (name, due_at, leased_until) VALUES ($1, $2, {now} + $3)
                 ON CONFLICT (name) DO UPDATE SET leased_until = {now} + $3, hurried_to = NULL
                 WHERE watch.due_at <= $2 AND (watch.leased_until IS NULL OR watch.leased_until <= {now})",
                values![name, now, lease],
            )
            .await?;
        Ok(claimed == 1)
    }

    /// Gives a round back. It is due again at `next`, or when somebody hurried it to meanwhile: they may
    /// have seen what it no longer did.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn end_watch(&self, name: &str, next: Timestamp) -> Result<()> {
        self.engine
            .write_apart()
            .await?
            .execute(
                "UPDATE watch SET due_at = CASE WHEN hurried_to < $1 THEN hurried_to ELSE $1 END,
                                  hurried_to = NULL, leased_until = NULL
                 WHERE name = $2",
                values![next, name],
            )
            .await?;
        Ok(())
    }

    /// Brings the next round forward to `to`; one that is being made is followed by another then. Whether
    /// it would have come later.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn hurry_watch(&self, name: &str, to: Timestamp) -> Result<bool> {
        let hurried = self
            .engine
            .write()
            .await?
            .execute(
                "INSERT INTO watch (name, due_at) VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE
                 SET due_at = CASE WHEN watch.leased_until IS NULL THEN $2 ELSE watch.due_at END,
                     hurried_to = CASE WHEN watch.leased_until IS NULL THEN NULL ELSE $2 END
                 WHERE (watch.leased_until IS NULL AND watch.due_at > $2)
                    OR (watch.leased_until IS NOT NULL AND (watch.hurried_to IS NULL OR watch.hurried_to > $2))",
                values![name, to],
            )
            .await?;
        Ok(hurried == 1)
    }
}
