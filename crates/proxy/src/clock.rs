//! Time, as a parameter. The only place that reads the system's clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Time since `earlier`; zero if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// RFC 3339 in UTC, with milliseconds: `2026-11-20T13:00:00.000Z`.
    ///
    /// # Panics
    ///
    /// Never for the years 1970 to 9999.
    #[must_use]
    pub fn rfc3339(self) -> String {
        const FORM: &[time::format_description::BorrowedFormatItem<'_>] = time::macros::format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(FORM).ok())
            .expect("a timestamp lies between the years 1970 and 9999")
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

/// Where the time comes from. Both hands move at the same speed.
pub trait Clock: Send + Sync {
    /// The wall clock. May jump.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start. Never jumps.
    fn monotonic(&self) -> Duration;

    /// Waits for `duration` of this clock's time.
    fn sleep(&self, duration: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    /// How far this clock moves while `duration` passes in the world. Limits on disks and networks
    /// are measured with it, because those do not run faster when the clock does.
    fn real(&self, duration: Duration) -> Duration {
        duration
    }
}

/// A clock, shared.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock, optionally faster. A speed other than 1 lets a person or a test watch a
/// schedule of hours; the configuration takes it only while every provider is on this machine.
#[derive(Debug)]
pub struct SystemClock {
    speed: u32,
    started: Instant,
    started_at: i64,
}

impl SystemClock {
    /// A clock that runs at `speed` times real time, from now on.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new(speed: u32) -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            speed: speed.max(1),
            started: Instant::now(),
            started_at: i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX),
        }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        if self.speed == 1 {
            let since_epoch = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            return Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX));
        }
        Timestamp(self.started_at) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed() * self.speed
    }

    fn sleep(&self, duration: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration / self.speed))
    }

    fn real(&self, duration: Duration) -> Duration {
        duration * self.speed
    }
}
