//! QR codes that a merchant presents: the text inside, by EMVCo's merchant-presented mode 1.1, as
//! Argentina's interoperable scheme uses it (Central Bank communications A 6425, A 6668 and A 7153).
//!
//! A [`Code`] holds the text exactly as it came and is never put together again: what is drawn is what
//! the acceptor wrote. The standard says that only 00 comes first and 63 last, that lengths count
//! characters and that the checksum runs over UTF-8 bytes; codes are taken apart by those rules, never
//! searched, since a shop's name may look like an amount.
//!
//! A missing amount is usual: the wallet that scans the code asks the acceptor, whose domain stands in
//! one of the objects 26 to 49.

mod compare;
mod crc;
mod error;
mod object;
mod read;
mod tag;
mod warning;
mod write;

use alloc::string::String;

use self::object::{Objects, Unit};
use crate::account::{Account, Cuit};

pub use self::compare::{Mismatch, Payee};
pub use self::error::QrError;
pub use self::object::Object;
pub use self::warning::Warning;
pub use self::write::Writer;

/// A merchant-presented code whose objects, mandatory values and checksum are right.
///
/// ```
/// use ventanilla_core::money::{Currency, Money};
/// use ventanilla_core::qr::{Code, Kind, Mismatch, QrError};
///
/// let code = Code::read(
///     "0002010102125015001130000000120512600220009999001234567890126520458125303032540410.0\
///      5802AR5915COMERCIO PRUEBA6004CABA630422A3",
/// )?;
/// assert_eq!(code.kind(), Kind::Dynamic);
/// assert_eq!(code.amount(), Some("10.0"));
///
/// let total = Money::parse_decimal("10.00", Currency::ARS).expect("a decimal number");
/// assert_eq!(code.held_against(total, None), Ok(()));
/// let other = Money::parse_decimal("100.00", Currency::ARS).expect("a decimal number");
/// assert_eq!(code.held_against(other, None), Err(Mismatch::Amount));
/// # Ok::<(), QrError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Code {
    text: String,
    unit: Unit,
}

/// How often a code may be paid (object 01).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Again and again: a printed sign.
    Static,
    /// Once.
    Dynamic,
    /// The code does not say, which counts as static.
    Unstated,
}

impl Code {
    /// The text, exactly as it came but for white space around it. This is what is drawn.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How often it may be paid.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.object(tag::INITIATION) {
            Some("11") => Kind::Static,
            Some(_) => Kind::Dynamic,
            None => Kind::Unstated,
        }
    }

    /// The merchant's category, four digits.
    #[must_use]
    pub fn category(&self) -> &str {
        self.mandatory(tag::CATEGORY)
    }

    /// The currency by ISO 4217's numbers, three digits: `032` is the Argentine peso.
    #[must_use]
    pub fn currency(&self) -> &str {
        self.mandatory(tag::CURRENCY)
    }

    /// The amount as the code writes it: digits, perhaps a point, at most 13 characters. May be 0.
    /// [`Code::money`] reads it.
    #[must_use]
    pub fn amount(&self) -> Option<&str> {
        self.object(tag::AMOUNT)
    }

    /// The merchant's country by ISO 3166-1, two upper-case letters.
    #[must_use]
    pub fn country(&self) -> &str {
        self.mandatory(tag::COUNTRY)
    }

    /// The merchant's name, 1 to 25 characters, as the code claims it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.mandatory(tag::NAME)
    }

    /// The merchant's city, or what stands in its place.
    #[must_use]
    pub fn city(&self) -> &str {
        self.mandatory(tag::CITY)
    }

    /// The payee's tax identifier, when object 50 holds a valid one: as its 00, or as its 01 where the
    /// 00 is a word. Many codes hold a placeholder instead.
    #[must_use]
    pub fn tax_id(&self) -> Option<Cuit> {
        [0, 1]
            .into_iter()
            .find_map(|inner| Cuit::parse(self.within(tag::TAX_ID, inner)?).ok())
    }

    /// The payee's account, when object 51 holds a valid one.
    #[must_use]
    pub fn account(&self) -> Option<Account> {
        Account::parse(self.within(tag::ACCOUNT, 0)?).ok()
    }

    /// The acceptors that the code names: reversed domains such as `com.ejemplo.psp`, in either case, to
    /// be compared without regard to it. Without any, the code itself says all there is to pay.
    pub fn acceptors(&self) -> impl Iterator<Item = &str> {
        self.objects()
            .filter(|object| matches!(object.tag, 26..=49))
            .filter_map(|object| self.inner_value(object.value, 0))
    }

    /// An additional label (object 62) by its inner tag: 1 bill, 3 store, 5 reference, 7 terminal,
    /// 8 purpose.
    #[must_use]
    pub fn label(&self, inner: u8) -> Option<&str> {
        self.within(tag::ADDITIONAL, inner)
    }

    /// Every object, in the code's order.
    pub fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        Objects::new(&self.text, self.unit).flatten()
    }

    /// The value of an object.
    #[must_use]
    pub fn object(&self, tag: u8) -> Option<&str> {
        self.objects()
            .find(|object| object.tag == tag)
            .map(|object| object.value)
    }

    /// The objects within a template, in its order; none when it is not there or holds something else.
    pub fn template(&self, tag: u8) -> impl Iterator<Item = Object<'_>> {
        let value = self
            .object(tag)
            .filter(|_| tag::is_template(tag) || tag::is_free(tag))
            .filter(|value| read::inner(value, self.unit).is_some());
        Objects::new(value.unwrap_or_default(), self.unit).flatten()
    }

    /// The value of an object that every code has.
    fn mandatory(&self, tag: u8) -> &str {
        self.object(tag).unwrap_or_default()
    }

    /// The value of an object within a template.
    fn within(&self, tag: u8, inner: u8) -> Option<&str> {
        self.inner_value(self.object(tag)?, inner)
    }

    fn inner_value<'a>(&self, value: &'a str, inner: u8) -> Option<&'a str> {
        Objects::new(value, self.unit)
            .flatten()
            .find(|object| object.tag == inner)
            .map(|object| object.value)
    }
}

/// Masked: a code may hold an account.
impl core::fmt::Debug for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Code({} bytes, {:?})", self.text.len(), self.kind())
    }
}

/// Whether a text is a chain of data objects from its first character to its last, whatever they say:
/// the shape of a merchant-presented code.
#[must_use]
pub(crate) fn is_chain(text: &str) -> bool {
    [Unit::Characters, Unit::Bytes]
        .into_iter()
        .any(|unit| !text.is_empty() && Objects::new(text, unit).all(|object| object.is_ok()))
}
