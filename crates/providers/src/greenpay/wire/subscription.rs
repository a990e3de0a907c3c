//! Subscriptions, and bulks.

use serde::{Deserialize, Serialize};
use ventanilla_core::money::Currency;

use super::{Amount, Credentials, Raw};
use crate::greenpay::bulk::BulkPayment;
use crate::greenpay::config::Config;
use crate::greenpay::subscription::{
    NewSubscription, SubscriptionFilter, SubscriptionPayer, SubscriptionStatus,
};
use crate::moment::{Day, Moment};
use crate::raw::is_text;

/// `M /bulk`.
#[derive(Serialize)]
pub(in crate::greenpay) struct BulkRequest<'a> {
    #[serde(flatten)]
    credentials: Credentials<'a>,
    terminal: &'a str,
    currency: &'static str,
    payments: Vec<BulkEntry<'a>>,
}

#[derive(Serialize)]
struct BulkEntry<'a> {
    #[serde(rename = "orderReference")]
    order_reference: &'a str,
    amount: Amount,
    /// A list, though a payment has one card.
    token: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

impl<'a> BulkRequest<'a> {
    pub(in crate::greenpay) fn new(
        config: &'a Config,
        currency: Currency,
        payments: &'a [BulkPayment],
    ) -> Self {
        let entry = |payment: &'a BulkPayment| BulkEntry {
            order_reference: &payment.reference,
            amount: Amount(payment.total),
            token: [payment.card.expose()],
            name: payment.name.as_deref(),
            email: payment.email.as_deref(),
        };
        Self {
            credentials: Credentials::of(config),
            terminal: &config.terminal,
            currency: currency.code(),
            payments: payments.iter().map(entry).collect(),
        }
    }
}

/// `M /subscriptions`.
#[derive(Serialize)]
pub(in crate::greenpay) struct SubscriptionRequest<'a> {
    #[serde(flatten)]
    credentials: Credentials<'a>,
    terminal: &'a str,
    #[serde(rename = "userId")]
    user_id: &'a str,
    description: &'a str,
    currency: &'static str,
    tokens: [&'a str; 1],
    subscription: [Charge; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    optional: Option<Payer<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<i64>,
    amount: Amount,
    cadence: EveryMonths,
}

#[derive(Serialize)]
struct EveryMonths {
    mode: &'static str,
    unit: &'static str,
    every: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identification: Option<&'a str>,
}

impl<'a> Payer<'a> {
    fn of(payer: &'a SubscriptionPayer) -> Self {
        Self {
            country_code: payer.country.as_deref(),
            postal_code: payer.postal_code.as_deref(),
            name: payer.name.as_deref(),
            email: payer.email.as_deref(),
            identification: payer.identification.as_deref(),
        }
    }
}

impl<'a> SubscriptionRequest<'a> {
    /// The name of the field that cannot be sent, when there is one.
    pub(in crate::greenpay) fn new(
        config: &'a Config,
        subscription: &'a NewSubscription,
    ) -> Result<Self, &'static str> {
        if !is_text(&subscription.user_id, 100) {
            return Err("user_id");
        }
        if !is_text(&subscription.description, 255) {
            return Err("description");
        }
        if subscription.amount.minor() == 0 {
            return Err("amount");
        }
        if subscription.every_months == 0 {
            return Err("every_months");
        }
        let (starts, ends) = (subscription.starts_at, subscription.ends_at);
        if starts
            .zip(ends)
            .is_some_and(|(starts, ends)| ends <= starts)
        {
            return Err("ends_at");
        }
        Ok(Self {
            credentials: Credentials::of(config),
            terminal: &config.terminal,
            user_id: &subscription.user_id,
            description: &subscription.description,
            currency: subscription.amount.currency().code(),
            tokens: [subscription.card.expose()],
            subscription: [Charge {
                start_date: starts.map(milliseconds),
                end_date: ends.map(milliseconds),
                amount: Amount(subscription.amount),
                cadence: EveryMonths {
                    mode: "EVERY",
                    unit: "MONTH",
                    every: subscription.every_months,
                },
            }],
            optional: subscription.payer.as_ref().map(Payer::of),
        })
    }
}

/// `M /subscriptions/pay`.
#[derive(Serialize)]
pub(in crate::greenpay) struct SubscriptionPayRequest<'a> {
    #[serde(flatten)]
    pub(in crate::greenpay) credentials: Credentials<'a>,
    #[serde(rename = "subscriptionId")]
    pub(in crate::greenpay) subscription_id: &'a str,
}

/// `M /subscriptions/cancel`, `M /subscriptions/update`, `M /subscriptions/update/card_token`.
#[derive(Serialize)]
pub(in crate::greenpay) struct ChangeRequest<'a> {
    #[serde(flatten)]
    pub(in crate::greenpay) credentials: Credentials<'a>,
    #[serde(rename = "subscriptionId")]
    pub(in crate::greenpay) subscription_id: &'a str,
    pub(in crate::greenpay) user: &'a str,
    #[serde(flatten)]
    pub(in crate::greenpay) changed: &'a Changed<'a>,
}

/// What is changed.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::greenpay) enum Changed<'a> {
    Cancelled { reason: &'a str },
    Card { token: &'a str },
    Amount { amount: Amount },
}

/// `M /subscriptions/list`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::greenpay) struct SubscriptionListRequest<'a> {
    #[serde(flatten)]
    pub(in crate::greenpay) credentials: Credentials<'a>,
    pub(in crate::greenpay) page_size: u8,
    pub(in crate::greenpay) page: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::greenpay) filters: Option<FilterFields<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::greenpay) struct FilterFields<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    status: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subs_date: Option<String>,
}

impl<'a> FilterFields<'a> {
    /// `None` when nothing is filtered; the name of the field that cannot be sent, when there is one.
    pub(in crate::greenpay) fn of(
        filter: &'a SubscriptionFilter,
    ) -> Result<Option<Self>, &'static str> {
        let is_known =
            |status: &SubscriptionStatus| !matches!(status, SubscriptionStatus::Other(_));
        if !filter.statuses.iter().all(is_known) {
            return Err("status");
        }
        if filter
            .user_id
            .as_deref()
            .is_some_and(|user| !is_text(user, 100))
        {
            return Err("user_id");
        }
        let fields = Self {
            status: filter
                .statuses
                .iter()
                .map(SubscriptionStatus::word)
                .collect(),
            user: filter.user_id.as_deref(),
            min_amount: filter.min_amount.map(Amount),
            max_amount: filter.max_amount.map(Amount),
            subs_date: filter.created_at.map(iso),
        };
        let filters_nothing = fields.status.is_empty()
            && fields.user.is_none()
            && fields.min_amount.is_none()
            && fields.max_amount.is_none()
            && fields.subs_date.is_none();
        Ok((!filters_nothing).then_some(fields))
    }
}

/// `M /subscriptions/list/payments`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::greenpay) struct PaymentListRequest<'a> {
    #[serde(flatten)]
    pub(in crate::greenpay) credentials: Credentials<'a>,
    pub(in crate::greenpay) subscription_id: &'a str,
    pub(in crate::greenpay) page_size: u8,
    pub(in crate::greenpay) page: u32,
}

/// `result` of a subscription that was created.
#[derive(Deserialize)]
pub(in crate::greenpay) struct CreatedResult {
    pub success: Option<Raw>,
    #[serde(rename = "initialPayment")]
    pub initial_payment: Option<Raw>,
}

/// `result` of a subscription that was changed. What it was made of comes back with it, the merchant's
/// secret too; of that, only [`PurchaseOrder`] is read.
#[derive(Deserialize)]
pub(in crate::greenpay) struct ChangedResult {
    /// Not the subscription's name but a number of its own, wherever it was seen.
    #[serde(rename = "subscriptionId")]
    pub subscription_id: Option<Raw>,
    pub status: Option<Raw>,
    pub card_tokens: Option<Raw>,
    pub amount: Option<Raw>,
    pub purchase_order: Option<Raw>,
    pub next_payment: Option<Raw>,
}

#[derive(Deserialize)]
pub(in crate::greenpay) struct PurchaseOrder {
    pub subscription: Option<Raw>,
}

/// An entry of a purchase order's `subscription`.
#[derive(Deserialize)]
pub(in crate::greenpay) struct OrderedCharge {
    pub amount: Option<Raw>,
}

/// `result` of a charge that was asked for.
#[derive(Deserialize)]
pub(in crate::greenpay) struct ChargedResult {
    pub status: Option<Raw>,
    #[serde(rename = "orderStatus")]
    pub order_status: Option<Raw>,
    pub order: Option<Raw>,
}

/// Its `order`.
#[derive(Deserialize)]
pub(in crate::greenpay) struct ChargedOrder {
    pub order_reference: Option<Raw>,
    #[serde(rename = "subscriptionId")]
    pub subscription_id: Option<Raw>,
    pub amount: Option<Raw>,
    pub currency: Option<Raw>,
    pub authorization: Option<Raw>,
    pub details: Option<Raw>,
    pub errors: Option<Raw>,
}

/// `result` of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::greenpay) struct ListResult {
    pub entries: Option<Raw>,
    pub total_entries: Option<Raw>,
    pub total_pages: Option<Raw>,
}

/// A subscription in a list.
#[derive(Deserialize)]
pub(in crate::greenpay) struct SubscriptionEntry {
    pub id: Option<Raw>,
    pub status: Option<Raw>,
    pub user_id: Option<Raw>,
    pub description: Option<Raw>,
    pub currency: Option<Raw>,
    pub amount: Option<Raw>,
    pub startdate: Option<Raw>,
    pub enddate: Option<Raw>,
    pub cadence: Option<Raw>,
    pub next_payment_date: Option<Raw>,
}

/// A payment in a list.
#[derive(Deserialize)]
pub(in crate::greenpay) struct PaymentEntry {
    pub reference_number: Option<Raw>,
    pub payment_date: Option<Raw>,
    pub payment_result: Option<Raw>,
    pub payment_retries: Option<Raw>,
}

/// A try of it; GreenPay writes it without the second t.
#[derive(Deserialize)]
pub(in crate::greenpay) struct RetryEntry {
    #[serde(rename = "attemp_date", alias = "attempt_date")]
    pub attempt_date: Option<Raw>,
    #[serde(rename = "attemp_result", alias = "attempt_result")]
    pub attempt_result: Option<Raw>,
}

const fn milliseconds(moment: Moment) -> i64 {
    moment.unix_secs().saturating_mul(1000)
}

/// `2026-11-20T15:04:05.000Z`.
fn iso(moment: Moment) -> String {
    let of_day = moment.unix_secs().rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!(
        "{}T{hour:02}:{minute:02}:{second:02}.000Z",
        Day::utc(moment)
    )
}
