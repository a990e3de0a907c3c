//! The provider's JSON. Requests are exact, answers are read as leniently as money allows. Fields that are
//! not listed are dropped: the buyer's name, credit and rates (`customer`), the card (`VCC`), employees
//! (`username`) and addresses are among them.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::amount::{Sent, SentText};
use super::sku::SkuPart;
pub(super) use crate::raw::{Raw, is_text, list, object, string, text, whole_number};

/// Digits that are sent as a number.
#[derive(Clone, Copy)]
pub(super) struct Number<'a>(pub &'a str);

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_owned())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// Digits that are sent as a number unless that would lose a zero.
#[derive(Clone, Copy)]
pub(super) struct Digits<'a>(pub &'a str);

impl Serialize for Digits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() > 1 && self.0.starts_with('0') {
            return serializer.serialize_str(self.0);
        }
        Number(self.0).serialize(serializer)
    }
}

/// `POST …/widget/init`.
#[derive(Serialize)]
pub(super) struct WidgetRequest<'a> {
    pub customer_identification: IdentificationPart<'a>,
    pub lang: &'static str,
    pub flow: &'static str,
}

/// One of the three ways to name a buyer.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IdentificationPart<'a> {
    AccountNumber(Number<'a>),
    VccNumber(&'a str),
    PersonalInformation(PersonPart<'a>),
}

#[derive(Serialize)]
pub(super) struct PersonPart<'a> {
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub dob: &'a str,
    pub postal_code: &'a str,
}

/// `POST …/accounts/{account_number}/calculate-interest`.
#[derive(Serialize)]
pub(super) struct InterestRequest {
    pub amount: Sent,
}

/// `POST …/transactions`.
#[derive(Serialize)]
pub(super) struct DepositRequest<'a> {
    pub verification_code: Digits<'a>,
    pub transaction_type: &'static str,
    pub amount: DepositAmount,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_number: Option<DepositAccount<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcc_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    #[serde(flatten)]
    pub counter: CounterPart<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum DepositAmount {
    Number(Sent),
    Text(SentText),
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum DepositAccount<'a> {
    Number(Number<'a>),
    Text(&'a str),
}

/// Where something is done in a shop; nothing online.
#[derive(Default, Serialize)]
pub(super) struct CounterPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_location_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_employee_id: Option<&'a str>,
}

/// `POST …/authorization`.
#[derive(Serialize)]
pub(super) struct AuthorizationRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcc_number: Option<&'a str>,
    pub account_number: Number<'a>,
    pub reference: &'a str,
    pub financing_option: FinancingPart,
    pub amount: Sent,
    pub auto_capture: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<Digits<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    #[serde(flatten)]
    pub counter: CounterPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku_data: Option<SkuPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_information: Option<AddressPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_information: Option<AddressPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widget_session_id: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct FinancingPart {
    pub transaction_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct AddressPart<'a> {
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub address_1: &'a str,
    pub address_2: &'a str,
    pub city: &'a str,
    pub province: &'a str,
    pub postal_code: &'a str,
    pub country: &'static str,
}

/// `POST …/authorization/{authorization_id}/release`.
#[derive(Serialize)]
pub(super) struct ReleaseRequest<'a> {
    pub reference: &'a str,
    pub full_release: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Sent>,
    #[serde(flatten)]
    pub counter: CounterPart<'a>,
}

/// `POST …/authorization/{authorization_id}/capture`.
#[derive(Serialize)]
pub(super) struct CaptureRequest<'a> {
    pub reference: &'a str,
    pub amount: Sent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku_data: Option<SkuPart<'a>>,
    #[serde(flatten)]
    pub counter: CounterPart<'a>,
}

/// `POST …/authorization/{authorization_id}/capture/{capture_id}/return`.
#[derive(Serialize)]
pub(super) struct ReturnRequest<'a> {
    pub reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcc_number: Option<&'a str>,
    pub full_return: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Sent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku_data: Option<SkuPart<'a>>,
    #[serde(flatten)]
    pub counter: CounterPart<'a>,
}

/// `POST …/accounts/{account_number}/refund`.
#[derive(Serialize)]
pub(super) struct RefundRequest<'a> {
    pub reference: &'a str,
    pub amount: Sent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcc_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture_id: Option<Number<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku_data: Option<SkuPart<'a>>,
    #[serde(flatten)]
    pub counter: CounterPart<'a>,
}

/// What an error has, in both of its shapes; its texts and the values it quotes are dropped.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub error: Option<Raw>,
}

/// A new access token.
#[derive(Deserialize)]
pub(super) struct TokenFields {
    pub access_token: Option<Raw>,
    pub expires_in: Option<Raw>,
}

/// The answer to `widget/init`.
#[derive(Deserialize)]
pub(super) struct WidgetFields {
    pub redirection_url: Option<Raw>,
}

/// The answer to `calculate-interest`.
#[derive(Deserialize)]
pub(super) struct InterestFields {
    pub account_number: Option<Raw>,
    pub amount: Option<Raw>,
    pub regular_purchase: Option<Raw>,
    pub promotional_purchase: Option<Raw>,
}

#[derive(Deserialize)]
pub(super) struct RegularFields {
    pub term_amount: Option<Raw>,
    pub air: Option<Raw>,
    pub verify: Option<Raw>,
    pub fees: Option<Raw>,
}

#[derive(Deserialize)]
pub(super) struct PlanFields {
    pub plan_id: Option<Raw>,
    pub plan_name: Option<Raw>,
    pub terms: Option<Raw>,
}

#[derive(Deserialize)]
pub(super) struct TermFields {
    pub term: Option<Raw>,
    pub term_amount: Option<Raw>,
    pub fees: Option<Raw>,
    pub annual_rates: Option<Raw>,
}

#[derive(Deserialize)]
pub(super) struct FeeFields {
    #[serde(rename = "type")]
    pub kind: Option<Raw>,
    pub description: Option<Raw>,
    pub amount: Option<Raw>,
    pub message: Option<Raw>,
}

#[derive(Deserialize)]
pub(super) struct RateFields {
    pub description: Option<Raw>,
    pub rate: Option<Raw>,
    #[serde(rename = "type")]
    pub kind: Option<Raw>,
    pub message: Option<Raw>,
}

/// An authorization, wherever it stands.
#[derive(Deserialize)]
pub(super) struct AuthorizationFields {
    pub authorization_id: Option<Raw>,
    pub reference: Option<Raw>,
    pub date: Option<Raw>,
    pub expiration_date: Option<Raw>,
    pub ending_date: Option<Raw>,
    pub status: Option<Raw>,
    pub auto_capture: Option<Raw>,
    pub amount: Option<Raw>,
    pub annual_rates: Option<Raw>,
    pub remaining_amount: Option<Raw>,
    pub returned_amount: Option<Raw>,
    pub captured_amount: Option<Raw>,
    pub released_amount: Option<Raw>,
    pub message: Option<Raw>,
    pub financing_option: Option<Raw>,
    pub fees: Option<Raw>,
    pub merchant_information: Option<Raw>,
    /// One object, when it was just made.
    pub capture: Option<Raw>,
    /// A list, when it is read.
    pub captures: Option<Raw>,
    pub returns: Option<Raw>,
    pub releases: Option<Raw>,
    pub account_avs: Option<Raw>,
}

#[derive(Deserialize)]
pub(super) struct FinancingFields {
    pub transaction_type: Option<Raw>,
    pub plan_id: Option<Raw>,
    pub term: Option<Raw>,
}

#[derive(Deserialize)]
pub(super) struct MerchantFields {
    pub corporation_id: Option<Raw>,
    pub merchant_id: Option<Raw>,
    pub location_id: Option<Raw>,
}

/// A capture, a release or a return, wherever it stands, under the names of the document's samples and of its
/// tables. No alias: an answer with both names is no reason to read nothing.
#[derive(Deserialize)]
pub(super) struct PieceFields {
    pub capture_id: Option<Raw>,
    pub release_id: Option<Raw>,
    pub return_id: Option<Raw>,
    pub authorization_id: Option<Raw>,
    pub reference: Option<Raw>,
    pub date: Option<Raw>,
    pub capture_date: Option<Raw>,
    pub return_date: Option<Raw>,
    pub release_date: Option<Raw>,
    pub status: Option<Raw>,
    pub capture_status: Option<Raw>,
    pub amount: Option<Raw>,
    pub term_amount: Option<Raw>,
    pub full_release: Option<Raw>,
    pub full_return: Option<Raw>,
    pub remaining_authorization_amount: Option<Raw>,
    pub remaining_capture_amount: Option<Raw>,
    pub message: Option<Raw>,
    pub authorization: Option<Raw>,
    pub returns: Option<Raw>,
    #[serde(rename = "return")]
    pub returned: Option<Raw>,
}

/// What an element may be wrapped in.
#[derive(Deserialize)]
pub(super) struct Wrapper {
    pub capture: Option<Raw>,
    #[serde(rename = "return")]
    pub returned: Option<Raw>,
}

/// One page of either list.
#[derive(Deserialize)]
pub(super) struct PageFields {
    pub page_number: Option<Raw>,
    pub next_url: Option<Raw>,
    pub next_page_url: Option<Raw>,
    pub authorizations: Option<Raw>,
    pub captures: Option<Raw>,
}

/// Whether a flag is set; `None` when it is missing or no flag.
pub(super) fn flag(raw: &Option<Raw>) -> Option<bool> {
    match raw.as_deref()?.get() {
        "true" | r#""true""# | "1" => Some(true),
        "false" | r#""false""# | "0" => Some(false),
        _ => None,
    }
}
