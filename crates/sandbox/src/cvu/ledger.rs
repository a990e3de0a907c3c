//! What really happened at the CVU wallet API.

use serde::{Deserialize, Serialize};

use crate::ledger::NotificationEntry;

/// Everything that happened at the CVU wallet API, oldest first. Entries are only ever added.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct CvuLedger {
    /// Payment links made.
    pub links: Vec<LinkEntry>,
    /// Transfer links made.
    pub transfer_links: Vec<TransferLinkEntry>,
    /// Orders behind a QR code.
    pub qr_orders: Vec<QrOrderEntry>,
    /// Sale points made.
    pub sale_points: Vec<SalePointEntry>,
    /// Payments by buyers, each with when it appears to the merchant.
    pub credits: Vec<CreditEntry>,
    /// Transfers that were asked for.
    pub cashouts: Vec<CashoutEntry>,
    /// Notifications posted to the merchant, once each is answered or given up.
    pub notifications: Vec<NotificationEntry>,
}

impl CvuLedger {
    /// The credits of one payment link.
    pub fn credits_of_link(&self, link_id: u64) -> impl Iterator<Item = &CreditEntry> {
        self.credits
            .iter()
            .filter(move |credit| credit.link_id == Some(link_id))
    }

    /// The credits of one order behind a QR code.
    pub fn credits_of_order(&self, qr_order_id: u64) -> impl Iterator<Item = &CreditEntry> {
        self.credits
            .iter()
            .filter(move |credit| credit.qr_order_id == Some(qr_order_id))
    }

    /// The transfers that moved money.
    pub fn sent(&self) -> impl Iterator<Item = &CashoutEntry> {
        self.cashouts
            .iter()
            .filter(|cashout| cashout.state == CashoutState::Sent)
    }
}

/// A payment link.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LinkEntry {
    /// The provider's number.
    pub link_id: u64,
    /// The address for the buyer.
    pub link: String,
    /// In pesos with two decimals: `1500.50`.
    pub amount: String,
    /// As asked for.
    pub concept: String,
    /// Whether it may be paid more than once.
    pub multiple_use: bool,
    /// As it was sent.
    pub expiration_date: String,
    /// As it was understood, RFC 3339 UTC.
    pub expires_at: String,
    /// Who else gets a part.
    pub distribution: Vec<PartEntry>,
    /// RFC 3339 UTC.
    pub at: String,
}

/// A part of a payment that goes to somebody else.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PartEntry {
    /// Whose account.
    pub cvu: String,
    /// In pesos with two decimals.
    pub amount: String,
}

/// A transfer link.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TransferLinkEntry {
    /// The address for the buyer.
    pub payment_link: String,
    /// As asked for; whose it is the document does not say.
    pub cvu: String,
    /// As asked for; whose it is the document does not say.
    pub cuit: String,
    /// In pesos with two decimals.
    pub amount: String,
    /// As asked for.
    pub concept: String,
    /// As asked for.
    pub description: String,
    /// RFC 3339 UTC.
    pub at: String,
}

/// An order behind a QR code.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct QrOrderEntry {
    /// The provider's number.
    pub qr_order_id: u64,
    /// The text of its own dynamic code; none behind the code of a sale point.
    pub qr_code: Option<String>,
    /// The sale point behind whose code it is.
    pub sale_point_id: Option<u64>,
    /// In pesos with two decimals.
    pub amount: String,
    /// As asked for.
    pub concept: String,
    /// As asked for.
    pub description: String,
    /// RFC 3339 UTC.
    pub at: String,
}

/// A sale point.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SalePointEntry {
    /// The provider's number.
    pub sale_point_id: u64,
    /// As asked for.
    pub name: String,
    /// RFC 3339 UTC.
    pub at: String,
    /// When it was removed, RFC 3339 UTC.
    pub removed_at: Option<String>,
}

/// A payment by a buyer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CreditEntry {
    /// The number of the cash-in.
    pub id: u64,
    /// What was paid, in pesos with two decimals.
    pub amount: String,
    /// What was asked for, in pesos with two decimals; none when the buyer chose.
    pub ordered: Option<String>,
    /// The payment link that was paid.
    pub link_id: Option<u64>,
    /// The order that was paid.
    pub qr_order_id: Option<u64>,
    /// The sale point whose code was scanned.
    pub sale_point_id: Option<u64>,
    /// The transfer link that was paid.
    pub payment_link: Option<String>,
    /// As asked for by the merchant.
    pub concept: String,
    /// As asked for by the merchant.
    pub description: String,
    /// Who paid: an invented person.
    pub payer: PayerEntry,
    /// When the buyer paid, RFC 3339 UTC.
    pub paid_at: String,
    /// When the merchant sees it, RFC 3339 UTC.
    pub credited_at: String,
    /// How often the link or order was paid, this time included: more than 1 is a double payment
    /// unless it may be paid so.
    pub count: u32,
}

/// A person who pays. None of them lives.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PayerEntry {
    /// Name.
    pub holder: String,
    /// Eleven digits.
    pub cuit: String,
    /// 22 digits.
    pub cvu: String,
    /// What the account is called.
    pub alias: String,
}

/// What became of a transfer that was asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CashoutState {
    /// The money left.
    Sent,
    /// The money had left before under this reference; the first result was told again.
    Repeated,
    /// Nothing happened.
    Refused,
}

/// Why a transfer was refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CashoutRefusal {
    /// The account, the alias, the CUIT, the amount or the concept cannot be, or one is missing.
    Unfit,
    /// The alias leads to no account, or the account is somebody else's.
    NoSuchAccount,
    /// The reference was used with other data.
    ReferenceUsed,
    /// More than there is.
    NoFunds,
}

/// A transfer that was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CashoutEntry {
    /// The number of the transfer; none when refused.
    pub id: Option<u64>,
    /// The merchant's reference.
    pub reference_id: String,
    /// As asked for.
    pub cvu: Option<String>,
    /// As asked for.
    pub alias: Option<String>,
    /// As asked for.
    pub cuit: String,
    /// In pesos with two decimals; none when it could not be read.
    pub amount: Option<String>,
    /// As asked for.
    pub concept: String,
    /// As asked for.
    pub description: String,
    /// What became of it.
    pub state: CashoutState,
    /// Why not.
    pub refusal: Option<CashoutRefusal>,
    /// RFC 3339 UTC.
    pub at: String,
    /// How often this reference was asked for, this time included.
    pub count: u32,
}
