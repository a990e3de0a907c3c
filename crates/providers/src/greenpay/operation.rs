//! What is done with a payment after it was approved.

/// What void, capture and refund name besides the merchant: GreenPay asks for the card's digits and
/// the authorization back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaidTransaction {
    /// [`Order::reference`](super::Order::reference) of the payment.
    pub reference: String,
    /// The issuer's authorization code: 1 to 32 ASCII letters and digits.
    pub authorization: String,
    /// The card's first six to eight digits, of which six are sent.
    pub bin: String,
    /// The card's last four digits.
    pub last4: String,
}

/// The proven end of a void, a capture or a refund.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OperationAnswer {
    /// GreenPay did it.
    Done,
    /// GreenPay refused, in documented words; nothing changed.
    Refused {
        /// A word of ours for GreenPay's: [`status::NOT_FOUND`](super::status::NOT_FOUND),
        /// [`status::NOT_READY`](super::status::NOT_READY) or
        /// [`status::TOO_LATE`](super::status::TOO_LATE).
        code: Option<String>,
    },
}

/// What void, refund and capture make of a transaction.
///
/// Exhaustive on purpose: there is no fourth.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StateChange {
    /// Undone before it was settled.
    Voided,
    /// Given back after it was settled.
    Refunded,
    /// Taken, after it was only held.
    Captured,
}
