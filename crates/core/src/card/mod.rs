//! Payment cards: number, expiry, CVC, holder, brands, and the text of the fields they are typed
//! into.
//!
//! A value of these types was checked when it was made; there is nothing left to validate. The types
//! that hold card data cannot be printed, compared, copied or serialised, and overwrite what they
//! hold when they are dropped.

mod brand;
mod cvc;
mod expiry;
mod holder;
mod pan;
pub mod typing;

pub use brand::Brand;
pub use cvc::{Cvc, CvcError};
pub use expiry::{Expiry, ExpiryError, MAX_YEARS_AHEAD, YearMonth};
pub use holder::{Holder, HolderError};
pub use pan::{Last4, Pan, PanError};

/// Everything a buyer types to pay with a card.
pub struct Card {
    /// The card number.
    pub pan: Pan,
    /// When the card expires.
    pub expiry: Expiry,
    /// The card's CVC.
    pub cvc: Cvc,
    /// The name on the card.
    pub holder: Holder,
}

/// Whether people and programs put this character between the digits of a card number: any space,
/// and the hyphen with its typographic kin.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}
