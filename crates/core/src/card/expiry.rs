//! When a card expires.

/// How far ahead an expiry may lie. Beyond that it is a typing mistake: `12/72` for `12/27`.
pub const MAX_YEARS_AHEAD: u16 = 20;

/// A month of a year, of the Gregorian calendar.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct YearMonth {
    /// The year, four digits.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
}

/// The last month in which a card is good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expiry(YearMonth);

/// Why a text is not an [`Expiry`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExpiryError {
    /// Nothing there.
    Empty,
    /// Not yet, or not at all, a month and a year.
    Incomplete,
    /// The month is not 1 to 12.
    Month,
    /// The month is over.
    Past,
    /// More than [`MAX_YEARS_AHEAD`] years ahead.
    TooFar,
}

impl core::fmt::Display for ExpiryError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("expiry must be a month and a year, found nothing"),
            Self::Incomplete => f.write_str("expiry must be a month and a year such as 01/30"),
            Self::Month => f.write_str("expiry month must be 1 to 12"),
            Self::Past => f.write_str("expiry lies in the past"),
            Self::TooFar => write!(f, "expiry lies more than {MAX_YEARS_AHEAD} years ahead"),
        }
    }
}

impl core::error::Error for ExpiryError {}

impl Expiry {
    /// Reads month and year: `01 / 30`, `1/30`, `01-2030`, `0130`, `012030`. A year of two digits is
    /// the one nearest to `now`.
    ///
    /// A card is good to the end of its month, so an expiry of `now` is accepted.
    ///
    /// # Errors
    ///
    /// Each [`ExpiryError`], as its documentation says.
    pub fn parse(text: &str, now: YearMonth) -> Result<Self, ExpiryError> {
        let (month, year) = Parts::read(text)?.month_and_year()?;
        if !(1..=12).contains(&month) {
            return Err(ExpiryError::Month);
        }
        let year = match year {
            Year::Full(year) => year,
            Year::InCentury(year) => nearest(year, now.year),
        };
        let expiry = YearMonth { year, month };
        if expiry < now {
            return Err(ExpiryError::Past);
        }
        if year - now.year > MAX_YEARS_AHEAD {
            return Err(ExpiryError::TooFar);
        }
        Ok(Self(expiry))
    }

    /// The month, 1 to 12.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.0.month
    }

    /// The year, four digits.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.0.year
    }
}

impl Expiry {
    /// The last two digits of the year, as cards and providers write it.
    pub(crate) fn year_in_century(self) -> u8 {
        u8::try_from(self.0.year % 100).unwrap_or_default()
    }
}

impl core::fmt::Display for Expiry {
    /// `01/30`, as cards print it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:02}/{:02}", self.month(), self.year() % 100)
    }
}

/// The digits of an expiry, in the one or two runs they were written in.
#[derive(Default)]
struct Parts {
    first: Run,
    second: Run,
}

/// Some digits in a row, as a number and how many they are.
#[derive(Clone, Copy, Default)]
struct Run {
    value: u32,
    digits: u8,
}

enum Year {
    Full(u16),
    InCentury(u16),
}

impl Parts {
    fn read(text: &str) -> Result<Self, ExpiryError> {
        let mut parts = Self::default();
        let mut apart = false;
        let mut separated = false;
        for c in text.trim().chars() {
            let Some(digit) = c.to_digit(10) else {
                if !c.is_whitespace() && !matches!(c, '/' | '-' | '.') {
                    return Err(ExpiryError::Incomplete);
                }
                if parts.first.digits == 0 {
                    // The month is missing.
                    return Err(ExpiryError::Incomplete);
                }
                apart = true;
                // A second run that is over must not go on.
                separated = parts.second.digits > 0;
                continue;
            };
            if separated {
                return Err(ExpiryError::Incomplete);
            }
            let run = if apart {
                &mut parts.second
            } else {
                &mut parts.first
            };
            if run.digits == 6 {
                return Err(ExpiryError::Incomplete);
            }
            run.value = run.value * 10 + digit;
            run.digits += 1;
        }
        if parts.first.digits > 0 {
            Ok(parts)
        } else if text.trim().is_empty() {
            Err(ExpiryError::Empty)
        } else {
            Err(ExpiryError::Incomplete)
        }
    }

    fn month_and_year(&self) -> Result<(u8, Year), ExpiryError> {
        let (month, year, year_digits) = match (self.first.digits, self.second.digits) {
            (4, 0) => (self.first.value / 100, self.first.value % 100, 2),
            (6, 0) => (self.first.value / 10_000, self.first.value % 10_000, 4),
            (1 | 2, digits) => {
                // A month that cannot be is worth saying before the year is there.
                if self.first.digits == 2 && !(1..=12).contains(&self.first.value) {
                    return Err(ExpiryError::Month);
                }
                (self.first.value, self.second.value, digits)
            }
            _ => return Err(ExpiryError::Incomplete),
        };
        let month = u8::try_from(month).map_err(|_| ExpiryError::Month)?;
        let year = u16::try_from(year).map_err(|_| ExpiryError::Incomplete)?;
        match year_digits {
            2 => Ok((month, Year::InCentury(year))),
            4 => Ok((month, Year::Full(year))),
            _ => Err(ExpiryError::Incomplete),
        }
    }
}

/// The year ending in these two digits that is nearest to `now`.
fn nearest(two_digits: u16, now: u16) -> u16 {
    let year = (now - now % 100).saturating_add(two_digits);
    if now.saturating_sub(year) > 50 {
        year.saturating_add(100)
    } else {
        year
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use proptest::prelude::*;

    use super::*;
    use crate::card::typing;

    const NOW: YearMonth = YearMonth {
        year: 2026,
        month: 11,
    };

    fn read(text: &str) -> Result<(u8, u16), ExpiryError> {
        Expiry::parse(text, NOW).map(|expiry| (expiry.month(), expiry.year()))
    }

    #[test]
    fn every_way_to_write_a_month_and_year_is_read() {
        for text in [
            "01 / 30",
            "1/30",
            "01/30",
            "0130",
            "01/2030",
            "1 / 2030",
            "012030",
            "01-30",
            "1.2030",
            "01 30",
            " 01 / 30 ",
            "01/30 ",
        ] {
            assert_eq!(read(text), Ok((1, 2030)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        assert_eq!(read(""), Err(ExpiryError::Empty));
        assert_eq!(read("  "), Err(ExpiryError::Empty));
        for text in [
            "1",
            "12",
            "12 / ",
            "12 / 3",
            "12 / 203",
            "123",
            "12345",
            "1234567",
            "/",
            "/ 30",
            "30/",
            "12/30/1",
            "12/3 0",
            "ab/cd",
            "12/3o",
            "１２/３０",
            "2030-12",
            "12/20300",
        ] {
            let expected = match text {
                "30/" => ExpiryError::Month,
                _ => ExpiryError::Incomplete,
            };
            assert_eq!(read(text), Err(expected), "{text}");
        }
        for text in ["00/30", "13/30", "0030", "1330", "99/2030", "0/30", "13 / "] {
            assert_eq!(read(text), Err(ExpiryError::Month), "{text}");
        }
        for text in ["10/26", "12/25", "01/00", "12/1930", "01/0030"] {
            assert_eq!(read(text), Err(ExpiryError::Past), "{text}");
        }
        for text in ["01/47", "12/72", "12/9999"] {
            assert_eq!(read(text), Err(ExpiryError::TooFar), "{text}");
        }
    }

    #[test]
    fn a_card_is_good_to_the_end_of_its_month_and_twenty_years_ahead() {
        assert_eq!(read("11/26"), Ok((11, 2026)));
        assert_eq!(read("12/46"), Ok((12, 2046)));
    }

    #[test]
    fn two_digits_mean_the_nearest_year_across_a_century() {
        let late = YearMonth {
            year: 2099,
            month: 12,
        };
        let read = |text, now| Expiry::parse(text, now).map(Expiry::year);
        assert_eq!(read("01/03", late), Ok(2103));
        assert_eq!(read("12/99", late), Ok(2099));
        assert_eq!(read("01/98", late), Err(ExpiryError::Past));
    }

    proptest! {
        #[test]
        fn an_expiry_comes_back_from_its_own_text(months in 0..=20_u16 * 12) {
            let month = u8::try_from((10 + months) % 12 + 1).unwrap();
            let year = 2026 + (10 + months) / 12;
            let text = alloc::format!("{month:02}/{year}");
            let expiry = Expiry::parse(&text, NOW).unwrap();
            prop_assert_eq!((expiry.month(), expiry.year()), (month, year));
            prop_assert_eq!(Expiry::parse(&expiry.to_string(), NOW), Ok(expiry));
            for text in [text, expiry.to_string(), expiry.to_string().replace('/', "")] {
                let typed = typing::expiry(&text, text.len(), "");
                prop_assert_eq!(Expiry::parse(&typed.text, NOW), Ok(expiry), "{}", typed.text);
            }
        }

        #[test]
        fn no_text_and_no_clock_makes_the_reader_panic(
            text in "(\\PC|[0-9/ ]){0,12}", year: u16, month: u8
        ) {
            let _ = Expiry::parse(&text, YearMonth { year, month });
        }
    }
}
