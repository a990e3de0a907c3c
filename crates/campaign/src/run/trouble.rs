//! What befalls the proxies and their database while buyers pay.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::Field;
use super::book::{count, read};
use crate::failure::Result;
use crate::random::Dice;

/// What is done to them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Blow {
    /// `kill -9` and a new start.
    Kill,
    /// `SIGSTOP` for a while.
    Pause,
    /// An immediate stop of the database, and a new start.
    DatabaseStop,
    /// The wire to the database is cut, held, or loses answers.
    DatabaseCut,
}

/// Deals `times` blows of one kind, spread at random over the checkouts; gives up the rest once
/// `stop` is true and every checkout is over.
pub(super) async fn deal(
    field: Arc<Field>,
    blow: Blow,
    times: u64,
    mut dice: Dice,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    for nth in 0..times {
        // One in each of as many equal parts of the run, anywhere within it.
        let part = field.checkouts * 1_000 / times.max(1);
        let moment = (part * nth + dice.below(part.max(1))) / 1_000;
        while read(&field.book.finished) < moment && !*stop.borrow() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.below(200))).await;
        match blow {
            Blow::Kill => kill(&field, &mut dice).await?,
            Blow::Pause => pause(&field, &mut dice).await?,
            Blow::DatabaseStop => stop_database(&field, &mut dice).await?,
            Blow::DatabaseCut => cut(&field, &mut dice).await,
        }
    }
    Ok(())
}

async fn kill(field: &Field, dice: &mut Dice) -> Result<()> {
    let mut proxy = dice.pick(&field.proxies).lock().await;
    field.meters.read(&proxy).await;
    proxy.kill().await?;
    field.meters.forget(proxy.name());
    count(&field.blows.kills);
    tokio::time::sleep(Duration::from_millis(dice.below(400))).await;
    proxy.start().await
}

async fn pause(field: &Field, dice: &mut Dice) -> Result<()> {
    let mut proxy = dice.pick(&field.proxies).lock().await;
    proxy.pause()?;
    count(&field.blows.pauses);
    tokio::time::sleep(Duration::from_millis(dice.between(200, 2_500))).await;
    proxy.resume()
}

async fn stop_database(field: &Field, dice: &mut Dice) -> Result<()> {
    let Some(database) = &field.database else {
        return Ok(());
    };
    database.stop_at_once().await?;
    count(&field.blows.database_stops);
    tokio::time::sleep(Duration::from_millis(dice.below(800))).await;
    database.come_back().await
}

async fn cut(field: &Field, dice: &mut Dice) {
    let Some(relay) = &field.relay else { return };
    field.blows.cuts.fetch_add(1, Ordering::Relaxed);
    match dice.below(3) {
        0 => relay.cut(),
        1 => relay.lose_answers(u32::try_from(dice.between(1, 5)).unwrap_or(1)),
        _ => {
            relay.hold(true);
            tokio::time::sleep(Duration::from_millis(dice.between(100, 1_500))).await;
            if dice.percent(50) {
                relay.cut();
            }
            relay.hold(false);
        }
    }
}
