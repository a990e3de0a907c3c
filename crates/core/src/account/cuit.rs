//! Tax identifiers.

use alloc::string::String;

use super::{NotDigits, digits, text};

/// A CUIT or CUIL, the tax identifier of a person or company in Argentina: 11 digits, two of type,
/// eight of body and a check digit, written `20-99900001-1`.
///
/// ```
/// use ventanilla_core::account::{Cuit, CuitError, CuitKind};
///
/// let cuit = Cuit::parse("20999000011")?;
/// assert_eq!(cuit.kind(), CuitKind::Person);
/// assert_eq!(format!("{cuit}"), "20-99900001-1");
/// assert_eq!(format!("{cuit:?}"), "Cuit(20-********-1)");
/// # Ok::<(), CuitError>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Cuit {
    digits: [u8; DIGITS],
}

const DIGITS: usize = 11;

/// What each digit counts; the check digit completes the sum to a multiple of 11. Where that would
/// take a 10, no number of that type is issued and the person gets another type.
const WEIGHTS: [u32; DIGITS] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];

/// Whose a [`Cuit`] is, by its type.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CuitKind {
    /// A natural person: 20, 23, 24, 25, 26, 27.
    Person,
    /// A company: 30, 33, 34.
    Company,
    /// From abroad: 50, 51, 55.
    Foreign,
}

/// Why a text is not a [`Cuit`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CuitError {
    /// No digit at all.
    Empty,
    /// A character that is neither an ASCII digit nor a space or hyphen between digits.
    Characters,
    /// Not 11 digits.
    Length {
        /// How many there are; 255 stands for more.
        found: u8,
    },
    /// The first two digits are no type that is issued.
    Type,
    /// The check digit does not match.
    CheckDigit,
}

impl CuitError {
    /// A stable code, in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Characters => "characters",
            Self::Length { .. } => "length",
            Self::Type => "type",
            Self::CheckDigit => "check-digit",
        }
    }
}

impl core::fmt::Display for CuitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("CUIT must have 11 digits, found none"),
            Self::Characters => f.write_str(
                "CUIT must hold digits, spaces and hyphens only, found another character",
            ),
            Self::Length { found } => write!(f, "CUIT must have 11 digits, found {found}"),
            Self::Type => f.write_str("CUIT must begin with a type that is issued, such as 20"),
            Self::CheckDigit => f.write_str("CUIT fails its check digit"),
        }
    }
}

impl core::error::Error for CuitError {}

impl From<NotDigits> for CuitError {
    fn from(fault: NotDigits) -> Self {
        match fault {
            NotDigits::Empty => Self::Empty,
            NotDigits::Characters => Self::Characters,
            NotDigits::Length { found } => Self::Length { found },
        }
    }
}

impl Cuit {
    /// Reads 11 digits; spaces and hyphens between them are ignored.
    ///
    /// Types 25 and 26 are in some lists only and are accepted: the provider knows better.
    ///
    /// # Errors
    ///
    /// Each [`CuitError`], as its documentation says, in their order.
    pub fn parse(text: &str) -> Result<Self, CuitError> {
        let cuit = Self {
            digits: digits(text)?,
        };
        // Judged before the check digit, which zeros only would pass.
        if cuit.listed_kind().is_none() {
            return Err(CuitError::Type);
        }
        let sum: u32 = cuit
            .digits
            .iter()
            .zip(WEIGHTS)
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum();
        if !sum.is_multiple_of(11) {
            return Err(CuitError::CheckDigit);
        }
        Ok(cuit)
    }

    /// Whose it is.
    #[must_use]
    pub fn kind(&self) -> CuitKind {
        // Only a listed type was ever accepted.
        self.listed_kind().unwrap_or(CuitKind::Person)
    }

    /// The 11 digits, without hyphens.
    #[must_use]
    pub fn digits(&self) -> &str {
        text(&self.digits)
    }

    /// What may be logged: type and check digit, `20-********-1`.
    #[must_use]
    pub fn masked(&self) -> String {
        self.hyphenated("********")
    }

    fn listed_kind(&self) -> Option<CuitKind> {
        match self.digits.first_chunk::<2>()? {
            b"20" | b"23" | b"24" | b"25" | b"26" | b"27" => Some(CuitKind::Person),
            b"30" | b"33" | b"34" => Some(CuitKind::Company),
            b"50" | b"51" | b"55" => Some(CuitKind::Foreign),
            _ => None,
        }
    }

    fn hyphenated(&self, body: &str) -> String {
        let (kind, rest) = self.digits.split_at(2);
        let (_, check) = rest.split_at(8);
        [text(kind), body, text(check)].join("-")
    }
}

impl core::fmt::Display for Cuit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.hyphenated(self.digits().get(2..10).unwrap_or_default()))
    }
}

impl core::fmt::Debug for Cuit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Cuit({})", self.masked())
    }
}
