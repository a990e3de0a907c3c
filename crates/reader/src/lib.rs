//! Reads a QR code from the pixels of a camera frame or a picture.
//!
//! | file | what |
//! |---|---|
//! | `grey` | brightness of pixels, and a picture at half its size |
//! | `find` | where a code may be, and its modules: `rxing`'s detector |
//! | `words` | from modules to corrected bytes: `rxing`'s Reed-Solomon |
//! | `text` | from bytes to text, ISO/IEC 18004 section 7.4 |
//!
//! Compiled to a WebAssembly of its own, which runs in a worker: a picture that drives the detector into a panic
//! stops that worker and nothing of the checkout.

mod find;
mod grey;
mod text;
mod words;

pub use grey::Picture;

#[cfg(target_arch = "wasm32")]
mod browser;

/// The text of a QR code in a picture, dark on light or light on dark; `None` when there is none that can be read.
///
/// Tried at full size first. At half size what is left of noise and grain is averaged away, and a code that fills the
/// picture is as readable as before.
#[must_use]
pub fn read(picture: &Picture) -> Option<String> {
    find::read(picture).or_else(|| find::read(&picture.halved()?))
}

#[cfg(test)]
mod tests;
