//! Answers about subscriptions, in the provider's shapes.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Credentials;
use crate::amount::Amount;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::ledger::{DebitEntry, DebitState, Ledger};

use super::super::GreenPay;
use super::super::answer::{CheckoutRefusal, PaymentAnswer, number};
use super::super::bank::{bent_amount, other_reference};
use super::{Status, Subscription, Tried, Try};

/// A subscription that was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Created<'a> {
    status: u16,
    subscription_id: &'a str,
    result: CreatedResult<'a>,
    errors: [(); 0],
    #[serde(rename = "_signature")]
    signature: &'a str,
    next_payment_date: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreatedResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_payment: Option<InitialPayment<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitialPayment<'a> {
    order_id: &'a str,
    authorization: Option<&'a str>,
    errors: [(); 0],
}

impl<'a> Created<'a> {
    pub(super) fn new(
        subscription_id: &'a str,
        first: Option<&'a DebitEntry>,
        signature: &'a str,
        next_payment_date: Option<String>,
    ) -> Self {
        Self {
            status: 200,
            subscription_id,
            result: CreatedResult {
                success: first.map(|debit| debit.state == DebitState::Approved),
                initial_payment: first.map(|debit| InitialPayment {
                    order_id: &debit.reference,
                    authorization: debit.authorization.as_deref(),
                    errors: [],
                }),
            },
            errors: [],
            signature,
            next_payment_date,
        }
    }
}

/// A subscription that was changed: with the order that it was made of, the merchant's secret inside.
#[derive(Serialize)]
pub(super) struct Changed<'a> {
    code: u16,
    status: &'static str,
    result: ChangedResult<'a>,
    errors: [(); 0],
}

#[derive(Serialize)]
struct ChangedResult<'a> {
    id: String,
    merchant_id: &'a str,
    status: &'static str,
    user_id: &'a str,
    user_type: u8,
    card_tokens: [&'a str; 1],
    purchase_order: PurchaseOrder<'a>,
    next_payment: Option<String>,
}

#[derive(Serialize)]
struct PurchaseOrder<'a> {
    secret: &'a str,
    currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    optional: Option<&'a Value>,
    terminal: &'a str,
    description: &'a str,
    subscription: [Charge; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    amount: Box<RawValue>,
    cadence: Cadence,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<u64>,
}

#[derive(Serialize)]
struct Cadence {
    day: u8,
    mode: &'static str,
    unit: &'static str,
    every: u32,
}

impl<'a> Changed<'a> {
    pub(super) fn of(subscription: &'a Subscription, credentials: &'a Credentials) -> Self {
        Self {
            code: 200,
            status: "SUCCESS",
            result: ChangedResult {
                id: subscription.number.to_string(),
                merchant_id: &credentials.merchant_id,
                status: subscription.status.word(),
                user_id: &subscription.user,
                user_type: 1,
                card_tokens: [&subscription.card_token],
                purchase_order: PurchaseOrder {
                    secret: &credentials.secret,
                    currency: &subscription.currency,
                    optional: subscription.optional.as_ref(),
                    terminal: &credentials.terminal,
                    description: &subscription.description,
                    subscription: [Charge {
                        amount: number(subscription.amount.number_text()),
                        cadence: Cadence {
                            day: subscription.first.local_day_of_month(),
                            mode: "EVERY",
                            unit: "MONTH",
                            every: subscription.every,
                        },
                        start_date: subscription.start_date,
                        end_date: subscription.end_date,
                    }],
                },
                next_payment: subscription.next.map(Moment::rfc3339),
            },
            errors: [],
        }
    }
}

/// A charge that was asked for, approved or not.
#[derive(Serialize)]
pub(super) struct Charged<'a> {
    status: &'static str,
    code: u16,
    result: ChargedResult<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChargedResult<'a> {
    status: &'static str,
    order_status: &'static str,
    merchant_id: &'a str,
    order: ChargedOrder<'a>,
}

#[derive(Serialize)]
struct ChargedOrder<'a> {
    order_reference: String,
    #[serde(rename = "subscriptionId")]
    subscription_id: &'a str,
    user: &'a str,
    amount: Box<RawValue>,
    currency: &'a str,
    date: String,
    authorization: Option<&'a str>,
    details: Details<'a>,
    errors: Vec<&'static str>,
    reason: &'static str,
}

/// Of an approved charge a text with nothing in it.
#[derive(Serialize)]
#[serde(untagged)]
enum Details<'a> {
    None(&'static str),
    Declined { success: bool, resp_code: &'a str },
}

impl<'a> Charged<'a> {
    pub(super) fn of(
        debit: &'a DebitEntry,
        status: Status,
        user: &'a str,
        credentials: &'a Credentials,
        fate: Fate,
    ) -> Self {
        let approved = debit.state == DebitState::Approved;
        let declined = crate::cards::decline_of(&debit.resp_code);
        let amount = Amount::of_two_decimals(&debit.amount).unwrap_or(Amount::ONE_UNIT);
        Self {
            status: "SUCCESS",
            code: 200,
            result: ChargedResult {
                status: if approved { "approved" } else { "rejected" },
                order_status: status.word(),
                merchant_id: &credentials.merchant_id,
                order: ChargedOrder {
                    order_reference: if fate.is(Kind::WrongReference) {
                        other_reference(&debit.reference)
                    } else {
                        debit.reference.clone()
                    },
                    subscription_id: debit.subscription_id.as_deref().unwrap_or_default(),
                    user,
                    amount: number(bent_amount(amount, fate)),
                    currency: &debit.currency,
                    date: debit.executed_at.clone(),
                    authorization: debit.authorization.as_deref(),
                    details: if approved {
                        Details::None("")
                    } else {
                        Details::Declined {
                            success: false,
                            resp_code: &debit.resp_code,
                        }
                    },
                    errors: declined.map(|row| row.bank_text).into_iter().collect(),
                    reason: "Manual payment",
                },
            },
        }
    }
}

/// What is not there, or does not go.
#[derive(Serialize)]
pub(super) struct Refused {
    code: u16,
    status: &'static str,
    result: Nothing,
    errors: [&'static str; 1],
}

#[derive(Serialize)]
struct Nothing {}

impl Refused {
    pub(super) const fn new(code: u16, text: &'static str) -> Self {
        Self {
            code,
            status: "FAIL",
            result: Nothing {},
            errors: [text],
        }
    }
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct List<'a, T> {
    status: &'static str,
    code: u16,
    result: ListResult<'a, T>,
    errors: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListResult<'a, T> {
    entries: &'a [T],
    page: usize,
    total_entries: usize,
    total_pages: usize,
}

impl<'a, T> List<'a, T> {
    /// The entries of one page, which has a number from 1 and a size from 1.
    pub(super) fn page(all: &'a [T], (page, size): (usize, usize)) -> Self {
        let pages = all.len().div_ceil(size.max(1));
        let entries = all
            .chunks(size.max(1))
            .nth(page.saturating_sub(1))
            .unwrap_or_default();
        Self {
            status: "SUCCESS",
            code: 200,
            result: ListResult {
                entries,
                page,
                total_entries: all.len(),
                total_pages: pages,
            },
            errors: [],
        }
    }
}

/// A subscription in a list: amount and dates are texts.
#[derive(Serialize)]
pub(super) struct Listed<'a> {
    id: &'a str,
    status: &'static str,
    user_id: &'a str,
    description: &'a str,
    currency: &'a str,
    amount: String,
    startdate: Option<String>,
    enddate: Option<String>,
    cadence: String,
    next_payment_date: Option<String>,
}

impl<'a> Listed<'a> {
    pub(super) fn of(subscription: &'a Subscription) -> Self {
        let starts = subscription.start_date.map_or_else(
            || subscription.created.unix_millis().to_string(),
            |it| it.to_string(),
        );
        Self {
            id: &subscription.id,
            status: subscription.status.word(),
            user_id: &subscription.user,
            description: &subscription.description,
            currency: &subscription.currency,
            amount: subscription.amount.number_text(),
            startdate: Some(starts),
            enddate: subscription.end_date.map(|date| date.to_string()),
            cadence: format!("EVERY {} MONTH", subscription.every),
            next_payment_date: subscription.next.map(Moment::rfc3339),
        }
    }
}

/// A payment in a list.
#[derive(Serialize)]
pub(super) struct Payment<'a> {
    id: String,
    reference_number: &'a str,
    payment_date: Option<String>,
    payment_result: Option<Told<'a>>,
    payment_retries: Vec<Retry<'a>>,
}

/// GreenPay writes it without the second t.
#[derive(Serialize)]
struct Retry<'a> {
    attemp_date: String,
    attemp_result: Told<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
    Answer(Box<PaymentAnswer<'a>>),
    NotAsked(CheckoutRefusal<'a>),
}

impl<'a> Payment<'a> {
    pub(super) fn of(
        greenpay: &GreenPay,
        id: usize,
        payment: &'a Tried,
        ledger: &'a Ledger,
        fate: Fate,
    ) -> Self {
        let told = |it: &Try| {
            let debit = it.line.and_then(|line| ledger.debits.get(line));
            match debit {
                Some(debit) => {
                    Told::Answer(Box::new(greenpay.payment_answer(debit, None, None, fate)))
                }
                None => Told::NotAsked(CheckoutRefusal::about(
                    &payment.reference,
                    "Error: Invalid card token",
                )),
            }
        };
        let first = payment.tries.first();
        let again = payment.tries.iter().skip(1);
        Self {
            id: id.to_string(),
            reference_number: &payment.reference,
            payment_date: first.map(|it| it.at.rfc3339()),
            payment_result: first.filter(|it| it.approved || payment.by_hand).map(told),
            payment_retries: again
                .map(|it| Retry {
                    attemp_date: it.at.rfc3339(),
                    attemp_result: told(it),
                })
                .collect(),
        }
    }
}
