//! Buyers who wait for their payment to arrive, each with a request that is held back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use ventanilla_core::rails::cvu::Presentation;

use super::LoadArguments;
use super::checkouts::{self, Counter, Round, done};
use super::subject::Subject;
use super::usage::Usage;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::buyer::{Buyer, fresh_key, payable};
use crate::harness::sandbox::Sandbox;
use crate::harness::shop;
use crate::harness::wire::Answer;

/// What they cost.
#[derive(Debug, Serialize)]
pub(super) struct Waiting {
    name: &'static str,
    waiting: u32,
    before: Usage,
    during: Usage,
    /// Of one processor, in a hundred, while they wait and nobody pays.
    cpu_percent: f64,
    /// Calls to the provider in a minute, while nobody pays: with the first few, and with all of them.
    calls_few_per_minute: u64,
    calls_all_per_minute: u64,
    /// Card checkouts without and with them.
    checkouts_alone: Round,
    checkouts_meanwhile: Round,
    /// Requests of theirs that were not answered as they should be.
    failed: u32,
}

/// So many are let in at a time.
const AT_THE_DOOR: usize = 32;
/// The longest that a request may be held back.
const HELD_BACK_SECS: u8 = 25;
/// So long nothing else happens while they wait.
const QUIET: Duration = Duration::from_secs(20);
/// So many wait when the provider's calls are counted for the first time.
const FEW: u32 = 10;

/// Lets buyers in who wait for their link to be paid, and measures before and meanwhile.
pub(super) async fn measure(
    subject: &Subject,
    sandbox: &Sandbox,
    card: &str,
    arguments: &LoadArguments,
    progress: &mut dyn FnMut(&str),
) -> Result<Waiting> {
    let (count, name) = (arguments.waiting, subject.name());
    let round = || checkouts::round(subject, card, arguments.checkouts, arguments.concurrency);
    checkouts::round(subject, card, super::WARM_UP, arguments.concurrency).await?;
    let checkouts_alone = round().await?;
    let before = subject.usage()?;
    let counter = Counter::of(subject);
    let door = Arc::new(Semaphore::new(AT_THE_DOOR));
    let (inside, failed) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let goes_on = Arc::new(AtomicBool::new(true));
    let mut buyers = JoinSet::new();
    let mut calls_few = 0;
    for number in 0..count {
        if number == FEW {
            until_inside(&inside, number, &mut buyers).await?;
            progress(&format!("{name}: {number} wait and nothing happens"));
            calls_few = quiet(sandbox).await?;
        }
        let place = Arc::clone(&door)
            .acquire_owned()
            .await
            .tried("let a buyer in")?;
        progress(&format!(
            "{name}: {} of {count} wait",
            inside.load(Ordering::Relaxed)
        ));
        let (counter, inside, failed, goes_on) = (
            counter.clone(),
            Arc::clone(&inside),
            Arc::clone(&failed),
            Arc::clone(&goes_on),
        );
        buyers.spawn(async move {
            let (buyer, attempt) = begin(&counter).await?;
            drop(place);
            inside.fetch_add(1, Ordering::Relaxed);
            while goes_on.load(Ordering::Relaxed) {
                if !matches!(buyer.read(&attempt, HELD_BACK_SECS).await, Answer::Done(_)) {
                    failed.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Ok::<_, Failure>(())
        });
    }
    until_inside(&inside, count, &mut buyers).await?;
    progress(&format!("{name}: {count} wait and nothing happens"));
    let begun = subject.usage()?;
    let calls_all = quiet(sandbox).await?;
    let during = subject.usage()?;
    progress(&format!("{name}: {count} wait and others pay"));
    let checkouts_meanwhile = round().await?;
    goes_on.store(false, Ordering::Relaxed);
    buyers.abort_all();
    Ok(Waiting {
        name,
        waiting: count,
        before,
        during,
        cpu_percent: (during.cpu_ms - begun.cpu_ms) / QUIET.as_secs_f64() / 10.0,
        calls_few_per_minute: calls_few,
        calls_all_per_minute: calls_all,
        checkouts_alone,
        checkouts_meanwhile,
        failed: failed.load(Ordering::Relaxed),
    })
}

/// Until so many are inside; an error when one of them left.
async fn until_inside(
    inside: &AtomicU32,
    count: u32,
    buyers: &mut JoinSet<Result<()>>,
) -> Result<()> {
    while inside.load(Ordering::Relaxed) < count {
        if let Some(left) = buyers.try_join_next() {
            left.tried("wait")??;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Lets nothing happen for a while: how many calls a minute came to the provider.
async fn quiet(sandbox: &Sandbox) -> Result<u64> {
    let before = sandbox.count_calls().await?;
    tokio::time::sleep(QUIET).await;
    let came = sandbox.count_calls().await? - before;
    Ok(came * 60 / QUIET.as_secs())
}

/// A buyer with a link to pay.
async fn begin(counter: &Counter) -> Result<(Buyer, String)> {
    let (buyer, _) = counter
        .open(&shop::order_in_pesos("A-1002", 2_500_000))
        .await?;
    let attempt = done(
        buyer
            .start(&fresh_key(), &payable(Presentation::Link))
            .await,
    )?;
    Ok((buyer, attempt.id))
}
