//! The provider's offers as the buyer sees them, and back.

use ventanilla_core::rails::flexiti::{
    Fee, FinancingChoice, FinancingOffers, FinancingPlan, Rate, RegularPurchase,
};
use ventanilla_providers::flexiti::{self as provider, Financing, Offers};

/// Nothing of the buyer is in it: the client drops it while reading.
pub(super) fn offers(from: &Offers) -> FinancingOffers {
    let regular = from.regular.as_ref().map(|regular| RegularPurchase {
        amount: regular.term_amount,
        // The account's own rate says what the provider thinks of the buyer.
        basis_points: None,
        fees: fees(&regular.fees),
    });
    let plans = from.plans.iter().flat_map(|plan| {
        plan.terms.iter().map(|term| FinancingPlan {
            plan: plan.id.to_string(),
            name: plan.name.as_str().to_owned(),
            months: term.months,
            monthly: term.term_amount,
            fees: fees(&term.fees),
            rates: term.rates.iter().map(rate).collect(),
        })
    });
    FinancingOffers {
        regular,
        plans: plans.collect(),
        expires_in_ms: 0,
    }
}

/// What was picked, as the provider takes it.
pub(super) fn financing(choice: &FinancingChoice) -> Option<Financing> {
    match choice {
        FinancingChoice::Regular {} => Some(Financing::Regular),
        FinancingChoice::Plan { plan, months } => Some(Financing::Promotional {
            plan_id: plan.parse().ok()?,
            term: *months,
        }),
    }
}

/// What is charged besides, as it is told.
pub fn fees(from: &[provider::Fee]) -> Vec<Fee> {
    let fee = |fee: &provider::Fee| Fee {
        description: fee.description.as_str().to_owned(),
        amount: fee.amount,
        message: fee.message.as_ref().map(|text| text.as_str().to_owned()),
    };
    from.iter().map(fee).collect()
}

/// A rate, as it is told.
pub fn rate(from: &provider::Rate) -> Rate {
    Rate {
        description: from.description.as_str().to_owned(),
        basis_points: from.basis_points,
        message: from.message.as_ref().map(|text| text.as_str().to_owned()),
    }
}
