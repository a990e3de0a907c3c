//! Lets a provider rest that does not answer: while it does not, nothing new is begun with it.
//!
//! Counted are calls that open orders or move money; a decline is an answer like any other. What
//! closes a breaker again is a read, never a payment.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::{Cause, Outcome};

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::rails::Host;

/// So many calls in a row without an answer open a breaker.
const IN_A_ROW: u8 = 5;
/// So many calls are looked back upon; more than half of them without an answer open it too.
const WINDOW: usize = 20;
/// From opening to the first probe; twice as long after each probe that failed.
const PAUSE: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_secs(120);

/// The breaker of one host. Pure: `now` is a moment of a clock that never jumps.
#[derive(Debug)]
struct Breaker {
    /// Whether each of the last calls was answered.
    recent: VecDeque<bool>,
    lost_in_a_row: u8,
    open: Option<Open>,
    /// How long it rests when it opens.
    pause: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    probe_at: Duration,
    probing: bool,
}

impl Breaker {
    const fn new() -> Self {
        Self {
            recent: VecDeque::new(),
            lost_in_a_row: 0,
            open: None,
            pause: PAUSE,
        }
    }

    /// A call ended, answered or not. `real` turns a duration of the world into one of `now`.
    fn note(&mut self, answered: bool, now: Duration, real: impl Fn(Duration) -> Duration) {
        if self.open.is_some() {
            // Begun before it opened. The probe decides.
            return;
        }
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(answered);
        if answered {
            self.lost_in_a_row = 0;
            self.pause = PAUSE;
        } else {
            self.lost_in_a_row = self.lost_in_a_row.saturating_add(1);
        }
        let lost = self.recent.iter().filter(|answered| !**answered).count();
        let mostly_lost = self.recent.len() == WINDOW && lost > WINDOW / 2;
        if self.lost_in_a_row >= IN_A_ROW || mostly_lost {
            self.rest(now, real);
        }
    }

    /// Whether a probe is due; whoever is told so makes it.
    fn take_probe(&mut self, now: Duration) -> bool {
        match &mut self.open {
            Some(open) if !open.probing && open.probe_at <= now => {
                open.probing = true;
                true
            }
            _ => false,
        }
    }

    fn probed(&mut self, answered: bool, now: Duration, real: impl Fn(Duration) -> Duration) {
        if self.open.is_none() {
            return;
        }
        if !answered {
            self.rest(now, real);
            return;
        }
        self.open = None;
        self.recent.clear();
        // A read proves less than a payment would: the next call without an answer opens it again.
        self.lost_in_a_row = IN_A_ROW - 1;
    }

    fn rest(&mut self, now: Duration, real: impl Fn(Duration) -> Duration) {
        self.open = Some(Open {
            probe_at: now + real(self.pause),
            probing: false,
        });
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    /// How long until the next probe; none while it is closed.
    fn rests_for(&self, now: Duration) -> Option<Duration> {
        self.open.map(|open| open.probe_at.saturating_sub(now))
    }
}

/// The breakers of every host. In memory only: another process finds out for itself.
pub struct Breakers {
    clock: SharedClock,
    hosts: [Mutex<Breaker>; Host::ALL.len()],
}

impl Breakers {
    /// All closed.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        let breakers = Self {
            clock,
            hosts: Host::ALL.map(|_| Mutex::new(Breaker::new())),
        };
        for host in Host::ALL {
            breakers.show(host, &breakers.lock(host));
        }
        breakers
    }

    /// Notes how a call to `host` ended that opened an order or moved money.
    pub fn note<T>(&self, host: Host, outcome: &Outcome<T>) {
        let Some(answered) = is_answer(outcome) else {
            return;
        };
        let mut breaker = self.lock(host);
        let before = breaker.open.is_some();
        breaker.note(answered, self.clock.monotonic(), |time| {
            self.clock.real(time)
        });
        if breaker.open.is_some() != before {
            tracing::error!(
                provider.host = host.name(),
                "{} does not answer: nothing new is begun with it",
                host.name()
            );
        }
        self.show(host, &breaker);
    }

    /// Nothing new may be begun that needs a host that does not answer.
    ///
    /// # Errors
    ///
    /// `provider-unavailable`, saying when it is worth trying again.
    pub fn refuse_if_open(&self, hosts: &[Host]) -> Result<()> {
        match self.rest_of(hosts) {
            Some(rest) => {
                // In the world's seconds, which are a caller's.
                let speed = self.clock.real(Duration::from_secs(1)).as_secs().max(1);
                let secs = u32::try_from(rest.as_secs() / speed).unwrap_or(u32::MAX);
                Err(Error::new(ProblemCode::ProviderUnavailable).retry_after(secs.max(1)))
            }
            None => Ok(()),
        }
    }

    /// How long until the last of `hosts` is probed; none when no breaker of theirs is open.
    pub(super) fn rest_of(&self, hosts: &[Host]) -> Option<Duration> {
        let now = self.clock.monotonic();
        hosts
            .iter()
            .filter_map(|host| self.lock(*host).rests_for(now))
            .max()
    }

    pub(super) fn is_any_open(&self) -> bool {
        self.rest_of(&Host::ALL).is_some()
    }

    /// How long until a probe is due.
    pub(super) fn next_probe(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        let waiting = |host| {
            let breaker = self.lock(host);
            let probing = breaker.open.is_some_and(|open| open.probing);
            breaker.rests_for(now).filter(|_| !probing)
        };
        Host::ALL.into_iter().filter_map(waiting).min()
    }

    /// The hosts to probe now, each told to one caller.
    pub(super) fn take_probes(&self) -> Vec<Host> {
        let now = self.clock.monotonic();
        Host::ALL
            .into_iter()
            .filter(|host| self.lock(*host).take_probe(now))
            .collect()
    }

    pub(super) fn probed(&self, host: Host, answered: bool) {
        let mut breaker = self.lock(host);
        breaker.probed(answered, self.clock.monotonic(), |time| {
            self.clock.real(time)
        });
        if breaker.open.is_none() {
            tracing::info!(provider.host = host.name(), "{} answers again", host.name());
        }
        self.show(host, &breaker);
    }

    fn show(&self, host: Host, breaker: &Breaker) {
        metrics::gauge!("ventanilla_breaker_state", "host" => host.name())
            .set(u8::from(breaker.open.is_some()));
    }

    fn lock(&self, host: Host) -> MutexGuard<'_, Breaker> {
        // Nothing under this lock can be left half-done.
        self.hosts[host as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the host answered; none when the outcome says nothing about it.
fn is_answer<T>(outcome: &Outcome<T>) -> Option<bool> {
    match outcome {
        // The second and third: where an access token is fetched first, and did not come.
        Outcome::NotSent(Cause::Connect | Cause::Timeout | Cause::HttpStatus(_)) => Some(false),
        // Ours, and no call at all.
        Outcome::NotSent(_) => None,
        Outcome::Unknown(
            Cause::Timeout | Cause::ConnectionLost | Cause::HttpStatus(_) | Cause::ContentType,
        ) => Some(false),
        Outcome::Unknown(_) | Outcome::Rejected(_) | Outcome::Definite(_) => Some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn note(breaker: &mut Breaker, answered: bool, now: u64) {
        breaker.note(answered, at(now), |time| time);
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..IN_A_ROW {
            note(&mut breaker, false, 0);
        }
        breaker
    }

    #[test]
    fn five_calls_in_a_row_without_an_answer_open_it_and_four_do_not() {
        let mut breaker = Breaker::new();
        for _ in 0..3 {
            for _ in 0..4 {
                note(&mut breaker, false, 0);
            }
            assert!(breaker.open.is_none());
            note(&mut breaker, true, 0);
            breaker.recent.clear();
        }
        assert_eq!(opened().rests_for(at(0)), Some(PAUSE));
    }

    #[test]
    fn more_than_half_of_the_last_twenty_without_an_answer_open_it() {
        let pattern = [false, true];
        let mut breaker = Breaker::new();
        for index in 0..40 {
            note(&mut breaker, pattern[index % 2], 0);
            assert!(breaker.open.is_none(), "half of them, after {index}");
        }
        note(&mut breaker, false, 0);
        assert!(breaker.open.is_none(), "the oldest of them was one too");
        note(&mut breaker, false, 0);
        assert!(breaker.open.is_some());
    }

    #[test]
    fn half_of_a_few_calls_prove_nothing() {
        let mut breaker = Breaker::new();
        for answered in [false, false, true, false, false, true, false, false] {
            note(&mut breaker, answered, 0);
        }
        assert!(breaker.open.is_none());
    }

    #[test]
    fn one_probe_at_a_time_later_and_later_and_the_first_that_is_answered_closes_it() {
        let mut breaker = opened();
        let mut now = 0;
        for pause in [10, 20, 40, 80, 120, 120] {
            assert!(!breaker.take_probe(at(now + pause - 1)));
            now += pause;
            assert!(breaker.take_probe(at(now)));
            assert!(!breaker.take_probe(at(now)), "one at a time");
            breaker.probed(false, at(now), |time| time);
            assert!(breaker.open.is_some());
        }
        now += 120;
        assert!(breaker.take_probe(at(now)));
        breaker.probed(true, at(now), |time| time);
        assert!(breaker.open.is_none());
    }

    #[test]
    fn after_a_probe_one_call_without_an_answer_opens_it_again_for_longer() {
        let mut breaker = opened();
        assert!(breaker.take_probe(at(10)));
        breaker.probed(true, at(10), |time| time);
        note(&mut breaker, false, 11);
        assert_eq!(breaker.rests_for(at(11)), Some(at(20)));

        assert!(breaker.take_probe(at(31)));
        breaker.probed(true, at(31), |time| time);
        note(&mut breaker, true, 32);
        note(&mut breaker, false, 33);
        assert!(breaker.open.is_none(), "an answer made up for it");
        for _ in 1..IN_A_ROW {
            note(&mut breaker, false, 34);
        }
        assert_eq!(breaker.rests_for(at(34)), Some(PAUSE));
    }

    #[test]
    fn what_was_begun_before_it_opened_neither_closes_nor_prolongs_it() {
        let mut breaker = opened();
        note(&mut breaker, true, 5);
        note(&mut breaker, false, 6);
        assert_eq!(breaker.rests_for(at(6)), Some(at(4)));
    }

    #[test]
    fn what_needs_a_host_that_rests_is_refused_with_the_time_to_come_back() {
        use axum::response::IntoResponse as _;
        let clock = std::sync::Arc::new(crate::testing::HandClock::default());
        let breakers = Breakers::new(clock.clone());
        let (rests, other) = (Host::GreenpayCheckout, Host::GreenpayMerchant);
        for _ in 0..IN_A_ROW {
            assert!(breakers.refuse_if_open(&Host::ALL).is_ok());
            breakers.note::<()>(rests, &Outcome::Unknown(Cause::Timeout));
        }
        clock.advance(at(3));
        let refused = breakers.refuse_if_open(&[other, rests]).unwrap_err();
        assert_eq!(refused.code(), ProblemCode::ProviderUnavailable);
        assert_eq!(refused.into_response().headers()["retry-after"], "7");
        assert!(breakers.refuse_if_open(&[other]).is_ok());

        assert_eq!(breakers.next_probe(), Some(at(7)));
        assert!(breakers.take_probes().is_empty());
        clock.advance(at(7));
        assert_eq!(breakers.take_probes(), [rests]);
        assert_eq!(breakers.next_probe(), None, "while it is being probed");
        breakers.probed(rests, true);
        assert!(breakers.refuse_if_open(&[rests]).is_ok());
        assert!(!breakers.is_any_open());
    }

    #[test]
    fn a_decline_a_refusal_and_an_answer_that_cannot_be_believed_are_answers() {
        for (outcome, expected) in [
            (Outcome::Definite(()), Some(true)),
            (Outcome::Rejected(Cause::Credentials), Some(true)),
            (Outcome::Unknown(Cause::Signature), Some(true)),
            (Outcome::Unknown(Cause::Amount), Some(true)),
            (Outcome::Unknown(Cause::Timeout), Some(false)),
            (Outcome::Unknown(Cause::ConnectionLost), Some(false)),
            (Outcome::Unknown(Cause::HttpStatus(504)), Some(false)),
            (Outcome::Unknown(Cause::ContentType), Some(false)),
            (Outcome::NotSent(Cause::Connect), Some(false)),
            (Outcome::NotSent(Cause::Request("reference")), None),
        ] {
            assert_eq!(is_answer(&outcome), expected, "{outcome:?}");
        }
    }
}
