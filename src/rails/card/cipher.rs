//! The browser's AES.

use js_sys::{Promise, Uint8Array};
use ventanilla_core::rails::card::SealedCardMessage;
use ventanilla_core::seal::Unsealed;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(module = "/src/rails/card/cipher.js")]
extern "C" {
    /// The ciphertext, a `Uint8Array`.
    fn encrypt(key: &[u8], counter: &[u8], text: &[u8]) -> Promise;
}

/// Whether the browser encrypts for this page.
pub fn is_there() -> bool {
    web_sys::window().is_some_and(|window| window.is_secure_context())
}

/// Seals a card; `None` when the browser did not.
pub async fn seal(unsealed: Unsealed) -> Option<SealedCardMessage> {
    let sealed = encrypt(&*unsealed.key, &unsealed.counter, &unsealed.plaintext);
    let ciphertext: Uint8Array = JsFuture::from(sealed).await.ok()?.unchecked_into();
    Some(unsealed.sealed(&ciphertext.to_vec()))
}
