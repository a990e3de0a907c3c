//! Why a text is not a code.

/// Why a text is not a merchant-presented code.
///
/// Positions count characters from 0, white space before the code left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QrError {
    /// Nothing there.
    Empty,
    /// Something else: a web address, a picture, a code that a buyer presents.
    NotEmv,
    /// More than 512 characters.
    TooLong,
    /// A control character.
    Control {
        /// Where it is.
        at: usize,
    },
    /// Where a tag must be, there are not two digits.
    Tag {
        /// Where the object begins.
        at: usize,
    },
    /// A length that is not two digits from 01 to 99.
    Length {
        /// Where the object begins.
        at: usize,
    },
    /// The text ends within an object.
    Truncated {
        /// Where the object begins.
        at: usize,
    },
    /// The first object is not 00.
    First,
    /// Something follows 63, which closes a code.
    AfterCrc {
        /// Where it is.
        at: usize,
    },
    /// An object that was already there.
    Twice {
        /// Its tag.
        tag: u8,
    },
    /// The checksum does not fit: something was altered or lost on the way.
    Crc,
    /// An object that every code has is not there.
    Missing {
        /// Its tag.
        tag: u8,
    },
    /// No object of 02 to 51 says who is paid.
    NoPayee,
    /// A template whose value is not objects each once, or that lacks the 00 which says whose it is.
    Template {
        /// Its tag.
        tag: u8,
    },
    /// A value that its object cannot have.
    Value {
        /// Its tag.
        tag: u8,
    },
}

impl QrError {
    /// A stable code, in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotEmv => "not-emv",
            Self::TooLong => "too-long",
            Self::Control { .. } => "control",
            Self::Tag { .. } => "tag",
            Self::Length { .. } => "length",
            Self::Truncated { .. } => "truncated",
            Self::First => "first",
            Self::AfterCrc { .. } => "after-crc",
            Self::Twice { .. } => "twice",
            Self::Crc => "crc",
            Self::Missing { .. } => "missing",
            Self::NoPayee => "no-payee",
            Self::Template { .. } => "template",
            Self::Value { .. } => "value",
        }
    }
}

impl core::fmt::Display for QrError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("QR code is empty"),
            Self::NotEmv => f.write_str("QR code is not a merchant-presented EMVCo code"),
            Self::TooLong => f.write_str("QR code has more than 512 characters"),
            Self::Control { at } => write!(f, "QR code holds a control character at {at}"),
            Self::Tag { at } => write!(f, "QR code must have a tag of two digits at {at}"),
            Self::Length { at } => {
                write!(f, "QR object at {at} must have a length from 01 to 99")
            }
            Self::Truncated { at } => write!(f, "QR code ends within the object at {at}"),
            Self::First => f.write_str("QR code must begin with object 00"),
            Self::AfterCrc { at } => write!(f, "QR code goes on at {at}, after its checksum"),
            Self::Twice { tag } => write!(f, "QR code has object {tag:02} twice"),
            Self::Crc => f.write_str("QR code fails its checksum"),
            Self::Missing { tag } => write!(f, "QR code lacks object {tag:02}"),
            Self::NoPayee => f.write_str("QR code has no object from 02 to 51"),
            Self::Template { tag } => write!(f, "QR template {tag:02} cannot be read"),
            Self::Value { tag } => write!(f, "QR object {tag:02} has a value that it cannot have"),
        }
    }
}

impl core::error::Error for QrError {}
