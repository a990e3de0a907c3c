//! An operation: how it is opened, and how the sweeper takes it to its end.
//!
//! Nothing is needed for it but the store, so whoever opened it may go away, and any process may take
//! it up.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use ventanilla_core::api::IdempotencyKey;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_providers::cvu::CashOut;
use ventanilla_providers::failpoint::hit;
use ventanilla_providers::flux::RefundOrder;

use super::course::{Course, Finding, Row, Step, alike};
use super::judge::{Confirmation, Reading};
use super::judge_operation::{self as judge, Readiness};
use super::right::{Call, send_once};
use super::session::{NewOperation, OperationRecord};
use super::{ANSWER_WITHIN, Machine, fingerprint, schedule, view};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::rails::Host;
use crate::rails::card::{CardOperation, CardRail};
use crate::rails::cvu::CvuRail;
use crate::rails::flexiti::{FlexitiDeed, FlexitiRail, NotReady};
use crate::rails::flux::FluxRail;
use crate::store::{
    AttemptRow, CaptureLeft, Change, OperationChange, OperationOpened, OperationRow,
    OperationScene, Store, WholeErrand,
};

/// An operation that could not be sent for so long is over: a card is voided within three hours or
/// not at all, and nobody waits longer for a refund without asking.
pub(super) const UNSENT_LIMIT: Duration = Duration::from_secs(3 * 3600);

/// What has to be in memory until the call of an operation is over.
pub(super) enum Deed {
    Card(CardOperation),
    Cvu(CashOut),
    Flux(RefundOrder),
    Flexiti(Box<FlexitiDeed>),
}

impl Machine {
    /// Opens an operation on a paid attempt and waits up to 6 s of real time for its outcome. The same
    /// key never opens two; repeated, it answers with the operation as it stands.
    ///
    /// What was opened goes on when the caller goes away.
    ///
    /// # Errors
    ///
    /// `not-found`; `operation-not-possible` when the attempt took no money or its rail has no such
    /// operation; `operation-running` while another one of this attempt is not over;
    /// `amount-exceeds-payment`, `return-exceeds-capture`, `amount-invalid`, `request-malformed`; `idempotency-key-reused`;
    /// `provider-unavailable`.
    pub async fn start_operation(
        self: &Arc<Self>,
        attempt_id: &str,
        kind: OperationKind,
        key: &IdempotencyKey,
        new: NewOperation,
    ) -> Result<OperationRecord> {
        let fingerprint = fingerprint_of(kind, new.amount)?;
        let attempt = self.store.attempt(attempt_id).await?;
        let attempt = attempt.ok_or(ProblemCode::NotFound)?;
        // A repeated request is answered before it is judged: what made it fit may be gone since.
        let operations = self.store.operations(&attempt.session_id).await?;
        let same = operations
            .into_iter()
            .find(|row| row.attempt_id == attempt.id && row.idempotency_key == key.as_str());
        if let Some(same) = same {
            return if same.fingerprint == fingerprint {
                self.operation_when_over(&same.id).await
            } else {
                Err(ProblemCode::IdempotencyKeyReused.into())
            };
        }
        let amount = operation_amount(self, kind, new.amount, &attempt)?;
        self.breakers.refuse_if_open(hosts(attempt.rail))?;
        let now = self.clock.now();
        let draft = OperationRow {
            fingerprint,
            ..OperationRow::new(&attempt, kind, amount, key.as_str(), now)?
        };
        hit("t0.before");
        let opened = self.store.open_operation(&draft).await?;
        hit("t0.after");
        match opened {
            OperationOpened::New(row) => {
                tracing::info!(
                    operation.id = %row.id,
                    attempt.id = %row.attempt_id,
                    "operation {} opened: {} of attempt {}",
                    row.id,
                    kind.name(),
                    row.attempt_id
                );
                self.wake.notify_one();
                self.operation_when_over(&row.id).await
            }
            OperationOpened::Same(row) => self.operation_when_over(&row.id).await,
            OperationOpened::KeyReused => Err(ProblemCode::IdempotencyKeyReused.into()),
            OperationOpened::NoAttempt => Err(ProblemCode::NotFound.into()),
            OperationOpened::NotPaid => Err(Error::new(ProblemCode::OperationNotPossible)
                .detail("the attempt took no money")
                .attempt(attempt.id)),
            OperationOpened::Running(id) => Err(Error::new(ProblemCode::OperationRunning)
                .detail(format!("operation {id} runs, or its outcome is not known"))
                .attempt(attempt.id)),
            OperationOpened::TooMuch { left } => Err(Error::new(ProblemCode::AmountExceedsPayment)
                .detail(format!("amount must be at most {left}"))
                .attempt(attempt.id)),
            OperationOpened::NoCapture(captures) => {
                Err(Error::new(ProblemCode::ReturnExceedsCapture)
                    .detail(what_can_come_back(&captures))
                    .attempt(attempt.id))
            }
        }
    }

    /// An operation as the merchant sees it, on an attempt or without one.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn operation(&self, id: &str) -> Result<OperationRecord> {
        Ok(self.any_operation(id).await?.record())
    }

    /// What an identifier of an operation stands for.
    pub(super) async fn any_operation(&self, id: &str) -> Result<AnyOperation> {
        if let Some(row) = self.store.operation(id).await? {
            return Ok(AnyOperation::OnAttempt(Box::new(row)));
        }
        let whole = self.store.whole_errand(id).await?;
        Ok(whole
            .map(|whole| AnyOperation::Alone(Box::new(whole)))
            .ok_or(ProblemCode::NotFound)?)
    }

    pub(super) async fn operation_when_over(&self, id: &str) -> Result<OperationRecord> {
        let patience = self.patience(id, ANSWER_WITHIN);
        loop {
            let ring = patience.listen();
            let found = self.any_operation(id).await?;
            let over = NextAction::after(found.state()) != NextAction::Wait;
            if over || !patience.wait(ring).await {
                return Ok(found.record());
            }
        }
    }
}

/// What a merchant who wants more back than one capture has left may ask for, one after the other.
fn what_can_come_back(captures: &[CaptureLeft]) -> String {
    let most = captures.iter().map(|capture| capture.left).max();
    let parts: Vec<String> = captures
        .iter()
        .map(|CaptureLeft { operation_id, left }| format!("{left} of {operation_id}"))
        .collect();
    format!(
        "amount must be at most {}, because a return is of one capture; left are {}",
        most.unwrap_or(0),
        parts.join(", ")
    )
}

/// What the merchant knows as an operation.
pub(super) enum AnyOperation {
    OnAttempt(Box<OperationRow>),
    Alone(Box<WholeErrand>),
}

impl AnyOperation {
    pub const fn state(&self) -> AttemptState {
        match self {
            Self::OnAttempt(row) => row.state,
            Self::Alone(whole) => whole.errand.state,
        }
    }

    pub fn record(&self) -> OperationRecord {
        match self {
            Self::OnAttempt(row) => view::operation_record(row),
            Self::Alone(whole) => view::errand_record(&whole.errand, &whole.items),
        }
    }
}

/// What is due with an operation: to send it, or to read back what became of it.
pub(super) async fn take_up(machine: &Arc<Machine>, row: OperationRow) -> Result<()> {
    match row.state {
        AttemptState::New | AttemptState::Prepared => {
            let call = Call::begin(machine);
            if call.may_go_on() {
                drive(machine, row).await
            } else {
                // Another process takes it up.
                Ok(())
            }
        }
        _ => read(machine, &row).await,
    }
}

async fn attempt_of(machine: &Machine, row: &OperationRow) -> Result<AttemptRow> {
    let attempt = machine.store.attempt(&row.attempt_id).await?;
    attempt.ok_or_else(|| Error::internal("an operation has no attempt"))
}

/// From new to T2.
async fn drive(machine: &Machine, row: OperationRow) -> Result<()> {
    let now = machine.clock.now();
    if now.since(row.created_at) > UNSENT_LIMIT {
        let reason = row.reason.as_deref().unwrap_or("it could not be sent");
        machine.end_unsent::<OperationRow>(&row.id, reason).await?;
        return Ok(());
    }
    let attempt = attempt_of(machine, &row).await?;
    if let Some(rest) = machine.breakers.rest_of(hosts(attempt.rail)) {
        return postpone(machine, &row, "the provider does not answer", now + rest).await;
    }
    match attempt.rail {
        Rail::Card => drive_card(machine, row, attempt).await,
        Rail::Cvu => drive_transfer(machine, row, attempt).await,
        Rail::Flux => drive_flux(machine, row, attempt).await,
        Rail::Flexiti => drive_flexiti(machine, row, attempt).await,
    }
}

/// The payment is read back before an operation on it is sent.
async fn drive_card(machine: &Machine, row: OperationRow, attempt: AttemptRow) -> Result<()> {
    let now = machine.clock.now();
    let reading = machine.read_payment(&attempt).await;
    let done = done_by(&reading);
    let told = match judge::readiness(row.kind, reading) {
        Readiness::Ready(told) => told,
        Readiness::Over(reason) => {
            machine.end_unsent::<OperationRow>(&row.id, &reason).await?;
            return look_for_doer(machine, &row, done).await;
        }
        Readiness::Later(cause) => return postpone(machine, &row, &cause, now).await,
    };
    match CardRail::operation(row.kind, row.amount, &attempt, told.as_ref()) {
        Ok(deed) => {
            if let Some(told) = told {
                keep_what_was_told(machine, &attempt, &told).await?;
            }
            send_once(machine, row, Deed::Card(deed)).await
        }
        Err(missing) => {
            machine
                .end_unsent::<OperationRow>(&row.id, &missing)
                .await?;
            Ok(())
        }
    }
}

/// As a card's: the payment is read back before its refund is sent.
async fn drive_flux(machine: &Machine, row: OperationRow, attempt: AttemptRow) -> Result<()> {
    let Some(rail) = &machine.flux else {
        let reason = "rail flux is not configured any more";
        machine.end_unsent::<OperationRow>(&row.id, reason).await?;
        return Ok(());
    };
    let now = machine.clock.now();
    match judge::readiness(row.kind, machine.read_payment(&attempt).await) {
        Readiness::Ready(_) => {
            let refund = rail.refund(&row, &attempt);
            send_once(machine, row, Deed::Flux(refund)).await
        }
        Readiness::Over(reason) => {
            machine.end_unsent::<OperationRow>(&row.id, &reason).await?;
            Ok(())
        }
        Readiness::Later(cause) => postpone(machine, &row, &cause, now).await,
    }
}

/// The authorization is read before anything is done with it.
async fn drive_flexiti(machine: &Machine, row: OperationRow, attempt: AttemptRow) -> Result<()> {
    let now = machine.clock.now();
    let kept = machine.store.financing(&attempt.id).await?;
    let (Some(rail), Some(kept)) = (&machine.flexiti, kept) else {
        let reason = "rail flexiti is not configured any more, or nothing was kept of the purchase";
        machine.end_unsent::<OperationRow>(&row.id, reason).await?;
        return Ok(());
    };
    match rail.deed(&row, &attempt, &kept.kept).await {
        Ok(deed) => send_once(machine, row, Deed::Flexiti(Box::new(deed))).await,
        Err(NotReady::Never(reason)) => {
            machine.end_unsent::<OperationRow>(&row.id, &reason).await?;
            Ok(())
        }
        Err(NotReady::Later(cause)) => postpone(machine, &row, &cause, now).await,
    }
}

/// What became of an operation on an authorization, by its own reference.
async fn read_flexiti(
    machine: &Machine,
    row: &OperationRow,
    attempt: &AttemptRow,
) -> Result<Reading> {
    let Some(rail) = &machine.flexiti else {
        return Ok(Reading::Failed(String::from("the rail is not configured")));
    };
    let Some(kept) = machine.store.financing(&attempt.id).await? else {
        return Ok(Reading::Failed(String::from(
            "nothing was kept of the purchase",
        )));
    };
    Ok(rail.read_operation(row, attempt, &kept.kept).await)
}

/// A transfer back to whoever paid. Its bytes are kept before they are sent, and every repeat has them.
async fn drive_transfer(machine: &Machine, row: OperationRow, attempt: AttemptRow) -> Result<()> {
    let Some(rail) = &machine.cvu else {
        let reason = "rail cvu is not configured any more";
        machine.end_unsent::<OperationRow>(&row.id, reason).await?;
        return Ok(());
    };
    let payer = machine.store.payer_of_attempt(&attempt.id).await?;
    let request = match rail.transfer_back(&row, payer) {
        Ok(request) => request,
        Err(missing) => {
            machine
                .end_unsent::<OperationRow>(&row.id, &missing)
                .await?;
            return Ok(());
        }
    };
    let kept = machine.store.keep_request(&row.id, &request).await?;
    let transfer = CvuRail::kept_transfer(&kept)?;
    send_once(machine, row, Deed::Cvu(transfer)).await
}

/// What became of a transfer: the same bytes again, to which the provider gives the first result. Only
/// while nobody has said that it never happened.
async fn repeat_transfer(machine: &Machine, row: &OperationRow) -> Result<Reading> {
    let (Some(rail), AttemptState::Unknown) = (&machine.cvu, row.state) else {
        return Ok(Reading::Failed(String::from("it is not asked for again")));
    };
    let Some(kept) = machine.store.kept_request(&row.id).await? else {
        return Ok(Reading::Failed(String::from("its request was not kept")));
    };
    let transfer = CvuRail::kept_transfer(&kept)?;
    Ok(match rail.cash_out(&transfer, &machine.breakers).await {
        Finding::Confirmed(_) => Reading::Done,
        Finding::Declined { .. } => Reading::Failed(String::from("it was refused")),
        Finding::NotSent(cause) | Finding::Rejected(cause) | Finding::Unknown(cause) => {
            Reading::Failed(cause)
        }
    })
}

/// Details that a later operation asks for, and that the provider may tell no longer by then.
async fn keep_what_was_told(
    machine: &Machine,
    attempt: &AttemptRow,
    told: &Confirmation,
) -> Result<()> {
    let fill = |kept: &mut Option<String>, told: &Option<String>| {
        if kept.is_none() {
            kept.clone_from(told);
        }
    };
    let filled = |row: &AttemptRow| {
        let mut after = row.clone();
        fill(&mut after.authorization, &told.authorization);
        fill(&mut after.bin, &told.bin);
        fill(&mut after.last4, &told.last4);
        (after != *row).then_some(after)
    };
    if filled(attempt).is_none() {
        return Ok(());
    }
    machine
        .apply::<AttemptRow>(&attempt.id, |scene, now| {
            let after = filled(scene.attempt)?;
            Some(Change::from(Step::new(
                after,
                now,
                "details_read",
                json!({}),
            )))
        })
        .await?;
    Ok(())
}

/// It cannot be sent now, and not before `earliest`.
pub(super) async fn postpone<R: Row>(
    machine: &Machine,
    row: &R,
    cause: &str,
    earliest: Timestamp,
) -> Result<()> {
    let version = row.course().version;
    machine
        .apply::<R>(row.id(), |scene, now| {
            let row = R::in_scene(scene);
            let course = row.course();
            let planned = schedule::planned(&schedule::OPERATIONS, course.created_at, now, 0).at;
            let to = planned.max(earliest).max(now + schedule::MIN_GAP);
            let after = course.postponed(cause, to)?;
            let evidence = json!({ "cause": cause });
            (course.version == version)
                .then(|| Step::new(row.with(after), now, "postponed", evidence).into())
        })
        .await?;
    Ok(())
}

async fn read(machine: &Machine, row: &OperationRow) -> Result<()> {
    let attempt = attempt_of(machine, row).await?;
    let reading = match attempt.rail {
        Rail::Card | Rail::Flux => machine.read_payment(&attempt).await,
        Rail::Cvu => repeat_transfer(machine, row).await?,
        Rail::Flexiti => read_flexiti(machine, row, &attempt).await?,
    };
    let disproves = match attempt.rail {
        Rail::Card => CardRail::reads_disprove(row.kind),
        Rail::Cvu | Rail::Flux => false,
        Rail::Flexiti => FlexitiRail::reads_disprove(row.kind),
    };
    let jitter = super::sweep::jitter();
    machine
        .apply::<OperationRow>(&row.id, |scene, now| {
            judge::on_reading(scene, reading.clone(), disproves, now, jitter)
        })
        .await?;
    let done = done_by(&reading).filter(|done| *done != row.kind);
    look_for_doer(machine, row, done).await
}

/// What the provider shows to have been done with a payment.
const fn done_by(reading: &Reading) -> Option<OperationKind> {
    match reading {
        Reading::Changed(kind) => Some(*kind),
        _ => None,
    }
}

/// The provider shows something done with the payment of `row`. When no operation is known to have done
/// it, one that is in doubt or held not to have happened may have: each is read again now.
async fn look_for_doer(
    machine: &Machine,
    row: &OperationRow,
    done: Option<OperationKind>,
) -> Result<()> {
    let Some(done) = done else {
        return Ok(());
    };
    let mut doers = machine.store.operations(&row.session_id).await?;
    doers.retain(|other| other.attempt_id == row.attempt_id && other.kind == done);
    if doers
        .iter()
        .any(|other| other.state == AttemptState::Succeeded)
    {
        return Ok(());
    }
    let evidence = json!({ "source": "read", "done": done, "shown_to": row.id });
    for doer in doers {
        machine
            .bring_forward::<OperationRow>(&doer.id, "shown_done", &evidence)
            .await?;
    }
    Ok(())
}

/// Where a rail's operations go.
const fn hosts(rail: Rail) -> &'static [Host] {
    match rail {
        Rail::Card => &[Host::GreenpayMerchant],
        Rail::Cvu => &[Host::CvuWallet],
        Rail::Flux => &[Host::Flux],
        Rail::Flexiti => &[Host::Flexiti],
    }
}

fn operation_amount(
    machine: &Machine,
    kind: OperationKind,
    asked: Option<Money>,
    attempt: &AttemptRow,
) -> Result<Money> {
    match (attempt.rail, &machine.card) {
        (Rail::Card, Some(_)) => CardRail::operation_amount(kind, asked, attempt),
        (Rail::Card, None) => Err(Error::new(ProblemCode::OperationNotPossible)
            .detail("rail card is not configured any more")),
        (Rail::Cvu, _) if machine.cvu.is_none() => {
            Err(Error::new(ProblemCode::OperationNotPossible)
                .detail("rail cvu is not configured any more"))
        }
        (Rail::Cvu, _) => CvuRail::operation_amount(kind, asked, attempt),
        (Rail::Flux, _) if machine.flux.is_none() => {
            Err(Error::new(ProblemCode::OperationNotPossible)
                .detail("rail flux is not configured any more"))
        }
        (Rail::Flux, _) => FluxRail::operation_amount(kind, asked, attempt),
        (Rail::Flexiti, _) if machine.flexiti.is_none() => {
            Err(Error::new(ProblemCode::OperationNotPossible)
                .detail("rail flexiti is not configured any more"))
        }
        (Rail::Flexiti, _) => FlexitiRail::operation_amount(kind, asked, attempt),
    }
}

/// SHA-256 of what the merchant asked for, 64 lower-case hex digits.
pub(super) fn fingerprint_of(kind: OperationKind, amount: Option<Money>) -> Result<String> {
    #[derive(Serialize)]
    struct Asked {
        kind: OperationKind,
        amount: Option<Money>,
    }
    fingerprint(&Asked { kind, amount })
}

impl Row for OperationRow {
    const NAME: &'static str = "operation";
    const RESUMED: bool = true;
    type Scene<'a> = OperationScene<'a>;
    type Change = OperationChange;
    type Proof = ();
    type Call = Deed;

    alike!();

    fn attempt_id(&self) -> Option<&str> {
        Some(&self.attempt_id)
    }

    fn session_id(&self) -> Option<&str> {
        Some(&self.session_id)
    }

    fn operation_id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn in_scene<'s>(scene: &'s OperationScene<'_>) -> &'s Self {
        scene.operation
    }

    fn obstacle(scene: &OperationScene<'_>) -> Option<&'static str> {
        (!scene.attempt.state.took_money()).then_some("the attempt took no money")
    }

    fn kind(change: &OperationChange) -> &'static str {
        change.kind
    }

    fn count(&self) {
        metrics::counter!(
            "ventanilla_operations_total",
            "kind" => self.kind.name(),
            "outcome" => self.state.name()
        )
        .increment(1);
    }

    async fn change<F>(store: &Store, id: &str, decide: F) -> Result<Option<Self>>
    where
        F: FnMut(&OperationScene<'_>) -> Option<OperationChange> + Send,
    {
        store.change_operation(id, decide).await
    }

    async fn send(machine: &Machine, deed: &Deed) -> Finding<()> {
        let breakers = &machine.breakers;
        let finding = match deed {
            Deed::Card(operation) => match &machine.card {
                Some(rail) => Some(rail.operate(operation, breakers).await),
                None => None,
            },
            Deed::Cvu(transfer) => match &machine.cvu {
                Some(rail) => Some(rail.cash_out(transfer, breakers).await.map(drop)),
                None => None,
            },
            Deed::Flux(refund) => match &machine.flux {
                Some(rail) => Some(rail.operate(refund, breakers).await),
                None => None,
            },
            Deed::Flexiti(deed) => match &machine.flexiti {
                Some(rail) => Some(rail.operate(deed, breakers).await),
                None => None,
            },
        };
        finding.unwrap_or_else(|| Finding::NotSent(String::from("the rail is not configured")))
    }

    async fn settle_answer(machine: &Machine, id: &str, finding: &Finding<()>) -> Result<()> {
        machine
            .apply::<Self>(id, |scene, now| judge::on_answer(scene, finding, now))
            .await?;
        Ok(())
    }
}
