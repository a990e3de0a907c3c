//! When a webhook that was not taken is tried again.

use std::time::Duration;

use http::{HeaderMap, header};
use time::PrimitiveDateTime;

use crate::clock::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Seconds after each try that failed. All together about three days: a weekend in which nobody looks
/// at a receiver that is down.
pub(super) const PAUSES: [u64; 11] = [
    5,
    30,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// The longest wait that a receiver may ask for.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * HOUR);

/// The pause after the try that failed when `tried` had failed before it; none when that was the last.
///
/// `jitter` is in thousandths, −200 to 200. The receiver's own `not_before` is kept to where it is
/// longer; where it is shorter, the schedule holds, or the tries would be used up in no time.
pub(super) fn pause(tried: u32, jitter: i32, not_before: Option<Duration>) -> Option<Duration> {
    let secs = PAUSES.get(usize::try_from(tried).ok()?)?;
    let thousandths = u64::try_from(1000 + jitter.clamp(-200, 200)).unwrap_or(1000);
    let planned = Duration::from_millis(secs * thousandths);
    Some(planned.max(not_before.unwrap_or_default().min(LONGEST_WAIT)))
}

/// How long the header `Retry-After` asks to wait, seconds or a date; none when it says nothing that
/// can be read.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    const HTTP_DATE: &[time::format_description::BorrowedFormatItem<'_>] = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let told = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = told.parse() {
        return Some(Duration::from_secs(secs));
    }
    let moment = PrimitiveDateTime::parse(told, HTTP_DATE).ok()?.assume_utc();
    let millis = moment.unix_timestamp().checked_mul(1000)?;
    Some(Timestamp::from_millis(millis).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_go_on_for_three_days_and_then_end() {
        let pauses: Vec<Duration> = (0..).map_while(|tried| pause(tried, 0, None)).collect();
        assert_eq!(pauses.len(), PAUSES.len());
        assert_eq!(pauses[0], Duration::from_secs(5));
        let total: Duration = pauses.iter().sum();
        assert!((72..78).contains(&(total.as_secs() / HOUR)), "{total:?}");
        assert!(pauses.is_sorted());
        assert_eq!(pause(u32::MAX, 0, None), None);
    }

    #[test]
    fn a_pause_is_shorter_or_longer_by_a_fifth_at_most() {
        let secs = Duration::from_secs;
        assert_eq!(pause(0, -200, None), Some(secs(4)));
        assert_eq!(pause(0, 200, None), Some(secs(6)));
        assert_eq!(pause(0, 9_999, None), Some(secs(6)));
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_but_not_for_a_shorter_one() {
        let secs = Duration::from_secs;
        assert_eq!(pause(0, 0, Some(secs(60))), Some(secs(60)));
        assert_eq!(pause(0, 0, Some(secs(1))), Some(secs(5)));
        assert_eq!(pause(0, 0, Some(secs(u64::MAX))), Some(LONGEST_WAIT));
        // The last try stays the last.
        assert_eq!(pause(11, 0, Some(secs(60))), None);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = Timestamp::from_millis(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT
        let told = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(told("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            told("Sun, 06 Nov 1994 08:50:37 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(told("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        for text in [
            "",
            "soon",
            "-1",
            "1.5",
            "99999999999999999999999",
            "Sun, 99 Nov 1994 08:50:37 GMT",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
