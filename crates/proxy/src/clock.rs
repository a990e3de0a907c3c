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

/// Reads RFC 3339, with any offset.
impl std::str::FromStr for Timestamp {
    type Err = NotRfc3339;

    fn from_str(text: &str) -> Result<Self, NotRfc3339> {
        let moment =
            time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
                .map_err(|_| NotRfc3339)?;
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000))
            .map(Self)
            .map_err(|_| NotRfc3339)
    }
}

/// The text is not a moment as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotRfc3339;

impl std::fmt::Display for NotRfc3339 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected a moment such as 2026-11-20T13:00:00Z")
    }
}

impl std::error::Error for NotRfc3339 {}

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

/// The world's time, whatever clock the machine runs on: what this computer and a database's must agree
/// about.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn world() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// The machine's clock, optionally faster. A speed other than 1 lets a person or a test watch a
/// schedule of hours; the configuration takes it only while every provider is on this machine.
#[derive(Debug)]
pub struct SystemClock {
    speed: u32,
    started: Instant,
    /// From where the world's time runs faster; none when it does not.
    anchor: Option<Timestamp>,
}

impl SystemClock {
    /// A clock that runs at `speed` times real time, from now on.
    #[must_use]
    pub fn new(speed: u32) -> Self {
        Self::anchored(speed, world())
    }

    /// A clock that showed the world's time at `anchor` and has run at `speed` times real time since.
    /// Every process with the same anchor has the same time, before and after a restart.
    #[must_use]
    pub fn anchored(speed: u32, anchor: Timestamp) -> Self {
        let speed = speed.max(1);
        Self {
            speed,
            started: Instant::now(),
            anchor: (speed > 1).then_some(anchor),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = world();
        match self.anchor {
            Some(anchor) => anchor + now.since(anchor) * self.speed,
            None => now,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_as_it_is_written() {
        let moment = Timestamp::from_millis(1_795_000_000_123);
        assert_eq!(moment.rfc3339().parse(), Ok(moment));
        assert_eq!(
            "2026-11-18T05:06:40.123-06:00".parse(),
            Ok(Timestamp::from_millis(1_795_000_000_123)),
            "with another offset"
        );
        for text in ["", "2026-11-18", "2026-11-18T11:06:40", "1795000000"] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotRfc3339), "{text}");
        }
    }

    #[test]
    fn clocks_with_one_anchor_agree_whenever_they_were_made() {
        let anchor = world() - Duration::from_secs(3_600);
        let first = SystemClock::anchored(60, anchor);
        let early = first.now();
        let second = SystemClock::anchored(60, anchor);
        let (between, late) = (second.now(), first.now());
        assert!(early <= between && between <= late);
        // An hour of the world is sixty of this clock.
        let passed = early.since(anchor);
        let hours = Duration::from_secs(60 * 3_600);
        assert!(
            passed >= hours && passed < hours + Duration::from_secs(600),
            "{passed:?}"
        );
    }

    #[test]
    fn a_clock_that_is_not_faster_shows_the_worlds_time() {
        let before = world();
        let shown = SystemClock::anchored(1, Timestamp::from_millis(0)).now();
        assert!(before <= shown && shown <= world());
    }
}
