//! Rounds that one process at a time makes, over and over: looking for credits. As with other work, a
//! lease runs on the database's own clock, and when a round is due is said by the clock that the callers
//! share.

use std::time::Duration;

use super::Store;
use super::engine::{Row, values};
use crate::clock::Timestamp;
use crate::error::Result;

/// A round that is somebody's, told from everybody else's by the moment at which its lease ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Turn(i64);

impl Turn {
    fn read(row: &Row) -> Result<Self> {
        row.whole("leased_until").map(Self)
    }
}

impl Store {
    /// Takes a round that is due, for `lease` of real time. One that was never heard of is due at once.
    /// None when it is not due, or somebody else's.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn claim_watch(
        &self,
        name: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<Turn>> {
        self.engine
            .write_apart()
            .await?
            .fetch_optional(
                "INSERT INTO watch (name, due_at, leased_until) VALUES ($1, $2, {now} + $3)
                 ON CONFLICT (name) DO UPDATE SET leased_until = {now} + $3, hurried_to = NULL
                 WHERE watch.due_at <= $2 AND (watch.leased_until IS NULL OR watch.leased_until <= {now})
                 RETURNING leased_until",
                values![name, now, lease],
            )
            .await?
            .as_ref()
            .map(Turn::read)
            .transpose()
    }

    /// Keeps a round for `lease` of real time from now on. None when it is not the caller's any more.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn keep_watch(
        &self,
        name: &str,
        turn: Turn,
        lease: Duration,
    ) -> Result<Option<Turn>> {
        self.engine
            .write_apart()
            .await?
            .fetch_optional(
                "UPDATE watch SET leased_until = {now} + $3 WHERE name = $1 AND leased_until = $2
                 RETURNING leased_until",
                values![name, turn.0, lease],
            )
            .await?
            .as_ref()
            .map(Turn::read)
            .transpose()
    }

    /// Gives a round back, unless it has become somebody else's; without a turn, whoever has it. It is due again at
    /// `next`, or when somebody hurried it to meanwhile: they may have seen what it no longer did.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn end_watch(&self, name: &str, turn: Option<Turn>, next: Timestamp) -> Result<()> {
        self.engine
            .write_apart()
            .await?
            .execute(
                "UPDATE watch SET due_at = CASE WHEN hurried_to < $1 THEN hurried_to ELSE $1 END,
                                  hurried_to = NULL, leased_until = NULL
                 WHERE name = $2 AND (leased_until = $3 OR $4)",
                values![next, name, turn.map(|turn| turn.0), turn.is_none()],
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
