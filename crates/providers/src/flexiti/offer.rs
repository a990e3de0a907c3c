//! What a purchase would cost: the answer to `calculate-interest`, without the buyer in it.

use std::fmt;

use ventanilla_core::money::Money;

use super::amount::{amount, basis_points};
use super::order::Financing;
use super::secret::AccountNumber;
use super::status::not_an_object;
use super::wire::{
    self, FeeFields, InterestFields, PlanFields, RateFields, Raw, RegularFields, TermFields, flag,
    object,
};
use crate::outcome::Cause;

/// In which ways an amount may be paid off. Nothing about the buyer is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offers {
    /// For how much.
    pub amount: Money,
    /// By the account's own terms, if so.
    pub regular: Option<RegularOffer>,
    /// By plans; each has at least one term.
    pub plans: Vec<Plan>,
    /// How many offers could not be read without doubt and are not in here.
    pub unreadable: usize,
}

/// By the account's own terms.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegularOffer {
    /// What is due.
    pub term_amount: Money,
    /// The annual rate, in basis points (999 is 9.99 %), when it is said.
    pub basis_points: Option<u32>,
    /// Whether the provider wants to verify, when it is said. What that means is not documented.
    pub verify: Option<bool>,
    /// What is charged besides.
    pub fees: Vec<Fee>,
}

/// A plan of the merchant's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// What is sent.
    pub id: u64,
    /// What a person reads. May be empty.
    pub name: Text,
    /// Over which times.
    pub terms: Vec<Term>,
}

/// A plan over a time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Term {
    /// Months.
    pub months: u32,
    /// What is due each month.
    pub term_amount: Money,
    /// What is charged besides.
    pub fees: Vec<Fee>,
    /// At which rates.
    pub rates: Vec<Rate>,
}

/// What is charged besides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fee {
    /// In the provider's words, such as `admin_total`. May be empty.
    pub kind: String,
    /// What a person reads. May be empty.
    pub description: Text,
    /// How much.
    pub amount: Money,
    /// What must be shown with it.
    pub message: Option<Text>,
}

/// An annual rate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rate {
    /// In the provider's words, such as `APR`. May be empty.
    pub kind: String,
    /// What a person reads. May be empty.
    pub description: Text,
    /// In basis points (999 is 9.99 %).
    pub basis_points: u32,
    /// What must be shown with it.
    pub message: Option<Text>,
}

/// A text of the provider's for the buyer, in the language that was asked for; a disclosure that the law
/// wants, mostly. To be shown unchanged, as text, never as HTML. `Debug` shows its length.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Text(String);

impl Text {
    /// The text. May be empty.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn read(raw: &Option<Raw>) -> Option<Self> {
        wire::string(raw).map(Self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl Offers {
    /// Whether `chosen` is one of these.
    #[must_use]
    pub fn has(&self, chosen: Financing) -> bool {
        match chosen {
            Financing::Regular => self.regular.is_some(),
            Financing::Promotional { plan_id, term } => self.plans.iter().any(|plan| {
                plan.id == plan_id && plan.terms.iter().any(|found| found.months == term)
            }),
        }
    }
}

/// Reads the offers for `asked` of `account`.
pub(super) fn offers(body: &str, account: &AccountNumber, asked: Money) -> Result<Offers, Cause> {
    let fields: InterestFields = object(body).ok_or_else(|| not_an_object(body))?;
    if wire::text(&fields.account_number).is_some_and(|found| found != account.expose()) {
        return Err(Cause::Contradiction);
    }
    let amount = amount(&fields.amount)
        .filter(|found| *found == asked)
        .ok_or(Cause::Amount)?;
    let mut unreadable = 0;
    let mut kept = |found: bool| unreadable += usize::from(!found);
    let regular = fields.regular_purchase.as_ref().and_then(regular);
    kept(regular.is_some() || fields.regular_purchase.is_none());
    let mut plans = Vec::new();
    let rows =
        elements(&fields.promotional_purchase).ok_or(Cause::Shape("promotional_purchase"))?;
    for row in rows {
        let Some((id, name, rows)) = plan(&row) else {
            kept(false);
            continue;
        };
        let mut terms = Vec::new();
        for row in rows {
            let term = term(&row);
            kept(term.is_some());
            terms.extend(term);
        }
        if !terms.is_empty() {
            plans.push(Plan { id, name, terms });
        }
    }
    Ok(Offers {
        amount,
        regular,
        plans,
        unreadable,
    })
}

fn regular(raw: &Raw) -> Option<RegularOffer> {
    let fields: RegularFields = object(raw.get())?;
    Some(RegularOffer {
        term_amount: amount(&fields.term_amount)?,
        basis_points: basis_points(&fields.air),
        verify: flag(&fields.verify),
        fees: fees(&fields.fees)?,
    })
}

fn plan(raw: &Raw) -> Option<(u64, Text, Vec<Raw>)> {
    let fields: PlanFields = object(raw.get())?;
    let id = wire::whole_number(&fields.plan_id).filter(|id| *id > 0)?;
    let name = Text::read(&fields.plan_name).unwrap_or_default();
    Some((id, name, elements(&fields.terms)?))
}

fn term(raw: &Raw) -> Option<Term> {
    let fields: TermFields = object(raw.get())?;
    let months = wire::whole_number(&fields.term).and_then(|months| u32::try_from(months).ok());
    Some(Term {
        months: months.filter(|months| *months > 0)?,
        term_amount: amount(&fields.term_amount)?,
        fees: fees(&fields.fees)?,
        rates: rates(&fields.annual_rates)?,
    })
}

/// `None` when what is charged cannot be read without doubt.
pub(super) fn fees(raw: &Option<Raw>) -> Option<Vec<Fee>> {
    let read = |raw: &Raw| {
        let fields: FeeFields = object(raw.get())?;
        Some(Fee {
            kind: wire::string(&fields.kind).unwrap_or_default(),
            description: Text::read(&fields.description).unwrap_or_default(),
            amount: amount(&fields.amount)?,
            message: Text::read(&fields.message),
        })
    };
    elements(raw)?.iter().map(read).collect()
}

/// One object, a list, or nothing; `None` when a rate cannot be read without doubt.
pub(super) fn rates(raw: &Option<Raw>) -> Option<Vec<Rate>> {
    let read = |raw: &Raw| {
        let fields: RateFields = object(raw.get())?;
        Some(Rate {
            kind: wire::string(&fields.kind).unwrap_or_default(),
            description: Text::read(&fields.description).unwrap_or_default(),
            basis_points: basis_points(&fields.rate)?,
            message: Text::read(&fields.message),
        })
    };
    match raw {
        Some(one) if one.get().starts_with('{') => Some(vec![read(one)?]),
        list => elements(list)?.iter().map(read).collect(),
    }
}

/// The elements of a list, none when it is missing; `None` when it is no list.
pub(super) fn elements(raw: &Option<Raw>) -> Option<Vec<Raw>> {
    match raw {
        None => Some(Vec::new()),
        list => wire::list(list),
    }
}
