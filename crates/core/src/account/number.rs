//! CBU and CVU.

use alloc::format;
use alloc::string::String;

use super::{NotDigits, digits, text};

/// A CBU or a CVU: the key of an account at an Argentine bank or payment service provider, 22 digits
/// in two blocks of 8 and 14, each closed by its check digit.
///
/// | | 1-3 | 4-7 | 8 | 9-21 | 22 |
/// |---|---|---|---|---|---|
/// | CBU | bank | branch | check | account | check |
/// | CVU | `000` | provider | check | `0`, then client | check |
///
/// CVUs came with the Central Bank's communication A 6510 and share the form and the check digits of
/// CBUs. It is text from end to end: as a number, every CVU would lose its leading zeros.
///
/// ```
/// use ventanilla_core::account::{Account, AccountError, AccountKind};
///
/// let account = Account::parse("00099990 01234567890126")?;
/// assert_eq!(account.kind(), AccountKind::Cvu);
/// assert_eq!(account.entity(), "9999");
/// assert_eq!(format!("{account}"), "0009999001234567890126");
/// assert_eq!(format!("{account:?}"), "Account(****0126)");
/// # Ok::<(), AccountError>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Account {
    digits: [u8; DIGITS],
}

const DIGITS: usize = 22;

/// How many digits the first block has, its check digit included.
const FIRST_BLOCK: usize = 8;

/// Who keeps an [`Account`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AccountKind {
    /// A bank.
    Cbu,
    /// A payment service provider.
    Cvu,
}

/// Why a text is not an [`Account`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AccountError {
    /// No digit at all.
    Empty,
    /// A character that is neither an ASCII digit nor a space or hyphen between digits.
    Characters,
    /// Not 22 digits.
    Length {
        /// How many there are; 255 stands for more.
        found: u8,
    },
    /// The check digit of the first block, the eighth digit, does not match.
    FirstCheckDigit,
    /// The check digit of the second block, the last digit, does not match.
    SecondCheckDigit,
    /// A CVU whose ninth digit, which is reserved, is not 0.
    Reserved,
    /// Zeros only, which the check digits allow and no account has.
    Zeros,
}

impl AccountError {
    /// A stable code, in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Characters => "characters",
            Self::Length { .. } => "length",
            Self::FirstCheckDigit => "first-check-digit",
            Self::SecondCheckDigit => "second-check-digit",
            Self::Reserved => "reserved",
            Self::Zeros => "zeros",
        }
    }
}

impl core::fmt::Display for AccountError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("CBU or CVU must have 22 digits, found none"),
            Self::Characters => f.write_str(
                "CBU or CVU must hold digits, spaces and hyphens only, found another character",
            ),
            Self::Length { found } => write!(f, "CBU or CVU must have 22 digits, found {found}"),
            Self::FirstCheckDigit => f.write_str("CBU or CVU fails its first check digit"),
            Self::SecondCheckDigit => f.write_str("CBU or CVU fails its second check digit"),
            Self::Reserved => f.write_str("CVU must have 0 as its ninth digit"),
            Self::Zeros => f.write_str("CBU or CVU must not be zeros only"),
        }
    }
}

impl core::error::Error for AccountError {}

impl From<NotDigits> for AccountError {
    fn from(fault: NotDigits) -> Self {
        match fault {
            NotDigits::Empty => Self::Empty,
            NotDigits::Characters => Self::Characters,
            NotDigits::Length { found } => Self::Length { found },
        }
    }
}

impl Account {
    /// Reads 22 digits; spaces and hyphens between them are ignored.
    ///
    /// # Errors
    ///
    /// Each [`AccountError`], as its documentation says, in their order.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let account = Self {
            digits: digits(text)?,
        };
        let (first, second) = account.digits.split_at(FIRST_BLOCK);
        if !is_closed(first) {
            return Err(AccountError::FirstCheckDigit);
        }
        if !is_closed(second) {
            return Err(AccountError::SecondCheckDigit);
        }
        if account.kind() == AccountKind::Cvu && !second.starts_with(b"0") {
            return Err(AccountError::Reserved);
        }
        if account.digits == [b'0'; DIGITS] {
            return Err(AccountError::Zeros);
        }
        Ok(account)
    }

    /// Whether a bank or a payment service provider keeps it.
    #[must_use]
    pub fn kind(&self) -> AccountKind {
        if self.digits.starts_with(b"000") {
            AccountKind::Cvu
        } else {
            AccountKind::Cbu
        }
    }

    /// Who keeps it: the bank's three digits for a CBU, the provider's four for a CVU.
    #[must_use]
    pub fn entity(&self) -> &str {
        match self.kind() {
            AccountKind::Cbu => self.as_str().get(..3),
            AccountKind::Cvu => self.as_str().get(3..7),
        }
        .unwrap_or_default()
    }

    /// The 22 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        text(&self.digits)
    }

    /// What may be logged: the last four digits, `****0126`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("****{}", text(self.digits.split_at(DIGITS - 4).1))
    }

    /// The two blocks apart, for people to compare: `00099990 01234567890126`.
    #[must_use]
    pub fn grouped(&self) -> String {
        let (first, second) = self.digits.split_at(FIRST_BLOCK);
        format!("{} {}", text(first), text(second))
    }
}

impl core::fmt::Display for Account {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Debug for Account {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Account({})", self.masked())
    }
}

/// Whether the last digit of a block is its check digit: weighted 3, 1, 7, 9 and so on from the right,
/// the digits before it add up to a number that it completes to a multiple of ten.
fn is_closed(block: &[u8]) -> bool {
    let Some((check, body)) = block.split_last() else {
        return false;
    };
    let sum: u32 = body
        .iter()
        .rev()
        .zip([3, 1, 7, 9].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    (sum + u32::from(check - b'0')).is_multiple_of(10)
}
