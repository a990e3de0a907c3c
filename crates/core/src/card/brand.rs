//! Card brands: which leading digits they own, and what their cards look like.

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// A card brand.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Brand {
    /// American Express.
    Amex,
    /// Diners Club.
    Diners,
    /// Discover.
    Discover,
    /// JCB.
    Jcb,
    /// Maestro.
    Maestro,
    /// Mastercard.
    Mastercard,
    /// UnionPay.
    UnionPay,
    /// Visa.
    Visa,
}

/// How many leading digits decide the brand.
const DECIDING_DIGITS: u32 = 6;

/// Leading digits as ranges of six, first and last included. Neighbouring ranges of one brand are
/// one row, so that a prefix is certain exactly when a single row holds all of it.
///
/// Debit brands whose ranges are mixed with other brands' (Elo, Hipercard, RuPay, Dankort) are left
/// out, and of Maestro's only what is Maestro's alone: no brand is better than a wrong one.
/// 622126 to 622925 is shared with Discover, for use abroad; the cards say UnionPay.
const RANGES: [(u32, u32, Brand); 21] = [
    (222_100, 272_099, Brand::Mastercard),
    (300_000, 305_999, Brand::Diners),
    (309_500, 309_599, Brand::Diners),
    (340_000, 349_999, Brand::Amex),
    (352_800, 358_999, Brand::Jcb),
    (360_000, 369_999, Brand::Diners),
    (370_000, 379_999, Brand::Amex),
    (380_000, 399_999, Brand::Diners),
    (400_000, 499_999, Brand::Visa),
    (501_800, 501_899, Brand::Maestro),
    (502_000, 502_099, Brand::Maestro),
    (503_800, 503_899, Brand::Maestro),
    (510_000, 559_999, Brand::Mastercard),
    (560_000, 589_999, Brand::Maestro),
    (601_100, 601_199, Brand::Discover),
    (620_000, 629_999, Brand::UnionPay),
    (630_400, 630_499, Brand::Maestro),
    (639_000, 639_099, Brand::Maestro),
    (644_000, 659_999, Brand::Discover),
    (670_000, 679_999, Brand::Maestro),
    (810_000, 817_199, Brand::UnionPay),
];

impl Brand {
    /// Every brand.
    pub const ALL: [Self; 8] = [
        Self::Amex,
        Self::Diners,
        Self::Discover,
        Self::Jcb,
        Self::Maestro,
        Self::Mastercard,
        Self::UnionPay,
        Self::Visa,
    ];

    /// The brand's name on the wire and in the store: `visa`, `union_pay`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amex => "amex",
            Self::Diners => "diners",
            Self::Discover => "discover",
            Self::Jcb => "jcb",
            Self::Maestro => "maestro",
            Self::Mastercard => "mastercard",
            Self::UnionPay => "union_pay",
            Self::Visa => "visa",
        }
    }

    /// Reads a name as [`Brand::name`] writes it; `None` for any other text.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|brand| brand.name() == name)
    }

    /// The brand as it writes itself: `Visa`, `American Express`.
    #[must_use]
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Amex => "American Express",
            Self::Diners => "Diners Club",
            Self::Discover => "Discover",
            Self::Jcb => "JCB",
            Self::Maestro => "Maestro",
            Self::Mastercard => "Mastercard",
            Self::UnionPay => "UnionPay",
            Self::Visa => "Visa",
        }
    }

    /// The brand that every number beginning with these digits has; `None` while more than one is
    /// possible and for digits that no listed brand owns.
    ///
    /// Spaces and dashes are skipped; with any other character there is no brand. Digits past the
    /// sixth say nothing about the brand.
    #[must_use]
    pub fn of_prefix(digits: &str) -> Option<Self> {
        let mut prefix = 0;
        let mut count = 0;
        for c in digits.chars() {
            match c.to_digit(10) {
                Some(digit) if count < DECIDING_DIGITS => {
                    prefix = prefix * 10 + digit;
                    count += 1;
                }
                Some(_) => {}
                None if super::is_separator(c) => {}
                None => return None,
            }
        }
        // An empty prefix needs no exception: no row holds every number.
        let width = 10_u32.pow(DECIDING_DIGITS - count);
        let (first, last) = (prefix * width, prefix * width + (width - 1));
        RANGES
            .iter()
            .find(|(low, high, _)| (*low..=*high).contains(&first) && last <= *high)
            .map(|(_, _, brand)| *brand)
    }

    /// How many digits a number of this brand may have, ascending.
    #[must_use]
    pub const fn lengths(self) -> &'static [u8] {
        match self {
            Self::Amex => &[15],
            Self::Diners => &[14, 15, 16, 17, 18, 19],
            Self::Discover | Self::Jcb | Self::UnionPay => &[16, 17, 18, 19],
            Self::Maestro => &[12, 13, 14, 15, 16, 17, 18, 19],
            Self::Mastercard => &[16],
            Self::Visa => &[13, 16, 19],
        }
    }

    /// How many digits this brand's CVC has.
    #[must_use]
    pub const fn cvc_length(self) -> u8 {
        match self {
            Self::Amex => 4,
            _ => 3,
        }
    }

    /// How many digits stand together on this brand's cards, from the left.
    #[must_use]
    pub const fn grouping(self) -> &'static [u8] {
        match self {
            Self::Amex => &[4, 6, 5],
            Self::Diners => &[4, 6, 4],
            _ => &GROUPS_OF_FOUR,
        }
    }
}

/// How a number is grouped while its brand has no grouping of its own.
pub(super) const GROUPS_OF_FOUR: [u8; 5] = [4, 4, 4, 4, 3];

impl core::fmt::Display for Brand {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.display_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brand_shows_as_soon_as_the_digits_allow_no_other() {
        for (prefix, brand) in [
            ("4", Some(Brand::Visa)),
            ("3", None),
            ("34", Some(Brand::Amex)),
            ("35", None),
            ("352", None),
            ("3528", Some(Brand::Jcb)),
            ("3527", None),
            ("353", Some(Brand::Jcb)),
            ("36", Some(Brand::Diners)),
            ("37", Some(Brand::Amex)),
            ("30", None),
            ("305", Some(Brand::Diners)),
            ("306", None),
            ("309", None),
            ("3095", Some(Brand::Diners)),
            ("38", Some(Brand::Diners)),
            ("2", None),
            ("22", None),
            ("222", None),
            ("2220", None),
            ("2221", Some(Brand::Mastercard)),
            ("223", Some(Brand::Mastercard)),
            ("27", None),
            ("271", Some(Brand::Mastercard)),
            ("272", None),
            ("2720", Some(Brand::Mastercard)),
            ("2721", None),
            ("5", None),
            ("50", None),
            ("5018", Some(Brand::Maestro)),
            ("5019", None),
            ("51", Some(Brand::Mastercard)),
            ("55", Some(Brand::Mastercard)),
            ("56", Some(Brand::Maestro)),
            ("59", None),
            ("6", None),
            ("60", None),
            ("6011", Some(Brand::Discover)),
            ("62", Some(Brand::UnionPay)),
            ("63", None),
            ("6304", Some(Brand::Maestro)),
            ("64", None),
            ("643", None),
            ("644", Some(Brand::Discover)),
            ("65", Some(Brand::Discover)),
            ("66", None),
            ("67", Some(Brand::Maestro)),
            ("81", None),
            ("8171", Some(Brand::UnionPay)),
            ("8172", None),
            ("", None),
            ("0", None),
            ("9", None),
        ] {
            assert_eq!(Brand::of_prefix(prefix), brand, "{prefix}");
        }
    }

    #[test]
    fn a_certain_brand_stays_whatever_digits_follow() {
        for prefix in 0..10_000 {
            let prefix = alloc::format!("{prefix}");
            if let Some(brand) = Brand::of_prefix(&prefix) {
                for next in '0'..='9' {
                    let longer = alloc::format!("{prefix}{next}");
                    assert_eq!(Brand::of_prefix(&longer), Some(brand), "{longer}");
                }
            }
        }
    }

    #[test]
    fn no_two_brands_own_the_same_digits() {
        let mut last = 0;
        for (low, high, brand) in RANGES {
            assert!(last < low && low <= high, "{brand} {low}");
            last = high;
        }
    }

    #[test]
    fn separators_and_digits_past_the_sixth_do_not_matter_and_letters_end_it() {
        assert_eq!(
            Brand::of_prefix("60-11 11\u{a0}5555"),
            Some(Brand::Discover)
        );
        assert_eq!(
            Brand::of_prefix("60111155559999999999999999"),
            Some(Brand::Discover)
        );
        assert_eq!(Brand::of_prefix("4a"), None);
        assert_eq!(Brand::of_prefix("４"), None);
    }

    // The published test numbers of the card schemes and large processors.
    #[test]
    fn published_test_numbers_have_their_brand() {
        for (number, brand) in [
            ("378282246310005", Brand::Amex),
            ("30569309025904", Brand::Diners),
            ("36227206271667", Brand::Diners),
            ("6011111111111117", Brand::Discover),
            ("3566002020360505", Brand::Jcb),
            ("6304000000000000000", Brand::Maestro),
            ("6759649826438453", Brand::Maestro),
            ("5555555555554444", Brand::Mastercard),
            ("2223003122003222", Brand::Mastercard),
            ("6200000000000005", Brand::UnionPay),
            ("6205500000000000004", Brand::UnionPay),
            ("4242424242424242", Brand::Visa),
            ("4111111111111111", Brand::Visa),
            ("4222222222222", Brand::Visa),
        ] {
            assert_eq!(Brand::of_prefix(number), Some(brand));
            assert!(crate::card::Pan::parse(number).is_ok(), "{number}");
        }
    }

    #[test]
    fn a_brand_s_own_figures_fit_each_other() {
        for brand in Brand::ALL {
            assert!(brand.lengths().is_sorted());
            assert!(
                brand
                    .lengths()
                    .iter()
                    .all(|length| (12..=19).contains(length))
            );
            assert!(matches!(brand.cvc_length(), 3 | 4));
            assert_eq!(Brand::from_name(brand.name()), Some(brand));
            assert_eq!(serde_json::to_value(brand).unwrap(), brand.name());
            assert!(!brand.display_name().is_empty());
        }
        assert_eq!(Brand::from_name("Visa"), None);
        assert_eq!(Brand::Amex.grouping().iter().sum::<u8>(), 15);
        assert_eq!(Brand::Amex.cvc_length(), 4);
        assert_eq!(Brand::Visa.grouping().iter().sum::<u8>(), 19);
    }
}
