//! What can be asked of the provider, and what it makes of it.

use std::fmt;

use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::money::Money;

use super::address::PayAddress;
use super::expiry::LinkExpiry;
use super::id::{CashInId, LinkId, QrOrderId, SalePointId};

/// Asks for a dynamic QR code.
#[derive(Clone, Debug)]
pub struct QrOrder {
    /// Argentine pesos, more than none.
    pub amount: Money,
    /// One of [`Client::concepts`](super::Client::concepts); 1 to 64 characters.
    pub concept: String,
    /// 1 to 255 characters, none of them a control character. The provider states no limit.
    pub description: String,
}

/// A QR code that asks for one amount.
#[derive(Clone, Eq, PartialEq)]
pub struct QrCode {
    /// The text to draw, as it came. Not looked into: `core::qr` does that.
    pub text: String,
    /// What the credited payment will name.
    pub order: QrOrderId,
}

/// Asks for a payment link.
#[derive(Clone, Debug)]
pub struct LinkOrder {
    /// Argentine pesos, more than none.
    pub amount: Money,
    /// One of [`Client::concepts`](super::Client::concepts); 1 to 64 characters.
    pub concept: String,
    /// When the link dies. In the future under every reading.
    pub expiry: LinkExpiry,
    /// Whether the link can be paid more than once.
    pub multiple_use: bool,
    /// Who else gets how much of it; together at most the amount, nobody twice. Empty for nobody.
    pub distribution: Vec<Share>,
}

/// A part of a payment that goes to another account.
#[derive(Clone, Debug)]
pub struct Share {
    /// Whose. The document says CVU; whether a CBU does is not stated.
    pub account: Account,
    /// Argentine pesos, more than none.
    pub amount: Money,
}

/// A payment link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// Where the buyer pays.
    pub address: PayAddress,
    /// What the credited payment will name.
    pub id: LinkId,
}

/// Asks for a transfer link. Whether account and CUIT are the payer's or the receiver's is not documented.
#[derive(Clone, Debug)]
pub struct TransferOrder {
    /// Whose is not documented.
    pub account: Account,
    /// Whose is not documented.
    pub cuit: Cuit,
    /// Argentine pesos, more than none.
    pub amount: Money,
    /// One of [`Client::concepts`](super::Client::concepts); 1 to 64 characters.
    pub concept: String,
    /// As [`QrOrder::description`].
    pub description: String,
}

/// Asks for an order behind the closed static QR code of a sale point.
#[derive(Clone, Debug)]
pub struct StaticOrder {
    /// Where.
    pub sale_point: SalePointId,
    /// Argentine pesos, more than none.
    pub amount: Money,
    /// One of [`Client::concepts`](super::Client::concepts); 1 to 64 characters.
    pub concept: String,
    /// As [`QrOrder::description`].
    pub description: String,
}

/// Who decides the amount of a static QR code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StaticAmount {
    /// The buyer types it.
    Open,
    /// The order behind it, see [`StaticOrder`].
    Closed,
}

/// What a payment may be declared as.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Concept {
    /// What is sent.
    pub code: String,
    /// What a person reads, when the provider says.
    pub name: Option<String>,
}

/// A place that takes payments by a static QR code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SalePoint {
    /// Names it.
    pub id: SalePointId,
    /// What a person reads, and how the transaction list names it. May be empty.
    pub name: String,
    /// In the provider's words, which no document lists. May be empty.
    pub status: String,
}

/// A credited payment. `Debug` shows nothing about the buyer.
#[derive(Clone, Eq, PartialEq)]
pub struct CashIn {
    /// As the provider numbers it, when it says. Whether this is the number it was asked for by is not
    /// documented.
    pub transaction: Option<CashInId>,
    /// What was credited, which need not be what was asked for.
    pub amount: Money,
    /// The link that was paid, if it was a link.
    pub link: Option<LinkId>,
    /// What the QR code that was paid asked for, if it was one.
    pub qr_order: Option<QrOrderId>,
    /// The buyer's CUIT, when it is one.
    pub buyer_cuit: Option<Cuit>,
    /// The buyer's account, when it is one.
    pub buyer_account: Option<Account>,
    /// The concept. May be empty.
    pub concept: String,
    /// The description. May be empty.
    pub description: String,
}

/// The receipt of a transfer. It holds the names of people; `Debug` shows none of it.
pub enum Voucher {
    /// Where it can be read.
    Address(PayAddress),
    /// The document as text, in Base64 as far as is known (a PDF).
    Document(String),
}

/// What is in the account. The document does not say whether it is in pesos or in centavos; it is read as
/// pesos, since it was seen with decimal places.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Balance {
    /// Read as pesos.
    pub as_pesos: Money,
}

/// A period of the statistics. Its form is not documented: 1 to 16 ASCII letters, digits and hyphens, such
/// as `2026-11`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Period(String);

impl Period {
    /// Reads a period; `None` unless it is in the form above.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=16).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The provider's counts for a period. Each is `None` when the provider does not say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Statistics {
    /// CVUs opened.
    pub open_cvus: Option<u64>,
    /// Sent, in pesos.
    pub total_cash_out: Option<Money>,
    /// Received, in pesos.
    pub total_cash_in: Option<Money>,
    /// Bills paid.
    pub service_payments: Option<u64>,
    /// Text messages sent.
    pub sent_sms: Option<u64>,
}

/// A kind of transaction that the list can be narrowed to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransactionFilter {
    /// What is sent, see [`Filter::operation`](super::Filter::operation).
    pub id: String,
    /// What a person reads. May be empty.
    pub name: String,
    /// In the provider's words. May be empty.
    pub kind: String,
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QrCode")
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CashIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CashIn")
            .field("transaction", &self.transaction)
            .field("amount", &self.amount)
            .field("link", &self.link)
            .field("qr_order", &self.qr_order)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address(_) => "Address(..)",
            Self::Document(_) => "Document(..)",
        })
    }
}
