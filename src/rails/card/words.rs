//! What is said about a card.

use alloc::string::{String, ToString};

use ventanilla_core::card::{CvcError, ExpiryError, HolderError, PanError};

use crate::locale::{Texts, fill};

impl Texts {
    /// What to do about a card number.
    #[must_use]
    pub fn pan_error(&self, error: PanError) -> String {
        String::from(match error {
            PanError::Empty => self.number_empty,
            PanError::NotDigits => self.number_not_digits,
            PanError::TooShort { missing: 1 } => self.number_one_missing,
            PanError::TooShort { missing } => {
                return fill(self.number_missing, "n", &missing.to_string());
            }
            PanError::TooLong => self.number_too_long,
            PanError::CheckDigit => self.number_check,
        })
    }

    /// What to do about an expiry.
    #[must_use]
    pub const fn expiry_error(&self, error: ExpiryError) -> &'static str {
        match error {
            ExpiryError::Empty => self.expiry_empty,
            ExpiryError::Incomplete => self.expiry_incomplete,
            ExpiryError::Month => self.expiry_month,
            ExpiryError::Past => self.expiry_past,
            ExpiryError::TooFar => self.expiry_too_far,
        }
    }

    /// What to do about a CVC.
    #[must_use]
    pub fn cvc_error(&self, error: CvcError) -> String {
        String::from(match error {
            CvcError::Empty => self.cvc_empty,
            CvcError::NotDigits => self.cvc_not_digits,
            CvcError::Length { expected } => {
                return fill(self.cvc_length, "n", &expected.to_string());
            }
        })
    }

    /// What to do about the name on a card.
    #[must_use]
    pub const fn holder_error(&self, error: HolderError) -> &'static str {
        match error {
            HolderError::Empty => self.holder_empty,
            HolderError::TooShort => self.holder_too_short,
            HolderError::TooLong => self.holder_too_long,
            HolderError::LooksLikeNumber => self.holder_number,
            HolderError::Characters => self.holder_characters,
        }
    }

    /// One of the installment plans, each amount already written out.
    #[must_use]
    pub fn plan(&self, count: u8, each: &str, even: bool) -> String {
        let text = match (count, even) {
            (1, _) => self.installments_once,
            (_, true) => self.installments_even,
            (_, false) => self.installments_about,
        };
        fill(&fill(text, "n", &count.to_string()), "amount", each)
    }
}
