//! Random bytes from the browser.

use ventanilla_core::random::{RandomError, RandomSource};

/// `crypto.getRandomValues`.
pub struct BrowserRandom;

impl RandomSource for BrowserRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}
