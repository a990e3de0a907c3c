//! When what is in doubt is read. Pure: time and chance are parameters.

use std::time::Duration;

use crate::clock::Timestamp;

/// Two reads of the same payment are at least so far apart.
pub const MIN_GAP: Duration = Duration::from_secs(2);
/// After so long in doubt somebody must look.
pub const REVIEW_AFTER: Duration = days(7);
/// What is in review is read again after this, until [`REVIEW_AFTER`].
pub const REVIEW_GAP: Duration = minutes(60);
/// A negative end that had been in doubt is read again so long after it.
const SECOND_LOOKS: [Duration; 2] = [days(1), days(3)];
/// And so long after its sender reported, later than that end, that the call may have gone out.
const LATE_LOOKS: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    minutes(1),
    minutes(5),
    minutes(20),
    minutes(60),
];
/// A read that failed is repeated within this.
const READ_RETRY: Duration = minutes(10);

/// When attempts are read, counted from the moment of doubt. 36 minutes is the first read behind
/// GreenPay's fence; 2 h 40 min is the last moment that leaves time for a void.
pub const ATTEMPTS: [Duration; 18] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
    minutes(1),
    minutes(2),
    minutes(5),
    minutes(10),
    minutes(20),
    minutes(36),
    minutes(60),
    minutes(120),
    minutes(160),
    minutes(6 * 60),
    minutes(12 * 60),
    days(1),
    days(2),
];

/// When operations are read, counted from the moment of doubt; also when one that cannot be sent yet
/// is taken up again, counted from its beginning.
pub const OPERATIONS: [Duration; 15] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
    minutes(1),
    minutes(2),
    minutes(5),
    minutes(10),
    minutes(20),
    minutes(60),
    minutes(160),
    minutes(6 * 60),
    minutes(12 * 60),
    days(1),
];

pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

pub const fn days(count: u64) -> Duration {
    minutes(count * 24 * 60)
}

/// A planned moment.
pub struct Planned {
    /// Counted from the moment of doubt, before chance has its say.
    pub offset: Duration,
    /// When it is.
    pub at: Timestamp,
}

/// The next moment of `schedule`, and after its end the same time every day.
///
/// `jitter` spreads moments over time: −200 to 200 thousandths of the gap.
pub fn planned(schedule: &[Duration], since: Timestamp, now: Timestamp, jitter: i32) -> Planned {
    let elapsed = now.since(since);
    let mut before = Duration::ZERO;
    let mut next = None;
    for offset in schedule {
        if *offset > elapsed {
            next = Some(*offset);
            break;
        }
        before = *offset;
    }
    let offset = next.unwrap_or_else(|| {
        while before + days(1) <= elapsed {
            before += days(1);
        }
        before + days(1)
    });
    let gap = i64::try_from((offset - before).as_millis()).unwrap_or(0);
    Planned {
        offset,
        at: Timestamp::from_millis((since + offset).millis() + gap * i64::from(jitter) / 1000),
    }
}

/// As soon as a payment may be read again that was last read at `read`.
pub fn soonest(read: Option<Timestamp>, now: Timestamp) -> Timestamp {
    read.map_or(now, |read| now.max(read + MIN_GAP))
}

/// The next look at a negative end that had been in doubt, or has come to be since; none after the last.
pub fn second_look(
    doubted_at: Option<Timestamp>,
    settled_at: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let doubted_at = doubted_at?;
    let late = LATE_LOOKS.map(|offset| doubted_at + offset);
    let late = late.into_iter().filter(|_| doubted_at > settled_at);
    let second = SECOND_LOOKS.map(|offset| settled_at + offset);
    late.chain(second).filter(|look| *look > now).min()
}

/// The next read after one that failed: it proved nothing, and late in a schedule the next is hours
/// away.
pub fn after_failure(planned: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    planned.map(|at| at.min(now + READ_RETRY))
}

/// When a look at a negative end is repeated that failed.
pub fn second_look_again(settled_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (now < settled_at + REVIEW_AFTER).then(|| now + READ_RETRY)
}

/// The next read of what is in review.
pub fn in_review(unknown_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let since = unknown_at.unwrap_or(now);
    (now.since(since) < REVIEW_AFTER).then(|| now + REVIEW_GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBT: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[test]
    fn moments_follow_the_schedule_with_a_fifth_of_the_gap_either_way() {
        for schedule in [&ATTEMPTS[..], &OPERATIONS[..]] {
            let mut before = Duration::ZERO;
            for offset in schedule {
                let now = DOUBT + before;
                let nominal = planned(schedule, DOUBT, now, 0);
                assert_eq!(nominal.at, DOUBT + *offset);
                assert_eq!(nominal.offset, *offset);
                let allowed = (*offset - before) / 5;
                assert_eq!(planned(schedule, DOUBT, now, -200).at + allowed, nominal.at);
                assert_eq!(planned(schedule, DOUBT, now, 200).at, nominal.at + allowed);
                before = *offset;
            }
        }
    }

    #[test]
    fn after_the_schedule_there_is_a_moment_every_day() {
        for schedule in [&ATTEMPTS[..], &OPERATIONS[..]] {
            for day in 2..7 {
                let now = DOUBT + days(day) + minutes(5);
                assert_eq!(planned(schedule, DOUBT, now, 0).at, DOUBT + days(day + 1));
            }
        }
    }

    #[test]
    fn a_negative_end_is_looked_at_after_one_day_and_after_three_however_often_in_between() {
        let (first, last) = (DOUBT + days(1), DOUBT + days(3));
        for (now, expected) in [
            (DOUBT, Some(first)),
            (DOUBT + minutes(3), Some(first)),
            (first, Some(last)),
            (first + minutes(3), Some(last)),
            (last, None),
            (last + days(30), None),
        ] {
            assert_eq!(second_look(Some(DOUBT), DOUBT, now), expected, "{now:?}");
            assert_eq!(second_look(None, DOUBT, now), None);
        }
    }

    #[test]
    fn a_negative_end_that_came_to_be_doubted_is_looked_at_from_that_moment_on() {
        let late = DOUBT + minutes(600);
        for (now, expected) in [
            (late, late + Duration::from_secs(2)),
            (
                late + Duration::from_secs(2),
                late + Duration::from_secs(10),
            ),
            (late + minutes(1), late + minutes(5)),
            (late + minutes(59), late + minutes(60)),
            (late + minutes(60), DOUBT + days(1)),
            (DOUBT + days(1), DOUBT + days(3)),
        ] {
            assert_eq!(second_look(Some(late), DOUBT, now), Some(expected));
        }
    }

    #[test]
    fn a_read_that_failed_is_repeated_within_ten_minutes_or_when_it_was_planned() {
        for (planned, expected) in [
            (Some(DOUBT + minutes(600)), Some(DOUBT + minutes(10))),
            (Some(DOUBT + minutes(2)), Some(DOUBT + minutes(2))),
            (None, None),
        ] {
            assert_eq!(after_failure(planned, DOUBT), expected);
        }
    }

    #[test]
    fn what_is_in_review_is_read_hourly_for_a_week() {
        let last = DOUBT + days(7);
        assert_eq!(in_review(Some(DOUBT), DOUBT), Some(DOUBT + minutes(60)));
        assert_eq!(in_review(Some(DOUBT), last), None);
    }
}
