//! Chance that can be repeated, and chance that must not be.

use ventanilla_core::random::{RandomError, RandomSource};

/// Chance that is the same for the same seed (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(mixed(seed))
    }

    /// The sequence of `number` within this one; takes nothing from it.
    #[must_use]
    pub const fn of(&self, number: u64) -> Self {
        Self(mixed(self.0 ^ mixed(number.wrapping_add(0x51_7c_c1_b7))))
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// From 0 to `limit` − 1; 0 for a limit of 0.
    pub const fn below(&mut self, limit: u64) -> u64 {
        match self.next().checked_rem(limit) {
            Some(number) => number,
            None => 0,
        }
    }

    /// From `least` to `most`, both included.
    pub const fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True in `share` of a hundred cases.
    pub const fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// One of `all`.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(all.len() as u64)).unwrap_or(0);
        all.get(index).expect("there is something to pick from")
    }
}

const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The operating system's randomness, for what seals a card.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl RandomSource for System {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

/// `N` bytes of the operating system's randomness.
///
/// # Panics
///
/// When the operating system has none.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_branches_do_not_disturb_them() {
        let mut one = Dice::new(7);
        let mut two = Dice::new(7);
        assert_eq!(one.next(), two.next());
        let _ = one.of(3).next();
        assert_eq!(one.next(), two.next());
        assert_ne!(one.of(3).next(), one.of(4).next());
        assert_ne!(Dice::new(7).next(), Dice::new(8).next());
    }

    #[test]
    fn between_reaches_both_ends_and_nothing_else() {
        let mut dice = Dice::new(1);
        let mut seen = [0; 4];
        for _ in 0..1_000 {
            let number = dice.between(2, 5);
            seen[usize::try_from(number).unwrap() - 2] += 1;
        }
        assert!(seen.iter().all(|times| *times > 150), "{seen:?}");
    }
}
