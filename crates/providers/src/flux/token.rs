//! The access token: one request for it at a time, ahead of its end.

use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use tokio::sync::Mutex;

use super::config::Clock;
use crate::outcome::{Cause, Outcome};

/// An access token as Flux gave it.
pub(super) struct Fresh {
    pub secret: SecretString,
    /// `expiresIn`, if it can be read.
    pub expires_in: Option<u64>,
}

/// No access token: whatever needed it was not sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoToken {
    /// Flux does not take our refresh token.
    Rejected(Cause),
    /// Anything else.
    NotSent(Cause),
}

impl<T> From<NoToken> for Outcome<T> {
    fn from(failure: NoToken) -> Self {
        match failure {
            NoToken::Rejected(cause) => Self::Rejected(cause),
            NoToken::NotSent(cause) => Self::NotSent(cause),
        }
    }
}

/// An access token in use. Moments are seconds since the epoch.
#[derive(Clone)]
pub(super) struct Token {
    pub secret: SecretString,
    /// Counts the tokens of this client, so that one that was refused is told from its successor.
    number: u64,
    use_until: i64,
    ends_at: i64,
}

/// The one access token that all calls share.
pub(super) struct Tokens {
    clock: Clock,
    /// Locked while a token is asked for: whoever needs one waits for that request.
    held: Mutex<Held>,
    /// How many requests for a token have ended.
    ended: AtomicU64,
}

#[derive(Default)]
struct Held {
    token: Option<Token>,
    failure: Option<NoToken>,
    count: u64,
}

impl Tokens {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            held: Mutex::default(),
            ended: AtomicU64::new(0),
        }
    }

    /// A token to use; `ask` is run when there is none. With `refused`, not that one.
    ///
    /// Callers that come while another's request is on its way share its end, also when it fails: fifty
    /// buyers are no reason to show a refused refresh token fifty times.
    pub(super) async fn get(
        &self,
        refused: Option<&Token>,
        ask: impl Future<Output = Result<Fresh, NoToken>>,
    ) -> Result<Token, NoToken> {
        let ended_before = self.ended.load(Ordering::Acquire);
        let mut held = self.held.lock().await;
        let now = (self.clock)();
        let usable = held.usable(refused);
        if let Some(token) = usable.filter(|token| now < token.use_until) {
            return Ok(token.clone());
        }
        if self.ended.load(Ordering::Acquire) != ended_before
            && let Some(failure) = held.failure
        {
            return Err(failure);
        }
        let asked = ask.await;
        // Not when this future is dropped above: the next in the queue then asks for itself.
        self.ended.fetch_add(1, Ordering::AcqRel);
        let now = (self.clock)();
        match asked {
            Ok(fresh) => {
                held.failure = None;
                Ok(held.keep(fresh, now))
            }
            Err(failure) => {
                held.failure = Some(failure);
                // What was to be renewed ahead is still good. Rest before the next try: each caller
                // would wait for one.
                if let NoToken::NotSent(_) = failure
                    && let Some(token) = held.usable(refused)
                    && now < token.ends_at
                {
                    let mut token = token.clone();
                    token.use_until = token.ends_at.min(now + REST);
                    held.token = Some(token.clone());
                    return Ok(token);
                }
                Err(failure)
            }
        }
    }

    /// Flux did not take `token`: the next call asks for another.
    pub(super) async fn forget(&self, token: &Token) {
        let mut held = self.held.lock().await;
        if held.usable(Some(token)).is_none() {
            held.token = None;
        }
    }
}

impl Held {
    /// The token, unless it is `refused` or older.
    fn usable(&self, refused: Option<&Token>) -> Option<&Token> {
        self.token
            .as_ref()
            .filter(|token| refused.is_none_or(|refused| token.number > refused.number))
    }

    fn keep(&mut self, fresh: Fresh, now: i64) -> Token {
        let life = fresh
            .expires_in
            .map_or(LIFE_IF_UNKNOWN, |expires_in| life(expires_in, now));
        // Believed within bounds: a clock that is wrong, or a unit that was guessed wrong, must neither
        // ask at every call nor never again.
        let life = life.clamp(LIFE_MIN, LIFE_MAX);
        self.count += 1;
        let token = Token {
            secret: fresh.secret,
            number: self.count,
            use_until: now + life * 4 / 5,
            ends_at: now + life,
        };
        self.token = Some(token.clone());
        token
    }
}

/// The seconds that a token has left. `expiresIn` has no unit: within a year of now it is a moment, in
/// seconds or milliseconds since the epoch; else a life, in seconds up to thirty days, above in milliseconds.
fn life(expires_in: u64, now: i64) -> i64 {
    let number = i64::try_from(expires_in).unwrap_or(i64::MAX);
    for moment in [number, number / 1000] {
        let left = moment.saturating_sub(now);
        if left.abs() <= YEAR {
            return left;
        }
    }
    if number <= LIFE_MAX {
        number
    } else {
        number / 1000
    }
}

const YEAR: i64 = 365 * 86_400;
const LIFE_MIN: i64 = 60;
const LIFE_MAX: i64 = 30 * 86_400;
const LIFE_IF_UNKNOWN: i64 = 300;
/// How long a token that could not be renewed ahead is used before the next try.
const REST: i64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_197_600;

    #[test]
    fn a_number_without_a_unit_is_a_moment_within_a_year_of_now_and_else_a_life() {
        for (expires_in, left) in [
            (1_795_219_200, 21_600),
            (1_795_219_200_000, 21_600),
            (1_795_219_200_999, 21_600),
            (1_795_197_600, 0),
            (1_795_100_000, -97_600),
            (1_826_733_600, YEAR),
            (0, 0),
            (3_600, 3_600),
            (2_592_000, 2_592_000),
            (2_592_001, 2_592),
            (3_600_000, 3_600),
            (604_800_000, 604_800),
            // More than a year from now in either unit: a life, and far above any bound.
            (1_826_733_601, 1_826_733),
            (u64::MAX, i64::MAX / 1000),
        ] {
            assert_eq!(life(expires_in, NOW), left, "{expires_in}");
        }
    }
}
