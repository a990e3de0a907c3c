//! How a purchase may be paid off, and which way was picked. Nothing about the buyer is in it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::api::BuyerText;
use crate::money::Money;
#[cfg(feature = "openapi")]
use crate::openapi::*;

/// In which ways the session's total may be paid off, as the provider offered them to this buyer.
///
/// Texts are the provider's, in the language that was asked for; most are disclosures that the law wants. They
/// are shown unchanged, as text.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinancingOffers {
    /// By the account's own terms.
    #[serde(default)]
    pub regular: Option<RegularPurchase>,
    /// By a plan, each over one time.
    pub plans: Vec<FinancingPlan>,
    /// Milliseconds until none of it is to be had any more, by the proxy's clock.
    pub expires_in_ms: u64,
}

/// By the account's own terms.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegularPurchase {
    /// What is billed first.
    pub amount: Money,
    /// The account's annual rate in hundredths of a percent: `3099` is 30.99 %.
    #[serde(default)]
    pub basis_points: Option<u32>,
    /// What is charged besides.
    pub fees: Vec<Fee>,
}

/// By a plan, over one time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinancingPlan {
    /// Names the plan: 1 to 20 digits.
    pub plan: String,
    /// The plan's name. May be empty.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: BuyerText,
    /// Over so many months, from 1.
    pub months: u32,
    /// What is paid each month.
    pub monthly: Money,
    /// What is charged besides.
    pub fees: Vec<Fee>,
    /// Annual rates.
    pub rates: Vec<Rate>,
}

/// What is charged besides.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fee {
    /// What for. May be empty.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub description: BuyerText,
    /// How much.
    pub amount: Money,
    /// A disclosure.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub message: Option<BuyerText>,
}

/// An annual rate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rate {
    /// Which. May be empty.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub description: BuyerText,
    /// In hundredths of a percent: `999` is 9.99 %.
    pub basis_points: u32,
    /// A disclosure.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub message: Option<BuyerText>,
}

/// Which way was picked. It counts only if it was offered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum FinancingChoice {
    /// By the account's own terms.
    Regular {},
    /// By a plan.
    Plan {
        /// [`FinancingPlan::plan`]
        plan: String,
        /// [`FinancingPlan::months`]
        months: u32,
    },
}

/// How a purchase that was financed is paid off, for its receipt: what was picked, as it was offered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinancedView {
    /// The plan; `None` by the account's own terms.
    #[serde(default)]
    pub plan: Option<FinancedPlan>,
    /// What has become of the credit so far.
    pub credit: FinancedCredit,
}

/// The plan that was picked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinancedPlan {
    /// [`FinancingPlan::months`]
    pub months: u32,
    /// [`FinancingPlan::monthly`]
    pub monthly: Money,
}

/// What has become of the credit that a provider holds for a purchase.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FinancedCredit {
    /// All or some of it is held, and not captured yet.
    Held,
    /// What was not let go is captured.
    Captured,
    /// All of it was let go.
    Released,
}

impl FinancedCredit {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Held, Self::Captured, Self::Released];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Captured => "captured",
            Self::Released => "released",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|credit| credit.name() == name)
    }
}

impl FinancingOffers {
    /// How a purchase is paid off that way, which was offered.
    #[must_use]
    pub fn picked(&self, choice: &FinancingChoice) -> Option<FinancedPlan> {
        let FinancingChoice::Plan { plan, months } = choice else {
            return None;
        };
        let mut plans = self.plans.iter();
        let offered = plans.find(|one| one.plan == *plan && one.months == *months)?;
        Some(FinancedPlan {
            months: offered.months,
            monthly: offered.monthly,
        })
    }

    /// Whether it was offered.
    #[must_use]
    pub fn has(&self, choice: &FinancingChoice) -> bool {
        match choice {
            FinancingChoice::Regular {} => self.regular.is_some(),
            FinancingChoice::Plan { .. } => self.picked(choice).is_some(),
        }
    }

    /// Whether there is nothing to pick.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.regular.is_none() && self.plans.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn cad(minor: u64) -> Money {
        Money::from_minor(minor, Currency::CAD).unwrap()
    }

    #[test]
    fn only_what_was_offered_can_be_picked() {
        let mut offers = FinancingOffers {
            regular: None,
            plans: Vec::from([FinancingPlan {
                plan: String::from("4"),
                name: String::from("Example plan"),
                months: 6,
                monthly: cad(17_156),
                fees: Vec::new(),
                rates: Vec::new(),
            }]),
            expires_in_ms: 1,
        };
        let plan = |plan: &str, months| FinancingChoice::Plan {
            plan: String::from(plan),
            months,
        };
        assert!(offers.has(&plan("4", 6)));
        for other in [plan("4", 12), plan("5", 6), plan("04", 6), plan("", 6)] {
            assert!(!offers.has(&other), "{other:?}");
        }
        assert!(!offers.has(&FinancingChoice::Regular {}));
        let picked = offers.picked(&plan("4", 6)).unwrap();
        assert_eq!((picked.months, picked.monthly), (6, cad(17_156)));
        assert_eq!(offers.picked(&plan("4", 12)), None);
        offers.regular = Some(RegularPurchase {
            amount: cad(100_000),
            basis_points: None,
            fees: Vec::new(),
        });
        assert!(offers.has(&FinancingChoice::Regular {}));
    }

    #[test]
    fn what_became_of_the_credit_is_called_the_same_in_json() {
        for credit in FinancedCredit::ALL {
            assert_eq!(serde_json::to_value(credit).unwrap(), credit.name());
            assert_eq!(FinancedCredit::from_name(credit.name()), Some(credit));
        }
        assert_eq!(FinancedCredit::from_name("of-tomorrow"), None);
    }

    #[test]
    fn a_choice_takes_no_amount() {
        let choice = |json| serde_json::from_str::<FinancingChoice>(json).is_ok();
        assert!(choice(r#"{"by":"regular"}"#));
        assert!(choice(r#"{"by":"plan","plan":"4","months":6}"#));
        for json in [
            r#"{"by":"regular","amount_minor":1}"#,
            r#"{"by":"plan","plan":"4","months":6,"amount_minor":1}"#,
            r#"{"by":"plan","plan":4,"months":6}"#,
            r#"{"by":"plan","plan":"4"}"#,
            r#"{"by":"barter"}"#,
            "{}",
        ] {
            assert!(!choice(json), "{json}");
        }
    }
}
