//! Attempts: recorded when nothing is in the way, changed on what was seen.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::card::Brand;
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use super::engine::{Connection, Done, Fault, Row, Transaction, values};
use super::events::{self, NewEvent};
use super::{
    AttemptRow, Change, Scene, SessionRow, StartRules, Started, Store, cards, financing,
    operations, outbox, payables, rules, sessions,
};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::webhooks::payload::Records;

impl Store {
    /// A session's attempts, oldest first.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attempts(&self, session_id: &str) -> Result<Vec<AttemptRow>> {
        of_session(&mut self.engine.read().await?, session_id).await
    }

    /// An attempt.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attempt(&self, id: &str) -> Result<Option<AttemptRow>> {
        find(&mut self.engine.read().await?, id).await
    }

    /// The attempt that carries this reference at its provider.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attempt_of_reference(&self, reference: &str) -> Result<Option<AttemptRow>> {
        self.engine
            .read()
            .await?
            .fetch_optional(
                "SELECT * FROM attempt WHERE reference = $1",
                values![reference],
            )
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// Records an attempt in the state new, unless another one is in the way.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn start(&self, draft: &AttemptRow, rules: StartRules) -> Result<Started> {
        let now = draft.created_at;
        let mut tx = self.engine.begin().await?;
        let Some(session) = sessions::lock(&mut tx, &draft.session_id).await? else {
            return tx.leave(Started::NoSession).await;
        };
        let mut attempts = of_session(&mut tx, &draft.session_id).await?;
        if let Some(same) = replayed(&attempts, draft) {
            return tx.leave(same).await;
        }
        match session.state {
            SessionState::Succeeded => return tx.leave(Started::Paid(paying(&attempts))).await,
            SessionState::Expired => return tx.leave(Started::Expired).await,
            SessionState::Open => {}
        }
        for attempt in &mut attempts {
            let unsent = matches!(attempt.state, AttemptState::New | AttemptState::Prepared)
                && !attempt.waits_for_buyer();
            if unsent && attempt.created_at < rules.abandoned_before {
                let reason = "whoever started it is gone; nothing was sent";
                *attempt = abandon(&mut tx, &session, attempt, now, reason).await?;
            }
        }
        let in_the_way = attempts.iter().any(|attempt| attempt.state.blocks_others());
        let sent = attempts.iter().filter(|attempt| attempt.sends > 0).count();
        // Whatever is in the way is the better answer, and the index gives it.
        if !in_the_way && session.expires_at <= now {
            self.commit(tx).await?;
            return Ok(Started::Expired);
        }
        if !in_the_way && u32::try_from(sent).unwrap_or(u32::MAX) >= rules.attempts {
            self.commit(tx).await?;
            return Ok(Started::Exhausted);
        }
        rules::judge_start(&session, draft)?;
        let draft = &AttemptRow {
            carried_reference: rules::carried_reference(&attempts, draft.rail).map(str::to_owned),
            ..draft.clone()
        };
        match insert(&mut tx, draft).await {
            Ok(()) => {
                let event = NewEvent {
                    at: now,
                    session_id: &draft.session_id,
                    attempt_id: Some(&draft.id),
                    operation_id: None,
                    kind: "started",
                    moved: (None, Some(draft.state.name())),
                    evidence: &json!({
                        "rail": draft.rail,
                        "reference": draft.at_provider(),
                        "total": draft.total,
                        "tip": draft.tip(),
                        "installments": draft.installments,
                    }),
                };
                events::write(&mut tx, event).await?;
                self.commit(tx).await?;
                Ok(Started::New(draft.clone()))
            }
            Err(Fault::Taken(cause)) => {
                tx.leave(()).await?;
                metrics::counter!("ventanilla_guard_hits_total", "guard" => "live_attempt")
                    .increment(1);
                let attempts = self.attempts(&draft.session_id).await?;
                replayed(&attempts, draft)
                    .or_else(|| in_the_way_of(&attempts))
                    .ok_or_else(|| Error::internal(cause))
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// Changes an attempt: `decide` sees it in its surroundings and says what is to become of it, or
    /// that nothing is. What it decides is written only over what it saw.
    ///
    /// Gives the attempt as it now stands, or none when `decide` wanted nothing.
    ///
    /// # Errors
    ///
    /// When the store does not answer, there is no such attempt, or the change breaks a rule. After an
    /// error the change may be written all the same, when only the answer to its commit was lost.
    pub async fn change<F>(&self, id: &str, mut decide: F) -> Result<Option<AttemptRow>>
    where
        F: FnMut(&Scene<'_>) -> Option<Change> + Send,
    {
        let mut tx = self.engine.begin().await?;
        let missing = || Error::internal(format!("attempt {id} is not in the store"));
        let session = sessions::lock_of_attempt(&mut tx, id)
            .await?
            .ok_or_else(missing)?;
        let mut others = of_session(&mut tx, &session.id).await?;
        let place = others
            .iter()
            .position(|attempt| attempt.id == id)
            .ok_or_else(missing)?;
        let before = others.remove(place);
        let scene = Scene {
            attempt: &before,
            others: &others,
            session: &session,
        };
        let Some(mut change) = decide(&scene) else {
            return tx.leave(None).await;
        };
        if let Some(card) = change.saved_card.take() {
            let keys = self.keys.as_deref();
            if cards::keep(&mut tx, keys, id, &card, change.at).await? {
                change.after.card_saved = true;
            }
        }
        if let Some(step) = change.financing.take() {
            financing::write(&mut tx, self.keys.as_deref(), id, step).await?;
        }
        let after = write_change(&mut tx, session, &before, change).await?;
        self.commit(tx).await?;
        Ok(Some(after))
    }
}

/// The attempt that paid its session.
pub(super) fn paying(attempts: &[AttemptRow]) -> String {
    attempts
        .iter()
        .find(|attempt| attempt.state == AttemptState::Succeeded)
        .map(|attempt| attempt.id.clone())
        .unwrap_or_default()
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

fn in_the_way_of(attempts: &[AttemptRow]) -> Option<Started> {
    let live = attempts
        .iter()
        .find(|attempt| attempt.state.blocks_others())?;
    Some(if live.state == AttemptState::Succeeded {
        Started::Paid(live.id.clone())
    } else {
        Started::Running(live.id.clone())
    })
}

/// Ends an attempt that never took the right to send.
pub(super) async fn abandon(
    tx: &mut Transaction,
    session: &SessionRow,
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
        operation: None,
        financing: None,
        payable: None,
    };
    write_change(tx, session.clone(), attempt, change).await
}

pub(super) async fn find(connection: &mut Connection, id: &str) -> Result<Option<AttemptRow>> {
    connection
        .fetch_optional("SELECT * FROM attempt WHERE id = $1", values![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

pub(super) async fn of_session(
    connection: &mut Connection,
    session_id: &str,
) -> Result<Vec<AttemptRow>> {
    connection
        .fetch_all(
            "SELECT * FROM attempt WHERE session_id = $1 ORDER BY created_at, rowid",
            values![session_id],
        )
        .await?
        .iter()
        .map(read)
        .collect()
}

async fn insert(tx: &mut Transaction, row: &AttemptRow) -> Done<()> {
    let tip = i64::try_from(row.tip_minor).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO attempt (id, session_id, idempotency_key, fingerprint, rail, state, version, reference,
                              amount_minor, currency, installments, save_card, saved_card_id, owner, created_at,
                              tip_minor, carried_reference)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        values![
            &row.id,
            &row.session_id,
            &row.idempotency_key,
            &row.fingerprint,
            row.rail.name(),
            row.state.name(),
            row.version,
            &row.reference,
            row.total,
            row.total.currency().code(),
            row.installments,
            row.save_card,
            &row.saved_card_id,
            &row.owner,
            row.created_at,
            tip,
            &row.carried_reference,
        ],
    )
    .await?;
    Ok(())
}

/// Writes a change of an attempt and everything that belongs into the same commit. The session is
/// locked.
pub(super) async fn write_change(
    tx: &mut Transaction,
    mut session: SessionRow,
    before: &AttemptRow,
    change: Change,
) -> Result<AttemptRow> {
    let now = change.at;
    let mut after = change.after;
    let effects = rules::judge(before, &after, change.payable.as_ref())?;
    after.version = before.version + 1;
    let written = update(tx, before, &after).await.inspect_err(|fault| {
        if matches!(fault, Fault::Taken(_)) {
            metrics::counter!("ventanilla_guard_hits_total", "guard" => "live_attempt")
                .increment(1);
        }
    })?;
    if written != 1 {
        return Err(rules::overtaken("attempt", &before.id));
    }
    let event = NewEvent {
        at: now,
        session_id: &after.session_id,
        attempt_id: Some(&after.id),
        operation_id: None,
        kind: change.kind,
        moved: events::moved(before.state, after.state),
        evidence: &change.evidence,
    };
    events::write(tx, event).await?;
    if after.rail == Rail::Flexiti && after.state == AttemptState::NotExecuted {
        financing::forget(tx, &after.id).await?;
    }
    if effects.pays_session {
        sessions::write_paid(tx, &mut session, &after.id, now).await?;
    }
    if let Some(payable) = &change.payable {
        payables::insert(tx, payable).await?;
    }
    let of_session = effects.pays_session.then_some("session.succeeded");
    for (kind, attempt) in [(effects.outbox, Some(&after)), (of_session, None)] {
        let Some(kind) = kind else { continue };
        let about = Records {
            session: Some(&session),
            attempt,
            ..Records::default()
        };
        outbox::write(tx, kind, now, about).await?;
    }
    if let Some(operation) = &change.operation {
        operations::open_with(tx, &after, operation).await?;
    }
    Ok(after)
}

async fn update(tx: &mut Transaction, before: &AttemptRow, after: &AttemptRow) -> Done<u64> {
    tx.execute(
        "UPDATE attempt SET
             state = $1, version = $2, sends = $3, returns = $4, sent_at = $5, deadline_at = $6, unknown_at = $7,
             not_found = $8, second_looks = $9, last_read_at = $10, next_check_at = $11, leased_until = NULL,
             reason = $12, provider_code = $13, confirmed_minor = $14, confirmed_currency = $15,
             authorization_code = $16, brand = $17, last4 = $18, bin = $19, card_saved = $20, settled_at = $21
         WHERE id = $22 AND version = $23 AND state = $24",
        values![
            after.state.name(),
            after.version,
            after.sends,
            after.returns,
            after.sent_at,
            after.deadline_at,
            after.unknown_at,
            after.not_found,
            after.second_looks,
            after.last_read_at,
            after.next_check_at,
            &after.reason,
            &after.provider_code,
            after.confirmed,
            after.confirmed.map(|money| money.currency().code()),
            &after.authorization,
            after.brand.map(Brand::name),
            &after.last4,
            &after.bin,
            after.card_saved,
            after.settled_at,
            &before.id,
            before.version,
            before.state.name(),
        ],
    )
    .await
}

pub(super) fn read(row: &Row) -> Result<AttemptRow> {
    Ok(AttemptRow {
        id: row.text("id")?,
        session_id: row.text("session_id")?,
        idempotency_key: row.text("idempotency_key")?,
        fingerprint: row.text("fingerprint")?,
        rail: row.named("rail", Rail::from_name)?,
        state: row.named("state", AttemptState::from_name)?,
        version: row.whole("version")?,
        reference: row.text("reference")?,
        carried_reference: row.text_if("carried_reference")?,
        total: row.money("amount_minor", "currency")?,
        tip_minor: row.money("tip_minor", "currency")?.minor(),
        installments: row.small_if("installments")?,
        save_card: row.flag("save_card")?,
        saved_card_id: row.text_if("saved_card_id")?,
        owner: row.text("owner")?,
        created_at: row.moment("created_at")?,
        sends: row.small("sends")?,
        returns: row.small("returns")?,
        sent_at: row.moment_if("sent_at")?,
        deadline_at: row.moment_if("deadline_at")?,
        unknown_at: row.moment_if("unknown_at")?,
        not_found: row.small("not_found")?,
        second_looks: row.small("second_looks")?,
        last_read_at: row.moment_if("last_read_at")?,
        next_check_at: row.moment_if("next_check_at")?,
        reason: row.text_if("reason")?,
        provider_code: row.text_if("provider_code")?,
        confirmed: row.money_if("confirmed_minor", "confirmed_currency")?,
        authorization: row.text_if("authorization_code")?,
        brand: row.text_if("brand")?.as_deref().and_then(Brand::from_name),
        last4: row.text_if("last4")?,
        bin: row.text_if("bin")?,
        card_saved: row.flag("card_saved")?,
        settled_at: row.moment_if("settled_at")?,
    })
}
