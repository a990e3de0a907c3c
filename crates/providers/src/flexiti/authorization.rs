//! Authorizations, as the provider shows them: when they are made, in the list, and one by one.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::money::Money;

use super::amount::amount;
use super::id::{AuthorizationId, Reference};
use super::offer::{Fee, Rate, Text, fees, rates};
use super::order::Financing;
use super::piece::{CaptureSeen, ReleaseSeen, ReturnSeen, at, id, pieces, word};
use super::request::{PROMOTIONAL, REGULAR};
use super::status::not_an_object;
use super::wire::{
    self, AuthorizationFields, FinancingFields, MerchantFields, PieceFields, Raw, flag, object,
};
use crate::moment::Moment;
use crate::outcome::Cause;

/// An authorization. Nothing about the buyer is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authorization {
    /// Names it.
    pub id: AuthorizationId,
    /// Ours, if it is one of ours. May be empty.
    pub reference: String,
    /// When it was made, if that can be read.
    pub created: Option<Moment>,
    /// Until when it may be captured, if that can be read. No status says that this is over.
    pub expires: Option<Moment>,
    /// When it was closed, if it is.
    pub ended: Option<Moment>,
    /// Where it stands.
    pub status: AuthorizationStatus,
    /// Whether all of it was taken at once, when it is said.
    pub auto_capture: Option<bool>,
    /// How much was authorized.
    pub amount: Money,
    /// How it is paid off, if that can be read.
    pub financing: Option<Financing>,
    /// For whom it was made.
    pub merchant: Merchant,
    /// What is charged besides; empty too when that cannot be read.
    pub fees: Vec<Fee>,
    /// At which rates; empty too when that cannot be read.
    pub rates: Vec<Rate>,
    /// What the buyer must be told; only when it was just made.
    pub message: Option<Text>,
}

/// Where an authorization stands. The set is open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuthorizationStatus {
    /// `opened`, in any case: something remains.
    Opened,
    /// `closed`, in any case: nothing remains.
    Closed,
    /// Another word of at most 32 ASCII letters, digits and underscores; empty for anything longer.
    Other(String),
}

/// For whom an authorization was made. The list gives 0 for what it does not know, which is `None` here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Merchant {
    /// The corporation.
    pub corporation_id: Option<u64>,
    /// The merchant.
    pub merchant_id: Option<u64>,
    /// The shop.
    pub location_id: Option<u64>,
}

/// What became of an authorization's amount so far, each when it can be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// May still be captured.
    pub remaining: Option<Money>,
    /// Taken, what was returned of it included (which the document does not say).
    pub captured: Option<Money>,
    /// Given up.
    pub released: Option<Money>,
    /// Given back.
    pub returned: Option<Money>,
}

/// An authorization was made.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// It.
    pub authorization: Authorization,
    /// What was taken at once, with `auto_capture`.
    pub capture: Option<CaptureSeen>,
    /// What the provider makes of the addresses.
    pub address_check: Option<AddressCheck>,
}

/// What the provider makes of the addresses: JSON whose values are not documented. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct AddressCheck(SecretString);

/// A row of the list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorizationRow {
    /// It.
    pub authorization: Authorization,
    /// What became of it.
    pub totals: Totals,
}

/// One authorization with all that was done with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorizationDetail {
    /// It.
    pub authorization: Authorization,
    /// What became of it.
    pub totals: Totals,
    /// What was taken.
    pub captures: Vec<CaptureSeen>,
    /// What was given back.
    pub returns: Vec<ReturnSeen>,
    /// What was given up.
    pub releases: Vec<ReleaseSeen>,
}

impl AddressCheck {
    /// The JSON. It may repeat a person's name and address.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for AddressCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressCheck(..)")
    }
}

impl AuthorizationStatus {
    fn read(raw: &Option<Raw>) -> Option<Self> {
        raw.as_ref()?;
        Some(match word(raw) {
            word if word.eq_ignore_ascii_case("opened") => Self::Opened,
            word if word.eq_ignore_ascii_case("closed") => Self::Closed,
            word => Self::Other(word),
        })
    }
}

impl Authorization {
    /// Whether it may not be captured any more at `now` for its time alone; `None` when it does not say until
    /// when.
    #[must_use]
    pub fn is_expired(&self, now: Moment) -> Option<bool> {
        self.expires.map(|expires| now >= expires)
    }

    fn read(fields: &AuthorizationFields) -> Result<Self, Cause> {
        Ok(Self {
            id: id(&fields.authorization_id, AuthorizationId::parse)
                .ok_or(Cause::Shape("authorization_id"))?,
            reference: wire::text(&fields.reference).unwrap_or_default(),
            created: at([&fields.date]),
            expires: at([&fields.expiration_date]),
            ended: at([&fields.ending_date]),
            status: AuthorizationStatus::read(&fields.status).ok_or(Cause::Shape("status"))?,
            auto_capture: flag(&fields.auto_capture),
            amount: amount(&fields.amount).ok_or(Cause::Amount)?,
            financing: financing(&fields.financing_option),
            merchant: merchant(&fields.merchant_information),
            fees: fees(&fields.fees).unwrap_or_default(),
            rates: rates(&fields.annual_rates).unwrap_or_default(),
            message: Text::read(&fields.message),
        })
    }
}

impl Totals {
    fn read(fields: &AuthorizationFields) -> Self {
        Self {
            remaining: amount(&fields.remaining_amount),
            captured: amount(&fields.captured_amount),
            released: amount(&fields.released_amount),
            returned: amount(&fields.returned_amount),
        }
    }
}

impl AuthorizationRow {
    pub(super) fn read(row: &Raw) -> Option<Self> {
        let fields: AuthorizationFields = object(row.get())?;
        Some(Self {
            authorization: Authorization::read(&fields).ok()?,
            totals: Totals::read(&fields),
        })
    }
}

impl AuthorizationDetail {
    pub(super) fn read(body: &str, asked: &AuthorizationId) -> Result<Self, Cause> {
        let fields: AuthorizationFields = object(body).ok_or_else(|| not_an_object(body))?;
        let authorization = Authorization::read(&fields)?;
        if authorization.id != *asked {
            return Err(Cause::Shape("authorization_id"));
        }
        Ok(Self {
            authorization,
            totals: Totals::read(&fields),
            captures: pieces(&fields.captures, "captures", CaptureSeen::of)?,
            returns: pieces(&fields.returns, "returns", ReturnSeen::of)?,
            releases: pieces(&fields.releases, "releases", ReleaseSeen::of)?,
        })
    }

    /// The captures of our `reference`: one, unless something went wrong.
    pub fn captures_of(&self, reference: &Reference) -> impl Iterator<Item = &CaptureSeen> {
        let text = reference.as_str().to_owned();
        self.captures
            .iter()
            .filter(move |seen| seen.reference == text)
    }

    /// The releases of our `reference`: one, unless something went wrong.
    pub fn releases_of(&self, reference: &Reference) -> impl Iterator<Item = &ReleaseSeen> {
        let text = reference.as_str().to_owned();
        self.releases
            .iter()
            .filter(move |seen| seen.reference == text)
    }

    /// The returns of our `reference`: one, unless something went wrong.
    pub fn returns_of(&self, reference: &Reference) -> impl Iterator<Item = &ReturnSeen> {
        let text = reference.as_str().to_owned();
        self.returns
            .iter()
            .filter(move |seen| seen.reference == text)
    }

    /// Whether its amounts and its lists say the same, to the cent: what is captured, released and left is
    /// what was authorized, and each list sums to its total. `None` when a total is missing.
    ///
    /// While they do not, a capture, release or return that is not listed may exist all the same.
    #[must_use]
    pub fn adds_up(&self) -> Option<bool> {
        let totals = &self.totals;
        let (captured, released) = (totals.captured?.minor(), totals.released?.minor());
        let sum = |amounts: &mut dyn Iterator<Item = Money>| {
            amounts.fold(0_u64, |sum, money| sum.saturating_add(money.minor()))
        };
        let spent = captured.saturating_add(released);
        let is_whole =
            spent.saturating_add(totals.remaining?.minor()) == self.authorization.amount.minor();
        let lists = [
            (
                sum(&mut self.captures.iter().map(|seen| seen.amount)),
                captured,
            ),
            (
                sum(&mut self.releases.iter().map(|seen| seen.amount)),
                released,
            ),
            (
                sum(&mut self.returns.iter().map(|seen| seen.amount)),
                totals.returned?.minor(),
            ),
        ];
        Some(is_whole && lists.iter().all(|(listed, total)| listed == total))
    }
}

/// What an authorization must be, to be the one that was asked for.
pub(super) struct Asked<'a> {
    pub reference: &'a Reference,
    pub amount: Money,
    pub financing: Financing,
    pub auto_capture: bool,
}

/// Whether the authorization that was asked for was made: our reference, the amount to the cent, and open;
/// taken at once, closed with a capture of all of it.
pub(super) fn authorized(body: &str, asked: &Asked<'_>) -> Result<Authorized, Cause> {
    let fields: AuthorizationFields = object(body).ok_or_else(|| not_an_object(body))?;
    let authorization = Authorization::read(&fields)?;
    if authorization.reference != asked.reference.as_str() {
        return Err(Cause::Reference);
    }
    if authorization.amount != asked.amount {
        return Err(Cause::Amount);
    }
    let differs = |found: Option<Financing>| found.is_some_and(|found| found != asked.financing);
    let flag = authorization.auto_capture;
    if differs(authorization.financing) || flag.is_some_and(|flag| flag != asked.auto_capture) {
        return Err(Cause::Contradiction);
    }
    let status = if asked.auto_capture {
        AuthorizationStatus::Closed
    } else {
        AuthorizationStatus::Opened
    };
    if authorization.status != status {
        return Err(Cause::Shape("status"));
    }
    let capture = capture(&fields.capture)?;
    match &capture {
        Some(_) if !asked.auto_capture => return Err(Cause::Contradiction),
        Some(capture) if capture.amount != asked.amount => return Err(Cause::Amount),
        None if asked.auto_capture => return Err(Cause::Shape("capture")),
        _ => {}
    }
    let check = fields.account_avs.as_deref();
    Ok(Authorized {
        authorization,
        capture,
        address_check: check.map(|raw| AddressCheck(SecretString::from(raw.get()))),
    })
}

fn capture(raw: &Option<Raw>) -> Result<Option<CaptureSeen>, Cause> {
    let Some(raw) = raw else {
        return Ok(None);
    };
    let fields: PieceFields = object(raw.get()).ok_or(Cause::Shape("capture"))?;
    if fields.capture_id.is_none() && fields.amount.is_none() {
        return Ok(None);
    }
    CaptureSeen::of(&fields).map(Some)
}

pub(super) fn financing(raw: &Option<Raw>) -> Option<Financing> {
    let fields: FinancingFields = object(raw.as_deref()?.get())?;
    match wire::string(&fields.transaction_type)?
        .to_ascii_lowercase()
        .as_str()
    {
        PROMOTIONAL => Some(Financing::Promotional {
            plan_id: wire::whole_number(&fields.plan_id)?,
            term: u32::try_from(wire::whole_number(&fields.term)?).ok()?,
        }),
        REGULAR => Some(Financing::Regular),
        _ => None,
    }
}

pub(super) fn merchant(raw: &Option<Raw>) -> Merchant {
    let fields: Option<MerchantFields> = raw.as_deref().and_then(|raw| object(raw.get()));
    let Some(fields) = fields else {
        return Merchant::default();
    };
    let known = |raw: &Option<Raw>| wire::whole_number(raw).filter(|id| *id > 0);
    Merchant {
        corporation_id: known(&fields.corporation_id),
        merchant_id: known(&fields.merchant_id),
        location_id: known(&fields.location_id),
    }
}
