//! The sandbox's time: the machine's clock, optionally faster, and it can be moved on by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::macros::{format_description, offset};
use time::{OffsetDateTime, UtcOffset};

/// Costa Rica keeps UTC-6 the whole year.
const PROVIDER_ZONE: UtcOffset = offset!(-6);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Moment(i64);

impl Moment {
    /// Whether `duration` has gone by between `self` and `now`.
    pub(crate) fn is_older_than(self, duration: Duration, now: Self) -> bool {
        i128::from(now.0) - i128::from(self.0)
            > i128::try_from(duration.as_millis()).unwrap_or(i128::MAX)
    }

    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    fn local(self) -> OffsetDateTime {
        self.date_time().to_offset(PROVIDER_ZONE)
    }

    /// RFC 3339 in UTC with milliseconds.
    pub(crate) fn rfc3339(self) -> String {
        self.date_time()
            .format(format_description!(
                "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
            ))
            .unwrap_or_default()
    }

    /// The provider's own date: local time, and it does not say of which zone.
    pub(crate) fn without_zone(self) -> String {
        self.local()
            .format(format_description!(
                "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]"
            ))
            .unwrap_or_default()
    }

    /// `MMDD`, local.
    pub(crate) fn month_and_day(self) -> String {
        self.local()
            .format(format_description!("[month][day]"))
            .unwrap_or_default()
    }

    /// `HHMMSS`, local.
    pub(crate) fn time_of_day(self) -> String {
        self.local()
            .format(format_description!("[hour][minute][second]"))
            .unwrap_or_default()
    }

    /// Year and month, local.
    pub(crate) fn year_and_month(self) -> (u16, u8) {
        let local = self.local();
        (
            u16::try_from(local.year()).unwrap_or(u16::MAX),
            u8::from(local.month()),
        )
    }
}

#[derive(Debug)]
pub(crate) struct Clock {
    speed: u32,
    started: Instant,
    started_at: i64,
    moved_on: AtomicI64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(crate) fn new(speed: u32) -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            speed: speed.max(1),
            started: Instant::now(),
            started_at: i64::try_from(since_epoch.as_millis()).unwrap_or_default(),
            moved_on: AtomicI64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let gone_by = self.started.elapsed().saturating_mul(self.speed);
        Moment(
            self.started_at
                .saturating_add(self.moved_on.load(Ordering::Relaxed)),
        )
        .plus(gone_by)
    }

    pub(crate) fn move_on(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        // No sum of durations a person sends comes near the limit of 292 million years.
        self.moved_on.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) fn forget_moves(&self) {
        self.moved_on.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_dates_are_costa_rican_and_do_not_say_so() {
        // 2026-01-01T03:04:05.678Z is still the evening of New Year's Eve in San José.
        let moment = Moment(1_767_236_645_678);
        assert_eq!(moment.rfc3339(), "2026-01-01T03:04:05.678Z");
        assert_eq!(moment.without_zone(), "2025-12-31T21:04:05.678");
        assert_eq!(moment.month_and_day(), "1231");
        assert_eq!(moment.time_of_day(), "210405");
        assert_eq!(moment.year_and_month(), (2025, 12));
    }

    #[test]
    fn a_clock_moved_on_by_hand_stays_moved_on() {
        let clock = Clock::new(1);
        let before = clock.now();
        clock.move_on(Duration::from_secs(1_800));
        assert!(before.is_older_than(Duration::from_millis(1_799_999), clock.now()));
        clock.forget_moves();
        assert!(!before.is_older_than(Duration::from_secs(600), clock.now()));
    }
}
