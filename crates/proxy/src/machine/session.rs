//! Sessions as the merchant opens and sees them.

use super::errand::{OperationDetails, OperationItem, OperationResult};
use crate::store::CreditState;
use serde::{Deserialize, Serialize};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::SaveCardPolicy;
use ventanilla_core::session::SessionState;

/// What the merchant's server asks for: the body of `POST /v1/sessions`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// The merchant's order number, for people: 1 to 64 characters. Never sent to a provider as the
    /// identity of a payment.
    #[schema(min_length = 1, max_length = 64)]
    pub order_reference: String,
    /// What is to be paid; more than zero.
    pub total: Money,
    /// The rails offered, in this order; empty offers every rail that is configured and settles in
    /// the currency.
    #[serde(default)]
    pub rails: Vec<Rail>,
    /// One line about the order: at most 200 characters.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// What is bought: at most 100 lines.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub items: Vec<NewItem>,
    /// Who buys.
    #[serde(default)]
    pub buyer: Option<Buyer>,
    /// Installment counts offered on the card rail, each from 2 to 99.
    #[serde(default)]
    pub installments: Vec<u8>,
    /// Whether the buyer may save the card; needs [`Buyer::id`].
    #[serde(default)]
    pub save_card: SaveCardPolicy,
    /// Seconds until the session expires: 60 to 86 400, 1 800 unless told.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 86_400)]
    pub expires_in_secs: Option<u32>,
    /// Anything the merchant wants back: at most 20 short texts.
    #[serde(default)]
    pub metadata: std::collections::BTreeMap<String, String>,
}

/// A line of the order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// The merchant's article number.
    #[serde(default)]
    pub sku: Option<String>,
    /// What it is: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub description: String,
    /// How many: 1 to 1 000 000.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: u32,
    /// Price of one.
    #[serde(default)]
    pub unit_price: Option<Money>,
}

/// Who buys, as far as the shop knows.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// The shop's own identifier of the buyer: 1 to 64 characters. Saved cards belong to it.
    #[serde(default)]
    pub id: Option<String>,
    /// Full name.
    #[serde(default)]
    pub name: Option<String>,
    /// Electronic mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Where the bill goes.
    #[serde(default)]
    pub billing_address: Option<Address>,
    /// Where the goods go.
    #[serde(default)]
    pub shipping_address: Option<Address>,
}

/// A postal address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// ISO 3166-1 alpha-2 country code.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// First line.
    pub street1: String,
    /// Second line.
    #[serde(default)]
    pub street2: Option<String>,
    /// City or canton.
    #[serde(default)]
    pub city: Option<String>,
    /// Province or state.
    #[serde(default)]
    pub province: Option<String>,
    /// Postal code.
    #[serde(default)]
    pub postal_code: Option<String>,
}

/// A session as the merchant sees it: the answer of `GET /v1/sessions/{id}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SessionRecord {
    /// `ses_` and 26 characters.
    pub id: String,
    /// Where it stands.
    pub state: SessionState,
    /// What the merchant asked for.
    #[serde(flatten)]
    pub request: NewSession,
    /// RFC 3339 UTC.
    pub created_at: String,
    /// RFC 3339 UTC.
    pub expires_at: String,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptRecord>,
    /// What was done with the money of its attempts, oldest first.
    #[serde(default)]
    pub operations: Vec<OperationRecord>,
    /// Money that came by itself for its attempts, or that may have, oldest first.
    #[serde(default)]
    pub credits: Vec<CreditRecord>,
}

/// Money that came by itself, as the merchant sees it. Who paid is not in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CreditRecord {
    /// `crd_` and 26 characters.
    pub id: String,
    /// What it was taken for.
    pub state: CreditState,
    /// How much came.
    pub amount: Money,
    /// When it came, by the provider; RFC 3339 UTC.
    pub credited_at: String,
    /// Why somebody must look, or had to; in our own words.
    #[serde(default)]
    pub why: Option<String>,
    /// The attempts whose money it is, or may be.
    pub attempts: Vec<String>,
}

/// An attempt as the merchant sees it: the answer of `GET /v1/attempts/{id}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AttemptRecord {
    /// `att_` and 26 characters.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// Its rail.
    pub rail: Rail,
    /// Where it stands.
    pub state: AttemptState,
    /// Our reference at the provider. Attempts of one session have the same where one of them goes on
    /// under the reference of another that was never executed.
    pub reference: String,
    /// What is to be paid; with a tip, the session's total and the tip together.
    pub total: Money,
    /// How much of it is a tip, where the rail has one and the buyer added one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<Money>,
    /// The provider's own code, with a decline.
    #[serde(default)]
    pub provider_code: Option<String>,
    /// The issuer's authorization code.
    #[serde(default)]
    pub authorization: Option<String>,
    /// The card's brand.
    #[serde(default)]
    pub brand: Option<ventanilla_core::card::Brand>,
    /// The card's last four digits.
    #[serde(default)]
    pub last4: Option<String>,
    /// RFC 3339 UTC.
    pub created_at: String,
    /// When it ended, RFC 3339 UTC.
    #[serde(default)]
    pub settled_at: Option<String>,
}

/// What the merchant's server asks for: the body of `POST /v1/attempts/{id}/{operation}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOperation {
    /// How much of the payment; all of it unless told. Whether a part is possible is the rail's.
    #[serde(default)]
    pub amount: Option<Money>,
}

/// An operation as the merchant sees it: the answer of `GET /v1/operations/{id}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct OperationRecord {
    /// `opr_` and 26 characters.
    pub id: String,
    /// The attempt that it is about; none when it belongs to no checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<String>,
    /// That attempt's session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// What is done.
    pub kind: OperationKind,
    /// Where it stands; never `duplicate`.
    pub state: AttemptState,
    /// How much of the payment it is about; without one, how much is moved, or would be each time.
    pub amount: Money,
    /// Why it ended as it did, or what the doubt is, in our own words.
    #[serde(default)]
    pub reason: Option<String>,
    /// A stable word for the provider's refusal.
    #[serde(default)]
    pub provider_code: Option<String>,
    /// Without an attempt: what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<OperationDetails>,
    /// Without an attempt: what the provider calls what came of it, as far as it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<OperationResult>,
    /// The payments of an operation that makes several, in the order in which they were asked for. Each ends
    /// by itself; the operation, when all have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<OperationItem>,
    /// RFC 3339 UTC.
    pub created_at: String,
    /// When it ended, RFC 3339 UTC.
    #[serde(default)]
    pub settled_at: Option<String>,
}

/// What somebody at the merchant must look at: the answer of `GET /v1/review`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReviewRecord {
    /// Attempts in review, and duplicates whose money is not on its way back; oldest first.
    pub attempts: Vec<ReviewAttempt>,
    /// Operations in review, oldest first.
    pub operations: Vec<ReviewOperation>,
    /// Money that came and of which it is not certain whose it is, oldest first.
    #[serde(default)]
    pub credits: Vec<CreditRecord>,
}

/// An attempt that somebody must look at.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReviewAttempt {
    /// It.
    #[serde(flatten)]
    pub attempt: AttemptRecord,
    /// Since when it is as it is, or in doubt; RFC 3339 UTC.
    pub since: String,
    /// Why somebody must look, in our own words.
    pub why: String,
}

/// An operation that somebody must look at.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReviewOperation {
    /// It.
    #[serde(flatten)]
    pub operation: OperationRecord,
    /// Since when it is in doubt, RFC 3339 UTC.
    pub since: String,
    /// Why somebody must look, in our own words.
    pub why: String,
}

/// What somebody found at the provider's: the body of `POST /v1/review/{id}/settle`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleReview {
    /// What it came to.
    pub outcome: SettleOutcome,
    /// Who looked where and saw what, for people: 3 to 500 characters. Kept for ever.
    #[schema(min_length = 3, max_length = 500)]
    pub note: String,
    /// With [`SettleOutcome::Matched`]: the attempt that the credit pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<String>,
}

/// How something in review ends by somebody's word.
///
/// Exhaustive on purpose: an outcome that a caller has not heard of must break its build.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettleOutcome {
    /// An attempt: the issuer said no.
    Declined,
    /// It never happened.
    NotExecuted,
    /// An operation: it was done.
    Succeeded,
    /// A credit: it is the money of [`SettleReview::attempt_id`].
    Matched,
    /// A credit: somebody has dealt with it, and no attempt here is paid by it.
    Dismissed,
}

impl SettleOutcome {
    /// The state of an attempt or operation that goes with it.
    #[must_use]
    pub const fn state(self) -> Option<AttemptState> {
        match self {
            Self::Declined => Some(AttemptState::Declined),
            Self::NotExecuted => Some(AttemptState::NotExecuted),
            Self::Succeeded => Some(AttemptState::Succeeded),
            Self::Matched | Self::Dismissed => None,
        }
    }
}
