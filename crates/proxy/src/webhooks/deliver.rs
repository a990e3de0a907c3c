//! Takes news out of the store and has it delivered.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;
use ventanilla_providers::failpoint;

use super::send::{Sender, TRY_LIMIT, Tried};
use super::{KEPT_FOR, Webhooks, schedule};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::server::stopped;
use crate::store::OutboxRow;

/// So many tries run at a time.
const PARALLEL: usize = 8;
/// News that was taken out and not reported back within this, in real time, is somebody else's to
/// deliver. Longer than a try, and time to write down what it came to.
const LEASE: Duration = Duration::from_secs(30);
/// The longest rest, whatever the store says is next: somebody else may have written news.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// The shortest, in real time, so that a mistake about what is next does not keep a processor busy.
const SHORTEST_REST: Duration = Duration::from_millis(20);
/// The rest after the store did not answer.
const STORE_REST: Duration = Duration::from_secs(1);
/// The longest that a receiver is left alone at its own wish.
const LONGEST_QUIET: Duration = Duration::from_secs(3600);
/// How often, in real time, it is told how much waits.
const REPORT_PERIOD: Duration = Duration::from_secs(1);
/// How long another process's word that the receiver wants no more may be under way, in real time.
const WANTED_PERIOD: Duration = Duration::from_secs(1);
/// How often it is looked for what nobody wants any more.
const FORGET_PERIOD: Duration = Duration::from_secs(3600);

pub(super) async fn run(webhooks: Arc<Webhooks>, mut stop: Receiver<bool>) {
    let Some(sender) = webhooks.sender.clone() else {
        return forget(&webhooks, stop).await;
    };
    let mut under_way = JoinSet::new();
    while !*stop.borrow() {
        let began = webhooks.clock.monotonic();
        let rest = match webhooks.work(&sender, &mut under_way).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::error!("webhooks rest for {STORE_REST:?}: {error}");
                webhooks.clock.real(STORE_REST)
            }
        };
        // What the work itself took is no rest: on a fast clock that may be all of it.
        let worked = webhooks.clock.monotonic().saturating_sub(began);
        tokio::select! {
            () = webhooks.clock.sleep(rest.saturating_sub(worked)) => tokio::time::sleep(SHORTEST_REST).await,
            () = webhooks.store.news() => {}
            () = webhooks.wake.notified() => {}
            // Another one has its place.
            () = a_place(&mut under_way) => {}
            () = stopped(&mut stop) => break,
        }
    }
    // What is cut off here would be delivered a second time.
    let ended = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(TRY_LIMIT, ended).await.is_err() {
        tracing::warn!("webhooks were still under way; they are sent again after the next start");
    }
}

/// Waits for the end of a try that others wait behind; where nobody does, for ever.
async fn a_place(under_way: &mut JoinSet<()>) {
    let was_full = under_way.len() >= PARALLEL;
    while under_way.join_next().await.is_some() {
        if was_full {
            return;
        }
    }
    std::future::pending().await
}

/// Nobody is to be told: what is old is forgotten.
async fn forget(webhooks: &Webhooks, mut stop: Receiver<bool>) {
    loop {
        let now = webhooks.clock.now();
        let given_up = webhooks
            .store
            .give_up_until(now - KEPT_FOR, now, "no receiver is configured")
            .await;
        if let Err(error) = given_up {
            tracing::warn!("old news was not forgotten: {error}");
        }
        tokio::select! {
            () = webhooks.clock.sleep(FORGET_PERIOD) => tokio::time::sleep(SHORTEST_REST).await,
            () = stopped(&mut stop) => return,
        }
    }
}

impl Webhooks {
    /// Does what is due and says how long to rest, counted from its beginning.
    async fn work(
        self: &Arc<Self>,
        sender: &Arc<Sender>,
        under_way: &mut JoinSet<()>,
    ) -> Result<Duration> {
        let now = self.clock.now();
        let url = sender.url().as_str();
        if self.is_disabled(url).await? {
            let count = self
                .store
                .give_up_until(now, now, "its receiver is disabled")
                .await?;
            given_up(count);
            self.report(now).await?;
            return Ok(LONGEST_REST);
        }
        if let Some(until) = self.quiet_until(now) {
            self.report(now).await?;
            return Ok(until.since(now).min(LONGEST_REST));
        }
        let free = PARALLEL.saturating_sub(under_way.len());
        if let Ok(limit @ 1..) = u32::try_from(free) {
            for row in self.store.claim_outbox(now, LEASE, limit).await? {
                let (this, sender) = (Arc::clone(self), Arc::clone(sender));
                under_way.spawn(async move {
                    if let Err(error) = this.try_once(&sender, &row).await {
                        // Its loan runs out, and then it is tried again.
                        tracing::error!(webhook.id = %row.id, "webhook {} was not dealt with: {error}", row.id);
                    }
                });
            }
        }
        self.report(now).await?;
        if under_way.len() >= PARALLEL {
            // The end of any of them is the next thing to happen.
            return Ok(LONGEST_REST);
        }
        let next = self.store.next_outbox().await?;
        let rest = next
            .map_or(LONGEST_REST, |next| next.since(now))
            .min(LONGEST_REST);
        Ok(if under_way.is_empty() {
            rest
        } else {
            // What waits is less by then, and that is told.
            rest.min(self.clock.real(REPORT_PERIOD))
        })
    }

    async fn try_once(&self, sender: &Sender, row: &OutboxRow) -> Result<()> {
        let body = Bytes::from(serde_json::to_vec(&row.payload).map_err(Error::internal)?);
        let tried = sender.send(&row.id, body, self.clock.now()).await?;
        let now = self.clock.now();
        match tried {
            Tried::Delivered => {
                failpoint::hit("outbox.before");
                self.store.delivered(&row.id, now).await?;
                failpoint::hit("outbox.after");
                count("delivered");
                tracing::info!(webhook.id = %row.id, webhook.kind = %row.kind, session.id = row.session_id, "webhook {} delivered: {}", row.id, row.kind);
            }
            Tried::Gone => {
                const WHY: &str = "it answered 410";
                self.store
                    .disable_receiver(sender.url().as_str(), now, WHY)
                    .await?;
                self.ask_whether_wanted();
                self.store.not_delivered(&row.id, now, WHY, None).await?;
                count("gone");
                given_up(1);
                tracing::error!(webhook.id = %row.id, "the receiver of webhooks answered 410 and is sent no more until it is enabled again");
            }
            Tried::Missed { why, not_before } => {
                if let Some(wait) = not_before {
                    self.stay_quiet(Some(now + wait.min(LONGEST_QUIET)));
                }
                let next =
                    schedule::pause(row.tries, jitter(), not_before).map(|pause| now + pause);
                self.store.not_delivered(&row.id, now, &why, next).await?;
                self.wake.notify_one();
                count("missed");
                match next {
                    Some(next) => {
                        tracing::warn!(webhook.id = %row.id, webhook.kind = %row.kind, "webhook {} was not delivered: {why}; tried again at {}", row.id, next.rfc3339());
                    }
                    None => {
                        given_up(1);
                        tracing::error!(webhook.id = %row.id, webhook.kind = %row.kind, session.id = row.session_id, "webhook {} is given up, the merchant does not know: {why}", row.id);
                    }
                }
            }
        }
        Ok(())
    }

    async fn report(&self, now: Timestamp) -> Result<()> {
        // It counts every row that waits, and they may be many.
        if !self.is_report_due() {
            return Ok(());
        }
        let waiting = self.store.undelivered().await?;
        let oldest = waiting
            .oldest_at
            .map_or(Duration::ZERO, |since| now.since(since));
        metrics::gauge!("ventanilla_webhooks_waiting")
            .set(u32::try_from(waiting.count).unwrap_or(u32::MAX));
        metrics::gauge!("ventanilla_oldest_webhook_seconds")
            .set(u32::try_from(oldest.as_secs()).unwrap_or(u32::MAX));
        Ok(())
    }
}

impl Webhooks {
    /// Whether the receiver wants no more, as of a second ago at most.
    async fn is_disabled(&self, url: &str) -> Result<bool> {
        let asked = *self.wanted_at();
        if asked.is_some_and(|at| at.elapsed() < WANTED_PERIOD) {
            return Ok(false);
        }
        let began = Instant::now();
        let disabled = self.store.disabled_receiver(url).await?.is_some();
        if !disabled {
            *self.wanted_at() = Some(began);
        }
        Ok(disabled)
    }

    fn wanted_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.wanted_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_whether_wanted(&self) {
        *self.wanted_at() = None;
        self.wake.notify_one();
    }

    fn is_report_due(&self) -> bool {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let due = reported.is_none_or(|at| at.elapsed() >= REPORT_PERIOD);
        if due {
            *reported = Some(Instant::now());
        }
        due
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("ventanilla_webhook_tries_total", "outcome" => outcome).increment(1);
}

fn given_up(count: u64) {
    metrics::counter!("ventanilla_webhooks_given_up_total").increment(count);
}

/// −200 to 200 thousandths.
fn jitter() -> i32 {
    let mut bytes = [0_u8; 2];
    // Without chance every try is on time, which is right too.
    if getrandom::fill(&mut bytes).is_err() {
        return 0;
    }
    i32::from(u16::from_be_bytes(bytes) % 401) - 200
}
