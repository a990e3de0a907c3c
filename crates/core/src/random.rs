//! Randomness, as a parameter.

/// Where random bytes come from: `crypto.getRandomValues` in a browser, the operating system in the
/// proxy, a fixed sequence in a test.
pub trait RandomSource {
    /// Fills `bytes` with bytes uniform over the full range 0 to 255.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the source cannot vouch for every byte; `bytes` is then not to be used.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The random source could not deliver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RandomError;

impl core::fmt::Display for RandomError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the random source delivered no bytes")
    }
}

impl core::error::Error for RandomError {}

/// Random sources for this crate's own tests.
#[cfg(test)]
pub(crate) mod tests {
    use super::{RandomError, RandomSource};

    /// A repeatable sequence (SplitMix64).
    pub(crate) struct Sequence(pub(crate) u64);

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

    /// The same byte for ever.
    pub(crate) struct Stuck(pub(crate) u8);

    impl RandomSource for Stuck {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
            bytes.fill(self.0);
            Ok(())
        }
    }
}
