//! What goes out: each request checked and written down before an access token is asked for.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use ventanilla_core::money::Money;

use super::amount::{Sent, SentText, can_be_sent};
use super::config::Config;
use super::filter::{AuthorizationFilter, CaptureFilter, Common};
use super::id::{AuthorizationId, Lang, Reference};
use super::order::{
    Address, Capture, Counter, Deposit, DepositKind, DepositTo, Financing, Identification,
    InStoreAuthorization, OnlineAuthorization, Part, Refund, Release, Return,
};
use super::secret::{AccountNumber, CardNumber};
use super::sku::SkuPart;
use super::version::Version;
use super::wire::{
    AddressPart, AuthorizationRequest, CaptureRequest, CounterPart, DepositAccount, DepositAmount,
    DepositRequest, Digits, FinancingPart, IdentificationPart, InterestRequest, Number, PersonPart,
    RefundRequest, ReleaseRequest, ReturnRequest, WidgetRequest, is_text,
};
use crate::http::Body;
use crate::outcome::Cause;

/// A request without its headers.
pub(super) struct Request {
    pub method: Method,
    pub version: Version,
    /// Below the client id.
    pub path: Vec<String>,
    pub query: Vec<(&'static str, String)>,
    /// Or why it cannot be sent.
    pub body: Result<Body, Cause>,
    /// What a repeat would have in common with it.
    pub key: Option<Reference>,
}

impl Request {
    fn get(version: &Version, path: &[&str], lang: Lang) -> Self {
        Self {
            method: Method::GET,
            ..Self::post(version, path, Some(lang), Ok(Body::none()))
        }
    }

    fn post(
        version: &Version,
        path: &[&str],
        lang: Option<Lang>,
        body: Result<Body, Cause>,
    ) -> Self {
        Self {
            method: Method::POST,
            version: version.clone(),
            path: path.iter().map(|&step| step.to_owned()).collect(),
            query: lang
                .map(|lang| ("lang", lang.code().to_owned()))
                .into_iter()
                .collect(),
            body,
            key: None,
        }
    }

    fn keyed(self, reference: &Reference) -> Self {
        Self {
            key: Some(reference.clone()),
            ..self
        }
    }
}

/// The form of a token request: the only one that is no JSON.
pub(super) fn token(config: &Config, scope: &'static str) -> Body {
    Body::form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &config.client_id),
        ("client_secret", config.client_secret.expose_secret()),
        ("scope", scope),
    ])
}

pub(super) fn widget_init(config: &Config, who: &Identification, lang: Lang) -> Request {
    let body = identification(config, who).and_then(|customer_identification| {
        json(&WidgetRequest {
            customer_identification,
            lang: lang.code(),
            flow: "purchase",
        })
    });
    Request::post(
        &config.versions.widget_init,
        &["widget", "init"],
        None,
        body,
    )
}

fn identification<'a>(
    config: &Config,
    who: &'a Identification,
) -> Result<IdentificationPart<'a>, Cause> {
    match who {
        Identification::Account(number) => {
            Ok(IdentificationPart::AccountNumber(Number(number.expose())))
        }
        Identification::Card(_) if !config.identify_by_card => Err(Cause::Request("vcc_number")),
        Identification::Card(number) => Ok(IdentificationPart::VccNumber(number.expose())),
        Identification::Person(person) => {
            let text = |secret: &'a SecretString, max, name| {
                let text = secret.expose_secret();
                is_text(text, max)
                    .then_some(text)
                    .ok_or(Cause::Request(name))
            };
            Ok(IdentificationPart::PersonalInformation(PersonPart {
                first_name: text(&person.first_name, 80, "first_name")?,
                last_name: text(&person.last_name, 80, "last_name")?,
                dob: person.date_of_birth.expose(),
                postal_code: text(&person.postal_code, 10, "postal_code")?,
            }))
        }
    }
}

pub(super) fn calculate_interest(config: &Config, of: &AccountNumber, amount: Money) -> Request {
    let body = sent(amount).and_then(|amount| json(&InterestRequest { amount }));
    let path = ["accounts", of.expose(), "calculate-interest"];
    Request::post(&config.versions.calculate_interest, &path, None, body)
}

pub(super) fn deposit(config: &Config, order: &Deposit, lang: Lang) -> Request {
    let body = deposit_body(order, config.deposit_as_text).and_then(|request| json(&request));
    Request::post(
        &config.versions.deposit,
        &["transactions"],
        Some(lang),
        body,
    )
    .keyed(&order.reference)
}

fn deposit_body(order: &Deposit, as_text: bool) -> Result<DepositRequest<'_>, Cause> {
    let amount = sent(order.amount)?;
    let (request_id, counter) = match &order.in_store {
        Some((id, counter)) => (Some(request_id(id)?), counter_part(Some(counter))?),
        None => (None, CounterPart::default()),
    };
    Ok(DepositRequest {
        verification_code: Digits(order.verification_code.expose()),
        transaction_type: match order.kind {
            DepositKind::Deposit => "deposit",
            DepositKind::InStorePayment => "instore_payment",
            DepositKind::TradeIn => "tradein",
        },
        amount: if as_text {
            DepositAmount::Text(SentText(order.amount))
        } else {
            DepositAmount::Number(amount)
        },
        account_number: match &order.to {
            DepositTo::Account(number) if as_text => Some(DepositAccount::Text(number.expose())),
            DepositTo::Account(number) => Some(DepositAccount::Number(Number(number.expose()))),
            DepositTo::Card(_) | DepositTo::Customer(_) => None,
        },
        vcc_number: match &order.to {
            DepositTo::Card(number) => Some(number.expose()),
            DepositTo::Account(_) | DepositTo::Customer(_) => None,
        },
        customer_id: match &order.to {
            DepositTo::Customer(id) => Some(id.expose()),
            DepositTo::Account(_) | DepositTo::Card(_) => None,
        },
        request_id,
        counter,
    })
}

/// The buyer is online: no verification code, no shop; both addresses and the widget's session.
pub(super) fn authorization_online(
    config: &Config,
    order: &OnlineAuthorization,
    lang: Lang,
) -> Request {
    let write = || {
        json(&AuthorizationRequest {
            vcc_number: order.card.as_ref().map(CardNumber::expose),
            account_number: Number(order.account.expose()),
            reference: order.reference.as_str(),
            financing_option: financing(order.financing)?,
            amount: sent(order.amount)?,
            auto_capture: order.auto_capture,
            verification_code: None,
            request_id: None,
            counter: CounterPart::default(),
            sku_data: SkuPart::out(&order.sku_data)?,
            billing_information: Some(address(&order.billing, "billing_information")?),
            shipping_information: Some(address(&order.shipping, "shipping_information")?),
            widget_session_id: Some(order.widget_session.expose()),
        })
    };
    Request::post(
        &config.versions.authorization,
        &["authorization"],
        Some(lang),
        write(),
    )
    .keyed(&order.reference)
}

/// The buyer stands in a shop: verification code, request and shop; no session of a widget.
pub(super) fn authorization_in_store(
    config: &Config,
    order: &InStoreAuthorization,
    lang: Lang,
) -> Request {
    let write = || {
        json(&AuthorizationRequest {
            vcc_number: order.card.as_ref().map(CardNumber::expose),
            account_number: Number(order.account.expose()),
            reference: order.reference.as_str(),
            financing_option: financing(order.financing)?,
            amount: sent(order.amount)?,
            auto_capture: order.auto_capture,
            verification_code: Some(Digits(order.verification_code.expose())),
            request_id: Some(request_id(&order.request_id)?),
            counter: counter_part(Some(&order.counter))?,
            sku_data: SkuPart::out(&order.sku_data)?,
            billing_information: optional_address(&order.billing, "billing_information")?,
            shipping_information: optional_address(&order.shipping, "shipping_information")?,
            widget_session_id: None,
        })
    };
    Request::post(
        &config.versions.authorization,
        &["authorization"],
        Some(lang),
        write(),
    )
    .keyed(&order.reference)
}

pub(super) fn release(config: &Config, order: &Release, lang: Lang) -> Request {
    let write = || {
        let (full_release, amount) = part(order.part)?;
        json(&ReleaseRequest {
            reference: order.reference.as_str(),
            full_release,
            amount,
            counter: counter_part(order.counter.as_ref())?,
        })
    };
    let path = ["authorization", order.authorization.as_str(), "release"];
    Request::post(&config.versions.release, &path, Some(lang), write()).keyed(&order.reference)
}

pub(super) fn capture(config: &Config, order: &Capture, lang: Lang) -> Request {
    let write = || {
        json(&CaptureRequest {
            reference: order.reference.as_str(),
            amount: sent(order.amount)?,
            sku_data: SkuPart::out(&order.sku_data)?,
            counter: counter_part(order.counter.as_ref())?,
        })
    };
    let path = ["authorization", order.authorization.as_str(), "capture"];
    Request::post(&config.versions.capture, &path, Some(lang), write()).keyed(&order.reference)
}

pub(super) fn returning(config: &Config, order: &Return, lang: Lang) -> Request {
    let write = || {
        let (full_return, amount) = part(order.part)?;
        json(&ReturnRequest {
            reference: order.reference.as_str(),
            vcc_number: order.card.as_ref().map(CardNumber::expose),
            full_return,
            amount,
            sku_data: SkuPart::back(&order.sku_data)?,
            counter: counter_part(order.counter.as_ref())?,
        })
    };
    let path = [
        "authorization",
        order.authorization.as_str(),
        "capture",
        order.capture.as_str(),
        "return",
    ];
    Request::post(&config.versions.returning, &path, Some(lang), write()).keyed(&order.reference)
}

/// The only one without `lang`.
pub(super) fn refund(config: &Config, order: &Refund) -> Request {
    let write = || {
        json(&RefundRequest {
            reference: order.reference.as_str(),
            amount: sent(order.amount)?,
            vcc_number: order.card.as_ref().map(CardNumber::expose),
            capture_id: order.capture.as_ref().map(|id| Number(id.as_str())),
            sku_data: SkuPart::back(&order.sku_data)?,
            counter: counter_part(order.counter.as_ref())?,
        })
    };
    let path = ["accounts", order.account.expose(), "refund"];
    Request::post(&config.versions.refund, &path, None, write()).keyed(&order.reference)
}

pub(super) fn authorization_detail(config: &Config, id: &AuthorizationId, lang: Lang) -> Request {
    let path = ["authorization", id.as_str()];
    Request::get(&config.versions.authorization_detail, &path, lang)
}

pub(super) fn authorizations(
    config: &Config,
    filter: &AuthorizationFilter,
    page: u32,
    lang: Lang,
) -> Request {
    let mut request = Request::get(&config.versions.authorizations, &["authorizations"], lang);
    common(&mut request, &filter.common, page);
    if let Some(status) = &filter.status {
        request.query.push(("authorization_status", status.clone()));
    }
    request
}

pub(super) fn captures(config: &Config, filter: &CaptureFilter, page: u32, lang: Lang) -> Request {
    let mut request = Request::get(&config.versions.captures, &["captures"], lang);
    common(&mut request, &filter.common, page);
    let optional = [
        ("capture_status", filter.status.clone()),
        (
            "capture_id",
            filter.capture.as_ref().map(ToString::to_string),
        ),
        (
            "authorization_corporation_id",
            filter.corporation_id.map(|id| id.to_string()),
        ),
        (
            "authorization_merchant_id",
            filter.merchant_id.map(|id| id.to_string()),
        ),
        (
            "authorization_location_id",
            filter.location_id.map(|id| id.to_string()),
        ),
        (
            "authorization_employee_username",
            exposed(&filter.authorization_employee),
        ),
        (
            "capture_employee_username",
            exposed(&filter.capture_employee),
        ),
    ];
    let given = optional
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    request.query.extend(given);
    request
}

fn common(request: &mut Request, common: &Common, page: u32) {
    let optional = [
        (
            "account_number",
            common
                .account
                .as_ref()
                .map(|number| number.expose().to_owned()),
        ),
        (
            "transaction_type",
            common.kind.map(|kind| kind.code().to_owned()),
        ),
        ("creation_date_from", Some(common.from.to_string())),
        ("creation_date_to", Some(common.to.to_string())),
        ("page_number", Some(page.to_string())),
        ("page_size", common.page_size.map(|size| size.to_string())),
    ];
    let given = optional
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    request.query.extend(given);
}

fn exposed(name: &Option<SecretString>) -> Option<String> {
    name.as_ref().map(|name| name.expose_secret().to_owned())
}

fn sent(money: Money) -> Result<Sent, Cause> {
    can_be_sent(money)
        .then_some(Sent(money))
        .ok_or(Cause::Request("amount"))
}

/// Whether it is all of it, and how much if not.
fn part(part: Part) -> Result<(bool, Option<Sent>), Cause> {
    match part {
        Part::All => Ok((true, None)),
        Part::Amount(amount) => Ok((false, Some(sent(amount)?))),
    }
}

fn financing(financing: Financing) -> Result<FinancingPart, Cause> {
    match financing {
        Financing::Promotional { plan_id, term } if plan_id > 0 && term > 0 => Ok(FinancingPart {
            transaction_type: PROMOTIONAL,
            plan_id: Some(plan_id),
            term: Some(term),
        }),
        Financing::Promotional { .. } => Err(Cause::Request("financing_option")),
        Financing::Regular => Ok(FinancingPart {
            transaction_type: REGULAR,
            plan_id: None,
            term: None,
        }),
    }
}

fn optional_address<'a>(
    found: &'a Option<Address>,
    field: &'static str,
) -> Result<Option<AddressPart<'a>>, Cause> {
    found
        .as_ref()
        .map(|found| address(found, field))
        .transpose()
}

fn address<'a>(from: &'a Address, field: &'static str) -> Result<AddressPart<'a>, Cause> {
    let needed = [
        &from.first_name,
        &from.last_name,
        &from.address_1,
        &from.city,
    ];
    let is_province =
        from.province.len() == 2 && from.province.bytes().all(|byte| byte.is_ascii_uppercase());
    let fits = needed.into_iter().all(|text| is_text(text, 100))
        && (from.address_2.is_empty() || is_text(&from.address_2, 100))
        && is_text(&from.postal_code, 10)
        && is_province;
    if !fits {
        return Err(Cause::Request(field));
    }
    Ok(AddressPart {
        first_name: &from.first_name,
        last_name: &from.last_name,
        address_1: &from.address_1,
        address_2: &from.address_2,
        city: &from.city,
        province: &from.province,
        postal_code: &from.postal_code,
        // In the document's sample, not in its table.
        country: "CA",
    })
}

fn request_id(text: &str) -> Result<&str, Cause> {
    is_text(text, 64)
        .then_some(text)
        .ok_or(Cause::Request("request_id"))
}

fn counter_part(counter: Option<&Counter>) -> Result<CounterPart<'_>, Cause> {
    let Some(counter) = counter else {
        return Ok(CounterPart::default());
    };
    let employee = counter.employee_id.expose_secret();
    if !is_text(&counter.location_id, 50) {
        return Err(Cause::Request("external_location_id"));
    }
    if !is_text(employee, 50) {
        return Err(Cause::Request("external_employee_id"));
    }
    Ok(CounterPart {
        external_location_id: Some(&counter.location_id),
        external_employee_id: Some(employee),
    })
}

fn json(request: &impl Serialize) -> Result<Body, Cause> {
    Body::json(request, BODY_SIZE_HINT).map_err(|_| Cause::Request("body"))
}

pub(super) const PROMOTIONAL: &str = "promotional_purchase";
pub(super) const REGULAR: &str = "regular_purchase";

/// Larger than any request without a long list of products.
const BODY_SIZE_HINT: usize = 4096;
