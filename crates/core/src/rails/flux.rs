//! What the Flux rail sends to the proxy and is offered by it, and the arithmetic of its tip.
//!
//! The buyer's wallet shows a code, the checkout reads it, the proxy charges it at once. The bill is the
//! session's; a tip is the one amount a buyer decides, so it is held against the session's policy.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::money::{Money, MoneyError};
#[cfg(feature = "openapi")]
use crate::openapi::*;
use crate::wallet_code::WalletCode;

/// What a session offers on the Flux rail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FluxOffer {
    /// How a tip may be added; none is taken without it.
    #[serde(default)]
    pub tip: Option<TipPolicy>,
}

/// How a tip may be added to a bill. Nothing is chosen beforehand.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TipPolicy {
    /// Percentages of the bill to choose from besides none and an amount of one's own: each from 1 to
    /// [`TipPolicy::cap_percent`], ascending. May be empty.
    pub percents: Vec<u8>,
    /// The most, in percent of the bill: 1 to 100.
    pub cap_percent: u8,
    /// Above how many percent of the bill the buyer is asked once more: 0 to 100.
    pub confirm_percent: u8,
}

/// The Flux part of a start request. It holds the wallet's code, so it has no `Debug`, is wiped when
/// dropped and never stored.
#[derive(Clone, Deserialize, Serialize, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FluxStart {
    /// The text of the wallet's code, as [`WalletCode`] takes it.
    pub code: String,
    /// The tip in minor units of the session's currency; 0 is none.
    #[serde(default)]
    pub tip_minor: u64,
}

impl FluxStart {
    /// A start with what was read from the wallet.
    #[must_use]
    pub fn new(code: &WalletCode, tip_minor: u64) -> Self {
        Self {
            code: String::from(code.as_str()),
            tip_minor,
        }
    }
}

/// Why a tip is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TipError {
    /// The session takes none.
    NotOffered,
    /// It is above the cap.
    AboveCap {
        /// The most, in minor units.
        most: u64,
    },
    /// Bill and tip together are more than an amount can be.
    TooLarge,
}

impl core::fmt::Display for TipError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotOffered => f.write_str("expected no tip"),
            Self::AboveCap { most } => {
                write!(f, "expected a tip of at most {most} minor units")
            }
            Self::TooLarge => f.write_str("bill and tip together are too large"),
        }
    }
}

impl core::error::Error for TipError {}

impl From<MoneyError> for TipError {
    fn from(_: MoneyError) -> Self {
        Self::TooLarge
    }
}

/// `percent` of `bill` in whole minor units, a half rounded up.
///
/// ```
/// use ventanilla_core::money::{Currency, Money};
/// use ventanilla_core::rails::flux::share;
///
/// let bill = Money::from_minor(24_995, Currency::MXN).expect("in range");
/// assert_eq!(share(bill, 10), 2_500);
/// ```
#[must_use]
pub const fn share(bill: Money, percent: u8) -> u64 {
    // An amount times 255 is far inside 64 bits.
    (bill.minor() * percent as u64 + 50) / 100
}

impl FluxOffer {
    /// What is paid in all: bill and tip.
    ///
    /// # Errors
    ///
    /// Each [`TipError`], as its documentation says.
    pub fn total(&self, bill: Money, tip_minor: u64) -> Result<Money, TipError> {
        let most = self.tip.as_ref().map(|policy| policy.most(bill));
        match (tip_minor, most) {
            (0, _) => {}
            (_, None) => return Err(TipError::NotOffered),
            (tip, Some(most)) if tip > most => return Err(TipError::AboveCap { most }),
            _ => {}
        }
        with_tip(bill, tip_minor)
    }
}

impl TipPolicy {
    /// The largest tip, in minor units. Rounded as the shares are, so that a share that may be offered
    /// may be taken.
    #[must_use]
    pub const fn most(&self, bill: Money) -> u64 {
        share(bill, self.cap_percent)
    }

    /// Whether a tip is so large that the buyer is asked once more.
    #[must_use]
    pub const fn asks_again(&self, bill: Money, tip_minor: u64) -> bool {
        tip_minor > share(bill, self.confirm_percent)
    }
}

/// Bill and tip together, with no regard to a policy.
///
/// # Errors
///
/// [`TipError::TooLarge`].
pub fn with_tip(bill: Money, tip_minor: u64) -> Result<Money, TipError> {
    let sum = bill
        .minor()
        .checked_add(tip_minor)
        .ok_or(TipError::TooLarge)?;
    Ok(Money::from_minor(sum, bill.currency())?)
}

/// What to suggest to a buyer whose wallet was not charged. The provider's words are never shown.
///
/// Exhaustive on purpose, as [`Rail`](crate::rails::Rail).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WalletAdvice {
    /// The code has expired or cannot be read: let the wallet show a new one.
    NewCode,
    /// The code was used before: look into the wallet, then let it show a new one.
    UsedCode,
    /// Not enough money or credit in the wallet.
    InsufficientFunds,
    /// More or less than the wallet pays at once.
    Limit,
    /// The wallet said no and nothing says why: another wallet or method.
    OtherMethod,
}

impl WalletAdvice {
    /// Every advice.
    pub const ALL: [Self; 5] = [
        Self::NewCode,
        Self::UsedCode,
        Self::InsufficientFunds,
        Self::Limit,
        Self::OtherMethod,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewCode => "new_code",
            Self::UsedCode => "used_code",
            Self::InsufficientFunds => "insufficient_funds",
            Self::Limit => "limit",
            Self::OtherMethod => "other_method",
        }
    }

    /// Reads a name as [`WalletAdvice::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The advice for an error code of Flux, such as `ERR_QR_EXPIRED`.
    ///
    /// Listed at fluxqr.dev, "Error codes"; the set is open, so a code is read by its words. One that says
    /// nothing known is a plain no, and so is one about the buyer's account: others may see the screen.
    #[must_use]
    pub fn for_flux(code: &str) -> Self {
        let says = |words: &[&str]| {
            code.split('_')
                .any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
        };
        if says(&["QR"]) {
            if says(&["USED"]) {
                return Self::UsedCode;
            }
            if says(&["EXPIRED", "MALFORMED", "INVALID"]) {
                return Self::NewCode;
            }
        }
        if says(&["INSUFFICIENT"]) {
            return Self::InsufficientFunds;
        }
        if says(&["LIMIT", "LIMITS"]) || (says(&["AMOUNT"]) && says(&["MAX", "MIN"])) {
            return Self::Limit;
        }
        Self::OtherMethod
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use proptest::prelude::*;

    use super::*;
    use crate::money::{Currency, MAX_MINOR};

    fn pesos(centavos: u64) -> Money {
        Money::from_minor(centavos, Currency::MXN).unwrap()
    }

    fn offer(cap_percent: u8) -> FluxOffer {
        FluxOffer {
            tip: Some(TipPolicy {
                percents: Vec::from([10, 15, 20]),
                cap_percent,
                confirm_percent: 30,
            }),
        }
    }

    #[test]
    fn a_share_is_whole_centavos_with_a_half_rounded_up() {
        for (bill, percent, expected) in [
            (25_000, 10, 2_500),
            (25_000, 15, 3_750),
            (24_995, 10, 2_500),
            (24_994, 10, 2_499),
            (5, 10, 1),
            (4, 10, 0),
            (3, 50, 2),
            (1, 100, 1),
            (0, 20, 0),
            (MAX_MINOR, 100, MAX_MINOR),
        ] {
            assert_eq!(
                share(pesos(bill), percent),
                expected,
                "{percent} % of {bill}"
            );
        }
    }

    #[test]
    fn a_tip_is_taken_up_to_the_cap_and_not_above() {
        let bill = pesos(25_000);
        assert_eq!(offer(50).total(bill, 0), Ok(bill));
        assert_eq!(offer(50).total(bill, 12_500), Ok(pesos(37_500)));
        assert_eq!(
            offer(50).total(bill, 12_501),
            Err(TipError::AboveCap { most: 12_500 })
        );
        assert_eq!(offer(100).total(bill, 25_000), Ok(pesos(50_000)));
        assert_eq!(
            offer(100).total(bill, u64::MAX),
            Err(TipError::AboveCap { most: 25_000 })
        );
        assert_eq!(
            offer(100).total(pesos(MAX_MINOR), 1),
            Err(TipError::TooLarge)
        );
        assert_eq!(with_tip(bill, u64::MAX), Err(TipError::TooLarge));
        assert!(TipError::AboveCap { most: 7 }.to_string().contains('7'));
    }

    #[test]
    fn no_tip_is_taken_where_none_is_offered() {
        let none = FluxOffer { tip: None };
        assert_eq!(none.total(pesos(100), 0), Ok(pesos(100)));
        assert_eq!(none.total(pesos(100), 1), Err(TipError::NotOffered));
    }

    #[test]
    fn above_a_share_of_the_bill_the_buyer_is_asked_once_more() {
        let policy = offer(100).tip.unwrap();
        assert!(!policy.asks_again(pesos(10_000), 3_000));
        assert!(policy.asks_again(pesos(10_000), 3_001));
        assert!(!policy.asks_again(pesos(10_000), 0));
    }

    #[test]
    fn a_start_takes_no_amount_but_the_tip() {
        let start = |json| serde_json::from_str::<FluxStart>(json).is_ok();
        assert!(start(r#"{"code":"QUJD","tip_minor":0}"#));
        assert!(start(r#"{"code":"QUJD"}"#));
        assert!(!start(r#"{"code":"QUJD","tip_minor":-1}"#));
        assert!(!start(r#"{"code":"QUJD","tip_minor":1.5}"#));
        assert!(!start(r#"{"code":"QUJD","tip_minor":"1"}"#));
        assert!(!start(r#"{"code":"QUJD","amount_minor":1}"#));
        assert!(!start(r#"{"tip_minor":1}"#));
    }

    #[test]
    fn a_code_of_the_provider_has_its_advice_and_an_unknown_one_is_a_plain_no() {
        use WalletAdvice as A;
        for (code, advice) in [
            ("ERR_QR_EXPIRED", A::NewCode),
            ("ERR_QR_MALFORMED", A::NewCode),
            ("ERR_QR_UNKNOWN", A::OtherMethod),
            ("ERR_QR_ALREADY_USED", A::UsedCode),
            ("ERR_QR_DISABLED", A::OtherMethod),
            ("ERR_INSUFFICIENT_BALANCE", A::InsufficientFunds),
            ("ERR_INSUFFICIENT_FUNDS", A::InsufficientFunds),
            ("ERR_DAILY_LIMIT", A::Limit),
            ("ERR_LIMIT_EXCEEDED", A::Limit),
            ("ERR_MAX_AMOUNT_EXCEEDED", A::Limit),
            // As it is spelt.
            ("ERR_MIN_AMOUNT_SUBCEED", A::Limit),
            ("ERR_BANK_REFUSAL", A::OtherMethod),
            ("ERR_ISSUER_ACCOUNT_VIOLATION", A::OtherMethod),
            ("ERR_FORBIDDEN_COMMERCE", A::OtherMethod),
            ("ERR_STORE_UNKNOWN", A::OtherMethod),
            ("", A::OtherMethod),
            ("EXPIRED", A::OtherMethod),
        ] {
            assert_eq!(A::for_flux(code), advice, "{code:?}");
        }
    }

    #[test]
    fn a_name_reads_back_as_its_advice_and_is_the_one_in_json() {
        for known in WalletAdvice::ALL {
            assert_eq!(WalletAdvice::from_name(known.name()), Some(known));
            assert_eq!(serde_json::to_value(known).unwrap(), known.name());
        }
        assert_eq!(WalletAdvice::from_name("cash"), None);
    }

    proptest! {
        #[test]
        fn what_is_offered_is_never_above_the_cap(bill in 0..=MAX_MINOR / 2, cap in 1..=100_u8, percent in 1..=100_u8) {
            prop_assume!(percent <= cap);
            let (bill, offer) = (pesos(bill), offer(cap));
            let tip = share(bill, percent);
            let total = offer.total(bill, tip);
            prop_assert_eq!(total, Ok(pesos(bill.minor() + tip)));
            prop_assert!(tip <= bill.minor());
        }

        #[test]
        fn a_total_is_the_sum_or_an_error(bill in 0..=MAX_MINOR, tip: u64) {
            if let Ok(total) = offer(100).total(pesos(bill), tip) {
                prop_assert_eq!(total.minor(), bill + tip);
                prop_assert!(tip <= bill);
            }
        }
    }
}
