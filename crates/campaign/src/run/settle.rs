//! The end of a campaign: faults off, everybody alive, and time for what is in doubt.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::operation::OperationKind;
use ventanilla_core::session::SessionState;

use super::wallet::IN_TIME;
use super::{Field, Screen, errands};
use crate::clock::{ScaledClock, parse_ms};
use crate::failure::{Result, Tried as _};
use crate::harness::receiver::Deliveries;
use crate::harness::sandbox::Ledger;
use crate::harness::shop::{Attempt, Credit, CreditState, Operation, Session};
use crate::random::Dice;
use crate::verdict::{Evidence, Verdict, compare, judge_errands, without_errands};

/// What everybody knows in the end.
pub(super) struct Settled {
    pub ledger: Ledger,
    pub deliveries: Deliveries,
    pub verdict: Verdict,
    /// The schedule had run its course and something was still not settled.
    pub gave_up: bool,
}

pub(super) async fn settle(field: &Arc<Field>, screen: &mut Screen) -> Result<Settled> {
    make_peace(field).await?;
    let mut clock = field.clock;
    let mut waiting = VecDeque::from(field.book.sessions());
    let mut sessions: HashMap<String, Session> = HashMap::new();
    let mut gave_up = true;
    for round in ROUNDS {
        if !round.leap.is_zero() {
            leap(field, &mut clock, round.leap, screen).await?;
        }
        if round.somebody_looks {
            let stuck = waiting.iter().filter_map(|id| sessions.get(id));
            for id in stuck.flat_map(stuck_in) {
                field.shop.read_now(id).await;
            }
        }
        if rest(field, &mut waiting, &mut sessions, &round, screen).await? {
            gave_up = false;
            break;
        }
    }
    let errands = errands::settle(field).await?;
    let ledger = await_credits(field, &mut clock, screen).await?;
    let of_checkouts = without_errands(&ledger);
    let mut in_review = field.shop.credits_in_review().await?;
    look_at_credits(field, &in_review, &sessions, screen).await?;
    let by_wallet: Vec<String> = sessions
        .values()
        .filter(|session| session.total.currency() == Currency::ARS)
        .map(|session| session.id.clone())
        .collect();
    screen.waiting("asking the shop", field, by_wallet.len());
    for session in read_all(field, &by_wallet).await? {
        sessions.insert(session.id.clone(), session);
    }
    let settled = field.book.settled_by_hand();
    let by_hand = settled.iter().map(|credit| credit.id.clone()).collect();
    in_review.extend(settled);
    let mut sessions: Vec<Session> = sessions.into_values().collect();
    sessions.sort_by(|a, b| a.id.cmp(&b.id));
    let doubted = field.book.doubted();
    let deadline = Instant::now() + TOLD_WITHIN;
    loop {
        let deliveries = field.receiver.deliveries();
        let mut verdict = compare(&Evidence {
            sessions: &sessions,
            ledger: &of_checkouts,
            deliveries: Some(&deliveries),
            doubted: &doubted,
            credits: &in_review,
            by_hand: &by_hand,
            in_time: IN_TIME,
        });
        judge_errands(&errands, &ledger, Some(&deliveries), &mut verdict);
        if verdict.untold.is_empty() || Instant::now() > deadline {
            return Ok(Settled {
                ledger,
                deliveries,
                verdict,
                gave_up,
            });
        }
        screen.waiting("being told", field, verdict.untold.len());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Reads the sessions of `waiting`, some at a time, until they rest, or nothing has changed for so long that
/// nothing will for a while. Whether all rest.
async fn rest(
    field: &Arc<Field>,
    waiting: &mut VecDeque<String>,
    sessions: &mut HashMap<String, Session>,
    round: &Round,
    screen: &mut Screen,
) -> Result<bool> {
    let mut changed_at = Instant::now();
    // So many in a row had not changed.
    let mut unchanged = 0;
    let mut unread = waiting.len();
    loop {
        let turn: Vec<String> = waiting.drain(..waiting.len().min(A_TURN)).collect();
        unread = unread.saturating_sub(turn.len());
        for session in read_all(field, &turn).await? {
            if is_torn(&session) {
                field
                    .book
                    .note_surprise("a session and its attempts were not of one moment".to_owned());
            }
            if !round.rests(&session) {
                waiting.push_back(session.id.clone());
            }
            unchanged += 1;
            let before = sessions.get(&session.id);
            if before.is_none_or(|before| !states(before).eq(states(&session))) {
                changed_at = Instant::now();
                unchanged = 0;
            }
            sessions.insert(session.id.clone(), session);
        }
        if waiting.is_empty() {
            return Ok(true);
        }
        // A clock that runs no faster than real time does not leap.
        let is_fast = field.clock.speed() > 1;
        let quiet = if is_fast { round.quiet } else { LONGEST_WAIT };
        let is_quiet = unchanged >= waiting.len() && changed_at.elapsed() > quiet;
        let only_stuck = unread == 0
            && !round.somebody_looks
            && waiting
                .iter()
                .all(|id| sessions.get(id).is_some_and(is_only_stuck));
        if only_stuck || is_quiet {
            return Ok(false);
        }
        screen.waiting("settling", field, waiting.len());
        // The proxies have better things to do than to answer.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn states(session: &Session) -> impl Iterator<Item = AttemptState> {
    let attempts = session.attempts.iter().map(|attempt| attempt.state);
    attempts.chain(session.operations.iter().map(|operation| operation.state))
}

/// Ends the proxies and starts them again so much later, as far as they and the provider can tell: in between
/// nobody would do anything. A clock that runs no faster than real time is waited for instead.
async fn leap(
    field: &Field,
    clock: &mut ScaledClock,
    by: Duration,
    screen: &mut Screen,
) -> Result<()> {
    if clock.speed() == 1 {
        return Ok(());
    }
    screen.waiting("letting time go by", field, field.proxies.len());
    // Whole seconds, as the provider takes them.
    let by = Duration::from_secs(by.as_secs());
    *clock = clock.ahead(by);
    let mut proxies = Vec::new();
    for proxy in &field.proxies {
        let mut proxy = proxy.lock().await;
        field.meters.read(&proxy).await;
        if !proxy.terminate(ENDS_WITHIN).await?.success() {
            let name = proxy.name();
            let what = format!("{name} did not end well");
            field.book.note_surprise(what);
        }
        field.meters.forget(proxy.name());
        proxies.push(proxy);
    }
    field.sandbox.move_clock(by).await?;
    for proxy in &mut proxies {
        proxy.set_clock(*clock)?;
        proxy.start().await?;
    }
    Ok(())
}

/// Waits until every credit has been in the provider's list, and was looked for there after that.
async fn await_credits(
    field: &Field,
    clock: &mut ScaledClock,
    screen: &mut Screen,
) -> Result<Ledger> {
    loop {
        let ledger = field.sandbox.ledger().await?;
        let credits = ledger.cvu.credits.iter();
        let last = credits
            .filter_map(|credit| parse_ms(&credit.credited_at))
            .max();
        let Some(last) = last else {
            return Ok(ledger);
        };
        let to_come = u64::try_from(last - clock.now_ms()).unwrap_or(0);
        let to_come = Duration::from_millis(to_come);
        if clock.real(to_come) > QUIET {
            leap(field, clock, to_come, screen).await?;
        }
        let looks = ledger.calls.iter().filter(|call| {
            let is_later = parse_ms(&call.at).is_some_and(|at| at > last + LISTED_WITHIN_MS);
            call.operation == "cvu_transactions" && is_later
        });
        // What the first of two found is written by the time of the second.
        if looks.count() > 1 || last + SEEN_WITHIN_MS < clock.now_ms() {
            return Ok(ledger);
        }
        screen.waiting("awaiting credits", field, 1);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Somebody at the shop goes through what is in review: leaves some of it, takes some for what it may be,
/// and has done with the rest.
async fn look_at_credits(
    field: &Arc<Field>,
    in_review: &[Credit],
    sessions: &HashMap<String, Session>,
    screen: &mut Screen,
) -> Result<()> {
    let totals: HashMap<&str, Money> = sessions
        .values()
        .flat_map(|session| &session.attempts)
        .map(|attempt| (attempt.id.as_str(), attempt.total))
        .collect();
    let mut dice = Dice::new(field.dice.of(CLERK).next());
    let mut settling = JoinSet::new();
    for credit in in_review {
        screen.waiting("going through credits", field, in_review.len());
        let is_its = |id: &&String| totals.get(id.as_str()) == Some(&credit.amount);
        let meant = credit.attempts.iter().find(is_its);
        let (state, attempts) = match (dice.below(3), meant) {
            (0, _) => continue,
            (1, Some(meant)) => (CreditState::Matched, vec![meant.clone()]),
            _ => (CreditState::Dismissed, credit.attempts.clone()),
        };
        let settled = Credit {
            state,
            attempts,
            ..credit.clone()
        };
        let (field, meant) = (Arc::clone(field), meant.cloned());
        settling.spawn(async move {
            let meant = meant.filter(|_| settled.state == CreditState::Matched);
            if field
                .shop
                .settle_credit(&settled.id, meant.as_deref())
                .await
            {
                field.book.note_settled(settled);
            }
        });
        if settling.len() >= AT_A_TIME {
            settling.join_next().await;
        }
    }
    while let Some(settled) = settling.join_next().await {
        settled.tried("settle a credit")?;
    }
    Ok(())
}

async fn make_peace(field: &Field) -> Result<()> {
    field.sandbox.clear_faults().await?;
    field.receiver.turn_away(0);
    if let Some(relay) = &field.relay {
        relay.lose_answers(0);
        relay.refuse(false);
        relay.hold(false);
    }
    for proxy in &field.proxies {
        let mut proxy = proxy.lock().await;
        if !proxy.runs() {
            proxy.start().await?;
        }
        proxy.ready(Duration::from_secs(20)).await?;
    }
    Ok(())
}

/// Whether nothing of it gets any further without a person.
fn is_only_stuck(session: &Session) -> bool {
    let unsettled = states(session).filter(|state| !state.is_final()).count();
    !is_torn(session) && unsettled == stuck_in(session).count()
}

/// What only a person gets any further: what is under review, and a capture or refund in doubt.
fn stuck_in(session: &Session) -> impl Iterator<Item = &str> {
    use AttemptState as S;
    let attempts = session
        .attempts
        .iter()
        .filter(|attempt| attempt.state == S::Review)
        .map(|attempt| attempt.id.as_str());
    let operations = session
        .operations
        .iter()
        .filter(|operation| match operation.state {
            S::Review => true,
            S::Unknown => operation.kind != OperationKind::Void,
            _ => false,
        })
        .map(|operation| operation.id.as_str());
    attempts.chain(operations)
}

/// Whether session and attempts were read at two moments, with the payment between them.
fn is_torn(session: &Session) -> bool {
    let succeeded = |attempt: &Attempt| attempt.state == AttemptState::Succeeded;
    (session.state == SessionState::Succeeded) != session.attempts.iter().any(succeeded)
}

async fn read_all(field: &Arc<Field>, ids: &[String]) -> Result<Vec<Session>> {
    let mut sessions = Vec::with_capacity(ids.len());
    let mut reading = JoinSet::new();
    for id in ids {
        let (asking, id) = (Arc::clone(field), id.clone());
        reading.spawn(async move { asking.shop.session(&id).await });
        if reading.len() >= AT_A_TIME
            && let Some(read) = reading.join_next().await
        {
            sessions.push(read.tried("read a session")??);
        }
    }
    while let Some(read) = reading.join_next().await {
        sessions.push(read.tried("read a session")??);
    }
    Ok(sessions)
}

/// What is done in the end, one after the other, until everything rests.
const ROUNDS: [Round; 3] = [
    // Past the 36 minutes at which a doubt ends on time, and past everything that was shown to be paid. What is under
    // way ends before: proxies that are ended wait for it.
    Round::after(45),
    // What met a fault at 36 minutes is read again after an hour; and what only a person gets any further. By then
    // everything in doubt has been read since the faults ended.
    Round {
        somebody_looks: true,
        late: true,
        ..Round::after(75)
    },
    Round {
        late: true,
        quiet: LEFT_BEHIND,
        ..Round::after(75)
    },
];

/// One of them.
struct Round {
    /// So much time goes by before.
    leap: Duration,
    /// Somebody has what is stuck read again.
    somebody_looks: bool,
    /// What no read can settle rests.
    late: bool,
    /// So long nothing changes before nothing will for a while.
    quiet: Duration,
}

impl Round {
    const fn after(minutes: u64) -> Self {
        Self {
            leap: Duration::from_secs(minutes * 60),
            somebody_looks: false,
            late: false,
            quiet: QUIET,
        }
    }

    /// Whether nothing of a session will change by itself soon.
    ///
    /// What is under review waits for a person in the end, but is read again before. A capture or a refund
    /// of which no answer came and which the payment does not show waits for one too: no read proves that it
    /// was never carried out.
    fn rests(&self, session: &Session) -> bool {
        use AttemptState as S;
        let rests = |state: S| state.is_final() || self.late && state == S::Review;
        let is_unprovable = |operation: &Operation| {
            self.late && operation.kind != OperationKind::Void && operation.state == S::Unknown
        };
        !is_torn(session)
            && session.attempts.iter().all(|attempt| rests(attempt.state))
            && session
                .operations
                .iter()
                .all(|operation| rests(operation.state) || is_unprovable(operation))
    }
}

/// On a clock 60 times faster than real time, these are four minutes.
const QUIET: Duration = Duration::from_secs(4);
/// In a store that several may share, what somebody was ended with is lent to him for half a minute of real time.
const LEFT_BEHIND: Duration = Duration::from_secs(35);
const ENDS_WITHIN: Duration = Duration::from_secs(50);
/// A notification may be late by a minute.
const LISTED_WITHIN_MS: i64 = 60 * 1_000;
/// An account is looked at every five minutes when nothing is shown any more; a notification may be late by
/// one, and answers are lost no more.
const SEEN_WITHIN_MS: i64 = 12 * 60 * 1_000;
/// The number of the dice that decide what somebody at the shop makes of a credit.
const CLERK: u64 = u64::MAX - 7;
/// So many sessions are read at a time.
const AT_A_TIME: usize = 16;
/// So many in a quarter of a second.
const A_TURN: usize = 64;
/// Whatever the scaled schedule says, nobody waits longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);
/// The sender's third pause, on a clock 60 times faster, is half a minute.
const TOLD_WITHIN: Duration = Duration::from_secs(120);
