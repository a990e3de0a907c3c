//! What to suggest to a buyer who could not finance the purchase.

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// What to suggest when a purchase was not financed. The provider's words are never shown.
///
/// Exhaustive on purpose, as [`Rail`](crate::rails::Rail).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FinancingAdvice {
    /// The account has to be activated at the provider first.
    Activate,
    /// There is no account: apply for one at the provider, or pay in another way.
    Apply,
    /// The account cannot buy now: ask the provider, or pay in another way.
    BadStanding,
    /// The buyer could not show who they are.
    Unverified,
    /// The page asked for another try, or said what nobody knows: start over.
    Retry,
    /// The page failed: start over later.
    Failure,
    /// The buyer left the page.
    Cancelled,
    /// The time for it ran out: start over.
    Expired,
    /// Not enough credit for this purchase with what it costs.
    Credit,
    /// The plan is not to be had any more: start over and pick another.
    OtherPlan,
    /// The provider said no and nothing says why: another way to pay.
    OtherMethod,
}

impl FinancingAdvice {
    /// Every advice.
    pub const ALL: [Self; 11] = [
        Self::Activate,
        Self::Apply,
        Self::BadStanding,
        Self::Unverified,
        Self::Retry,
        Self::Failure,
        Self::Cancelled,
        Self::Expired,
        Self::Credit,
        Self::OtherPlan,
        Self::OtherMethod,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Apply => "apply",
            Self::BadStanding => "bad_standing",
            Self::Unverified => "unverified",
            Self::Retry => "retry",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Credit => "credit",
            Self::OtherPlan => "other_plan",
            Self::OtherMethod => "other_method",
        }
    }

    /// Reads a name as [`FinancingAdvice::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The advice for a refusal of the POS API, such as `credit_exceeded`. Its set is open: what is not known
    /// is a plain no.
    #[must_use]
    pub fn for_flexiti(code: &str) -> Self {
        match code {
            "credit_exceeded" | "not_enough_credit" => Self::Credit,
            "customer_identity_not_found" | "not_verified" => Self::Unverified,
            "plan_term_not_available" | "plan_term_not_set" => Self::OtherPlan,
            "account_type_not_permitted"
            | "user_not_able_to_purchase"
            | "user_not_active"
            | "vcc_account_mismatch" => Self::BadStanding,
            _ => Self::OtherMethod,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_its_advice_and_is_the_one_in_json() {
        for known in FinancingAdvice::ALL {
            assert_eq!(FinancingAdvice::from_name(known.name()), Some(known));
            assert_eq!(serde_json::to_value(known).unwrap(), known.name());
        }
        assert_eq!(FinancingAdvice::from_name("Apply"), None);
    }

    #[test]
    fn a_refusal_that_is_not_known_is_a_plain_no() {
        for (code, expected) in [
            ("credit_exceeded", FinancingAdvice::Credit),
            ("not_verified", FinancingAdvice::Unverified),
            ("plan_term_not_available", FinancingAdvice::OtherPlan),
            ("user_not_able_to_purchase", FinancingAdvice::BadStanding),
            ("auth_not_allowed", FinancingAdvice::OtherMethod),
            ("of_tomorrow", FinancingAdvice::OtherMethod),
            ("", FinancingAdvice::OtherMethod),
        ] {
            assert_eq!(FinancingAdvice::for_flexiti(code), expected, "{code}");
        }
    }
}
