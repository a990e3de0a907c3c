//! Credits that payables wait for: read by the number that a notification told, and written with what they
//! prove. The notification itself is never believed.

use std::time::Duration;

use serde_json::json;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_providers::cvu::CashInId;
use ventanilla_providers::failpoint::hit;

use super::Machine;
use super::judge_payable::{self, Standing};
use crate::error::{Error, Result};
use crate::store::{
    AttemptRow, Change, CreditRow, CreditState, NewCredit, PayableRow, Payer, Watched,
};

/// A credit is told of by its notification and by the list within this of each other.
pub(super) const BOTH_WAYS: Duration = Duration::from_secs(72 * 3600);
/// What is known by its notification only carries this before its number.
pub(super) const BY_NUMBER: &str = "cashin:";
/// The last place among what may be the same money: nothing but the amount speaks for it yet.
const GUESSED: u8 = 3;

/// What keeps a credit from being the money of its attempt: another attempt of the same order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Room {
    /// Nothing.
    Free,
    /// One that ends by itself.
    InDoubt,
    /// One that somebody at the merchant has to end.
    InReview,
}

impl Machine {
    /// A notification named a credit: it is read by its number. Whether it was one that could be read.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn noticed_credit(&self, id: &CashInId) -> Result<bool> {
        let Some(rail) = &self.cvu else {
            return Ok(false);
        };
        let read = rail.credit(id).await;
        let now = self.clock.now();
        let Ok(cashin) = read.inspect_err(|cause| {
            tracing::warn!("a credit that was notified could not be read: {cause}");
        }) else {
            self.look_soon(now).await?;
            return Ok(false);
        };
        // Whether an answer names itself is not documented; one that names another is not the one that was
        // asked for.
        if cashin.transaction.as_ref().is_some_and(|told| told != id) {
            tracing::warn!("the provider answered with another credit than was asked for");
            self.look_soon(now).await?;
            return Ok(false);
        }
        let named = [
            cashin
                .link
                .as_ref()
                .map(|id| (Presentation::Link, id.as_str())),
            cashin
                .qr_order
                .as_ref()
                .map(|id| (Presentation::Qr, id.as_str())),
        ];
        for (presentation, provider_id) in named.into_iter().flatten() {
            let found = self
                .store
                .watched_of_provider_id(presentation, provider_id)
                .await?;
            if let Some(watched) = found {
                let credit = NewCredit {
                    fingerprint: format!("{BY_NUMBER}{}", id.as_str()),
                    cashin_id: Some(id.as_str().to_owned()),
                    amount: cashin.amount,
                    credited_at: now,
                    seen_at: now,
                    payer: Some(Payer {
                        cuit: cashin.buyer_cuit,
                        account: cashin.buyer_account,
                    }),
                };
                let judging = self.credit_by_number(&watched, credit);
                if self.in_credits_turn(judging).await?.is_none() {
                    // The list tells of it too, without its number.
                    tracing::warn!("a credit that was notified is left to the next look");
                    self.look_soon(now).await?;
                }
                return Ok(true);
            }
        }
        // A transfer, or somebody else's: the list tells.
        self.look_soon(now).await?;
        Ok(true)
    }

    /// Whether credits are watched for.
    #[must_use]
    pub const fn watches_credits(&self) -> bool {
        self.cvu.is_some()
    }

    async fn credit_by_number(&self, watched: &Watched, credit: NewCredit) -> Result<()> {
        let _turn = self.credits_turn.lock().await;
        let since = credit.seen_at - BOTH_WAYS;
        let known = self.store.credits_since(since).await?;
        let attempt_id = watched.payable.attempt_id.as_str();
        let session = self.store.attempts(&watched.payable.session_id).await?;
        let is_ours = |id: &str| session.iter().any(|attempt| attempt.id == id);
        // The list may have told of it before. It names no attempt, so what it was taken for may be
        // another one of the session.
        let mut twins: Vec<(u8, &CreditRow)> = known
            .iter()
            .filter(|row| {
                row.cashin_id.is_none()
                    && row.amount == credit.amount
                    && row.state != CreditState::Dismissed
            })
            .filter_map(|row| {
                let place = match (row.state, row.attempt_id.as_deref()) {
                    (CreditState::Matched, Some(id)) if id == attempt_id => 0,
                    (CreditState::Matched, Some(id)) if is_ours(id) => 1,
                    (CreditState::Review, Some(id)) if is_ours(id) => 2,
                    (CreditState::Review, None)
                        if row.candidates.is_empty()
                            || row.candidates.iter().any(|id| is_ours(id)) =>
                    {
                        2
                    }
                    (CreditState::Review, None) => GUESSED,
                    _ => return None,
                };
                Some((place, row))
            })
            .collect();
        twins.sort_by_key(|(place, _)| *place);
        let mut twin = None;
        for (place, row) in twins {
            // The list had only others to think of, because ours was long over: then who paid must be known.
            let surely = place < GUESSED || self.is_paid_by(row, credit.payer.as_ref()).await;
            if surely && self.may_be_paid_by(row, credit.payer.as_ref()).await {
                twin = Some(row);
                break;
            }
        }
        match (twin, &credit.cashin_id) {
            (Some(twin), Some(number)) if twin.state == CreditState::Matched => {
                self.store.attach_cashin(&twin.id, number).await?;
            }
            (Some(twin), Some(number)) => {
                self.resolve(twin, number, &watched.payable).await?;
            }
            (Some(_), None) | (None, _) => {
                self.credit(&watched.payable, &credit).await?;
            }
        }
        Ok(())
    }

    /// Whether a credit may have been paid by `payer`: nothing that is known of both differs. Else a credit
    /// of the same amount would be taken for it, and be sent back to somebody else.
    pub(super) async fn may_be_paid_by(&self, credit: &CreditRow, payer: Option<&Payer>) -> bool {
        // What does not open is not known.
        let kept = self.store.payer(&credit.id).await.ok().flatten();
        match (kept, payer) {
            (Some(kept), Some(payer)) => {
                agree(kept.account.as_ref(), payer.account.as_ref())
                    && agree(kept.cuit.as_ref(), payer.cuit.as_ref())
            }
            _ => true,
        }
    }

    /// Whether a credit was paid from the account of `payer`, as far as both are known.
    async fn is_paid_by(&self, credit: &CreditRow, payer: Option<&Payer>) -> bool {
        let kept = self.store.payer(&credit.id).await.ok().flatten();
        let kept = kept.and_then(|kept| kept.account);
        kept.is_some() && kept.as_ref() == payer.and_then(|payer| payer.account.as_ref())
    }

    /// A credit in review turns out to be for what was payable: its number says so.
    async fn resolve(&self, credit: &CreditRow, number: &str, payable: &PayableRow) -> Result<()> {
        let attempt_id = &payable.attempt_id;
        if self.make_room(&payable.session_id, attempt_id).await? != Room::Free {
            return Ok(());
        }
        let mut before = None;
        let resolved = self
            .store
            .resolve_credit(&credit.id, Some(number), attempt_id, |scene| {
                before = Some(scene.attempt.state);
                let now = self.clock.now();
                Some(judge_payable::on_credit(scene, credit.amount, now).into_verdict())
            })
            .await?;
        if let Some(row) = resolved {
            self.note_credit(&row, before).await?;
        }
        Ok(())
    }

    /// Somebody says that a credit in review is this attempt's money. It must be what was asked for, for
    /// something that was shown and is not paid.
    pub(super) async fn match_by_hand(
        &self,
        credit: &CreditRow,
        attempt_id: &str,
        note: &str,
    ) -> Result<()> {
        let refused = |why: &str| Err(Error::new(ProblemCode::OperationNotPossible).detail(why));
        let _turn = self.credits_turn.lock().await;
        let attempt = self.store.attempt(attempt_id).await?;
        let attempt = attempt.ok_or(ProblemCode::NotFound)?;
        if self.make_room(&attempt.session_id, attempt_id).await? != Room::Free {
            return refused("another attempt of its session is in doubt; settle that one first");
        }
        let mut before = None;
        let mut why = "the credit is no longer in review";
        hit("resolve.before");
        let resolved = self
            .store
            .resolve_credit(&credit.id, None, attempt_id, |scene| {
                before = Some(scene.attempt.state);
                match judge_payable::on_credit(scene, credit.amount, self.clock.now()) {
                    Standing::Pays(mut change) => {
                        change.evidence["by"] = json!("merchant");
                        change.evidence["note"] = json!(note);
                        Some(Standing::Pays(change).into_verdict())
                    }
                    Standing::Doubt(doubt, _) => {
                        why = doubt;
                        None
                    }
                }
            })
            .await?;
        hit("resolve.after");
        match resolved {
            Some(row) => self.note_credit(&row, before).await,
            None => refused(why),
        }
    }

    /// Records a credit for what was payable, and what it proves. While another attempt of the session is
    /// in doubt nothing is recorded, and a later look sees the credit again. Where that doubt is somebody's
    /// at the merchant to end, who may be days away, they are told of this credit now.
    pub(super) async fn credit(&self, payable: &PayableRow, credit: &NewCredit) -> Result<()> {
        let attempt_id = &payable.attempt_id;
        match self.make_room(&payable.session_id, attempt_id).await? {
            Room::Free => {}
            Room::InDoubt => {
                tracing::warn!(
                    attempt.id = %attempt_id,
                    "a credit for attempt {attempt_id} waits for another attempt of its session to end"
                );
                return Ok(());
            }
            Room::InReview => {
                let why = "another payment of its order has to be settled first";
                let candidates = [attempt_id.clone()];
                return self.credit_in_doubt(credit, why, &candidates).await;
            }
        }
        let mut before = None;
        hit("credit.before");
        let recorded = self
            .store
            .credit_attempt(credit, attempt_id, |scene| {
                let now = self.clock.now();
                before = Some(scene.attempt.state);
                Some(judge_payable::on_credit(scene, credit.amount, now).into_verdict())
            })
            .await?;
        hit("credit.after");
        match recorded {
            Some(row) => self.note_credit(&row, before).await,
            None => self.look_soon(self.clock.now()).await,
        }
    }

    /// Records a credit of which it is not certain whose it is, and tells the merchant.
    pub(super) async fn credit_in_doubt(
        &self,
        credit: &NewCredit,
        why: &str,
        candidates: &[String],
    ) -> Result<()> {
        hit("credit.before");
        let recorded = self.store.credit_in_doubt(credit, why, candidates).await?;
        hit("credit.after");
        match recorded {
            Some(row) => self.note_credit(&row, None).await,
            None => Ok(()),
        }
    }

    /// What was never sent, and what is shown, makes room for what was paid. What is in its way then.
    async fn make_room(&self, session_id: &str, paid: &str) -> Result<Room> {
        let mut room = Room::Free;
        for other in self.store.attempts(session_id).await? {
            if other.id == paid {
                continue;
            }
            let reason = "an earlier attempt turned out to have paid";
            match other.state {
                S::New | S::Prepared => {
                    self.end_unsent::<AttemptRow>(&other.id, reason).await?;
                }
                S::Issued => {
                    self.supersede(&other.id, reason).await?;
                }
                S::Sent | S::Unknown => room = room.max(Room::InDoubt),
                S::Review => room = Room::InReview,
                _ => {}
            }
        }
        Ok(room)
    }

    /// The buyer, or money for another one, left this payable; it is watched on.
    pub(super) async fn supersede(&self, id: &str, reason: &str) -> Result<Option<AttemptRow>> {
        self.apply::<AttemptRow>(id, |scene, now| {
            judge_payable::superseded(scene.attempt, reason, now).map(Change::from)
        })
        .await
    }

    pub(super) async fn note_credit(&self, row: &CreditRow, before: Option<S>) -> Result<()> {
        metrics::counter!("ventanilla_credits_total", "state" => row.state.name()).increment(1);
        if row.state == CreditState::Review {
            tracing::error!(
                credit.id = %row.id,
                attempt.id = row.attempt_id.as_deref(),
                "credit {} needs somebody at the merchant: {}",
                row.id,
                row.why.as_deref().unwrap_or("it could not be matched")
            );
        }
        if let Some(attempt_id) = &row.attempt_id
            && let Some(attempt) = self.store.attempt(attempt_id).await?
        {
            let before = before.unwrap_or(attempt.state);
            self.announce(&attempt, before, "credited");
        }
        for candidate in &row.candidates {
            self.tell(candidate);
        }
        Ok(())
    }

    fn tell(&self, attempt_id: &str) {
        self.bells.ring(attempt_id);
        self.wake.notify_one();
    }
}

/// Whether money was seen that can only be for this attempt, and somebody has to look at it. Of several
/// buyers who may have paid it, none is told not to pay.
pub(super) fn is_seen(credits: &[CreditRow], attempt_id: &str) -> bool {
    credits.iter().any(|credit| {
        credit.state == CreditState::Review
            && (credit.attempt_id.as_deref() == Some(attempt_id)
                || matches!(&credit.candidates[..], [only] if only == attempt_id))
    })
}

/// Whether two values are equal, as far as both are known.
fn agree<T: Eq>(one: Option<&T>, other: Option<&T>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}
