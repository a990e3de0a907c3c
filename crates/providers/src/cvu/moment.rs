//! Days of Buenos Aires: the provider writes its times without an offset.
//!
//! Argentina has kept UTC-03:00 all year since 2009, so no table of time zones is needed.

use std::fmt;

pub use crate::moment::Moment;

const BUENOS_AIRES_SECS: i64 = -3 * 3600;

/// A day of Buenos Aires, in the years 1970 to 9999. `Display` is `2026-11-20`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day(crate::moment::Day);

impl Day {
    /// The day of Buenos Aires in which `moment` lies.
    #[must_use]
    pub const fn of(moment: Moment) -> Self {
        Self(crate::moment::Day::at(moment, BUENOS_AIRES_SECS))
    }

    /// Reads `2026-11-20`; `None` unless that is a day of the calendar.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        crate::moment::Day::parse(text).map(Self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Moment {
    /// The first full hour that is not before this moment.
    pub(super) const fn next_full_hour(self) -> Self {
        Self::from_unix_secs((self.unix_secs() + 3599).div_euclid(3600) * 3600)
    }

    /// The full hour that is not after this moment.
    pub(super) const fn full_hour(self) -> Self {
        Self::from_unix_secs(self.unix_secs().div_euclid(3600) * 3600)
    }

    /// As the provider writes it: `2026-11-20 18:11:00`, Buenos Aires time.
    pub(super) fn buenos_aires_text(self) -> String {
        let of_day = (self.unix_secs() + BUENOS_AIRES_SECS).rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{} {hour:02}:{minute:02}:{second:02}", Day::of(self))
    }

    /// The minute within the hour, and the month of the year, in Buenos Aires.
    pub(super) const fn minute_and_month(self) -> (i64, i64) {
        (
            self.unix_secs().div_euclid(60) % 60,
            Day::of(self).0.month(),
        )
    }
}

/// As [`Moment::read`]; without an offset it is Buenos Aires time.
pub(super) fn read(text: &str) -> Option<Moment> {
    Moment::read(text, BUENOS_AIRES_SECS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str) -> Moment {
        read(text).unwrap()
    }

    #[test]
    fn a_time_without_an_offset_is_buenos_aires_time() {
        assert_eq!(at("2026-11-20 21:00:00").unix_secs(), 1_795_219_200);
        for same in [
            "2026-11-20T21:00:00",
            "2026-11-20T21:00:00.123456",
            "2026-11-20T21:00:00-03:00",
            "2026-11-21T00:00:00Z",
            "2026-11-21T00:00:00.000000Z",
            "2026-11-21 05:30:00+05:30",
        ] {
            assert_eq!(at(same), at("2026-11-20 21:00:00"), "{same}");
        }
    }

    #[test]
    fn what_is_not_wholly_a_time_is_none() {
        for text in [
            "",
            "2026-11-20",
            "2026-11-20 21:00",
            "2026-11-20 24:00:00",
            "2026-11-20 21:60:00",
            "2026-11-20 21:00:60",
            "2026-11-20x21:00:00",
            "2026-02-29 10:00:00",
            "2026-13-01 10:00:00",
            "2026-00-10 10:00:00",
            "2026-11-31 10:00:00",
            "20/11/2026 21:00:00",
            "2026-11-20 21-00-00",
            "2026-11-20 21:00:00 ",
            "2026-11-20 21:00:00.",
            "2026-11-20 21:00:00-3",
            "2026-11-20 21:00:00-03:0",
            "2026-11-20 +1:00:00",
            "２026-11-20 21:00:00",
            "1969-12-31 10:00:00",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_day_is_that_of_buenos_aires_at_both_of_its_edges() {
        assert_eq!(Day::of(at("2026-11-30 23:59:59")).to_string(), "2026-11-30");
        assert_eq!(Day::of(at("2026-12-01 00:00:00")).to_string(), "2026-12-01");
        // Already the next day in UTC.
        assert_eq!(
            Day::of(at("2026-12-31T23:30:00Z")).to_string(),
            "2026-12-31"
        );
        assert_eq!(
            Day::of(at("2027-01-01T02:59:59Z")).to_string(),
            "2026-12-31"
        );
        assert_eq!(
            Day::of(at("2027-01-01T03:00:00Z")).to_string(),
            "2027-01-01"
        );
    }

    #[test]
    fn every_day_for_centuries_reads_back_as_it_is_written_and_follows_the_one_before() {
        let mut moment = at("1970-01-02 12:00:00");
        let mut before = Day::of(moment);
        while moment < at("2405-01-01 00:00:00") {
            moment = moment.plus(Duration::from_secs(86_400));
            let day = Day::of(moment);
            assert!(day > before, "{day} after {before}");
            assert_eq!(day.0.number(), before.0.number() + 1, "{day}");
            assert_eq!(Day::parse(&day.to_string()), Some(day));
            assert_eq!(read(&moment.buenos_aires_text()), Some(moment));
            before = day;
        }
        assert_eq!(
            Day::parse("2024-02-29")
                .map(|day| day.to_string())
                .as_deref(),
            Some("2024-02-29")
        );
        assert_eq!(Day::parse("2100-02-29"), None);
    }
}
