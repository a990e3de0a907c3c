//! Amounts as the provider reads and writes them.

/// Hundredths of a currency unit: ARS, CRC and USD all have two decimal places.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Amount(u64);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AmountFault {
    NotAboveZero,
    TooPrecise,
}

impl Amount {
    /// Reads a JSON number.
    pub(crate) fn read(number: &serde_json::Number) -> Result<Self, AmountFault> {
        Self::read_text(&number.to_string())
    }

    /// Reads the text of a JSON number.
    pub(crate) fn read_text(text: &str) -> Result<Self, AmountFault> {
        if text.starts_with('-') {
            return Err(AmountFault::NotAboveZero);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        // An exponent ends up here as well: no price needs one.
        if fraction.len() > 2
            || !whole
                .bytes()
                .chain(fraction.bytes())
                .all(|b| b.is_ascii_digit())
        {
            return Err(AmountFault::TooPrecise);
        }
        let hundredths = format!("{whole}{fraction:0<2}")
            .parse()
            .map_err(|_| AmountFault::TooPrecise)?;
        if hundredths == 0 {
            return Err(AmountFault::NotAboveZero);
        }
        Ok(Self(hundredths))
    }

    pub(crate) const ONE_UNIT: Self = Self(100);

    pub(crate) const fn of_hundredths(hundredths: u64) -> Self {
        Self(hundredths)
    }

    pub(crate) const fn hundredths(self) -> u64 {
        self.0
    }

    /// Reads what [`Amount::two_decimals`] wrote.
    pub(crate) fn of_two_decimals(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.')?;
        if fraction.len() != 2 {
            return None;
        }
        format!("{whole}{fraction}").parse().ok().map(Self)
    }

    pub(crate) const fn plus_one_unit(self) -> Self {
        Self(self.0.saturating_add(100))
    }

    /// As JavaScript prints the number: `1250.5`, `1250`.
    pub(crate) fn number_text(self) -> String {
        let text = self.two_decimals();
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// The number as it comes out of binary arithmetic gone slightly wrong: `1250.4999999983`.
    pub(crate) fn dusty_number_text(self) -> String {
        let below = Self(self.0.saturating_sub(1));
        format!("{}99999983", below.two_decimals())
    }

    /// `1250.50`.
    pub(crate) fn two_decimals(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<String, AmountFault> {
        Amount::read(&serde_json::from_str(json).unwrap()).map(Amount::two_decimals)
    }

    #[test]
    fn a_json_number_is_read_to_the_hundredth() {
        assert_eq!(read("119").as_deref(), Ok("119.00"));
        assert_eq!(read("1250.5").as_deref(), Ok("1250.50"));
        assert_eq!(read("1250.50").as_deref(), Ok("1250.50"));
        assert_eq!(read("0.01").as_deref(), Ok("0.01"));
        assert_eq!(read("99999999999.99").as_deref(), Ok("99999999999.99"));
        assert_eq!(read("0"), Err(AmountFault::NotAboveZero));
        assert_eq!(read("-5"), Err(AmountFault::NotAboveZero));
        assert_eq!(read("1.005"), Err(AmountFault::TooPrecise));
        assert_eq!(read("1e30"), Err(AmountFault::TooPrecise));
    }

    #[test]
    fn an_amount_written_with_two_decimals_reads_back() {
        for text in ["1250.50", "0.01", "119.00"] {
            let amount = Amount::of_two_decimals(text).unwrap();
            assert_eq!(amount.two_decimals(), text);
        }
        assert_eq!(Amount::of_two_decimals("119"), None);
        assert_eq!(Amount::of_two_decimals("119.5"), None);
    }

    #[test]
    fn numbers_are_printed_as_javascript_does() {
        let amount = |json: &str| Amount::read(&serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!(amount("1250.50").number_text(), "1250.5");
        assert_eq!(amount("1250.00").number_text(), "1250");
        assert_eq!(amount("100").number_text(), "100");
        assert_eq!(amount("0.07").number_text(), "0.07");
        assert_eq!(amount("7460").dusty_number_text(), "7459.9999999983");
        assert_eq!(amount("100").plus_one_unit().two_decimals(), "101.00");
    }
}
