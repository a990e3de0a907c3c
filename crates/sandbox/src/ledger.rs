//! What really happened: the list that tests hold the proxy's store against.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cvu::ledger::CvuLedger;
use crate::fault::{Kind, Operation};
use crate::flexiti::ledger::FlexitiLedger;
use crate::flux::ledger::FluxLedger;
use crate::notify::NotifyMode;

/// Everything the sandbox did, oldest first. Entries are only ever added.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Ledger {
    /// Orders opened.
    pub orders: Vec<OrderEntry>,
    /// Debits that reached the bank, approved and declined.
    pub debits: Vec<DebitEntry>,
    /// Voids, captures and refunds, done and refused.
    pub operations: Vec<OperationEntry>,
    /// Card tokens made, changed and deleted.
    pub card_tokens: Vec<CardTokenEntry>,
    /// Bulks that were taken.
    #[serde(default)]
    pub bulks: Vec<BulkEntry>,
    /// Subscriptions made, changed and cancelled. What they were charged is among the debits.
    #[serde(default)]
    pub subscriptions: Vec<SubscriptionEntry>,
    /// Notifications posted to the merchant, once each is answered or given up.
    pub notifications: Vec<NotificationEntry>,
    /// What happened at the CVU wallet API.
    #[serde(default)]
    pub cvu: CvuLedger,
    /// What happened at the Flux API.
    #[serde(default)]
    pub flux: FluxLedger,
    /// What happened at the Flexiti POS API.
    #[serde(default)]
    pub flexiti: FlexitiLedger,
    /// Every call, with the fault it met.
    pub calls: Vec<CallEntry>,
}

impl Ledger {
    /// The debits of one order reference.
    pub fn debits_of<'a>(&'a self, reference: &'a str) -> impl Iterator<Item = &'a DebitEntry> {
        self.debits
            .iter()
            .filter(move |debit| debit.reference == reference)
    }

    /// The voids, captures and refunds of one order reference.
    pub fn operations_of<'a>(
        &'a self,
        reference: &'a str,
    ) -> impl Iterator<Item = &'a OperationEntry> {
        self.operations
            .iter()
            .filter(move |operation| operation.reference == reference)
    }

    /// The debits of one subscription.
    pub fn debits_of_subscription<'a>(
        &'a self,
        id: &'a str,
    ) -> impl Iterator<Item = &'a DebitEntry> {
        self.debits
            .iter()
            .filter(move |debit| debit.subscription_id.as_deref() == Some(id))
    }

    /// The debits that moved money.
    pub fn approved(&self) -> impl Iterator<Item = &DebitEntry> {
        self.debits
            .iter()
            .filter(|debit| debit.state == DebitState::Approved)
    }

    /// How many calls of each operation came.
    #[must_use]
    pub fn count_calls(&self) -> BTreeMap<Operation, u64> {
        let mut count = BTreeMap::new();
        for call in self.calls.iter().filter(|call| !call.later) {
            *count.entry(call.operation).or_default() += 1;
        }
        count
    }

    /// How many calls of each operation met each kind of fault.
    #[must_use]
    pub fn count_faults(&self) -> BTreeMap<Kind, BTreeMap<Operation, u64>> {
        let mut count: BTreeMap<Kind, BTreeMap<Operation, u64>> = BTreeMap::new();
        for call in &self.calls {
            if let Some(kind) = call.fault {
                *count
                    .entry(kind)
                    .or_default()
                    .entry(call.operation)
                    .or_default() += 1;
            }
        }
        count
    }

    /// The calls of one operation.
    pub fn calls_of(&self, operation: Operation) -> impl Iterator<Item = &CallEntry> {
        self.calls
            .iter()
            .filter(move |call| call.operation == operation)
    }
}

/// An order opened by `create_order`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OrderEntry {
    /// The merchant's `orderReference`.
    pub reference: String,
    /// In whole units with two decimals: `1250.50`.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The merchant's description.
    pub description: String,
    /// The installment counts offered.
    pub installments_offered: Vec<String>,
    /// What the card call names the order by. Here so that a test can look for it where it must not be.
    pub session: String,
    /// What the card call is let in by: its `liszt-token`.
    pub token: String,
    /// RFC 3339 UTC.
    pub opened_at: String,
    /// When `session` and `token` stop working, RFC 3339 UTC.
    pub expires_at: String,
}

/// Whether a debit moved money.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DebitState {
    /// It did.
    Approved,
    /// The bank said no.
    Declined,
}

/// A debit that reached the bank.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DebitEntry {
    /// The merchant's `orderReference`.
    pub reference: String,
    /// In whole units with two decimals: `1250.50`.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The merchant's description.
    pub description: String,
    /// Whether it moved money.
    pub state: DebitState,
    /// `result.resp_code`.
    pub resp_code: String,
    /// The card's last four digits.
    pub last4: String,
    /// The card's first six digits.
    pub bin: String,
    /// The card's brand.
    pub brand: String,
    /// The authorization code, when approved.
    pub authorization: Option<String>,
    /// `options.numberOfPayments` of the sealed card.
    pub installments: Option<String>,
    /// Whether the card was saved as well.
    pub tokenized: bool,
    /// `pay`, `token_payment`, `bulk` or `pay_subscription`; `create_subscription` when a subscription was
    /// charged by itself.
    pub operation: Operation,
    /// The bulk that it was a part of.
    #[serde(default)]
    pub bulk_id: Option<String>,
    /// The subscription that it is a payment of.
    #[serde(default)]
    pub subscription_id: Option<String>,
    /// Length of `ld` in characters; none for a token payment.
    pub ld_len: Option<usize>,
    /// RFC 3339 UTC.
    pub executed_at: String,
    /// How often this reference had been executed, this time included: more than 1 is a double debit. A
    /// subscription's payment that is tried again counts only what was approved before.
    pub count: u32,
    /// `retrievalNumber` of the read.
    pub retrieval_number: String,
    /// `date` of the read, in the provider's local time.
    pub local_date: String,
}

/// What is done to a payment that was made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// It is undone, on the same day.
    Void,
    /// What was held is taken.
    Capture,
    /// It is given back.
    Refund,
}

impl OperationKind {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Capture => "capture",
            Self::Refund => "refund",
        }
    }
}

/// Whether an operation moved money.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It did.
    Done,
    /// It was refused.
    Refused,
}

/// Why an operation was refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationRefusal {
    /// No approved debit has this reference, card and authorization.
    NotFound,
    /// The time for it is over.
    TooLate,
    /// It was done before, or the payment was voided or refunded before.
    DoneBefore,
    /// More than was debited.
    TooMuch,
}

impl OperationRefusal {
    /// What it means, for people.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::NotFound => "no such payment",
            Self::TooLate => "too late",
            Self::DoneBefore => "done before",
            Self::TooMuch => "more than was debited",
        }
    }
}

/// A void, a capture or a refund that was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OperationEntry {
    /// The merchant's `orderReference`.
    pub reference: String,
    /// What was asked for.
    pub kind: OperationKind,
    /// In whole units with two decimals: `1250.50`. Of a capture as asked for, otherwise as debited;
    /// none when the payment is not known.
    pub amount: Option<String>,
    /// ISO 4217 code; none when the payment is not known.
    pub currency: Option<String>,
    /// Whether it moved money.
    pub state: OperationState,
    /// Why not.
    pub refusal: Option<OperationRefusal>,
    /// RFC 3339 UTC.
    pub at: String,
    /// How often this kind had been asked for about this reference, this time included: more than 1
    /// is a request that was sent twice.
    pub count: u32,
}

/// A notification posted to the merchant.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NotificationEntry {
    /// Where under the merchant's URL: `/`, `/newCard`, `/subscription/payment/results` or
    /// `/bulkResume`; empty for one of the CVU wallet API.
    pub path: String,
    /// The order references, `requestId`s or numbers of cash-ins it is about.
    pub references: Vec<String>,
    /// How it was sent; none when by hand.
    pub mode: Option<NotifyMode>,
    /// Whether its signature is wrong, or the cash-in it names is not there.
    pub forged: bool,
    /// Which of several of the same, from 1.
    pub nth: u32,
    /// The HTTP status answered; none when there was none within ten seconds.
    pub http_status: Option<u16>,
    /// When it was posted, RFC 3339 UTC.
    pub at: String,
}

/// What happened to a card token.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CardTokenChange {
    /// Made.
    Created,
    /// Given another card.
    Updated,
    /// Deleted.
    Deleted,
}

/// A change of a card token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CardTokenEntry {
    /// The card token.
    pub token: String,
    /// What happened to it.
    pub change: CardTokenChange,
    /// `requestId`; the order reference when the card was saved while paying.
    pub request_id: String,
    /// The card's last four digits.
    pub last4: String,
    /// RFC 3339 UTC.
    pub at: String,
}

/// A bulk that was taken.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BulkEntry {
    /// The provider's `bulkId`.
    pub id: String,
    /// The merchant's `orderReference` of each payment.
    pub references: Vec<String>,
    /// Those of them that no bank was asked about: the card token is not known, or the card is turned away.
    pub not_asked: Vec<String>,
    /// RFC 3339 UTC.
    pub at: String,
}

/// What happened to a subscription.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionChange {
    /// Made.
    Created,
    /// Ended for good.
    Cancelled,
    /// Given another card.
    CardChanged,
    /// Given another amount.
    AmountChanged,
}

impl SubscriptionChange {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Cancelled => "cancelled",
            Self::CardChanged => "card_changed",
            Self::AmountChanged => "amount_changed",
        }
    }
}

/// A change of a subscription, and what it was afterwards.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SubscriptionEntry {
    /// The provider's `subscriptionId`.
    pub id: String,
    /// What happened to it.
    pub change: SubscriptionChange,
    /// The merchant's `userId`.
    pub user_id: String,
    /// The merchant's description.
    pub description: String,
    /// What each charge takes, in whole units with two decimals: `1250.50`.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The card token that pays.
    pub card_token: String,
    /// When it is charged next, RFC 3339 UTC.
    pub next_payment_at: Option<String>,
    /// How many subscriptions with this user and description were made, with `created` this one included:
    /// more than 1 may be a request that was sent twice.
    pub count: u32,
    /// RFC 3339 UTC.
    pub at: String,
}

/// A call that arrived.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CallEntry {
    /// Which one.
    pub operation: Operation,
    /// The order reference or `requestId` it was about, as far as it could be told; at the CVU wallet API
    /// the `reference_id`, or the number or address that the provider gave; at the Flux API the
    /// `reference`.
    pub reference: Option<String>,
    /// The fault it met.
    pub fault: Option<Kind>,
    /// Whether this is its second entry: it was answered before, and is executed only now.
    #[serde(default)]
    pub later: bool,
    /// Whether it took effect: opened an order, asked the bank, changed a payment or a card token, found
    /// a debit.
    pub executed: bool,
    /// The HTTP status answered; none when the connection was reset or closed.
    pub http_status: Option<u16>,
    /// RFC 3339 UTC.
    pub at: String,
}
