//! Settles what is in doubt and ends what is overdue. After a crash this is the whole recovery.
//!
//! It reads and never sends.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch::Receiver;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::Rail;

use super::judge::{self, Reading};
use super::{Machine, READERS};
use crate::error::Result;
use crate::store::{AttemptRow, Change, Overdue};

/// An answer may be so late before its call is held in doubt.
const SENT_GRACE: Duration = Duration::from_secs(10);
/// An attempt that did not take the right to send within this is over.
const UNSENT_LIMIT: Duration = Duration::from_secs(30 * 60);
/// A read that did not report back within this is somebody else's to do.
const LEASE: Duration = Duration::from_secs(60);
/// The longest rest, whatever the store says is next.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// The shortest, in real time, so that a mistake about what is next does not keep a processor busy.
const SHORTEST_REST: Duration = Duration::from_millis(20);
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
            () = machine.wake.notified() => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

/// Does what is due and says how long to rest, counted from its beginning.
async fn sweep(machine: &Arc<Machine>) -> Result<Duration> {
    let now = machine.clock.now();
    let sent_grace = machine.clock.real(SENT_GRACE);
    let overdue = Overdue {
        deadline_before: now - sent_grace,
        unsent_before: now - UNSENT_LIMIT,
    };
    for attempt in machine.store.overdue(overdue).await? {
        if attempt.state == AttemptState::Sent {
            doubt(machine, &attempt).await?;
        } else {
            machine
                .end_unsent(&attempt.id, "nothing was sent within 30 minutes")
                .await?;
        }
    }
    let free = machine.readers.available_permits().min(READERS);
    if let Ok(limit @ 1..) = u32::try_from(free) {
        let lease = machine.clock.real(LEASE);
        for attempt in machine.store.claim_due(now, lease, limit).await? {
            let permit = Arc::clone(&machine.readers).try_acquire_owned();
            let machine = Arc::clone(machine);
            tokio::spawn(async move {
                let id = attempt.id.clone();
                if let Err(error) = read(&machine, attempt).await {
                    tracing::error!(attempt.id = %id, "attempt {id} was not read back: {error}");
                }
                drop(permit);
                machine.wake.notify_one();
            });
        }
    }
    machine.store.expire_sessions(now).await?;
    report(machine).await?;
    let next = machine.store.next_due(sent_grace, UNSENT_LIMIT).await?;
    Ok(next
        .map_or(LONGEST_REST, |next| next.since(now))
        .min(LONGEST_REST))
}

/// The sender is gone, or its provider never answered: the outcome is in doubt from now on.
async fn doubt(machine: &Machine, attempt: &AttemptRow) -> Result<()> {
    let version = attempt.version;
    machine
        .apply(&attempt.id, |scene, now| {
            let row = scene.attempt;
            (row.state == AttemptState::Sent && row.version == version).then(|| {
                let mut after = row.clone();
                after.state = AttemptState::Unknown;
                after.unknown_at = Some(now);
                after.next_check_at = Some(now);
                after.reason = Some(String::from("no answer was recorded in time"));
                Change {
                    after,
                    at: now,
                    kind: "unknown",
                    evidence: json!({ "source": "sweeper", "deadline_at": row.deadline_at.map(|at| at.rfc3339()) }),
                    saved_card: None,
                }
            })
        })
        .await?;
    Ok(())
}

async fn read(machine: &Machine, attempt: AttemptRow) -> Result<()> {
    let reading = match (attempt.rail, &machine.card) {
        (Rail::Card, Some(card)) => card.read(&attempt.reference).await,
        (Rail::Card, None) => Reading::Failed(String::from("the rail is not configured")),
    };
    let jitter = jitter();
    machine
        .settle(&attempt.id, |scene, now| {
            judge::on_reading(scene, reading.clone(), now, jitter)
        })
        .await?;
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
fn jitter() -> i32 {
    let mut bytes = [0_u8; 2];
    // Without chance every read is on time, which is right too.
    if getrandom::fill(&mut bytes).is_err() {
        return 0;
    }
    i32::from(u16::from_be_bytes(bytes) % 401) - 200
}
