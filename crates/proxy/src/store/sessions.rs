//! Sessions: opened once for each merchant's key, ended by time, by the merchant or by payment.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use super::engine::{Connection, Row, Transaction, values};
use super::events::{self, NewEvent};
use super::{
    Ended, Opened, SessionDraft, SessionRow, Store, TOKEN_PAYMENT, WholeSession, attempts, credits,
    operations, outbox, payables,
};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::webhooks::payload::Records;

impl Store {
    /// Records a session, once for each merchant's key.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn open_session(&self, draft: SessionDraft<'_>) -> Result<Opened> {
        let row = draft.row;
        let mut tx = self.engine.begin().await?;
        let buyer = row.request.buyer.as_ref();
        let inserted = tx
            .execute(
                "INSERT INTO session (id, merchant_key, fingerprint, state, buyer_id, request, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (merchant_key) DO NOTHING",
                values![
                    &row.id,
                    draft.merchant_key,
                    &row.fingerprint,
                    row.state.name(),
                    buyer.and_then(|buyer| buyer.id.as_deref()),
                    &serde_json::to_string(&row.request).map_err(Error::internal)?,
                    row.created_at,
                    row.expires_at,
                ],
            )
            .await?;
        if inserted == 1 {
            let event = NewEvent {
                at: row.created_at,
                session_id: &row.id,
                attempt_id: None,
                operation_id: None,
                kind: "opened",
                moved: (None, Some(row.state.name())),
                evidence: &json!({ "total": row.request.total, "expires_at": row.expires_at.millis() }),
            };
            events::write(&mut tx, event).await?;
            self.commit(tx).await?;
            return Ok(Opened::New(row.clone()));
        }
        let found = of_key(&mut tx, draft.merchant_key).await?.ok_or_else(|| {
            Error::internal("a merchant's key is taken by a session that is not there")
        })?;
        let same = found.fingerprint == row.fingerprint;
        tx.leave(if same {
            Opened::Same(found)
        } else {
            Opened::KeyReused
        })
        .await
    }

    /// The session that a merchant's key opened.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn session_of_key(&self, merchant_key: &str) -> Result<Option<SessionRow>> {
        of_key(&mut self.engine.read().await?, merchant_key).await
    }

    /// A session.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn session(&self, id: &str) -> Result<Option<SessionRow>> {
        find(&mut self.engine.read().await?, id).await
    }

    /// A session with everything that was tried in it, all of one moment.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn whole_session(&self, id: &str) -> Result<Option<WholeSession>> {
        let mut moment = self.engine.snapshot().await?;
        let Some(session) = find(&mut moment, id).await? else {
            return Ok(None);
        };
        let attempts = attempts::of_session(&mut moment, id).await?;
        // A buyer who has just come has nothing else.
        let operations = if attempts.is_empty() {
            Vec::new()
        } else {
            operations::of_session(&mut moment, id).await?
        };
        // Most sessions have nothing that a buyer could have paid by themselves.
        let payables = if attempts.iter().any(|attempt| attempt.rail == Rail::Cvu) {
            payables::of_session(&mut moment, id).await?
        } else {
            Vec::new()
        };
        let credits = if payables.is_empty() {
            Vec::new()
        } else {
            credits::of_session(&mut moment, id).await?
        };
        Ok(Some(WholeSession {
            session,
            attempts,
            operations,
            payables,
            credits,
        }))
    }

    /// Ends a session, and with it attempts that never took the right to send.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn end_session(&self, id: &str, now: Timestamp) -> Result<Ended> {
        let mut tx = self.engine.begin().await?;
        let Some(mut session) = lock(&mut tx, id).await? else {
            return tx.leave(Ended::NoSession).await;
        };
        let attempts = attempts::of_session(&mut tx, id).await?;
        match session.state {
            SessionState::Expired => {
                return tx.leave(Ended::Expired(Box::new(session))).await;
            }
            SessionState::Succeeded => {
                return tx.leave(Ended::Paid(attempts::paying(&attempts))).await;
            }
            SessionState::Open => {}
        }
        for attempt in attempts
            .iter()
            .filter(|attempt| attempt.state.blocks_others())
        {
            if !matches!(attempt.state, AttemptState::New | AttemptState::Prepared) {
                return tx.leave(Ended::Running(attempt.id.clone())).await;
            }
            let reason = "the session was ended before anything was sent";
            attempts::abandon(&mut tx, &session, attempt, now, reason).await?;
        }
        write_end(&mut tx, &mut session, now, "ended").await?;
        self.commit(tx).await?;
        Ok(Ended::Expired(Box::new(session)))
    }

    /// Ends every session whose time ran out and in which no attempt is in the way.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn expire_sessions(&self, now: Timestamp) -> Result<u64> {
        let due = self
            .engine
            .read_apart()
            .await?
            .fetch_all(
                "SELECT id FROM session
                 WHERE state = 'open' AND expires_at <= $1
                   AND NOT EXISTS (SELECT 1 FROM attempt
                                   WHERE session_id = session.id
                                     AND state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded', 'review', 'issued'))
                 LIMIT 100",
                values![now],
            )
            .await?;
        let mut expired = 0;
        for row in due {
            let mut tx = self.engine.begin().await?;
            let Some(mut session) = lock(&mut tx, &row.text("id")?).await? else {
                continue;
            };
            let in_the_way = attempts::of_session(&mut tx, &session.id)
                .await?
                .iter()
                .any(|attempt| attempt.state.blocks_others());
            if session.state == SessionState::Open && !in_the_way {
                write_end(&mut tx, &mut session, now, "expired").await?;
                self.commit(tx).await?;
                expired += 1;
            }
        }
        Ok(expired)
    }
}

pub(super) async fn find(connection: &mut Connection, id: &str) -> Result<Option<SessionRow>> {
    connection
        .fetch_optional("SELECT * FROM session WHERE id = $1", values![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// A session that nobody else can change, nor anything in it, until the transaction ends.
pub(super) async fn lock(tx: &mut Transaction, id: &str) -> Result<Option<SessionRow>> {
    tx.fetch_optional("SELECT * FROM session WHERE id = $1 {locked}", values![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// As [`lock`], by one of its attempts.
pub(super) async fn lock_of_attempt(
    tx: &mut Transaction,
    attempt_id: &str,
) -> Result<Option<SessionRow>> {
    tx.fetch_optional(
        "SELECT * FROM session WHERE id = (SELECT session_id FROM attempt WHERE id = $1) {locked}",
        values![attempt_id],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// As [`lock`], by an operation on one of its attempts.
pub(super) async fn lock_of_operation(
    tx: &mut Transaction,
    operation_id: &str,
) -> Result<Option<SessionRow>> {
    tx.fetch_optional(
        "SELECT * FROM session WHERE id = (SELECT session_id FROM operation WHERE id = $1) {locked}",
        values![operation_id],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The session is paid by `attempt_id`.
pub(super) async fn write_paid(
    tx: &mut Transaction,
    session: &mut SessionRow,
    attempt_id: &str,
    now: Timestamp,
) -> Result<()> {
    let paid = tx
        .execute(
            "UPDATE session SET state = 'succeeded', ended_at = $1 WHERE id = $2 AND state IN ('open', 'expired')",
            values![now, &session.id],
        )
        .await?;
    if paid != 1 {
        metrics::counter!("ventanilla_guard_hits_total", "guard" => "session_paid").increment(1);
        return Err(Error::internal(format!(
            "attempt {attempt_id}: its session is paid already"
        )));
    }
    session.state = SessionState::Succeeded;
    let event = NewEvent {
        at: now,
        session_id: &session.id,
        attempt_id: None,
        operation_id: None,
        kind: "paid",
        moved: (None, Some(SessionState::Succeeded.name())),
        evidence: &json!({ "attempt_id": attempt_id }),
    };
    events::write(tx, event).await
}

async fn write_end(
    tx: &mut Transaction,
    session: &mut SessionRow,
    now: Timestamp,
    kind: &'static str,
) -> Result<()> {
    tx.execute(
        "UPDATE session SET state = 'expired', ended_at = $1 WHERE id = $2 AND state = 'open'",
        values![now, &session.id],
    )
    .await?;
    session.state = SessionState::Expired;
    let event = NewEvent {
        at: now,
        session_id: &session.id,
        attempt_id: None,
        operation_id: None,
        kind,
        moved: (
            Some(SessionState::Open.name()),
            Some(SessionState::Expired.name()),
        ),
        evidence: &json!({}),
    };
    events::write(tx, event).await?;
    let about = Records {
        session: Some(session),
        ..Records::default()
    };
    outbox::write(tx, "session.expired", now, about).await
}

async fn of_key(connection: &mut Connection, merchant_key: &str) -> Result<Option<SessionRow>> {
    connection
        .fetch_optional(
            "SELECT * FROM session WHERE merchant_key = $1",
            values![merchant_key],
        )
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

fn read(row: &Row) -> Result<SessionRow> {
    Ok(SessionRow {
        id: row.text("id")?,
        fingerprint: row.text("fingerprint")?,
        is_unattended: row.text("merchant_key")?.starts_with(TOKEN_PAYMENT),
        state: row.named("state", SessionState::from_name)?,
        request: row.json("request")?,
        created_at: row.moment("created_at")?,
        expires_at: row.moment("expires_at")?,
    })
}
