//! What `expiresIn` means.

/// The seconds that a token has left. `expiresIn` has no unit: within a year of now it is a moment, in
/// seconds or milliseconds since the epoch; else a life, in seconds up to thirty days, above in milliseconds.
pub(super) fn life(expires_in: u64, now: i64) -> i64 {
    let number = i64::try_from(expires_in).unwrap_or(i64::MAX);
    for moment in [number, number / 1000] {
        let left = moment.saturating_sub(now);
        if left.abs() <= YEAR {
            return left;
        }
    }
    if number <= LIFE_MAX {
        number
    } else {
        number / 1000
    }
}

const YEAR: i64 = 365 * 86_400;
/// The longest life that is told in seconds.
const LIFE_MAX: i64 = 30 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_197_600;

    #[test]
    fn a_number_without_a_unit_is_a_moment_within_a_year_of_now_and_else_a_life() {
        for (expires_in, left) in [
            (1_795_219_200, 21_600),
            (1_795_219_200_000, 21_600),
            (1_795_219_200_999, 21_600),
            (1_795_197_600, 0),
            (1_795_100_000, -97_600),
            (1_826_733_600, YEAR),
            (0, 0),
            (3_600, 3_600),
            (2_592_000, 2_592_000),
            (2_592_001, 2_592),
            (3_600_000, 3_600),
            (604_800_000, 604_800),
            // More than a year from now in either unit: a life, and far above any bound.
            (1_826_733_601, 1_826_733),
            (u64::MAX, i64::MAX / 1000),
        ] {
            assert_eq!(life(expires_in, NOW), left, "{expires_in}");
        }
    }
}
