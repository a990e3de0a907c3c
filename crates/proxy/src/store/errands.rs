//! Errands: money that the merchant moves without a checkout. One for each of the merchant's keys.

use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use ventanilla_core::attempt::AttemptState;

use super::engine::{Connection, Done, Fault, Row, Transaction, values};
use super::sealing::{Place, Sealed};
use super::{
    ErrandChange, ErrandEventRow, ErrandItem, ErrandKind, ErrandOpened, ErrandRow, ErrandScene,
    Store, WholeErrand, events, outbox, rules,
};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::webhooks::payload::Records;

impl Store {
    /// Records an errand in the state new, with the payments that it makes, and with `request`: what was
    /// asked for, sealed. Each key opens one of its kind, and a subject has one open at a time.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or has no keys to seal with.
    pub async fn open_errand(
        &self,
        draft: &ErrandRow,
        items: &[ErrandItem],
        request: &SecretString,
    ) -> Result<ErrandOpened> {
        let keys = self.keys.as_deref().ok_or_else(|| {
            Error::internal("no sealing key is configured, and an errand names accounts or cards")
        })?;
        rules::judge_errand_items(draft, items)?;
        let sealed = keys.seal(
            &Place::Errand {
                errand_id: &draft.id,
            },
            request,
        )?;
        let mut tx = self.engine.begin().await?;
        match insert(&mut tx, draft, &sealed).await {
            Ok(()) => {
                for item in items {
                    insert_item(&mut tx, &draft.id, item).await?;
                }
                write_event(
                    &mut tx,
                    &draft.id,
                    draft.created_at,
                    "started",
                    (None, Some(AttemptState::New.name())),
                    &json!({
                        "kind": draft.kind.name(),
                        "reference": draft.reference,
                        "amount": draft.amount,
                    }),
                )
                .await?;
                self.commit(tx).await?;
                Ok(ErrandOpened::New(draft.clone()))
            }
            Err(Fault::Taken(cause)) => {
                tx.leave(()).await?;
                let known = self.errand_of_key(draft.kind, &draft.idempotency_key);
                if let Some(known) = known.await? {
                    return Ok(ErrandOpened::Known(known));
                }
                metrics::counter!("ventanilla_guard_hits_total", "guard" => "open_errand")
                    .increment(1);
                let mut connection = self.engine.read().await?;
                let subject = draft.subject.as_deref();
                let open = open_of_subject(&mut connection, draft.kind, subject).await?;
                open.map(ErrandOpened::Running)
                    .ok_or_else(|| Error::internal(cause))
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// An errand.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn errand(&self, id: &str) -> Result<Option<ErrandRow>> {
        find(&mut self.engine.read().await?, id).await
    }

    /// An errand and its payments, all of one moment.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn whole_errand(&self, id: &str) -> Result<Option<WholeErrand>> {
        let mut moment = self.engine.snapshot().await?;
        let Some(errand) = find(&mut moment, id).await? else {
            return Ok(None);
        };
        let items = items_of(&mut moment, &errand).await?;
        Ok(Some(WholeErrand { errand, items }))
    }

    /// The errand that a merchant's key opened.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn errand_of_key(&self, kind: ErrandKind, key: &str) -> Result<Option<ErrandRow>> {
        self.engine
            .read()
            .await?
            .fetch_optional(
                "SELECT * FROM errand WHERE kind = $1 AND idempotency_key = $2",
                values![kind.name(), key],
            )
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The errand that makes the payment with this reference.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn errand_of_reference(&self, reference: &str) -> Result<Option<ErrandRow>> {
        self.engine
            .read()
            .await?
            .fetch_optional(
                "SELECT * FROM errand WHERE id = (SELECT errand_id FROM errand_item WHERE reference = $1)",
                values![reference],
            )
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The errand of `kind` that is open on `subject`: its identifier.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn open_errand_of(&self, kind: ErrandKind, subject: &str) -> Result<Option<String>> {
        open_of_subject(&mut self.engine.read().await?, kind, Some(subject)).await
    }

    /// What was asked for with an errand.
    ///
    /// # Errors
    ///
    /// When the store does not answer, there is no such errand, or what is sealed does not open with the
    /// keys at hand.
    pub async fn errand_request(&self, id: &str) -> Result<SecretString> {
        let keys = self.keys.as_deref().ok_or_else(|| {
            Error::internal("no sealing key is configured, and a request is sealed")
        })?;
        let row = self
            .engine
            .read()
            .await?
            .fetch_optional(
                "SELECT key_name, request FROM errand WHERE id = $1",
                values![id],
            )
            .await?
            .ok_or_else(|| missing(id))?;
        let sealed = Sealed {
            key_name: row.text("key_name")?,
            bytes: row.bytes("request")?,
        };
        keys.open(&Place::Errand { errand_id: id }, &sealed)
    }

    /// What happened to an errand, in order.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn errand_events(&self, id: &str) -> Result<Vec<ErrandEventRow>> {
        self.engine
            .read()
            .await?
            .fetch_all(
                "SELECT * FROM errand_event WHERE errand_id = $1 ORDER BY id",
                values![id],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(ErrandEventRow {
                    at: row.moment("at")?,
                    kind: row.text("kind")?,
                    from_state: row.text_if("from_state")?,
                    to_state: row.text_if("to_state")?,
                    evidence: row.json("evidence")?,
                })
            })
            .collect()
    }

    /// Changes an errand, as [`Store::change`] does an attempt.
    ///
    /// # Errors
    ///
    /// When the store does not answer, there is no such errand, or the change breaks a rule. After an error
    /// the change may be written all the same, when only the answer to its commit was lost.
    pub async fn change_errand<F>(&self, id: &str, mut decide: F) -> Result<Option<ErrandRow>>
    where
        F: FnMut(&ErrandScene<'_>) -> Option<ErrandChange> + Send,
    {
        let mut tx = self.engine.begin().await?;
        let before = tx
            .fetch_optional("SELECT * FROM errand WHERE id = $1 {locked}", values![id])
            .await?
            .as_ref()
            .map(read)
            .transpose()?
            .ok_or_else(|| missing(id))?;
        let items = items_of(&mut tx, &before).await?;
        let scene = ErrandScene {
            errand: &before,
            items: &items,
        };
        let Some(change) = decide(&scene) else {
            return tx.leave(None).await;
        };
        let after = write_change(&mut tx, &before, items, change).await?;
        self.commit(tx).await?;
        Ok(Some(after))
    }
}

fn missing(id: &str) -> Error {
    Error::internal(format!("errand {id} is not in the store"))
}

async fn find(connection: &mut Connection, id: &str) -> Result<Option<ErrandRow>> {
    connection
        .fetch_optional("SELECT * FROM errand WHERE id = $1", values![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

async fn open_of_subject(
    connection: &mut Connection,
    kind: ErrandKind,
    subject: Option<&str>,
) -> Result<Option<String>> {
    connection
        .fetch_optional(
            "SELECT id FROM errand
             WHERE kind = $1 AND subject = $2 AND state IN ('new', 'prepared', 'sent', 'unknown', 'review')",
            values![kind.name(), subject],
        )
        .await?
        .map(|row| row.text("id"))
        .transpose()
}

async fn items_of(connection: &mut Connection, errand: &ErrandRow) -> Result<Vec<ErrandItem>> {
    if errand.kind != ErrandKind::Bulk {
        return Ok(Vec::new());
    }
    connection
        .fetch_all(
            "SELECT * FROM errand_item WHERE errand_id = $1 ORDER BY position",
            values![&errand.id],
        )
        .await?
        .iter()
        .map(read_item)
        .collect()
}

async fn insert(tx: &mut Transaction, row: &ErrandRow, sealed: &Sealed) -> Done<()> {
    let details =
        serde_json::to_string(&row.details).map_err(|error| Fault::Broken(error.to_string()))?;
    tx.execute(
        "INSERT INTO errand (id, kind, idempotency_key, subject, state, version, reference, amount_minor, currency,
                             details, created_at, key_name, request, next_check_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        values![
            &row.id,
            row.kind.name(),
            &row.idempotency_key,
            &row.subject,
            AttemptState::New.name(),
            row.version,
            &row.reference,
            row.amount,
            row.amount.currency().code(),
            &details,
            row.created_at,
            &sealed.key_name,
            &sealed.bytes,
            row.next_check_at.unwrap_or(row.created_at),
        ],
    )
    .await?;
    Ok(())
}

async fn insert_item(tx: &mut Transaction, errand_id: &str, item: &ErrandItem) -> Done<()> {
    tx.execute(
        "INSERT INTO errand_item (errand_id, position, order_reference, reference, amount_minor, currency, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        values![
            errand_id,
            item.position,
            &item.order_reference,
            &item.reference,
            item.amount,
            item.amount.currency().code(),
            AttemptState::Unknown.name(),
        ],
    )
    .await?;
    Ok(())
}

async fn write_event(
    tx: &mut Transaction,
    errand_id: &str,
    at: Timestamp,
    kind: &str,
    moved: (Option<&str>, Option<&str>),
    evidence: &serde_json::Value,
) -> Result<()> {
    let (from, to) = moved;
    tx.execute(
        "INSERT INTO errand_event (at, errand_id, kind, from_state, to_state, evidence)
         VALUES ($1, $2, $3, $4, $5, $6)",
        values![at, errand_id, kind, from, to, &evidence.to_string()],
    )
    .await?;
    Ok(())
}

async fn write_change(
    tx: &mut Transaction,
    before: &ErrandRow,
    mut items: Vec<ErrandItem>,
    change: ErrandChange,
) -> Result<ErrandRow> {
    let mut after = change.after;
    let told = rules::judge_errand(before, &after)?;
    after.version = before.version + 1;
    if update(tx, before, &after).await? != 1 {
        return Err(rules::overtaken("errand", &before.id));
    }
    let late = write_items(tx, &after, &mut items, change.items, change.at).await?;
    write_event(
        tx,
        &after.id,
        change.at,
        change.kind,
        events::moved(before.state, after.state),
        &change.evidence,
    )
    .await?;
    // Of a payment that turns up after the end the merchant is told as of the end.
    let is_news = late && before.state == after.state;
    if let Some(kind) = told.or(is_news.then_some("operation.succeeded")) {
        let about = Records {
            errand: Some((&after, &items)),
            ..Records::default()
        };
        outbox::write(tx, kind, change.at, about).await?;
    }
    Ok(after)
}

/// Writes the payments that change. With the end of an errand, none of its payments was made that was not
/// proven to be. Whether one of them turned out to be made that was held not to be.
async fn write_items(
    tx: &mut Transaction,
    errand: &ErrandRow,
    items: &mut [ErrandItem],
    changed: Vec<ErrandItem>,
    at: Timestamp,
) -> Result<bool> {
    let is_over = errand.state.is_final();
    let mut late = false;
    for known in items {
        let proven = changed.iter().find(|item| item.position == known.position);
        let mut after = proven.unwrap_or(known).clone();
        if is_over && after.state == AttemptState::Unknown {
            after.state = AttemptState::NotExecuted;
            after.settled_at = Some(at);
        }
        if is_over
            && after.state == AttemptState::Succeeded
            && errand.state != AttemptState::Succeeded
        {
            return Err(Error::internal(format!(
                "errand {}: a payment of it was made, and it cannot be {}",
                errand.id,
                errand.state.name()
            )));
        }
        if after != *known {
            rules::judge_errand_item(&errand.id, known, &after)?;
            update_item(tx, &errand.id, &after).await?;
            late |= known.state == AttemptState::NotExecuted && after.state != known.state;
            *known = after;
        }
    }
    Ok(late)
}

async fn update(tx: &mut Transaction, before: &ErrandRow, after: &ErrandRow) -> Result<u64> {
    let known_before = json_text(after.known_before.as_ref())?;
    let result = json_text(after.result.as_ref())?;
    let changed = tx
        .execute(
            "UPDATE errand SET
                 state = $1, version = $2, sends = $3, returns = $4, sent_at = $5, deadline_at = $6, unknown_at = $7,
                 known_before = $8, last_read_at = $9, next_check_at = $10, leased_until = NULL, reason = $11,
                 provider_code = $12, result = $13, settled_at = $14
             WHERE id = $15 AND version = $16 AND state = $17",
            values![
                after.state.name(),
                after.version,
                after.sends,
                after.returns,
                after.sent_at,
                after.deadline_at,
                after.unknown_at,
                &known_before,
                after.last_read_at,
                after.next_check_at,
                &after.reason,
                &after.provider_code,
                &result,
                after.settled_at,
                &before.id,
                before.version,
                before.state.name(),
            ],
        )
        .await?;
    Ok(changed)
}

async fn update_item(tx: &mut Transaction, errand_id: &str, item: &ErrandItem) -> Done<u64> {
    tx.execute(
        "UPDATE errand_item SET
             state = $1, not_found = $2, last_read_at = $3, confirmed_minor = $4, confirmed_currency = $5,
             authorization_code = $6, last4 = $7, settled_at = $8
         WHERE errand_id = $9 AND position = $10",
        values![
            item.state.name(),
            item.not_found,
            item.last_read_at,
            item.confirmed,
            item.confirmed.map(|money| money.currency().code()),
            &item.authorization,
            &item.last4,
            item.settled_at,
            errand_id,
            item.position,
        ],
    )
    .await
}

pub(super) fn read(row: &Row) -> Result<ErrandRow> {
    Ok(ErrandRow {
        id: row.text("id")?,
        kind: row.named("kind", ErrandKind::from_name)?,
        idempotency_key: row.text("idempotency_key")?,
        subject: row.text_if("subject")?,
        state: row.named("state", AttemptState::from_name)?,
        version: row.whole("version")?,
        reference: row.text("reference")?,
        amount: row.money("amount_minor", "currency")?,
        details: row.json("details")?,
        created_at: row.moment("created_at")?,
        known_before: json_if(row, "known_before")?,
        sends: row.small("sends")?,
        returns: row.small("returns")?,
        sent_at: row.moment_if("sent_at")?,
        deadline_at: row.moment_if("deadline_at")?,
        unknown_at: row.moment_if("unknown_at")?,
        last_read_at: row.moment_if("last_read_at")?,
        next_check_at: row.moment_if("next_check_at")?,
        reason: row.text_if("reason")?,
        provider_code: row.text_if("provider_code")?,
        result: json_if(row, "result")?,
        settled_at: row.moment_if("settled_at")?,
    })
}

fn json_text<T: Serialize>(value: Option<&T>) -> Result<Option<String>> {
    value
        .map(serde_json::to_string)
        .transpose()
        .map_err(Error::internal)
}

fn json_if<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>> {
    row.text_if(column)?
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(Error::internal)
}

fn read_item(row: &Row) -> Result<ErrandItem> {
    Ok(ErrandItem {
        position: row.small("position")?,
        order_reference: row.text("order_reference")?,
        reference: row.text("reference")?,
        amount: row.money("amount_minor", "currency")?,
        state: row.named("state", AttemptState::from_name)?,
        not_found: row.small("not_found")?,
        last_read_at: row.moment_if("last_read_at")?,
        confirmed: row.money_if("confirmed_minor", "confirmed_currency")?,
        authorization: row.text_if("authorization_code")?,
        last4: row.text_if("last4")?,
        settled_at: row.moment_if("settled_at")?,
    })
}
