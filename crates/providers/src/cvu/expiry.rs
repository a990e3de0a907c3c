//! When a payment link dies, in the form that survives every reading.
//!
//! The document gives the form of `expiration_date` as `Y-m-d H:m:s`. In PHP's date formats, from which
//! it is taken, the second `m` is the month again: a server that reads by it takes 18:30 as the month 30.
//! A minute that equals the month means the same moment, but for those minutes, under that reading, under
//! the intended one, and under a check that formats what was read and compares.

use std::time::Duration;

use super::moment::Moment;

/// When a payment link dies.
///
/// Unless the provider is known to read minutes, it can be chosen to the hour only, and is uncertain by as
/// many minutes as the month has number: in November a link dies between 18:00 and 18:11.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinkExpiry {
    text: String,
    earliest: Moment,
    latest: Moment,
}

impl LinkExpiry {
    /// The first expiry that is not before `wanted` under any reading; with `exact_minutes`, `wanted`
    /// itself.
    #[must_use]
    pub fn not_before(wanted: Moment, exact_minutes: bool) -> Self {
        if exact_minutes {
            return Self {
                text: wanted.buenos_aires_text(),
                earliest: wanted,
                latest: wanted,
            };
        }
        let earliest = wanted.next_full_hour();
        // Of the day that the expiry lies in, which need not be the day of `wanted`.
        let (_, month) = earliest.minute_and_month();
        let minutes = Duration::from_secs(u64::try_from(month * 60).unwrap_or_default());
        let latest = earliest.plus(minutes);
        Self {
            text: latest.buenos_aires_text(),
            earliest,
            latest,
        }
    }

    /// As it is sent: `2026-11-20 18:11:00`, Buenos Aires time.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Until when the link can be paid under every reading: what a buyer is shown.
    #[must_use]
    pub const fn earliest(&self) -> Moment {
        self.earliest
    }

    /// From when on the link cannot be paid under any reading.
    #[must_use]
    pub const fn latest(&self) -> Moment {
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        crate::cvu::moment::read(text).unwrap()
    }

    fn expiry(wanted: &str) -> LinkExpiry {
        LinkExpiry::not_before(at(wanted), false)
    }

    /// What PHP makes of the text by `Y-m-d H:m:s`: the second `m` sets the month again, and minutes that
    /// nobody set are zero.
    fn literally(text: &str) -> Moment {
        let parts: Vec<_> = text.split(['-', ' ', ':']).collect();
        let [year, _, day, hour, month, second] = parts[..] else {
            panic!("{text}");
        };
        at(&format!("{year}-{month}-{day} {hour}:00:{second}"))
    }

    #[test]
    fn the_minute_is_the_month_of_the_day_it_lies_in() {
        for (wanted, sent, shown) in [
            (
                "2026-11-21 17:30:00",
                "2026-11-21 18:11:00",
                "2026-11-21 18:00:00",
            ),
            (
                "2026-11-21 18:00:00",
                "2026-11-21 18:11:00",
                "2026-11-21 18:00:00",
            ),
            (
                "2026-11-21 18:00:01",
                "2026-11-21 19:11:00",
                "2026-11-21 19:00:00",
            ),
            (
                "2026-01-05 09:59:59",
                "2026-01-05 10:01:00",
                "2026-01-05 10:00:00",
            ),
            (
                "2026-02-28 08:20:00",
                "2026-02-28 09:02:00",
                "2026-02-28 09:00:00",
            ),
            (
                "2026-09-15 14:15:00",
                "2026-09-15 15:09:00",
                "2026-09-15 15:00:00",
            ),
            // Over the edge of a day, a month, a leap day and a year.
            (
                "2026-06-10 23:30:00",
                "2026-06-11 00:06:00",
                "2026-06-11 00:00:00",
            ),
            (
                "2026-11-30 23:15:00",
                "2026-12-01 00:12:00",
                "2026-12-01 00:00:00",
            ),
            (
                "2028-02-29 23:00:01",
                "2028-03-01 00:03:00",
                "2028-03-01 00:00:00",
            ),
            (
                "2026-12-31 23:59:59",
                "2027-01-01 00:01:00",
                "2027-01-01 00:00:00",
            ),
            // In UTC this is the next month already.
            (
                "2026-11-30 21:30:00",
                "2026-11-30 22:11:00",
                "2026-11-30 22:00:00",
            ),
        ] {
            let expiry = expiry(wanted);
            assert_eq!(expiry.text(), sent, "{wanted}");
            assert_eq!(expiry.earliest(), at(shown), "{wanted}");
            assert_eq!(expiry.latest(), at(sent), "{wanted}");
        }
    }

    #[test]
    fn no_reading_ends_a_link_before_what_was_wanted_or_what_is_shown() {
        let mut wanted = at("2026-01-01 00:00:00");
        while wanted < at("2028-03-05 00:00:00") {
            let expiry = LinkExpiry::not_before(wanted, false);
            for read in [at(expiry.text()), literally(expiry.text())] {
                assert!(
                    read >= wanted && read >= expiry.earliest(),
                    "{}",
                    expiry.text()
                );
                assert!(read <= expiry.latest(), "{}", expiry.text());
            }
            // What a check by round trip compares.
            let read = literally(expiry.text());
            let (_, month) = read.minute_and_month();
            assert_eq!(
                expiry.text().get(14..16),
                Some(format!("{month:02}").as_str())
            );
            assert!(expiry.earliest().unix_secs() - wanted.unix_secs() < 3600);
            wanted = wanted.plus(Duration::from_secs(1237));
        }
    }

    #[test]
    fn with_exact_minutes_it_is_what_was_wanted() {
        let wanted = at("2026-11-20 15:47:13");
        let expiry = LinkExpiry::not_before(wanted, true);
        assert_eq!(expiry.text(), "2026-11-20 15:47:13");
        assert_eq!((expiry.earliest(), expiry.latest()), (wanted, wanted));
    }
}
