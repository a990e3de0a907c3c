//! The right to send: T0b, T1, the one call, T2. The same for attempts and operations.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_providers::failpoint::hit;

use super::Machine;
use super::course::{Finding, Row, Step};
use super::sweep::LEASE;
use crate::clock::Timestamp;
use crate::error::Result;

/// A right older than this is not used: the process may have been asleep, and others may have given
/// up what it is for.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// Between two tries to reach a provider that could not be connected to.
const RETURN_PAUSE: Duration = Duration::from_millis(300);
/// How often a provider's answer is tried to be written before it is left to the sweeper.
const WRITE_TRIES: u32 = 8;
const WRITE_PAUSE: Duration = Duration::from_millis(100);

/// A provider call under way, counted for [`Machine::drain`].
pub(super) struct Call {
    pub machine: Arc<Machine>,
}

impl Call {
    pub fn begin(machine: &Arc<Machine>) -> Self {
        machine.calls.send_modify(|open| *open += 1);
        metrics::gauge!("ventanilla_calls_under_way").increment(1);
        Self {
            machine: Arc::clone(machine),
        }
    }

    /// Whether it may go on. Asked after [`Call::begin`], so that whoever drains either sees this call
    /// or stops it.
    pub fn may_go_on(&self) -> bool {
        !self.machine.draining.load(Ordering::SeqCst)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        metrics::gauge!("ventanilla_calls_under_way").decrement(1);
        self.machine.calls.send_modify(|open| *open -= 1);
    }
}

/// The right to send, once.
struct Right<R> {
    row: R,
    taken_at: Timestamp,
    taken_after: Duration,
}

impl<R: Row> Right<R> {
    /// T1. Whoever gets a right may send once; nobody else ever may.
    async fn take(
        machine: &Machine,
        id: &str,
        version: i64,
        call: &R::Call,
    ) -> Result<Option<Self>> {
        // The provider's client gives up within this time, of the world's and not of a fast clock.
        let limit = machine.clock.real(machine.call_limit);
        let mut taken = (machine.clock.now(), machine.clock.monotonic());
        hit("t1.before");
        let row = machine
            .apply::<R>(id, |scene, now| {
                taken = (now, machine.clock.monotonic());
                let step = take::<R>(scene, version, now, now + limit, &machine.instance)?;
                let sent = step.after.course().state == AttemptState::Sent;
                let change = R::Change::from(step);
                Some(if sent {
                    R::taken_for(change, call)
                } else {
                    change
                })
            })
            .await?;
        hit("t1.after");
        let (taken_at, taken_after) = taken;
        // What was ended instead gives no right.
        let row = row.filter(|row| row.course().state == AttemptState::Sent);
        Ok(row.map(|row| Self {
            row,
            taken_at,
            taken_after,
        }))
    }

    /// How long ago it was taken, by whichever hand of the clock moved further.
    fn age(&self, machine: &Machine) -> Duration {
        let wall = machine.clock.now().since(self.taken_at);
        let monotonic = machine.clock.monotonic().saturating_sub(self.taken_after);
        wall.max(monotonic)
    }

    async fn send(&self, machine: &Machine, call: &R::Call) -> Finding<R::Proof> {
        if self.age(machine) > machine.clock.real(STALE_AFTER) {
            metrics::counter!("ventanilla_guard_hits_total", "guard" => "stale_sender")
                .increment(1);
            return Finding::NotSent(String::from(
                "the right to send had become stale; nothing was sent",
            ));
        }
        R::send(machine, call).await
    }

    /// The sender gives the right back, with proof that nothing was sent.
    async fn give_back(&self, machine: &Machine, proof: &str) -> Result<Option<R>> {
        let version = self.row.course().version;
        machine
            .apply::<R>(self.row.id(), |scene, now| {
                let row = R::in_scene(scene);
                let resume_at = resume_at::<R>(machine, now);
                let after = row.with(row.course().returned(version, resume_at)?);
                let evidence = json!({ "proof": proof });
                Some(Step::new(after, now, "right_returned", evidence).into())
            })
            .await
    }
}

/// What T1 writes: the right, if this is still what was prepared, or its end if nobody wants it any
/// more.
pub(super) fn take<R: Row>(
    scene: &R::Scene<'_>,
    version: i64,
    now: Timestamp,
    deadline_at: Timestamp,
    sender: &str,
) -> Option<Step<R>> {
    let row = R::in_scene(scene);
    let course = row.course();
    let sent = course.sent(version, now, deadline_at)?;
    Some(match R::obstacle(scene) {
        None => {
            let evidence = json!({ "sender": sender });
            Step::new(row.with(sent), now, "right_taken", evidence)
        }
        Some(reason) => {
            let after = row.with(course.never_sent(reason, now)?);
            Step::new(after, now, "not_executed", json!({ "reason": reason }))
        }
    })
}

/// When somebody else may take up what this sender prepared, should it go away.
fn resume_at<R: Row>(machine: &Machine, now: Timestamp) -> Option<Timestamp> {
    R::RESUMED.then(|| now + machine.clock.real(LEASE))
}

/// T0b to T2, for the row as it was when `call` was made ready.
pub(super) async fn send_once<R: Row>(machine: &Machine, row: R, call: R::Call) -> Result<()> {
    let id = row.id().to_owned();
    let Some(mut version) = mark_prepared(machine, &row).await? else {
        machine.bells.ring(&id);
        return Ok(());
    };
    while let Some(right) = Right::<R>::take(machine, &id, version, &call).await? {
        let finding = right.send(machine, &call).await;
        if let Finding::NotSent(cause) = &finding {
            match right.give_back(machine, cause).await {
                Ok(Some(returned)) => {
                    version = returned.course().version;
                    machine.clock.sleep(machine.clock.real(RETURN_PAUSE)).await;
                    continue;
                }
                Ok(None) => {}
                // The proof is still at hand, and written with more patience.
                Err(error) => {
                    let name = R::NAME;
                    tracing::error!("{name} {id}: its right did not come back: {error}");
                }
            }
        }
        // Wiped before anything else is waited for.
        drop(call);
        return record::<R>(machine, &id, finding).await;
    }
    machine.bells.ring(&id);
    Ok(())
}

/// T0b. The version to take the right on; none when somebody else changed the row meanwhile.
async fn mark_prepared<R: Row>(machine: &Machine, row: &R) -> Result<Option<i64>> {
    let course = row.course();
    if course.state == AttemptState::Prepared {
        return Ok(Some(course.version));
    }
    hit("t0b.before");
    let after = machine
        .apply::<R>(row.id(), |scene, now| {
            let row = R::in_scene(scene);
            let resume_at = resume_at::<R>(machine, now);
            let after = row.with(row.course().prepared(course.version, resume_at)?);
            Some(Step::new(after, now, "prepared", json!({})).into())
        })
        .await?;
    hit("t0b.after");
    Ok(after.map(|after| after.course().version))
}

/// T2. The answer exists in this memory only, so it is worth some patience with the store.
async fn record<R: Row>(machine: &Machine, id: &str, finding: Finding<R::Proof>) -> Result<()> {
    let mut tries = 0;
    loop {
        hit("t2.before");
        match R::settle_answer(machine, id, &finding).await {
            Ok(()) => {
                hit("t2.after");
                return Ok(());
            }
            Err(error) if tries < WRITE_TRIES => {
                let name = R::NAME;
                tracing::error!("{name} {id}: its answer is not written yet: {error}");
                tokio::time::sleep(WRITE_PAUSE * 2_u32.pow(tries)).await;
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
