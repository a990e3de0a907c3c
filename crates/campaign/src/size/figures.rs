//! What the measured times say.

use std::time::Duration;

/// The large store's p99 may be so many times the small one's.
pub(super) const LIMIT: f64 = 1.2;

/// Whether a ratio is within the limit; one of nothing is not.
pub(super) fn is_within(ratio: f64) -> bool {
    ratio <= LIMIT
}

/// One block: the times of its checkouts on each store, shortest first.
#[derive(Debug)]
pub(super) struct Block {
    small: Vec<Duration>,
    large: Vec<Duration>,
}

impl Block {
    pub fn of(mut small: Vec<Duration>, mut large: Vec<Duration>) -> Self {
        small.sort_unstable();
        large.sort_unstable();
        Self { small, large }
    }

    /// The p99 on the small and on the large store.
    pub fn p99(&self) -> [Duration; 2] {
        [percentile(&self.small, 99), percentile(&self.large, 99)]
    }

    /// How many times as long the p99 is on the large store.
    pub fn ratio(&self) -> f64 {
        let [small, large] = self.p99();
        large.as_secs_f64() / small.as_secs_f64()
    }
}

/// The median of the blocks' ratios; of an even number, the greater of the two in the middle.
pub(super) fn median_ratio(blocks: &[Block]) -> f64 {
    let mut ratios: Vec<f64> = blocks.iter().map(Block::ratio).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The times of all blocks together on the small and on the large store, shortest first.
pub(super) fn together(blocks: &[Block]) -> [Vec<Duration>; 2] {
    let all = |of: fn(&Block) -> &Vec<Duration>| {
        let mut all: Vec<Duration> = blocks.iter().flat_map(of).copied().collect();
        all.sort_unstable();
        all
    };
    [all(|block| &block.small), all(|block| &block.large)]
}

/// The nearest rank: the shortest time that at least `share` of a hundred do not exceed. `sorted` is
/// shortest first; of none it is no time at all.
pub(crate) fn percentile(sorted: &[Duration], share: usize) -> Duration {
    let rank = (sorted.len() * share).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(range: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        range.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let hundred = millis(1..=100);
        assert_eq!(percentile(&hundred, 50), Duration::from_millis(50));
        assert_eq!(percentile(&hundred, 99), Duration::from_millis(99));
        assert_eq!(percentile(&hundred, 100), Duration::from_millis(100));
        assert_eq!(percentile(&millis([7]), 99), Duration::from_millis(7));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn one_bad_block_of_three_does_not_decide() {
        let block = |small, large| Block::of(millis([1, small]), millis([large, 1]));
        let blocks = [block(10, 11), block(10, 90), block(10, 12)];
        assert!((median_ratio(&blocks) - 1.2).abs() < 1e-9);
        assert!((blocks[1].ratio() - 9.0).abs() < 1e-9);
        assert_eq!(together(&blocks)[1], millis([1, 1, 1, 11, 12, 90]));
    }

    #[test]
    fn nothing_measured_is_never_within_the_limit() {
        assert!(!is_within(median_ratio(&[])));
        let empty = [Block::of(Vec::new(), Vec::new())];
        assert!(!is_within(median_ratio(&empty)));
        assert!(is_within(1.2));
        assert!(!is_within(1.21));
    }
}
