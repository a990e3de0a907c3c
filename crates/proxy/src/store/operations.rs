//! Operations on paid attempts: one open at a time, never more than was paid.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;

use super::engine::{Connection, Done, Fault, Row, Transaction, values};
use super::events::{self, NewEvent};
use super::rules::{self, is_open};
use super::{
    AttemptRow, CaptureLeft, OperationChange, OperationOpened, OperationRow, OperationScene,
    SessionRow, Store, attempts, outbox, sessions,
};
use crate::error::{Error, Result};
use crate::webhooks::payload::Records;

impl Store {
    /// Records an operation in the state new, unless its attempt is not paid, another operation of it
    /// is open, or more would be captured or given back than was paid.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn open_operation(&self, draft: &OperationRow) -> Result<OperationOpened> {
        let mut tx = self.engine.begin().await?;
        let found = match sessions::lock_of_attempt(&mut tx, &draft.attempt_id).await? {
            Some(_) => attempts::find(&mut tx, &draft.attempt_id).await?,
            None => None,
        };
        let Some(attempt) = found else {
            return tx.leave(OperationOpened::NoAttempt).await;
        };
        if draft.session_id != attempt.session_id {
            return Err(Error::internal(format!(
                "operation {}: its session is not that of attempt {}",
                draft.id, attempt.id
            )));
        }
        let others = of_attempt(&mut tx, &attempt.id).await?;
        if let Some(refusal) = refusal(&attempt, &others, draft) {
            return tx.leave(refusal).await;
        }
        match insert(&mut tx, draft).await {
            Ok(()) => {
                write_opened(&mut tx, draft).await?;
                self.commit(tx).await?;
                Ok(OperationOpened::New(draft.clone()))
            }
            Err(Fault::Taken(cause)) => {
                tx.leave(()).await?;
                metrics::counter!("ventanilla_guard_hits_total", "guard" => "open_operation")
                    .increment(1);
                let others = of_attempt(&mut self.engine.read().await?, &attempt.id).await?;
                refusal(&attempt, &others, draft).ok_or_else(|| Error::internal(cause))
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// An operation.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn operation(&self, id: &str) -> Result<Option<OperationRow>> {
        self.engine
            .read()
            .await?
            .fetch_optional("SELECT * FROM operation WHERE id = $1", values![id])
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The operations of a session's attempts, oldest first.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn operations(&self, session_id: &str) -> Result<Vec<OperationRow>> {
        of_session(&mut self.engine.read().await?, session_id).await
    }

    /// Changes an operation, as [`Store::change`] does an attempt.
    ///
    /// # Errors
    ///
    /// When the store does not answer, there is no such operation, or the change breaks a rule. After an
    /// error the change may be written all the same, when only the answer to its commit was lost.
    pub async fn change_operation<F>(&self, id: &str, mut decide: F) -> Result<Option<OperationRow>>
    where
        F: FnMut(&OperationScene<'_>) -> Option<OperationChange> + Send,
    {
        let mut tx = self.engine.begin().await?;
        let missing = || Error::internal(format!("operation {id} is not in the store"));
        let session = sessions::lock_of_operation(&mut tx, id)
            .await?
            .ok_or_else(missing)?;
        let row = tx
            .fetch_optional("SELECT * FROM operation WHERE id = $1", values![id])
            .await?
            .ok_or_else(missing)?;
        let before = read(&row)?;
        let attempt = attempts::find(&mut tx, &before.attempt_id)
            .await?
            .ok_or_else(missing)?;
        let mut others = of_attempt(&mut tx, &attempt.id).await?;
        others.retain(|other| other.id != before.id);
        let scene = OperationScene {
            operation: &before,
            others: &others,
            attempt: &attempt,
            session: &session,
        };
        let Some(change) = decide(&scene) else {
            return tx.leave(None).await;
        };
        let after = write_change(&mut tx, &session, &attempt, &before, change).await?;
        self.commit(tx).await?;
        Ok(Some(after))
    }
}

/// Opens an operation in the commit that changes its attempt.
pub(super) async fn open_with(
    tx: &mut Transaction,
    attempt: &AttemptRow,
    draft: &OperationRow,
) -> Result<()> {
    let others = of_attempt(tx, &attempt.id).await?;
    if draft.attempt_id != attempt.id || refusal(attempt, &others, draft).is_some() {
        return Err(Error::internal(format!(
            "attempt {}: the operation that was to come with its change is not possible",
            attempt.id
        )));
    }
    insert(tx, draft).await?;
    write_opened(tx, draft).await
}

/// Why an operation is not recorded.
fn refusal(
    attempt: &AttemptRow,
    others: &[OperationRow],
    draft: &OperationRow,
) -> Option<OperationOpened> {
    if let Some(same) = others
        .iter()
        .find(|other| other.idempotency_key == draft.idempotency_key)
    {
        let is_same = same.fingerprint == draft.fingerprint && same.kind == draft.kind;
        return Some(if is_same {
            OperationOpened::Same(same.clone())
        } else {
            OperationOpened::KeyReused
        });
    }
    let paid = match attempt.confirmed {
        Some(paid) if attempt.state.took_money() => paid,
        _ => return Some(OperationOpened::NotPaid),
    };
    if let Some(open) = others.iter().find(|other| is_open(other.state)) {
        return Some(OperationOpened::Running(open.id.clone()));
    }
    let left = rules::left(attempt.rail, paid, others, draft.kind);
    let fits = draft.amount.currency() == paid.currency() && draft.amount.minor() <= left;
    if !fits {
        return Some(OperationOpened::TooMuch { left });
    }
    if attempt.rail == Rail::Flexiti && draft.kind == OperationKind::Return {
        let captures = rules::captures_left(others);
        let has_enough = |capture: &CaptureLeft| capture.left >= draft.amount.minor();
        return (!captures.iter().any(has_enough)).then_some(OperationOpened::NoCapture(captures));
    }
    None
}

pub(super) async fn of_session(
    connection: &mut Connection,
    session_id: &str,
) -> Result<Vec<OperationRow>> {
    connection
        .fetch_all(
            "SELECT * FROM operation WHERE session_id = $1 ORDER BY created_at, rowid",
            values![session_id],
        )
        .await?
        .iter()
        .map(read)
        .collect()
}

async fn of_attempt(connection: &mut Connection, attempt_id: &str) -> Result<Vec<OperationRow>> {
    connection
        .fetch_all(
            "SELECT * FROM operation WHERE attempt_id = $1 ORDER BY created_at, rowid",
            values![attempt_id],
        )
        .await?
        .iter()
        .map(read)
        .collect()
}

async fn insert(tx: &mut Transaction, row: &OperationRow) -> Done<()> {
    tx.execute(
        "INSERT INTO operation (id, attempt_id, session_id, kind, idempotency_key, fingerprint, state, version,
                                reference, amount_minor, currency, created_at, next_check_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        values![
            &row.id,
            &row.attempt_id,
            &row.session_id,
            row.kind.name(),
            &row.idempotency_key,
            &row.fingerprint,
            AttemptState::New.name(),
            row.version,
            &row.reference,
            row.amount,
            row.amount.currency().code(),
            row.created_at,
            row.next_check_at.unwrap_or(row.created_at),
        ],
    )
    .await?;
    Ok(())
}

async fn write_opened(tx: &mut Transaction, row: &OperationRow) -> Result<()> {
    let event = NewEvent {
        at: row.created_at,
        session_id: &row.session_id,
        attempt_id: Some(&row.attempt_id),
        operation_id: Some(&row.id),
        kind: "started",
        moved: (None, Some(AttemptState::New.name())),
        evidence: &json!({
            "kind": row.kind,
            "reference": row.reference,
            "amount": row.amount,
        }),
    };
    events::write(tx, event).await
}

async fn write_change(
    tx: &mut Transaction,
    session: &SessionRow,
    attempt: &AttemptRow,
    before: &OperationRow,
    change: OperationChange,
) -> Result<OperationRow> {
    let mut after = change.after;
    let told = rules::judge_operation(before, &after)?;
    after.version = before.version + 1;
    if update(tx, before, &after).await? != 1 {
        return Err(rules::overtaken("operation", &before.id));
    }
    let event = NewEvent {
        at: change.at,
        session_id: &after.session_id,
        attempt_id: Some(&after.attempt_id),
        operation_id: Some(&after.id),
        kind: change.kind,
        moved: events::moved(before.state, after.state),
        evidence: &change.evidence,
    };
    events::write(tx, event).await?;
    if let Some(kind) = told {
        let about = Records {
            session: Some(session),
            attempt: Some(attempt),
            operation: Some(&after),
            ..Records::default()
        };
        outbox::write(tx, kind, change.at, about).await?;
    }
    Ok(after)
}

async fn update(tx: &mut Transaction, before: &OperationRow, after: &OperationRow) -> Done<u64> {
    tx.execute(
        "UPDATE operation SET
             state = $1, version = $2, sends = $3, returns = $4, sent_at = $5, deadline_at = $6, unknown_at = $7,
             not_done = $8, last_read_at = $9, next_check_at = $10, leased_until = NULL, reason = $11,
             provider_code = $12, settled_at = $13
         WHERE id = $14 AND version = $15 AND state = $16",
        values![
            after.state.name(),
            after.version,
            after.sends,
            after.returns,
            after.sent_at,
            after.deadline_at,
            after.unknown_at,
            after.not_done,
            after.last_read_at,
            after.next_check_at,
            &after.reason,
            &after.provider_code,
            after.settled_at,
            &before.id,
            before.version,
            before.state.name(),
        ],
    )
    .await
}

pub(super) fn read(row: &Row) -> Result<OperationRow> {
    Ok(OperationRow {
        id: row.text("id")?,
        attempt_id: row.text("attempt_id")?,
        session_id: row.text("session_id")?,
        kind: row.named("kind", OperationKind::from_name)?,
        idempotency_key: row.text("idempotency_key")?,
        fingerprint: row.text("fingerprint")?,
        state: row.named("state", AttemptState::from_name)?,
        version: row.whole("version")?,
        reference: row.text("reference")?,
        amount: row.money("amount_minor", "currency")?,
        created_at: row.moment("created_at")?,
        sends: row.small("sends")?,
        returns: row.small("returns")?,
        sent_at: row.moment_if("sent_at")?,
        deadline_at: row.moment_if("deadline_at")?,
        unknown_at: row.moment_if("unknown_at")?,
        not_done: row.small("not_done")?,
        last_read_at: row.moment_if("last_read_at")?,
        next_check_at: row.moment_if("next_check_at")?,
        reason: row.text_if("reason")?,
        provider_code: row.text_if("provider_code")?,
        settled_at: row.moment_if("settled_at")?,
    })
}
