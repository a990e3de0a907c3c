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
//! are made-up words. See also [`changes`], [`bulk`],
//! [`subscriptions`] and [`notice`].

pub(crate) mod answer;
mod bank;
mod bulk;
mod call;
mod changes;
mod checkout;
mod merchant;
pub(crate) mod notice;
mod payments;
mod schema;
mod subscriptions;
mod unseal;

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use rsa::RsaPrivateKey;
use rsa::sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::amount::Amount;
use crate::cards::Outcome;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::random::Sequence;
use crate::world::{State, World};
use crate::{Credentials, RepeatedReference};

use payments::Payments;
use subscriptions::Subscriptions;

pub(crate) use checkout::router as checkout_router;
pub(crate) use merchant::router as merchant_router;

/// How long `session` and `token` live, by the help centre.
pub(crate) const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Everything both hosts share.
pub(crate) struct GreenPay {
    pub(crate) world: Arc<World>,
    pub(crate) credentials: Credentials,
    pub(crate) repeated_reference: RepeatedReference,
    pub(crate) decline_status: u16,
    pub(crate) key: RsaPrivateKey,
    /// Wakes what charges subscriptions when one may be due sooner.
    something_is_due: Notify,
}

/// What the provider remembers beside the ledger.
pub(crate) struct Memory {
    payments: Payments,
    sessions: HashMap<String, Session>,
    card_tokens: HashMap<String, StoredCard>,
    subscriptions: Subscriptions,
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
        world: Arc<World>,
    ) -> Arc<Self> {
        Arc::new(Self {
            world,
            credentials: options.credentials,
            repeated_reference: options.repeated_reference,
            decline_status: options.decline_status,
            key,
            something_is_due: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.world.state()
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

impl Memory {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            payments: Payments::default(),
            sessions: HashMap::new(),
            card_tokens: HashMap::new(),
            subscriptions: Subscriptions::default(),
            sequence: Sequence::new(seed),
            trace_number: 0,
        }
    }
}

impl State {
    /// Opens a session; gives `session` and `token`.
    fn open_session(
        &mut self,
        purpose: Purpose,
        now: Moment,
        lifetime: Duration,
    ) -> (String, String) {
        let session = self.greenpay.sequence.uuid();
        let token = self.greenpay.sequence.uuid();
        self.greenpay.sessions.insert(
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
        self.greenpay.sessions.get(id).filter(|session| {
            !session.ended && (session.expires > now || fate.is(Kind::LateBeyondFence))
        })
    }

    fn end_session(&mut self, id: &str) {
        if let Some(session) = self.greenpay.sessions.get_mut(id) {
            session.ended = true;
        }
    }

    /// Ends every open session.
    pub(crate) fn end_sessions(&mut self) {
        for session in self.greenpay.sessions.values_mut() {
            session.ended = true;
        }
    }
}
