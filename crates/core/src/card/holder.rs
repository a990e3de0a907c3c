//! The name on a card.

use alloc::string::String;

use zeroize::Zeroizing;

use crate::encoding::count_chars;

/// Fewest and most characters of a name.
const LENGTH: core::ops::RangeInclusive<usize> = 2..=60;

/// The name on a card: 2 to 60 characters, in any script. Neither printable nor serialisable.
///
/// ```compile_fail,E0277
/// fn print(holder: &ventanilla_core::card::Holder) -> String {
///     format!("{holder:?}")
/// }
/// ```
pub struct Holder {
    name: Zeroizing<String>,
}

/// Why a text is not a [`Holder`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HolderError {
    /// Nothing there.
    Empty,
    /// Fewer than 2 characters.
    TooShort,
    /// More than 60 characters.
    TooLong,
    /// At least half of it is digits: a number typed into the wrong field.
    LooksLikeNumber,
    /// A character that no name has: a line break, a control or a text direction override.
    Characters,
}

impl core::fmt::Display for HolderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Empty => "card holder must have 2 to 60 characters, found none",
            Self::TooShort => "card holder must have 2 to 60 characters, found fewer",
            Self::TooLong => "card holder must have 2 to 60 characters, found more",
            Self::LooksLikeNumber => "card holder must be a name, found a number",
            Self::Characters => "card holder must not hold control characters",
        })
    }
}

impl core::error::Error for HolderError {}

impl Holder {
    /// Reads a name. Spaces around it are dropped; the rest stays as it is.
    ///
    /// # Errors
    ///
    /// Each [`HolderError`], as its documentation says.
    pub fn parse(text: &str) -> Result<Self, HolderError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(HolderError::Empty);
        }
        if name.chars().any(is_never_in_a_name) {
            return Err(HolderError::Characters);
        }
        let visible = name.chars().filter(|c| !c.is_whitespace()).count();
        let digits = name.chars().filter(char::is_ascii_digit).count();
        if digits * 2 >= visible {
            return Err(HolderError::LooksLikeNumber);
        }
        let length = count_chars(name);
        if length < *LENGTH.start() {
            return Err(HolderError::TooShort);
        }
        if length > *LENGTH.end() {
            return Err(HolderError::TooLong);
        }
        Ok(Self {
            name: Zeroizing::new(String::from(name)),
        })
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }
}

/// Line and paragraph separators and the bidirectional overrides, besides the controls: each could
/// make a name look like something else in the provider's and the merchant's lists.
fn is_never_in_a_name(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, HolderError> {
        Holder::parse(text).map(|holder| holder.as_str().into())
    }

    #[test]
    fn names_of_people_and_firms_are_taken_as_they_are() {
        for name in [
            "Ana Mora",
            "José Ñúñez Güell",
            "Li",
            "李明",
            "O'Higgins-Brenes, S.A.",
            "Café 24",
            "R2D2 Ltda",
            "علی رضا",
            "می\u{200c}خواهم",
            "A \"B\" \\ / €",
        ] {
            assert_eq!(read(name), Ok(name.into()));
        }
        assert_eq!(read("  Ana  Mora \u{a0}"), Ok("Ana  Mora".into()));
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        assert_eq!(read(""), Err(HolderError::Empty));
        assert_eq!(read(" \t "), Err(HolderError::Empty));
        assert_eq!(read("A"), Err(HolderError::TooShort));
        assert_eq!(read(&"ñ".repeat(60)), Ok("ñ".repeat(60)));
        assert_eq!(read(&"ñ".repeat(61)), Err(HolderError::TooLong));
        for text in [
            "4242 4242 4242 4242",
            "4242424242424242 Ana",
            "12/30",
            "7",
            "A1",
        ] {
            assert_eq!(read(text), Err(HolderError::LooksLikeNumber), "{text}");
        }
        for text in [
            "Ana\nMora",
            "Ana\u{0}",
            "Ana\u{7f}M",
            "Ana\u{85}M",
            "\u{202e}aroM anA",
            "Ana\u{2028}M",
            "A\u{2066}b",
        ] {
            assert_eq!(read(text), Err(HolderError::Characters), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_was_read_reads_as_itself(text in "\\PC{0,70}") {
            if let Ok(name) = read(&text) {
                prop_assert_eq!(read(&name), Ok(name.clone()));
                prop_assert_eq!(text.trim(), name);
            }
        }
    }
}
