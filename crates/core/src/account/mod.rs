//! Where money goes in Argentina, and to whom: CBU and CVU, alias, CUIT.
//!
//! A value of these types was checked when it was made. None of them proves that an account or a
//! person exists, nor that one belongs to the other: check digits catch slips of the keyboard, not
//! all of them, so whoever pays must still be shown the holder's name.
//!
//! They are written out on purpose only: `Debug` masks what is personal.

mod alias;
mod cuit;
mod number;

pub use alias::{Alias, AliasError};
pub use cuit::{Cuit, CuitError, CuitKind};
pub use number::{Account, AccountError, AccountKind};

/// Why a text is not so many digits.
enum NotDigits {
    Empty,
    Characters,
    Length { found: u8 },
}

/// Reads `N` ASCII digits, spaces and hyphens between them ignored, white space around them too.
///
/// ASCII only: a full-width or Arabic digit looks like what it stands for to a person, and like
/// nothing at all to a bank.
fn digits<const N: usize>(text: &str) -> Result<[u8; N], NotDigits> {
    let text = text.trim();
    // A hyphen at either end is a sign, or what is left of a longer text.
    if text.starts_with('-') || text.ends_with('-') {
        return Err(NotDigits::Characters);
    }
    let mut digits = [b'0'; N];
    let mut found = 0_u8;
    for byte in text.bytes().filter(|b| !matches!(b, b' ' | b'-')) {
        if !byte.is_ascii_digit() {
            return Err(NotDigits::Characters);
        }
        if let Some(slot) = digits.get_mut(usize::from(found)) {
            *slot = byte;
        }
        found = found.saturating_add(1);
    }
    match found {
        0 => Err(NotDigits::Empty),
        found if usize::from(found) == N => Ok(digits),
        found => Err(NotDigits::Length { found }),
    }
}

/// The text of digits.
fn text(digits: &[u8]) -> &str {
    core::str::from_utf8(digits).unwrap_or_default()
}
