//! Bytes as text: hex and base64.
//!
//! Own code because the widget pays by the byte, and these two are all of it that is needed.

use alloc::string::String;
use alloc::vec::Vec;

/// How many characters a text has. The standard library's own way is quick for books, and 1 kB of a download.
pub(crate) fn count_chars(text: &str) -> usize {
    let begins_one = |byte: &u8| byte & 0xc0 != 0x80;
    text.bytes().filter(begins_one).count()
}

/// Lower-case hex, two digits per byte.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from(match nibble {
            0..=9 => b'0' + nibble,
            _ => b'a' - 10 + nibble,
        }));
    }
    text
}

/// Reads hex of either case, two digits per byte; `None` for anything else.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some((hex_digit(*high)? << 4) | hex_digit(*low)?))
        .collect()
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Standard base64 with padding, on one line (RFC 4648 section 4).
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, index| {
            (word << 8) | u32::from(chunk.get(index).copied().unwrap_or(0))
        });
        for index in 0..4 {
            text.push(if index <= chunk.len() {
                base64_symbol((word >> (18 - 6 * index)) & 63)
            } else {
                '='
            });
        }
    }
    text
}

/// Reads standard base64, skipping blanks. `None` unless it is padded and says every bit once: two
/// texts never give the same bytes.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut word = 0_u32;
    let mut bits = 0;
    let (mut symbols, mut padding) = (0_usize, 0_usize);
    for byte in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        if byte == b'=' {
            padding += 1;
            continue;
        }
        let value = base64_value(byte).filter(|_| padding == 0)?;
        symbols += 1;
        word = (word << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(((word >> bits) & 255) as u8);
        }
    }
    let unused = word & ((1 << bits) - 1);
    let whole = (symbols + padding).is_multiple_of(4) && padding <= 2;
    (whole && unused == 0).then_some(bytes)
}

fn base64_symbol(value: u32) -> char {
    let value = (value & 63) as u8;
    char::from(match value {
        0..=25 => b'A' + value,
        26..=51 => b'a' - 26 + value,
        52..=61 => value - 52 + b'0',
        62 => b'+',
        _ => b'/',
    })
}

fn base64_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // RFC 4648 section 10.
    #[test]
    fn base64_of_the_standard_s_own_examples() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(to_base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(to_base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }

    #[test]
    fn base64_with_another_spelling_of_the_same_bytes_is_refused() {
        for text in [
            "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "====", "Z=g=", "Zm9v=", "Zm_v", "Zm-v",
            "Zmé=",
        ] {
            assert_eq!(from_base64(text), None, "{text}");
        }
        assert_eq!(from_base64(" Zm\r\n9v\t").as_deref(), Some(&b"foo"[..]));
    }

    #[test]
    fn hex_takes_both_cases_and_nothing_else() {
        assert_eq!(from_hex("00fF9a"), Some([0, 255, 0x9a].into()));
        assert_eq!(from_hex(""), Some([].into()));
        for text in ["0", "0g", "0x", " 00", "00 ", "é", "/:", "@G", "`g"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
        assert_eq!(to_hex(&[0, 15, 255]), "000fff");
    }

    proptest! {
        #[test]
        fn bytes_come_back_from_hex_and_base64(bytes in proptest::collection::vec(any::<u8>(), 0..99)) {
            prop_assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes.clone()));
            prop_assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
        }

        #[test]
        fn base64_that_is_read_is_written_the_same_again(text in "[AZaz09+/=]{0,12}") {
            if let Some(bytes) = from_base64(&text) {
                prop_assert_eq!(to_base64(&bytes), text);
            }
        }
    }
}
