//! What the worker calls.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::Picture;

/// Reads a picture of `width` times `height` pixels, four bytes each as a canvas gives them: red, green, blue, alpha.
///
/// The text, or nothing: where there is no code, or the pixels are not as many as they should be.
#[wasm_bindgen]
#[must_use]
pub fn read(rgba: &[u8], width: u32, height: u32) -> Option<String> {
    crate::read(&Picture::from_rgba(rgba, width, height)?)
}
