//! Orders as they go out, payments as they come back.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::card::{Brand, YearMonth};
use ventanilla_core::money::Money;

use super::operation::StateChange;

/// What is to be paid.
#[derive(Clone, Debug)]
pub struct Order {
    /// Our reference, GreenPay's `orderReference`: 1 to 64 characters out of `A-Z a-z 0-9 _ -`, fresh
    /// and unguessable for every attempt. The signature covers it unescaped, hence the alphabet.
    pub reference: String,
    /// What is to be paid, in CRC or USD.
    pub total: Money,
    /// One line about the order.
    pub description: String,
    /// Installment counts the buyer may pick besides paying at once. To
    /// [`Client::pay_with_token`](super::Client::pay_with_token), which seals nothing, pass the one
    /// that was picked, or none.
    pub installments: Vec<u8>,
    /// Who buys, as far as the shop knows.
    pub buyer: Option<Buyer>,
    /// What is bought; may be empty.
    pub items: Vec<OrderItem>,
}

/// Who buys.
#[derive(Clone, Debug, Default)]
pub struct Buyer {
    /// Full name.
    pub name: Option<String>,
    /// Electronic mail address.
    pub email: Option<String>,
    /// Where the bill goes.
    pub billing_address: Option<Address>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
}

/// A postal address.
#[derive(Clone, Debug)]
pub struct Address {
    /// ISO 3166-1 alpha-2 country code.
    pub country: String,
    /// First line.
    pub street1: String,
    /// Second line.
    pub street2: Option<String>,
    /// City or canton.
    pub city: Option<String>,
    /// Province or state.
    pub province: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
}

/// A line of the order.
#[derive(Clone, Debug)]
pub struct OrderItem {
    /// The merchant's article number.
    pub sku: Option<String>,
    /// What it is.
    pub description: String,
    /// How many, from 1.
    pub quantity: u32,
    /// Price of one, in the currency of [`Order::total`].
    pub unit_price: Option<Money>,
}

/// The right to pay one order, or to save one card: GreenPay's `session` and `token` (sent as the
/// header `liszt-token`). Never leaves the proxy; no `Serialize`, and `Debug` shows nothing of it.
///
/// ```compile_fail,E0277
/// fn write_down<T: serde::Serialize>() {}
/// write_down::<ventanilla_providers::greenpay::OrderSession>();
/// ```
#[derive(Clone)]
pub struct OrderSession {
    pub(super) session: SecretString,
    pub(super) token: SecretString,
}

impl OrderSession {
    /// How long GreenPay honours an order session, counted from its creation: 30 minutes.
    pub const VALID_FOR: Duration = Duration::from_secs(30 * 60);

    /// An order session made of its two parts, or `None` unless each has 1 to 256 visible ASCII
    /// characters, as a header needs.
    #[must_use]
    pub fn from_parts(session: &str, token: &str) -> Option<Self> {
        (is_visible(session) && is_visible(token)).then(|| Self {
            session: SecretString::from(session),
            token: SecretString::from(token),
        })
    }
}

impl fmt::Debug for OrderSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderSession(..)")
    }
}

/// GreenPay's stand-in for a PAN. Pays without the buyer, so it stays in the proxy: no `Serialize`,
/// and `Debug` shows nothing of it.
///
/// ```compile_fail,E0277
/// fn write_down<T: serde::Serialize>() {}
/// write_down::<ventanilla_providers::greenpay::CardToken>();
/// ```
#[derive(Clone)]
pub struct CardToken(SecretString);

impl CardToken {
    /// A card token of 1 to 256 visible ASCII characters; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_visible(text).then(|| Self(SecretString::from(text)))
    }

    /// The token itself, to store it or to send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardToken(..)")
    }
}

/// What an answer to a payment must match before it is believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expected {
    /// [`Order::reference`].
    pub reference: String,
    /// [`Order::total`].
    pub total: Money,
}

/// The proven end of a payment.
#[derive(Clone, Debug)]
pub enum Payment {
    /// Approved, and everything in the answer that can be checked was checked.
    Approved(Approval),
    /// Declined by the issuer, or by GreenPay on its way there. No money moved.
    Declined {
        /// GreenPay's `resp_code`, two or three digits in all documented cases.
        code: Option<String>,
    },
}

/// An approved payment.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The issuer's authorization code.
    pub authorization: Option<String>,
    /// What was paid, equal to what was expected.
    pub total: Money,
    /// The card's last four digits.
    pub last4: Option<String>,
    /// The card's brand.
    pub brand: Option<Brand>,
    /// The card's first six to eight digits. Comes with a saved card only.
    pub bin: Option<String>,
    /// The card that was saved with the payment.
    pub saved: Option<SavedToken>,
}

/// A card that GreenPay saved.
#[derive(Clone, Debug)]
pub struct SavedToken {
    /// Pays again.
    pub token: CardToken,
    /// What is known of the card.
    pub card: SavedCard,
}

/// What GreenPay tells about a saved card.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SavedCard {
    /// Last four digits.
    pub last4: Option<String>,
    /// First six to eight digits.
    pub bin: Option<String>,
    /// Brand.
    pub brand: Option<Brand>,
    /// Expiry.
    pub expiry: Option<YearMonth>,
}

/// What [`Client::transaction`](super::Client::transaction) found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TransactionRead {
    /// GreenPay has it as approved. Whether the amount is ours is for the caller to compare.
    Approved(TransactionDetail),
    /// GreenPay does not know the reference, at this moment: while a call may be on its way, that
    /// proves nothing.
    NotFound,
    /// GreenPay has it in a state that no document describes. Proves nothing about the payment.
    Other {
        /// The state: up to 32 characters out of `A-Z a-z 0-9 _ -` and space, any other as `?`.
        state: String,
        /// What was done to it, when the state is the word for it: `void`, `voided`, `refund`,
        /// `refunded`, `capture`, `captured`. No document says which states there are.
        change: Option<StateChange>,
    },
}

/// An approved transaction, as read back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransactionDetail {
    /// What was paid.
    pub total: Money,
    /// The issuer's authorization code.
    pub authorization: Option<String>,
    /// The card's first six to eight digits.
    pub bin: Option<String>,
    /// The card's last four digits.
    pub last4: Option<String>,
}

fn is_visible(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
