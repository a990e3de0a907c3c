//! Checkouts, so many at a time, and how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;

use super::subject::Subject;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::buyer::{Buyer, fresh_key, pinned_key, typed_card};
use crate::harness::sandbox::Sandbox;
use crate::harness::shop::{self, Shop};
use crate::harness::wire::{Answer, Wire};
use crate::size::percentile;

/// What a round came to. Times are in milliseconds.
#[derive(Debug, Serialize)]
pub(super) struct Round {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Of the server, for one checkout.
    pub cpu_ms: f64,
}

/// How long checkouts take that come at their own pace, whether or not those before them are done. Times are in
/// milliseconds, from the moment at which one is due: a queue is part of them.
#[derive(Debug, Serialize)]
pub(super) struct Steady {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// A card that the provider's stand-in approves.
pub(super) async fn approved_card(sandbox: &Sandbox) -> Result<String> {
    let cards = sandbox.cards().await?;
    let approved = cards.into_iter().find(|card| card.outcome == "approved");
    approved
        .map(|card| card.number)
        .ok_or_else(|| Failure::of("the sandbox publishes no card that is approved"))
}

/// One that buyers come to.
#[derive(Clone)]
pub(super) struct Counter {
    wire: Wire,
    shop: Shop,
    origin: String,
    next: Arc<AtomicU32>,
}

impl Counter {
    pub fn of(subject: &Subject) -> Self {
        let wire = Wire::to(vec![subject.url()]);
        Self {
            shop: Shop::new(wire.clone(), subject.secrets()),
            wire,
            origin: subject.origin(),
            next: Arc::default(),
        }
    }

    /// Opens a session for `order`: its buyer, and how long that took.
    pub async fn open(&self, order: &serde_json::Value) -> Result<(Buyer, Duration)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = fresh_key();
        let began = Instant::now();
        let opened = self.shop.open_session(key.as_str(), order).await?;
        let took = began.elapsed();
        let buyer = Buyer::new(self.wire.clone(), &self.origin, opened.client_token, number);
        Ok((buyer, took))
    }

    /// How long a checkout takes that is paid at the first try.
    pub async fn check_out(&self, card: &str) -> Result<Duration> {
        let (buyer, opening) = self.open(&shop::order("A-1001", 1_250_000)).await?;
        let began = Instant::now();
        let view = done(buyer.checkout().await)?;
        let reading = began.elapsed();
        let offer = view.card.ok_or_else(|| Failure::of("no card is offered"))?;
        let start = typed_card(card, &pinned_key(&offer)?, false)?;
        let began = Instant::now();
        let attempt = done(buyer.start(&fresh_key(), &start).await)?;
        let paying = began.elapsed();
        if attempt.state == AttemptState::Succeeded {
            Ok(opening + reading + paying)
        } else {
            let state = attempt.state.name();
            Err(Failure::of(format!("a payment without trouble is {state}")))
        }
    }
}

pub(super) fn done<T: std::fmt::Debug>(answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Done(done) => Ok(done),
        other => Err(Failure::of(format!(
            "what is without trouble was answered {other:?}"
        ))),
    }
}

/// `count` checkouts, `concurrency` at a time.
pub(super) async fn round(
    subject: &Subject,
    card: &str,
    count: u32,
    concurrency: u8,
) -> Result<Round> {
    let counter = Counter::of(subject);
    let left = Arc::new(AtomicU32::new(count));
    let began = Instant::now();
    let mut buyers = JoinSet::new();
    for _ in 0..concurrency {
        let (counter, left, card) = (counter.clone(), Arc::clone(&left), card.to_owned());
        buyers.spawn(async move {
            let mut times = Vec::new();
            let take = |left: u32| left.checked_sub(1);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
            {
                times.push(counter.check_out(&card).await?);
            }
            Ok::<_, Failure>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(took) = buyers.join_next().await {
        times.extend(took.tried("pay")??);
    }
    let took = began.elapsed();
    times.sort_unstable();
    Ok(Round {
        per_second: f64::from(count) / took.as_secs_f64(),
        p50_ms: percentile_ms(&times, 50),
        p99_ms: percentile_ms(&times, 99),
        cpu_ms: 0.0,
    })
}

/// `count` checkouts, `a_second` of them each second.
pub(super) async fn steady(
    subject: &Subject,
    card: &str,
    count: u32,
    a_second: u32,
) -> Result<Steady> {
    let counter = Counter::of(subject);
    let began = Instant::now();
    let mut buyers = JoinSet::new();
    for number in 0..count {
        let due = began + Duration::from_secs(1) * number / a_second;
        tokio::time::sleep_until(due).await;
        let (counter, card) = (counter.clone(), card.to_owned());
        buyers.spawn(async move {
            let late = due.elapsed();
            Ok::<_, Failure>(late + counter.check_out(&card).await?)
        });
    }
    let mut times = Vec::new();
    while let Some(took) = buyers.join_next().await {
        times.push(took.tried("pay")??);
    }
    times.sort_unstable();
    Ok(Steady {
        p50_ms: percentile_ms(&times, 50),
        p99_ms: percentile_ms(&times, 99),
    })
}

/// In milliseconds, of sorted times.
pub(super) fn percentile_ms(sorted: &[Duration], share: usize) -> f64 {
    percentile(sorted, share).as_secs_f64() * 1_000.0
}
