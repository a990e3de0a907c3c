//! SQLite: one file, one process, one writer.
//!
//! Writers queue for one connection and begin with the write lock in hand, so a transaction never
//! fails half-way for want of it. Readers see the last commit. Every commit is on disk before it is
//! answered (`synchronous = FULL`).

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{Row, Sqlite as Engine, Transaction};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::card::Brand;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use super::record::{
    AttemptRow, Change, Doubt, Ended, EventRow, Opened, OutboxRow, Overdue, SavedCardRow, Scene,
    SessionDraft, SessionRow, StartRules, Started,
};
use super::rules;
use super::sealing::{Sealed, SealingKeys};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id;

/// A SQLite database.
pub(super) struct Sqlite {
    write: SqlitePool,
    read: SqlitePool,
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a caller waits for the writer's turn.
const TURN: Duration = Duration::from_secs(10);
const READERS: u32 = 4;

impl Sqlite {
    pub async fn open(path: &Path) -> Result<Self> {
        make_private(path)
            .map_err(|cause| Error::internal(format!("store {}: {cause}", path.display())))?;
        let named = |cause: &dyn std::fmt::Display| {
            Error::internal(format!("store {}: {cause}", path.display()))
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .acquire_timeout(TURN)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(
                options
                    .clone()
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full),
            )
            .await
            .map_err(|cause| named(&cause))?;
        MIGRATIONS
            .run(&write)
            .await
            .map_err(|cause| named(&cause))?;
        // There is one process, so whoever borrowed these is gone.
        sqlx::query("UPDATE attempt SET leased_until = NULL WHERE leased_until IS NOT NULL")
            .execute(&write)
            .await
            .map_err(|cause| named(&cause))?;
        let read = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(TURN)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.read_only(true))
            .await
            .map_err(|cause| named(&cause))?;
        Ok(Self { write, read })
    }

    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    pub async fn ready(&self) -> Result<()> {
        let expected = MIGRATIONS.iter().map(|migration| migration.version).max();
        let found: Option<i64> =
            sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&self.read)
                .await?;
        if found != expected {
            return Err(Error::internal(format!(
                "the store's tables are at version {found:?}, expected {expected:?}"
            )));
        }
        let mut writer = self.write.acquire().await?;
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut *writer)
            .await?;
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&mut *writer)
            .await?;
        if journal != "wal" || synchronous < 2 {
            return Err(Error::internal(format!(
                "commits are not durable: journal_mode {journal}, synchronous {synchronous}"
            )));
        }
        Ok(())
    }

    pub async fn open_session(&self, draft: SessionDraft<'_>) -> Result<Opened> {
        let row = draft.row;
        let mut tx = self.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO session (id, merchant_key, fingerprint, state, buyer_id, request, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (merchant_key) DO NOTHING",
        )
        .bind(&row.id)
        .bind(draft.merchant_key)
        .bind(&row.fingerprint)
        .bind(row.state.name())
        .bind(row.request.buyer.as_ref().and_then(|buyer| buyer.id.as_deref()))
        .bind(serde_json::to_string(&row.request).map_err(Error::internal)?)
        .bind(row.created_at.millis())
        .bind(row.expires_at.millis())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if inserted == 1 {
            let evidence =
                json!({ "total": row.request.total, "expires_at": row.expires_at.millis() });
            write_event(
                &mut tx,
                row.created_at,
                &row.id,
                None,
                "opened",
                (None, Some(row.state.name())),
                &evidence,
            )
            .await?;
            tx.commit().await?;
            return Ok(Opened::New(row.clone()));
        }
        let found = sqlx::query("SELECT * FROM session WHERE merchant_key = $1")
            .bind(draft.merchant_key)
            .fetch_one(&mut *tx)
            .await?;
        let found = read_session(&found)?;
        Ok(if found.fingerprint == row.fingerprint {
            Opened::Same(found)
        } else {
            Opened::KeyReused
        })
    }

    pub async fn session_of_key(&self, merchant_key: &str) -> Result<Option<SessionRow>> {
        sqlx::query("SELECT * FROM session WHERE merchant_key = $1")
            .bind(merchant_key)
            .fetch_optional(&self.read)
            .await?
            .as_ref()
            .map(read_session)
            .transpose()
    }

    pub async fn session(&self, id: &str) -> Result<Option<SessionRow>> {
        session_in(&mut *self.read.acquire().await?, id).await
    }

    pub async fn attempts(&self, session_id: &str) -> Result<Vec<AttemptRow>> {
        attempts_in(&mut *self.read.acquire().await?, session_id).await
    }

    pub async fn attempt(&self, id: &str) -> Result<Option<AttemptRow>> {
        attempt_in(&mut *self.read.acquire().await?, id).await
    }

    pub async fn end_session(&self, id: &str, now: Timestamp) -> Result<Ended> {
        let mut tx = self.begin().await?;
        let Some(mut session) = session_in(&mut tx, id).await? else {
            return Ok(Ended::NoSession);
        };
        let attempts = attempts_in(&mut tx, id).await?;
        match session.state {
            SessionState::Expired => return Ok(Ended::Expired(Box::new(session))),
            SessionState::Succeeded => return Ok(Ended::Paid(paying(&attempts))),
            SessionState::Open => {}
        }
        for attempt in attempts
            .iter()
            .filter(|attempt| attempt.state.blocks_others())
        {
            if !matches!(attempt.state, AttemptState::New | AttemptState::Prepared) {
                return Ok(Ended::Running(attempt.id.clone()));
            }
            abandon(
                &mut tx,
                attempt,
                now,
                "the session was ended before anything was sent",
            )
            .await?;
        }
        write_session_end(&mut tx, id, now, "ended").await?;
        tx.commit().await?;
        session.state = SessionState::Expired;
        Ok(Ended::Expired(Box::new(session)))
    }

    pub async fn start(&self, draft: &AttemptRow, rules: StartRules) -> Result<Started> {
        let now = draft.created_at;
        let mut tx = self.begin().await?;
        let Some(session) = session_in(&mut tx, &draft.session_id).await? else {
            return Ok(Started::NoSession);
        };
        let mut attempts = attempts_in(&mut tx, &draft.session_id).await?;
        if let Some(same) = replayed(&attempts, draft) {
            return Ok(same);
        }
        match session.state {
            SessionState::Succeeded => return Ok(Started::Paid(paying(&attempts))),
            SessionState::Expired => return Ok(Started::Expired),
            SessionState::Open => {}
        }
        for attempt in &mut attempts {
            let unsent = matches!(attempt.state, AttemptState::New | AttemptState::Prepared);
            if unsent && attempt.created_at < rules.abandoned_before {
                *attempt = abandon(
                    &mut tx,
                    attempt,
                    now,
                    "whoever started it is gone; nothing was sent",
                )
                .await?;
            }
        }
        let in_the_way = attempts.iter().any(|attempt| attempt.state.blocks_others());
        let sent = attempts.iter().filter(|attempt| attempt.sends > 0).count();
        // Whatever is in the way is the better answer, and the index gives it.
        if !in_the_way && session.expires_at <= now {
            tx.commit().await?;
            return Ok(Started::Expired);
        }
        if !in_the_way && u32::try_from(sent).unwrap_or(u32::MAX) >= rules.attempts {
            tx.commit().await?;
            return Ok(Started::Exhausted);
        }
        match insert_attempt(&mut tx, draft).await {
            Ok(()) => {
                let evidence = json!({
                    "rail": draft.rail,
                    "reference": draft.reference,
                    "total": draft.total,
                    "installments": draft.installments,
                });
                write_event(
                    &mut tx,
                    now,
                    &draft.session_id,
                    Some(&draft.id),
                    "started",
                    (None, Some(draft.state.name())),
                    &evidence,
                )
                .await?;
                tx.commit().await?;
                Ok(Started::New(draft.clone()))
            }
            Err(error) if is_unique_violation(&error) => {
                tx.rollback().await?;
                metrics::counter!("ventanilla_guard_hits_total", "guard" => "live_attempt")
                    .increment(1);
                let attempts = self.attempts(&draft.session_id).await?;
                replayed(&attempts, draft)
                    .or_else(|| {
                        let live = attempts
                            .iter()
                            .find(|attempt| attempt.state.blocks_others())?;
                        Some(if live.state == AttemptState::Succeeded {
                            Started::Paid(live.id.clone())
                        } else {
                            Started::Running(live.id.clone())
                        })
                    })
                    .ok_or_else(|| Error::internal(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub async fn change<F>(
        &self,
        id: &str,
        keys: Option<&SealingKeys>,
        mut decide: F,
    ) -> Result<Option<AttemptRow>>
    where
        F: FnMut(&Scene<'_>) -> Option<Change> + Send,
    {
        let mut tx = self.begin().await?;
        let before = attempt_in(&mut tx, id)
            .await?
            .ok_or_else(|| Error::internal(format!("attempt {id} is not in the store")))?;
        let session = session_in(&mut tx, &before.session_id)
            .await?
            .ok_or_else(|| Error::internal(format!("attempt {id} has no session")))?;
        let others: Vec<AttemptRow> = attempts_in(&mut tx, &before.session_id)
            .await?
            .into_iter()
            .filter(|other| other.id != before.id)
            .collect();
        let scene = Scene {
            attempt: &before,
            others: &others,
            session: &session,
        };
        let Some(mut change) = decide(&scene) else {
            return Ok(None);
        };
        let now = change.at;
        if let Some(card) = change.saved_card.take() {
            // A card that cannot be kept must not undo the payment it came with.
            match keys.map(|keys| keys.seal(&card.id, &card.buyer_id, &card.token)) {
                Some(Ok(sealed)) => {
                    sqlx::query(
                        "INSERT INTO saved_card (id, buyer_id, attempt_id, key_name, token, brand, last4, bin,
                                                 expiry_month, expiry_year, created_at)
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                    )
                    .bind(&card.id)
                    .bind(&card.buyer_id)
                    .bind(id)
                    .bind(&sealed.key_name)
                    .bind(&sealed.bytes)
                    .bind(card.brand.map(Brand::name))
                    .bind(&card.last4)
                    .bind(&card.bin)
                    .bind(card.expiry_month.map(i64::from))
                    .bind(card.expiry_year.map(i64::from))
                    .bind(now.millis())
                    .execute(&mut *tx)
                    .await?;
                    change.after.card_saved = true;
                }
                Some(Err(error)) => {
                    tracing::error!(attempt.id = %id, "attempt {id}: card not saved: {error}")
                }
                None => {
                    tracing::error!(attempt.id = %id, "attempt {id}: card not saved: no sealing key is configured");
                }
            }
        }
        let after = write_change(&mut tx, &before, change).await?;
        tx.commit().await?;
        Ok(Some(after))
    }

    pub async fn claim_due(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<AttemptRow>> {
        sqlx::query(
            "UPDATE attempt SET leased_until = $1
             WHERE id IN (SELECT id FROM attempt
                          WHERE next_check_at <= $2 AND (leased_until IS NULL OR leased_until <= $2)
                          ORDER BY next_check_at LIMIT $3)
             RETURNING *",
        )
        .bind((now + lease).millis())
        .bind(now.millis())
        .bind(i64::from(limit))
        .fetch_all(&self.write)
        .await?
        .iter()
        .map(read_attempt)
        .collect()
    }

    pub async fn pull_forward(&self, id: &str, to: Timestamp) -> Result<bool> {
        let moved = sqlx::query(
            "UPDATE attempt SET next_check_at = $1 WHERE id = $2 AND state = 'unknown' AND next_check_at > $1",
        )
        .bind(to.millis())
        .bind(id)
        .execute(&self.write)
        .await?;
        Ok(moved.rows_affected() > 0)
    }

    pub async fn overdue(&self, overdue: Overdue) -> Result<Vec<AttemptRow>> {
        sqlx::query(
            "SELECT * FROM attempt
             WHERE (state = 'sent' AND deadline_at < $1) OR (state IN ('new', 'prepared') AND created_at < $2)",
        )
        .bind(overdue.deadline_before.millis())
        .bind(overdue.unsent_before.millis())
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(read_attempt)
        .collect()
    }

    pub async fn unsent_of_others(&self, owner: &str) -> Result<Vec<AttemptRow>> {
        sqlx::query("SELECT * FROM attempt WHERE state IN ('new', 'prepared') AND owner <> $1")
            .bind(owner)
            .fetch_all(&self.read)
            .await?
            .iter()
            .map(read_attempt)
            .collect()
    }

    pub async fn expire_sessions(&self, now: Timestamp) -> Result<u64> {
        let due: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM session
             WHERE state = 'open' AND expires_at <= $1
               AND NOT EXISTS (SELECT 1 FROM attempt
                               WHERE session_id = session.id
                                 AND state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded', 'review'))
             LIMIT 100",
        )
        .bind(now.millis())
        .fetch_all(&self.read)
        .await?;
        let mut expired = 0;
        for id in due {
            let mut tx = self.begin().await?;
            let in_the_way = attempts_in(&mut tx, &id)
                .await?
                .iter()
                .any(|attempt| attempt.state.blocks_others());
            let open = session_in(&mut tx, &id)
                .await?
                .is_some_and(|session| session.state == SessionState::Open);
            if open && !in_the_way {
                write_session_end(&mut tx, &id, now, "expired").await?;
                tx.commit().await?;
                expired += 1;
            }
        }
        Ok(expired)
    }

    pub async fn next_due(
        &self,
        sent_grace: Duration,
        unsent_limit: Duration,
    ) -> Result<Option<Timestamp>> {
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(due) FROM (
                 SELECT MIN(deadline_at) + $1 AS due FROM attempt WHERE state = 'sent'
                 UNION ALL
                 SELECT MIN(created_at) + $2 FROM attempt WHERE state IN ('new', 'prepared')
                 UNION ALL
                 SELECT MIN(CASE WHEN leased_until > next_check_at THEN leased_until ELSE next_check_at END)
                 FROM attempt WHERE next_check_at IS NOT NULL
             ) AS moments",
        )
        .bind(millis(sent_grace))
        .bind(millis(unsent_limit))
        .fetch_one(&self.read)
        .await?;
        Ok(due.map(Timestamp::from_millis))
    }

    pub async fn doubt(&self) -> Result<Doubt> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS open, MIN(unknown_at) AS oldest FROM attempt WHERE state IN ('unknown', 'review')",
        )
        .fetch_one(&self.read)
        .await?;
        Ok(Doubt {
            open: u64::try_from(row.try_get::<i64, _>("open")?).unwrap_or(0),
            oldest_at: moment(&row, "oldest")?,
        })
    }

    pub async fn saved_cards(&self, buyer_id: &str) -> Result<Vec<SavedCardRow>> {
        sqlx::query(
            "SELECT id, brand, last4, expiry_month, expiry_year FROM saved_card
             WHERE buyer_id = $1 ORDER BY created_at DESC, id LIMIT 20",
        )
        .bind(buyer_id)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(|row| {
            Ok(SavedCardRow {
                id: row.try_get("id")?,
                brand: brand(row, "brand")?,
                last4: row.try_get("last4")?,
                expiry_month: small(row, "expiry_month")?,
                expiry_year: small(row, "expiry_year")?,
            })
        })
        .collect()
    }

    pub async fn sealed_token(&self, card_id: &str, buyer_id: &str) -> Result<Option<Sealed>> {
        sqlx::query("SELECT key_name, token FROM saved_card WHERE id = $1 AND buyer_id = $2")
            .bind(card_id)
            .bind(buyer_id)
            .fetch_optional(&self.read)
            .await?
            .map(|row| {
                Ok(Sealed {
                    key_name: row.try_get("key_name")?,
                    bytes: row.try_get("token")?,
                })
            })
            .transpose()
    }

    pub async fn events(&self, session_id: &str) -> Result<Vec<EventRow>> {
        sqlx::query("SELECT * FROM event WHERE session_id = $1 ORDER BY id")
            .bind(session_id)
            .fetch_all(&self.read)
            .await?
            .iter()
            .map(|row| {
                Ok(EventRow {
                    at: Timestamp::from_millis(row.try_get("at")?),
                    attempt_id: row.try_get("attempt_id")?,
                    kind: row.try_get("kind")?,
                    from_state: row.try_get("from_state")?,
                    to_state: row.try_get("to_state")?,
                    evidence: serde_json::from_str(row.try_get("evidence")?)
                        .map_err(Error::internal)?,
                })
            })
            .collect()
    }

    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxRow>> {
        sqlx::query(
            "SELECT * FROM outbox WHERE delivered_at IS NULL ORDER BY created_at, rowid LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(|row| {
            Ok(OutboxRow {
                id: row.try_get("id")?,
                kind: row.try_get("kind")?,
                session_id: row.try_get("session_id")?,
                attempt_id: row.try_get("attempt_id")?,
                created_at: Timestamp::from_millis(row.try_get("created_at")?),
            })
        })
        .collect()
    }

    async fn begin(&self) -> Result<Transaction<'static, Engine>> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// The answer to a key that was used before.
fn replayed(attempts: &[AttemptRow], draft: &AttemptRow) -> Option<Started> {
    let same = attempts
        .iter()
        .find(|attempt| attempt.idempotency_key == draft.idempotency_key)?;
    Some(if same.fingerprint == draft.fingerprint {
        Started::Same(same.clone())
    } else {
        Started::KeyReused
    })
}

fn paying(attempts: &[AttemptRow]) -> String {
    attempts
        .iter()
        .find(|attempt| attempt.state == AttemptState::Succeeded)
        .map(|attempt| attempt.id.clone())
        .unwrap_or_default()
}

async fn abandon(
    connection: &mut SqliteConnection,
    attempt: &AttemptRow,
    now: Timestamp,
    reason: &str,
) -> Result<AttemptRow> {
    let mut after = attempt.clone();
    after.state = AttemptState::NotExecuted;
    after.reason = Some(reason.to_owned());
    after.settled_at = Some(now);
    let change = Change {
        after,
        at: now,
        kind: "abandoned",
        evidence: json!({ "reason": reason }),
        saved_card: None,
    };
    write_change(connection, attempt, change).await
}

async fn session_in(connection: &mut SqliteConnection, id: &str) -> Result<Option<SessionRow>> {
    sqlx::query("SELECT * FROM session WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read_session)
        .transpose()
}

async fn attempt_in(connection: &mut SqliteConnection, id: &str) -> Result<Option<AttemptRow>> {
    sqlx::query("SELECT * FROM attempt WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read_attempt)
        .transpose()
}

async fn attempts_in(
    connection: &mut SqliteConnection,
    session_id: &str,
) -> Result<Vec<AttemptRow>> {
    sqlx::query("SELECT * FROM attempt WHERE session_id = $1 ORDER BY created_at, rowid")
        .bind(session_id)
        .fetch_all(connection)
        .await?
        .iter()
        .map(read_attempt)
        .collect()
}

async fn insert_attempt(connection: &mut SqliteConnection, row: &AttemptRow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO attempt (id, session_id, idempotency_key, fingerprint, rail, state, version, reference,
                              amount_minor, currency, installments, save_card, saved_card_id, owner, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(&row.id)
    .bind(&row.session_id)
    .bind(&row.idempotency_key)
    .bind(&row.fingerprint)
    .bind(row.rail.name())
    .bind(row.state.name())
    .bind(row.version)
    .bind(&row.reference)
    .bind(minor(row.total))
    .bind(row.total.currency().code())
    .bind(row.installments.map(i64::from))
    .bind(row.save_card)
    .bind(&row.saved_card_id)
    .bind(&row.owner)
    .bind(row.created_at.millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a change of an attempt and everything that belongs into the same commit.
async fn write_change(
    connection: &mut SqliteConnection,
    before: &AttemptRow,
    change: Change,
) -> Result<AttemptRow> {
    let now = change.at;
    let mut after = change.after;
    let effects = rules::judge(before, &after)?;
    after.version = before.version + 1;
    let written = sqlx::query(
        "UPDATE attempt SET
             state = $1, version = $2, sends = $3, returns = $4, sent_at = $5, deadline_at = $6, unknown_at = $7,
             not_found = $8, second_looks = $9, last_read_at = $10, next_check_at = $11, leased_until = NULL,
             reason = $12, provider_code = $13, confirmed_minor = $14, confirmed_currency = $15,
             authorization_code = $16, brand = $17, last4 = $18, bin = $19, card_saved = $20, settled_at = $21
         WHERE id = $22 AND version = $23 AND state = $24",
    )
    .bind(after.state.name())
    .bind(after.version)
    .bind(i64::from(after.sends))
    .bind(i64::from(after.returns))
    .bind(after.sent_at.map(Timestamp::millis))
    .bind(after.deadline_at.map(Timestamp::millis))
    .bind(after.unknown_at.map(Timestamp::millis))
    .bind(i64::from(after.not_found))
    .bind(i64::from(after.second_looks))
    .bind(after.last_read_at.map(Timestamp::millis))
    .bind(after.next_check_at.map(Timestamp::millis))
    .bind(&after.reason)
    .bind(&after.provider_code)
    .bind(after.confirmed.map(minor))
    .bind(after.confirmed.map(|money| money.currency().code()))
    .bind(&after.authorization)
    .bind(after.brand.map(Brand::name))
    .bind(&after.last4)
    .bind(&after.bin)
    .bind(after.card_saved)
    .bind(after.settled_at.map(Timestamp::millis))
    .bind(&before.id)
    .bind(before.version)
    .bind(before.state.name())
    .execute(&mut *connection)
    .await
    .inspect_err(|error| {
        if is_unique_violation(error) {
            metrics::counter!("ventanilla_guard_hits_total", "guard" => "live_attempt").increment(1);
        }
    })?
    .rows_affected();
    if written != 1 {
        metrics::counter!("ventanilla_guard_hits_total", "guard" => "version").increment(1);
        return Err(Error::internal(format!(
            "attempt {}: somebody else changed it meanwhile",
            before.id
        )));
    }
    let changed = before.state != after.state;
    write_event(
        connection,
        now,
        &after.session_id,
        Some(&after.id),
        change.kind,
        if changed {
            (Some(before.state.name()), Some(after.state.name()))
        } else {
            (None, None)
        },
        &change.evidence,
    )
    .await?;
    if let Some(kind) = effects.outbox {
        write_outbox(connection, kind, &after.session_id, Some(&after.id), now).await?;
    }
    if effects.pays_session {
        let paid = sqlx::query(
            "UPDATE session SET state = 'succeeded', ended_at = $1 WHERE id = $2 AND state IN ('open', 'expired')",
        )
        .bind(now.millis())
        .bind(&after.session_id)
        .execute(&mut *connection)
        .await?
        .rows_affected();
        if paid != 1 {
            metrics::counter!("ventanilla_guard_hits_total", "guard" => "session_paid")
                .increment(1);
            return Err(Error::internal(format!(
                "attempt {}: its session is paid already",
                after.id
            )));
        }
        write_event(
            connection,
            now,
            &after.session_id,
            None,
            "paid",
            (None, Some(SessionState::Succeeded.name())),
            &json!({ "attempt_id": after.id }),
        )
        .await?;
        write_outbox(
            connection,
            "session.succeeded",
            &after.session_id,
            None,
            now,
        )
        .await?;
    }
    Ok(after)
}

async fn write_session_end(
    connection: &mut SqliteConnection,
    id: &str,
    now: Timestamp,
    kind: &'static str,
) -> Result<()> {
    sqlx::query(
        "UPDATE session SET state = 'expired', ended_at = $1 WHERE id = $2 AND state = 'open'",
    )
    .bind(now.millis())
    .bind(id)
    .execute(&mut *connection)
    .await?;
    write_event(
        connection,
        now,
        id,
        None,
        kind,
        (
            Some(SessionState::Open.name()),
            Some(SessionState::Expired.name()),
        ),
        &json!({}),
    )
    .await?;
    write_outbox(connection, "session.expired", id, None, now).await
}

async fn write_event(
    connection: &mut SqliteConnection,
    at: Timestamp,
    session_id: &str,
    attempt_id: Option<&str>,
    kind: &str,
    (from, to): (Option<&str>, Option<&str>),
    evidence: &Value,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO event (at, session_id, attempt_id, kind, from_state, to_state, evidence)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(at.millis())
    .bind(session_id)
    .bind(attempt_id)
    .bind(kind)
    .bind(from)
    .bind(to)
    .bind(evidence.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_outbox(
    connection: &mut SqliteConnection,
    kind: &str,
    session_id: &str,
    attempt_id: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (id, kind, session_id, attempt_id, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id::make_prefixed("msg")?)
    .bind(kind)
    .bind(session_id)
    .bind(attempt_id)
    .bind(now.millis())
    .execute(connection)
    .await?;
    Ok(())
}

fn read_session(row: &SqliteRow) -> Result<SessionRow> {
    Ok(SessionRow {
        id: row.try_get("id")?,
        fingerprint: row.try_get("fingerprint")?,
        state: named(row, "state", SessionState::from_name)?,
        request: serde_json::from_str(row.try_get("request")?).map_err(Error::internal)?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        expires_at: Timestamp::from_millis(row.try_get("expires_at")?),
    })
}

fn read_attempt(row: &SqliteRow) -> Result<AttemptRow> {
    let total = money(row.try_get("amount_minor")?, row.try_get("currency")?)?;
    let confirmed = match row.try_get::<Option<i64>, _>("confirmed_minor")? {
        Some(minor) => Some(money(minor, row.try_get("confirmed_currency")?)?),
        None => None,
    };
    Ok(AttemptRow {
        id: row.try_get("id")?,
        session_id: row.try_get("session_id")?,
        idempotency_key: row.try_get("idempotency_key")?,
        fingerprint: row.try_get("fingerprint")?,
        rail: named(row, "rail", Rail::from_name)?,
        state: named(row, "state", AttemptState::from_name)?,
        version: row.try_get("version")?,
        reference: row.try_get("reference")?,
        total,
        installments: small(row, "installments")?,
        save_card: row.try_get("save_card")?,
        saved_card_id: row.try_get("saved_card_id")?,
        owner: row.try_get("owner")?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        sends: small(row, "sends")?.unwrap_or(0),
        returns: small(row, "returns")?.unwrap_or(0),
        sent_at: moment(row, "sent_at")?,
        deadline_at: moment(row, "deadline_at")?,
        unknown_at: moment(row, "unknown_at")?,
        not_found: small(row, "not_found")?.unwrap_or(0),
        second_looks: small(row, "second_looks")?.unwrap_or(0),
        last_read_at: moment(row, "last_read_at")?,
        next_check_at: moment(row, "next_check_at")?,
        reason: row.try_get("reason")?,
        provider_code: row.try_get("provider_code")?,
        confirmed,
        authorization: row.try_get("authorization_code")?,
        brand: brand(row, "brand")?,
        last4: row.try_get("last4")?,
        bin: row.try_get("bin")?,
        card_saved: row.try_get("card_saved")?,
        settled_at: moment(row, "settled_at")?,
    })
}

fn named<T>(row: &SqliteRow, column: &str, read: impl Fn(&str) -> Option<T>) -> Result<T> {
    let name: &str = row.try_get(column)?;
    read(name).ok_or_else(|| {
        Error::internal(format!(
            "the store holds the {column} {name}, which is unknown"
        ))
    })
}

fn brand(row: &SqliteRow, column: &str) -> Result<Option<Brand>> {
    let name: Option<&str> = row.try_get(column)?;
    Ok(name.and_then(Brand::from_name))
}

fn money(minor: i64, currency: &str) -> Result<Money> {
    let read = || {
        let currency = Currency::from_code(currency)?;
        Money::from_minor(u64::try_from(minor).ok()?, currency).ok()
    };
    read().ok_or_else(|| Error::internal(format!("the store holds the amount {minor} {currency}")))
}

fn minor(money: Money) -> i64 {
    i64::try_from(money.minor()).expect("Money is at most MAX_MINOR, far below 2^63")
}

fn moment(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>> {
    Ok(row
        .try_get::<Option<i64>, _>(column)?
        .map(Timestamp::from_millis))
}

fn small<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<Option<T>> {
    row.try_get::<Option<i64>, _>(column)?
        .map(|value| {
            T::try_from(value)
                .map_err(|_| Error::internal(format!("the store holds the {column} {value}")))
        })
        .transpose()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        Self::internal(format!("store: {cause}"))
    }
}

/// Makes a new file readable by its owner only; the engine gives its other files the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
