//! From bytes to text: the segments of ISO/IEC 18004, section 7.4.
//!
//! `rxing` has this as well, with tables of every character set that a code may announce; they would be half of the
//! download. Wallet codes are printable ASCII, which all of those sets share. A character of a set that is not known
//! here is read as U+FFFD: the caller sees that a code was found, and that it is none of its own.

/// What stands for a character that cannot be told.
const UNKNOWN: char = '\u{fffd}';

const ALPHANUMERIC: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The text in the data of a code of `version`; `None` when it is not a sequence of segments, or one part of a text
/// that is spread over several codes.
pub fn read(data: Vec<u8>, version: u32) -> Option<String> {
    let mut bits = Bits { data, at: 0 };
    let mut text = String::new();
    let lengths = |small, middle, large| match version {
        ..=9 => small,
        10..=26 => middle,
        _ => large,
    };
    // Fewer than four bits left say the same as a terminator.
    while let Some(mode) = bits.take(4) {
        match mode {
            0b0000 => break,
            0b0001 => {
                let count = bits.take(lengths(10, 12, 14))?;
                numeric(&mut bits, count, &mut text)?;
            }
            0b0010 => {
                let count = bits.take(lengths(9, 11, 13))?;
                alphanumeric(&mut bits, count, &mut text)?;
            }
            0b0100 => {
                let count = bits.take(lengths(8, 16, 16))?;
                bytes(&mut bits, count, &mut text)?;
            }
            0b1000 => {
                let count = bits.take(lengths(8, 10, 12))?;
                double(&mut bits, count, &mut text)?;
            }
            // Hanzi, of GB/T 18284: a subset in front of the count.
            0b1101 => {
                bits.take(4)?;
                let count = bits.take(lengths(8, 10, 12))?;
                double(&mut bits, count, &mut text)?;
            }
            0b0111 => skip_designator(&mut bits)?,
            // FNC1: how an application reads the text, which stays the same.
            0b0101 => {}
            0b1001 => {
                bits.take(8)?;
            }
            _ => return None,
        }
    }
    (!text.is_empty()).then_some(text)
}

struct Bits {
    data: Vec<u8>,
    at: usize,
}

impl Bits {
    /// The next `count` bits, at most 16; `None` when there are not as many.
    fn take(&mut self, count: usize) -> Option<u32> {
        let end = self.at.checked_add(count)?;
        if end > self.data.len() * 8 {
            return None;
        }
        let bit = |at: usize| {
            let byte = self.data.get(at / 8).copied().unwrap_or_default();
            u32::from(byte >> (7 - at % 8) & 1)
        };
        let value = (self.at..end).fold(0, |value, at| value << 1 | bit(at));
        self.at = end;
        Some(value)
    }
}

/// Three digits in ten bits, two in seven, one in four.
fn numeric(bits: &mut Bits, mut count: u32, text: &mut String) -> Option<()> {
    while count > 0 {
        let (digits, width) = match count {
            1 => (1, 4),
            2 => (2, 7),
            _ => (3, 10),
        };
        let value = bits.take(width)?;
        if value >= 10_u32.pow(digits) {
            return None;
        }
        for place in (0..digits).rev() {
            text.push(char::from_digit(value / 10_u32.pow(place) % 10, 10)?);
        }
        count -= digits;
    }
    Some(())
}

/// Two characters in eleven bits, one in six.
fn alphanumeric(bits: &mut Bits, mut count: u32, text: &mut String) -> Option<()> {
    let letter = |value: u32| {
        ALPHANUMERIC
            .get(value as usize)
            .map(|byte| char::from(*byte))
    };
    while count > 1 {
        let pair = bits.take(11)?;
        text.push(letter(pair / 45)?);
        text.push(letter(pair % 45)?);
        count -= 2;
    }
    if count == 1 {
        text.push(letter(bits.take(6)?)?);
    }
    Some(())
}

fn bytes(bits: &mut Bits, count: u32, text: &mut String) -> Option<()> {
    let mut found = Vec::with_capacity(count as usize);
    for _ in 0..count {
        found.push(u8::try_from(bits.take(8)?).ok()?);
    }
    match String::from_utf8(found) {
        Ok(found) => text.push_str(&found),
        // ISO/IEC 8859-1, the default of the standard: its characters are the first of Unicode.
        Err(other) => text.extend(other.as_bytes().iter().map(|byte| char::from(*byte))),
    }
    Some(())
}

/// Kanji and Hanzi: thirteen bits each.
fn double(bits: &mut Bits, count: u32, text: &mut String) -> Option<()> {
    for _ in 0..count {
        bits.take(13)?;
        text.push(UNKNOWN);
    }
    Some(())
}

/// The number of a character set: one, two or three bytes, as its first bits tell.
fn skip_designator(bits: &mut Bits) -> Option<()> {
    let first = bits.take(8)?;
    let more = match first {
        ..0x80 => 0,
        0x80..0xc0 => 8,
        0xc0..0xe0 => 16,
        _ => return None,
    };
    bits.take(more)?;
    Some(())
}
