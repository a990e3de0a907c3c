//! What really happened: the list that tests hold the proxy's store against.

use serde::{Deserialize, Serialize};

use crate::fault::{Kind, Operation};

/// Everything the sandbox did, oldest first. Entries are only ever added.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Ledger {
    /// Orders opened.
    pub orders: Vec<OrderEntry>,
    /// Debits that reached the bank, approved and declined.
    pub debits: Vec<DebitEntry>,
    /// Card tokens made, changed and deleted.
    pub card_tokens: Vec<CardTokenEntry>,
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

    /// The debits that moved money.
    pub fn approved(&self) -> impl Iterator<Item = &DebitEntry> {
        self.debits
            .iter()
            .filter(|debit| debit.state == DebitState::Approved)
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
    /// `pay` or `token_payment`.
    pub operation: Operation,
    /// Length of `ld` in characters; none for a token payment.
    pub ld_len: Option<usize>,
    /// RFC 3339 UTC.
    pub executed_at: String,
    /// How often this reference had been executed, this time included: more than 1 is a double debit.
    pub count: u32,
    /// `retrievalNumber` of the read.
    pub retrieval_number: String,
    /// `date` of the read, in the provider's local time.
    pub local_date: String,
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

/// A call that arrived.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CallEntry {
    /// Which one.
    pub operation: Operation,
    /// The order reference or `requestId` it was about, as far as it could be told.
    pub reference: Option<String>,
    /// The fault it met.
    pub fault: Option<Kind>,
    /// Whether it took effect: opened an order, asked the bank, changed a card token, found a debit.
    pub executed: bool,
    /// The HTTP status answered; none when the connection was reset.
    pub http_status: Option<u16>,
    /// RFC 3339 UTC.
    pub at: String,
}
