//! Checkouts on both stores, in turns, so that whatever else goes on in the machine hits both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;

use super::figures::Block;
use super::pattern::Cards;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::buyer::{Buyer, fresh_key, pinned_key, typed_card};
use crate::harness::proxy::{Proxy, Secrets};
use crate::harness::shop::{self, Shop};
use crate::harness::wire::{Answer, Wire};

/// How much is measured.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Checkouts on each store in each block.
    pub checkouts: u32,
    /// Buyers at a time.
    pub concurrency: u8,
}

pub(super) const BLOCKS: u32 = 5;
/// Checkouts on one store before it is the other's turn.
pub(super) const TURN: u32 = 20;
/// Checkouts on each store that come first and are not counted.
pub(super) const WARM_UP: u32 = 10 * TURN;

/// The shop and the buyers of one of the two proxies.
#[derive(Clone)]
pub(super) struct Side {
    pub shop: Shop,
    pub cards: Cards,
    wire: Wire,
    origin: String,
    next: Arc<AtomicU32>,
}

/// A session that was opened, with its buyer.
pub(super) struct Opened {
    pub session: String,
    buyer: Buyer,
    /// How long opening took.
    took: Duration,
}

/// Measures [`BLOCKS`] blocks. The first of `sides` is the small store's.
pub(super) async fn measure(
    sides: &[Side; 2],
    pace: Pace,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Block>> {
    let mut pairs = 0;
    progress("warming up");
    let warm_up = turns(WARM_UP, &mut pairs);
    block(sides, &warm_up, pace.concurrency, &mut |_| {}).await?;
    let mut blocks = Vec::new();
    for number in 1..=BLOCKS {
        let turns = turns(pace.checkouts, &mut pairs);
        let mut tell = |done: u32| {
            let of = 2 * pace.checkouts;
            progress(&format!(
                "block {number} of {BLOCKS}, {done} of {of} checkouts"
            ));
        };
        blocks.push(block(sides, &turns, pace.concurrency, &mut tell).await?);
    }
    Ok(blocks)
}

/// One store's turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Turn {
    /// Whose: its place among the sides.
    side: usize,
    checkouts: u32,
}

/// So many checkouts on each store. Who begins changes with every pair of turns; `pairs` counts them over
/// the whole run.
fn turns(checkouts: u32, pairs: &mut usize) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut left = checkouts;
    while left > 0 {
        let checkouts = TURN.min(left);
        let first = *pairs % 2;
        turns.extend([first, 1 - first].map(|side| Turn { side, checkouts }));
        *pairs += 1;
        left -= checkouts;
    }
    turns
}

async fn block(
    sides: &[Side; 2],
    turns: &[Turn],
    concurrency: u8,
    progress: &mut dyn FnMut(u32),
) -> Result<Block> {
    let mut times = [Vec::new(), Vec::new()];
    let mut done = 0;
    for turn in turns {
        progress(done);
        let taken = take_turn(&sides[turn.side], turn.checkouts, concurrency).await?;
        times[turn.side].extend(taken);
        done += turn.checkouts;
    }
    let [small, large] = times;
    Ok(Block::of(small, large))
}

async fn take_turn(side: &Side, count: u32, concurrency: u8) -> Result<Vec<Duration>> {
    let left = Arc::new(AtomicU32::new(count));
    let mut buyers = JoinSet::new();
    for _ in 0..concurrency {
        let (side, left) = (side.clone(), Arc::clone(&left));
        buyers.spawn(async move {
            let mut times = Vec::new();
            while take(&left) {
                times.push(side.check_out().await?);
            }
            Ok::<_, Failure>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(took) = buyers.join_next().await {
        times.extend(took.tried("pay")??);
    }
    Ok(times)
}

fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

impl Side {
    pub fn of(proxy: &Proxy, secrets: &Secrets, cards: &Cards) -> Self {
        let wire = Wire::to(vec![proxy.url().to_owned()]);
        Self {
            shop: Shop::new(wire.clone(), secrets),
            wire,
            origin: proxy.public_origin().to_owned(),
            cards: cards.clone(),
            next: Arc::default(),
        }
    }

    /// How long a checkout takes that is paid at the first try.
    async fn check_out(&self) -> Result<Duration> {
        let order = shop::order("A-1001", 1_250_000);
        let opened = self.open(&order).await?;
        let (_, state, took) = self.timed(&opened, &self.cards.approved, false).await?;
        if state == AttemptState::Succeeded {
            Ok(opened.took + took)
        } else {
            let state = state.name();
            Err(Failure::of(format!("a payment without trouble is {state}")))
        }
    }

    pub async fn open(&self, order: &Value) -> Result<Opened> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = fresh_key();
        let began = Instant::now();
        let opened = self.shop.open_session(key.as_str(), order).await?;
        let took = began.elapsed();
        Ok(Opened {
            session: opened.session.id,
            buyer: Buyer::new(self.wire.clone(), &self.origin, opened.client_token, number),
            took,
        })
    }

    /// Pays with the card of this number; gives the attempt and how it ended.
    pub async fn pay(
        &self,
        opened: &Opened,
        card: &str,
        save: bool,
    ) -> Result<(String, AttemptState)> {
        let (attempt, state, _) = self.timed(opened, card, save).await?;
        Ok((attempt, state))
    }

    async fn timed(
        &self,
        opened: &Opened,
        card: &str,
        save: bool,
    ) -> Result<(String, AttemptState, Duration)> {
        let began = Instant::now();
        let view = done("a session", opened.buyer.checkout().await)?;
        let reading = began.elapsed();
        let offer = view
            .card
            .ok_or_else(|| Failure::of("the proxy offers no card"))?;
        let start = typed_card(card, &pinned_key(&offer)?, save)?;
        let key = fresh_key();
        let began = Instant::now();
        let mut attempt = done("an attempt", opened.buyer.start(&key, &start).await)?;
        while !attempt.state.is_final() && began.elapsed() < ENDED_WITHIN {
            attempt = done(
                "an attempt",
                opened.buyer.read(&attempt.id, HELD_BACK_SECS).await,
            )?;
        }
        Ok((attempt.id, attempt.state, reading + began.elapsed()))
    }
}

fn done<T: std::fmt::Debug>(what: &str, answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Done(done) => Ok(done),
        other => Err(Failure::of(format!(
            "{what} without trouble was answered {other:?}"
        ))),
    }
}

const ENDED_WITHIN: Duration = Duration::from_secs(60);
/// So long an answer may be held back while nothing changes.
const HELD_BACK_SECS: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_store_is_always_first_and_both_have_the_same_number() {
        let mut pairs = 0;
        let mut all = turns(TURN + 5, &mut pairs);
        all.extend(turns(5, &mut pairs));
        let expected = [(0, TURN), (1, TURN), (1, 5), (0, 5), (0, 5), (1, 5)];
        assert_eq!(
            all,
            expected.map(|(side, checkouts)| Turn { side, checkouts })
        );
    }

    #[test]
    fn every_checkout_of_a_turn_is_taken_once() {
        let left = AtomicU32::new(3);
        assert_eq!(
            [(); 5].map(|()| take(&left)),
            [true, true, true, false, false]
        );
    }
}
