//! Moments and days of the calendar, and where a client takes the time from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const DAY_SECS: i64 = 86_400;
/// The last second of the year 9999, in UTC.
const LAST: i64 = 253_402_300_799;

/// A moment: whole seconds since 1970-01-01T00:00:00Z, up to the end of the year 9999.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Moment(i64);

/// A day of the calendar, in the years 1970 to 9999. `Display` is `2026-11-20`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day {
    year: i64,
    month: i64,
    day: i64,
}

/// Where a client takes the time from. It is asked often and must not block.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

impl Moment {
    /// From seconds since 1970-01-01T00:00:00Z; what is out of range becomes the nearest moment in it.
    #[must_use]
    pub const fn from_unix_secs(secs: i64) -> Self {
        Self(if secs < 0 {
            0
        } else if secs > LAST {
            LAST
        } else {
            secs
        })
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_secs(self) -> i64 {
        self.0
    }

    /// The moment `duration` later; parts of a second do not count.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let secs = i64::try_from(duration.as_secs()).unwrap_or(LAST);
        Self::from_unix_secs(self.0.saturating_add(secs))
    }

    /// The moment `duration` earlier; parts of a second do not count.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let secs = i64::try_from(duration.as_secs()).unwrap_or(LAST);
        Self::from_unix_secs(self.0.saturating_sub(secs))
    }

    /// Reads `2026-11-20 15:04:05`, also with a `T` between, parts of a second, and `Z` or an offset such
    /// as `-03:00`. Without an offset it is `otherwise`, in seconds. Anything else is `None`.
    pub(crate) fn read(text: &str, otherwise: i64) -> Option<Self> {
        let day = Day::parse(text.get(..10)?)?;
        if !matches!(text.as_bytes().get(10)?, b' ' | b'T') {
            return None;
        }
        let time = text.get(11..19)?;
        let (hour, minute, second) = (
            number(time.get(..2)?)?,
            number(time.get(3..5)?)?,
            number(time.get(6..8)?)?,
        );
        let colons = [2, 5].map(|at| time.as_bytes().get(at) == Some(&b':'));
        if colons != [true; 2] || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut rest = text.get(19..)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if rest.len() == fraction.len() {
                return None;
            }
        }
        let offset = match rest {
            "" => otherwise,
            "Z" => 0,
            offset => read_offset(offset)?,
        };
        let of_day = hour * 3600 + minute * 60 + second;
        let secs = day.number() * DAY_SECS + of_day - offset;
        (0..=LAST).contains(&secs).then_some(Self(secs))
    }
}

impl Day {
    /// The day of UTC in which `moment` lies.
    #[must_use]
    pub const fn utc(moment: Moment) -> Self {
        Self::at(moment, 0)
    }

    /// The day in which `moment` lies where clocks are `offset` seconds ahead of UTC.
    pub(crate) const fn at(moment: Moment, offset: i64) -> Self {
        // Days since 0000-03-01, so that the leap day is the last of its year. Howard Hinnant,
        // "chrono-compatible low-level date algorithms": civil_from_days.
        let days = (moment.0 + offset).div_euclid(DAY_SECS) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self {
            year,
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
        }
    }

    /// 1 to 12.
    pub(crate) const fn month(self) -> i64 {
        self.month
    }

    /// Reads `2026-11-20`; `None` unless that is a day of the calendar.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return None;
        }
        let read = Self {
            year: number(text.get(..4)?)?,
            month: number(text.get(5..7)?)?,
            day: number(text.get(8..10)?)?,
        };
        if !(1970..=9999).contains(&read.year) || !(1..=12).contains(&read.month) {
            return None;
        }
        // What the calendar does not have comes back as another day.
        let noon = read.number() * DAY_SECS + DAY_SECS / 2;
        (Self::utc(Moment(noon)) == read).then_some(read)
    }

    /// Days since 1970-01-01: days_from_civil of the same source as above.
    pub(crate) const fn number(self) -> i64 {
        let year = if self.month <= 2 {
            self.year - 1
        } else {
            self.year
        };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted = if self.month > 2 {
            self.month - 3
        } else {
            self.month + 9
        };
        let of_year = (153 * shifted + 2) / 5 + self.day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        era * 146_097 + of_era - 719_468
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A number of nothing but ASCII digits.
fn number(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// `-03:00` or `+00:00`, in seconds.
fn read_offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 14 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_out_of_range_stay_in_it() {
        assert_eq!(Moment::from_unix_secs(-1).unix_secs(), 0);
        assert_eq!(Moment::from_unix_secs(i64::MAX).unix_secs(), LAST);
        assert_eq!(
            Moment::from_unix_secs(5).minus(Duration::MAX).unix_secs(),
            0
        );
        assert_eq!(
            Moment::from_unix_secs(5).plus(Duration::MAX).unix_secs(),
            LAST
        );
    }

    #[test]
    fn a_day_of_utc_ends_at_midnight() {
        let midnight = Moment::read("2026-11-21T00:00:00Z", 0).unwrap();
        assert_eq!(Day::utc(midnight).to_string(), "2026-11-21");
        let before = midnight.minus(Duration::from_secs(1));
        assert_eq!(Day::utc(before).to_string(), "2026-11-20");
    }
}
