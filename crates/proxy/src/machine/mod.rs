//! How a payment is taken at most once and never lost.
//!
//! The right to send is a row that can be used up once; every doubt is settled by reading, never by
//! sending again.
//!
//! | step | commit | then |
//! |---|---|---|
//! | T0 | attempt `new`, unless another one is in the way | open the provider's order |
//! | T0b | `prepared` | |
//! | T1 | `sent`: the only right to send | **send once** |
//! | T2 | `succeeded`, `declined`, `not_executed`, `unknown`, or `prepared` again with proof that nothing was sent | answer |
//! | T3 | from `unknown` to an end, on a read's evidence | tell the merchant |
//! | T4 | from a negative end to `succeeded` or `duplicate`, when money turns up late | tell the merchant |
//!
//! | question | room |
//! |---|---|
//! | what may a merchant ask for | `check` |
//! | who takes an attempt from T0 to T2 | `drive` |
//! | what does an answer or a read prove | `judge` |
//! | who reads, and ends what is overdue | `sweep` |
//! | who hears of it | `view`, `watch` |
//!
//! | metric | labels | |
//! |---|---|---|
//! | `ventanilla_attempts_total` | `rail`, `outcome` | attempts that came to an outcome, doubt among them |
//! | `ventanilla_attempts_in_doubt` | | attempts unknown or in review |
//! | `ventanilla_oldest_doubt_seconds` | | how long the oldest of them has been so |
//! | `ventanilla_guard_hits_total` | `guard` | what a rule of the machine or the store prevented |
//!
//! Why a second payment cannot follow a wrong "it never happened" on the card rail: GreenPay's order
//! session dies after 30 minutes, and before minute 35 no doubt is resolved negatively and no second
//! attempt let in. Each attempt may therefore carry a reference of its own.

mod check;
mod drive;
#[cfg(test)]
mod given;
mod judge;
#[cfg(test)]
mod random_tests;
mod session;
mod sweep;
mod view;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, Semaphore};
use ventanilla_core::api::{AttemptView, CheckoutView, IdempotencyKey, StartAttempt};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use crate::clock::{SharedClock, Timestamp};
use crate::error::{Error, Result};
use crate::id;
use crate::rails::card::CardRail;
use crate::store::{AttemptRow, Change, Ended, Opened, Scene, SessionDraft, SessionRow, Store};

pub use judge::{Confirmation, Finding, Reading};
pub use session::{Address, AttemptRecord, Buyer, NewItem, NewSession, SessionRecord};

/// What a machine is made of.
pub struct MachineParts {
    /// Where everything is kept.
    pub store: Store,
    /// Where the time comes from.
    pub clock: SharedClock,
    /// The card rail, when the merchant configured it.
    pub card: Option<CardRail>,
    /// The merchant's name, as buyers read it.
    pub merchant_name: String,
    /// How many attempts of a session may reach the provider's money call, from 1.
    pub attempts_per_session: u8,
}

/// The machine.
pub struct Machine {
    store: Store,
    clock: SharedClock,
    card: Option<CardRail>,
    merchant_name: String,
    attempts_per_session: u8,
    /// This process, in the records.
    instance: String,
    bells: watch::Bells,
    /// Work for the sweeper.
    wake: Notify,
    /// Provider calls under way.
    calls: tokio::sync::watch::Sender<usize>,
    /// Attempts that may be driven at a time.
    slots: Arc<Semaphore>,
    /// Reads that may run at a time.
    readers: Arc<Semaphore>,
}

/// How long [`Machine::start_attempt`] waits for an outcome, in real time.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// So many attempts are driven at a time.
const SLOTS: usize = 64;
/// So many reads run at a time.
const READERS: usize = 16;
/// The store has so long to show that it is ready.
const READY_WITHIN: Duration = Duration::from_millis(500);

impl Machine {
    /// Takes up the work where the store says it was left: attempts whose process ended before
    /// anything was sent are over; everything else is the sweeper's.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn open(parts: MachineParts) -> Result<Arc<Self>> {
        let machine = Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            card: parts.card,
            merchant_name: parts.merchant_name,
            attempts_per_session: parts.attempts_per_session.max(1),
            instance: id::make()?,
            bells: watch::Bells::default(),
            wake: Notify::new(),
            calls: tokio::sync::watch::Sender::new(0),
            slots: Arc::new(Semaphore::new(SLOTS)),
            readers: Arc::new(Semaphore::new(READERS)),
        });
        for attempt in machine.store.unsent_of_others(&machine.instance).await? {
            machine
                .end_unsent(&attempt.id, "its process ended before anything was sent")
                .await?;
        }
        Ok(machine)
    }

    /// Opens a session. The same key with the same body gives the same session.
    ///
    /// # Errors
    ///
    /// `idempotency-key-reused` when `key` came with another body; `request-malformed`,
    /// `amount-invalid` or `rail-not-offered` when the request does not fit.
    pub async fn open_session(
        &self,
        key: &IdempotencyKey,
        new: NewSession,
    ) -> Result<SessionRecord> {
        let fingerprint = fingerprint(&new)?;
        // A repeated request is answered before it is judged: what made it fit may be gone since.
        if let Some(row) = self.store.session_of_key(key.as_str()).await? {
            return if row.fingerprint == fingerprint {
                self.session_record(row).await
            } else {
                Err(ProblemCode::IdempotencyKeyReused.into())
            };
        }
        let request = self.normalize(new)?;
        let now = self.clock.now();
        let lifetime = request.expires_in_secs.unwrap_or(check::EXPIRES_IN_SECS);
        let row = SessionRow {
            id: id::make_prefixed("ses")?,
            fingerprint,
            state: SessionState::Open,
            request,
            created_at: now,
            expires_at: now + Duration::from_secs(u64::from(lifetime)),
        };
        let draft = SessionDraft {
            row: &row,
            merchant_key: key.as_str(),
        };
        match self.store.open_session(draft).await? {
            Opened::New(row) => {
                tracing::info!(session.id = %row.id, "session {} opened for {}", row.id, row.request.total.decimal_text());
                Ok(view::session_record(row, &[], now))
            }
            Opened::Same(row) => self.session_record(row).await,
            Opened::KeyReused => Err(ProblemCode::IdempotencyKeyReused.into()),
        }
    }

    /// A session as the merchant sees it.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn session(&self, id: &str) -> Result<SessionRecord> {
        let row = self.session_row(id).await?;
        self.session_record(row).await
    }

    /// Ends a session that is not paid. Ending it again changes nothing.
    ///
    /// # Errors
    ///
    /// `not-found`; `attempt-running` while money may be moving; `session-paid`.
    pub async fn expire_session(&self, id: &str) -> Result<SessionRecord> {
        match self.store.end_session(id, self.clock.now()).await? {
            Ended::Expired(row) => {
                let record = self.session_record(*row).await?;
                for attempt in &record.attempts {
                    self.bells.ring(&attempt.id);
                }
                Ok(record)
            }
            Ended::NoSession => Err(ProblemCode::NotFound.into()),
            Ended::Paid(attempt) => Err(Error::new(ProblemCode::SessionPaid).attempt(attempt)),
            Ended::Running(attempt) => {
                Err(Error::new(ProblemCode::AttemptRunning).attempt(attempt))
            }
        }
    }

    /// An attempt as the merchant sees it.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn attempt(&self, id: &str) -> Result<AttemptRecord> {
        let row = self.store.attempt(id).await?.ok_or(ProblemCode::NotFound)?;
        Ok(view::attempt_record(&row))
    }

    /// A session as its buyer sees it.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn checkout_view(&self, session_id: &str) -> Result<CheckoutView> {
        let session = self.session_row(session_id).await?;
        let attempts = self.store.attempts(session_id).await?;
        let now = self.clock.now();
        let card = match &self.card {
            Some(card) if session.request.rails.contains(&Rail::Card) => {
                let buyer = session.request.buyer.as_ref();
                let saved = match buyer.and_then(|buyer| buyer.id.as_deref()) {
                    Some(buyer_id) if self.store.saves_cards() => {
                        self.store.saved_cards(buyer_id).await?
                    }
                    _ => Vec::new(),
                };
                Some(card.offer(&session.request, saved))
            }
            _ => None,
        };
        let live = attempts
            .iter()
            .find(|attempt| attempt.state.blocks_others());
        let shown = live.or(attempts.last());
        if let Some(shown) = shown {
            self.hurry(shown, now).await?;
        }
        Ok(CheckoutView {
            state: view::session_state(&session, &attempts, now),
            payee: self.merchant_name.clone(),
            total: session.request.total,
            items: view::items(&session.request),
            rails: session.request.rails,
            card,
            attempt: shown.map(|shown| view::attempt_view(shown, now)),
            expires_at: session.expires_at.rfc3339(),
            server_time: now.rfc3339(),
            order_reference: session.request.order_reference,
            session_id: session.id,
        })
    }

    /// Starts an attempt and waits up to 6 s of real time for its outcome. The same key never starts
    /// two; repeated, it answers with the attempt as it stands.
    ///
    /// What was started goes on when the caller goes away.
    ///
    /// # Errors
    ///
    /// `not-found`, `session-expired`, `session-paid`, `attempt-running`, `attempts-exhausted`,
    /// `idempotency-key-reused`, `rail-not-offered`, `request-malformed`, `card-malformed`,
    /// `installments-not-offered`, `saved-card-unknown`, `provider-unavailable`.
    pub async fn start_attempt(
        self: &Arc<Self>,
        session_id: &str,
        key: &IdempotencyKey,
        start: StartAttempt,
    ) -> Result<AttemptView> {
        let admission = drive::Admission {
            session_id: session_id.to_owned(),
            key: key.clone(),
            start,
        };
        // A task of its own, because the caller's future is dropped when the browser hangs up.
        let row = tokio::spawn(drive::admit(Arc::clone(self), admission))
            .await
            .map_err(Error::internal)??;
        if NextAction::after(row.state) == NextAction::Wait {
            return self
                .watch(session_id, &row.id, ANSWER_WITHIN, Until::Ended)
                .await;
        }
        Ok(view::attempt_view(&row, self.clock.now()))
    }

    /// An attempt as its buyer sees it; the answer is held back for `wait` of real time while
    /// nothing changes and the attempt has not ended.
    ///
    /// # Errors
    ///
    /// `not-found`, also for an attempt of another session.
    pub async fn attempt_view(
        &self,
        session_id: &str,
        attempt_id: &str,
        wait: Duration,
    ) -> Result<AttemptView> {
        self.watch(session_id, attempt_id, wait, Until::Changed)
            .await
    }

    /// Settles what is in doubt and ends what is overdue, until `stop` becomes true.
    pub async fn run_sweeper(self: Arc<Self>, stop: tokio::sync::watch::Receiver<bool>) {
        sweep::run(self, stop).await;
    }

    /// Waits for the provider calls under way, for `limit` of real time at most. What is left then is
    /// settled by reading after the next start.
    pub async fn drain(&self, limit: Duration) {
        let mut calls = self.calls.subscribe();
        if tokio::time::timeout(limit, calls.wait_for(|open| *open == 0))
            .await
            .is_err()
        {
            tracing::warn!(
                "{} provider calls were still under way",
                *self.calls.borrow()
            );
        }
    }

    /// Whether the store answers, in time and with the right tables.
    ///
    /// # Errors
    ///
    /// Saying what is not ready.
    pub async fn ready(&self) -> Result<()> {
        tokio::time::timeout(READY_WITHIN, self.store.ready())
            .await
            .map_err(|_| {
                Error::internal(format!("the store did not answer within {READY_WITHIN:?}"))
            })?
    }

    fn normalize(&self, new: NewSession) -> Result<NewSession> {
        let settles = |currency| {
            self.card
                .as_ref()
                .is_some_and(|card| card.settles(currency))
        };
        let rails: &[(Rail, &dyn Fn(_) -> bool)] = if self.card.is_some() {
            &[(Rail::Card, &settles)]
        } else {
            &[]
        };
        let ability = check::Ability {
            rails,
            saves_cards: self.store.saves_cards(),
        };
        check::normalize(new, &ability)
    }

    async fn session_row(&self, id: &str) -> Result<SessionRow> {
        Ok(self.store.session(id).await?.ok_or(ProblemCode::NotFound)?)
    }

    async fn session_record(&self, row: SessionRow) -> Result<SessionRecord> {
        let attempts = self.store.attempts(&row.id).await?;
        Ok(view::session_record(row, &attempts, self.clock.now()))
    }

    async fn watch(
        &self,
        session_id: &str,
        attempt_id: &str,
        wait: Duration,
        until: Until,
    ) -> Result<AttemptView> {
        let deadline = tokio::time::Instant::now() + wait;
        let listener = self.bells.listen(attempt_id);
        let mut first = None;
        loop {
            let ring = listener.next();
            let row = self
                .store
                .attempt(attempt_id)
                .await?
                .filter(|row| row.session_id == session_id)
                .ok_or(ProblemCode::NotFound)?;
            if first.is_none() {
                // Once for each question, not for each answer to it.
                self.hurry(&row, self.clock.now()).await?;
            }
            let first = *first.get_or_insert(row.state);
            let news = match until {
                Until::Ended => false,
                Until::Changed => is_news(first, row.state),
            };
            let done = news || NextAction::after(row.state) != NextAction::Wait || wait.is_zero();
            if done || tokio::time::timeout_at(deadline, ring).await.is_err() {
                return Ok(view::attempt_view(&row, self.clock.now()));
            }
        }
    }

    /// Somebody waits for this attempt: its next read comes forward.
    async fn hurry(&self, row: &AttemptRow, now: Timestamp) -> Result<()> {
        if row.state != AttemptState::Unknown {
            return Ok(());
        }
        let earliest = row
            .last_read_at
            .map_or(now, |read| now.max(read + judge::MIN_GAP));
        if row.next_check_at.is_some_and(|next| next > earliest)
            && self.store.pull_forward(&row.id, earliest).await?
        {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Writes a change, and tells whoever must know.
    async fn apply<F>(&self, id: &str, mut decide: F) -> Result<Option<AttemptRow>>
    where
        F: FnMut(&Scene<'_>, Timestamp) -> Option<Change> + Send,
    {
        let mut step = None;
        let after = self
            .store
            .change(id, |scene| {
                // Taken here, because the turn to write may have been waited for.
                let change = decide(scene, self.clock.now())?;
                step = Some((scene.attempt.state, change.kind));
                Some(change)
            })
            .await?;
        if let (Some(after), Some((before, kind))) = (&after, step) {
            self.announce(after, before, kind);
        }
        Ok(after)
    }

    fn announce(&self, after: &AttemptRow, before: AttemptState, kind: &'static str) {
        let reason = after.reason.as_deref().unwrap_or("");
        if before == after.state {
            tracing::debug!(attempt.id = %after.id, attempt.event = kind, "attempt {}: {kind}", after.id);
        } else {
            tracing::info!(
                attempt.id = %after.id,
                session.id = %after.session_id,
                attempt.event = kind,
                attempt.from = before.name(),
                attempt.to = after.state.name(),
                provider.code = after.provider_code.as_deref(),
                "attempt {} went from {} to {}{}{reason}",
                after.id,
                before.name(),
                after.state.name(),
                if reason.is_empty() { "" } else { ": " },
            );
            if !matches!(
                after.state,
                AttemptState::New | AttemptState::Prepared | AttemptState::Sent
            ) {
                metrics::counter!(
                    "ventanilla_attempts_total",
                    "rail" => after.rail.name(),
                    "outcome" => after.state.name()
                )
                .increment(1);
            }
            let late = matches!(before, AttemptState::Declined | AttemptState::NotExecuted);
            if late || matches!(after.state, AttemptState::Review | AttemptState::Duplicate) {
                tracing::error!(
                    attempt.id = %after.id,
                    "attempt {} needs somebody at the merchant: it is {} after it was {}",
                    after.id,
                    after.state.name(),
                    before.name()
                );
            }
        }
        self.bells.ring(&after.id);
        if after.next_check_at.is_some() || after.state == AttemptState::Sent {
            self.wake.notify_one();
        }
    }

    /// Ends an attempt that never took the right to send; leaves any other alone.
    async fn end_unsent(&self, id: &str, reason: &str) -> Result<Option<AttemptRow>> {
        self.apply(id, |scene, now| {
            if !matches!(
                scene.attempt.state,
                AttemptState::New | AttemptState::Prepared
            ) {
                return None;
            }
            let mut after = scene.attempt.clone();
            after.state = AttemptState::NotExecuted;
            after.reason = Some(reason.to_owned());
            after.settled_at = Some(now);
            Some(Change {
                after,
                at: now,
                kind: "not_executed",
                evidence: serde_json::json!({ "reason": reason }),
                saved_card: None,
            })
        })
        .await
    }

    /// Writes what [`judge`] makes of an attempt.
    async fn settle<F>(&self, id: &str, mut verdict: F) -> Result<Option<AttemptRow>>
    where
        F: FnMut(&Scene<'_>, Timestamp) -> judge::Verdict + Send,
    {
        loop {
            let mut first = Vec::new();
            let after = self
                .apply(id, |scene, now| match verdict(scene, now) {
                    judge::Verdict::Change(change) => Some(*change),
                    judge::Verdict::EndFirst(others) => {
                        first = others;
                        None
                    }
                    judge::Verdict::Nothing => None,
                })
                .await?;
            if first.is_empty() {
                return Ok(after);
            }
            for other in first {
                self.end_unsent(&other, "an earlier attempt turned out to have paid")
                    .await?;
            }
        }
    }
}

/// What ends a wait before its time.
#[derive(Clone, Copy)]
enum Until {
    Ended,
    Changed,
}

/// Whether a buyer sees a difference: the steps up to the answer are one to them.
const fn is_news(before: AttemptState, after: AttemptState) -> bool {
    const fn is_under_way(state: AttemptState) -> bool {
        matches!(
            state,
            AttemptState::New | AttemptState::Prepared | AttemptState::Sent
        )
    }
    is_under_way(before) != is_under_way(after)
}

/// SHA-256 of a value's JSON, 64 lower-case hex digits.
fn fingerprint(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(value).map_err(Error::internal)?;
    Ok(hex::encode(Sha256::digest(&json)))
}
