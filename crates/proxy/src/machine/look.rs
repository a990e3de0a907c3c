//! Looks at the account: one look serves every buyer of the merchant. It reads the account's list, settles
//! what a credit proves, and ends what nobody paid in time. Processes on one store take turns.
//!
//! A payable's end is judged by a look that began after it, so nobody is told that time ran out before
//! the provider was asked once more.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep_until};
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::Money;
use ventanilla_providers::cvu::{Credit, Transactions};

use super::course::{Row as _, Step};
use super::credits::{BOTH_WAYS, BY_NUMBER};
use super::matching::{self, Match, Seen};
use super::{Machine, schedule};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::rails::cvu::{CvuRail, Strangers, credited_within};
use crate::store::{AttemptRow, CreditRow, NewCredit, Payer, Store, Turn, Watched};

/// Whose turn it is to look, in the store.
const WATCH: &str = "cvu";
/// Between looks while nothing can be paid. They ask nobody but the store; what was issued by a process
/// that ended at once is found by them.
const IDLE: Duration = schedule::minutes(1);
/// How long a turn is a process's without a word of it, in real time: when it dies, nobody looks for so long.
const TURN: Duration = Duration::from_secs(6);
/// How often it says that it is still at it, in real time.
const KEPT_EVERY: Duration = Duration::from_secs(2);
/// How often a turn is asked for that another process has, and how long is waited in between, of real time.
const TURN_TRIES: u32 = 20;
const TURN_PAUSE: Duration = Duration::from_millis(250);
/// After a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

impl Machine {
    /// Money may have come while nobody looked. On a store of this process's own, a look that was not ended
    /// is nobody's any more.
    pub(super) async fn look_after_start(&self) -> Result<()> {
        let now = self.clock.now();
        if !self.watches_credits() {
            // Nor is a look due that somebody else asked for when there still was a rail.
            let far = now + schedule::days(3650);
            return self.store.end_watch(WATCH, None, far).await;
        }
        if !self.store.is_shared() {
            self.store.end_watch(WATCH, None, now).await?;
        }
        self.store.hurry_watch(WATCH, now).await?;
        Ok(())
    }

    /// Judges a credit in this process's turn. One and the same money has two names, in a notification and in the
    /// list, and nothing in the store tells that they are one: so processes on one store judge credits one after
    /// another, by the turn in which they look. None when another process keeps it for long, or this one lost it.
    pub(super) async fn in_credits_turn<T>(
        &self,
        judging: impl Future<Output = Result<T>>,
    ) -> Result<Option<T>> {
        if !self.store.is_shared() {
            return judging.await.map(Some);
        }
        for _ in 0..TURN_TRIES {
            let now = self.clock.now();
            self.store.hurry_watch(WATCH, now).await?;
            if let Some(held) = Held::take(self, now).await? {
                let Some((judged, turn)) = held.during(&self.store, judging).await else {
                    return Ok(None);
                };
                // Whoever looks next does so at once.
                let now = self.clock.now();
                self.store.end_watch(WATCH, Some(turn), now).await?;
                self.wake.notify_one();
                return judged.map(Some);
            }
            tokio::time::sleep(TURN_PAUSE).await;
        }
        Ok(None)
    }

    /// Brings the next look forward, as far as the provider is to be asked.
    pub(super) async fn look_soon(&self, now: Timestamp) -> Result<()> {
        if self
            .store
            .hurry_watch(WATCH, now + schedule::MIN_GAP)
            .await?
        {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// As [`Machine::look_soon`], for a buyer who waits for their money to be seen. However many ask, the store is
    /// written once in the time between two looks.
    pub(super) async fn look_soon_for_all(&self, now: Timestamp) -> Result<()> {
        if self.hurried.is_first(now) {
            self.look_soon(now).await?;
        }
        Ok(())
    }
}

/// The look that those who wait brought forward last: it serves all of them.
#[derive(Default)]
pub(super) struct Hurried(Mutex<Option<Timestamp>>);

impl Hurried {
    /// Whether nobody has asked for a look yet that comes as soon as one that is asked for `now`.
    fn is_first(&self, now: Timestamp) -> bool {
        // Nothing under this lock can be left half-done.
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = due.is_none_or(|due| due < now);
        if is_first {
            *due = Some(now + schedule::MIN_GAP);
        }
        is_first
    }
}

/// What the list showed of money that came in when this process last read the whole of it.
struct Look {
    began: Timestamp,
    fingerprints: HashSet<String>,
}

/// The last look of this process. What is new since then cannot have come before, whatever its date says.
#[derive(Default)]
pub(super) struct LastLook(Mutex<Option<Look>>);

impl LastLook {
    fn replace(&self, look: Option<Look>) -> Option<Look> {
        // Nothing under this lock can be left half-done.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, look)
    }
}

/// A turn, and the moment up to which nobody else can have it.
struct Held {
    turn: Turn,
    until: Instant,
}

impl Held {
    /// None when it is not due, or another process's.
    async fn take(machine: &Machine, now: Timestamp) -> Result<Option<Self>> {
        let until = Instant::now() + TURN;
        let turn = machine.store.claim_watch(WATCH, now, TURN).await?;
        Ok(turn.map(|turn| Self { turn, until }))
    }

    /// Does `work` as long as the turn is this process's. None when it no longer is: another may have begun, and
    /// what was not written by then is not written.
    async fn during<T>(
        mut self,
        store: &Store,
        work: impl Future<Output = T>,
    ) -> Option<(T, Turn)> {
        let is_shared = store.is_shared();
        let mut work = std::pin::pin!(work);
        let mut next_word = Instant::now() + KEPT_EVERY;
        loop {
            let until = self.until;
            // Whoever was asleep for long does not go on.
            let going_on = poll_fn(|context| {
                if is_shared && Instant::now() >= until {
                    return Poll::Pending;
                }
                work.as_mut().poll(context)
            });
            tokio::select! {
                () = sleep_until(until), if is_shared => return None,
                () = sleep_until(next_word), if is_shared => {
                    let until = Instant::now() + TURN;
                    let kept = store.keep_watch(WATCH, self.turn, TURN);
                    match tokio::time::timeout_at(self.until, kept).await {
                        Ok(Ok(Some(turn))) => self = Self { turn, until },
                        Ok(Ok(None)) => return None,
                        // There is time for another word.
                        Ok(Err(_)) | Err(_) => {}
                    }
                    next_word = Instant::now() + KEPT_EVERY;
                }
                done = going_on => return Some((done, self.turn)),
            }
        }
    }
}

/// Looks, if it is this process's turn, and says when the next look is due.
pub(super) async fn take_turn(machine: &Arc<Machine>) -> Result<()> {
    let now = machine.clock.now();
    let Some(rail) = &machine.cvu else {
        return Ok(());
    };
    let Some(held) = Held::take(machine, now).await? else {
        return Ok(());
    };
    let Some((looked, turn)) = held.during(&machine.store, look(machine, rail)).await else {
        tracing::warn!("the look at the account was broken off: its turn was over");
        return Ok(());
    };
    let next = looked.unwrap_or_else(|error| {
        tracing::error!("the look at the account was left to the next: {error}");
        machine.clock.now() + AFTER_FAILURE
    });
    machine.store.end_watch(WATCH, Some(turn), next).await?;
    machine.wake.notify_one();
    Ok(())
}

async fn look(machine: &Machine, rail: &CvuRail) -> Result<Timestamp> {
    let began = machine.clock.now();
    let watched = machine.store.watched(began).await?;
    let Some(since) = watched.iter().map(|one| one.payable.issued_at).min() else {
        return Ok(began + IDLE);
    };
    let is_whole = match rail.credits(since).await {
        Ok(list) => {
            let is_whole = list.is_whole;
            settle(machine, rail, list, began).await?;
            is_whole
        }
        Err(cause) => {
            metrics::counter!("ventanilla_looks_failed_total").increment(1);
            tracing::warn!("the account's transactions could not be read: {cause}");
            return Ok(machine.clock.now() + AFTER_FAILURE);
        }
    };
    // What was not read may have been a payment; but a list that is never whole must not keep buyers for
    // ever.
    let over_at = if is_whole {
        began
    } else {
        began - matching::GRACE
    };
    end_overdue(machine, over_at).await?;
    let now = machine.clock.now();
    let watched = machine.store.watched(now).await?;
    Ok(watched
        .iter()
        .map(|one| next_look(one, now))
        .min()
        .unwrap_or(now + IDLE))
}

/// When a payable wants the next look.
fn next_look(watched: &Watched, now: Timestamp) -> Timestamp {
    let payable = &watched.payable;
    let age = now.since(payable.issued_at);
    let past = now.since(payable.expires_at);
    let gap = match watched.state {
        S::Issued if age < schedule::minutes(1) => Duration::from_secs(3),
        S::Issued if age < schedule::minutes(5) => Duration::from_secs(5),
        S::Issued => Duration::from_secs(10),
        S::Expired | S::Superseded if past < matching::GRACE => Duration::from_secs(15),
        _ => schedule::minutes(5),
    };
    let next = now + gap;
    if watched.state == S::Issued && payable.expires_at > now {
        next.min(payable.expires_at)
    } else {
        next
    }
}

/// Ends what nobody paid and whose time was over at `over_at`.
async fn end_overdue(machine: &Machine, over_at: Timestamp) -> Result<()> {
    for one in machine.store.watched(over_at).await? {
        if one.state == S::Issued && one.payable.expires_at <= over_at {
            machine
                .apply::<AttemptRow>(&one.payable.attempt_id, |scene, now| {
                    let row = scene.attempt;
                    (row.state == S::Issued).then(|| {
                        let after = row.with(row.course().ended(S::Expired, now));
                        Step::new(after, now, "expired", json!({ "source": "look" })).into()
                    })
                })
                .await?;
        }
    }
    Ok(())
}

/// Settles what the list proves.
async fn settle(
    machine: &Machine,
    rail: &CvuRail,
    list: Transactions,
    began: Timestamp,
) -> Result<()> {
    let _turn = machine.credits_turn.lock().await;
    let now = machine.clock.now();
    let mut watched = machine.store.watched(now).await?;
    let rows = list.credits.into_iter().filter(|credit| credit.income);
    let rows: Vec<(Credit, String)> = rows
        .map(|credit| {
            let fingerprint = credit.fingerprint();
            (credit, fingerprint)
        })
        .collect();
    let this = list.is_whole.then(|| Look {
        began,
        fingerprints: rows.iter().map(|(_, it)| it.clone()).collect(),
    });
    let last = machine.last_look.replace(this);
    let mut incoming: Vec<(Credit, String, Seen)> = rows
        .into_iter()
        .map(|(credit, fingerprint)| {
            let seen = Seen {
                amount: credit.amount,
                within: credited_within(&credit),
                absent_at: last
                    .as_ref()
                    .filter(|look| !look.fingerprints.contains(&fingerprint))
                    .map(|look| look.began),
            };
            (credit, fingerprint, seen)
        })
        .collect();
    incoming.sort_by_key(|(_, _, seen)| seen.within.map(|(earliest, _)| earliest));
    let known = machine.store.credits_since(now - BOTH_WAYS).await?;
    let fingerprints: HashSet<&str> = known.iter().map(|row| row.fingerprint.as_str()).collect();
    // What only a notification told of so far: the list has it too, under no number.
    let mut by_number: Vec<&CreditRow> = known
        .iter()
        .filter(|row| row.fingerprint.starts_with(BY_NUMBER))
        .collect();
    for (row, fingerprint, seen) in incoming {
        if fingerprints.contains(fingerprint.as_str()) {
            continue;
        }
        let payer = Payer {
            cuit: row.cuit,
            account: row.account,
        };
        let mut twin = None;
        for (place, one) in by_number.iter().enumerate() {
            if one.amount == row.amount && machine.may_be_paid_by(one, Some(&payer)).await {
                twin = Some(place);
                break;
            }
        }
        if let Some(place) = twin {
            let twin = by_number.remove(place);
            machine
                .store
                .attach_fingerprint(&twin.id, &fingerprint)
                .await?;
            continue;
        }
        let credit = NewCredit {
            fingerprint,
            cashin_id: None,
            amount: row.amount,
            credited_at: seen.within.map_or(now, |(earliest, _)| earliest),
            seen_at: now,
            payer: Some(payer),
        };
        settle_one(machine, rail, &mut watched, &seen, credit).await?;
    }
    Ok(())
}

async fn settle_one(
    machine: &Machine,
    rail: &CvuRail,
    watched: &mut [Watched],
    seen: &Seen,
    credit: NewCredit,
) -> Result<()> {
    let (why, places) = match matching::find(seen, watched) {
        Match::Nobody => return Ok(()),
        Match::One(place) => {
            let payable = &watched[place].payable;
            machine.credit(payable, &credit).await?;
            if let Some(attempt) = machine.store.attempt(&payable.attempt_id).await? {
                watched[place].state = attempt.state;
            }
            return Ok(());
        }
        Match::Again(place) => ("it may be a second payment of what was paid", vec![place]),
        Match::Several(places) => ("more than one payment waits for this amount", places),
        Match::TooEarly(places) => ("it may have come before it could be paid", places),
        Match::TooLate(places) => ("it came long after it could be paid", places),
        Match::OtherAmount(_) if rail.strangers() == Strangers::Ignore => return Ok(()),
        Match::OtherAmount(places) => (other_amount(credit.amount, watched, &places), places),
    };
    let candidates: Vec<String> = places
        .into_iter()
        .map(|place| watched[place].payable.attempt_id.clone())
        .collect();
    machine.credit_in_doubt(&credit, why, &candidates).await
}

fn other_amount(paid: Money, watched: &[Watched], places: &[usize]) -> &'static str {
    let asked = |place: &usize| watched[*place].payable.total.minor();
    match (
        places.iter().map(asked).min(),
        places.iter().map(asked).max(),
    ) {
        (Some(least), _) if paid.minor() < least => "less was paid than was asked for",
        (_, Some(most)) if paid.minor() > most => "more was paid than was asked for",
        _ => "nobody was asked for this amount",
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use ventanilla_testbed::postgres;

    use super::*;

    #[tokio::test]
    async fn whoever_was_asleep_until_its_turn_was_over_does_nothing_more_in_it() {
        let cluster = postgres::shared().await.unwrap();
        let url = SecretString::from(cluster.create_database().await.unwrap());
        let store = Store::open_postgres(&url, None).await.unwrap();
        let now = Timestamp::from_millis(1_795_000_000_000);
        for (until, expected) in [(Duration::ZERO, false), (TURN, true)] {
            let turn = store.claim_watch(WATCH, now, TURN).await.unwrap().unwrap();
            let until = Instant::now() + until;
            let mut went_on = false;
            let done = Held { turn, until }.during(&store, async { went_on = true });
            assert_eq!(done.await.is_some(), expected);
            assert_eq!(went_on, expected);
            store.end_watch(WATCH, Some(turn), now).await.unwrap();
        }
    }

    #[test]
    fn of_many_who_ask_for_a_look_one_in_each_gap_brings_it_forward() {
        let hurried = Hurried::default();
        let begin = Timestamp::from_millis(1_795_000_000_000);
        let gap = schedule::MIN_GAP;
        let times = [gap / 4, gap / 2, gap, gap + gap / 4, gap * 2, gap * 3];
        assert!(hurried.is_first(begin));
        assert_eq!(
            times.map(|later| hurried.is_first(begin + later)),
            [false, false, false, true, false, true]
        );
    }
}
