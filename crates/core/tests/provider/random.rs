//! Random sources for these tests.

use ventanilla_core::random::{RandomError, RandomSource};

/// A repeatable sequence (SplitMix64).
pub struct Sequence(pub u64);

impl RandomSource for Sequence {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for byte in bytes {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z >> 56) as u8;
        }
        Ok(())
    }
}

/// Delivers so many times, then fails for ever.
pub struct FailsAfter(pub u32, pub Sequence);

impl RandomSource for FailsAfter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        self.0 = self.0.checked_sub(1).ok_or(RandomError)?;
        self.1.fill(bytes)
    }
}

/// Claims success and writes nothing.
pub struct WritesNothing;

impl RandomSource for WritesNothing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), RandomError> {
        Ok(())
    }
}
