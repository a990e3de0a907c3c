//! Money: whole minor units of an ISO 4217 currency, never a floating-point number.

pub mod es_ar;

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// A currency that a rail settles in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Currency {
    /// Argentine peso.
    ARS,
    /// Canadian dollar.
    CAD,
    /// Costa Rican colón.
    CRC,
    /// Mexican peso.
    MXN,
    /// United States dollar.
    USD,
}

impl Currency {
    /// Every currency.
    pub const ALL: [Self; 5] = [Self::ARS, Self::CAD, Self::CRC, Self::MXN, Self::USD];

    /// The ISO 4217 alphabetic code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ARS => "ARS",
            Self::CAD => "CAD",
            Self::CRC => "CRC",
            Self::MXN => "MXN",
            Self::USD => "USD",
        }
    }

    /// Decimal digits of the minor unit, by ISO 4217: all five have two.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        match self {
            Self::ARS | Self::CAD | Self::CRC | Self::MXN | Self::USD => 2,
        }
    }

    /// Reads an alphabetic code in upper case.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|currency| currency.code() == code)
    }
}

impl core::fmt::Display for Currency {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.code())
    }
}

/// The largest amount in minor units: 10¹³ − 1, so that every amount is exact in a JSON number, in a
/// browser and in the stores, with room for sums.
pub const MAX_MINOR: u64 = 9_999_999_999_999;

/// An amount: a whole number of minor units, from 0 to [`MAX_MINOR`], and its currency.
///
/// Never negative; a refund is a record of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Money {
    amount_minor: u64,
    currency: Currency,
}

/// Why a text or number is not an amount.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MoneyError {
    /// Not a plain decimal number.
    Syntax,
    /// Below zero.
    Negative,
    /// More decimal places than the currency has, and the rest is not zero.
    TooPrecise,
    /// Above [`MAX_MINOR`].
    TooLarge,
    /// Typed in a way that means different amounts in different countries; only
    /// [`es_ar::parse_money`] says so.
    Ambiguous,
}

impl core::fmt::Display for MoneyError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Syntax => f.write_str("amount must be a decimal number such as 1250 or 12.50"),
            Self::Negative => f.write_str("amount must not be below zero"),
            Self::TooPrecise => f.write_str("amount has more decimal places than its currency"),
            Self::TooLarge => write!(f, "amount must be at most {MAX_MINOR} minor units"),
            Self::Ambiguous => f.write_str("amount may mean more than one number"),
        }
    }
}

impl core::error::Error for MoneyError {}

impl Money {
    /// An amount of `amount_minor` minor units: `125_000` is CRC 1250.00.
    ///
    /// # Errors
    ///
    /// [`MoneyError::TooLarge`] above [`MAX_MINOR`].
    pub const fn from_minor(amount_minor: u64, currency: Currency) -> Result<Self, MoneyError> {
        if amount_minor > MAX_MINOR {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self {
            amount_minor,
            currency,
        })
    }

    /// Reads the decimal text of a number: `119`, `119.5`, `1250.00`, `1.25e3`.
    ///
    /// The text is read digit by digit and never becomes a floating-point number. Zeros past the
    /// currency's decimal places are accepted, other digits there are not.
    ///
    /// # Errors
    ///
    /// Each [`MoneyError`], as its documentation says.
    pub fn parse_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (money, rest) = Self::parse_with_rest(text, currency)?;
        if rest == Rest::Zero {
            Ok(money)
        } else {
            Err(MoneyError::TooPrecise)
        }
    }

    /// Reads a provider's decimal text, forgiving the dust that binary floating point leaves behind
    /// (`7459.9999983` is 7460.00): up to 10⁻⁴ of a major unit on either side.
    ///
    /// # Errors
    ///
    /// As [`Money::parse_decimal`]; [`MoneyError::TooPrecise`] when the rest is more than dust.
    pub fn parse_provider_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (money, rest) = Self::parse_with_rest(text, currency)?;
        match rest {
            Rest::Zero | Rest::DustAbove => Ok(money),
            Rest::DustBelow => Self::from_minor(money.amount_minor + 1, currency),
            Rest::More => Err(MoneyError::TooPrecise),
        }
    }

    /// Minor units: `125_000` is CRC 1250.00.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.amount_minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The decimal text in major units, always with every decimal place of the currency and a point:
    /// `1250.00`. A JSON number as it stands.
    #[must_use]
    pub fn decimal_text(self) -> String {
        let scale = 10_u64.pow(u32::from(self.currency.exponent()));
        let fraction = (self.amount_minor % scale).to_string();
        let zeros = usize::from(self.currency.exponent()).saturating_sub(fraction.len());
        // Not by `format!`, whose machinery is 3 kB of what a buyer downloads.
        [
            &*(self.amount_minor / scale).to_string(),
            ".",
            &"0".repeat(zeros),
            &fraction,
        ]
        .concat()
    }

    fn parse_with_rest(text: &str, currency: Currency) -> Result<(Self, Rest), MoneyError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(MoneyError::Syntax),
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        if whole.is_empty()
            || !whole
                .bytes()
                .chain(fraction.bytes())
                .all(|b| b.is_ascii_digit())
        {
            return Err(MoneyError::Syntax);
        }
        // How many of the digits belong to whole minor units.
        let kept = i64::try_from(whole.len()).map_err(|_| MoneyError::TooLarge)?
            + exponent
            + i64::from(currency.exponent());
        let mut minor: u64 = 0;
        let mut rest = RestReader::default();
        let mut position: i64 = 0;
        for digit in whole.bytes().chain(fraction.bytes()).map(|b| b - b'0') {
            if position < kept {
                minor = push_digit(minor, digit)?;
            } else {
                rest.push(position - kept, digit);
            }
            position += 1;
        }
        while position < kept {
            if minor == 0 {
                break;
            }
            minor = push_digit(minor, 0)?;
            position += 1;
        }
        let rest = rest.finish();
        if negative && (minor != 0 || rest != Rest::Zero) {
            return Err(MoneyError::Negative);
        }
        Ok((Self::from_minor(minor, currency)?, rest))
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            amount_minor: u64,
            currency: Currency,
        }
        let wire = Wire::deserialize(deserializer)?;
        Self::from_minor(wire.amount_minor, wire.currency).map_err(serde::de::Error::custom)
    }
}

/// What stands behind the last whole minor unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rest {
    Zero,
    DustAbove,
    DustBelow,
    More,
}

/// Judges the digits behind the last whole minor unit. Dust is at most 10⁻⁴ of a major unit, so with
/// two decimal places the first two of them must be 00 (or 99, below the next unit).
#[derive(Default)]
struct RestReader {
    seen: bool,
    any: bool,
    not_low: bool,
    not_high: bool,
    digits: i64,
}

const DUST_DIGITS: i64 = 2;

impl RestReader {
    fn push(&mut self, index: i64, digit: u8) {
        self.seen = true;
        self.any |= digit != 0;
        if index < DUST_DIGITS {
            self.not_low |= digit != 0;
            self.not_high |= digit != 9;
        }
        self.digits = index + 1;
    }

    fn finish(&self) -> Rest {
        if !self.any {
            Rest::Zero
        } else if !self.not_low {
            Rest::DustAbove
        } else if self.seen && !self.not_high && self.digits >= DUST_DIGITS {
            Rest::DustBelow
        } else {
            Rest::More
        }
    }
}

fn push_digit(minor: u64, digit: u8) -> Result<u64, MoneyError> {
    let next = minor * 10 + u64::from(digit);
    if next > MAX_MINOR {
        return Err(MoneyError::TooLarge);
    }
    Ok(next)
}

fn parse_exponent(text: &str) -> Result<i64, MoneyError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Three digits are far beyond any amount and keep the arithmetic small.
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(MoneyError::Syntax);
    }
    let value = digits
        .bytes()
        .fold(0, |sum, b| sum * 10 + i64::from(b - b'0'));
    Ok(if text.starts_with('-') { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn crc(text: &str) -> Result<u64, MoneyError> {
        Money::parse_decimal(text, Currency::CRC).map(Money::minor)
    }

    #[test]
    fn decimal_text_is_read_to_the_minor_unit() {
        assert_eq!(crc("119"), Ok(11_900));
        assert_eq!(crc("119.5"), Ok(11_950));
        assert_eq!(crc("1250.00"), Ok(125_000));
        assert_eq!(crc("33.9"), Ok(3_390));
        assert_eq!(crc("0.10"), Ok(10));
        assert_eq!(crc("1e3"), Ok(100_000));
        assert_eq!(crc("1.25e3"), Ok(125_000));
        assert_eq!(crc("500.0000"), Ok(50_000));
        assert_eq!(crc("12500e-2"), Ok(12_500));
        assert_eq!(crc("-0"), Ok(0));
    }

    #[test]
    fn anything_but_an_exact_amount_says_what_is_wrong() {
        for text in [
            "", "-", ".", "1.", ".5", "1,5", " 1", "1 ", "+1", "1e", "1e9999", "NaN", "0x1", "١",
        ] {
            assert_eq!(crc(text), Err(MoneyError::Syntax), "{text:?}");
        }
        assert_eq!(crc("-1"), Err(MoneyError::Negative));
        assert_eq!(crc("-0.001"), Err(MoneyError::Negative));
        assert_eq!(crc("1.005"), Err(MoneyError::TooPrecise));
        assert_eq!(crc("99999999999.99"), Ok(MAX_MINOR));
        assert_eq!(crc("100000000000.00"), Err(MoneyError::TooLarge));
        assert_eq!(crc("1e300"), Err(MoneyError::TooLarge));
        assert_eq!(crc("0e300"), Ok(0));
        assert_eq!(crc("1e-300"), Err(MoneyError::TooPrecise));
    }

    // A published example of a GreenPay webhook carries the amount 7459.9999983.
    #[test]
    fn dust_of_binary_floating_point_is_forgiven_to_a_provider_only() {
        let read = |text| Money::parse_provider_decimal(text, Currency::CRC).map(Money::minor);
        assert_eq!(read("7459.9999983"), Ok(746_000));
        assert_eq!(read("0.30000000000000004"), Ok(30));
        assert_eq!(read("12.5000999"), Ok(1_250));
        assert_eq!(read("12.501"), Err(MoneyError::TooPrecise));
        assert_eq!(read("12.509"), Err(MoneyError::TooPrecise));
        assert_eq!(read("12.5098"), Err(MoneyError::TooPrecise));
        assert_eq!(crc("7459.9999983"), Err(MoneyError::TooPrecise));
    }

    #[test]
    fn an_amount_above_the_limit_is_refused_wherever_it_comes_from() {
        assert!(Money::from_minor(MAX_MINOR + 1, Currency::USD).is_err());
        let json = r#"{"amount_minor":10000000000000,"currency":"USD"}"#;
        assert!(serde_json::from_str::<Money>(json).is_err());
        assert!(MoneyError::TooLarge.to_string().contains("9999999999999"));
    }

    proptest! {
        #[test]
        fn decimal_text_reads_back_as_the_same_amount(minor in 0..=MAX_MINOR, index in 0..Currency::ALL.len()) {
            let money = Money::from_minor(minor, Currency::ALL[index]).unwrap();
            prop_assert_eq!(Money::parse_decimal(&money.decimal_text(), money.currency()), Ok(money));
            prop_assert_eq!(Money::parse_provider_decimal(&money.decimal_text(), money.currency()), Ok(money));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = Money::parse_decimal(&text, Currency::CRC);
            let _ = Money::parse_provider_decimal(&text, Currency::CRC);
        }
    }
}
