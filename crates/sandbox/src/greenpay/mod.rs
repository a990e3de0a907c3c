//! GreenPay (Costa Rica), generation V1.
//!
//! Written on 2026-11-20 from the official collection "GreenPay API Services", the V1 articles of
//! GreenPay's help centre, and what its public clients do. The samples in `tests/fixtures/greenpay` are
//! what this is held against.
//!
//! - **Hosts**: merchant (`secret` and `merchantId` in the body) and checkout (`liszt-token` header).
//!   Every operation is a POST of JSON.
//! - **Amounts**: JSON numbers in whole units, except `transactions/get`, which answers text with two
//!   decimals.
//! - **Time-outs**: `session` and `token` of an order live 30 minutes.
//! - **Idempotency**: none. `orderReference` is the only handle; whether the provider refuses one that it
//!   has seen is not documented, so it is taken again here unless told otherwise.
//! - **Status**: the HTTP status is not the outcome. See [`answer`].
//!
//! Known quirks, all kept: HTTP 200 around body `status` 500 and `code` 404; HTTP 400 with a bare array of
//! schema violations; `status` is a number, or `SUCCESS`, `FAIL`, `DELETED`; a date without a zone;
//! `orderId` is the `orderReference`; amount and currency are not signed; a decline is not signed at all;
//! `transactions/get` needs no secret and knows approved debits only.
//!
//! Where the documents are silent, and what is done here: a decline comes with HTTP 200 (adjustable); a
//! token payment answers as a card payment; `getToken` answers with the fields of `tokenize`; a session
//! is used up when the bank is asked, not before; installments that the order does not offer are refused;
//! after a void, a capture or a refund `transactions/get` says `voided`, `captured` or `refunded`, which
//! are made-up words. See also [`changes`] and [`notice`].

pub(crate) mod answer;
mod bank;
mod call;
mod changes;
mod checkout;
mod merchant;
pub(crate) mod notice;
mod payments;
mod schema;
mod unseal;
mod wire;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rsa::RsaPrivateKey;
use rsa::sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::amount::Amount;
use crate::cards::Outcome;
use crate::clock::{Clock, Moment};
use crate::fault::{Fate, FaultPlan, Kind};
use crate::ledger::Ledger;
use crate::notify::Notifications;
use crate::random::Sequence;
use crate::{Credentials, RepeatedReference};

use payments::Payments;

pub(crate) use checkout::router as checkout_router;
pub(crate) use merchant::router as merchant_router;

/// How long `session` and `token` live, by the help centre.
pub(crate) const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Everything both hosts share.
pub(crate) struct GreenPay {
    pub(crate) credentials: Credentials,
    pub(crate) repeated_reference: RepeatedReference,
    pub(crate) decline_status: u16,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
    pub(crate) key: RsaPrivateKey,
    pub(crate) stop: watch::Receiver<bool>,
    /// How notifications are sent until told otherwise.
    notifications: Notifications,
    /// Counts how often everything was forgotten.
    life: AtomicU64,
    state: Mutex<State>,
}

/// What changes.
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) faults: FaultPlan,
    pub(crate) notifications: Notifications,
    payments: Payments,
    sessions: HashMap<String, Session>,
    card_tokens: HashMap<String, StoredCard>,
    sequence: Sequence,
    trace_number: u32,
}

/// What `session` and `token` of an order stand for.
#[derive(Clone)]
struct Session {
    token: String,
    expires: Moment,
    /// Used up, or ended by hand.
    ended: bool,
    purpose: Purpose,
}

#[derive(Clone)]
enum Purpose {
    Payment(Arc<Order>),
    CardToken {
        request_id: String,
        callback: Option<String>,
    },
}

/// A payment order, also the one inside a token payment.
struct Order {
    reference: String,
    amount: Amount,
    currency: String,
    description: String,
    callback: Option<String>,
    installments_offered: Vec<String>,
}

/// What is kept of a card: nothing that could pay elsewhere.
#[derive(Clone)]
struct StoredCard {
    bin: String,
    last4: String,
    brand: &'static str,
    /// `YYMM`.
    expiry: String,
    nickname: Option<String>,
    outcome: Outcome,
    khash: String,
}

impl GreenPay {
    pub(crate) fn new(
        options: crate::SandboxOptions,
        key: RsaPrivateKey,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            credentials: options.credentials,
            repeated_reference: options.repeated_reference,
            decline_status: options.decline_status,
            clock: Clock::new(options.speed, options.clock_anchor),
            seed: options.seed,
            key,
            stop,
            state: Mutex::new(State::new(options.seed, options.notifications.clone())),
            notifications: options.notifications,
            life: AtomicU64::new(0),
        })
    }

    /// The state. A panic elsewhere must not silence the ledger, so a poisoned lock is opened all the
    /// same.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything: ledger, sessions, card tokens, faults, what was still to be executed or
    /// posted, and how far the clock was moved on.
    pub(crate) fn reset(&self) {
        {
            let mut state = self.state();
            *state = State::new(self.seed, self.notifications.clone());
            self.life.fetch_add(1, Ordering::Release);
        }
        self.clock.forget_moves();
    }

    /// Which life this is: another after everything was forgotten.
    fn life(&self) -> u64 {
        self.life.load(Ordering::Acquire)
    }

    /// `_signature`: RSASSA-PKCS1-v1_5 with SHA-256, in lower-case hex.
    fn sign(&self, text: &str) -> String {
        let digest = Sha256::digest(text.as_bytes());
        self.key
            .sign(rsa::Pkcs1v15Sign::new::<Sha256>(), &digest)
            .map(hex::encode)
            .expect("a key of 1024 bits or more has room for a SHA-256 signature")
    }
}

impl State {
    fn new(seed: u64, notifications: Notifications) -> Self {
        Self {
            ledger: Ledger::default(),
            faults: FaultPlan::default(),
            notifications,
            payments: Payments::default(),
            sessions: HashMap::new(),
            card_tokens: HashMap::new(),
            sequence: Sequence::new(seed),
            trace_number: 0,
        }
    }

    /// Opens a session; gives `session` and `token`.
    fn open_session(
        &mut self,
        purpose: Purpose,
        now: Moment,
        lifetime: Duration,
    ) -> (String, String) {
        let session = self.sequence.uuid();
        let token = self.sequence.uuid();
        self.sessions.insert(
            session.clone(),
            Session {
                token: token.clone(),
                expires: now.plus(lifetime),
                ended: false,
                purpose,
            },
        );
        (session, token)
    }

    /// The session, unless it is unknown, used up or too old.
    fn live_session(&self, id: &str, now: Moment, fate: Fate) -> Option<&Session> {
        self.sessions.get(id).filter(|session| {
            !session.ended && (session.expires > now || fate.is(Kind::LateBeyondFence))
        })
    }

    fn end_session(&mut self, id: &str) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.ended = true;
        }
    }

    /// Ends every open session.
    pub(crate) fn end_sessions(&mut self) {
        for session in self.sessions.values_mut() {
            session.ended = true;
        }
    }
}
