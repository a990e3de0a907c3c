//! Card security codes.

use alloc::string::String;

use zeroize::Zeroizing;

use super::brand::Brand;

/// The longest CVC of any brand.
pub(super) const MAX_DIGITS: usize = 4;

/// A card's CVC: three digits, four on American Express. Neither printable nor serialisable.
///
/// ```compile_fail,E0277
/// fn print(cvc: &ventanilla_core::card::Cvc) -> String {
///     format!("{cvc:?}")
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn to_json(cvc: &ventanilla_core::card::Cvc) -> Result<String, serde_json::Error> {
///     serde_json::to_string(cvc)
/// }
/// ```
pub struct Cvc {
    /// On the heap, so that moving the value leaves no copy behind.
    digits: Zeroizing<String>,
}

/// Why a text is not a [`Cvc`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CvcError {
    /// Nothing there.
    Empty,
    /// A character that is not a digit.
    NotDigits,
    /// Too few digits, or too many.
    Length {
        /// How many digits the brand's CVC has; 3 when the brand is not known.
        expected: u8,
    },
}

impl core::fmt::Display for CvcError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("CVC must have 3 or 4 digits, found none"),
            Self::NotDigits => f.write_str("CVC must hold digits only, found another character"),
            Self::Length { expected } => write!(f, "CVC must have {expected} digits"),
        }
    }
}

impl core::error::Error for CvcError {}

impl Cvc {
    /// Reads a CVC of `brand`; with no brand, three and four digits are both accepted. Spaces around
    /// it are ignored.
    ///
    /// # Errors
    ///
    /// Each [`CvcError`], as its documentation says.
    pub fn parse(text: &str, brand: Option<Brand>) -> Result<Self, CvcError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CvcError::Empty);
        }
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(CvcError::NotDigits);
        }
        let fits = match brand {
            Some(brand) => text.len() == usize::from(brand.cvc_length()),
            None => matches!(text.len(), 3 | MAX_DIGITS),
        };
        if !fits {
            let expected = brand.map_or(3, Brand::cvc_length);
            return Err(CvcError::Length { expected });
        }
        Ok(Self {
            digits: Zeroizing::new(String::from(text)),
        })
    }

    /// The digits.
    pub(crate) fn digits(&self) -> &str {
        &self.digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, brand: Option<Brand>) -> Result<String, CvcError> {
        Cvc::parse(text, brand).map(|cvc| cvc.digits().into())
    }

    #[test]
    fn a_cvc_has_as_many_digits_as_its_brand_says() {
        for brand in Brand::ALL {
            for length in 0..7 {
                let text = "0".repeat(length);
                let expected = if length == usize::from(brand.cvc_length()) {
                    Ok(text.clone())
                } else if length == 0 {
                    Err(CvcError::Empty)
                } else {
                    Err(CvcError::Length {
                        expected: brand.cvc_length(),
                    })
                };
                assert_eq!(read(&text, Some(brand)), expected);
            }
        }
    }

    #[test]
    fn without_a_brand_three_and_four_digits_are_both_taken() {
        assert_eq!(read("012", None), Ok("012".into()));
        assert_eq!(read(" 0123 ", None), Ok("0123".into()));
        assert_eq!(read("01", None), Err(CvcError::Length { expected: 3 }));
        assert_eq!(read("01234", None), Err(CvcError::Length { expected: 3 }));
    }

    #[test]
    fn anything_but_digits_is_said_to_be_so() {
        for text in ["12a", "1 2", "-12", "١٢٣", "1.2"] {
            assert_eq!(read(text, None), Err(CvcError::NotDigits), "{text}");
        }
        assert_eq!(read("  ", None), Err(CvcError::Empty));
    }
}
