//! Credits: money that came by itself. Each is recorded once, by whichever of its two identities it is
//! seen, and in the commit that makes of it what it was taken for.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use ventanilla_core::account::{Account, Cuit};

use super::engine::{Connection, Done, Fault, Row, Transaction, values};
use super::events::{self, NewEvent};
use super::sealing::{Place, Sealed, SealingKeys};
use super::{
    AttemptRow, Change, CreditRow, CreditState, CreditVerdict, NewCredit, Payer, Scene, SessionRow,
    Store, attempts, outbox, rules, sessions,
};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id;
use crate::webhooks::payload::Records;

impl Store {
    /// Records a credit that was seen for an attempt: `decide` sees the attempt in its surroundings and
    /// says what the credit is taken for, and what becomes of the attempt. Both are written, or neither.
    ///
    /// Gives the credit; none when it was recorded before, and then `decide` may not have been asked, or
    /// when `decide` wants nothing to be recorded yet.
    ///
    /// # Errors
    ///
    /// When the store does not answer, there is no such attempt, or the verdict breaks a rule. After an
    /// error the credit may be recorded all the same, when only the answer to its commit was lost.
    pub async fn credit_attempt<F>(
        &self,
        new: &NewCredit,
        attempt_id: &str,
        mut decide: F,
    ) -> Result<Option<CreditRow>>
    where
        F: FnMut(&Scene<'_>) -> Option<CreditVerdict> + Send,
    {
        let mut tx = self.engine.begin().await?;
        let missing = || Error::internal(format!("attempt {attempt_id} is not in the store"));
        let session = sessions::lock_of_attempt(&mut tx, attempt_id)
            .await?
            .ok_or_else(missing)?;
        if is_known(&mut tx, new).await? {
            return tx.leave(None).await;
        }
        let target = Target::of(&mut tx, session, attempt_id).await?;
        let Some(verdict) = target.ask(&mut decide) else {
            return tx.leave(None).await;
        };
        rules::judge_credit(&target.attempt, new.amount, &verdict)?;
        let mut row = recorded(new, verdict.state, verdict.why)?;
        row.attempt_id = Some(target.attempt.id.clone());
        if let Err(fault) = insert(&mut tx, self.keys.as_deref(), &row, new).await {
            return self.known_after(tx, fault, new).await;
        }
        let written = Written {
            row: &row,
            at: row.seen_at,
            kind: "credit_seen",
            is_new: true,
        };
        target.write(&mut tx, &written, verdict.change).await?;
        self.commit(tx).await?;
        Ok(Some(row))
    }

    /// A credit in review turns out to be for an attempt, because its notification says so, or, without a
    /// `cashin_id`, because somebody does: `decide` says what it is taken for now, as with
    /// [`Store::credit_attempt`]. If it stays in review, it is for that attempt alone.
    ///
    /// Gives the credit; none when no such credit is in review any more, when it is known by another
    /// notification or another credit by this one, or when `decide` wants nothing to be recorded yet.
    ///
    /// # Errors
    ///
    /// As [`Store::credit_attempt`].
    pub async fn resolve_credit<F>(
        &self,
        credit_id: &str,
        cashin_id: Option<&str>,
        attempt_id: &str,
        mut decide: F,
    ) -> Result<Option<CreditRow>>
    where
        F: FnMut(&Scene<'_>) -> Option<CreditVerdict> + Send,
    {
        let mut tx = self.engine.begin().await?;
        let session = sessions::lock_of_attempt(&mut tx, attempt_id)
            .await?
            .ok_or_else(|| Error::internal(format!("attempt {attempt_id} is not in the store")))?;
        let Some(mut row) = find(&mut tx, credit_id).await? else {
            return tx.leave(None).await;
        };
        let target = Target::of(&mut tx, session, attempt_id).await?;
        let Some(verdict) = target.ask(&mut decide) else {
            return tx.leave(None).await;
        };
        rules::judge_credit(&target.attempt, row.amount, &verdict)?;
        row.state = verdict.state;
        row.attempt_id = Some(target.attempt.id.clone());
        if let Some(cashin_id) = cashin_id {
            row.cashin_id = Some(cashin_id.to_owned());
        }
        row.why = verdict.why;
        row.candidates.clear();
        match resolve(&mut tx, &row).await {
            Ok(1) => {}
            Ok(_) => return tx.leave(None).await,
            Err(Fault::Taken(cause)) => {
                tx.leave(()).await?;
                let others = match cashin_id {
                    Some(id) => of_cashin(&mut self.engine.read().await?, id).await?,
                    None => None,
                };
                return match others {
                    Some(_) => Ok(None),
                    None => Err(matched_twice(cause)),
                };
            }
            Err(fault) => return Err(fault.into()),
        }
        let written = Written {
            row: &row,
            at: verdict
                .change
                .as_ref()
                .map_or(row.seen_at, |change| change.at),
            kind: "credit_resolved",
            is_new: false,
        };
        target.write(&mut tx, &written, verdict.change).await?;
        self.commit(tx).await?;
        Ok(Some(row))
    }

    /// Records a credit of which it is not certain whose it is, for somebody to look at. `candidates` are
    /// the attempts whose money it may be; there may be none.
    ///
    /// Gives the credit; none when it was recorded before.
    ///
    /// # Errors
    ///
    /// When the store does not answer. After an error the credit may be recorded all the same, when only
    /// the answer to its commit was lost.
    pub async fn credit_in_doubt(
        &self,
        new: &NewCredit,
        why: &str,
        candidates: &[String],
    ) -> Result<Option<CreditRow>> {
        let mut tx = self.engine.begin().await?;
        if is_known(&mut tx, new).await? {
            return tx.leave(None).await;
        }
        let mut row = recorded(new, CreditState::Review, Some(why.to_owned()))?;
        row.candidates = candidates.to_vec();
        if let Err(fault) = insert(&mut tx, self.keys.as_deref(), &row, new).await {
            return self.known_after(tx, fault, new).await;
        }
        let about = Records {
            credit: Some(&row),
            ..Records::default()
        };
        outbox::write(&mut tx, IN_REVIEW, row.seen_at, about).await?;
        self.commit(tx).await?;
        Ok(Some(row))
    }

    /// Says what a unique index refused: a credit that somebody else recorded at the same time, or a
    /// second one for an attempt that has its money.
    async fn known_after(
        &self,
        tx: Transaction,
        fault: Fault,
        new: &NewCredit,
    ) -> Result<Option<CreditRow>> {
        tx.leave(()).await?;
        let Fault::Taken(cause) = fault else {
            return Err(fault.into());
        };
        if is_known(&mut self.engine.read().await?, new).await? {
            return Ok(None);
        }
        Err(matched_twice(cause))
    }

    /// Adds the identity of a notification to a credit that was first seen in the provider's list.
    /// Whether it has it now: not when it has another one, or another credit has this one, or there is
    /// no such credit.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attach_cashin(&self, credit_id: &str, cashin_id: &str) -> Result<bool> {
        let attached = self
            .engine
            .write()
            .await?
            .execute(
                "UPDATE credit SET cashin_id = $1 WHERE id = $2 AND (cashin_id IS NULL OR cashin_id = $1)",
                values![cashin_id, credit_id],
            )
            .await;
        is_attached(attached)
    }

    /// Adds the fingerprint of the provider's list to a credit that was first seen by its notification.
    /// Whether it has it now: not when it has another one, or another credit has this one, or there is
    /// no such credit.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attach_fingerprint(&self, credit_id: &str, fingerprint: &str) -> Result<bool> {
        let attached = self
            .engine
            .write()
            .await?
            .execute(
                "UPDATE credit SET fingerprint = $1 WHERE id = $2 AND (fingerprint LIKE '%:%' OR fingerprint = $1)",
                values![fingerprint, credit_id],
            )
            .await;
        is_attached(attached)
    }

    /// Ends the review of a credit by somebody's word. Gives the credit; none when no such credit is in
    /// review.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn settle_credit(
        &self,
        id: &str,
        note: &str,
        now: Timestamp,
    ) -> Result<Option<CreditRow>> {
        let mut tx = self.engine.begin().await?;
        let Some(mut row) = find(&mut tx, id).await? else {
            return tx.leave(None).await;
        };
        let session = match &row.attempt_id {
            Some(attempt_id) => sessions::lock_of_attempt(&mut tx, attempt_id).await?,
            None => None,
        };
        let settled = tx
            .execute(
                "UPDATE credit SET state = 'dismissed', settled_note = $1, settled_at = $2
                 WHERE id = $3 AND state = 'review'",
                values![note, now, id],
            )
            .await?;
        if settled != 1 {
            return tx.leave(None).await;
        }
        row.state = CreditState::Dismissed;
        if let Some(session) = session {
            let event = NewEvent {
                at: now,
                session_id: &session.id,
                attempt_id: row.attempt_id.as_deref(),
                operation_id: None,
                kind: "credit_settled_by_hand",
                moved: (None, None),
                evidence: &json!({ "credit": row.id, "note": note }),
            };
            events::write(&mut tx, event).await?;
        }
        self.commit(tx).await?;
        Ok(Some(row))
    }

    /// A credit.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn credit(&self, id: &str) -> Result<Option<CreditRow>> {
        find(&mut self.engine.read().await?, id).await
    }

    /// Every credit that was first seen at `seen_from` or later, whatever it was taken for, in that order.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn credits_since(&self, seen_from: Timestamp) -> Result<Vec<CreditRow>> {
        self.engine
            .read()
            .await?
            .fetch_all(
                "SELECT * FROM credit WHERE seen_at >= $1 ORDER BY seen_at, rowid",
                values![seen_from],
            )
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Who paid a credit; none when the provider did not tell, or it was not kept.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or what is sealed does not open with the keys at hand.
    pub async fn payer(&self, credit_id: &str) -> Result<Option<Payer>> {
        let row = self
            .engine
            .read()
            .await?
            .fetch_optional(
                "SELECT key_name, payer FROM credit WHERE id = $1 AND payer IS NOT NULL",
                values![credit_id],
            )
            .await?;
        let (Some(row), Some(keys)) = (row, &self.keys) else {
            return Ok(None);
        };
        let sealed = Sealed {
            key_name: row.text("key_name")?,
            bytes: row.bytes("payer")?,
        };
        let place = Place::Payer { credit_id };
        unfold(&keys.open(&place, &sealed)?)
            .map(Some)
            .ok_or_else(|| Error::internal(format!("{place} cannot be read")))
    }
}

/// What the merchant is told of a credit that somebody must look at.
const IN_REVIEW: &str = "credit.review";

/// The attempt that a credit is for, in its surroundings. Its session is locked.
struct Target {
    session: SessionRow,
    attempt: AttemptRow,
    others: Vec<AttemptRow>,
}

/// What was written of a credit.
struct Written<'a> {
    row: &'a CreditRow,
    at: Timestamp,
    /// What happened.
    kind: &'static str,
    /// The merchant was not told of it yet.
    is_new: bool,
}

impl Target {
    async fn of(tx: &mut Transaction, session: SessionRow, attempt_id: &str) -> Result<Self> {
        let mut others = attempts::of_session(tx, &session.id).await?;
        let place = others
            .iter()
            .position(|attempt| attempt.id == attempt_id)
            .ok_or_else(|| Error::internal(format!("attempt {attempt_id} is not in the store")))?;
        Ok(Self {
            attempt: others.remove(place),
            others,
            session,
        })
    }

    fn ask(
        &self,
        decide: &mut impl FnMut(&Scene<'_>) -> Option<CreditVerdict>,
    ) -> Option<CreditVerdict> {
        decide(&Scene {
            attempt: &self.attempt,
            others: &self.others,
            session: &self.session,
        })
    }

    /// Writes what a credit brings with it.
    async fn write(
        self,
        tx: &mut Transaction,
        written: &Written<'_>,
        change: Option<Change>,
    ) -> Result<()> {
        let row = written.row;
        let event = NewEvent {
            at: written.at,
            session_id: &self.session.id,
            attempt_id: Some(&self.attempt.id),
            operation_id: None,
            kind: written.kind,
            moved: (None, None),
            evidence: &json!({
                "credit": row.id,
                "amount": row.amount,
                "credited_at": row.credited_at.rfc3339(),
                "state": row.state.name(),
                "why": row.why,
            }),
        };
        events::write(tx, event).await?;
        let after = match change {
            Some(change) => {
                attempts::write_change(tx, self.session.clone(), &self.attempt, change).await?
            }
            None => self.attempt.clone(),
        };
        // An attempt that comes to review with it says so itself.
        let is_told = rules::came_to_review(self.attempt.state, after.state);
        if row.state == CreditState::Review && written.is_new && !is_told {
            let about = Records {
                session: Some(&self.session),
                attempt: Some(&after),
                credit: Some(row),
                ..Records::default()
            };
            outbox::write(tx, IN_REVIEW, written.at, about).await?;
        }
        Ok(())
    }
}

/// What is said when a unique index refused a second credit for an attempt that has its money.
fn matched_twice(cause: String) -> Error {
    metrics::counter!("ventanilla_guard_hits_total", "guard" => "matched_credit").increment(1);
    Error::internal(cause)
}

fn is_attached(written: Done<u64>) -> Result<bool> {
    match written {
        Ok(rows) => Ok(rows == 1),
        Err(Fault::Taken(_)) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

/// A credit as it will be kept.
fn recorded(new: &NewCredit, state: CreditState, why: Option<String>) -> Result<CreditRow> {
    Ok(CreditRow {
        id: id::make_prefixed("crd")?,
        fingerprint: new.fingerprint.clone(),
        cashin_id: new.cashin_id.clone(),
        amount: new.amount,
        credited_at: new.credited_at,
        seen_at: new.seen_at,
        state,
        attempt_id: None,
        why,
        candidates: Vec::new(),
    })
}

async fn is_known(connection: &mut Connection, new: &NewCredit) -> Result<bool> {
    let known = connection
        .fetch_optional(
            "SELECT id FROM credit WHERE fingerprint = $1 UNION ALL SELECT id FROM credit WHERE cashin_id = $2",
            values![&new.fingerprint, &new.cashin_id],
        )
        .await?;
    Ok(known.is_some())
}

async fn insert(
    tx: &mut Transaction,
    keys: Option<&SealingKeys>,
    row: &CreditRow,
    new: &NewCredit,
) -> Done<()> {
    let payer = sealed_payer(keys, row, new.payer.as_ref());
    let candidates = (!row.candidates.is_empty()).then(|| json!(row.candidates).to_string());
    tx.execute(
        "INSERT INTO credit (id, fingerprint, cashin_id, amount_minor, currency, credited_at, seen_at, state,
                             attempt_id, why, candidates, key_name, payer)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        values![
            &row.id,
            &row.fingerprint,
            &row.cashin_id,
            row.amount,
            row.amount.currency().code(),
            row.credited_at,
            row.seen_at,
            row.state.name(),
            &row.attempt_id,
            &row.why,
            &candidates,
            payer.as_ref().map(|sealed| sealed.key_name.as_str()),
            payer.as_ref().map(|sealed| sealed.bytes.as_slice()),
        ],
    )
    .await?;
    for attempt_id in &row.candidates {
        tx.execute(
            "INSERT INTO credit_candidate (attempt_id, credit_id) VALUES ($1, $2)",
            values![attempt_id, &row.id],
        )
        .await?;
    }
    Ok(())
}

async fn resolve(tx: &mut Transaction, row: &CreditRow) -> Done<u64> {
    tx.execute(
        "UPDATE credit SET state = $1, attempt_id = $2, cashin_id = $3, why = $4, candidates = NULL
         WHERE id = $5 AND state = 'review' AND (cashin_id IS NULL OR cashin_id = $3)",
        values![
            row.state.name(),
            &row.attempt_id,
            &row.cashin_id,
            &row.why,
            &row.id,
        ],
    )
    .await
}

async fn of_cashin(connection: &mut Connection, cashin_id: &str) -> Result<Option<CreditRow>> {
    connection
        .fetch_optional(
            "SELECT * FROM credit WHERE cashin_id = $1",
            values![cashin_id],
        )
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Who paid, sealed. What cannot be sealed is not kept, and does not undo the credit.
fn sealed_payer(
    keys: Option<&SealingKeys>,
    row: &CreditRow,
    payer: Option<&Payer>,
) -> Option<Sealed> {
    let place = Place::Payer { credit_id: &row.id };
    keys?
        .seal(&place, &fold(payer?))
        .inspect_err(|error| {
            tracing::error!(credit.id = %row.id, "credit {}: its payer is not kept: {error}", row.id);
        })
        .ok()
}

/// A payer as one text: both numbers, the one that is not known empty.
fn fold(payer: &Payer) -> SecretString {
    let cuit = payer.cuit.as_ref().map_or("", Cuit::digits);
    let account = payer.account.as_ref().map_or("", Account::as_str);
    SecretString::from(format!("{cuit} {account}"))
}

fn unfold(text: &SecretString) -> Option<Payer> {
    // EXPOSE: read into types that are written out on purpose only.
    let (cuit, account) = text.expose_secret().split_once(' ')?;
    let known = |text: &str| !text.is_empty();
    Some(Payer {
        cuit: known(cuit).then(|| Cuit::parse(cuit)).transpose().ok()?,
        account: known(account)
            .then(|| Account::parse(account))
            .transpose()
            .ok()?,
    })
}

async fn find(connection: &mut Connection, id: &str) -> Result<Option<CreditRow>> {
    connection
        .fetch_optional("SELECT * FROM credit WHERE id = $1", values![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The credits of a session's attempts, and those in review that may be one's.
pub(super) async fn of_session(
    connection: &mut Connection,
    session_id: &str,
) -> Result<Vec<CreditRow>> {
    let mut rows = connection
        .fetch_all(
            "SELECT * FROM credit WHERE attempt_id IN (SELECT id FROM attempt WHERE session_id = $1)",
            values![session_id],
        )
        .await?;
    // What was resolved has none any more.
    rows.extend(
        connection
            .fetch_all(
                "SELECT * FROM credit
                 WHERE state = 'review' AND candidates IS NOT NULL
                   AND id IN (SELECT credit_id FROM credit_candidate
                              WHERE attempt_id IN (SELECT id FROM attempt WHERE session_id = $1))",
                values![session_id],
            )
            .await?,
    );
    let mut credits = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
    credits.sort_by(|one, other| (one.seen_at, &one.id).cmp(&(other.seen_at, &other.id)));
    Ok(credits)
}

/// The credits in review, in the order in which they were seen.
pub(super) async fn in_review(connection: &mut Connection) -> Result<Vec<CreditRow>> {
    connection
        .fetch_all(
            "SELECT * FROM credit WHERE state = 'review' ORDER BY seen_at, rowid",
            values![],
        )
        .await?
        .iter()
        .map(read)
        .collect()
}

fn read(row: &Row) -> Result<CreditRow> {
    Ok(CreditRow {
        id: row.text("id")?,
        fingerprint: row.text("fingerprint")?,
        cashin_id: row.text_if("cashin_id")?,
        amount: row.money("amount_minor", "currency")?,
        credited_at: row.moment("credited_at")?,
        seen_at: row.moment("seen_at")?,
        state: row.named("state", CreditState::from_name)?,
        attempt_id: row.text_if("attempt_id")?,
        why: row.text_if("why")?,
        candidates: row
            .text_if("candidates")?
            .map_or(Ok(Vec::new()), |text| serde_json::from_str(&text))
            .map_err(Error::internal)?,
    })
}
