//! An attempt from T0 to T2.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use ventanilla_core::api::{IdempotencyKey, StartAttempt};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use super::judge::{self, Finding};
use super::{Machine, fingerprint};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::rails::card::{CardMeans, CardPayment, CardPlan, CardRail};
use crate::store::{AttemptRow, Change, Scene, SessionRow, StartRules, Started};

/// A request to start an attempt.
pub(super) struct Admission {
    pub session_id: String,
    pub key: IdempotencyKey,
    pub start: StartAttempt,
}

/// What has to be in memory until the call of an attempt is over.
enum Payment {
    Card(CardPayment),
}

/// A request that fits its session.
enum Plan {
    Card(CardPlan),
}

/// An unsent attempt older than this was left behind, however its process fares.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);
/// How long a request waits for its turn to be driven.
const TURN: Duration = Duration::from_millis(200);
/// What a buyer is told to wait when there is no turn.
const TURN_RETRY_SECS: u32 = 5;
/// A right older than this is not used: the process may have been asleep, and others may have given
/// the attempt up.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// Between two tries to reach a provider that could not be connected to.
const RETURN_PAUSE: Duration = Duration::from_millis(300);
/// How often a provider's answer is tried to be written before the attempt is left to the sweeper.
const WRITE_TRIES: u32 = 8;
const WRITE_PAUSE: Duration = Duration::from_millis(100);

/// T0: records the attempt and sets it off.
pub(super) async fn admit(machine: Arc<Machine>, admission: Admission) -> Result<AttemptRow> {
    let Admission {
        session_id,
        key,
        start,
    } = admission;
    let session = machine.session_row(&session_id).await?;
    let fingerprint = fingerprint_of(&start)?;
    let now = machine.clock.now();
    let rules = StartRules {
        attempts: u32::from(machine.attempts_per_session),
        abandoned_before: now - machine.clock.real(ABANDONED_AFTER),
    };
    // A repeated request is answered before it is judged: what made it fit may be gone since.
    let attempts = machine.store.attempts(&session_id).await?;
    if let Some(answer) = answer_at_hand(&attempts, &key, &fingerprint, rules) {
        return answer;
    }
    let plan = plan(&machine, start, &session)?;
    let draft = draft(&machine, &plan, &session, &key, fingerprint.clone(), now)?;
    let payment = payment(&machine, plan, &draft, &session).await?;
    let turn = tokio::time::timeout(TURN, Arc::clone(&machine.slots).acquire_owned()).await;
    let Ok(Ok(slot)) = turn else {
        // Whoever had the turn may have been this very request, sent twice.
        let attempts = machine.store.attempts(&session_id).await?;
        return answer_at_hand(&attempts, &key, &fingerprint, rules).unwrap_or_else(|| {
            Err(Error::new(ProblemCode::ProviderUnavailable).retry_after(TURN_RETRY_SECS))
        });
    };
    match machine.store.start(&draft, rules).await? {
        Started::New(row) => {
            tracing::info!(
                attempt.id = %row.id,
                session.id = %row.session_id,
                "attempt {} started on rail {}",
                row.id,
                row.rail
            );
            let call = Call::begin(&machine);
            let attempt = row.clone();
            tokio::spawn(async move {
                drive(&call.machine, attempt, payment).await;
                drop(slot);
            });
            Ok(row)
        }
        Started::Same(row) => Ok(row),
        Started::KeyReused => Err(ProblemCode::IdempotencyKeyReused.into()),
        Started::NoSession => Err(ProblemCode::NotFound.into()),
        Started::Expired => Err(ProblemCode::SessionExpired.into()),
        Started::Paid(attempt) => Err(Error::new(ProblemCode::SessionPaid).attempt(attempt)),
        Started::Running(attempt) => Err(Error::new(ProblemCode::AttemptRunning).attempt(attempt)),
        Started::Exhausted => Err(ProblemCode::AttemptsExhausted.into()),
    }
}

/// What can be answered from what is recorded. The store has the last word on everything else.
fn answer_at_hand(
    attempts: &[AttemptRow],
    key: &IdempotencyKey,
    fingerprint: &str,
    rules: StartRules,
) -> Option<Result<AttemptRow>> {
    if let Some(same) = attempts
        .iter()
        .find(|attempt| attempt.idempotency_key == key.as_str())
    {
        return Some(if same.fingerprint == fingerprint {
            Ok(same.clone())
        } else {
            Err(ProblemCode::IdempotencyKeyReused.into())
        });
    }
    let live = attempts
        .iter()
        .find(|attempt| attempt.state.blocks_others())?;
    let unsent = matches!(live.state, AttemptState::New | AttemptState::Prepared);
    let code = match live.state {
        AttemptState::Succeeded => ProblemCode::SessionPaid,
        _ if unsent && live.created_at < rules.abandoned_before => return None,
        _ => ProblemCode::AttemptRunning,
    };
    Some(Err(Error::new(code).attempt(live.id.clone())))
}

/// A provider call under way, counted for [`Machine::drain`].
struct Call {
    machine: Arc<Machine>,
}

impl Call {
    fn begin(machine: &Arc<Machine>) -> Self {
        machine.calls.send_modify(|open| *open += 1);
        Self {
            machine: Arc::clone(machine),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.machine.calls.send_modify(|open| *open -= 1);
    }
}

async fn drive(machine: &Machine, attempt: AttemptRow, payment: Payment) {
    let id = attempt.id.clone();
    if let Err(error) = try_drive(machine, attempt, payment).await {
        // Whatever state it is in, the sweeper takes it from there.
        tracing::error!(attempt.id = %id, "attempt {id} was left to the sweeper: {error}");
    }
}

async fn try_drive(machine: &Machine, attempt: AttemptRow, mut payment: Payment) -> Result<()> {
    let id = attempt.id;
    if let Err(cause) = payment.prepare(machine).await {
        machine.end_unsent(&id, &cause).await?;
        return Ok(());
    }
    let Some(mut row) = mark_prepared(machine, &id, attempt.version).await? else {
        machine.bells.ring(&id);
        return Ok(());
    };
    loop {
        let Some(right) = take_right(machine, &id, row.version).await? else {
            // Somebody ended the attempt or its session; if it is still here, it is over.
            machine
                .end_unsent(&id, "the session was over before anything was sent")
                .await?;
            machine.bells.ring(&id);
            return Ok(());
        };
        let finding = if right.age(machine) > machine.clock.real(STALE_AFTER) {
            metrics::counter!("ventanilla_guard_hits_total", "guard" => "stale_sender")
                .increment(1);
            Finding::NotSent(String::from(
                "the right to send had become stale; nothing was sent",
            ))
        } else {
            payment.send(machine).await
        };
        if let Finding::NotSent(cause) = &finding
            && let Some(returned) = return_right(machine, &id, right.row.version, cause).await?
        {
            row = returned;
            machine.clock.sleep(machine.clock.real(RETURN_PAUSE)).await;
            continue;
        }
        // Wiped before anything else is waited for.
        drop(payment);
        return record(machine, &id, finding).await;
    }
}

/// T0b.
async fn mark_prepared(machine: &Machine, id: &str, version: i64) -> Result<Option<AttemptRow>> {
    machine
        .apply(id, |scene, now| {
            let row = scene.attempt;
            (row.state == AttemptState::New && row.version == version).then(|| {
                let mut after = row.clone();
                after.state = AttemptState::Prepared;
                plain(after, now, "prepared", json!({}))
            })
        })
        .await
}

/// The right to send, once.
struct Right {
    row: AttemptRow,
    taken_at: Timestamp,
    taken_after: Duration,
}

impl Right {
    /// How long ago it was taken, by whichever hand of the clock moved further.
    fn age(&self, machine: &Machine) -> Duration {
        let wall = machine.clock.now().since(self.taken_at);
        let monotonic = machine.clock.monotonic().saturating_sub(self.taken_after);
        wall.max(monotonic)
    }
}

/// T1. Whoever gets a right may send once; nobody else ever may.
async fn take_right(machine: &Machine, id: &str, version: i64) -> Result<Option<Right>> {
    // The provider's client gives up within this time, of the world's and not of a fast clock.
    let limit = machine
        .clock
        .real(ventanilla_providers::Timeouts::default().money);
    let mut taken = (machine.clock.now(), machine.clock.monotonic());
    let row = machine
        .apply(id, |scene, now| {
            taken = (now, machine.clock.monotonic());
            take(scene, version, now, now + limit, &machine.instance)
        })
        .await?;
    let (taken_at, taken_after) = taken;
    Ok(row.map(|row| Right {
        row,
        taken_at,
        taken_after,
    }))
}

/// What T1 writes, if this is still the attempt that was prepared and its session may still be paid.
pub(super) fn take(
    scene: &Scene<'_>,
    version: i64,
    now: Timestamp,
    deadline_at: Timestamp,
    sender: &str,
) -> Option<Change> {
    let row = scene.attempt;
    let open = scene.session.state == SessionState::Open;
    if row.state != AttemptState::Prepared || row.version != version || !open {
        return None;
    }
    let mut after = row.clone();
    after.state = AttemptState::Sent;
    after.sends = row.sends.checked_add(1)?;
    after.sent_at = Some(now);
    after.deadline_at = Some(deadline_at);
    Some(plain(
        after,
        now,
        "right_taken",
        json!({ "sender": sender }),
    ))
}

/// The sender gives the right back, with proof that nothing was sent.
async fn return_right(
    machine: &Machine,
    id: &str,
    version: i64,
    proof: &str,
) -> Result<Option<AttemptRow>> {
    machine
        .apply(id, |scene, now| {
            let row = scene.attempt;
            judge::may_return(row, version).then(|| {
                let mut after = row.clone();
                after.state = AttemptState::Prepared;
                after.returns = row.returns.saturating_add(1);
                plain(after, now, "right_returned", json!({ "proof": proof }))
            })
        })
        .await
}

/// T2. The answer exists in this memory only, so it is worth some patience with the store.
async fn record(machine: &Machine, id: &str, finding: Finding) -> Result<()> {
    let mut tries = 0;
    loop {
        let written = machine
            .settle(id, |scene, now| {
                judge::on_answer(scene, finding.clone(), now)
            })
            .await;
        match written {
            Ok(_) => return Ok(()),
            Err(error) if tries < WRITE_TRIES => {
                tracing::error!(attempt.id = %id, "attempt {id}: its answer is not written yet: {error}");
                tokio::time::sleep(WRITE_PAUSE * 2_u32.pow(tries)).await;
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn plain(
    after: AttemptRow,
    at: Timestamp,
    kind: &'static str,
    evidence: serde_json::Value,
) -> Change {
    Change {
        after,
        at,
        kind,
        evidence,
        saved_card: None,
    }
}

/// SHA-256 of what the buyer asked for, 64 lower-case hex digits. Without `ld` and `lk`: sealing the
/// same card again gives others.
pub(super) fn fingerprint_of(start: &StartAttempt) -> Result<String> {
    #[derive(Serialize)]
    struct Asked<'a> {
        rail: Rail,
        card: Option<AskedCard<'a>>,
    }
    #[derive(Serialize)]
    struct AskedCard<'a> {
        sealed: bool,
        saved_card: Option<&'a str>,
        installments: Option<u8>,
        save_card: bool,
    }
    fingerprint(&Asked {
        rail: start.rail,
        card: start.card.as_ref().map(|card| AskedCard {
            sealed: card.sealed.is_some(),
            saved_card: card.saved_card.as_deref(),
            installments: card.installments,
            save_card: card.save_card,
        }),
    })
}

fn plan(machine: &Machine, start: StartAttempt, session: &SessionRow) -> Result<Plan> {
    if !session.request.rails.contains(&start.rail) {
        return Err(ProblemCode::RailNotOffered.into());
    }
    match start.rail {
        Rail::Card => {
            let rail = card_rail(machine)?;
            let start = start.card.ok_or_else(|| {
                Error::new(ProblemCode::RequestMalformed).detail("rail card needs the field card")
            })?;
            rail.check(start, &session.request).map(Plan::Card)
        }
    }
}

fn draft(
    machine: &Machine,
    plan: &Plan,
    session: &SessionRow,
    key: &IdempotencyKey,
    fingerprint: String,
    now: Timestamp,
) -> Result<AttemptRow> {
    let Plan::Card(card) = plan;
    Ok(AttemptRow {
        fingerprint,
        installments: card.installments,
        save_card: card.save_card,
        saved_card_id: match &card.means {
            CardMeans::Saved(id) => Some(id.clone()),
            CardMeans::Sealed(_) => None,
        },
        ..AttemptRow::new(session, Rail::Card, key.as_str(), &machine.instance, now)?
    })
}

async fn payment(
    machine: &Machine,
    plan: Plan,
    attempt: &AttemptRow,
    session: &SessionRow,
) -> Result<Payment> {
    let Plan::Card(plan) = plan;
    let token = match &plan.means {
        CardMeans::Sealed(_) => None,
        CardMeans::Saved(card_id) => {
            let buyer = session.request.buyer.as_ref();
            match buyer.and_then(|buyer| buyer.id.as_deref()) {
                Some(buyer_id) => machine.store.card_token(card_id, buyer_id).await?,
                None => None,
            }
        }
    };
    CardRail::payment(plan, token.as_ref(), attempt, &session.request).map(Payment::Card)
}

fn card_rail(machine: &Machine) -> Result<&CardRail> {
    machine
        .card
        .as_ref()
        .ok_or_else(|| ProblemCode::RailNotOffered.into())
}

impl Payment {
    async fn prepare(&mut self, machine: &Machine) -> std::result::Result<(), String> {
        let Self::Card(payment) = self;
        match &machine.card {
            Some(rail) => rail.prepare(payment).await,
            None => Err(String::from("the rail is not configured")),
        }
    }

    /// **Moves money.**
    async fn send(&self, machine: &Machine) -> Finding {
        let Self::Card(payment) = self;
        match &machine.card {
            Some(rail) => rail.send(payment).await,
            None => Finding::NotSent(String::from("the rail is not configured")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::given::{attempt, session};

    #[test]
    fn the_right_is_taken_from_prepared_on_the_newest_view_of_an_open_session_only() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let deadline = now + Duration::from_secs(40);
        for state in AttemptState::ALL {
            for (version, session_state) in [
                (7, SessionState::Open),
                (6, SessionState::Open),
                (8, SessionState::Open),
                (7, SessionState::Expired),
                (7, SessionState::Succeeded),
            ] {
                let mut session = session(now);
                session.state = session_state;
                let mut row = attempt(&session, "key", now);
                row.state = state;
                row.version = 7;
                let scene = Scene {
                    attempt: &row,
                    others: &[],
                    session: &session,
                };
                let taken = take(&scene, version, now, deadline, "me");
                let expected = state == AttemptState::Prepared
                    && version == 7
                    && session_state == SessionState::Open;
                assert_eq!(taken.is_some(), expected, "{} {version}", state.name());
                if let Some(change) = taken {
                    assert_eq!(change.after.state, AttemptState::Sent);
                    assert_eq!(change.after.sends, 1);
                    assert_eq!(change.after.sent_at, Some(now));
                    assert_eq!(change.after.deadline_at, Some(deadline));
                }
            }
        }
    }
}
