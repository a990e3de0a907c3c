//! An attempt from T0 to T2.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use ventanilla_core::api::{IdempotencyKey, StartAttempt};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::CvuStart;
use ventanilla_core::rails::flexiti::{IdentificationKind, Language};
use ventanilla_core::session::SessionState;
use ventanilla_providers::failpoint::hit;

use super::course::{Course, Finding, Row, alike};
use super::judge::{self, Proof};
use super::right::{Call, send_once};
use super::{Machine, financing, fingerprint};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::rails::Host;
use crate::rails::card::{CardMeans, CardPayment, CardPlan, CardRail};
use crate::rails::cvu::{CvuPayment, CvuPlan, CvuRail};
use crate::rails::flexiti::{FlexitiPayment, FlexitiPlan, FlexitiRail};
use crate::rails::flux::{FluxPayment, FluxPlan, FluxRail};
use crate::store::{
    AttemptRow, Change, FinancingStep, Scene, SessionRow, StartRules, Started, Store,
};

/// A request to start an attempt.
pub(super) struct Admission {
    pub session_id: String,
    pub key: IdempotencyKey,
    pub start: StartAttempt,
}

/// What has to be in memory until the call of an attempt is over.
pub(super) enum Payment {
    Card(Box<CardPayment>),
    Cvu(CvuPayment),
    Flux(FluxPayment),
    Flexiti(Box<FlexitiPayment>),
}

/// A request that fits its session.
enum Plan {
    Card(CardPlan),
    Cvu(CvuPlan),
    Flux(FluxPlan),
    Flexiti(Box<FlexitiPlan>),
}

/// What follows T0.
enum Onward {
    /// Straight on to the send.
    Pay(Payment),
    /// To the buyer, first.
    Identify(Box<FlexitiPlan>),
}

/// An unsent attempt older than this was left behind, however its process fares.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);
/// Why a rail sends nothing.
pub(super) const NOT_CONFIGURED: &str = "the rail is not configured";
/// How long a request waits for its turn to be driven.
pub(super) const TURN: Duration = Duration::from_millis(200);
/// What a buyer is told to wait when there is no turn.
pub(super) const TURN_RETRY_SECS: u32 = 5;

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
        attempts: machine.attempts_allowed(start.rail),
        abandoned_before: now - machine.clock.real(ABANDONED_AFTER),
    };
    // A repeated request is answered before it is judged: what made it fit may be gone since.
    let attempts = machine.store.attempts(&session_id).await?;
    if let Some(answer) = answer_at_hand(&attempts, &key, &fingerprint, rules) {
        return answer;
    }
    let plan = plan(&machine, start, &session)?;
    machine.breakers.refuse_if_open(plan.hosts())?;
    let draft = draft(&machine, &plan, &session, &key, fingerprint.clone(), now)?;
    let mut onward = match plan {
        Plan::Flexiti(plan) => Onward::Identify(plan),
        plan => Onward::Pay(payment(&machine, plan, &draft, &session).await?),
    };
    let turn = tokio::time::timeout(TURN, Arc::clone(&machine.slots).acquire_owned()).await;
    let Ok(Ok(slot)) = turn else {
        // Whoever had the turn may have been this very request, sent twice.
        let attempts = machine.store.attempts(&session_id).await?;
        return answer_at_hand(&attempts, &key, &fingerprint, rules).unwrap_or_else(|| {
            Err(Error::new(ProblemCode::ProviderUnavailable).retry_after(TURN_RETRY_SECS))
        });
    };
    hit("t0.before");
    let started = machine.store.start(&draft, rules).await?;
    hit("t0.after");
    match started {
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
            if let Onward::Pay(Payment::Flux(payment)) = &mut onward {
                payment.carry(&row);
            }
            tokio::spawn(async move {
                drive(&call.machine, attempt, onward).await;
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
    let find = |in_the_way: fn(&AttemptRow) -> bool| attempts.iter().find(|row| in_the_way(row));
    // Money that was seen pays the session as soon as the attempt beside it has ended.
    let live = find(|row| row.state.blocks_others()).or_else(|| find(judge::is_deferred))?;
    let unsent =
        matches!(live.state, AttemptState::New | AttemptState::Prepared) && !live.waits_for_buyer();
    let code = match live.state {
        AttemptState::Succeeded => ProblemCode::SessionPaid,
        _ if unsent && live.created_at < rules.abandoned_before => return None,
        _ => ProblemCode::AttemptRunning,
    };
    Some(Err(Error::new(code).attempt(live.id.clone())))
}

async fn drive(machine: &Machine, attempt: AttemptRow, onward: Onward) {
    let id = attempt.id.clone();
    let driven = match onward {
        Onward::Pay(payment) => try_drive(machine, attempt, payment).await,
        Onward::Identify(plan) => financing::open(machine, &attempt, *plan).await,
    };
    if let Err(error) = driven {
        // Whatever state it is in, the sweeper takes it from there.
        tracing::error!(attempt.id = %id, "attempt {id} was left to the sweeper: {error}");
    }
    if machine.breakers.is_any_open() {
        // Somebody has to probe.
        machine.wake.notify_one();
    }
}

async fn try_drive(machine: &Machine, attempt: AttemptRow, mut payment: Payment) -> Result<()> {
    if let Err(cause) = payment.prepare(machine).await {
        machine
            .end_unsent::<AttemptRow>(&attempt.id, &cause)
            .await?;
        return Ok(());
    }
    let rail = attempt.rail;
    send_once(machine, attempt, payment).await?;
    if rail == Rail::Cvu {
        // Whoever closes the page and pays is looked for, too.
        machine.look_soon(machine.clock.now()).await?;
    }
    Ok(())
}

impl Row for AttemptRow {
    const NAME: &'static str = "attempt";
    // The card is in its sender's memory only.
    const RESUMED: bool = false;
    type Scene<'a> = Scene<'a>;
    type Change = Change;
    type Proof = Proof;
    type Call = Payment;

    alike!();

    fn attempt_id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn session_id(&self) -> Option<&str> {
        Some(&self.session_id)
    }

    fn operation_id(&self) -> Option<&str> {
        None
    }

    fn in_scene<'s>(scene: &'s Scene<'_>) -> &'s Self {
        scene.attempt
    }

    fn obstacle(scene: &Scene<'_>) -> Option<&'static str> {
        (scene.session.state != SessionState::Open)
            .then_some("the session was over before anything was sent")
    }

    fn kind(change: &Change) -> &'static str {
        change.kind
    }

    fn taken_for(mut change: Change, call: &Payment) -> Change {
        if let Payment::Flexiti(payment) = call {
            change.financing = Some(FinancingStep::Chosen {
                kept: payment.rest(),
                choice: payment.choice().clone(),
            });
        }
        change
    }

    fn shows_steps(&self) -> bool {
        // Its buyer has a part in them.
        self.rail == Rail::Flexiti
    }

    fn count(&self) {
        metrics::counter!(
            "ventanilla_attempts_total",
            "rail" => self.rail.name(),
            "outcome" => self.state.name()
        )
        .increment(1);
    }

    async fn change<F>(store: &Store, id: &str, decide: F) -> Result<Option<Self>>
    where
        F: FnMut(&Scene<'_>) -> Option<Change> + Send,
    {
        store.change(id, decide).await
    }

    async fn send(machine: &Machine, payment: &Payment) -> Finding<Proof> {
        payment.send(machine).await
    }

    async fn settle_answer(machine: &Machine, id: &str, finding: &Finding<Proof>) -> Result<()> {
        machine
            .settle(id, |scene, now| {
                judge::on_answer(scene, finding.clone(), now)
            })
            .await?;
        Ok(())
    }
}

/// SHA-256 of what the buyer asked for, 64 lower-case hex digits. Without `ld` and `lk`: sealing the
/// same card again gives others. Without a wallet's code: it would be a trace of it.
pub(super) fn fingerprint_of(start: &StartAttempt) -> Result<String> {
    #[derive(Serialize)]
    struct Asked<'a> {
        rail: Rail,
        card: Option<AskedCard<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cvu: Option<CvuStart>,
        #[serde(skip_serializing_if = "Option::is_none")]
        flux: Option<AskedFlux>,
        #[serde(skip_serializing_if = "Option::is_none")]
        flexiti: Option<AskedFlexiti>,
    }
    // Nothing of who the buyer is: it would be a trace of it.
    #[derive(Serialize)]
    struct AskedFlexiti {
        by: IdentificationKind,
        language: Language,
    }
    #[derive(Serialize)]
    struct AskedFlux {
        tip_minor: u64,
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
        cvu: start.cvu,
        flux: start.flux.as_ref().map(|flux| AskedFlux {
            tip_minor: flux.tip_minor,
        }),
        flexiti: start.flexiti.as_ref().map(|flexiti| AskedFlexiti {
            by: flexiti.identification.kind(),
            language: flexiti.language,
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
        Rail::Cvu => {
            let rail = machine.cvu.as_ref().ok_or(ProblemCode::RailNotOffered)?;
            let start = start.cvu.ok_or_else(|| {
                Error::new(ProblemCode::RequestMalformed).detail("rail cvu needs the field cvu")
            })?;
            rail.check(start).map(Plan::Cvu)
        }
        Rail::Flux => {
            let rail = flux_rail(machine)?;
            let start = start.flux.ok_or_else(|| {
                Error::new(ProblemCode::RequestMalformed).detail("rail flux needs the field flux")
            })?;
            rail.check(&start, session.request.total).map(Plan::Flux)
        }
        Rail::Flexiti => {
            let start = start.flexiti.ok_or_else(|| {
                Error::new(ProblemCode::RequestMalformed)
                    .detail("rail flexiti needs the field flexiti")
            })?;
            let plan = flexiti_rail(machine)?.check(&start)?;
            Ok(Plan::Flexiti(Box::new(plan)))
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
    let row = |rail| AttemptRow::new(session, rail, key.as_str(), &machine.instance, now);
    Ok(match plan {
        Plan::Card(card) => AttemptRow {
            fingerprint,
            installments: card.installments,
            save_card: card.save_card,
            saved_card_id: match &card.means {
                CardMeans::Saved(id) => Some(id.clone()),
                CardMeans::Sealed(_) => None,
            },
            ..row(Rail::Card)?
        },
        Plan::Cvu(_) => AttemptRow {
            fingerprint,
            ..row(Rail::Cvu)?
        },
        Plan::Flux(plan) => AttemptRow {
            fingerprint,
            total: plan.total,
            tip_minor: plan.tip_minor,
            ..row(Rail::Flux)?
        },
        Plan::Flexiti(_) => AttemptRow {
            fingerprint,
            ..row(Rail::Flexiti)?
        },
    })
}

async fn payment(
    machine: &Machine,
    plan: Plan,
    attempt: &AttemptRow,
    session: &SessionRow,
) -> Result<Payment> {
    let plan = match plan {
        Plan::Card(plan) => plan,
        Plan::Cvu(plan) => return Ok(Payment::Cvu(CvuRail::payment(plan, session))),
        Plan::Flux(plan) => return flux_rail(machine)?.payment(&plan).map(Payment::Flux),
        Plan::Flexiti(_) => return Err(Error::internal("its buyer has to pick first")),
    };
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
    CardRail::payment(plan, token.as_ref(), attempt, &session.request)
        .map(|payment| Payment::Card(Box::new(payment)))
}

fn card_rail(machine: &Machine) -> Result<&CardRail> {
    machine
        .card
        .as_ref()
        .ok_or_else(|| ProblemCode::RailNotOffered.into())
}

fn flux_rail(machine: &Machine) -> Result<&FluxRail> {
    machine
        .flux
        .as_ref()
        .ok_or_else(|| ProblemCode::RailNotOffered.into())
}

fn flexiti_rail(machine: &Machine) -> Result<&FlexitiRail> {
    machine
        .flexiti
        .as_ref()
        .ok_or_else(|| ProblemCode::RailNotOffered.into())
}

impl Plan {
    /// Where its calls go.
    fn hosts(&self) -> &'static [Host] {
        match self {
            Self::Card(plan) => plan.hosts(),
            Self::Cvu(plan) => plan.hosts(),
            Self::Flux(_) => FluxPlan::hosts(),
            Self::Flexiti(_) => FlexitiPlan::hosts(),
        }
    }
}

impl Payment {
    async fn prepare(&mut self, machine: &Machine) -> std::result::Result<(), String> {
        let breakers = &machine.breakers;
        match (self, &machine.card, &machine.flux) {
            (Self::Card(payment), Some(rail), _) => rail.prepare(payment, breakers).await,
            (Self::Flux(_), _, Some(rail)) => rail.prepare(breakers).await,
            (Self::Card(_), None, _) | (Self::Flux(_), _, None) => {
                Err(String::from(NOT_CONFIGURED))
            }
            (Self::Cvu(_) | Self::Flexiti(_), _, _) => Ok(()),
        }
    }

    /// **Moves money.**
    async fn send(&self, machine: &Machine) -> Finding<Proof> {
        let breakers = &machine.breakers;
        let finding = match self {
            Self::Card(payment) => match &machine.card {
                Some(rail) => Some(rail.send(payment, breakers).await),
                None => None,
            },
            Self::Cvu(payment) => match &machine.cvu {
                Some(rail) => Some(rail.send(payment, breakers).await),
                None => None,
            },
            Self::Flux(payment) => match &machine.flux {
                Some(rail) => Some(rail.send(payment, breakers).await),
                None => None,
            },
            Self::Flexiti(payment) => match &machine.flexiti {
                Some(rail) => Some(rail.send(payment, breakers).await),
                None => None,
            },
        };
        finding.unwrap_or_else(|| Finding::NotSent(String::from(NOT_CONFIGURED)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::machine::given::{attempt, session};
    use crate::machine::right::take;

    #[test]
    fn nothing_is_started_beside_money_that_was_seen_and_waits_to_be_recorded() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let session = session(now);
        let key: IdempotencyKey = "0123456789abcdef".parse().unwrap();
        let rules = StartRules {
            attempts: 5,
            abandoned_before: now,
        };
        let mut row = attempt(&session, "another", now);
        row.state = AttemptState::NotExecuted;
        let answer = |rows: &[AttemptRow]| {
            answer_at_hand(rows, &key, "same", rules).map(|answer| answer.unwrap_err().code())
        };
        assert_eq!(answer(std::slice::from_ref(&row)), None);
        row.confirmed = Some(row.total);
        let seen = [row.clone()];
        assert_eq!(answer(&seen), Some(ProblemCode::AttemptRunning));
        let mut paid = attempt(&session, "third", now);
        paid.state = AttemptState::Succeeded;
        assert_eq!(answer(&[row, paid]), Some(ProblemCode::SessionPaid));
    }

    #[test]
    fn the_right_is_taken_in_an_open_session_only_and_otherwise_the_attempt_is_over() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        for (session_state, expected) in [
            (SessionState::Open, AttemptState::Sent),
            (SessionState::Expired, AttemptState::NotExecuted),
            (SessionState::Succeeded, AttemptState::NotExecuted),
        ] {
            let mut session = session(now);
            session.state = session_state;
            let mut row = attempt(&session, "key", now);
            row.state = AttemptState::Prepared;
            let scene = Scene {
                attempt: &row,
                others: &[],
                session: &session,
            };
            let step = take::<AttemptRow>(&scene, row.version, now, now, "me").unwrap();
            assert_eq!(step.after.state, expected, "{}", session_state.name());
            assert_eq!(step.after.sends, u8::from(expected == AttemptState::Sent));
            assert!(take::<AttemptRow>(&scene, row.version + 1, now, now, "me").is_none());
        }
    }
}
