//! Amounts as people in Argentina write and read them, where no browser does it.
//!
//! The form is Unicode CLDR's for `es-AR`: dots between thousands, from four digits on, and a decimal
//! comma. Spain's and Latin America's other forms differ.

use alloc::format;
use alloc::string::String;

use super::{Currency, Money, MoneyError};

/// What stands between the sign and the number: it must not break over a line.
const NO_BREAK_SPACE: char = '\u{a0}';

/// An amount to show: `$ 1.234,50` for pesos, the code in place of the sign for any other currency. The
/// space is a no-break space, U+00A0.
#[must_use]
pub fn format_money(money: Money) -> String {
    let sign = match money.currency() {
        Currency::ARS => "$",
        other => other.code(),
    };
    let decimal = money.decimal_text();
    let (whole, fraction) = decimal.split_once('.').unwrap_or((&decimal, ""));
    let mut text = format!("{sign}{NO_BREAK_SPACE}");
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text.push(',');
    text.push_str(fraction);
    text
}

/// Reads an amount in pesos that someone typed: `1500`, `1.500`, `1500,5`, `$ 1.234,50`.
///
/// # Errors
///
/// [`MoneyError::Ambiguous`] for what another country would read as another amount: `1.50`, `1,500`,
/// `0.500`. Otherwise as [`Money::parse_decimal`].
pub fn parse_money(typed: &str) -> Result<Money, MoneyError> {
    let typed = typed.trim();
    let typed = typed.strip_prefix('$').map_or(typed, str::trim_start);
    let (whole, fraction) = match typed.split_once(',') {
        Some((_, "")) => return Err(MoneyError::Syntax),
        Some(parts) => parts,
        None => (typed, "0"),
    };
    let is_known = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    if whole.is_empty() || !whole.chars().chain(fraction.chars()).all(is_known) {
        return Err(if typed.starts_with('-') {
            MoneyError::Negative
        } else {
            MoneyError::Syntax
        });
    }
    let grouped = match whole.split_once('.') {
        None => true,
        Some((first, rest)) => {
            (1..=3).contains(&first.len())
                && !first.starts_with('0')
                && rest.split('.').all(|group| group.len() == 3)
        }
    };
    if !grouped || fraction.len() > 2 {
        return Err(MoneyError::Ambiguous);
    }
    let whole: String = whole.split('.').collect();
    Money::parse_decimal(&format!("{whole}.{fraction}"), Currency::ARS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::MAX_MINOR;

    fn pesos(minor: u64) -> String {
        format_money(Money::from_minor(minor, Currency::ARS).unwrap())
    }

    fn typed(text: &str) -> Result<u64, MoneyError> {
        parse_money(text).map(Money::minor)
    }

    // As ICU 78 writes them.
    #[test]
    fn pesos_have_a_no_break_space_dots_and_two_decimals() {
        assert_eq!(pesos(123_450), "$\u{a0}1.234,50");
        assert_eq!(pesos(0), "$\u{a0}0,00");
        assert_eq!(pesos(7), "$\u{a0}0,07");
        assert_eq!(pesos(99_999), "$\u{a0}999,99");
        assert_eq!(pesos(100_000_000), "$\u{a0}1.000.000,00");
        assert_eq!(pesos(MAX_MINOR), "$\u{a0}99.999.999.999,99");
    }

    #[test]
    fn another_currency_is_told_apart_by_its_code() {
        let dollars = Money::from_minor(123_450, Currency::USD).unwrap();
        assert_eq!(format_money(dollars), "USD\u{a0}1.234,50");
    }

    #[test]
    fn what_people_type_is_read_with_a_decimal_comma() {
        assert_eq!(typed("1500"), Ok(150_000));
        assert_eq!(typed("1.500"), Ok(150_000));
        assert_eq!(typed("1500,5"), Ok(150_050));
        assert_eq!(typed("1500,50"), Ok(150_050));
        assert_eq!(typed("1.234.567,89"), Ok(123_456_789));
        assert_eq!(typed("0,07"), Ok(7));
        assert_eq!(typed(" $ 1.234,50 "), Ok(123_450));
        assert_eq!(typed("$\u{a0}1.234,50"), Ok(123_450));
        assert_eq!(typed("$1234"), Ok(123_400));
    }

    #[test]
    fn what_could_mean_two_amounts_is_refused() {
        for text in [
            "1.50",
            "1.5",
            "1,500",
            "1500.50",
            "1500.500",
            "1.5000",
            "0.500",
            "1,234.50",
            "1,234,567",
            "1..500",
            ".500",
            "1.",
            "12.34,56",
            "1,505",
        ] {
            assert_eq!(typed(text), Err(MoneyError::Ambiguous), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_amount_says_so() {
        for text in [
            "", "$", ",", ",50", "1,", "1e3", "mil", "1 500", "1,5,", "1,.5", "١٥", "$$1", "1-",
        ] {
            assert_eq!(typed(text), Err(MoneyError::Syntax), "{text:?}");
        }
        assert_eq!(typed("-1"), Err(MoneyError::Negative));
        assert_eq!(typed("$ -1"), Err(MoneyError::Negative));
        assert_eq!(typed("99.999.999.999,99"), Ok(MAX_MINOR));
        assert_eq!(typed("100.000.000.000"), Err(MoneyError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same_amount(minor in 0..=MAX_MINOR) {
            prop_assert_eq!(typed(&pesos(minor)), Ok(minor));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,30}|[0-9.,$ -]{0,20}") {
            let _ = parse_money(&text);
        }
    }
}
