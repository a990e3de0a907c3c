//! News of what other processes on the same store did.
//!
//! One reader a process follows the events and rings the bells of whoever waits here. What it costs
//! grows with what happens, not with how many buyers wait.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, MissedTickBehavior};

use super::Machine;
use crate::error::Result;
use crate::store::News;

/// How long news may be under way, in real time.
const PACE: Duration = Duration::from_millis(250);
/// Events are numbered when they are written and seen when they are committed, so a lower number may turn
/// up after a higher one. So long, in real time, those below are looked for again; whoever waits for what
/// took even longer looks by themselves.
const OVERLAP: Duration = Duration::from_secs(2);
/// Of what happened while nobody waited, so many events may still be under way.
const UNDER_WAY: i64 = 100;

/// Follows the events until `stop` is true. Where no other process can write, there is nothing to do.
pub(super) async fn follow(machine: Arc<Machine>, mut stop: Receiver<bool>) {
    if !machine.store.is_shared() {
        return;
    }
    let mut tail = Tail::default();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = pace.tick() => {}
            changed = stop.changed() => {
                if changed.is_err() || *stop.borrow() {
                    return;
                }
            }
        }
        if machine.bells.nobody_listens() {
            tail = Tail::default();
        } else if let Err(error) = look(&machine, &mut tail).await {
            tracing::warn!("the events were not read, the next look is soon: {error}");
        }
    }
}

async fn look(machine: &Machine, tail: &mut Tail) -> Result<()> {
    let after = match tail.after {
        Some(after) => after,
        None => machine.store.newest_event().await? - UNDER_WAY,
    };
    let news = machine.store.events_after(after).await?;
    for id in tail.take(after, news, Instant::now()) {
        machine.bells.ring(&id);
    }
    Ok(())
}

/// How far the events were read.
#[derive(Default)]
struct Tail {
    /// The next look begins behind this event; none before the first.
    after: Option<i64>,
    /// The events behind it that were seen.
    seen: BTreeSet<i64>,
    /// The newest event at each look of late.
    marks: VecDeque<(Instant, i64)>,
}

impl Tail {
    /// Whom the events that were not seen before are about.
    fn take(&mut self, after: i64, news: Vec<News>, now: Instant) -> Vec<String> {
        let newest = news.iter().map(|news| news.event).max().unwrap_or(after);
        let fresh = news.into_iter().filter(|news| self.seen.insert(news.event));
        let about = fresh.map(|news| news.about).collect();
        self.marks.push_back((now, newest));
        self.after.get_or_insert(after);
        while let Some((at, newest)) = self.marks.front().copied()
            && now.duration_since(at) >= OVERLAP
        {
            self.marks.pop_front();
            self.after = self.after.max(Some(newest));
            self.seen = self.seen.split_off(&(newest + 1));
        }
        about
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(events: &[i64]) -> Vec<News> {
        let news = |event: &i64| News {
            event: *event,
            about: format!("att_{event}"),
        };
        events.iter().map(news).collect()
    }

    #[test]
    fn an_event_rings_once_also_when_it_is_seen_after_a_later_one() {
        let mut tail = Tail::default();
        let begin = Instant::now();
        assert_eq!(tail.take(10, news(&[11, 13]), begin), ["att_11", "att_13"]);
        let soon = begin + PACE;
        assert_eq!(tail.take(10, news(&[11, 12, 13]), soon), ["att_12"]);
        assert_eq!(tail.after, Some(10));
    }

    #[test]
    fn what_was_seen_long_ago_is_not_read_again() {
        let mut tail = Tail::default();
        let begin = Instant::now();
        tail.take(10, news(&[11, 13]), begin);
        tail.take(10, news(&[11, 13, 14]), begin + PACE);
        tail.take(10, news(&[11, 13, 14]), begin + OVERLAP);
        assert_eq!(tail.after, Some(13));
        assert_eq!(
            tail.take(13, news(&[14, 15]), begin + OVERLAP + PACE),
            ["att_15"]
        );
        assert_eq!((tail.after, tail.seen.len()), (Some(14), 1));
    }

    #[test]
    fn nothing_new_moves_nothing_back() {
        let mut tail = Tail::default();
        let begin = Instant::now();
        tail.take(10, news(&[]), begin);
        assert!(tail.take(10, news(&[]), begin + OVERLAP).is_empty());
        assert_eq!(tail.after, Some(10));
    }
}
