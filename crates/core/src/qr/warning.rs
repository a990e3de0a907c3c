//! What is odd about a code, and no reason to refuse it.

use alloc::vec::Vec;

use super::object::Unit;
use super::read::{inner, is_digits};
use super::{Code, tag};

/// The most characters of a city.
const MAX_CITY: usize = 15;

/// The most characters of a postal code.
const MAX_POSTAL_CODE: usize = 10;

/// Something that is against the standard or the scheme, but stands on signs that wallets do pay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Warning {
    /// Object 51 holds no valid CBU or CVU.
    Account,
    /// An amount of 0, which stands for none.
    AmountZero,
    /// The checksum is in lower case.
    CrcLowerCase,
    /// The lengths count bytes; accents make the difference.
    LengthsInBytes,
    /// A template of 80 to 99 holds something other than objects.
    RawTemplate {
        /// Its tag.
        tag: u8,
    },
    /// Object 50 does not begin with the 11 digits of a tax identifier.
    TaxIdShape,
    /// A city or a postal code longer than the standard allows.
    TooLong {
        /// Its tag.
        tag: u8,
    },
}

impl Warning {
    /// A stable code, in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::AmountZero => "amount-zero",
            Self::CrcLowerCase => "crc-lower-case",
            Self::LengthsInBytes => "lengths-in-bytes",
            Self::RawTemplate { .. } => "raw-template",
            Self::TaxIdShape => "tax-id-shape",
            Self::TooLong { .. } => "too-long",
        }
    }
}

impl Code {
    /// What is odd about the code. Worth a line in the log; the code may be shown.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.unit == Unit::Bytes {
            warnings.push(Warning::LengthsInBytes);
        }
        for object in self.objects() {
            let (tag, value) = (object.tag, object.value);
            warnings.extend(match tag {
                tag::TAX_ID if !self.states_tax_id() => Some(Warning::TaxIdShape),
                tag::ACCOUNT if self.account().is_none() => Some(Warning::Account),
                tag::AMOUNT if !value.bytes().any(|b| matches!(b, b'1'..=b'9')) => {
                    Some(Warning::AmountZero)
                }
                tag::CITY if value.chars().count() > MAX_CITY => Some(Warning::TooLong { tag }),
                tag::POSTAL_CODE if value.chars().count() > MAX_POSTAL_CODE => {
                    Some(Warning::TooLong { tag })
                }
                tag::CRC if value.bytes().any(|b| b.is_ascii_lowercase()) => {
                    Some(Warning::CrcLowerCase)
                }
                _ if tag::is_free(tag) && inner(value, self.unit).is_none() => {
                    Some(Warning::RawTemplate { tag })
                }
                _ => None,
            });
        }
        warnings
    }

    fn states_tax_id(&self) -> bool {
        self.within(tag::TAX_ID, 0)
            .is_some_and(|value| value.len() == 11 && is_digits(value))
    }
}
