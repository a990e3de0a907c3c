//! The transaction list: the only place where a payment shows that nobody told us of.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};
use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::money::Money;

use super::amount;
use super::moment::{self, Day, Moment};
use super::wire::{self, Raw, TransactionRow};

/// Which transactions to list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filter {
    /// The first day.
    pub from: Day,
    /// The last day, not before the first.
    pub to: Day,
    /// The kind, one of [`Client::transaction_filters`](super::Client::transaction_filters); all when
    /// `None`.
    pub operation: Option<String>,
    /// How many pages are read at most; 0 counts as 1.
    pub max_pages: u16,
}

impl Filter {
    /// Everything of these days, up to 50 pages.
    #[must_use]
    pub const fn days(from: Day, to: Day) -> Self {
        Self {
            from,
            to,
            operation: None,
            max_pages: 50,
        }
    }
}

/// A list of transactions.
#[derive(Debug)]
pub struct Transactions {
    /// In the provider's order.
    pub credits: Vec<Credit>,
    /// How many rows had no date, or an amount that is missing or could mean two: they are not in
    /// `credits`, and any of them may be a payment.
    pub unreadable: usize,
    /// Whether this is all of it. It is not when there are more pages than [`Filter::max_pages`], or when
    /// the list moved whenever it was read; then it is the beginning.
    pub is_whole: bool,
}

/// One row of the transaction list. `Debug` shows nothing about the other side.
pub struct Credit {
    /// Whether money came in. Only when the provider says so and the amount is not below zero.
    pub income: bool,
    /// How much; the sign is in `income`.
    pub amount: Money,
    /// When, as it came.
    pub date: String,
    /// When, if `date` can be read. Without an offset it is Buenos Aires time. See [`Credit::within`].
    pub at: Option<Moment>,
    /// The kind, in the provider's words. May be empty.
    pub operation: String,
    /// The name of the other side.
    pub holder: Holder,
    /// The CUIT of the other side, when it is one.
    pub cuit: Option<Cuit>,
    /// The account of the other side, when it is one.
    pub account: Option<Account>,
    /// In the provider's words, which no document lists. May be empty.
    pub status: String,
    /// The sale point, when there is one.
    pub sale_point_name: Option<String>,
    /// SHA-256 over everything that tells the row from others.
    key: [u8; 32],
    position: u32,
}

/// The name of a person. Not `Debug`, `Display` or `Serialize`.
#[derive(Clone)]
pub struct Holder(String);

impl Holder {
    /// The name. May be empty.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Credit {
    /// SHA-256 in lower-case hex over date, signed amount, CUIT, account, operation, sale point, and the
    /// position among rows that are equal in all of these.
    ///
    /// The list has no numbers: this is what tells two rows apart, and one row from itself. It is the same
    /// however often, with whichever further days and in whichever order the list is read. Not over the
    /// status, which may change, nor the name.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(self.position.to_be_bytes());
        hex::encode(hash.finalize())
    }

    /// From when to when it may have been credited; `None` when `date` cannot be read.
    ///
    /// Usually both are [`Credit::at`]. The provider's document writes the form of a date as
    /// `Y-m-d H:m:s`, and who formats by that prints the month in the minute's place: where the two are
    /// equal, it may have been at any time of that hour.
    #[must_use]
    pub fn within(&self) -> Option<(Moment, Moment)> {
        let at = self.at?;
        let (minute, month) = at.minute_and_month();
        if minute != month {
            return Some((at, at));
        }
        let hour = at.full_hour();
        Some((hour, hour.plus(Duration::from_secs(3599))))
    }

    /// Reads a row; `None` without a date or an amount that has one meaning.
    pub(super) fn read(raw: &Raw) -> Option<Self> {
        let row: TransactionRow = wire::object(raw.get())?;
        let read = amount::signed(&row.amount)?;
        let text = |raw: &Option<Raw>| {
            let text = raw.as_deref().and_then(wire::scalar).unwrap_or_default();
            text.trim().to_owned()
        };
        let date = Some(text(&row.date)).filter(|date| !date.is_empty())?;
        let (cuit_text, account_text) = (text(&row.cuit), text(&row.cvu_cbu));
        let cuit = Cuit::parse(&cuit_text).ok();
        let account = Account::parse(&account_text).ok();
        let operation = text(&row.operation);
        let sale_point = text(&row.sale_point_name);
        let sign = if read.is_negative { "-" } else { "" };
        let key = key(&[
            &date,
            &format!("{sign}{}", read.money.decimal_text()),
            cuit.as_ref().map_or(&cuit_text, Cuit::digits),
            account.as_ref().map_or(&account_text, Account::as_str),
            &operation,
            &sale_point,
        ]);
        Some(Self {
            income: wire::is_one(&row.income) && !read.is_negative,
            amount: read.money,
            at: moment::read(&date),
            date,
            operation,
            holder: Holder(text(&row.holder)),
            cuit,
            account,
            status: text(&row.status),
            sale_point_name: Some(sale_point).filter(|name| !name.is_empty()),
            key,
            position: 0,
        })
    }

    pub(super) const fn key(&self) -> [u8; 32] {
        self.key
    }
}

/// Numbers the rows that are equal.
pub(super) fn number_equals(credits: &mut [Credit]) {
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    for credit in credits {
        let next = seen.entry(credit.key).or_default();
        credit.position = *next;
        *next += 1;
    }
}

/// Each field with its length before it, so that no two lists of fields are one text.
fn key(fields: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credit")
            .field("income", &self.income)
            .field("amount", &self.amount)
            .field("date", &self.date)
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}
