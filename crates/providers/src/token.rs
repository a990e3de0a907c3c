//! The access token: one request for it at a time, ahead of its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::moment::{Clock, Moment};
use crate::outcome::{Cause, Outcome};

/// An access token as the provider gave it.
pub(crate) struct Fresh {
    pub secret: SecretString,
    /// When it ends, if the provider says so readably.
    pub expires_at: Option<Moment>,
}

/// No access token: whatever needed it was not sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoToken {
    /// The provider does not take our credentials.
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

/// An access token in use.
#[derive(Clone)]
pub(crate) struct Token {
    pub secret: SecretString,
    /// Counts the tokens of this client, so that one that was refused is told from its successor.
    number: u64,
    obtained_at: Moment,
    use_until: Moment,
    ends_at: Moment,
}

/// How long a token is believed to live, and until when it is used.
#[derive(Clone, Copy)]
pub(crate) enum Renewal {
    /// A day at most; renewed so long before its end, and never in the first half of its life.
    Ahead(Duration),
    /// Thirty days at most; renewed when four fifths of its life are over.
    FourFifths,
}

/// The one access token that all calls share.
pub(crate) struct Tokens {
    clock: Clock,
    renewal: Renewal,
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
    pub(crate) fn new(clock: Clock, renewal: Renewal) -> Self {
        Self {
            clock,
            renewal,
            held: Mutex::default(),
            ended: AtomicU64::new(0),
        }
    }

    /// A token to use; `ask` is run when there is none. With `refused`, not that one.
    ///
    /// Callers that come while another's request is on its way share its end, also when it fails: fifty
    /// buyers are no reason to try a wrong password fifty times.
    pub(crate) async fn get(
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
                Ok(held.keep(fresh, now, self.renewal))
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
                    token.use_until = token.ends_at.min(now.plus(REST));
                    held.token = Some(token.clone());
                    return Ok(token);
                }
                Err(failure)
            }
        }
    }

    /// The provider did not take `token`: the next call asks for another.
    pub(crate) async fn forget(&self, token: &Token) {
        let mut held = self.held.lock().await;
        if held.usable(Some(token)).is_none() {
            held.token = None;
        }
    }

    /// The provider answered a call with an error. It has no codes, so the reason may be a token that is
    /// no longer taken; one that is not new is not used again.
    pub(crate) async fn doubt(&self, token: &Token) {
        if (self.clock)() >= token.obtained_at.plus(NEW) {
            self.forget(token).await;
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

    fn keep(&mut self, fresh: Fresh, now: Moment, renewal: Renewal) -> Token {
        // An end that is past, missing or far off is believed within bounds: a clock that is wrong, or a
        // unit that was guessed wrong, must neither ask at every call nor never again.
        let longest = match renewal {
            Renewal::Ahead(_) => DAY,
            Renewal::FourFifths => DAY * 30,
        };
        let ends_at = fresh
            .expires_at
            .unwrap_or_else(|| now.plus(LIFE_IF_UNKNOWN))
            .clamp(now.plus(LIFE_MIN), now.plus(longest));
        let life = ends_at.unix_secs() - now.unix_secs();
        let after =
            |secs: i64| now.plus(Duration::from_secs(u64::try_from(secs).unwrap_or_default()));
        let use_until = match renewal {
            Renewal::Ahead(ahead) => ends_at.minus(ahead).max(after(life / 2)),
            Renewal::FourFifths => after(life * 4 / 5),
        };
        self.count += 1;
        let token = Token {
            secret: fresh.secret,
            number: self.count,
            obtained_at: now,
            use_until,
            ends_at,
        };
        self.token = Some(token.clone());
        token
    }
}

const LIFE_MIN: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const LIFE_IF_UNKNOWN: Duration = Duration::from_secs(300);
/// How long a token counts as new, see [`Tokens::doubt`].
const NEW: Duration = Duration::from_secs(60);
/// How long a token that could not be renewed ahead is used before the next try.
const REST: Duration = Duration::from_secs(10);
