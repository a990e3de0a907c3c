//! What really happened at the Flux API.

use serde::{Deserialize, Serialize};

/// Everything that happened at the Flux API, oldest first. Entries are only ever added.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct FluxLedger {
    /// Wallet codes made.
    pub codes: Vec<FluxCodeEntry>,
    /// Payments that were asked for in good order.
    pub payments: Vec<FluxPaymentEntry>,
    /// Refunds that were asked for in good order.
    pub refunds: Vec<FluxRefundEntry>,
}

impl FluxLedger {
    /// The payments that moved money.
    pub fn paid(&self) -> impl Iterator<Item = &FluxPaymentEntry> {
        self.payments
            .iter()
            .filter(|payment| payment.state == FluxState::Done)
    }

    /// The payments of one reference, made and refused.
    pub fn payments_of<'a>(
        &'a self,
        reference: &'a str,
    ) -> impl Iterator<Item = &'a FluxPaymentEntry> {
        self.payments
            .iter()
            .filter(move |payment| payment.reference.as_deref() == Some(reference))
    }

    /// The refunds of one reference that moved money.
    pub fn refunded<'a>(&'a self, reference: &'a str) -> impl Iterator<Item = &'a FluxRefundEntry> {
        self.refunds
            .iter()
            .filter(move |refund| refund.reference == reference)
            .filter(|refund| refund.state == FluxState::Done)
    }
}

/// What a wallet code does when it is charged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FluxCodeKind {
    /// It pays, once and until its time is over.
    #[default]
    Good,
    /// It pays, and the answer takes its time.
    Slow,
    /// Its time was over when it was made.
    Expired,
    /// It was used elsewhere.
    Used,
    /// Flux does not know it.
    Unknown,
    /// Flux cannot read it.
    Malformed,
    /// It is switched off.
    Disabled,
    /// There is not enough money in the wallet.
    Funds,
    /// The wallet does not pay as much.
    OverLimit,
    /// The wallet does not pay as little.
    BelowMinimum,
    /// The bank behind the wallet refuses.
    Refused,
    /// Something is the matter with the owner's account.
    Account,
    /// The wallet does not pay this merchant.
    Commerce,
}

impl FluxCodeKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Good,
        Self::Slow,
        Self::Expired,
        Self::Used,
        Self::Unknown,
        Self::Malformed,
        Self::Disabled,
        Self::Funds,
        Self::OverLimit,
        Self::BelowMinimum,
        Self::Refused,
        Self::Account,
        Self::Commerce,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Slow => "slow",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Unknown => "unknown",
            Self::Malformed => "malformed",
            Self::Disabled => "disabled",
            Self::Funds => "funds",
            Self::OverLimit => "over_limit",
            Self::BelowMinimum => "below_minimum",
            Self::Refused => "refused",
            Self::Account => "account",
            Self::Commerce => "commerce",
        }
    }

    /// Reads a name as [`FluxCodeKind::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A wallet code.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FluxCodeEntry {
    /// Counts from 1.
    pub number: u64,
    /// What it does when it is charged.
    pub kind: FluxCodeKind,
    /// Its text. Here so that a test can look for it where it must not be.
    pub code: String,
    /// RFC 3339 UTC.
    pub at: String,
    /// From when on it does not pay, RFC 3339 UTC.
    pub expires_at: String,
}

/// Whether something moved money.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FluxState {
    /// It did.
    Done,
    /// It was refused.
    Refused,
}

impl FluxState {
    pub(crate) const fn of(done: bool) -> Self {
        if done { Self::Done } else { Self::Refused }
    }
}

/// A payment that was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FluxPaymentEntry {
    /// The merchant's reference; none when it sent none.
    pub reference: Option<String>,
    /// Without the tip, in pesos with two decimals: `250.00`.
    pub amount: String,
    /// In pesos with two decimals.
    pub tip: String,
    /// Both together, in pesos with two decimals.
    pub total: String,
    /// Whether it moved money.
    pub state: FluxState,
    /// The code of the refusal.
    pub refusal: Option<String>,
    /// The authorization code, when it moved money.
    pub authorization: Option<String>,
    /// The number of the wallet code; none for a text that no wallet here has shown.
    pub code: Option<u64>,
    /// As asked for.
    pub store: String,
    /// As asked for.
    pub terminal: String,
    /// As asked for.
    pub operator: String,
    /// As asked for.
    pub table: String,
    /// RFC 3339 UTC.
    pub at: String,
    /// How often this reference was asked for at this store, this time included.
    pub count: u32,
}

/// A refund that was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FluxRefundEntry {
    /// The merchant's reference of the payment.
    pub reference: String,
    /// In pesos with two decimals.
    pub amount: String,
    /// As asked for.
    pub message: String,
    /// Whether it moved money.
    pub state: FluxState,
    /// The code of the refusal.
    pub refusal: Option<String>,
    /// RFC 3339 UTC.
    pub at: String,
    /// How often a refund of this payment was asked for, this time included.
    pub count: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for kind in FluxCodeKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(FluxCodeKind::from_name(kind.name()), Some(kind));
        }
    }
}
