//! What goes out and what comes back.

use ventanilla_core::money::Money;

use super::decline::Decline;

/// What is to be charged to a wallet code.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Ours, the only handle on the payment: 1 to 64 of `A-Z a-z 0-9 . _ -`, other than `.` and `..`.
    /// Unique for ever: Flux refuses one that it knows, which is what makes a repeat harmless.
    pub reference: String,
    /// The bill: Mexican pesos, more than none.
    pub amount: Money,
    /// The tip on top of it: Mexican pesos. With [`Charge::amount`] at most 2 147 483 647 centavos, which is
    /// what Flux's integers hold.
    pub tip: Money,
    /// Where it is paid.
    pub place: Place,
}

/// Where a payment or a refund is made.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Name or number of the shop: 1 to 64 characters, none of them a control character. Flux states no
    /// limit, here and below.
    pub store: String,
    /// The till: up to 64 characters; empty when there is none.
    pub terminal: String,
    /// Who serves: up to 64 characters; empty when nobody does.
    pub operator: String,
    /// The table: up to 64 characters; empty when there is none.
    pub table: String,
}

/// Money to be given back.
#[derive(Clone, Debug)]
pub struct RefundOrder {
    /// [`Charge::reference`] of the payment.
    pub reference: String,
    /// Mexican pesos, more than none, at most 2 147 483 647 centavos. Whether it may be less than was paid,
    /// and whether what was paid includes the tip, is documented nowhere.
    pub amount: Money,
    /// Why: 1 to 255 characters, none of them a control character.
    pub message: String,
    /// Where it is given back.
    pub place: Place,
}

/// The proven end of a payment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Payment {
    /// Paid: our reference, amount and tip, and a total that is their sum.
    Paid(Transaction),
    /// Refused for a documented reason. No money moved.
    Declined(Decline),
}

/// The proven end of a refund.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refund {
    /// Given back: our reference and the whole amount.
    Done(Transaction),
    /// Refused with a code that Flux lists: one of [`Decline::code`], or `ERR_NOT_FOUND`. No money moved.
    Refused(&'static str),
}

/// What [`Client::transaction`](super::Client::transaction) found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TransactionRead {
    /// A payment, and `ok`. Whether amount and tip are ours is for the caller to compare.
    Paid(Transaction),
    /// Flux does not know the reference, at this moment: while a call may be on its way, that proves
    /// nothing.
    NotFound,
    /// Flux has it in a state that no document describes, a refunded one perhaps. Proves nothing.
    Other {
        /// `status`: up to 32 characters out of `A-Z a-z 0-9 _ -` and space, any other as `?`.
        status: String,
        /// `type`, likewise.
        kind: String,
    },
}

/// A transaction as Flux tells it. Texts are kept where they have 1 to 64 characters and no control
/// character.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transaction {
    /// The bill.
    pub amount: Money,
    /// The tip.
    pub tip: Money,
    /// Both together.
    pub total: Money,
    /// The wallet, `claropay` for one; an open set.
    pub issuer: Option<String>,
    /// The wallet's authorization code.
    pub authorization: Option<String>,
    /// The merchant's number at the wallet.
    pub affiliation: Option<String>,
    /// When, as it was written: ISO 8601.
    pub date: Option<String>,
}
