//! Amounts and rates as the provider writes them: JSON numbers in dollars, now and then text. Read digit by
//! digit, never by way of a float. No field says a currency: it is the Canadian dollar.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use ventanilla_core::money::{Currency, Money};

use super::wire::{Raw, text};

/// An amount to send, as the shortest JSON number.
#[derive(Clone, Copy)]
pub(super) struct Sent(pub Money);

/// An amount to send as text with both decimal places.
#[derive(Clone, Copy)]
pub(super) struct SentText(pub Money);

/// A sum on a receipt, in whole cents; below zero where something is taken back. Up to 10 digits of dollars.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cents(i64);

impl Cents {
    /// A sum of `cents`; `None` when it is too long for the provider.
    #[must_use]
    pub const fn new(cents: i64) -> Option<Self> {
        if cents.unsigned_abs() > 999_999_999_999 {
            return None;
        }
        Some(Self(cents))
    }

    /// Whole cents.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Serialize for Sent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number(shortest(&self.0.decimal_text()).to_owned(), serializer)
    }
}

impl Serialize for SentText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.decimal_text())
    }
}

impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        let text = format!("{sign}{}.{:02}", cents / 100, cents % 100);
        number(shortest(&text).to_owned(), serializer)
    }
}

fn number<S: Serializer>(text: String, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(text)
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}

/// Without the zeros behind the point that say nothing.
fn shortest(text: &str) -> &str {
    text.trim_end_matches('0').trim_end_matches('.')
}

/// Whether an amount can be asked for: Canadian dollars, more than none.
pub(super) fn can_be_sent(money: Money) -> bool {
    money.currency() == Currency::CAD && money.minor() > 0
}

/// An amount that is not below zero and has whole cents; `None` when it is missing or cannot be read without
/// doubt.
pub(super) fn amount(raw: &Option<Raw>) -> Option<Money> {
    Money::parse_decimal(text(raw)?.trim_matches(' '), Currency::CAD).ok()
}

/// A rate that is written as a fraction, in basis points: `0.0999` is 9.99 %, so 999. `None` when it is
/// missing or has a fifth decimal place.
pub(super) fn basis_points(raw: &Option<Raw>) -> Option<u32> {
    let text = text(raw)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let fraction = fraction.trim_end_matches('0');
    let is_short = (1..=3).contains(&whole.len()) && fraction.len() <= 4;
    let digits = format!("{whole}{fraction:0<4}");
    (is_short && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ventanilla_core::money::MAX_MINOR;

    use super::*;

    fn raw(json: &str) -> Option<Raw> {
        serde_json::from_str(json).unwrap()
    }

    fn cad(minor: u64) -> Money {
        Money::from_minor(minor, Currency::CAD).unwrap()
    }

    fn sent(minor: u64) -> String {
        serde_json::to_string(&Sent(cad(minor))).unwrap()
    }

    #[test]
    fn integers_decimals_and_text_are_read_to_the_cent() {
        for (json, minor) in [
            ("1000", 100_000),
            ("0", 0),
            ("13276.4", 1_327_640),
            ("2000.1", 200_010),
            ("0.1", 10),
            ("0.07", 7),
            ("99999999999.99", 9_999_999_999_999),
            (r#""5000.00""#, 500_000),
            (r#"" 2499.85 ""#, 249_985),
            ("5000.0000", 500_000),
            ("1.0E7", 1_000_000_000),
        ] {
            assert_eq!(amount(&raw(json)), Some(cad(minor)), "{json}");
        }
    }

    #[test]
    fn what_is_no_amount_or_has_parts_of_a_cent_is_not_read() {
        for json in [
            "null",
            "true",
            "{}",
            "[1]",
            "-1",
            "-0.01",
            "10.005",
            "0.001",
            "1e-3",
            "1000.0000001",
            "100000000000.00",
            r#""""#,
            r#""NaN""#,
            r#""1,000.00""#,
            r#""1 000""#,
            r#""$10""#,
            r#"".5""#,
            r#""5.""#,
            r#""+5""#,
            r#""１""#,
        ] {
            assert_eq!(amount(&raw(json)), None, "{json}");
        }
    }

    #[test]
    fn an_amount_is_sent_as_its_shortest_number() {
        assert_eq!(sent(100_000), "1000");
        assert_eq!(sent(200_010), "2000.1");
        assert_eq!(sent(50_005), "500.05");
        assert_eq!(sent(1), "0.01");
        assert_eq!(sent(MAX_MINOR), "99999999999.99");
        let text = serde_json::to_string(&SentText(cad(1_000))).unwrap();
        assert_eq!(text, r#""10.00""#);
    }

    #[test]
    fn a_sum_below_zero_keeps_its_sign() {
        for (cents, number) in [
            (-5_000, "-50"),
            (-1, "-0.01"),
            (0, "0"),
            (-101_700, "-1017"),
            (130, "1.3"),
        ] {
            let cents = Cents::new(cents).unwrap();
            assert_eq!(serde_json::to_string(&cents).unwrap(), number);
        }
        assert_eq!(Cents::new(1_000_000_000_000), None);
        assert_eq!(Cents::new(i64::MIN), None);
    }

    #[test]
    fn a_rate_is_read_in_basis_points() {
        for (json, points) in [
            ("0.0999", Some(999)),
            ("0.3099", Some(3_099)),
            ("0.1", Some(1_000)),
            ("0", Some(0)),
            ("1", Some(10_000)),
            ("0.09990", Some(999)),
            (r#""0.0999""#, Some(999)),
            ("0.09995", None),
            ("-0.1", None),
            ("1e-1", None),
            ("null", None),
            (r#""9,99""#, None),
            (r#"".5""#, None),
        ] {
            assert_eq!(basis_points(&raw(json)), points, "{json}");
        }
    }

    proptest! {
        // Invariant 15: cents, number, cents is the identity, and text decodes as the number does.
        #[test]
        fn cents_survive_the_wire_as_a_number_and_as_text(minor in 0..=MAX_MINOR) {
            let number = sent(minor);
            prop_assert_eq!(amount(&raw(&number)), Some(cad(minor)));
            prop_assert_eq!(amount(&raw(&format!("\"{number}\""))), Some(cad(minor)));
            let text = serde_json::to_string(&SentText(cad(minor))).unwrap();
            prop_assert_eq!(amount(&raw(&text)), Some(cad(minor)));
        }

        // Invariant 7, for what comes back: whatever stands behind the cents, nothing is rounded.
        #[test]
        fn a_third_decimal_place_is_never_rounded(minor in 0..MAX_MINOR, digit in 1_u8..=9) {
            let json = format!("{}{digit}", cad(minor).decimal_text());
            prop_assert_eq!(amount(&raw(&json)), None);
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC{0,24}") {
            let json = serde_json::to_string(&text).unwrap();
            let _ = (amount(&raw(&json)), basis_points(&raw(&json)));
        }
    }
}
