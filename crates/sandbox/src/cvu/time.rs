//! The provider's dates: Buenos Aires, which they do not say, and UTC-3 the whole year.

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use crate::clock::Moment;

use super::options::CvuExpirationForm;

const ZONE: UtcOffset = offset!(-3);
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const DATE_AND_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// `2026-11-20 15:04:05`.
pub(super) fn date_and_time(moment: Moment) -> String {
    moment
        .at_offset(ZONE)
        .format(DATE_AND_TIME)
        .unwrap_or_default()
}

/// The day in Buenos Aires.
pub(super) fn day(moment: Moment) -> Date {
    moment.at_offset(ZONE).date()
}

/// Reads `2026-11-20`.
pub(super) fn read_day(text: &str) -> Option<Date> {
    Date::parse(text, DAY).ok()
}

/// `20/11/2026 15:04`, for people.
pub(super) fn spoken(moment: Moment) -> String {
    moment
        .at_offset(ZONE)
        .format(format_description!("[day]/[month]/[year] [hour]:[minute]"))
        .unwrap_or_default()
}

/// Reads `expiration_date`.
pub(super) fn read_expiration(text: &str, form: CvuExpirationForm) -> Option<Moment> {
    let (date, clock) = text.split_once(' ')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    // Four digits and twice two, three times two: nothing else is written like this.
    if date.len() != 10 || clock.len() != 8 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (month, minute) = match form {
        CvuExpirationForm::Minutes => (month, minute),
        CvuExpirationForm::AsWrittenStrict if minute != month => return None,
        // The later of the two months counts, and it may be a month 0 or 30.
        CvuExpirationForm::AsWritten | CvuExpirationForm::AsWrittenStrict => (minute, 0),
    };
    let months = year * 12 + month - 1;
    let first = Date::from_calendar_date(
        months.div_euclid(12),
        Month::try_from(u8::try_from(months.rem_euclid(12) + 1).ok()?).ok()?,
        1,
    )
    .ok()?;
    let date = first.checked_add(time::Duration::days(i64::from(day) - 1))?;
    let time = Time::from_hms(
        u8::try_from(hour).ok()?,
        u8::try_from(minute).ok()?,
        u8::try_from(second).ok()?,
    )
    .ok()?;
    Some(Moment::of(
        PrimitiveDateTime::new(date, time).assume_offset(ZONE),
    ))
}

fn numbers(text: &str, between: char) -> Option<[i32; 3]> {
    let mut parts = text.split(between).map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, form: CvuExpirationForm) -> Option<String> {
        read_expiration(text, form).map(date_and_time)
    }

    // The outcomes of PHP 8.2 with the format `Y-m-d H:m:s`.
    #[test]
    fn an_expiration_date_is_read_as_the_document_writes_its_format() {
        for (sent, read_as) in [
            ("2026-11-20 18:30:00", "2028-06-20 18:00:00"),
            ("2026-11-20 18:05:00", "2026-05-20 18:00:00"),
            ("2026-11-20 18:12:00", "2026-12-20 18:00:00"),
            ("2026-11-20 18:00:00", "2025-12-20 18:00:00"),
            ("2026-11-20 18:11:00", "2026-11-20 18:00:00"),
        ] {
            let read_as = Some(read_as.to_owned());
            assert_eq!(read(sent, CvuExpirationForm::AsWritten), read_as, "{sent}");
        }
    }

    #[test]
    fn read_strictly_only_a_minute_that_is_the_month_fits() {
        let strict = CvuExpirationForm::AsWrittenStrict;
        assert_eq!(read("2026-11-20 18:30:00", strict), None);
        assert_eq!(
            read("2026-11-20 18:11:09", strict).as_deref(),
            Some("2026-11-20 18:00:09")
        );
    }

    #[test]
    fn read_as_it_is_meant_minutes_are_minutes() {
        let meant = CvuExpirationForm::Minutes;
        assert_eq!(
            read("2026-11-20 18:30:15", meant).as_deref(),
            Some("2026-11-20 18:30:15")
        );
        for refused in [
            "",
            "2026-11-20",
            "2026-13-20 18:30:00",
            "2026-11-20T18:30:00",
            "2026-11-20 24:30:00",
            "2026-11-20 18:30",
            "26-11-20 18:30:00",
        ] {
            assert_eq!(read(refused, meant), None, "{refused}");
        }
    }

    #[test]
    fn a_day_ends_three_hours_after_that_of_utc() {
        let moment = Moment::read("2026-11-21T02:59:59Z").unwrap();
        assert_eq!(date_and_time(moment), "2026-11-20 23:59:59");
        assert_eq!(Some(day(moment)), read_day("2026-11-20"));
        assert_eq!(spoken(moment), "20/11/2026 23:59");
    }
}
