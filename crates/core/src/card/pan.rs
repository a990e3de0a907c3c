//! Card numbers.

use alloc::string::String;

use zeroize::Zeroizing;

use super::brand::Brand;
use super::is_separator;

/// How many digits most cards have.
const USUAL_DIGITS: usize = 16;

/// The longest card number, by ISO/IEC 7812-1.
pub(super) const MAX_DIGITS: usize = 19;

/// What a number of no known brand may have.
const ANY_LENGTH: [u8; 8] = [12, 13, 14, 15, 16, 17, 18, 19];

/// A card number: 12 to 19 digits, as many as its brand has, the check digit right.
///
/// It can be sealed, and asked for its brand and last four digits; nothing else leaves it. It is
/// neither printable nor serialisable:
///
/// ```compile_fail,E0277
/// fn print(pan: &ventanilla_core::card::Pan) -> String {
///     format!("{pan:?}")
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn show(pan: &ventanilla_core::card::Pan) -> String {
///     format!("{pan}")
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn to_json(pan: &ventanilla_core::card::Pan) -> Result<String, serde_json::Error> {
///     serde_json::to_string(pan)
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn needs_clone<T: Clone>() {}
/// needs_clone::<ventanilla_core::card::Pan>();
/// ```
///
/// The same calls compile for what may leave it:
///
/// ```
/// use ventanilla_core::card::{Pan, PanError};
///
/// let pan = Pan::parse("4242 4242 4242 4242")?;
/// assert_eq!(format!("{}", pan.last4()), "4242");
/// # Ok::<(), PanError>(())
/// ```
pub struct Pan {
    /// On the heap, so that moving the value leaves no copy behind.
    digits: Zeroizing<String>,
}

/// Why a text is not a [`Pan`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PanError {
    /// No digit at all.
    Empty,
    /// A character that is neither a digit nor a space or dash.
    NotDigits,
    /// Digits are missing.
    TooShort {
        /// How many more the next length that the brand has would need.
        missing: u8,
    },
    /// More digits than the brand has, or than 19.
    TooLong,
    /// The check digit does not match: a digit is wrong or two are swapped.
    CheckDigit,
}

impl core::fmt::Display for PanError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("PAN must have 12 to 19 digits, found none"),
            Self::NotDigits => {
                f.write_str("PAN must hold digits, spaces and dashes only, found another character")
            }
            Self::TooShort { missing } => write!(f, "PAN is too short, {missing} digits missing"),
            Self::TooLong => f.write_str("PAN has more digits than its brand"),
            Self::CheckDigit => f.write_str("PAN fails the check digit"),
        }
    }
}

impl core::error::Error for PanError {}

impl Pan {
    /// Reads a card number in any grouping: spaces of every kind and dashes are ignored.
    ///
    /// # Errors
    ///
    /// Each [`PanError`], as its documentation says; the length is judged before the check digit.
    pub fn parse(text: &str) -> Result<Self, PanError> {
        let mut digits = Zeroizing::new(String::with_capacity(MAX_DIGITS));
        for c in text.chars().filter(|c| !is_separator(*c)) {
            if !c.is_ascii_digit() {
                return Err(PanError::NotDigits);
            }
            // One more would make the buffer move and leave its old copy behind.
            if digits.len() == MAX_DIGITS {
                return Err(PanError::TooLong);
            }
            digits.push(c);
        }
        if digits.is_empty() {
            return Err(PanError::Empty);
        }
        let lengths = match Brand::of_prefix(&digits) {
            Some(brand) => brand.lengths(),
            None => &ANY_LENGTH,
        };
        match lengths
            .iter()
            .map(|l| usize::from(*l))
            .find(|l| *l >= digits.len())
        {
            None => return Err(PanError::TooLong),
            Some(next) if next > digits.len() => {
                // Visa still has numbers of 13 digits; whoever stops before is on the way to 16.
                let usual = lengths
                    .iter()
                    .map(|l| usize::from(*l))
                    .find(|l| *l == USUAL_DIGITS);
                let length = usual.filter(|usual| *usual > digits.len()).unwrap_or(next);
                let missing = u8::try_from(length - digits.len()).unwrap_or(u8::MAX);
                return Err(PanError::TooShort { missing });
            }
            Some(_) => {}
        }
        if !check_digit_matches(&digits) {
            return Err(PanError::CheckDigit);
        }
        Ok(Self { digits })
    }

    /// The brand, when the leading digits belong to one.
    #[must_use]
    pub fn brand(&self) -> Option<Brand> {
        Brand::of_prefix(&self.digits)
    }

    /// The last four digits, which may be shown and stored.
    #[must_use]
    pub fn last4(&self) -> Last4 {
        let mut last4 = [b'0'; 4];
        for (to, from) in last4.iter_mut().rev().zip(self.digits.bytes().rev()) {
            *to = from;
        }
        Last4(last4)
    }

    /// The digits alone.
    pub(crate) fn digits(&self) -> &str {
        &self.digits
    }
}

/// Luhn, ISO/IEC 7812-1 annex B. It counts from the right: an odd number of digits must not shift
/// which of them are doubled.
fn check_digit_matches(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte - b'0');
            match (index % 2, digit) {
                (0, digit) => digit,
                (_, digit @ 0..=4) => digit * 2,
                (_, digit) => digit * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The last four digits of a card number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Last4([u8; 4]);

impl Last4 {
    /// The four digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl core::fmt::Display for Last4 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use proptest::prelude::*;

    use super::*;
    use crate::card::typing;

    fn error(text: &str) -> Option<PanError> {
        Pan::parse(text).err()
    }

    #[test]
    fn any_grouping_reads_as_the_same_number() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            " 4242-4242-4242-4242 ",
            "4242\u{a0}4242\u{202f}4242\u{2009}4242",
            "4242–4242—4242−4242",
            "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2\r\n",
        ] {
            let pan = Pan::parse(text).unwrap();
            assert_eq!(pan.digits(), "4242424242424242");
            assert_eq!(pan.last4().as_str(), "4242");
            assert_eq!(pan.last4().to_string(), "4242");
            assert_eq!(pan.brand(), Some(Brand::Visa));
        }
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        assert_eq!(error(""), Some(PanError::Empty));
        assert_eq!(error(" - "), Some(PanError::Empty));
        assert_eq!(error("4242 4242 4242 424x"), Some(PanError::NotDigits));
        assert_eq!(error("4242.4242.4242.4242"), Some(PanError::NotDigits));
        assert_eq!(error("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"), Some(PanError::NotDigits));
        assert_eq!(error("4242424242424241"), Some(PanError::CheckDigit));
        assert_eq!(error("4242424242424224"), Some(PanError::CheckDigit));
        assert_eq!(error("4"), Some(PanError::TooShort { missing: 15 }));
        assert_eq!(
            error("42424242424242"),
            Some(PanError::TooShort { missing: 2 })
        );
        assert_eq!(
            error("42424242424242424"),
            Some(PanError::TooShort { missing: 2 })
        );
        assert_eq!(
            error("37828224631000"),
            Some(PanError::TooShort { missing: 1 })
        );
        assert_eq!(error("3782822463100050"), Some(PanError::TooLong));
        assert_eq!(error("55555555555544440"), Some(PanError::TooLong));
        assert_eq!(error("42424242424242424242"), Some(PanError::TooLong));
        assert_eq!(error("9999"), Some(PanError::TooShort { missing: 12 }));
        assert_eq!(error(&"4".repeat(10_000)), Some(PanError::TooLong));
    }

    #[test]
    fn every_single_wrong_digit_is_noticed() {
        let number = "6304000000000000000";
        for index in 0..number.len() {
            for digit in '0'..='9' {
                let mut wrong: String = number.into();
                wrong.replace_range(index..=index, digit.encode_utf8(&mut [0; 4]));
                assert_eq!(Pan::parse(&wrong).is_ok(), wrong == number, "{wrong}");
            }
        }
    }

    #[test]
    fn no_message_repeats_what_was_typed() {
        for text in [
            "4242424242424241",
            "424242424242424",
            "4242x",
            "42424242424242424242",
        ] {
            let message = error(text).unwrap().to_string();
            assert!(!message.contains("42"), "{message}");
        }
    }

    /// Any number of any length with its check digit.
    fn number() -> impl Strategy<Value = String> {
        ("[0-9]{0,6}", "[0-9]{11,18}").prop_map(|(prefix, rest)| {
            let body: String = prefix
                .chars()
                .chain(rest.chars())
                .take(rest.len())
                .collect();
            ('0'..='9')
                .map(|check| alloc::format!("{body}{check}"))
                .find(|number| check_digit_matches(number))
                .unwrap()
        })
    }

    proptest! {
        #[test]
        fn a_number_comes_back_from_the_field_it_was_typed_into(number in number()) {
            let Ok(pan) = Pan::parse(&number) else {
                // Wrong for its brand; nothing else may be wrong with it.
                let length_is_wrong = matches!(error(&number), Some(PanError::TooLong | PanError::TooShort { .. }));
                prop_assert!(length_is_wrong);
                return Ok(());
            };
            prop_assert_eq!(pan.digits(), &number);
            let typed = typing::card_number(&number, number.len());
            let again = Pan::parse(&typed.text).unwrap();
            prop_assert_eq!(again.digits(), &number);
            prop_assert!(number.ends_with(again.last4().as_str()));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = Pan::parse(&text);
        }
    }
}
