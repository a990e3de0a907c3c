//! The provider's dates: UTC, to the second.

use std::time::Duration;

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time, UtcOffset};

use crate::clock::Moment;

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// `2026-01-05T15:00:00Z`.
pub(super) fn stamp(moment: Moment) -> String {
    utc(moment).format(STAMP).unwrap_or_default()
}

/// The same day and time one year later; the last of February instead of a 29th that is not.
pub(super) fn a_year_after(moment: Moment) -> Moment {
    let from = utc(moment);
    let year = from.year() + 1;
    let later = from
        .replace_year(year)
        .or_else(|_| from.replace_day(28).and_then(|it| it.replace_year(year)));
    later.map_or_else(|_| moment.plus(days(365)), Moment::of)
}

pub(super) const fn days(days: u32) -> Duration {
    Duration::from_secs(days as u64 * 86_400)
}

/// Reads `2026-01-31`: the first moment of that day.
pub(super) fn read_day(text: &str) -> Option<Moment> {
    let day = Date::parse(text, DAY).ok()?;
    let first = OffsetDateTime::new_utc(day, Time::MIDNIGHT);
    (text.len() == 10).then(|| Moment::of(first))
}

/// Whether a text is a date of birth as the provider writes it.
pub(super) fn is_day(text: &str) -> bool {
    read_day(text).is_some()
}

fn utc(moment: Moment) -> OffsetDateTime {
    moment.at_offset(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> String {
        stamp(a_year_after(Moment::read(text).unwrap()))
    }

    #[test]
    fn an_authorization_runs_for_one_year() {
        assert_eq!(after("2026-01-05T15:00:00Z"), "2027-01-05T15:00:00Z");
        assert_eq!(after("2027-03-01T00:00:00Z"), "2028-03-01T00:00:00Z");
        assert_eq!(after("2028-02-29T12:30:00Z"), "2029-02-28T12:30:00Z");
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(
            read_day("2026-01-31").map(stamp).as_deref(),
            Some("2026-01-31T00:00:00Z")
        );
        for refused in [
            "",
            "2026-13-01",
            "31/01/2026",
            "2026-1-31",
            "2026-01-31T00:00:00Z",
        ] {
            assert_eq!(read_day(refused), None, "{refused}");
        }
    }
}
