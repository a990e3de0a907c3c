//! Amounts as the provider writes them: a JSON number, or text with either decimal sign. Read digit by
//! digit, never by way of a float.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use ventanilla_core::money::{Currency, Money};

use super::wire::{Raw, scalar};

/// An amount with a sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Signed {
    pub is_negative: bool,
    pub money: Money,
}

/// An amount to send: a plain JSON number with both decimal places, or the same as text.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub money: Money,
    pub as_text: bool,
}

impl Serialize for Sent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.money.decimal_text();
        if self.as_text {
            return serializer.serialize_str(&text);
        }
        RawValue::from_string(text)
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// Whether an amount can be asked for: Argentine pesos, more than none.
pub(super) fn can_be_sent(money: Money) -> bool {
    money.currency() == Currency::ARS && money.minor() > 0
}

/// An amount that is not below zero; `None` when it is missing or cannot be read without doubt.
pub(super) fn amount(raw: &Option<Raw>) -> Option<Money> {
    signed(raw)
        .filter(|read| !read.is_negative)
        .map(|read| read.money)
}

/// An amount with a sign; `None` when it is missing or cannot be read without doubt.
pub(super) fn signed(raw: &Option<Raw>) -> Option<Signed> {
    let raw = raw.as_deref()?;
    let text = scalar(raw)?;
    let text = text.trim_matches(' ');
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let plain = if raw.get().starts_with('"') {
        with_decimal_point(digits)?
    } else {
        digits.to_owned()
    };
    if !plain
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    let money = Money::parse_decimal(&plain, Currency::ARS).ok()?;
    Some(Signed {
        is_negative: is_negative && money.minor() > 0,
        money,
    })
}

/// `1500.50`, `1500,50` and `1.500,50` as `1500.50`. What may mean two amounts is `None`: `1.500` is
/// fifteen hundred to some and one and a half to others.
fn with_decimal_point(text: &str) -> Option<String> {
    if let Some((whole, fraction)) = text.split_once(',') {
        if fraction.len() != 2 {
            return None;
        }
        return Some(format!("{}.{fraction}", without_groups(whole)?));
    }
    if let Some((whole, fraction)) = text.split_once('.') {
        let may_be_a_group =
            fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0');
        if may_be_a_group {
            return None;
        }
    }
    Some(text.to_owned())
}

/// Takes the points out of `1.234.567`.
fn without_groups(whole: &str) -> Option<String> {
    let mut groups = whole.split('.');
    let first = groups.next()?;
    let rest: Vec<_> = groups.collect();
    let is_grouped = rest.iter().all(|group| group.len() == 3)
        && (rest.is_empty() || (1..=3).contains(&first.len()));
    is_grouped.then(|| format!("{first}{}", rest.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<(bool, u64)> {
        let raw: Option<Raw> = serde_json::from_str(json).unwrap();
        signed(&raw).map(|read| (read.is_negative, read.money.minor()))
    }

    #[test]
    fn integers_decimals_and_text_are_read_to_the_centavo() {
        for (json, minor) in [
            ("125000", 12_500_000),
            ("0", 0),
            ("1500.5", 150_050),
            ("1500.50", 150_050),
            ("1.500", 150),
            ("1500.5000", 150_050),
            ("0.1", 10),
            ("99999999999.99", 9_999_999_999_999),
            (r#""1500.50""#, 150_050),
            (r#"" 1500.50 ""#, 150_050),
            (r#""1500.5000""#, 150_050),
            (r#""1500""#, 150_000),
            (r#""0.500""#, 50),
            (r#""1500,50""#, 150_050),
            (r#""1.500,50""#, 150_050),
            (r#""1.234.567,89""#, 123_456_789),
            (r#""36.40""#, 3_640),
        ] {
            assert_eq!(read(json), Some((false, minor)), "{json}");
        }
    }

    #[test]
    fn a_sign_is_kept_apart_and_zero_has_none() {
        assert_eq!(read("-200"), Some((true, 20_000)));
        assert_eq!(read(r#""-200.00""#), Some((true, 20_000)));
        assert_eq!(read(r#""-1.200,00""#), Some((true, 120_000)));
        assert_eq!(read(r#""-0.00""#), Some((false, 0)));
        let raw: Option<Raw> = serde_json::from_str("-200").unwrap();
        assert_eq!(amount(&raw), None);
    }

    #[test]
    fn what_is_no_amount_or_could_be_two_is_not_read() {
        for json in [
            "null",
            "true",
            "{}",
            "[1500.5]",
            "1e3",
            "1.5e3",
            "1500.505",
            "0.001",
            "1e-2",
            "100000000000.00",
            r#""""#,
            r#""NaN""#,
            r#""Infinity""#,
            r#""1e3""#,
            r#""1500.505""#,
            r#""1.500""#,
            r#""15.000""#,
            r#""1,500""#,
            r#""1,500.50""#,
            r#""1500,5""#,
            r#""1.50,50""#,
            r#""1500.500,50""#,
            r#""1.500.000""#,
            r#""1..500,00""#,
            r#"".50""#,
            r#"",50""#,
            r#""1500.""#,
            r#""--1""#,
            r#""+1""#,
            r#""$ 1500.50""#,
            r#""1 500,50""#,
            r#""１５""#,
            r#""-""#,
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn an_amount_is_sent_with_both_places_as_a_number_or_as_text() {
        let money = Money::from_minor(150_050, Currency::ARS).unwrap();
        let sent = |as_text| serde_json::to_string(&Sent { money, as_text }).unwrap();
        assert_eq!(sent(false), "1500.50");
        assert_eq!(sent(true), r#""1500.50""#);
    }
}
