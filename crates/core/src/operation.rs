//! Operations: what a merchant may do with money after it was taken, and without a checkout.
//!
//! An operation runs through the same states as an attempt ([`AttemptState`](crate::attempt::AttemptState),
//! without `duplicate`): its right to be sent is used up once, and doubt is settled by reading.

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// What is done, with a payment or without one.
///
/// Exhaustive on purpose, as [`Rail`](crate::rails::Rail).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Takes money that an authorization holds.
    Capture,
    /// Undoes a payment before it is settled.
    Void,
    /// Lets go of money that an authorization holds.
    Release,
    /// Gives money back after it was settled.
    Refund,
    /// Takes goods back: gives back what a capture took.
    Return,
    /// Sends money from the merchant's account to somebody else's.
    CashOut,
    /// Takes many payments with saved cards in one call.
    Bulk,
    /// Has a saved card pay again and again from a day on.
    Subscription,
    /// Takes a payment of a subscription before its day.
    SubscriptionPayment,
    /// Puts money that a customer brings to a shop into their account.
    Deposit,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Capture,
        Self::Void,
        Self::Release,
        Self::Refund,
        Self::Return,
        Self::CashOut,
        Self::Bulk,
        Self::Subscription,
        Self::SubscriptionPayment,
        Self::Deposit,
    ];

    /// The name on the wire, in the store and in paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Release => "release",
            Self::Refund => "refund",
            Self::Return => "return",
            Self::CashOut => "cash_out",
            Self::Bulk => "bulk",
            Self::Subscription => "subscription",
            Self::SubscriptionPayment => "subscription_payment",
            Self::Deposit => "deposit",
        }
    }

    /// Reads a name as [`OperationKind::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the buyer gets money, or is no longer held to pay it.
    #[must_use]
    pub const fn gives_back(self) -> bool {
        match self {
            Self::Capture | Self::Bulk | Self::Subscription | Self::SubscriptionPayment => false,
            Self::Void
            | Self::Release
            | Self::Refund
            | Self::Return
            | Self::CashOut
            | Self::Deposit => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_its_kind_and_is_the_one_in_json() {
        for kind in OperationKind::ALL {
            assert_eq!(OperationKind::from_name(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert_eq!(OperationKind::from_name("Refund"), None);
    }
}
