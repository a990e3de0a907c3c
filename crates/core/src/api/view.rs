//! Answers of the browser API: what the buyer may see of the proxy's records.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::attempt::{AttemptState, NextAction};
use crate::card::Brand;
use crate::money::Money;
#[cfg(feature = "openapi")]
use crate::openapi::*;
use crate::rails::Rail;
use crate::rails::card::{CardOffer, DeclineAdvice};
use crate::rails::cvu::{CvuOffer, PayableView};
use crate::rails::flexiti::{
    FinancedView, FinancingAdvice, FinancingOffers, FlexitiOffer, HostedPage,
};
use crate::rails::flux::{FluxOffer, WalletAdvice};
use crate::session::SessionState;

/// A text that people wrote: shown as text, never as markup.
pub type BuyerText = String;

/// A session as its buyer may see it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckoutView {
    /// The session.
    pub session_id: String,
    /// Where the session stands.
    pub state: SessionState,
    /// Who is paid: the merchant's name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub payee: BuyerText,
    /// The merchant's order reference, for people.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub order_reference: BuyerText,
    /// What is to be paid.
    pub total: Money,
    /// What is bought; may be empty.
    pub items: Vec<ItemView>,
    /// The rails offered, in the merchant's order.
    pub rails: Vec<Rail>,
    /// Present when [`Rail::Card`] is offered.
    #[serde(default)]
    pub card: Option<CardOffer>,
    /// Present when [`Rail::Cvu`] is offered.
    #[serde(default)]
    pub cvu: Option<CvuOffer>,
    /// Present when [`Rail::Flux`] is offered.
    #[serde(default)]
    pub flux: Option<FluxOffer>,
    /// Present when [`Rail::Flexiti`] is offered.
    #[serde(default)]
    pub flexiti: Option<FlexitiOffer>,
    /// The latest attempt, running or ended. A widget that starts again picks up from here.
    #[serde(default)]
    pub attempt: Option<AttemptView>,
    /// When the session expires, RFC 3339 UTC.
    pub expires_at: String,
    /// The proxy's clock when it answered, RFC 3339 UTC; countdowns run against it, not against the
    /// buyer's clock.
    pub server_time: String,
}

/// A line of the order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemView {
    /// What it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub description: BuyerText,
    /// How many, from 1.
    pub quantity: u32,
    /// The line's total, when the merchant gave it.
    #[serde(default)]
    pub total: Option<Money>,
}

/// An attempt as its buyer may see it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptView {
    /// The attempt.
    pub id: String,
    /// Its rail.
    pub rail: Rail,
    /// Where it stands.
    pub state: AttemptState,
    /// What follows.
    pub next_action: NextAction,
    /// With [`NextAction::Wait`], [`NextAction::Pay`], [`NextAction::Identify`] and
    /// [`NextAction::Choose`]: milliseconds until it is worth asking again.
    #[serde(default)]
    pub poll_after_ms: Option<u32>,
    /// Milliseconds since the attempt was started, by the proxy's clock.
    pub age_ms: u64,
    /// A reference that the shop can look the attempt up by: the attempt's identifier. Never our
    /// reference at the provider, by which GreenPay tells about a payment without asking for a secret.
    pub reference: String,
    /// With [`AttemptState::Declined`] on the card rail: what to suggest.
    #[serde(default)]
    pub advice: Option<DeclineAdvice>,
    /// With [`AttemptState::Declined`] on the Flux rail: what to suggest.
    #[serde(default)]
    pub wallet_advice: Option<WalletAdvice>,
    /// With an attempt on the Flexiti rail that ended without a purchase: what to suggest, if anything is
    /// known.
    #[serde(default)]
    pub financing_advice: Option<FinancingAdvice>,
    /// With [`NextAction::Identify`]: the provider's page.
    #[serde(default)]
    pub hosted_page: Option<HostedPage>,
    /// With [`NextAction::Choose`]: how it may be paid off.
    #[serde(default)]
    pub offers: Option<FinancingOffers>,
    /// The tip that the buyer added, besides the session's total. Never 0.
    #[serde(default)]
    pub tip: Option<Money>,
    /// With [`AttemptState::Issued`], and when that has ended without a payment.
    #[serde(default)]
    pub payable: Option<PayableView>,
    /// What the provider gave did not fit this session, so it was not shown
    /// ([`AttemptState::NotExecuted`]). The shop is at fault, not the buyer.
    #[serde(default)]
    pub refused: bool,
    /// With [`AttemptState::Succeeded`].
    #[serde(default)]
    pub receipt: Option<ReceiptView>,
}

/// Proof of payment for the buyer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptView {
    /// What was paid, as the provider confirmed it; with a tip, bill and tip together.
    pub paid: Money,
    /// How much of it is a tip. Never 0.
    #[serde(default)]
    pub tip: Option<Money>,
    /// When, RFC 3339 UTC.
    pub paid_at: String,
    /// The card's brand.
    #[serde(default)]
    pub brand: Option<Brand>,
    /// The card's last four digits.
    #[serde(default)]
    pub last4: Option<String>,
    /// The issuer's authorization code.
    #[serde(default)]
    pub authorization: Option<String>,
    /// The installments chosen.
    #[serde(default)]
    pub installments: Option<u8>,
    /// The card was saved for next time.
    #[serde(default)]
    pub card_saved: bool,
    /// How the purchase is paid off, where a provider lends.
    #[serde(default)]
    pub financing: Option<FinancedView>,
}
