//! The clock that proxies and sandbox share: real time until an anchor, and so many times faster from
//! there on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A scaled clock.
#[derive(Clone, Copy, Debug)]
pub struct ScaledClock {
    anchor_ms: i64,
    speed: u32,
}

impl ScaledClock {
    /// A clock that runs `speed` times faster from now on.
    #[must_use]
    pub fn start(speed: u32) -> Self {
        Self {
            anchor_ms: wall_ms(),
            speed: speed.max(1),
        }
    }

    /// The same clock, `by` further on: for a program that was away so long, as far as it can tell.
    /// A clock that runs no faster than real time stays as it is.
    #[must_use]
    pub fn ahead(self, by: Duration) -> Self {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let gained_per_ms = i64::from(self.speed) - 1;
        // An earlier anchor: what has gone by since then counts so many times.
        let earlier = by_ms.checked_div(gained_per_ms).unwrap_or(0);
        Self {
            anchor_ms: self.anchor_ms.saturating_sub(earlier),
            ..self
        }
    }

    /// How many times faster than real time.
    #[must_use]
    pub const fn speed(self) -> u32 {
        self.speed
    }

    /// The moment from which it runs faster, RFC 3339 in UTC.
    #[must_use]
    pub fn anchor(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.anchor_ms) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .expect("now lies between the years 1970 and 9999")
    }

    /// The scaled time in milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(self) -> i64 {
        let gone_by = wall_ms().saturating_sub(self.anchor_ms);
        self.anchor_ms + gone_by.saturating_mul(i64::from(self.speed))
    }

    /// How much real time `scaled` takes.
    #[must_use]
    pub fn real(self, scaled: Duration) -> Duration {
        scaled / self.speed
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the campaign's clock")]
fn wall_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// A moment in RFC 3339 as milliseconds since the epoch.
#[must_use]
pub fn parse_ms(text: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_shows_so_much_more() {
        let clock = ScaledClock::start(31);
        let by = Duration::from_secs(3_000);
        let ahead = clock.ahead(by);
        let shown = ahead.now_ms() - clock.now_ms();
        assert!((3_000_000 - 31..=3_000_000).contains(&shown), "{shown}");
        let real = ScaledClock::start(1);
        assert_eq!(real.ahead(by).anchor_ms, real.anchor_ms);
    }

    #[test]
    fn the_anchor_reads_back_to_the_millisecond() {
        let clock = ScaledClock {
            anchor_ms: 1_795_000_000_123,
            speed: 60,
        };
        assert_eq!(clock.anchor(), "2026-11-18T11:06:40.123Z");
        assert_eq!(parse_ms(&clock.anchor()), Some(1_795_000_000_123));
        assert_eq!(clock.real(Duration::from_secs(60)), Duration::from_secs(1));
    }
}
