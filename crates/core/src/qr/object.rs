//! Data objects: a tag of two digits, a length of two digits, a value.

use super::QrError;

/// One data object of a code, or of a template in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Object<'a> {
    /// Which object it is, 0 to 99 (EMVCo's ID).
    pub tag: u8,
    /// What it says, 1 to 99 characters.
    pub value: &'a str,
}

/// What the lengths count.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Unit {
    /// Unicode scalar values: the standard's way, by its own worked example in Chinese.
    Characters,
    /// UTF-8 bytes: the way of writers that never met an accent.
    Bytes,
}

/// Reads one object after the other.
#[derive(Clone)]
pub(super) struct Objects<'a> {
    rest: &'a str,
    /// How many characters stand before `rest`.
    at: usize,
    unit: Unit,
}

impl<'a> Objects<'a> {
    pub(super) const fn new(text: &'a str, unit: Unit) -> Self {
        Self {
            rest: text,
            at: 0,
            unit,
        }
    }

    /// How many characters have been read.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn read(&mut self) -> Result<Object<'a>, QrError> {
        let at = self.at;
        let (tag, rest) = two_digits(self.rest).ok_or(if self.rest.len() < 2 {
            QrError::Truncated { at }
        } else {
            QrError::Tag { at }
        })?;
        let (length, rest) = match two_digits(rest) {
            Some((length, rest)) if length > 0 => (usize::from(length), rest),
            None if rest.len() < 2 => return Err(QrError::Truncated { at }),
            _ => return Err(QrError::Length { at }),
        };
        let end = match self.unit {
            Unit::Bytes => Some(length),
            Unit::Characters => rest
                .char_indices()
                .map(|(index, _)| index)
                .chain([rest.len()])
                .nth(length),
        };
        let (value, rest) = end
            .and_then(|end| rest.split_at_checked(end))
            .ok_or(QrError::Truncated { at })?;
        self.rest = rest;
        self.at += 4 + value.chars().count();
        Ok(Object { tag, value })
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Object<'a>, QrError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_at_end() {
            return None;
        }
        let object = self.read();
        if object.is_err() {
            self.rest = "";
        }
        Some(object)
    }
}

/// The number in the first two characters, and what follows. Digits only: the standard library would
/// also read `+2`.
pub(super) fn two_digits(text: &str) -> Option<(u8, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    match digits.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(((tens - b'0') * 10 + (ones - b'0'), rest))
        }
        _ => None,
    }
}
