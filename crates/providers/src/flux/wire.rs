//! Flux's JSON. Requests are exact, answers are read as leniently as money allows: each field is kept as its
//! raw text until somebody asks for it. Fields that are not listed are dropped; an error's `message` is one
//! of them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ventanilla_core::money::{Currency, Money};

pub(super) type Raw = Box<RawValue>;

/// `POST auth/tokens/refreshToken`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenRequest<'a> {
    pub refresh_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<&'a str>,
}

/// `POST payments`.
#[derive(Serialize)]
pub(super) struct PaymentRequest<'a> {
    pub qr: &'a str,
    pub amount: u64,
    pub store: &'a str,
    pub tip: u64,
    pub reference: &'a str,
    pub terminal: &'a str,
    pub operator: &'a str,
    pub table: &'a str,
}

/// `POST payments/{reference}/refund`.
#[derive(Serialize)]
pub(super) struct RefundRequest<'a> {
    pub amount: u64,
    pub message: &'a str,
    pub store: &'a str,
    pub terminal: &'a str,
    pub operator: &'a str,
    pub table: &'a str,
}

/// What an answer has one of.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub data: Option<Raw>,
    pub error: Option<Raw>,
}

/// An error, or the error around it.
#[derive(Deserialize)]
struct ErrorBody {
    error: Option<Raw>,
    code: Option<Raw>,
}

/// `data` of the answer to a token request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenData {
    pub access_token: Option<Raw>,
    pub expires_in: Option<Raw>,
}

/// `data` of every other answer.
#[derive(Deserialize)]
pub(super) struct TransactionData {
    pub date: Option<Raw>,
    pub issuer: Option<Raw>,
    pub authorization: Option<Raw>,
    pub reference: Option<Raw>,
    #[serde(rename = "type")]
    pub kind: Option<Raw>,
    pub status: Option<Raw>,
    pub amount: Option<Raw>,
    pub tip: Option<Raw>,
    pub total: Option<Raw>,
    pub affiliation: Option<Raw>,
}

/// Reads a JSON object. An array would do for a struct otherwise: its fields in order.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    text.trim_start()
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

/// The object in a field.
pub(super) fn field<T: for<'a> Deserialize<'a>>(raw: &Option<Raw>) -> Option<T> {
    object(raw.as_deref()?.get())
}

/// The code of an error, which lies one level deep or two. `None` when there is none, or two that differ.
pub(super) fn error_code(raw: &Option<Raw>) -> Option<String> {
    let outer: ErrorBody = field(raw)?;
    let inner: Option<ErrorBody> = field(&outer.error);
    let outer = string(&outer.code);
    let inner = inner.and_then(|inner| string(&inner.code));
    match (outer, inner) {
        (Some(outer), Some(inner)) => (outer == inner).then_some(inner),
        (outer, inner) => outer.or(inner),
    }
    .filter(|code| !code.is_empty())
}

/// A JSON string.
pub(super) fn string(raw: &Option<Raw>) -> Option<String> {
    let raw = raw.as_deref()?.get();
    raw.starts_with('"')
        .then(|| serde_json::from_str(raw).ok())
        .flatten()
}

/// A JSON string or number worth keeping: 1 to 64 characters, no control character.
pub(super) fn short_text(raw: &Option<Raw>) -> Option<String> {
    let text = string(raw).or_else(|| number(raw).map(str::to_owned))?;
    is_text(&text, 1, 64).then_some(text)
}

/// A number without sign, fraction and exponent, or the same as text.
pub(super) fn whole_number(raw: &Option<Raw>) -> Option<u64> {
    let text = string(raw).or_else(|| number(raw).map(str::to_owned))?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// An amount: whole centavos.
pub(super) fn amount(raw: &Option<Raw>) -> Option<Money> {
    Money::from_minor(whole_number(raw)?, Currency::MXN).ok()
}

fn number(raw: &Option<Raw>) -> Option<&str> {
    let raw = raw.as_deref()?.get();
    raw.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        .then_some(raw)
}

/// Whether a text has from `min` to `max` characters and no control character.
pub(super) fn is_text(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
