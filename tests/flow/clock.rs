//! A clock that keeps real time and can be moved on by hand.

use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use ventanilla_proxy::clock::{Clock, Timestamp};

/// What the schedule of hours is walked through with. Whoever sleeps on it wakes when it is moved.
pub struct SteppedClock {
    started: Instant,
    moved: watch::Sender<Duration>,
}

impl SteppedClock {
    /// What it shows at first, in milliseconds since 1970: 2026-11-18T11:06:40Z.
    pub const START_MILLIS: i64 = 1_795_000_000_000;

    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            moved: watch::Sender::new(Duration::ZERO),
        }
    }

    pub fn move_on(&self, by: Duration) {
        self.moved.send_modify(|moved| *moved += by);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(Self::START_MILLIS) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed() + *self.moved.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let until = self.monotonic() + duration;
        let started = self.started;
        let mut moved = self.moved.subscribe();
        Box::pin(async move {
            loop {
                let now = started.elapsed() + *moved.borrow_and_update();
                let Some(left) = until.checked_sub(now).filter(|left| !left.is_zero()) else {
                    return;
                };
                tokio::select! {
                    () = tokio::time::sleep(left) => return,
                    changed = moved.changed() => if changed.is_err() { return },
                }
            }
        })
    }
}
