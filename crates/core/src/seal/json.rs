//! The two JSON texts that are sealed, written without a serialiser: no library's buffer ever holds
//! a card, and the widget needs no JSON writer for anything else.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Extras;
use crate::card::Card;

/// Longest key envelope: `{"k":[` 16 numbers of 3 digits and 15 commas `],"s":` 3 digits `}`.
const PAIR_MAX: usize = 6 + 63 + 6 + 3 + 1;

/// What stands around the values of a card object, with room to spare.
const CARD_FRAME: usize = 256;

/// A text under construction. It never grows beyond the room it was made with, so that no copy is
/// left behind; a test holds the callers to that.
struct Writer(Zeroizing<Vec<u8>>);

/// The card object in the order and with the types that the provider's document prints: number and
/// CVC as strings, month and two-digit year as numbers.
pub(super) fn card(card: &Card, extras: &Extras<'_>) -> Zeroizing<Vec<u8>> {
    let nickname = extras.nickname.unwrap_or_default();
    // An escaped character takes six bytes at most.
    let room = CARD_FRAME
        + card.pan.digits().len()
        + card.cvc.digits().len()
        + 6 * (card.holder.as_str().len() + nickname.len());
    let mut json = Writer(Zeroizing::new(Vec::with_capacity(room)));
    json.raw("{\"card\":{\"cardHolder\":");
    json.string(card.holder.as_str());
    json.raw(",\"expirationDate\":{\"month\":");
    json.number(card.expiry.month());
    json.raw(",\"year\":");
    json.number(card.expiry.year_in_century());
    json.raw("},\"cardNumber\":");
    json.string(card.pan.digits());
    json.raw(",\"cvc\":");
    json.string(card.cvc.digits());
    if extras.nickname.is_some() {
        json.raw(",\"nickname\":");
        json.string(nickname);
    }
    json.raw("}");
    if extras.tokenize {
        json.raw(",\"tokenize\":true");
    }
    if let Some(installments) = extras.installments {
        json.raw(",\"options\":{\"numberOfPayments\":\"");
        json.number(installments);
        json.raw("\"}");
    }
    json.raw("}");
    json.0
}

/// The key envelope: `{"k":[16 numbers],"s":number}`.
pub(super) fn pair(key: &[u8; 16], counter: u8) -> Zeroizing<Vec<u8>> {
    let mut json = Writer(Zeroizing::new(Vec::with_capacity(PAIR_MAX)));
    let mut before = "{\"k\":[";
    for byte in key {
        json.raw(before);
        json.number(*byte);
        before = ",";
    }
    json.raw("],\"s\":");
    json.number(counter);
    json.raw("}");
    json.0
}

impl Writer {
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: u8) {
        if number >= 100 {
            self.0.push(b'0' + number / 100);
        }
        if number >= 10 {
            self.0.push(b'0' + number / 10 % 10);
        }
        self.0.push(b'0' + number % 10);
    }

    /// As `JSON.stringify` writes it: only quote, backslash and controls are escaped.
    fn string(&mut self, text: &str) {
        self.0.push(b'"');
        for byte in text.bytes() {
            let short = match byte {
                b'"' | b'\\' => byte,
                0x08 => b'b',
                0x09 => b't',
                0x0a => b'n',
                0x0c => b'f',
                0x0d => b'r',
                0..=0x1f => {
                    self.raw(if byte < 0x10 { "\\u000" } else { "\\u001" });
                    let nibble = byte & 15;
                    self.0.push(if nibble < 10 {
                        b'0' + nibble
                    } else {
                        b'a' - 10 + nibble
                    });
                    continue;
                }
                _ => {
                    self.0.push(byte);
                    continue;
                }
            };
            self.0.extend_from_slice(&[b'\\', short]);
        }
        self.0.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use proptest::prelude::*;

    use super::*;
    use crate::card::{Cvc, Expiry, Holder, Pan, YearMonth};

    fn written(text: &str) -> String {
        let mut json = Writer(Zeroizing::new(Vec::with_capacity(text.len() * 6 + 2)));
        json.string(text);
        String::from_utf8(json.0.to_vec()).unwrap()
    }

    // From the test vectors, card `holder_escapes_and_astral`: JSON.stringify's own output.
    #[test]
    fn a_string_is_escaped_as_json_stringify_escapes_it() {
        assert_eq!(
            written("A \"B\" \\ / \t\u{1f}\u{7f} € 💳"),
            "\"A \\\"B\\\" \\\\ / \\t\\u001f\u{7f} € 💳\""
        );
        assert_eq!(
            written("\u{8}\u{c}\n\r\u{0}\u{b}\u{f}\u{10}"),
            r#""\b\f\n\r\u0000\u000b\u000f\u0010""#
        );
    }

    proptest! {
        #[test]
        fn any_string_is_written_as_serde_json_writes_it(text in "(\\PC|[\u{0}-\u{1f}\"\\\\/]){0,40}") {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn any_number_is_written_as_serde_json_writes_it(number: u8) {
            let mut json = Writer(Zeroizing::new(Vec::new()));
            json.number(number);
            prop_assert_eq!(String::from_utf8(json.0.to_vec()).unwrap(), serde_json::to_string(&number).unwrap());
        }
    }

    #[test]
    fn the_longest_card_object_fits_the_room_made_for_it() {
        let now = YearMonth {
            year: 2026,
            month: 11,
        };
        let now_and_then = Expiry::parse("12/2046", now).unwrap();
        let holder: String = core::iter::repeat_n(['"', '\\', '💳'], 20)
            .flatten()
            .collect();
        let nickname: String = core::iter::repeat_n('\u{1}', 49).collect();
        let longest = Card {
            pan: Pan::parse("6304000000000000000").unwrap(),
            expiry: now_and_then,
            cvc: Cvc::parse("1234", None).unwrap(),
            holder: Holder::parse(&holder).unwrap(),
        };
        let extras = Extras {
            nickname: Some(&nickname),
            tokenize: true,
            installments: Some(255),
        };
        let json = card(&longest, &extras);
        let room = CARD_FRAME + 19 + 4 + 6 * (holder.len() + nickname.len());
        assert_eq!(json.capacity(), room, "the buffer moved");
        assert!(json.len() * 2 <= crate::rails::card::LD_MAX_CHARS);

        let plain = card(
            &Card {
                holder: Holder::parse("Ana").unwrap(),
                ..longest
            },
            &Extras {
                nickname: None,
                ..extras
            },
        );
        assert_eq!(
            plain.capacity(),
            CARD_FRAME + 19 + 4 + 6 * 3,
            "the buffer moved"
        );
    }

    #[test]
    fn the_longest_key_envelope_fits_the_room_made_for_it() {
        let json = pair(&[255; 16], 255);
        assert_eq!((json.len(), json.capacity()), (PAIR_MAX, PAIR_MAX));
        assert_eq!(pair(&[0; 16], 0).len(), 45);
    }
}
