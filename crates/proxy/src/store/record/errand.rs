//! Money that the merchant moves without a checkout, as it is kept.

use serde_json::Value;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id;
use crate::machine::{OperationDetails, OperationResult};

/// What an errand does. Exhaustive on purpose, as [`OperationKind`], of which these are a part.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrandKind {
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

impl ErrandKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::CashOut,
        Self::Bulk,
        Self::Subscription,
        Self::SubscriptionPayment,
        Self::Deposit,
    ];

    /// The kind as the merchant reads it.
    #[must_use]
    pub const fn operation(self) -> OperationKind {
        match self {
            Self::CashOut => OperationKind::CashOut,
            Self::Bulk => OperationKind::Bulk,
            Self::Subscription => OperationKind::Subscription,
            Self::SubscriptionPayment => OperationKind::SubscriptionPayment,
            Self::Deposit => OperationKind::Deposit,
        }
    }

    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.operation().name()
    }

    /// Reads a name as [`ErrandKind::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Money that the merchant moves without a checkout, as it is kept. Identity, kind, amount and what was
/// asked for never change after it was recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrandRow {
    /// `opr_` and 26 characters: an operation to the merchant.
    pub id: String,
    /// What is done.
    pub kind: ErrandKind,
    /// The merchant's key for it, its own among its kind.
    pub idempotency_key: String,
    /// What one errand of a kind at a time is done to; none where several may go side by side.
    pub subject: Option<String>,
    /// Where it stands; never `duplicate`.
    pub state: AttemptState,
    /// Grows by one with every change.
    pub version: i64,
    /// Our reference for it at the provider: 26 characters, this errand's alone.
    pub reference: String,
    /// How much it is about; of several payments, their sum.
    pub amount: Money,
    /// What the merchant is shown of what it asked for.
    pub details: OperationDetails,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// What there was already before it was sent, where a read shows everything there is.
    pub known_before: Option<Vec<String>>,
    /// How often the right to send was taken.
    pub sends: u8,
    /// How often it came back unused: at most [`MAX_RETURNS`](super::MAX_RETURNS).
    pub returns: u8,
    /// When the right was last taken.
    pub sent_at: Option<Timestamp>,
    /// When the call must have answered, or was over if its sender says so later.
    pub deadline_at: Option<Timestamp>,
    /// When its outcome came to be in doubt; after its end, when its sender reported that late.
    pub unknown_at: Option<Timestamp>,
    /// When it was last read back.
    pub last_read_at: Option<Timestamp>,
    /// When it is to be taken up next: driven while it is new or prepared, read back while it is in doubt.
    pub next_check_at: Option<Timestamp>,
    /// Why it ended as it did, or what the doubt is, in our own words.
    pub reason: Option<String>,
    /// The provider's code, with a refusal.
    pub provider_code: Option<String>,
    /// What the provider calls what came of it.
    pub result: Option<OperationResult>,
    /// When it ended.
    pub settled_at: Option<Timestamp>,
}

impl ErrandRow {
    /// An errand that nothing has happened to, due at once, with an identifier and a reference of its own.
    ///
    /// # Errors
    ///
    /// `internal` when the operating system has no randomness.
    pub fn new(
        kind: ErrandKind,
        amount: Money,
        details: OperationDetails,
        idempotency_key: &str,
        now: Timestamp,
    ) -> Result<Self> {
        Ok(Self {
            id: id::make_prefixed("opr")?,
            kind,
            idempotency_key: idempotency_key.to_owned(),
            subject: None,
            state: AttemptState::New,
            version: 0,
            reference: id::make()?,
            amount,
            details,
            created_at: now,
            known_before: None,
            sends: 0,
            returns: 0,
            sent_at: None,
            deadline_at: None,
            unknown_at: None,
            last_read_at: None,
            next_check_at: Some(now),
            reason: None,
            provider_code: None,
            result: None,
            settled_at: None,
        })
    }
}

/// One payment of an errand that makes several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrandItem {
    /// Which, from 0, in the order in which they were asked for.
    pub position: u32,
    /// The merchant's order number, for people.
    pub order_reference: String,
    /// Our reference, by which it is read back: 26 characters, this payment's alone.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// `unknown` until a read proves it `succeeded`, or it is `not_executed`.
    pub state: AttemptState,
    /// Reads in a row that did not find it.
    pub not_found: u32,
    /// When it was last read back.
    pub last_read_at: Option<Timestamp>,
    /// What the provider confirmed.
    pub confirmed: Option<Money>,
    /// The issuer's authorization code.
    pub authorization: Option<String>,
    /// The card's last four digits.
    pub last4: Option<String>,
    /// When it ended.
    pub settled_at: Option<Timestamp>,
}

impl ErrandItem {
    /// A payment that nothing has happened to, with a reference of its own.
    ///
    /// # Errors
    ///
    /// `internal` when the operating system has no randomness.
    pub fn new(position: u32, order_reference: &str, amount: Money) -> Result<Self> {
        Ok(Self {
            position,
            order_reference: order_reference.to_owned(),
            reference: id::make()?,
            amount,
            state: AttemptState::Unknown,
            not_found: 0,
            last_read_at: None,
            confirmed: None,
            authorization: None,
            last4: None,
            settled_at: None,
        })
    }
}

/// An errand and its payments, read at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WholeErrand {
    /// The errand.
    pub errand: ErrandRow,
    /// Its payments, in their order; none where it makes no several.
    pub items: Vec<ErrandItem>,
}

/// What opening an errand came to.
pub enum ErrandOpened {
    /// It is recorded and new.
    New(ErrandRow),
    /// Its key was used before, for this one. Whether the same was asked for then, its request says.
    Known(ErrandRow),
    /// This one of the same kind and subject runs, or its outcome is not known.
    Running(String),
}

/// An errand in its surroundings, read in one transaction.
pub struct ErrandScene<'a> {
    /// The errand.
    pub errand: &'a ErrandRow,
    /// Its payments, in their order.
    pub items: &'a [ErrandItem],
}

/// What is to become of an errand, and why.
pub struct ErrandChange {
    /// The errand as it shall be. Its version is counted by the store.
    pub after: ErrandRow,
    /// Those of its payments that change.
    pub items: Vec<ErrandItem>,
    /// When it happens.
    pub at: Timestamp,
    /// What happened, in snake case.
    pub kind: &'static str,
    /// The evidence, without secrets.
    pub evidence: Value,
}

/// Something that happened to an errand.
#[derive(Clone, Debug)]
pub struct ErrandEventRow {
    /// When.
    pub at: Timestamp,
    /// What, in snake case.
    pub kind: String,
    /// The state before, when it changed.
    pub from_state: Option<String>,
    /// The state after, when it changed.
    pub to_state: Option<String>,
    /// The evidence.
    pub evidence: Value,
}
