//! From a text to a [`Code`].

use alloc::string::String;

use super::crc::crc;
use super::object::{Object, Objects, Unit, two_digits};
use super::{Code, QrError, tag};

/// The most characters of a code.
const MAX_CHARACTERS: usize = 512;

/// The most characters of an amount.
const MAX_AMOUNT: usize = 13;

/// The most characters of a percentage.
const MAX_PERCENTAGE: usize = 5;

/// The most characters of a merchant's name.
const MAX_NAME: usize = 25;

impl Code {
    /// Reads a code. White space around it is dropped, nothing else is changed.
    ///
    /// # Errors
    ///
    /// Each [`QrError`], as its documentation says: first what breaks the chain of objects, then the
    /// checksum, then what is missing, then what a value says.
    pub fn read(text: &str) -> Result<Self, QrError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(QrError::Empty);
        }
        if two_digits(text)
            .and_then(|(_, rest)| two_digits(rest))
            .is_none()
        {
            return Err(QrError::NotEmv);
        }
        if text.chars().nth(MAX_CHARACTERS).is_some() {
            return Err(QrError::TooLong);
        }
        if let Some(at) = text.chars().position(char::is_control) {
            return Err(QrError::Control { at });
        }
        let code = Self {
            text: String::from(text),
            unit: Unit::Characters,
        };
        match code.check() {
            Ok(()) => Ok(code),
            // Some writers count the bytes of an accent. The checksum covers every length, so a code
            // that reads well this way was meant this way.
            Err(error) if !text.is_ascii() => {
                let code = Self {
                    unit: Unit::Bytes,
                    ..code
                };
                code.check().map(|()| code).map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    fn check(&self) -> Result<(), QrError> {
        let seen = self.check_chain()?;
        if let Some(tag) = tag::MANDATORY.into_iter().find(|tag| !seen.has(*tag)) {
            return Err(QrError::Missing { tag });
        }
        if !(2..=51).any(|tag| seen.has(tag)) {
            return Err(QrError::NoPayee);
        }
        for Object { tag, value } in self.objects() {
            if tag::is_template(tag) {
                self.check_template(tag, value)?;
            } else if !is_possible(tag, value) {
                return Err(QrError::Value { tag });
            }
        }
        // 56 and 57 say how much of a fee, and only where 55 says that there is such a one.
        let fee = self.object(tag::FEE);
        if (fee == Some("02")) != seen.has(tag::FIXED_FEE)
            || (fee == Some("03")) != seen.has(tag::PERCENTAGE_FEE)
        {
            return Err(QrError::Value { tag: tag::FEE });
        }
        Ok(())
    }

    /// The objects as a whole: each once, 00 first, 63 last and right.
    fn check_chain(&self) -> Result<Seen, QrError> {
        let mut seen = Seen::default();
        let mut objects = Objects::new(&self.text, self.unit);
        while let Some(object) = objects.next() {
            let Object { tag, value } = object?;
            if seen == Seen::default() && tag != tag::FORMAT {
                return Err(QrError::First);
            }
            if !seen.add(tag) {
                return Err(QrError::Twice { tag });
            }
            if tag == tag::CRC {
                if !objects.is_at_end() {
                    let at = objects.position();
                    return Err(QrError::AfterCrc { at });
                }
                return self.check_crc(value).map(|()| seen);
            }
        }
        Err(QrError::Missing { tag: tag::CRC })
    }

    fn check_crc(&self, stated: &str) -> Result<(), QrError> {
        let stated_crc = stated
            .chars()
            .try_fold(0_u32, |sum, c| Some(sum << 4 | c.to_digit(16)?))
            .filter(|_| stated.len() == 4)
            .ok_or(QrError::Value { tag: tag::CRC })?;
        let covered = self.text.strip_suffix(stated).unwrap_or_default();
        if u32::from(crc(covered.as_bytes())) == stated_crc {
            Ok(())
        } else {
            Err(QrError::Crc)
        }
    }

    fn check_template(&self, tag: u8, value: &str) -> Result<(), QrError> {
        match inner(value, self.unit) {
            Some(seen) if seen.has(0) || !tag::is_account(tag) => Ok(()),
            _ => Err(QrError::Template { tag }),
        }
    }
}

/// Which objects a template holds; `None` unless it holds objects, each once.
pub(super) fn inner(value: &str, unit: Unit) -> Option<Seen> {
    let mut seen = Seen::default();
    Objects::new(value, unit)
        .all(|object| object.is_ok_and(|object| seen.add(object.tag)))
        .then_some(seen)
}

/// Which tags there are.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub(super) struct Seen(u128);

impl Seen {
    /// Whether the tag is new.
    const fn add(&mut self, tag: u8) -> bool {
        let new = !self.has(tag);
        self.0 |= 1 << tag;
        new
    }

    const fn has(self, tag: u8) -> bool {
        self.0 & (1 << tag) != 0
    }
}

/// Whether an object that is no template may say this.
fn is_possible(tag: u8, value: &str) -> bool {
    match tag {
        tag::FORMAT => value == "01",
        tag::INITIATION => matches!(value, "11" | "12"),
        tag::CATEGORY => value.len() == 4 && is_digits(value),
        tag::CURRENCY => value.len() == 3 && is_digits(value),
        tag::AMOUNT | tag::FIXED_FEE => is_amount(value, MAX_AMOUNT),
        tag::FEE => matches!(value, "01" | "02" | "03"),
        tag::PERCENTAGE_FEE => is_amount(value, MAX_PERCENTAGE),
        tag::COUNTRY => value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase()),
        tag::NAME => value.chars().count() <= MAX_NAME,
        _ => true,
    }
}

/// Digits, at most one point, which may be the last, and at most two digits behind it: no currency
/// that a rail settles in has more.
fn is_amount(value: &str, most: usize) -> bool {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    value.len() <= most
        && !whole.is_empty()
        && is_digits(whole)
        && is_digits(fraction)
        && fraction.len() <= 2
}

pub(super) fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}
