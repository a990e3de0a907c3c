//! Subscriptions: what GreenPay charges a saved card by itself, again and again.

use ventanilla_core::money::Money;

use super::client::is_reference;
use super::order::CardToken;
use crate::moment::{Day, Moment};

/// GreenPay's name for a subscription, 32 hexadecimal digits in its documents: 1 to 64 characters out of
/// `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SubscriptionId(String);

impl SubscriptionId {
    /// Reads the name; `None` when the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_reference(text).then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `reference` is of one of its payments: the name, `_` and a number from 0.
    #[must_use]
    pub fn has_payment(&self, reference: &str) -> bool {
        reference
            .strip_prefix(&self.0)
            .and_then(|rest| rest.strip_prefix('_'))
            .is_some_and(|number| {
                (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
            })
    }
}

/// What is to be charged, and when. There is no first payment at once: one is a payment of its own, with
/// [`Client::pay_with_token`](super::Client::pay_with_token).
#[derive(Clone, Debug)]
pub struct NewSubscription {
    /// The merchant's name for the buyer, GreenPay's `userId`: 1 to 100 characters. Subscriptions are
    /// listed by it.
    pub user_id: String,
    /// One line about the subscription, 1 to 255 characters. Besides [`NewSubscription::user_id`] it is
    /// all of ours that the list shows: put a reference of ours into it to find a subscription again whose
    /// creation was not answered.
    pub description: String,
    /// The saved card that pays.
    pub card: CardToken,
    /// What each charge takes, in CRC or USD.
    pub amount: Money,
    /// Months from one charge to the next, from 1. GreenPay knows no other unit.
    pub every_months: u8,
    /// The day of the first charge; charges are made at midnight. Without it, GreenPay charges on the day
    /// that it is created.
    pub starts_at: Option<Moment>,
    /// When it ends. Without it, it goes on until it is cancelled.
    pub ends_at: Option<Moment>,
    /// Who pays, as far as the shop tells.
    pub payer: Option<SubscriptionPayer>,
}

/// Who pays a subscription.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionPayer {
    /// Full name.
    pub name: Option<String>,
    /// Electronic mail address.
    pub email: Option<String>,
    /// Number of an identity document.
    pub identification: Option<String>,
    /// ISO 3166-1 alpha-2 country code.
    pub country: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
}

/// A subscription that was created.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreatedSubscription {
    /// Names it from now on.
    pub id: SubscriptionId,
    /// The day of the next charge.
    pub next_payment: Option<Day>,
}

/// What a subscription is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum SubscriptionStatus {
    /// It is charged when it is due.
    Active,
    /// Ended for good.
    Cancelled,
    /// A payment failed.
    NotPaid,
    /// A payment failed three times.
    OnHold,
    /// A payment failed at the bank and is due.
    Pending,
    /// GreenPay looks into it. Named by the list's filter alone.
    Review,
    /// A word that no document describes: up to 32 characters out of `A-Z a-z 0-9 _ -` and space, any other
    /// as `?`.
    Other(String),
}

/// How often a subscription is charged.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Cadence {
    /// How many units from one charge to the next, from 1.
    pub every: u16,
    /// The unit.
    pub unit: CadenceUnit,
}

/// The unit of a [`Cadence`]. A subscription is made in months; the published list has one in days.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CadenceUnit {
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// A subscription, as it is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// Names it.
    pub id: SubscriptionId,
    /// What it is.
    pub status: SubscriptionStatus,
    /// [`NewSubscription::user_id`].
    pub user_id: Option<String>,
    /// [`NewSubscription::description`].
    pub description: Option<String>,
    /// What each charge takes.
    pub amount: Option<Money>,
    /// How often.
    pub cadence: Option<Cadence>,
    /// When it began, or begins.
    pub starts_at: Option<Moment>,
    /// When it ends.
    pub ends_at: Option<Moment>,
    /// When the next charge is due.
    pub next_payment: Option<Moment>,
}

/// Which subscriptions to list: those that fit everything that is told.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionFilter {
    /// In one of these statuses; in any, when there are none. [`SubscriptionStatus::Other`] cannot be asked
    /// for.
    pub statuses: Vec<SubscriptionStatus>,
    /// Of this buyer, see [`NewSubscription::user_id`].
    pub user_id: Option<String>,
    /// That take at least so much.
    pub min_amount: Option<Money>,
    /// That take at most so much.
    pub max_amount: Option<Money>,
    /// That were created then. Whether GreenPay means the moment or its day is not documented.
    pub created_at: Option<Moment>,
}

/// Which part of a list to read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// Most entries on it: 1 to 100.
    pub size: u8,
}

/// A part of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed<T> {
    /// The entries, in GreenPay's order, of which nothing is documented.
    pub entries: Vec<T>,
    /// How many entries there are on all pages, if it is told.
    pub total_entries: Option<u64>,
    /// How many pages there are, if it is told.
    pub total_pages: Option<u64>,
}

/// The proven answer to a cancellation, or to a change of card or amount.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SubscriptionAnswer {
    /// GreenPay did it.
    Done(SubscriptionState),
    /// GreenPay says that it did not.
    Refused {
        /// The number it gave with that: `code`, three digits.
        code: Option<String>,
    },
}

/// What a subscription is after it was changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubscriptionState {
    /// What it is.
    pub status: SubscriptionStatus,
    /// When the next charge is due.
    pub next_payment: Option<Moment>,
}

/// The proven end of a charge that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SubscriptionPayment {
    /// Approved. No document shows a signature over this answer.
    Approved(SubscriptionApproval),
    /// Declined. No money moved.
    Declined {
        /// GreenPay's `resp_code`, if it is told.
        code: Option<String>,
    },
}

/// A charge that was approved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubscriptionApproval {
    /// GreenPay's reference for this payment, [`SubscriptionId::has_payment`]. It is read back by it.
    pub reference: String,
    /// What was paid. Whether that is what was agreed is for the caller to compare.
    pub total: Money,
    /// The issuer's authorization code.
    pub authorization: String,
    /// What the subscription is after it.
    pub status: Option<SubscriptionStatus>,
}

/// A payment of a subscription, as it is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedPayment {
    /// GreenPay's reference for it.
    pub reference: String,
    /// When it was first tried.
    pub paid_at: Option<Moment>,
    /// What became of that.
    pub result: ChargeResult,
    /// When it was tried again, and what became of that.
    pub retries: Vec<ChargeRetry>,
}

/// A payment of a subscription that was tried again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChargeRetry {
    /// When.
    pub tried_at: Option<Moment>,
    /// What became of it.
    pub result: ChargeResult,
}

/// What became of a listed payment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChargeResult {
    /// Approved, under a signature that verifies for the payment's reference.
    Approved(ListedApproval),
    /// Declined. No money moved.
    Declined {
        /// GreenPay's `resp_code`, if it is told.
        code: Option<String>,
    },
    /// Nothing is told of it.
    Nothing,
    /// What is told proves nothing.
    Unproven,
}

/// A listed payment that was approved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedApproval {
    /// What was paid.
    pub total: Money,
    /// The issuer's authorization code.
    pub authorization: Option<String>,
    /// The card's last four digits.
    pub last4: Option<String>,
}

impl<T> Listed<T> {
    /// Whether no page comes behind `page`, which this is: by the number of pages, or, untold, because it is not
    /// full.
    #[must_use]
    pub fn is_last(&self, page: Page) -> bool {
        match self.total_pages {
            Some(pages) => u64::from(page.number) >= pages,
            None => self.entries.len() < usize::from(page.size),
        }
    }
}

impl ListedPayment {
    /// The approval among its tries. More than one would be money taken twice; this is the first.
    #[must_use]
    pub fn approval(&self) -> Option<&ListedApproval> {
        let retried = self.retries.iter().map(|retry| &retry.result);
        std::iter::once(&self.result)
            .chain(retried)
            .find_map(|result| match result {
                ChargeResult::Approved(approval) => Some(approval),
                _ => None,
            })
    }
}

impl SubscriptionStatus {
    /// The documented ones, with GreenPay's word for each. "CANCELED" is read too.
    const WORDS: [(Self, &'static str); 6] = [
        (Self::Active, "ACTIVE"),
        (Self::Cancelled, "CANCELLED"),
        (Self::NotPaid, "NOT_PAID"),
        (Self::OnHold, "ON_HOLD"),
        (Self::Pending, "PENDING"),
        (Self::Review, "REVIEW"),
    ];

    /// GreenPay's word for it.
    #[must_use]
    pub fn word(&self) -> &str {
        if let Self::Other(word) = self {
            return word;
        }
        let known = Self::WORDS.iter().find(|(status, _)| status == self);
        known.map_or("", |(_, word)| word)
    }

    pub(super) fn read(word: &str) -> Self {
        if word == "CANCELED" {
            return Self::Cancelled;
        }
        let known = Self::WORDS.iter().find(|(_, known)| *known == word);
        known.map_or_else(
            || Self::Other(super::status::printable(word)),
            |(status, _)| status.clone(),
        )
    }
}

impl CadenceUnit {
    /// GreenPay's words.
    const WORDS: [(Self, &'static str); 4] = [
        (Self::Day, "DAY"),
        (Self::Week, "WEEK"),
        (Self::Month, "MONTH"),
        (Self::Year, "YEAR"),
    ];
}

impl Cadence {
    /// Reads `EVERY 1 MONTH`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (every, count, unit) = (words.next()?, words.next()?, words.next()?);
        let unit = CadenceUnit::WORDS.iter().find(|(_, word)| *word == unit)?.0;
        let every = (every == "EVERY" && words.next().is_none())
            .then(|| count.parse().ok())
            .flatten()
            .filter(|every| *every > 0)?;
        Some(Self { every, unit })
    }
}
