//! Parts of answers, in the provider's shapes.

use crate::amount::Amount;
use crate::fault::{Fate, Kind};

use super::accounts::FlexitiAccount;
use super::authorize::Authorization;
use super::json::{Object, list, rate};
use super::machine::{Part, Standing};
use super::options::{FlexitiOptions, FlexitiPlan, FlexitiRatesForm, FlexitiTerm};
use super::refusal::Lang;
use super::time::stamp;

/// Who works for the merchant.
pub(super) const USERNAME: &str = "demo-user";
pub(super) const CORPORATION_ID: u64 = 1;
pub(super) const MERCHANT_ID: u64 = 2;
pub(super) const LOCATION_ID: u64 = 3;

/// How a purchase is paid back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Financing {
    Promotional {
        plan_id: u64,
        term: u16,
        rate: u32,
        fee: u64,
    },
    Regular {
        rate: u32,
    },
}

impl Financing {
    pub(super) const fn promotional(plan: &FlexitiPlan, term: &FlexitiTerm) -> Self {
        Self::Promotional {
            plan_id: plan.plan_id,
            term: term.term,
            rate: term.rate,
            fee: term.fee_minor,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Promotional { .. } => "promotional_purchase",
            Self::Regular { .. } => "regular_purchase",
        }
    }

    /// What is paid each month, in cents: an annuity, or everything at once.
    pub(super) fn monthly(self, cents: u64) -> u64 {
        match self {
            Self::Promotional { term, rate, .. } => annuity(cents, term, rate),
            Self::Regular { .. } => cents,
        }
    }

    /// What is paid in all, in cents.
    pub(super) fn whole(self, cents: u64) -> u64 {
        match self {
            Self::Promotional { term, .. } => {
                let paid = self.monthly(cents).saturating_mul(u64::from(term));
                paid.max(cents)
            }
            Self::Regular { .. } => cents,
        }
    }
}

/// The payment that pays off `cents` and their interest in `months`, rounded to the cent.
fn annuity(cents: u64, months: u16, rate: u32) -> u64 {
    const ONE: u128 = 1_000_000_000;
    let cents = u128::from(cents);
    let months = u128::from(months.max(1));
    let monthly = u128::from(rate) * ONE / 120_000;
    let grown = (0..months).fold(ONE, |grown, _| grown * (ONE + monthly) / ONE);
    let payment = match grown - ONE {
        0 => cents.div_ceil(months),
        gain => {
            let divisor = ONE * gain;
            (cents * monthly * grown + divisor / 2) / divisor
        }
    };
    u64::try_from(payment).unwrap_or(u64::MAX)
}

/// How answers look, and what is wrong with one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    pub(super) options: &'a FlexitiOptions,
    pub(super) fate: Fate,
    pub(super) lang: Lang,
}

impl Shape<'_> {
    /// The provider's number of something.
    pub(super) fn id(&self, object: Object, name: &str, id: u64) -> Object {
        if self.options.numbers_as_text {
            object.text(name, &id.to_string())
        } else {
            object.number(name, id)
        }
    }

    /// Dollars as JavaScript prints the number.
    pub(super) fn dollars(&self, object: Object, name: &str, cents: u64) -> Object {
        object.raw(name, &Amount::of_hundredths(cents).number_text())
    }

    /// Dollars, or their text with two decimals.
    pub(super) fn money(&self, object: Object, name: &str, cents: u64) -> Object {
        if self.options.numbers_as_text {
            object.text(name, &Amount::of_hundredths(cents).two_decimals())
        } else {
            self.dollars(object, name, cents)
        }
    }

    /// What the answer is about; this is where it lies.
    pub(super) fn amount(&self, object: Object, cents: u64) -> Object {
        let amount = Amount::of_hundredths(cents);
        if self.fate.is(Kind::FloatDust) {
            return object.raw("amount", &amount.dusty_number_text());
        }
        let told = if self.fate.is(Kind::WrongAmount) {
            amount.plus_one_unit()
        } else {
            amount
        };
        self.money(object, "amount", told.hundredths())
    }

    /// The merchant's reference; this is where the answer lies.
    pub(super) fn reference(&self, object: Object, reference: Option<&str>) -> Object {
        if self.fate.is(Kind::WrongReference) {
            let other = format!("{}0", reference.unwrap_or("other-"));
            return object.text("reference", &other);
        }
        object.maybe("reference", reference)
    }

    pub(super) fn status(&self, status: &str) -> String {
        let mut characters = status.chars();
        match characters.next() {
            Some(first) if self.options.capital_status => {
                first.to_uppercase().chain(characters).collect()
            }
            _ => status.to_owned(),
        }
    }

    pub(super) fn message(&self) -> &'static str {
        match self.lang {
            Lang::En => "Simulated disclosure: no credit is granted here.",
            Lang::Fr => "Avis simulé : aucun crédit n'est accordé ici.",
        }
    }

    pub(super) fn rates(&self, object: Object, financing: &Financing) -> Object {
        let (description, ten_thousandths) = match (financing, self.lang) {
            (Financing::Promotional { rate, .. }, Lang::En) => {
                ("Annual Promotional Interest Rate:", rate)
            }
            (Financing::Promotional { rate, .. }, Lang::Fr) => {
                ("Taux d'intérêt annuel promotionnel :", rate)
            }
            (Financing::Regular { rate }, Lang::En) => ("Annual Interest Rate:", rate),
            (Financing::Regular { rate }, Lang::Fr) => ("Taux d'intérêt annuel :", rate),
        };
        let rates = Object::new()
            .text("description", description)
            .raw("rate", &rate(*ten_thousandths))
            .text("type", "APR")
            .text("message", self.message())
            .end();
        match self.options.rates {
            FlexitiRatesForm::Object => object.raw("annual_rates", &rates),
            FlexitiRatesForm::List => object.raw("annual_rates", &list([rates])),
            FlexitiRatesForm::LeftOut => object,
        }
    }

    /// As a list; `told` adds what is said of each.
    pub(super) fn fees(&self, financing: &Financing, told: bool) -> String {
        let Financing::Promotional { fee, .. } = financing else {
            return list([]);
        };
        if *fee == 0 {
            return list([]);
        }
        let description = match self.lang {
            Lang::En => "Administrative fees:",
            Lang::Fr => "Frais d'administration :",
        };
        let shown = Object::new().text("type", "admin_total");
        let shown = self
            .dollars(shown, "amount", *fee)
            .text("description", description);
        let shown = if told {
            shown.text("message", self.message())
        } else {
            shown
        };
        list([shown.end()])
    }

    pub(super) fn financing(&self, financing: &Financing) -> String {
        let shown = Object::new().text("transaction_type", financing.name());
        match financing {
            Financing::Promotional { plan_id, term, .. } => shown
                .number("plan_id", *plan_id)
                .number("term", u64::from(*term))
                .end(),
            Financing::Regular { .. } => shown.end(),
        }
    }

    pub(super) fn merchant(&self, in_read: bool) -> String {
        let merchant_id = if in_read && self.options.merchant_zero {
            0
        } else {
            MERCHANT_ID
        };
        Object::new()
            .number("corporation_id", CORPORATION_ID)
            .text("corporation_name", "Example Corporation")
            .number("merchant_id", merchant_id)
            .text("merchant_name", "Example Merchant")
            .number("location_id", LOCATION_ID)
            .text("location_name", "Example Location")
            .end()
    }

    pub(super) fn customer(&self, account: &FlexitiAccount, air: bool, credit: bool) -> String {
        let shown = Object::new();
        let shown = if air {
            shown.raw("air", &rate(account.air))
        } else {
            shown
        };
        let shown = if credit {
            self.dollars(shown, "available_credit", account.available_credit_minor)
        } else {
            shown
        };
        shown
            .text("first_name", &account.first_name)
            .text("last_name", &account.last_name)
            .text("category_type", &account.category_type)
            .end()
    }

    /// A capture, a release or a return, without its number.
    pub(super) fn part(&self, object: Object, part: &Part) -> Object {
        let object = self.reference(object, part.reference.as_deref());
        let object = object.text("date", &stamp(part.at));
        self.amount(object, part.cents)
    }

    /// What every answer about an authorization begins with.
    pub(super) fn head(&self, authorization: &Authorization) -> Object {
        let hold = &authorization.hold;
        let object = self.id(Object::new(), "authorization_id", authorization.id);
        let object = self.reference(object, authorization.reference.as_deref());
        let ended = hold.ended.map(stamp);
        // That one has run out is to be seen by its date only.
        let status = match hold.standing(hold.opened) {
            Standing::Closed => "closed",
            Standing::Opened | Standing::Expired => "opened",
        };
        let object = object
            .text("date", &stamp(hold.opened))
            .text("expiration_date", &stamp(hold.expires))
            .maybe("ending_date", ended.as_deref())
            .text("status", &self.status(status))
            .flag("auto_capture", authorization.auto_capture);
        self.amount(object, hold.amount)
    }

    /// A row of the list, and the most of what a single read says.
    pub(super) fn row(
        &self,
        authorization: &Authorization,
        account: &FlexitiAccount,
        credit: bool,
    ) -> Object {
        let hold = &authorization.hold;
        let mut object = self.head(authorization);
        for (name, cents) in [
            ("remaining_amount", hold.remaining),
            ("returned_amount", hold.returned()),
            ("captured_amount", hold.captured()),
            ("released_amount", hold.released()),
        ] {
            object = self.money(object, name, cents);
        }
        let financing = &authorization.financing;
        let object = object
            .text("username", USERNAME)
            .raw("financing_option", &self.financing(financing))
            .raw("fees", &self.fees(financing, false))
            .raw("merchant_information", &self.merchant(true))
            .raw("customer", &self.customer(account, true, credit));
        self.rates(object, financing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_pays_off_the_amount_and_its_interest() {
        // By the formula of an annuity, in double precision.
        assert_eq!(annuity(100_000, 6, 999), 17_156);
        assert_eq!(annuity(100_000, 12, 999), 8_791);
        assert_eq!(annuity(100_000, 24, 2_999), 5_591);
        assert_eq!(annuity(100_001, 6, 0), 16_667);
        assert_eq!(annuity(1, 1, 0), 1);
    }
}
