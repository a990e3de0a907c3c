//! Seals a card as the widget does: `core` does everything but AES, which is the browser's own.
//!
//! Built with the profile that the widget is built with, and called by a page of `tests/bench`.

#![cfg(target_arch = "wasm32")]

use ventanilla_core::card::{Card, Cvc, Expiry, Holder, Pan, YearMonth};
use ventanilla_core::random::{RandomError, RandomSource};
use ventanilla_core::seal::{PinnedKey, ProviderKey, SealOptions, Unsealed, prepare};
use wasm_bindgen::prelude::wasm_bindgen;

/// `crypto.getRandomValues`.
struct BrowserRandom;

impl RandomSource for BrowserRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

/// The provider's key, read once, as the widget does when it opens the form.
#[wasm_bindgen]
pub struct Key(PinnedKey);

#[wasm_bindgen]
impl Key {
    /// Reads a public key; nothing when it is none that may be sealed to.
    pub fn read(text: &str) -> Option<Key> {
        let key = ProviderKey::parse(text).ok()?;
        let pins = [key.fingerprint()];
        key.pinned(&pins, true).ok().map(Key)
    }

    /// Everything but AES; nothing when a field is none.
    pub fn prepare(&self, number: &str, expiry: &str, cvc: &str, holder: &str) -> Option<Prepared> {
        let pan = Pan::parse(number).ok()?;
        let card = Card {
            expiry: Expiry::parse(expiry, TODAY).ok()?,
            cvc: Cvc::parse(cvc, pan.brand()).ok()?,
            holder: Holder::parse(holder).ok()?,
            pan,
        };
        prepare(&card, &SealOptions::default(), &self.0, &mut BrowserRandom)
            .ok()
            .map(Prepared)
    }
}

/// Earlier than any card of a bench expires.
const TODAY: YearMonth = YearMonth {
    year: 2026,
    month: 1,
};

/// What AES is still missing of.
#[wasm_bindgen]
pub struct Prepared(Unsealed);

#[wasm_bindgen]
impl Prepared {
    /// 16 bytes.
    pub fn key(&self) -> Vec<u8> {
        self.0.key.to_vec()
    }

    /// 16 bytes.
    pub fn counter(&self) -> Vec<u8> {
        self.0.counter.to_vec()
    }

    /// The card as JSON.
    pub fn plaintext(&self) -> Vec<u8> {
        self.0.plaintext.to_vec()
    }

    /// `ld` and `lk`, separated by a blank.
    pub fn sealed(self, ciphertext: &[u8]) -> String {
        let sealed = self.0.sealed(ciphertext);
        [sealed.ld.as_str(), sealed.lk.as_str()].join(" ")
    }
}
