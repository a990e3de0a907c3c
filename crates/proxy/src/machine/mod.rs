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
//! | T4 | from a negative end to `succeeded` or `duplicate`, when money turns up late | tell the merchant; a duplicate opens its own return |
//!
//! An operation on a paid attempt (capture, void, refund) takes the same steps: T0 records it, the
//! payment is read back, and from T0b on the code is one. It needs nothing but the store, so the
//! sweeper drives it. So it does with an errand: money that the merchant moves without a checkout, an operation
//! to whoever asks.
//!
//! | question | room |
//! |---|---|
//! | what may a merchant ask for | `check` |
//! | what attempts, operations and errands have in common | `course` |
//! | who takes an attempt from T0 on | `drive` |
//! | what if it waits for its buyer before anything is sent | `financing` |
//! | who opens an operation, who takes it from there | `operate` |
//! | what of money that belongs to no checkout | `errand` |
//! | who may send, once | `right` |
//! | what does an answer or a read prove | `judge`, `judge_operation` |
//! | what becomes of a link or code that the buyer pays | `judge_payable` |
//! | which of them was a credit for, who looks for credits, what they prove | `matching`, `look`, `credits` |
//! | when is what is in doubt read | `schedule` |
//! | who reads, and ends what is overdue | `sweep` |
//! | what must somebody look at, what brings a read forward | `review` |
//! | when is nothing begun with a provider | `breaker` |
//! | what does a merchant ask of a provider that is about no payment here | `aside` |
//! | who hears of it, and of what another process did | `view`, `watch`, `news` |
//! | what does the merchant look after that moves no money | `cards`, `subscriptions` |
//!
//! | metric | labels | |
//! |---|---|---|
//! | `ventanilla_attempts_total` | `rail`, `outcome` | attempts that came to an outcome, doubt among them |
//! | `ventanilla_attempts_in_doubt` | | attempts unknown or in review |
//! | `ventanilla_calls_under_way` | | payments and operations on their way to a provider, and looks at the CVU account, until what came of them is written |
//! | `ventanilla_oldest_doubt_seconds` | | how long the oldest of them has been so |
//! | `ventanilla_credits_total` | `state` | credits that were recorded: `matched` or `review` |
//! | `ventanilla_looks_failed_total` | | looks at the CVU account that came to nothing |
//! | `ventanilla_operations_total` | `kind`, `outcome` | operations that came to an outcome, doubt among them |
//! | `ventanilla_breaker_state` | `host` | 1 while nothing new is begun with a provider's host, 0 otherwise |
//! | `ventanilla_guard_hits_total` | `guard` | what a rule of the machine or the store prevented |
//!
//! Why a second payment cannot follow a wrong "it never happened" on the card rail: GreenPay's order
//! session dies after 30 minutes, and before minute 35 no doubt is resolved negatively and no second
//! attempt let in. Each attempt may therefore carry a reference of its own. So may it on the Flexiti rail, where
//! what is authorized is a hold: one that turns up late is let go, and money moves by the capture alone, an
//! operation that the commit of the authorization opens. On the Flux rail a call has no
//! such end, but the provider refuses a reference that it knows: an attempt goes out under the reference of
//! the one before it until that was declined.

mod aside;
mod breaker;
mod cards;
mod check;
mod course;
mod credits;
mod drive;
mod errand;
mod financing;
#[cfg(test)]
mod given;
mod judge;
mod judge_operation;
mod judge_payable;
mod look;
mod matching;
mod news;
mod operate;
#[cfg(test)]
mod random_tests;
mod review;
mod right;
mod schedule;
mod session;
mod subscriptions;
mod sweep;
pub(crate) mod view;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use ventanilla_core::api::{self, AttemptView, CheckoutView, IdempotencyKey, StartAttempt};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flexiti::FinancingAdvice;
use ventanilla_core::session::SessionState;
use ventanilla_providers::failpoint::hit;

use crate::clock::{SharedClock, Timestamp};
use crate::error::{Error, Result};
use crate::id;
use crate::rails::card::CardRail;
use crate::rails::cvu::CvuRail;
use crate::rails::flexiti::{self, FlexitiRail};
use crate::rails::flux::FluxRail;
use crate::store::{
    AttemptRow, Ended, Opened, OperationRow, PayableRow, Scene, SessionDraft, SessionRow, Store,
    TOKEN_PAYMENT, WholeSession,
};
use course::Row;

pub use breaker::Breakers;
pub use cards::Replacement;
pub use course::Finding;
pub use errand::{
    DepositAccount, DepositKind, InStore, NewBulk, NewBulkPayment, NewCashOut, NewDeposit,
    NewSubscription, NewSubscriptionPayment, NewTokenPayment, OperationDetails, OperationItem,
    OperationResult, Recipient,
};
pub use judge::{Confirmation, Proof, Reading};
pub use judge_payable::Issue;
pub use session::{
    Address, AttemptRecord, Buyer, CreditRecord, NewItem, NewOperation, NewSession,
    OperationRecord, ReviewAttempt, ReviewOperation, ReviewRecord, SessionRecord, SettleOutcome,
    SettleReview,
};
pub use subscriptions::SubscriptionChange;

/// What a machine is made of.
pub struct MachineParts {
    /// Where everything is kept.
    pub store: Store,
    /// Where the time comes from.
    pub clock: SharedClock,
    /// The card rail, when the merchant configured it.
    pub card: Option<CardRail>,
    /// The CVU rail, when the merchant configured it.
    pub cvu: Option<CvuRail>,
    /// The Flux rail, when the merchant configured it.
    pub flux: Option<FluxRail>,
    /// The Flexiti rail, when the merchant configured it. It needs a store with sealing keys.
    pub flexiti: Option<FlexitiRail>,
    /// The merchant's name, as buyers read it.
    pub merchant_name: String,
    /// How many attempts of a session may reach the provider's money call, from 1.
    pub attempts_per_session: u8,
    /// How many attempts may be under way at a provider, from 1. A quarter as many operations, as
    /// many reads of either, and as many calls about no payment may be beside them.
    pub provider_calls: u32,
}

/// The machine.
pub struct Machine {
    store: Store,
    clock: SharedClock,
    card: Option<CardRail>,
    cvu: Option<CvuRail>,
    flux: Option<FluxRail>,
    flexiti: Option<FlexitiRail>,
    merchant_name: String,
    attempts_per_session: u8,
    /// The longest that a whole call takes which moves money, in the world's time.
    call_limit: Duration,
    breakers: Breakers,
    /// This process, in the records.
    instance: String,
    bells: watch::Bells,
    last_look: look::LastLook,
    hurried: look::Hurried,
    /// The list and notifications tell of the same money under two names: one of them at a time is held
    /// against what is recorded.
    credits_turn: tokio::sync::Mutex<()>,
    /// Work for the sweeper.
    wake: Notify,
    /// Provider calls under way.
    calls: tokio::sync::watch::Sender<usize>,
    /// No further right is taken for an operation.
    draining: AtomicBool,
    /// Attempts that may be driven at a time.
    slots: Arc<Semaphore>,
    /// Attempts that may be read at a time.
    readers: Arc<Semaphore>,
    /// Operations that may be driven or read at a time.
    operators: Arc<Semaphore>,
    /// Calls at a time that are about no payment of ours.
    asides: Semaphore,
}

/// How long [`Machine::start_attempt`] waits for an outcome, in real time.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// Whoever waits for something that another process may do looks by themselves after this, in case that no
/// news of it came.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// All of them together look no more often than once in this.
const FOR_EACH_WHO_WAITS: Duration = Duration::from_millis(10);
/// The idempotency key of what the machine itself opens to send a duplicate's money back.
const DUPLICATE_KEY: &str = "duplicate";
/// The idempotency key of what the machine itself opens to take what was authorized.
const CAPTURE_KEY: &str = "capture";
/// The store has so long to show that it is ready.
const READY_WITHIN: Duration = Duration::from_millis(500);

impl Machine {
    /// Takes up the work where the store says it was left: on a store of this process's own, attempts
    /// whose process ended before anything was sent are over; everything else is the sweeper's.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn open(parts: MachineParts) -> Result<Arc<Self>> {
        let calls = usize::try_from(parts.provider_calls.max(1)).map_err(Error::internal)?;
        let beside = calls.div_ceil(4);
        let card_limit = parts.card.as_ref().map(CardRail::call_limit);
        let cvu_limit = parts.cvu.as_ref().map(CvuRail::call_limit);
        let flux_limit = parts.flux.as_ref().map(FluxRail::call_limit);
        let flexiti_limit = parts.flexiti.as_ref().map(FlexitiRail::call_limit);
        let call_limit = card_limit
            .max(cvu_limit)
            .max(flux_limit)
            .max(flexiti_limit)
            .unwrap_or_default();
        let machine = Arc::new(Self {
            store: parts.store,
            breakers: Breakers::new(Arc::clone(&parts.clock)),
            clock: parts.clock,
            call_limit,
            card: parts.card,
            cvu: parts.cvu,
            flux: parts.flux,
            flexiti: parts.flexiti,
            merchant_name: parts.merchant_name,
            attempts_per_session: parts.attempts_per_session.max(1),
            instance: id::make()?,
            bells: watch::Bells::default(),
            last_look: look::LastLook::default(),
            hurried: look::Hurried::default(),
            credits_turn: tokio::sync::Mutex::new(()),
            wake: Notify::new(),
            calls: tokio::sync::watch::Sender::new(0),
            draining: AtomicBool::new(false),
            slots: Arc::new(Semaphore::new(calls)),
            readers: Arc::new(Semaphore::new(beside)),
            operators: Arc::new(Semaphore::new(beside)),
            asides: Semaphore::new(beside),
        });
        // Where others work too, their processes may be alive; what they left behind ends by its age.
        if !machine.store.is_shared() {
            for attempt in machine.store.unsent_of_others(&machine.instance).await? {
                let reason = "its process ended before anything was sent";
                machine
                    .end_unsent::<AttemptRow>(&attempt.id, reason)
                    .await?;
            }
        }
        machine.look_after_start().await?;
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
        match self.open_under(key.as_str(), fingerprint, new).await? {
            Opened::New(row) => {
                let whole = WholeSession {
                    session: row,
                    attempts: Vec::new(),
                    operations: Vec::new(),
                    payables: Vec::new(),
                    credits: Vec::new(),
                };
                Ok(view::session_record(whole, self.clock.now()))
            }
            Opened::Same(row) => self.session(&row.id).await,
            Opened::KeyReused => Err(ProblemCode::IdempotencyKeyReused.into()),
        }
    }

    async fn open_under(
        &self,
        merchant_key: &str,
        fingerprint: String,
        new: NewSession,
    ) -> Result<Opened> {
        // A repeated request is answered before it is judged: what made it fit may be gone since.
        if let Some(row) = self.store.session_of_key(merchant_key).await? {
            return Ok(if row.fingerprint == fingerprint {
                Opened::Same(row)
            } else {
                Opened::KeyReused
            });
        }
        let request = self.normalize(new)?;
        let now = self.clock.now();
        let lifetime = request.expires_in_secs.unwrap_or(check::EXPIRES_IN_SECS);
        let row = SessionRow {
            id: id::make_prefixed("ses")?,
            fingerprint,
            is_unattended: merchant_key.starts_with(TOKEN_PAYMENT),
            state: SessionState::Open,
            request,
            created_at: now,
            expires_at: now + Duration::from_secs(u64::from(lifetime)),
        };
        let draft = SessionDraft {
            row: &row,
            merchant_key,
        };
        let opened = self.store.open_session(draft).await?;
        if let Opened::New(row) = &opened {
            tracing::info!(session.id = %row.id, "session {} opened for {}", row.id, row.request.total.decimal_text());
        }
        Ok(opened)
    }

    /// A session that a buyer may be let into.
    ///
    /// # Errors
    ///
    /// `not-found`; `operation-not-possible` when it is paid by the merchant's server alone.
    pub async fn attended_session(&self, id: &str) -> Result<SessionRecord> {
        let whole = self.whole_session(id).await?;
        if whole.session.is_unattended {
            return Err(Error::new(ProblemCode::OperationNotPossible)
                .detail("this session is paid with a saved card, and no buyer is let into it"));
        }
        Ok(view::session_record(whole, self.clock.now()))
    }

    /// A session as the merchant sees it.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn session(&self, id: &str) -> Result<SessionRecord> {
        let whole = self.whole_session(id).await?;
        Ok(view::session_record(whole, self.clock.now()))
    }

    /// Ends a session that is not paid. Ending it again changes nothing.
    ///
    /// # Errors
    ///
    /// `not-found`; `attempt-running` while money may be moving; `session-paid`.
    pub async fn expire_session(&self, id: &str) -> Result<SessionRecord> {
        match self.store.end_session(id, self.clock.now()).await? {
            Ended::Expired(row) => {
                let record = self.session(&row.id).await?;
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
        let WholeSession {
            session,
            attempts,
            payables,
            credits,
            ..
        } = self.whole_session(session_id).await?;
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
        let cvu = match &self.cvu {
            Some(cvu) if session.request.rails.contains(&Rail::Cvu) => Some(cvu.offer()),
            _ => None,
        };
        let flux = match &self.flux {
            Some(flux) if session.request.rails.contains(&Rail::Flux) => Some(flux.offer()),
            _ => None,
        };
        let flexiti = match &self.flexiti {
            Some(flexiti) if session.request.rails.contains(&Rail::Flexiti) => {
                Some(flexiti.offer(&session.request))
            }
            _ => None,
        };
        let live = attempts
            .iter()
            .find(|attempt| attempt.state.blocks_others());
        let shown = live.or(attempts.last());
        let attempt = match shown {
            Some(shown) => {
                self.hurry(shown, now).await?;
                let payable = payables.iter().find(|row| row.attempt_id == shown.id);
                let seen = credits::is_seen(&credits, &shown.id);
                let view = view::attempt_view(shown, payable, seen, now);
                Some(financing::show(self, shown, view, now).await?)
            }
            None => None,
        };
        Ok(CheckoutView {
            state: view::session_state(&session, &attempts, now),
            payee: self.merchant_name.clone(),
            total: session.request.total,
            items: view::items(&session.request),
            rails: session.request.rails,
            card,
            cvu,
            flux,
            flexiti,
            attempt,
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
    /// `wallet-code-malformed`, `tip-not-allowed`, `installments-not-offered`, `saved-card-unknown`, `provider-unavailable`.
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
        let view = if NextAction::after(row.state) == NextAction::Wait && !row.waits_for_buyer() {
            self.watch(session_id, &row.id, ANSWER_WITHIN, Until::Ended)
                .await?
        } else {
            self.view(&row).await?
        };
        hit("browser.answer");
        Ok(view)
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
        let view = self
            .watch(session_id, attempt_id, wait, Until::Changed)
            .await?;
        hit("browser.answer");
        Ok(view)
    }

    /// Settles what is in doubt and ends what is overdue, until `stop` becomes true.
    pub async fn run_sweeper(self: Arc<Self>, stop: tokio::sync::watch::Receiver<bool>) {
        tokio::join!(
            sweep::run(Arc::clone(&self), stop.clone()),
            news::follow(self, stop)
        );
    }

    /// The longest that a whole provider call takes which moves money, in the world's time.
    #[must_use]
    pub const fn call_limit(&self) -> Duration {
        self.call_limit
    }

    /// Begins no further call for an operation, and no look, and waits for those under way, for `limit` of real time
    /// at most. What is left then is settled by reading after the next start.
    pub async fn drain(&self, limit: Duration) {
        self.draining.store(true, Ordering::SeqCst);
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
        let mut rails: Vec<(Rail, &dyn Fn(_) -> bool)> = Vec::new();
        if self.card.is_some() {
            rails.push((Rail::Card, &settles));
        }
        if self.cvu.is_some() {
            rails.push((Rail::Cvu, &CvuRail::settles));
        }
        if self.flux.is_some() {
            rails.push((Rail::Flux, &FluxRail::settles));
        }
        if self.flexiti.is_some() {
            rails.push((Rail::Flexiti, &FlexitiRail::settles));
        }
        let ability = check::Ability {
            rails: &rails,
            saves_cards: self.store.saves_cards(),
        };
        check::normalize(new, &ability)
    }

    /// The rails that are configured.
    #[must_use]
    pub fn rails(&self) -> Vec<Rail> {
        let configured = |rail: &Rail| match rail {
            Rail::Card => self.card.is_some(),
            Rail::Cvu => self.cvu.is_some(),
            Rail::Flux => self.flux.is_some(),
            Rail::Flexiti => self.flexiti.is_some(),
        };
        Rail::ALL.into_iter().filter(configured).collect()
    }

    async fn session_row(&self, id: &str) -> Result<SessionRow> {
        Ok(self.store.session(id).await?.ok_or(ProblemCode::NotFound)?)
    }

    async fn whole_session(&self, id: &str) -> Result<WholeSession> {
        let whole = self.store.whole_session(id).await?;
        Ok(whole.ok_or(ProblemCode::NotFound)?)
    }

    async fn watch(
        &self,
        session_id: &str,
        attempt_id: &str,
        wait: Duration,
        until: Until,
    ) -> Result<AttemptView> {
        let patience = self.patience(attempt_id, wait);
        let mut first = None;
        loop {
            let ring = patience.listen();
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
            // Before anything is sent the buyer may be at one step or the next.
            let step = row.waits_for_buyer().then_some(row.version);
            let (first, first_step) = *first.get_or_insert((row.state, step));
            let news = match until {
                Until::Ended => false,
                Until::Changed => is_news(first, row.state) || first_step != step,
            };
            let goes_on = match NextAction::after(row.state) {
                NextAction::Wait if step.is_some() => matches!(until, Until::Changed),
                NextAction::Wait => true,
                // What there was to start is before the buyer.
                NextAction::Pay => matches!(until, Until::Changed),
                _ => false,
            };
            if news || !goes_on || !patience.wait(ring).await {
                return self.view(&row).await;
            }
        }
    }

    /// An attempt as its buyer sees it now.
    async fn view(&self, row: &AttemptRow) -> Result<AttemptView> {
        let now = self.clock.now();
        match row.rail {
            Rail::Card | Rail::Flux => Ok(view::attempt_view(row, None, false, now)),
            Rail::Flexiti => {
                let view = view::attempt_view(row, None, false, now);
                financing::show(self, row, view, now).await
            }
            Rail::Cvu => {
                let whole = self.whole_session(&row.session_id).await?;
                let of_row = |payable: &&PayableRow| payable.attempt_id == row.id;
                let payable = whole.payables.iter().find(of_row);
                let seen = credits::is_seen(&whole.credits, &row.id);
                let now_stands = whole.attempts.iter().find(|attempt| attempt.id == row.id);
                Ok(view::attempt_view(
                    now_stands.unwrap_or(row),
                    payable,
                    seen,
                    now,
                ))
            }
        }
    }

    /// Takes a step in an attempt. Repeated, it changes nothing more.
    ///
    /// # Errors
    ///
    /// `not-found`, also for an attempt of another session; `identity-malformed`, `identity-refused`,
    /// `plan-not-offered`, `provider-unavailable`.
    pub async fn take_step(
        self: &Arc<Self>,
        session_id: &str,
        attempt_id: &str,
        step: api::Step,
    ) -> Result<AttemptView> {
        let row = self
            .store
            .attempt(attempt_id)
            .await?
            .filter(|row| row.session_id == session_id)
            .ok_or(ProblemCode::NotFound)?;
        let row = match step {
            api::Step::Supersede if row.waits_for_buyer() => {
                let reason = flexiti::reason(FinancingAdvice::Cancelled);
                financing::over(self, &row.id, reason).await?;
                self.attempt_row(&row.id).await?
            }
            api::Step::NotIdentified(said) => {
                if row.waits_for_buyer() {
                    let reason = flexiti::reason(said.end.advice());
                    financing::over(self, &row.id, reason).await?;
                }
                self.attempt_row(&row.id).await?
            }
            api::Step::Identified(said) => {
                financing::identified(self, &row, &said).await?;
                self.attempt_row(&row.id).await?
            }
            api::Step::Finance(choice) => {
                financing::finance(self, &row, choice).await?;
                self.attempt_row(&row.id).await?
            }
            api::Step::Supersede => {
                let left = self
                    .supersede(&row.id, "the buyer left it for another one")
                    .await?;
                left.unwrap_or(row)
            }
            api::Step::Check => {
                self.hurry(&row, self.clock.now()).await?;
                row
            }
        };
        let view = self.view(&row).await?;
        hit("browser.answer");
        Ok(view)
    }

    /// How many attempts of a session may be sent on `rail`. A code that expired or was left was nobody's
    /// try at somebody's card.
    fn attempts_allowed(&self, rail: Rail) -> u32 {
        const PAYABLES_FOR_EACH: u32 = 10;
        let attempts = u32::from(self.attempts_per_session);
        match rail {
            // Those that end before anything is sent do not count.
            Rail::Card | Rail::Flux | Rail::Flexiti => attempts,
            Rail::Cvu => attempts * PAYABLES_FOR_EACH,
        }
    }

    async fn attempt_row(&self, id: &str) -> Result<AttemptRow> {
        Ok(self.store.attempt(id).await?.ok_or(ProblemCode::NotFound)?)
    }

    /// A turn to drive an attempt.
    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout(drive::TURN, Arc::clone(&self.slots).acquire_owned()).await;
        let busy =
            || Error::new(ProblemCode::ProviderUnavailable).retry_after(drive::TURN_RETRY_SECS);
        turn.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Waits for news of `id`, for `limit` of real time at most.
    fn patience<'a>(&'a self, id: &str, limit: Duration) -> watch::Patience<'a> {
        let listener = self.bells.listen(id);
        // Bells ring in their own process only.
        let look_again = self
            .store
            .is_shared()
            .then(|| LOOK_AGAIN.max(FOR_EACH_WHO_WAITS * self.bells.listened_to()));
        watch::Patience::new(listener, limit, look_again)
    }

    /// Somebody waits for this attempt: its next read comes forward.
    async fn hurry(&self, row: &AttemptRow, now: Timestamp) -> Result<()> {
        if row.rail == Rail::Cvu && row.sends > row.returns && !row.state.took_money() {
            return self.look_soon_for_all(now).await;
        }
        if row.state != AttemptState::Unknown {
            return Ok(());
        }
        let earliest = schedule::soonest(row.last_read_at, now);
        if row.next_check_at.is_some_and(|next| next > earliest)
            && self.store.pull_forward(&row.id, earliest).await?
        {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Writes a change, and tells whoever must know.
    async fn apply<R: Row>(
        &self,
        id: &str,
        mut decide: impl FnMut(&R::Scene<'_>, Timestamp) -> Option<R::Change> + Send,
    ) -> Result<Option<R>> {
        let mut step = None;
        let after = R::change(&self.store, id, |scene| {
            // Taken here, because the turn to write may have been waited for.
            let change = decide(scene, self.clock.now())?;
            step = Some((R::in_scene(scene).course().state, R::kind(&change)));
            Some(change)
        })
        .await?;
        if let (Some(after), Some((before, kind))) = (&after, step) {
            self.announce(after, before, kind);
        }
        Ok(after)
    }

    fn announce<R: Row>(&self, row: &R, before: AttemptState, kind: &'static str) {
        let (name, id, after) = (R::NAME, row.id(), row.course());
        if before == after.state {
            tracing::debug!(
                attempt.id = row.attempt_id(),
                operation.id = row.operation_id(),
                event.kind = kind,
                "{name} {id}: {kind}"
            );
        } else {
            let reason = after.reason.as_deref().unwrap_or("");
            tracing::info!(
                attempt.id = row.attempt_id(),
                operation.id = row.operation_id(),
                session.id = row.session_id(),
                event.kind = kind,
                event.from = before.name(),
                event.to = after.state.name(),
                provider.code = after.provider_code.as_deref(),
                "{name} {id} went from {} to {}{}{reason}",
                before.name(),
                after.state.name(),
                if reason.is_empty() { "" } else { ": " },
            );
            if !is_under_way(after.state) {
                row.count();
            }
            let late = matches!(before, AttemptState::Declined | AttemptState::NotExecuted);
            if late || matches!(after.state, AttemptState::Review | AttemptState::Duplicate) {
                tracing::error!(
                    attempt.id = row.attempt_id(),
                    operation.id = row.operation_id(),
                    "{name} {id} needs somebody at the merchant: it is {} after it was {}",
                    after.state.name(),
                    before.name()
                );
            }
        }
        if row.shows_steps() || !(is_under_way(before) && is_under_way(after.state)) {
            self.bells.ring(id);
        }
        if after.next_check_at.is_some() || after.state == AttemptState::Sent {
            self.wake.notify_one();
        }
    }

    /// Ends what never took the right to send; leaves anything else alone.
    async fn end_unsent<R: Row>(&self, id: &str, reason: &str) -> Result<Option<R>> {
        self.apply::<R>(id, |scene, now| {
            let row = R::in_scene(scene);
            let after = row.with(row.course().never_sent(reason, now)?);
            let evidence = serde_json::json!({ "reason": reason });
            Some(course::Step::new(after, now, "not_executed", evidence).into())
        })
        .await
    }

    /// What the provider shows of a payment now.
    async fn read_payment(&self, attempt: &AttemptRow) -> Reading {
        match (attempt.rail, &self.card, &self.flux) {
            (Rail::Flexiti, _, _) => financing::read(self, attempt).await,
            (Rail::Card, Some(card), _) => card.read(&attempt.reference).await,
            (Rail::Flux, _, Some(flux)) => flux.read(attempt).await,
            (Rail::Card, None, _) | (Rail::Flux, _, None) => {
                Reading::Failed(String::from("the rail is not configured"))
            }
            (Rail::Cvu, _, _) => Reading::NeverShown,
        }
    }

    /// What sends the money of `attempt` back, which came twice; none when that is left to the
    /// merchant.
    fn return_of(&self, attempt: &AttemptRow, now: Timestamp) -> Option<OperationRow> {
        let kind = match attempt.rail {
            Rail::Card => self.card.as_ref()?.returns_duplicates()?,
            Rail::Cvu | Rail::Flux => return None,
            // What came late is a hold.
            Rail::Flexiti => OperationKind::Release,
        };
        self.own_operation(attempt, kind, DUPLICATE_KEY, now)
    }

    /// What takes the money that `attempt` authorized, where the merchant has it taken at once.
    fn capture_of(&self, attempt: &AttemptRow, now: Timestamp) -> Option<OperationRow> {
        let captures = match attempt.rail {
            Rail::Card | Rail::Cvu | Rail::Flux => false,
            Rail::Flexiti => self.flexiti.as_ref().is_some_and(FlexitiRail::captures),
        };
        let kind = captures.then_some(OperationKind::Capture)?;
        self.own_operation(attempt, kind, CAPTURE_KEY, now)
    }

    fn own_operation(
        &self,
        attempt: &AttemptRow,
        kind: OperationKind,
        key: &str,
        now: Timestamp,
    ) -> Option<OperationRow> {
        let draft = operate::fingerprint_of(kind, None).and_then(|fingerprint| {
            Ok(OperationRow {
                fingerprint,
                ..OperationRow::new(attempt, kind, attempt.total, key, now)?
            })
        });
        draft
            .inspect_err(|error| {
                let id = &attempt.id;
                tracing::error!(attempt.id = %id, "attempt {id}: its {} is left to the merchant: {error}", kind.name());
            })
            .ok()
    }

    /// Writes what [`judge`] makes of an attempt.
    async fn settle<F>(&self, id: &str, mut verdict: F) -> Result<Option<AttemptRow>>
    where
        F: FnMut(&Scene<'_>, Timestamp) -> judge::Verdict + Send,
    {
        loop {
            let mut first = Vec::new();
            let mut opens = false;
            let after = self
                .apply::<AttemptRow>(id, |scene, now| match verdict(scene, now) {
                    judge::Verdict::Change(mut change) => {
                        let became = change.after.state != scene.attempt.state;
                        change.operation = match change.after.state {
                            AttemptState::Duplicate if became => self.return_of(&change.after, now),
                            AttemptState::Succeeded if became => {
                                self.capture_of(&change.after, now)
                            }
                            _ => None,
                        };
                        opens = change.operation.is_some();
                        Some(*change)
                    }
                    judge::Verdict::EndFirst(others) => {
                        first = others;
                        None
                    }
                    judge::Verdict::Nothing => None,
                })
                .await?;
            if opens && after.is_some() {
                self.wake.notify_one();
            }
            if first.is_empty() {
                return Ok(after);
            }
            let reason = "an earlier attempt turned out to have paid";
            for other in first {
                self.end_unsent::<AttemptRow>(&other, reason).await?;
                self.supersede(&other, reason).await?;
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
fn is_news(before: AttemptState, after: AttemptState) -> bool {
    before != after && !(is_under_way(before) && is_under_way(after))
}

const fn is_under_way(state: AttemptState) -> bool {
    matches!(
        state,
        AttemptState::New | AttemptState::Prepared | AttemptState::Sent
    )
}

/// SHA-256 of a value's JSON, 64 lower-case hex digits.
fn fingerprint(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(value).map_err(Error::internal)?;
    Ok(hex::encode(Sha256::digest(&json)))
}
