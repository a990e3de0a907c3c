//! Settles what is in doubt, ends what is overdue, and takes up operations and errands. After a crash this is
//! the whole recovery.
//!
//! A payment it only reads; an operation or an errand it also sends, by the same right as anybody.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::flexiti::FinancingAdvice;

use super::course::{Row, Step};
use super::right::Call;
use super::{Machine, errand, judge, look, operate};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::rails::{Host, flexiti};
use crate::store::{AttemptRow, Overdue};

/// An answer may be so late before its call is held in doubt.
const SENT_GRACE: Duration = Duration::from_secs(10);
/// An attempt that did not take the right to send within this, in real time, is over: whoever started it
/// is gone. Were it not, its right would be refused.
const UNSENT_LIMIT: Duration = Duration::from_secs(60);
/// Work that did not report back within this, in real time, is somebody else's to do. A read that its provider lets wait
/// for longer is then done by two, which is no harm: what either finds is written over what it saw alone, and a right
/// to send is one.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// The longest rest, whatever the store says is next.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// The shortest, in real time, so that a mistake about what is next does not keep a processor busy.
const SHORTEST_REST: Duration = Duration::from_millis(20);
/// The shortest while every turn is taken, in real time.
const BUSY_REST: Duration = Duration::from_millis(250);
/// The rest after the store did not answer.
const STORE_REST: Duration = Duration::from_secs(1);

pub(super) async fn run(machine: Arc<Machine>, mut stop: Receiver<bool>) {
    loop {
        if *stop.borrow() {
            return;
        }
        let began = machine.clock.monotonic();
        let rest = match sweep(&machine).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::error!("sweep failed, the next is in {STORE_REST:?}: {error}");
                machine.clock.real(STORE_REST)
            }
        };
        // What the sweep itself took is no rest: on a fast clock that may be all of it.
        let swept = machine.clock.monotonic().saturating_sub(began);
        let rest = machine.clock.sleep(rest.saturating_sub(swept));
        tokio::select! {
            () = rest => tokio::time::sleep(SHORTEST_REST).await,
            // Whoever else wakes it meanwhile has it done by the same sweep.
            () = machine.wake.notified() => tokio::time::sleep(SHORTEST_REST).await,
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

/// Does what is due and says how long to rest, counted from its beginning.
async fn sweep(machine: &Arc<Machine>) -> Result<Duration> {
    let now = machine.clock.now();
    let sent_grace = machine.clock.real(SENT_GRACE);
    let unsent_limit = machine.clock.real(UNSENT_LIMIT);
    let overdue = Overdue {
        deadline_before: now - sent_grace,
        unsent_before: now - unsent_limit,
        waited_until: now,
    };
    let next_due = || machine.store.next_due(sent_grace, unsent_limit);
    let mut next = next_due().await?;
    // Without this look a sweep that finds nothing would take the only writer's turn on SQLite.
    if next.is_some_and(|next| next <= now) {
        take_turns(machine, now, overdue).await?;
        next = next_due().await?;
    }
    probe(machine);
    machine.store.expire_sessions(now).await?;
    report(machine).await?;
    let rest = next.map_or(LONGEST_REST, |next| next.since(now));
    let probe = machine.breakers.next_probe().unwrap_or(LONGEST_REST);
    let rest = rest.min(probe).min(LONGEST_REST);
    let turns = [&machine.readers, &machine.operators];
    if turns.iter().any(|turns| turns.available_permits() == 0) {
        // What is due waits for a turn, and whoever ends one says so.
        return Ok(rest.max(machine.clock.real(BUSY_REST)));
    }
    Ok(rest)
}

/// Ends what is overdue, and begins what is due as far as there are turns.
async fn take_turns(machine: &Arc<Machine>, now: Timestamp, overdue: Overdue) -> Result<()> {
    for attempt in machine.store.overdue(overdue).await? {
        if attempt.state == AttemptState::Sent {
            doubt(machine, &attempt).await?;
        } else {
            let reason = if attempt.waits_for_buyer() {
                flexiti::reason(FinancingAdvice::Expired)
            } else {
                "nothing was sent within a minute"
            };
            machine
                .end_unsent::<AttemptRow>(&attempt.id, reason)
                .await?;
        }
    }
    for operation in machine
        .store
        .overdue_operations(overdue.deadline_before)
        .await?
    {
        doubt(machine, &operation).await?;
    }
    for errand in machine
        .store
        .overdue_errands(overdue.deadline_before)
        .await?
    {
        doubt(machine, &errand).await?;
    }
    if machine.cvu.is_some() {
        // Whoever stops ends its look first: the turn is nobody else's for a while otherwise.
        let call = Call::begin(machine);
        if call.may_go_on() {
            tokio::spawn(async move {
                if let Err(error) = look::take_turn(&call.machine).await {
                    tracing::error!("the look at the account was left to the next sweep: {error}");
                }
            });
        }
    }
    if let Ok(limit @ 1..) = u32::try_from(machine.readers.available_permits()) {
        for attempt in machine.store.claim_due(now, LEASE, limit).await? {
            begin(
                machine,
                &machine.readers,
                attempt,
                |machine, attempt| async move { read(&machine, attempt).await },
            );
        }
    }
    let going_on = !machine.draining.load(Ordering::SeqCst);
    if let (true, Ok(limit @ 1..)) = (
        going_on,
        u32::try_from(machine.operators.available_permits()),
    ) {
        for operation in machine.store.claim_operations(now, LEASE, limit).await? {
            begin(
                machine,
                &machine.operators,
                operation,
                |machine, operation| async move { operate::take_up(&machine, operation).await },
            );
        }
    }
    if let (true, Ok(limit @ 1..)) = (
        going_on,
        u32::try_from(machine.operators.available_permits()),
    ) {
        for errand in machine.store.claim_errands(now, LEASE, limit).await? {
            begin(
                machine,
                &machine.operators,
                errand,
                |machine, errand| async move { errand::take_up(&machine, errand).await },
            );
        }
    }
    Ok(())
}

/// Does what is due with a row that was lent to this process, beside everything else.
fn begin<R: Row, F: Future<Output = Result<()>> + Send + 'static>(
    machine: &Arc<Machine>,
    turns: &Arc<Semaphore>,
    row: R,
    work: impl FnOnce(Arc<Machine>, R) -> F,
) {
    let turn = Arc::clone(turns).try_acquire_owned();
    let id = row.id().to_owned();
    let work = work(Arc::clone(machine), row);
    let machine = Arc::clone(machine);
    tokio::spawn(async move {
        if let Err(error) = work.await {
            let name = R::NAME;
            tracing::error!("{name} {id} was left to the next sweep: {error}");
        }
        drop(turn);
        machine.wake.notify_one();
    });
}

/// Asks providers that did not answer whether they do now.
fn probe(machine: &Arc<Machine>) {
    for host in machine.breakers.take_probes() {
        let machine = Arc::clone(machine);
        tokio::spawn(async move {
            let asked = Arc::clone(&machine);
            let asked = tokio::spawn(async move {
                match host {
                    Host::GreenpayMerchant | Host::GreenpayCheckout => match &asked.card {
                        Some(card) => card.probe().await,
                        None => false,
                    },
                    Host::CvuWallet => match &asked.cvu {
                        Some(cvu) => cvu.probe().await,
                        None => false,
                    },
                    Host::Flux => match &asked.flux {
                        Some(flux) => flux.probe().await,
                        None => false,
                    },
                    Host::Flexiti => match &asked.flexiti {
                        Some(flexiti) => flexiti.probe().await,
                        None => false,
                    },
                }
            });
            machine.breakers.probed(host, asked.await.unwrap_or(false));
            machine.wake.notify_one();
        });
    }
}

/// The sender is gone, or its provider never answered: the outcome is in doubt from now on.
pub(super) async fn doubt<R: Row>(machine: &Machine, row: &R) -> Result<()> {
    let version = row.course().version;
    machine
        .apply::<R>(row.id(), |scene, now| {
            let row = R::in_scene(scene);
            let course = row.course();
            let after = row.with(course.overdue(version, now)?);
            let deadline_at = course.deadline_at.map(Timestamp::rfc3339);
            let evidence = json!({ "source": "sweeper", "deadline_at": deadline_at });
            Some(Step::new(after, now, "unknown", evidence).into())
        })
        .await?;
    Ok(())
}

async fn read(machine: &Machine, attempt: AttemptRow) -> Result<()> {
    let reading = machine.read_payment(&attempt).await;
    // Under a reference that several attempts carried, the money may be an earlier one's. That one takes
    // note of it first, so that no moment is without it, and has its turn again when this one has ended.
    let attempts = machine.store.attempts(&attempt.session_id).await?;
    let sharing: Vec<&str> = judge::sharing(&attempts, &attempt, &reading).collect();
    let own = [attempt.id.as_str()];
    let turns = sharing.iter().chain(&own).chain(&sharing);
    let jitter = jitter();
    for id in turns {
        machine
            .settle(id, |scene, now| {
                judge::on_reading(scene, reading.clone(), now, jitter)
            })
            .await?;
    }
    Ok(())
}

async fn report(machine: &Machine) -> Result<()> {
    let doubt = machine.store.doubt().await?;
    let oldest = doubt
        .oldest_at
        .map_or(Duration::ZERO, |since| machine.clock.now().since(since));
    metrics::gauge!("ventanilla_attempts_in_doubt")
        .set(u32::try_from(doubt.open).unwrap_or(u32::MAX));
    metrics::gauge!("ventanilla_oldest_doubt_seconds")
        .set(u32::try_from(oldest.as_secs()).unwrap_or(u32::MAX));
    Ok(())
}

/// −200 to 200 thousandths.
pub(super) fn jitter() -> i32 {
    let mut bytes = [0_u8; 2];
    // Without chance every read is on time, which is right too.
    if getrandom::fill(&mut bytes).is_err() {
        return 0;
    }
    i32::from(u16::from_be_bytes(bytes) % 401) - 200
}
