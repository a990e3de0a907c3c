//! A transfer out of the merchant's account, written down once.

use std::fmt;

use serde::Deserialize;
use ventanilla_core::account::{Account, Alias, Cuit};
use ventanilla_core::money::Money;
use zeroize::Zeroizing;

use super::amount;
use super::id::CashOutId;
use super::wire::{self, CashOutRequest, Raw, is_text};
use crate::http::Body;
use crate::outcome::Cause;

/// What a [`CashOut`] is made of.
pub struct CashOutOrder {
    /// Where the money goes.
    pub to: Destination,
    /// The holder of that account.
    pub cuit: Cuit,
    /// Argentine pesos, more than none.
    pub amount: Money,
    /// Ours, unique for ever: 1 to 64 of `A-Z a-z 0-9 _ -`.
    pub reference_id: String,
    /// One of [`Client::concepts`](super::Client::concepts); 1 to 64 characters.
    pub concept: String,
    /// 1 to 255 characters, none of them a control character. The provider states no limit.
    pub description: String,
}

/// Where the money of a [`CashOut`] goes.
#[derive(Clone)]
pub enum Destination {
    /// A CVU or a CBU.
    Account(Account),
    /// An alias. Its holder can move it to another account at any time.
    Alias(Alias),
}

/// A transfer out of the merchant's account, as exactly the bytes that are sent.
///
/// The provider tells a repeat from a second transfer by the `reference_id` and wants the same data with it;
/// so the bytes are made once, kept, and sent again as they are. They name an account and its holder: keep
/// them sealed. Neither `Debug` nor `Display` show them.
pub struct CashOut {
    body: Zeroizing<Vec<u8>>,
    reference_id: String,
    amount: Money,
}

/// The transfer was made, now or by an earlier sending of the same bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CashOutDone {
    /// Names the transfer, see [`Client::voucher`](super::Client::voucher).
    pub id: CashOutId,
}

impl CashOut {
    /// Writes the request down; nothing is sent.
    ///
    /// `amounts_as_text` as [`Config::amounts_as_text`](super::Config::amounts_as_text).
    ///
    /// # Errors
    ///
    /// [`Cause::Request`] with the name of the field that is not as [`CashOutOrder`] says.
    pub fn prepare(order: &CashOutOrder, amounts_as_text: bool) -> Result<Self, Cause> {
        check(
            &order.reference_id,
            order.amount,
            &order.concept,
            &order.description,
        )?;
        let (cvu, alias) = match &order.to {
            Destination::Account(account) => (Some(account.as_str()), None),
            Destination::Alias(alias) => (None, Some(alias.as_str())),
        };
        let request = CashOutRequest {
            cvu,
            alias,
            cuit: order.cuit.digits(),
            amount: amount::Sent {
                money: order.amount,
                as_text: amounts_as_text,
            },
            reference_id: &order.reference_id,
            concept: &order.concept,
            description: &order.description,
        };
        let mut body = Zeroizing::new(Vec::with_capacity(BODY_SIZE_HINT));
        serde_json::to_writer(&mut *body, &request).map_err(|_| Cause::Request("body"))?;
        Ok(Self {
            body,
            reference_id: order.reference_id.clone(),
            amount: order.amount,
        })
    }

    /// Takes bytes that [`CashOut::body`] gave, to send them again. They are kept as they are.
    ///
    /// # Errors
    ///
    /// [`Cause::Request`] with the name of the field that makes them no such request.
    pub fn from_body(bytes: &[u8]) -> Result<Self, Cause> {
        let body = Zeroizing::new(bytes.to_vec());
        let text = str::from_utf8(&body).map_err(|_| Cause::Request("body"))?;
        let stored: Stored = wire::object(text).ok_or(Cause::Request("body"))?;
        match (&stored.cvu, &stored.alias) {
            (Some(cvu), None) if Account::parse(cvu).is_ok() => {}
            (None, Some(alias)) if Alias::parse(alias).is_ok() => {}
            _ => return Err(Cause::Request("cvu")),
        }
        if Cuit::parse(&stored.cuit).is_err() {
            return Err(Cause::Request("cuit"));
        }
        let amount = amount::amount(&Some(stored.amount)).ok_or(Cause::Request("amount"))?;
        check(
            &stored.reference_id,
            amount,
            &stored.concept,
            &stored.description,
        )?;
        let reference_id = stored.reference_id;
        Ok(Self {
            body,
            reference_id,
            amount,
        })
    }

    /// The exact bytes, to be kept before they are sent for the first time.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Our reference.
    #[must_use]
    pub fn reference_id(&self) -> &str {
        &self.reference_id
    }

    /// How much goes out.
    #[must_use]
    pub const fn amount(&self) -> Money {
        self.amount
    }

    pub(super) fn to_body(&self) -> Body {
        Body::written(self.body.clone())
    }
}

impl fmt::Debug for CashOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CashOut")
            .field("reference_id", &self.reference_id)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// What is read back of the stored bytes. An unknown field makes them somebody else's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    cvu: Option<String>,
    alias: Option<String>,
    cuit: String,
    amount: Raw,
    reference_id: String,
    concept: String,
    description: String,
}

fn check(reference_id: &str, amount: Money, concept: &str, description: &str) -> Result<(), Cause> {
    let is_reference = (1..=64).contains(&reference_id.len())
        && reference_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !is_reference {
        return Err(Cause::Request("reference_id"));
    }
    if !amount::can_be_sent(amount) {
        return Err(Cause::Request("amount"));
    }
    if !is_text(concept, wire::CONCEPT_MAX) {
        return Err(Cause::Request("concept"));
    }
    if !is_text(description, wire::DESCRIPTION_MAX) {
        return Err(Cause::Request("description"));
    }
    Ok(())
}

/// Larger than any request, so that the bytes are never moved and left behind.
const BODY_SIZE_HINT: usize = 4096;
