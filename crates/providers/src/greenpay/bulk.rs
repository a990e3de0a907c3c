//! Many payments by card token in one call.

use ventanilla_core::money::Money;

use super::client::is_reference;
use super::order::CardToken;

/// One payment of a bulk.
#[derive(Clone, Debug)]
pub struct BulkPayment {
    /// Our reference of this payment, as [`Order::reference`](super::Order::reference): it is read back by
    /// it, like any other.
    pub reference: String,
    /// What is to be paid; in one currency throughout the bulk.
    pub total: Money,
    /// The saved card that pays.
    pub card: CardToken,
    /// The buyer's full name.
    pub name: Option<String>,
    /// The buyer's electronic mail address.
    pub email: Option<String>,
}

/// GreenPay's name for a bulk, a UUID in its documents: 1 to 64 characters out of `A-Z a-z 0-9 _ -`. Nothing
/// can be read by it; the notification of the results names it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct BulkId(String);

impl BulkId {
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
}
