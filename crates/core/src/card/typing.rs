//! The text of card fields while somebody types, pastes and deletes in them.
//!
//! Every function takes what a field holds after an edit and where its caret stands then, and gives
//! what the field is to hold instead. Carets are counted as browsers count them, in UTF-16 units;
//! what comes back is ASCII, where a unit is a character.
//!
//! A text that one of these functions gave comes back unchanged when it is given again. A caret
//! stands directly behind the digit it stood behind, before any separator, so that the next
//! Backspace deletes that digit. A digit too many is refused where it was typed: the digits already
//! there stay.

use alloc::string::String;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::brand::{Brand, GROUPS_OF_FOUR};
use super::{cvc, pan};
use crate::encoding::count_chars;

/// What a field is to hold after an edit. It may be a card number, so it cannot be printed and is
/// overwritten when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Typed {
    /// The field's text: ASCII digits and separators.
    pub text: String,
    /// How many characters of [`Typed::text`] stand before the caret.
    pub caret: usize,
}

/// The text of a card number field: the digits of `raw`, grouped as the brand's cards print them,
/// no more of them than the brand has, 19 at most.
///
/// Deleting a space only moves the caret before it. [`card_number_after`] knows better.
#[must_use]
pub fn card_number(raw: &str, caret: usize) -> Typed {
    format_number(Digits::read(raw, caret), false)
}

/// As [`card_number`], for a caller who knows the text before the edit: deleting nothing but a space
/// deletes the digit before it, as if the space were not there.
#[must_use]
pub fn card_number_after(previous: &str, raw: &str, caret: usize) -> Typed {
    let mut digits = Digits::read(raw, caret);
    let deletion = is_deletion(previous, raw, caret);
    if deletion && count_digits(previous) == digits.len() {
        digits.remove_before_caret(1);
    }
    format_number(digits, deletion)
}

/// With `deletion`, nothing was typed that could be refused: what no longer fits the brand goes off
/// the end.
fn format_number(mut digits: Digits, deletion: bool) -> Typed {
    digits.limit(pan::MAX_DIGITS);
    // One by one, because without a refused digit the number may have another brand, and room.
    let brand = loop {
        let brand = Brand::of_prefix(&digits.text);
        let max = brand.map_or(pan::MAX_DIGITS, longest);
        if digits.len() <= max {
            break brand;
        }
        if deletion || digits.before_caret == 0 {
            digits.text.truncate(max);
            digits.before_caret = digits.before_caret.min(max);
            break brand;
        }
        digits.remove_before_caret(1);
    };

    let groups = match brand {
        // Only the classic 14 digits are grouped in their own way.
        Some(Brand::Diners) if digits.len() > 14 => &GROUPS_OF_FOUR,
        Some(brand) => brand.grouping(),
        None => &GROUPS_OF_FOUR,
    };
    let mut text = String::with_capacity(digits.len() + groups.len());
    let mut caret = 0;
    let mut ends = groups.iter().scan(0, |end, group| {
        *end += usize::from(*group);
        Some(*end)
    });
    let mut end = ends.next();
    for (index, digit) in digits.text.chars().enumerate() {
        if end == Some(index) {
            text.push(' ');
            end = ends.next();
        }
        text.push(digit);
        if index + 1 == digits.before_caret {
            caret = text.len();
        }
    }
    Typed { text, caret }
}

fn longest(brand: Brand) -> usize {
    brand
        .lengths()
        .last()
        .copied()
        .map_or(pan::MAX_DIGITS, usize::from)
}

/// The text of a CVC field: the digits of `raw`, as many as `brand` has, 4 when it is not known.
#[must_use]
pub fn cvc(raw: &str, caret: usize, brand: Option<Brand>) -> Typed {
    let mut digits = Digits::read(raw, caret);
    digits.limit(brand.map_or(cvc::MAX_DIGITS, |brand| usize::from(brand.cvc_length())));
    let mut text = String::with_capacity(digits.len());
    text.push_str(&digits.text);
    Typed {
        text,
        caret: digits.before_caret,
    }
}

/// Stands between month and year.
const BETWEEN: &str = " / ";

/// The text of an expiry field: `12 / 30`. `previous` is the text before the edit.
///
/// - The separator comes by itself as soon as the month is certain, and the caret moves behind it: `12`
///   gives `12 / `, and so do `5` and `1/` with a zero in front. `13` cannot be a month and gives
///   `01 / 3`.
/// - Deleting part of the separator deletes the digit before it, so that holding Backspace empties the
///   field; with the caret before the separator it is Delete, and the digit behind goes. Nothing is
///   padded while deleting, so that `12 / 30` without its `1` can become `02 / 30`.
/// - A year of four digits may be typed or pasted; once complete it is shortened to two. A pasted
///   `2030-12` is put in order.
#[must_use]
pub fn expiry(raw: &str, caret: usize, previous: &str) -> Typed {
    let deletion = is_deletion(previous, raw, caret);
    let mut parts = ExpiryParts::read(raw, caret);
    if deletion && count_digits(previous) == parts.digits.len() {
        let caret_digits = parts.digits.before_caret;
        let behind = parts.left_month;
        // What was left of the separator may no longer separate; the text before the edit does.
        parts = ExpiryParts::read(previous, 0);
        parts.digits.before_caret = caret_digits;
        parts.left_month = behind;
        if behind {
            parts.remove_before_caret();
        } else {
            parts.remove_after_caret();
        }
    }
    parts.limit();
    parts.format(!deletion && raw != previous, previous.is_empty())
}

/// The digits of an expiry field and where the month ends among them.
struct ExpiryParts {
    digits: Digits,
    /// How many of the digits are the month: 2 at most.
    month: usize,
    /// Whether the caret stands behind the separator, or behind a digit of the year.
    left_month: bool,
}

impl ExpiryParts {
    fn read(raw: &str, caret: usize) -> Self {
        let mut digits = Digits::read(raw, caret);
        // Where the text itself ends the month, and whether that is before the caret.
        let mut split = None;
        let mut seen = 0;
        let mut position = 0;
        for c in raw.chars() {
            if digit(c).is_some() {
                seen += 1;
            } else if split.is_none()
                && (matches!(c, '/' | '-' | '.') || (seen > 0 && c.is_whitespace()))
            {
                split = Some((seen, position));
            }
            position += c.len_utf16();
        }
        let separator_before_caret = split.is_some_and(|(_, position)| position < caret);
        let split = split.map(|(seen, _)| seen);
        if split == Some(4) && digits.len() > 4 && digits.text.starts_with("20") {
            digits.rotate_left(4);
            // However many digits the month had, they are in front now.
            let month = (digits.len() - 4).min(2);
            return Self {
                digits,
                month,
                left_month: true,
            };
        }
        let month = split.unwrap_or_else(|| certain_month(&digits.text)).min(2);
        let left_month = separator_before_caret || digits.before_caret > month;
        Self {
            digits,
            month,
            left_month,
        }
    }

    fn remove_before_caret(&mut self) {
        if self.digits.before_caret > 0 && self.digits.before_caret <= self.month {
            self.month -= 1;
            self.left_month = false;
        }
        self.digits.remove_before_caret(1);
    }

    fn remove_after_caret(&mut self) {
        if self.digits.before_caret < self.digits.len() {
            self.digits.before_caret += 1;
            self.remove_before_caret();
        }
    }

    /// Refuses digits that have no place.
    fn limit(&mut self) {
        let mut year = self.digits.text.chars().skip(self.month);
        let full = year.next() == Some('2') && year.next() == Some('0');
        self.digits.limit(self.month + if full { 4 } else { 2 });
    }

    fn format(self, typed: bool, was_empty: bool) -> Typed {
        let Self {
            digits,
            month,
            left_month,
        } = self;
        let year = digits.len().saturating_sub(month);
        let pad = typed
            && month == 1
            && match digits.text.chars().next() {
                Some('0') => false,
                // More may come, unless the buyer has gone on to the year.
                Some('1') => left_month || (was_empty && year > 0),
                _ => true,
            };
        // The century of a complete year is dropped.
        let century = if year == 4 { 2 } else { 0 };
        let mut text = String::with_capacity(digits.len() + 1 + BETWEEN.len());
        if pad {
            text.push('0');
        }
        text.extend(digits.text.chars().take(month));
        let month_end = text.len();
        if year > 0 || month_end == 2 {
            text.push_str(BETWEEN);
        }
        let year_start = text.len();
        text.extend(digits.text.chars().skip(month + century));

        let before = digits.before_caret;
        let caret = if before > month {
            year_start + (before - month).saturating_sub(century)
        } else if before == month && (left_month || (typed && month_end == 2)) {
            year_start
        } else {
            before
        };
        Typed { text, caret }
    }
}

/// How many leading digits are the month when nothing separates it: two, unless the second cannot
/// belong to it.
fn certain_month(digits: &str) -> usize {
    let mut digits = digits.bytes();
    match (digits.next(), digits.next()) {
        (None, _) => 0,
        (Some(b'0'), Some(_)) | (Some(b'1'), Some(b'0'..=b'2')) => 2,
        _ => 1,
    }
}

/// The digits in a text and how many of them stand before the caret.
struct Digits {
    text: Zeroizing<String>,
    before_caret: usize,
}

impl Digits {
    fn read(raw: &str, caret: usize) -> Self {
        // Never grows beyond this, so no copy is left behind.
        let mut text = Zeroizing::new(String::with_capacity(raw.len()));
        let mut before_caret = 0;
        let mut position = 0;
        for c in raw.chars() {
            if let Some(digit) = digit(c) {
                text.push(digit);
                if position < caret {
                    before_caret = text.len();
                }
            }
            position += c.len_utf16();
        }
        Self { text, before_caret }
    }

    fn len(&self) -> usize {
        self.text.len()
    }

    fn remove_before_caret(&mut self, count: usize) {
        let start = self.before_caret.saturating_sub(count);
        let removed = start..self.before_caret;
        let mut index = 0;
        self.text.retain(|_| {
            index += 1;
            !removed.contains(&(index - 1))
        });
        self.before_caret = start;
    }

    /// Removes what is too much: first what was typed last, which stands before the caret.
    fn limit(&mut self, max: usize) {
        self.remove_before_caret(self.len().saturating_sub(max));
        self.text.truncate(max);
    }

    fn rotate_left(&mut self, count: usize) {
        let mut text = Zeroizing::new(String::with_capacity(self.len()));
        text.extend(self.text.chars().skip(count));
        text.extend(self.text.chars().take(count));
        self.text = text;
        self.before_caret = self.len();
    }
}

fn count_digits(text: &str) -> usize {
    text.chars().filter(|c| digit(*c).is_some()).count()
}

/// The ASCII digit of a digit as it is typed in East Asian full width or on an Arabic or Persian
/// keyboard.
fn digit(c: char) -> Option<char> {
    let first = match c {
        '0'..='9' => '0',
        '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        _ => return None,
    };
    char::from_digit(u32::from(c) - u32::from(first), 10)
}

/// Whether `raw` is `previous` with one piece cut out where the caret stands now.
fn is_deletion(previous: &str, raw: &str, caret: usize) -> bool {
    let length = count_chars(raw);
    let caret = caret.min(length);
    let same = |(a, b): &(char, char)| a == b;
    let head = previous.chars().zip(raw.chars()).take_while(same).count();
    let tail = previous
        .chars()
        .rev()
        .zip(raw.chars().rev())
        .take_while(same)
        .count();
    length < count_chars(previous) && head >= caret && tail >= length - caret
}

#[cfg(test)]
mod tests;
