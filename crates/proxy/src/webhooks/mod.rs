//! What the merchant's server is told without asking: webhooks, as Standard Webhooks 1.0 describes them.
//!
//! News is written in the commit that makes it true, and delivered from there until the receiver took
//! it: at least once, in no order that could be relied on. Who receives it drops what it has seen by
//! `webhook-id`, and asks the merchant API where it must be certain.
//!
//! | header | |
//! |---|---|
//! | `webhook-id` | `msg_` and 26 characters; the same in every try |
//! | `webhook-timestamp` | when this try was made, in seconds since the epoch, by the proxy's clock |
//! | `webhook-signature` | `v1,` and base64, for each secret; HMAC-SHA256 over `id.timestamp.body` |
//!
//! The body is the one of [`payload`], byte for byte the same in every try.
//!
//! | the receiver | then |
//! |---|---|
//! | answers 2xx within 15 s | delivered |
//! | answers 410 | it is sent nothing any more, until it is enabled again or the URL changes |
//! | answers 429 or 503 with `Retry-After` | nothing is sent to it before that, up to an hour |
//! | answers anything else, or not in time | tried again; a redirect is not followed |
//!
//! | try | after the one before | | try | after the one before |
//! |---|---|---|---|---|
//! | 2 | 5 s | | 8 | 5 h |
//! | 3 | 30 s | | 9 | 10 h |
//! | 4 | 2 min | | 10 | 14 h |
//! | 5 | 10 min | | 11 | 20 h |
//! | 6 | 30 min | | 12 | 24 h |
//! | 7 | 2 h | | | then it is given up |
//!
//! Each pause is up to a fifth shorter or longer, so that a receiver that comes back is not run over.
//!
//! | question | room |
//! |---|---|
//! | what is in a webhook | [`payload`] |
//! | which addresses may it go to | [`address`], [`receiver`] |
//! | how is it signed | [`signing`] |
//! | what is one try | `send` |
//! | when is the next | `schedule` |
//! | who takes news out of the store | `deliver` |
//!
//! | metric | labels | |
//! |---|---|---|
//! | `ventanilla_webhook_tries_total` | `outcome`: `delivered`, `missed`, `gone` | tries |
//! | `ventanilla_webhooks_given_up_total` | | news that the merchant was not told |
//! | `ventanilla_webhooks_waiting` | | news that is to be delivered |
//! | `ventanilla_oldest_webhook_seconds` | | how long the oldest of it has waited |

pub mod address;
mod deliver;
pub mod payload;
pub mod receiver;
mod schedule;
mod send;
pub mod signing;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use ventanilla_core::problem::ProblemCode;

use crate::clock::{SharedClock, Timestamp};
use crate::error::Result;
use crate::store::Store;
use send::Sender;

pub use receiver::ReceiverUrl;
pub use signing::{SigningSecrets, SigningSecretsError};

/// News that nobody wants is forgotten after so long; what was given up within it can be had again.
const KEPT_FOR: Duration = Duration::from_secs(5 * 24 * 3600);

/// What delivers.
pub struct Webhooks {
    store: Store,
    clock: SharedClock,
    sender: Option<Arc<Sender>>,
    /// The receiver asked to be left alone until then.
    quiet_until: Mutex<Option<Timestamp>>,
    /// When the store last said that the receiver wants news.
    wanted_at: Mutex<Option<Instant>>,
    /// When it was last told how much waits.
    reported: Mutex<Option<Instant>>,
    wake: Notify,
}

/// How it stands with webhooks: the answer of `GET /v1/webhooks`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WebhooksRecord {
    /// Who is told; none when nothing is configured.
    pub receiver: Option<ReceiverRecord>,
    /// How much news is to be delivered.
    pub waiting: u64,
    /// Since when the oldest of it waits, RFC 3339 UTC.
    #[serde(default)]
    pub oldest_waiting_at: Option<String>,
    /// When this proxy tries next, RFC 3339 UTC; none without a receiver, and while all that waits is
    /// under way.
    #[serde(default)]
    pub next_try_at: Option<String>,
}

/// A receiver.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReceiverRecord {
    /// Its URL.
    pub url: String,
    /// Whether it is sent anything.
    pub state: ReceiverState,
    /// Since when it is sent nothing, RFC 3339 UTC.
    #[serde(default)]
    pub disabled_at: Option<String>,
    /// Why it is sent nothing.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Whether a receiver is sent anything.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiverState {
    /// It is.
    Enabled,
    /// It answered 410 and is left alone.
    Disabled,
}

impl Webhooks {
    /// Nothing is sent before [`Webhooks::run`]. Without a receiver, news is forgotten after five days,
    /// so that a later one is not told of weeks gone by.
    ///
    /// # Errors
    ///
    /// When there is no TLS to be had.
    pub fn new(
        store: Store,
        clock: SharedClock,
        receiver: Option<(ReceiverUrl, SigningSecrets)>,
    ) -> Result<Arc<Self>> {
        let sender = receiver
            .map(|(url, secrets)| Sender::new(url, secrets))
            .transpose()?;
        Ok(Arc::new(Self {
            store,
            clock,
            sender: sender.map(Arc::new),
            quiet_until: Mutex::new(None),
            wanted_at: Mutex::new(None),
            reported: Mutex::new(None),
            wake: Notify::new(),
        }))
    }

    /// Delivers until `stop` becomes true, then lets the tries under way end.
    pub async fn run(self: Arc<Self>, stop: tokio::sync::watch::Receiver<bool>) {
        deliver::run(self, stop).await;
    }

    /// How it stands.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn record(&self) -> Result<WebhooksRecord> {
        let receiver = match &self.sender {
            Some(sender) => {
                let url = sender.url().as_str();
                let disabled = self.store.disabled_receiver(url).await?;
                Some(ReceiverRecord {
                    url: url.to_owned(),
                    state: match &disabled {
                        Some(_) => ReceiverState::Disabled,
                        None => ReceiverState::Enabled,
                    },
                    disabled_at: disabled.as_ref().map(|receiver| receiver.since.rfc3339()),
                    reason: disabled.map(|receiver| receiver.reason),
                })
            }
            None => None,
        };
        let waiting = self.store.undelivered().await?;
        let next = match &receiver {
            Some(_) => self.store.next_outbox().await?,
            None => None,
        };
        let quiet_until = self.quiet_until(self.clock.now());
        Ok(WebhooksRecord {
            receiver,
            waiting: waiting.count,
            oldest_waiting_at: waiting.oldest_at.map(Timestamp::rfc3339),
            next_try_at: next.max(next.and(quiet_until)).map(Timestamp::rfc3339),
        })
    }

    /// Sends to the receiver again, and what was given up in the last five days once more.
    ///
    /// # Errors
    ///
    /// `not-found` when no receiver is configured.
    pub async fn enable(&self) -> Result<WebhooksRecord> {
        let sender = self.sender.as_ref().ok_or(ProblemCode::NotFound)?;
        let now = self.clock.now();
        let due_again = self
            .store
            .enable_receiver(sender.url().as_str(), now, now - KEPT_FOR)
            .await?;
        tracing::info!("the receiver of webhooks is enabled; {due_again} are due again");
        self.stay_quiet(None);
        self.wake.notify_one();
        self.record().await
    }

    fn stay_quiet(&self, until: Option<Timestamp>) {
        *self
            .quiet_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quiet_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .filter(|until| *until > now)
    }
}
