//! Aliases of accounts.

use alloc::string::String;

/// The name that a holder gave to a CBU or CVU: 6 to 20 ASCII letters, digits, dots and hyphens, as
/// they were typed. Two are equal when they differ in case only.
///
/// An alias can be moved to another account from one day to the next: store the account, show the
/// alias.
///
/// ```
/// use ventanilla_core::account::{Alias, AliasError};
///
/// let alias = Alias::parse(" Prueba.Demo.Uno ")?;
/// assert_eq!(alias.as_str(), "Prueba.Demo.Uno");
/// assert_eq!(alias, Alias::parse("PRUEBA.DEMO.UNO")?);
/// # Ok::<(), AliasError>(())
/// ```
#[derive(Clone)]
pub struct Alias {
    text: String,
}

/// Fewest and most characters of an alias.
const LENGTH: core::ops::RangeInclusive<usize> = 6..=20;

/// Why a text is not an [`Alias`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AliasError {
    /// Nothing there.
    Empty,
    /// A character that no alias has: an accent, an ñ, a space, any sign but dot and hyphen.
    Characters,
    /// Fewer than 6 characters or more than 20.
    Length,
}

impl AliasError {
    /// A stable code, in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Characters => "characters",
            Self::Length => "length",
        }
    }
}

impl core::fmt::Display for AliasError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Empty => "alias must have 6 to 20 characters, found none",
            Self::Characters => "alias must hold letters, digits, dots and hyphens only",
            Self::Length => "alias must have 6 to 20 characters",
        })
    }
}

impl core::error::Error for AliasError {}

impl Alias {
    /// Reads an alias. White space around it is dropped.
    ///
    /// No rule is published on where dots and hyphens may stand, so they may stand anywhere.
    ///
    /// # Errors
    ///
    /// Each [`AliasError`], as its documentation says.
    pub fn parse(text: &str) -> Result<Self, AliasError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AliasError::Empty);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        {
            return Err(AliasError::Characters);
        }
        if !LENGTH.contains(&text.len()) {
            return Err(AliasError::Length);
        }
        Ok(Self {
            text: String::from(text),
        })
    }

    /// The alias as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The alias in lower case, for a key: case does not matter.
    #[must_use]
    pub fn folded(&self) -> String {
        self.text.to_ascii_lowercase()
    }
}

impl PartialEq for Alias {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for Alias {}

impl core::fmt::Debug for Alias {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Alias(****)")
    }
}
