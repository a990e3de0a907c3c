//! The sandbox's time: the machine's clock, optionally faster, and it can be moved on by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, UtcOffset};
use tokio::sync::Notify;

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

    pub(crate) fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Date and time in a zone.
    pub(crate) fn at_offset(self, offset: UtcOffset) -> OffsetDateTime {
        self.date_time().to_offset(offset)
    }

    pub(crate) fn of(date_time: OffsetDateTime) -> Self {
        Self(i64::try_from(date_time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
    }

    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn of_unix_millis(millis: u64) -> Self {
        Self(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) const fn unix_millis(self) -> i64 {
        self.0
    }

    fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    fn local(self) -> OffsetDateTime {
        self.date_time().to_offset(PROVIDER_ZONE)
    }

    /// Reads what [`Moment::rfc3339`] wrote.
    pub(crate) fn read(rfc3339: &str) -> Option<Self> {
        OffsetDateTime::parse(rfc3339, &Rfc3339).ok().map(Self::of)
    }

    /// Milliseconds since `earlier`; 0 if that is later.
    pub(crate) fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default()
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

    /// The provider's day, `2026-11-20`.
    pub(crate) fn local_day(self) -> String {
        self.local()
            .format(format_description!("[year]-[month]-[day]"))
            .unwrap_or_default()
    }

    /// The day of the month, local.
    pub(crate) fn local_day_of_month(self) -> u8 {
        self.local().day()
    }

    /// The midnight with which the day begins that is `months` months after the local day of this moment, or
    /// the last day of that month if it is shorter.
    pub(crate) fn midnight_after_months(self, months: u32) -> Self {
        let local = self.local();
        let month = i64::from(u8::from(local.month())) - 1 + i64::from(months);
        let year = i32::try_from(i64::from(local.year()) + month / 12).unwrap_or(9999);
        let month = u8::try_from(month % 12 + 1)
            .ok()
            .and_then(|month| time::Month::try_from(month).ok())
            .unwrap_or(time::Month::January);
        let day = local.day().min(month.length(year));
        time::Date::from_calendar_date(year, month, day).map_or(self, |date| {
            Self::of(date.midnight().assume_offset(PROVIDER_ZONE))
        })
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
    /// The scaled time at the start.
    started_at: Moment,
    /// How long the clock ran at the speed of the world's after the start: until an anchor to come.
    unscaled: Duration,
    moved_on: AtomicI64,
    moved: Notify,
}

impl Clock {
    /// A clock that runs `speed` times faster than the world's from `anchor` on, or from now on.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(crate) fn new(speed: u32, anchor: Option<SystemTime>) -> Self {
        Self::started_at(SystemTime::now(), speed, anchor)
    }

    /// The same, when the world's clock shows `now`.
    pub(crate) fn started_at(now: SystemTime, speed: u32, anchor: Option<SystemTime>) -> Self {
        let speed = speed.max(1);
        let anchor = anchor.unwrap_or(now);
        let (ahead, unscaled) = match now.duration_since(anchor) {
            // What has gone by counts `speed` times, of which `now` holds one.
            Ok(gone_by) => (gone_by.saturating_mul(speed - 1), Duration::ZERO),
            Err(to_come) => (Duration::ZERO, to_come.duration()),
        };
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            speed,
            started: Instant::now(),
            started_at: Moment(0).plus(since_epoch).plus(ahead),
            unscaled,
            moved_on: AtomicI64::new(0),
            moved: Notify::new(),
        }
    }

    /// How many times faster than the world's it runs.
    pub(crate) const fn speed(&self) -> u32 {
        self.speed
    }

    pub(crate) fn now(&self) -> Moment {
        self.after(self.started.elapsed())
    }

    fn after(&self, elapsed: Duration) -> Moment {
        let scaled = elapsed.saturating_sub(self.unscaled);
        let moved_on = u64::try_from(self.moved_on.load(Ordering::Relaxed)).unwrap_or_default();
        self.started_at
            .plus(elapsed - scaled)
            .plus(scaled.saturating_mul(self.speed))
            .plus(Duration::from_millis(moved_on))
    }

    /// Waits until this clock shows `moment`; also returns when a move was forgotten.
    pub(crate) async fn reaches(&self, moment: Moment) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // From here on a move is not missed.
            moved.as_mut().enable();
            let now = self.now();
            if now >= moment {
                return;
            }
            let left = Duration::from_millis(u64::try_from(moment.0 - now.0).unwrap_or_default());
            // At least a millisecond, the finest that the timer can do.
            let left = (left / self.speed).max(Duration::from_millis(1));
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = moved => {
                    if self.moved_on.load(Ordering::Relaxed) == 0 {
                        return;
                    }
                }
            }
        }
    }

    pub(crate) fn move_on(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        // No sum of durations a person sends comes near the limit of 292 million years.
        self.moved_on.fetch_add(millis, Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    pub(crate) fn forget_moves(&self) {
        self.moved_on.store(0, Ordering::Relaxed);
        self.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_later_it_is_midnight_in_costa_rica_on_the_same_day_or_the_last_one() {
        let later = |text: &str, months| {
            let moment = Moment::read(text).unwrap();
            moment.midnight_after_months(months).rfc3339()
        };
        // Still the 20th there.
        assert_eq!(later("2026-11-21T05:59:59Z", 0), "2026-11-20T06:00:00.000Z");
        assert_eq!(later("2026-11-21T06:00:00Z", 0), "2026-11-21T06:00:00.000Z");
        assert_eq!(later("2026-11-20T19:00:00Z", 2), "2027-01-20T06:00:00.000Z");
        assert_eq!(later("2027-01-31T19:00:00Z", 1), "2027-02-28T06:00:00.000Z");
        assert_eq!(
            later("2027-01-31T19:00:00Z", 13),
            "2028-02-29T06:00:00.000Z"
        );
    }

    #[test]
    fn provider_dates_are_costa_rican_and_do_not_say_so() {
        // 2026-01-01T03:04:05.678Z is still the evening of New Year's Eve in San José.
        let moment = Moment(1_767_236_645_678);
        assert_eq!(moment.rfc3339(), "2026-01-01T03:04:05.678Z");
        assert_eq!(moment.without_zone(), "2025-12-31T21:04:05.678");
        assert_eq!(moment.year_and_month(), (2025, 12));
        assert_eq!(Moment::read(&moment.rfc3339()), Some(moment));
    }

    #[test]
    fn a_clock_moved_on_by_hand_stays_moved_on() {
        let clock = Clock::new(1, None);
        let before = clock.now();
        clock.move_on(Duration::from_secs(1_800));
        assert!(before.is_older_than(Duration::from_millis(1_799_999), clock.now()));
        clock.forget_moves();
        assert!(!before.is_older_than(Duration::from_secs(600), clock.now()));
    }

    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn two_clocks_of_one_anchor_show_the_same_time_whenever_they_started() {
        let anchor = Some(at(1_000_000));
        let early = Clock::started_at(at(1_002_000), 60, anchor);
        let late = Clock::started_at(at(1_005_000), 60, anchor);
        assert_eq!(early.after(Duration::ZERO), Moment(1_000_000 + 60 * 2_000));
        assert_eq!(
            early.after(Duration::from_secs(3)),
            late.after(Duration::ZERO)
        );
    }

    #[test]
    fn until_an_anchor_to_come_time_goes_by_as_in_the_world() {
        let clock = Clock::started_at(at(1_000_000), 60, Some(at(1_002_000)));
        assert_eq!(clock.after(Duration::from_secs(1)), Moment(1_001_000));
        assert_eq!(clock.after(Duration::from_secs(2)), Moment(1_002_000));
        assert_eq!(clock.after(Duration::from_secs(3)), Moment(1_062_000));
    }

    #[test]
    fn without_an_anchor_the_clock_starts_with_the_worlds_time() {
        let clock = Clock::started_at(at(1_000_000), 60, None);
        assert_eq!(clock.after(Duration::ZERO), Moment(1_000_000));
        assert_eq!(clock.after(Duration::from_secs(1)), Moment(1_060_000));
    }

    #[tokio::test]
    async fn whoever_waits_for_a_moment_is_woken_when_the_clock_is_moved_past_it() {
        let clock = std::sync::Arc::new(Clock::new(1, None));
        let moment = clock.now().plus(Duration::from_secs(3_600));
        let waiting = tokio::spawn({
            let clock = std::sync::Arc::clone(&clock);
            async move { clock.reaches(moment).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.move_on(Duration::from_secs(3_601));
        waiting.await.unwrap();
    }
}
